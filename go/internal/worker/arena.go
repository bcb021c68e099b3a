// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"fmt"
	"math/bits"
	"sort"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	segmentBytes = 64 << 20 // memory that nobody has written to costs nothing
	leastOrder   = 6        // blocks of 64 bytes, as Arrow wants them aligned
	mostOrder    = 26       // one segment
	pageBytes    = 4096
	keptEmpty    = 2 // empty segments that are kept for what comes next
)

// segment is one memory file: blocks of powers of two, or one block of any size.
type segment struct {
	number  uint64
	fd      int
	memory  []byte
	base    uintptr
	written int // from here on the memory is as the system gave it: zeros
	used    int // blocks in use
	free    [mostOrder + 1]map[int]struct{}

	mutex sync.Mutex
	known []*Conn // those that map it
	gone  bool
}

// Arena gives memory that a worker can read without a copy. It is a memory.Allocator, for any goroutine.
type Arena struct {
	mutex    sync.Mutex
	segments []*segment
	blocks   map[*byte]allocation
	failure  error
	live     int64
	zeros    bool // blocks are given out cleared
	retired  bool // nothing is kept for what comes next
}

type allocation struct {
	segment *segment
	offset  int
	order   int // -1: the whole segment
	size    int
}

var _ memory.Allocator = (*Arena)(nil)

// NewArena makes an arena. Memory that is given out is cleared, unless the caller will fill it anyway.
func NewArena(cleared bool) *Arena {
	return &Arena{blocks: map[*byte]allocation{}, zeros: cleared}
}

// Allocate gives memory in a memory file. Where the system has none to give, it is ordinary memory, which is copied when it is sent.
func (a *Arena) Allocate(size int) []byte {
	if size <= 0 {
		return []byte{}
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	block, ok := a.take(size)
	if !ok {
		return memory.DefaultAllocator.Allocate(size)
	}
	content := block.segment.memory[block.offset : block.offset+size : block.offset+size]
	if a.zeros {
		clear(content[:max(0, min(size, block.segment.written-block.offset))])
	}
	block.segment.written = max(block.segment.written, block.offset+size)
	block.segment.used++
	block.size = size
	a.blocks[&content[0]] = block
	a.live += int64(size)
	return content
}

// Reallocate gives a block of another size with the same content.
func (a *Arena) Reallocate(size int, old []byte) []byte {
	if size <= cap(old) && size > 0 && len(old) > 0 {
		return old[:size]
	}
	grown := a.Allocate(size)
	copy(grown, old)
	a.Free(old)
	return grown
}

// Free takes a block back. Memory that is not the arena's is left alone.
func (a *Arena) Free(content []byte) {
	if cap(content) == 0 {
		return
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	first := &content[:1][0]
	block, ok := a.blocks[first]
	if !ok {
		return
	}
	delete(a.blocks, first)
	a.live -= int64(block.size)
	s := block.segment
	s.used--
	if block.order >= 0 {
		s.merge(block.offset, block.order)
	}
	if s.used == 0 && (block.order < 0 || a.retired || a.empty() > keptEmpty) {
		a.drop(s)
	}
}

// Live is the number of bytes in use.
func (a *Arena) Live() int64 {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.live
}

// Retire gives the memory that nobody uses back to the system, and from then on the rest as soon as it is free.
func (a *Arena) Retire() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.retired = true
	for i := len(a.segments) - 1; i >= 0; i-- {
		if s := a.segments[i]; s.used == 0 {
			a.drop(s)
		}
	}
}

// Close gives the memory back to the system. It refuses as long as a block is in use.
func (a *Arena) Close() error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if len(a.blocks) > 0 {
		return fmt.Errorf("%d blocks of %d bytes are still in use", len(a.blocks), a.live)
	}
	for len(a.segments) > 0 {
		a.drop(a.segments[0])
	}
	return nil
}

func (a *Arena) empty() (count int) {
	for _, s := range a.segments {
		if s.used == 0 {
			count++
		}
	}
	return count
}

// take finds a free block, in a new segment if need be.
func (a *Arena) take(size int) (allocation, bool) {
	if size > segmentBytes {
		s, err := a.grow((size + pageBytes - 1) &^ (pageBytes - 1))
		return allocation{segment: s, order: -1}, err == nil
	}
	order := max(bits.Len(uint(size-1)), leastOrder)
	for _, s := range a.segments {
		if offset, ok := s.split(order); ok {
			return allocation{segment: s, offset: offset, order: order}, true
		}
	}
	s, err := a.grow(segmentBytes)
	if err != nil {
		return allocation{}, false
	}
	s.put(0, mostOrder)
	offset, ok := s.split(order)
	return allocation{segment: s, offset: offset, order: order}, ok
}

func (a *Arena) grow(size int) (*segment, error) {
	fd, content, err := newShared(size)
	if err != nil {
		a.failure = err
		return nil, err
	}
	s := &segment{fd: fd, memory: content, base: addressOf(content)}
	register(s)
	a.segments = append(a.segments, s)
	return s, nil
}

func (a *Arena) drop(s *segment) {
	for i, other := range a.segments {
		if other == s {
			a.segments = append(a.segments[:i], a.segments[i+1:]...)
			break
		}
	}
	unregister(s)
	s.release()
}

func (s *segment) put(offset, order int) {
	if s.free[order] == nil {
		s.free[order] = map[int]struct{}{}
	}
	s.free[order][offset] = struct{}{}
}

// split takes a free block of the order, from a larger one if need be.
func (s *segment) split(order int) (int, bool) {
	from := order
	for from <= mostOrder && len(s.free[from]) == 0 {
		from++
	}
	if from > mostOrder {
		return 0, false
	}
	offset := lowest(s.free[from])
	delete(s.free[from], offset)
	for ; from > order; from-- {
		s.put(offset+1<<(from-1), from-1)
	}
	return offset, true
}

// lowest finds a block near the beginning when there are few to look at, which keeps the memory that was written together.
func lowest(free map[int]struct{}) int {
	best, seen := -1, 0
	for offset := range free {
		if best < 0 || offset < best {
			best = offset
		}
		if seen++; seen == 8 {
			break
		}
	}
	return best
}

// merge gives a block back and joins it with its other half as long as that is free.
func (s *segment) merge(offset, order int) {
	for order < mostOrder {
		other := offset ^ 1<<order
		if _, free := s.free[order][other]; !free {
			break
		}
		delete(s.free[order], other)
		offset = min(offset, other)
		order++
	}
	s.put(offset, order)
}

// registered are all segments of the process, by address.
var registered struct {
	sync.RWMutex
	last uint64
	list []*segment
}

// firstNumber is that of the first memory file: below are other places of buffers.
const firstNumber = 16

func register(s *segment) {
	registered.Lock()
	defer registered.Unlock()
	registered.last++
	s.number = registered.last + firstNumber
	at := sort.Search(len(registered.list), func(i int) bool { return registered.list[i].base > s.base })
	registered.list = append(registered.list, nil)
	copy(registered.list[at+1:], registered.list[at:])
	registered.list[at] = s
}

func unregister(s *segment) {
	registered.Lock()
	defer registered.Unlock()
	for i, other := range registered.list {
		if other == s {
			registered.list = append(registered.list[:i], registered.list[i+1:]...)
			return
		}
	}
}

// find returns the segment that holds these bytes, and where.
func find(content []byte) (*segment, int) {
	at := addressOf(content)
	registered.RLock()
	defer registered.RUnlock()
	list := registered.list
	i := sort.Search(len(list), func(i int) bool { return list[i].base > at }) - 1
	if i < 0 || at-list[i].base+uintptr(len(content)) > uintptr(len(list[i].memory)) {
		return nil, 0
	}
	return list[i], int(at - list[i].base)
}

// release unmaps the segment here and in the workers that know it.
func (s *segment) release() {
	s.mutex.Lock()
	known := s.known
	s.known, s.gone = nil, true
	s.mutex.Unlock()
	for _, conn := range known {
		conn.forget(s)
	}
	closeShared(s.fd, s.memory)
}
