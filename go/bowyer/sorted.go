// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

// Sorted says that rows with equal keys stand together, as after a sort by them. A group is then given when the next one begins, in
// the order of the input, and only one is in memory at a time: an [Unbounded] input may be grouped so. Where a key comes again later,
// there is another group of it.
func (g Grouped) Sorted() Grouped {
	g.sorted = true
	return g
}
