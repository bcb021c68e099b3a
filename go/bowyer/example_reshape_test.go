// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func ExamplePlan_Intersect() {
	orders := orderBatch()
	defer orders.Release()
	plan := bowyer.FromBatches(orders.Schema(), orders).Select("customer")
	large := bowyer.FromBatches(orders.Schema(), orders).Filter(bowyer.Col("amount").Gt(10)).Select("customer")
	show(plan.Intersect(large))
	// Output:
	// ann
}

func ExamplePlan_Except() {
	orders := orderBatch()
	defer orders.Release()
	plan := bowyer.FromBatches(orders.Schema(), orders).Select("customer")
	large := bowyer.FromBatches(orders.Schema(), orders).Filter(bowyer.Col("amount").Gt(10)).Select("customer")
	show(plan.Except(large))
	// Output:
	// bob
	// cat
}

func ExamplePlan_Unnest() {
	carts := fromJSON(arrow.NewSchema([]arrow.Field{
		{Name: "customer", Type: arrow.BinaryTypes.String},
		{Name: "items", Type: arrow.ListOf(arrow.BinaryTypes.String)},
	}, nil), `[{"customer": "ann", "items": ["pen", "ink"]}, {"customer": "bob", "items": []}]`)
	defer carts.Release()
	plan := bowyer.FromBatches(carts.Schema(), carts)
	show(plan.Unnest("items"))
	show(plan.UnnestAs(bowyer.Elements("items").KeepEmpty().Ordinality("n")))
	// Output:
	// ann pen
	// ann ink
	// ann pen 1
	// ann ink 2
	// bob (null) (null)
}

func ExamplePlan_Unpivot() {
	readings := fromJSON(arrow.NewSchema([]arrow.Field{
		{Name: "day", Type: arrow.PrimitiveTypes.Int64},
		{Name: "north", Type: arrow.PrimitiveTypes.Float64},
		{Name: "south", Type: arrow.PrimitiveTypes.Float64},
	}, nil), `[{"day": 1, "north": 3.5, "south": 9.25}, {"day": 2, "north": 4.5, "south": 8.5}]`)
	defer readings.Release()
	show(bowyer.FromBatches(readings.Schema(), readings).Unpivot("station", "degrees", "north", "south"))
	// Output:
	// 1 north 3.5
	// 1 south 9.25
	// 2 north 4.5
	// 2 south 8.5
}

func ExampleGrouped_Pivot() {
	orders := orderBatch()
	defer orders.Release()
	show(bowyer.FromBatches(orders.Schema(), orders).
		With(bowyer.Col("day").Month().As("month")).
		GroupBy("customer").
		Pivot("month", bowyer.Spread(1).As("january"), bowyer.Spread(2).As("february")).
		Agg(bowyer.Sum("amount")).
		Sort(bowyer.Asc("customer")))
	// Output:
	// ann 30 12
	// bob 5 (null)
	// cat (null) (null)
}

func ExamplePlan_SampleRows() {
	orders := orderBatch()
	defer orders.Release()
	show(bowyer.FromBatches(orders.Schema(), orders).SampleRows(2, 7).GroupBy().Agg(bowyer.CountAll()))
	// Output:
	// 2
}
