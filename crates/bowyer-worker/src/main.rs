// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The worker: an engine in a process of its own, which reads requests from a private socket and can do little else.
//!
//! The host starts it with the socket as standard input. The first frame opens the engine; the sandbox closes around it in
//! the order that `sandbox` gives; then threads answer until the host hangs up. `docs/worker.md` is the contract.

mod answer;
mod block;
#[cfg(debug_assertions)]
mod escape;
#[cfg(debug_assertions)]
mod fault;
mod frame;
mod mapping;
mod memory_file;
mod native;
mod sandbox;
mod serve;
mod socket;

fn main() -> std::process::ExitCode {
    use std::io::Write as _;
    // A program that runs from memory would be called by the number of its descriptor; the name is for people who look.
    let _ = rustix::thread::set_name(c"bowyer-worker");
    #[cfg(debug_assertions)]
    match std::env::args().nth(1).as_deref() {
        Some("escape") => {
            let directory = std::env::args().nth(3);
            return escape::run(std::env::args().nth(2).as_deref(), directory.as_deref().map(std::path::Path::new));
        }
        Some("faults") => fault::arm(),
        _ => {}
    }
    match work() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            // The host reads the end of what a worker that died has said.
            let _ = writeln!(std::io::stderr(), "bowyer-worker: {}", error.message());
            std::process::ExitCode::from(2)
        }
    }
}

fn work() -> bowyer_core::Result<()> {
    let mut room = Vec::new();
    let Some(frame) = socket::receive(&mut room, std::time::Duration::ZERO)? else { return Ok(()) };
    serve::open(frame)
}
