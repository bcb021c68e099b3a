// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
)

// Echo sends a batch to the native side and back: what a crossing costs and whether a batch survives it. With copied, the
// native side copies every buffer into memory of its own; otherwise the result shares the batch's buffers. The caller must
// Release the result.
func (e *Engine) Echo(ctx context.Context, batch arrow.RecordBatch, copied bool) (arrow.RecordBatch, error) {
	return e.EchoWith(ctx, batch, copied, CallOptions{})
}

// EchoWith is Echo with options of the call.
func (e *Engine) EchoWith(ctx context.Context, batch arrow.RecordBatch, copied bool, o CallOptions) (arrow.RecordBatch, error) {
	if _, err := e.alive(); err != nil {
		return nil, err
	}
	b := acquireBlock()
	retained := false
	defer func() { b.finish(retained) }()
	if err := b.exportBatch(batch); err != nil {
		return nil, err
	}
	schema, err := e.schemas.handle(e, batch.Schema())
	if err != nil {
		return nil, err
	}
	stop, err := b.begin(ctx, e, &o)
	if err != nil {
		return nil, err
	}
	head := b.head()
	code := e.link.echo(ctx, b, schema, copied)
	stop()
	retained = head.result.flags&resultRetained != 0
	if code != 0 {
		return nil, head.takeFor(ctx, code)
	}
	if remote := e.options.remote; remote != nil {
		return remote.importBatch(b, batch.Schema(), "an echo", e.resultOptions(&o))
	}
	return head.importBatch(batch.Schema(), "an echo", e.resultOptions(&o))
}
