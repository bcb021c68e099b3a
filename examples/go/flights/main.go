// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Command flights answers a question about the 336,776 flights that left New York in 2013: how late, how fast and in how much wind
// did each carrier fly in each month? It reads Parquet with arrow-go, joins, filters, derives, groups and sorts in one plan that
// runs in Rust, prints the answer, writes it as Parquet, and says what crossed the boundary between Go and Rust.
//
//	go run . -data ../../../testdata/nycflights13 -out delays.parquet
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// settings are what the command line says.
type settings struct {
	data, out, golden string
	rows              int
}

func main() {
	log.SetFlags(0)
	var s settings
	flag.StringVar(&s.data, "data", "../../../testdata/nycflights13", "folder of the Parquet files")
	flag.StringVar(&s.out, "out", "", "Parquet file to write the answer to; empty: none")
	flag.StringVar(&s.golden, "golden", "", "CSV file to compare the answer with; empty: none")
	flag.IntVar(&s.rows, "rows", 15, "number of rows to print")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, s); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, s settings) error {
	engine, err := bowyer.Open(ctx, bowyer.Config{})
	if err != nil {
		return err
	}
	defer engine.Close(ctx)
	ctx = bowyer.WithEngine(ctx, engine)
	before, err := engine.Stats()
	if err != nil {
		return err
	}

	plan, err := delays(s.data)
	if err != nil {
		return err
	}
	// By default a result as small as this one is copied into Go memory. Here it stays where Rust computed it, and nothing
	// at all is copied.
	result, err := plan.Run(ctx, bowyer.CopyBelow(-1))
	if err != nil {
		return err
	}
	defer result.Release()
	var batches []arrow.RecordBatch
	for result.Next() {
		batch := result.RecordBatch()
		batch.Retain()
		defer batch.Release()
		batches = append(batches, batch)
	}
	if err := result.Err(); err != nil {
		return err
	}
	printTable(w, batches, s.rows)
	fmt.Fprintln(w)
	if s.golden != "" {
		rows, err := compareGolden(s.golden, batches)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "golden answer: all %d rows agree\n", rows)
	}
	if s.out != "" {
		if err := writeParquet(s.out, result.Schema(), batches); err != nil {
			return err
		}
		fmt.Fprintf(w, "written: %s\n", s.out)
	}
	return printCrossing(w, engine, before, result.Stats())
}

// printCrossing says what went from Go to Rust and came back.
func printCrossing(w io.Writer, engine *bowyer.Engine, before bowyer.EngineStats, stats bowyer.Stats) error {
	after, err := engine.Stats()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Go to Rust:   %d batches, %d rows, %d bytes\n", stats.BatchesIn, stats.RowsIn, stats.BytesIn)
	fmt.Fprintf(w, "Rust to Go:   %d batches, %d rows, %d bytes\n", stats.BatchesOut, stats.RowsOut, stats.BytesOut)
	fmt.Fprintf(w, "bytes copied: %d\n", after.BytesCopied-before.BytesCopied+uint64(after.ResultBytesCopied-before.ResultBytesCopied))
	return nil
}
