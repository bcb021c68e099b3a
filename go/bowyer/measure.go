// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"maps"
	"slices"
	"strings"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Measure is an aggregate of a group, for [Grouped.Agg]. Nulls are skipped unless an option says otherwise. Its column is
// named by As; else after the column it aggregates, as "amount_sum". Any other measure without a name is refused.
type Measure struct {
	function  string
	arguments []*node
	options   Options
	name      string
	filter    *node
	distinct  bool
	order     []SortKey
	where     origin
	err       *Error
}

// Sum is the sum; it fails when it does not fit its type.
func Sum[R Reference](column R) Measure { return measureOf(here(), "sum_checked", "sum", nil, column) }

// Mean is the mean.
func Mean[R Reference](column R) Measure { return measureOf(here(), "mean", "mean", nil, column) }

// Min is the least value.
func Min[R Reference](column R) Measure { return measureOf(here(), "min", "min", nil, column) }

// Max is the greatest value.
func Max[R Reference](column R) Measure { return measureOf(here(), "max", "max", nil, column) }

// Count is the number of values that are not null.
func Count[R Reference](column R) Measure { return measureOf(here(), "count", "count", nil, column) }

// CountAll is the number of rows. Its column is named "count" unless As names it.
func CountAll() Measure { return Measure{function: "count_all", name: "count", where: here()} }

// CountDistinct is the number of different values that are not null.
func CountDistinct[R Reference](column R) Measure {
	return measureOf(here(), "count_distinct", "count_distinct", nil, column)
}

// Median is the exact median, interpolated linearly between the two middle values.
func Median[R Reference](column R) Measure { return measureOf(here(), "median", "median", nil, column) }

// Quantile is the exact quantile at q, 0 to 1, interpolated linearly between neighbours.
func Quantile[R Reference](column R, q float64) Measure {
	where := here()
	measure := measureOf(where, "quantile", "quantile", Options{"q": q}, column)
	if (q < 0 || q > 1 || q != q) && measure.err == nil {
		measure.err = errorf(CodeInvalidArgument, "Quantile: q is %v, but must lie in 0 to 1", q).at(where)
	}
	return measure
}

// StdDev is the standard deviation of the population; Option("ddof", 1) makes it that of a sample.
func StdDev[R Reference](column R) Measure { return measureOf(here(), "stddev", "stddev", nil, column) }

// Variance is the variance of the population; Option("ddof", 1) makes it that of a sample.
func Variance[R Reference](column R) Measure {
	return measureOf(here(), "variance", "variance", nil, column)
}

// First is the first value in input order that is not null.
func First[R Reference](column R) Measure { return measureOf(here(), "first", "first", nil, column) }

// Last is the last value in input order that is not null.
func Last[R Reference](column R) Measure { return measureOf(here(), "last", "last", nil, column) }

// Any is whether one value is true.
func Any[R Reference](column R) Measure { return measureOf(here(), "any", "any", nil, column) }

// All is whether all values are true.
func All[R Reference](column R) Measure { return measureOf(here(), "all", "all", nil, column) }

// Aggregate calls any aggregate function of the manual by its name. Arguments are column expressions; options may be nil.
func Aggregate(function string, options Options, arguments ...Expr) Measure {
	where := here()
	measure := Measure{function: function, options: options, where: where}
	for _, argument := range arguments {
		measure.arguments = append(measure.arguments, operand(argument, where))
	}
	measure.nameAfter(function)
	if function == "" {
		measure.err = errorf(CodeInvalidArgument, "an aggregate needs the name of a function").at(where)
	}
	return measure
}

// As names the measure's column.
func (m Measure) As(name string) Measure {
	if name == "" && m.err == nil {
		m.err = errorf(CodeInvalidArgument, "As needs a name").at(here())
	}
	m.name = name
	return m
}

// Option sets an option of the aggregate function, as Option("min_count", 3).
func (m Measure) Option(name string, value any) Measure {
	options := maps.Clone(m.options)
	if options == nil {
		options = Options{}
	}
	options[name] = value
	m.options = options
	return m
}

func measureOf[R Reference](where origin, function, short string, options Options, column R) Measure {
	argument, _ := referenceOf(column, where)
	measure := Measure{function: function, arguments: []*node{argument}, options: options, where: where}
	measure.nameAfter(short)
	return measure
}

// nameAfter gives the name that a measure has without As; an argument that is no column gives none.
func (m *Measure) nameAfter(function string) {
	names := make([]string, 0, len(m.arguments)+1)
	for _, argument := range m.arguments {
		if argument.kind != columnNode {
			return
		}
		names = append(names, argument.text)
	}
	m.name = strings.Join(append(names, function), "_")
}

// measure is a checked Measure inside a plan.
type measure struct {
	function  string
	arguments []*node
	options   []*wire.Option
	name      string
	filter    *node
	distinct  bool
	order     []SortKey
	where     origin
}

// check returns the measure as a plan holds it.
func (m Measure) check() (measure, *Error) {
	if m.err != nil {
		return measure{}, m.err
	}
	if m.function == "" {
		return measure{}, errorf(CodeInvalidArgument, "an empty Measure is used: start one with Sum, Count or another aggregate")
	}
	for _, argument := range m.arguments {
		if argument.err != nil {
			return measure{}, argument.err
		}
	}
	if m.filter != nil && m.filter.err != nil {
		return measure{}, m.filter.err
	}
	for _, key := range m.order {
		if key.node.err != nil {
			return measure{}, key.node.err
		}
	}
	if m.name == "" {
		err := errorf(CodeInvalidArgument, "the aggregate of an expression needs a name: add As")
		err.Function = m.function
		return measure{}, err.at(m.where)
	}
	options, err := encodeOptions(m.options)
	if err != nil {
		err.Function = m.function
		return measure{}, err.at(m.where)
	}
	return measure{m.function, slices.Clone(m.arguments), options, m.name, m.filter, m.distinct, m.order, m.where}, nil
}
