// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package seal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bowyer-arrow/bowyer/go/seal"
)

const (
	piece = 64 << 10
	sum   = 32
	head  = 32
)

func keyOf(b byte) (key seal.Key) {
	for i := range key {
		key[i] = b + byte(i)
	}
	return key
}

func content(size int) []byte {
	random := rand.New(rand.NewPCG(uint64(size), 1))
	out := make([]byte, size)
	for i := range out {
		out[i] = byte(random.Uint32())
	}
	return out
}

// sealed writes content in parts of all sizes.
func sealed(t testing.TB, content []byte, key seal.Key) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := seal.NewWriter(&out, key)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for len(content) > 0 {
		n := min(len(content), random.IntN(100_000))
		if written, err := w.Write(content[:n]); err != nil || written != n {
			t.Fatalf("%d of %d, %v", written, n, err)
		}
		content = content[n:]
	}
	for range 2 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write([]byte{1}); err == nil {
		t.Fatal("a closed writer wrote")
	}
	return out.Bytes()
}

func throughReader(content []byte, key seal.Key) ([]byte, error) {
	r, err := seal.NewReader(iotest.HalfReader(bytes.NewReader(content)), key)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func throughFile(content []byte, key seal.Key) ([]byte, error) {
	f, err := seal.Open(bytes.NewReader(content), int64(len(content)), key)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}

var ways = map[string]func([]byte, seal.Key) ([]byte, error){"reader": throughReader, "file": throughFile}

func TestWhatWasSealedIsRead(t *testing.T) {
	for _, size := range []int{0, 1, 31, 32, 33, piece - 1, piece, piece + 1, 2 * piece, 3*piece + 5} {
		want := content(size)
		safe := sealed(t, want, keyOf(7))
		if pieces := max(1, (size+piece-1)/piece); len(safe) != head+size+pieces*sum {
			t.Errorf("%d bytes take %d", size, len(safe))
		}
		for name, read := range ways {
			if got, err := read(safe, keyOf(7)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s of %d bytes: %d bytes, %v", name, size, len(got), err)
			}
			if got, err := read(safe, keyOf(8)); !errors.Is(err, seal.ErrBroken) || len(got) > 0 {
				t.Errorf("%s of %d bytes with another key: %d bytes, %v", name, size, len(got), err)
			}
		}
	}
}

// refuse fails the test unless both ways refuse the content, having given nothing but whole pieces of the original.
func refuse(t *testing.T, what string, broken, original []byte) {
	t.Helper()
	for name, read := range ways {
		got, err := read(broken, keyOf(7))
		if !errors.Is(err, seal.ErrBroken) {
			t.Fatalf("%s, %s: %v", what, name, err)
		}
		if len(got)%piece != 0 || !bytes.HasPrefix(original, got) {
			t.Fatalf("%s, %s: %d bytes that were not sealed so", what, name, len(got))
		}
		if strings.Contains(err.Error(), string(original[:16])) {
			t.Fatalf("%s, %s: the error shows data", what, name)
		}
	}
}

func TestEveryChangeIsNoticed(t *testing.T) {
	short := content(40)
	safe := sealed(t, short, keyOf(7))
	for bit := range 8 * len(safe) {
		broken := bytes.Clone(safe)
		broken[bit/8] ^= 1 << (bit % 8)
		refuse(t, fmt.Sprintf("bit %d", bit), broken, short)
	}
	for end := range len(safe) {
		refuse(t, fmt.Sprintf("cut at %d", end), safe[:end], short)
	}
	refuse(t, "longer", append(bytes.Clone(safe), 0), short)
}

func TestPiecesStayInTheirPlaceAndStream(t *testing.T) {
	long := content(4*piece + 100)
	safe := sealed(t, long, keyOf(7))
	other := sealed(t, long, keyOf(7))
	at := func(number int) int { return head + number*(piece+sum) }
	part := func(of []byte, number int) []byte { return of[at(number):min(at(number+1), len(of))] }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	refuse(t, "two swapped", join(safe[:at(1)], part(safe, 2), part(safe, 1), safe[at(3):]), long)
	refuse(t, "one left out", join(safe[:at(1)], safe[at(2):]), long)
	refuse(t, "one twice", join(safe[:at(2)], safe[at(1):]), long)
	refuse(t, "the last left out", safe[:at(4)], long)
	refuse(t, "of another stream", join(safe[:at(2)], part(other, 2), safe[at(3):]), long)
	refuse(t, "another header", join(other[:head], safe[head:]), long)
	random := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		broken := bytes.Clone(safe)
		broken[random.IntN(len(broken))] ^= byte(1 + random.IntN(255))
		refuse(t, "a byte", broken, long)
		refuse(t, "cut", safe[:random.IntN(len(safe))], long)
	}
}

func TestAFileIsReadAtAnyPlace(t *testing.T) {
	want := content(3*piece + 77)
	safe := sealed(t, want, keyOf(7))
	f, err := seal.Open(bytes.NewReader(safe), int64(len(safe)), keyOf(7))
	if err != nil || f.Size() != int64(len(want)) {
		t.Fatalf("%d bytes, %v", f.Size(), err)
	}
	if err := iotest.TestReader(f, want); err != nil {
		t.Error(err)
	}
	safe[head+piece/2] ^= 1
	f, err = seal.Open(bytes.NewReader(safe), int64(len(safe)), keyOf(7))
	if err != nil {
		t.Fatal(err)
	}
	room := make([]byte, 10)
	if _, err := f.ReadAt(room, piece); err != nil {
		t.Errorf("a piece that nobody changed: %v", err)
	}
	if n, err := f.ReadAt(room, 0); n != 0 || !errors.Is(err, seal.ErrBroken) {
		t.Errorf("the changed one: %d bytes, %v", n, err)
	}
}

func TestAKeyIsNeverPrinted(t *testing.T) {
	key := keyOf(65)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "key", key)
	said := []string{fmt.Sprintf("%v %+v %#v %s %x %X %d %q", key, key, key, key, key, key, key, key), fmt.Sprint(struct{ K seal.Key }{key}), log.String()}
	for _, text := range said {
		if strings.Contains(text, "ABCD") || strings.Contains(text, "4142") || strings.Contains(text, "65 66") || strings.Contains(text, "65,66") {
			t.Errorf("a key was printed: %s", text)
		}
	}
	if encoded, err := json.Marshal(key); err == nil {
		t.Errorf("a key was written: %s", encoded)
	}
}

func TestErrorsOfTheReaderBelowStay(t *testing.T) {
	safe := sealed(t, content(2*piece), keyOf(7))
	r, err := seal.NewReader(iotest.TimeoutReader(bytes.NewReader(safe)), keyOf(7))
	if err == nil {
		_, err = io.ReadAll(r)
	}
	if !errors.Is(err, iotest.ErrTimeout) || errors.Is(err, seal.ErrBroken) {
		t.Errorf("got %v", err)
	}
}

// Nothing is read as sealed but what was sealed.
func FuzzReader(f *testing.F) {
	want := content(100)
	safe := sealed(f, want, keyOf(7))
	f.Add(safe)
	f.Add(safe[:50])
	f.Fuzz(func(t *testing.T, content []byte) {
		for name, read := range ways {
			if got, err := read(content, keyOf(7)); err == nil && !bytes.Equal(content, safe) {
				t.Fatalf("%s: %d bytes were taken", name, len(got))
			}
		}
	})
}
