// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"strings"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// memoryFor allocates memory for a copy that will fill it. arrow-go's ordinary allocator gives memory of zeros; here its place
// is taken by memory that nobody has cleared, aligned as that allocator aligns: clearing what is about to be written is a third of
// what the memory of a small result costs. Freeing such memory does nothing, so the allocator can go on owning it.
func memoryFor(allocator memory.Allocator, size int) []byte {
	if _, ordinary := allocator.(*memory.GoAllocator); !ordinary || size == 0 {
		return allocator.Allocate(size)
	}
	var room strings.Builder // the one way to memory that is not cleared
	room.Grow(size + regionAlignment)
	first := unsafe.Pointer(unsafe.StringData(room.String()))
	skip := -uintptr(first) & (regionAlignment - 1)
	// Nobody else has the builder's memory: its empty string is gone.
	return unsafe.Slice((*byte)(unsafe.Add(first, skip)), size+regionAlignment-int(skip))[:size:size]
}
