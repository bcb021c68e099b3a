// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import "sync/atomic"

// Counters says what this process holds of the native library and what the library holds of it. All but the totals at the
// end are zero when everything was released and every engine is closed.
type Counters struct {
	NativeArrays int64 // results whose memory is native and not yet released
	NativeBytes  int64 // their bytes
	Handles      int64 // engines, functions, schemas, sources, prepared plans, queries
	Owners       int64 // batches of Go memory that the native side still reads
	PinnedBytes  int64 // bytes of Go buffers pinned now

	BytesCopied     int64 // total: results copied into Go memory
	ForgottenArrays int64 // total: native results that the collector found unreleased
	ForgottenBytes  int64
	BytesLent       int64 // total: inputs copied into memory files for a worker
}

// Zero reports whether nothing is held.
func (c Counters) Zero() bool {
	return c.NativeArrays == 0 && c.NativeBytes == 0 && c.Handles == 0 && c.Owners == 0 && c.PinnedBytes == 0
}

var live struct {
	nativeArrays, nativeBytes, handles, owners, pinnedBytes atomic.Int64
	bytesCopied, forgottenArrays, forgottenBytes, bytesLent atomic.Int64
}

// Live returns the counters of this process.
func Live() Counters {
	return Counters{
		NativeArrays:    live.nativeArrays.Load(),
		NativeBytes:     live.nativeBytes.Load(),
		Handles:         live.handles.Load(),
		Owners:          live.owners.Load(),
		PinnedBytes:     live.pinnedBytes.Load(),
		BytesCopied:     live.bytesCopied.Load(),
		ForgottenArrays: live.forgottenArrays.Load(),
		ForgottenBytes:  live.forgottenBytes.Load(),
		BytesLent:       live.bytesLent.Load(),
	}
}
