// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package worker

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestArenaGivesBlocksApartThatKeepTheirContent(t *testing.T) {
	before := openFiles(t)
	arena := NewArena(true)
	random := rand.New(rand.NewPCG(1, 2))
	type held struct {
		block []byte
		mark  byte
	}
	var all []held
	check := func(h held) {
		t.Helper()
		if len(bytes.Trim(h.block, string([]byte{h.mark}))) != 0 {
			t.Fatal("a block was written to by another")
		}
	}
	for range 4_000 {
		switch {
		case len(all) == 0 || random.IntN(2) == 0:
			size := 1 + random.IntN(1<<random.IntN(21))
			block := arena.Allocate(size)
			if len(block) != size || addressOf(block)%64 != 0 {
				t.Fatalf("a block of %d at %d for %d", len(block), addressOf(block), size)
			}
			if len(bytes.Trim(block, "\x00")) != 0 {
				t.Fatal("a block is not of zeros")
			}
			if s, offset := find(block); s == nil || &s.memory[offset] != &block[0] {
				t.Fatal("a block is not found")
			}
			h := held{block, byte(1 + random.IntN(255))}
			for i := range block {
				block[i] = h.mark
			}
			all = append(all, h)
		case random.IntN(4) == 0:
			i := random.IntN(len(all))
			h := all[i]
			kept := min(len(h.block), 1+random.IntN(1<<16))
			h.block = arena.Reallocate(kept, h.block)
			check(h)
			all[i] = h
		default:
			i := random.IntN(len(all))
			check(all[i])
			arena.Free(all[i].block)
			all[i] = all[len(all)-1]
			all = all[:len(all)-1]
		}
	}
	if err := arena.Close(); len(all) > 0 && err == nil {
		t.Error("an arena in use was closed")
	}
	for _, h := range all {
		check(h)
		arena.Free(h.block)
	}
	if arena.Live() != 0 {
		t.Errorf("%d bytes live", arena.Live())
	}
	if err := arena.Close(); err != nil {
		t.Error(err)
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

func TestArenaTakesWhatNoSegmentHolds(t *testing.T) {
	arena := NewArena(true)
	block := arena.Allocate(segmentBytes + 1)
	block[segmentBytes] = 1
	if s, _ := find(block); s == nil || len(s.memory) < len(block) {
		t.Error("a large block lies in no memory file")
	}
	arena.Free(block)
	arena.Free([]byte{1, 2, 3}) // nobody's
	if err := arena.Close(); err != nil {
		t.Error(err)
	}
}

func TestMemoryFilesOfOthersCannotBeChangedAndAreChecked(t *testing.T) {
	file, err := finalFile([]byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Pwrite(file, []byte("x"), 0); err == nil {
		t.Error("a final file was written to")
	}
	number, content, err := MapFinal(file, 7)
	if err != nil || string(content[:7]) != "content" || Mapped() != 1 {
		t.Fatalf("%q, %v, %d mapped", content, err, Mapped())
	}
	Unmap(number)
	Unmap(number) // gone already
	if Mapped() != 0 {
		t.Errorf("%d mapped", Mapped())
	}
	short, _ := finalFile([]byte("content"))
	if _, _, err := MapFinal(short, 8); err == nil {
		t.Error("a short file was mapped")
	}
	open, _ := newFile("open")
	_ = unix.Ftruncate(open, 4096)
	if _, _, err := MapFinal(open, 4096); err == nil {
		t.Error("a file without seals was mapped")
	}
}

func TestFramesAreChecked(t *testing.T) {
	body := []byte("what the frame is about")
	frame := make([]byte, headerBytes)
	want := header{kind: KindCall, length: len(body), sequence: 1 << 40}
	want.write(frame, body)
	if got, err := readHeader(frame); err != nil || got != want || !checkSum(frame, body) {
		t.Fatalf("%+v, %v", got, err)
	}
	for bit := range 28 * 8 {
		damaged := bytes.Clone(frame)
		damaged[bit/8] ^= 1 << (bit % 8)
		if _, err := readHeader(damaged); err == nil && checkSum(damaged, body) {
			t.Errorf("bit %d of the header", bit)
		}
	}
	body[3] ^= 4
	if checkSum(frame, body) {
		t.Error("a damaged body")
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestARetiredArenaKeepsNothingThatIsNotInUse(t *testing.T) {
	before := openFiles(t)
	arena := NewArena(false)
	idle := arena.Allocate(1 << 20)
	held := arena.Allocate(segmentBytes) // a segment of its own
	arena.Free(idle)
	arena.Retire()
	if got := openFiles(t); got != before+1 {
		t.Errorf("%d files beside one that is in use", got-before-1)
	}
	held[len(held)-1] = 1 // still there
	late := arena.Allocate(100)
	arena.Free(held)
	arena.Free(late)
	if got := openFiles(t); got != before {
		t.Errorf("%d files are left", got-before)
	}
}
