// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Package wire holds the messages of proto/bowyer/v1: plans, configuration, errors and statistics as they cross to the
// native library. The code is generated and checked in; nothing here is written by hand.
package wire

//go:generate go run -C generate . ../../../../proto ..
