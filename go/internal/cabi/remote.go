// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// WorkerOptions are the settings of an engine in a process of its own.
type WorkerOptions struct {
	Path      string            // of the program; the caller has found it
	Program   []byte            // the program itself, when it has no path
	Level     uint32            // the least that the worker's sandbox must have reached, as wire.WorkerReport has it
	Grace     time.Duration     // how long a worker may take to heed the end of a context before it is killed
	Policy    worker.Policy     // of restarts
	Spare     bool              // whether a second one waits to take the place of one that dies
	OnLog     func(text string) // of deaths; nil: nobody is told
	Checksums bool              // whether buffers in memory files cross with sums
	Arguments []string          // of the program, for tests
}

// remote is the link to an engine in a worker process. Handles that it gives out are its own: they go on meaning the same function or
// plan when a worker has died and another one runs.
type remote struct {
	options    WorkerOptions
	config     []byte
	program    *worker.Program
	staging    *worker.Arena // memory files for buffers that lie in none
	quarantine worker.Quarantine

	// Held by whoever imports a result that may share its inputs' buffers, and against events that release inputs.
	sharing sync.RWMutex

	mutex      sync.Mutex
	supervisor *worker.Supervisor
	changed    chan struct{} // closed, and replaced, at every change of what follows
	conn       *worker.Conn  // nil: none runs
	spare      *worker.Conn  // open, with nothing to do; nil: there is none now
	lastReason string        // why the last one ended
	objects    map[uint64]*object
	numbers    map[place]uint64 // handles of queries by those of their worker
	last       uint64
	starts     int // queries that are being started
	owners     map[uint64]*lent
	events     []cEvent
	arrived    chan struct{} // a token when there are events
	over       bool
	remains    []byte // the records that a worker had left when its engine was closed

	spares sync.WaitGroup // goroutines that start a spare
}

var (
	_ link           = (*remote)(nil)
	_ worker.Watcher = (*remote)(nil)
)

// place names an object within one worker.
type place struct {
	conn   *worker.Conn
	handle uint64
}

func newRemote(options WorkerOptions) *remote {
	return &remote{
		options: options, staging: worker.NewArena(false), supervisor: worker.NewSupervisor(options.Policy, rand.Float64),
		changed: make(chan struct{}), objects: map[uint64]*object{}, numbers: map[place]uint64{}, owners: map[uint64]*lent{},
		arrived: make(chan struct{}, 1),
	}
}

// broadcast wakes those who wait for a change. The caller holds the lock.
func (r *remote) broadcast() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// current returns the worker that runs, and starts one if none does.
func (r *remote) current(ctx context.Context) (*worker.Conn, error) {
	for {
		r.mutex.Lock()
		step, until := r.supervisor.Want(time.Now())
		conn, changed, reason := r.conn, r.changed, r.lastReason
		r.mutex.Unlock()
		switch step {
		case worker.Use:
			if conn.Usable() {
				return conn, nil
			} // otherwise Died is about to say so
			until = time.Time{}
		case worker.Over:
			return nil, closedFailure("the engine")
		case worker.Refuse:
			return nil, failf(codeWorkerLost, "workers die too often; the next one is started in %s; the last one ended: %s", time.Until(until).Round(time.Millisecond), reason)
		case worker.Launch:
			return r.launch()
		}
		if err := waitFor(ctx, changed, until); err != nil {
			return nil, err
		}
	}
}

// waitFor waits for a change, or until a time, if there is one.
func waitFor(ctx context.Context, changed <-chan struct{}, until time.Time) error {
	var passed <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		passed = timer.C
	}
	select {
	case <-changed:
	case <-passed:
	case <-ctx.Done():
		return contextFailure(ctx)
	}
	return nil
}

// startPatience is how long a new worker may take until its engine is open.
const startPatience = 20 * time.Second

// launch starts a worker. The supervisor has said so.
func (r *remote) launch() (*worker.Conn, error) {
	conn := r.takeSpare()
	var err error
	if conn == nil {
		conn, err = r.open()
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err != nil {
		r.supervisor.Died(time.Now())
		r.lastReason = err.Error()
		r.broadcast()
		return nil, err
	}
	if r.supervisor.State() == worker.Closed || !conn.Alive() {
		r.supervisor.Died(time.Now())
		r.broadcast()
		go conn.Close(0)
		return nil, failf(codeWorkerLost, "the worker ended while it was started")
	}
	r.conn = conn
	r.supervisor.Started(time.Now())
	r.broadcast()
	if r.options.Spare {
		r.spares.Add(1)
		go r.keepSpare()
	}
	return conn, nil
}

// open starts the process, has it open the engine, and looks at how far its sandbox got.
func (r *remote) open() (*worker.Conn, error) {
	conn, err := worker.Start(r.program, r.options.Arguments, r)
	if err != nil {
		return nil, &Failure{Code: codeIsolationUnavailable, Message: "the worker cannot be started: " + err.Error(), Cause: err}
	}
	answer, err := conn.Ask(worker.KindOpen, &wire.WorkerRequest{Content: r.config, Checksums: r.options.Checksums}, startPatience)
	if err != nil {
		conn.Close(0)
		return nil, failf(codeIsolationUnavailable, "the worker did not start: %s", conn.Reason())
	}
	if reply := answer.Reply; reply.GetCode() != 0 {
		conn.Close(0)
		return nil, &Failure{Code: reply.GetCode(), Message: reply.GetMessage(), Detail: reply.GetDetail()}
	}
	report := answer.Reply.GetReport()
	if report.GetLevel() < r.options.Level {
		conn.Close(0)
		return nil, failf(codeIsolationUnavailable, "the worker's sandbox reached level %d of the %d demanded: %q", report.GetLevel(), r.options.Level, report.GetMissing())
	}
	conn.Report = report
	return conn, nil
}

// Died is called when a worker's process is gone, before those who wait for its answers are told.
func (r *remote) Died(conn *worker.Conn) {
	r.mutex.Lock()
	reason := conn.Reason()
	running := r.conn == conn
	if running {
		r.accuse(conn)
		r.conn, r.lastReason = nil, reason
		r.supervisor.Died(time.Now())
	}
	if r.spare == conn {
		r.spare = nil // another one is started with the next worker
	}
	for owner, l := range r.owners {
		if l.conn == conn && !l.freed {
			l.freed = true
			r.events = append(r.events, cEvent{kind: eventOwner, value: owner})
		}
	}
	for number, o := range r.objects {
		if at := o.at.Load(); at != nil && at.conn == conn {
			delete(r.numbers, place{conn, at.handle})
			if o.query {
				r.events = append(r.events, cEvent{kind: eventLost, handle: number})
			}
		}
	}
	again := running && r.supervisor.State() != worker.Closed
	r.broadcast()
	r.mutex.Unlock()
	wake(r.arrived)
	if !again {
		return
	}
	if r.options.OnLog != nil {
		r.options.OnLog(fmt.Sprintf("worker process %d ended: %s", conn.Pid(), reason))
	}
	go func() { _, _ = r.current(context.Background()) }() // so that whoever asks next need not wait
}

// Told takes events. Those of owners must be of blocks that were lent to this very worker, and count once.
func (r *remote) Told(conn *worker.Conn, events []uint64) {
	r.mutex.Lock()
	for at := 0; at+4 <= len(events); at += 4 {
		event := cEvent{kind: uint32(events[at]), port: uint32(events[at+1]), handle: events[at+2], value: events[at+3]}
		switch event.kind {
		case eventOwner:
			l := r.owners[event.value]
			if l == nil || l.conn != conn || l.freed {
				continue
			}
			l.freed = true
		case eventOutput, eventInput:
			number := r.numbers[place{conn, event.handle}]
			if number == 0 {
				number = r.foretell(conn, event.handle)
			}
			if number == 0 {
				continue
			}
			event.handle = number
		case eventLog:
		default: // that an engine is closed is known here first
			continue
		}
		r.events = append(r.events, event)
	}
	r.mutex.Unlock()
	wake(r.arrived)
}

// wait takes events for the engine's dispatching goroutine.
func (r *remote) wait(_ uint64, w *waiting) int32 {
	for {
		r.mutex.Lock()
		n := copy(w.events[:], r.events)
		r.events = append(r.events[:0], r.events[n:]...)
		over := r.over
		r.mutex.Unlock()
		if n > 0 {
			w.count = uint64(n)
			return 0
		}
		if over {
			w.events[0] = cEvent{kind: eventClosed}
			w.count = 1
			return 0
		}
		<-r.arrived
	}
}

func (r *remote) openEngine(b *block, config []byte) int32 {
	r.config = append([]byte(nil), config...)
	r.program = worker.ProgramAt(r.options.Path)
	if r.options.Program != nil {
		var err error
		if r.program, err = worker.ProgramOf(r.options.Program); err != nil {
			return b.fail(&Failure{Code: codeIsolationUnavailable, Message: "the worker program cannot be put into memory: " + err.Error(), Cause: err})
		}
	}
	if _, err := r.current(context.Background()); err != nil {
		r.program.Close()
		return b.fail(err)
	}
	b.head().handle = engineNumber
	return 0
}

// engineNumber is the handle of the engine: there is one behind a link.
const engineNumber = 1

// closePatience is how long a worker may take to end its queries before it is killed.
const closePatience = 5 * time.Second

func (r *remote) closeEngine(*block, uint64) int32 {
	r.mutex.Lock()
	conn := r.conn
	r.supervisor.Close()
	r.broadcast()
	r.mutex.Unlock()
	r.spares.Wait()
	r.program.Close()
	if spare := r.takeSpare(); spare != nil {
		spare.Close(closePatience)
	}
	if conn != nil {
		_, _ = conn.Ask(worker.KindClose, &wire.WorkerRequest{}, closePatience)
		if answer, err := conn.Ask(worker.KindLogs, &wire.WorkerRequest{}, closePatience); err == nil {
			r.mutex.Lock()
			r.remains = answer.Reply.GetContent()
			r.mutex.Unlock()
		}
		conn.Close(closePatience)
		<-conn.Dead()
	}
	r.staging.Retire()
	r.mutex.Lock()
	r.over = true
	r.mutex.Unlock()
	wake(r.arrived)
	return 0
}

// ask sends a request to a worker and waits for the answer. When the context ends first, a call is told so; a worker that has not
// answered after that and the grace is killed. late takes the answer then: what was lent stays lent until it comes.
func (r *remote) ask(ctx context.Context, conn *worker.Conn, kind uint16, request *wire.WorkerRequest, late func(worker.Answer)) (answer worker.Answer, abandoned bool, err error) {
	pending, err := conn.Send(kind, request, late)
	if err != nil {
		return answer, false, r.lost(conn, err)
	}
	conn.Look(pending)
	var ok bool
	select {
	case answer, ok = <-pending.Done:
		if !ok {
			return answer, false, r.lost(conn, worker.ErrDead)
		}
		return answer, false, nil
	case <-ctx.Done():
	}
	if kind == worker.KindCall || kind == worker.KindEcho {
		_ = conn.Post(worker.KindCancelCall, &wire.WorkerRequest{Number: pending.Sequence})
	}
	patience := time.NewTimer(cancelPatience)
	defer patience.Stop()
	select {
	case answer, ok = <-pending.Done:
		if !ok {
			return answer, false, r.lost(conn, worker.ErrDead)
		}
		return answer, false, nil
	case <-patience.C:
	}
	if !conn.Abandon(pending) {
		if answer, ok = <-pending.Done; ok {
			return answer, false, nil
		}
		return answer, false, r.lost(conn, worker.ErrDead)
	}
	time.AfterFunc(r.options.Grace, func() {
		if conn.Waits(pending.Sequence) {
			conn.Kill(fmt.Errorf("it did not stop within %s after it was told to", r.options.Grace))
		}
	})
	return answer, true, contextFailure(ctx)
}

// cancelPatience is how long a caller whose context ended waits for the worker's own answer.
const cancelPatience = 15 * time.Millisecond

// lost says that a request was not answered because its worker is gone.
func (r *remote) lost(conn *worker.Conn, err error) error {
	if request, ok := err.(*worker.RequestError); ok {
		return &Failure{Code: codeInvalidArgument, Message: "the request cannot be sent to the worker: " + request.Error(), Cause: err}
	}
	return r.gone("the worker process ended while it worked on this: %s", conn)
}

// gone says why a worker is not there any more: with its engine, or by itself.
func (r *remote) gone(format string, conn *worker.Conn) error {
	r.mutex.Lock()
	closed := r.supervisor.State() == worker.Closed
	r.mutex.Unlock()
	if closed {
		return closedFailure("the engine")
	}
	return failf(codeWorkerLost, format, conn.Reason())
}

// fail writes an error into the block as the library would, and returns its code.
func (b *block) fail(err error) int32 {
	failure, ok := err.(*Failure)
	if !ok {
		failure = failf(codeInternal, "%v", err)
	}
	return b.failWith(failure.Code, failure.Message, failure.Detail)
}

func (b *block) failWith(code int32, message string, detail []byte) int32 {
	head := b.head()
	text := []byte(message)
	head.failure.code = code
	head.failure.message, head.failure.messageLen = b.pin(text), uint64(len(text))
	head.failure.detail, head.failure.detailLen = b.pin(detail), uint64(len(detail))
	return code
}

// take writes what an answer says of a call that failed, and returns its code: 0 when it did not.
func (b *block) answered(reply *wire.WorkerReply) int32 {
	head := b.head()
	head.result.flags, head.result.state, head.result.bytesCopied = reply.GetFlags(), reply.GetState(), reply.GetBytesCopied()
	if reply.GetCode() == 0 {
		return 0
	}
	return b.failWith(reply.GetCode(), reply.GetMessage(), reply.GetDetail())
}
