// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Plan says what to compute. It is an immutable value: every method returns a new plan that shares the old one's nodes, and a
// plan used twice inside another is computed once. A plan holds no native memory and needs no release.
//
// Mistakes that can be seen without the engine (unknown columns, names given twice, comparisons with nil) are kept in the plan and
// told by [Plan.Err], and by whatever runs it.
type Plan struct {
	root *relation
}

type relationKind uint8

const (
	scanRelation relationKind = iota
	filterRelation
	projectRelation
	aggregateRelation
	joinRelation
	asOfRelation
	sortRelation
	limitRelation
	unionRelation
	distinctRelation
	windowRelation
	intersectRelation
	exceptRelation
	unnestRelation
	pivotRelation
	unpivotRelation
	sampleRelation
)

var relationNames = [...]string{
	"scan", "filter", "project", "aggregate", "join", "as_of_join", "sort", "limit", "union", "distinct", "window",
	"intersect", "except", "unnest", "pivot", "unpivot", "sample",
}

// relation is an immutable node of a plan.
type relation struct {
	kind   relationKind
	inputs []*relation
	names  []string // of the columns; nil after an error
	// unknown says that the engine alone can name some columns: those that the fields of a struct became.
	unknown bool
	where   origin
	err     *Error // the first error of this relation or of those it reads

	input     *input   // scan
	predicate *node    // filter, what pairs of a join must fulfil, or the column that a pivot spreads
	columns   []column // project, or the keys of an aggregate
	extend    bool     // project
	measures  []measure
	sets      [][]uint32
	sorted    bool   // aggregate
	join      JoinOn // join
	joinKind  JoinKind
	asOf      AsOf
	order     []SortKey // sort, window
	partition []*node   // window
	frame     *frame    // window; nil: the usual one
	exclusion wire.FrameExclusion
	offset    uint64   // limit
	count     *uint64  // limit, sample
	distinct  []string // distinct; empty: all; unpivot
	keep      wire.DistinctKeep
	all       bool // intersect, except
	unfold    Unfold
	spread    []spreadValue // pivot
	variable  string        // unpivot
	value     string        // unpivot
	seed      uint64        // sample
	fraction  float64       // sample
	rejects   *rejects      // nil: a failing row fails the run

	schema atomic.Pointer[arrow.Schema] // once the engine has told it
}

// column is a computed column and its name.
type column struct {
	node *node
	name string
}

// Err returns the first mistake in the plan that can be seen without the engine; nil when there is none.
func (p Plan) Err() error {
	if p.root == nil {
		return errorf(CodeInvalidArgument, "an empty Plan is used: start one with Input, FromBatches, FromTable or FromReader")
	}
	if p.root.err != nil {
		return p.root.err
	}
	return nil
}

// Filter keeps the rows for which the predicate is true.
func (p Plan) Filter(predicate Expr) Plan {
	r := p.next(filterRelation, here())
	r.predicate = operand(predicate, r.where)
	return r.complete()
}

// Select keeps these columns, in this order. Each is the name of a column or an Expr; an Expr that is no column needs a name by As.
func (p Plan) Select(columns ...any) Plan {
	r := p.next(projectRelation, here())
	r.addColumns(columns, "columns")
	return r.complete()
}

// With keeps all columns and adds these. One that has the name of an existing column takes its place.
func (p Plan) With(columns ...Expr) Plan {
	r := p.next(projectRelation, here())
	r.extend = true
	r.addColumns(anyOf(columns), "columns")
	return r.complete()
}

// Grouped is a plan whose rows are grouped, on the way to [Grouped.Agg].
type Grouped struct {
	input  Plan
	keys   []any
	sets   [][]string
	choice setChoice
	sorted bool
	where  origin
}

// GroupBy groups the rows by equal keys; without keys, all rows are one group. Each key is the name of a column or an Expr with a
// name. In keys, null equals null, NaN equals NaN, and −0.0 equals 0.0.
func (p Plan) GroupBy(keys ...any) Grouped {
	return Grouped{input: p, keys: slices.Clone(keys), where: here()}
}

// Agg gives one row for each group: its keys, then its measures. The order of groups is not defined.
func (g Grouped) Agg(measures ...Measure) Plan {
	r := g.input.next(aggregateRelation, g.where)
	r.addColumns(g.keys, "keys")
	sets, err := g.groupingSets(r.columns)
	if err != nil {
		r.fail(err, "grouping_sets")
	}
	r.sets, r.sorted = sets, g.sorted
	if r.sorted && (len(sets) > 0 || len(g.keys) == 0) {
		r.fail(errorf(CodeInvalidArgument, "Sorted groups by keys, and by one set of them"), "keys")
	}
	for i, given := range measures {
		if isWindowOnly(given.function) && given.err == nil {
			given.err = errorf(CodeInvalidArgument, "%s is no aggregate: use Plan.Window", given.function).at(given.where)
		}
		checked, err := given.check()
		if err != nil {
			r.fail(err, fmt.Sprintf("measures[%d]", i))
			break
		}
		r.measures = append(r.measures, checked)
	}
	return r.complete()
}

// Sort orders the rows, by the first key, then the next. It is stable.
func (p Plan) Sort(keys ...SortKey) Plan {
	r := p.next(sortRelation, here())
	r.order = slices.Clone(keys)
	return r.complete()
}

// Limit keeps the first count rows.
func (p Plan) Limit(count int) Plan {
	return p.limit(here(), 0, count)
}

// Offset skips the first count rows.
func (p Plan) Offset(count int) Plan {
	return p.limit(here(), count, math.MaxInt)
}

func (p Plan) limit(where origin, offset, count int) Plan {
	r := p.next(limitRelation, where)
	if offset < 0 || count < 0 {
		r.fail(errorf(CodeInvalidArgument, "the number of rows is %d, but cannot be negative", min(offset, count)), "")
	}
	r.offset = uint64(offset)
	if count != math.MaxInt {
		most := uint64(count)
		r.count = &most
	}
	return r.complete()
}

// Union gives the rows of this plan, then those of the others. All must have columns of the same names and types.
func (p Plan) Union(others ...Plan) Plan {
	r := p.next(unionRelation, here())
	for _, other := range others {
		r.read(other)
	}
	return r.complete()
}

// Distinct keeps one row of each combination of the columns, the first in input order; without columns, of all of them.
func (p Plan) Distinct(columns ...string) Plan {
	return p.distinct(here(), KeepFirst, columns)
}

// SortKey is a key of [Plan.Sort]. Nulls come last unless NullsFirst is asked for; NaN comes after all numbers.
type SortKey struct {
	node                   *node
	descending, nullsFirst bool
}

// Asc orders from the least to the greatest.
func Asc[R Reference](column R) SortKey {
	key, _ := referenceOf(column, here())
	return SortKey{node: key}
}

// Desc orders from the greatest to the least.
func Desc[R Reference](column R) SortKey {
	key, _ := referenceOf(column, here())
	return SortKey{node: key, descending: true}
}

// NullsFirst puts nulls before all values.
func (k SortKey) NullsFirst() SortKey {
	k.nullsFirst = true
	return k
}
