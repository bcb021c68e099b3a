// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func TestListExpressionsInJSON(t *testing.T) {
	carts := cartBatch()
	defer carts.Release()
	nested := bowyer.Col("prices").ListTransform(func(price bowyer.Expr) bowyer.Expr {
		above := bowyer.Col("prices").ListFilter(func(other bowyer.Expr) bowyer.Expr { return other.Gt(price) })
		return above.ListReduce(0.0, func(total, other bowyer.Expr) bowyer.Expr { return total.Add(other) })
	})
	plan := bowyer.FromBatches(carts.Schema(), carts).Select(nested.As("above"))
	encoded, err := plan.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	read, err := bowyer.PlanFromJSON(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if !read.Equal(plan) {
		t.Fatalf("the plan that was read back differs: %s", encoded)
	}
}

func TestListExpressionsThatAreRefused(t *testing.T) {
	carts := cartBatch()
	defer carts.Release()
	from := bowyer.FromBatches(carts.Schema(), carts)
	var stray bowyer.Expr
	same := bowyer.Col("prices").ListTransform(func(price bowyer.Expr) bowyer.Expr { stray = price; return price })
	for _, c := range []struct {
		name    string
		made    bowyer.Expr
		want    error
		message string
	}{
		{"no body", bowyer.Col("prices").ListTransform(nil), bowyer.ErrInvalidArgument, "needs a body"},
		{"no body of a reduce", bowyer.Col("prices").ListReduce(0, nil), bowyer.ErrInvalidArgument, "needs a body"},
		{"an empty body", bowyer.Col("prices").ListFilter(func(bowyer.Expr) bowyer.Expr { return bowyer.Expr{} }), bowyer.ErrInvalidArgument, "empty Expr"},
		{"an unknown column", bowyer.Col("prices").ListTransform(func(price bowyer.Expr) bowyer.Expr { return price.Mul(bowyer.Col("rat")) }), bowyer.ErrNotFound, "did you mean"},
		{"a stray element", stray.Add(same.ListReduce(0.0, func(total, _ bowyer.Expr) bowyer.Expr { return total })), bowyer.ErrInvalidArgument, "outside the body"},
		{"a predicate that is none", bowyer.Col("prices").ListFilter(func(price bowyer.Expr) bowyer.Expr { return price }), bowyer.ErrTypeMismatch, "not bool"},
		{"a reduce of another type", bowyer.Col("prices").ListReduce(0, func(total, price bowyer.Expr) bowyer.Expr { return total.Add(price) }), bowyer.ErrTypeMismatch, "initial value"},
		{"no list", bowyer.Col("rate").ListTransform(func(rate bowyer.Expr) bowyer.Expr { return rate }), bowyer.ErrTypeMismatch, "elements are of lists"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := from.Select(c.made.As("made")).Prepare(context.Background())
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.message) {
				t.Fatalf("%v", err)
			}
			var located *bowyer.Error
			if !errors.As(err, &located) || !strings.Contains(located.Origin, "expr_list_test.go") {
				t.Fatalf("no line of this file: %#v", located)
			}
		})
	}
}
