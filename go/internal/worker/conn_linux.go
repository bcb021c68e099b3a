// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Conn is one worker process and the socket to it. Any goroutine may ask; one reads what the worker says.
type Conn struct {
	Report *wire.WorkerReport // of the worker itself, once it is open

	socket  *net.UnixConn
	raw     syscall.RawConn // the same
	looking atomic.Bool     // somebody looks for an answer in a loop
	process *exec.Cmd
	stderr  *tail
	watcher Watcher

	mutex    sync.Mutex
	sequence uint64
	pending  map[uint64]*Pending
	files    map[uint64]*fileState
	fault    error // the first thing that was wrong with what the worker said

	dead   chan struct{} // closed when the process is gone and reaped
	reason string        // then: how it ended
}

// Answer is what a worker answered to one request.
type Answer struct {
	Reply *wire.WorkerReply
	File  int // a memory file that came along; -1: none

	Sequence uint64 // of the request
}

// Pending is a request that was sent.
type Pending struct {
	Sequence uint64
	Done     chan Answer // gets the answer; closed without one when the worker dies

	abandoned func(Answer) // takes the answer when nobody waits any more
}

// fileState is a segment that this worker was told of.
type fileState struct {
	done chan struct{} // closed when the worker has answered
	err  error
}

// Watcher is told what a worker says by itself, by the goroutine that reads: it must not wait for the worker.
type Watcher interface {
	// Told gets events, four numbers each.
	Told(c *Conn, events []uint64)
	// Died is called when the process is gone, before those who wait for answers learn of it.
	Died(c *Conn)
}

// ErrDead is given for requests to a worker that is gone.
var ErrDead = errors.New("the worker process is gone")

// Start starts a worker process, with an empty environment and one socket. The caller sends KindOpen first, and
// must Close the result.
func Start(program *Program, arguments []string, watcher Watcher) (*Conn, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "worker")
	defer theirs.Close()
	ours := os.NewFile(uintptr(pair[0]), "host")
	generic, err := net.FileConn(ours)
	_ = ours.Close()
	if err != nil {
		return nil, err
	}
	socket := generic.(*net.UnixConn)
	raw, err := socket.SyscallConn()
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	c := &Conn{
		socket: socket, raw: raw, stderr: &tail{}, watcher: watcher,
		pending: map[uint64]*Pending{}, files: map[uint64]*fileState{}, dead: make(chan struct{}),
	}
	c.process = &exec.Cmd{
		Args: append([]string{"bowyer-worker"}, arguments...), Env: []string{}, Dir: "/", Stdin: theirs, Stderr: c.stderr,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	err = program.start(func(path string) error {
		c.process.Path = path
		return c.process.Start()
	})
	if err != nil {
		_ = c.socket.Close()
		return nil, err
	}
	go c.read()
	return c, nil
}

// Pid is the number of the process.
func (c *Conn) Pid() int { return c.process.Process.Pid }

// Dead is closed when the process is gone.
func (c *Conn) Dead() <-chan struct{} { return c.dead }

// Alive reports whether the process is still there, as far as is known.
func (c *Conn) Alive() bool {
	select {
	case <-c.dead:
		return false
	default:
		return true
	}
}

// Usable reports whether the process is there and has done nothing wrong: one that is about to be killed gets no more to do.
func (c *Conn) Usable() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.pending != nil && c.fault == nil
}

// Reason says how the process ended; it is complete once Dead is closed.
func (c *Conn) Reason() string {
	<-c.dead
	return c.reason
}

// Kill ends the process at once; why, when it is not empty, is what the worker did wrong.
func (c *Conn) Kill(why error) {
	c.mutex.Lock()
	if c.fault == nil {
		c.fault = why
	}
	c.mutex.Unlock()
	_ = c.process.Process.Kill()
}

// Close hangs up, and waits for the process to end; one that does not is killed.
func (c *Conn) Close(patience time.Duration) {
	// Only half: what the worker still says is read until its end.
	_ = c.socket.CloseWrite()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.dead:
	case <-timer.C:
		c.Kill(nil)
		<-c.dead
	}
}

// Send sends a request whose answer comes to the result's Done. With abandoned, an answer that nobody waits for goes there.
func (c *Conn) Send(kind uint16, request *wire.WorkerRequest, abandoned func(Answer)) (*Pending, error) {
	p := &Pending{Done: make(chan Answer, 1), abandoned: abandoned}
	c.mutex.Lock()
	if c.pending == nil {
		c.mutex.Unlock()
		return nil, ErrDead
	}
	c.sequence++
	p.Sequence = c.sequence
	c.pending[p.Sequence] = p
	c.mutex.Unlock()
	if err := c.write(kind, p.Sequence, request, -1); err != nil {
		c.mutex.Lock()
		delete(c.pending, p.Sequence)
		c.mutex.Unlock()
		return nil, err
	}
	return p, nil
}

// Post sends a request that has no answer.
func (c *Conn) Post(kind uint16, request *wire.WorkerRequest) error {
	return c.write(kind, 0, request, -1)
}

// Ask sends a request and waits for its answer, for no longer than patience; a worker that takes longer is killed.
func (c *Conn) Ask(kind uint16, request *wire.WorkerRequest, patience time.Duration) (Answer, error) {
	return c.ask(kind, request, -1, patience)
}

func (c *Conn) ask(kind uint16, request *wire.WorkerRequest, file int, patience time.Duration) (Answer, error) {
	p := &Pending{Done: make(chan Answer, 1)}
	c.mutex.Lock()
	if c.pending == nil {
		c.mutex.Unlock()
		return Answer{}, ErrDead
	}
	c.sequence++
	p.Sequence = c.sequence
	c.pending[p.Sequence] = p
	c.mutex.Unlock()
	if err := c.write(kind, p.Sequence, request, file); err != nil {
		c.mutex.Lock()
		delete(c.pending, p.Sequence)
		c.mutex.Unlock()
		return Answer{}, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case answer, ok := <-p.Done:
		if !ok {
			return Answer{}, ErrDead
		}
		return answer, nil
	case <-timer.C:
		c.Kill(fmt.Errorf("it gave no answer for %s", patience))
		<-c.dead
		return Answer{}, ErrDead
	}
}

// Abandon says that nobody waits for a request any more. It reports whether the answer is still to come; otherwise it lies in Done.
func (c *Conn) Abandon(p *Pending) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.pending[p.Sequence] != p {
		return false
	}
	c.pending[p.Sequence] = &Pending{Sequence: p.Sequence, abandoned: p.abandoned}
	return true
}

// Waits reports whether the worker still owes the answer to a request.
func (c *Conn) Waits(sequence uint64) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.pending[sequence] != nil
}

// frames are reused: most are small.
var frames = sync.Pool{New: func() any { return new([]byte) }}

func (c *Conn) write(kind uint16, sequence uint64, request *wire.WorkerRequest, file int) error {
	room := frames.Get().(*[]byte)
	defer func() {
		if cap(*room) <= 2*bodyLimit {
			frames.Put(room)
		}
	}()
	frame, err := proto.MarshalOptions{}.MarshalAppend(append((*room)[:0], make([]byte, headerBytes)...), request)
	if err != nil {
		return &RequestError{err}
	}
	*room = frame
	body := frame[headerBytes:]
	h := header{kind: kind, length: len(body), sequence: sequence}
	var rights []byte
	if len(body) > bodyLimit {
		if len(body) > largestBody {
			return &RequestError{fmt.Errorf("a request of %d bytes, at most %d are sent", len(body), largestBody)}
		}
		large, err := finalFile(body)
		if err != nil {
			return &RequestError{err}
		}
		defer unix.Close(large)
		h.flags = bodyInFile
		rights = unix.UnixRights(large)
		frame = frame[:headerBytes]
	}
	if file >= 0 {
		rights = append(rights, unix.UnixRights(file)...)
	}
	h.write(frame, body)
	if _, _, err := c.socket.WriteMsgUnix(frame, rights, nil); err != nil {
		return ErrDead
	}
	return nil
}

// RequestError is a request that could not be sent because of what it is, not because of the worker.
type RequestError struct{ Cause error }

func (e *RequestError) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *RequestError) Unwrap() error { return e.Cause }

// Place says in which memory file that the worker knows a buffer lies, and where; ok is false for memory that is in none, and when the
// context ends before the worker has taken the file.
func (c *Conn) Place(ctx context.Context, content []byte) (number uint64, offset int, ok bool) {
	s, offset := find(content)
	if s == nil {
		return 0, 0, false
	}
	c.mutex.Lock()
	state := c.files[s.number]
	if state == nil {
		state = &fileState{done: make(chan struct{})}
		c.files[s.number] = state
		// Its own descriptor: the caller may go on without the answer, and the segment with it.
		fd, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			state.err = err
			close(state.done)
		} else {
			go c.introduce(s, fd, state)
		}
	}
	c.mutex.Unlock()
	select {
	case <-state.done:
		return s.number, offset, state.err == nil
	case <-ctx.Done():
		return 0, 0, false
	}
}

// introduce sends a segment, which others wait for.
func (c *Conn) introduce(s *segment, fd int, state *fileState) {
	defer close(state.done)
	defer unix.Close(fd)
	request := &wire.WorkerRequest{Number: s.number, ByteLen: uint64(len(s.memory))}
	answer, err := c.ask(KindMemoryFile, request, fd, openPatience)
	if err == nil && answer.Reply.GetCode() != 0 {
		err = errors.New(answer.Reply.GetMessage())
	}
	state.err = err
	if err != nil {
		return
	}
	s.mutex.Lock()
	gone := s.gone
	s.known = append(s.known, c)
	s.mutex.Unlock()
	if gone {
		c.forget(s)
	}
}

// forget tells the worker that a segment is gone.
func (c *Conn) forget(s *segment) {
	c.mutex.Lock()
	delete(c.files, s.number)
	c.mutex.Unlock()
	_ = c.Post(KindForgetFile, &wire.WorkerRequest{Number: s.number})
}

// openPatience is how long small requests may take, that a healthy worker answers at once.
const openPatience = 10 * time.Second

// tail keeps the end of what a worker wrote to its standard error.
type tail struct {
	mutex sync.Mutex
	last  []byte
}

const tailBytes = 512

func (t *tail) Write(content []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.last = append(t.last, content...)
	if over := len(t.last) - tailBytes; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return len(content), nil
}

func (t *tail) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	text := t.last
	for len(text) > 0 && text[len(text)-1] == '\n' {
		text = text[:len(text)-1]
	}
	return string(text)
}
