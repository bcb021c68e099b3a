// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// TestLongCallsGiveWhatShortOnesGive compares calls that are split over threads with calls that are not.
func TestLongCallsGiveWhatShortOnesGive(t *testing.T) {
	ctx := open(t, bowyer.Config{Threads: 2})
	const rows, first = 300_001, 5
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	for row := range int64(rows + first) {
		if row%7 == 3 && row > 70_000 && row < 200_000 {
			builder.AppendNull()
			continue
		}
		builder.Append(row * row % 1000)
	}
	whole := builder.NewArray()
	defer whole.Release()
	long := array.NewSlice(whole, first, first+rows)
	defer long.Release()
	other := array.NewSlice(whole, 0, rows)
	defer other.Release()
	for _, function := range []string{"add", "add_checked", "equal", "less"} {
		result, err := bowyer.Call(ctx, function, nil, long, other)
		if err != nil {
			t.Fatal(function, err)
		}
		for begin := int64(0); begin < rows; begin += 100_000 {
			end := min(begin+100_000, rows)
			parts := []arrow.Array{array.NewSlice(long, begin, end), array.NewSlice(other, begin, end), array.NewSlice(result, begin, end)}
			want, err := bowyer.Call(ctx, function, nil, parts[0], parts[1])
			if err != nil {
				t.Fatal(function, err)
			}
			if !array.Equal(parts[2], want) {
				t.Errorf("%s: rows %d to %d differ", function, begin, end)
			}
			want.Release()
			for _, part := range parts {
				part.Release()
			}
		}
		result.Release()
	}
}
