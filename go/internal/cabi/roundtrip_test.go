// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package cabi

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// openEngine opens an engine that is closed at the test's end, when nothing may be held any more.
func openEngine(t testing.TB, options Options) *Engine {
	t.Helper()
	expectNothingLive(t)
	if path := worker.Everywhere; path != "" {
		options.Worker = &WorkerOptions{Path: path, Level: 2, Grace: time.Second, Policy: worker.DefaultPolicy}
	}
	engine, err := Open(nil, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
		expectNothingLive(t)
	})
	return engine
}

// expectNothingLive waits shortly: owners are released by the goroutine that reads events.
func expectNothingLive(t testing.TB) {
	t.Helper()
	var counters Counters
	for range 200 {
		if counters = Live(); counters.Zero() {
			return
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
	t.Errorf("still held: %+v", counters)
}

func batchOf(values ...arrow.Array) arrow.RecordBatch {
	fields := make([]arrow.Field, len(values))
	rows := int64(0)
	for i, column := range values {
		fields[i] = arrow.Field{Name: string(rune('a' + i)), Type: column.DataType(), Nullable: true, Metadata: metadata("column", "described")}
		rows = int64(column.Len())
	}
	described := metadata("schema", "described")
	return array.NewRecordBatch(arrow.NewSchema(fields, &described), values, rows)
}

// ways are the three forms in which a result can come back.
var ways = []struct {
	name      string
	copied    bool
	copyBelow int64
}{{"aliased", false, 0}, {"native", true, -1}, {"copied", true, 1 << 30}}

func TestEveryTypeInEveryShapeSurvivesTheRoundTrip(t *testing.T) {
	engine := openEngine(t, Options{})
	for _, s := range allSamples() {
		for _, shape := range shapes {
			for _, way := range ways {
				t.Run(s.name+"/"+shape.name+"/"+way.name, func(t *testing.T) {
					mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
					values := shape.make(t, mem, s)
					batch := batchOf(values)
					values.Release()
					result, err := engine.EchoWith(context.Background(), batch, way.copied, CallOptions{CopyBelow: way.copyBelow, Allocator: mem, Full: true})
					if err != nil {
						batch.Release()
						t.Fatal(err)
					}
					expectSame(t, batch, result)
					batch.Release()
					result.Release()
					expectNothingHeldButHandles(t)
					if shape.name != "from ipc" { // its allocator leaves freeing to the collector
						mem.AssertSize(t, 0)
					}
				})
			}
		}
	}
}

// expectNothingHeldButHandles waits for the owners of what the native side shared with its input.
func expectNothingHeldButHandles(t testing.TB) {
	t.Helper()
	for range 200 {
		counters := Live()
		counters.Handles = 0
		if counters.Zero() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("still held: %+v", Live())
}

func expectSame(t testing.TB, want, got arrow.RecordBatch) {
	t.Helper()
	if want.NumRows() != got.NumRows() || !want.Schema().Equal(got.Schema()) {
		t.Fatalf("got %d rows of %s, want %d of %s", got.NumRows(), got.Schema(), want.NumRows(), want.Schema())
	}
	for i := range int(want.NumCols()) {
		if err := array.ValidateFull(got.Column(i)); err != nil {
			t.Fatalf("column %d is invalid: %v", i, err)
		}
		if !array.Equal(want.Column(i), got.Column(i)) {
			t.Fatalf("column %d: got %s, want %s", i, got.Column(i), want.Column(i))
		}
		if want.Column(i).NullN() != got.Column(i).NullN() {
			t.Fatalf("column %d has %d nulls, want %d", i, got.Column(i).NullN(), want.Column(i).NullN())
		}
	}
}

// scribbling overwrites memory when it is freed, so that whoever still reads it reads rubbish.
type scribbling struct{ memory.Allocator }

func (a scribbling) Free(b []byte) {
	for i := range b {
		b[i] = 0xA5
	}
	a.Allocator.Free(b)
}

func TestResultsOutliveTheirInputs(t *testing.T) {
	engine := openEngine(t, Options{})
	for _, s := range allSamples() {
		for _, way := range ways {
			t.Run(s.name+"/"+way.name, func(t *testing.T) {
				mem := memory.NewCheckedAllocator(scribbling{memory.DefaultAllocator})
				values, want := s.build(t, mem), s.build(t, memory.DefaultAllocator)
				batch := batchOf(values)
				values.Release()
				result, err := engine.EchoWith(context.Background(), batch, way.copied, CallOptions{CopyBelow: way.copyBelow, Allocator: mem})
				batch.Release()
				if err != nil {
					t.Fatal(err)
				}
				if !array.Equal(want, result.Column(0)) {
					t.Errorf("got %s, want %s", result.Column(0), want)
				}
				result.Release()
				want.Release()
				expectNothingHeldButHandles(t)
				mem.AssertSize(t, 0)
			})
		}
	}
}

func TestAColumnKeptKeepsItsMemoryAlone(t *testing.T) {
	engine := openEngine(t, Options{CopyBelow: -1})
	mem := memory.NewCheckedAllocator(scribbling{memory.DefaultAllocator})
	first, second := nestedSamples()[1].build(t, mem), flatSamples()[len(flatSamples())-1].build(t, mem)
	batch := batchOf(first, second)
	first.Release()
	second.Release()
	result, err := engine.Echo(context.Background(), batch, true)
	if err != nil {
		t.Fatal(err)
	}
	kept := result.Column(1)
	kept.Retain()
	result.Release()
	if !array.Equal(batch.Column(1), kept) {
		t.Error("the kept column changed when its batch was released")
	}
	kept.Release()
	batch.Release()
	expectNothingHeldButHandles(t)
	mem.AssertSize(t, 0)
}

func TestBatchWithoutColumnsKeepsItsRows(t *testing.T) {
	engine := openEngine(t, Options{})
	batch := array.NewRecordBatch(arrow.NewSchema(nil, nil), nil, 17)
	defer batch.Release()
	result, err := engine.Echo(context.Background(), batch, false)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Release()
	if result.NumRows() != 17 {
		t.Errorf("got %d rows", result.NumRows())
	}
}

func TestManyColumnsOutgrowTheBlock(t *testing.T) {
	engine := openEngine(t, Options{})
	values := nestedSamples()[0].build(t, memory.DefaultAllocator)
	defer values.Release()
	columns := make([]arrow.Array, 3000)
	for i := range columns {
		columns[i] = values
	}
	batch := batchOf(columns...)
	defer batch.Release()
	for _, way := range ways {
		result, err := engine.EchoWith(context.Background(), batch, way.copied, CallOptions{CopyBelow: way.copyBelow})
		if err != nil {
			t.Fatal(err)
		}
		expectSame(t, batch, result)
		result.Release()
	}
}

func TestManyGoroutinesShareOneSlicedBatch(t *testing.T) {
	engine := openEngine(t, Options{})
	whole := batchOf(flatSamples()[1].build(t, memory.DefaultAllocator))
	defer whole.Release()
	batch := whole.NewSlice(1, 9)
	defer batch.Release()
	failures := make(chan error, 8)
	for i := range cap(failures) {
		go func() {
			for range 200 {
				result, err := engine.Echo(context.Background(), batch, i%2 == 0)
				if err != nil {
					failures <- err
					return
				}
				result.Release()
				batch.Column(0).NullN() // the first one to ask computes and stores it
			}
			failures <- nil
		}()
	}
	for range cap(failures) {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
}
