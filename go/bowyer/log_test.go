// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
	"github.com/bowyer-arrow/bowyer/go/bowyertest"
)

// recorder is a handler that keeps what it is given, with attributes by name.
type recorder struct {
	mutex   sync.Mutex
	records []recorded
}

type recorded struct {
	level   slog.Level
	message string
	time    time.Time
	attrs   map[string]slog.Value
}

func (r *recorder) Enabled(context.Context, slog.Level) bool { return true }
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *recorder) WithGroup(string) slog.Handler            { return r }

func (r *recorder) Handle(_ context.Context, record slog.Record) error {
	one := recorded{record.Level, record.Message, record.Time, map[string]slog.Value{}}
	record.Attrs(func(attr slog.Attr) bool {
		one.attrs[attr.Key] = attr.Value
		return true
	})
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.records = append(r.records, one)
	return nil
}

func (r *recorder) messages() (messages []string) {
	for _, record := range r.records {
		messages = append(messages, record.message)
	}
	return messages
}

type traceKey struct{}

// logged runs work on an engine that is closed afterwards, and returns what it told.
func logged(t *testing.T, work func(ctx context.Context)) *recorder {
	t.Helper()
	bowyertest.NoLeaks(t)
	seen := new(recorder)
	engine, err := bowyer.Open(t.Context(), bowyer.Config{
		Logger: slog.New(seen),
		Traceparent: func(ctx context.Context) string {
			trace, _ := ctx.Value(traceKey{}).(string)
			return trace
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	work(bowyer.WithEngine(t.Context(), engine))
	if err := engine.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestAQueryIsLoggedWithItsTrace(t *testing.T) {
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	began := time.Now()
	seen := logged(t, func(ctx context.Context) {
		ctx = context.WithValue(ctx, traceKey{}, trace)
		plan := bowyer.FromBatches(numberSchema, batches(t, 3, 100)...).Filter(bowyer.Col("id").Ge(200))
		table, err := plan.Collect(ctx, bowyer.QueryID("nightly"))
		if err != nil {
			t.Fatal(err)
		}
		table.Release()
	})
	if got := seen.messages(); !slices.Equal(got, []string{"query started", "query finished"}) {
		t.Fatalf("logged %q", got)
	}
	for _, record := range seen.records {
		for key, want := range map[string]string{
			"component": "bowyer", "query_id": "nightly",
			"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
		} {
			if got := record.attrs[key].String(); got != want {
				t.Errorf("%s: %s is %q, want %q", record.message, key, got, want)
			}
		}
		if record.time.Before(began.Add(-time.Second)) || record.time.After(time.Now().Add(time.Second)) {
			t.Errorf("%s at %v", record.message, record.time)
		}
	}
	finished := seen.records[1]
	if in, out := finished.attrs["rows_in"].Uint64(), finished.attrs["rows_out"].Uint64(); in != 300 || out != 100 {
		t.Errorf("%d rows in, %d out", in, out)
	}
	if finished.level != slog.LevelInfo || finished.attrs["elapsed"].Duration() <= 0 || finished.attrs["peak_memory_bytes"].Uint64() == 0 {
		t.Errorf("finished with %v: %v", finished.level, finished.attrs)
	}
}

func TestLimitsAndRejectionsAreLogged(t *testing.T) {
	seen := logged(t, func(ctx context.Context) {
		plan := bowyer.FromBatches(numberSchema, batches(t, 3, 1000)...).Sort(bowyer.Asc("text"))
		if err := drain(ctx, plan, bowyer.MemoryLimit(1)); !errors.Is(err, bowyer.ErrMemoryLimit) {
			t.Errorf("a sort in one byte gives %v", err)
		}
		values := arrayOf(t, arrow.BinaryTypes.String, `["a", "b"]`)
		keys := arrayOf(t, arrow.PrimitiveTypes.Int32, `[0, 9]`)
		dictionaryType := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
		forged := array.NewDictionaryArray(dictionaryType, keys, values)
		defer forged.Release()
		if _, err := bowyer.Call(ctx, "count", nil, forged); !errors.Is(err, bowyer.ErrInvalidArray) {
			t.Errorf("a key past the dictionary gives %v", err)
		}
	})
	if got := seen.messages(); !slices.Equal(got, []string{"query started", "query failed", "import rejected"}) {
		t.Fatalf("logged %q", got)
	}
	failed, rejected := seen.records[1], seen.records[2]
	if failed.level != slog.LevelWarn || failed.attrs["cause"].String() != "limit hit" || failed.attrs["code"].Uint64() != uint64(bowyer.CodeMemoryLimit) {
		t.Errorf("failed with %v: %v", failed.level, failed.attrs)
	}
	if rejected.level != slog.LevelWarn || rejected.attrs["case"].String() != "dictionary_key" {
		t.Errorf("rejected with %v: %v", rejected.level, rejected.attrs)
	}
}

// A logger that is slower than the engine holds no query up, and loses no count of what it did not get.
func TestASlowLoggerHoldsNothingUp(t *testing.T) {
	bowyertest.NoLeaks(t)
	open := make(chan struct{})
	seen := &slowRecorder{open: open}
	engine, err := bowyer.Open(t.Context(), bowyer.Config{Logger: slog.New(seen)})
	if err != nil {
		t.Fatal(err)
	}
	ctx := bowyer.WithEngine(t.Context(), engine)
	for range 20 {
		works(t, ctx)
	}
	close(open)
	if err := engine.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := len(seen.records); got != 40 {
		t.Errorf("%d records of 20 queries", got)
	}
}

type slowRecorder struct {
	recorder
	open chan struct{}
}

func (r *slowRecorder) Handle(ctx context.Context, record slog.Record) error {
	<-r.open
	return r.recorder.Handle(ctx, record)
}
