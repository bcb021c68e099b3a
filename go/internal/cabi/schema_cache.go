// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
)

// schemaCache keeps native handles of schemas, so that a schema is written and parsed once for all its batches. arrow-go
// shares one *arrow.Schema among the batches of a reader: the pointer is the key.
type schemaCache struct {
	mutex   sync.Mutex
	handles map[*arrow.Schema]uint64
	closed  bool
}

const cachedSchemas = 64

// handle returns the native handle of a schema.
func (c *schemaCache) handle(e *Engine, schema *arrow.Schema) (uint64, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if handle, ok := c.handles[schema]; ok {
		return handle, nil
	}
	if c.closed {
		return 0, closedFailure("the engine")
	}
	b := acquireBlock()
	defer b.finish(false)
	b.reserve(0)
	if err := e.link.openSchema(b, e.handle.Load(), schema); err != nil {
		return 0, err
	}
	handle := b.head().handle
	live.handles.Add(1)
	if c.handles == nil {
		c.handles = map[*arrow.Schema]uint64{}
	}
	if len(c.handles) >= cachedSchemas {
		for evicted, old := range c.handles {
			delete(c.handles, evicted)
			releaseHandle(e.link, old)
			break
		}
	}
	c.handles[schema] = handle
	return handle, nil
}

func (c *schemaCache) clear(e *Engine) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.closed = true
	for schema, handle := range c.handles {
		delete(c.handles, schema)
		releaseHandle(e.link, handle)
	}
}
