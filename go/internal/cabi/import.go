// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// zeros back the buffers of a result that alias an exporter's zero region.
var (
	zeros       [64]byte
	emptyBuffer = memory.NewBufferBytes(zeros[:0])
)

// importer turns one native result into arrow-go data. Buffers are, in this order of preference: buffers of the inputs that
// the result aliases, a copy in Go memory when the result is small, native memory.
type importer struct {
	sizes   []int64
	aliases []cAlias
	next    int // preorder index of the next buffer

	native *nativeArray   // owner of native buffers, when they stay native
	region *memory.Buffer // Go copy of all native buffers, when they do not
	used   int            // bytes of region, or of copies apart
	apart  bool           // each native buffer is copied into memory of its own

	slab    []array.Data     // one allocation for all nodes
	buffers []*memory.Buffer // one for all their buffer lists; for a single node both are one allocation
	created []*memory.Buffer // buffers whose first reference is ours, until the arrays have theirs
	options *Options
	failure error // the first broken alias

	lender  *block        // the owner of the last alias
	current *array.Data   // being made into an array
	arrays  []arrow.Array // columns made so far
}

// imported is how results are handed to the code that wraps them.
type imported struct {
	importer
	scratch [24]*memory.Buffer
}

// importers are reused: one is large, and every result needs one.
var importers = sync.Pool{New: func() any { return new(imported) }}

// done puts the importer back; end has been called.
func (in *imported) done() {
	clear(in.scratch[:])
	in.importer = importer{}
	importers.Put(in)
}

// leaf is a node without children and the room for its buffers.
type leaf struct {
	data    [1]array.Data
	buffers [3]*memory.Buffer
}

// regionAlignment is what Arrow recommends for buffers.
const regionAlignment = 64

// importArray imports the result of a call as one array. It releases the native array unless arrays now hold it.
func (c *crossing) importArray(dataType arrow.DataType, operation string, options *Options) (result arrow.Array, err error) {
	in := importers.Get().(*imported)
	defer in.done()
	defer in.recovered(c, &err)
	in.begin(c, operation, options)
	in.allocate(countNodes(&c.array))
	data, err := in.node(&c.array, dataType)
	if err == nil {
		result = in.array(data)
	}
	in.end(c)
	return result, err
}

// importBatch imports a native struct array as a record batch.
func (c *crossing) importBatch(schema *arrow.Schema, operation string, options *Options) (batch arrow.RecordBatch, err error) {
	in := importers.Get().(*imported)
	defer in.done()
	defer in.recovered(c, &err)
	columns := sliceAt[uintptr](c.array.children, int(c.array.childCount))
	if len(columns) != schema.NumFields() || c.array.offset != 0 || c.array.bufferCount != 1 {
		c.releaseArray()
		return nil, failf(codeInternal, "%s: the native batch has %d columns, its schema %d", operation, len(columns), schema.NumFields())
	}
	in.begin(c, operation, options)
	in.allocate(countNodes(&c.array) - 1)
	in.next = 1 // a batch has no validity
	in.arrays = make([]arrow.Array, 0, len(columns))
	for i, column := range columns {
		var data *array.Data
		if data, err = in.node((*cArray)(at(column)), schema.Field(i).Type); err != nil {
			break
		}
		in.arrays = append(in.arrays, in.array(data))
	}
	if err == nil {
		batch = array.NewRecordBatch(schema, in.arrays, c.array.length)
	}
	in.end(c)
	return batch, err
}

// array makes the array of imported data, which holds it from then on.
func (in *imported) array(data *array.Data) arrow.Array {
	in.current = data
	result := array.MakeFromData(data)
	in.current = nil
	return result
}

// discard lets go of imported data that nothing holds.
func discard(data *array.Data) {
	data.Retain()
	data.Release()
}

func (in *imported) begin(c *crossing, operation string, options *Options) {
	in.options = options
	in.sizes = sliceAt[int64](c.result.sizes, int(c.result.bufferCount))
	in.aliases = sliceAt[cAlias](c.result.aliases, int(c.result.aliasCount))
	in.created = in.scratch[:0]
	native := int64(c.result.byteLen)
	switch {
	case native == 0:
	case native <= options.CopyBelow && len(in.sizes) <= 2 && c.array.childCount == 0:
		// One buffer, or one and a bitmap: each in memory of its own costs less than slices of one region.
		in.apart = true
	case native <= options.CopyBelow:
		total := 0
		for _, size := range in.sizes { // an upper bound: aliases are not copied
			total += aligned(size)
		}
		total = min(total, aligned(native)+regionAlignment*len(in.sizes))
		in.region = memory.NewBufferWithAllocator(memoryFor(options.Allocator, total), options.Allocator)
	default:
		in.native = newNativeArray(&c.array, native, operation, options)
	}
}

// recovered turns a panic of an array constructor, such as that of a user's extension type, into an error.
func (in *imported) recovered(c *crossing, err *error) {
	if cause := recover(); cause != nil {
		*err = failf(codeInternal, "a result could not become an arrow-go array: %v", cause)
		if in.current != nil {
			discard(in.current)
		}
		in.end(c)
	}
}

func aligned(size int64) int { return int(size+regionAlignment-1) &^ (regionAlignment - 1) }

// allocate makes room for all nodes at once. The layouts of unions and run-end encoding need one buffer more in Go than in C.
func (in *imported) allocate(nodes int) {
	if nodes == 1 && len(in.sizes) < len(leaf{}.buffers) {
		one := new(leaf)
		in.slab, in.buffers = one.data[:], one.buffers[:0]
		return
	}
	in.slab = make([]array.Data, nodes)
	in.buffers = make([]*memory.Buffer, 0, len(in.sizes)+nodes)
}

// end drops the importer's own references and, unless native buffers live on, the native array.
func (in *imported) end(c *crossing) {
	in.leaveLender()                   // before the native array goes, and with it perhaps the owner
	for _, values := range in.arrays { // a batch has references of its own
		values.Release()
	}
	in.arrays = nil
	for _, buffer := range in.created {
		buffer.Release()
	}
	in.created = nil
	if in.used > 0 {
		live.bytesCopied.Add(int64(in.used))
		in.used = 0
	}
	if in.region != nil {
		in.region.Release()
		in.region = nil
	}
	if in.native != nil {
		in.native.drop()
		in.native = nil
		c.array.release = 0
		return
	}
	c.releaseArray()
}

// releaseArray gives the call's native array back. It stands in the block, which is pinned as long as the call lasts.
func (c *crossing) releaseArray() {
	if c.array.release != 0 {
		giveBack(&c.array)
		c.array.release = 0
	}
}

// leaveLender says that nothing of the last aliases' owner is read any more.
func (in *imported) leaveLender() {
	if in.lender != nil {
		in.lender.readers.Add(1)
		in.lender = nil
	}
}

// giveBack releases a result where it is: the library's own, or a memory file of a worker.
func giveBack(array *cArray) {
	if array.release == releaseMapped {
		worker.Unmap(array.privateData)
		return
	}
	nativeArrayRelease(address(array))
}

func countNodes(native *cArray) int {
	count := 1
	for _, child := range sliceAt[uintptr](native.children, int(native.childCount)) {
		count += countNodes((*cArray)(at(child)))
	}
	if native.dictionary != 0 {
		count += countNodes((*cArray)(at(native.dictionary)))
	}
	return count
}

// node imports one array and everything below it. Nothing holds the result yet: no reference is taken that would only be given back.
func (in *imported) node(native *cArray, dataType arrow.DataType) (*array.Data, error) {
	data := &in.slab[0]
	in.slab = in.slab[1:]
	storage := storageType(dataType)
	id := storage.ID()
	layout := layouts[id]
	pointers := sliceAt[uintptr](native.buffers, int(native.bufferCount))
	kept := len(pointers)
	if layout.views {
		kept--
	}
	if kept < int(layout.buffers) || len(pointers) > len(in.sizes)-in.next {
		return nil, failf(codeInternal, "the native result has %d buffers where %s needs %d", len(pointers), dataType, layout.buffers)
	}

	first := len(in.buffers)
	if layout.skipped > 0 || layout.buffers == 0 {
		in.buffers = append(in.buffers, nil)
	}
	for i := range pointers {
		if i < kept {
			in.buffers = append(in.buffers, in.buffer(pointers[i], layout.validity && i == 0))
		}
		in.next++
	}
	if in.failure != nil {
		return nil, in.failure
	}
	buffers := in.buffers[first:len(in.buffers):len(in.buffers)]

	nulls := int(native.nullCount)
	switch {
	case id == arrow.NULL:
		nulls = int(native.length)
	case !layout.validity || buffers[0] == nil:
		nulls = 0
	case nulls < 0 && int64(buffers[0].Len())*8 < native.offset+native.length:
		return nil, failf(codeInternal, "the native result has %d bytes of validity for %d rows", buffers[0].Len(), native.offset+native.length)
	case nulls < 0: // arrow-go wants to know of map entries, and would count the rest without a lock later
		nulls = int(native.length) - bitutil.CountSetBits(buffers[0].Bytes(), int(native.offset), int(native.length))
	}
	children, err := in.children(native, storage)
	if err != nil {
		return nil, err
	}
	data.Reset(dataType, int(native.length), buffers, children, nulls, int(native.offset))
	if native.dictionary != 0 {
		values, ok := storage.(*arrow.DictionaryType)
		if !ok {
			discard(data)
			return nil, failf(codeInternal, "the native result has a dictionary where %s has none", dataType)
		}
		dictionary, err := in.node((*cArray)(at(native.dictionary)), values.ValueType)
		if err != nil {
			discard(data)
			return nil, err
		}
		data.SetDictionary(dictionary)
	}
	return data, nil
}

// children imports the children of a node, which nothing holds yet.
func (in *imported) children(native *cArray, storage arrow.DataType) ([]arrow.ArrayData, error) {
	if native.childCount == 0 {
		return nil, nil
	}
	nested, ok := storage.(arrow.NestedType)
	if !ok || nested.NumFields() != int(native.childCount) {
		return nil, failf(codeInternal, "the native result has %d children, which does not fit %s", native.childCount, storage)
	}
	fields := nested.Fields()
	children := make([]arrow.ArrayData, native.childCount)
	for i, child := range sliceAt[uintptr](native.children, int(native.childCount)) {
		data, err := in.node((*cArray)(at(child)), fields[i].Type)
		if err != nil {
			for _, earlier := range children[:i] {
				discard(earlier.(*array.Data))
			}
			return nil, err
		}
		children[i] = data
	}
	return children, nil
}

// buffer imports the next buffer of the preorder.
func (in *imported) buffer(pointer uintptr, validity bool) *memory.Buffer {
	size := in.sizes[in.next]
	if len(in.aliases) > 0 && int(in.aliases[0].targetBuffer) == in.next {
		alias := &in.aliases[0]
		in.aliases = in.aliases[1:]
		return in.alias(alias)
	}
	switch {
	case pointer == 0 && validity:
		return nil
	case pointer == 0 || size <= 0:
		return emptyBuffer
	}
	content := sliceAt[byte](pointer, int(size))
	if in.native != nil {
		in.native.references.Add(1)
		return in.own(memory.NewBufferWithAllocator(content, in.native))
	}
	if in.apart {
		copied := memory.NewBufferWithAllocator(memoryFor(in.options.Allocator, len(content)), in.options.Allocator)
		copy(copied.Bytes(), content)
		in.used += aligned(size)
		return in.own(copied)
	}
	if in.region == nil { // native bytes that the result did not count: keep them apart
		return in.own(memory.NewBufferBytes(append([]byte(nil), content...)))
	}
	copied := memory.SliceBuffer(in.region, in.used, len(content))
	copy(copied.Bytes(), content)
	in.used += aligned(size)
	return in.own(copied)
}

func (in *imported) own(buffer *memory.Buffer) *memory.Buffer {
	in.created = append(in.created, buffer)
	return buffer
}

// alias rebuilds a buffer that lies in memory of a Go buffer: the same bytes, shared as arrow-go shares a slice.
func (in *imported) alias(alias *cAlias) *memory.Buffer {
	owner := findOwner(alias.owner)
	if owner == nil || owner.remote.Load() != in.options.remote || int(alias.sourceBuffer) >= len(owner.buffers) {
		in.failure = failf(codeInternal, "the native result names buffer %d of an unknown owner", alias.sourceBuffer)
		return nil
	}
	source := owner.buffers[alias.sourceBuffer]
	if owner != in.lender {
		in.leaveLender()
		in.lender = owner
	}
	if source == nil { // the zero region
		return memory.NewBufferBytes(zeros[:min(int(alias.byteLen), len(zeros))])
	}
	if alias.offset < 0 || alias.byteLen < 0 || alias.offset > int64(source.Len()) || alias.byteLen > int64(source.Len())-alias.offset {
		in.failure = failf(codeInternal, "the native result names bytes outside buffer %d of its owner", alias.sourceBuffer)
		return nil
	}
	if alias.offset == 0 && int(alias.byteLen) == source.Len() {
		return source
	}
	return in.own(memory.SliceBuffer(source, int(alias.offset), int(alias.byteLen)))
}
