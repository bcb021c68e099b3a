// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
)

// held is what a process can leave behind.
type held struct {
	handles, arrays, owners int64
	bytes                   int64 // native ones, and Go's that are pinned
	descriptors             int
	workers                 int
	files                   int
}

func (h held) String() string {
	return fmt.Sprintf("%d handles, %d arrays, %d owners, %d live bytes, %d descriptors, %d workers, %d files",
		h.handles, h.arrays, h.owners, h.bytes, h.descriptors, h.workers, h.files)
}

func holding(spills string) held {
	live := cabi.Live()
	descriptors, _ := filepath.Glob("/proc/self/fd/*")
	files, _ := os.ReadDir(spills)
	return held{
		live.Handles, live.NativeArrays, live.Owners, live.NativeBytes + live.PinnedBytes,
		len(descriptors), len(children()), len(files),
	}
}

// settle waits until no more is held than before, at most for a minute.
func settle(before held, spills string) (after held, err error) {
	for range 600 {
		after = holding(spills)
		// The runtime opened its own poller's descriptors with the first worker.
		if after.descriptors <= before.descriptors+pollers {
			after.descriptors = min(after.descriptors, before.descriptors)
		}
		if after == before {
			return after, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return after, fmt.Errorf("more is held than at the beginning")
}

// pollers are the descriptors that Go's runtime keeps for good, once it has waited for one: epoll and its wake-up.
const pollers = 2

// children are the processes that this one has started.
func children() []string {
	var all []string
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, path := range lists {
		content, _ := os.ReadFile(path)
		all = append(all, strings.Fields(string(content))...)
	}
	return all
}

// kill ends the workers but the steady one.
func (s *soak) kill() {
	for _, child := range children() {
		if pid, err := strconv.Atoi(child); err == nil && child != s.steady && syscall.Kill(pid, syscall.SIGKILL) == nil {
			s.killed++
		}
	}
}

// collect gives what Go does not need back to the system.
func collect() {
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what finalizers and cleanups of the first have let go
}

// resident is the memory of a process.
func resident(pid string) (int64, error) {
	status, err := os.ReadFile("/proc/" + pid + "/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(status))
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm is %q", status)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// sample is the memory at a time.
type sample struct {
	at    time.Duration
	bytes int64
}

// series are samples over time.
type series []sample

// printSample says what the last samples were, what the pools of their engines keep of it, and what Go's runtime holds.
func (s *soak) printSample(at time.Duration, host, isolated series) {
	var kept [2]uint64
	for i := range kept {
		if stats, err := s.engines[i].Stats(); err == nil {
			kept[i] = stats.PoolFree
		}
	}
	var runtimes runtime.MemStats
	runtime.ReadMemStats(&runtimes)
	mebibytes := func(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
	fmt.Fprintf(os.Stderr, "at_s=%.0f host_mib=%.2f pool_mib=%.2f go_mib=%.2f worker_mib=%.2f worker_pool_mib=%.2f\n", at.Seconds(),
		mebibytes(uint64(host[len(host)-1].bytes)), mebibytes(kept[0]), mebibytes(runtimes.Sys-runtimes.HeapReleased),
		mebibytes(uint64(isolated[len(isolated)-1].bytes)), mebibytes(kept[1]))
}

// warm is what was seen after the first third.
func (s series) warm() series { return s[len(s)/3:] }

// slope is the growth after the first third in MiB/h, by least squares.
func (s series) slope() float64 {
	var n, x, y, xx, xy float64
	for _, one := range s.warm() {
		at, size := one.at.Hours(), float64(one.bytes)/(1<<20)
		n, x, y, xx, xy = n+1, x+at, y+size, xx+at*at, xy+at*size
	}
	if below := n*xx - x*x; below > 0 {
		return (n*xy - x*y) / below
	}
	return 0
}

func (s series) String() string {
	warm := s.warm()
	if len(warm) == 0 {
		return "was not measured"
	}
	least, most := warm[0].bytes, warm[0].bytes
	for _, one := range warm {
		least, most = min(least, one.bytes), max(most, one.bytes)
	}
	return fmt.Sprintf("%.1f to %.1f MiB (by quarters%s), slope %+.2f MiB/h over %d samples",
		float64(least)/(1<<20), float64(most)/(1<<20), warm.quarters(), s.slope(), len(warm))
}

// quarters are the means of four equal parts: what only settles grows less from one to the next.
func (s series) quarters() (text string) {
	for quarter := range 4 {
		part := s[quarter*len(s)/4 : (quarter+1)*len(s)/4]
		if len(part) == 0 {
			continue
		}
		var sum float64
		for _, one := range part {
			sum += float64(one.bytes) / (1 << 20)
		}
		text += fmt.Sprintf(" %.2f", sum/float64(len(part)))
	}
	return text
}
