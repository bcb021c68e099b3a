// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"fmt"
	"slices"
)

// Filter makes the measure one of the rows for which predicate is true; null is not. The other rows are not given to its
// arguments either, so what would fail there does not. A group without such rows stays, with what the aggregate gives
// for no rows. A second Filter replaces the first.
func (m Measure) Filter(predicate Expr) Measure {
	m.filter = operand(predicate, here())
	return m
}

// Distinct makes the measure one of the different values in each group: rows that are equal in its arguments count once, as
// the first of them. Values are equal as keys are: NaN equals NaN, and -0.0 equals 0.0.
func (m Measure) Distinct() Measure {
	if len(m.arguments) == 0 && m.err == nil && m.function != "" {
		m.err = errorf(CodeInvalidArgument, "Distinct: an aggregate without arguments has nothing to be distinct").at(here())
	}
	m.distinct = true
	return m
}

// OrderBy gives the measure the rows of each group in this order, which [First], [Last] and aggregates that make lists and texts
// depend on. Ties keep the order of the input. In [Plan.Window] it is refused: functions take the window's order.
func (m Measure) OrderBy(keys ...SortKey) Measure {
	m.order = slices.Clone(keys)
	return m
}

// checkMeasure checks what a measure reads.
func (r *relation) checkMeasure(m measure, path string) {
	for _, argument := range m.arguments {
		r.checkNode(argument, path)
	}
	if m.filter != nil {
		r.checkNode(m.filter, path+".filter")
	}
	for i, key := range m.order {
		r.checkNode(key.node, fmt.Sprintf("%s.order[%d]", path, i))
	}
}
