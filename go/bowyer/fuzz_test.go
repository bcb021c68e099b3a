// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// typed fails the test unless err is one of ours, and none that says that the library is at fault.
func typed(t *testing.T, err error) {
	t.Helper()
	var ours *bowyer.Error
	if !errors.As(err, &ours) || ours.Code == bowyer.CodeInternal {
		t.Fatalf("not an error for a caller: %v", err)
	}
}

// What reads as a plan is the same plan after it was written and read again; everything else is refused.
func FuzzPlanFromJSON(f *testing.F) {
	input := bowyer.Input("t", numberSchema)
	for _, plan := range []bowyer.Plan{
		input.Filter(bowyer.Col("id").Gt(bowyer.Lit(3))),
		input.GroupBy("part").Agg(bowyer.Sum("id").As("s")),
		input.Sort(bowyer.Desc("id")).Limit(3),
		input.Union(input).Distinct("text"),
	} {
		encoded, err := json.Marshal(plan)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded)
	}
	f.Add([]byte(`{"relations":[{"filter":{"input":7}}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		plan, err := bowyer.PlanFromJSON(content)
		if err != nil {
			typed(t, err)
			return
		}
		encoded, err := json.Marshal(plan)
		if err != nil {
			typed(t, err)
			return
		}
		again, err := bowyer.PlanFromJSON(encoded)
		if err != nil {
			t.Fatalf("what was written is refused: %v", err)
		}
		if !again.Equal(plan) {
			t.Fatalf("%s became %s", plan, again)
		}
	})
}

// Any function with any options on small columns answers or fails with an error of its own.
func FuzzCallOptions(f *testing.F) {
	f.Add("round", `{"ndigits": 1, "round_mode": "half_up"}`)
	f.Add("match_substring_regex", `{"pattern": "a+(b|c)*", "ignore_case": true}`)
	f.Add("cast", `{"to_type": "int32", "safe": false}`)
	f.Add("split_pattern", `{"pattern": ",", "max_splits": 1}`)
	f.Add("utf8_slice_codeunits", `{"start": -2, "stop": 7, "step": 2}`)
	f.Add("quantile", `{"q": [0.25, 0.5], "interpolation": "linear"}`)
	f.Add("no_such_function", `{}`)
	f.Fuzz(func(t *testing.T, function, text string) {
		var options bowyer.Options
		if json.Unmarshal([]byte(text), &options) != nil {
			return
		}
		ctx := open(t, bowyer.Config{MemoryLimit: 64 << 20, Threads: 1})
		for _, values := range []arrow.Array{
			arrayOf(t, arrow.PrimitiveTypes.Int64, `[1, null, -3]`),
			arrayOf(t, arrow.PrimitiveTypes.Float64, `[0.5, null, 1e300]`),
			arrayOf(t, arrow.BinaryTypes.String, `["a,b", null, "grün"]`),
		} {
			out, err := bowyer.Call(ctx, function, options, values)
			if err != nil {
				typed(t, err)
				continue
			}
			out.Release()
		}
	})
}

// Buffers of any bytes under any lengths are refused, or hold what their type promises.
func FuzzImport(f *testing.F) {
	types := []arrow.DataType{
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.BinaryTypes.StringView,
		arrow.ListOf(arrow.PrimitiveTypes.Int8), arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int64,
		arrow.ListViewOf(arrow.PrimitiveTypes.Int8),
	}
	f.Add(uint8(0), 2, 0, 1, []byte{0b01}, []byte{0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0}, []byte("ab"))
	f.Add(uint8(3), 1, 0, 0, []byte{}, []byte("\x02\x00\x00\x00ab\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), []byte("values"))
	f.Add(uint8(4), 2, 0, 0, []byte{}, []byte{0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0}, []byte{1, 2})
	f.Add(uint8(7), 1, 0, 0, []byte{}, []byte{0, 0, 0, 0}, []byte{1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, kind uint8, length, offset, nulls int, validity, numbers, values []byte) {
		if length < 0 || offset < 0 || length > 1<<20 || offset > 1<<20 {
			return // arrow-go itself reads before it checks
		}
		forged := forge(types[int(kind)%len(types)], length, offset, nulls, validity, numbers, values)
		if forged == nil {
			return
		}
		defer forged.Release()
		ctx := open(t, bowyer.Config{MemoryLimit: 64 << 20, Threads: 1})
		out, err := bowyer.Call(ctx, "is_null", nil, forged)
		if err != nil {
			typed(t, err)
			return
		}
		defer out.Release()
		if out.Len() != length {
			t.Fatalf("%d rows of %d", out.Len(), length)
		}
		if _, isText := forged.DataType().(*arrow.StringType); isText {
			lengths, err := bowyer.Call(ctx, "utf8_length", nil, forged)
			if err != nil {
				typed(t, err)
				return
			}
			lengths.Release()
		}
	})
}

// forge makes an array of arrow-go out of bytes; nil when arrow-go refuses by panicking.
func forge(dataType arrow.DataType, length, offset, nulls int, parts ...[]byte) (made arrow.Array) {
	defer func() {
		if recover() != nil {
			made = nil
		}
	}()
	var buffers []*memory.Buffer
	for i, part := range parts {
		if i == 0 && len(part) == 0 {
			buffers = append(buffers, nil)
			continue
		}
		buffers = append(buffers, memory.NewBufferBytes(append([]byte(nil), part...)))
	}
	var children []arrow.ArrayData
	switch dataType.ID() {
	case arrow.LIST:
		children = append(children, bytesData(parts[2]))
		buffers = buffers[:2]
	case arrow.LIST_VIEW:
		children = append(children, bytesData(parts[2]))
	case arrow.BOOL, arrow.INT64:
		buffers = buffers[:2]
	}
	data := array.NewData(dataType, length, buffers, children, nulls, offset)
	defer data.Release()
	return array.MakeFromData(data)
}

func bytesData(values []byte) arrow.ArrayData {
	return array.NewData(arrow.PrimitiveTypes.Int8, len(values), []*memory.Buffer{nil, memory.NewBufferBytes(values)}, nil, 0, 0)
}
