// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"fmt"
	"io"
)

// Reader gives what was written to a [Writer], each piece after its sum was found right.
type Reader struct {
	from   io.Reader
	sealer sealer
	room   []byte // for a piece, its sum, and one byte that tells whether more follows
	have   int    // bytes of room that were read
	size   int
	ready  []byte
	number int64
	failed error
}

// NewReader reads the header of a sealed stream. For an Arrow IPC stream, give the result to ipc.NewReader.
func NewReader(from io.Reader, key Key) (*Reader, error) {
	r := &Reader{from: from, sealer: newSealer(key)}
	if _, err := io.ReadFull(from, r.sealer.header[:]); err != nil {
		return nil, cut(err, "its header")
	}
	size, err := r.sealer.begin()
	if err != nil {
		return nil, err
	}
	r.size = size
	r.room = make([]byte, size+sumBytes+1)
	return r, nil
}

// cut says that content ends too early; errors of the reader below stay what they are.
func cut(err error, where string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: it ends within %s", ErrBroken, where)
	}
	return err
}

// Read gives bytes whose sum was right, or an error: [ErrBroken], what the reader below says, or io.EOF after the last piece.
func (r *Reader) Read(to []byte) (int, error) {
	for len(r.ready) == 0 {
		if r.failed != nil {
			return 0, r.failed
		}
		r.ready, r.failed = r.next()
	}
	n := copy(to, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// next reads a piece. With the last one comes io.EOF.
func (r *Reader) next() ([]byte, error) {
	if r.have > 0 { // the byte that was read ahead
		r.room[0] = r.room[r.size+sumBytes]
	}
	n, err := io.ReadFull(r.from, r.room[r.have:])
	n += r.have
	last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !last {
		return nil, err
	}
	end := r.size + sumBytes
	if last {
		end = n
	}
	if end < sumBytes {
		return nil, cut(io.EOF, fmt.Sprintf("piece %d", r.number))
	}
	piece, sum := r.room[:end-sumBytes], r.room[end-sumBytes:end]
	if err := r.sealer.check(r.number, last, piece, sum); err != nil {
		return nil, err
	}
	r.number++
	r.have = 1
	if last {
		return piece, io.EOF
	}
	return piece, nil
}

// File is a sealed file that is read at any place: what ipc.NewFileReader takes. It keeps the last piece that it read. It is for one
// goroutine at a time.
type File struct {
	from   io.ReaderAt
	sealer sealer
	size   int   // of a piece
	pieces int64 // how many
	length int64 // of what was sealed
	at     int64
	held   int64 // number of the piece in room; -1: none
	room   []byte
}

// Open opens sealed content of so many bytes. The end is checked at once, every other piece when it is read.
func Open(from io.ReaderAt, size int64, key Key) (*File, error) {
	f := &File{from: from, sealer: newSealer(key), held: -1}
	if _, err := from.ReadAt(f.sealer.header[:min(size, headerBytes)], 0); err != nil && err != io.EOF {
		return nil, err
	}
	if size < headerBytes+sumBytes {
		return nil, cut(io.EOF, "its header or first piece")
	}
	var err error
	if f.size, err = f.sealer.begin(); err != nil {
		return nil, err
	}
	whole := int64(f.size + sumBytes)
	f.pieces = (size - headerBytes + whole - 1) / whole
	f.length = size - headerBytes - f.pieces*sumBytes
	if f.length < (f.pieces-1)*int64(f.size) {
		return nil, cut(io.EOF, "a sum")
	}
	f.room = make([]byte, whole)
	_, err = f.piece(f.pieces - 1)
	return f, err
}

// Size is the number of bytes that were sealed.
func (f *File) Size() int64 { return f.length }

// piece reads a piece and checks it.
func (f *File) piece(number int64) ([]byte, error) {
	content := f.room[:f.size]
	if number == f.pieces-1 {
		content = f.room[:f.length-number*int64(f.size)]
	}
	if f.held == number {
		return content, nil
	}
	f.held = -1
	sealed := f.room[:len(content)+sumBytes]
	if n, err := f.from.ReadAt(sealed, headerBytes+number*int64(f.size+sumBytes)); n < len(sealed) {
		return nil, cut(err, fmt.Sprintf("piece %d", number))
	}
	if err := f.sealer.check(number, number == f.pieces-1, content, sealed[len(content):]); err != nil {
		return nil, err
	}
	f.held = number
	return content, nil
}

// ReadAt reads what was sealed, from a place on.
func (f *File) ReadAt(to []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, errors.New("seal: a negative offset")
	}
	read := 0
	for read < len(to) {
		if offset >= f.length {
			return read, io.EOF
		}
		number := offset / int64(f.size)
		content, err := f.piece(number)
		if err != nil {
			return read, err
		}
		n := copy(to[read:], content[offset-number*int64(f.size):])
		read += n
		offset += int64(n)
	}
	return read, nil
}

// Read reads from where the last Read or Seek ended.
func (f *File) Read(to []byte) (int, error) {
	n, err := f.ReadAt(to, f.at)
	f.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// Seek sets where the next Read begins.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.length
	case io.SeekStart:
	default:
		return 0, fmt.Errorf("seal: there is no whence %d", whence)
	}
	if offset < 0 {
		return 0, errors.New("seal: a negative offset")
	}
	f.at = offset
	return offset, nil
}
