// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
	"github.com/bowyer-arrow/bowyer/go/bowyertest"
	"github.com/bowyer-arrow/bowyer/go/fn"
)

// named is a plan, how it runs, and what comes out: a number of rows (any if negative), or an error.
type named struct {
	name string
	bowyer.Plan
	options []bowyer.RunOption
	rows    int64
	fails   error
}

// tables are one of Go's memory and one that crosses to workers without a copy.
type tables struct {
	rows          int64
	allocator     *bowyer.SharedAllocator
	plain, shared arrow.RecordBatch
}

func (t tables) release() {
	t.plain.Release()
	t.shared.Release()
	t.allocator.Close() // what it still refuses shows as a descriptor
}

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "few", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "value", Type: arrow.PrimitiveTypes.Float64},
	{Name: "text", Type: arrow.BinaryTypes.String},
}, nil)

func makeTables(rows int) tables {
	allocator := bowyer.NewSharedAllocator()
	return tables{int64(rows), allocator, makeBatch(memory.DefaultAllocator, rows), makeBatch(allocator, rows)}
}

// few is the number of groups.
const few = 100

func makeBatch(allocator memory.Allocator, rows int) arrow.RecordBatch {
	b := array.NewRecordBuilder(allocator, schema)
	defer b.Release()
	for row := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(row))
		b.Field(1).(*array.Int64Builder).Append(int64(row*7919) % few)
		b.Field(2).(*array.Float64Builder).Append(float64(row*104729%rows) / 3)
		b.Field(3).(*array.StringBuilder).Append(fmt.Sprintf("value %d of some", row%1000))
	}
	return b.NewRecordBatch()
}

var errReader = errors.New("the reader broke")

// reader gives the table three times, and may break at the second.
func (t tables) reader(breaks bool) bowyer.Plan {
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{t.plain, t.shared, t.plain})
	if err != nil {
		panic(err) // the batches have this schema
	}
	if breaks {
		reader = bowyertest.FailAt(reader, 1, errReader)
	}
	return bowyer.FromReaderOnce(reader)
}

// plans are queries of most operators and of what goes wrong.
func plans(data tables) []named {
	plain, shared := bowyer.FromBatches(schema, data.plain), bowyer.FromBatches(schema, data.shared)
	inverse := bowyer.Lit(1).Div(bowyer.Col("id").Sub(10)).As("inverse")
	ok := func(name string, plan bowyer.Plan, rows int64, options ...bowyer.RunOption) named {
		return named{name, plan, options, rows, nil}
	}
	bad := func(name string, plan bowyer.Plan, fails error, options ...bowyer.RunOption) named {
		return named{name, plan, options, -1, fails}
	}
	return []named{
		ok("all", plain, data.rows),
		ok("all, shared", shared, data.rows),
		ok("batches", shared, data.rows, bowyer.BatchRows(1000), bowyer.CopyBelow(-1)),
		ok("filter", shared.Filter(bowyer.Col("id").Lt(100)), 100),
		ok("with", plain.With(bowyer.Col("text").Upper().As("upper"), bowyer.Col("value").Mul(2.0).As("twice")), data.rows),
		ok("group", shared.GroupBy("few").Agg(bowyer.Sum("value"), bowyer.Median("value"), bowyer.CountDistinct("text")), few),
		ok("group many", plain.GroupBy("id", "text").Agg(bowyer.CountAll()), data.rows),
		ok("join", shared.Join(bowyer.Inner, plain, bowyer.On("id").Suffix("_right")), data.rows),
		ok("sort", plain.Sort(bowyer.Asc("text"), bowyer.Desc("value")), data.rows),
		ok("distinct", shared.Select("few").Distinct(), few),
		ok("union", plain.Union(shared), 2*data.rows),
		ok("window", shared.Window(bowyer.Over("few").OrderBy(bowyer.Asc("value")), bowyer.RowNumber()), data.rows),
		ok("rejects", plain.With(inverse).Rejects("bad"), data.rows-1),
		ok("reader", data.reader(false), 3*data.rows),
		ok("abandoned", data.reader(false).Limit(10), 10),
		bad("broken reader", data.reader(true).Sort(bowyer.Asc("id")), errReader),
		bad("values", shared.With(inverse), bowyer.ErrDivideByZero),
		bad("no column", plain.Filter(bowyer.Col("none").Eq(1)), bowyer.ErrNotFound),
		bad("memory", shared.GroupBy("id").Agg(bowyer.CountAll()), bowyer.ErrMemoryLimit, bowyer.MemoryLimit(1<<12)),
		bad("rows", plain, bowyer.ErrLimitExceeded, bowyer.MaxOutputRows(data.rows-1)),
		bad("bytes", shared, bowyer.ErrLimitExceeded, bowyer.MaxOutputBytes(1000)),
	}
}

// call calls some functions, one of them wrongly.
func (s *soak) call(ctx context.Context) error {
	ids, texts := s.data.plain.Column(0), s.data.shared.Column(3)
	sum, err := fn.Add(ctx, ids, ids)
	if err != nil {
		return err
	}
	defer sum.Release()
	upper, err := fn.Utf8Upper(ctx, texts)
	if err != nil {
		return err
	}
	defer upper.Release()
	if got := sum.(*array.Int64).Value(21); got != 42 {
		return fmt.Errorf("21 and 21 are %d", got)
	}
	wrong, err := fn.Add(ctx, ids, texts)
	if err == nil {
		wrong.Release()
		return errors.New("a number and a text were added")
	}
	if !errors.Is(err, bowyer.ErrTypeMismatch) {
		return err
	}
	s.calls += 2
	s.refused++
	return nil
}
