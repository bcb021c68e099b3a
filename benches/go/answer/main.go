// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Command answer is Bowyer, called from Go, and arrow-go's own functions, as engines that benches/peers measures:
//
//	answer ENGINE FOLDER RUNS WHAT QUESTION…
//
// ENGINE is `bowyer`, or `arrow_go` for arrow-go's own functions. It reads the folder's Arrow IPC files into memory before any clock starts, and prints a line of JSON for each question. WHAT is
// `times` (seconds of RUNS cold and RUNS warm runs), `check` (also describes the answer) or `peak` (the memory of one run).
// benches/peers/worker.py speaks the same protocol.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// long is how long a question may take before it is asked twice at most.
const long = 5 * time.Second

// outcome is a line of the protocol.
type outcome struct {
	Question string       `json:"question"`
	Cold     []float64    `json:"cold,omitempty"` // seconds
	Warm     []float64    `json:"warm,omitempty"`
	Answer   *description `json:"answer,omitempty"`
	PeakMiB  float64      `json:"peak_mib,omitempty"`
	AboveMiB float64      `json:"above_mib,omitempty"` // what the process held before
	Missing  string       `json:"missing,omitempty"`
	Error    string       `json:"error,omitempty"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "answer:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 4 {
		return fmt.Errorf("usage: answer ENGINE FOLDER RUNS WHAT QUESTION…")
	}
	runs, err := strconv.Atoi(arguments[2])
	if err != nil {
		return err
	}
	data, err := readTables(arguments[1])
	if err != nil {
		return err
	}
	defer data.release()
	// The engine's threads belong to the process, as an imported library does.
	if _, err := bowyer.DefaultEngine(context.Background()); err != nil {
		return err
	}
	for _, question := range arguments[4:] {
		line, err := json.Marshal(answer(data, arguments[0], question, runs, arguments[3]))
		if err != nil {
			return err
		}
		fmt.Println(string(line))
	}
	return nil
}

// runner computes an answer.
type runner func(ctx context.Context) (arrow.Table, error)

// ways are those of computing an answer: cold, with all that belongs to it, and warm, after what can be kept was prepared.
type ways struct {
	cold runner
	warm func(ctx context.Context) (runner, error)
}

// ways of a plan: built, bound and optimised for each run, or once for all.
func (p planner) ways(data tables) *ways {
	return &ways{
		cold: func(ctx context.Context) (arrow.Table, error) { return p(data).Collect(ctx) },
		warm: func(ctx context.Context) (runner, error) {
			prepared, err := p(data).Prepare(ctx)
			return func(ctx context.Context) (arrow.Table, error) { return prepared.Collect(ctx) }, err
		},
	}
}

// waysOf finds a question; nil when the engine cannot ask it.
func waysOf(data tables, engine, question string) *ways {
	for _, plans := range []map[string]planner{questions, tpch} {
		if plan, found := plans[question]; found && engine == "bowyer" {
			return plan.ways(data)
		}
	}
	for name, functions := range map[string]map[string]kernel{"bowyer": kernels, "arrow_go": arrowGo} {
		if function, found := functions[question]; found && engine == name {
			run := function.runner(data)
			return &ways{cold: run, warm: func(context.Context) (runner, error) { return run, nil }}
		}
	}
	return nil
}

func answer(data tables, engine, question string, runs int, what string) outcome {
	asked := outcome{Question: question}
	ways := waysOf(data, engine, question)
	if ways == nil {
		asked.Missing = engine + " cannot express this yet"
		return asked
	}
	var err error
	if what == "peak" {
		err = asked.peak(ways)
	} else {
		err = asked.times(ways, runs, what == "check")
	}
	if err != nil {
		asked.Error = err.Error()
	}
	return asked
}

func (o *outcome) times(ways *ways, runs int, check bool) error {
	ctx := context.Background()
	for i := range runs {
		if i > 1 && o.Cold[0] > long.Seconds() {
			break
		}
		began := time.Now()
		result, err := ways.cold(ctx)
		if err != nil {
			return err
		}
		o.Cold = append(o.Cold, time.Since(began).Seconds())
		if check && i == 0 {
			described, err := describe(result)
			if err != nil {
				return err
			}
			o.Answer = &described
		}
		result.Release()
	}
	run, err := ways.warm(ctx)
	if err != nil {
		return err
	}
	for i := range runs {
		if i > 0 && o.Cold[0] > long.Seconds() {
			break
		}
		began := time.Now()
		result, err := run(ctx)
		if err != nil {
			return err
		}
		o.Warm = append(o.Warm, time.Since(began).Seconds())
		result.Release()
	}
	return nil
}

// peak measures the memory of one run.
func (o *outcome) peak(ways *ways) error {
	before, err := residentMiB("VmRSS")
	if err != nil {
		return err
	}
	// Forget the peak of loading.
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return err
	}
	result, err := ways.cold(context.Background())
	if err != nil {
		return err
	}
	defer result.Release()
	if o.PeakMiB, err = residentMiB("VmHWM"); err != nil {
		return err
	}
	o.AboveMiB = o.PeakMiB - before
	return nil
}
