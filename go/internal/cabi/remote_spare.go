// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import "github.com/bowyer-arrow/bowyer/go/internal/worker"

// keepSpare starts a worker that waits for the one that runs to die. When it cannot be started there is none: why, is said when the next
// one is needed.
func (r *remote) keepSpare() {
	defer r.spares.Done()
	r.mutex.Lock()
	needed := r.spare == nil && r.supervisor.State() != worker.Closed
	r.mutex.Unlock()
	if !needed {
		return
	}
	conn, err := r.open()
	if err != nil {
		return
	}
	r.mutex.Lock()
	kept := r.spare == nil && r.supervisor.State() != worker.Closed
	if kept {
		r.spare = conn
	}
	r.mutex.Unlock()
	if !kept {
		conn.Close(0)
	}
}

// takeSpare returns the spare if it still lives; nil: there is none.
func (r *remote) takeSpare() *worker.Conn {
	r.mutex.Lock()
	conn := r.spare
	r.spare = nil
	r.mutex.Unlock()
	if conn != nil && !conn.Usable() {
		conn.Close(0)
		return nil
	}
	return conn
}
