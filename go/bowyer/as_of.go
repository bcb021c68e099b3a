// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// AsOf says how rows of two plans stand next to each other: start one with [AsOfOn]. Without more, a left row gets the last right row
// that is not after it.
type AsOf struct {
	left, right string
	by          []joinKey
	direction   wire.AsOfDirection
	strict      bool
	tolerance   *node
	suffix      string
}

// AsOfOn joins by the order of a left and a right column: numbers, dates or times. Nulls and NaN stand next to nothing. Columns of one name appear
// once in the result.
func AsOfOn(left, right string) AsOf {
	return AsOf{left: left, right: right, direction: wire.AsOfDirection_AS_OF_DIRECTION_BACKWARD}
}

// By looks among the rows with equal keys alone. It may be called several times.
func (a AsOf) By(left, right string) AsOf {
	a.by = append(slices.Clone(a.by), joinKey{left, right})
	return a
}

// Forward looks for the first right row that is not before the left one.
func (a AsOf) Forward() AsOf {
	a.direction = wire.AsOfDirection_AS_OF_DIRECTION_FORWARD
	return a
}

// Nearest looks in both directions for the closer row, and takes the one before when both are as close.
func (a AsOf) Nearest() AsOf {
	a.direction = wire.AsOfDirection_AS_OF_DIRECTION_NEAREST
	return a
}

// Strict does not count an equal value.
func (a AsOf) Strict() AsOf {
	a.strict = true
	return a
}

// Within gives up rows that are further away: a number between numbers, a [time.Duration] between times.
func (a AsOf) Within(tolerance any) AsOf {
	a.tolerance = operand(tolerance, here())
	return a
}

// Suffix is appended to the right side's names that stand on both sides; without it, such names are refused.
func (a AsOf) Suffix(suffix string) AsOf {
	a.suffix = suffix
	return a
}

// AsOfJoin gives every row of this plan with the row of another that stands next to it, or with nulls.
func (p Plan) AsOfJoin(right Plan, on AsOf) Plan {
	r := p.next(asOfRelation, here())
	r.read(right)
	r.asOf = on
	return r.complete()
}

func (r *relation) checkAsOf() {
	a := r.asOf
	if a.direction < wire.AsOfDirection_AS_OF_DIRECTION_BACKWARD || a.direction > wire.AsOfDirection_AS_OF_DIRECTION_NEAREST {
		r.fail(errorf(CodeInvalidArgument, "an empty AsOf is used: start one with AsOfOn"), "")
		return
	}
	r.join = JoinOn{keys: append(slices.Clone(a.by), joinKey{a.left, a.right}), suffix: a.suffix}
	for i, key := range a.by {
		path := fmt.Sprintf("by[%d]", i)
		r.checkNameIn(0, key.left, path, r.where)
		r.checkNameIn(1, key.right, path, r.where)
	}
	r.checkNameIn(0, a.left, "left_on", r.where)
	r.checkNameIn(1, a.right, "right_on", r.where)
	if a.tolerance != nil {
		r.checkNode(a.tolerance, "tolerance")
	}
	if r.err == nil {
		r.names = r.pairNames()
		r.checkDuplicates("")
	}
}

func (e *encoder) asOf(r *relation, inputs []uint32) error {
	a := r.asOf
	join := &wire.AsOfJoin{
		Left: inputs[0], Right: inputs[1], LeftOn: a.left, RightOn: a.right,
		Direction: a.direction, Strict: a.strict, RightSuffix: a.suffix,
	}
	for _, key := range a.by {
		join.By = append(join.By, &wire.JoinKey{Left: key.left, Right: key.right})
	}
	if a.tolerance != nil {
		tolerance, err := e.expression(a.tolerance)
		if err != nil {
			return err
		}
		join.Tolerance = &tolerance
	}
	e.current.Kind = &wire.Relation_AsOfJoin{AsOfJoin: join}
	return nil
}

func (d *decoder) asOf(out *relation, join *wire.AsOfJoin) []uint32 {
	out.kind = asOfRelation
	out.asOf = AsOf{
		left: join.GetLeftOn(), right: join.GetRightOn(), direction: join.GetDirection(),
		strict: join.GetStrict(), suffix: join.GetRightSuffix(),
	}
	for _, key := range join.GetBy() {
		out.asOf.by = append(out.asOf.by, joinKey{key.GetLeft(), key.GetRight()})
	}
	if join.Tolerance != nil {
		out.asOf.tolerance = d.node(join.GetTolerance())
	}
	return []uint32{join.GetLeft(), join.GetRight()}
}

func (t *texts) asOf(join *wire.AsOfJoin) string {
	direction := strings.ToLower(strings.TrimPrefix(join.GetDirection().String(), "AS_OF_DIRECTION_"))
	text := fmt.Sprintf("as of join [%d] [%d] %s on %s", join.GetLeft(), join.GetRight(), direction, join.GetLeftOn())
	if join.GetLeftOn() != join.GetRightOn() {
		text += " = " + join.GetRightOn()
	}
	for i, key := range join.GetBy() {
		text += []string{" by ", ", "}[min(i, 1)] + key.GetLeft()
		if key.GetLeft() != key.GetRight() {
			text += " = " + key.GetRight()
		}
	}
	if join.GetStrict() {
		text += ", strict"
	}
	if join.Tolerance != nil {
		text += ", within " + t.at(join.GetTolerance())
	}
	if suffix := join.GetRightSuffix(); suffix != "" {
		text += ", suffix " + suffix
	}
	return text
}
