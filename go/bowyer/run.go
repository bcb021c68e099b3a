// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"context"
	"maps"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// RunOption is an option of one run of a plan.
type RunOption func(*run)

// run is what the options of a run say.
type run struct {
	sources     map[string]Source
	parameters  map[string]any
	memoryLimit int64
	outputRows  int64
	outputBytes int64
	copyBelow   int64
	batchRows   int
	queryID     string
}

// Bind gives an input its data. It replaces data that the plan came with.
func Bind(name string, source Source) RunOption {
	return func(r *run) { r.sources[name] = source }
}

// Params gives parameters their values, as literals.
func Params(values map[string]any) RunOption {
	return func(r *run) { maps.Copy(r.parameters, values) }
}

// MemoryLimit bounds the native memory of the run, in bytes.
func MemoryLimit(bytes int64) RunOption {
	return func(r *run) { r.memoryLimit = bytes }
}

// MaxOutputRows is [Config.MaxOutputRows] for this run.
func MaxOutputRows(rows int64) RunOption {
	return func(r *run) { r.outputRows = rows }
}

// MaxOutputBytes is [Config.MaxOutputBytes] for this run.
func MaxOutputBytes(bytes int64) RunOption {
	return func(r *run) { r.outputBytes = bytes }
}

// BatchRows is the number of rows that batches of the result have at most.
func BatchRows(rows int) RunOption {
	return func(r *run) { r.batchRows = rows }
}

// CopyBelow is [Config.CopyBelow] for this run.
func CopyBelow(bytes int64) RunOption {
	return func(r *run) { r.copyBelow = bytes }
}

// QueryID names the run in its errors and statistics.
func QueryID(id string) RunOption {
	return func(r *run) { r.queryID = id }
}

// collectRows is the batch size of Collect: nobody waits for the first batch.
const collectRows = 1 << 20

// Run runs the plan on the context's engine. When ctx ends, so does the run. The caller must Release the result.
func (p Plan) Run(ctx context.Context, options ...RunOption) (*Result, error) {
	prepared, err := p.Prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer prepared.Release()
	return prepared.Run(ctx, options...)
}

// Collect runs the plan and gathers its result in a table. The caller must Release the table.
func (p Plan) Collect(ctx context.Context, options ...RunOption) (arrow.Table, error) {
	prepared, err := p.Prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer prepared.Release()
	return prepared.Collect(ctx, options...)
}

// Collect runs the plan and gathers its result in a table. The caller must Release the table.
func (p *Prepared) Collect(ctx context.Context, options ...RunOption) (arrow.Table, error) {
	result, err := p.Run(ctx, append([]RunOption{BatchRows(collectRows)}, options...)...)
	if err != nil {
		return nil, err
	}
	defer result.Release()
	var batches []arrow.RecordBatch
	defer func() {
		for _, batch := range batches {
			batch.Release()
		}
	}()
	for result.Next() {
		result.RecordBatch().Retain()
		batches = append(batches, result.RecordBatch())
	}
	if err := result.Err(); err != nil {
		return nil, err
	}
	return array.NewTableFromRecords(result.Schema(), batches), nil
}

// Run starts the plan with data and parameters of this run. When ctx ends, so does the run. The caller must Release the result.
func (p *Prepared) Run(ctx context.Context, options ...RunOption) (*Result, error) {
	settings := run{sources: map[string]Source{}, parameters: map[string]any{}}
	for _, option := range options {
		option(&settings)
	}
	if err := settings.check(p); err != nil {
		return nil, err
	}
	if err := p.engine.begin(); err != nil {
		return nil, err
	}
	result := newResult(ctx, p)
	if err := result.start(&settings); err != nil {
		result.Release()
		return nil, err
	}
	return result, nil
}

// check refuses options that fit no run of the plan.
func (r *run) check(p *Prepared) error {
	for name := range r.sources {
		if !slices.Contains(p.names, name) {
			err := errorf(CodeNotFound, "the plan has no input %q%s", name, inputHint(p.names, name))
			err.Input = name
			return err
		}
	}
	if r.memoryLimit < 0 || r.batchRows < 0 || r.batchRows > math.MaxInt32 {
		return errorf(CodeInvalidArgument, "MemoryLimit is %d and BatchRows %d, but neither can be negative", r.memoryLimit, r.batchRows)
	}
	if r.outputRows < 0 || r.outputBytes < 0 {
		return errorf(CodeInvalidArgument, "MaxOutputRows is %d and MaxOutputBytes %d, but neither can be negative", r.outputRows, r.outputBytes)
	}
	for i, in := range p.inputs {
		source, ok := r.sources[p.names[i]]
		if !ok {
			source = in.bound
		}
		if source.isZero() {
			err := errorf(CodeInvalidArgument, "the input is bound to no data: use Bind")
			err.Input = p.names[i]
			return err
		}
		r.sources[p.names[i]] = source
	}
	return nil
}

func inputHint(names []string, name string) string {
	if len(names) == 0 {
		return ""
	}
	return hintOf("inputs", names, name)
}

// bindings writes what the run binds, for the native side.
func (r *run) bindings(inputs []*wire.InputBinding) ([]byte, error) {
	out := &wire.QueryBindings{
		Inputs: inputs, BatchRows: uint32(r.batchRows), QueryId: r.queryID,
		MaxOutputRows: uint64(r.outputRows), MaxOutputBytes: uint64(r.outputBytes),
	}
	for _, name := range slices.Sorted(maps.Keys(r.parameters)) {
		value, err := literalOf(r.parameters[name])
		if err != nil {
			err.Argument = name
			return nil, err
		}
		out.Parameters = append(out.Parameters, &wire.ParameterBinding{Name: name, Value: value})
	}
	content, err := proto.Marshal(out)
	if err != nil {
		return nil, errorf(CodeInvalidArgument, "the parameters cannot be encoded: %v", err)
	}
	return content, nil
}

func (r *run) callOptions() cabi.CallOptions {
	return cabi.CallOptions{MemoryLimit: uint64(r.memoryLimit), CopyBelow: r.copyBelow}
}
