// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyertest

import (
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// Permute runs the plan that build makes over the batches, then over the same rows split and offered in other ways, on one thread
// and on several, with small and large batches of results, and fails the test when an answer has other rows than the first. The
// order of rows does not count.
func Permute(t *testing.T, build func(input bowyer.Plan) bowyer.Plan, batches ...arrow.RecordBatch) {
	t.Helper()
	permute(t, byText, build, batches)
}

// PermuteOrdered is [Permute] for a plan that defines the order of its rows.
func PermuteOrdered(t *testing.T, build func(input bowyer.Plan) bowyer.Plan, batches ...arrow.RecordBatch) {
	t.Helper()
	permute(t, func([]Row) {}, build, batches)
}

func permute(t *testing.T, order func([]Row), build func(input bowyer.Plan) bowyer.Plan, batches []arrow.RecordBatch) {
	t.Helper()
	if len(batches) == 0 {
		t.Fatal("Permute needs at least one batch")
	}
	schema := batches[0].Schema()
	var want []Row
	for _, threads := range []int{1, 2, 4} {
		ctx, closeEngine := openEngine(t, threads)
		for _, split := range splits(batches) {
			t.Cleanup(split.release)
			for _, variant := range variants(schema, split) {
				name := fmt.Sprintf("threads=%d, %s", threads, variant.name)
				got := answer(t, ctx, name, build(variant.input), variant.batchRows)
				order(got)
				if want == nil {
					want = got
				} else if difference := compare(got, want); difference != "" {
					t.Errorf("%s: %s", name, difference)
				}
			}
		}
		closeEngine()
	}
}

// openEngine opens an engine that is closed when it is not needed any more, or when the test ends before.
func openEngine(t *testing.T, threads int) (context.Context, func()) {
	t.Helper()
	engine, err := bowyer.Open(t.Context(), bowyer.Config{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	closeEngine := func() {
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(closeEngine)
	return bowyer.WithEngine(t.Context(), engine), closeEngine
}

// variant is one way to offer batches to a plan.
type variant struct {
	name      string
	input     bowyer.Plan
	batchRows int
}

// variants offer the batches as a table and as a stream, for results in large and in small batches.
func variants(schema *arrow.Schema, s split) []variant {
	table := bowyer.FromBatches(schema, s.batches...)
	stream := bowyer.FromReader(schema, func(context.Context, bowyer.ScanRequest) (array.RecordReader, error) {
		return array.NewRecordReader(schema, s.batches)
	})
	return []variant{
		{s.name, table, 0},
		{s.name + ", small results", table, 3},
		{s.name + ", as a stream", stream, 0},
		{s.name + ", as a stream, small results", stream, 3},
	}
}

func answer(t *testing.T, ctx context.Context, name string, plan bowyer.Plan, batchRows int) []Row {
	t.Helper()
	result, err := plan.Run(ctx, bowyer.BatchRows(batchRows))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer result.Release()
	rows := []Row{}
	for result.Next() {
		rows = appendRows(rows, result.RecordBatch())
	}
	if err := result.Err(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return rows
}

// split is one way to cut the same rows into batches.
type split struct {
	name    string
	batches []arrow.RecordBatch
}

func (s split) release() {
	for _, batch := range s.batches {
		batch.Release()
	}
}

// splits are the batches as given, cut into pieces of few rows, and with empty batches between pieces of growing size.
func splits(batches []arrow.RecordBatch) []split {
	given := split{name: "as given"}
	small := split{name: "pieces of 3 rows"}
	growing := split{name: "growing pieces with empty batches between"}
	size := int64(1)
	for _, batch := range batches {
		batch.Retain()
		given.batches = append(given.batches, batch)
		for row := int64(0); row < batch.NumRows(); row += 3 {
			small.batches = append(small.batches, batch.NewSlice(row, min(row+3, batch.NumRows())))
		}
		for row := int64(0); row < batch.NumRows(); size++ {
			next := min(row+size, batch.NumRows())
			growing.batches = append(growing.batches, batch.NewSlice(row, row), batch.NewSlice(row, next))
			row = next
		}
	}
	return []split{given, small, growing}
}
