// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Command isolation measures what a worker process costs beside an engine in the same process:
//
//	isolation -worker PATH [-batches N] [-bytes N] [-calls N] [-rounds N]
//
// A call of `add` on few rows is the fixed cost of a crossing. A filter with a sum by group over large batches is the tax on data: once
// built with a SharedAllocator, which a worker reads in place, once with ordinary memory, which is copied. Ways alternate, and the best
// of the rounds counts; the tax is what a worker adds over the same memory. Opening is the time until an engine has answered its first call.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// way is an engine and the data that it is given.
type way struct {
	name  string
	ctx   context.Context
	data  []arrow.RecordBatch
	calls []time.Duration
	query time.Duration
	open  time.Duration
}

func main() {
	worker := flag.String("worker", "", "the program bowyer-worker")
	batches := flag.Int("batches", 64, "batches of the query")
	bytes := flag.Int("bytes", 16<<20, "bytes of each")
	calls := flag.Int("calls", 20_000, "calls")
	rounds := flag.Int("rounds", 5, "of the query")
	flag.Parse()
	if err := run(*worker, *batches, *bytes, *calls, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "isolation:", err)
		os.Exit(1)
	}
}

// callsInTurn are made in one way before the next way's: as a program makes them that has one engine.
const callsInTurn = 100

func run(worker string, batches, bytes, calls, rounds int) error {
	ctx := context.Background()
	shared := bowyer.NewSharedAllocator()
	inShared, inGo := table(shared, batches, bytes), table(memory.DefaultAllocator, batches, bytes)
	local := bowyer.Config{}
	apart := bowyer.Config{Isolation: bowyer.WorkerProcess, WorkerPath: worker}
	summed := apart
	summed.WorkerChecksums = true
	var ways []*way
	for _, w := range []struct {
		name   string
		config bowyer.Config
		data   []arrow.RecordBatch
	}{
		{"in process", local, inGo},
		{"in process, shared memory", local, inShared},
		{"worker, shared memory", apart, inShared},
		{"worker, copied", apart, inGo},
		{"worker, shared and summed", summed, inShared},
	} {
		began := time.Now()
		engine, err := bowyer.Open(ctx, w.config)
		if err != nil {
			return err
		}
		defer engine.Close(ctx)
		one := &way{name: w.name, ctx: bowyer.WithEngine(ctx, engine), data: w.data}
		if err := one.call(); err != nil {
			return err
		}
		one.open = time.Since(began)
		ways = append(ways, one)
	}
	for range calls / callsInTurn {
		for _, w := range ways {
			for range callsInTurn {
				began := time.Now()
				if err := w.call(); err != nil {
					return err
				}
				w.calls = append(w.calls, time.Since(began))
			}
		}
	}
	for range rounds {
		for _, w := range ways {
			began := time.Now()
			if err := w.sums(); err != nil {
				return err
			}
			if took := time.Since(began); w.query == 0 || took < w.query {
				w.query = took
			}
		}
	}
	report(ways, batches, bytes)
	return nil
}

func report(ways []*way, batches, bytes int) {
	fmt.Printf("%-26s %10s %10s %10s %14s %8s\n", "", "open", "call p50", "call p99", "filter + sum", "tax")
	for i, w := range ways {
		slices.Sort(w.calls)
		at := func(share float64) time.Duration { return w.calls[int(share*float64(len(w.calls)-1))] }
		// The third and the fifth read what the second does, the fourth what the first does.
		alike := ways[[]int{0, 1, 1, 0, 1}[i]]
		tax := 100 * (w.query.Seconds()/alike.query.Seconds() - 1)
		fmt.Printf("%-26s %10s %10s %10s %14s %7.1f%%\n", w.name, w.open.Round(100*time.Microsecond), at(0.5), at(0.99), w.query.Round(10*time.Microsecond), tax)
	}
	fmt.Printf("%d batches of %d bytes\n", batches, bytes)
}

var few = array.NewInt64Builder(memory.DefaultAllocator)

func (w *way) call() error {
	few.AppendValues([]int64{1, 2, 3, 4}, nil)
	values := few.NewInt64Array()
	defer values.Release()
	out, err := bowyer.Call(w.ctx, "add", nil, values, values)
	if err == nil {
		out.Release()
	}
	return err
}

// sums groups the half of the rows whose value is not below the middle.
func (w *way) sums() error {
	plan := bowyer.FromBatches(schema, w.data...).
		Filter(bowyer.Col("value").Ge(500)).
		GroupBy("key").
		Agg(bowyer.Sum("value").As("sum"))
	out, err := plan.Collect(w.ctx)
	if err == nil {
		out.Release()
	}
	return err
}

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "key", Type: arrow.PrimitiveTypes.Int32}, {Name: "value", Type: arrow.PrimitiveTypes.Int64},
}, nil)

// table makes batches of keys and values.
func table(allocator memory.Allocator, batches, bytes int) []arrow.RecordBatch {
	out := make([]arrow.RecordBatch, batches)
	for at := range out {
		b := array.NewRecordBuilder(allocator, schema)
		rows := bytes / 12
		keys, values := b.Field(0).(*array.Int32Builder), b.Field(1).(*array.Int64Builder)
		keys.Reserve(rows)
		values.Reserve(rows)
		state := uint64(at) + 1
		for range rows {
			state = state*6364136223846793005 + 1442695040888963407
			keys.Append(int32(state >> 54))
			values.Append(int64(state>>33) % 1000)
		}
		out[at] = b.NewRecordBatch()
		b.Release()
	}
	return out
}
