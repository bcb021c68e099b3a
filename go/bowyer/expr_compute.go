// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

// Arithmetic is checked: a result that does not fit its type, and an integer divided by zero, fail the query and name the row.
// Func gives the wrapping forms ("add", "multiply").

// Add is the sum.
func (e Expr) Add(other any) Expr { return Expr{node: callOf(here(), "add_checked", nil, e, other)} }

// Sub is the difference.
func (e Expr) Sub(other any) Expr {
	return Expr{node: callOf(here(), "subtract_checked", nil, e, other)}
}

// Mul is the product.
func (e Expr) Mul(other any) Expr {
	return Expr{node: callOf(here(), "multiply_checked", nil, e, other)}
}

// Div is the quotient; of two integers it is cut towards zero.
func (e Expr) Div(other any) Expr { return Expr{node: callOf(here(), "divide_checked", nil, e, other)} }

// Neg is the expression with its sign turned.
func (e Expr) Neg() Expr { return Expr{node: callOf(here(), "negate_checked", nil, e)} }

// Abs is the absolute value.
func (e Expr) Abs() Expr { return Expr{node: callOf(here(), "abs_checked", nil, e)} }

// Round rounds to that many digits after the point, halves to even; negative digits round before the point.
func (e Expr) Round(digits int) Expr {
	return Expr{node: callOf(here(), "round", Options{"ndigits": digits}, e)}
}

// Lower is the text in lower case.
func (e Expr) Lower() Expr { return Expr{node: callOf(here(), "utf8_lower", nil, e)} }

// Upper is the text in upper case.
func (e Expr) Upper() Expr { return Expr{node: callOf(here(), "utf8_upper", nil, e)} }

// Trim is the text without white space at both ends.
func (e Expr) Trim() Expr { return Expr{node: callOf(here(), "utf8_trim_whitespace", nil, e)} }

// Length is the number of code points of the text.
func (e Expr) Length() Expr { return Expr{node: callOf(here(), "utf8_length", nil, e)} }

// Slice is the part of the text from code point start up to stop, not included; negative numbers count from the end.
func (e Expr) Slice(start, stop int) Expr {
	return Expr{node: callOf(here(), "utf8_slice_codeunits", Options{"start": start, "stop": stop}, e)}
}

// Contains is whether the text holds pattern, taken literally.
func (e Expr) Contains(pattern string) Expr {
	return Expr{node: callOf(here(), "match_substring", Options{"pattern": pattern}, e)}
}

// StartsWith is whether the text begins with pattern, taken literally.
func (e Expr) StartsWith(pattern string) Expr {
	return Expr{node: callOf(here(), "starts_with", Options{"pattern": pattern}, e)}
}

// EndsWith is whether the text ends with pattern, taken literally.
func (e Expr) EndsWith(pattern string) Expr {
	return Expr{node: callOf(here(), "ends_with", Options{"pattern": pattern}, e)}
}

// Year is the year of a date or timestamp, in its zone.
func (e Expr) Year() Expr { return Expr{node: callOf(here(), "year", nil, e)} }

// Month is the month of a date or timestamp, 1 to 12, in its zone.
func (e Expr) Month() Expr { return Expr{node: callOf(here(), "month", nil, e)} }

// Day is the day of the month of a date or timestamp, 1 to 31, in its zone.
func (e Expr) Day() Expr { return Expr{node: callOf(here(), "day", nil, e)} }

// Hour is the hour of a time or timestamp, in its zone.
func (e Expr) Hour() Expr { return Expr{node: callOf(here(), "hour", nil, e)} }

// Minute is the minute of a time or timestamp, in its zone.
func (e Expr) Minute() Expr { return Expr{node: callOf(here(), "minute", nil, e)} }

// Second is the second of a time or timestamp, without its fraction.
func (e Expr) Second() Expr { return Expr{node: callOf(here(), "second", nil, e)} }

// DayOfWeek is the day of the week of a date or timestamp: Monday is 0.
func (e Expr) DayOfWeek() Expr { return Expr{node: callOf(here(), "day_of_week", nil, e)} }

// TruncTo is the start of the unit that a date or timestamp lies in: "year", "quarter", "month", "week", "day", "hour",
// "minute", "second", "millisecond", "microsecond" or "nanosecond".
func (e Expr) TruncTo(unit string) Expr {
	return Expr{node: callOf(here(), "floor_temporal", Options{"unit": unit}, e)}
}
