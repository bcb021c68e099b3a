// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime"
	"time"
)

// cost is what one run of a case takes.
type cost struct {
	microseconds float64
	allocations  float64
}

const (
	rounds    = 7
	roundTime = 60 * time.Millisecond
)

// measure runs a case in rounds of equal length and gives the best one: on a shared machine the slower ones measure the
// neighbours.
func measure(run func() error) (cost, error) {
	if err := run(); err != nil {
		return cost{}, err
	}
	began := time.Now()
	if err := run(); err != nil {
		return cost{}, err
	}
	each := max(int(roundTime/max(time.Since(began), time.Nanosecond)), 1)
	var best cost
	for range rounds {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		for range each {
			if err := run(); err != nil {
				return cost{}, err
			}
		}
		elapsed := time.Since(began)
		runtime.ReadMemStats(&after)
		one := cost{
			microseconds: float64(elapsed.Nanoseconds()) / 1e3 / float64(each),
			allocations:  float64(after.Mallocs-before.Mallocs) / float64(each),
		}
		if best.microseconds == 0 || one.microseconds < best.microseconds {
			best = one
		}
	}
	return best, nil
}
