// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Package bowyer runs columnar queries over arrow-go record batches on kernels written in Rust. Batches cross between Go and Rust
// through the Arrow C Data Interface: the engine reads them where they are, and its results come back as ordinary arrow-go arrays.
//
// # A plan is a value
//
// A [Plan] says what to compute. It starts at data, and each method returns a new plan:
//
//	plan := bowyer.FromBatches(schema, batches...).
//		Filter(bowyer.Col("amount").Gt(0)).
//		With(bowyer.Col("amount").Mul(bowyer.Col("price")).As("revenue")).
//		GroupBy("region").
//		Agg(bowyer.Sum("revenue").As("total"), bowyer.CountAll()).
//		Sort(bowyer.Desc("total")).
//		Limit(10)
//
// Nothing runs yet, and nothing needs to be released: a plan can be kept, printed, compared, shared between goroutines, and
// written as JSON. Plans and expressions share their parts, and a part that is used twice is computed once.
//
// Mistakes show early. Names are checked while the plan is built, and [Plan.Err] tells the first mistake with the line of Go that
// wrote it; types are checked by the engine, when it is asked for [Plan.Schema] or when the plan runs.
//
// # Running it
//
// [Plan.Run] streams the result, [Plan.Collect] gathers it in a table:
//
//	result, err := plan.Run(ctx)
//	if err != nil {
//		return err
//	}
//	defer result.Release()
//	for batch, err := range result.All() {
//		if err != nil {
//			return err
//		}
//		fmt.Println(batch)
//	}
//
// A [Result] is an array.RecordReader, so whatever reads batches can read it: an IPC or Parquet writer, or the next plan, by
// [FromReaderOnce]. When ctx ends, so does the run, within milliseconds.
//
// # Where data comes from
//
// [FromBatches] and [FromTable] point at data in memory. [FromReader] opens a reader for each run and is told by a [ScanRequest]
// which columns and rows are needed; batches are pulled as fast as the query takes them, and no faster. [Input] names a place for
// data that each run binds with [Bind]; so a plan can be prepared once, by [Plan.Prepare], and run many times, from many goroutines.
//
// # Who owns what
//
// Data that goes in is borrowed: a run retains what it needs and gives it back when the result ends. Plans only point at data, so
// batches must not be released before the plans over them have run. What comes out belongs to the caller, who must Release tables,
// results and arrays. Results up to [Config.CopyBelow] are copies in Go memory, where a forgotten Release does no harm; larger ones
// are native memory, counted until their release. Strings and slices taken from a native array are valid until its release.
//
// # What values mean
//
// Arithmetic of expressions is checked: overflow and integer division by zero are errors, not wrong numbers. Logic is Kleene's.
// Literals take the type of the operand beside them when they fit it exactly. In keys of groups and joins NaN equals NaN and −0.0
// equals 0.0; null keys form one group, and join nothing unless [JoinOn.NullsEqual] is asked for. Filter, Select, With and Limit
// keep the order of rows; after other operators only a Sort defines it, and a Sort is stable.
//
// # Errors
//
// Every error is an [*Error] with a code, and the place as far as it is known: function, node of the plan, input, batch, row and
// line of Go. Match it with errors.Is against the sentinels here ([ErrOverflow]), those of arrow-go (arrow.ErrInvalid), or
// context.Canceled. Values of the data never stand in errors. After an error the engine goes on working.
//
// # Engines
//
// An [Engine] owns native threads and a memory limit. Without one in the context ([WithEngine]) a default engine is opened at first
// use. Programs that want other limits [Open] their own.
//
// # Logging
//
// An engine tells the Logger of its [Config] how each query went (rows, time, peak memory), and of refused arrays, limits and faults.
// With Config.Traceparent, records carry the trace of the context that the query ran under.
//
// # Without cgo
//
// Everything here compiles without cgo; plans can be built, checked, printed and stored. Running needs cgo, and says so with
// [ErrNotImplemented].
package bowyer
