// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo

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
