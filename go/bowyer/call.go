// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"context"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
)

// Value is an argument of a single function: an arrow.Array, an *arrow.Chunked or a scalar.Scalar.
type Value interface {
	DataType() arrow.DataType
}

// Call runs one function of the manual on arrays, chunked arrays and scalars, and returns one contiguous array: of one row when
// all arguments are scalars. Options may be nil. Arguments are borrowed. The caller must Release the result.
//
// Package fn has a function of its own for each; Call is for names that are only known when the program runs.
func Call(ctx context.Context, function string, options Options, arguments ...Value) (arrow.Array, error) {
	engine, err := engineOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := engine.begin(); err != nil {
		return nil, err
	}
	defer engine.end()
	var room [4]cabi.Argument
	native := room[:0]
	for i, argument := range arguments {
		converted, scratch, err := argumentOf(argument)
		if err != nil {
			err.Function, err.Argument = function, strconv.Itoa(i)
			return nil, err
		}
		if scratch != nil {
			defer scratch.Release()
		}
		native = append(native, converted)
	}
	entry, err := engine.functions.acquire(engine.native, function, options, arguments)
	if err != nil {
		return nil, located(err, function)
	}
	defer entry.done()
	out, err := engine.native.Call(ctx, entry.function, native, cabi.CallOptions{})
	if err != nil {
		return nil, located(err, function)
	}
	return out, nil
}

// CallScalar runs one function whose answer is one value, as an aggregate's is.
func CallScalar(ctx context.Context, function string, options Options, arguments ...Value) (scalar.Scalar, error) {
	out, err := Call(ctx, function, options, arguments...)
	if err != nil {
		return nil, err
	}
	defer out.Release()
	if out.Len() != 1 {
		err := errorf(CodeInvalidArgument, "the answer has %d rows: only a function that gives one value can be called for a scalar", out.Len())
		err.Function = function
		return nil, err
	}
	value, err := scalar.GetScalar(out, 0)
	if err != nil {
		err := errorf(CodeNotImplemented, "a value of type %s has no scalar: %v", out.DataType(), err)
		err.Function = function
		return nil, err
	}
	return value, nil
}

// located names the function in an error that does not name one.
func located(err error, function string) error {
	out := translate(err)
	if own, ok := out.(*Error); ok && own.Function == "" {
		own.Function = function
	}
	return out
}

// argumentOf is the native form of a Value, and an array that must be released after the call, if one was made.
func argumentOf(value Value) (cabi.Argument, arrow.Array, *Error) {
	switch v := value.(type) {
	case nil:
		return cabi.Argument{}, nil, errorf(CodeInvalidArgument, "the argument is nil")
	case arrow.Array:
		if released(v) {
			return cabi.Argument{}, nil, errorf(CodeInvalidState, "the argument is an array that was released, or a nil pointer")
		}
		return cabi.Argument{Array: v}, nil, nil
	case *arrow.Chunked:
		if v == nil {
			return cabi.Argument{}, nil, errorf(CodeInvalidArgument, "the argument is nil")
		}
		if chunks := v.Chunks(); len(chunks) > 0 {
			for _, chunk := range chunks {
				if released(chunk) {
					return cabi.Argument{}, nil, errorf(CodeInvalidState, "the argument has a chunk that was released")
				}
			}
			return cabi.Argument{Arrays: chunks}, nil, nil
		}
		empty := array.MakeArrayOfNull(memory.DefaultAllocator, v.DataType(), 0)
		return cabi.Argument{Array: empty}, empty, nil
	case scalar.Scalar:
		row, err := scalar.MakeArrayFromScalar(v, 1, memory.DefaultAllocator)
		if err != nil {
			return cabi.Argument{}, nil, errorf(CodeInvalidArgument, "a scalar of type %s cannot be an argument: %v", v.DataType(), err)
		}
		return cabi.Argument{Array: row, Scalar: true}, row, nil
	}
	return cabi.Argument{}, nil, errorf(CodeInvalidArgument, "the argument is a %T, but must be an arrow.Array, an *arrow.Chunked or a scalar.Scalar", value)
}

// released reports whether an array has given up its data: arrow-go's arrays panic then when asked for anything.
func released(values arrow.Array) (gone bool) {
	defer func() {
		if recover() != nil {
			gone = true
		}
	}()
	_ = values.DataType()
	return false
}
