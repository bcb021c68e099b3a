// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package cabi

/*
#cgo CFLAGS: -I${SRCDIR}/../../../crates/bowyer-capi/include
#cgo LDFLAGS: ${SRCDIR}/lib/libbowyer.a -lm -ldl -lpthread
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "bowyer.h"

// The Go mirrors in layout.go are written by hand; these lines keep them honest.
#define SAME(type, size, field, offset) \
	_Static_assert(sizeof(type) == size, #type " has another size than in layout.go"); \
	_Static_assert(offsetof(type, field) == offset, #type "." #field " stands elsewhere than in layout.go")
SAME(struct ArrowArray, 80, private_data, 72);
SAME(struct ArrowSchema, 72, private_data, 64);
SAME(struct bowyer_buffer, 40, private_data, 32);
SAME(struct bowyer_error, 56, private_data, 48);
SAME(bowyer_call, 88, traceparent, 32);
SAME(bowyer_argument, 16, flags, 8);
SAME(bowyer_block, 56, argument_count, 48);
SAME(bowyer_alias, 32, offset, 16);
SAME(bowyer_result, 64, bytes_copied, 56);
SAME(bowyer_event, 24, value, 16);

// Every address crosses as a number: cgo's pointer check walks whole blocks when it sees a pointer to one, and what these
// numbers name is pinned.
#define P(type, address) ((type)(uintptr_t)(address))
typedef uintptr_t word;

static bowyer_bytes go_bytes(word data, size_t len) { bowyer_bytes b; memset(&b, 0, sizeof b); b.data = P(const uint8_t *, data); b.len = len; return b; }

// One name for both structs: in a borrowed tree nobody calls it, but a null release would mean "released".
static void go_release_nothing(void *borrowed) { (void)borrowed; }
static word go_release_nothing_address(void) { return (word)&go_release_nothing; }

// Naming the symbol of the major version makes a library of another major fail at link time.
static uint32_t go_abi_version(void) { bowyer_abi_v0(); return bowyer_abi_version(); }

static int32_t go_engine_open(word config, size_t len, word engine, word error) { return bowyer_engine_open(go_bytes(config, len), P(uint64_t *, engine), P(bowyer_error *, error)); }
static int32_t go_engine_wait(uint64_t engine, word events, size_t capacity, word count, word error) { return bowyer_engine_wait(engine, P(bowyer_event *, events), capacity, P(size_t *, count), P(bowyer_error *, error)); }
static int32_t go_engine_close(uint64_t engine, word error) { return bowyer_engine_close(engine, P(bowyer_error *, error)); }
static int32_t go_function_resolve(uint64_t engine, word call, size_t len, word arguments, word function, word result, word error) { return bowyer_function_resolve(engine, go_bytes(call, len), P(const struct ArrowSchema *, arguments), P(uint64_t *, function), P(struct ArrowSchema *, result), P(bowyer_error *, error)); }
static int32_t go_function_call(word call, uint64_t function, word block, word array, word result, word error) { return bowyer_function_call(P(const bowyer_call *, call), function, block, P(struct ArrowArray *, array), P(bowyer_result *, result), P(bowyer_error *, error)); }
static int32_t go_block_echo(word call, uint64_t schema, word block, uint32_t copy, word array, word result, word error) { return bowyer_block_echo(P(const bowyer_call *, call), schema, block, copy, P(struct ArrowArray *, array), P(bowyer_result *, result), P(bowyer_error *, error)); }
static int32_t go_schema_open(uint64_t engine, word schema, word handle, word error) { return bowyer_schema_open(engine, P(const struct ArrowSchema *, schema), P(uint64_t *, handle), P(bowyer_error *, error)); }
static int32_t go_source_open(uint64_t engine, word schema, word handle, word error) { return bowyer_source_open(engine, P(const struct ArrowSchema *, schema), P(uint64_t *, handle), P(bowyer_error *, error)); }
static int32_t go_source_push(uint64_t source, word block, word result, word error) { return bowyer_source_push(source, block, P(bowyer_result *, result), P(bowyer_error *, error)); }
static int32_t go_plan_prepare(word call, uint64_t engine, word plan, size_t len, word prepared, word description, word error) { return bowyer_plan_prepare(P(const bowyer_call *, call), engine, go_bytes(plan, len), P(uint64_t *, prepared), P(bowyer_buffer *, description), P(bowyer_error *, error)); }
static int32_t go_plan_output(uint64_t prepared, uint32_t output, word schema, word error) { return bowyer_plan_output(prepared, output, P(struct ArrowSchema *, schema), P(bowyer_error *, error)); }
static int32_t go_query_start(word call, uint64_t prepared, word bindings, size_t len, word query, word error) { return bowyer_query_start(P(const bowyer_call *, call), prepared, go_bytes(bindings, len), P(uint64_t *, query), P(bowyer_error *, error)); }
static int32_t go_query_push(uint64_t query, uint32_t input, word block, word result, word error) { return bowyer_query_push(query, input, block, P(bowyer_result *, result), P(bowyer_error *, error)); }
static int32_t go_query_next(uint64_t query, uint32_t output, word batch, word result, word error) { return bowyer_query_next(query, output, P(struct ArrowArray *, batch), P(bowyer_result *, result), P(bowyer_error *, error)); }
static int32_t go_stream_pull(uint64_t query, uint32_t input, word stream, word error) { return bowyer_stream_pull(query, input, P(struct ArrowArrayStream *, stream), P(bowyer_error *, error)); }
static int32_t go_statistics(uint64_t handle, word buffer, word error) { return bowyer_statistics(handle, P(bowyer_buffer *, buffer), P(bowyer_error *, error)); }
static int32_t go_engine_logs(uint64_t engine, word buffer, word error) { return bowyer_engine_logs(engine, P(bowyer_buffer *, buffer), P(bowyer_error *, error)); }
static int32_t go_array_release(word array) { return bowyer_array_release(P(struct ArrowArray *, array)); }
static void go_schema_release(word schema) { struct ArrowSchema *s = P(struct ArrowSchema *, schema); if (s->release) s->release(s); }
static void go_buffer_release(word buffer) { bowyer_buffer *b = P(bowyer_buffer *, buffer); if (b->release) b->release(b); }
static void go_error_release(word error) { bowyer_error *e = P(bowyer_error *, error); if (e->release) e->release(e); }
static int32_t go_query_finish(uint64_t query, uint32_t input, int32_t code, word message, size_t len) {
	bowyer_error why;
	memset(&why, 0, sizeof why);
	why.struct_size = sizeof why;
	why.code = code;
	why.message = P(const char *, message);
	why.message_len = len;
	return bowyer_query_finish(query, input, code ? &why : NULL);
}

// None of these enters Go: exported structs are released by a C function. Waiting, closing and pulling are not listed: they
// run the callbacks of foreign streams, and a stream may be one that a Go driver made.
#cgo nocallback go_abi_version
#cgo nocallback go_engine_open
#cgo nocallback go_function_resolve
#cgo nocallback go_function_call
#cgo nocallback go_block_echo
#cgo nocallback go_schema_open
#cgo nocallback go_source_open
#cgo nocallback go_source_push
#cgo nocallback go_plan_prepare
#cgo nocallback go_plan_output
#cgo nocallback go_query_start
#cgo nocallback go_query_push
#cgo nocallback go_query_next
#cgo nocallback go_query_finish
#cgo nocallback bowyer_query_cancel
#cgo nocallback go_statistics
#cgo nocallback go_engine_logs
#cgo nocallback go_array_release
#cgo nocallback go_schema_release
#cgo nocallback go_buffer_release
#cgo nocallback go_error_release
#cgo nocallback bowyer_release
*/
import "C"

// Enabled reports whether the native library is part of this program.
const Enabled = true

// nativeReleaseNothing is the release callback of everything that Go exports: borrowed memory is not the callee's to free.
var nativeReleaseNothing = uintptr(C.go_release_nothing_address())

func nativeVersion() uint32 { return uint32(C.go_abi_version()) }

func nativeEngineOpen(config uintptr, configLen int, engine, failure uintptr) int32 {
	return int32(C.go_engine_open(C.word(config), C.size_t(configLen), C.word(engine), C.word(failure)))
}

func nativeEngineWait(engine uint64, events uintptr, capacity int, count, failure uintptr) int32 {
	return int32(C.go_engine_wait(C.uint64_t(engine), C.word(events), C.size_t(capacity), C.word(count), C.word(failure)))
}

func nativeEngineClose(engine uint64, failure uintptr) int32 {
	return int32(C.go_engine_close(C.uint64_t(engine), C.word(failure)))
}

func nativeFunctionResolve(engine uint64, call uintptr, callLen int, arguments, function, result, failure uintptr) int32 {
	return int32(C.go_function_resolve(C.uint64_t(engine), C.word(call), C.size_t(callLen), C.word(arguments), C.word(function), C.word(result), C.word(failure)))
}

func nativeFunctionCall(call uintptr, function uint64, block, array, result, failure uintptr) int32 {
	return int32(C.go_function_call(C.word(call), C.uint64_t(function), C.word(block), C.word(array), C.word(result), C.word(failure)))
}

func nativeBlockEcho(call uintptr, schema uint64, block uintptr, copied uint32, array, result, failure uintptr) int32 {
	return int32(C.go_block_echo(C.word(call), C.uint64_t(schema), C.word(block), C.uint32_t(copied), C.word(array), C.word(result), C.word(failure)))
}

func nativeSchemaOpen(engine uint64, schema, handle, failure uintptr) int32 {
	return int32(C.go_schema_open(C.uint64_t(engine), C.word(schema), C.word(handle), C.word(failure)))
}

func nativeSourceOpen(engine uint64, schema, handle, failure uintptr) int32 {
	return int32(C.go_source_open(C.uint64_t(engine), C.word(schema), C.word(handle), C.word(failure)))
}

func nativeSourcePush(source uint64, block, result, failure uintptr) int32 {
	return int32(C.go_source_push(C.uint64_t(source), C.word(block), C.word(result), C.word(failure)))
}

func nativePlanPrepare(call uintptr, engine uint64, plan uintptr, planLen int, prepared, description, failure uintptr) int32 {
	return int32(C.go_plan_prepare(C.word(call), C.uint64_t(engine), C.word(plan), C.size_t(planLen), C.word(prepared), C.word(description), C.word(failure)))
}

func nativePlanOutput(prepared uint64, output uint32, schema, failure uintptr) int32 {
	return int32(C.go_plan_output(C.uint64_t(prepared), C.uint32_t(output), C.word(schema), C.word(failure)))
}

func nativeQueryStart(call uintptr, prepared uint64, bindings uintptr, bindingsLen int, query, failure uintptr) int32 {
	return int32(C.go_query_start(C.word(call), C.uint64_t(prepared), C.word(bindings), C.size_t(bindingsLen), C.word(query), C.word(failure)))
}

func nativeQueryPush(query uint64, input uint32, block, result, failure uintptr) int32 {
	return int32(C.go_query_push(C.uint64_t(query), C.uint32_t(input), C.word(block), C.word(result), C.word(failure)))
}

func nativeQueryFinish(query uint64, input uint32, code int32, message uintptr, messageLen int) int32 {
	return int32(C.go_query_finish(C.uint64_t(query), C.uint32_t(input), C.int32_t(code), C.word(message), C.size_t(messageLen)))
}

func nativeQueryNext(query uint64, output uint32, batch, result, failure uintptr) int32 {
	return int32(C.go_query_next(C.uint64_t(query), C.uint32_t(output), C.word(batch), C.word(result), C.word(failure)))
}

func nativeQueryCancel(query uint64) int32 { return int32(C.bowyer_query_cancel(C.uint64_t(query))) }

func nativeStreamPull(query uint64, input uint32, stream, failure uintptr) int32 {
	return int32(C.go_stream_pull(C.uint64_t(query), C.uint32_t(input), C.word(stream), C.word(failure)))
}

func nativeStatistics(handle uint64, buffer, failure uintptr) int32 {
	return int32(C.go_statistics(C.uint64_t(handle), C.word(buffer), C.word(failure)))
}

func nativeEngineLogs(engine uint64, buffer, failure uintptr) int32 {
	return int32(C.go_engine_logs(C.uint64_t(engine), C.word(buffer), C.word(failure)))
}

func nativeArrayRelease(array uintptr) int32 { return int32(C.go_array_release(C.word(array))) }

func nativeSchemaRelease(schema uintptr) { C.go_schema_release(C.word(schema)) }

func nativeBufferRelease(buffer uintptr) { C.go_buffer_release(C.word(buffer)) }

func nativeErrorRelease(failure uintptr) { C.go_error_release(C.word(failure)) }

func nativeRelease(handle uint64) int32 { return int32(C.bowyer_release(C.uint64_t(handle))) }
