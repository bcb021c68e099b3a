// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Expr is an expression over the columns of a plan. It is a small immutable value: methods return new expressions that share
// their operands, and a shared operand is computed once. The zero Expr is refused where it is used.
//
// Operands of methods are any: an Expr, or a Go value that becomes a literal as by [Lit]. What is wrong with an expression is
// told by [Plan.Err] of the plan that uses it, and names the line that wrote it.
type Expr struct {
	node *node
	name string // by As; empty: a column keeps its name
}

// Reference is what names a column where nothing else is meant: the column's name, or an expression.
type Reference interface{ string | Expr }

type nodeKind uint8

const (
	columnNode nodeKind = iota
	literalNode
	callNode
	castNode
	parameterNode
	elementNode     // its argument: the list
	accumulatorNode // its argument: the initial value
	listNode        // its arguments: the list, the element, the body; of a reduce the accumulator too
)

// node is an immutable expression; equal nodes need not be one, but one node is computed once.
type node struct {
	kind      nodeKind
	try       bool // of a cast
	list      wire.ListCallKind
	text      string // the column, function or parameter
	literal   *wire.Literal
	options   []*wire.Option
	arguments []*node
	dataType  arrow.DataType // of a cast or parameter
	where     origin
	err       *Error // the first error of this node or its operands
}

// Col is the column of that name.
func Col(name string) Expr {
	return Expr{node: columnOf(name, here())}
}

// Lit is a constant: nil, a bool, an integer, a float, a string, a []byte, a time.Time, a time.Duration, a date, or a
// scalar.Scalar. Without a type of its own it takes the type of the operand beside it where it is exactly representable there.
func Lit(value any) Expr {
	return Expr{node: operand(value, here())}
}

// LitOf is a constant of an explicit type. Integers stand for dates, times, timestamps and durations in the type's unit;
// nil is a null of the type.
func LitOf(dataType arrow.DataType, value any) Expr {
	where := here()
	literal, err := typedLiteral(dataType, value)
	if err != nil {
		return Expr{node: failed(err, where)}
	}
	return Expr{node: &node{kind: literalNode, literal: literal, where: where}}
}

// Param is a value of that type that each run binds by name, with [Params].
func Param(name string, dataType arrow.DataType) Expr {
	where := here()
	switch {
	case name == "":
		return Expr{node: failed(errorf(CodeInvalidArgument, "a parameter needs a name"), where)}
	case dataType == nil:
		return Expr{node: failed(errorf(CodeInvalidArgument, "parameter %q needs a type", name), where)}
	}
	return Expr{node: &node{kind: parameterNode, text: name, dataType: dataType, where: where}}
}

// Func calls any scalar function of the manual by its name. Arguments are operands as of the methods; options may be nil.
func Func(name string, options Options, arguments ...any) Expr {
	return Expr{node: callOf(here(), name, options, arguments...)}
}

// If is then where condition is true, and otherwise where it is false or null. Each is only computed for the rows it is taken for.
func If(condition Expr, then, otherwise any) Expr {
	return Expr{node: callOf(here(), "if_else", nil, condition, then, otherwise)}
}

// Coalesce is the first of its operands that is not null.
func Coalesce(operands ...any) Expr {
	where := here()
	if len(operands) == 0 {
		return Expr{node: failed(errorf(CodeInvalidArgument, "Coalesce needs at least one operand"), where)}
	}
	return Expr{node: callOf(where, "coalesce", nil, operands...)}
}

// As names the expression as a column of a Select, With or GroupBy. Elsewhere the name is not used.
func (e Expr) As(name string) Expr {
	if name == "" {
		return Expr{node: failed(errorf(CodeInvalidArgument, "As needs a name"), here())}
	}
	return Expr{node: e.node, name: name}
}

// Cast converts to a type and fails on the first value that the type cannot hold.
func (e Expr) Cast(dataType arrow.DataType) Expr {
	return castOf(here(), e, dataType, false)
}

// TryCast converts to a type and gives null for a value that the type cannot hold.
func (e Expr) TryCast(dataType arrow.DataType) Expr {
	return castOf(here(), e, dataType, true)
}

func castOf(where origin, e Expr, dataType arrow.DataType, try bool) Expr {
	if dataType == nil {
		return Expr{node: failed(errorf(CodeInvalidArgument, "a cast needs a type"), where)}
	}
	argument := operand(e, where)
	return Expr{node: &node{
		kind: castNode, try: try, arguments: []*node{argument}, dataType: dataType, where: where, err: argument.err,
	}}
}

func columnOf(name string, where origin) *node {
	if name == "" {
		return failed(errorf(CodeInvalidArgument, "a column reference needs a name"), where)
	}
	return &node{kind: columnNode, text: name, where: where}
}

// referenceOf is the node of a column's name or of an expression, and the name given by As.
func referenceOf[R Reference](reference R, where origin) (*node, string) {
	switch v := any(reference).(type) {
	case string:
		return columnOf(v, where), ""
	case Expr:
		return operand(v, where), v.name
	}
	return failed(errorf(CodeInternal, "a reference of an unknown kind"), where), ""
}

// operand is the node of an Expr, or of the literal that a Go value is.
func operand(value any, where origin) *node {
	switch v := value.(type) {
	case Expr:
		if v.node == nil {
			return failed(errorf(CodeInvalidArgument, "an empty Expr is used: start one with Col, Lit or Func"), where)
		}
		return v.node
	case Measure:
		return failed(errorf(CodeInvalidArgument, "an aggregate stands inside an expression: compute it with GroupBy().Agg, and use its column"), where)
	}
	literal, err := literalOf(value)
	if err != nil {
		return failed(err, where)
	}
	return &node{kind: literalNode, literal: literal, where: where}
}

// failed is an expression that carries an error instead of a meaning.
func failed(err *Error, where origin) *node {
	return &node{kind: literalNode, where: where, err: err.at(where)}
}

func callOf(where origin, function string, options Options, arguments ...any) *node {
	if function == "" {
		return failed(errorf(CodeInvalidArgument, "a call needs the name of a function"), where)
	}
	encoded, err := encodeOptions(options)
	if err != nil {
		err.Function = function
		return failed(err, where)
	}
	call := &node{kind: callNode, text: function, options: encoded, where: where, arguments: make([]*node, len(arguments))}
	for i, argument := range arguments {
		call.arguments[i] = operand(argument, where)
		if call.err == nil {
			call.err = call.arguments[i].err
		}
	}
	return call
}
