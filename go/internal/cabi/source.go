// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"context"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
)

// Source is a table on the native side: batches that are checked once and read by any number of queries. Their memory stays
// Go's, retained and pinned until nothing native reads it.
type Source struct {
	engine *Engine
	schema *arrow.Schema
	handle atomic.Uint64
}

// OpenSource opens an empty source. The caller must Release the result.
func (e *Engine) OpenSource(schema *arrow.Schema) (*Source, error) {
	engine, err := e.alive()
	if err != nil {
		return nil, err
	}
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	if err := e.link.openSource(b, engine, schema); err != nil {
		return nil, err
	}
	live.handles.Add(1)
	s := &Source{engine: e, schema: schema}
	s.handle.Store(b.head().handle)
	return s, nil
}

// Handle is the number by which a query's bindings name the source.
func (s *Source) Handle() uint64 { return s.handle.Load() }

// Release gives the source back; queries that read it go on. Releasing twice is harmless.
func (s *Source) Release() { releaseHandle(s.engine.link, s.handle.Swap(0)) }

// Push appends a batch, which is retained as long as the native side reads it.
func (s *Source) Push(ctx context.Context, batch arrow.RecordBatch) error {
	handle := s.handle.Load()
	if handle == 0 {
		return closedFailure("the source")
	}
	return pushBatch(ctx, batch, s.schema, func(b *block) int32 { return s.engine.link.pushSource(ctx, b, handle) })
}

// pushBatch exports a batch for a call that may keep it. schema may be nil: then the native side compares types.
func pushBatch(ctx context.Context, batch arrow.RecordBatch, schema *arrow.Schema, call func(b *block) int32) error {
	b := acquireBlock()
	retained := false
	defer func() { b.finish(retained) }()
	if err := b.exportBatch(batch); err != nil {
		return err
	}
	if schema != nil {
		if err := checkSchema(batch.Schema(), schema); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return contextFailure(ctx)
	}
	head := b.head()
	code := call(b)
	retained = head.result.flags&resultRetained != 0
	if code != 0 {
		return head.takeFor(ctx, code)
	}
	return nil
}

// checkSchema refuses a batch whose columns are not those that were announced: the native side sees buffers, not names.
func checkSchema(got, want *arrow.Schema) error {
	if got == want {
		return nil
	}
	if got.NumFields() != want.NumFields() {
		return failf(codeTypeMismatch, "a batch has %d columns, its input has %d", got.NumFields(), want.NumFields())
	}
	for i := range want.NumFields() {
		given, wanted := got.Field(i), want.Field(i)
		if given.Name != wanted.Name || !arrow.TypeEqual(given.Type, wanted.Type) {
			return failf(codeTypeMismatch, "column %d of a batch is %s %s, its input has %s %s", i, given.Name, given.Type, wanted.Name, wanted.Type)
		}
	}
	return nil
}
