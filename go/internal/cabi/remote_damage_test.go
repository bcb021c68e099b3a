// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cabi

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// answerOf is the list that a worker would answer with this array.
func answerOf(t testing.TB, values arrow.Array) *wire.WorkerReply {
	t.Helper()
	b := acquireBlock()
	defer b.finish(false)
	schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: values.DataType(), Nullable: true}}, nil)
	batch := array.NewRecordBatch(schema, []arrow.Array{values}, int64(values.Len()))
	defer batch.Release()
	if err := b.exportBatch(batch); err != nil {
		t.Fatal(err)
	}
	l := lister{ctx: t.Context(), block: b, out: &wire.WorkerBlock{ArrayCount: 1, RowCount: int64(values.Len())}}
	for _, root := range sliceAt[cArray](uintptr(b.head().block.arrays), int(b.head().block.arrayCount)) {
		l.node(&root)
	}
	(&remote{}).copyLoose(&l)
	return &wire.WorkerReply{Block: l.out}
}

// readAnswer does with an answer what is done with a worker's.
func readAnswer(reply *wire.WorkerReply, dataType arrow.DataType) (arrow.Array, error) {
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	t := tree{list: reply.GetBlock(), aliases: reply.GetAliases()}
	if err := t.into(b, -1); err != nil {
		return nil, err
	}
	options := Options{CopyBelow: 1 << 20, Allocator: memory.DefaultAllocator}
	out, err := b.head().importArray(dataType, "an answer", &options)
	if err != nil {
		return nil, err
	}
	return out, checked(out, func() error { return array.ValidateFull(out) })
}

// damage changes an answer in one to three places.
func damage(reply *wire.WorkerReply, random *rand.Rand) {
	list := reply.Block
	number := func(old uint64) uint64 {
		edges := []uint64{0, 1, 2, 3, 7, 64, 1 << 20, 1 << 31, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 8, 1<<64 - 1, old + 1, old - 1, old * 2, old / 2, old ^ 8}
		return edges[random.IntN(len(edges))]
	}
	for range 1 + random.IntN(3) {
		switch kind := random.IntN(9); {
		case kind < 2 && len(list.Nodes) > 0:
			at := random.IntN(len(list.Nodes))
			list.Nodes[at] = int64(number(uint64(list.Nodes[at])))
		case kind < 5 && len(list.Buffers) > 0:
			at := random.IntN(len(list.Buffers))
			list.Buffers[at] = number(list.Buffers[at])
		case kind < 7 && len(list.Inlined) > 0:
			at := random.IntN(len(list.Inlined))
			list.Inlined[at] = byte(number(uint64(list.Inlined[at])))
		case kind == 7 && len(list.Dictionaries) > 0:
			at := random.IntN(len(list.Dictionaries))
			list.Dictionaries[at] = uint32(number(uint64(list.Dictionaries[at])))
		case kind == 8:
			reply.Aliases = append(reply.Aliases, number(5), number(0), uint64(random.IntN(4)), number(0), number(64))
		case len(list.Nodes) > 0:
			list.Nodes = list.Nodes[:random.IntN(len(list.Nodes))]
		}
	}
}

// read looks at every value of an array, or at the first and last of one that can be so long because it has no values.
func read(values arrow.Array) {
	const most = 1000
	for row := range min(values.Len(), most) {
		_ = values.ValueStr(row)
		_ = values.ValueStr(values.Len() - 1 - row)
	}
	if values.Len() <= most {
		_, _ = values.MarshalJSON()
	}
}

// tried reads an answer, and everything that it holds when it is believed. What goes wrong then is the result.
func tried(reply *wire.WorkerReply, dataType arrow.DataType) (believed bool, wrong error) {
	defer func() {
		if cause := recover(); cause != nil {
			wrong = fmt.Errorf("%v", cause)
		}
	}()
	out, err := readAnswer(reply, dataType)
	if err != nil {
		return false, nil
	}
	defer out.Release()
	read(out)
	return true, nil
}

func TestDamagedAnswersAreRefusedOrHoldWhatTheySay(t *testing.T) {
	samples := allSamples()
	rounds, each := uint64(300), time.Hour
	if long := trustSeconds(); long > 0 {
		rounds, each = 1<<40, long/time.Duration(len(samples))
	}
	tries, believed := 0, 0
	for _, s := range samples {
		enough := time.Now().Add(each)
		values := s.build(t, memory.DefaultAllocator)
		whole := answerOf(t, values)
		if out, err := readAnswer(whole, s.dataType); err != nil || !array.Equal(values, out) {
			t.Fatalf("%s: %v", s.name, err)
		}
		values.Release()
		for round := range rounds {
			if round%64 == 0 && time.Now().After(enough) {
				break
			}
			reply := proto.Clone(whole).(*wire.WorkerReply)
			damage(reply, rand.New(rand.NewPCG(round, 11)))
			taken, wrong := tried(reply, s.dataType)
			if wrong != nil {
				t.Fatalf("%s, seed %d: %v", s.name, round, wrong)
			}
			tries++
			if taken {
				believed++
			}
		}
	}
	t.Logf("TRUST damaged answers: %d, of which %d were taken and could be read, 0 panics", tries, believed)
}

// Whatever comes as the body of an answer is refused, or holds what it says.
func FuzzAnswer(f *testing.F) {
	types := []arrow.DataType{
		arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String, arrow.BinaryTypes.StringView, arrow.ListOf(arrow.PrimitiveTypes.Int32),
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String},
	}
	texts := []string{`[1, null, 3]`, `["a", null, "longer than twelve bytes"]`, `["a", null, "longer than twelve bytes"]`, `[[1, 2], null, []]`, `["a", null, "b"]`}
	for i, dataType := range types {
		values, _, err := array.FromJSON(memory.DefaultAllocator, dataType, bytes.NewReader([]byte(texts[i])))
		if err != nil {
			f.Fatal(err)
		}
		content, err := proto.Marshal(answerOf(f, values))
		if err != nil {
			f.Fatal(err)
		}
		values.Release()
		f.Add(uint8(i), content)
	}
	f.Fuzz(func(t *testing.T, which uint8, content []byte) {
		var reply wire.WorkerReply
		if err := proto.Unmarshal(content, &reply); err != nil || reply.GetBlock() == nil {
			return
		}
		if _, wrong := tried(&reply, types[int(which)%len(types)]); wrong != nil {
			t.Fatal(wrong)
		}
	})
}
