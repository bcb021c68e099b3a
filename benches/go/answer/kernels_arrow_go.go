// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/math"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// arrowGo are the functions that arrow-go has itself.
var arrowGo = map[string]kernel{
	"k_sum": func(_ context.Context, x columns) (arrow.Array, error) {
		builder := array.NewInt64Builder(memory.DefaultAllocator)
		defer builder.Release()
		builder.Append(math.Int64.Sum(x("i").(*array.Int64)))
		return builder.NewArray(), nil
	},
	"k_less":      called("less", "i", "j"),
	"k_add":       called("add_unchecked", "i", "j"),
	"k_multiply":  called("multiply_unchecked", "f", "g"),
	"k_filter_1":  filtered("m1"),
	"k_filter_50": filtered("m50"),
	"k_filter_99": filtered("m99"),
	"k_take": func(ctx context.Context, x columns) (arrow.Array, error) {
		return compute.TakeArray(ctx, x("i"), x("n"))
	},
	"k_cast": func(ctx context.Context, x columns) (arrow.Array, error) {
		return compute.CastArray(ctx, x("i"), compute.SafeCastOptions(arrow.PrimitiveTypes.Float64))
	},
	"k_sort": func(ctx context.Context, x columns) (arrow.Array, error) {
		return arrayOf(compute.SortIndices(ctx, compute.NewDatumWithoutOwning(x("i")), compute.SortOptions{{}}))
	},
	"k_dictionary": called("dictionary_encode", "c"),
}

func filtered(mask string) kernel {
	return func(ctx context.Context, x columns) (arrow.Array, error) {
		return compute.FilterArray(ctx, x("i"), x(mask), *compute.DefaultFilterOptions())
	}
}

func called(function string, names ...string) kernel {
	return func(ctx context.Context, x columns) (arrow.Array, error) {
		arguments := make([]compute.Datum, len(names))
		for i, name := range names {
			arguments[i] = compute.NewDatumWithoutOwning(x(name))
		}
		return arrayOf(compute.CallFunction(ctx, function, nil, arguments...))
	}
}

func arrayOf(result compute.Datum, err error) (arrow.Array, error) {
	if err != nil {
		return nil, err
	}
	defer result.Release()
	return result.(*compute.ArrayDatum).MakeArray(), nil
}
