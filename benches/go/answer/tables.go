// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// table is a table in memory.
type table struct {
	schema  *arrow.Schema
	batches []arrow.RecordBatch
}

// tables are those of a dataset, by the names of their files.
type tables map[string]table

// plan starts a plan at a table.
func (t tables) plan(name string) bowyer.Plan {
	found := t[name]
	return bowyer.FromBatches(found.schema, found.batches...)
}

func (t tables) release() {
	for _, table := range t {
		for _, batch := range table.batches {
			batch.Release()
		}
	}
}

// readTables reads the Arrow IPC files of a folder into memory.
func readTables(folder string) (tables, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.arrow"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s has no Arrow files", folder)
	}
	data := tables{}
	for _, path := range paths {
		read, err := readTable(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		data[strings.TrimSuffix(filepath.Base(path), ".arrow")] = read
	}
	return data, nil
}

func readTable(path string) (table, error) {
	file, err := os.Open(path)
	if err != nil {
		return table{}, err
	}
	defer file.Close()
	reader, err := ipc.NewFileReader(file)
	if err != nil {
		return table{}, err
	}
	defer reader.Close()
	read := table{schema: reader.Schema()}
	for i := range reader.NumRecords() {
		batch, err := reader.RecordBatchAt(i)
		if err != nil {
			return table{}, err
		}
		read.batches = append(read.batches, batch)
	}
	return read, nil
}

// residentMiB reads a line of the process's status, as VmRSS.
func residentMiB(name string) (float64, error) {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), name+":"); found {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("the process's status has no %s", name)
}
