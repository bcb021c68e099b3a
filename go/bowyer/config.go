// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"context"
	"log/slog"
	"math"
	"path/filepath"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Config says how an engine is opened. The zero Config is a good one.
//
// A Logger gets these records, each with component=bowyer, the native side's own time, and query_id, trace_id and span_id where
// there are any:
//
//   - "query started" (Debug).
//   - "query finished", "query failed" or "query released" before its end (Info; failed by a limit: Warn; by a fault of the
//     engine: Error): the span of a query, with start, elapsed, rows_in, rows_out, batches_out, peak_memory_bytes, cpu_ns,
//     and for a failure code, error and where it happened.
//   - "import rejected" (Warn): arrays that broke the rules of their type; with case, column and error.
//   - "limit hit" (Warn): a call that ran into a limit of memory, time or size.
//   - "panic contained", "internal error" (Error): a fault of the engine that became an error of the call.
//   - "records dropped" (Warn): count records found no room, because the Logger was slower than the engine.
//   - A result that was never released (Warn).
//   - A worker process that ended (Warn).
//
// Records are handed to the Logger by a goroutine of the engine: a slow one holds no query up, and Close waits for the last record.
// A Logger must not close the engine.
type Config struct {
	// Threads is the number of native threads; 0: as many as the process may use processors.
	Threads int
	// MemoryLimit bounds the native memory of the engine in bytes, results not yet released included; 0: half of what the
	// machine or the process's control group allows.
	MemoryLimit int64
	// QueryMemoryLimit bounds the native memory of each query in bytes; 0: only the engine's limit holds.
	QueryMemoryLimit int64
	// MaxOutputRows is how many rows the result of a query may have, with its rejects; 0: any number. The batch with which it
	// would have more is not handed out: the query fails with [ErrLimitExceeded].
	MaxOutputRows int64
	// MaxOutputBytes is the same for the bytes that those rows take.
	MaxOutputBytes int64
	// RetainedMemory is how many bytes of free memory the engine keeps for reuse; 0: a quarter of the memory limit.
	RetainedMemory int64
	// BatchRows is the number of rows that batches of results have at most; 0: 65,536.
	BatchRows int
	// SpillDir is where operators write what does not fit their memory limit, in files that have no name and are gone
	// with the query or the process; "": nowhere, and reaching the limit is an error. It is looked at when it is needed.
	SpillDir string
	// SpillLimit bounds the bytes that lie there at a time, of all queries; 0: what the disk has.
	SpillLimit int64
	// CopyBelow is the size in bytes up to which a result is copied into Go memory, where it needs no Release; larger results
	// stay native. 0: 1 MiB; negative: nothing is copied.
	CopyBelow int64
	// Allocator provides the memory of such copies; nil: memory.DefaultAllocator.
	Allocator memory.Allocator
	// Logger receives what happens in the engine; nil: nothing is written. See [Config] for the records.
	Logger *slog.Logger
	// Traceparent gives the W3C trace context of a context, as the value of a traceparent header ("00-…-…-01"), or "". Records
	// of calls and queries that run under the context carry its trace and span; nil: they carry none.
	Traceparent func(context.Context) string
	// FreeForgotten frees native results that the garbage collector finds unreleased. Strings and slices taken from such a
	// result then dangle: turn it on only where none outlive their array.
	FreeForgotten bool
	// Isolation says where the engine runs; the zero value is this process. See [WorkerProcess].
	Isolation Isolation
	// WorkerPath is the program that runs a [WorkerProcess]; "": bowyer-worker in the folder of this program.
	WorkerPath string
	// WorkerProgram is that program itself, for one that was built in with go:embed: it is run from memory, and no file is written.
	// nil: there is a WorkerPath.
	WorkerProgram []byte
	// WorkerLevel is the least that the worker's sandbox must reach on this machine for the engine to open.
	WorkerLevel WorkerLevel
	// WorkerGrace is how long a worker may take to heed the end of a context before it is killed; 0: 100 ms.
	WorkerGrace time.Duration
	// WorkerSpare keeps a second worker started, with nothing to do, which takes the place of one that dies: the next query need not
	// wait for a process to start. It costs a process with an idle engine.
	WorkerSpare bool
	// WorkerChecksums sends a CRC32C of every buffer that lies in shared memory, in both directions, and compares it where the buffer is
	// read: memory that was changed after it was lent, or is damaged, is [ErrInvalidArray] or [ErrWorkerLost], not another answer.
	// What lies within a frame has a sum always. It costs a pass over the data on each side.
	WorkerChecksums bool
	// DisabledRewrites names rewrites of plans that the engine leaves out, such as "filters" or "projects". Answers are the same
	// without them: this is for finding out what one of them does to a plan. An unknown name is refused with the list of all.
	DisabledRewrites []string
}

// encode checks the configuration and writes it for the native side.
func (c Config) encode() ([]byte, cabi.Options, error) {
	for _, number := range []struct {
		name  string
		value int64
		most  int64
	}{
		{"Threads", int64(c.Threads), 1024},
		{"MemoryLimit", c.MemoryLimit, math.MaxInt64},
		{"QueryMemoryLimit", c.QueryMemoryLimit, math.MaxInt64},
		{"MaxOutputRows", c.MaxOutputRows, math.MaxInt64},
		{"MaxOutputBytes", c.MaxOutputBytes, math.MaxInt64},
		{"RetainedMemory", c.RetainedMemory, math.MaxInt64},
		{"BatchRows", int64(c.BatchRows), math.MaxInt32},
		{"SpillLimit", c.SpillLimit, math.MaxInt64},
	} {
		if number.value < 0 || number.value > number.most {
			err := errorf(CodeInvalidArgument, "Config.%s is %d, but must lie in 0 to %d", number.name, number.value, number.most)
			err.Argument = number.name
			return nil, cabi.Options{}, err
		}
	}
	spillDir, err := c.spillDir()
	if err != nil {
		return nil, cabi.Options{}, err
	}
	content, err := proto.Marshal(&wire.EngineConfig{
		Threads:               uint32(c.Threads),
		MemoryLimitBytes:      uint64(c.MemoryLimit),
		QueryMemoryLimitBytes: uint64(c.QueryMemoryLimit),
		MaxOutputRows:         uint64(c.MaxOutputRows),
		MaxOutputBytes:        uint64(c.MaxOutputBytes),
		RetainedPoolBytes:     uint64(c.RetainedMemory),
		BatchRows:             uint32(c.BatchRows),
		SpillDirectory:        spillDir,
		SpillLimitBytes:       uint64(c.SpillLimit),
		LogRecords:            c.logRecords(),
		DisabledRewrites:      c.DisabledRewrites,
	})
	options := cabi.Options{CopyBelow: c.CopyBelow, Allocator: c.Allocator, FreeForgotten: c.FreeForgotten, Traceparent: c.Traceparent}
	if options.Worker, err = c.worker(err); err != nil {
		return nil, options, err
	}
	if logger := c.Logger; logger != nil {
		options.OnLog = func(message string) { logger.Warn(message, "component", "bowyer") }
		if options.Worker != nil {
			options.Worker.OnLog = options.OnLog
		}
		options.OnRecords = func(records *wire.LogRecords) { writeRecords(logger.Handler(), records) }
	}
	return content, options, err
}

// spillDir is the directory for spilled rows as its engine's process sees it: a worker works in another folder than this program.
func (c Config) spillDir() (string, error) {
	if c.SpillDir == "" {
		return "", nil
	}
	path, err := filepath.Abs(c.SpillDir)
	if err != nil {
		failure := errorf(CodeInvalidArgument, "Config.SpillDir: %v", err)
		failure.Argument = "SpillDir"
		return "", failure
	}
	return path, nil
}
