// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// finalSeals are those of a file that nobody can change any more; sharedSeals leave this process its own writable mapping.
const (
	finalSeals  = unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
	sharedSeals = unix.F_SEAL_FUTURE_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
)

// newFile makes an empty memory file that cannot be run.
func newFile(name string) (int, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // kernels before 6.3
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	return fd, nil
}

// newShared makes a memory file of this size, maps it to be written, and seals it: it keeps its size, and whoever is sent it can
// only read it.
func newShared(size int) (int, []byte, error) {
	fd, err := newFile("bowyer memory")
	if err != nil {
		return -1, nil, err
	}
	memory, err := func() ([]byte, error) {
		if err := unix.Ftruncate(fd, int64(size)); err != nil {
			return nil, os.NewSyscallError("ftruncate", err)
		}
		memory, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return nil, os.NewSyscallError("mmap", err)
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, sharedSeals); err != nil {
			_ = unix.Munmap(memory)
			return nil, os.NewSyscallError("F_ADD_SEALS", err)
		}
		return memory, nil
	}()
	if err != nil {
		_ = unix.Close(fd)
		return -1, nil, err
	}
	return fd, memory, nil
}

// closeShared gives such a file back.
func closeShared(fd int, memory []byte) {
	_ = unix.Munmap(memory)
	_ = unix.Close(fd)
}

// finalFile makes a memory file with this content that nobody can change any more.
func finalFile(content []byte) (int, error) {
	fd, err := newFile("bowyer frame")
	if err != nil {
		return -1, err
	}
	if err := fill(fd, content); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// fill writes a file's content, and makes it final.
func fill(fd int, content []byte) error {
	for rest := content; len(rest) > 0; {
		n, err := unix.Write(fd, rest)
		if err != nil {
			return os.NewSyscallError("write", err)
		}
		rest = rest[n:]
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, finalSeals); err != nil {
		return os.NewSyscallError("F_ADD_SEALS", err)
	}
	return nil
}

// checkFinal refuses a file that its sender could still change, or that is shorter than it was said to be: reading past the end of a
// mapped file ends the process. The seals are looked at here, after the file has come, never believed before.
func checkFinal(fd int, size int) error {
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil {
		return os.NewSyscallError("F_GET_SEALS", err)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	const needed = unix.F_SEAL_WRITE | unix.F_SEAL_SHRINK
	if seals&needed != needed || stat.Size < int64(size) {
		return fmt.Errorf("a memory file of %d bytes with seals %#x where %d sealed ones are announced", stat.Size, seals, size)
	}
	return nil
}

// readFinal reads a frame's body from a file, and closes the file.
func readFinal(fd int, size int) ([]byte, error) {
	defer unix.Close(fd)
	if err := checkFinal(fd, size); err != nil {
		return nil, err
	}
	content := make([]byte, size)
	for at := 0; at < size; {
		n, err := unix.Pread(fd, content[at:], int64(at))
		if err != nil {
			return nil, os.NewSyscallError("pread", err)
		}
		if n == 0 {
			return nil, fmt.Errorf("a memory file ends after %d of %d bytes", at, size)
		}
		at += n
	}
	return content, nil
}

// mapped are the results that are read in place, by number.
var mapped struct {
	sync.Mutex
	last  uintptr
	files map[uintptr][]byte
	count atomic.Int64
}

// MapFinal maps a file that the worker sent and can no longer change; the file itself is closed. The number names the mapping to
// [Unmap].
func MapFinal(fd int, size int) (uintptr, []byte, error) {
	defer unix.Close(fd)
	if err := checkFinal(fd, size); err != nil {
		return 0, nil, err
	}
	memory, err := unix.Mmap(fd, 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return 0, nil, os.NewSyscallError("mmap", err)
	}
	mapped.Lock()
	defer mapped.Unlock()
	if mapped.files == nil {
		mapped.files = map[uintptr][]byte{}
	}
	mapped.last++
	mapped.files[mapped.last] = memory
	mapped.count.Add(1)
	return mapped.last, memory, nil
}

// Unmap gives a mapping back.
func Unmap(number uintptr) {
	mapped.Lock()
	memory := mapped.files[number]
	delete(mapped.files, number)
	mapped.Unlock()
	if memory != nil {
		mapped.count.Add(-1)
		_ = unix.Munmap(memory)
	}
}

// CloseFile closes a descriptor that came with an answer; -1 is none.
func CloseFile(fd int) {
	if fd >= 0 {
		_ = unix.Close(fd)
	}
}

// Mapped is the number of results that are read in place now.
func Mapped() int64 { return mapped.count.Load() }
