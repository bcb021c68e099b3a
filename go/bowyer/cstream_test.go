// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package bowyer_test

import (
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/cdata"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
	"github.com/bowyer-arrow/bowyer/go/bowyertest"
)

func TestResultsCrossAsCStreams(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	result, err := bowyer.FromBatches(numberSchema, batches(t, 3, 10)...).Filter(bowyer.Col("id").Ge(5)).Run(ctx, bowyer.CopyBelow(-1))
	if err != nil {
		t.Fatal(err)
	}
	var stream cdata.CArrowArrayStream
	result.CStream(&stream)
	result.Release()
	plan := bowyer.FromCStream(&stream).GroupBy().Agg(bowyer.Sum("id"), bowyer.CountAll())
	table, err := plan.Collect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	bowyertest.Rows(t, table, bowyertest.Row{425, 25})
	if err := drain(ctx, plan); !errors.Is(err, bowyer.ErrInvalidState) {
		t.Errorf("the second run: %v", err)
	}
	if err := bowyer.FromCStream(nil).Err(); !errors.Is(err, bowyer.ErrInvalidArgument) {
		t.Errorf("a nil stream: %v", err)
	}
}
