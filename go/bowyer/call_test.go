// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func arrayOf(t testing.TB, dataType arrow.DataType, values string) arrow.Array {
	t.Helper()
	out, _, err := array.FromJSON(memory.DefaultAllocator, dataType, strings.NewReader(values))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(out.Release)
	return out
}

func TestCallTakesArraysChunksAndScalars(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	int64s := arrow.PrimitiveTypes.Int64
	whole := arrayOf(t, int64s, `[1, 2, null, 4]`)
	chunked := arrow.NewChunked(int64s, []arrow.Array{arrayOf(t, int64s, `[10]`), arrayOf(t, int64s, `[20, 30, null]`)})
	defer chunked.Release()
	empty := arrow.NewChunked(int64s, nil)
	defer empty.Release()
	one := scalar.NewInt64Scalar(1)
	for _, test := range []struct {
		a, b bowyer.Value
		want string
	}{
		{whole, whole, "[2 4 (null) 8]"},
		{whole, chunked, "[11 22 (null) (null)]"},
		{chunked, one, "[11 21 31 (null)]"},
		{one, whole, "[2 3 (null) 5]"},
		{one, one, "[2]"},
		{empty, empty, "[]"},
		{whole, scalar.MakeNullScalar(int64s), "[(null) (null) (null) (null)]"},
	} {
		out, err := bowyer.Call(ctx, "add_checked", nil, test.a, test.b)
		if err != nil {
			t.Errorf("%v + %v: %v", test.a, test.b, err)
			continue
		}
		if got := out.String(); got != test.want {
			t.Errorf("%v + %v is %s, want %s", test.a, test.b, got, test.want)
		}
		out.Release()
	}
	total, err := bowyer.CallScalar(ctx, "sum_checked", nil, chunked)
	if err != nil || total.String() != "60" {
		t.Errorf("the sum is %v, %v", total, err)
	}
}

func TestCallRefusesBadArguments(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	int64s := arrow.PrimitiveTypes.Int64
	values := arrayOf(t, int64s, `[1, 2, 3]`)
	gone := array.NewSlice(values, 0, 2)
	gone.Release()
	var none *array.Int64
	field := arrow.ListOf(int64s)
	for name, test := range map[string]struct {
		function  string
		options   bowyer.Options
		arguments []bowyer.Value
		is        error
	}{
		"unknown function": {"addd", nil, []bowyer.Value{values, values}, bowyer.ErrNotFound},
		"no function":      {"", nil, nil, bowyer.ErrNotFound},
		"too few":          {"add", nil, []bowyer.Value{values}, bowyer.ErrInvalidArgument},
		"unknown option":   {"round", bowyer.Options{"digits": 1}, []bowyer.Value{values}, bowyer.ErrNotFound},
		"odd option":       {"round", bowyer.Options{"ndigits": t}, []bowyer.Value{values}, bowyer.ErrInvalidArgument},
		"nil":              {"add", nil, []bowyer.Value{values, nil}, bowyer.ErrInvalidArgument},
		"nil pointer":      {"add", nil, []bowyer.Value{values, none}, bowyer.ErrInvalidState},
		"released":         {"add", nil, []bowyer.Value{values, gone}, bowyer.ErrInvalidState},
		"another kind":     {"add", nil, []bowyer.Value{values, odd{field}}, bowyer.ErrInvalidArgument},
		"another length":   {"add", nil, []bowyer.Value{values, arrayOf(t, int64s, `[1]`)}, bowyer.ErrInvalidArgument},
		"another type":     {"add", nil, []bowyer.Value{values, arrayOf(t, arrow.BinaryTypes.String, `["a", "b", "c"]`)}, bowyer.ErrTypeMismatch},
		"division by zero": {"divide_checked", nil, []bowyer.Value{values, scalar.NewInt64Scalar(0)}, bowyer.ErrDivideByZero},
	} {
		_, err := bowyer.Call(ctx, test.function, test.options, test.arguments...)
		var own *bowyer.Error
		if !errors.Is(err, test.is) || !errors.As(err, &own) || own.Function != test.function {
			t.Errorf("%s: got %v, want %v", name, err, test.is)
		}
	}
	if _, err := bowyer.CallScalar(ctx, "add", nil, values, values); !errors.Is(err, bowyer.ErrInvalidArgument) {
		t.Errorf("an array as a scalar: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := bowyer.Call(cancelled, "add", nil, values, values); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	works(t, ctx)
}

// odd is a Value that is none of the three kinds.
type odd struct{ dataType arrow.DataType }

func (o odd) DataType() arrow.DataType { return o.dataType }

func TestCallNamesTheRowThatFails(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	_, err := bowyer.Call(ctx, "add_checked", nil,
		arrayOf(t, arrow.PrimitiveTypes.Int8, `[1, null, 127]`), arrayOf(t, arrow.PrimitiveTypes.Int8, `[1, 2, 1]`))
	var own *bowyer.Error
	if !errors.As(err, &own) || own.Code != bowyer.CodeOverflow || own.Row != 2 {
		t.Errorf("got %v", err)
	}
}

func TestCallsFromManyGoroutinesShareTheCache(t *testing.T) {
	ctx := open(t, bowyer.Config{Threads: 2})
	values := arrayOf(t, arrow.PrimitiveTypes.Float64, `[1.25, 2.5, null]`)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for round := range 200 { // more sets of options than the cache holds
				out, err := bowyer.Call(ctx, "round", bowyer.Options{"ndigits": (worker*200+round)%600 - 300}, values)
				if err != nil {
					t.Error(err)
					return
				}
				if out.Len() != 3 {
					t.Errorf("%d rows", out.Len())
				}
				out.Release()
			}
		})
	}
	all.Wait()
}
