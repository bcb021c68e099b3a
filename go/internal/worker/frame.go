// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Kinds of requests; docs/worker.md says what each has and gets.
const (
	KindOpen uint16 = iota + 1
	KindClose
	KindMemoryFile
	KindForgetFile
	KindResolve
	KindCall
	KindCancelCall
	KindSchemaOpen
	KindEcho
	KindSourceOpen
	KindSourcePush
	KindPrepare
	KindOutput
	KindStart
	KindPush
	KindFinish
	KindNext
	KindCancel
	KindStatistics
	KindLogs
	KindRelease
	KindTaken

	kindEvents = 0x4000
	kindAnswer = 0x8000
)

const (
	frameMagic   = 0x31595742 // "BWY1"
	frameVersion = 1
	headerBytes  = 32
	bodyLimit    = 128 << 10 // a larger body lies in a memory file of its own
	largestBody  = 256 << 20
	bodyInFile   = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is what stands before the body of a frame.
type header struct {
	kind     uint16
	flags    uint32
	length   int
	sequence uint64
}

// write fills the header's bytes for this body.
func (h header) write(out, body []byte) {
	binary.LittleEndian.PutUint32(out[0:], frameMagic)
	binary.LittleEndian.PutUint16(out[4:], frameVersion)
	binary.LittleEndian.PutUint16(out[6:], h.kind)
	binary.LittleEndian.PutUint32(out[8:], uint32(h.length))
	binary.LittleEndian.PutUint32(out[12:], h.flags)
	binary.LittleEndian.PutUint64(out[16:], h.sequence)
	binary.LittleEndian.PutUint32(out[24:], frameSum(out, body))
	binary.LittleEndian.PutUint32(out[28:], 0)
}

func frameSum(head, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(head[:24], castagnoli), castagnoli, body)
}

var errDamaged = errors.New("a frame was damaged on its way")

// readHeader reads a header. The sum is checked once the body is known.
func readHeader(frame []byte) (header, error) {
	if len(frame) < headerBytes {
		return header{}, fmt.Errorf("a frame of %d bytes", len(frame))
	}
	h := header{
		kind:     binary.LittleEndian.Uint16(frame[6:]),
		length:   int(binary.LittleEndian.Uint32(frame[8:])),
		flags:    binary.LittleEndian.Uint32(frame[12:]),
		sequence: binary.LittleEndian.Uint64(frame[16:]),
	}
	switch {
	case binary.LittleEndian.Uint32(frame) != frameMagic:
		return h, errors.New("a frame that does not begin as frames do")
	case binary.LittleEndian.Uint16(frame[4:]) != frameVersion:
		return h, fmt.Errorf("a frame of version %d, this program has %d", binary.LittleEndian.Uint16(frame[4:]), frameVersion)
	case h.length > largestBody || h.flags&^bodyInFile != 0 || binary.LittleEndian.Uint32(frame[28:]) != 0:
		return h, fmt.Errorf("a frame with a body of %d bytes and flags %#x", h.length, h.flags)
	}
	return h, nil
}

// checkSum reports whether header and body have the sum that the header says.
func checkSum(head, body []byte) bool {
	return binary.LittleEndian.Uint32(head[24:]) == frameSum(head, body)
}
