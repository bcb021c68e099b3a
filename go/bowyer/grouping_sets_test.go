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

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func ExampleGrouped_Rollup() {
	schema, batch := salesTable()
	defer batch.Release()
	plan := bowyer.FromBatches(schema, batch).
		GroupBy("shop").Rollup().
		Agg(bowyer.Sum("amount")).
		Sort(bowyer.Asc("grouping_id"), bowyer.Asc("shop"))
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
	// shop ["a" "b" (null)]
	// grouping_id [0 0 1]
	// amount_sum [30 3 33]
}

func TestGroupingSetsSurviveJSON(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "b", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	grouped := bowyer.Input("t", schema).GroupBy("a", "b")
	for name, plan := range map[string]bowyer.Plan{
		"sets [a, b], [b], []":      grouped.Sets([]string{"a", "b"}, []string{"b"}, nil).Agg(bowyer.CountAll()),
		"sets [a, b], [a], []":      grouped.Rollup().Agg(bowyer.CountAll()),
		"sets [a, b], [b], [a], []": grouped.Cube().Agg(bowyer.CountAll()),
	} {
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
		if text := decoded.String(); !strings.Contains(text, name) {
			t.Errorf("%q is not in %s", name, text)
		}
		sorted := decoded.Sort(bowyer.Asc("grouping_id"))
		if err := sorted.Err(); err != nil {
			t.Error(err)
		}
	}
}

func TestGroupingSetsAreChecked(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)
	plan := bowyer.Input("t", schema).GroupBy("a").Sets([]string{"b"}).Agg(bowyer.CountAll())
	var problem *bowyer.Error
	if err := plan.Err(); !errors.As(err, &problem) || problem.Code != bowyer.CodeNotFound {
		t.Errorf("%v", err)
	}
}
