// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// filler makes batches fit the schema of their input: columns that a query does not need may be missing, and stand as nulls then.
type filler struct {
	nulls map[int]arrow.Array // by column; sliced for each batch
}

// conform returns the batch with the columns of the schema. The caller must Release it.
func (f *filler) conform(batch arrow.RecordBatch, schema *arrow.Schema, needed []string) (fit arrow.RecordBatch, err error) {
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
	if given == schema || sameColumns(given, schema) {
		batch.Retain()
		return batch, nil
	}
	columns := make([]arrow.Array, schema.NumFields())
	for i, field := range schema.Fields() {
		places := given.FieldIndices(field.Name)
		switch {
		case len(places) == 1:
			if got := given.Field(places[0]).Type; !arrow.TypeEqual(got, field.Type) {
				err := errorf(CodeTypeMismatch, "column %q is of type %s, but its input says %s", field.Name, got, field.Type)
				err.Column = field.Name
				return nil, err
			}
			columns[i] = batch.Column(places[0])
		case slices.Contains(needed, field.Name) || len(places) > 1:
			err := errorf(CodeTypeMismatch, "a batch has %d columns %q, but its input says one", len(places), field.Name)
			err.Column = field.Name
			return nil, err
		default:
			nulls := f.column(i, field, batch.NumRows())
			defer nulls.Release()
			columns[i] = nulls
		}
	}
	return array.NewRecordBatch(schema, columns, batch.NumRows()), nil
}

// column returns nulls for a column of that many rows. The caller must Release them.
func (f *filler) column(i int, field arrow.Field, rows int64) arrow.Array {
	known := f.nulls[i]
	if known == nil || int64(known.Len()) < rows {
		if known != nil {
			known.Release()
		}
		known = standIn(field, int(rows))
		if f.nulls == nil {
			f.nulls = map[int]arrow.Array{}
		}
		f.nulls[i] = known
	}
	return array.NewSlice(known, 0, rows)
}

// standIn returns nulls, or zeros for a flat column that says it has none.
func standIn(field arrow.Field, rows int) arrow.Array {
	nulls := array.MakeArrayOfNull(memory.DefaultAllocator, field.Type, rows)
	data := nulls.Data()
	_, nested := field.Type.(arrow.NestedType)
	if field.Nullable || nested || len(data.Buffers()) == 0 || field.Type.ID() == arrow.DICTIONARY {
		return nulls
	}
	defer nulls.Release()
	buffers := slices.Clone(data.Buffers())
	buffers[0] = nil
	zeros := array.NewData(field.Type, rows, buffers, nil, 0, 0)
	defer zeros.Release()
	return array.MakeFromData(zeros)
}

func (f *filler) release() {
	for _, nulls := range f.nulls {
		nulls.Release()
	}
	f.nulls = nil
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
