// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Package cabi is the only place where Go meets the native library. It exports arrow-go data as Arrow C structs over
// borrowed, pinned memory, makes one cgo call, and imports what comes back as ordinary arrow-go arrays.
//
// The way of a batch: [exporter] walks arrow.ArrayData into a pooled [block]; native_cgo.go crosses; [importer] turns the
// result into arrays over native memory, over buffers of the caller (aliases) or over a copy. Everything but native_cgo.go is
// plain Go: without cgo the package compiles with native_nocgo.go and [Open] returns [ErrNoCgo].
//
// Rules of the room: every address that crosses is a number, and the memory it names is pinned until the call returns or the
// native side says that the owner is free; native threads never enter Go; errors carry the library's code and are never parsed.
package cabi
