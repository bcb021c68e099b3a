// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import "runtime"

// Events are the only way in which the native side speaks first: one goroutine an engine waits for them and wakes whoever
// they concern. No native thread ever runs Go code.

const eventsAtOnce = 64

// waiting is what a wait writes into; it has no Go pointers and stays pinned for the life of the goroutine.
type waiting struct {
	events  [eventsAtOnce]cEvent
	count   uint64
	failure cError
}

// dispatch runs until the engine says that it is closed.
func (e *Engine) dispatch() {
	defer close(e.done)
	defer close(e.records)
	w := new(waiting)
	var pins runtime.Pinner
	pins.Pin(w)
	defer pins.Unpin()
	handle := e.handle.Load()
	for {
		w.failure = cError{structSize: uint32(sizeOfError)}
		w.count = 0
		if code := e.link.wait(handle, w); code != 0 {
			return
		}
		for _, event := range w.events[:w.count] {
			if event.kind == eventClosed {
				return
			}
			e.handleEvent(event)
		}
	}
}

func (e *Engine) handleEvent(event cEvent) {
	switch event.kind {
	case eventOwner:
		if owner := findOwner(event.value); owner != nil && e.link.owns(owner) {
			e.free(event.value)
		}
	case eventLost:
		e.mutex.Lock()
		q := e.queries[event.handle]
		e.mutex.Unlock()
		if q != nil {
			q.lost()
		}
	case eventLog:
		wake(e.records)
	case eventOutput, eventInput:
		e.mutex.Lock()
		q := e.queries[event.handle]
		if q == nil && e.starts > 0 {
			e.early[event.handle] = append(e.early[event.handle], event)
		}
		e.mutex.Unlock()
		if q != nil {
			q.handleEvent(event)
		}
	}
}

// free releases what a worker or the library has let go of. No result that shares it is being imported meanwhile.
func (e *Engine) free(owner uint64) {
	if remote := e.options.remote; remote != nil {
		remote.sharing.Lock()
		defer remote.sharing.Unlock()
	}
	ownerFreed(owner)
}

// startBegins says that a query is being started, whose events may come before its handle is known here.
func (e *Engine) startBegins() {
	e.mutex.Lock()
	e.starts++
	e.mutex.Unlock()
}

// startEnds registers the query, if there is one, and gives it the events that came early.
func (e *Engine) startEnds(q *Query) {
	e.mutex.Lock()
	var early []cEvent
	if q != nil {
		e.queries[q.number] = q
		early = e.early[q.number]
		delete(e.early, q.number)
	}
	if e.starts--; e.starts == 0 {
		clear(e.early) // of queries that were released meanwhile
	}
	e.mutex.Unlock()
	for _, event := range early {
		q.handleEvent(event)
	}
}

func (e *Engine) forget(q *Query) {
	e.mutex.Lock()
	delete(e.queries, q.number)
	e.mutex.Unlock()
}
