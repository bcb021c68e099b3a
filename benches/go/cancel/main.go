// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Command cancel measures how long a query that is cancelled goes on:
//
//	cancel [-rows N] [-cancels N] [-seed N] [-only NAME] [-operators] [-worker PATH]
//
// It cancels the context of a query of some operator after a random part of the time that the query takes, a thousand times,
// and prints percentiles of two times in milliseconds: from the cancel until the caller has its error and everything is released
// (return), and until the engine's threads have let go of the query's inputs and memory (idle). With -worker the engine runs in that
// program, a process of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// sample is what one cancelled run took.
type sample struct {
	returned, idle time.Duration
}

// subject is a prepared plan and the time that it takes.
type subject struct {
	name     string
	prepared *bowyer.Prepared
	takes    time.Duration
	samples  []sample
}

func main() {
	rows := flag.Int("rows", 1_000_000, "rows of the large table")
	cancels := flag.Int("cancels", 1000, "queries to cancel")
	seed := flag.Uint64("seed", 1, "of the choice of moments")
	only := flag.String("only", "", "one operator alone")
	each := flag.Bool("operators", false, "print a line for every operator")
	worker := flag.String("worker", "", "the program bowyer-worker")
	flag.Parse()
	config := bowyer.Config{}
	if *worker != "" {
		config.Isolation, config.WorkerPath = bowyer.WorkerProcess, *worker
	}
	if err := run(config, *rows, *cancels, *seed, *only, *each); err != nil {
		fmt.Fprintln(os.Stderr, "cancel:", err)
		os.Exit(1)
	}
}

func run(config bowyer.Config, rows, cancels int, seed uint64, only string, each bool) error {
	ctx := context.Background()
	engine, err := bowyer.Open(ctx, config)
	if err != nil {
		return err
	}
	defer engine.Close(ctx)
	ctx = bowyer.WithEngine(ctx, engine)
	data := makeTables(rows)
	defer data.release()
	var subjects []*subject
	for _, one := range plans(data) {
		if only != "" && one.name != only {
			continue
		}
		made, err := prepare(ctx, one.name, one.plan)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		defer made.prepared.Release()
		subjects = append(subjects, made)
	}
	if len(subjects) == 0 {
		return fmt.Errorf("there is no operator %q", only)
	}
	baseline, err := idleMemory(engine)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(seed, 0))
	late := 0
	for i := range cancels {
		one := subjects[i%len(subjects)]
		delay := time.Duration(random.Float64() * float64(one.takes))
		measured, cancelled, err := cancelAfter(ctx, engine, one, delay, baseline)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", one.name, err)
		case cancelled:
			one.samples = append(one.samples, measured)
		default:
			late++ // it ended before
		}
	}
	report(subjects, late, each)
	return nil
}

// prepare prepares a plan and measures how long it takes, after one run for the pool's sake.
func prepare(ctx context.Context, name string, plan bowyer.Plan) (*subject, error) {
	prepared, err := plan.Prepare(ctx)
	if err != nil {
		return nil, err
	}
	made := &subject{name: name, prepared: prepared}
	for range 2 {
		started := time.Now()
		if err := drain(ctx, prepared); err != nil {
			prepared.Release()
			return nil, err
		}
		made.takes = time.Since(started)
	}
	return made, nil
}

func drain(ctx context.Context, prepared *bowyer.Prepared) error {
	result, err := prepared.Run(ctx)
	if err != nil {
		return err
	}
	defer result.Release()
	for result.Next() {
	}
	return result.Err()
}

// cancelAfter runs a query and cancels it after some time.
func cancelAfter(ctx context.Context, engine *bowyer.Engine, one *subject, delay time.Duration, baseline uint64) (sample, bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- drain(ctx, one.prepared) }()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case err := <-ended:
		return sample{}, false, err
	case <-timer.C:
	}
	at := time.Now()
	cancel()
	err := <-ended
	returned := time.Since(at)
	if err != nil && !errors.Is(err, context.Canceled) {
		return sample{}, false, err
	}
	idle, waitErr := waitIdle(engine, at, baseline)
	if waitErr != nil {
		return sample{}, false, waitErr
	}
	return sample{returned, idle}, err != nil, nil
}

// waitIdle waits until the engine holds nothing of any query.
func waitIdle(engine *bowyer.Engine, since time.Time, baseline uint64) (time.Duration, error) {
	for {
		stats, err := engine.Stats()
		if err != nil {
			return 0, err
		}
		took := time.Since(since)
		if stats.LiveOwners == 0 && stats.Memory <= baseline {
			return took, nil
		}
		if took > time.Minute {
			return 0, fmt.Errorf("after a minute the engine still holds %d batches and %d bytes", stats.LiveOwners, stats.Memory)
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// idleMemory is what the engine is charged for when no query runs.
func idleMemory(engine *bowyer.Engine) (uint64, error) {
	for range 1000 {
		stats, err := engine.Stats()
		if err != nil || stats.LiveOwners == 0 {
			return stats.Memory, err
		}
		time.Sleep(time.Millisecond)
	}
	return 0, errors.New("the engine does not become idle")
}

// report prints a line for each operator, if asked for, and one for all.
func report(subjects []*subject, late int, each bool) {
	var all []sample
	for _, one := range subjects {
		all = append(all, one.samples...)
		if each {
			line(one.name, one.samples)
			fmt.Printf(" takes_ms=%.1f\n", milliseconds(one.takes))
		}
	}
	line("cancel", all)
	fmt.Printf(" operators=%d ended_before=%d\n", len(subjects), late)
}

func line(name string, samples []sample) {
	times := func(of func(sample) time.Duration) (p50, p99, most float64) {
		list := make([]time.Duration, len(samples))
		for i, one := range samples {
			list[i] = of(one)
		}
		slices.Sort(list)
		at := func(share float64) float64 {
			if len(list) == 0 {
				return 0
			}
			return milliseconds(list[min(int(share*float64(len(list))), len(list)-1)])
		}
		return at(0.50), at(0.99), at(1)
	}
	p50, p99, most := times(func(s sample) time.Duration { return s.returned })
	idle50, idle99, idleMost := times(func(s sample) time.Duration { return s.idle })
	fmt.Printf("%-16s n=%d return_ms p50=%.2f p99=%.2f max=%.2f idle_ms p50=%.2f p99=%.2f max=%.2f",
		name, len(samples), p50, p99, most, idle50, idle99, idleMost)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
