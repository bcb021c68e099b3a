// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Command answer is Bowyer, called from Go, as one of the engines that benches/peers measures:
//
//	answer FOLDER RUNS WHAT QUESTION…
//
// It reads the folder's Arrow IPC files into memory before any clock starts, and prints a line of JSON for each question. WHAT is
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
	if len(arguments) < 3 {
		return fmt.Errorf("usage: answer FOLDER RUNS WHAT QUESTION…")
	}
	runs, err := strconv.Atoi(arguments[1])
	if err != nil {
		return err
	}
	data, err := readTables(arguments[0])
	if err != nil {
		return err
	}
	defer data.release()
	// The engine's threads belong to the process, as an imported library does.
	if _, err := bowyer.DefaultEngine(context.Background()); err != nil {
		return err
	}
	for _, question := range arguments[3:] {
		line, err := json.Marshal(answer(data, question, runs, arguments[2]))
		if err != nil {
			return err
		}
		fmt.Println(string(line))
	}
	return nil
}

func answer(data tables, question string, runs int, what string) outcome {
	asked := outcome{Question: question}
	plan := questions[question]
	if plan == nil {
		plan = tpch[question]
	}
	if plan == nil {
		asked.Missing = "Bowyer cannot express this yet"
		return asked
	}
	var err error
	if what == "peak" {
		err = asked.peak(data, plan)
	} else {
		err = asked.times(data, plan, runs, what == "check")
	}
	if err != nil {
		asked.Error = err.Error()
	}
	return asked
}

// times measures cold runs, each of a plan that was built, bound and optimised for it, and warm ones of a prepared plan.
func (o *outcome) times(data tables, plan planner, runs int, check bool) error {
	ctx := context.Background()
	for i := range runs {
		if i > 1 && o.Cold[0] > long.Seconds() {
			break
		}
		began := time.Now()
		result, err := plan(data).Collect(ctx)
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
	prepared, err := plan(data).Prepare(ctx)
	if err != nil {
		return err
	}
	for i := range runs {
		if i > 0 && o.Cold[0] > long.Seconds() {
			break
		}
		began := time.Now()
		result, err := prepared.Collect(ctx)
		if err != nil {
			return err
		}
		o.Warm = append(o.Warm, time.Since(began).Seconds())
		result.Release()
	}
	return nil
}

// peak measures the memory of one run.
func (o *outcome) peak(data tables, plan planner) error {
	before, err := residentMiB("VmRSS")
	if err != nil {
		return err
	}
	// Forget the peak of loading.
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return err
	}
	result, err := plan(data).Collect(context.Background())
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
