// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// nativeArray owns one native result. It is the allocator of every buffer that lies in that result, so that arrow-go's own
// reference counts say when the last one goes; then the native array is released, once.
type nativeArray struct {
	references atomic.Int64 // buffers alive, and one while the import runs
	array      cArray
	byteLen    int64
	cleanup    runtime.Cleanup
}

var _ memory.Allocator = (*nativeArray)(nil)

// forgotten is what remains of a native result that the collector found unreleased.
type forgotten struct {
	array   cArray
	byteLen int64
	origin  origin
	options *Options
}

// origin says where a result came from.
type origin struct {
	operation string
	callers   [6]uintptr
}

// stackBytes is the size from which the origin of a native result includes the calling lines: walking the stack costs about
// a microsecond, which small results should not pay.
const stackBytes = 64 << 10

// newNativeArray takes the native result over and watches it.
func newNativeArray(array *cArray, byteLen int64, operation string, options *Options) *nativeArray {
	n := &nativeArray{array: *array, byteLen: byteLen}
	n.references.Store(1)
	live.nativeArrays.Add(1)
	live.nativeBytes.Add(byteLen)
	trace := forgotten{array: n.array, byteLen: byteLen, origin: origin{operation: operation}, options: options}
	if byteLen >= stackBytes {
		runtime.Callers(4, trace.origin.callers[:])
	}
	n.cleanup = runtime.AddCleanup(n, reportForgotten, trace)
	return n
}

// Free is called by a buffer whose last reference went.
func (n *nativeArray) Free([]byte) { n.drop() }

// Allocate gives ordinary Go memory: arrow-go asks for it only when a caller grows an imported buffer.
func (n *nativeArray) Allocate(size int) []byte { return memory.DefaultAllocator.Allocate(size) }

// Reallocate copies into ordinary Go memory; the native memory stays until its buffer is freed.
func (n *nativeArray) Reallocate(size int, old []byte) []byte {
	grown := memory.DefaultAllocator.Allocate(size)
	copy(grown, old)
	return grown
}

func (n *nativeArray) drop() {
	if n.references.Add(-1) != 0 {
		return
	}
	n.cleanup.Stop()
	array := n.array
	releaseNative(&array)
	live.nativeArrays.Add(-1)
	live.nativeBytes.Add(-n.byteLen)
}

// releaseNative gives a native array back. The struct may stand anywhere: Arrow's C structs can be moved.
func releaseNative(array *cArray) {
	if array.release == 0 {
		return
	}
	var pins runtime.Pinner
	pins.Pin(array)
	giveBack(array)
	pins.Unpin()
	array.release = 0
}

// reportForgotten runs when the collector found every array of a native result unreachable and the result unreleased. Strings
// and slices taken from it may still be in use, and the collector does not see them: so the memory is named and counted, and
// only freed when the engine was opened to do so.
func reportForgotten(lost forgotten) {
	live.forgottenArrays.Add(1)
	live.forgottenBytes.Add(lost.byteLen)
	if lost.options.OnLog != nil {
		lost.options.OnLog(fmt.Sprintf("a native result of %d bytes was never released: %s", lost.byteLen, lost.origin))
	}
	if lost.options.FreeForgotten {
		releaseNative(&lost.array)
		live.nativeArrays.Add(-1)
		live.nativeBytes.Add(-lost.byteLen)
	}
}

func (o origin) String() string {
	var text strings.Builder
	text.WriteString(o.operation)
	count := 0
	for count < len(o.callers) && o.callers[count] != 0 {
		count++
	}
	if count == 0 {
		return text.String()
	}
	frames := runtime.CallersFrames(o.callers[:count])
	for {
		frame, more := frames.Next()
		fmt.Fprintf(&text, "; %s:%d", frame.File, frame.Line)
		if !more {
			return text.String()
		}
	}
}
