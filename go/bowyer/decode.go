// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// decoder reads a plan from its flat lists. Nothing in them is trusted: an index must name an earlier node.
type decoder struct {
	inputs    []*input
	relations []*relation
	nodes     []*node // of the relation that is being read
}

func decodePlan(plan *wire.Plan) (p Plan, err error) {
	defer func() { // arrow-go's constructors of types panic on what they refuse
		if reason := recover(); reason != nil {
			p, err = Plan{}, errorf(CodeInvalidArgument, "the plan is malformed: %v", reason)
		}
	}()
	if plan.GetVersion() != planVersion {
		return Plan{}, errorf(CodeIncompatibleVersion, "the plan has version %d, this library reads version %d", plan.GetVersion(), planVersion)
	}
	if len(plan.GetOutputs()) != 1 {
		return Plan{}, errorf(CodeNotImplemented, "the plan has %d outputs, a Go plan has one", len(plan.GetOutputs()))
	}
	d := &decoder{}
	for i, in := range plan.GetInputs() {
		schema, err := decodeSchema(in.GetSchema())
		if err != nil {
			return Plan{}, err
		}
		if in.GetName() == "" {
			return Plan{}, errorf(CodeInvalidArgument, "input %d has no name", i)
		}
		d.inputs = append(d.inputs, &input{name: in.GetName(), schema: schema, unbounded: in.GetUnbounded()})
	}
	for i, relation := range plan.GetRelations() {
		decoded, err := d.relation(relation)
		if err != nil {
			return Plan{}, err
		}
		if decoded.err != nil {
			return Plan{}, decoded.err
		}
		if decoded.kind != scanRelation && len(decoded.inputs) == 0 {
			return Plan{}, errorf(CodeInvalidArgument, "relation %d reads nothing", i)
		}
		d.relations = append(d.relations, decoded)
	}
	root, err := d.earlier(plan.GetOutputs()[0].GetRelation())
	if err != nil {
		return Plan{}, err
	}
	return Plan{root}, nil
}

func (d *decoder) earlier(index uint32) (*relation, error) {
	if int(index) >= len(d.relations) {
		return nil, errorf(CodeInvalidArgument, "relation %d is named before it is written", index)
	}
	return d.relations[index], nil
}

func (d *decoder) node(index uint32) *node {
	if int(index) >= len(d.nodes) {
		return failed(errorf(CodeInvalidArgument, "expression %d is named before it is written", index), origin{})
	}
	return d.nodes[index]
}

func (d *decoder) list(indices []uint32) []*node {
	out := make([]*node, len(indices))
	for i, index := range indices {
		out[i] = d.node(index)
	}
	return out
}

func (d *decoder) relation(encoded *wire.Relation) (*relation, error) {
	d.nodes = nil
	for _, expression := range encoded.GetExpressions() {
		n, err := d.expression(expression)
		if err != nil {
			return nil, err
		}
		d.nodes = append(d.nodes, n)
	}
	if kind, ok := encoded.GetKind().(*wire.Relation_Scan); ok {
		if int(kind.Scan.GetInput()) >= len(d.inputs) {
			return nil, errorf(CodeInvalidArgument, "there is no input %d", kind.Scan.GetInput())
		}
		in := d.inputs[kind.Scan.GetInput()]
		out := scan(in.name, in.schema, Source{}, origin{}, nil).root
		out.input = in
		return out, nil
	}
	out := &relation{}
	reads, err := d.fill(out, encoded)
	if err != nil {
		return nil, err
	}
	for _, index := range reads {
		in, err := d.earlier(index)
		if err != nil {
			return nil, err
		}
		out.read(Plan{in})
	}
	out.rejects = decodeRejects(encoded.GetRejects())
	if len(out.inputs) > 0 {
		out.complete()
	}
	return out, nil
}

// fill reads what the relation says, and returns the relations that it reads.
func (d *decoder) fill(out *relation, encoded *wire.Relation) ([]uint32, error) {
	switch kind := encoded.GetKind().(type) {
	case *wire.Relation_Filter:
		out.kind, out.predicate = filterRelation, d.node(kind.Filter.GetPredicate())
		return []uint32{kind.Filter.GetRelation()}, nil
	case *wire.Relation_Project:
		out.kind, out.extend = projectRelation, kind.Project.GetExtend()
		out.columns = d.columns(kind.Project.GetColumns())
		return []uint32{kind.Project.GetRelation()}, nil
	case *wire.Relation_Aggregate:
		out.kind, out.columns = aggregateRelation, d.columns(kind.Aggregate.GetKeys())
		out.sorted = kind.Aggregate.GetSorted()
		for _, set := range kind.Aggregate.GetGroupingSets() {
			out.sets = append(out.sets, set.GetKeys())
		}
		out.measures = d.measures(kind.Aggregate.GetMeasures())
		return []uint32{kind.Aggregate.GetRelation()}, nil
	case *wire.Relation_Join:
		join := kind.Join
		out.kind, out.joinKind = joinRelation, JoinKind(join.GetKind())
		out.join = JoinOn{nullsEqual: join.GetNullsEqual(), suffix: join.GetRightSuffix()}
		for _, key := range join.GetKeys() {
			out.join.keys = append(out.join.keys, joinKey{key.GetLeft(), key.GetRight()})
		}
		if join.Residual != nil {
			out.predicate = d.node(join.GetResidual())
			out.join.condition = out.predicate
		}
		return []uint32{join.GetLeft(), join.GetRight()}, nil
	case *wire.Relation_AsOfJoin:
		return d.asOf(out, kind.AsOfJoin), nil
	case *wire.Relation_Sort:
		out.kind = sortRelation
		out.order = d.order(kind.Sort.GetKeys())
		return []uint32{kind.Sort.GetRelation()}, nil
	case *wire.Relation_Limit:
		out.kind, out.offset, out.count = limitRelation, kind.Limit.GetOffset(), kind.Limit.Count
		return []uint32{kind.Limit.GetRelation()}, nil
	case *wire.Relation_Union:
		out.kind = unionRelation
		return kind.Union.GetRelations(), nil
	case *wire.Relation_Distinct:
		out.kind, out.distinct = distinctRelation, kind.Distinct.GetColumns()
		if out.keep = kind.Distinct.GetKeep(); out.keep == wire.DistinctKeep_DISTINCT_KEEP_FIRST {
			out.keep = wire.DistinctKeep_DISTINCT_KEEP_UNSPECIFIED
		}
		return []uint32{kind.Distinct.GetRelation()}, nil
	}
	if reads := d.reshape(out, encoded); reads != nil {
		return reads, nil
	}
	return nil, errorf(CodeInvalidArgument, "a relation of the plan is of no known kind")
}

func (d *decoder) measures(encoded []*wire.Measure) []measure {
	out := make([]measure, len(encoded))
	for i, m := range encoded {
		out[i] = measure{
			function: m.GetFunction(), arguments: d.list(m.GetArguments()), options: m.GetOptions(), name: m.GetName(),
			distinct: m.GetDistinct(), order: d.order(m.GetOrder()),
		}
		if m.Filter != nil {
			out[i].filter = d.node(m.GetFilter())
		}
	}
	return out
}

func (d *decoder) order(encoded []*wire.SortKey) []SortKey {
	out := make([]SortKey, len(encoded))
	for i, key := range encoded {
		out[i] = SortKey{d.node(key.GetExpression()), key.GetDescending(), key.GetNullsFirst()}
	}
	return out
}

func (d *decoder) columns(encoded []*wire.NamedExpression) []column {
	out := make([]column, len(encoded))
	for i, c := range encoded {
		out[i] = column{d.node(c.GetExpression()), c.GetName()}
		if out[i].name == "" && out[i].node.kind == columnNode {
			out[i].name = out[i].node.text
		}
	}
	return out
}

func (d *decoder) expression(encoded *wire.Expression) (*node, error) {
	out := &node{}
	switch kind := encoded.GetKind().(type) {
	case *wire.Expression_Column:
		out.kind, out.text = columnNode, kind.Column
	case *wire.Expression_Literal:
		out.kind, out.literal = literalNode, kind.Literal
	case *wire.Expression_Call:
		out.kind, out.text, out.options = callNode, kind.Call.GetFunction(), kind.Call.GetOptions()
		out.arguments = d.list(kind.Call.GetArguments())
	case *wire.Expression_Cast:
		dataType, err := decodeType(kind.Cast.GetType(), 0)
		if err != nil {
			return nil, err
		}
		out.kind, out.dataType, out.try = castNode, dataType, kind.Cast.GetTry()
		out.arguments = []*node{d.node(kind.Cast.GetArgument())}
	case *wire.Expression_Parameter:
		dataType, err := decodeType(encoded.GetParameterType(), 0)
		if err != nil {
			return nil, err
		}
		out.kind, out.text, out.dataType = parameterNode, kind.Parameter, dataType
	case *wire.Expression_Element:
		out.kind, out.arguments = elementNode, []*node{d.node(kind.Element)}
	case *wire.Expression_Accumulator:
		out.kind, out.arguments = accumulatorNode, []*node{d.node(kind.Accumulator)}
	case *wire.Expression_ListCall:
		call := kind.ListCall
		out.kind, out.list = listNode, call.GetKind()
		out.arguments = []*node{d.node(call.GetList()), d.node(call.GetElement()), d.node(call.GetBody())}
		if call.Accumulator != nil {
			out.arguments = append(out.arguments, d.node(call.GetAccumulator()))
		}
	default:
		return nil, errorf(CodeInvalidArgument, "an expression of the plan is of no known kind")
	}
	for _, argument := range out.arguments {
		if argument.err != nil {
			return nil, argument.err
		}
	}
	return out, nil
}

// decodeScan reads what a query needs of an input.
func decodeScan(encoded *wire.ScanRequest) ScanRequest {
	out := ScanRequest{Columns: encoded.GetColumns(), Limit: -1}
	if encoded.Limit != nil {
		out.Limit = int64(min(encoded.GetLimit(), 1<<62))
	}
	if encoded.Filter == nil {
		return out
	}
	d := &decoder{}
	for _, expression := range encoded.GetExpressions() {
		n, err := d.expression(expression)
		if err != nil {
			return out // advisory: a filter that cannot be read is none
		}
		d.nodes = append(d.nodes, n)
	}
	if n := d.node(encoded.GetFilter()); n.err == nil {
		out.Filter = Expr{node: n}
	}
	return out
}
