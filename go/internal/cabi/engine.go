// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Options are the settings of an engine on the Go side.
type Options struct {
	CopyBelow     int64                        // results of at most so many native bytes are copied into Go memory; 0: 1 MiB; negative: none
	Allocator     memory.Allocator             // of those copies; nil: memory.DefaultAllocator
	OnLog         func(message string)         // warnings, such as a result that was never released; called from any goroutine
	OnRecords     func(*wire.LogRecords)       // what the native side tells, when its configuration has room for records; called from one goroutine
	Traceparent   func(context.Context) string // the W3C trace context of a call's context; nil: none
	FreeForgotten bool                         // free native results that the collector found unreleased; strings taken from them then dangle
	Worker        *WorkerOptions               // run the engine in a process of its own; nil: in this one

	remote *remote // of Worker, once open
}

// defaultCopyBelow is CopyBelow when it is not set.
const defaultCopyBelow = 1 << 20

// CallOptions are the settings of one call or query.
type CallOptions struct {
	MemoryLimit uint64           // bytes; 0: the engine's
	Traceparent string           // W3C trace context of the caller; empty: what [Options] finds in the context
	Trusted     bool             // skip the checks of buffer contents: the caller vouches for offsets, indices and views
	Full        bool             // check everything, for data from outside the process
	CopyBelow   int64            // as in [Options]; 0: the engine's
	Allocator   memory.Allocator // as in [Options]; nil: the engine's
}

// Engine is an engine of the native library. Its methods may be called from many goroutines.
type Engine struct {
	handle  atomic.Uint64
	link    link
	options Options
	done    chan struct{} // closed when the event goroutine has ended
	closing chan struct{} // closed when Close begins
	records chan struct{} // a token when the native side has recorded something; closed with done
	logged  chan struct{} // closed when all records were handed on

	closeOnce sync.Once
	closeErr  error

	mutex   sync.Mutex
	queries map[uint64]*Query
	early   map[uint64][]cEvent // events of queries whose start has not returned
	starts  int

	schemas schemaCache
}

// Major version of the C ABI that this package is written for.
const abiMajor = 0

// Open opens an engine; config is an encoded wire.EngineConfig. The caller must Close the result.
func Open(config []byte, options Options) (*Engine, error) {
	var way link = inProcess{}
	if options.Worker != nil {
		options.remote = newRemote(*options.Worker)
		way = options.remote
	} else if !Enabled {
		return nil, ErrNoCgo
	} else if version := nativeVersion(); version/1000 != abiMajor {
		return nil, failf(18, "the native library has ABI version %d, this package needs %d.x", version, abiMajor)
	}
	switch {
	case options.CopyBelow == 0:
		options.CopyBelow = defaultCopyBelow
	case options.CopyBelow < 0:
		options.CopyBelow = 0
	}
	if options.Allocator == nil {
		options.Allocator = memory.DefaultAllocator
	}
	e := &Engine{link: way, options: options, done: make(chan struct{}), closing: make(chan struct{}), records: make(chan struct{}, 1), logged: make(chan struct{}), queries: map[uint64]*Query{}, early: map[uint64][]cEvent{}}
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	head := b.head()
	if code := way.openEngine(b, config); code != 0 {
		return nil, head.take(code)
	}
	e.handle.Store(head.handle)
	live.handles.Add(1)
	go e.dispatch()
	go e.handOnRecords()
	return e, nil
}

// Close refuses new work, cancels what runs, waits until the engine's threads have ended and lets go of it. Batches already
// handed out stay valid. Closing twice is harmless.
func (e *Engine) Close() error {
	e.closeOnce.Do(func() {
		close(e.closing)
		e.schemas.clear(e)
		b := acquireBlock()
		defer b.finish(false)
		b.reserve(0)
		head := b.head()
		handle := e.handle.Load()
		if code := e.link.closeEngine(b, handle); code != 0 {
			e.closeErr = head.take(code)
		}
		<-e.done
		<-e.logged
		e.handle.Store(0)
		releaseHandle(e.link, handle)
	})
	return e.closeErr
}

// alive returns the engine's handle.
func (e *Engine) alive() (uint64, error) {
	select {
	case <-e.closing:
		return 0, closedFailure("the engine")
	default:
		return e.handle.Load(), nil
	}
}

// Statistics returns an encoded wire.EngineStatistics.
func (e *Engine) Statistics() ([]byte, error) {
	handle, err := e.alive()
	if err != nil {
		return nil, err
	}
	return statistics(e.link, handle)
}

func statistics(way link, handle uint64) ([]byte, error) {
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	head := b.head()
	if code := way.statistics(b, handle); code != 0 {
		return nil, head.take(code)
	}
	return head.takeBuffer(), nil
}

// takeBuffer copies and releases the bytes that a call returned.
func (c *crossing) takeBuffer() []byte {
	content := append([]byte(nil), sliceAt[byte](c.buffer.data, int(c.buffer.byteLen))...)
	if c.buffer.release != 0 {
		nativeBufferRelease(address(&c.buffer))
	}
	return content
}

// pin pins bytes until the block is finished and returns their address; 0 when there are none.
func (b *block) pin(content []byte) uintptr {
	if len(content) == 0 {
		return 0
	}
	b.pins.Pin(&content[0])
	return address(&content[0])
}

// releaseHandle gives a handle back once; a stale one is harmless.
func releaseHandle(way link, handle uint64) {
	if handle == 0 {
		return
	}
	live.handles.Add(-1)
	way.release(handle)
}

// watchedRows is the number of rows from which a call watches its context while it runs: below, it ends before anyone could
// ask it to, and watching costs as much as the call.
const watchedRows = 8192

// begin writes what a call knows of its context. stop must be called when the call has returned.
func (b *block) begin(ctx context.Context, e *Engine, o *CallOptions) (stop func(), err error) {
	if ctx.Err() != nil {
		return nil, contextFailure(ctx)
	}
	call := &b.head().call
	call.memoryLimit = o.MemoryLimit
	if trace := o.Traceparent; trace != "" {
		copy(call.traceparent[:len(call.traceparent)-1], trace)
	} else if e.options.Traceparent != nil {
		copy(call.traceparent[:len(call.traceparent)-1], e.options.Traceparent(ctx))
	}
	if deadline, ok := ctx.Deadline(); ok {
		call.timeoutNs = uint64(max(time.Until(deadline).Nanoseconds(), 1))
	}
	if o.Trusted {
		b.head().block.flags |= blockTrusted
	}
	if o.Full {
		b.head().block.flags |= blockFull
	}
	if ctx.Done() == nil || b.head().block.rowCount < watchedRows {
		return func() {}, nil
	}
	cancelled := new(uint32) // not in the block: a late watcher must not write into the next call
	b.pins.Pin(cancelled)
	call.cancel = address(cancelled)
	unwatch := context.AfterFunc(ctx, func() { atomic.StoreUint32(cancelled, 1) })
	return func() {
		unwatch()
		runtime.KeepAlive(cancelled)
	}, nil
}

// resultOptions are the engine's with what a call overrides.
func (e *Engine) resultOptions(o *CallOptions) *Options {
	if o.CopyBelow == 0 && o.Allocator == nil {
		return &e.options
	}
	options := e.options
	switch {
	case o.CopyBelow > 0:
		options.CopyBelow = o.CopyBelow
	case o.CopyBelow < 0:
		options.CopyBelow = 0
	}
	if o.Allocator != nil {
		options.Allocator = o.Allocator
	}
	return &options
}

// checkPort refuses numbers that no input or output has.
func checkPort(what string, port int) error {
	if port < 0 || port > math.MaxInt32 {
		return failf(codeInvalidArgument, "there is no %s %d", what, port)
	}
	return nil
}
