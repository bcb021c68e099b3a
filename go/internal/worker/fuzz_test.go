// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package worker

import (
	"encoding/binary"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

type deaf struct{}

func (deaf) Told(*Conn, []uint64) {}
func (deaf) Died(*Conn)           {}

// Whatever comes as a frame is refused, or is the answer to something that was asked. The sum is made to fit, or every change would end
// there.
func FuzzFrame(f *testing.F) {
	for _, message := range []proto.Message{
		&wire.WorkerReply{Code: 3, Message: "no"}, &wire.WorkerReply{Block: &wire.WorkerBlock{Nodes: []int64{3, 0, 0, 2, 0}}},
		&wire.WorkerEvents{Events: []uint64{1, 2, 3, 4}},
	} {
		body, err := proto.Marshal(message)
		if err != nil {
			f.Fatal(err)
		}
		for _, kind := range []uint16{KindCall | kindAnswer, kindEvents, KindCall} {
			frame := append(make([]byte, headerBytes), body...)
			header{kind: kind, length: len(body), sequence: 1}.write(frame, body)
			f.Add(frame, true)
			f.Add(frame[:len(frame)/2], false)
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte, fits bool) {
		if fits && len(frame) >= headerBytes {
			body := frame[headerBytes:]
			binary.LittleEndian.PutUint32(frame[8:], uint32(len(body)))
			binary.LittleEndian.PutUint32(frame[24:], frameSum(frame, body))
		}
		asked := &Pending{Sequence: 1, Done: make(chan Answer, 1)}
		c := &Conn{watcher: deaf{}, pending: map[uint64]*Pending{1: asked}}
		if files, err := c.frame(frame, nil); len(files) > 0 || err != nil && len(asked.Done) > 0 {
			t.Fatalf("%v, and %d answers", err, len(asked.Done))
		}
	})
}
