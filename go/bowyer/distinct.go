// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"slices"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Keep says which of equal rows [Plan.DistinctKeep] keeps.
type Keep uint8

const (
	// KeepFirst keeps the first in the order of the input.
	KeepFirst Keep = iota
	// KeepLast keeps the last in the order of the input.
	KeepLast
	// KeepAny keeps whichever is found first: for rows that do not differ, or where it does not matter.
	KeepAny
)

// DistinctKeep keeps one row of each combination of the columns, the one that keep says; without columns, of all of them.
func (p Plan) DistinctKeep(keep Keep, columns ...string) Plan {
	return p.distinct(here(), keep, columns)
}

func (p Plan) distinct(where origin, keep Keep, columns []string) Plan {
	r := p.next(distinctRelation, where)
	r.distinct = slices.Clone(columns)
	switch keep {
	case KeepFirst:
	case KeepLast:
		r.keep = wire.DistinctKeep_DISTINCT_KEEP_LAST
	case KeepAny:
		r.keep = wire.DistinctKeep_DISTINCT_KEEP_ANY
	default:
		r.fail(errorf(CodeInvalidArgument, "Keep(%d) does not say which row to keep", keep), "keep")
	}
	return r.complete()
}

func keepText(keep wire.DistinctKeep) string {
	switch keep {
	case wire.DistinctKeep_DISTINCT_KEEP_ANY:
		return " keep any"
	case wire.DistinctKeep_DISTINCT_KEEP_LAST:
		return " keep last"
	}
	return ""
}
