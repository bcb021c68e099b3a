// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"path"
	"runtime"
	"strconv"
)

// origin is where in the user's program a node of a plan was written. It stands outside the node's meaning: equality, JSON and
// the text of a plan ignore it.
type origin struct {
	pc   uintptr // resolved when asked: 0.2 µs to record, ten times that to resolve
	file string  // of a plan that was read back
	line uint32
}

// here returns the caller of the exported function that calls it.
func here() origin {
	var pc [1]uintptr
	if runtime.Callers(3, pc[:]) == 0 {
		return origin{}
	}
	return origin{pc: pc[0]}
}

// position returns the file, shortened to its last two elements, and the line; "" when unknown.
func (o origin) position() (string, uint32) {
	if o.pc == 0 {
		return o.file, o.line
	}
	frame, _ := runtime.CallersFrames([]uintptr{o.pc}).Next()
	folder, name := path.Split(frame.File)
	return path.Join(path.Base(folder), name), uint32(frame.Line)
}

func (o origin) String() string {
	file, line := o.position()
	if file == "" {
		return ""
	}
	return file + ":" + strconv.FormatUint(uint64(line), 10)
}
