// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// String writes the plan as one line a relation, each after those it reads; the numbers are those of error paths. A plan with a
// mistake is written as that mistake.
func (p Plan) String() string {
	encoded, _, err := encodePlan(p, false)
	if err != nil {
		return "invalid plan: " + err.Error()
	}
	var out strings.Builder
	for i, relation := range encoded.GetRelations() {
		t := newTexts(relation.GetExpressions())
		line := t.relation(encoded, relation)
		for _, shared := range t.lets {
			fmt.Fprintf(&out, "     %s\n", shared)
		}
		fmt.Fprintf(&out, "[%d] %s\n", i, line)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// String writes the expression as calls of functions; an operand that is used more than once is written once, before.
func (e Expr) String() string {
	if e.node == nil {
		return "empty"
	}
	if e.node.err != nil {
		return "invalid expression: " + e.node.err.Error()
	}
	enc := &encoder{plan: &wire.Plan{}, current: &wire.Relation{}, expressions: map[*node]uint32{}}
	root, err := enc.expression(e.node)
	if err != nil {
		return "invalid expression: " + err.Error()
	}
	t := newTexts(enc.current.GetExpressions())
	text := t.at(root)
	if e.name != "" {
		text += " as " + e.name
	}
	return strings.Join(append(t.lets, text), "; ")
}

// texts are the written expressions of one relation.
type texts struct {
	written []string
	lets    []string // "$3 = …": calls that are used more than once, so that text grows with the plan and not with its paths
}

func newTexts(expressions []*wire.Expression) *texts {
	uses := make([]int, len(expressions))
	for _, expression := range expressions {
		for _, argument := range argumentsOf(expression) {
			uses[argument]++
		}
	}
	t := &texts{}
	for i, expression := range expressions {
		text := t.expression(expression)
		if uses[i] > 1 && len(argumentsOf(expression)) > 0 {
			t.lets = append(t.lets, fmt.Sprintf("$%d = %s", i, text))
			text = fmt.Sprintf("$%d", i)
		}
		t.written = append(t.written, text)
	}
	return t
}

func argumentsOf(expression *wire.Expression) []uint32 {
	if cast := expression.GetCast(); cast != nil {
		return []uint32{cast.GetArgument()}
	}
	return expression.GetCall().GetArguments()
}

func (t *texts) at(index uint32) string { return t.written[index] }

func (t *texts) all(indices []uint32) string {
	out := make([]string, len(indices))
	for i, index := range indices {
		out[i] = t.at(index)
	}
	return strings.Join(out, ", ")
}

func (t *texts) expression(expression *wire.Expression) string {
	switch kind := expression.GetKind().(type) {
	case *wire.Expression_Column:
		return kind.Column
	case *wire.Expression_Literal:
		return literalText(kind.Literal)
	case *wire.Expression_Parameter:
		return "$" + kind.Parameter
	case *wire.Expression_Cast:
		verb := "cast"
		if kind.Cast.GetTry() {
			verb = "try_cast"
		}
		return fmt.Sprintf("%s(%s as %s)", verb, t.at(kind.Cast.GetArgument()), typeText(kind.Cast.GetType()))
	}
	call := expression.GetCall()
	return callText(call.GetFunction(), t.all(call.GetArguments()), call.GetOptions())
}

func callText(function, arguments string, options []*wire.Option) string {
	for _, option := range options {
		if arguments != "" {
			arguments += ", "
		}
		arguments += option.GetName() + "=" + literalText(option.GetValue())
	}
	return function + "(" + arguments + ")"
}

func typeText(field *wire.Field) string {
	dataType, err := decodeType(field, 0)
	if err != nil {
		return field.GetFormat()
	}
	return dataType.String()
}

func literalText(literal *wire.Literal) string {
	text := ""
	switch value := literal.GetValue().(type) {
	case *wire.Literal_Null:
		text = "null"
	case *wire.Literal_Boolean:
		text = strconv.FormatBool(value.Boolean)
	case *wire.Literal_Int64:
		text = strconv.FormatInt(value.Int64, 10)
	case *wire.Literal_Uint64:
		text = strconv.FormatUint(value.Uint64, 10)
	case *wire.Literal_Float64:
		text = strconv.FormatFloat(value.Float64, 'g', -1, 64)
	case *wire.Literal_Utf8:
		text = strconv.Quote(value.Utf8)
	case *wire.Literal_Binary:
		text = fmt.Sprintf("x'%x'", value.Binary)
	case *wire.Literal_Instant:
		text = time.Unix(value.Instant.GetSeconds(), int64(value.Instant.GetNanoseconds())).UTC().Format(time.RFC3339Nano)
	case *wire.Literal_List:
		items := make([]string, len(value.List.GetValues()))
		for i, item := range value.List.GetValues() {
			items[i] = literalText(item)
		}
		text = "[" + strings.Join(items, ", ") + "]"
	case *wire.Literal_Ipc:
		text = ipcText(value.Ipc)
	}
	if literal.GetType() != nil {
		text += " as " + typeText(literal.GetType())
	}
	return text
}

// ipcText writes a value that was encoded as a batch of one row.
func ipcText(content []byte) string {
	reader, err := ipc.NewReader(bytes.NewReader(content))
	if err != nil {
		return "value"
	}
	defer reader.Release()
	if !reader.Next() || reader.RecordBatch().NumCols() != 1 || reader.RecordBatch().NumRows() != 1 {
		return "value"
	}
	return reader.RecordBatch().Column(0).ValueStr(0)
}

func (t *texts) relation(plan *wire.Plan, relation *wire.Relation) string {
	switch kind := relation.GetKind().(type) {
	case *wire.Relation_Scan:
		return "scan " + plan.GetInputs()[kind.Scan.GetInput()].GetName()
	case *wire.Relation_Filter:
		return fmt.Sprintf("filter [%d] where %s", kind.Filter.GetRelation(), t.at(kind.Filter.GetPredicate()))
	case *wire.Relation_Project:
		verb := "select"
		if kind.Project.GetExtend() {
			verb = "with"
		}
		return fmt.Sprintf("%s [%d]: %s", verb, kind.Project.GetRelation(), t.columns(kind.Project.GetColumns()))
	case *wire.Relation_Aggregate:
		return t.aggregate(kind.Aggregate)
	case *wire.Relation_Join:
		return t.join(kind.Join)
	case *wire.Relation_AsOfJoin:
		return t.asOf(kind.AsOfJoin)
	case *wire.Relation_Sort:
		return fmt.Sprintf("sort [%d] by %s", kind.Sort.GetRelation(), t.order(kind.Sort.GetKeys()))
	case *wire.Relation_Limit:
		count := "all"
		if kind.Limit.Count != nil {
			count = strconv.FormatUint(kind.Limit.GetCount(), 10)
		}
		text := fmt.Sprintf("limit [%d] to %s", kind.Limit.GetRelation(), count)
		if offset := kind.Limit.GetOffset(); offset > 0 {
			text += fmt.Sprintf(" after %d", offset)
		}
		return text
	case *wire.Relation_Union:
		inputs := make([]string, len(kind.Union.GetRelations()))
		for i, input := range kind.Union.GetRelations() {
			inputs[i] = fmt.Sprintf("[%d]", input)
		}
		return "union " + strings.Join(inputs, " ")
	case *wire.Relation_Distinct:
		text := fmt.Sprintf("distinct [%d]", kind.Distinct.GetRelation())
		if columns := kind.Distinct.GetColumns(); len(columns) > 0 {
			text += " of " + strings.Join(columns, ", ")
		}
		return text + keepText(kind.Distinct.GetKeep())
	}
	return t.reshape(relation)
}

func (t *texts) columns(columns []*wire.NamedExpression) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = t.at(c.GetExpression())
		if out[i] != c.GetName() {
			out[i] += " as " + c.GetName()
		}
	}
	return strings.Join(out, ", ")
}

func (t *texts) aggregate(aggregate *wire.Aggregate) string {
	text := fmt.Sprintf("aggregate [%d]", aggregate.GetRelation())
	if aggregate.GetSorted() {
		text += " sorted"
	}
	if len(aggregate.GetKeys()) > 0 {
		text += " by " + t.columns(aggregate.GetKeys())
	}
	if sets := aggregate.GetGroupingSets(); len(sets) > 0 {
		text += " sets " + setsText(aggregate.GetKeys(), sets)
	}
	if len(aggregate.GetMeasures()) > 0 {
		text += ": " + t.measures(aggregate.GetMeasures())
	}
	return text
}

func (t *texts) measures(measures []*wire.Measure) string {
	out := make([]string, len(measures))
	for i, m := range measures {
		arguments := t.all(m.GetArguments())
		if m.GetDistinct() {
			arguments = "distinct " + arguments
		}
		out[i] = callText(m.GetFunction(), arguments, m.GetOptions())
		if m.Filter != nil {
			out[i] += " where " + t.at(m.GetFilter())
		}
		if len(m.GetOrder()) > 0 {
			out[i] += " by " + t.order(m.GetOrder())
		}
		out[i] += " as " + m.GetName()
	}
	return strings.Join(out, ", ")
}

func (t *texts) order(keys []*wire.SortKey) string {
	out := make([]string, len(keys))
	for i, key := range keys {
		out[i] = t.at(key.GetExpression())
		if key.GetDescending() {
			out[i] += " desc"
		}
		if key.GetNullsFirst() {
			out[i] += " nulls first"
		}
	}
	return strings.Join(out, ", ")
}

func setsText(keys []*wire.NamedExpression, sets []*wire.GroupingSet) string {
	texts := make([]string, len(sets))
	for i, set := range sets {
		names := make([]string, 0, len(set.GetKeys()))
		for _, key := range set.GetKeys() {
			if int(key) < len(keys) {
				names = append(names, keys[key].GetName())
			}
		}
		texts[i] = "[" + strings.Join(names, ", ") + "]"
	}
	return strings.Join(texts, ", ")
}

func (t *texts) join(join *wire.Join) string {
	keys := make([]string, len(join.GetKeys()))
	for i, key := range join.GetKeys() {
		keys[i] = key.GetLeft()
		if key.GetLeft() != key.GetRight() {
			keys[i] += " = " + key.GetRight()
		}
	}
	text := fmt.Sprintf("join [%d] %s [%d]", join.GetLeft(), JoinKind(join.GetKind()), join.GetRight())
	if len(keys) > 0 {
		text += " on " + strings.Join(keys, ", ")
	}
	if join.Residual != nil {
		text += " where " + t.at(join.GetResidual())
	}
	if join.GetNullsEqual() {
		text += ", nulls equal"
	}
	if suffix := join.GetRightSuffix(); suffix != "" {
		text += ", suffix " + suffix
	}
	return text
}
