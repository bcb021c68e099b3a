// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	arrowmath "github.com/apache/arrow-go/v18/arrow/math"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

const manyRows = 10_000_000

// functions measures single functions beside arrow-go's own: with small results copied into Go memory, as by default, and with
// CopyBelow off.
func functions() error {
	copied, err := open(bowyer.Config{})
	if err != nil {
		return err
	}
	defer copied.engine.Close(context.Background())
	native, err := open(bowyer.Config{CopyBelow: -1})
	if err != nil {
		return err
	}
	defer native.engine.Close(context.Background())
	few, many := numbers(1_000), numbers(manyRows)
	defer few.Release()
	defer many.Release()
	mask := everySecond(manyRows)
	defer mask.Release()

	fmt.Println("# Single functions; microseconds. kernel: inside the function, as the engine counts it; overhead: all the rest of a call.")
	for _, one := range []struct {
		name        string
		in          setting
		rows        int
		ours, peers func() error
	}{
		{"call/add copybelow=default", copied, few.Len(), calls(copied.ctx, "add", few, few), arrowGo("add_unchecked", few, few)},
		{"call/add copybelow=off", native, few.Len(), calls(native.ctx, "add", few, few), arrowGo("add_unchecked", few, few)},
		{"call/equal copybelow=default", copied, few.Len(), calls(copied.ctx, "equal", few, few), arrowGo("equal", few, few)},
		{"call/equal copybelow=off", native, few.Len(), calls(native.ctx, "equal", few, few), arrowGo("equal", few, few)},
		{"add", copied, manyRows, calls(copied.ctx, "add", many, many), arrowGo("add_unchecked", many, many)},
		{"sum", copied, manyRows, calls(copied.ctx, "sum_checked", many), func() error { arrowmath.Int64.Sum(many); return nil }},
		{"filter", copied, manyRows, calls(copied.ctx, "filter", many, mask), arrowGo("filter", many, mask)},
	} {
		costs, err := measureKernels(one.in.kernelTime, one.ours, one.peers)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		ours, peer := costs[0], costs[1]
		fmt.Printf("%s rows=%d ours_us=%.2f kernel_us=%.2f overhead_us=%.2f arrow_go_us=%.2f ratio=%.1f allocs=%.0f arrow_go_allocs=%.0f\n",
			one.name, one.rows, ours.microseconds, ours.kernel, ours.microseconds-ours.kernel, peer.microseconds, peer.microseconds/ours.microseconds,
			ours.allocations, peer.allocations)
	}
	return filterGroupBy(copied.ctx)
}

// setting is an engine and a context that leads to it.
type setting struct {
	engine *bowyer.Engine
	ctx    context.Context
}

func open(config bowyer.Config) (setting, error) {
	engine, err := bowyer.Open(context.Background(), config)
	if err != nil {
		return setting{}, err
	}
	return setting{engine, bowyer.WithEngine(context.Background(), engine)}, nil
}

// kernelTime is what the engine counts as time inside functions.
func (s setting) kernelTime() time.Duration {
	stats, err := s.engine.Stats()
	if err != nil {
		return 0
	}
	return stats.KernelTime
}

// filterGroupBy measures a query from a plan to its table; arrow-go has no group-by to set beside it.
func filterGroupBy(ctx context.Context) error {
	keys, values := scattered(manyRows, 1_000), scattered(manyRows, 1_000_000)
	defer keys.Release()
	defer values.Release()
	schema := arrow.NewSchema([]arrow.Field{{Name: "key", Type: arrow.PrimitiveTypes.Int64}, {Name: "value", Type: arrow.PrimitiveTypes.Int64}}, nil)
	batch := array.NewRecordBatch(schema, []arrow.Array{keys, values}, manyRows)
	defer batch.Release()
	plan := bowyer.FromBatches(schema, batch).Filter(bowyer.Col("value").Ge(500_000)).GroupBy("key").Agg(bowyer.Sum("value"))
	costs, err := measure(func() error {
		table, err := plan.Collect(ctx)
		if err == nil {
			table.Release()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("filter_groupby: %w", err)
	}
	fmt.Printf("filter_groupby rows=%d ours_us=%.2f allocs=%.0f\n", manyRows, costs[0].microseconds, costs[0].allocations)
	return nil
}

// scattered are numbers below a limit in no order.
func scattered(rows int, limit uint64) *array.Int64 {
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	builder.Reserve(rows)
	state := limit
	for range rows {
		state = state*6364136223846793005 + 1442695040888963407
		builder.UnsafeAppend(int64((state >> 33) % limit))
	}
	return builder.NewInt64Array()
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
