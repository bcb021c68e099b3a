// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyertest

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// recorder is a test that is allowed to fail.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Error(args ...any) { r.failures = append(r.failures, args[0].(string)) }

func batchOf(t *testing.T) arrow.RecordBatch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		{Name: "x", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "t", Type: arrow.FixedWidthTypes.Timestamp_ms, Nullable: true},
		{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int8), Nullable: true},
	}, nil)
	batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[
		{"n": 1, "x": 0.1, "s": "a", "t": "2024-01-01T00:00:00Z", "l": [1, 2]},
		{"n": null, "x": null, "s": null, "t": null, "l": null}]`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(batch.Release)
	return batch
}

func TestRowsComparesWithLiterals(t *testing.T) {
	batch := batchOf(t)
	first := Row{1, 0.1 + 1e-15, "a", time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), "[1,2]"}
	null := Row{nil, nil, nil, nil, nil}
	Rows(t, batch, first, null)
	AnyOrder(t, []arrow.RecordBatch{batch}, null, first)
	table := array.NewTableFromRecords(batch.Schema(), []arrow.RecordBatch{batch, batch})
	defer table.Release()
	Rows(t, table, first, null, first, null)
	for _, wrong := range [][]Row{
		{null, first},
		{first},
		{first, null, null},
		{{2, 0.1, "a", first[3], "[1,2]"}, null},
		{{1, 0.11, "a", first[3], "[1,2]"}, null},
		{{1, math.NaN(), "a", first[3], "[1,2]"}, null},
		{{1, 0.1, "b", first[3], "[1,2]"}, null},
		{{1, 0.1, "a", first[3], "[1,3]"}, null},
		{{1, 0.1}, null},
	} {
		r := &recorder{TB: t}
		if Rows(r, batch, wrong...); len(r.failures) == 0 {
			t.Errorf("%v is taken for the batch", wrong)
		}
	}
}

func TestReadersBreakWhereTheyAreTold(t *testing.T) {
	batch := batchOf(t)
	failure := errors.New("disk on fire")
	open := func() array.RecordReader {
		reader, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch, batch, batch})
		if err != nil {
			t.Fatal(err)
		}
		return reader
	}
	failing := FailAt(open(), 2, failure)
	defer failing.Release()
	count := 0
	for failing.Next() {
		count++
	}
	if count != 2 || !errors.Is(failing.Err(), failure) {
		t.Errorf("%d batches, then %v", count, failing.Err())
	}
	panicking := PanicAt(open(), 0, "boom")
	defer panicking.Release()
	defer func() {
		if reason := recover(); reason != "boom" {
			t.Errorf("recovered %v", reason)
		}
	}()
	panicking.Next()
}
