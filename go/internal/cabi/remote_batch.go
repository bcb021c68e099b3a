// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"context"
	"hash/crc32"
	"hash/maphash"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// Where a buffer lies, in a list that crosses; higher numbers are memory files.
const (
	placeNowhere = 0
	placeZeros   = 1
	placeInlined = 2
	placeAnswer  = 3

	nodeNumbers   = 5
	bufferNumbers = 3
)

// inlineBytes is up to which size buffers go within the frame: writing them into a memory file costs more.
const inlineBytes = 32 << 10

// lent is a block that a worker reads.
type lent struct {
	block     *block
	conn      *worker.Conn
	operation uint64 // 0: a source's, judged with the queries that read it
	freed     bool   // the worker has let go of it, or is gone
}

// lend writes the block's arrays as a list, and registers it as read by this worker.
func (r *remote) lend(ctx context.Context, b *block, conn *worker.Conn, o *object) (*wire.WorkerBlock, error) {
	operation := o.operation
	if operation != 0 && r.quarantine.Refuses(b.suspect(operation), b.sum) {
		return nil, failf(codeQuarantined, "two workers have died of this batch: it is not given to a third")
	}
	l := lister{ctx: ctx, conn: conn, block: b, out: &wire.WorkerBlock{
		Owner: b.owner.Load(), RowCount: b.head().block.rowCount, ArrayCount: b.head().block.arrayCount, Flags: b.head().block.flags,
	}}
	for _, root := range sliceAt[cArray](uintptr(b.head().block.arrays), int(b.head().block.arrayCount)) {
		l.node(&root)
	}
	for _, argument := range sliceAt[cArgument](uintptr(b.head().block.arguments), int(b.head().block.argumentCount)) {
		l.out.Arguments = append(l.out.Arguments, argument.first, argument.count, argument.flags)
	}
	r.copyLoose(&l)
	if r.options.Checksums {
		l.sum()
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	b.remote.Store(r)
	entry := &lent{block: b, conn: conn, operation: operation}
	if !conn.Alive() { // after Died has looked through the list, nobody would free it
		entry.freed = true
	}
	r.owners[l.out.Owner] = entry
	if operation == 0 {
		o.lent = append(o.lent, entry)
	}
	return l.out, nil
}

// forget is called when a block is released: nothing of it can be named any more.
func (r *remote) forget(b *block) {
	r.mutex.Lock()
	delete(r.owners, b.owner.Load())
	r.mutex.Unlock()
	if b.staged != nil {
		r.staging.Free(b.staged)
		b.staged = nil
	}
}

func (r *remote) owns(b *block) bool { return b.remote.Load() == r }

// lister writes lists.
type lister struct {
	ctx   context.Context
	conn  *worker.Conn
	block *block
	out   *wire.WorkerBlock
	next  int    // preorder index of the next buffer
	loose []part // buffers that lie in no memory file
	bytes int    // of those, aligned

	contents [][]byte // of all buffers, in their order
}

// part is a buffer to be copied, and where its place is to be written.
type part struct {
	content []byte
	at      int
}

// node appends an array and everything below it.
func (l *lister) node(array *cArray) {
	if array.dictionary != 0 {
		l.out.Dictionaries = append(l.out.Dictionaries, uint32(len(l.out.Nodes)/nodeNumbers))
	}
	l.out.Nodes = append(l.out.Nodes, array.length, array.offset, array.nullCount, array.bufferCount, array.childCount)
	sizes := sliceAt[int64](uintptr(l.block.head().block.sizes), l.next+int(array.bufferCount))
	for i, pointer := range sliceAt[uintptr](array.buffers, int(array.bufferCount)) {
		l.buffer(pointer, sizes[l.next+i])
	}
	l.next += int(array.bufferCount)
	for _, child := range sliceAt[uintptr](array.children, int(array.childCount)) {
		l.node((*cArray)(at(child)))
	}
	if array.dictionary != 0 {
		l.node((*cArray)(at(array.dictionary)))
	}
}

func (l *lister) buffer(pointer uintptr, size int64) {
	l.contents = append(l.contents, nil)
	switch {
	case pointer == 0:
		l.out.Buffers = append(l.out.Buffers, placeNowhere, 0, 0)
		return
	case pointer == address(&l.block.head().zero[0]):
		l.out.Buffers = append(l.out.Buffers, placeZeros, 0, uint64(size))
		return
	}
	content := sliceAt[byte](pointer, int(size))
	l.contents[len(l.contents)-1] = content
	if len(content) > inlineBytes/16 { // for less, looking is dearer than copying
		if number, offset, ok := l.conn.Place(l.ctx, content); ok {
			l.out.Buffers = append(l.out.Buffers, number, uint64(offset), uint64(size))
			return
		}
	}
	for _, p := range l.loose { // a column may be two arguments
		if len(p.content) == len(content) && len(content) > 0 && &p.content[0] == &content[0] {
			l.loose = append(l.loose, part{at: len(l.out.Buffers), content: content})
			l.out.Buffers = append(l.out.Buffers, placeInlined, l.out.Buffers[p.at+1], uint64(size))
			return
		}
	}
	l.loose = append(l.loose, part{at: len(l.out.Buffers), content: content})
	l.out.Buffers = append(l.out.Buffers, placeInlined, uint64(l.bytes), uint64(size))
	l.bytes += aligned(size)
}

// copyLoose copies what lies in no memory file: into the frame when it is little, else into a memory file, once.
func (r *remote) copyLoose(l *lister) {
	if l.bytes == 0 {
		return
	}
	number, start := uint64(placeInlined), 0
	var room []byte
	if l.bytes > inlineBytes {
		staged := r.staging.Allocate(l.bytes)
		if known, offset, ok := l.conn.Place(l.ctx, staged); ok {
			room, number, start = staged, known, offset
			l.block.staged = staged
		} else {
			r.staging.Free(staged)
		}
	}
	if room == nil {
		room = make([]byte, l.bytes)
		l.out.Inlined = room
	}
	for _, p := range l.loose {
		offset := int(l.out.Buffers[p.at+1])
		copy(room[offset:], p.content)
		l.out.Buffers[p.at] = number
		l.out.Buffers[p.at+1] = uint64(start + offset)
	}
	if number != placeInlined {
		live.bytesLent.Add(int64(l.bytes))
	}
}

// sum writes the sums of the buffers that lie in memory files; those in the frame are summed with it.
func (l *lister) sum() {
	for i, content := range l.contents {
		if l.out.Buffers[i*bufferNumbers] > placeAnswer {
			l.out.Checksums = append(l.out.Checksums, crc32.Checksum(content, castagnoli))
		}
	}
}

// castagnoli is the polynomial of CRC32C, for which processors have an instruction.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// suspect is what is compared first of a block.
func (b *block) suspect(operation uint64) worker.Suspect {
	bytes := int64(0)
	for _, buffer := range b.buffers {
		if buffer != nil {
			bytes += int64(buffer.Len())
		}
	}
	return worker.Suspect{Operation: operation, Rows: b.head().block.rowCount, Buffers: int64(len(b.buffers)), Bytes: bytes}
}

// sum is the sum of all bytes of a block.
func (b *block) sum() uint64 {
	var hash maphash.Hash
	hash.SetSeed(seed)
	for _, buffer := range b.buffers {
		if buffer != nil {
			_, _ = hash.Write(buffer.Bytes())
		}
	}
	return hash.Sum64()
}

// accuse remembers what a worker was reading when it died. The caller holds the lock.
func (r *remote) accuse(conn *worker.Conn) {
	for _, l := range r.owners {
		if l.conn == conn && !l.freed && l.operation != 0 {
			r.quarantine.Accuse(l.block.suspect(l.operation), l.block.sum())
		}
	}
	for _, o := range r.objects {
		if at := o.at.Load(); o.query && len(o.sources) > 0 && at != nil && at.conn == conn {
			suspect, sum := o.sourcesSuspect()
			r.quarantine.Accuse(suspect, sum())
		}
	}
}

// refusesSources reports whether two workers died of a plan over these tables.
func (r *remote) refusesSources(query *object) bool {
	if len(query.sources) == 0 {
		return false
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	suspect, sum := query.sourcesSuspect()
	return r.quarantine.Refuses(suspect, sum)
}

// sourcesSuspect sums up the tables that a query reads. The remote's lock is held, also while the sum is made.
func (o *object) sourcesSuspect() (worker.Suspect, func() uint64) {
	all := worker.Suspect{Operation: o.operation}
	for _, source := range o.sources {
		for _, l := range source.lent {
			if !l.freed {
				one := l.block.suspect(0)
				all.Rows, all.Buffers, all.Bytes = all.Rows+one.Rows, all.Buffers+one.Buffers, all.Bytes+one.Bytes
			}
		}
	}
	return all, func() (sum uint64) {
		for _, source := range o.sources {
			for _, l := range source.lent {
				if !l.freed {
					sum = sum*31 + l.block.sum()
				}
			}
		}
		return sum
	}
}

func (r *remote) call(ctx context.Context, b *block, function uint64) int32 {
	return r.give(ctx, b, function, worker.KindCall, &wire.WorkerRequest{})
}

func (r *remote) echo(ctx context.Context, b *block, schema uint64, copied bool) int32 {
	return r.give(ctx, b, schema, worker.KindEcho, &wire.WorkerRequest{Copied: copied})
}

func (r *remote) pushSource(ctx context.Context, b *block, source uint64) int32 {
	return r.give(ctx, b, source, worker.KindSourcePush, &wire.WorkerRequest{})
}

func (r *remote) push(ctx context.Context, b *block, query uint64, input uint32) int32 {
	return r.give(ctx, b, query, worker.KindPush, &wire.WorkerRequest{Port: input})
}

// give lends the block to an object and reads the answer.
func (r *remote) give(ctx context.Context, b *block, number uint64, kind uint16, request *wire.WorkerRequest) int32 {
	o, at, err := r.find(ctx, number)
	if err != nil {
		return b.fail(err)
	}
	if request.Block, err = r.lend(ctx, b, at.conn, o); err != nil {
		return b.fail(err)
	}
	owner := request.Block.Owner
	request.Handle = at.handle
	late := func(answer worker.Answer) { // nobody waits any more: what was lent comes back now, or with its event
		r.untaken(at.conn, answer)
		if answer.Reply.GetFlags()&resultRetained == 0 {
			r.giveBack(owner)
		}
	}
	answer, abandoned, err := r.ask(ctx, at.conn, kind, b.request(request), late)
	if abandoned {
		b.head().result.flags |= resultRetained
	}
	if err != nil {
		return b.fail(err)
	}
	if code := b.answered(answer.Reply); code != 0 {
		worker.CloseFile(answer.File)
		return code
	}
	return r.result(b, at.conn, answer)
}

// giveBack frees a block as if its worker had said so.
func (r *remote) giveBack(owner uint64) {
	r.mutex.Lock()
	if l := r.owners[owner]; l != nil && !l.freed {
		l.freed = true
		r.events = append(r.events, cEvent{kind: eventOwner, value: owner})
	}
	r.mutex.Unlock()
	wake(r.arrived)
}

func (r *remote) next(ctx context.Context, b *block, query uint64, output uint32) int32 {
	_, at, err := r.find(ctx, query)
	if err != nil {
		return b.fail(err)
	}
	late := func(answer worker.Answer) { r.untaken(at.conn, answer) }
	answer, _, err := r.ask(ctx, at.conn, worker.KindNext, &wire.WorkerRequest{Handle: at.handle, Port: output}, late)
	if err != nil {
		return b.fail(err)
	}
	if code := b.answered(answer.Reply); code != 0 {
		worker.CloseFile(answer.File)
		return code
	}
	return r.result(b, at.conn, answer)
}
