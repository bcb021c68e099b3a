// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Command boundary measures what it costs to cross between Go and the native library, beside the ways there are without it:
// arrow-go's cdata package with arrow-rs on the other side, and Arrow IPC. All of a line is measured in the same run.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
)

// largestIPC is the batch size from which IPC is left out: it takes seconds, and says nothing that smaller ones do not.
const largestIPC = 100 << 20

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "boundary:", err)
		os.Exit(1)
	}
}

func run() error {
	engine, err := cabi.Open(nil, cabi.Options{})
	if err != nil {
		return err
	}
	defer engine.Close()
	if stockRoundTrip == nil {
		return errors.New("built without the tag `stock`: use make bench-boundary")
	}
	fmt.Println("# A batch of int64 columns out and back; microseconds, best of", rounds, "rounds, all ways in turn.")
	fmt.Println("# ours and copybelow: results share the inputs' buffers, with CopyBelow off and at its default; cdata: arrow-go's cdata and arrow-rs;")
	fmt.Println("# validity=bitmap: columns carry a bitmap of ones, as arrow-go's builders make. Ours counts its bits, because it believes no null count;")
	fmt.Println("# cdata believes the count that arrow-go has cached. Parquet columns without nulls, and slices of memory, have none.")
	fmt.Println("# native and copied: the native side copies into memory of its own, and with CopyBelow on Go copies small results again.")
	for _, rows := range []int{1_000, 1_000_000} {
		for _, columns := range []int{1, 10, 100} {
			for _, bitmap := range []bool{false, true} {
				if err := roundTrip(engine, columns, rows, bitmap); err != nil {
					return err
				}
			}
		}
	}
	if err := engine.Close(); err != nil {
		return err
	}
	return functions()
}

// batchOf makes a batch whose columns have memory of their own, with a validity bitmap or without.
func batchOf(columns, rows int, bitmap bool) arrow.RecordBatch {
	fields := make([]arrow.Field, columns)
	values := make([]arrow.Array, columns)
	for i := range columns {
		fields[i] = arrow.Field{Name: "column" + strconv.Itoa(i), Type: arrow.PrimitiveTypes.Int64}
		builder := array.NewInt64Builder(memory.DefaultAllocator)
		builder.Reserve(rows)
		for row := range rows {
			builder.UnsafeAppend(int64(row))
		}
		values[i] = builder.NewArray()
		builder.Release()
		if !bitmap {
			built := values[i].Data()
			data := array.NewData(built.DataType(), rows, []*memory.Buffer{nil, built.Buffers()[1]}, nil, 0, 0)
			values[i].Release()
			values[i] = array.MakeFromData(data)
			data.Release()
		}
		defer values[i].Release()
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), values, int64(rows))
}

// echo is a round trip through the native library, which with native copies every buffer.
func echo(engine *cabi.Engine, batch arrow.RecordBatch, native bool, copyBelow int64) func() error {
	return func() error {
		result, err := engine.EchoWith(context.Background(), batch, native, cabi.CallOptions{CopyBelow: copyBelow})
		if err == nil {
			result.Release()
		}
		return err
	}
}

// bytesCopied is what one run copies into Go memory.
func bytesCopied(run func() error) (int64, error) {
	before := cabi.Live().BytesCopied
	err := run()
	return cabi.Live().BytesCopied - before, err
}

func roundTrip(engine *cabi.Engine, columns, rows int, bitmap bool) error {
	batch := batchOf(columns, rows, bitmap)
	defer batch.Release()
	const off, on = -1, 0 // CopyBelow: nothing, and the default
	cases := []struct {
		name string
		run  func() error
	}{
		{"ours", echo(engine, batch, false, off)},
		{"copybelow", echo(engine, batch, false, on)},
		{"cdata", stockRoundTrip(batch)},
		{"native", echo(engine, batch, true, off)},
		{"copied", echo(engine, batch, true, on)},
		{"ipc", func() error { return ipcRoundTrip(batch) }},
	}
	if bitmap || columns*rows*8 > largestIPC {
		cases = cases[:3]
	}
	runs := make([]func() error, len(cases))
	for i, one := range cases {
		runs[i] = one.run
	}
	costs, err := measure(runs...)
	if err != nil {
		return err
	}
	validity := map[bool]string{false: "none", true: "bitmap"}[bitmap]
	fmt.Printf("roundtrip/cols=%d rows=%d validity=%s", columns, rows, validity)
	for i, one := range cases {
		fmt.Printf(" %s_us=%.2f", one.name, costs[i].microseconds)
	}
	fmt.Printf(" ratio=%.1f ours_allocs=%.0f cdata_allocs=%.0f", costs[2].microseconds/costs[0].microseconds, costs[0].allocations, costs[2].allocations)
	for i, one := range cases {
		if i == 2 || i == 5 {
			continue
		}
		copied, err := bytesCopied(one.run)
		if err != nil {
			return err
		}
		fmt.Printf(" %s_bytes_copied=%d", one.name, copied)
	}
	fmt.Println()
	return nil
}

// ipcRoundTrip writes and reads an IPC stream twice: there and back.
func ipcRoundTrip(batch arrow.RecordBatch) error {
	current := batch
	current.Retain()
	for range 2 {
		var stream bytes.Buffer
		writer := ipc.NewWriter(&stream, ipc.WithSchema(current.Schema()))
		if err := writer.Write(current); err != nil {
			return err
		}
		if err := writer.Close(); err != nil {
			return err
		}
		current.Release()
		reader, err := ipc.NewReader(&stream)
		if err != nil {
			return err
		}
		if !reader.Next() {
			return fmt.Errorf("the stream has no batch: %w", reader.Err())
		}
		current = reader.RecordBatch()
		current.Retain()
		reader.Release()
	}
	current.Release()
	return nil
}
