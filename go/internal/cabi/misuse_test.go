// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package cabi

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

func expectCode(t *testing.T, err error, code int32) {
	t.Helper()
	var failure *Failure
	if !errors.As(err, &failure) || failure.Code != code {
		t.Errorf("got %v, want code %d", err, code)
	}
}

func call(t *testing.T, function string) []byte {
	t.Helper()
	encoded, err := proto.Marshal(&wire.FunctionCall{Function: function})
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func integers(values ...int64) arrow.Array {
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	builder.AppendValues(values, nil)
	return builder.NewArray()
}

func resolveAdd(t *testing.T, engine *Engine) *Function {
	t.Helper()
	field := arrow.Field{Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	function, err := engine.Resolve(call(t, "add"), []arrow.Field{field, field})
	if err != nil {
		t.Fatal(err)
	}
	return function
}

func TestCallAddsAndNamesItsResult(t *testing.T) {
	engine := openEngine(t, Options{})
	function := resolveAdd(t, engine)
	defer function.Release()
	if function.Output.Type.ID() != arrow.INT64 {
		t.Errorf("the result is %s", function.Output.Type)
	}
	chunks := []arrow.Array{integers(1, 2), integers(), integers(3)}
	result, err := engine.Call(context.Background(), function, []Argument{{Arrays: chunks}, {Arrays: []arrow.Array{integers(10)}, Scalar: true}}, CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Release()
	if want := integers(11, 12, 13); !array.Equal(result, want) {
		t.Errorf("got %s, want %s", result, want)
	}
}

func TestEverythingIsInvalidStateAfterClose(t *testing.T) {
	engine := openEngine(t, Options{})
	function := resolveAdd(t, engine)
	source, err := engine.OpenSource(arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil))
	if err != nil {
		t.Fatal(err)
	}
	values := integers(1)
	batch := batchOf(values)
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	_, err = engine.Call(ctx, function, []Argument{{Arrays: []arrow.Array{values}}, {Arrays: []arrow.Array{values}}}, CallOptions{})
	expectCode(t, err, codeInvalidState)
	_, err = engine.Echo(ctx, batch, false)
	expectCode(t, err, codeInvalidState)
	_, err = engine.Resolve(call(t, "add"), nil)
	expectCode(t, err, codeInvalidState)
	_, err = engine.Prepare(ctx, nil)
	expectCode(t, err, codeInvalidState)
	_, err = engine.OpenSource(batch.Schema())
	expectCode(t, err, codeInvalidState)
	_, err = engine.Statistics()
	expectCode(t, err, codeInvalidState)
	expectCode(t, source.Push(ctx, batch), codeInvalidState)
	function.Release()
	source.Release()
	if err := engine.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func TestHandlesAreReleasedOnce(t *testing.T) {
	engine := openEngine(t, Options{})
	function := resolveAdd(t, engine)
	var together sync.WaitGroup
	for range 8 {
		together.Go(function.Release)
	}
	together.Wait()
	_, err := engine.Call(context.Background(), function, nil, CallOptions{})
	expectCode(t, err, codeInvalidState)

	source, err := engine.OpenSource(arrow.NewSchema(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	source.Release()
	source.Release()
	expectCode(t, source.Push(context.Background(), array.NewRecordBatch(arrow.NewSchema(nil, nil), nil, 1)), codeInvalidState)
}

func TestNumbersThatAreNoHandles(t *testing.T) {
	engine := openEngine(t, Options{})
	function := resolveAdd(t, engine)
	defer function.Release()
	for name, number := range map[string]uint64{"made up": 1<<63 + 12345, "zero": 0, "another kind": function.handle.Load()} {
		if _, err := statistics(inProcess{}, number); err == nil {
			t.Errorf("statistics of a handle that is %s", name)
		} else {
			expectCode(t, err, codeInvalidState)
		}
	}
	stale := function.handle.Load()
	if nativeRelease(1<<63+12345) != codeInvalidState || nativeRelease(0) != codeInvalidState {
		t.Error("a made-up handle was released")
	}
	function.Release()
	if nativeRelease(stale) != codeInvalidState {
		t.Error("a stale handle was released")
	}
}

func TestReleasedAndNilInputsAreRefused(t *testing.T) {
	engine := openEngine(t, Options{})
	ctx := context.Background()
	_, err := engine.Echo(ctx, nil, false)
	expectCode(t, err, codeInvalidArgument)

	values := integers(1, 2)
	function := resolveAdd(t, engine)
	defer function.Release()
	_, err = engine.Call(ctx, function, []Argument{{Arrays: []arrow.Array{values}}, {Arrays: []arrow.Array{nil}}}, CallOptions{})
	expectCode(t, err, codeInvalidArgument)
	batch := batchOf(values)
	values.Release()
	batch.Release()
	_, err = engine.Echo(ctx, batch, false)
	expectCode(t, err, codeInvalidState)
	_, err = engine.Call(ctx, function, []Argument{{Arrays: []arrow.Array{values}}, {Arrays: []arrow.Array{values}}}, CallOptions{})
	expectCode(t, err, codeInvalidState)
}

func TestAnEndedContextSaysWhy(t *testing.T) {
	engine := openEngine(t, Options{})
	batch := batchOf(integers(1, 2))
	defer batch.Release()
	why := errors.New("the user left")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	_, err := engine.Echo(ctx, batch, false)
	expectCode(t, err, codeCancelled)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Errorf("%v is neither cancelled nor %v", err, why)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Nanosecond)
	defer stop()
	<-ctx.Done()
	_, err = engine.Echo(ctx, batch, false)
	expectCode(t, err, codeDeadlineExceeded)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is not exceeded", err)
	}
}

func TestAnUnknownFunctionIsNotFound(t *testing.T) {
	engine := openEngine(t, Options{})
	_, err := engine.Resolve(call(t, "ad"), nil)
	expectCode(t, err, 3)
	var failure *Failure
	if errors.As(err, &failure) && len(failure.Detail) == 0 {
		t.Error("the failure has no detail")
	}
}

func TestAForgottenResultIsNamedAndCounted(t *testing.T) {
	var mutex sync.Mutex
	var messages []string
	engine := openEngine(t, Options{CopyBelow: -1, FreeForgotten: true, OnLog: func(message string) {
		mutex.Lock()
		defer mutex.Unlock()
		messages = append(messages, message)
	}})
	before := Live().ForgottenArrays
	func() {
		if _, err := engine.Echo(context.Background(), batchOf(integers(make([]int64, 100_000)...)), true); err != nil {
			t.Fatal(err)
		}
	}()
	logged := func() []string { // what is counted is not logged yet
		mutex.Lock()
		defer mutex.Unlock()
		return slices.Clone(messages)
	}
	for range 1000 {
		runtime.GC()
		if len(logged()) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if counted := Live().ForgottenArrays - before; counted < 1 {
		t.Errorf("%d are counted", counted)
	}
	if messages := logged(); len(messages) != 1 || !strings.Contains(messages[0], "misuse_test.go") {
		t.Errorf("logged %q", messages)
	}
}

func TestManySchemasAreKeptWithinBounds(t *testing.T) {
	engine := openEngine(t, Options{})
	values := integers(1, 2, 3)
	for range 3 * cachedSchemas {
		batch := batchOf(values)
		result, err := engine.Echo(context.Background(), batch, false)
		if err != nil {
			t.Fatal(err)
		}
		result.Release()
		batch.Release()
	}
	if handles := Live().Handles; handles > cachedSchemas+1 {
		t.Errorf("%d handles are alive", handles)
	}
}
