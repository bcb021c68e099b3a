// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package worker

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

var errLinux = errors.New("memory files and worker processes need Linux")

// Conn is a worker process: on this system there is none.
type Conn struct{ Report *wire.WorkerReport }

// Answer is what a worker answered to one request.
type Answer struct {
	Reply    *wire.WorkerReply
	File     int
	Sequence uint64
}

// Pending is a request that was sent.
type Pending struct {
	Sequence uint64
	Done     chan Answer
}

// Watcher is told what a worker says by itself.
type Watcher interface {
	Told(c *Conn, events []uint64)
	Died(c *Conn)
}

// ErrDead is given for requests to a worker that is gone.
var ErrDead = errLinux

// RequestError is a request that could not be sent because of what it is.
type RequestError struct{ Cause error }

func (e *RequestError) Error() string { return e.Cause.Error() }

// Start starts nothing here.
func Start(*Program, []string, Watcher) (*Conn, error) { return nil, errLinux }

func (c *Conn) Pid() int              { return 0 }
func (c *Conn) Dead() <-chan struct{} { return nil }
func (c *Conn) Alive() bool           { return false }
func (c *Conn) Usable() bool          { return false }
func (c *Conn) Reason() string        { return errLinux.Error() }
func (c *Conn) Kill(error)            {}
func (c *Conn) Close(time.Duration)   {}
func (c *Conn) Look(*Pending)         {}
func (c *Conn) Abandon(*Pending) bool { return false }
func (c *Conn) Waits(uint64) bool     { return false }
func (c *Conn) forget(*segment)       {}

func (c *Conn) Send(uint16, *wire.WorkerRequest, func(Answer)) (*Pending, error) {
	return nil, errLinux
}
func (c *Conn) Post(uint16, *wire.WorkerRequest) error { return errLinux }
func (c *Conn) Ask(uint16, *wire.WorkerRequest, time.Duration) (Answer, error) {
	return Answer{}, errLinux
}
func (c *Conn) Place(context.Context, []byte) (uint64, int, bool) { return 0, 0, false }

func newShared(int) (int, []byte, error) { return -1, nil, errLinux }
func closeShared(int, []byte)            {}

func programFile([]byte) (*os.File, error) { return nil, errLinux }
func pathOf(*os.File) string               { return "" }

// MapFinal maps nothing here.
func MapFinal(int, int) (uintptr, []byte, error) { return 0, nil, errLinux }

// Unmap has nothing to give back here.
func Unmap(uintptr) {}

// CloseFile has nothing to close here.
func CloseFile(int) {}

// Mapped is zero here.
func Mapped() int64 { return 0 }
