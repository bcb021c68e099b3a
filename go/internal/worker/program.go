// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"os"
	"sync"
)

// Program is what worker processes run: a file, or content that their host brings along.
type Program struct {
	path   string
	memory *os.File // what the path names, when it is a memory file

	// Held by who starts a process: the path names a descriptor, which may be another file once this one is closed.
	closing sync.RWMutex
	closed  bool
}

// ProgramAt is the program that lies at a path.
func ProgramAt(path string) *Program { return &Program{path: path} }

// ProgramOf puts a program's content into a memory file that nobody can change any more, and that has no name in any folder. The
// caller must Close the result when no process is started any more.
func ProgramOf(content []byte) (*Program, error) {
	memory, err := programFile(content)
	if err != nil {
		return nil, err
	}
	return &Program{path: pathOf(memory), memory: memory}, nil
}

// start calls begin with the program's path, unless the program was closed.
func (p *Program) start(begin func(path string) error) error {
	p.closing.RLock()
	defer p.closing.RUnlock()
	if p.closed {
		return os.ErrClosed
	}
	return begin(p.path)
}

// Close gives the memory file back, if there is one; processes that run it keep it.
func (p *Program) Close() {
	p.closing.Lock()
	defer p.closing.Unlock()
	if p.memory != nil && !p.closed {
		_ = p.memory.Close()
	}
	p.closed = true
}
