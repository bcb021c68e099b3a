// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
)

// link is the way to an engine: calls of the library in this process, or frames to a worker process. What goes in and what comes out
// stands in the block, as the C ABI has it; the result is a code of the table of errors, 0 for success.
type link interface {
	openEngine(b *block, config []byte) int32
	wait(engine uint64, w *waiting) int32
	closeEngine(b *block, engine uint64) int32

	resolve(b *block, engine uint64, call []byte, arguments []arrow.Field) (arrow.Field, error)
	call(ctx context.Context, b *block, function uint64) int32
	openSchema(b *block, engine uint64, schema *arrow.Schema) error
	echo(ctx context.Context, b *block, schema uint64, copied bool) int32

	openSource(b *block, engine uint64, schema *arrow.Schema) error
	pushSource(ctx context.Context, b *block, source uint64) int32

	prepare(ctx context.Context, b *block, engine uint64, plan []byte) int32
	output(b *block, prepared uint64, output uint32) (*arrow.Schema, error)
	start(ctx context.Context, b *block, prepared uint64, bindings []byte) int32
	push(ctx context.Context, b *block, query uint64, input uint32) int32
	finish(b *block, query uint64, input uint32, code int32, message []byte) int32
	next(ctx context.Context, b *block, query uint64, output uint32) int32
	cancel(query uint64)
	pullStream(b *block, query uint64, input uint32, stream uintptr) int32

	statistics(b *block, handle uint64) int32
	logs(b *block, engine uint64) int32
	release(handle uint64)

	// owns reports whether an event may speak for the owner of this block.
	owns(b *block) bool
}

// inProcess is the library in this process.
type inProcess struct{}

var _ link = inProcess{}

func (inProcess) openEngine(b *block, config []byte) int32 {
	head := b.head()
	return nativeEngineOpen(b.pin(config), len(config), address(&head.handle), address(&head.failure))
}

func (inProcess) wait(engine uint64, w *waiting) int32 {
	code := nativeEngineWait(engine, address(&w.events[0]), eventsAtOnce, address(&w.count), address(&w.failure))
	if code != 0 && w.failure.release != 0 {
		nativeErrorRelease(address(&w.failure))
	}
	return code
}

func (inProcess) closeEngine(b *block, engine uint64) int32 {
	return nativeEngineClose(engine, address(&b.head().failure))
}

func (inProcess) resolve(b *block, engine uint64, call []byte, arguments []arrow.Field) (field arrow.Field, err error) {
	schema, err := exportSchema(arguments, arrow.Metadata{})
	if err != nil {
		return field, err
	}
	defer schema.release()
	head := b.head()
	code := nativeFunctionResolve(engine, b.pin(call), len(call), schema.address(), address(&head.handle), address(&head.schema), address(&head.failure))
	if code != 0 {
		return field, head.take(code)
	}
	field, err = importField(&head.schema)
	nativeSchemaRelease(address(&head.schema))
	if err != nil {
		nativeRelease(head.handle)
	}
	return field, err
}

func (inProcess) call(_ context.Context, b *block, function uint64) int32 {
	head := b.head()
	return nativeFunctionCall(address(&head.call), function, address(&head.block), address(&head.array), address(&head.result), address(&head.failure))
}

func (inProcess) openSchema(b *block, engine uint64, schema *arrow.Schema) error {
	return withSchema(b, schema, func(where, out, failure uintptr) int32 { return nativeSchemaOpen(engine, where, out, failure) })
}

func (inProcess) openSource(b *block, engine uint64, schema *arrow.Schema) error {
	return withSchema(b, schema, func(where, out, failure uintptr) int32 { return nativeSourceOpen(engine, where, out, failure) })
}

// withSchema exports a schema for a call that returns a handle.
func withSchema(b *block, schema *arrow.Schema, call func(schema, handle, failure uintptr) int32) error {
	exported, err := exportSchema(schema.Fields(), schema.Metadata())
	if err != nil {
		return err
	}
	defer exported.release()
	head := b.head()
	if code := call(exported.address(), address(&head.handle), address(&head.failure)); code != 0 {
		return head.take(code)
	}
	return nil
}

func (inProcess) echo(_ context.Context, b *block, schema uint64, copied bool) int32 {
	head := b.head()
	flag := uint32(0)
	if copied {
		flag = 1
	}
	return nativeBlockEcho(address(&head.call), schema, address(&head.block), flag, address(&head.array), address(&head.result), address(&head.failure))
}

func (inProcess) pushSource(_ context.Context, b *block, source uint64) int32 {
	head := b.head()
	return nativeSourcePush(source, address(&head.block), address(&head.result), address(&head.failure))
}

func (inProcess) prepare(_ context.Context, b *block, engine uint64, plan []byte) int32 {
	head := b.head()
	return nativePlanPrepare(address(&head.call), engine, b.pin(plan), len(plan), address(&head.handle), address(&head.buffer), address(&head.failure))
}

func (inProcess) output(b *block, prepared uint64, output uint32) (*arrow.Schema, error) {
	head := b.head()
	if code := nativePlanOutput(prepared, output, address(&head.schema), address(&head.failure)); code != 0 {
		return nil, head.take(code)
	}
	defer nativeSchemaRelease(address(&head.schema))
	return importSchema(&head.schema)
}

func (inProcess) start(_ context.Context, b *block, prepared uint64, bindings []byte) int32 {
	head := b.head()
	return nativeQueryStart(address(&head.call), prepared, b.pin(bindings), len(bindings), address(&head.handle), address(&head.failure))
}

func (inProcess) push(_ context.Context, b *block, query uint64, input uint32) int32 {
	head := b.head()
	return nativeQueryPush(query, input, address(&head.block), address(&head.result), address(&head.failure))
}

func (inProcess) finish(b *block, query uint64, input uint32, code int32, message []byte) int32 {
	return nativeQueryFinish(query, input, code, b.pin(message), len(message))
}

func (inProcess) next(_ context.Context, b *block, query uint64, output uint32) int32 {
	head := b.head()
	return nativeQueryNext(query, output, address(&head.array), address(&head.result), address(&head.failure))
}

func (inProcess) cancel(query uint64) { nativeQueryCancel(query) }

func (inProcess) pullStream(b *block, query uint64, input uint32, stream uintptr) int32 {
	return nativeStreamPull(query, input, stream, address(&b.head().failure))
}

func (inProcess) statistics(b *block, handle uint64) int32 {
	head := b.head()
	return nativeStatistics(handle, address(&head.buffer), address(&head.failure))
}

func (inProcess) logs(b *block, engine uint64) int32 {
	head := b.head()
	return nativeEngineLogs(engine, address(&head.buffer), address(&head.failure))
}

func (inProcess) release(handle uint64) { nativeRelease(handle) }

func (inProcess) owns(b *block) bool { return b.remote.Load() == nil }
