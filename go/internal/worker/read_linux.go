// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// read hands on what the worker says, until its end. It reaps the process.
func (c *Conn) read() {
	err := c.frames()
	if err != nil {
		c.Kill(err)
	}
	_ = c.process.Process.Kill() // it has hung up: there is nothing more that it could do for us
	_ = c.process.Wait()
	_ = c.socket.Close()
	c.mutex.Lock()
	c.reason = c.process.ProcessState.String()
	if c.fault != nil {
		c.reason = c.fault.Error()
	} else if said := c.stderr.String(); said != "" {
		c.reason += ": " + said
	}
	pending := c.pending
	c.pending = nil
	c.mutex.Unlock()
	close(c.dead)
	c.watcher.Died(c)
	for _, p := range pending {
		if p.Done != nil {
			close(p.Done)
		}
	}
}

// frames reads until the worker hangs up, or says something that is wrong.
func (c *Conn) frames() error {
	room := rooms.Get().(*room)
	defer rooms.Put(room)
	for {
		n, rights, flags, _, err := c.socket.ReadMsgUnix(room.frame[:], room.rights[:])
		if err != nil || n == 0 {
			return nil
		}
		if err := c.message(room.frame[:n], room.rights[:rights], flags); err != nil {
			return err
		}
	}
}

// room is what a frame and descriptors are read into.
type room struct {
	frame  [headerBytes + bodyLimit]byte
	rights [64]byte
}

var rooms = sync.Pool{New: func() any { return new(room) }}

// lookFor is how long somebody who waits for an answer looks for it again and again before it sleeps. To be woken can take longer than a
// small call: half of it here, half in the worker.
const lookFor = 60 * time.Microsecond

// Look reads what the worker says until a request is answered, for a moment at most, and for one goroutine at a time. Whether it found
// the answer is seen in Done.
func (c *Conn) Look(p *Pending) {
	if runtime.GOMAXPROCS(0) < 2 || !c.looking.CompareAndSwap(false, true) {
		return
	}
	defer c.looking.Store(false)
	room := rooms.Get().(*room)
	defer rooms.Put(room)
	// A socket that is closed meanwhile gives an error, and nothing is read.
	_ = c.raw.Control(func(fd uintptr) {
		for end := time.Now().Add(lookFor); len(p.Done) == 0; {
			n, rights, flags, _, err := unix.Recvmsg(int(fd), room.frame[:], room.rights[:], unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
			switch {
			case err == unix.EAGAIN || err == unix.EINTR:
				if time.Now().After(end) {
					return
				}
				// The worker may wait for this very processor.
				_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
			case err != nil || n == 0:
				return // the goroutine that reads will learn of it too
			default:
				if err := c.message(room.frame[:n], room.rights[:rights], flags); err != nil {
					c.Kill(err)
					return
				}
			}
		}
	})
}

// message handles what came in one piece.
func (c *Conn) message(content, rights []byte, flags int) error {
	files, err := descriptors(rights)
	if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		err = errors.New("a frame is larger than any may be")
	}
	if err == nil {
		files, err = c.frame(content, files)
	}
	for _, file := range files { // what nobody took
		CloseFile(file)
	}
	if err != nil {
		return fmt.Errorf("it broke the protocol: %w", err)
	}
	return nil
}

func descriptors(rights []byte) (files []int, err error) {
	if len(rights) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(rights)
	for _, message := range messages {
		if more, err := unix.ParseUnixRights(&message); err == nil {
			files = append(files, more...)
		}
	}
	return files, err
}

// frame handles one frame, and returns the files that it did not take.
func (c *Conn) frame(content []byte, files []int) ([]int, error) {
	h, err := readHeader(content)
	if err != nil {
		return files, err
	}
	body := content[headerBytes:]
	if h.flags&bodyInFile != 0 {
		if len(files) == 0 {
			return files, errors.New("a frame's body is in a file that did not come")
		}
		file := files[0]
		files = files[1:]
		if body, err = readFinal(file, h.length); err != nil {
			return files, err
		}
	}
	if len(body) != h.length || !checkSum(content, body) {
		return files, errDamaged
	}
	switch {
	case h.kind == kindEvents:
		var message wire.WorkerEvents
		if err := proto.Unmarshal(body, &message); err != nil || len(message.GetEvents())%4 != 0 {
			return files, errors.New("events that cannot be read")
		}
		c.watcher.Told(c, message.GetEvents())
		return files, nil
	case h.kind&kindAnswer == 0:
		return files, fmt.Errorf("a frame of kind %#x", h.kind)
	}
	answer := Answer{Reply: &wire.WorkerReply{}, File: -1, Sequence: h.sequence}
	if err := proto.Unmarshal(body, answer.Reply); err != nil {
		return files, errors.New("an answer that cannot be read")
	}
	if len(files) > 0 {
		answer.File, files = files[0], files[1:]
	}
	c.mutex.Lock()
	if fault := c.fault; fault != nil { // who lied once is not heard again
		c.mutex.Unlock()
		CloseFile(answer.File)
		return files, fault
	}
	p := c.pending[h.sequence]
	delete(c.pending, h.sequence)
	c.mutex.Unlock()
	switch {
	case p == nil:
		CloseFile(answer.File)
		return files, fmt.Errorf("an answer to request %d, which was not asked", h.sequence)
	case p.Done != nil:
		p.Done <- answer
	default:
		CloseFile(answer.File)
		if p.abandoned != nil {
			p.abandoned(answer)
		}
	}
	return files, nil
}
