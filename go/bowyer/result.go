// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Result is the result of a run, batch by batch. It is an array.RecordReader: a batch is borrowed, and valid until the next call of
// Next. One goroutine calls Next; Release may come from any, ends the run if it still goes on, and is harmless when repeated.
type Result struct {
	prepared *Prepared
	ctx      context.Context // ends with the run
	cancel   context.CancelCauseFunc
	query    *cabi.Query
	sources  []*cabi.Source
	feeds    sync.WaitGroup
	refs     atomic.Int64

	next  sync.Mutex // held by Next and by the end of the run
	batch arrow.RecordBatch
	over  bool
	stats Stats                 // once over
	side  [][]arrow.RecordBatch // of the other outputs, once over

	mutex  sync.Mutex // of what follows
	err    error
	reason *Error // of a feed
}

var _ array.RecordReader = (*Result)(nil)

var errReleased = errorf(CodeInvalidState, "the result was released")

func newResult(ctx context.Context, p *Prepared) *Result {
	r := &Result{prepared: p}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	r.refs.Store(1)
	return r
}

// start binds the inputs, starts the query, and starts a feed for each input that a reader provides.
func (r *Result) start(settings *run) error {
	var bindings []*wire.InputBinding
	var feeds []*feed
	for i, in := range r.prepared.inputs {
		name := r.prepared.names[i]
		f := &feed{result: r, number: i, name: name, input: in, source: settings.sources[name]}
		var scans int
		f.request, scans = r.prepared.request(name, in.schema)
		f.columns = newConformer(in.schema, f.request.Columns)
		binding := &wire.InputBinding{Input: name, To: &wire.InputBinding_Pushed{Pushed: true}}
		loaded, err := f.load(scans)
		if err != nil {
			return err
		}
		if loaded != nil {
			r.sources = append(r.sources, loaded)
			binding.To = &wire.InputBinding_Source{Source: loaded.Handle()}
		} else {
			feeds = append(feeds, f)
		}
		bindings = append(bindings, binding)
	}
	content, err := settings.bindings(bindings)
	if err != nil {
		return err
	}
	for i, f := range feeds {
		if err := f.claim(); err != nil {
			for _, claimed := range feeds[:i] {
				claimed.unclaim()
			}
			return err
		}
	}
	r.query, err = r.prepared.native.Start(r.ctx, content, settings.callOptions())
	if err != nil {
		for _, claimed := range feeds {
			claimed.unclaim()
		}
		return translate(err)
	}
	for _, f := range feeds {
		r.feeds.Add(1)
		go f.run()
	}
	return nil
}

// Schema returns the schema of the result.
func (r *Result) Schema() *arrow.Schema { return r.prepared.Schema() }

// Next moves to the next batch, and reports whether there is one. It waits for the engine, never inside native code.
func (r *Result) Next() bool {
	r.next.Lock()
	defer r.next.Unlock()
	r.drop()
	if r.over {
		return false
	}
	batch, err := r.query.Next(r.ctx, 0)
	switch {
	case err == nil:
		r.batch = batch
		return true
	case errors.Is(err, io.EOF):
		err := r.readSide()
		if err != nil {
			err = r.explain(err)
		}
		r.finish(err)
	default:
		r.finish(r.explain(err))
	}
	return false
}

// explain says why the query failed: by its feed's own error, if that is what ended it.
func (r *Result) explain(err error) error {
	if r.refs.Load() <= 0 {
		return errReleased
	}
	out := translate(err)
	own, ok := out.(*Error)
	r.mutex.Lock()
	reason := r.reason
	r.mutex.Unlock()
	if ok && reason != nil && own.Code == reason.Code {
		reason.QueryID, reason.Path = own.QueryID, own.Path
		return reason
	}
	return out
}

func (r *Result) drop() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
}

// feedPatience is how long the end of a run waits for readers to notice: enough for one that heeds its context, and not felt
// where one sits in a call that it cannot leave; that one is released when its call returns.
const feedPatience = 100 * time.Millisecond

// finish ends the run once: the caller holds next.
func (r *Result) finish(err error) {
	if r.over {
		return
	}
	r.over = true
	r.mutex.Lock()
	r.err = err
	r.mutex.Unlock()
	if r.query != nil {
		r.stats = queryStats(r.query)
	}
	r.cancel(errReleased)
	done := make(chan struct{})
	go func() {
		r.feeds.Wait()
		close(done)
	}()
	patience := time.NewTimer(feedPatience)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	}
	if r.query != nil {
		r.query.Release()
	}
	for _, source := range r.sources {
		source.Release()
	}
	r.prepared.engine.end()
}

// RecordBatch returns the current batch. It is borrowed: Retain it to keep it beyond the next call of Next.
func (r *Result) RecordBatch() arrow.RecordBatch { return r.batch }

// Record returns the current batch.
//
// Deprecated: Use RecordBatch instead; array.RecordReader asks for both.
func (r *Result) Record() arrow.RecordBatch { return r.batch }

// Err returns what ended the result early; nil while it goes on, and at its proper end.
func (r *Result) Err() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.err
}

// Retain adds a reference.
func (r *Result) Retain() { r.refs.Add(1) }

// Release drops a reference. The last one ends the run, if it still goes on, and gives everything back but batches that were
// retained. Further releases do nothing.
func (r *Result) Release() {
	if r.refs.Add(-1) != 0 {
		return
	}
	r.cancel(errReleased)
	r.next.Lock()
	defer r.next.Unlock()
	r.drop()
	r.finish(errReleased)
	r.dropSide()
}

// All yields the batches, and an error last if there is one. Each batch is borrowed until the next. The result is released when the
// loop ends.
func (r *Result) All() iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		defer r.Release()
		for r.Next() {
			if !yield(r.RecordBatch(), nil) {
				return
			}
		}
		if err := r.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// Stats says what the run did so far.
func (r *Result) Stats() Stats {
	r.next.Lock()
	defer r.next.Unlock()
	if r.over || r.query == nil {
		return r.stats
	}
	return queryStats(r.query)
}
