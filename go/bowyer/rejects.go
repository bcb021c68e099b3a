// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// rejects says where rows go for which a relation fails.
type rejects struct {
	name     string
	maxShare *float64
	maxRows  *uint64
}

// RejectOption limits how many rows may be rejected.
type RejectOption func(*rejects)

// MaxShare lets at most this share of the rows, from 0 to 1, be rejected. With more, the run fails at its end with
// [ErrLimitExceeded].
func MaxShare(share float64) RejectOption {
	return func(r *rejects) { r.maxShare = &share }
}

// MaxRejects lets at most so many rows be rejected. With more, the run fails with [ErrLimitExceeded].
func MaxRejects(rows uint64) RejectOption {
	return func(r *rejects) { r.maxRows = &rows }
}

// Rejects sets rows aside for which an expression of the plan's last step fails: instead of failing the run, they go to an output of
// this name, which [Result.Output] gives. The step is a Filter, Select, With, Agg, Sort, Window, Pivot or Join; an aggregate that fails over
// the rows of a group, by overflow say, fails the run. It has the columns that the step reads from, and after them error_code, error_message,
// error_function, error_path, error_column, error_input, error_batch and error_row.
//
// Of a join, rows of the left plan are set aside (of the right one in Right, RightSemi and RightAnti joins) for which the condition
// fails on one of their pairs, or whose key cannot be compared with the other side's. They come with the columns of that side, and are in
// no row of the result, paired or alone.
func (p Plan) Rejects(name string, options ...RejectOption) Plan {
	where := here()
	if p.Err() != nil {
		return p
	}
	// The same step once more: the plan that it was made from goes on failing.
	old := p.root
	r := &relation{
		kind: old.kind, inputs: old.inputs, names: old.names, where: old.where, predicate: old.predicate, columns: old.columns,
		extend: old.extend, measures: old.measures, sets: old.sets, sorted: old.sorted, order: old.order, partition: old.partition,
		frame: old.frame, join: old.join, joinKind: old.joinKind, exclusion: old.exclusion, spread: old.spread, unknown: old.unknown, rejects: &rejects{name: name},
	}
	for _, option := range options {
		option(r.rejects)
	}
	switch r.kind {
	case filterRelation, projectRelation, aggregateRelation, sortRelation, windowRelation, pivotRelation, joinRelation:
	default:
		r.err = errorf(CodeInvalidArgument, "a step of kind %s has no rejects: compute in a With before it", relationNames[r.kind]).at(where)
		return Plan{r}
	}
	seen := map[*relation]bool{}
	if name == "" || name == outputName || rejectsTo(old, name, seen) {
		r.err = errorf(CodeInvalidArgument, "rejects go to %q, but an output needs a name of its own", name).at(where)
	} else if share := r.rejects.maxShare; share != nil && !(*share >= 0 && *share <= 1) {
		r.err = errorf(CodeInvalidArgument, "MaxShare is %v, but must lie in 0 to 1", *share).at(where)
	}
	return Plan{r}
}

// rejectsTo reports whether the relation or one that it reads has rejects of this name.
func rejectsTo(r *relation, name string, seen map[*relation]bool) bool {
	if seen[r] {
		return false
	}
	seen[r] = true
	if r.rejects != nil && r.rejects.name == name {
		return true
	}
	for _, in := range r.inputs {
		if rejectsTo(in, name, seen) {
			return true
		}
	}
	return false
}

func (r *rejects) encode() *wire.Rejects {
	if r == nil {
		return nil
	}
	return &wire.Rejects{Name: r.name, MaxShare: r.maxShare, MaxRows: r.maxRows}
}

func decodeRejects(encoded *wire.Rejects) *rejects {
	if encoded == nil {
		return nil
	}
	return &rejects{name: encoded.GetName(), maxShare: encoded.MaxShare, maxRows: encoded.MaxRows}
}

// Output returns another output of the run, such as that of [Plan.Rejects]. It is there once Next has returned false without an
// error. The caller must Release it.
func (r *Result) Output(name string) (array.RecordReader, error) {
	number := -1
	for i, other := range r.prepared.outputs {
		if other == name {
			number = i
		}
	}
	if number < 0 {
		return nil, errorf(CodeNotFound, "the plan has no other output %q%s", name, inputHint(r.prepared.outputs, name))
	}
	r.next.Lock()
	defer r.next.Unlock()
	if r.refs.Load() <= 0 {
		return nil, errReleased
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	if !r.over {
		return nil, errorf(CodeInvalidState, "output %q is complete only when Next has returned false", name)
	}
	return array.NewRecordReader(r.prepared.native.Outputs[number+1], r.side[number])
}

// readSide reads the other outputs, now that the result has ended: the caller holds next.
func (r *Result) readSide() error {
	for number := range r.prepared.outputs {
		r.side = append(r.side, nil)
		for {
			batch, err := r.query.Next(r.ctx, number+1)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			r.side[number] = append(r.side[number], batch)
		}
	}
	return nil
}

func (r *Result) dropSide() {
	for _, batches := range r.side {
		for _, batch := range batches {
			batch.Release()
		}
	}
	r.side = nil
}

// otherOutputs lists the outputs of a plan beyond its result.
func otherOutputs(plan *wire.Plan) []string {
	var names []string
	for _, relation := range plan.GetRelations() {
		if rejects := relation.GetRejects(); rejects != nil {
			names = append(names, rejects.GetName())
		}
	}
	return names
}
