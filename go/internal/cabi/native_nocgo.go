// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package cabi

// Enabled reports whether the native library is part of this program.
const Enabled = false

// Without cgo [Open] fails, so that no handle exists and none of these is reached with one.

var nativeReleaseNothing uintptr

func nativeVersion() uint32 { return 0 }

func nativeEngineOpen(config uintptr, configLen int, engine, failure uintptr) int32 {
	return codeNotImplemented
}

func nativeEngineWait(engine uint64, events uintptr, capacity int, count, failure uintptr) int32 {
	return codeNotImplemented
}

func nativeEngineClose(engine uint64, failure uintptr) int32 { return codeNotImplemented }

func nativeFunctionResolve(engine uint64, call uintptr, callLen int, arguments, function, result, failure uintptr) int32 {
	return codeNotImplemented
}

func nativeFunctionCall(call uintptr, function uint64, block, array, result, failure uintptr) int32 {
	return codeNotImplemented
}

func nativeBlockEcho(call uintptr, schema uint64, block uintptr, copied uint32, array, result, failure uintptr) int32 {
	return codeNotImplemented
}

func nativeSchemaOpen(engine uint64, schema, handle, failure uintptr) int32 {
	return codeNotImplemented
}

func nativeSourceOpen(engine uint64, schema, handle, failure uintptr) int32 {
	return codeNotImplemented
}

func nativeSourcePush(source uint64, block, result, failure uintptr) int32 { return codeNotImplemented }

func nativePlanPrepare(call uintptr, engine uint64, plan uintptr, planLen int, prepared, description, failure uintptr) int32 {
	return codeNotImplemented
}

func nativePlanOutput(prepared uint64, output uint32, schema, failure uintptr) int32 {
	return codeNotImplemented
}

func nativeQueryStart(call uintptr, prepared uint64, bindings uintptr, bindingsLen int, query, failure uintptr) int32 {
	return codeNotImplemented
}

func nativeQueryPush(query uint64, input uint32, block, result, failure uintptr) int32 {
	return codeNotImplemented
}

func nativeQueryFinish(query uint64, input uint32, code int32, message uintptr, messageLen int) int32 {
	return codeNotImplemented
}

func nativeQueryNext(query uint64, output uint32, batch, result, failure uintptr) int32 {
	return codeNotImplemented
}

func nativeQueryCancel(query uint64) int32 { return codeNotImplemented }

func nativeStatistics(handle uint64, buffer, failure uintptr) int32 { return codeNotImplemented }

func nativeEngineLogs(engine uint64, buffer, failure uintptr) int32 { return codeNotImplemented }

func nativeArrayRelease(array uintptr) int32 { return codeNotImplemented }

func nativeSchemaRelease(schema uintptr) {}

func nativeBufferRelease(buffer uintptr) {}

func nativeErrorRelease(failure uintptr) {}

func nativeRelease(handle uint64) int32 { return codeNotImplemented }

func nativeStreamPull(query uint64, input uint32, stream, failure uintptr) int32 {
	return codeNotImplemented
}
