// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package bowyer_test

import (
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
	"github.com/bowyer-arrow/bowyer/go/bowyertest"
)

// badTextBatch has a good column of numbers beside a column of text that is not UTF-8.
func badTextBatch(t *testing.T) arrow.RecordBatch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.String},
	}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for i := range 4 {
		builder.Field(0).(*array.Int64Builder).Append(int64(i))
		builder.Field(1).(*array.StringBuilder).Append("\xff")
	}
	batch := builder.NewRecordBatch()
	t.Cleanup(batch.Release)
	return batch
}

func TestOnlyTheColumnsThatAreReadCross(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	batch := badTextBatch(t)
	fromBatches := bowyer.FromBatches(batch.Schema(), batch)
	reader, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	for name, plan := range map[string]bowyer.Plan{"batches": fromBatches, "reader": bowyer.FromReaderOnce(reader)} {
		table, err := plan.GroupBy().Agg(bowyer.Sum("n")).Collect(ctx)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		bowyertest.Rows(t, table, bowyertest.Row{6})
		table.Release()
	}
	if _, err := fromBatches.GroupBy("s").Agg(bowyer.Sum("n")).Collect(ctx); !errors.Is(err, bowyer.ErrInvalidUtf8) {
		t.Errorf("text that is not UTF-8 gave %v", err)
	}
}
