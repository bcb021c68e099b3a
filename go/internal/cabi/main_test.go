// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cabi

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// TestMain runs the same tests with all engines in worker processes, when a variable names the program. Under another name this program
// is a worker that lies.
func TestMain(m *testing.M) {
	if own, err := os.Executable(); err == nil {
		if lie, ok := strings.CutPrefix(filepath.Base(own), liarPrefix); ok {
			tellLies(lie)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // at once: the race detector would wait for a second
		}
	}
	worker.Everywhere = os.Getenv(worker.EverywhereVariable)
	os.Exit(m.Run())
}
