// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// ScanRequest says what a query needs of an input. A reader may read less where it can; reading more is always correct.
type ScanRequest struct {
	// Columns are those needed, in the input's order. A reader may leave out the others.
	Columns []string
	// Filter is a predicate that the query will apply: a reader may skip rows for which it is not true. It is the zero Expr
	// when there is none.
	Filter Expr
	// Limit is the number of rows after which the query stops reading; −1: all.
	Limit int64
}

// IsZero reports whether the expression is the zero Expr.
func (e Expr) IsZero() bool { return e.node == nil }

// ReaderFactory opens a reader for one scan. The query releases the reader. ctx ends with the query.
type ReaderFactory func(ctx context.Context, request ScanRequest) (array.RecordReader, error)

// Source is data for an input, for [Bind]. A Source points at data without retaining it: the data must not be released before
// the run that it is bound to, which retains it until its result ends.
type Source struct {
	batches []arrow.RecordBatch
	table   arrow.Table
	factory ReaderFactory
	once    *onceReader
}

// Batches is a source of record batches. It can be scanned any number of times.
func Batches(batches ...arrow.RecordBatch) Source {
	if batches == nil {
		batches = []arrow.RecordBatch{}
	}
	return Source{batches: slices.Clone(batches)}
}

// Table is a source of a table's rows. It can be scanned any number of times.
func Table(table arrow.Table) Source { return Source{table: table} }

// Reader is a source that opens a reader for each scan.
func Reader(factory ReaderFactory) Source { return Source{factory: factory} }

// ReaderOnce is a source that one run can read, once: a plan that scans it twice is refused, as is a second run. The source takes
// the reader over and releases it after the run.
func ReaderOnce(reader array.RecordReader) Source {
	return Source{once: &onceReader{reader: reader}}
}

func (s Source) isZero() bool {
	return s.batches == nil && s.table == nil && s.factory == nil && s.once == nil
}

type onceReader struct {
	reader array.RecordReader
	used   atomic.Bool
}

// InputOption is an option of an input.
type InputOption func(*input)

// Unbounded says that the input may never end. A plan that would have to keep all of its rows, as a sort does, is refused.
func Unbounded() InputOption {
	return func(in *input) { in.unbounded = true }
}

// input is a named place for data in a plan, perhaps with data that is bound to it from the start.
type input struct {
	name      string // empty: named by its place in the plan
	schema    *arrow.Schema
	unbounded bool
	bound     Source
}

// Input starts a plan over data that a run binds by that name.
func Input(name string, schema *arrow.Schema, options ...InputOption) Plan {
	where := here()
	if name == "" {
		return failedPlan(errorf(CodeInvalidArgument, "an input needs a name"), where)
	}
	return scan(name, schema, Source{}, where, options)
}

// FromBatches starts a plan over record batches of that schema. It points at them without retaining them: they must not be
// released before the plan has run.
func FromBatches(schema *arrow.Schema, batches ...arrow.RecordBatch) Plan {
	return scan("", schema, Batches(batches...), here(), nil)
}

// FromTable starts a plan over a table. It points at the table without retaining it.
func FromTable(table arrow.Table) Plan {
	where := here()
	if table == nil {
		return failedPlan(errorf(CodeInvalidArgument, "the table is nil"), where)
	}
	return scan("", table.Schema(), Table(table), where, nil)
}

// FromReader starts a plan over a reader that the factory opens for each run. Its batches must have the schema; columns that the
// request does not name may be missing.
func FromReader(schema *arrow.Schema, factory ReaderFactory, options ...InputOption) Plan {
	where := here()
	if factory == nil {
		return failedPlan(errorf(CodeInvalidArgument, "the reader's factory is nil"), where)
	}
	return scan("", schema, Reader(factory), where, options)
}

// FromReaderOnce starts a plan over a reader that is read by one run, once. The plan takes the reader over and releases it after
// that run.
func FromReaderOnce(reader array.RecordReader, options ...InputOption) Plan {
	where := here()
	if reader == nil {
		return failedPlan(errorf(CodeInvalidArgument, "the reader is nil"), where)
	}
	return scan("", reader.Schema(), ReaderOnce(reader), where, options)
}

func scan(name string, schema *arrow.Schema, bound Source, where origin, options []InputOption) Plan {
	if schema == nil {
		return failedPlan(errorf(CodeInvalidArgument, "the input has no schema"), where)
	}
	in := &input{name: name, schema: schema, bound: bound}
	for _, option := range options {
		option(in)
	}
	names := make([]string, schema.NumFields())
	for i, field := range schema.Fields() {
		names[i] = field.Name
	}
	r := &relation{kind: scanRelation, input: in, names: names, where: where}
	if duplicate, ok := firstDuplicate(names); ok {
		r.fail(duplicateName(duplicate), "")
	}
	return Plan{r}
}
