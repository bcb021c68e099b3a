// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Command integration measures one way in which a Go program can have an engine:
//
//	integration -model in-process|worker|socket [-worker PATH] [-once] [-calls N]
//
// in-process is the library as this program was linked with it, worker a worker process, socket another copy of this program that
// answers Arrow IPC streams over a Unix socket: each call encodes and decodes its columns. With -once it makes one call and ends, so that
// whoever starts it can measure a whole life. Calls are `add` on two columns of 4 and of 1,000,000 rows.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// adder adds a column to itself.
type adder func(ctx context.Context, column arrow.Array) (arrow.Array, error)

func main() {
	model := flag.String("model", "in-process", "in-process, worker or socket")
	worker := flag.String("worker", "", "the program bowyer-worker")
	once := flag.Bool("once", false, "one call and no measuring")
	calls := flag.Int("calls", 5000, "small calls; a hundredth of it large ones")
	serve := flag.String("serve", "", "answer at this socket: what the model socket starts")
	flag.Parse()
	run := func() error { return measure(*model, *worker, *once, *calls) }
	if *serve != "" {
		run = func() error { return server(*serve) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		os.Exit(1)
	}
}

func measure(model, worker string, once bool, calls int) error {
	ctx := context.Background()
	allocator := memory.Allocator(memory.DefaultAllocator)
	var add adder
	switch model {
	case "socket":
		client, err := newClient()
		if err != nil {
			return err
		}
		defer client.close()
		add = client.add
	default:
		config := bowyer.Config{}
		if model == "worker" {
			config.Isolation, config.WorkerPath = bowyer.WorkerProcess, worker
			allocator = bowyer.NewSharedAllocator()
		}
		engine, err := bowyer.Open(ctx, config)
		if err != nil {
			return err
		}
		defer engine.Close(ctx)
		ctx = bowyer.WithEngine(ctx, engine)
		add = call
	}
	for _, size := range []struct{ rows, calls int }{{4, calls}, {1_000_000, calls / 100}} {
		column := counting(allocator, size.rows)
		var took []time.Duration
		for range size.calls {
			began := time.Now()
			out, err := add(ctx, column)
			if err != nil {
				return err
			}
			took = append(took, time.Since(began))
			if last := out.(*array.Int64).Value(size.rows - 1); last != 2*int64(size.rows-1) {
				return fmt.Errorf("the last sum is %d", last)
			}
			out.Release()
			if once {
				return nil
			}
		}
		column.Release()
		slices.Sort(took)
		fmt.Printf("%-12s rows=%-8d call p50=%-10s p99=%s\n", model, size.rows, took[len(took)/2], took[len(took)*99/100])
	}
	return nil
}

func call(ctx context.Context, column arrow.Array) (arrow.Array, error) {
	return bowyer.Call(ctx, "add", nil, column, column)
}

func counting(allocator memory.Allocator, rows int) arrow.Array {
	b := array.NewInt64Builder(allocator)
	defer b.Release()
	b.Reserve(rows)
	for row := range rows {
		b.Append(int64(row))
	}
	return b.NewArray()
}

var schema = arrow.NewSchema([]arrow.Field{{Name: "c", Type: arrow.PrimitiveTypes.Int64}}, nil)

// send writes a column as a stream of its own.
func send(to *bufio.Writer, column arrow.Array) error {
	batch := array.NewRecordBatch(schema, []arrow.Array{column}, int64(column.Len()))
	defer batch.Release()
	writer := ipc.NewWriter(to, ipc.WithSchema(schema))
	if err := writer.Write(batch); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return to.Flush()
}

// receive reads such a stream to its end.
func receive(from *bufio.Reader) (arrow.Array, error) {
	reader, err := ipc.NewReader(from)
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	var column arrow.Array
	for reader.Next() {
		column = reader.RecordBatch().Column(0)
		column.Retain()
	}
	return column, reader.Err()
}

// client asks the program's other copy.
type client struct {
	process *exec.Cmd
	socket  net.Conn
	in      *bufio.Reader
	out     *bufio.Writer
}

func newClient() (*client, error) {
	folder, err := os.MkdirTemp("", "integration")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	listener, err := net.Listen("unix", folder+"/socket")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	process := exec.Command(os.Args[0], "-serve", folder+"/socket")
	process.Stderr = os.Stderr
	if err := process.Start(); err != nil {
		return nil, err
	}
	socket, err := listener.Accept()
	if err != nil {
		return nil, err
	}
	return &client{process, socket, bufio.NewReaderSize(socket, 1<<20), bufio.NewWriterSize(socket, 1<<20)}, nil
}

func (c *client) add(_ context.Context, column arrow.Array) (arrow.Array, error) {
	if err := send(c.out, column); err != nil {
		return nil, err
	}
	return receive(c.in)
}

func (c *client) close() {
	_ = c.socket.Close()
	_ = c.process.Wait()
}

// server is the other copy: it answers every column that comes with its sum.
func server(path string) error {
	ctx := context.Background()
	engine, err := bowyer.Open(ctx, bowyer.Config{})
	if err != nil {
		return err
	}
	defer engine.Close(ctx)
	ctx = bowyer.WithEngine(ctx, engine)
	socket, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	in, out := bufio.NewReaderSize(socket, 1<<20), bufio.NewWriterSize(socket, 1<<20)
	for {
		column, err := receive(in)
		if err != nil {
			return nil // the client has hung up
		}
		sums, err := call(ctx, column)
		if err != nil {
			return err
		}
		column.Release()
		err = send(out, sums)
		sums.Release()
		if err != nil {
			return err
		}
	}
}
