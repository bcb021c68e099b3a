// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

const (
	planVersion = 1
	outputName  = "result" // a Go plan has one output
)

// encoder writes a plan as flat lists: each relation once, and in each relation each expression once.
type encoder struct {
	plan      *wire.Plan
	relations map[*relation]uint32
	inputs    map[*input]uint32
	scans     map[uint32]uint32 // input to its one scan
	origins   bool

	expressions map[*node]uint32 // of the relation that is being written
	current     *wire.Relation
}

// encodePlan writes the plan, and lists the inputs in its order.
func encodePlan(p Plan, origins bool) (*wire.Plan, []*input, error) {
	if err := p.Err(); err != nil {
		return nil, nil, err
	}
	e := &encoder{
		plan: &wire.Plan{Version: planVersion}, relations: map[*relation]uint32{},
		inputs: map[*input]uint32{}, scans: map[uint32]uint32{}, origins: origins,
	}
	list, err := e.collect(p.root)
	if err != nil {
		return nil, nil, err
	}
	root, err := e.relation(p.root)
	if err != nil {
		return nil, nil, err
	}
	e.plan.Outputs = []*wire.Output{{Name: outputName, Relation: root}}
	return e.plan, list, nil
}

// collect finds and names the inputs. Inputs that a program made twice under one name, with one schema and no data, are one.
func (e *encoder) collect(root *relation) ([]*input, error) {
	var list []*input
	named := map[string]*relation{}
	seen := map[*relation]bool{}
	var failure error
	var visit func(*relation)
	visit = func(r *relation) {
		if seen[r] || failure != nil {
			return
		}
		seen[r] = true
		for _, in := range r.inputs {
			visit(in)
		}
		if r.kind != scanRelation || failure != nil {
			return
		}
		if other := named[r.input.name]; r.input.name != "" && other != nil {
			if other.input != r.input && !sameInput(other.input, r.input) {
				err := errorf(CodeInvalidArgument, "two inputs have the name %q, but not one schema", r.input.name)
				err.Input = r.input.name
				failure = err.at(r.where)
			}
			e.inputs[r.input] = e.inputs[other.input]
			return
		}
		if _, ok := e.inputs[r.input]; ok {
			return
		}
		named[r.input.name] = r
		e.inputs[r.input] = uint32(len(list))
		list = append(list, r.input)
	}
	visit(root)
	if failure != nil {
		return nil, failure
	}
	number := 0
	for _, in := range list {
		name := in.name
		for name == "" {
			candidate := "input" + strconv.Itoa(number)
			number++
			if named[candidate] == nil {
				name = candidate
			}
		}
		schema, err := encodeSchema(in.schema)
		if err != nil {
			return nil, err
		}
		e.plan.Inputs = append(e.plan.Inputs, &wire.Input{Name: name, Schema: schema, Unbounded: in.unbounded})
	}
	return list, nil
}

func sameInput(a, b *input) bool {
	return a.bound.isZero() && b.bound.isZero() && a.unbounded == b.unbounded && a.schema.Equal(b.schema)
}

// relation writes the relation after those it reads, and returns its index.
func (e *encoder) relation(r *relation) (uint32, error) {
	if index, ok := e.relations[r]; ok {
		return index, nil
	}
	if r.kind == scanRelation {
		if index, ok := e.scans[e.inputs[r.input]]; ok {
			e.relations[r] = index
			return index, nil
		}
	}
	inputs := make([]uint32, len(r.inputs))
	for i, in := range r.inputs {
		index, err := e.relation(in)
		if err != nil {
			return 0, err
		}
		inputs[i] = index
	}
	index := uint32(len(e.plan.Relations))
	e.current, e.expressions = &wire.Relation{}, map[*node]uint32{}
	e.origin(index, nil, r.where)
	if err := e.kind(r, inputs); err != nil {
		return 0, err
	}
	e.current.Rejects = r.rejects.encode()
	e.plan.Relations = append(e.plan.Relations, e.current)
	e.relations[r] = index
	if r.kind == scanRelation {
		e.scans[e.inputs[r.input]] = index
	}
	return index, nil
}

func (e *encoder) kind(r *relation, inputs []uint32) error {
	out := e.current
	switch r.kind {
	case scanRelation:
		out.Kind = &wire.Relation_Scan{Scan: &wire.Scan{Input: e.inputs[r.input]}}
	case filterRelation:
		predicate, err := e.expression(r.predicate)
		if err != nil {
			return err
		}
		out.Kind = &wire.Relation_Filter{Filter: &wire.Filter{Relation: inputs[0], Predicate: predicate}}
	case projectRelation:
		columns, err := e.columns(r.columns)
		if err != nil {
			return err
		}
		out.Kind = &wire.Relation_Project{Project: &wire.Project{Relation: inputs[0], Columns: columns, Extend: r.extend}}
	case aggregateRelation:
		return e.aggregate(r, inputs[0])
	case joinRelation:
		join := &wire.Join{
			Left: inputs[0], Right: inputs[1], Kind: wire.JoinKind(r.joinKind),
			NullsEqual: r.join.nullsEqual, RightSuffix: r.join.suffix,
		}
		for _, key := range r.join.keys {
			join.Keys = append(join.Keys, &wire.JoinKey{Left: key.left, Right: key.right})
		}
		if r.predicate != nil {
			residual, err := e.expression(r.predicate)
			if err != nil {
				return err
			}
			join.Residual = &residual
		}
		out.Kind = &wire.Relation_Join{Join: join}
	case asOfRelation:
		return e.asOf(r, inputs)
	case sortRelation:
		keys, err := e.order(r.order)
		if err != nil {
			return err
		}
		out.Kind = &wire.Relation_Sort{Sort: &wire.Sort{Relation: inputs[0], Keys: keys}}
	case limitRelation:
		out.Kind = &wire.Relation_Limit{Limit: &wire.Limit{Relation: inputs[0], Offset: r.offset, Count: r.count}}
	case unionRelation:
		out.Kind = &wire.Relation_Union{Union: &wire.Union{Relations: inputs}}
	case distinctRelation:
		out.Kind = &wire.Relation_Distinct{Distinct: &wire.Distinct{Relation: inputs[0], Columns: r.distinct, Keep: r.keep}}
	default:
		return e.reshape(r, inputs)
	}
	return nil
}

func (e *encoder) aggregate(r *relation, input uint32) error {
	keys, err := e.columns(r.columns)
	if err != nil {
		return err
	}
	measures, err := e.measures(r.measures)
	if err != nil {
		return err
	}
	aggregate := &wire.Aggregate{Relation: input, Keys: keys, Measures: measures, Sorted: r.sorted}
	for _, set := range r.sets {
		aggregate.GroupingSets = append(aggregate.GroupingSets, &wire.GroupingSet{Keys: set})
	}
	e.current.Kind = &wire.Relation_Aggregate{Aggregate: aggregate}
	return nil
}

func (e *encoder) measures(measures []measure) ([]*wire.Measure, error) {
	out := make([]*wire.Measure, len(measures))
	for i, m := range measures {
		arguments, err := e.all(m.arguments)
		if err != nil {
			return nil, err
		}
		measure := &wire.Measure{
			Function: m.function, Arguments: arguments, Options: m.options, Name: m.name, Distinct: m.distinct,
		}
		if m.filter != nil {
			filter, err := e.expression(m.filter)
			if err != nil {
				return nil, err
			}
			measure.Filter = &filter
		}
		if measure.Order, err = e.order(m.order); err != nil {
			return nil, err
		}
		out[i] = measure
	}
	return out, nil
}

func (e *encoder) order(keys []SortKey) ([]*wire.SortKey, error) {
	out := make([]*wire.SortKey, len(keys))
	for i, key := range keys {
		index, err := e.expression(key.node)
		if err != nil {
			return nil, err
		}
		out[i] = &wire.SortKey{Expression: index, Descending: key.descending, NullsFirst: key.nullsFirst}
	}
	return out, nil
}

func (e *encoder) columns(columns []column) ([]*wire.NamedExpression, error) {
	out := make([]*wire.NamedExpression, len(columns))
	for i, c := range columns {
		index, err := e.expression(c.node)
		if err != nil {
			return nil, err
		}
		out[i] = &wire.NamedExpression{Expression: index, Name: c.name}
	}
	return out, nil
}

func (e *encoder) all(nodes []*node) ([]uint32, error) {
	out := make([]uint32, len(nodes))
	for i, n := range nodes {
		index, err := e.expression(n)
		if err != nil {
			return nil, err
		}
		out[i] = index
	}
	return out, nil
}

// expression writes the node after its operands, and returns its index.
func (e *encoder) expression(n *node) (uint32, error) {
	if index, ok := e.expressions[n]; ok {
		return index, nil
	}
	arguments, err := e.all(n.arguments)
	if err != nil {
		return 0, err
	}
	out := &wire.Expression{}
	switch n.kind {
	case columnNode:
		out.Kind = &wire.Expression_Column{Column: n.text}
	case literalNode:
		out.Kind = &wire.Expression_Literal{Literal: n.literal}
	case callNode:
		out.Kind = &wire.Expression_Call{Call: &wire.Call{Function: n.text, Arguments: arguments, Options: n.options}}
	case castNode:
		field := &wire.Field{Nullable: true}
		if err := encodeType(field, n.dataType); err != nil {
			return 0, asError(err).at(n.where)
		}
		out.Kind = &wire.Expression_Cast{Cast: &wire.Cast{Argument: arguments[0], Type: field, Try: n.try}}
	case parameterNode:
		field := &wire.Field{Nullable: true}
		if err := encodeType(field, n.dataType); err != nil {
			return 0, asError(err).at(n.where)
		}
		out.Kind, out.ParameterType = &wire.Expression_Parameter{Parameter: n.text}, field
	case elementNode:
		out.Kind = &wire.Expression_Element{Element: arguments[0]}
	case accumulatorNode:
		out.Kind = &wire.Expression_Accumulator{Accumulator: arguments[0]}
	case listNode:
		call := &wire.ListCall{Kind: n.list, List: arguments[0], Element: arguments[1], Body: arguments[2]}
		if len(arguments) > 3 {
			call.Accumulator = &arguments[3]
		}
		out.Kind = &wire.Expression_ListCall{ListCall: call}
	}
	index := uint32(len(e.current.Expressions))
	e.current.Expressions = append(e.current.Expressions, out)
	e.expressions[n] = index
	e.origin(uint32(len(e.plan.Relations)), &index, n.where)
	return index, nil
}

func (e *encoder) origin(relation uint32, expression *uint32, where origin) {
	if !e.origins {
		return
	}
	if file, line := where.position(); file != "" {
		e.plan.Origins = append(e.plan.Origins, &wire.Origin{Relation: relation, Expression: expression, File: file, Line: line})
	}
}

// Equal reports whether the two plans say the same: the same nodes in the same order, over inputs of the same names and schemas.
// Data bound to them and the lines that wrote them do not count.
func (p Plan) Equal(other Plan) bool {
	if p.root == other.root {
		return true
	}
	one, _, err := encodePlan(p, false)
	if err != nil {
		return false
	}
	two, _, err := encodePlan(other, false)
	return err == nil && proto.Equal(one, two)
}
