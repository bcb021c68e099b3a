// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"context"
	"sync"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
)

// Engine runs plans and functions on native threads of its own, under a memory limit of its own. Its methods may be called
// from many goroutines. Most programs need only the default engine, which opens itself at first use.
type Engine struct {
	native    *cabi.Engine
	functions functionCache

	mutex   sync.Mutex
	running int
	closing bool
	idle    chan struct{} // closed when closing and nothing runs
	closed  chan struct{} // closed when Close is done
	failure error         // of Close
}

// Open opens an engine. The caller must Close it.
func Open(ctx context.Context, config Config) (*Engine, error) {
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	content, options, err := config.encode()
	if err != nil {
		return nil, err
	}
	native, err := cabi.Open(content, options)
	if err != nil {
		return nil, translate(err)
	}
	return &Engine{native: native, idle: make(chan struct{}), closed: make(chan struct{})}, nil
}

// Close refuses new work, waits for what runs until ctx ends, and cancels what runs then. It returns when the engine's threads
// have ended. Batches handed out before stay valid. Closing twice is harmless.
func (e *Engine) Close(ctx context.Context) error {
	e.mutex.Lock()
	first := !e.closing
	e.closing = true
	if first && e.running == 0 {
		close(e.idle)
	}
	e.mutex.Unlock()
	if !first {
		<-e.closed
		return e.failure
	}
	select {
	case <-e.idle:
	case <-ctx.Done():
	}
	e.functions.clear()
	e.failure = translate(e.native.Close())
	close(e.closed)
	return e.failure
}

// begin counts a call or query as running, until the matching end.
func (e *Engine) begin() error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.closing {
		return errorf(CodeInvalidState, "the engine is closed")
	}
	e.running++
	return nil
}

func (e *Engine) end() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.running--
	if e.closing && e.running == 0 {
		close(e.idle)
	}
}

type engineKey struct{}

// WithEngine returns a context whose calls and runs use the engine instead of the default one.
func WithEngine(ctx context.Context, engine *Engine) context.Context {
	return context.WithValue(ctx, engineKey{}, engine)
}

// defaultEngine is the only state of the process: an engine with the zero Config, opened at first use.
var defaultEngine struct {
	mutex  sync.RWMutex
	engine *Engine
}

// DefaultEngine returns the engine that is used where the context names none. It is opened at first use, and again when it is
// used after it was closed.
func DefaultEngine(ctx context.Context) (*Engine, error) {
	defaultEngine.mutex.RLock()
	engine := defaultEngine.engine
	defaultEngine.mutex.RUnlock()
	if engine != nil && !engine.isClosing() {
		return engine, nil
	}
	defaultEngine.mutex.Lock()
	defer defaultEngine.mutex.Unlock()
	if engine = defaultEngine.engine; engine != nil && !engine.isClosing() {
		return engine, nil
	}
	engine, err := Open(ctx, Config{})
	if err != nil {
		return nil, err
	}
	defaultEngine.engine = engine
	return engine, nil
}

func (e *Engine) isClosing() bool {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return e.closing
}

// engineOf is the context's engine, or the default one.
func engineOf(ctx context.Context) (*Engine, error) {
	if engine, ok := ctx.Value(engineKey{}).(*Engine); ok && engine != nil {
		return engine, nil
	}
	return DefaultEngine(ctx)
}
