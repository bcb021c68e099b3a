// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

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
