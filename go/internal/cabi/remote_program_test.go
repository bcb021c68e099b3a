// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cabi

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// programContent is the worker program of this run.
func programContent(t *testing.T) []byte {
	t.Helper()
	path := os.Getenv(worker.EverywhereVariable)
	if path == "" {
		t.Skip("SKIPPED: " + worker.EverywhereVariable + " names no worker program")
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestAWorkerRunsFromMemory(t *testing.T) {
	engine := openWith(t, WorkerOptions{
		Program: programContent(t), Level: 2, Grace: time.Second, Policy: atOnce, Spare: true,
	})
	f := adder(t, engine)
	column := counting(100)
	defer column.Release()
	if err := doubled(t.Context(), engine, f, column); err != nil {
		t.Fatal(err)
	}
	// Its successors come from the same memory.
	for range 3 {
		r := engine.options.remote
		r.mutex.Lock()
		conn := r.conn
		r.mutex.Unlock()
		// The link tells who may look: the worker itself may not be looked into.
		if program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", conn.Pid())); err == nil && !strings.HasPrefix(program, "/memfd:bowyer-worker") {
			t.Errorf("the worker runs %s", program)
		}
		if err := syscall.Kill(conn.Pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-conn.Dead()
		if err := doubled(t.Context(), engine, f, column); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAProgramThatIsNoneIsRefused(t *testing.T) {
	whole := programContent(t)
	files := countFiles(t)
	for name, content := range map[string][]byte{"nothing": {}, "text": []byte("no program"), "its first page": whole[:4096]} {
		_, err := Open(nil, Options{Worker: &WorkerOptions{Program: content, Policy: worker.DefaultPolicy}})
		if codeOf(err) != codeIsolationUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	for deadline := time.Now().Add(5 * time.Second); countFiles(t) > files; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors, %d before", countFiles(t), files)
		}
	}
}
