// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
	"github.com/bowyer-arrow/bowyer/go/bowyertest"
)

func ExamplePlan_Rejects() {
	batch := orderBatch()
	defer batch.Release()
	plan := bowyer.FromBatches(orderSchema, batch).
		With(bowyer.Lit(100).Div(bowyer.Col("amount").Sub(5)).As("share")).
		Rejects("bad", bowyer.MaxShare(0.5)).
		Select("customer", "share")
	result, err := plan.Run(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer result.Release()
	for result.Next() {
		fmt.Println(result.RecordBatch().Column(0), result.RecordBatch().Column(1))
	}
	bad, err := result.Output("bad")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer bad.Release()
	for bad.Next() {
		rejected := bad.RecordBatch()
		fmt.Println(rejected.Column(0), rejected.Column(1), rejected.Column(3), rejected.Column(10))
	}
	// Output:
	// ["ann" "ann" "cat"] [4 14 (null)]
	// ["bob"] [5] ["DivideByZero"] [1]
}

func TestRejectsAreLimitedAndReleased(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	batch := orderBatch()
	defer batch.Release()
	with := bowyer.FromBatches(orderSchema, batch).With(bowyer.Lit(1).Div(bowyer.Col("amount").Sub(5)).As("q"))
	for _, option := range []bowyer.RejectOption{bowyer.MaxShare(0.2), bowyer.MaxRejects(0)} {
		result, err := with.Rejects("bad", option).Run(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for result.Next() {
		}
		if !errors.Is(result.Err(), bowyer.ErrLimitExceeded) {
			t.Errorf("got %v", result.Err())
		}
		if _, err := result.Output("bad"); !errors.Is(err, bowyer.ErrLimitExceeded) {
			t.Errorf("got %v", err)
		}
		result.Release()
	}
	if _, err := with.Collect(ctx); !errors.Is(err, bowyer.ErrDivideByZero) {
		t.Errorf("without rejects: %v", err)
	}
	result, err := with.Rejects("bad").Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Release()
	if _, err := result.Output("bad"); !errors.Is(err, bowyer.ErrInvalidState) {
		t.Errorf("before the end: %v", err)
	}
	if _, err := result.Output("worse"); !errors.Is(err, bowyer.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestRejectsAreCheckedAndKeptInJSON(t *testing.T) {
	bowyertest.NoLeaks(t)
	table := bowyer.Input("orders", orderSchema)
	selected := table.Select("amount")
	for _, plan := range []bowyer.Plan{
		table.Limit(3).Rejects("bad"), table.Rejects("bad"), selected.Rejects(""), selected.Rejects("result"),
		selected.Rejects("bad").Filter(bowyer.Col("amount").Gt(1)).Rejects("bad"), selected.Rejects("bad", bowyer.MaxShare(2)),
	} {
		if err := plan.Err(); !errors.Is(err, bowyer.ErrInvalidArgument) {
			t.Errorf("got %v", err)
		}
	}
	plan := selected.Rejects("bad", bowyer.MaxShare(0.25), bowyer.MaxRejects(7))
	content, err := plan.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := bowyer.PlanFromJSON(content)
	if err != nil {
		t.Fatal(err)
	}
	if !back.Equal(plan) || back.Equal(selected) {
		t.Errorf("came back as %s", content)
	}
}

func TestARowOfAJoinWhoseConditionFailsIsSetAside(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	batch := orderBatch()
	defer batch.Release()
	orders := bowyer.FromBatches(orderSchema, batch)
	totals := orders.GroupBy("customer").Agg(bowyer.Sum("amount").As("total"))
	// Bob's one order is all of his total.
	others := bowyer.Lit(100).Div(bowyer.Col("total").Sub(bowyer.Col("amount"))).Gt(0)
	join := orders.Join(bowyer.LeftSemi, totals, bowyer.On("customer").Where(others))
	if _, err := join.Collect(ctx); !errors.Is(err, bowyer.ErrDivideByZero) {
		t.Fatalf("without rejects the run ends with %v", err)
	}
	result, err := join.Rejects("bad").Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Release()
	var kept int64
	for result.Next() {
		kept += result.RecordBatch().NumRows()
	}
	bad, err := result.Output("bad")
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Release()
	var rejected []string
	for bad.Next() {
		rows := bad.RecordBatch()
		for row := range int(rows.NumRows()) {
			rejected = append(rejected, rows.Column(0).ValueStr(row)+" "+rows.Column(3).ValueStr(row))
		}
	}
	if want := []string{"bob DivideByZero"}; kept != 2 || !slices.Equal(rejected, want) {
		t.Errorf("%d rows are kept, and %q rejected; want 2 and %q", kept, rejected, want)
	}
}
