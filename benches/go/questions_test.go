// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Package benches asks the questions of benches/README.md from Go.
package benches

import (
	"context"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/math"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
	"github.com/bowyer-arrow/bowyer/go/fn"
)

const (
	rows           = 10_000_000
	sumOfValues    = 4_998_436_262_629
	filteredGroups = 1_000
)

// splitmix64 makes the same data in every language.
func splitmix64(n uint64) uint64 {
	z := (n + 1) * 0x9E3779B97F4A7C15
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

func column(first, modulus uint64) *array.Int64 {
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	builder.Reserve(rows)
	for row := range uint64(rows) {
		builder.UnsafeAppend(int64(splitmix64(first+row) % modulus))
	}
	return builder.NewInt64Array()
}

func BenchmarkSum(b *testing.B) {
	values := column(rows, 1_000_000)
	defer values.Release()
	b.Run("bowyer", func(b *testing.B) {
		for b.Loop() {
			sum, err := fn.Sum(context.Background(), values)
			if err != nil {
				b.Fatal(err)
			}
			if sum.(*scalar.Int64).Value != sumOfValues {
				b.Fatalf("the sum is %s", sum)
			}
		}
	})
	b.Run("arrow-go", func(b *testing.B) {
		for b.Loop() {
			if sum := math.Int64.Sum(values); sum != sumOfValues {
				b.Fatalf("the sum is %d", sum)
			}
		}
	})
}

func BenchmarkFilterGroupSum(b *testing.B) {
	keys, values := column(0, 1_000), column(rows, 1_000_000)
	defer keys.Release()
	defer values.Release()
	schema := arrow.NewSchema([]arrow.Field{{Name: "key", Type: arrow.PrimitiveTypes.Int64}, {Name: "value", Type: arrow.PrimitiveTypes.Int64}}, nil)
	batch := array.NewRecordBatch(schema, []arrow.Array{keys, values}, rows)
	defer batch.Release()
	plan := bowyer.FromBatches(schema, batch).Filter(bowyer.Col("value").Ge(500_000)).GroupBy("key").Agg(bowyer.Sum("value"))
	for b.Loop() {
		table, err := plan.Collect(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if table.NumRows() != filteredGroups {
			b.Fatalf("%d groups", table.NumRows())
		}
		table.Release()
	}
}
