// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func ExamplePlan_Explain() {
	batch := orderBatch()
	defer batch.Release()
	plan := bowyer.FromBatches(orderSchema, batch).
		Select(bowyer.Col("customer"), bowyer.Col("amount")).
		Filter(bowyer.Col("amount").Gt(10))
	text, err := plan.Explain(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(text)
	// Output:
	// plan
	// scan[0]: input0 (customer, amount, day)
	// project[1]: scan[0] select customer, amount
	// filter[2]: project[1] where greater(amount, 10)
	// output "result": filter[2]
	//
	// optimised
	// scan[0]: input0 (customer, amount)
	// filter[2]: scan[0] where greater(amount, 10)
	// project[1]: filter[2] select customer, amount
	// output "result": project[1]
	//
	// pipelines
	// pipeline 0: scan[0] input0(customer, amount) → filter[2] → project[1] → output "result"
}

func ExamplePlan_ExplainAnalyze() {
	batch := orderBatch()
	defer batch.Release()
	plan := bowyer.FromBatches(orderSchema, batch).
		Filter(bowyer.Col("amount").Gt(10)).
		GroupBy("customer").Agg(bowyer.Sum("amount"))
	text, err := plan.ExplainAnalyze(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	// Times and memory differ from run to run.
	measured := regexp.MustCompile(`[0-9.]+ (ns|µs|ms|s|B|KiB|MiB)\b`)
	fmt.Print(measured.ReplaceAllString(text, "…"))
	// Output:
	// scan[0]: input0 (customer, amount)
	//     4 rows, 1 batch, …
	// filter[1]: scan[0] where greater(amount, 10)
	//     4 → 2 rows, 1 → 1 batches, …, peak memory …
	// aggregate[2]: filter[1] group by [customer] compute [sum_checked(amount)]
	//     2 → 1 rows, 1 → 1 batches, …, peak memory …
	// query: 4 rows in, 1 row out, …, … on all threads, peak memory …
}

func TestExplainAnalyzeReturnsTheErrorOfARow(t *testing.T) {
	batch := orderBatch()
	defer batch.Release()
	plan := bowyer.FromBatches(orderSchema, batch).With(bowyer.Lit(1).Div(bowyer.Col("amount").Sub(5)).As("q"))
	if _, err := plan.ExplainAnalyze(context.Background()); !errors.Is(err, bowyer.ErrDivideByZero) {
		t.Fatalf("got %v", err)
	}
}

func TestRewritesAreLeftOutByName(t *testing.T) {
	ctx := context.Background()
	engine, err := bowyer.Open(ctx, bowyer.Config{DisabledRewrites: []string{"filters"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := engine.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	batch := orderBatch()
	defer batch.Release()
	plan := bowyer.FromBatches(orderSchema, batch).Select(bowyer.Col("amount")).Filter(bowyer.Col("amount").Gt(10))
	text, err := plan.Explain(bowyer.WithEngine(ctx, engine))
	if err != nil {
		t.Fatal(err)
	}
	_, optimised, _ := strings.Cut(text, "\noptimised\n")
	if !strings.Contains(optimised, "filter[2]: project[1]") {
		t.Errorf("the filter has moved:\n%s", optimised)
	}
	if _, err := bowyer.Open(ctx, bowyer.Config{DisabledRewrites: []string{"magic"}}); !errors.Is(err, bowyer.ErrInvalidArgument) {
		t.Errorf("got %v", err)
	}
}
