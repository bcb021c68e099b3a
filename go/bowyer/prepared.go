// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Prepared is a plan that an engine has checked and optimised. It may be run many times, from many goroutines at once, each run with
// data and parameters of its own. The caller must Release it.
type Prepared struct {
	engine      *Engine
	native      *cabi.Prepared
	inputs      []*input
	names       []string
	outputs     []string // beyond the result
	description *wire.PlanDescription
}

// Prepare checks and optimises the plan on the context's engine. The caller must Release the result.
func (p Plan) Prepare(ctx context.Context) (*Prepared, error) {
	encoded, inputs, err := encodePlan(p, true)
	if err != nil {
		return nil, err
	}
	content, err := proto.Marshal(encoded)
	if err != nil {
		return nil, errorf(CodeInvalidArgument, "the plan cannot be encoded: %v", err)
	}
	engine, err := engineOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := engine.begin(); err != nil {
		return nil, err
	}
	defer engine.end()
	native, err := engine.native.Prepare(ctx, content)
	if err != nil {
		return nil, translate(err)
	}
	prepared := &Prepared{
		engine: engine, native: native, inputs: inputs, outputs: otherOutputs(encoded), description: &wire.PlanDescription{},
	}
	for _, in := range encoded.GetInputs() {
		prepared.names = append(prepared.names, in.GetName())
	}
	if err := proto.Unmarshal(native.Description, prepared.description); err != nil || len(native.Outputs) == 0 {
		native.Release()
		return nil, errorf(CodeInternal, "the description of the plan cannot be read: %v", err)
	}
	return prepared, nil
}

// Schema returns the schema of the plan's result.
func (p *Prepared) Schema() *arrow.Schema { return p.native.Outputs[0] }

// ScanRequests returns what the plan needs of each input, by its name.
func (p *Prepared) ScanRequests() map[string]ScanRequest {
	out := make(map[string]ScanRequest, len(p.names))
	for _, request := range p.description.GetScans() {
		out[request.GetInput()] = decodeScan(request)
	}
	return out
}

// Release gives the prepared plan back. Runs that have begun go on. Releasing twice is harmless.
func (p *Prepared) Release() { p.native.Release() }

// request finds what the plan needs of an input, and how often it scans it.
func (p *Prepared) request(name string, schema *arrow.Schema) (ScanRequest, int) {
	for _, request := range p.description.GetScans() {
		if request.GetInput() == name {
			return decodeScan(request), int(request.GetScanCount())
		}
	}
	all := ScanRequest{Limit: -1}
	for _, field := range schema.Fields() {
		all.Columns = append(all.Columns, field.Name)
	}
	return all, 1
}

// Schema asks the engine for the schema of the plan's result. The answer is kept.
func (p Plan) Schema(ctx context.Context) (*arrow.Schema, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	if known := p.root.schema.Load(); known != nil {
		return known, nil
	}
	prepared, err := p.Prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer prepared.Release()
	p.root.schema.Store(prepared.Schema())
	return prepared.Schema(), nil
}
