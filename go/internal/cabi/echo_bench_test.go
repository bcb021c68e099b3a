// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package cabi

import (
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// BenchmarkEcho is the cost of a crossing and back; `make bench-boundary` compares it with other ways.
func BenchmarkEcho(b *testing.B) {
	for _, columns := range []int{1, 10, 100} {
		for _, copied := range []bool{false, true} {
			b.Run(fmt.Sprintf("cols=%d/copied=%v", columns, copied), func(b *testing.B) {
				engine := openEngine(b, Options{CopyBelow: -1})
				builder := array.NewInt64Builder(memory.DefaultAllocator)
				for i := range 1000 {
					builder.Append(int64(i))
				}
				values := builder.NewArray()
				list := make([]arrow.Array, columns)
				for i := range list {
					list[i] = values
				}
				batch := batchOf(list...)
				ctx := context.Background()
				b.ReportAllocs()
				for b.Loop() {
					result, err := engine.Echo(ctx, batch, copied)
					if err != nil {
						b.Fatal(err)
					}
					result.Release()
				}
			})
		}
	}
}
