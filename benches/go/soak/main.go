// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Command soak works engines for a long time and looks at what stays behind:
//
//	soak -worker PATH [-seconds N] [-slope MEBIBYTES] [-samples]
//
// In turn, one engine in this process, one in a worker process, and one whose worker is killed again and again run queries of most operators, call functions,
// cancel, and meet errors and limits. Now and then, with nothing running, the memory of this process and of the
// steady worker is noted. After a third of the samples, for warming up, their growth is fitted by least squares. At the end everything is closed:
// counters, descriptors, processes and files must be as at the beginning. Growth decides only with -slope, which needs an hour to mean much.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func main() {
	worker := flag.String("worker", "", "the program bowyer-worker")
	seconds := flag.Int("seconds", 60, "how long to go on")
	slope := flag.Float64("slope", 0, "the growth in MiB/h that is too much; 0: any is allowed")
	seed := flag.Uint64("seed", 1, "of the choice of moments")
	samples := flag.Bool("samples", false, "print what memory was noted, and how much of it is kept on purpose")
	flag.Parse()
	if err := run(*worker, time.Duration(*seconds)*time.Second, *slope, *seed, *samples); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// leastRounds is how many rounds there are, however short the time.
const leastRounds = 6

func run(worker string, duration time.Duration, slope float64, seed uint64, samples bool) error {
	spills, err := os.MkdirTemp("", "soak")
	if err != nil {
		return err
	}
	defer os.RemoveAll(spills)
	before := holding(spills)
	s, err := start(worker, spills, seed)
	if err != nil {
		return err
	}
	s.samples = samples
	host, isolated, err := s.work(duration)
	s.stop()
	if err != nil {
		return err
	}
	after, err := settle(before, spills)
	grown := []float64{host.slope(), isolated.slope()}
	fmt.Printf("soak: %d rounds in %.0f s: %d queries and %d calls answered, %d cancelled, %d refused, %d lost with %d killed workers, 0 wrong\n",
		s.rounds, s.took.Seconds(), s.answered, s.calls, s.cancelled, s.refused, s.lost, s.killed)
	fmt.Printf("soak: memory after warm-up: this process %s, its worker %s\n", host, isolated)
	fmt.Printf("soak: held before and after: %v, %v\n", before, after)
	if err != nil {
		return err
	}
	for i, name := range []string{"this process", "the worker"} {
		if slope > 0 && grown[i] > slope {
			return fmt.Errorf("%s grows by %.2f MiB/h, more than %.2f", name, grown[i], slope)
		}
	}
	return nil
}

// soak is what works and what it has seen.
type soak struct {
	engines []engine
	data    tables
	random  *rand.Rand
	steady  string // the process of the worker that is left alone
	samples bool   // are printed
	rounds  int
	took    time.Duration

	answered, calls, cancelled, refused, lost, killed int
}

// engine is one of them, and whether its worker is killed.
type engine struct {
	*bowyer.Engine
	dies bool
}

func start(worker, spills string, seed uint64) (*soak, error) {
	ctx := context.Background()
	s := &soak{data: makeTables(20_000), random: rand.New(rand.NewPCG(seed, 0))}
	isolated := bowyer.Config{
		Isolation: bowyer.WorkerProcess, WorkerPath: worker, WorkerGrace: time.Minute, MemoryLimit: 256 << 20, RetainedMemory: 32 << 20,
	}
	for i, config := range []bowyer.Config{{MemoryLimit: 256 << 20, RetainedMemory: 32 << 20, SpillDir: spills}, isolated, isolated} {
		opened, err := bowyer.Open(ctx, config)
		if err != nil {
			s.stop()
			return nil, err
		}
		s.engines = append(s.engines, engine{opened, i == 2})
		if i == 1 {
			workers := children()
			if len(workers) != 1 {
				s.stop()
				return nil, fmt.Errorf("there are %d workers", len(workers))
			}
			s.steady = workers[0]
		}
	}
	return s, nil
}

func (s *soak) stop() {
	for _, one := range s.engines {
		one.Close(context.Background())
	}
	s.data.release()
}

// work goes round until the time is over, and gives the memory of this process and of the steady worker over time.
func (s *soak) work(duration time.Duration) (host, isolated series, err error) {
	started := time.Now()
	pause := max(duration/200, 100*time.Millisecond)
	for next := started; s.rounds < leastRounds || time.Since(started) < duration; s.rounds++ {
		for _, one := range s.engines {
			if err := s.round(one); err != nil {
				return host, isolated, err
			}
		}
		if s.rounds >= leastRounds && time.Now().Before(next) {
			continue
		}
		next = time.Now().Add(pause)
		collect()
		at := time.Since(started)
		for pid, list := range map[string]*series{"self": &host, s.steady: &isolated} {
			bytes, err := resident(pid)
			if err != nil {
				return host, isolated, fmt.Errorf("the memory of process %s: %w", pid, err)
			}
			*list = append(*list, sample{at, bytes})
		}
		if s.samples {
			s.printSample(at, host, isolated)
		}
	}
	s.took = time.Since(started)
	return host, isolated, nil
}

// round runs everything once on an engine.
func (s *soak) round(one engine) error {
	ctx := bowyer.WithEngine(context.Background(), one.Engine)
	for _, plan := range plans(s.data) {
		if one.dies && s.random.IntN(20) == 0 {
			s.kill()
		}
		if err := s.query(ctx, one, plan); err != nil {
			return fmt.Errorf("%s: %w", plan.name, err)
		}
	}
	for range 50 {
		if err := s.call(ctx); s.expected(one, err, nil) != nil {
			return fmt.Errorf("call: %w", err)
		}
	}
	return nil
}

// query runs a plan, one time of three only for a while.
func (s *soak) query(ctx context.Context, one engine, plan named) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.random.IntN(3) == 0 {
		defer time.AfterFunc(time.Duration(s.random.IntN(5000))*time.Microsecond, cancel).Stop()
	}
	rows, err := drain(ctx, plan)
	switch {
	case errors.Is(err, context.Canceled):
		s.cancelled++
		return nil
	case err == nil && plan.fails != nil:
		return fmt.Errorf("there was no error, but %d rows", rows)
	case err == nil && plan.rows >= 0 && rows != plan.rows:
		return fmt.Errorf("%d rows instead of %d", rows, plan.rows)
	case err == nil:
		s.answered++
		return nil
	}
	return s.expected(one, err, plan.fails)
}

// expected is nil for an error that may be.
func (s *soak) expected(one engine, err, fails error) error {
	switch {
	case err == nil:
		return nil
	case fails != nil && errors.Is(err, fails):
		s.refused++
		return nil
	case one.dies && (errors.Is(err, bowyer.ErrWorkerLost) || errors.Is(err, bowyer.ErrQuarantined)):
		s.lost++
		return nil
	}
	return err
}

func drain(ctx context.Context, plan named) (rows int64, err error) {
	result, err := plan.Run(ctx, plan.options...)
	if err != nil {
		return 0, err
	}
	defer result.Release()
	for result.Next() {
		rows += result.RecordBatch().NumRows()
	}
	return rows, result.Err()
}
