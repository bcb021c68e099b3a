// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"bytes"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// sample is one type with values that show its traps: nulls, empty and long values, extremes.
type sample struct {
	name     string
	dataType arrow.DataType
	json     string
}

func metadata(pairs ...string) arrow.Metadata {
	var keys, values []string
	for i := 0; i < len(pairs); i += 2 {
		keys, values = append(keys, pairs[i]), append(values, pairs[i+1])
	}
	return arrow.NewMetadata(keys, values)
}

const (
	numbersJSON = `[1, null, 3, -4, 0, 6, null, 8, 127, 9, 10]`
	countsJSON  = `[1, null, 3, 4, 0, 6, null, 8, 255, 9, 10]`
	textJSON    = `["a", null, "", "a text that is longer than twelve bytes", "e", "f", null, "ü", "another text of some length", "j", "k"]`
	bytesJSON   = `["YQ==", null, "", "bG9uZ2VyIHRoYW4gdHdlbHZlIGJ5dGVz", "ZQ==", "Zg==", null, "Zw==", "aA==", "aQ==", "ag=="]`
	listsJSON   = `[[1, 2], null, [], [3], [4, null, 6], [7], null, [8], [9, 10], [], [11]]`
	textsJSON   = `[["a", "b"], null, [], ["a text that is longer than twelve bytes"], ["d", null], ["e"], null, ["f"], [], ["g"], ["h"]]`
)

func flatSamples() []sample {
	samples := []sample{
		{"null", arrow.Null, `[null, null, null, null, null, null, null, null, null, null, null]`},
		{"bool", arrow.FixedWidthTypes.Boolean, `[true, null, false, true, true, false, null, true, false, true, true]`},
		{"float16", arrow.FixedWidthTypes.Float16, `[1.5, null, -2, 0, 4, 5, null, 7, 8, 9, 10]`},
		{"float32", arrow.PrimitiveTypes.Float32, `[1.5, null, -2, 0, 4, 5, null, 7, 8, 9, 1e30]`},
		{"float64", arrow.PrimitiveTypes.Float64, `[1.5, null, -2, 0, 4, 5, null, 7, 8, 9, 1e300]`},
		{"date32", arrow.FixedWidthTypes.Date32, `["2024-02-29", null, "1970-01-01", "1969-12-31", "2000-01-01", "2000-01-02", null, "2000-01-03", "2000-01-04", "2000-01-05", "2000-01-06"]`},
		{"date64", arrow.FixedWidthTypes.Date64, `["2024-02-29", null, "1970-01-01", "1969-12-31", "2000-01-01", "2000-01-02", null, "2000-01-03", "2000-01-04", "2000-01-05", "2000-01-06"]`},
		{"interval_months", arrow.FixedWidthTypes.MonthInterval, `[{"months": 1}, null, {"months": -3}, {"months": 0}, {"months": 4}, {"months": 5}, null, {"months": 6}, {"months": 7}, {"months": 8}, {"months": 9}]`},
		{"interval_day_time", arrow.FixedWidthTypes.DayTimeInterval, `[{"days": 1, "milliseconds": 2}, null, {"days": -3, "milliseconds": 4}, {"days": 0, "milliseconds": 0}, {"days": 4, "milliseconds": 1}, null, {"days": 5, "milliseconds": 1}]`},
		{"interval_month_day_nano", arrow.FixedWidthTypes.MonthDayNanoInterval, `[{"months": 1, "days": 2, "nanoseconds": 3}, null, {"months": -1, "days": 0, "nanoseconds": 5}, {"months": 0, "days": 0, "nanoseconds": 0}, null, {"months": 7, "days": 8, "nanoseconds": 9}]`},
		{"fixed_size_binary", &arrow.FixedSizeBinaryType{ByteWidth: 3}, `["YWJj", null, "ZGVm", "Z2hp", "amts", "bW5v", null, "cHFy"]`},
		{"uuid", extensions.NewUUIDType(), `["a1b2c3d4-e5f6-4711-8899-aabbccddeeff", null, "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"]`},
		{"bool8", extensions.NewBool8Type(), `[true, null, false, true, true]`},
	}
	for _, dataType := range []arrow.DataType{arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64} {
		samples = append(samples, sample{dataType.String(), dataType, numbersJSON})
	}
	for _, dataType := range []arrow.DataType{arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Uint64} {
		samples = append(samples, sample{dataType.String(), dataType, countsJSON})
	}
	for _, dataType := range []arrow.DataType{
		&arrow.Decimal32Type{Precision: 9, Scale: 2}, &arrow.Decimal64Type{Precision: 18, Scale: 3},
		&arrow.Decimal128Type{Precision: 38, Scale: 4}, &arrow.Decimal256Type{Precision: 76, Scale: -2},
	} {
		samples = append(samples, sample{dataType.String(), dataType, `["100", null, "-300", "0", "500", "600", null, "800"]`})
	}
	for _, unit := range arrow.TimeUnitValues {
		samples = append(samples,
			sample{"timestamp " + unit.String(), &arrow.TimestampType{Unit: unit}, `["2024-02-29T12:30:00", null, "1970-01-01", "1969-12-31T23:59:59", "2001-01-01"]`},
			sample{"timestamp zoned " + unit.String(), &arrow.TimestampType{Unit: unit, TimeZone: "Europe/Berlin"}, `["2024-02-29T12:30:00Z", null, "1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2001-01-01T00:00:00Z"]`},
			sample{"duration " + unit.String(), &arrow.DurationType{Unit: unit}, `[1, null, -3, 0, 5]`})
	}
	times := `["12:30:00", null, "00:00:00", "23:59:59", "01:02:03"]`
	samples = append(samples,
		sample{"time32 s", arrow.FixedWidthTypes.Time32s, times}, sample{"time32 ms", arrow.FixedWidthTypes.Time32ms, times},
		sample{"time64 us", arrow.FixedWidthTypes.Time64us, times}, sample{"time64 ns", arrow.FixedWidthTypes.Time64ns, times})
	for _, dataType := range []arrow.DataType{arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.StringView} {
		samples = append(samples, sample{dataType.String(), dataType, textJSON})
	}
	for _, dataType := range []arrow.DataType{arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary, arrow.BinaryTypes.BinaryView} {
		samples = append(samples, sample{dataType.String(), dataType, bytesJSON})
	}
	return samples
}

func nestedSamples() []sample {
	integers, text := arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String
	described := arrow.Field{Name: "item", Type: integers, Nullable: true, Metadata: metadata("unit", "metre")}
	pair := arrow.StructOf(
		arrow.Field{Name: "count", Type: integers, Nullable: true, Metadata: metadata("role", "weight")},
		arrow.Field{Name: "name", Type: text, Nullable: true})
	structs := `[{"count": 1, "name": "a"}, null, {"count": null, "name": "c"}, {"count": 4, "name": null}, {"count": 5, "name": "e"}, {"count": 6, "name": "f"}, null, {"count": 8, "name": "h"}]`
	maps := `[[{"key": "a", "value": 1}, {"key": "b", "value": null}], null, [], [{"key": "c", "value": 3}], [{"key": "d", "value": 4}]]`
	sorted := arrow.MapOf(text, integers)
	sorted.KeysSorted = true
	unionFields := []arrow.Field{{Name: "number", Type: integers, Nullable: true}, {Name: "text", Type: text, Nullable: true}}
	unionCodes := []arrow.UnionTypeCode{5, 9}
	unions := `[[5, 1], [9, "b"], [5, null], [9, "a text that is longer than twelve bytes"], [5, 5], [9, null], [5, 7], [9, "h"]]`
	samples := []sample{
		{"list", arrow.ListOf(integers), listsJSON},
		{"list of text", arrow.ListOf(text), textsJSON},
		{"list with field metadata", arrow.ListOfField(described), listsJSON},
		{"list of views", arrow.ListOf(arrow.BinaryTypes.StringView), textsJSON},
		{"large list", arrow.LargeListOf(integers), listsJSON},
		{"list view", arrow.ListViewOf(integers), listsJSON},
		{"large list view", arrow.LargeListViewOf(text), textsJSON},
		{"fixed size list", arrow.FixedSizeListOf(2, integers), `[[1, 2], null, [3, null], [5, 6], [7, 8], [9, 10], null, [11, 12]]`},
		{"list of lists", arrow.ListOf(arrow.ListOf(text)), `[[["a"], []], null, [null, ["b", null]], [], [["c"]]]`},
		{"struct", pair, structs},
		{"struct of struct", arrow.StructOf(arrow.Field{Name: "pair", Type: pair, Nullable: true}), `[{"pair": {"count": 1, "name": "a"}}, null, {"pair": null}, {"pair": {"count": 4, "name": "d"}}, {"pair": {"count": 5, "name": "e"}}]`},
		{"list of structs", arrow.ListOf(pair), `[[{"count": 1, "name": "a"}], null, [], [{"count": 2, "name": "b"}, null], [{"count": 3, "name": "c"}]]`},
		{"empty struct", arrow.StructOf(), `[{}, null, {}, {}, {}]`},
		{"map", arrow.MapOf(text, integers), maps},
		{"sorted map", sorted, maps},
		{"dense union", arrow.DenseUnionOf(unionFields, unionCodes), unions},
		{"sparse union", arrow.SparseUnionOf(unionFields, unionCodes), unions},
		{"list of unions", arrow.ListOf(arrow.DenseUnionOf(unionFields, unionCodes)), `[[[5, 1], [9, "b"]], null, [], [[9, "c"]], [[5, 4]]]`},
	}
	for _, index := range []arrow.DataType{arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Uint64} {
		samples = append(samples,
			sample{"dictionary " + index.String(), &arrow.DictionaryType{IndexType: index, ValueType: text}, `["a", null, "b", "a", "c", "b", null, "a"]`},
			sample{"ordered dictionary " + index.String(), &arrow.DictionaryType{IndexType: index, ValueType: text, Ordered: true}, `["a", null, "b", "a", "c", "b", null, "a"]`})
	}
	samples = append(samples,
		sample{"list of dictionaries", arrow.ListOf(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: text}), `[["a", "b"], null, [], ["a", null], ["c"]]`})
	for _, ends := range []arrow.DataType{arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64} {
		samples = append(samples, sample{"run-end encoded " + ends.String(), arrow.RunEndEncodedOf(ends, text), `["a", "a", "a", null, null, "b", "b", "c"]`})
	}
	return samples
}

func allSamples() []sample { return append(flatSamples(), nestedSamples()...) }

// build makes the sample's array.
func (s sample) build(t testing.TB, mem memory.Allocator) arrow.Array {
	t.Helper()
	values, _, err := array.FromJSON(mem, s.dataType, strings.NewReader(s.json))
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return values
}

// shape is a way in which an array of any type may lie in memory.
type shape struct {
	name string
	make func(t testing.TB, mem memory.Allocator, s sample) arrow.Array
}

var shapes = []shape{
	{"plain", func(t testing.TB, mem memory.Allocator, s sample) arrow.Array { return s.build(t, mem) }},
	{"sliced", func(t testing.TB, mem memory.Allocator, s sample) arrow.Array { return slicedOnce(t, mem, s, 1, 1) }},
	{"offset", func(t testing.TB, mem memory.Allocator, s sample) arrow.Array { return slicedOnce(t, mem, s, 3, 0) }},
	{"sliced twice", func(t testing.TB, mem memory.Allocator, s sample) arrow.Array {
		once := slicedOnce(t, mem, s, 1, 0)
		defer once.Release()
		return array.NewSlice(once, 1, int64(once.Len()))
	}},
	{"sliced empty", func(t testing.TB, mem memory.Allocator, s sample) arrow.Array {
		whole := s.build(t, mem)
		defer whole.Release()
		return array.NewSlice(whole, 2, 2)
	}},
	{"empty", func(t testing.TB, mem memory.Allocator, s sample) arrow.Array {
		s.json = `[]`
		return s.build(t, mem)
	}},
	{"all null", func(t testing.TB, mem memory.Allocator, s sample) arrow.Array {
		return array.MakeArrayOfNull(mem, s.dataType, 9)
	}},
	{"from ipc", throughIPC},
}

func slicedOnce(t testing.TB, mem memory.Allocator, s sample, front, back int64) arrow.Array {
	whole := s.build(t, mem)
	defer whole.Release()
	return array.NewSlice(whole, front, int64(whole.Len())-back)
}

// throughIPC gives an array whose buffers lie in one message body, aligned to eight bytes and no more.
func throughIPC(t testing.TB, mem memory.Allocator, s sample) arrow.Array {
	values := s.build(t, mem)
	defer values.Release()
	schema := arrow.NewSchema([]arrow.Field{{Name: "values", Type: s.dataType, Nullable: true}}, nil)
	batch := array.NewRecordBatch(schema, []arrow.Array{values}, int64(values.Len()))
	defer batch.Release()
	var stream bytes.Buffer
	writer := ipc.NewWriter(&stream, ipc.WithSchema(schema), ipc.WithAllocator(mem))
	if err := writer.Write(batch); err != nil {
		t.Skipf("arrow-go cannot write %s: %v", s.name, err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := ipc.NewReader(bytes.NewReader(stream.Bytes()), ipc.WithAllocator(&eightAligned{mem}), ipc.WithDelayReadSchema(false))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	if !reader.Next() {
		t.Fatal(reader.Err())
	}
	column := reader.RecordBatch().Column(0)
	column.Retain()
	return column
}

// eightAligned hands out memory that is aligned to eight bytes but not to sixteen.
type eightAligned struct{ memory.Allocator }

func (a *eightAligned) Allocate(size int) []byte { return a.Allocator.Allocate(size + 8)[8:] }

func (a *eightAligned) Reallocate(size int, old []byte) []byte {
	grown := a.Allocate(size)
	copy(grown, old)
	a.Free(old)
	return grown
}

func (a *eightAligned) Free([]byte) {} // the slice's start is not what was allocated: the collector has it
