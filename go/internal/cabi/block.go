// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// block is the memory of one crossing: the structs of the call, the ArrowArray structs of what is exported with their
// pointer arrays and byte sizes, the pins, and the retained inputs. Blocks are pooled. Each has a fixed slot in the owner
// table, and its owner number is that slot with a generation: registering an owner before a call costs no lock, and a
// number of an earlier use names nothing.
type block struct {
	slot       uint64
	generation uint64
	owner      atomic.Uint64 // 0 while the block is in the pool
	state      atomic.Uint32

	words   []uint64               // one allocation without Go pointers
	held    runtime.Pinner         // of words, which stay pinned: the table keeps every block for good
	pins    runtime.Pinner         // of every exported buffer, during the call
	roots   [8]*memory.Buffer      // the last buffers that were pinned, whose other slices need no pin of their own
	nextPin uint8                  // where in roots the next one goes
	batch   arrow.RecordBatch      // retained, when its columns are what is exported
	data    []*array.Data          // the exported arrays; retained, when they are no batch's
	buffers []*memory.Buffer       // in the exporter's preorder; nil where there is none
	pinned  int64                  // bytes
	remote  atomic.Pointer[remote] // whose worker reads the block; nil: the library in this process
	answer  taking                 // what the worker keeps until its result was imported
	staged  []byte                 // a copy of the buffers that the worker could not read where they are
	readers atomic.Int64           // results that took aliases from this block: orders them before its reuse
}

// States of a block between the start of its call and the release of its inputs.
const (
	blockCalling  = iota // the call has not returned
	blockRetained        // the call returned RETAINED: the owner's event will release the block
	blockFreed           // the event came before the call returned
)

const (
	slotBits     = 24
	slotMask     = 1<<slotBits - 1
	keptWords    = 64 << 10 // larger blocks give their memory back
	initialWords = 256
)

var blocks struct {
	sync.Mutex
	free  []*block
	table atomic.Pointer[[]*block]
}

// acquireBlock takes a block from the pool and gives it a new owner number.
func acquireBlock() *block {
	blocks.Lock()
	var b *block
	if last := len(blocks.free) - 1; last >= 0 {
		b = blocks.free[last]
		blocks.free = blocks.free[:last]
	} else {
		b = newBlock()
	}
	blocks.Unlock()
	b.generation++
	b.state.Store(blockCalling)
	b.owner.Store(b.generation<<slotBits | b.slot)
	return b
}

// newBlock adds a block to the table. The caller holds the lock.
func newBlock() *block {
	var table []*block
	if current := blocks.table.Load(); current != nil {
		table = *current
	}
	b := &block{slot: uint64(len(table))}
	b.resize(initialWords)
	grown := make([]*block, len(table)+1)
	copy(grown, table)
	grown[len(table)] = b
	blocks.table.Store(&grown)
	return b
}

// findOwner returns the block that has this owner number now.
func findOwner(owner uint64) *block {
	table := blocks.table.Load()
	if table == nil {
		return nil
	}
	slot := owner & slotMask
	if slot >= uint64(len(*table)) {
		return nil
	}
	b := (*table)[slot]
	if b.owner.Load() != owner {
		return nil
	}
	return b
}

// head is the call's own structs.
func (b *block) head() *crossing { return (*crossing)(unsafe.Pointer(&b.words[0])) }

// reserve makes room for that many words behind the head and clears them.
func (b *block) reserve(words int) {
	total := crossingWords + words
	if total > len(b.words) {
		b.resize(max(total, 2*len(b.words)))
	} else {
		clear(b.words[crossingWords:total])
	}
	b.head().reset()
}

// resize gives the block other words, pinned.
func (b *block) resize(words int) {
	b.held.Unpin()
	b.words = make([]uint64, words)
	b.held.Pin(&b.words[0])
}

// finish ends a call: unless the native side kept an input, the block's inputs are released and it goes back to the pool.
func (b *block) finish(retained bool) {
	if !retained {
		b.releaseApart()
		return
	}
	live.owners.Add(1)
	if !b.state.CompareAndSwap(blockCalling, blockRetained) {
		live.owners.Add(-1)
		b.releaseApart()
	}
}

// releaseApart releases a block that a worker has read, when no result that names its buffers is being imported.
func (b *block) releaseApart() {
	if remote := b.remote.Load(); remote != nil {
		remote.sharing.Lock()
		defer remote.sharing.Unlock()
	}
	b.release()
}

// ownerFreed handles the event that nothing native reads the owner's buffers any more. The event may overtake the return of
// the call that reports the owner as retained; then that call releases it.
func ownerFreed(owner uint64) {
	b := findOwner(owner)
	if b == nil || b.state.CompareAndSwap(blockCalling, blockFreed) {
		return
	}
	live.owners.Add(-1)
	b.release()
}

// release unpins and lets go of the inputs and puts the block back into the pool.
func (b *block) release() {
	b.readers.Load()
	if remote := b.remote.Swap(nil); remote != nil {
		remote.forget(b)
	}
	b.answer.done()
	b.owner.Store(0)
	b.pins.Unpin()
	b.roots, b.nextPin = [len(b.roots)]*memory.Buffer{}, 0
	if b.batch != nil {
		b.batch.Release()
		b.batch = nil
	} else {
		for _, data := range b.data {
			data.Release()
		}
	}
	clear(b.data)
	b.data = b.data[:0]
	clear(b.buffers)
	b.buffers = b.buffers[:0]
	live.pinnedBytes.Add(-b.pinned)
	b.pinned = 0
	if len(b.words) > keptWords {
		b.resize(initialWords)
	}
	blocks.Lock()
	blocks.free = append(blocks.free, b)
	blocks.Unlock()
}
