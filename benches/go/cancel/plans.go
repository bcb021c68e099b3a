// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// named is a plan and the operator that it spends its time in.
type named struct {
	name string
	plan bowyer.Plan
}

// tables are a large table, in one batch as a program that has read a file holds it, and a smaller one.
type tables struct {
	large, small arrow.RecordBatch
}

func (t tables) release() {
	t.large.Release()
	t.small.Release()
}

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "few", Type: arrow.PrimitiveTypes.Int32},
	{Name: "many", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "value", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "text", Type: arrow.BinaryTypes.String},
	{Name: "list", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32)},
}, nil)

func makeTables(rows int) tables {
	return tables{makeBatch(rows, 1), makeBatch(max(rows/10, 1), 2)}
}

func makeBatch(rows int, seed uint64) arrow.RecordBatch {
	random := rand.New(rand.NewPCG(seed, 7))
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	id, few := builder.Field(0).(*array.Int64Builder), builder.Field(1).(*array.Int32Builder)
	many, value := builder.Field(2).(*array.Int64Builder), builder.Field(3).(*array.Float64Builder)
	text, list := builder.Field(4).(*array.StringBuilder), builder.Field(5).(*array.ListBuilder)
	elements := list.ValueBuilder().(*array.Int32Builder)
	for row := range rows {
		id.Append(int64(row))
		few.Append(int32(random.IntN(100)))
		if random.IntN(20) == 0 {
			many.AppendNull()
			value.AppendNull()
		} else {
			many.Append(random.Int64N(int64(rows)))
			value.Append(random.Float64())
		}
		text.Append(fmt.Sprintf("value %d of some", random.IntN(rows)))
		list.Append(true)
		for range random.IntN(4) {
			elements.Append(int32(row))
		}
	}
	return builder.NewRecordBatch()
}

// plans are one for each operator, and for each of its ways that differs much.
func plans(data tables) []named {
	large, small := bowyer.FromBatches(schema, data.large), bowyer.FromBatches(schema, data.small)
	flat := large.Select("id", "few", "many", "value", "text")
	narrow := small.Select(bowyer.Col("few").As("few_right"), bowyer.Col("many"), bowyer.Col("value").As("value_right"))
	few := bowyer.Over("few").OrderBy(bowyer.Asc("value"))
	running := few.Rows(bowyer.UnboundedPreceding, 0)
	return []named{
		{"filter", large.Filter(bowyer.Col("text").Contains("99"))},
		{"project", flat.With(bowyer.Col("value").Mul(2.0).As("twice"), bowyer.Col("text").Upper().As("upper"))},
		{"aggregate_none", flat.GroupBy().Agg(bowyer.Sum("value"), bowyer.Median("value"), bowyer.CountDistinct("text"))},
		{"aggregate_few", flat.GroupBy("few").Agg(bowyer.Sum("value"), bowyer.Mean("value"), bowyer.Median("value"))},
		{"aggregate_many", flat.GroupBy("many").Agg(bowyer.Sum("value"), bowyer.Max("text"))},
		{"aggregate_text", flat.GroupBy("text").Agg(bowyer.CountAll(), bowyer.Sum("value"))},
		{"aggregate_unique", flat.GroupBy("id", "text").Agg(bowyer.CountAll())},
		{"grouping_sets", flat.GroupBy("few", "many").Rollup().Agg(bowyer.Sum("value"))},
		{"join", flat.Join(bowyer.Inner, narrow, bowyer.On("many"))},
		{"join_left", flat.Join(bowyer.Left, narrow, bowyer.On("many"))},
		{"join_full", flat.Join(bowyer.Full, narrow, bowyer.On("many"))},
		{"join_anti", flat.Join(bowyer.LeftAnti, narrow, bowyer.On("many"))},
		{"join_large", small.Select("many", "id").Join(bowyer.Left, flat, bowyer.On("many").Suffix("_right"))},
		{"join_pairs", small.Select("few", "id").Join(bowyer.Inner, small.Select("few", "value"), bowyer.On("few"))},
		{"join_residual", small.Select("few", "id").Join(bowyer.Inner, narrow, bowyer.OnPair("few", "few_right").
			Where(bowyer.Col("value_right").Gt(0.99)))},
		{"join_where", small.Select("id", "value").Limit(5000).Join(bowyer.Inner, narrow.Limit(5000),
			bowyer.OnWhere(bowyer.Col("value").Lt(bowyer.Col("value_right"))))},
		{"cross", small.Select("id").CrossJoin(narrow.Limit(1000), "_right")},
		{"as_of", flat.Select("few", "value").AsOfJoin(small.Select("few", "value", "id"), bowyer.AsOfOn("value", "value").By("few", "few"))},
		{"sort", flat.Sort(bowyer.Asc("value"))},
		{"sort_text", flat.Sort(bowyer.Asc("text"), bowyer.Desc("value"))},
		{"top", flat.Sort(bowyer.Desc("value")).Limit(50_000)},
		{"distinct", flat.Distinct("many")},
		{"distinct_text", flat.Distinct("text")},
		{"union", flat.Union(flat, flat)},
		{"intersect", flat.Select("many", "text").Intersect(small.Select("many", "text"))},
		{"except", flat.Select("many").Except(small.Select("many"))},
		{"window_rank", flat.Window(few, bowyer.RowNumber(), bowyer.Lag("value", 1).As("lag"))},
		{"window_sum", flat.Window(running, bowyer.Sum("value").As("sum"))},
		{"window_all", flat.Window(bowyer.Over().OrderBy(bowyer.Asc("value")), bowyer.Rank())},
		{"window_median", small.Limit(10_000).Window(few.Rows(-50, 50), bowyer.Median("value").As("median"))},
		{"unnest", large.Unnest("list")},
		{"pivot", flat.GroupBy("many").Pivot("few", 1, 2, 3).Agg(bowyer.Sum("value"))},
		{"unpivot", flat.Unpivot("name", "number", "id", "many")},
		{"sample", flat.SampleRows(100_000, 7)},
	}
}
