// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
)

// feed carries the batches of one source to one input of a run. Readers are pulled on a goroutine of their own, a batch for each
// that the query asks for; batches and tables are handed over as a whole, to be read in place.
type feed struct {
	result  *Result
	number  int
	name    string
	input   *input
	source  Source
	request ScanRequest
	batch   int64 // number of the batch that is being read
	columns conformer
}

// load hands over a source that is in memory, or that is scanned more than once; nil for one that is to be pulled.
func (f *feed) load(scans int) (*cabi.Source, error) {
	inMemory := f.source.batches != nil || f.source.table != nil
	if !inMemory && scans <= 1 {
		return nil, nil
	}
	if f.source.once != nil {
		return nil, f.located(errorf(CodeInvalidArgument, "the plan scans the input %d times, but its reader can be read once: use FromReader", scans))
	}
	native, err := f.result.prepared.engine.native.OpenSource(f.columns.narrow)
	if err != nil {
		return nil, f.located(translate(err))
	}
	push := func(batch arrow.RecordBatch) error { return native.Push(f.result.ctx, batch) }
	switch {
	case f.source.batches != nil:
		for _, batch := range f.source.batches {
			if err = f.push(batch, push); err != nil {
				break
			}
		}
	case f.source.table != nil:
		err = f.pushTable(push)
	default:
		err = f.pump(nil, push)
	}
	if err != nil {
		native.Release()
		return nil, f.located(translate(err))
	}
	return native, nil
}

func (f *feed) pushTable(push func(arrow.RecordBatch) error) error {
	table := f.source.table
	if int(table.NumCols()) != table.Schema().NumFields() {
		return errorf(CodeInvalidState, "the table was released")
	}
	reader := array.NewTableReader(table, 0)
	defer reader.Release()
	for reader.Next() {
		if err := f.push(reader.RecordBatch(), push); err != nil {
			return err
		}
	}
	return reader.Err()
}

// claim takes a reader that can be read once; unclaim gives it back when the run did not start.
func (f *feed) claim() error {
	if once := f.source.once; once != nil && !once.used.CompareAndSwap(false, true) {
		return f.located(errorf(CodeInvalidState, "the reader was read by an earlier run: use FromReader to read it again"))
	}
	return nil
}

func (f *feed) unclaim() {
	if once := f.source.once; once != nil {
		once.used.Store(false)
	}
}

// run pulls the reader until its end or the query's, on a goroutine of its own.
func (f *feed) run() {
	defer f.result.feeds.Done()
	ctx, query := f.result.ctx, f.result.query
	ready := func() error { return query.Ready(ctx, f.number) }
	err := f.pump(ready, func(batch arrow.RecordBatch) error { return query.Push(ctx, f.number, batch) })
	switch {
	case err == nil:
		_ = query.Finish(f.number, nil) // fails only when the query is over
	case errors.Is(err, io.EOF) || ctx.Err() != nil: // the query is over: nobody asks why
	default:
		reason := asError(f.located(translate(err)))
		f.result.mutex.Lock()
		if f.result.reason == nil {
			f.result.reason = reason
		}
		f.result.mutex.Unlock()
		_ = query.Finish(f.number, &cabi.Failure{Code: int32(reason.Code), Message: reason.Message})
	}
}

// located names the input in an error, and the batch if one is at fault.
func (f *feed) located(err error) error {
	if own, ok := err.(*Error); ok && own.Input == "" {
		copied := *own
		copied.Input = f.name
		if copied.Batch < 0 && f.batch > 0 {
			copied.Batch = f.batch - 1
		}
		return &copied
	}
	return err
}

// pump opens the reader and pushes its batches. The user's code runs in here: its panics become errors.
func (f *feed) pump(ready func() error, push func(arrow.RecordBatch) error) (err error) {
	var reader array.RecordReader
	defer func() {
		if reason := recover(); reason != nil {
			err = f.panicked(reason)
		}
	}()
	if once := f.source.once; once != nil {
		reader = once.reader
		defer func() { releaseReader(reader) }()
		if upstream, ok := reader.(*Result); ok { // a query under this one ends with it, even while it waits
			stop := context.AfterFunc(f.result.ctx, func() { upstream.cancel(errReleased) })
			defer stop()
		}
	}
	if ready != nil {
		if err := ready(); err != nil {
			return err
		}
	}
	if f.source.factory != nil {
		if reader, err = f.source.factory(f.result.ctx, f.request); err != nil {
			return f.failed(err)
		}
		if reader == nil {
			return errorf(CodeUserFunction, "the factory gave neither a reader nor an error")
		}
		defer func() { releaseReader(reader) }()
	}
	for {
		if ready != nil {
			if err := ready(); err != nil {
				return err
			}
		}
		if !reader.Next() {
			break
		}
		if err := f.push(reader.RecordBatch(), push); err != nil {
			return err
		}
	}
	if err := reader.Err(); err != nil && !errors.Is(err, io.EOF) {
		return f.failed(err)
	}
	return nil
}

// failed wraps an error of the user's reader.
func (f *feed) failed(err error) error {
	if ended := contextError(f.result.ctx); ended != nil {
		return ended
	}
	out := errorf(CodeUserFunction, "the reader failed: %v", err)
	out.Cause, out.Batch = err, f.batch
	return out
}

func (f *feed) panicked(reason any) error {
	out := errorf(CodeUserFunction, "the reader panicked: %v", reason)
	out.Batch = f.batch
	if cause, ok := reason.(error); ok {
		out.Cause = fmt.Errorf("panic: %w", cause)
	}
	return out
}

// releaseReader gives a reader back; one that panics then has already said so, or is of no use any more.
func releaseReader(reader array.RecordReader) {
	defer func() { _ = recover() }()
	reader.Release()
}

// push checks a batch and hands it on.
func (f *feed) push(batch arrow.RecordBatch, push func(arrow.RecordBatch) error) error {
	f.batch++
	conformed, err := f.columns.conform(batch)
	if err != nil {
		return f.located(err)
	}
	defer conformed.Release()
	if err := contextError(f.result.ctx); err != nil {
		return err
	}
	err = push(conformed)
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
		return err
	}
	return f.located(translate(err))
}
