// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Command boundary measures what it costs to cross between Go and the native library, beside the ways there are without it:
// arrow-go's cdata package with arrow-rs on the other side, and Arrow IPC. All of a line is measured in the same run.
package main

import (
	"bytes"
	"context"
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
	fmt.Println("# A batch of int64 columns out and back; microseconds, best of", rounds, "rounds. ours: results share the inputs' buffers;")
	fmt.Println("# native: the other side copies into memory of its own (CopyBelow off); copied: and Go copies that (CopyBelow 1 MiB).")
	for _, rows := range []int{1_000, 1_000_000} {
		for _, columns := range []int{1, 10, 100} {
			if err := roundTrip(engine, columns, rows); err != nil {
				return err
			}
		}
	}
	if err := engine.Close(); err != nil {
		return err
	}
	return functions()
}

// batchOf makes a batch whose columns have memory of their own.
func batchOf(columns, rows int) arrow.RecordBatch {
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
		defer values[i].Release()
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), values, int64(rows))
}

func roundTrip(engine *cabi.Engine, columns, rows int) error {
	batch := batchOf(columns, rows)
	defer batch.Release()
	ctx := context.Background()
	echo := func(copied bool, copyBelow int64) (cost, int64, error) {
		before := cabi.Live().BytesCopied
		calls := int64(0)
		measured, err := measure(func() error {
			calls++
			result, err := engine.EchoWith(ctx, batch, copied, cabi.CallOptions{CopyBelow: copyBelow})
			if err == nil {
				result.Release()
			}
			return err
		})
		return measured, (cabi.Live().BytesCopied - before) / max(calls, 1), err
	}
	ours, oursCopied, err := echo(false, -1)
	if err != nil {
		return err
	}
	withCopy, withCopyCopied, err := echo(false, 0)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("roundtrip/cols=%d rows=%d ours_us=%.2f", columns, rows, ours.microseconds)
	if stockRoundTrip != nil {
		stock, err := measure(func() error { return stockRoundTrip(batch) })
		if err != nil {
			return err
		}
		line += fmt.Sprintf(" cdata_us=%.2f", stock.microseconds)
		defer func() {
			fmt.Printf("%s ratio=%.1f allocs=%.0f cdata_allocs=%.0f bytes_copied=%d copybelow_us=%.2f copybelow_bytes_copied=%d\n",
				line, stock.microseconds/ours.microseconds, ours.allocations, stock.allocations, oursCopied, withCopy.microseconds, withCopyCopied)
		}()
	} else {
		defer func() {
			fmt.Printf("%s cdata_us=none allocs=%.0f bytes_copied=%d\n", line, ours.allocations, oursCopied)
		}()
	}
	if columns*rows*8 > largestIPC {
		return nil
	}
	throughIPC, err := measure(func() error { return ipcRoundTrip(batch) })
	if err != nil {
		return err
	}
	native, _, err := echo(true, -1)
	if err != nil {
		return err
	}
	copied, bytesCopied, err := echo(true, 0)
	if err != nil {
		return err
	}
	line += fmt.Sprintf(" ipc_us=%.2f native_us=%.2f copied_us=%.2f copied_bytes=%d", throughIPC.microseconds, native.microseconds, copied.microseconds, bytesCopied)
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
