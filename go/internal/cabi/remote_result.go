// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"fmt"
	"hash/crc32"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// releaseMapped stands in the place of a release callback: the result lies in a memory file of a worker, whose number is the private
// data. No function has this address.
const releaseMapped = 1

const (
	mostNodes = 1 << 20
	mostRows  = 1 << 48
	maxDepth  = 64
)

// result turns the list of an answer into the structs that results come in. Nothing in it is believed: places lie within what came,
// counts within the list. What the numbers mean for the values is checked once they are arrays.
func (r *remote) result(b *block, conn *worker.Conn, answer worker.Answer) int32 {
	reply := answer.Reply
	list := reply.GetBlock()
	b.answer = taking{conn: conn}
	if list == nil {
		worker.CloseFile(answer.File)
		return 0
	}
	t := tree{list: list, aliases: reply.GetAliases(), summed: r.options.Checksums}
	if err := t.into(b, answer.File); err != nil {
		return r.wrong(b, conn, err)
	}
	b.answer = taking{conn: conn, sequence: answer.Sequence, due: len(t.aliases) > 0}
	return 0
}

// taking is an answer that the worker keeps until it is told that its buffers were taken.
type taking struct {
	conn     *worker.Conn
	sequence uint64
	due      bool
}

func (t *taking) done() {
	if t.due {
		_ = t.conn.Post(worker.KindTaken, &wire.WorkerRequest{Number: t.sequence})
	}
	*t = taking{}
}

// untaken lets a worker forget an answer that nobody reads.
func (r *remote) untaken(conn *worker.Conn, answer worker.Answer) {
	if len(answer.Reply.GetAliases()) > 0 {
		_ = conn.Post(worker.KindTaken, &wire.WorkerRequest{Number: answer.Sequence})
	}
}

// wrong ends a worker that broke the rules: what it says cannot be relied on.
func (r *remote) wrong(b *block, conn *worker.Conn, err error) int32 {
	failure := failf(codeWorkerLost, "the worker process was ended because its answer was wrong: %v", err)
	conn.Kill(failure)
	return b.fail(failure)
}

// importArray imports a call's result and checks it.
func (r *remote) importArray(b *block, dataType arrow.DataType, operation string, options *Options) (arrow.Array, error) {
	conn := b.answer.conn
	if b.head().array.release == 0 {
		return nil, r.refuse(conn, fmt.Errorf("an array did not come"))
	}
	r.sharing.RLock()
	out, err := b.head().importArray(dataType, operation, options)
	r.sharing.RUnlock()
	b.answer.done()
	if err == nil {
		err = checked(out, func() error { return array.ValidateFull(out) })
	}
	if err != nil {
		return nil, r.refuse(conn, err)
	}
	return out, nil
}

// checked looks at every value's place, and releases an array that does not hold what it says. Looking may panic where an offset
// leads out of its buffer.
func checked(values interface{ Release() }, validate func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("a value lies outside its buffer: %v", cause)
		}
		if err != nil {
			values.Release()
		}
	}()
	return validate()
}

// importBatch imports a query's result and checks it.
func (r *remote) importBatch(b *block, schema *arrow.Schema, operation string, options *Options) (arrow.RecordBatch, error) {
	conn := b.answer.conn
	if b.head().array.release == 0 {
		return nil, r.refuse(conn, fmt.Errorf("a batch did not come"))
	}
	r.sharing.RLock()
	out, err := b.head().importBatch(schema, operation, options)
	r.sharing.RUnlock()
	b.answer.done()
	if err == nil {
		err = checked(out, func() error { return array.ValidateRecordFull(out) })
	}
	if err != nil {
		return nil, r.refuse(conn, err)
	}
	return out, nil
}

func (r *remote) refuse(conn *worker.Conn, err error) error {
	failure := failf(codeWorkerLost, "the worker process was ended because its answer was wrong: %v", err)
	if conn != nil {
		conn.Kill(failure)
	}
	return failure
}

// tree builds the structs of a list, in pinned memory of Go.
type tree struct {
	list    *wire.WorkerBlock
	aliases []uint64
	summed  bool // whether buffers in the file must come with sums

	file    []byte // mapped
	mapping uintptr
	native  int64

	words                           []uint64
	node, buffer, dictionary, alias int // next of the list
	checksum                        int
	free                            int // next free word
	sizes                           int
}

// into writes the list into the structs of the block's call.
func (t *tree) into(b *block, file int) error {
	if err := t.open(file); err != nil {
		return err
	}
	if err := t.build(b); err != nil {
		worker.Unmap(t.mapping)
		return err
	}
	head := b.head()
	head.array.release, head.array.privateData = releaseMapped, t.mapping
	head.result.rowCount = t.list.GetRowCount()
	head.result.byteLen = uint64(t.native)
	return nil
}

// open maps the memory file that came with the answer, if the list names it.
func (t *tree) open(file int) error {
	end := uint64(0)
	buffers := t.list.GetBuffers()
	if len(buffers)%bufferNumbers != 0 || len(t.list.GetNodes())%nodeNumbers != 0 || len(t.aliases)%5 != 0 {
		worker.CloseFile(file)
		return fmt.Errorf("its lists are not whole")
	}
	for at := 0; at < len(buffers); at += bufferNumbers {
		if buffers[at] == placeAnswer {
			if buffers[at+1] > 1<<46 || buffers[at+2] > 1<<46 {
				worker.CloseFile(file)
				return fmt.Errorf("a buffer of %d bytes at %d", buffers[at+2], buffers[at+1])
			}
			end = max(end, buffers[at+1]+buffers[at+2])
		}
	}
	if end == 0 {
		worker.CloseFile(file)
		return nil
	}
	if file < 0 {
		return fmt.Errorf("a memory file did not come")
	}
	var err error
	t.mapping, t.file, err = worker.MapFinal(file, int(end))
	return err
}

func (t *tree) build(b *block) error {
	nodes, buffers := len(t.list.GetNodes())/nodeNumbers, len(t.list.GetBuffers())/bufferNumbers
	if nodes == 0 || nodes > mostNodes || t.list.GetArrayCount() != 1 {
		return fmt.Errorf("%d nodes of %d arrays", nodes, t.list.GetArrayCount())
	}
	const aliasWords = 4
	aliases := len(t.aliases) / 5
	// Structs of all nodes but the root, a pointer for each buffer and child, a size for each buffer, the aliases.
	t.words = make([]uint64, nodes*(arrayWords+1)+2*buffers+aliases*aliasWords+1)
	b.pins.Pin(&t.words[0])
	t.sizes = nodes*(arrayWords+1) + buffers
	head := b.head()
	if err := t.fill(b, &head.array, 0); err != nil {
		return err
	}
	if t.node != nodes || t.buffer != buffers || t.dictionary != len(t.list.GetDictionaries()) || t.alias != aliases ||
		t.checksum != len(t.list.GetChecksums()) {
		return fmt.Errorf("its lists are longer than its array")
	}
	head.result.sizes, head.result.bufferCount = address(&t.words[nodes*(arrayWords+1)+buffers]), uint32(buffers)
	first := nodes*(arrayWords+1) + 2*buffers
	list := sliceAt[cAlias](address(&t.words[first]), aliases)
	for i := range list {
		numbers := t.aliases[5*i:]
		list[i] = cAlias{numbers[0], uint32(numbers[1]), uint32(numbers[2]), int64(numbers[3]), int64(numbers[4])}
	}
	head.result.aliases, head.result.aliasCount = address(&t.words[first]), uint32(aliases)
	return nil
}

// take gives words for a struct or a table.
func (t *tree) take(words int) (int, error) {
	at := t.free
	t.free += words
	if t.free > len(t.words) {
		return 0, fmt.Errorf("its array has more children than its list")
	}
	return at, nil
}

// fill writes one struct and everything below it.
func (t *tree) fill(b *block, out *cArray, depth int) error {
	nodes := t.list.GetNodes()
	if (t.node+1)*nodeNumbers > len(nodes) || depth > maxDepth {
		return fmt.Errorf("its list has fewer nodes than its array")
	}
	index := t.node
	numbers := nodes[t.node*nodeNumbers:][:nodeNumbers]
	t.node++
	length, offset, buffers, children := numbers[0], numbers[1], numbers[3], numbers[4]
	if length < 0 || offset < 0 || length > mostRows || offset > mostRows || buffers < 0 || children < 0 ||
		int(buffers) > len(t.list.GetBuffers())/bufferNumbers-t.buffer || int(children) > len(nodes)/nodeNumbers-t.node {
		return fmt.Errorf("a node of length %d, offset %d, %d buffers, %d children", length, offset, buffers, children)
	}
	// Null counts are made anew from the bits.
	*out = cArray{length: length, nullCount: -1, offset: offset, bufferCount: buffers, childCount: children}
	if buffers > 0 {
		at, err := t.take(int(buffers))
		if err != nil {
			return err
		}
		out.buffers = address(&t.words[at])
		for i := range int(buffers) {
			if t.words[at+i], err = t.place(b); err != nil {
				return err
			}
		}
	}
	if children > 0 {
		table, err := t.take(int(children))
		if err != nil {
			return err
		}
		out.children = address(&t.words[table])
		for i := range int(children) {
			child, err := t.below(b, depth)
			if err != nil {
				return err
			}
			t.words[table+i] = uint64(child)
		}
	}
	if dictionaries := t.list.GetDictionaries(); t.dictionary < len(dictionaries) && int(dictionaries[t.dictionary]) == index {
		t.dictionary++
		dictionary, err := t.below(b, depth)
		if err != nil {
			return err
		}
		out.dictionary = dictionary
	}
	return nil
}

func (t *tree) below(b *block, depth int) (uintptr, error) {
	at, err := t.take(arrayWords)
	if err != nil {
		return 0, err
	}
	out := sliceAt[cArray](address(&t.words[at]), 1)
	return address(&out[0]), t.fill(b, &out[0], depth+1)
}

// check compares the sum of a buffer as it lies here with the one that came. Nobody can change the file any more.
func (t *tree) check(index int, content []byte) error {
	sums := t.list.GetChecksums()
	if t.checksum >= len(sums) {
		return fmt.Errorf("buffer %d has no sum", index)
	}
	want := sums[t.checksum]
	t.checksum++
	if sum := crc32.Checksum(content, castagnoli); sum != want {
		return fmt.Errorf("buffer %d has the sum %#08x instead of %#08x", index, sum, want)
	}
	return nil
}

// place gives the address of the next buffer, and writes its size.
func (t *tree) place(b *block) (uint64, error) {
	numbers := t.list.GetBuffers()[t.buffer*bufferNumbers:][:bufferNumbers]
	where, offset, size := numbers[0], numbers[1], numbers[2]
	index := t.buffer
	t.buffer++
	t.words[t.sizes] = size
	t.sizes++
	if t.alias*5 < len(t.aliases) && t.aliases[t.alias*5+2] == uint64(index) {
		t.alias++ // the bytes are ours: which, is checked where they are looked up
		return 0, nil
	}
	var content []byte
	switch where {
	case placeNowhere:
		t.words[t.sizes-1] = 0
		return 0, nil
	case placeZeros:
		content = zeros[:]
	case placeInlined:
		content = t.list.GetInlined()
	case placeAnswer:
		content = t.file
	}
	if offset > uint64(len(content)) || size > uint64(len(content))-offset {
		return 0, fmt.Errorf("a buffer of %d bytes at %d in place %d", size, offset, where)
	}
	if where == placeAnswer && t.summed {
		if err := t.check(index, content[offset:offset+size]); err != nil {
			return 0, err
		}
	}
	if where == placeZeros {
		return uint64(address(&b.head().zero[0])), nil
	}
	if size == 0 {
		return uint64(address(&b.head().zero[0])), nil
	}
	t.native += int64(size)
	if where == placeInlined {
		b.pins.Pin(&content[0])
	}
	return uint64(address(&content[offset])), nil
}
