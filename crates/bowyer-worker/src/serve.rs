// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The threads of a worker: some that each take a frame, do what it asks and answer; one that hands events on; one that
//! ends the process when the host has gone.

use std::collections::HashMap;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow_ffi::c::OwnedArray;
use bowyer_capi::Event;
use bowyer_core::{Error, ErrorCode, Result};
use bowyer_engine::proto::{EngineConfig, WorkerBlock, WorkerEvents, WorkerReply, WorkerRequest};
use prost::Message as _;

use crate::answer;
use crate::block::{BUFFER, INLINED, Lease, Structs};
use crate::frame::{ANSWER, EVENTS, Kind};
use crate::mapping::Mappings;
use crate::native::{self, Answer, Failure, Outcome};
use crate::sandbox;
use crate::socket::{self, Frame};

/// The block of a call is not needed any more once the call has returned, unless this flag is set.
const RETAINED: u32 = bowyer_capi::abi::RESULT_RETAINED;
/// Events that are handed on at once.
const EVENTS_AT_ONCE: usize = 64;

/// Opens the engine as the first frame says, closes the sandbox, and answers until the host hangs up.
///
/// # Errors
/// What is wrong with the first frame or with a later one; what the system says.
pub(crate) fn open(frame: Frame) -> Result<()> {
    let refuse = |error: Error| {
        let failure = Failure::from(error);
        let reply = WorkerReply { code: failure.code, message: failure.message, ..Default::default() };
        socket::send(frame.kind | ANSWER, frame.sequence, &reply.encode_to_vec(), None)
    };
    if Kind::read(frame.kind)? != Kind::Open {
        return Err(Error::invalid_argument("the first request does not open the engine"));
    }
    let request = WorkerRequest::decode(frame.body.as_slice())
        .map_err(|error| Error::invalid_argument(format!("a request cannot be read: {error}")))?;
    let mut config: EngineConfig = match bowyer_engine::decode(&request.content) {
        Ok(config) => config,
        Err(error) => return refuse(error),
    };
    // The machine is looked at before the sandbox closes: its files are out of reach then.
    bowyer_engine::fill_in(&mut config);
    let spill = (!config.spill_directory.is_empty()).then_some(Path::new(&config.spill_directory));
    let sandbox = sandbox::before_threads(config.memory_limit_bytes, spill);
    let threads = config.threads as usize + 2;
    let engine = match native::engine_open(&config.encode_to_vec()) {
        Ok(engine) => engine,
        Err(failure) => {
            let Failure { code, message, detail } = failure;
            let reply = WorkerReply { code, message, detail, ..Default::default() };
            return socket::send(frame.kind | ANSWER, frame.sequence, &reply.encode_to_vec(), None);
        }
    };
    // On one processor, who looks keeps the host from asking.
    let look_for = if config.threads > 1 { socket::LOOK_FOR } else { Duration::ZERO };
    let server = Arc::new(Server::new(engine, look_for, request.checksums));
    let gate = Arc::new(Barrier::new(threads + 2));
    let mut others = Vec::new();
    for work in 0..=threads {
        let (server, gate) = (server.clone(), gate.clone());
        let name = if work == 0 { "bowyer-events" } else { "bowyer-serve" };
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Once when all have begun, and once when the sandbox is closed.
            gate.wait();
            gate.wait();
            match if work == 0 { server.tell() } else { server.serve() } {
                // The last event was told; the host hangs up when it likes.
                Ok(()) if work == 0 => {}
                ended => end(ended),
            }
        });
        others.push(spawned.map_err(|error| Error::new(ErrorCode::Io, format!("a thread: {error}")))?);
    }
    gate.wait();
    let mut report = sandbox::after_threads(sandbox);
    report.concurrency = threads as u32;
    report.version = env!("CARGO_PKG_VERSION").to_owned();
    let reply = WorkerReply { report: Some(report), ..Default::default() };
    socket::send(frame.kind | ANSWER, frame.sequence, &reply.encode_to_vec(), None)?;
    gate.wait();
    // This thread watches for the host's end: one that hangs up ends the process, whatever the others are doing.
    socket::wait_for_hangup();
    end(Ok(()));
    Ok(())
}

/// Ends the process: there is nobody to talk to any more. Threads that come to it later wait for the first one: the standard
/// library would have them wait by a system call that is not left.
fn end(outcome: Result<()>) {
    static ENDING: AtomicBool = AtomicBool::new(false);
    while ENDING.swap(true, Ordering::Relaxed) {
        std::thread::park();
    }
    match outcome {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bowyer-worker: {}", error.message());
            std::process::exit(2)
        }
    }
}

/// What the threads of a worker share.
#[derive(Default)]
pub(crate) struct Server {
    engine: u64,
    /// The turn to listen.
    turn: Mutex<()>,
    /// For how long a thread that has answered a small call looks for the next one.
    look_for: Duration,
    /// Whether answers carry sums of their buffers.
    checksums: bool,
    files: Mappings,
    leases: Mutex<HashMap<u64, Arc<Lease>>>,
    /// Results that name buffers of the host's, until the host has them.
    taken: Mutex<HashMap<u64, OwnedArray>>,
    /// Words of the calls that run.
    calls: Mutex<HashMap<u64, Arc<AtomicU32>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a request comes to.
#[derive(Default)]
struct Done {
    reply: WorkerReply,
    file: Option<OwnedFd>,
    /// To be kept until the host says that it has taken the answer.
    kept: Option<OwnedArray>,
}

impl Server {
    pub(crate) fn new(engine: u64, look_for: Duration, checksums: bool) -> Self {
        Self { engine, look_for, checksums, ..Self::default() }
    }

    /// Takes frames until the host hangs up.
    ///
    /// # Errors
    /// What is wrong with a frame: the host and the worker no longer understand each other.
    pub(crate) fn serve(&self) -> Result<()> {
        let mut room = Vec::new();
        let mut turn = None;
        loop {
            // One thread listens. After a small call it goes on, and looks for the next one before it sleeps; otherwise the
            // next thread listens while this one works.
            let look_for = if turn.is_some() { self.look_for } else { Duration::ZERO };
            let listening = turn.take().unwrap_or_else(|| lock(&self.turn));
            let Some(frame) = socket::receive(&mut room, look_for)? else { return Ok(()) };
            let kind = Kind::read(frame.kind)?;
            let sequence = frame.sequence;
            let request = WorkerRequest::decode(frame.body.as_slice())
                .map_err(|error| Error::invalid_argument(format!("a request cannot be read: {error}")))?;
            if kind == Kind::Call && request.block.as_ref().is_some_and(is_small) {
                turn = Some(listening);
            } else {
                drop(listening);
            }
            let done = self.answer(kind, sequence, request, frame);
            if sequence == 0 {
                continue;
            }
            let mut done = done.unwrap_or_else(|failure| {
                let Failure { code, message, detail } = failure;
                Done { reply: WorkerReply { code, message, detail, ..Default::default() }, ..Done::default() }
            });
            // Kept before it is sent: the host may have taken it before this thread goes on.
            if let Some(kept) = done.kept.take() {
                lock(&self.taken).insert(sequence, kept);
            }
            socket::send(frame_kind(kind), sequence, &done.reply.encode_to_vec(), done.file.as_ref())?;
        }
    }

    fn answer(&self, kind: Kind, sequence: u64, request: WorkerRequest, mut frame: Frame) -> Outcome<Done> {
        let none = AtomicU32::new(0);
        let mut reply = WorkerReply::default();
        match kind {
            Kind::Open => return Err(native::refused(ErrorCode::InvalidState, "the engine is open")),
            Kind::Close => native::engine_close(self.engine)?,
            Kind::MemoryFile => {
                let missing = || native::refused(ErrorCode::InvalidArgument, "a memory file that did not come");
                let file = frame.files.pop().ok_or_else(missing)?;
                self.files.add(request.number, &file, request.byte_len)?;
            }
            Kind::ForgetFile => self.files.forget(request.number),
            Kind::Resolve => {
                let (handle, schema) = native::resolve(self.engine, &request)?;
                (reply.handle, reply.schema) = (handle, Some(schema));
            }
            Kind::Call | Kind::Echo | Kind::SourcePush | Kind::Push => return self.lend(kind, sequence, request),
            Kind::CancelCall => {
                if let Some(word) = lock(&self.calls).get(&request.number) {
                    word.store(1, Ordering::Relaxed);
                }
            }
            Kind::SchemaOpen => reply.handle = native::schema_open(self.engine, request.schema.as_ref())?,
            Kind::SourceOpen => reply.handle = native::source_open(self.engine, request.schema.as_ref())?,
            Kind::Prepare => (reply.handle, reply.content) = native::prepare(self.engine, &request, &none)?,
            Kind::Output => reply.schema = Some(native::plan_output(request.handle, request.port)?),
            Kind::Start => reply.handle = native::query_start(&request, &none)?,
            Kind::Finish => native::query_finish(&request)?,
            Kind::Next => {
                let (outcome, answer) = native::query_next(request.handle, request.port);
                outcome?;
                return self.finished(answer);
            }
            Kind::Cancel => native::query_cancel(request.handle),
            Kind::Statistics => {
                let object = if request.handle == 0 { self.engine } else { request.handle };
                reply.content = native::statistics(object)?;
            }
            Kind::Logs => reply.content = native::logs(self.engine)?,
            Kind::Release => native::release(request.handle),
            Kind::Taken => drop(lock(&self.taken).remove(&request.number)),
        }
        Ok(Done { reply, ..Done::default() })
    }

    /// What reads arrays that the host lends.
    fn lend(&self, kind: Kind, sequence: u64, mut request: WorkerRequest) -> Outcome<Done> {
        let mut block: WorkerBlock = request.block.take().unwrap_or_default();
        let lease = Arc::new(Lease::of(&mut block, &self.files)?);
        lease.check(&block)?;
        let structs = Structs::of(&block, &lease)?;
        let owner = block.owner;
        lock(&self.leases).insert(owner, lease.clone());
        #[cfg(debug_assertions)]
        if kind == Kind::Call
            && let Some((reply, file)) = crate::fault::strike(block.row_count)
        {
            return Ok(Done { reply, file, kept: None });
        }
        let cancel = Arc::new(AtomicU32::new(0));
        let watched = matches!(kind, Kind::Call | Kind::Echo);
        if watched {
            lock(&self.calls).insert(sequence, cancel.clone());
        }
        let (outcome, answer) = match kind {
            Kind::Call => native::call(&request, &structs, &cancel),
            Kind::Echo => native::echo(&request, &structs, &cancel),
            Kind::SourcePush => native::source_push(request.handle, &structs),
            _ => native::query_push(request.handle, request.port, &structs),
        };
        if watched {
            lock(&self.calls).remove(&sequence);
        }
        let retained = answer.result.flags & RETAINED != 0;
        let flags = answer.result.flags;
        let done = match outcome {
            Ok(()) => self.finished(answer),
            Err(failure) => {
                // The host has to know whether its block is still held; the flag goes with the failure.
                let Failure { code, message, detail } = failure;
                Ok(Done {
                    reply: WorkerReply { code, message, detail, flags, ..Default::default() },
                    ..Done::default()
                })
            }
        };
        if !retained {
            lock(&self.leases).remove(&owner);
        }
        done
    }

    /// The answer of a call that went well.
    fn finished(&self, answer: Answer) -> Outcome<Done> {
        let mut reply = WorkerReply {
            state: answer.result.state,
            flags: answer.result.flags,
            bytes_copied: answer.result.bytes_copied,
            ..Default::default()
        };
        let mut done = Done::default();
        if !answer.array.as_raw().is_released() {
            done.file = answer::write(&answer, &mut reply, self.checksums)?;
            if !reply.aliases.is_empty() {
                done.kept = Some(answer.array);
            }
        }
        done.reply = reply;
        Ok(done)
    }

    /// Hands events on until the engine is closed.
    ///
    /// # Errors
    /// What the socket says.
    pub(crate) fn tell(&self) -> Result<()> {
        let nothing = Event { kind: 0, port: 0, handle: 0, value: 0 };
        let mut room = [nothing; EVENTS_AT_ONCE];
        while let Ok(count) = native::engine_wait(self.engine, &mut room) {
            let mut message = WorkerEvents::default();
            for event in &room[..count] {
                if event.kind == bowyer_capi::abi::EVENT_OWNER {
                    lock(&self.leases).remove(&event.value);
                }
                message.events.extend([u64::from(event.kind), u64::from(event.port), event.handle, event.value]);
            }
            socket::send(EVENTS, 0, &message.encode_to_vec(), None)?;
        }
        Ok(())
    }
}

/// Whether a call is done so soon that nobody else need listen meanwhile: everything that it reads came in its frame.
fn is_small(block: &WorkerBlock) -> bool {
    block.row_count <= 4096 && block.buffers.chunks(BUFFER).all(|buffer| buffer[0] <= INLINED)
}

fn frame_kind(kind: Kind) -> u16 {
    kind as u16 | ANSWER
}
