// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// What benches/peers/checksum.py says of the same rows.
const described = `{"rows":3,"rows_hash":"3ac0329f1b84bfc0","columns":[{"nulls":1,"hash":"c8ab3d44f027ec3a"},{"nulls":1,"hash":"86cea80d2e38756f"},{"nulls":1,"sum":-1.5,"magnitude":2.5,"weighted":-0.1568308090668648},{"nulls":1,"sum":-6.25,"magnitude":8.75,"weighted":-0.7084636589631731},{"nulls":1,"hash":"8d84ff5e34a27ea0"}]}`

var sample = arrow.NewSchema([]arrow.Field{
	{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "d", Type: &arrow.Decimal128Type{Precision: 9, Scale: 2}, Nullable: true},
	{Name: "t", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
}, nil)

func describeRows(t *testing.T, rows ...string) string {
	t.Helper()
	batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, sample, strings.NewReader("["+strings.Join(rows, ",")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	defer batch.Release()
	table := array.NewTableFromRecords(sample, []arrow.RecordBatch{batch})
	defer table.Release()
	result, err := describe(table)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDescriptionsAreThoseOfPythonInAnyOrder(t *testing.T) {
	first := `{"n": 1, "s": "größe", "f": 0.5, "d": "1.25", "t": "1970-01-02"}`
	second := `{"n": null, "s": "", "f": null, "d": null, "t": "1970-01-03"}`
	third := `{"n": -3, "s": null, "f": -2.0, "d": "-7.50", "t": null}`
	for _, rows := range [][]string{{first, second, third}, {third, first, second}} {
		if got := describeRows(t, rows...); got != described {
			t.Errorf("described as\n%s, not as\n%s", got, described)
		}
	}
	if describeRows(t, first, second) == describeRows(t, first, third) {
		t.Error("other rows have the same description")
	}
}
