// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Command limit measures how much memory an engine takes whose limit is too small for what it is asked:
//
//	limit -worker PATH [-mebibytes N] [-rows N]
//
// The engine runs in a worker process, so that what the system counts is the engine's alone. Queries group, sort, join and make distinct
// more than the limit allows. The peak is that of the process's own memory, above what it had when it was idle; the rows that it reads
// are the host's and do not count.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func main() {
	worker := flag.String("worker", "", "the program bowyer-worker")
	mebibytes := flag.Int64("mebibytes", 256, "the limit")
	rows := flag.Int("rows", 20_000_000, "of the table")
	flag.Parse()
	if err := run(*worker, *mebibytes<<20, *rows); err != nil {
		fmt.Fprintln(os.Stderr, "limit:", err)
		os.Exit(1)
	}
}

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "key", Type: arrow.PrimitiveTypes.Int64}, {Name: "value", Type: arrow.PrimitiveTypes.Int64},
}, nil)

func run(worker string, limit int64, rows int) error {
	ctx := context.Background()
	allocator := bowyer.NewSharedAllocator()
	data := table(allocator, rows)
	defer data.Release()
	engine, err := bowyer.Open(ctx, bowyer.Config{Isolation: bowyer.WorkerProcess, WorkerPath: worker, MemoryLimit: limit})
	if err != nil {
		return err
	}
	defer engine.Close(ctx)
	ctx = bowyer.WithEngine(ctx, engine)
	pid, err := child()
	if err != nil {
		return err
	}
	source := bowyer.FromBatches(schema, data)
	few, err := source.Limit(10).Collect(ctx) // the worker has begun
	if err != nil {
		return err
	}
	few.Release()
	idle, err := private(pid)
	if err != nil {
		return err
	}
	var peak atomic.Int64
	watched, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			if now, err := private(pid); err == nil && now > peak.Load() {
				peak.Store(now)
			}
			select {
			case <-over:
				return
			case <-time.After(200 * time.Microsecond):
			}
		}
	}()
	refused := 0
	for name, plan := range map[string]bowyer.Plan{
		"group":    source.GroupBy("key").Agg(bowyer.Sum("value").As("sum")),
		"sort":     source.Sort(bowyer.Asc("value"), bowyer.Asc("key")),
		"distinct": source.Distinct(),
		"join":     source.Join(bowyer.Inner, source, bowyer.On("key").Suffix("_right")),
	} {
		out, err := plan.Collect(ctx)
		switch {
		case err == nil:
			out.Release()
		case errors.Is(err, bowyer.ErrMemoryLimit):
			refused++
		default:
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	close(over)
	<-watched
	taken := peak.Load() - idle
	fmt.Printf("memory limit: %d of 4 queries refused with ErrMemoryLimit; peak %d MiB above idle of a limit of %d MiB (%+.1f %%)\n",
		refused, taken>>20, limit>>20, 100*(float64(taken)/float64(limit)-1))
	return nil
}

// child is the worker: the only process that this one has started.
func child() (string, error) {
	own := []byte("\nPPid:\t" + strconv.Itoa(os.Getpid()) + "\n")
	all, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, path := range all {
		if status, err := os.ReadFile(path); err == nil && bytes.Contains(status, own) {
			return filepath.Base(filepath.Dir(path)), nil
		}
	}
	return "", errors.New("there is no worker")
}

// private is the memory that a process has for itself: without code, and without what it shares with others.
func private(pid string) (int64, error) {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "\nRssAnon:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kibibytes, err := strconv.ParseInt(number, 10, 64)
	return kibibytes << 10, err
}

// table makes one batch whose keys never repeat.
func table(allocator *bowyer.SharedAllocator, rows int) arrow.RecordBatch {
	b := array.NewRecordBuilder(allocator, schema)
	defer b.Release()
	keys, values := b.Field(0).(*array.Int64Builder), b.Field(1).(*array.Int64Builder)
	keys.Reserve(rows)
	values.Reserve(rows)
	for row := range rows {
		keys.Append(int64(row))
		values.Append(int64(row) * 7919 % int64(rows))
	}
	return b.NewRecordBatch()
}
