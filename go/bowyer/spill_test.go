// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// idsInOrder runs a plan and gives its int64 column "id" and what the run did.
func idsInOrder(ctx context.Context, t *testing.T, plan bowyer.Plan, options ...bowyer.RunOption) ([]int64, bowyer.Stats) {
	t.Helper()
	result, err := plan.Run(ctx, options...)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Release()
	var ids []int64
	for result.Next() {
		ids = append(ids, result.RecordBatch().Column(0).(*array.Int64).Int64Values()...)
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return ids, result.Stats()
}

func TestASortPastItsLimitGoesOnInFiles(t *testing.T) {
	directory := t.TempDir()
	ctx := open(t, bowyer.Config{Threads: 2, SpillDir: directory})
	list := batches(t, 10, 20_000)
	sorted := func() bowyer.Plan {
		return bowyer.FromReaderOnce(readerOf(t, list)).Sort(bowyer.Desc("text"), bowyer.Asc("part"))
	}
	want, stats := idsInOrder(ctx, t, sorted())
	if stats.Spilled != 0 || stats.SpillFiles != 0 {
		t.Errorf("with memory enough, %d bytes were written to %d files", stats.Spilled, stats.SpillFiles)
	}
	got, stats := idsInOrder(ctx, t, sorted(), bowyer.MemoryLimit(6<<20))
	if stats.Spilled == 0 || stats.SpillFiles == 0 || !strings.Contains(stats.Analysis, " spilled to ") {
		t.Errorf("nothing was spilled:\n%s", stats.Analysis)
	}
	if stats.PeakMemory > 6<<20 {
		t.Errorf("%d bytes were used at a time", stats.PeakMemory)
	}
	if len(got) != len(want) {
		t.Fatalf("%d rows of %d", len(got), len(want))
	}
	for row := range got {
		if got[row] != want[row] {
			t.Fatalf("row %d is %d instead of %d", row, got[row], want[row])
		}
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) > 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

func TestGroupsPastTheirLimitGoOnInFiles(t *testing.T) {
	directory := t.TempDir()
	ctx := open(t, bowyer.Config{Threads: 2, SpillDir: directory})
	list := batches(t, 10, 20_000)
	grouped := func() bowyer.Plan {
		groups := bowyer.FromReaderOnce(readerOf(t, list)).GroupBy("id").Agg(bowyer.CountAll().As("n"))
		return groups.Sort(bowyer.Asc("id"))
	}
	want, _ := idsInOrder(ctx, t, grouped())
	got, stats := idsInOrder(ctx, t, grouped(), bowyer.MemoryLimit(8<<20))
	var spilled uint64
	for _, operator := range stats.Operators {
		if strings.HasPrefix(operator.Path, "aggregate") {
			spilled += operator.Spilled
		}
	}
	if spilled == 0 || !slices.Equal(got, want) {
		t.Errorf("%d bytes were spilled for %d groups instead of %d:\n%s", spilled, len(got), len(want), stats.Analysis)
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) > 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

func TestASpillDirThatCannotBeWrittenToIsATypedError(t *testing.T) {
	ctx := open(t, bowyer.Config{SpillDir: filepath.Join(t.TempDir(), "missing")})
	plan := bowyer.FromReaderOnce(readerOf(t, batches(t, 10, 20_000))).Sort(bowyer.Desc("text"))
	err := drain(ctx, plan, bowyer.MemoryLimit(6<<20))
	var failure *bowyer.Error
	if !errors.As(err, &failure) || failure.Code != bowyer.CodeIo || !strings.Contains(failure.Path, "sort") {
		t.Errorf("got %v", err)
	}
	if _, err := bowyer.Open(t.Context(), bowyer.Config{SpillLimit: -1}); !errors.Is(err, bowyer.ErrInvalidArgument) {
		t.Errorf("a negative limit: %v", err)
	}
	small := open(t, bowyer.Config{SpillDir: t.TempDir(), SpillLimit: 1000})
	plan = bowyer.FromReaderOnce(readerOf(t, batches(t, 10, 20_000))).Sort(bowyer.Desc("text"))
	if err := drain(small, plan, bowyer.MemoryLimit(6<<20)); !errors.Is(err, bowyer.ErrLimitExceeded) {
		t.Errorf("more bytes than may be spilled: %v", err)
	}
}

func ExampleConfig_spill() {
	ctx := context.Background()
	engine, err := bowyer.Open(ctx, bowyer.Config{QueryMemoryLimit: 1 << 30, SpillDir: os.TempDir()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Close(ctx)
	orders := orderBatch()
	defer orders.Release()
	plan := bowyer.FromBatches(orderSchema, orders).Sort(bowyer.Desc("amount"))
	result, err := plan.Run(bowyer.WithEngine(ctx, engine))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer result.Release()
	for result.Next() {
	}
	fmt.Println(result.Stats().Spilled, "bytes did not fit the memory")
	// Output: 0 bytes did not fit the memory
}
