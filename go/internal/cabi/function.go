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
	schema, err := exportSchema(arguments, arrow.Metadata{})
	if err != nil {
		return nil, err
	}
	defer schema.release()
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	head := b.head()
	code := nativeFunctionResolve(handle, b.pin(call), len(call), schema.address(), address(&head.handle), address(&head.schema), address(&head.failure))
	if code != 0 {
		return nil, head.take(code)
	}
	live.handles.Add(1)
	var decoded wire.FunctionCall
	_ = proto.Unmarshal(call, &decoded) // the native side has decoded it already: only the name matters here
	f := &Function{engine: e, operation: "function " + decoded.GetFunction()}
	f.handle.Store(head.handle)
	f.Output, err = importField(&head.schema)
	nativeSchemaRelease(address(&head.schema))
	if err != nil {
		f.Release()
		return nil, err
	}
	return f, nil
}

// Release gives the function back. Calls that run end as they would have; releasing twice is harmless.
func (f *Function) Release() { releaseHandle(f.handle.Swap(0)) }

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
	code := nativeFunctionCall(address(&head.call), handle, address(&head.block), address(&head.array), address(&head.result), address(&head.failure))
	stop()
	retained = head.result.flags&resultRetained != 0
	if code != 0 {
		return nil, head.takeFor(ctx, code)
	}
	return head.importArray(f.Output.Type, f.operation, e.resultOptions(&o))
}
