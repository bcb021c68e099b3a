// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Package worker runs the engine in a process of its own: it starts the program bowyer-worker, talks to it in frames over a
// private socket, lends it memory in sealed files, and starts it anew when it dies. It has no cgo. Its only unsafe code tells
// where a slice lies, to find the memory file that it is part of.
package worker
