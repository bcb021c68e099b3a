// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import "unsafe"

// The C structs as Go sees them. All addresses are numbers, so that the memory that holds them has no Go pointers and a
// call needs no pointer check; native_cgo.go asserts at compile time that sizes and offsets are those of the header.

type cArray struct {
	length, nullCount, offset, bufferCount, childCount int64
	buffers, children, dictionary                      uintptr
	release, privateData                               uintptr
}

type cSchema struct {
	format, name, metadata uintptr
	flags, childCount      int64
	children, dictionary   uintptr
	release, privateData   uintptr
}

type cBuffer struct {
	structSize, flags    uint32
	data                 uintptr
	byteLen              uint64
	release, privateData uintptr
}

type cError struct {
	structSize           uint32
	code                 int32
	message              uintptr
	messageLen           uint64
	detail               uintptr
	detailLen            uint64
	release, privateData uintptr
}

type cCall struct {
	structSize, flags      uint32
	timeoutNs, memoryLimit uint64
	cancel                 uintptr
	traceparent            [56]byte
}

type cArgument struct{ first, count, flags, reserved uint32 }

type cBlock struct {
	structSize, arrayCount   uint32
	owner                    uint64
	rowCount                 int64
	arrays, sizes, arguments uint64
	argumentCount, flags     uint32
}

type cAlias struct {
	owner                      uint64
	sourceBuffer, targetBuffer uint32
	offset, byteLen            int64
}

type cResult struct {
	structSize, state, flags, aliasCount, bufferCount, reserved uint32
	rowCount                                                    int64
	aliases, sizes                                              uintptr
	byteLen, bytesCopied                                        uint64
}

type cEvent struct {
	kind, port    uint32
	handle, value uint64
}

const (
	argumentScalar  = 1
	argumentChunked = 2

	blockTrusted = 1
	blockFull    = 2

	stateBatch   = 1
	statePending = 2
	stateEnd     = 3

	resultRetained = 1
	resultScalar   = 2

	eventOutput = 1
	eventInput  = 2
	eventOwner  = 3
	eventLog    = 4
	eventClosed = 6
	eventLost   = 7 // of this package: the worker that ran the query is gone

	flagDictionaryOrdered = 1
	flagNullable          = 2
	flagMapKeysSorted     = 4
)

// crossing holds what every call passes and gets back. It stands at the head of a block's words.
type crossing struct {
	call    cCall
	block   cBlock
	array   cArray
	schema  cSchema
	buffer  cBuffer
	result  cResult
	failure cError
	handle  uint64
	zero    [2]uint64 // what empty buffers point to: one zero offset of either width
}

const (
	wordBytes     = 8
	crossingWords = int(unsafe.Sizeof(crossing{})) / wordBytes
	arrayWords    = int(unsafe.Sizeof(cArray{})) / wordBytes
	schemaWords   = int(unsafe.Sizeof(cSchema{})) / wordBytes
	argumentWords = int(unsafe.Sizeof(cArgument{})) / wordBytes
)

// reset clears the structs that a call fills and sets the sizes by which the library knows their version.
func (c *crossing) reset() {
	*c = crossing{}
	c.call.structSize = uint32(unsafe.Sizeof(c.call))
	c.block.structSize = uint32(unsafe.Sizeof(c.block))
	c.buffer.structSize = uint32(unsafe.Sizeof(c.buffer))
	c.result.structSize = uint32(unsafe.Sizeof(c.result))
	c.failure.structSize = uint32(unsafe.Sizeof(c.failure))
}

// at names memory by its address. The address is that of native memory or of pinned Go memory, never of anything that
// the collector may move or free.
func at(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

func address[T any](pointer *T) uintptr { return uintptr(unsafe.Pointer(pointer)) }

// sliceAt views native memory as a slice; the slice must not outlive the native object.
func sliceAt[T any](address uintptr, count int) []T {
	if address == 0 || count == 0 {
		return nil
	}
	return unsafe.Slice((*T)(at(address)), count)
}

// textAt copies a zero-terminated native string.
func textAt(address uintptr) string {
	if address == 0 {
		return ""
	}
	count := 0
	for *(*byte)(at(address + uintptr(count))) != 0 {
		count++
	}
	return string(sliceAt[byte](address, count))
}
