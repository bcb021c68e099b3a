// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// readUpTo counts the rows of a run before its end.
func readUpTo(ctx context.Context, plan bowyer.Plan, options ...bowyer.RunOption) (rows int64, err error) {
	result, err := plan.Run(ctx, options...)
	if err != nil {
		return 0, err
	}
	defer result.Release()
	for result.Next() {
		rows += result.RecordBatch().NumRows()
	}
	return rows, result.Err()
}

func TestAResultThatIsLargerThanItMayBeIsATypedError(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	plan := bowyer.FromBatches(numberSchema, batches(t, 5, 100)...).Select(bowyer.Col("id"))
	for _, c := range []struct {
		name  string
		limit bowyer.RunOption
		rows  int64 // that come before the error
	}{
		{"one row too many", bowyer.MaxOutputRows(499), 400},
		{"no batch fits", bowyer.MaxOutputRows(99), 0},
		{"one byte too many", bowyer.MaxOutputBytes(500*8 - 1), 400},
	} {
		rows, err := readUpTo(ctx, plan, c.limit, bowyer.BatchRows(100), bowyer.QueryID("large"))
		var failure *bowyer.Error
		if !errors.Is(err, bowyer.ErrLimitExceeded) || !errors.As(err, &failure) {
			t.Fatalf("%s: got %v", c.name, err)
		}
		if failure.Path != "outputs[0]" || failure.QueryID != "large" || rows != c.rows {
			t.Errorf("%s: %d rows, then %v at %q of %q", c.name, rows, err, failure.Path, failure.QueryID)
		}
	}
	for _, limit := range []bowyer.RunOption{bowyer.MaxOutputRows(500), bowyer.MaxOutputBytes(500 * 8)} {
		if rows, err := readUpTo(ctx, plan, limit); err != nil || rows != 500 {
			t.Errorf("a result as large as it may be: %d rows, %v", rows, err)
		}
	}
	works(t, ctx)
}

func TestRejectsCountAsOutput(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	inverse := bowyer.Lit(1).Div(bowyer.Col("id").Sub(3)).As("inverse")
	plan := bowyer.FromBatches(numberSchema, batches(t, 1, 10)...).With(inverse).Rejects("bad")
	if rows, err := readUpTo(ctx, plan, bowyer.MaxOutputRows(10)); err != nil || rows != 9 {
		t.Errorf("nine rows and a reject: %d rows, %v", rows, err)
	}
	_, err := readUpTo(ctx, plan, bowyer.MaxOutputRows(9))
	var failure *bowyer.Error
	if !errors.As(err, &failure) || failure.Code != bowyer.CodeLimitExceeded || failure.Path != "outputs[1]" {
		t.Errorf("a reject too many: %v", err)
	}
}

func TestAnEngineLimitsTheOutputOfItsQueries(t *testing.T) {
	ctx := open(t, bowyer.Config{MaxOutputRows: 100})
	plan := bowyer.FromBatches(numberSchema, batches(t, 5, 100)...)
	if _, err := readUpTo(ctx, plan); !errors.Is(err, bowyer.ErrLimitExceeded) {
		t.Errorf("got %v", err)
	}
	if rows, err := readUpTo(ctx, plan.Limit(100)); err != nil || rows != 100 {
		t.Errorf("as many rows as the engine allows: %d, %v", rows, err)
	}
	if rows, err := readUpTo(ctx, plan, bowyer.MaxOutputRows(500)); err != nil || rows != 500 {
		t.Errorf("a run that may have more: %d rows, %v", rows, err)
	}
	works(t, ctx)
	for _, config := range []bowyer.Config{{MaxOutputRows: -1}, {MaxOutputBytes: -1}} {
		if _, err := bowyer.Open(t.Context(), config); !errors.Is(err, bowyer.ErrInvalidArgument) {
			t.Errorf("%+v: %v", config, err)
		}
	}
	for _, limit := range []bowyer.RunOption{bowyer.MaxOutputRows(-1), bowyer.MaxOutputBytes(-1)} {
		if _, err := readUpTo(ctx, plan, limit); !errors.Is(err, bowyer.ErrInvalidArgument) {
			t.Errorf("a negative limit of a run: %v", err)
		}
	}
}

func ExampleMaxOutputRows() {
	orders := orderBatch()
	defer orders.Release()
	_, err := bowyer.FromBatches(orderSchema, orders).Collect(context.Background(), bowyer.MaxOutputRows(1))
	fmt.Println(errors.Is(err, bowyer.ErrLimitExceeded))
	// Output: true
}
