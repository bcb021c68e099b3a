// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package fn_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// corpusCase is a case of testdata/functions, which the Rust tests and the tests of the C ABI run too.
type corpusCase struct {
	Name    string
	Call    string
	Args    []string
	Options map[string]any
	Result  string
	Error   *expectedError
}

type expectedError struct {
	Code            string
	Row             *int64
	Argument        string
	MessageContains string `toml:"message_contains"`
}

func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("../../testdata/functions/*.toml")
	if err != nil || len(files) == 0 {
		t.Skip("there is no corpus beside this module")
	}
	kinds := optionKinds(t)
	ctx := withEngine(t)
	for _, file := range files {
		var corpus struct{ Case []corpusCase }
		if _, err := toml.DecodeFile(file, &corpus); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		family := strings.TrimSuffix(filepath.Base(file), ".toml")
		for _, one := range corpus.Case {
			t.Run(family+"/"+one.Call+"/"+one.Name, func(t *testing.T) { one.run(t, ctx, kinds) })
		}
	}
}

// withEngine gives a context with an engine that is closed at the end of the test.
func withEngine(t testing.TB) context.Context {
	t.Helper()
	engine, err := bowyer.Open(context.Background(), bowyer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return bowyer.WithEngine(context.Background(), engine)
}

// optionKinds reads what each option holds, by `function.option`, from the list of signatures beside the corpus.
func optionKinds(t *testing.T) map[string]string {
	index, err := os.ReadFile("../../testdata/functions/index.txt")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for line := range strings.Lines(string(index)) {
		option, rest, isOption := strings.Cut(line, ": ")
		if kind, _, hasDefault := strings.Cut(rest, " = "); isOption && hasDefault {
			kinds[option] = kind
		}
	}
	return kinds
}

func (c *corpusCase) run(t *testing.T, ctx context.Context, kinds map[string]string) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	arguments := make([]bowyer.Value, len(c.Args))
	for i, text := range c.Args {
		read, err := readLiteral(mem, text)
		if err != nil {
			t.Fatal(err)
		}
		defer read.values.Release()
		arguments[i] = read.values
		if read.isScalar {
			value, err := scalar.GetScalar(read.values, 0)
			if err != nil {
				t.Skipf("arrow-go has no scalar of %s: %v", read.values.DataType(), err)
			}
			if releasable, ok := value.(scalar.Releasable); ok {
				defer releasable.Release()
			}
			arguments[i] = value
		}
	}
	result, err := bowyer.Call(ctx, c.Call, c.options(t, kinds), arguments...)
	if c.Error != nil {
		if err == nil {
			defer result.Release()
			t.Fatalf("gave %s where %+v was due", result, *c.Error)
		}
		c.Error.check(t, err)
		return
	}
	if err != nil {
		t.Fatalf("failed: %v", err)
	}
	defer result.Release()
	expected, err := readLiteral(mem, c.Result)
	if err != nil {
		t.Fatal(err)
	}
	defer expected.values.Release()
	expectSame(t, result, expected.values)
}

// options turns what the file says into what Go passes: types and arrays are written as text there.
func (c *corpusCase) options(t *testing.T, kinds map[string]string) bowyer.Options {
	options := bowyer.Options{}
	for name, value := range c.Options {
		options[name] = value
		text, isText := value.(string)
		if !isText {
			continue
		}
		switch kinds[c.Call+"."+name] {
		case "type":
			dataType, err := parse(text, (*reader).dataType)
			if err != nil {
				t.Fatal(err)
			}
			options[name] = dataType
		case "array", "float or floats":
			read, err := readLiteral(memory.DefaultAllocator, text)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(read.values.Release)
			options[name] = read.values
		}
	}
	if len(options) == 0 {
		return nil
	}
	return options
}

func (e *expectedError) check(t *testing.T, err error) {
	t.Helper()
	var failure *bowyer.Error
	if !errors.As(err, &failure) {
		t.Fatalf("failed with a %T: %v", err, err)
	}
	if failure.Code.String() != e.Code || e.Row != nil && *e.Row != failure.Row ||
		e.Argument != "" && e.Argument != failure.Argument || !strings.Contains(failure.Message, e.MessageContains) {
		t.Errorf("failed with %s (row %d, argument %q): %s; want %+v", failure.Code, failure.Row, failure.Argument, failure.Message, *e)
	}
}

// expectSame compares as a user sees it; one NaN is as good as another.
func expectSame(t *testing.T, got, want arrow.Array) {
	t.Helper()
	if !arrow.TypeEqual(got.DataType(), want.DataType()) {
		t.Fatalf("the type is %s, not %s", got.DataType(), want.DataType())
	}
	if err := array.ValidateFull(got); err != nil {
		t.Fatalf("the result is invalid: %v", err)
	}
	switch got.DataType().ID() {
	case arrow.DICTIONARY: // what its rows say counts, not which values lie in the dictionary
		expectSameText(t, got, want)
		return
	case arrow.FLOAT16: // arrow-go tells one NaN of this type from another
		expectSameText(t, got, want)
		return
	}
	if !array.ApproxEqual(got, want, array.WithAbsTolerance(0), array.WithNaNsEqual(true)) {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func expectSameText(t *testing.T, got, want arrow.Array) {
	t.Helper()
	if got.Len() != want.Len() {
		t.Fatalf("%d rows, not %d", got.Len(), want.Len())
	}
	for row := range want.Len() {
		if got.IsNull(row) != want.IsNull(row) || got.ValueStr(row) != want.ValueStr(row) {
			t.Fatalf("row %d is %s, not %s", row, got.ValueStr(row), want.ValueStr(row))
		}
	}
}
