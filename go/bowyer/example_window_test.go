// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"time"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func ExamplePlan_Window() {
	orders := orderBatch()
	defer orders.Release()
	show(bowyer.FromBatches(orders.Schema(), orders).
		Window(bowyer.Over("customer").OrderBy(bowyer.Asc("day")).Rows(bowyer.UnboundedPreceding, 0),
			bowyer.RowNumber().As("n"),
			bowyer.Sum("amount").As("so_far"),
			bowyer.Lag("amount", 1).As("before")).
		Select("customer", "amount", "n", "so_far", "before"))
	// Output:
	// ann 30 1 30 (null)
	// bob 5 1 5 (null)
	// ann 12 2 42 30
	// cat (null) 1 (null) (null)
}

func ExampleWindow_Range() {
	orders := orderBatch()
	defer orders.Release()
	week := 7 * 24 * time.Hour
	show(bowyer.FromBatches(orders.Schema(), orders).
		Window(bowyer.Over().OrderBy(bowyer.Asc("day")).Range(-week, 0),
			bowyer.CountAll().As("in_a_week")).
		Select("day", "in_a_week"))
	// Output:
	// 2024-01-05 1
	// 2024-01-06 2
	// 2024-02-01 1
	// 2024-02-03 2
}
