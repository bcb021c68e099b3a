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
		engine, err := bowyer.Open(t.Context(), bowyer.Config{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		ctx := bowyer.WithEngine(t.Context(), engine)
		for _, split := range splits(batches) {
			for _, stream := range []bool{false, true} {
				input := bowyer.FromBatches(schema, split.batches...)
				if stream {
					input = bowyer.FromReader(schema, func(context.Context, bowyer.ScanRequest) (array.RecordReader, error) {
						return array.NewRecordReader(schema, split.batches)
					})
				}
				for _, batchRows := range []int{0, 3} {
					name := fmt.Sprintf("threads=%d, %s, stream=%t, BatchRows=%d", threads, split.name, stream, batchRows)
					got := answer(t, ctx, name, build(input), batchRows)
					order(got)
					if want == nil {
						want = got
					} else if difference := compare(got, want); difference != "" {
						t.Errorf("%s: %s", name, difference)
					}
				}
			}
			split.release()
		}
		if err := engine.Close(t.Context()); err != nil {
			t.Error(err)
		}
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
