// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
	"github.com/bowyer-arrow/bowyer/go/bowyertest"
)

var numberSchema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "part", Type: arrow.PrimitiveTypes.Int32},
	{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
}, nil)

// numbers is a batch of rows with ids from first: part is id%7, text "t" and id%5, null for every eleventh.
func numbers(first, rows int) arrow.RecordBatch {
	builder := array.NewRecordBuilder(memory.DefaultAllocator, numberSchema)
	defer builder.Release()
	for id := first; id < first+rows; id++ {
		builder.Field(0).(*array.Int64Builder).Append(int64(id))
		builder.Field(1).(*array.Int32Builder).Append(int32(id % 7))
		if id%11 == 0 {
			builder.Field(2).AppendNull()
		} else {
			builder.Field(2).(*array.StringBuilder).Append(fmt.Sprintf("t%d", id%5))
		}
	}
	return builder.NewRecordBatch()
}

// batches are count batches of rows rows each, released when the test ends.
func batches(t testing.TB, count, rows int) []arrow.RecordBatch {
	out := make([]arrow.RecordBatch, count)
	for i := range out {
		out[i] = numbers(i*rows, rows)
		t.Cleanup(out[i].Release)
	}
	return out
}

func readerOf(t testing.TB, list []arrow.RecordBatch) array.RecordReader {
	reader, err := array.NewRecordReader(numberSchema, list)
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

// open opens an engine that the test closes, and looks for leaks after that.
func open(t testing.TB, config bowyer.Config) context.Context {
	t.Helper()
	bowyertest.NoLeaks(t)
	engine, err := bowyer.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return bowyer.WithEngine(t.Context(), engine)
}

// works fails the test unless the context's engine still answers.
func works(t testing.TB, ctx context.Context) {
	t.Helper()
	table, err := bowyer.FromBatches(numberSchema, batches(t, 2, 10)...).GroupBy().Agg(bowyer.Sum("id"), bowyer.CountAll()).Collect(ctx)
	if err != nil {
		t.Fatalf("the engine does not work any more: %v", err)
	}
	defer table.Release()
	bowyertest.Rows(t, table, bowyertest.Row{190, 20})
}

// drain reads a plan to its end and returns the error.
func drain(ctx context.Context, plan bowyer.Plan, options ...bowyer.RunOption) error {
	result, err := plan.Run(ctx, options...)
	if err != nil {
		return err
	}
	defer result.Release()
	for result.Next() {
	}
	return result.Err()
}

func TestAnswersDoNotDependOnBatchesOrThreads(t *testing.T) {
	bowyertest.NoLeaks(t)
	list := batches(t, 4, 33)
	small := batches(t, 1, 5)
	for name, build := range map[string]func(bowyer.Plan) bowyer.Plan{
		"filter": func(in bowyer.Plan) bowyer.Plan { return in.Filter(bowyer.Col("part").Gt(3)) },
		"with": func(in bowyer.Plan) bowyer.Plan {
			return in.With(bowyer.Col("id").Mul(2).Add(bowyer.Col("part")).As("x"))
		},
		"group": func(in bowyer.Plan) bowyer.Plan {
			return in.GroupBy("part", "text").Agg(bowyer.Sum("id"), bowyer.CountAll(), bowyer.Median("id"))
		},
		"distinct": func(in bowyer.Plan) bowyer.Plan { return in.Distinct("text").Select("text", "id") },
		"join": func(in bowyer.Plan) bowyer.Plan {
			return in.With(bowyer.Col("part").Cast(arrow.PrimitiveTypes.Int64).As("part")).
				Join(bowyer.Left, bowyer.FromBatches(numberSchema, small...), bowyer.OnPair("part", "id").Suffix("_right"))
		},
		"anti": func(in bowyer.Plan) bowyer.Plan {
			return in.Join(bowyer.LeftAnti, bowyer.FromBatches(numberSchema, small...), bowyer.On("text"))
		},
		"shared": func(in bowyer.Plan) bowyer.Plan {
			sums := in.GroupBy("part").Agg(bowyer.Max("id").As("most"))
			return in.Join(bowyer.Inner, sums, bowyer.On("part")).Filter(bowyer.Col("id").Eq(bowyer.Col("most")))
		},
	} {
		t.Run(name, func(t *testing.T) { bowyertest.Permute(t, build, list...) })
	}
	for name, build := range map[string]func(bowyer.Plan) bowyer.Plan{
		"keeps order": func(in bowyer.Plan) bowyer.Plan {
			return in.Filter(bowyer.Col("text").IsNull().Not()).Select("id", "text")
		},
		"sort":  func(in bowyer.Plan) bowyer.Plan { return in.Sort(bowyer.Desc("text").NullsFirst(), bowyer.Asc("part")) },
		"top":   func(in bowyer.Plan) bowyer.Plan { return in.Sort(bowyer.Desc("part"), bowyer.Asc("text")).Limit(17) },
		"limit": func(in bowyer.Plan) bowyer.Plan { return in.Filter(bowyer.Col("id").Gt(20)).Offset(5).Limit(40) },
		"first": func(in bowyer.Plan) bowyer.Plan {
			return in.GroupBy("part").Agg(bowyer.First("text"), bowyer.Last("id")).Sort(bowyer.Asc("part"))
		},
	} {
		t.Run(name, func(t *testing.T) { bowyertest.PermuteOrdered(t, build, list...) })
	}
}

func TestReaderThatFailsOrPanicsEndsItsQuery(t *testing.T) {
	ctx := open(t, bowyer.Config{Threads: 2})
	list := batches(t, 5, 100)
	failure := errors.New("the disk is gone")
	for _, at := range []int{0, 1, 4} {
		failing := bowyer.FromReader(numberSchema, func(context.Context, bowyer.ScanRequest) (array.RecordReader, error) {
			return bowyertest.FailAt(readerOf(t, list), at, failure), nil
		})
		panicking := bowyer.FromReader(numberSchema, func(context.Context, bowyer.ScanRequest) (array.RecordReader, error) {
			return bowyertest.PanicAt(readerOf(t, list), at, failure), nil
		})
		for _, input := range []bowyer.Plan{failing, panicking} {
			for _, plan := range []bowyer.Plan{
				input,
				input.GroupBy("part").Agg(bowyer.CountAll()),
				input.Sort(bowyer.Desc("id")),
				bowyer.FromBatches(numberSchema, list...).Join(bowyer.LeftSemi, input, bowyer.On("id")),
				bowyer.FromBatches(numberSchema, list...).Union(input),
			} {
				err := drain(ctx, plan)
				var own *bowyer.Error
				if !errors.As(err, &own) || own.Code != bowyer.CodeUserFunction || !errors.Is(err, failure) {
					t.Fatalf("batch %d of\n%s\ngot %v", at, plan, err)
				}
				if own.Batch != int64(at) || !strings.HasPrefix(own.Input, "input") {
					t.Errorf("input %q, batch %d, want %d", own.Input, own.Batch, at)
				}
			}
		}
	}
	works(t, ctx)
}

func TestFactoryThatFailsEndsItsQuery(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	failure := errors.New("no such table")
	for name, factory := range map[string]bowyer.ReaderFactory{
		"error": func(context.Context, bowyer.ScanRequest) (array.RecordReader, error) { return nil, failure },
		"panic": func(context.Context, bowyer.ScanRequest) (array.RecordReader, error) { panic(failure) },
	} {
		if err := drain(ctx, bowyer.FromReader(numberSchema, factory)); !errors.Is(err, bowyer.ErrUserFunction) || !errors.Is(err, failure) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	nothing := func(context.Context, bowyer.ScanRequest) (array.RecordReader, error) { return nil, nil }
	if err := drain(ctx, bowyer.FromReader(numberSchema, nothing)); !errors.Is(err, bowyer.ErrUserFunction) {
		t.Errorf("nothing: got %v", err)
	}
	works(t, ctx)
}

func TestReaderWhoseSchemaChangesEndsItsQuery(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	good := batches(t, 1, 10)[0]
	otherSchema := arrow.NewSchema([]arrow.Field{
		numberSchema.Field(0), {Name: "part", Type: arrow.PrimitiveTypes.Float64}, numberSchema.Field(2),
	}, nil)
	floats := array.NewFloat64Builder(memory.DefaultAllocator)
	defer floats.Release()
	floats.AppendValues(make([]float64, 10), nil)
	column := floats.NewArray()
	defer column.Release()
	changed := array.NewRecordBatch(otherSchema, []arrow.Array{good.Column(0), column, good.Column(2)}, 10)
	defer changed.Release()
	for name, source := range map[string]bowyer.Source{
		"batches": bowyer.Batches(good, changed),
		"reader": bowyer.Reader(func(context.Context, bowyer.ScanRequest) (array.RecordReader, error) {
			return &listReader{list: []arrow.RecordBatch{good, changed}}, nil
		}),
	} {
		err := drain(ctx, bowyer.Input("numbers", numberSchema), bowyer.Bind("numbers", source))
		var own *bowyer.Error
		if !errors.As(err, &own) || own.Code != bowyer.CodeTypeMismatch || !errors.Is(err, arrow.ErrType) {
			t.Fatalf("%s: got %v", name, err)
		}
		if own.Input != "numbers" || own.Batch != 1 || own.Column != "part" {
			t.Errorf("%s: input %q, batch %d, column %q", name, own.Input, own.Batch, own.Column)
		}
	}
	works(t, ctx)
}

// listReader gives batches of any schema, nil ones included.
type listReader struct {
	list    []arrow.RecordBatch
	current arrow.RecordBatch
}

func (r *listReader) Retain()                        {}
func (r *listReader) Release()                       {}
func (r *listReader) Schema() *arrow.Schema          { return numberSchema }
func (r *listReader) RecordBatch() arrow.RecordBatch { return r.current }
func (r *listReader) Record() arrow.RecordBatch      { return r.current }
func (r *listReader) Err() error                     { return nil }
func (r *listReader) Next() bool {
	if len(r.list) == 0 {
		return false
	}
	r.current, r.list = r.list[0], r.list[1:]
	return true
}

func TestReleasedAndNilBatchesAreRefused(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	gone := numbers(0, 10)
	gone.Release()
	table := array.NewTableFromRecords(numberSchema, batches(t, 1, 10))
	table.Release()
	reading := func(batch arrow.RecordBatch) bowyer.Source {
		return bowyer.Reader(func(context.Context, bowyer.ScanRequest) (array.RecordReader, error) {
			return &listReader{list: []arrow.RecordBatch{batch}}, nil
		})
	}
	for name, test := range map[string]struct {
		source bowyer.Source
		is     error
	}{
		"released batch":             {bowyer.Batches(gone), bowyer.ErrInvalidState},
		"nil batch":                  {bowyer.Batches(nil, nil), bowyer.ErrInvalidArgument},
		"released table":             {bowyer.Table(table), bowyer.ErrInvalidState},
		"released batch of a reader": {reading(gone), bowyer.ErrInvalidState},
		"nil batch of a reader":      {reading(nil), bowyer.ErrInvalidArgument},
		"nothing":                    {bowyer.Source{}, bowyer.ErrInvalidArgument},
	} {
		err := drain(ctx, bowyer.Input("numbers", numberSchema), bowyer.Bind("numbers", test.source))
		var own *bowyer.Error
		if !errors.Is(err, test.is) || !errors.As(err, &own) || own.Input != "numbers" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	works(t, ctx)
}

func TestWhatTheEngineRefusesHasCodePathAndOrigin(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	input := bowyer.FromBatches(numberSchema, batches(t, 1, 10)...)
	for name, test := range map[string]struct {
		plan bowyer.Plan
		is   error
	}{
		"unknown function":  {input.With(bowyer.Func("addd", nil, bowyer.Col("id"), 1).As("x")), bowyer.ErrNotFound},
		"unknown option":    {input.With(bowyer.Func("round", bowyer.Options{"digits": 2}, bowyer.Col("id")).As("x")), bowyer.ErrNotFound},
		"wrong types":       {input.With(bowyer.Col("text").Add(1).As("x")), bowyer.ErrTypeMismatch},
		"too few arguments": {input.With(bowyer.Func("equal", nil, bowyer.Col("id")).As("x")), bowyer.ErrInvalidArgument},
		"no predicate":      {input.Filter(bowyer.Col("id")), bowyer.ErrTypeMismatch},
		"literal too large": {input.Filter(bowyer.Col("part").Eq(int64(1) << 40)), bowyer.ErrInvalidArgument},
		"unknown aggregate": {input.GroupBy().Agg(bowyer.Aggregate("summ", nil, bowyer.Col("id"))), bowyer.ErrNotFound},
		"keys of two types": {input.Join(bowyer.Inner, input.Select(bowyer.Col("text").As("key")), bowyer.OnPair("id", "key")), bowyer.ErrTypeMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.plan.Schema(ctx)
			var own *bowyer.Error
			if !errors.Is(err, test.is) || !errors.As(err, &own) {
				t.Fatalf("got %v, want %v", err, test.is)
			}
			if own.Path == "" || !strings.HasPrefix(own.Origin, "bowyer/run_test.go:") {
				t.Errorf("path %q, origin %q: %v", own.Path, own.Origin, err)
			}
		})
	}
	works(t, ctx)
}

func TestUnboundedInputUnderASortIsRefused(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	live := bowyer.Input("live", numberSchema, bowyer.Unbounded())
	if _, err := live.Sort(bowyer.Asc("id")).Prepare(ctx); !errors.Is(err, bowyer.ErrInvalidArgument) {
		t.Errorf("got %v", err)
	}
	prepared, err := live.Filter(bowyer.Col("id").Gt(3)).Limit(5).Prepare(ctx)
	if err != nil {
		t.Fatal(err)
	}
	prepared.Release()
	works(t, ctx)
}

func TestUnknownInputsAndParametersAreRefused(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	plan := bowyer.Input("numbers", numberSchema).Filter(bowyer.Col("id").Gt(bowyer.Param("least", arrow.PrimitiveTypes.Int64)))
	source := bowyer.Batches(batches(t, 1, 10)...)
	bind := bowyer.Bind("numbers", source)
	for name, test := range map[string]struct {
		options []bowyer.RunOption
		is      error
	}{
		"no data":            {nil, bowyer.ErrInvalidArgument},
		"unknown input":      {[]bowyer.RunOption{bind, bowyer.Bind("nmbers", source)}, bowyer.ErrNotFound},
		"no parameter":       {[]bowyer.RunOption{bind}, bowyer.ErrInvalidArgument},
		"unknown parameter":  {[]bowyer.RunOption{bind, bowyer.Params(map[string]any{"least": 1, "most": 2})}, bowyer.ErrNotFound},
		"wrong parameter":    {[]bowyer.RunOption{bind, bowyer.Params(map[string]any{"least": "five"})}, bowyer.ErrTypeMismatch},
		"odd parameter":      {[]bowyer.RunOption{bind, bowyer.Params(map[string]any{"least": t})}, bowyer.ErrInvalidArgument},
		"negative limit":     {[]bowyer.RunOption{bind, bowyer.MemoryLimit(-1)}, bowyer.ErrInvalidArgument},
		"negative BatchRows": {[]bowyer.RunOption{bind, bowyer.BatchRows(-1)}, bowyer.ErrInvalidArgument},
	} {
		err := drain(ctx, plan, test.options...)
		if err == nil || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := drain(ctx, plan, bind, bowyer.Params(map[string]any{"least": 5})); err != nil {
		t.Error(err)
	}
	works(t, ctx)
}

func TestMemoryLimitIsATypedError(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	plan := bowyer.FromBatches(numberSchema, batches(t, 10, 20_000)...).Sort(bowyer.Desc("text"))
	if err := drain(ctx, plan, bowyer.MemoryLimit(100_000)); !errors.Is(err, bowyer.ErrMemoryLimit) {
		t.Errorf("got %v", err)
	}
	works(t, ctx)
	tight := open(t, bowyer.Config{MemoryLimit: 200_000})
	if err := drain(tight, plan); !errors.Is(err, bowyer.ErrMemoryLimit) {
		t.Errorf("got %v", err)
	}
}

func TestReaderOnceIsReadByOneRun(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	plan := bowyer.FromReaderOnce(readerOf(t, batches(t, 3, 10))).GroupBy().Agg(bowyer.CountAll())
	table, err := plan.Collect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	bowyertest.Rows(t, table, bowyertest.Row{30})
	table.Release()
	if _, err := plan.Collect(ctx); !errors.Is(err, bowyer.ErrInvalidState) {
		t.Errorf("the second run: %v", err)
	}
	works(t, ctx)
}

func TestReaderOnceThatMeetsItselfIsReadOnce(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	plan := bowyer.FromReaderOnce(readerOf(t, batches(t, 3, 10)))
	low := plan.Filter(bowyer.Col("id").Lt(5)).Select("id")
	table, err := plan.Select("id").Join(bowyer.LeftSemi, low, bowyer.On("id")).GroupBy().Agg(bowyer.CountAll()).Collect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	bowyertest.Rows(t, table, bowyertest.Row{5})
	if _, err := low.Collect(ctx); !errors.Is(err, bowyer.ErrInvalidState) {
		t.Errorf("the second run: %v", err)
	}
}

func TestReaderMayLeaveOutWhatIsNotNeeded(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	full := batches(t, 2, 10)
	plan := bowyer.FromReader(numberSchema, func(_ context.Context, request bowyer.ScanRequest) (array.RecordReader, error) {
		if fmt.Sprint(request.Columns) != "[id]" {
			t.Errorf("needs %v", request.Columns)
		}
		narrow := arrow.NewSchema(numberSchema.Fields()[:1], nil)
		list := make([]arrow.RecordBatch, len(full))
		for i, batch := range full {
			list[i] = array.NewRecordBatch(narrow, batch.Columns()[:1], batch.NumRows())
			defer list[i].Release()
		}
		return array.NewRecordReader(narrow, list)
	}).Filter(bowyer.Col("id").Ge(10)).GroupBy().Agg(bowyer.Sum("id"))
	table, err := plan.Collect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	bowyertest.Rows(t, table, bowyertest.Row{145})
}
