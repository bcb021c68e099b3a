// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The private socket to the host, which is the worker's standard input: whole frames in, whole frames out.
//!
//! The socket keeps the bounds of messages, so several threads may read and write: each gets or sends a frame.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use bowyer_core::{Error, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use crate::frame::{BODY_LIMIT, HEADER, Header, IN_FILE};
use crate::memory_file;

/// Memory files that may come with a frame.
const MOST_FILES: usize = 4;

/// A frame that came in.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u16,
    pub(crate) sequence: u64,
    pub(crate) body: Vec<u8>,
    pub(crate) files: Vec<OwnedFd>,
}

/// For how long a thread that has answered a small call looks for the next one before it sleeps: to be woken may take longer
/// than such a call.
pub(crate) const LOOK_FOR: Duration = Duration::from_micros(50);

/// Looks for the next frame again and again until `look_for` has passed, then waits for it; none when the host has hung up.
///
/// # Errors
/// What is wrong with the frame; what the system says.
pub(crate) fn receive(room: &mut Vec<u8>, look_for: Duration) -> Result<Option<Frame>> {
    let mut looks = (!look_for.is_zero()).then(|| Instant::now() + look_for);
    room.resize(HEADER + BODY_LIMIT, 0);
    let mut ancillary = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FILES))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut ancillary);
    let received = loop {
        let mut parts = [IoSliceMut::new(room)];
        let sleepless = if looks.is_some() { RecvFlags::DONTWAIT } else { RecvFlags::empty() };
        match recvmsg(rustix::stdio::stdin(), &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC | sleepless) {
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                looks = looks.filter(|end| Instant::now() < *end);
                // The host may wait for this very processor.
                std::thread::yield_now();
            }
            Err(rustix::io::Errno::CONNRESET) => return Ok(None),
            other => break other.map_err(failed)?,
        }
    };
    if received.bytes == 0 {
        return Ok(None);
    }
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(Error::limit_exceeded("a frame is larger than any may be"));
    }
    let mut files: Vec<OwnedFd> = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            files.extend(descriptors);
        }
    }
    let content = room.get(..received.bytes).unwrap_or_default();
    let header = Header::read(content)?;
    let body = if header.flags & IN_FILE == 0 {
        content[HEADER..].to_vec()
    } else if files.is_empty() {
        return Err(Error::invalid_argument("a frame's body is in a file that did not come"));
    } else {
        memory_file::read(files.remove(0), header.length)?
    };
    if body.len() != header.length || !Header::check(content, &body) {
        return Err(Error::invalid_argument("a frame was damaged on its way"));
    }
    Ok(Some(Frame { kind: header.kind, sequence: header.sequence, body, files }))
}

/// Sends a frame, and perhaps a memory file.
///
/// # Errors
/// What the system says.
pub(crate) fn send(kind: u16, sequence: u64, body: &[u8], file: Option<&OwnedFd>) -> Result<()> {
    let large = if body.len() > BODY_LIMIT { Some(memory_file::written(body.len(), &[body])?) } else { None };
    let flags = if large.is_some() { IN_FILE } else { 0 };
    let header = Header { kind, flags, length: body.len(), sequence }.write(body);
    let descriptors: Vec<_> = large.iter().chain(file).map(|file| file.as_fd()).collect();
    let content = if large.is_some() { &[] } else { body };
    let parts = [IoSlice::new(&header), IoSlice::new(content)];
    loop {
        let mut ancillary = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FILES))];
        let mut ancillary = SendAncillaryBuffer::new(&mut ancillary);
        if !descriptors.is_empty() {
            ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        }
        match sendmsg(rustix::stdio::stdin(), &parts, &mut ancillary, SendFlags::NOSIGNAL) {
            Err(rustix::io::Errno::INTR) => {}
            other => return other.map(|_| ()).map_err(failed),
        }
    }
}

/// Returns when the host has hung up.
pub(crate) fn wait_for_hangup() {
    let stdin = rustix::stdio::stdin();
    loop {
        let mut descriptors = [PollFd::new(&stdin, PollFlags::empty())];
        match poll(&mut descriptors, None) {
            Err(rustix::io::Errno::INTR) => {}
            _ => return,
        }
    }
}

fn failed(errno: rustix::io::Errno) -> Error {
    Error::new(bowyer_core::ErrorCode::Io, format!("the host's socket: {errno}"))
}
