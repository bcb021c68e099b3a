// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// object is what a handle of a remote engine stands for. Functions, schemas and plans are made again in a worker that does not have
// them; sources and queries are lost with theirs.
type object struct {
	remake    *wire.WorkerRequest // what makes it; nil: it cannot be made again
	kind      uint16
	operation uint64 // names what it does with batches, for the quarantine
	query     bool
	sources   []*object // of a query

	at    atomic.Pointer[place]
	mutex sync.Mutex // held while it is made again

	lent []*lent // of a source; guarded by the remote's mutex
}

// seed makes sums that mean something in this process only.
var seed = maphash.MakeSeed()

// add gives an object a handle.
func (r *remote) add(o *object, conn *worker.Conn, handle uint64) uint64 {
	o.at.Store(&place{conn, handle})
	r.mutex.Lock()
	defer r.mutex.Unlock()
	number := uint64(0)
	if o.query {
		number = r.numbers[place{conn, handle}] // events may have come before the answer
	}
	if number == 0 {
		r.last++
		number = r.last + engineNumber
	}
	r.objects[number] = o
	if o.query {
		r.numbers[place{conn, handle}] = number
	}
	return number
}

// foretell gives a handle to a query of which an event comes before the answer to its start. The caller holds the lock.
func (r *remote) foretell(conn *worker.Conn, handle uint64) uint64 {
	if r.starts == 0 {
		return 0
	}
	r.last++
	number := r.last + engineNumber
	r.numbers[place{conn, handle}] = number
	return number
}

// find returns an object and where it is now, in a worker that has it.
func (r *remote) find(ctx context.Context, number uint64) (*object, place, error) {
	r.mutex.Lock()
	o := r.objects[number]
	r.mutex.Unlock()
	if o == nil {
		return nil, place{}, failf(codeInvalidState, "the handle is not known any more")
	}
	at := *o.at.Load()
	if at.conn.Usable() {
		return o, at, nil
	}
	if o.remake == nil {
		return o, at, r.gone("the worker process that had this ended: %s", at.conn)
	}
	conn, err := r.current(ctx)
	if err != nil {
		return o, at, err
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if at = *o.at.Load(); at.conn == conn {
		return o, at, nil
	}
	answer, _, err := r.ask(ctx, conn, o.kind, o.remake, nil)
	if err != nil {
		return o, at, err
	}
	if reply := answer.Reply; reply.GetCode() != 0 {
		return o, at, &Failure{Code: reply.GetCode(), Message: reply.GetMessage(), Detail: reply.GetDetail()}
	}
	at = place{conn, answer.Reply.GetHandle()}
	o.at.Store(&at)
	return o, at, nil
}

func (r *remote) release(number uint64) {
	r.mutex.Lock()
	o := r.objects[number]
	delete(r.objects, number)
	if o == nil {
		r.mutex.Unlock()
		return
	}
	at := *o.at.Load()
	delete(r.numbers, at)
	r.mutex.Unlock()
	if at.conn.Alive() {
		_ = at.conn.Post(worker.KindRelease, &wire.WorkerRequest{Handle: at.handle})
	}
}

// make asks the worker that runs to make an object, and gives it a handle.
func (r *remote) make(ctx context.Context, b *block, o *object, request *wire.WorkerRequest) (*wire.WorkerReply, int32) {
	conn, err := r.current(ctx)
	if err != nil {
		return nil, b.fail(err)
	}
	return r.makeIn(ctx, conn, b, o, request)
}

func (r *remote) makeIn(ctx context.Context, conn *worker.Conn, b *block, o *object, request *wire.WorkerRequest) (*wire.WorkerReply, int32) {
	late := func(answer worker.Answer) {
		if answer.Reply.GetHandle() != 0 {
			_ = conn.Post(worker.KindRelease, &wire.WorkerRequest{Handle: answer.Reply.GetHandle()})
		}
	}
	answer, _, err := r.ask(ctx, conn, o.kind, request, late)
	if err != nil {
		return nil, b.fail(err)
	}
	worker.CloseFile(answer.File)
	if code := b.answered(answer.Reply); code != 0 {
		return answer.Reply, code
	}
	b.head().handle = r.add(o, conn, answer.Reply.GetHandle())
	return answer.Reply, 0
}

func (r *remote) resolve(b *block, _ uint64, call []byte, arguments []arrow.Field) (arrow.Field, error) {
	schema, err := schemaMessage(arguments, arrow.Metadata{})
	if err != nil {
		return arrow.Field{}, err
	}
	request := &wire.WorkerRequest{Content: call, Schema: schema}
	o := &object{kind: worker.KindResolve, remake: request, operation: maphash.Bytes(seed, call)}
	reply, code := r.make(context.Background(), b, o, request)
	if code != 0 {
		return arrow.Field{}, b.head().take(code)
	}
	fields := reply.GetSchema().GetFields()
	if len(fields) != 1 {
		return arrow.Field{}, r.lied(o, "a function's result has %d fields", len(fields))
	}
	field, err := fieldOfMessage(fields[0], 0)
	if err != nil {
		r.release(b.head().handle)
	}
	return field, err
}

// lied ends a worker that said what cannot be, and returns the error for whoever asked.
func (r *remote) lied(o *object, format string, values ...any) error {
	failure := failf(codeWorkerLost, "the worker process was ended because its answer was wrong: "+format, values...)
	if at := o.at.Load(); at != nil {
		at.conn.Kill(failure)
	}
	return failure
}

func (r *remote) openSchema(b *block, _ uint64, schema *arrow.Schema) error {
	return r.openDescribed(b, schema, worker.KindSchemaOpen)
}

func (r *remote) openSource(b *block, _ uint64, schema *arrow.Schema) error {
	return r.openDescribed(b, schema, worker.KindSourceOpen)
}

func (r *remote) openDescribed(b *block, schema *arrow.Schema, kind uint16) error {
	message, err := schemaMessage(schema.Fields(), schema.Metadata())
	if err != nil {
		return err
	}
	request := &wire.WorkerRequest{Schema: message}
	o := &object{kind: kind}
	if kind == worker.KindSchemaOpen {
		o.remake = request
	}
	if _, code := r.make(context.Background(), b, o, request); code != 0 {
		return b.head().take(code)
	}
	return nil
}

func (r *remote) prepare(ctx context.Context, b *block, _ uint64, plan []byte) int32 {
	request := b.request(&wire.WorkerRequest{Content: plan})
	remake := &wire.WorkerRequest{Content: plan}
	o := &object{kind: worker.KindPrepare, remake: remake, operation: maphash.Bytes(seed, plan)}
	reply, code := r.make(ctx, b, o, request)
	if code != 0 {
		return code
	}
	content := reply.GetContent()
	b.head().buffer.data, b.head().buffer.byteLen = b.pin(content), uint64(len(content))
	return 0
}

// request adds what the block's call says of time, memory and trace.
func (b *block) request(request *wire.WorkerRequest) *wire.WorkerRequest {
	call := &b.head().call
	request.TimeoutNs, request.MemoryLimit = call.timeoutNs, call.memoryLimit
	end := 0
	for end < len(call.traceparent) && call.traceparent[end] != 0 {
		end++
	}
	request.Traceparent = string(call.traceparent[:end])
	return request
}

func (r *remote) output(b *block, prepared uint64, output uint32) (*arrow.Schema, error) {
	ctx := context.Background()
	o, at, err := r.find(ctx, prepared)
	if err != nil {
		return nil, err
	}
	answer, _, err := r.ask(ctx, at.conn, worker.KindOutput, &wire.WorkerRequest{Handle: at.handle, Port: output}, nil)
	if err != nil {
		return nil, err
	}
	if code := b.answered(answer.Reply); code != 0 {
		return nil, b.head().take(code)
	}
	schema, err := schemaOfMessage(answer.Reply.GetSchema())
	if err != nil {
		return nil, r.lied(o, "%v", err)
	}
	return schema, nil
}

// start starts a query. Sources that it reads must be in the same worker: bindings name them by the worker's handles.
func (r *remote) start(ctx context.Context, b *block, prepared uint64, bindings []byte) int32 {
	plan, at, err := r.find(ctx, prepared)
	if err != nil {
		return b.fail(err)
	}
	var message wire.QueryBindings
	if err := proto.Unmarshal(bindings, &message); err != nil {
		return b.failWith(codeInvalidArgument, "the bindings cannot be decoded: "+err.Error(), nil)
	}
	query := &object{kind: worker.KindStart, query: true, operation: plan.operation}
	for _, binding := range message.GetInputs() {
		source, ok := binding.GetTo().(*wire.InputBinding_Source)
		if !ok {
			continue
		}
		from, where, err := r.find(ctx, source.Source)
		if err != nil {
			return b.fail(err)
		}
		if where.conn != at.conn {
			return b.failWith(codeWorkerLost, "the worker process that had input "+binding.GetInput()+" ended", nil)
		}
		source.Source = where.handle
		query.sources = append(query.sources, from)
	}
	if r.refusesSources(query) {
		return b.failWith(codeQuarantined, "two workers have died of this plan over these tables", nil)
	}
	content, err := proto.Marshal(&message)
	if err != nil {
		return b.failWith(codeInvalidArgument, "the bindings cannot be encoded: "+err.Error(), nil)
	}
	r.mutex.Lock()
	r.starts++
	r.mutex.Unlock()
	defer func() {
		r.mutex.Lock()
		r.starts--
		r.mutex.Unlock()
	}()
	_, code := r.makeIn(ctx, at.conn, b, query, b.request(&wire.WorkerRequest{Handle: at.handle, Content: content}))
	return code
}

func (r *remote) finish(b *block, query uint64, input uint32, code int32, message []byte) int32 {
	_, at, err := r.find(context.Background(), query)
	if err != nil {
		return b.fail(err)
	}
	request := &wire.WorkerRequest{Handle: at.handle, Port: input, Code: code, Message: validText(message)}
	answer, err := at.conn.Ask(worker.KindFinish, request, closePatience)
	if err != nil {
		return b.fail(r.lost(at.conn, err))
	}
	return b.answered(answer.Reply)
}

func (r *remote) cancel(query uint64) {
	if _, at, err := r.find(context.Background(), query); err == nil {
		_ = at.conn.Post(worker.KindCancel, &wire.WorkerRequest{Handle: at.handle})
	}
}

func (r *remote) pullStream(b *block, _ uint64, _ uint32, _ uintptr) int32 {
	return b.failWith(codeNotImplemented, "a stream of the C interface is memory of this process, which a worker cannot read: give its batches as a reader", nil)
}

func (r *remote) statistics(b *block, number uint64) int32 {
	if number == engineNumber {
		conn, err := r.current(context.Background())
		if err != nil {
			return b.fail(err)
		}
		return r.content(b, place{conn, 0}, worker.KindStatistics)
	}
	_, at, err := r.find(context.Background(), number)
	if err != nil {
		return b.fail(err)
	}
	return r.content(b, at, worker.KindStatistics)
}

func (r *remote) logs(b *block, _ uint64) int32 {
	r.mutex.Lock()
	conn, remains := r.conn, r.remains
	r.remains = nil
	over := r.over
	r.mutex.Unlock()
	switch {
	case remains != nil || over:
		b.head().buffer.data, b.head().buffer.byteLen = b.pin(remains), uint64(len(remains))
		return 0
	case conn == nil:
		return b.failWith(codeWorkerLost, "no worker runs", nil)
	}
	return r.content(b, place{conn, 0}, worker.KindLogs)
}

// content asks for bytes.
func (r *remote) content(b *block, at place, kind uint16) int32 {
	answer, err := at.conn.Ask(kind, &wire.WorkerRequest{Handle: at.handle}, closePatience)
	if err != nil {
		return b.fail(r.lost(at.conn, err))
	}
	if code := b.answered(answer.Reply); code != 0 {
		return code
	}
	content := answer.Reply.GetContent()
	b.head().buffer.data, b.head().buffer.byteLen = b.pin(content), uint64(len(content))
	return 0
}
