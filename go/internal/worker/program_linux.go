// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// programFile makes a memory file that can be run, with this content for good.
func programFile(content []byte) (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("bowyer-worker", flags|unix.MFD_EXEC)
	if err == unix.EINVAL { // kernels before 6.3
		fd, err = unix.MemfdCreate("bowyer-worker", flags)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	if err := fill(fd, content); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "bowyer-worker"), nil
}

// pathOf names a file that has no name. A new process looks for its program after its descriptors were moved: the number holds in
// this process only.
func pathOf(file *os.File) string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd()) }
