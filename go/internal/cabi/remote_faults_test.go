// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cabi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// openWorker opens an engine in a worker process; at the test's end nothing of it may be left.
func openWorker(t testing.TB, path string, policy worker.Policy) *Engine {
	t.Helper()
	return openWith(t, WorkerOptions{Path: path, Level: 2, Grace: 50 * time.Millisecond, Policy: policy})
}

func openWith(t testing.TB, options WorkerOptions) *Engine {
	t.Helper()
	if options.Path == "" && options.Program == nil {
		options.Path = os.Getenv(worker.EverywhereVariable)
	}
	if options.Path == "" && options.Program == nil {
		t.Skip("SKIPPED: " + worker.EverywhereVariable + " names no worker program")
	}
	files := countFiles(t)
	before := Live()
	engine, err := Open(nil, Options{Worker: &options})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
		after := Live()
		if after.Handles != before.Handles || after.Owners != before.Owners || after.PinnedBytes != before.PinnedBytes || after.NativeArrays != before.NativeArrays {
			t.Errorf("left behind: before %+v, after %+v", before, after)
		}
		if mapped := worker.Mapped(); mapped != 0 {
			t.Errorf("%d results are still mapped", mapped)
		}
		for deadline := time.Now().Add(5 * time.Second); countFiles(t) > files; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d descriptors, %d before", countFiles(t), files)
			}
		}
	})
	return engine
}

func countFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// adder is the function that adds one column to another.
func adder(t testing.TB, engine *Engine) *Function {
	t.Helper()
	call, err := proto.Marshal(&wire.FunctionCall{Function: "add"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := engine.Resolve(call, []arrow.Field{{Type: arrow.PrimitiveTypes.Int64}, {Type: arrow.PrimitiveTypes.Int64}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Release)
	return f
}

func counting(rows int) *array.Int64 {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	for i := range rows {
		b.Append(int64(i))
	}
	return b.NewInt64Array()
}

// doubled calls the adder and checks its answer.
func doubled(ctx context.Context, engine *Engine, f *Function, column *array.Int64) error {
	out, err := engine.Call(ctx, f, []Argument{{Array: column}, {Array: column}}, CallOptions{})
	if err != nil {
		return err
	}
	defer out.Release()
	sums := out.(*array.Int64)
	if sums.Len() != column.Len() {
		return fmt.Errorf("%d rows of %d", sums.Len(), column.Len())
	}
	for i := range sums.Len() {
		if sums.Value(i) != 2*column.Value(i) {
			return fmt.Errorf("row %d is %d", i, sums.Value(i))
		}
	}
	return nil
}

func codeOf(err error) int32 {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure.Code
	}
	return -1
}

func pidOf(engine *Engine) int {
	r := engine.options.remote
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.conn == nil {
		return 1 << 30 // nobody: zero would be this process's group
	}
	return r.conn.Pid()
}

// reads reports whether a worker was lent a block of so many rows.
func reads(engine *Engine, rows int) bool {
	r := engine.options.remote
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, l := range r.owners {
		if !l.freed && l.block.head().block.rowCount == int64(rows) {
			return true
		}
	}
	return false
}

// stopped stops a process and waits until none of its threads runs any more.
func stopped(t testing.TB, pid int) {
	t.Helper()
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Microsecond) {
		running := 0
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		for _, thread := range threads {
			line, _ := os.ReadFile(thread)
			if _, rest, ok := strings.Cut(string(line), ") "); ok && rest[0] != 'T' {
				running++
			}
		}
		if running == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d threads do not stop", running)
		}
	}
}

// strike calls the adder while the worker is stopped, and lets a signal end the worker once the call's column was lent. Only a kill is
// sure to come before the answer.
func strike(t testing.TB, engine *Engine, f *Function, column *array.Int64, signal syscall.Signal) error {
	t.Helper()
	warm := counting(column.Len() + 1) // function and memory file are in the worker that runs
	defer warm.Release()
	if err := doubled(t.Context(), engine, f, warm); err != nil {
		t.Fatal(err)
	}
	pid := pidOf(engine)
	stopped(t, pid)
	done := make(chan error, 1)
	go func() { done <- doubled(context.Background(), engine, f, column) }()
	for !reads(engine, column.Len()) {
		time.Sleep(100 * time.Microsecond)
		select {
		case err := <-done:
			t.Fatalf("the call of a stopped worker ended with %v", err)
		default:
		}
	}
	defer func() { // until it is known to be gone
		for pidOf(engine) == pid {
			_ = syscall.Kill(pid, signal)
			time.Sleep(100 * time.Microsecond)
		}
	}()
	for {
		// More than once: the runtime's own handler takes the first fault that is none of its stacks.
		_ = syscall.Kill(pid, signal)
		_ = syscall.Kill(pid, syscall.SIGCONT)
		select {
		case err := <-done:
			return err
		case <-time.After(time.Millisecond):
		}
	}
}

func TestAFaultOfTheWorkerFailsItsCallAndNoOther(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{
		"a fault of memory": syscall.SIGSEGV, "an abort": syscall.SIGABRT, "a kill": syscall.SIGKILL, "a fault of the bus": syscall.SIGBUS,
	} {
		t.Run(name, func(t *testing.T) {
			engine := openWorker(t, "", worker.DefaultPolicy)
			f := adder(t, engine)
			column := counting(3000)
			defer func() { column.Release() }()
			for struck := 0; struck < 3; {
				switch err := strike(t, engine, f, column, signal); {
				case err == nil: // it was answered before
				case codeOf(err) == codeWorkerLost && strings.Contains(err.Error(), "signal: "):
					struck++
				default:
					t.Fatalf("got %v", err)
				}
				other := counting(1000) // the same batch would be refused after two deaths
				if err := doubled(context.Background(), engine, f, other); err != nil {
					t.Errorf("the next call: %v", err)
				}
				other.Release()
				shorter := counting(column.Len() - 1)
				column.Release()
				column = shorter
			}
		})
	}
}

func TestABatchThatKilledTwoWorkersIsRefused(t *testing.T) {
	engine := openWorker(t, "", worker.DefaultPolicy)
	f := adder(t, engine)
	column := counting(5000)
	defer column.Release()
	for range 2 {
		if err := strike(t, engine, f, column, syscall.SIGKILL); codeOf(err) != codeWorkerLost {
			t.Fatalf("got %v", err)
		}
	}
	if err := doubled(t.Context(), engine, f, column); codeOf(err) != codeQuarantined {
		t.Errorf("the third time: %v", err)
	}
	same := counting(5000)
	defer same.Release()
	if err := doubled(t.Context(), engine, f, same); codeOf(err) != codeQuarantined {
		t.Errorf("the same values elsewhere: %v", err)
	}
	other := counting(5001)
	defer other.Release()
	if err := doubled(t.Context(), engine, f, other); err != nil {
		t.Errorf("another batch: %v", err)
	}
}

func TestAWorkerThatDoesNotHeedADeadlineIsKilled(t *testing.T) {
	engine := openWorker(t, "", worker.DefaultPolicy)
	f := adder(t, engine)
	column := counting(100_000)
	defer column.Release()
	pid := pidOf(engine)
	stopped(t, pid) // it will not heed anything
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	err := doubled(ctx, engine, f, column)
	if codeOf(err) != codeDeadlineExceeded || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	for deadline := time.Now().Add(10 * time.Second); pidOf(engine) == pid; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the worker still runs")
		}
	}
	if err := doubled(t.Context(), engine, f, column); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestAWorkerBelowTheLevelDemandedIsRefused(t *testing.T) {
	path := os.Getenv(worker.EverywhereVariable)
	if path == "" {
		t.Skip("SKIPPED: " + worker.EverywhereVariable + " names no worker program")
	}
	_, err := Open(nil, Options{Worker: &WorkerOptions{Path: path, Level: 99, Policy: worker.DefaultPolicy}})
	if codeOf(err) != codeIsolationUnavailable {
		t.Errorf("got %v", err)
	}
	_, err = Open(nil, Options{Worker: &WorkerOptions{Path: "/bin/false", Policy: worker.DefaultPolicy}})
	if codeOf(err) != codeIsolationUnavailable {
		t.Errorf("a program that is no worker: %v", err)
	}
	_, err = Open(nil, Options{Worker: &WorkerOptions{Path: "/nonexistent", Policy: worker.DefaultPolicy}})
	if codeOf(err) != codeIsolationUnavailable {
		t.Errorf("no program: %v", err)
	}
}

func TestSharedMemoryCrossesWithoutACopy(t *testing.T) {
	engine := openWorker(t, "", worker.DefaultPolicy)
	f := adder(t, engine)
	arena := worker.NewArena(true)
	b := array.NewInt64Builder(arena)
	for i := range 200_000 {
		b.Append(int64(i))
	}
	column := b.NewInt64Array()
	b.Release()
	before := Live().BytesLent
	for range 3 {
		if err := doubled(t.Context(), engine, f, column); err != nil {
			t.Fatal(err)
		}
	}
	if copied := Live().BytesLent - before; copied != 0 {
		t.Errorf("%d bytes were copied", copied)
	}
	ordinary := counting(200_000)
	if err := doubled(t.Context(), engine, f, ordinary); err != nil {
		t.Fatal(err)
	}
	if copied := Live().BytesLent - before; copied < 1_600_000 || copied > 1_700_000 {
		t.Errorf("%d bytes were copied of 1,600,000: an argument twice is one buffer", copied)
	}
	ordinary.Release()
	column.Release()
	if err := arena.Close(); err != nil {
		t.Error(err)
	}
}
