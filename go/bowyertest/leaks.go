// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyertest

import (
	"testing"
	"time"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// leakPatience is how long NoLeaks waits for what the engine gives back on its own threads.
const leakPatience = 5 * time.Second

// NoLeaks fails the test if, when it ends, more of the native library is held than now: results not released, engines not closed,
// plans, and Go batches that something native still reads. Call it first, so that it looks after all other clean-ups. It counts
// for the whole process: tests that use it cannot run in parallel. What the default engine keeps for later calls does not count.
func NoLeaks(t testing.TB) {
	t.Helper()
	if !cabi.Enabled && worker.Everywhere == "" {
		return
	}
	engine, err := bowyer.DefaultEngine(t.Context())
	if err != nil {
		t.Fatalf("opening the default engine: %v", err)
	}
	before := held(t, engine)
	t.Cleanup(func() {
		t.Helper()
		var after cabi.Counters
		for deadline := time.Now().Add(leakPatience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if after = held(t, engine); !more(after, before) {
				return
			}
		}
		t.Errorf("the test leaves native results, handles or pinned memory behind:\nbefore %+v\n after %+v", before, after)
	})
}

// held is what the process holds, without the functions that the default engine keeps.
func held(t testing.TB, engine *bowyer.Engine) cabi.Counters {
	t.Helper()
	counters := cabi.Live()
	if stats, err := engine.Stats(); err == nil {
		counters.Handles -= int64(stats.CachedFunctions)
	}
	return counters
}

func more(after, before cabi.Counters) bool {
	return after.NativeArrays > before.NativeArrays || after.NativeBytes > before.NativeBytes || after.Handles > before.Handles ||
		after.Owners > before.Owners || after.PinnedBytes > before.PinnedBytes
}
