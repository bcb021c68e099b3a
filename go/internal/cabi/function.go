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

// Function is a function resolved for argument types and options. It may be called from many goroutines.
type Function struct {
	Output arrow.Field // type and nullability of the result

	engine    *Engine
	handle    atomic.Uint64
	operation string
}

// Resolve finds a function's overload. call is an encoded wire.FunctionCall. The caller must Release the result.
func (e *Engine) Resolve(call []byte, arguments []arrow.Field) (*Function, error) {
	handle, err := e.alive()
	if err != nil {
		return nil, err
	}
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	head := b.head()
	output, err := e.link.resolve(b, handle, call, arguments)
	if err != nil {
		return nil, err
	}
	live.handles.Add(1)
	var decoded wire.FunctionCall
	_ = proto.Unmarshal(call, &decoded) // the native side has decoded it already: only the name matters here
	f := &Function{Output: output, engine: e, operation: "function " + decoded.GetFunction()}
	f.handle.Store(head.handle)
	return f, nil
}

// Release gives the function back. Calls that run end as they would have; releasing twice is harmless.
func (f *Function) Release() { releaseHandle(f.engine.link, f.handle.Swap(0)) }

// Call calls the function on borrowed arguments. The result of scalar arguments, and of an aggregate, has one row. The
// caller must Release the result.
func (e *Engine) Call(ctx context.Context, f *Function, arguments []Argument, o CallOptions) (arrow.Array, error) {
	if _, err := e.alive(); err != nil {
		return nil, err
	}
	handle := f.handle.Load()
	if handle == 0 {
		return nil, closedFailure("the " + f.operation)
	}
	b := acquireBlock()
	retained := false
	defer func() { b.finish(retained) }()
	if err := b.exportArguments(arguments); err != nil {
		return nil, err
	}
	stop, err := b.begin(ctx, e, &o)
	if err != nil {
		return nil, err
	}
	head := b.head()
	code := e.link.call(ctx, b, handle)
	stop()
	retained = head.result.flags&resultRetained != 0
	if code != 0 {
		return nil, head.takeFor(ctx, code)
	}
	if remote := e.options.remote; remote != nil {
		return remote.importArray(b, f.Output.Type, f.operation, e.resultOptions(&o))
	}
	return head.importArray(f.Output.Type, f.operation, e.resultOptions(&o))
}
