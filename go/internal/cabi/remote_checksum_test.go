// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cabi

import (
	"hash/crc32"
	"testing"
	"time"

	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// openSummed opens an engine in a worker that sums buffers, and a function that it has.
func openSummed(t *testing.T) (*Engine, *Function) {
	t.Helper()
	engine := openWith(t, WorkerOptions{Level: 2, Grace: time.Second, Policy: worker.DefaultPolicy, Checksums: true})
	return engine, adder(t, engine)
}

func TestBuffersCrossWithSums(t *testing.T) {
	engine, f := openSummed(t)
	for _, rows := range []int{0, 3, 1000, 100_000} { // in the frame, and in files both ways
		values := from(1, rows)
		if err := doubled(t.Context(), engine, f, values); err != nil {
			t.Errorf("%d rows: %v", rows, err)
		}
		values.Release()
	}
}

// invalidArray is the code of InvalidArray, which this package itself never gives.
const invalidArray = 6

func TestABufferWithAnotherSumIsRefusedByTheWorkerWhichGoesOn(t *testing.T) {
	engine, f := openSummed(t)
	before := pidOf(engine)
	values := from(1, 100_000)
	defer values.Release()
	right := castagnoli
	castagnoli = crc32.IEEETable // as if the bytes had changed on their way
	err := doubled(t.Context(), engine, f, values)
	castagnoli = right
	if codeOf(err) != invalidArray {
		t.Errorf("got %v", err)
	}
	t.Log(err)
	if err := doubled(t.Context(), engine, f, values); err != nil || pidOf(engine) != before {
		t.Errorf("afterwards: %v, in process %d instead of %d", err, pidOf(engine), before)
	}
}
