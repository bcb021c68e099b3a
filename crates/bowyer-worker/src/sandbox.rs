// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a worker gives up, in this order: new privileges, being looked into, core files and most descriptors; then, before it
//! has threads, files and sockets (Landlock); then, once its threads run, all system calls but a few (seccomp, for every
//! thread). At the end it tries what it must not be able to do, and reports how far it got: nothing is assumed.
//!
//! A worker that may spill keeps one thing: it may make files without a name in one directory. It can open none that is
//! there, nor give its own a name, so that they are gone with it.

use std::collections::BTreeMap;
use std::path::Path;

use bowyer_engine::proto::WorkerReport;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, Scope,
};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, getppid, set_dumpable_behavior, setrlimit, test_kill_process,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};

/// A process of its own, and no more.
const SEPARATE: u32 = 1;
/// System calls are filtered.
const FILTERED: u32 = 2;
/// Also without files and sockets by Landlock's word.
const SEALED: u32 = 3;

/// The newest of Landlock's interfaces that is asked for: with it, signals and abstract sockets are out of reach too.
const LANDLOCK: ABI = ABI::V6;

/// System calls that a worker needs once it runs.
const NEEDED: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_pread64,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_ppoll,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_fcntl,
    libc::SYS_memfd_create,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// And those that it needs with some arguments only.
const NEEDED_IN_PART: [libc::c_long; 3] = [libc::SYS_mmap, libc::SYS_mprotect, libc::SYS_tgkill];

/// System calls with which the worker tries its walls, and that libraries make where they can do without an answer. They give
/// an error; everything else that is not needed ends the process.
const REFUSED: &[libc::c_long] =
    &[libc::SYS_openat, libc::SYS_socket, libc::SYS_kill, libc::SYS_execve, libc::SYS_ptrace];

/// What a worker that may spill needs beside them: it reads its files from the start. `openat` goes with [`NAMELESS`] only.
const NEEDED_TO_SPILL: &[libc::c_long] = &[libc::SYS_lseek];
/// How a file is opened that has no name and that nobody else can see.
const NAMELESS: libc::c_int = libc::O_TMPFILE | libc::O_RDWR | libc::O_CLOEXEC;

/// A sandbox of which the first half is closed.
pub(crate) struct Sandbox {
    report: WorkerReport,
    host: Option<Pid>,
    spills: bool,
}

/// The first half: everything that must happen while there is one thread. `spill` is the directory for spilled rows.
pub(crate) fn before_threads(memory_limit: u64, spill: Option<&Path>) -> Sandbox {
    let mut report = WorkerReport { level: SEPARATE, ..WorkerReport::default() };
    let host = getppid();
    let mut note = |what: &str, outcome: Result<(), String>| {
        if let Err(why) = outcome {
            report.missing.push(format!("{what}: {why}"));
        }
    };
    note("no new privileges", rustix::thread::set_no_new_privs(true).map_err(|errno| errno.to_string()));
    let dumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    note("not dumpable", dumpable.map_err(|errno| errno.to_string()));
    let mut limits = vec![(Resource::Core, 0), (Resource::Nofile, if spill.is_some() { 1024 } else { 64 })];
    if memory_limit > 0 {
        // Twice the engine's own limit, and room for stacks, code and what the engine does not count.
        limits.push((Resource::Data, memory_limit.saturating_mul(2).saturating_add(1 << 30)));
    }
    for (resource, most) in limits {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        note("limit", setrlimit(resource, limit).map_err(|errno| format!("{resource:?}: {errno}")));
    }
    match landlock(spill) {
        Ok(version) => report.landlock = version,
        Err(why) => report.missing.push(format!("Landlock: {why}")),
    }
    Sandbox { report, host, spills: spill.is_some() }
}

/// Closes files, sockets, signals to others and abstract sockets. An older kernel does what it can.
fn landlock(spill: Option<&Path>) -> Result<u32, String> {
    // One that is not there, or not to be entered, stays closed: who spills gets the system's word on it.
    let spill = spill.and_then(|directory| PathFd::new(directory).ok());
    let all = |abi: ABI, level: CompatLevel| {
        let mut ruleset = Ruleset::default()
            .set_compatibility(level)
            .handle_access(AccessFs::from_all(abi))
            .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(abi)))
            .map_err(|error| error.to_string())?;
        if level == CompatLevel::HardRequirement {
            ruleset = ruleset.scope(Scope::from_all(abi)).map_err(|error| error.to_string())?;
        }
        let mut created = ruleset.create().map_err(|error| error.to_string())?;
        if let Some(directory) = &spill {
            let rule = PathBeneath::new(directory, AccessFs::ReadFile | AccessFs::WriteFile);
            created = created.add_rule(rule).map_err(|error| error.to_string())?;
        }
        created.restrict_self().map_err(|error| error.to_string())
    };
    match all(LANDLOCK, CompatLevel::HardRequirement) {
        Ok(_) => Ok(LANDLOCK as u32),
        Err(_) => all(ABI::V4, CompatLevel::BestEffort).map(|status| match status.ruleset {
            landlock::RulesetStatus::NotEnforced => 0,
            _ => 1,
        }),
    }
}

/// The second half, once every thread runs; then the test.
pub(crate) fn after_threads(sandbox: Sandbox) -> WorkerReport {
    let Sandbox { mut report, host, spills } = sandbox;
    match filters(spills).and_then(|filters| filters.iter().try_for_each(apply)) {
        Err(why) => report.missing.push(format!("filter of system calls: {why}")),
        Ok(()) => match tried(host) {
            [] => report.level = if report.landlock >= LANDLOCK as u32 { SEALED } else { FILTERED },
            open => report.missing.extend(open.iter().map(|what| format!("self-test: could {what}"))),
        },
    }
    report
}

fn apply(filter: &BpfProgram) -> Result<(), String> {
    apply_filter_all_threads(filter).map_err(|error| error.to_string())
}

/// Two filters, of which the stricter holds: one ends the process for what is on neither list, one refuses what is refused.
fn filters(spills: bool) -> Result<Vec<BpfProgram>, String> {
    let arch: TargetArch = std::env::consts::ARCH.try_into().map_err(|error| format!("{error}"))?;
    let to_spill: &[_] = if spills { NEEDED_TO_SPILL } else { &[] };
    let mut allowed: BTreeMap<i64, Vec<SeccompRule>> =
        NEEDED.iter().chain(to_spill).chain(REFUSED).map(|call| (*call, Vec::new())).collect();
    // No memory that can be run; and a signal to itself, which is how abort ends a process.
    let [map, protect, signal] = NEEDED_IN_PART;
    for call in [map, protect] {
        allowed.insert(call, vec![when(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0)?]);
    }
    allowed.insert(signal, vec![when(0, SeccompCmpOp::Eq, u64::from(std::process::id()))?]);
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    if spills {
        refused.insert(libc::SYS_openat, vec![when(2, SeccompCmpOp::Ne, NAMELESS as u64)?]);
    }
    let outer = SeccompFilter::new(allowed, SeccompAction::KillProcess, SeccompAction::Allow, arch);
    let inner = SeccompFilter::new(refused, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32), arch);
    [inner, outer]
        .into_iter()
        .map(|filter| filter.and_then(BpfProgram::try_from).map_err(|error| error.to_string()))
        .collect()
}

/// The rule that an argument compares so with a value.
fn when(argument: u8, compares: SeccompCmpOp, value: u64) -> Result<SeccompRule, String> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compares, value)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(|error| error.to_string())
}

/// What the process could still do, of what it must not.
fn tried(host: Option<Pid>) -> &'static [&'static str] {
    let opens = std::fs::File::open("/").is_ok();
    let talks = std::net::UdpSocket::bind("127.0.0.1:0").is_ok();
    let signals = host.is_some_and(|host| test_kill_process(host).is_ok());
    match (opens, talks, signals) {
        (false, false, false) => &[],
        (true, ..) => &["open a file"],
        (_, true, _) => &["make a socket"],
        (.., true) => &["signal its host"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_thirty_system_calls_are_left() {
        let mut calls = [NEEDED, &NEEDED_IN_PART].concat();
        assert!(calls.len() <= 30, "{}", calls.len());
        calls.extend(NEEDED_TO_SPILL.iter().chain(REFUSED));
        calls.sort_unstable();
        assert!(calls.windows(2).all(|pair| pair[0] != pair[1]), "none is listed twice");
    }
}
