// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Package seal protects Arrow IPC streams and files, or any bytes, that rest or leave the machine: who reads them with the same key
// knows that they are whole, in order, and what was written. It does not hide them: for that, encrypt.
//
// A [Writer] cuts what it is given into pieces of 64 KiB, each with a sum by BLAKE3 with the key. A [Reader] reads a sealed stream, and
// [Open] a sealed file at any place; neither gives a byte of a piece whose sum is wrong, so a decoder that reads from them never sees
// what somebody else made. The key comes from the caller: it is not written, and neither it nor data stands in an error.
//
// A sealed stream is a header of 32 bytes ("BWYSEAL1", sixteen random bytes that name the stream, the size of a piece as four bytes in
// little endian, four zeros), then the pieces, each followed by its sum of 32 bytes. The last piece may be shorter, or empty. A sum is
// that of the header, the number of the piece (eight bytes, little endian), one byte that is 1 for the last piece, and the piece.
package seal

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"lukechampine.com/blake3"
)

// Key is a secret that writer and reader share: 32 random bytes, or a key derived for this purpose alone. It does not print.
type Key [32]byte

// String says that this is a key, not which.
func (Key) String() string { return "seal.Key(hidden)" }

// GoString is String.
func (k Key) GoString() string { return k.String() }

// Format is String for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue is String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText refuses: a key is not to be written down.
func (Key) MarshalText() ([]byte, error) { return nil, errors.New("seal: a key is not written down") }

// ErrBroken is given for content that is not what was sealed with this key: changed, cut off, put together from others, or sealed with
// another key.
var ErrBroken = errors.New("seal: broken")

const (
	magic       = "BWYSEAL1"
	headerBytes = 32
	pieceBytes  = 64 << 10
	sumBytes    = 32
	largest     = 16 << 20 // of pieces that other versions may write
)

// sealer makes the sums of one stream.
type sealer struct {
	header [headerBytes]byte
	hasher *blake3.Hasher
}

func newSealer(key Key) sealer { return sealer{hasher: blake3.New(sumBytes, key[:])} }

func (s *sealer) sum(number int64, last bool, piece []byte) (sum [sumBytes]byte) {
	var place [9]byte
	binary.LittleEndian.PutUint64(place[:], uint64(number))
	if last {
		place[8] = 1
	}
	s.hasher.Reset()
	for _, part := range [][]byte{s.header[:], place[:], piece} {
		_, _ = s.hasher.Write(part)
	}
	s.hasher.Sum(sum[:0])
	return sum
}

// begin checks a header that was read, and returns the size of pieces.
func (s *sealer) begin() (int, error) {
	size := binary.LittleEndian.Uint32(s.header[24:])
	if string(s.header[:8]) != magic || size == 0 || size > largest || binary.LittleEndian.Uint32(s.header[28:]) != 0 {
		return 0, fmt.Errorf("%w: it does not begin as sealed content does", ErrBroken)
	}
	return int(size), nil
}

// check compares the sum behind a piece with its own.
func (s *sealer) check(number int64, last bool, piece, sum []byte) error {
	own := s.sum(number, last, piece)
	if subtle.ConstantTimeCompare(own[:], sum) != 1 {
		return fmt.Errorf("%w: piece %d is not what was sealed with this key", ErrBroken, number)
	}
	return nil
}

// Writer seals what is written to it. It must be closed, or its reader will find the end missing.
type Writer struct {
	to     io.Writer
	sealer sealer
	piece  []byte
	number int64
	failed error
}

// NewWriter begins a sealed stream. For an Arrow IPC stream, give the result to ipc.NewWriter; for a file, to ipc.NewFileWriter.
func NewWriter(to io.Writer, key Key) (*Writer, error) {
	w := &Writer{to: to, sealer: newSealer(key), piece: make([]byte, 0, pieceBytes+sumBytes)}
	copy(w.sealer.header[:], magic)
	if _, err := rand.Read(w.sealer.header[8:24]); err != nil {
		return nil, err
	}
	binary.LittleEndian.PutUint32(w.sealer.header[24:], pieceBytes)
	if _, err := to.Write(w.sealer.header[:]); err != nil {
		return nil, err
	}
	return w, nil
}

// Write adds bytes to the stream.
func (w *Writer) Write(content []byte) (int, error) {
	written := 0
	for len(content) > 0 {
		if len(w.piece) == pieceBytes { // only now is it known not to be the last
			w.emit(false)
		}
		if w.failed != nil {
			return written, w.failed
		}
		n := min(len(content), pieceBytes-len(w.piece))
		w.piece = append(w.piece, content[:n]...)
		content = content[n:]
		written += n
	}
	return written, nil
}

// Close writes the last piece. It does not close what it writes to. A second Close does nothing.
func (w *Writer) Close() error {
	if errors.Is(w.failed, errClosed) {
		return nil
	}
	if w.failed == nil {
		w.emit(true)
	}
	if w.failed != nil {
		return w.failed
	}
	w.failed = errClosed
	return nil
}

var errClosed = errors.New("seal: the writer is closed")

func (w *Writer) emit(last bool) {
	if w.failed != nil {
		return
	}
	sum := w.sealer.sum(w.number, last, w.piece)
	_, w.failed = w.to.Write(append(w.piece, sum[:]...))
	w.piece = w.piece[:0]
	w.number++
}
