// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// conformer makes batches fit their input: what crosses are the columns that the query needs, in the input's order. Others are
// neither sent nor looked at, and may be missing.
type conformer struct {
	schema *arrow.Schema // of the input
	needed []string
	narrow *arrow.Schema // of the needed columns; that of the input when it needs all
}

func newConformer(schema *arrow.Schema, needed []string) conformer {
	c := conformer{schema: schema, needed: needed, narrow: schema}
	if len(needed) < schema.NumFields() {
		fields := make([]arrow.Field, 0, len(needed))
		for _, field := range schema.Fields() {
			if slices.Contains(needed, field.Name) {
				fields = append(fields, field)
			}
		}
		c.narrow = arrow.NewSchema(fields, nil)
	}
	return c
}

// conform returns the batch with the needed columns. The caller must Release it.
func (c *conformer) conform(batch arrow.RecordBatch) (fit arrow.RecordBatch, err error) {
	defer func() { // batches may be of the user's own type
		if reason := recover(); reason != nil {
			fit, err = nil, errorf(CodeInvalidArgument, "the batch cannot be read: %v", reason)
		}
	}()
	if batch == nil {
		return nil, errorf(CodeInvalidArgument, "the batch is nil")
	}
	given := batch.Schema()
	if given == nil || int(batch.NumCols()) != given.NumFields() || slices.ContainsFunc(batch.Columns(), released) {
		return nil, errorf(CodeInvalidState, "the batch was released")
	}
	if given == c.narrow || sameColumns(given, c.narrow) {
		batch.Retain()
		return batch, nil
	}
	columns := make([]arrow.Array, 0, c.narrow.NumFields())
	for _, field := range c.schema.Fields() {
		places := given.FieldIndices(field.Name)
		needed := slices.Contains(c.needed, field.Name)
		switch {
		case len(places) == 1:
			if got := given.Field(places[0]).Type; !arrow.TypeEqual(got, field.Type) {
				err := errorf(CodeTypeMismatch, "column %q is of type %s, but its input says %s", field.Name, got, field.Type)
				err.Column = field.Name
				return nil, err
			}
			if needed {
				columns = append(columns, batch.Column(places[0]))
			}
		case needed || len(places) > 1:
			err := errorf(CodeTypeMismatch, "a batch has %d columns %q, but its input says one", len(places), field.Name)
			err.Column = field.Name
			return nil, err
		}
	}
	return array.NewRecordBatch(c.narrow, columns, batch.NumRows()), nil
}

// sameColumns reports whether two schemas have the same names and types in the same order.
func sameColumns(a, b *arrow.Schema) bool {
	if a.NumFields() != b.NumFields() {
		return false
	}
	for i := range a.NumFields() {
		if a.Field(i).Name != b.Field(i).Name || !arrow.TypeEqual(a.Field(i).Type, b.Field(i).Type) {
			return false
		}
	}
	return true
}
