// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Stats says what a run did.
type Stats struct {
	QueryID    string
	RowsIn     uint64
	BatchesIn  uint64
	BytesIn    uint64
	RowsOut    uint64
	BatchesOut uint64
	BytesOut   uint64
	Memory     uint64 // bytes charged now
	PeakMemory uint64
	Elapsed    time.Duration
	CPU        time.Duration // of all threads
	Spilled    uint64        // bytes written to Config.SpillDir
	SpillFiles uint64
	Operators  []OperatorStats
	Analysis   string // the optimised plan as text, with what each operator did
}

// OperatorStats says what one operator of a run did.
type OperatorStats struct {
	Path       string // of the plan's node, as "filter[2]"
	RowsIn     uint64
	RowsOut    uint64
	BatchesIn  uint64
	BatchesOut uint64
	CPU        time.Duration
	Memory     uint64 // the most bytes that it held at a time, its results included
	Spilled    uint64 // bytes written to Config.SpillDir
	SpillFiles uint64
}

// queryStats reads a query's statistics; those that cannot be read are zero.
func queryStats(query *cabi.Query) Stats {
	var in wire.QueryStatistics
	content, err := query.Statistics()
	if err != nil || proto.Unmarshal(content, &in) != nil {
		return Stats{}
	}
	out := Stats{
		QueryID: in.GetQueryId(),
		RowsIn:  in.GetRowsIn(), BatchesIn: in.GetBatchesIn(), BytesIn: in.GetBytesIn(),
		RowsOut: in.GetRowsOut(), BatchesOut: in.GetBatchesOut(), BytesOut: in.GetBytesOut(),
		Memory: in.GetMemoryBytes(), PeakMemory: in.GetPeakMemoryBytes(),
		Elapsed: time.Duration(in.GetElapsedNs()), CPU: time.Duration(in.GetCpuNs()), Analysis: in.GetAnalysis(),
		Spilled: in.GetSpilledBytes(), SpillFiles: in.GetSpilledFiles(),
	}
	for _, operator := range in.GetOperators() {
		out.Operators = append(out.Operators, OperatorStats{
			Path:   operator.GetPath(),
			RowsIn: operator.GetRowsIn(), RowsOut: operator.GetRowsOut(),
			BatchesIn: operator.GetBatchesIn(), BatchesOut: operator.GetBatchesOut(),
			CPU: time.Duration(operator.GetCpuNs()), Memory: operator.GetMemoryBytes(),
			Spilled: operator.GetSpilledBytes(), SpillFiles: operator.GetSpilledFiles(),
		})
	}
	return out
}

// EngineStats says what an engine did since it was opened.
type EngineStats struct {
	Calls             uint64 // of single functions
	RowsIn            uint64
	RowsOut           uint64
	BytesIn           uint64
	BytesOut          uint64
	BytesCopied       uint64        // of inputs that could not be read in place
	GuardTime         time.Duration // of calls of few rows, every eighth is timed and stands for eight; so in the next two
	KernelTime        time.Duration
	ExportTime        time.Duration
	Memory            uint64 // bytes charged now
	PeakMemory        uint64
	MemoryLimit       uint64
	MemoryLimitSource string // "config", "cgroup" or "machine"
	PoolHits          uint64
	PoolMisses        uint64
	PoolFree          uint64
	LiveArrays        uint64 // results not yet released
	LiveBytes         uint64
	LiveHandles       uint64
	LiveOwners        uint64 // Go batches that the engine still reads
	Panics            uint64 // contained; each is a bug
	Rejections        map[string]uint64
	Threads           uint64
	CPU               string // the instruction set in use
	CachedFunctions   int    // resolved functions that wait for their next call
	ResultBytesCopied int64  // of small results, into Go memory, by all engines of the process: see Config.CopyBelow
}

// Stats says what the engine did since it was opened.
func (e *Engine) Stats() (EngineStats, error) {
	content, err := e.native.Statistics()
	if err != nil {
		return EngineStats{}, translate(err)
	}
	var in wire.EngineStatistics
	if err := proto.Unmarshal(content, &in); err != nil {
		return EngineStats{}, errorf(CodeInternal, "the statistics cannot be read: %v", err)
	}
	return EngineStats{
		Calls: in.GetCalls(), RowsIn: in.GetRowsIn(), RowsOut: in.GetRowsOut(), BytesIn: in.GetBytesIn(), BytesOut: in.GetBytesOut(),
		BytesCopied: in.GetBytesCopied(),
		GuardTime:   time.Duration(in.GetGuardNs()), KernelTime: time.Duration(in.GetKernelNs()), ExportTime: time.Duration(in.GetExportNs()),
		Memory: in.GetMemoryBytes(), PeakMemory: in.GetPeakMemoryBytes(),
		MemoryLimit: in.GetMemoryLimitBytes(), MemoryLimitSource: in.GetMemoryLimitSource(),
		PoolHits: in.GetPoolHits(), PoolMisses: in.GetPoolMisses(), PoolFree: in.GetPoolFreeBytes(),
		LiveArrays: in.GetLiveArrays(), LiveBytes: in.GetLiveArrayBytes(), LiveHandles: in.GetLiveHandles(), LiveOwners: in.GetLiveOwners(),
		Panics: in.GetPanics(), Rejections: in.GetRejections(), Threads: in.GetThreads(), CPU: in.GetCpu(),
		CachedFunctions: e.functions.len(), ResultBytesCopied: cabi.Live().BytesCopied,
	}, nil
}
