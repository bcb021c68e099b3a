// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/bowyer-arrow/bowyer/go/fn"
)

// kernel is a single function over columns of the table.
type kernel func(ctx context.Context, x columns) (arrow.Array, error)

// columns finds the one chunk of a column by its name.
type columns func(name string) arrow.Array

// kernels are the functions of benches/peers/kernels.py that fn has.
var kernels = map[string]kernel{
	"k_sum": func(ctx context.Context, x columns) (arrow.Array, error) { return oneRow(fn.Sum(ctx, x("i"))) },
	"k_min_max": func(ctx context.Context, x columns) (arrow.Array, error) {
		return oneRow(fn.MinMax(ctx, x("i")))
	},
	"k_less":      func(ctx context.Context, x columns) (arrow.Array, error) { return fn.Less(ctx, x("i"), x("j")) },
	"k_add":       func(ctx context.Context, x columns) (arrow.Array, error) { return fn.AddUnchecked(ctx, x("i"), x("j")) },
	"k_multiply":  func(ctx context.Context, x columns) (arrow.Array, error) { return fn.Multiply(ctx, x("f"), x("g")) },
	"k_filter_1":  func(ctx context.Context, x columns) (arrow.Array, error) { return fn.Filter(ctx, x("i"), x("m1")) },
	"k_filter_50": func(ctx context.Context, x columns) (arrow.Array, error) { return fn.Filter(ctx, x("i"), x("m50")) },
	"k_filter_99": func(ctx context.Context, x columns) (arrow.Array, error) { return fn.Filter(ctx, x("i"), x("m99")) },
	"k_take":      func(ctx context.Context, x columns) (arrow.Array, error) { return fn.Take(ctx, x("i"), x("n")) },
	"k_cast": func(ctx context.Context, x columns) (arrow.Array, error) {
		return fn.Cast(ctx, x("i"), fn.CastOptions{ToType: fn.Some[arrow.DataType](arrow.PrimitiveTypes.Float64)})
	},
	"k_sort": func(ctx context.Context, x columns) (arrow.Array, error) { return fn.SortIndices(ctx, x("i")) },
	"k_contains": func(ctx context.Context, x columns) (arrow.Array, error) {
		return fn.MatchSubstring(ctx, x("s"), fn.MatchSubstringOptions{Pattern: fn.Some("needle")})
	},
	"k_like": func(ctx context.Context, x columns) (arrow.Array, error) {
		return fn.MatchLike(ctx, x("s"), fn.MatchLikeOptions{Pattern: fn.Some("%hay%needle%")})
	},
	"k_regex": func(ctx context.Context, x columns) (arrow.Array, error) {
		return fn.MatchSubstringRegex(ctx, x("s"), fn.MatchSubstringRegexOptions{Pattern: fn.Some("h[ae]y.*st[ri]+ng")})
	},
	"k_year": func(ctx context.Context, x columns) (arrow.Array, error) { return fn.Year(ctx, x("t")) },
	"k_dictionary": func(ctx context.Context, x columns) (arrow.Array, error) {
		return fn.DictionaryEncode(ctx, x("c"))
	},
}

// oneRow is a scalar as an array, a struct as its first field.
func oneRow(value scalar.Scalar, err error) (arrow.Array, error) {
	if err != nil {
		return nil, err
	}
	if fields, is := value.(*scalar.Struct); is {
		value = fields.Value[0]
	}
	return scalar.MakeArrayFromScalar(value, 1, memory.DefaultAllocator)
}

// runner gives the result of a kernel as a table of one column.
func (k kernel) runner(data tables) runner {
	x := data["x"]
	find := func(name string) arrow.Array { return x.batches[0].Column(x.schema.FieldIndices(name)[0]) }
	return func(ctx context.Context) (arrow.Table, error) {
		values, err := k(ctx, find)
		if err != nil {
			return nil, err
		}
		defer values.Release()
		schema := arrow.NewSchema([]arrow.Field{{Name: "answer", Type: values.DataType(), Nullable: true}}, nil)
		batch := array.NewRecordBatch(schema, []arrow.Array{values}, int64(values.Len()))
		defer batch.Release()
		return array.NewTableFromRecords(schema, []arrow.RecordBatch{batch}), nil
	}
}
