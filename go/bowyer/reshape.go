// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Intersect keeps the rows that all the others have too, each once. Rows are compared as keys are: null is equal to null. All
// plans must have columns of the same names and types.
func (p Plan) Intersect(others ...Plan) Plan {
	return p.setOperation(here(), wire.SetKind_SET_KIND_INTERSECT, false, others)
}

// IntersectAll is [Plan.Intersect] where a row is given as often as it stands in the plan that has it least often.
func (p Plan) IntersectAll(others ...Plan) Plan {
	return p.setOperation(here(), wire.SetKind_SET_KIND_INTERSECT, true, others)
}

// Except keeps the rows that none of the others has, each once. Rows are compared as by [Plan.Intersect].
func (p Plan) Except(others ...Plan) Plan {
	return p.setOperation(here(), wire.SetKind_SET_KIND_EXCEPT, false, others)
}

// ExceptAll is [Plan.Except] where each row of another plan takes away one row.
func (p Plan) ExceptAll(others ...Plan) Plan {
	return p.setOperation(here(), wire.SetKind_SET_KIND_EXCEPT, true, others)
}

func (p Plan) setOperation(where origin, kind wire.SetKind, all bool, others []Plan) Plan {
	r := p.next(intersectRelation, where)
	if kind == wire.SetKind_SET_KIND_EXCEPT {
		r.kind = exceptRelation
	}
	r.all = all
	for _, other := range others {
		r.read(other)
	}
	return r.complete()
}

// Unfold says how [Plan.UnnestAs] makes rows of lists and columns of structs.
type Unfold struct {
	columns    []string
	keepEmpty  bool
	ordinality string
	separator  string
}

// Elements unfolds these columns. Lists that are unfolded together have one length in each row; a map gives structs of key and value.
func Elements(columns ...string) Unfold {
	return Unfold{columns: slices.Clone(columns)}
}

// KeepEmpty keeps a row whose list is empty or null, with null in place of an element.
func (u Unfold) KeepEmpty() Unfold {
	u.keepEmpty = true
	return u
}

// Ordinality adds a column that numbers the elements of each row from 1.
func (u Unfold) Ordinality(name string) Unfold {
	u.ordinality = name
	return u
}

// Separator names the fields of a struct after the column and the field with the separator between them; without it, after the
// field alone.
func (u Unfold) Separator(separator string) Unfold {
	u.separator = separator
	return u
}

// Unnest gives a row for each element of these list or map columns, and columns for the fields of these struct columns. Empty and
// null lists give no row; [Plan.UnnestAs] says otherwise.
func (p Plan) Unnest(columns ...string) Plan {
	return p.unnest(here(), Elements(columns...))
}

// UnnestAs is [Plan.Unnest] in a way of your own.
func (p Plan) UnnestAs(unfold Unfold) Plan {
	return p.unnest(here(), unfold)
}

func (p Plan) unnest(where origin, unfold Unfold) Plan {
	r := p.next(unnestRelation, where)
	r.unfold = unfold
	return r.complete()
}

// Unpivot gives a row for each of these columns of a row, with the column's name as variable and its value as value. The columns
// have one type; the others are repeated.
func (p Plan) Unpivot(variable, value string, columns ...string) Plan {
	r := p.next(unpivotRelation, here())
	r.distinct, r.variable, r.value = slices.Clone(columns), variable, value
	return r.complete()
}

// Pivoted is a plan whose rows are grouped and spread, on the way to [Pivoted.Agg].
type Pivoted struct {
	grouped Grouped
	column  any
	values  []PivotValue
	where   origin
}

// PivotValue is a value that gets columns of its own.
type PivotValue struct {
	value any
	name  string
}

// Spread is a value that gets columns, named after it.
func Spread(value any) PivotValue { return PivotValue{value: value} }

// As names the value's columns.
func (v PivotValue) As(name string) PivotValue {
	v.name = name
	return v
}

// Pivot spreads the values of a column, given by its name or as an Expr, each to columns of its own. Values are written as literals, or
// as [Spread] to name their columns.
func (g Grouped) Pivot(column any, values ...any) Pivoted {
	out := Pivoted{grouped: g, column: column, where: here()}
	for _, value := range values {
		if named, ok := value.(PivotValue); ok {
			out.values = append(out.values, named)
		} else {
			out.values = append(out.values, Spread(value))
		}
	}
	return out
}

// Agg gives one row for each group, with its keys and then, for each value, a column for each measure over the group's rows with that
// value. With one measure the column is named after the value, with several value_measure.
func (g Pivoted) Agg(measures ...Measure) Plan {
	r := g.grouped.input.next(pivotRelation, g.where)
	r.addColumns(g.grouped.keys, "keys")
	switch column := g.column.(type) {
	case string:
		r.predicate = columnOf(column, r.where)
	case Expr:
		r.predicate = operand(column, r.where)
	default:
		r.fail(errorf(CodeInvalidArgument, "the column is given as %T, but must be a name or an Expr", g.column), "column")
		return Plan{r}
	}
	for i, given := range g.values {
		literal, err := literalOf(given.value)
		if err != nil {
			r.fail(err, fmt.Sprintf("values[%d]", i))
			return Plan{r}
		}
		name := given.name
		if name == "" {
			name = pivotName(literal)
		}
		r.spread = append(r.spread, spreadValue{literal, name})
	}
	for i, given := range measures {
		checked, err := given.check()
		if err != nil {
			r.fail(err, fmt.Sprintf("measures[%d]", i))
			break
		}
		r.measures = append(r.measures, checked)
	}
	return r.complete()
}

// spreadValue is a value of a pivot and the name of its columns.
type spreadValue struct {
	literal *wire.Literal
	name    string
}

// pivotName is the name of a value's columns: its text, without quotes.
func pivotName(literal *wire.Literal) string {
	if text, ok := literal.GetValue().(*wire.Literal_Utf8); ok {
		return text.Utf8
	}
	return literalText(literal)
}

// Sample keeps each row with a probability of fraction, 0 to 1. Which rows is decided by the seed and their places in the input, so it
// is the same in every run.
func (p Plan) Sample(fraction float64, seed uint64) Plan {
	r := p.next(sampleRelation, here())
	if fraction < 0 || fraction > 1 || fraction != fraction {
		r.fail(errorf(CodeInvalidArgument, "the fraction is %v, but must lie in 0 to 1", fraction), "")
	}
	r.seed, r.fraction = seed, fraction
	return r.complete()
}

// SampleRows keeps count rows, or all if there are fewer, in the order of the input. Which rows is decided as by [Plan.Sample].
func (p Plan) SampleRows(count int, seed uint64) Plan {
	r := p.next(sampleRelation, here())
	if count < 0 {
		r.fail(errorf(CodeInvalidArgument, "the number of rows is %d, but cannot be negative", count), "")
	}
	most := uint64(count)
	r.seed, r.count = seed, &most
	return r.complete()
}

func (r *relation) checkReshape() {
	switch r.kind {
	case intersectRelation, exceptRelation:
		if len(r.inputs) < 2 {
			r.fail(errorf(CodeInvalidArgument, "it compares a plan with at least one other"), "")
		}
		r.checkUnion()
	case unnestRelation:
		r.checkChosen(r.unfold.columns)
		if r.err == nil {
			r.unknown = true // the fields of structs are the engine's to name
		}
	case unpivotRelation:
		r.checkChosen(r.distinct)
		if r.err != nil {
			return
		}
		for _, name := range r.inputs[0].names {
			if !slices.Contains(r.distinct, name) {
				r.names = append(r.names, name)
			}
		}
		r.names = append(r.names, r.variable, r.value)
		r.checkDuplicates("")
	case pivotRelation:
		r.checkPivot()
	}
}

func (r *relation) checkChosen(columns []string) {
	if len(columns) == 0 {
		r.fail(errorf(CodeInvalidArgument, "it needs at least one column"), "columns")
	}
	for _, name := range columns {
		r.checkNameIn(0, name, "columns", r.where)
	}
	if duplicate, ok := firstDuplicate(columns); ok {
		r.fail(duplicateName(duplicate), "columns")
	}
}

func (r *relation) checkPivot() {
	if len(r.spread) == 0 || len(r.measures) == 0 {
		r.fail(errorf(CodeInvalidArgument, "a pivot needs a value and a measure"), "")
	}
	r.checkColumns("keys")
	r.checkNode(r.predicate, "column")
	for i, m := range r.measures {
		r.checkMeasure(m, fmt.Sprintf("measures[%d]", i))
	}
	if r.err != nil {
		return
	}
	r.names = namesOf(r.columns)
	for _, value := range r.spread {
		for _, m := range r.measures {
			name := value.name
			if len(r.measures) > 1 {
				name += "_" + m.name
			}
			r.names = append(r.names, name)
		}
	}
	r.checkDuplicates("measures")
}

func (e *encoder) reshape(r *relation, inputs []uint32) error {
	out := e.current
	switch r.kind {
	case windowRelation:
		return e.window(r, inputs[0])
	case intersectRelation:
		out.Kind = &wire.Relation_SetOperation{SetOperation: &wire.SetOperation{Kind: wire.SetKind_SET_KIND_INTERSECT, All: r.all, Relations: inputs}}
	case exceptRelation:
		out.Kind = &wire.Relation_SetOperation{SetOperation: &wire.SetOperation{Kind: wire.SetKind_SET_KIND_EXCEPT, All: r.all, Relations: inputs}}
	case unnestRelation:
		out.Kind = &wire.Relation_Unnest{Unnest: &wire.Unnest{
			Relation: inputs[0], Columns: r.unfold.columns, KeepEmpty: r.unfold.keepEmpty,
			Ordinality: r.unfold.ordinality, Separator: r.unfold.separator,
		}}
	case unpivotRelation:
		out.Kind = &wire.Relation_Unpivot{Unpivot: &wire.Unpivot{Relation: inputs[0], Columns: r.distinct, Variable: r.variable, Value: r.value}}
	case sampleRelation:
		sample := &wire.Sample{Relation: inputs[0], Seed: r.seed, Size: &wire.Sample_Fraction{Fraction: r.fraction}}
		if r.count != nil {
			sample.Size = &wire.Sample_Rows{Rows: *r.count}
		}
		out.Kind = &wire.Relation_Sample{Sample: sample}
	case pivotRelation:
		keys, err := e.columns(r.columns)
		if err != nil {
			return err
		}
		column, err := e.expression(r.predicate)
		if err != nil {
			return err
		}
		measures, err := e.measures(r.measures)
		if err != nil {
			return err
		}
		pivot := &wire.Pivot{Relation: inputs[0], Keys: keys, Column: column, Measures: measures}
		for _, value := range r.spread {
			pivot.Values = append(pivot.Values, &wire.PivotValue{Value: value.literal, Name: value.name})
		}
		out.Kind = &wire.Relation_Pivot{Pivot: pivot}
	}
	return nil
}

// reshape reads a relation of this file or of windows, and returns what it reads; nil when it is of another kind.
func (d *decoder) reshape(out *relation, encoded *wire.Relation) []uint32 {
	switch kind := encoded.GetKind().(type) {
	case *wire.Relation_Window:
		d.window(out, kind.Window)
		return []uint32{kind.Window.GetRelation()}
	case *wire.Relation_SetOperation:
		out.kind, out.all = intersectRelation, kind.SetOperation.GetAll()
		if kind.SetOperation.GetKind() == wire.SetKind_SET_KIND_EXCEPT {
			out.kind = exceptRelation
		}
		return kind.SetOperation.GetRelations()
	case *wire.Relation_Unnest:
		unnest := kind.Unnest
		out.kind = unnestRelation
		out.unfold = Unfold{unnest.GetColumns(), unnest.GetKeepEmpty(), unnest.GetOrdinality(), unnest.GetSeparator()}
		return []uint32{unnest.GetRelation()}
	case *wire.Relation_Unpivot:
		unpivot := kind.Unpivot
		out.kind, out.distinct = unpivotRelation, unpivot.GetColumns()
		out.variable, out.value = unpivot.GetVariable(), unpivot.GetValue()
		if out.variable == "" {
			out.variable = "variable"
		}
		if out.value == "" {
			out.value = "value"
		}
		return []uint32{unpivot.GetRelation()}
	case *wire.Relation_Sample:
		out.kind, out.seed, out.fraction = sampleRelation, kind.Sample.GetSeed(), kind.Sample.GetFraction()
		if rows, ok := kind.Sample.GetSize().(*wire.Sample_Rows); ok {
			out.count = &rows.Rows
		}
		return []uint32{kind.Sample.GetRelation()}
	case *wire.Relation_Pivot:
		pivot := kind.Pivot
		out.kind, out.columns = pivotRelation, d.columns(pivot.GetKeys())
		out.predicate, out.measures = d.node(pivot.GetColumn()), d.measures(pivot.GetMeasures())
		for _, value := range pivot.GetValues() {
			name := value.GetName()
			if name == "" {
				name = pivotName(value.GetValue())
			}
			out.spread = append(out.spread, spreadValue{value.GetValue(), name})
		}
		return []uint32{pivot.GetRelation()}
	}
	return nil
}

func (t *texts) reshape(relation *wire.Relation) string {
	switch kind := relation.GetKind().(type) {
	case *wire.Relation_Window:
		return t.window(kind.Window)
	case *wire.Relation_SetOperation:
		verb := "intersect"
		if kind.SetOperation.GetKind() == wire.SetKind_SET_KIND_EXCEPT {
			verb = "except"
		}
		if kind.SetOperation.GetAll() {
			verb += " all"
		}
		for _, input := range kind.SetOperation.GetRelations() {
			verb += fmt.Sprintf(" [%d]", input)
		}
		return verb
	case *wire.Relation_Unnest:
		text := fmt.Sprintf("unnest [%d] of %s", kind.Unnest.GetRelation(), strings.Join(kind.Unnest.GetColumns(), ", "))
		if kind.Unnest.GetKeepEmpty() {
			text += ", keep empty"
		}
		if name := kind.Unnest.GetOrdinality(); name != "" {
			text += ", ordinality " + name
		}
		if separator := kind.Unnest.GetSeparator(); separator != "" {
			text += ", separator " + strconv.Quote(separator)
		}
		return text
	case *wire.Relation_Unpivot:
		return fmt.Sprintf("unpivot [%d] of %s as %s, %s", kind.Unpivot.GetRelation(),
			strings.Join(kind.Unpivot.GetColumns(), ", "), kind.Unpivot.GetVariable(), kind.Unpivot.GetValue())
	case *wire.Relation_Sample:
		if rows, ok := kind.Sample.GetSize().(*wire.Sample_Rows); ok {
			return fmt.Sprintf("sample [%d] %d rows, seed %d", kind.Sample.GetRelation(), rows.Rows, kind.Sample.GetSeed())
		}
		return fmt.Sprintf("sample [%d] share %g, seed %d", kind.Sample.GetRelation(), kind.Sample.GetFraction(), kind.Sample.GetSeed())
	case *wire.Relation_Pivot:
		values := make([]string, len(kind.Pivot.GetValues()))
		for i, value := range kind.Pivot.GetValues() {
			values[i] = literalText(value.GetValue()) + " as " + value.GetName()
		}
		text := fmt.Sprintf("pivot [%d]", kind.Pivot.GetRelation())
		if len(kind.Pivot.GetKeys()) > 0 {
			text += " by " + t.columns(kind.Pivot.GetKeys())
		}
		return fmt.Sprintf("%s of %s to %s: %s", text, t.at(kind.Pivot.GetColumn()), strings.Join(values, ", "), t.measures(kind.Pivot.GetMeasures()))
	}
	return "unknown"
}
