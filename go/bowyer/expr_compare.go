// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

// Comparisons are IEEE for floats: NaN equals nothing, −0.0 equals 0.0. A null operand gives null. Logic is Kleene's: false
// and null is false, true or null is true.

// Eq is whether the two are equal.
func (e Expr) Eq(other any) Expr { return compare(here(), "equal", e, other) }

// Ne is whether the two differ.
func (e Expr) Ne(other any) Expr { return compare(here(), "not_equal", e, other) }

// Gt is whether the expression is greater than other.
func (e Expr) Gt(other any) Expr { return compare(here(), "greater", e, other) }

// Ge is whether the expression is greater than or equal to other.
func (e Expr) Ge(other any) Expr { return compare(here(), "greater_equal", e, other) }

// Lt is whether the expression is less than other.
func (e Expr) Lt(other any) Expr { return compare(here(), "less", e, other) }

// Le is whether the expression is less than or equal to other.
func (e Expr) Le(other any) Expr { return compare(here(), "less_equal", e, other) }

// Between is whether the expression lies in low..=high.
func (e Expr) Between(low, high any) Expr {
	where := here()
	from, to := compare(where, "greater_equal", e, low), compare(where, "less_equal", e, high)
	return Expr{node: callOf(where, "and_kleene", nil, from, to)}
}

// IsIn is whether the expression equals one of the values; it is null for a null.
func (e Expr) IsIn(values ...any) Expr {
	where := here()
	if len(values) == 0 {
		return Expr{node: failed(errorf(CodeInvalidArgument, "IsIn needs at least one value"), where)}
	}
	tests := make([]Expr, len(values))
	for i, value := range values {
		tests[i] = compare(where, "equal", e, value)
	}
	for len(tests) > 1 { // pairs of pairs: the depth grows with the logarithm of the values
		half := make([]Expr, 0, (len(tests)+1)/2)
		for i := 0; i+1 < len(tests); i += 2 {
			half = append(half, Expr{node: callOf(where, "or_kleene", nil, tests[i], tests[i+1])})
		}
		if len(tests)%2 == 1 {
			half = append(half, tests[len(tests)-1])
		}
		tests = half
	}
	return tests[0]
}

// And is true where both are true. The other is only computed for rows that this side leaves undecided.
func (e Expr) And(other any) Expr { return Expr{node: callOf(here(), "and_kleene", nil, e, other)} }

// Or is true where one is true. The other is only computed for rows that this side leaves undecided.
func (e Expr) Or(other any) Expr { return Expr{node: callOf(here(), "or_kleene", nil, e, other)} }

// Not is the negation; null stays null.
func (e Expr) Not() Expr { return Expr{node: callOf(here(), "invert", nil, e)} }

// IsNull is whether the value is null; never null itself.
func (e Expr) IsNull() Expr { return Expr{node: callOf(here(), "is_null", nil, e)} }

// IsValid is whether the value is not null; never null itself.
func (e Expr) IsValid() Expr { return Expr{node: callOf(here(), "is_valid", nil, e)} }

// FillNull is the expression with its nulls replaced by value.
func (e Expr) FillNull(value any) Expr { return Expr{node: callOf(here(), "coalesce", nil, e, value)} }

func compare(where origin, function string, e Expr, other any) Expr {
	if other == nil {
		err := errorf(CodeInvalidArgument, "comparing with nil is null for every row: use IsNull or IsValid")
		err.Function = function
		return Expr{node: failed(err, where)}
	}
	return Expr{node: callOf(where, function, nil, e, other)}
}
