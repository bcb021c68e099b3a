// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cabi

import (
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// liarPrefix begins the names under which this test program is a worker that lies; the rest names the lie.
const liarPrefix = "liar-"

// lie is what a liar answers to a call.
type lie struct {
	reply  func() *wire.WorkerReply
	file   []byte // of a memory file that comes along
	open   bool   // which is not sealed
	broken worker.Broken
	summed bool // of an engine that wants sums
}

func column(change func(*wire.WorkerReply)) func() *wire.WorkerReply {
	return func() *wire.WorkerReply {
		reply := &wire.WorkerReply{Block: &wire.WorkerBlock{
			ArrayCount: 1, RowCount: 3, Nodes: []int64{3, 0, 0, 2, 0},
			Buffers: []uint64{placeNowhere, 0, 0, placeInlined, 0, 24}, Inlined: make([]byte, 24),
		}}
		change(reply)
		return reply
	}
}

var lies = map[string]lie{
	"damaged":          {reply: column(func(*wire.WorkerReply) {}), broken: worker.BrokenSum},
	"noise":            {reply: column(func(*wire.WorkerReply) {}), broken: worker.BrokenNoise},
	"hangs up":         {reply: column(func(*wire.WorkerReply) {}), broken: worker.BrokenSilence},
	"another question": {reply: column(func(*wire.WorkerReply) {}), broken: worker.BrokenSequence},
	"file too short":   {reply: column(func(r *wire.WorkerReply) { r.Block.Buffers[3] = placeAnswer }), file: make([]byte, 23)},
	"file not sealed":  {reply: column(func(r *wire.WorkerReply) { r.Block.Buffers[3] = placeAnswer }), file: make([]byte, 24), open: true},
	"no file":          {reply: column(func(r *wire.WorkerReply) { r.Block.Buffers[3] = placeAnswer })},
	"past the end":     {reply: column(func(r *wire.WorkerReply) { r.Block.Buffers[4] = 1 })},
	"wrapping":         {reply: column(func(r *wire.WorkerReply) { r.Block.Buffers[4] = 1<<64 - 8 })},
	"place of a host":  {reply: column(func(r *wire.WorkerReply) { r.Block.Buffers[3] = 17 })},
	"too few values":   {reply: column(func(r *wire.WorkerReply) { r.Block.Buffers[5] = 16 })},
	"too few bits":     {reply: column(func(r *wire.WorkerReply) { r.Block.Buffers = []uint64{placeInlined, 0, 0, placeInlined, 0, 24} })},
	"negative length":  {reply: column(func(r *wire.WorkerReply) { r.Block.Nodes[0] = -1 })},
	"huge length":      {reply: column(func(r *wire.WorkerReply) { r.Block.Nodes[0] = 1 << 60 })},
	"huge offset":      {reply: column(func(r *wire.WorkerReply) { r.Block.Nodes[1] = 1 << 40 })},
	"no buffers":       {reply: column(func(r *wire.WorkerReply) { r.Block.Nodes[3] = 0 })},
	"more buffers":     {reply: column(func(r *wire.WorkerReply) { r.Block.Nodes[3] = 3 })},
	"a child":          {reply: column(func(r *wire.WorkerReply) { r.Block.Nodes[4] = 1 })},
	"endless children": {reply: column(func(r *wire.WorkerReply) { r.Block.Nodes[4] = 1 << 62 })},
	"a dictionary":     {reply: column(func(r *wire.WorkerReply) { r.Block.Dictionaries = []uint32{0} })},
	"ragged lists":     {reply: column(func(r *wire.WorkerReply) { r.Block.Nodes = r.Block.Nodes[1:] })},
	"nobody's buffer":  {reply: column(func(r *wire.WorkerReply) { r.Aliases = []uint64{12345, 0, 1, 0, 24} })},
	"no sum":           {reply: column(func(r *wire.WorkerReply) { r.Block.Buffers[3] = placeAnswer }), file: make([]byte, 24), summed: true},
	"a wrong sum": {reply: column(func(r *wire.WorkerReply) {
		r.Block.Buffers[3] = placeAnswer
		r.Block.Checksums = []uint32{crc32.Checksum(make([]byte, 24), castagnoli) ^ 1}
	}), file: make([]byte, 24), summed: true},
	"a sum too many": {reply: column(func(r *wire.WorkerReply) { r.Block.Checksums = []uint32{0} })},
	"no array":       {reply: func() *wire.WorkerReply { return &wire.WorkerReply{} }},
}

// tellLies is the worker: it opens, resolves, and then lies.
func tellLies(name string) {
	told := lies[name]
	worker.Lie(func(kind uint16) (*wire.WorkerReply, []byte, bool, worker.Broken) {
		switch kind {
		case worker.KindOpen:
			return &wire.WorkerReply{Report: &wire.WorkerReport{Level: 3, Concurrency: 1}}, nil, false, worker.BrokenNot
		case worker.KindResolve:
			schema := &wire.Schema{Fields: []*wire.Field{{Format: "l", Nullable: true}}}
			return &wire.WorkerReply{Handle: 7, Schema: schema}, nil, false, worker.BrokenNot
		case worker.KindCall:
			return told.reply(), told.file, told.open, told.broken
		}
		return &wire.WorkerReply{}, nil, false, worker.BrokenNot
	})
}

func TestNoLieOfAWorkerIsBelieved(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name := range lies {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(folder, liarPrefix+name)
			if err := os.Link(own, path); err != nil {
				if err := os.Symlink(own, path); err != nil {
					t.Fatal(err)
				}
			}
			engine := openWith(t, WorkerOptions{
				Path: path, Level: 2, Grace: 50 * time.Millisecond, Policy: worker.DefaultPolicy, Checksums: lies[name].summed,
			})
			call, _ := proto.Marshal(&wire.FunctionCall{Function: "f"})
			f, err := engine.Resolve(call, []arrow.Field{{Type: arrow.PrimitiveTypes.Int64}})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Release()
			values := counting(3)
			defer values.Release()
			before := pidOf(engine)
			out, err := engine.Call(t.Context(), f, []Argument{{Array: values}}, CallOptions{})
			if err == nil {
				out.Release()
				t.Fatal("believed")
			}
			if codeOf(err) != codeWorkerLost {
				t.Errorf("got %v", err)
			}
			t.Log(err)
			// The next one is asked, not the liar.
			conn, err := engine.options.remote.current(t.Context())
			for ; err == nil && conn.Pid() == before; conn, err = engine.options.remote.current(t.Context()) {
				<-conn.Dead()
			}
			if err != nil {
				t.Errorf("the next worker: %v", err)
			}
		})
	}
}
