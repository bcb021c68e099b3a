// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// tolerance is the relative difference that floats may have: DuckDB, which made the golden answer, adds in another order.
const tolerance = 1e-9

// compareGolden compares an answer with a CSV file, and returns the number of rows.
func compareGolden(path string, batches []arrow.RecordBatch) (int, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	want, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return 0, err
	}
	row := 1 // after the header
	for _, batch := range batches {
		for i := range int(batch.NumRows()) {
			if row == len(want) {
				return 0, fmt.Errorf("more than the %d rows of %s", len(want)-1, path)
			}
			for j, name := range want[0] {
				if got := batch.ColumnName(j); got != name {
					return 0, fmt.Errorf("column %d is %q, but %q in %s", j, got, name, path)
				}
				if got := batch.Column(j); !same(got, i, want[row][j]) {
					return 0, fmt.Errorf("row %d: %s is %s, but %s in %s", row, name, got.ValueStr(i), want[row][j], path)
				}
			}
			row++
		}
	}
	if row != len(want) {
		return 0, fmt.Errorf("%d rows, but %d in %s", row-1, len(want)-1, path)
	}
	return row - 1, nil
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
