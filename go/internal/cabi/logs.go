// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// handOnRecords runs until the engine is closed. It is a goroutine of its own, because a logger may be slow, and events must
// not wait for it.
func (e *Engine) handOnRecords() {
	defer close(e.logged)
	for range e.records {
		e.drainLogs()
	}
	e.drainLogs() // what was recorded last comes without an event
}

// drainLogs hands on what the native side has recorded.
func (e *Engine) drainLogs() {
	if e.options.OnRecords == nil {
		return
	}
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	head := b.head()
	if code := e.link.logs(b, e.handle.Load()); code != 0 {
		_ = head.take(code) // the engine is gone, and with it what it had to say
		return
	}
	var records wire.LogRecords
	if proto.Unmarshal(head.takeBuffer(), &records) == nil && len(records.GetRecords())+int(records.GetDropped()) > 0 {
		e.options.OnRecords(&records)
	}
}
