// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Attempts to do from within the sandbox what it forbids. Only builds for development have them: `tests/escape.rs` starts a
//! process for each, since an attempt may well be the last thing that a process does.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::fs::{AtFlags, CWD, inotify};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::sandbox;

/// What a process ends with whose attempt succeeded.
const ESCAPED: u8 = 42;

type Attempt = fn(Pid) -> bool;

/// Attempts, each true when it succeeded.
const ATTEMPTS: &[(&str, Attempt)] = &[
    ("read a file", |_| fs::read("/etc/passwd").is_ok()),
    ("read its own memory map", |_| fs::read("/proc/self/maps").is_ok()),
    ("read its host's environment", |host| fs::read(format!("/proc/{}/environ", host.as_raw_nonzero())).is_ok()),
    ("write its host's memory", |host| {
        let path = format!("/proc/{}/mem", host.as_raw_nonzero());
        OpenOptions::new().write(true).open(path).is_ok()
    }),
    ("list a folder", |_| fs::read_dir("/").is_ok()),
    ("look at a file", |_| fs::metadata("/etc/passwd").is_ok()),
    ("make a file", |_| File::create("/tmp/bowyer-escape").is_ok()),
    ("make a folder", |_| fs::create_dir("/tmp/bowyer-escape-folder").is_ok()),
    ("make a device", |_| {
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(CWD, "/tmp/bowyer-escape-pipe", rustix::fs::FileType::Fifo, mode, 0).is_ok()
    }),
    ("make a symbolic link", |_| symlink("/etc/passwd", "/tmp/bowyer-escape-link").is_ok()),
    ("make a hard link", |_| fs::hard_link("/etc/passwd", "/tmp/bowyer-escape-hard").is_ok()),
    ("read a link", |_| fs::read_link("/proc/self/exe").is_ok()),
    ("remove a file", |_| fs::remove_file("/tmp/bowyer-escape-none").is_ok()),
    ("rename a file", |_| fs::rename("/tmp/bowyer-escape-none", "/tmp/bowyer-escape-other").is_ok()),
    ("change a file's mode", |_| fs::set_permissions("/tmp", Permissions::from_mode(0o1777)).is_ok()),
    ("change a file's owner", |_| rustix::fs::chownat(CWD, "/tmp", None, None, AtFlags::empty()).is_ok()),
    ("ask for access", |_| rustix::fs::access("/", rustix::fs::Access::READ_OK).is_ok()),
    ("look at a file system", |_| rustix::fs::statfs("/").is_ok()),
    ("watch a file", |_| inotify::init(inotify::CreateFlags::CLOEXEC).is_ok()),
    ("change its folder", |_| std::env::set_current_dir("/tmp").is_ok()),
    ("change its root", |_| rustix::process::chroot("/").is_ok()),
    ("connect to a port", |_| TcpStream::connect("127.0.0.1:22").is_ok()),
    ("listen at a port", |_| TcpListener::bind("127.0.0.1:0").is_ok()),
    ("send a datagram", |_| UdpSocket::bind("127.0.0.1:0").is_ok()),
    ("connect to a local socket", |_| UnixStream::connect("/run/dbus/system_bus_socket").is_ok()),
    ("listen at a local socket", |_| UnixListener::bind("/tmp/bowyer-escape-socket").is_ok()),
    ("make an unbound socket", |_| UnixDatagram::unbound().is_ok()),
    ("make a pair of sockets", |_| UnixStream::pair().is_ok()),
    ("run a program", |_| Command::new("/bin/true").status().is_ok()),
    ("become a program", |_| {
        let _failed = Command::new("/bin/true").exec();
        false
    }),
    ("start a thread", |_| std::thread::Builder::new().spawn(|| ()).is_ok()),
    ("signal its host", |host| rustix::process::kill_process(host, Signal::CONT).is_ok()),
    ("signal its group", |_| rustix::process::kill_current_process_group(Signal::CONT).is_ok()),
    ("hold its host", |host| rustix::process::pidfd_open(host, PidfdFlags::empty()).is_ok()),
    ("limit its host", |host| {
        let none = rustix::process::Rlimit { current: None, maximum: None };
        rustix::process::prlimit(Some(host), rustix::process::Resource::Core, none).is_ok()
    }),
    ("raise its own limits", |_| {
        let none = rustix::process::Rlimit { current: None, maximum: None };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, none).is_ok()
    }),
    ("lead a session", |_| rustix::process::setsid().is_ok()),
    ("change its priority", |_| rustix::process::nice(1).is_ok()),
    ("be looked into", |_| rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).is_ok()),
    ("wait for events", |_| rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC).is_ok()),
    ("make an event", |_| rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).is_ok()),
    ("choose its processors", |_| rustix::thread::sched_setaffinity(None, &rustix::thread::CpuSet::new()).is_ok()),
];

/// Attempts of a worker that may spill: those above, and what it could do to the files of its directory.
const ATTEMPTS_TO_SPILL: &[(&str, Spilling)] = &[
    ("read a file of the directory", |directory| fs::read(directory.join("there")).is_ok()),
    ("write a file of the directory", |directory| OpenOptions::new().write(true).open(directory.join("there")).is_ok()),
    ("make a file with a name in the directory", |directory| File::create(directory.join("escape")).is_ok()),
    ("list the directory", |directory| fs::read_dir(directory).is_ok()),
    ("give its file a name", |directory| {
        let Ok(file) = nameless(directory) else { return false };
        let own = format!("/proc/self/fd/{}", file.as_raw_fd());
        rustix::fs::linkat(CWD, own, CWD, directory.join("escape"), AtFlags::SYMLINK_FOLLOW).is_ok()
    }),
    ("make a file outside the directory", |directory| {
        // Landlock's to refuse: without it, files without a name can be made wherever the user may write.
        directory.parent().is_some_and(|outside| nameless(outside).is_ok())
    }),
    // The one thing that it may do: expected to succeed.
    (SPILL, |directory| nameless(directory).and_then(|mut file| file.write_all(b"rows")).is_ok()),
];

type Spilling = fn(&Path) -> bool;

/// What a worker that may spill can do, and no other can.
const SPILL: &str = "make a file without a name";

fn nameless(directory: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_TMPFILE).open(directory)
}

fn host() -> Pid {
    rustix::process::getppid().unwrap_or(Pid::INIT)
}

/// Prints the attempts, or makes one of them from within the sandbox: of a worker that may spill, if there is a directory.
pub(crate) fn run(name: Option<&str>, directory: Option<&Path>) -> ExitCode {
    let Some(name) = name else {
        let names = ATTEMPTS.iter().map(|(name, _)| *name).chain(ATTEMPTS_TO_SPILL.iter().map(|(name, _)| *name));
        let _ = writeln!(std::io::stdout(), "{}", names.collect::<Vec<_>>().join("\n"));
        return ExitCode::SUCCESS;
    };
    let host = host();
    let report = sandbox::after_threads(sandbox::before_threads(0, directory));
    let _ = writeln!(std::io::stdout(), "level {} {:?}", report.level, report.missing);
    let anywhere = directory.unwrap_or_else(|| Path::new("/tmp/bowyer-escape"));
    let attempt = ATTEMPTS.iter().find(|(known, _)| *known == name).map(|(_, attempt)| attempt(host));
    let spilling = || ATTEMPTS_TO_SPILL.iter().find(|(known, _)| *known == name).map(|(_, attempt)| attempt(anywhere));
    match attempt.or_else(spilling) {
        Some(escaped) => ExitCode::from(if escaped { ESCAPED } else { 0 }),
        None => ExitCode::from(2),
    }
}
