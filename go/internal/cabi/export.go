// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Argument is one argument of a function call: an array, the chunks of a chunked array, or a scalar as one row.
type Argument struct {
	Array  arrow.Array   // a single array, or nil: then the chunks
	Arrays []arrow.Array // the chunks of a chunked array
	Scalar bool
}

// nodeLayout says how arrow-go's buffers of a type become those of the C data interface.
type nodeLayout struct {
	buffers  int8 // of the C array
	skipped  int8 // leading arrow-go buffers that do not exist in C: unions keep a validity slot
	validity bool // the first buffer is a validity bitmap and may be absent
	offsets  bool // the second has one entry more than there are rows: at least one
	views    bool // further data buffers follow, and a buffer with their sizes
}

var layouts = func() (table [64]nodeLayout) {
	for id := range table {
		table[id] = nodeLayout{buffers: 2, validity: true}
	}
	table[arrow.NULL] = nodeLayout{}
	table[arrow.RUN_END_ENCODED] = nodeLayout{}
	table[arrow.SPARSE_UNION] = nodeLayout{buffers: 1, skipped: 1}
	table[arrow.DENSE_UNION] = nodeLayout{buffers: 2, skipped: 1}
	table[arrow.STRUCT] = nodeLayout{buffers: 1, validity: true}
	table[arrow.FIXED_SIZE_LIST] = nodeLayout{buffers: 1, validity: true}
	for _, id := range []arrow.Type{arrow.BINARY, arrow.STRING, arrow.LARGE_BINARY, arrow.LARGE_STRING} {
		table[id] = nodeLayout{buffers: 3, validity: true, offsets: true}
	}
	for _, id := range []arrow.Type{arrow.LIST, arrow.LARGE_LIST, arrow.MAP} {
		table[id] = nodeLayout{buffers: 2, validity: true, offsets: true}
	}
	table[arrow.LIST_VIEW] = nodeLayout{buffers: 3, validity: true}
	table[arrow.LARGE_LIST_VIEW] = nodeLayout{buffers: 3, validity: true}
	table[arrow.BINARY_VIEW] = nodeLayout{buffers: 2, validity: true, views: true}
	table[arrow.STRING_VIEW] = nodeLayout{buffers: 2, validity: true, views: true}
	return table
}()

// storageType looks through extension types.
func storageType(dataType arrow.DataType) arrow.DataType {
	for dataType.ID() == arrow.EXTENSION {
		extension, ok := dataType.(arrow.ExtensionType)
		if !ok {
			return dataType
		}
		dataType = extension.StorageType()
	}
	return dataType
}

// dictionaryOf returns the dictionary or nil.
func dictionaryOf(data *array.Data) *array.Data {
	dictionary, _ := data.Dictionary().(*array.Data)
	return dictionary
}

// childOf returns the data of a child, which is arrow-go's own as that of its parent: no other makes an array.
func childOf(child arrow.ArrayData) *array.Data { return child.(*array.Data) }

// bufferCount is the number of buffers of the node in C.
func (l nodeLayout) bufferCount(data *array.Data) int {
	if l.views {
		return max(len(data.Buffers()), 2) + 1
	}
	return int(l.buffers)
}

// extent counts what arrays need in a block.
type extent struct{ nodes, pointers, buffers, viewSizes int }

func (e *extent) add(data *array.Data) {
	layout := layouts[storageType(data.DataType()).ID()]
	buffers := layout.bufferCount(data)
	children := data.Children()
	e.nodes++
	e.buffers += buffers
	e.pointers += buffers + len(children)
	if layout.views {
		e.viewSizes += buffers - 3
	}
	for _, child := range children {
		e.add(childOf(child))
	}
	if dictionary := dictionaryOf(data); dictionary != nil {
		e.add(dictionary)
	}
}

// dataOf returns the data of an array that is alive.
func dataOf(values arrow.Array) (*array.Data, error) {
	if values == nil {
		return nil, failf(codeInvalidArgument, "an array is nil")
	}
	data := values.Data()
	concrete, ok := data.(*array.Data)
	switch {
	case data != nil && !ok:
		return nil, failf(codeInvalidArgument, "an array with data of the type %T, which arrow-go did not make", data)
	case concrete == nil:
		return nil, failf(codeInvalidState, "an array was released before it was used")
	}
	return concrete, nil
}

// exporter fills one block.
type exporter struct {
	*block
	base                          uintptr // address of words[0]
	nodes, pointers, sizes, views int     // next free word of each region
}

// exportBatch fills the block with the columns of a batch and pins them. On failure the block holds nothing.
func (b *block) exportBatch(batch arrow.RecordBatch) error {
	if batch == nil {
		return failf(codeInvalidArgument, "a record batch is nil")
	}
	columns := batch.Columns()
	if schema := batch.Schema(); schema == nil || schema.NumFields() != len(columns) {
		return failf(codeInvalidState, "a record batch was released before it was used")
	}
	batch.Retain()
	b.batch = batch
	for _, column := range columns {
		data, err := dataOf(column)
		if err != nil {
			return err
		}
		b.data = append(b.data, data)
	}
	b.write(0)
	head := b.head()
	head.block.rowCount = batch.NumRows()
	return nil
}

// exportArguments fills the block with the arguments of a call.
func (b *block) exportArguments(arguments []Argument) error {
	for _, argument := range arguments {
		if argument.Array != nil {
			if err := b.retain(argument.Array); err != nil {
				return err
			}
			continue
		}
		for _, values := range argument.Arrays {
			if err := b.retain(values); err != nil {
				return err
			}
		}
	}
	at := b.write(len(arguments))
	head := b.head()
	list := unsafe.Slice((*cArgument)(unsafe.Pointer(unsafe.SliceData(b.words[at:]))), len(arguments))
	first, rows := 0, int64(1)
	for i, argument := range arguments {
		flags, count, length := uint32(0), len(argument.Arrays), int64(0)
		if argument.Array != nil {
			count, length = 1, int64(argument.Array.Len())
		} else {
			for _, values := range argument.Arrays {
				length += int64(values.Len())
			}
		}
		switch {
		case argument.Scalar && (count != 1 || length != 1):
			return failf(codeInvalidArgument, "argument %d: a scalar has one row, this has %d", i, length)
		case argument.Scalar:
			flags = argumentScalar
		case count != 1:
			flags = argumentChunked
			rows = length
		default:
			rows = length
		}
		list[i] = cArgument{first: uint32(first), count: uint32(count), flags: flags}
		first += count
	}
	head.block.rowCount = rows
	head.block.argumentCount = uint32(len(arguments))
	head.block.arguments = uint64(address(&b.words[0])) + uint64(at*wordBytes)
	return nil
}

// retain adds an array to what the block exports.
func (b *block) retain(values arrow.Array) error {
	data, err := dataOf(values)
	if err != nil {
		return err
	}
	data.Retain()
	b.data = append(b.data, data)
	return nil
}

// write lays the retained arrays out, with room for that many arguments, and returns the word where those begin.
func (b *block) write(arguments int) int {
	var need extent
	for _, data := range b.data {
		need.add(data)
	}
	x := exporter{block: b}
	first := crossingWords
	x.nodes = first + len(b.data)*arrayWords
	x.pointers = first + need.nodes*arrayWords
	x.sizes = x.pointers + need.pointers
	x.views = x.sizes + need.buffers
	argumentsAt := x.views + need.viewSizes
	b.reserve(argumentsAt + arguments*argumentWords - crossingWords)
	x.base = address(&b.words[0])

	head := b.head()
	head.block.arrayCount = uint32(len(b.data))
	head.block.owner = b.owner.Load()
	head.block.arrays = uint64(x.base) + uint64(first*wordBytes)
	head.block.sizes = uint64(x.base) + uint64(x.sizes*wordBytes)
	for i, data := range b.data {
		x.node(first+i*arrayWords, data)
	}
	live.pinnedBytes.Add(b.pinned)
	return argumentsAt
}

func (x *exporter) addressOf(word int) uintptr { return x.base + uintptr(word*wordBytes) }

// node writes one ArrowArray and everything below it.
func (x *exporter) node(word int, data *array.Data) {
	dataType := storageType(data.DataType())
	layout := layouts[dataType.ID()]
	out := (*cArray)(unsafe.Pointer(&x.words[word]))
	out.length = int64(data.Len())
	out.offset = int64(data.Offset())
	out.release = nativeReleaseNothing
	x.buffersOf(out, layout, data)
	if dataType.ID() == arrow.NULL {
		out.nullCount = out.length
	}

	children := data.Children()
	if len(children) > 0 {
		out.childCount = int64(len(children))
		out.children = x.addressOf(x.pointers)
		list, nodes := x.pointers, x.nodes
		x.pointers += len(children)
		x.nodes += len(children) * arrayWords
		for i, child := range children {
			x.words[list+i] = uint64(x.addressOf(nodes + i*arrayWords))
			x.node(nodes+i*arrayWords, childOf(child))
		}
	}
	if dictionary := dictionaryOf(data); dictionary != nil {
		at := x.nodes
		x.nodes += arrayWords
		out.dictionary = x.addressOf(at)
		x.node(at, dictionary)
	}
}

// buffersOf writes the buffer addresses and sizes of a node. The null count stays open: the native side counts the bits of a
// bitmap itself, so that a count which an array was made with, right or wrong, changes no answer. Nor is the cached count
// asked for: arrow-go stores it without a lock.
func (x *exporter) buffersOf(out *cArray, layout nodeLayout, data *array.Data) {
	count := layout.bufferCount(data)
	if count == 0 {
		return
	}
	out.bufferCount = int64(count)
	out.buffers = x.addressOf(x.pointers)
	all := data.Buffers()
	data0 := int(layout.skipped)
	plain := count
	if layout.views {
		plain--
	}
	views := x.views
	for i := range plain {
		var buffer *memory.Buffer
		if data0+i < len(all) {
			buffer = all[data0+i]
		}
		if layout.validity && i == 0 {
			if buffer == nil || buffer.Len() == 0 {
				x.put(nil, 0, 0)
				continue
			}
			out.nullCount = array.UnknownNullCount
		}
		where, size := x.bufferAt(buffer)
		if size == 0 && layout.offsets && i == 1 {
			size = wordBytes
		}
		x.put(buffer, where, size)
		if layout.views && i >= 2 {
			x.words[x.views] = uint64(size)
			x.views++
		}
	}
	if layout.views {
		where := x.zero()
		if x.views > views {
			where = x.addressOf(views)
		}
		x.put(nil, where, int64((x.views-views)*wordBytes))
	}
}

func (x *exporter) put(buffer *memory.Buffer, where uintptr, size int64) {
	x.buffers = append(x.buffers, buffer)
	x.words[x.pointers] = uint64(where)
	x.words[x.sizes] = uint64(size)
	x.pointers++
	x.sizes++
}

func (x *exporter) zero() uintptr { return address(&x.head().zero[0]) }

// bufferAt pins a buffer and returns where its bytes are. Absent and empty buffers are at zeros, so that an empty array has
// its one offset.
func (x *exporter) bufferAt(buffer *memory.Buffer) (uintptr, int64) {
	if buffer == nil || buffer.Len() == 0 {
		return x.zero(), 0
	}
	bytes := buffer.Bytes()
	root := buffer
	for root.Parent() != nil {
		root = root.Parent()
	}
	x.pinRoot(root, &bytes[0])
	return address(&bytes[0]), int64(len(bytes))
}

// pinRoot pins the memory of a root buffer, unless that was among the last ones pinned: the buffers of one message body are slices of
// one root, and a column may be two arguments of a call. A second pin of the same memory would cost the runtime a lock.
func (b *block) pinRoot(root *memory.Buffer, first *byte) {
	for _, pinned := range b.roots {
		if pinned == root {
			return
		}
	}
	b.roots[b.nextPin%uint8(len(b.roots))] = root
	b.nextPin++
	b.pins.Pin(first)
	b.pinned += int64(root.Len())
}
