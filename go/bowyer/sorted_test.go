// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"context"
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func ExampleGrouped_Sorted() {
	orders := orderBatch()
	defer orders.Release()
	show(bowyer.FromBatches(orders.Schema(), orders).
		Sort(bowyer.Asc("customer")).
		GroupBy("customer").Sorted().
		Agg(bowyer.Sum("amount").As("total"), bowyer.CountAll()))
	// Output:
	// ann 42 2
	// bob 5 1
	// cat (null) 1
}

// endless gives batches of hours with one row for each of four readings, for ever.
type endless struct {
	schema *arrow.Schema
	hour   int64
	batch  arrow.RecordBatch
}

func (e *endless) Retain()                        {}
func (e *endless) Release()                       { e.drop() }
func (e *endless) Schema() *arrow.Schema          { return e.schema }
func (e *endless) RecordBatch() arrow.RecordBatch { return e.batch }
func (e *endless) Record() arrow.RecordBatch      { return e.batch }
func (e *endless) Err() error                     { return nil }

func (e *endless) drop() {
	if e.batch != nil {
		e.batch.Release()
		e.batch = nil
	}
}

func (e *endless) Next() bool {
	e.drop()
	builder := array.NewRecordBuilder(memory.DefaultAllocator, e.schema)
	defer builder.Release()
	for reading := range int64(6) {
		builder.Field(0).(*array.Int64Builder).Append((e.hour*6 + reading) / 4)
		builder.Field(1).(*array.Int64Builder).Append(1)
	}
	e.hour++
	e.batch = builder.NewRecordBatch()
	return true
}

func TestAnEndlessSortedSourceIsGrouped(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "hour", Type: arrow.PrimitiveTypes.Int64}, {Name: "x", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	factory := func(context.Context, bowyer.ScanRequest) (array.RecordReader, error) {
		return &endless{schema: schema}, nil
	}
	source := bowyer.FromReader(schema, factory, bowyer.Unbounded())
	grouped := source.GroupBy("hour").Sorted().Agg(bowyer.Sum("x").As("readings"))
	result, err := grouped.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer result.Release()
	var hour int64
	for hour < 10_000 && result.Next() {
		batch := result.RecordBatch()
		hours, readings := batch.Column(0).(*array.Int64), batch.Column(1).(*array.Int64)
		for row := range int(batch.NumRows()) {
			if hours.Value(row) != hour || readings.Value(row) != 4 {
				t.Fatalf("hour %d has %d readings, where hour %d with 4 was due", hours.Value(row), readings.Value(row), hour)
			}
			hour++
		}
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	if peak := result.Stats().PeakMemory; peak > 8<<20 {
		t.Errorf("%d bytes for one group at a time", peak)
	}
	_, err = source.GroupBy("hour").Agg(bowyer.Sum("x").As("readings")).Run(context.Background())
	if !errors.Is(err, bowyer.ErrInvalidArgument) {
		t.Errorf("groups of an endless source that is not sorted: %v", err)
	}
}

func TestSortedGroupsAndTheirRejectsHaveTextAndJSON(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "k", Type: arrow.PrimitiveTypes.Int64}}, nil)
	in := bowyer.Input("t", schema)
	sorted := in.GroupBy("k").Sorted().Agg(bowyer.CountAll())
	checkTextAndJSON(t, sorted, "aggregate [0] sorted by k")
	checkTextAndJSON(t, sorted.Rejects("bad"), "aggregate [0] sorted by k")
	checkTextAndJSON(t, in.Sort(bowyer.Asc("k")).Rejects("bad"), "sort [0] by k")
	checkTextAndJSON(t, in.Window(bowyer.Over("k"), bowyer.CountAll()).Rejects("bad"), "window [0] over k")
	for name, plan := range map[string]bowyer.Plan{
		"without keys":     in.GroupBy().Sorted().Agg(bowyer.CountAll()),
		"by several sets":  in.GroupBy("k").Rollup().Sorted().Agg(bowyer.CountAll()),
		"rejects of limit": in.Limit(1).Rejects("bad"),
	} {
		if err := plan.Err(); !errors.Is(err, bowyer.ErrInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
