// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a worker must not be able to do is tried from within one, a process for each attempt. None may succeed: each gives an
//! error, or ends its process by the filter of system calls.

#![cfg(all(target_os = "linux", debug_assertions))]
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

const SIGSYS: i32 = 31;

#[test]
fn nothing_that_is_forbidden_succeeds() {
    let worker = env!("CARGO_BIN_EXE_bowyer-worker");
    let list = Command::new(worker).arg("escape").output().unwrap();
    let names = String::from_utf8(list.stdout).unwrap();
    let (mut killed, mut refused) = (0, 0);
    for name in names.lines() {
        let mut command = Command::new(worker);
        command.args(["escape", name]).stdin(Stdio::null()).env_clear();
        let out = command.output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        match (out.status.code(), out.status.signal()) {
            (Some(0), _) => refused += 1,
            (_, Some(SIGSYS)) => killed += 1,
            other => panic!("{name}: {other:?} {said}"),
        }
        // Said once the sandbox is closed: without it, the process did not come as far as its attempt.
        assert!(said.starts_with("level 2") || said.starts_with("level 3"), "{name}: {said:?}");
    }
    println!("{} attempts: {refused} refused, {killed} ended by the filter", refused + killed);
    assert!(refused + killed >= 40);
}
