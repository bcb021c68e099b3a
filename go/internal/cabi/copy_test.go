// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Memory for copies is aligned, as long as asked for, and apart from all other.
func TestMemoryForCopies(t *testing.T) {
	ordinary, checked := memory.NewGoAllocator(), memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer checked.AssertSize(t, 0)
	var all [][]byte
	for size := range 300 {
		all = append(all, memoryFor(ordinary, size))
		given := memoryFor(checked, size)
		if len(given) != size {
			t.Errorf("%d bytes of the caller's allocator where %d were asked for", len(given), size)
		}
		checked.Free(given)
	}
	for size, content := range all {
		if len(content) != size {
			t.Fatalf("%d bytes where %d were asked for", len(content), size)
		}
		for i := range content {
			content[i] = byte(size)
		}
		if size > 0 && address(&content[0])%regionAlignment != 0 {
			t.Errorf("%d bytes at %#x", size, address(&content[0]))
		}
	}
	for size, content := range all {
		for _, one := range content {
			if one != byte(size) {
				t.Fatalf("the memory of %d bytes was written to by another", size)
			}
		}
	}
}
