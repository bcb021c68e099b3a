// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a worker must not be able to do is tried from within one, a process for each attempt. None may succeed: each gives an
//! error, or ends its process by the filter of system calls.

#![cfg(all(target_os = "linux", debug_assertions))]
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SIGSYS: i32 = 31;
/// What a process ends with whose attempt succeeded.
const ESCAPED: i32 = 42;

/// What a worker does with an attempt, and what it said of its sandbox before.
fn attempt(name: &str, directory: Option<&Path>) -> (Output, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bowyer-worker"));
    command.args(["escape", name]).args(directory).stdin(Stdio::null()).env_clear();
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    // Said once the sandbox is closed: without it, the process did not come as far as its attempt.
    assert!(said.starts_with("level 2") || said.starts_with("level 3"), "{name}: {said:?}");
    (out, said)
}

#[test]
fn nothing_that_is_forbidden_succeeds() {
    let list = Command::new(env!("CARGO_BIN_EXE_bowyer-worker")).arg("escape").output().unwrap();
    let names = String::from_utf8(list.stdout).unwrap();
    let outside = tempfile::tempdir().unwrap();
    let directory = outside.path().join("spill");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("there"), "someone's").unwrap();
    let (mut killed, mut refused) = (0, 0);
    for spill in [None, Some(directory.as_path())] {
        for name in names.lines() {
            let (out, said) = attempt(name, spill);
            match (out.status.code(), out.status.signal()) {
                (Some(0), _) => refused += 1,
                (_, Some(SIGSYS)) => killed += 1,
                (Some(ESCAPED), _) if spill.is_some() && name == "make a file without a name" => {}
                (Some(ESCAPED), _) if name == "make a file outside the directory" && said.starts_with("level 2") => {}
                other => panic!("{name}: {other:?} {said}"),
            }
        }
    }
    let names: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["there"], "nothing came and nothing went");
    assert_eq!(fs::read(directory.join("there")).unwrap(), b"someone's");
    println!("{} attempts: {refused} refused, {killed} ended by the filter", refused + killed);
    assert!(refused + killed >= 90);
}

#[test]
fn a_worker_that_may_spill_makes_files_without_a_name() {
    let directory = tempfile::tempdir().unwrap();
    let spill = |directory| attempt("make a file without a name", directory).0.status.code();
    assert_eq!(spill(Some(directory.path())), Some(ESCAPED));
    assert_eq!(spill(None), Some(0));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}
