// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package fn_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
	"github.com/bowyer-arrow/bowyer/go/fn"
)

func numbers(rows int) arrow.Array {
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	for row := range rows {
		builder.Append(int64(row))
	}
	return builder.NewArray()
}

// BenchmarkAdd is what one call of a function costs around its kernel, with results copied into Go memory or not.
func BenchmarkAdd(b *testing.B) {
	for _, copyBelow := range []int64{0, -1} {
		for _, rows := range []int{1, 1_000, 1_000_000} {
			b.Run(fmt.Sprintf("rows=%d/copy=%v", rows, copyBelow == 0), func(b *testing.B) {
				engine, err := bowyer.Open(context.Background(), bowyer.Config{CopyBelow: copyBelow})
				if err != nil {
					b.Fatal(err)
				}
				defer engine.Close(context.Background())
				ctx := bowyer.WithEngine(context.Background(), engine)
				values := numbers(rows)
				b.ReportAllocs()
				for b.Loop() {
					sum, err := fn.AddUnchecked(ctx, values, values)
					if err != nil {
						b.Fatal(err)
					}
					sum.Release()
				}
			})
		}
	}
}
