// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Package fn has one Go function for each function of the manual, to call on arrays at once, without a plan:
//
//	sum, err := fn.Add(ctx, prices, taxes)
//	if err != nil {
//		return err
//	}
//	defer sum.Release()
//	total, err := fn.Sum(ctx, sum)
//
// Arguments are borrowed: an arrow.Array, an *arrow.Chunked or a scalar.Scalar each, and a scalar stands for as many rows as
// the others have. The result is one contiguous array, which the caller must Release: chunked arguments are joined, and
// arguments that are all scalars give one row. Aggregates give a scalar.Scalar. Nothing is copied on the way in.
//
// # Names and meanings
//
// Names and answers are those of arrow-go's compute package where it has the function, and pyarrow's otherwise. So [Add]
// fails when an integer overflows and AddUnchecked wraps around, [And] is null as soon as one side is null, and AndKleene
// follows Kleene's logic. Options and their defaults are pyarrow's: a function that has options takes one struct of them at
// the end, which may be left out, and a field that is not set keeps its default:
//
//	rounded, err := fn.Round(ctx, prices, fn.RoundOptions{Ndigits: fn.Some[int64](2)})
//
// # Engines
//
// A function runs on the engine that the context carries (see bowyer.WithEngine). Without one it runs on the default engine of
// the process, which is opened at the first call. Cancelling the context stops a long call.
package fn
