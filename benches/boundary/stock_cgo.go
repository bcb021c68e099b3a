// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo && stock

package main

/*
#cgo LDFLAGS: ${SRCDIR}/stock/target/release/libstock.a -lm -ldl -lpthread
#include <stdlib.h>
#include "stock.h"
*/
import "C"

import (
	"errors"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/cdata"
)

// stockRoundTrip is the stock way: arrow-go's cdata on this side, arrow-rs's ffi on the other.
var stockRoundTrip = func(batch arrow.RecordBatch) func() error {
	return func() error { return throughStock(batch) }
}

func throughStock(batch arrow.RecordBatch) error {
	var arrays [2]cdata.CArrowArray
	var schemas [2]cdata.CArrowSchema
	cdata.ExportArrowRecordBatch(batch, &arrays[0], &schemas[0])
	if C.stock_round_trip(unsafe.Pointer(&arrays[0]), unsafe.Pointer(&schemas[0]), unsafe.Pointer(&arrays[1]), unsafe.Pointer(&schemas[1])) != 0 {
		return errors.New("arrow-rs refused the batch")
	}
	result, err := cdata.ImportCRecordBatch(&arrays[1], &schemas[1])
	if err != nil {
		return err
	}
	result.Release()
	return nil
}
