// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"fmt"
	"slices"
)

// JoinKind says which rows a join gives.
type JoinKind uint8

const (
	// Inner gives the pairs of rows that match.
	Inner JoinKind = iota + 1
	// Left gives those, and every other left row with nulls on the right.
	Left
	// LeftSemi gives the left rows that match, once each.
	LeftSemi
	// LeftAnti gives the left rows that match nothing.
	LeftAnti
	// Right gives the pairs, and every other right row with nulls on the left.
	Right
	// Full gives the pairs, and every other row of either side with nulls on the other.
	Full
	// RightSemi gives the right rows that match, once each.
	RightSemi
	// RightAnti gives the right rows that match nothing.
	RightAnti
	// LeftAntiNullAware gives the left rows whose key is known not to be on the right, as NOT IN of SQL does: a null key on the
	// right leaves none, and a left row with a null key stays only where the right side is empty. It takes one key.
	LeftAntiNullAware
	// Cross gives all pairs. It takes no keys.
	Cross
)

var joinNames = [...]string{
	"unspecified", "inner", "left", "left semi", "left anti", "right", "full", "right semi", "right anti", "left anti null-aware", "cross",
}

// String returns the kind as plans print it.
func (k JoinKind) String() string {
	if int(k) < len(joinNames) {
		return joinNames[k]
	}
	return fmt.Sprintf("JoinKind(%d)", uint8(k))
}

// JoinOn says which columns of two plans must be equal. A null key matches nothing unless NullsEqual is asked for.
type JoinOn struct {
	keys       []joinKey
	nullsEqual bool
	suffix     string
	condition  *node
}

type joinKey struct{ left, right string }

// On joins by columns that have the same name on both sides. They appear once in the result.
func On(names ...string) JoinOn {
	keys := make([]joinKey, len(names))
	for i, name := range names {
		keys[i] = joinKey{name, name}
	}
	return JoinOn{keys: keys}
}

// OnPair joins by columns of different names. Both appear in the result.
func OnPair(left, right string) JoinOn {
	return JoinOn{keys: []joinKey{{left, right}}}
}

// Pair adds a pair of columns that must be equal too.
func (on JoinOn) Pair(left, right string) JoinOn {
	on.keys = append(slices.Clone(on.keys), joinKey{left, right})
	return on
}

// NullsEqual lets a null key match a null key.
func (on JoinOn) NullsEqual() JoinOn {
	on.nullsEqual = true
	return on
}

// OnWhere joins by a condition alone. It is asked of every pair of rows, so a key beside it is worth much.
func OnWhere(condition Expr) JoinOn {
	return JoinOn{condition: operand(condition, here())}
}

// Where lets rows match only where a condition is true of them as well. It sees the columns that an inner join would give,
// whatever the kind: the left's, then the right's, which have the suffix where their names stand on both sides.
func (on JoinOn) Where(condition Expr) JoinOn {
	on.condition = operand(condition, here())
	return on
}

// Suffix is appended to the right side's names that stand on both sides; without it, such names are refused.
func (on JoinOn) Suffix(suffix string) JoinOn {
	on.suffix = suffix
	return on
}

// Join joins this plan's rows with those of another by equal keys. The other's rows are kept in memory while this plan's stream by:
// put the smaller side on the right.
func (p Plan) Join(kind JoinKind, right Plan, on JoinOn) Plan {
	r := p.next(joinRelation, here())
	r.read(right)
	r.join, r.joinKind, r.predicate = on, kind, on.condition
	return r.complete()
}

// CrossJoin gives all pairs of this plan's rows and another's. The suffix, which may be empty, is appended to the right side's names that
// stand on both sides.
func (p Plan) CrossJoin(right Plan, suffix string) Plan {
	r := p.next(joinRelation, here())
	r.read(right)
	r.join, r.joinKind = JoinOn{suffix: suffix}, Cross
	return r.complete()
}

func (r *relation) checkJoin() {
	switch {
	case r.joinKind < Inner || r.joinKind > Cross:
		r.fail(errorf(CodeInvalidArgument, "there is no join of kind %d", r.joinKind), "kind")
	case r.joinKind == Cross && len(r.join.keys) > 0:
		r.fail(errorf(CodeInvalidArgument, "a cross join has no keys"), "keys")
	case r.joinKind != Cross && len(r.join.keys) == 0 && r.predicate == nil:
		r.fail(errorf(CodeInvalidArgument, "a join needs at least one pair of columns: use On or OnPair"), "keys")
	case r.joinKind == LeftAntiNullAware && (len(r.join.keys) != 1 || r.join.nullsEqual || r.predicate != nil):
		r.fail(errorf(CodeInvalidArgument, "a null-aware anti join has one key, no condition, and nulls that equal nothing"), "keys")
	}
	for i, key := range r.join.keys {
		path := fmt.Sprintf("keys[%d]", i)
		r.checkNameIn(0, key.left, path, r.where)
		r.checkNameIn(1, key.right, path, r.where)
	}
	if r.err != nil {
		return
	}
	semi := r.joinKind == LeftSemi || r.joinKind == LeftAnti || r.joinKind == LeftAntiNullAware
	if !semi && r.joinKind != RightSemi && r.joinKind != RightAnti {
		r.names = r.pairNames()
		r.checkDuplicates("")
	} else if semi {
		r.names = r.inputs[0].names
	} else {
		r.names = r.inputs[1].names
	}
	if r.err == nil && r.predicate != nil {
		r.checkNodeOver(r.pairNames(), r.predicate, "residual")
	}
}

// pairNames are the left's columns, then the right's but for keys of one name.
func (r *relation) pairNames() []string {
	if r.readsUnknown() {
		return nil
	}
	left := r.inputs[0].names
	names := slices.Clone(left)
	for _, name := range r.inputs[1].names {
		if slices.Contains(r.join.keys, joinKey{name, name}) {
			continue
		}
		if slices.Contains(left, name) {
			if r.join.suffix == "" {
				err := errorf(CodeInvalidArgument, "column %q stands on both sides of the join: add Suffix, or drop one", name)
				err.Column = name
				r.fail(err, "")
				return nil
			}
			name += r.join.suffix
		}
		names = append(names, name)
	}
	return names
}
