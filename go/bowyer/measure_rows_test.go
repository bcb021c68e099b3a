// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func salesTable() (*arrow.Schema, arrow.RecordBatch) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "shop", Type: arrow.BinaryTypes.String},
		{Name: "amount", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	builder.Field(0).(*array.StringBuilder).AppendValues([]string{"a", "a", "a", "b", "b"}, nil)
	builder.Field(1).(*array.Int64Builder).AppendValues([]int64{5, 5, 20, 1, 2}, nil)
	return schema, builder.NewRecordBatch()
}

func ExampleMeasure_Filter() {
	schema, batch := salesTable()
	defer batch.Release()
	plan := bowyer.FromBatches(schema, batch).
		GroupBy("shop").
		Agg(
			bowyer.CountAll().Filter(bowyer.Col("amount").Ge(10)).As("large"),
			bowyer.Sum("amount").Distinct().As("different"),
		).
		Sort(bowyer.Asc("shop"))
	table, err := plan.Collect(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer table.Release()
	for i := range int(table.NumCols()) {
		fmt.Println(table.Column(i).Name(), table.Column(i).Data().Chunk(0))
	}
	// Output:
	// shop ["a" "b"]
	// large [1 0]
	// different [25 3]
}

func ExampleMeasure_OrderBy() {
	orders := orderBatch()
	defer orders.Release()
	latest := bowyer.Last("amount").Option("skip_nulls", true).OrderBy(bowyer.Asc("day")).As("latest")
	show(bowyer.FromBatches(orders.Schema(), orders).
		GroupBy("customer").
		Agg(latest, bowyer.Aggregate("list", nil, bowyer.Col("amount")).OrderBy(bowyer.Asc("amount")).As("amounts")).
		Sort(bowyer.Asc("customer")))
	// Output:
	// ann 12 [12,30]
	// bob 5 [5]
	// cat (null) [null]
}

func ExamplePlan_DistinctKeep() {
	orders := orderBatch()
	defer orders.Release()
	show(bowyer.FromBatches(orders.Schema(), orders).
		DistinctKeep(bowyer.KeepLast, "customer").
		Sort(bowyer.Asc("customer")))
	// Output:
	// ann 12 2024-02-01
	// bob 5 2024-01-06
	// cat (null) 2024-02-03
}

func TestOrdersAndKeepsHaveTextAndJSON(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Int64}}, nil)
	in := bowyer.Input("t", schema)
	checkTextAndJSON(t, in.GroupBy().Agg(bowyer.First("x").OrderBy(bowyer.Desc("x").NullsFirst()).As("f")), "first(x) by x desc nulls first as f")
	checkTextAndJSON(t, in.DistinctKeep(bowyer.KeepLast, "x"), "distinct [0] of x keep last")
	checkTextAndJSON(t, in.DistinctKeep(bowyer.KeepAny), "distinct [0] keep any")
	if !in.DistinctKeep(bowyer.KeepFirst).Equal(in.Distinct()) {
		t.Error("to keep the first is not what Distinct does")
	}
	if err := in.DistinctKeep(bowyer.Keep(9)).Err(); !errors.Is(err, bowyer.ErrInvalidArgument) {
		t.Errorf("an unknown Keep: %v", err)
	}
	if err := in.GroupBy().Agg(bowyer.First("x").OrderBy(bowyer.Asc("y")).As("f")).Err(); !errors.Is(err, bowyer.ErrNotFound) {
		t.Errorf("an order by a column that is not there: %v", err)
	}
}

func ExamplePlan_Window_distinct() {
	orders := orderBatch()
	defer orders.Release()
	show(bowyer.FromBatches(orders.Schema(), orders).
		Window(bowyer.Over().OrderBy(bowyer.Asc("day")),
			bowyer.Count("customer").Distinct().As("customers"),
			bowyer.Sum("amount").Filter(bowyer.Col("amount").Gt(10)).As("large")).
		Select("day", "customers", "large"))
	// Output:
	// 2024-01-05 1 30
	// 2024-01-06 2 30
	// 2024-02-01 2 42
	// 2024-02-03 3 42
}

func TestMeasureFilterAndDistinctSurviveJSON(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Int64}}, nil)
	plan := bowyer.Input("t", schema).GroupBy().Agg(
		bowyer.Sum("x").Filter(bowyer.Col("x").Gt(1)).As("some"),
		bowyer.Count("x").Distinct().As("different"),
	)
	if err := plan.Err(); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := bowyer.PlanFromJSON(encoded)
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(decoded)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(encoded) {
		t.Fatalf("%s became %s", encoded, again)
	}
	text := plan.String()
	for _, part := range []string{"where greater(x, 1) as some", "count(distinct x) as different"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %s", part, text)
		}
	}
}

func TestMeasureRowsAreChecked(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Int64}}, nil)
	input := bowyer.Input("t", schema).GroupBy()
	for name, plan := range map[string]bowyer.Plan{
		"no such column":  input.Agg(bowyer.Sum("x").Filter(bowyer.Col("y").Gt(1))),
		"an empty filter": input.Agg(bowyer.Sum("x").Filter(bowyer.Expr{})),
		"distinct rows":   input.Agg(bowyer.CountAll().Distinct()),
	} {
		var problem *bowyer.Error
		if err := plan.Err(); !errors.As(err, &problem) || !strings.Contains(problem.Path, "measures[0]") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
