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
	kernel       float64 // microseconds of them that the engine spent inside functions, when that was asked for
	allocations  float64
}

const (
	rounds    = 9
	roundTime = 40 * time.Millisecond
)

// contender is one way to do the same thing.
type contender struct {
	run  func() error
	each int // runs in a round
	best cost
}

// measure runs cases in turn, in rounds of equal length, and gives the best round of each: what the neighbours on a shared
// machine take then hits all of them alike, and the slower rounds, which measure the neighbours, count for none.
func measure(runs ...func() error) ([]cost, error) {
	return measureKernels(func() time.Duration { return 0 }, runs...)
}

// measureKernels is measure that also reads a clock of the time spent inside functions.
func measureKernels(clock func() time.Duration, runs ...func() error) ([]cost, error) {
	contenders := make([]contender, len(runs))
	for i, run := range runs {
		contenders[i].run = run
		if err := run(); err != nil {
			return nil, err
		}
		began := time.Now()
		if err := run(); err != nil {
			return nil, err
		}
		contenders[i].each = max(int(roundTime/max(time.Since(began), time.Nanosecond)), 1)
	}
	for range rounds {
		for i := range contenders {
			if err := contenders[i].round(clock); err != nil {
				return nil, err
			}
		}
	}
	best := make([]cost, len(runs))
	for i := range contenders {
		best[i] = contenders[i].best
	}
	return best, nil
}

func (c *contender) round(clock func() time.Duration) error {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kernel := clock()
	began := time.Now()
	for range c.each {
		if err := c.run(); err != nil {
			return err
		}
	}
	elapsed := time.Since(began)
	kernel = clock() - kernel
	runtime.ReadMemStats(&after)
	one := cost{
		kernel:       float64(kernel.Nanoseconds()) / 1e3 / float64(c.each),
		microseconds: float64(elapsed.Nanoseconds()) / 1e3 / float64(c.each),
		allocations:  float64(after.Mallocs-before.Mallocs) / float64(c.each),
	}
	if c.best.microseconds == 0 || one.microseconds < c.best.microseconds {
		c.best = one
	}
	return nil
}
