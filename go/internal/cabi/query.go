// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
)

const sizeOfError = unsafe.Sizeof(cError{})

// Query is a running query. One goroutine at a time calls Next for an output and Push for an input; Cancel, Release and
// Statistics may be called from anywhere.
type Query struct {
	engine  *Engine
	number  uint64        // the handle, also after Release
	handle  atomic.Uint64 // 0 after Release
	schemas []*arrow.Schema
	options *Options
	unwatch func() bool

	outputs []chan struct{} // a token when an output has something
	over    chan struct{}   // closed by Release and Cancel
	once    sync.Once

	mutex  sync.Mutex
	inputs map[int]*credits
}

// credits is how many batches an input takes at the moment.
type credits struct {
	count uint64
	more  chan struct{} // a token when count rose
}

func newQuery(e *Engine, schemas []*arrow.Schema, options *Options) *Query {
	q := &Query{engine: e, schemas: schemas, options: options, over: make(chan struct{}), inputs: map[int]*credits{}}
	q.outputs = make([]chan struct{}, len(schemas))
	for i := range q.outputs {
		q.outputs[i] = make(chan struct{}, 1)
	}
	return q
}

// wake leaves a token without waiting: one is enough, because the woken side looks for itself.
func wake(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}

func (q *Query) handleEvent(event cEvent) {
	switch {
	case event.kind == eventOutput && int(event.port) < len(q.outputs):
		wake(q.outputs[event.port])
	case event.kind == eventInput:
		input := q.input(int(event.port))
		q.mutex.Lock()
		input.count += event.value
		q.mutex.Unlock()
		wake(input.more)
	}
}

// lost wakes everybody who waits for the query: asking it, they learn that its worker is gone.
func (q *Query) lost() {
	q.mutex.Lock()
	for _, input := range q.inputs {
		input.count++
		wake(input.more)
	}
	q.mutex.Unlock()
	for _, output := range q.outputs {
		wake(output)
	}
}

func (q *Query) input(number int) *credits {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	input := q.inputs[number]
	if input == nil {
		input = &credits{more: make(chan struct{}, 1)}
		q.inputs[number] = input
	}
	return input
}

// takeCredit takes one credit if there is one.
func (q *Query) takeCredit(input *credits) bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if input.count == 0 {
		return false
	}
	input.count--
	return true
}

// Ready waits until an input takes a batch: a reader that pulls only then holds no batch that nobody wants yet. It returns
// io.EOF when the query is over.
func (q *Query) Ready(ctx context.Context, input int) error {
	if err := checkPort("input", input); err != nil {
		return err
	}
	wanted := q.input(input)
	for {
		q.mutex.Lock()
		count := wanted.count
		q.mutex.Unlock()
		if count > 0 {
			return nil
		}
		select {
		case <-wanted.more:
		case <-ctx.Done():
			return contextFailure(ctx)
		case <-q.over:
			return io.EOF
		case <-q.engine.done:
			return closedFailure("the engine")
		}
	}
}

// Push waits until the input takes a batch and gives it one, which is retained as long as the native side reads it. It
// returns io.EOF when the query is over and wants no more.
func (q *Query) Push(ctx context.Context, input int, batch arrow.RecordBatch) error {
	for {
		if err := q.Ready(ctx, input); err != nil {
			return err
		}
		if q.takeCredit(q.input(input)) {
			break
		}
	}
	handle := q.handle.Load()
	if handle == 0 {
		return io.EOF
	}
	return pushBatch(ctx, batch, nil, func(b *block) int32 { return q.engine.link.push(ctx, b, handle, uint32(input)) })
}

// Finish ends an input; with a reason, the query fails with it.
func (q *Query) Finish(input int, why error) error {
	if err := checkPort("input", input); err != nil {
		return err
	}
	handle := q.handle.Load()
	if handle == 0 {
		return closedFailure("the query")
	}
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	code, message := reasonOf(why)
	if result := q.engine.link.finish(b, handle, uint32(input), code, message); result != 0 {
		return failf(result, "input %d cannot be finished", input)
	}
	return nil
}

// reasonOf puts an error of a reader into the library's terms.
func reasonOf(why error) (code int32, message []byte) {
	var failure *Failure
	switch {
	case why == nil:
		return 0, nil
	case errors.As(why, &failure) && failure.Code != 0:
		return failure.Code, []byte(failure.Message)
	case errors.Is(why, context.DeadlineExceeded):
		code = codeDeadlineExceeded
	case errors.Is(why, context.Canceled):
		code = codeCancelled
	default:
		code = codeUserFunction
	}
	return code, []byte(why.Error())
}

// PullStream moves one batch of a foreign ArrowArrayStream, named by its address, into an input that is [Query.Ready]. The
// stream's own code runs on the calling goroutine's thread; at the stream's end the native side finishes the input and
// releases the stream, which it shows by setting the stream's release callback to null.
func (q *Query) PullStream(ctx context.Context, input int, stream uintptr) error {
	for {
		if err := q.Ready(ctx, input); err != nil {
			return err
		}
		if q.takeCredit(q.input(input)) {
			break
		}
	}
	handle := q.handle.Load()
	if handle == 0 {
		return io.EOF
	}
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	head := b.head()
	if code := q.engine.link.pullStream(b, handle, uint32(input), stream); code != 0 {
		return head.takeFor(ctx, code)
	}
	return nil
}

// Next waits for the next batch of an output; io.EOF says that there is none. The caller must Release the result.
func (q *Query) Next(ctx context.Context, output int) (arrow.RecordBatch, error) {
	if output < 0 || output >= len(q.outputs) {
		return nil, failf(codeInvalidArgument, "there is no output %d", output)
	}
	for {
		if ctx.Err() != nil {
			q.Cancel()
			return nil, contextFailure(ctx)
		}
		batch, pending, err := q.poll(ctx, output)
		if !pending {
			return batch, err
		}
		select {
		case <-q.outputs[output]:
		case <-ctx.Done():
		case <-q.over: // cancelled or released: the next poll says so
			if q.handle.Load() == 0 {
				return nil, closedFailure("the query")
			}
			select {
			case <-q.outputs[output]:
			case <-q.engine.done:
			case <-ctx.Done():
			}
		case <-q.engine.done:
			return nil, closedFailure("the engine")
		}
	}
}

// poll asks once. pending says that an event will come when there is something.
func (q *Query) poll(ctx context.Context, output int) (batch arrow.RecordBatch, pending bool, err error) {
	handle := q.handle.Load()
	if handle == 0 {
		return nil, false, closedFailure("the query")
	}
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	head := b.head()
	code := q.engine.link.next(ctx, b, handle, uint32(output))
	switch {
	case code != 0:
		return nil, false, head.takeFor(ctx, code)
	case head.result.state == statePending:
		return nil, true, nil
	case head.result.state == stateEnd:
		return nil, false, io.EOF
	case head.result.state != stateBatch:
		return nil, false, failf(codeInternal, "the native library answered with state %d", head.result.state)
	}
	if remote := q.engine.options.remote; remote != nil {
		batch, err = remote.importBatch(b, q.schemas[output], "a query's output", q.options)
	} else {
		batch, err = head.importBatch(q.schemas[output], "a query's output", q.options)
	}
	return batch, false, err
}

// Cancel asks the query to stop; what waits for it returns soon. Cancelling twice is harmless.
func (q *Query) Cancel() {
	if handle := q.handle.Load(); handle != 0 {
		q.engine.link.cancel(handle)
	}
	q.end()
}

func (q *Query) end() { q.once.Do(func() { close(q.over) }) }

// Statistics returns an encoded wire.QueryStatistics.
func (q *Query) Statistics() ([]byte, error) {
	handle := q.handle.Load()
	if handle == 0 {
		return nil, closedFailure("the query")
	}
	return statistics(q.engine.link, handle)
}

// Release cancels the query if it still runs and gives it back. Releasing twice is harmless.
func (q *Query) Release() {
	handle := q.handle.Swap(0)
	if handle == 0 {
		return
	}
	if q.unwatch != nil {
		q.unwatch()
	}
	q.end()
	q.engine.forget(q)
	releaseHandle(q.engine.link, handle)
}
