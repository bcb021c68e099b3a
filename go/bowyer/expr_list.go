// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import "github.com/bowyer-arrow/bowyer/go/internal/wire"

// ListTransform gives lists with what body makes of each element. The function is called once, with an expression that
// stands for the element; what it returns may read columns too, which are those of the list's row:
//
//	bowyer.Col("prices").ListTransform(func(price bowyer.Expr) bowyer.Expr { return price.Mul(bowyer.Col("rate")) })
//
// A null list stays null. Nothing is computed for what lies beneath it, nor for a row without elements. Bodies nest: an
// element that is a list has elements of its own. An element that is used outside its body is refused.
func (e Expr) ListTransform(body func(element Expr) Expr) Expr {
	return listCallOf(here(), wire.ListCallKind_LIST_CALL_KIND_TRANSFORM, e, body)
}

// ListFilter gives lists of the elements for which predicate is true, as [Expr.ListTransform] gives lists of what a body makes
// of them.
func (e Expr) ListFilter(predicate func(element Expr) Expr) Expr {
	return listCallOf(here(), wire.ListCallKind_LIST_CALL_KIND_FILTER, e, predicate)
}

// ListReduce gives what body makes of initial and the first element, then of that and the second, and so on; for a list without
// elements it gives initial. The body is of the type of initial: a literal is an int64, a double or a string, as it is
// written, and [LitOf] gives it another type.
func (e Expr) ListReduce(initial any, body func(accumulator, element Expr) Expr) Expr {
	where := here()
	if body == nil {
		return Expr{node: failed(errorf(CodeInvalidArgument, "a list expression needs a body"), where)}
	}
	list, start := operand(e, where), operand(initial, where)
	element := &node{kind: elementNode, arguments: []*node{list}, where: where, err: list.err}
	accumulator := &node{kind: accumulatorNode, arguments: []*node{start}, where: where, err: start.err}
	made := operand(body(Expr{node: accumulator}, Expr{node: element}), where)
	return listNodeOf(where, wire.ListCallKind_LIST_CALL_KIND_REDUCE, list, element, made, accumulator)
}

func listCallOf(where origin, kind wire.ListCallKind, e Expr, body func(Expr) Expr) Expr {
	if body == nil {
		return Expr{node: failed(errorf(CodeInvalidArgument, "a list expression needs a body"), where)}
	}
	list := operand(e, where)
	element := &node{kind: elementNode, arguments: []*node{list}, where: where, err: list.err}
	return listNodeOf(where, kind, list, element, operand(body(Expr{node: element}), where))
}

func listNodeOf(where origin, kind wire.ListCallKind, arguments ...*node) Expr {
	call := &node{kind: listNode, list: kind, arguments: arguments, where: where}
	for _, argument := range arguments {
		if call.err == nil {
			call.err = argument.err
		}
	}
	return Expr{node: call}
}
