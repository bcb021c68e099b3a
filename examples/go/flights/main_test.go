// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/bowyer-arrow/bowyer/go/bowyertest"
)

const testdata = "../../../testdata"

// tolerance is the relative difference that floats may have: DuckDB adds in another order.
const tolerance = 1e-9

func TestAnswerIsThatOfDuckDB(t *testing.T) {
	bowyertest.NoLeaks(t)
	plan, err := delays(filepath.Join(testdata, "nycflights13"))
	if err != nil {
		t.Fatal(err)
	}
	table, err := plan.Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	want := readCSV(t, filepath.Join(testdata, "golden", "flights.csv"))
	reader := array.NewTableReader(table, 0)
	defer reader.Release()
	row := 1
	for reader.Next() {
		batch := reader.RecordBatch()
		for i := range int(batch.NumRows()) {
			if row == len(want) {
				t.Fatalf("more than the %d rows of the golden answer", len(want)-1)
			}
			for j, name := range want[0] {
				if got := batch.ColumnName(j); got != name {
					t.Fatalf("column %d is %q, want %q", j, got, name)
				}
				if !same(batch.Column(j), i, want[row][j]) {
					t.Errorf("row %d: %s is %s, want %s", row, name, batch.Column(j).ValueStr(i), want[row][j])
				}
			}
			row++
		}
	}
	if row != len(want) {
		t.Errorf("%d rows, want %d", row-1, len(want)-1)
	}
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func same(column arrow.Array, row int, want string) bool {
	if column.IsNull(row) || want == "" {
		return column.IsNull(row) && want == ""
	}
	floats, ok := column.(*array.Float64)
	if !ok {
		return column.ValueStr(row) == want
	}
	number, err := strconv.ParseFloat(want, 64)
	if err != nil {
		return false
	}
	got := floats.Value(row)
	return got == number || math.Abs(got-number) <= tolerance*max(math.Abs(got), math.Abs(number))
}

func TestProgramPrintsWritesAndCopiesNothing(t *testing.T) {
	bowyertest.NoLeaks(t)
	var out strings.Builder
	path := filepath.Join(t.TempDir(), "delays.parquet")
	if err := run(t.Context(), &out, filepath.Join(testdata, "nycflights13"), path, 3); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"carrier", "Endeavor Air Inc.", "rows more", "written: ", "Go to Rust:", "bytes copied: 0\n"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the output lacks %q:\n%s", part, out.String())
		}
	}
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("the Parquet file: %v", err)
	}
}
