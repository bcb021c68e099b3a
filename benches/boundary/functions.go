// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	arrowmath "github.com/apache/arrow-go/v18/arrow/math"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

const manyRows = 10_000_000

// functions measures single functions beside arrow-go's own.
func functions() error {
	engine, err := bowyer.Open(context.Background(), bowyer.Config{})
	if err != nil {
		return err
	}
	defer engine.Close(context.Background())
	ctx := bowyer.WithEngine(context.Background(), engine)
	few, many := numbers(1_000), numbers(manyRows)
	defer few.Release()
	defer many.Release()
	mask := everySecond(manyRows)
	defer mask.Release()

	fmt.Println("# Single functions; microseconds. Sum and filter over", manyRows, "rows.")
	for _, one := range []struct {
		name        string
		ours, peers func() error
	}{
		{"add/rows=1000", calls(ctx, "add", few, few), arrowGo("add_unchecked", few, few)},
		{"equal/rows=1000", calls(ctx, "equal", few, few), arrowGo("equal", few, few)},
		{"sum/rows=10000000", calls(ctx, "sum_checked", many), func() error { arrowmath.Int64.Sum(many); return nil }},
		{"filter/rows=10000000", calls(ctx, "filter", many, mask), arrowGo("filter", many, mask)},
	} {
		costs, err := measure(one.ours, one.peers)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		ours, peer := costs[0], costs[1]
		fmt.Printf("function/%s ours_us=%.2f arrow_go_us=%.2f ratio=%.1f allocs=%.0f arrow_go_allocs=%.0f\n",
			one.name, ours.microseconds, peer.microseconds, peer.microseconds/ours.microseconds, ours.allocations, peer.allocations)
	}
	return nil
}

func calls(ctx context.Context, function string, arguments ...bowyer.Value) func() error {
	return func() error {
		result, err := bowyer.Call(ctx, function, nil, arguments...)
		if err == nil {
			result.Release()
		}
		return err
	}
}

func arrowGo(function string, arguments ...arrow.Array) func() error {
	datums := make([]compute.Datum, len(arguments))
	for i, argument := range arguments {
		datums[i] = compute.NewDatum(argument)
	}
	return func() error {
		result, err := compute.CallFunction(context.Background(), function, nil, datums...)
		if err == nil {
			result.Release()
		}
		return err
	}
}

func numbers(rows int) *array.Int64 {
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	builder.Reserve(rows)
	for row := range rows {
		builder.UnsafeAppend(int64(row))
	}
	return builder.NewInt64Array()
}

func everySecond(rows int) *array.Boolean {
	builder := array.NewBooleanBuilder(memory.DefaultAllocator)
	defer builder.Release()
	builder.Reserve(rows)
	for row := range rows {
		builder.UnsafeAppend(row%2 == 0)
	}
	return builder.NewBooleanArray()
}
