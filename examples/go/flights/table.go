// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// printTable prints the first rows, numbers to the right, floats with two digits.
func printTable(w io.Writer, batches []arrow.RecordBatch, most int) {
	if len(batches) == 0 {
		fmt.Fprintln(w, "no rows")
		return
	}
	var lines [][]string
	var header []string
	for _, field := range batches[0].Schema().Fields() {
		header = append(header, field.Name)
	}
	lines = append(lines, header)
	total := 0
	for _, batch := range batches {
		for row := 0; row < int(batch.NumRows()) && total+row < most; row++ {
			line := make([]string, batch.NumCols())
			for i, column := range batch.Columns() {
				line[i] = cell(column, row)
			}
			lines = append(lines, line)
		}
		total += int(batch.NumRows())
	}
	widths := make([]int, len(header))
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], len(text))
		}
	}
	for _, line := range lines {
		for i, text := range line {
			pad := strings.Repeat(" ", widths[i]-len(text))
			if batches[0].Schema().Field(i).Type.ID() == arrow.STRING {
				line[i] = text + pad
			} else {
				line[i] = pad + text
			}
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(line, "  "), " "))
	}
	if total > most {
		fmt.Fprintf(w, "… %d rows more\n", total-most)
	}
}

func cell(column arrow.Array, row int) string {
	if floats, ok := column.(*array.Float64); ok && floats.IsValid(row) {
		return strconv.FormatFloat(floats.Value(row), 'f', 2, 64)
	}
	if column.IsNull(row) {
		return "-"
	}
	return column.ValueStr(row)
}
