// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
	"github.com/bowyer-arrow/bowyer/go/bowyertest"
)

func TestTenChainedQueriesRunOnOneThread(t *testing.T) {
	ctx := open(t, bowyer.Config{Threads: 1})
	plan := bowyer.FromBatches(numberSchema, batches(t, 20, 500)...)
	for range 10 {
		result, err := plan.With(bowyer.Col("id").Add(1).As("id")).Run(ctx)
		if err != nil {
			t.Fatal(err)
		}
		plan = bowyer.FromReaderOnce(result)
	}
	table, err := plan.GroupBy().Agg(bowyer.Min("id"), bowyer.CountAll()).Collect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	bowyertest.Rows(t, table, bowyertest.Row{10, 10_000})
}

func TestAbandonedResultStopsNobody(t *testing.T) {
	ctx := open(t, bowyer.Config{Threads: 1})
	list := batches(t, 200, 1000)
	for range 5 {
		abandoned, err := bowyer.FromReader(numberSchema, func(context.Context, bowyer.ScanRequest) (array.RecordReader, error) {
			return readerOf(t, list), nil
		}).With(bowyer.Col("id").Mul(2).As("x")).Run(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer abandoned.Release()
		if !abandoned.Next() {
			t.Fatal(abandoned.Err())
		}
	}
	works(t, ctx)
}

func TestResultIsReleasedTwiceAndFromAnyGoroutine(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	endless := bowyer.FromReader(numberSchema, func(ctx context.Context, _ bowyer.ScanRequest) (array.RecordReader, error) {
		return &endlessReader{ctx: ctx, batch: numbers(0, 100)}, nil
	})
	result, err := endless.GroupBy("part").Agg(bowyer.CountAll()).Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, result.Release)
	if result.Next() {
		t.Error("an endless input has an end")
	}
	if err := result.Err(); !errors.Is(err, bowyer.ErrInvalidState) {
		t.Errorf("got %v", err)
	}
	result.Release()
	result.Release()
	if result.Next() || result.RecordBatch() != nil {
		t.Error("a released result has batches")
	}
	works(t, ctx)
}

// endlessReader gives one batch until its context ends.
type endlessReader struct {
	listReader
	ctx   context.Context
	batch arrow.RecordBatch
}

func (r *endlessReader) Next() bool                     { return r.ctx.Err() == nil }
func (r *endlessReader) RecordBatch() arrow.RecordBatch { return r.batch }

func TestCancelAndDeadlineEndARun(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	endless := bowyer.FromReader(numberSchema, func(ctx context.Context, _ bowyer.ScanRequest) (array.RecordReader, error) {
		return &endlessReader{ctx: ctx, batch: numbers(0, 100)}, nil
	}).GroupBy().Agg(bowyer.CountAll())
	cancelled, cancel := context.WithCancel(ctx)
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := drain(cancelled, endless); !errors.Is(err, context.Canceled) || !errors.Is(err, bowyer.ErrCancelled) {
		t.Errorf("got %v", err)
	}
	late, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := drain(late, endless); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, bowyer.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := drain(cancelled, endless); !errors.Is(err, context.Canceled) {
		t.Errorf("begun after the cancel: %v", err)
	}
	works(t, ctx)
}

func TestManyGoroutinesRunOnePreparedPlan(t *testing.T) {
	ctx := open(t, bowyer.Config{Threads: 2})
	prepared, err := bowyer.Input("numbers", numberSchema).
		Filter(bowyer.Col("part").Eq(bowyer.Param("part", arrow.PrimitiveTypes.Int32))).
		GroupBy().Agg(bowyer.CountAll(), bowyer.Sum("id")).Prepare(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer prepared.Release()
	list := batches(t, 4, 700)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for round := range 5 {
				part := (worker + round) % 7
				table, err := prepared.Collect(ctx, bowyer.Bind("numbers", bowyer.Batches(list...)), bowyer.Params(map[string]any{"part": part}))
				if err != nil {
					t.Error(err)
					return
				}
				sum := 0
				for id := part; id < 2800; id += 7 {
					sum += id
				}
				bowyertest.Rows(t, table, bowyertest.Row{400, sum})
				table.Release()
			}
		})
	}
	all.Wait()
}

func TestCloseWaitsThenCancels(t *testing.T) {
	bowyertest.NoLeaks(t)
	engine, err := bowyer.Open(t.Context(), bowyer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := bowyer.WithEngine(t.Context(), engine)
	result, err := bowyer.FromReader(numberSchema, func(ctx context.Context, _ bowyer.ScanRequest) (array.RecordReader, error) {
		return &endlessReader{ctx: ctx, batch: numbers(0, 100)}, nil
	}).Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Release()
	if !result.Next() {
		t.Fatal(result.Err())
	}
	kept := result.RecordBatch()
	kept.Retain()
	defer kept.Release()
	closing, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := engine.Close(closing); err != nil {
		t.Error(err)
	}
	for result.Next() {
	}
	if err := result.Err(); !errors.Is(err, bowyer.ErrInvalidState) && !errors.Is(err, bowyer.ErrCancelled) {
		t.Errorf("the run ended with %v", err)
	}
	if kept.NumRows() == 0 || kept.Column(0).(*array.Int64).Value(1) != 1 {
		t.Error("a batch handed out before is gone")
	}
	if err := drain(ctx, bowyer.FromBatches(numberSchema)); !errors.Is(err, bowyer.ErrInvalidState) {
		t.Errorf("a run after Close: %v", err)
	}
	if _, err := bowyer.Call(ctx, "add", nil, scalar.NewInt64Scalar(1), scalar.NewInt64Scalar(1)); !errors.Is(err, bowyer.ErrInvalidState) {
		t.Errorf("a call after Close: %v", err)
	}
	if err := engine.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestNativeAndCopiedResultsAgree(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	list := batches(t, 3, 1000)
	plan := bowyer.FromBatches(numberSchema, list...).With(bowyer.Col("text").Upper().As("text"), bowyer.Col("id").Neg().As("minus"))
	var tables []arrow.Table
	for _, below := range []int64{-1, 1 << 30} {
		table, err := plan.Collect(ctx, bowyer.CopyBelow(below))
		if err != nil {
			t.Fatal(err)
		}
		defer table.Release()
		tables = append(tables, table)
	}
	if !array.TableEqual(tables[0], tables[1]) {
		t.Error("the results differ")
	}
}

func TestStatsCountWhatCrossed(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	result, err := bowyer.FromReader(numberSchema, func(context.Context, bowyer.ScanRequest) (array.RecordReader, error) {
		return readerOf(t, batches(t, 3, 100)), nil
	}).Filter(bowyer.Col("id").Lt(150)).Run(ctx, bowyer.QueryID("q-17"))
	if err != nil {
		t.Fatal(err)
	}
	rows := int64(0)
	for batch, err := range result.All() {
		if err != nil {
			t.Fatal(err)
		}
		rows += batch.NumRows()
	}
	stats := result.Stats()
	if rows != 150 || stats.RowsIn != 300 || stats.BatchesIn != 3 || stats.RowsOut != 150 || stats.QueryID != "q-17" || stats.BytesIn == 0 {
		t.Errorf("%d rows, %+v", rows, stats)
	}
}

func TestErrorsNameQueryRowAndOrigin(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	err := drain(ctx, bowyer.FromBatches(numberSchema, batches(t, 3, 10)...).
		Filter(bowyer.Col("id").Gt(4)).
		With(bowyer.Lit(1).Div(bowyer.Col("id").Sub(17)).As("x")), bowyer.QueryID("q-18"))
	var own *bowyer.Error
	if !errors.As(err, &own) {
		t.Fatalf("got %v", err)
	}
	if own.Code != bowyer.CodeDivideByZero || own.Function != "divide_checked" || own.Input != "input0" || own.Batch != 1 || own.Row != 7 ||
		own.QueryID != "q-18" || !strings.HasPrefix(own.Origin, "bowyer/result_test.go:") || !strings.HasPrefix(own.Path, "with[2]") {
		t.Errorf("got %+v", *own)
	}
}

func TestEmptyInputsHaveEmptyAnswers(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	none := bowyer.FromBatches(numberSchema)
	table, err := none.Sort(bowyer.Asc("id")).Collect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	bowyertest.Rows(t, table)
	counted, err := none.GroupBy().Agg(bowyer.CountAll(), bowyer.Sum("id")).Collect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer counted.Release()
	bowyertest.Rows(t, counted, bowyertest.Row{0, nil})
}

func TestScanRequestsTellColumnsFilterAndLimit(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	input := bowyer.Input("numbers", numberSchema)
	prepared, err := input.Filter(bowyer.Col("part").Eq(3)).Select("id").Prepare(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer prepared.Release()
	request := prepared.ScanRequests()["numbers"]
	if got := fmt.Sprint(request.Columns); got != "[id part]" || request.Limit != -1 {
		t.Errorf("columns %s, limit %d", got, request.Limit)
	}
	if got := request.Filter.String(); !strings.HasPrefix(got, "equal(part, 3") {
		t.Errorf("filter %s", got)
	}
	if text := prepared.Explain(); !strings.Contains(text, "numbers") {
		t.Errorf("explained as %s", text)
	}
	limited, err := input.Limit(5).Prepare(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer limited.Release()
	if request := limited.ScanRequests()["numbers"]; request.Limit != 5 || !request.Filter.IsZero() {
		t.Errorf("limit %d, filter %s", request.Limit, request.Filter)
	}
}
