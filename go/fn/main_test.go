// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"os"
	"testing"

	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// TestMain runs the same tests with all engines in worker processes, when a variable names the program.
func TestMain(m *testing.M) {
	worker.Everywhere = os.Getenv(worker.EverywhereVariable)
	os.Exit(m.Run())
}
