// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Broken says how a liar breaks the frame of an answer.
type Broken int

// Ways to break one.
const (
	BrokenNot      Broken = iota
	BrokenSum             // another sum
	BrokenNoise           // no frame at all
	BrokenSilence         // the liar hangs up
	BrokenSequence        // the answer to something that was not asked
)

// Lie is a worker for tests: it reads frames from its standard input and answers as it is told, with a memory file that is sealed or
// left open, until the host hangs up.
func Lie(answer func(kind uint16) (reply *wire.WorkerReply, file []byte, open bool, broken Broken)) {
	generic, err := net.FileConn(os.Stdin)
	if err != nil {
		return
	}
	socket := generic.(*net.UnixConn)
	room := make([]byte, headerBytes+bodyLimit)
	for {
		n, _, _, _, err := socket.ReadMsgUnix(room, nil)
		if err != nil || n < headerBytes {
			return
		}
		h, err := readHeader(room[:n])
		if err != nil || h.sequence == 0 {
			continue
		}
		reply, content, open, broken := answer(h.kind)
		body, _ := proto.Marshal(reply)
		frame := make([]byte, headerBytes, headerBytes+len(body))
		out := header{kind: h.kind | kindAnswer, length: len(body), sequence: h.sequence}
		if broken == BrokenSequence {
			out.sequence += 1000
		}
		out.write(frame, body)
		frame = append(frame, body...)
		switch broken {
		case BrokenSum:
			frame[24] ^= 1
		case BrokenNoise:
			frame = []byte("this is not a frame, and is longer than the header of one")
		case BrokenSilence:
			return
		}
		var rights []byte
		if content != nil {
			file, err := fileFor(content, open)
			if err != nil {
				return
			}
			rights = unix.UnixRights(file)
			defer unix.Close(file)
		}
		if _, _, err := socket.WriteMsgUnix(frame, rights, nil); err != nil {
			return
		}
	}
}

func fileFor(content []byte, open bool) (int, error) {
	if !open {
		return finalFile(content)
	}
	file, err := newFile("open")
	if err == nil {
		_, err = unix.Write(file, content)
	}
	return file, err
}
