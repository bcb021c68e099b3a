// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Package bowyertest helps to test programs that use Bowyer.
//
//   - [Rows] and [AnyOrder] compare batches, tables and results with Go literals.
//   - [NoLeaks] fails a test that leaves native memory, handles or pinned Go memory behind.
//   - [Permute] and [PermuteOrdered] run a plan over the same rows in other batches and on other numbers of threads, and fail when an answer differs.
//   - [FailAt] and [PanicAt] make a reader that breaks at a chosen batch.
package bowyertest
