// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"context"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Prepared is a plan that was checked, bound and optimised. Many queries may run from it at once.
type Prepared struct {
	Description []byte          // an encoded wire.PlanDescription
	Outputs     []*arrow.Schema // one for each output of the plan

	engine *Engine
	handle atomic.Uint64
}

// Prepare prepares an encoded wire.Plan. The caller must Release the result.
func (e *Engine) Prepare(ctx context.Context, plan []byte) (*Prepared, error) {
	engine, err := e.alive()
	if err != nil {
		return nil, err
	}
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	stop, err := b.begin(ctx, e, &CallOptions{})
	if err != nil {
		return nil, err
	}
	defer stop()
	head := b.head()
	code := e.link.prepare(ctx, b, engine, plan)
	if code != 0 {
		return nil, head.takeFor(ctx, code)
	}
	live.handles.Add(1)
	p := &Prepared{engine: e, Description: head.takeBuffer()}
	p.handle.Store(head.handle)
	var decoded wire.Plan
	if err := proto.Unmarshal(plan, &decoded); err != nil {
		p.Release()
		return nil, &Failure{Code: codeInvalidArgument, Message: "the plan cannot be decoded: " + err.Error(), Cause: err}
	}
	outputs := len(decoded.GetOutputs())
	for _, relation := range decoded.GetRelations() {
		if relation.GetRejects() != nil {
			outputs++ // after the plan's own, in the order of the relations
		}
	}
	for output := range outputs {
		schema, err := p.output(uint32(output))
		if err != nil {
			p.Release()
			return nil, err
		}
		p.Outputs = append(p.Outputs, schema)
	}
	return p, nil
}

// output asks for the schema of one output.
func (p *Prepared) output(output uint32) (*arrow.Schema, error) {
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	return p.engine.link.output(b, p.handle.Load(), output)
}

// Release gives the plan back; queries started from it go on. Releasing twice is harmless.
func (p *Prepared) Release() { releaseHandle(p.engine.link, p.handle.Swap(0)) }

// Start starts a query; bindings is an encoded wire.QueryBindings. The query is cancelled when ctx ends. The caller must
// Release the result.
func (p *Prepared) Start(ctx context.Context, bindings []byte, o CallOptions) (*Query, error) {
	handle := p.handle.Load()
	if handle == 0 {
		return nil, closedFailure("the prepared plan")
	}
	e := p.engine
	if _, err := e.alive(); err != nil {
		return nil, err
	}
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	stop, err := b.begin(ctx, e, &o)
	if err != nil {
		return nil, err
	}
	defer stop()
	q := newQuery(e, p.Outputs, e.resultOptions(&o))
	e.startBegins()
	head := b.head()
	code := e.link.start(ctx, b, handle, bindings)
	if code != 0 {
		e.startEnds(nil)
		return nil, head.takeFor(ctx, code)
	}
	live.handles.Add(1)
	q.handle.Store(head.handle)
	q.number = head.handle
	e.startEnds(q)
	q.unwatch = context.AfterFunc(ctx, q.Cancel)
	return q, nil
}
