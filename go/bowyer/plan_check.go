// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What can be checked without the engine: names, and what expressions say of themselves. Types are the engine's.

func failedPlan(err *Error, where origin) Plan {
	return Plan{&relation{kind: scanRelation, where: where, err: err.at(where)}}
}

// next starts a relation that reads the plan.
func (p Plan) next(kind relationKind, where origin) *relation {
	r := &relation{kind: kind, where: where}
	r.read(p)
	return r
}

// read adds an input, whose error becomes the relation's.
func (r *relation) read(p Plan) {
	if p.root == nil {
		r.fail(asError(p.Err()), "")
		return
	}
	r.inputs = append(r.inputs, p.root)
	if r.err == nil {
		r.err = p.root.err
	}
}

// fail records the relation's error, unless there is one already, and forgets the names.
func (r *relation) fail(err *Error, part string) {
	if r.err != nil {
		return
	}
	if err.Path == "" {
		copied := *err // an expression may stand in many plans
		err = &copied
		verb := relationNames[r.kind]
		if r.extend {
			verb = "with"
		}
		err.Path = fmt.Sprintf("%s[%d]", verb, r.position())
		if part != "" {
			err.Path += "." + part
		}
	}
	r.err = err.at(r.where)
	r.names = nil
}

// position is the index that the relation has in its plan.
func (r *relation) position() int {
	seen := map[*relation]bool{}
	var count func(*relation)
	count = func(next *relation) {
		if !seen[next] {
			seen[next] = true
			for _, input := range next.inputs {
				count(input)
			}
		}
	}
	count(r)
	return len(seen) - 1
}

// complete checks the relation and finds the names of its columns.
func (r *relation) complete() Plan {
	if r.err != nil {
		return Plan{r}
	}
	switch r.kind {
	case filterRelation:
		r.checkNode(r.predicate, "predicate")
	case projectRelation:
		r.checkProject()
	case aggregateRelation:
		r.checkAggregate()
	case joinRelation:
		r.checkJoin()
	case asOfRelation:
		r.checkAsOf()
	case sortRelation:
		r.checkSort()
	case windowRelation:
		r.checkWindow()
	case unionRelation:
		r.checkUnion()
	case distinctRelation:
		for _, name := range r.distinct {
			r.checkNameIn(0, name, "columns", r.where)
		}
		if duplicate, ok := firstDuplicate(r.distinct); ok {
			r.fail(duplicateName(duplicate), "columns")
		}
	case scanRelation, limitRelation:
	default:
		r.checkReshape()
	}
	r.unknown = r.err == nil && (r.unknown || r.passesUnknown())
	if r.err == nil && r.names == nil && len(r.inputs) > 0 {
		r.names = r.inputs[0].names
	}
	return Plan{r}
}

// readsUnknown reports whether an input has columns that only the engine can name.
func (r *relation) readsUnknown() bool {
	return slices.ContainsFunc(r.inputs, func(input *relation) bool { return input.unknown })
}

// passesUnknown reports whether such columns are among the relation's own.
func (r *relation) passesUnknown() bool {
	switch r.kind {
	case aggregateRelation, pivotRelation:
		return false
	case projectRelation:
		return r.extend && r.readsUnknown()
	}
	return r.readsUnknown()
}

func (r *relation) checkProject() {
	if len(r.columns) == 0 {
		r.fail(errorf(CodeInvalidArgument, "a projection needs at least one column"), "")
	}
	r.checkColumns("columns")
	if r.err != nil {
		return
	}
	if !r.extend {
		r.names = namesOf(r.columns)
		return
	}
	r.names = slices.Clone(r.inputs[0].names)
	for _, added := range r.columns {
		if !slices.Contains(r.names, added.name) {
			r.names = append(r.names, added.name)
		}
	}
}

func (r *relation) checkAggregate() {
	if len(r.columns)+len(r.measures) == 0 {
		r.fail(errorf(CodeInvalidArgument, "an aggregate needs a key or a measure"), "")
	}
	r.checkColumns("keys")
	for i, m := range r.measures {
		r.checkMeasure(m, fmt.Sprintf("measures[%d]", i))
	}
	if r.err != nil {
		return
	}
	r.names = namesOf(r.columns)
	if len(r.sets) > 0 {
		r.names = append(r.names, "grouping_id")
	}
	for _, m := range r.measures {
		r.names = append(r.names, m.name)
	}
	r.checkDuplicates("measures")
}

func (r *relation) checkSort() {
	if len(r.order) == 0 {
		r.fail(errorf(CodeInvalidArgument, "a sort needs at least one key"), "")
	}
	r.checkOrder("keys")
}

func (r *relation) checkOrder(part string) {
	for i, key := range r.order {
		path := fmt.Sprintf("%s[%d]", part, i)
		if key.node == nil {
			r.fail(errorf(CodeInvalidArgument, "an empty SortKey is used: start one with Asc or Desc"), path)
			return
		}
		r.checkNode(key.node, path)
	}
}

func (r *relation) checkUnion() {
	if r.readsUnknown() {
		return
	}
	first := r.inputs[0].names
	for i, other := range r.inputs[1:] {
		if !slices.Equal(other.names, first) {
			r.fail(errorf(CodeInvalidArgument, "relation %d of the %s has columns %s, but the first has %s",
				i+1, relationNames[r.kind], listOf(other.names), listOf(first)), "")
		}
	}
}

// checkNode checks an expression over the first input's columns.
func (r *relation) checkNode(root *node, part string) {
	r.checkNodeOver(r.inputs[0].names, root, part)
}

// checkNodeOver checks an expression over columns of these names.
func (r *relation) checkNodeOver(names []string, root *node, part string) {
	if r.err != nil {
		return
	}
	if root.err != nil {
		r.fail(root.err, part)
		return
	}
	seen := map[*node]bool{}
	var visit func(*node)
	visit = func(n *node) {
		if seen[n] || r.err != nil {
			return
		}
		seen[n] = true
		if n.kind == columnNode {
			r.checkName(names, n.text, part, n.where)
		}
		for _, argument := range n.arguments {
			visit(argument)
		}
	}
	visit(root)
}

// checkNameIn checks that an input has a column of that name.
func (r *relation) checkNameIn(input int, name, part string, where origin) {
	r.checkName(r.inputs[input].names, name, part, where)
}

func (r *relation) checkName(names []string, name, part string, where origin) {
	if r.err != nil {
		return
	}
	if r.readsUnknown() || slices.Contains(names, name) {
		return
	}
	err := errorf(CodeNotFound, "no column %q%s", name, hint(names, name))
	err.Column = name
	r.fail(err.at(where), part)
}

// hint names the column that was probably meant, or those there are.
func hint(names []string, name string) string { return hintOf("columns", names, name) }

func hintOf(what string, names []string, name string) string {
	best, distance := "", 3
	for _, candidate := range names {
		if d := editDistance(strings.ToLower(candidate), strings.ToLower(name)); d < distance {
			best, distance = candidate, d
		}
	}
	if best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": the " + what + " are " + listOf(names)
}

// editDistance is the number of bytes to insert, remove or change to make a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// listOf quotes names, at most a dozen of them.
func listOf(names []string) string {
	const most = 12
	quoted := make([]string, 0, most+1)
	for _, name := range names[:min(len(names), most)] {
		quoted = append(quoted, strconv.Quote(name))
	}
	if len(names) > most {
		quoted = append(quoted, fmt.Sprintf("and %d more", len(names)-most))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// addColumns adds names and expressions as columns.
func (r *relation) addColumns(columns []any, part string) {
	for i, given := range columns {
		var added column
		switch v := given.(type) {
		case string:
			added = column{columnOf(v, r.where), v}
		case Expr:
			added = column{operand(v, r.where), v.name}
		default:
			r.fail(errorf(CodeInvalidArgument, "a column is given as %T, but must be a name or an Expr", given), fmt.Sprintf("%s[%d]", part, i))
			return
		}
		if added.name == "" && added.node.kind == columnNode {
			added.name = added.node.text
		}
		r.columns = append(r.columns, added)
	}
}

func (r *relation) checkColumns(part string) {
	for i, c := range r.columns {
		path := fmt.Sprintf("%s[%d]", part, i)
		r.checkNode(c.node, path)
		if c.name == "" {
			r.fail(errorf(CodeInvalidArgument, "a computed column needs a name: add As").at(c.node.where), path)
		}
	}
	if duplicate, ok := firstDuplicate(namesOf(r.columns)); ok {
		r.fail(duplicateName(duplicate), part)
	}
}

func (r *relation) checkDuplicates(part string) {
	if duplicate, ok := firstDuplicate(r.names); ok {
		r.fail(duplicateName(duplicate), part)
	}
}

func duplicateName(name string) *Error {
	err := errorf(CodeInvalidArgument, "two columns have the name %q", name)
	err.Column = name
	return err
}

func firstDuplicate(names []string) (string, bool) {
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			return name, true
		}
		seen[name] = true
	}
	return "", false
}

func namesOf(columns []column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

func anyOf(columns []Expr) []any {
	out := make([]any, len(columns))
	for i, c := range columns {
		out[i] = c
	}
	return out
}
