// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"fmt"
	"math"
	"slices"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

const (
	// UnboundedPreceding, as the start of a frame, is the first row of the partition.
	UnboundedPreceding = math.MinInt
	// UnboundedFollowing, as the end of a frame, is the last row of the partition.
	UnboundedFollowing = math.MaxInt
)

// Window says which rows a window function sees: those of its row's partition, in an order, within a frame. Without a frame
// that is every row up to the last peer of the current one if there is an order, and else the whole partition. Peers are rows
// that are equal in the order.
type Window struct {
	partition []any
	order     []SortKey
	frame     *frame
	exclusion wire.FrameExclusion
	err       *Error
}

// frame is the frame of a window; a bound of nil is the partition's end.
type frame struct {
	unit       wire.FrameUnit
	start, end *wire.Literal
}

// Over starts a window over the rows with equal keys; without keys, over all rows. Each key is the name of a column or an Expr.
func Over(keys ...any) Window {
	return Window{partition: slices.Clone(keys)}
}

// OrderBy orders the rows of each partition. Ties keep the order of the input.
func (w Window) OrderBy(keys ...SortKey) Window {
	w.order = slices.Clone(keys)
	return w
}

// Rows sets the frame by the distance of rows from the current one, negative before it: Rows(-2, 0) is that row and the two
// before it, Rows(UnboundedPreceding, 0) all up to it.
func (w Window) Rows(start, end int) Window {
	return w.framed(wire.FrameUnit_FRAME_UNIT_ROWS, start, end)
}

// Groups sets the frame by the distance of groups of peers from that of the current row.
func (w Window) Groups(start, end int) Window {
	return w.framed(wire.FrameUnit_FRAME_UNIT_GROUPS, start, end)
}

// Range sets the frame by the distance of the order's one key from that of the current row. Distances are integers or floats for
// numbers, a time.Duration for dates, times and timestamps; negative ones lie before the row in the order.
// UnboundedPreceding and UnboundedFollowing are the ends of the partition, and 0 is the end of the peers.
func (w Window) Range(start, end any) Window {
	return w.framed(wire.FrameUnit_FRAME_UNIT_RANGE, start, end)
}

// ExcludeCurrentRow leaves the current row out of the frame.
func (w Window) ExcludeCurrentRow() Window {
	w.exclusion = wire.FrameExclusion_FRAME_EXCLUSION_CURRENT_ROW
	return w
}

// ExcludeGroup leaves the current row and its peers out of the frame.
func (w Window) ExcludeGroup() Window {
	w.exclusion = wire.FrameExclusion_FRAME_EXCLUSION_GROUP
	return w
}

// ExcludeTies leaves the peers of the current row, but not the row itself, out of the frame.
func (w Window) ExcludeTies() Window {
	w.exclusion = wire.FrameExclusion_FRAME_EXCLUSION_TIES
	return w
}

func (w Window) framed(unit wire.FrameUnit, start, end any) Window {
	made := &frame{unit: unit}
	var err *Error
	if start != UnboundedPreceding {
		if made.start, err = literalOf(start); err != nil && w.err == nil {
			w.err = err
		}
	}
	if end != UnboundedFollowing {
		if made.end, err = literalOf(end); err != nil && w.err == nil {
			w.err = err
		}
	}
	w.frame = made
	return w
}

// Window adds a column for each function, computed for each row from the rows that the window lets it see. Rows keep the order of
// the input. Functions are those of this file, such as [RowNumber] and [Lag], and every aggregate, such as [Sum].
func (p Plan) Window(over Window, functions ...Measure) Plan {
	r := p.next(windowRelation, here())
	if over.err != nil {
		r.fail(over.err, "frame")
		return Plan{r}
	}
	for i, given := range over.partition {
		switch key := given.(type) {
		case string:
			r.partition = append(r.partition, columnOf(key, r.where))
		case Expr:
			r.partition = append(r.partition, operand(key, r.where))
		default:
			err := errorf(CodeInvalidArgument, "a key is given as %T, but must be a name or an Expr", given)
			r.fail(err, fmt.Sprintf("partition[%d]", i))
		}
	}
	r.order, r.frame, r.exclusion = over.order, over.frame, over.exclusion
	for i, given := range functions {
		checked, err := given.check()
		if err != nil {
			r.fail(err, fmt.Sprintf("functions[%d]", i))
			break
		}
		r.measures = append(r.measures, checked)
	}
	return r.complete()
}

// RowNumber is, in [Plan.Window], the number of the row in its partition, from 1.
func RowNumber() Measure { return placeOf("row_number", nil) }

// Rank is, in [Plan.Window], the number of the row's first peer; peers share it, and the next rank is as much greater.
func Rank() Measure { return placeOf("rank", nil) }

// DenseRank is, in [Plan.Window], the number of the row's group of peers, from 1.
func DenseRank() Measure { return placeOf("dense_rank", nil) }

// PercentRank is, in [Plan.Window], the rank as a share: 0 for the first row, 1 for a last one without peers.
func PercentRank() Measure { return placeOf("percent_rank", nil) }

// CumeDist is, in [Plan.Window], the share of the partition's rows up to the row's last peer.
func CumeDist() Measure { return placeOf("cume_dist", nil) }

// NTile is, in [Plan.Window], the number, from 1, of the one of count parts that the row falls into.
func NTile(count int) Measure { return placeOf("ntile", Options{"n": count}) }

// Lag is, in [Plan.Window], the value so many rows before; null where there is no such row, unless Option("default", value) gives
// another. With Option("ignore_nulls", true) only rows with a value are counted.
func Lag[R Reference](column R, rows int) Measure {
	return windowOf(here(), "lag", Options{"offset": rows}, column)
}

// Lead is, in [Plan.Window], the value so many rows after; it has the options of [Lag].
func Lead[R Reference](column R, rows int) Measure {
	return windowOf(here(), "lead", Options{"offset": rows}, column)
}

// FirstValue is, in [Plan.Window], the value of the first row of the frame; of the first that has one with
// Option("ignore_nulls", true).
func FirstValue[R Reference](column R) Measure { return windowOf(here(), "first_value", nil, column) }

// LastValue is, in [Plan.Window], the value of the last row of the frame; of the last that has one with
// Option("ignore_nulls", true).
func LastValue[R Reference](column R) Measure { return windowOf(here(), "last_value", nil, column) }

// NthValue is, in [Plan.Window], the value of the n-th row of the frame, from 1; of those that have one with
// Option("ignore_nulls", true).
func NthValue[R Reference](column R, n int) Measure {
	return windowOf(here(), "nth_value", Options{"n": n}, column)
}

func placeOf(function string, options Options) Measure {
	return Measure{function: function, options: options, name: function, where: here()}
}

func windowOf[R Reference](where origin, function string, options Options, column R) Measure {
	return measureOf(where, function, function, options, column)
}

// isWindowOnly reports whether a function has no meaning in a group.
func isWindowOnly(function string) bool {
	switch function {
	case "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile",
		"lag", "lead", "first_value", "last_value", "nth_value":
		return true
	}
	return false
}

func (r *relation) checkWindow() {
	if len(r.measures) == 0 {
		r.fail(errorf(CodeInvalidArgument, "a window needs at least one function"), "")
	}
	for i, key := range r.partition {
		r.checkNode(key, fmt.Sprintf("partition[%d]", i))
	}
	r.checkOrder("order")
	for i, m := range r.measures {
		r.checkMeasure(m, fmt.Sprintf("functions[%d]", i))
	}
	if r.err != nil {
		return
	}
	r.names = slices.Clone(r.inputs[0].names)
	for _, m := range r.measures {
		r.names = append(r.names, m.name)
	}
	r.checkDuplicates("")
}

func (e *encoder) window(r *relation, input uint32) error {
	partition, err := e.all(r.partition)
	if err != nil {
		return err
	}
	order, err := e.order(r.order)
	if err != nil {
		return err
	}
	functions, err := e.measures(r.measures)
	if err != nil {
		return err
	}
	window := &wire.Window{Relation: input, Partition: partition, Order: order, Functions: functions}
	switch {
	case r.frame != nil:
		window.Frame = &wire.Frame{Unit: r.frame.unit, Start: r.frame.start, End: r.frame.end, Exclusion: r.exclusion}
	case r.exclusion != wire.FrameExclusion_FRAME_EXCLUSION_UNSPECIFIED:
		// The usual frame, said because something is left out of it.
		window.Frame = &wire.Frame{Unit: wire.FrameUnit_FRAME_UNIT_RANGE, Exclusion: r.exclusion}
		if len(order) > 0 {
			window.Frame.End = &wire.Literal{Value: &wire.Literal_Int64{}}
		}
	}
	e.current.Kind = &wire.Relation_Window{Window: window}
	return nil
}

func (d *decoder) window(out *relation, window *wire.Window) {
	out.kind, out.partition, out.order = windowRelation, d.list(window.GetPartition()), d.order(window.GetOrder())
	out.measures = d.measures(window.GetFunctions())
	if encoded := window.GetFrame(); encoded != nil {
		out.frame = &frame{encoded.GetUnit(), encoded.GetStart(), encoded.GetEnd()}
		out.exclusion = encoded.GetExclusion()
	}
}

func (t *texts) window(window *wire.Window) string {
	text := fmt.Sprintf("window [%d]", window.GetRelation())
	if len(window.GetPartition()) > 0 {
		text += " over " + t.all(window.GetPartition())
	}
	if len(window.GetOrder()) > 0 {
		text += " by " + t.order(window.GetOrder())
	}
	if frame := window.GetFrame(); frame != nil {
		text += " " + frameText(frame)
	}
	return text + ": " + t.measures(window.GetFunctions())
}

func frameText(frame *wire.Frame) string {
	unit := map[wire.FrameUnit]string{
		wire.FrameUnit_FRAME_UNIT_ROWS: "rows", wire.FrameUnit_FRAME_UNIT_GROUPS: "groups", wire.FrameUnit_FRAME_UNIT_RANGE: "range",
	}[frame.GetUnit()]
	bound := func(literal *wire.Literal) string {
		if literal == nil {
			return "unbounded"
		}
		return literalText(literal)
	}
	exclusion := map[wire.FrameExclusion]string{
		wire.FrameExclusion_FRAME_EXCLUSION_CURRENT_ROW: " without the current row",
		wire.FrameExclusion_FRAME_EXCLUSION_GROUP:       " without the group",
		wire.FrameExclusion_FRAME_EXCLUSION_TIES:        " without ties",
	}[frame.GetExclusion()]
	return fmt.Sprintf("%s %s to %s%s", unit, bound(frame.GetStart()), bound(frame.GetEnd()), exclusion)
}
