// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func cartBatch() arrow.RecordBatch {
	return fromJSON(arrow.NewSchema([]arrow.Field{
		{Name: "customer", Type: arrow.BinaryTypes.String},
		{Name: "prices", Type: arrow.ListOf(arrow.PrimitiveTypes.Float64), Nullable: true},
		{Name: "rate", Type: arrow.PrimitiveTypes.Float64},
	}, nil), `[{"customer": "ann", "prices": [4, 10], "rate": 0.5}, {"customer": "bob", "prices": [], "rate": 2},
		{"customer": "cat", "rate": 1}]`)
}

func ExampleExpr_ListTransform() {
	carts := cartBatch()
	defer carts.Release()
	converted := bowyer.Col("prices").ListTransform(func(price bowyer.Expr) bowyer.Expr {
		return price.Mul(bowyer.Col("rate"))
	})
	show(bowyer.FromBatches(carts.Schema(), carts).Select("customer", converted.As("converted")))
	// Output:
	// ann [2,5]
	// bob []
	// cat (null)
}

func ExampleExpr_ListFilter() {
	carts := cartBatch()
	defer carts.Release()
	large := bowyer.Col("prices").ListFilter(func(price bowyer.Expr) bowyer.Expr { return price.Gt(5) })
	show(bowyer.FromBatches(carts.Schema(), carts).Select("customer", large.As("large")))
	// Output:
	// ann [10]
	// bob []
	// cat (null)
}

func ExampleExpr_ListReduce() {
	carts := cartBatch()
	defer carts.Release()
	total := bowyer.Col("prices").ListReduce(0.0, func(total, price bowyer.Expr) bowyer.Expr {
		return total.Add(price.Mul(bowyer.Col("rate")))
	})
	show(bowyer.FromBatches(carts.Schema(), carts).Select("customer", total.As("total")))
	// Output:
	// ann 7
	// bob 0
	// cat (null)
}
