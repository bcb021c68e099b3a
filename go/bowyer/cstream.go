// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package bowyer

import (
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"
)

// FromCStream starts a plan over a stream of the Arrow C Stream Interface, as ADBC and DuckDB drivers give it. The stream is taken
// over at once, and released after the one run that may read it.
func FromCStream(stream *cdata.CArrowArrayStream) Plan {
	where := here()
	if stream == nil {
		return failedPlan(errorf(CodeInvalidArgument, "the stream is nil"), where)
	}
	imported, err := cdata.ImportCRecordReader(stream, nil)
	if err != nil {
		failure := errorf(CodeUserFunction, "the stream has no schema: %v", err)
		failure.Cause = err
		return failedPlan(failure, where)
	}
	reader, ok := imported.(array.RecordReader)
	if !ok {
		return failedPlan(errorf(CodeInternal, "arrow-go reads the stream by a %T", imported), where)
	}
	return scan("", reader.Schema(), ReaderOnce(reader), where, nil)
}

// CStream gives the result to a consumer of the Arrow C Stream Interface, which pulls and releases it. Run with CopyBelow(-1) where
// the consumer keeps batches: native memory may be kept for any time, by any thread.
func (r *Result) CStream(out *cdata.CArrowArrayStream) {
	cdata.ExportRecordReader(r, out) // retains it
}
