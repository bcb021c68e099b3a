// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyertest

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Row is a row of values: nil for null, a Go number for any number, a string, []byte, bool, or time.Time for a timestamp or date.
// Values of other types are compared by their text, as arrow-go prints it.
type Row = []any

// floatTolerance is the relative difference that two floats may have: sums may be added in any order.
const floatTolerance = 1e-12

// Rows fails the test unless got has exactly these rows, in this order. got is an arrow.RecordBatch, an arrow.Table, a slice of
// batches, or an array.RecordReader, which is read to its end.
func Rows(t testing.TB, got any, want ...Row) {
	t.Helper()
	if difference := compare(collect(t, got), want); difference != "" {
		t.Error(difference)
	}
}

// AnyOrder is [Rows] for an answer whose rows have no order.
func AnyOrder(t testing.TB, got any, want ...Row) {
	t.Helper()
	have := collect(t, got)
	want = slices.Clone(want)
	byText(have)
	byText(want)
	if difference := compare(have, want); difference != "" {
		t.Error(difference)
	}
}

func byText(rows []Row) {
	slices.SortStableFunc(rows, func(a, b Row) int { return strings.Compare(rowText(a), rowText(b)) })
}

// rowText writes numbers with the digits that floatTolerance leaves, so that rows that compare as equal sort alike.
func rowText(row Row) string {
	parts := make([]string, len(row))
	for i, value := range row {
		switch v := normal(value).(type) {
		case int64:
			parts[i] = fmt.Sprintf("%.10g", float64(v))
		case uint64:
			parts[i] = fmt.Sprintf("%.10g", float64(v))
		case float64:
			parts[i] = fmt.Sprintf("%.10g", v)
		default:
			parts[i] = fmt.Sprint(v)
		}
	}
	return strings.Join(parts, " | ")
}

func compare(got, want []Row) string {
	for i := range min(len(got), len(want)) {
		if len(got[i]) != len(want[i]) {
			return fmt.Sprintf("row %d has %d columns, want %d: %v", i, len(got[i]), len(want[i]), got[i])
		}
		for j := range got[i] {
			if !equal(got[i][j], want[i][j]) {
				return fmt.Sprintf("row %d, column %d is %v (%T), want %v (%T)\n got %v\nwant %v",
					i, j, got[i][j], got[i][j], want[i][j], want[i][j], got[i], want[i])
			}
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d rows, want %d\n got %s\nwant %s", len(got), len(want), rowsText(got), rowsText(want))
	}
	return ""
}

func rowsText(rows []Row) string {
	const most = 20
	text := fmt.Sprint(rows[:min(len(rows), most)])
	if len(rows) > most {
		text += " …"
	}
	return text
}

// normal makes numbers of one kind one type.
func normal(value any) any {
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() <= math.MaxInt64 {
			return int64(v.Uint())
		}
		return v.Uint()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	}
	return value
}

func equal(got, want any) bool {
	got, want = normal(got), normal(want)
	switch g := got.(type) {
	case float64:
		switch w := want.(type) {
		case float64:
			return equalFloats(g, w)
		case int64:
			return equalFloats(g, float64(w))
		}
		return false
	case time.Time:
		w, ok := want.(time.Time)
		return ok && g.Equal(w)
	case []byte:
		w, ok := want.([]byte)
		return ok && bytes.Equal(g, w)
	case text:
		return string(g) == fmt.Sprint(want)
	}
	return reflect.DeepEqual(got, want)
}

func equalFloats(a, b float64) bool {
	if a == b || math.IsNaN(a) && math.IsNaN(b) {
		return true
	}
	return math.Abs(a-b) <= floatTolerance*max(math.Abs(a), math.Abs(b))
}

func collect(t testing.TB, got any) []Row {
	t.Helper()
	switch v := got.(type) {
	case arrow.RecordBatch:
		return appendRows(nil, v)
	case []arrow.RecordBatch:
		var rows []Row
		for _, batch := range v {
			rows = appendRows(rows, batch)
		}
		return rows
	case arrow.Table:
		reader := array.NewTableReader(v, 0)
		defer reader.Release()
		return collect(t, reader)
	case array.RecordReader:
		var rows []Row
		for v.Next() {
			rows = appendRows(rows, v.RecordBatch())
		}
		if err := v.Err(); err != nil {
			t.Fatalf("reading the rows: %v", err)
		}
		return rows
	}
	t.Fatalf("%T has no rows: give an arrow.RecordBatch, an arrow.Table or an array.RecordReader", got)
	return nil
}

// appendRows copies the rows of a batch, strings included: they outlive it.
func appendRows(rows []Row, batch arrow.RecordBatch) []Row {
	for i := range int(batch.NumRows()) {
		row := make(Row, batch.NumCols())
		for j, column := range batch.Columns() {
			row[j] = valueAt(column, i)
		}
		rows = append(rows, row)
	}
	return rows
}

// text is the printed form of a value whose type has no Go literal.
type text string

func valueAt(column arrow.Array, i int) any {
	if column.IsNull(i) {
		return nil
	}
	switch c := column.(type) {
	case *array.Null:
		return nil
	case *array.Boolean:
		return c.Value(i)
	case array.StringLike:
		return strings.Clone(c.Value(i))
	case *array.Binary:
		return bytes.Clone(c.Value(i))
	case *array.Timestamp:
		unit := c.DataType().(*arrow.TimestampType).Unit
		return c.Value(i).ToTime(unit)
	case *array.Date32:
		return c.Value(i).ToTime()
	case *array.Date64:
		return c.Value(i).ToTime()
	case *array.Dictionary:
		return valueAt(c.Dictionary(), c.GetValueIndex(i))
	case *array.Int8:
		return int64(c.Value(i))
	case *array.Int16:
		return int64(c.Value(i))
	case *array.Int32:
		return int64(c.Value(i))
	case *array.Int64:
		return c.Value(i)
	case *array.Uint8:
		return int64(c.Value(i))
	case *array.Uint16:
		return int64(c.Value(i))
	case *array.Uint32:
		return int64(c.Value(i))
	case *array.Uint64:
		return c.Value(i)
	case *array.Float16:
		return float64(c.Value(i).Float32())
	case *array.Float32:
		return float64(c.Value(i))
	case *array.Float64:
		return c.Value(i)
	}
	return text(column.ValueStr(i))
}
