// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// BenchmarkCall is a call on arrays so small that most of what it takes is the call.
func BenchmarkCall(b *testing.B) {
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	for row := range 1000 {
		builder.Append(int64(row))
	}
	values := builder.NewArray()
	defer values.Release()
	ctx := open(b, bowyer.Config{})
	for _, function := range []string{"add", "equal"} {
		b.Run(function, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				out, err := bowyer.Call(ctx, function, nil, values, values)
				if err != nil {
					b.Fatal(err)
				}
				out.Release()
			}
		})
	}
}
