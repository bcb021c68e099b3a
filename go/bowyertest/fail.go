// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyertest

import (
	"github.com/apache/arrow-go/v18/arrow/array"
)

// FailAt returns a reader that gives the reader's first batches and then fails instead of giving batch number batch, counted from
// zero. It takes the reader over.
func FailAt(reader array.RecordReader, batch int, failure error) array.RecordReader {
	return &breaking{RecordReader: reader, left: batch, failure: failure}
}

// PanicAt returns a reader that panics instead of giving batch number batch, counted from zero. It takes the reader over.
func PanicAt(reader array.RecordReader, batch int, reason any) array.RecordReader {
	return &breaking{RecordReader: reader, left: batch, reason: reason}
}

type breaking struct {
	array.RecordReader
	left    int
	failure error
	reason  any
	broken  bool
}

// Next gives the next batch, or breaks.
func (b *breaking) Next() bool {
	if b.broken {
		return false
	}
	if b.left == 0 {
		if b.reason != nil {
			panic(b.reason)
		}
		b.broken = true
		return false
	}
	b.left--
	return b.RecordReader.Next()
}

// Err returns the failure once the reader is broken.
func (b *breaking) Err() error {
	if b.broken {
		return b.failure
	}
	return b.RecordReader.Err()
}
