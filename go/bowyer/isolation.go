// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// Isolation says where an engine runs.
type Isolation int

const (
	// InProcess runs the engine on threads of this process. It needs cgo.
	InProcess Isolation = iota
	// WorkerProcess runs the engine in a process of its own, which has given up files, sockets, other processes and all but a few
	// system calls. The API and the answers are the same. A fault of the engine ends that process and not this one: what it was
	// working on fails with [ErrWorkerLost], and another one is started. It needs Linux and the program bowyer-worker, and
	// neither cgo nor privileges.
	//
	// Batches cross as memory files, without a copy when they were built with a [SharedAllocator]. Of all files it can make those in
	// SpillDir that have no name, and can reach no other. Not supported in a worker: FromCStream.
	WorkerProcess
)

// WorkerLevel says how far the sandbox of a worker got. What a machine or a container does not allow is left out by the worker
// and reported, not assumed.
type WorkerLevel int

const (
	// WorkerFiltered, the zero value, is a process that can make only a few system calls (seccomp).
	WorkerFiltered WorkerLevel = iota
	// WorkerSealed is also cut off from files, sockets and signals by Landlock: two walls of which each would do.
	WorkerSealed
	// WorkerSeparate is a process of its own: faults stay in it, but it can do what this program can.
	WorkerSeparate WorkerLevel = -1
)

const defaultWorkerGrace = 100 * time.Millisecond

// worker says how the configuration's worker is run; nil when there is to be none.
func (c Config) worker(err error) (*cabi.WorkerOptions, error) {
	if worker.Everywhere != "" && c.Isolation == InProcess {
		c.Isolation, c.WorkerPath = WorkerProcess, worker.Everywhere
	}
	if err != nil || c.Isolation == InProcess {
		return nil, err
	}
	switch {
	case c.Isolation != WorkerProcess:
		err := errorf(CodeInvalidArgument, "there is no Isolation %d", c.Isolation)
		err.Argument = "Isolation"
		return nil, err
	case c.WorkerLevel < WorkerSeparate || c.WorkerLevel > WorkerSealed:
		err := errorf(CodeInvalidArgument, "there is no WorkerLevel %d", c.WorkerLevel)
		err.Argument = "WorkerLevel"
		return nil, err
	case c.WorkerGrace < 0:
		err := errorf(CodeInvalidArgument, "Config.WorkerGrace is %s, but must not be negative", c.WorkerGrace)
		err.Argument = "WorkerGrace"
		return nil, err
	case c.WorkerProgram != nil && c.WorkerPath != "":
		err := errorf(CodeInvalidArgument, "Config.WorkerProgram and Config.WorkerPath name two programs")
		err.Argument = "WorkerProgram"
		return nil, err
	case runtime.GOOS != "linux":
		return nil, errorf(CodeIsolationUnavailable, "worker processes need Linux, this is %s", runtime.GOOS)
	}
	path := ""
	if c.WorkerProgram == nil {
		if path, err = workerPath(c.WorkerPath); err != nil {
			return nil, err
		}
	}
	grace := c.WorkerGrace
	if grace == 0 {
		grace = defaultWorkerGrace
	}
	return &cabi.WorkerOptions{
		Path: path, Program: c.WorkerProgram, Level: uint32(c.WorkerLevel) + 2, Grace: grace, Policy: worker.DefaultPolicy, Spare: c.WorkerSpare,
		Checksums: c.WorkerChecksums,
	}, nil
}

// workerPath finds the program. The search path is not searched: it says nothing of whose program that is.
func workerPath(given string) (string, error) {
	path := given
	if path == "" {
		own, err := os.Executable()
		if err != nil {
			return "", isolationError("this program's folder is not known: "+err.Error(), err)
		}
		path = filepath.Join(filepath.Dir(own), "bowyer-worker")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", isolationError("the path of the worker program: "+err.Error(), err)
	}
	if info, err := os.Stat(path); err != nil {
		return "", isolationError("there is no worker program: "+err.Error(), err)
	} else if info.IsDir() || info.Mode()&0o111 == 0 {
		return "", isolationError(path+" cannot be run", nil)
	}
	return path, nil
}

func isolationError(message string, cause error) error {
	err := errorf(CodeIsolationUnavailable, "%s", message)
	err.Cause = cause
	return err
}

// SharedAllocator gives memory that a worker process reads where it lies: data built with it crosses without a copy. Everywhere else
// it is an ordinary memory.Allocator, for any goroutine. Its memory is not the collector's: release what was built with it.
type SharedAllocator struct{ arena *worker.Arena }

var _ memory.Allocator = (*SharedAllocator)(nil)

// NewSharedAllocator makes an allocator. The caller may Close it when everything that was built with it was released.
func NewSharedAllocator() *SharedAllocator { return &SharedAllocator{worker.NewArena(true)} }

// Allocate gives a block of zeros; where the system has no memory files, of ordinary memory.
func (a *SharedAllocator) Allocate(size int) []byte { return a.arena.Allocate(size) }

// Reallocate gives a block of another size that begins with what the old one has.
func (a *SharedAllocator) Reallocate(size int, old []byte) []byte {
	return a.arena.Reallocate(size, old)
}

// Free takes a block back.
func (a *SharedAllocator) Free(block []byte) { a.arena.Free(block) }

// Live is the number of bytes in use.
func (a *SharedAllocator) Live() int64 { return a.arena.Live() }

// Close gives the memory back to the system. While blocks are in use it refuses with [ErrInvalidState].
func (a *SharedAllocator) Close() error {
	if err := a.arena.Close(); err != nil {
		return errorf(CodeInvalidState, "%v", err)
	}
	return nil
}
