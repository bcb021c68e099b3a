// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !cgo || !stock

package main

import "github.com/apache/arrow-go/v18/arrow"

// Without the tag `stock` the peer's Rust library is not linked: `go vet ./...` then needs no second Rust build.
var stockRoundTrip func(arrow.RecordBatch) func() error
