// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Keeps the host's signals away from our threads.
//!
//! A signal that is sent to a process runs its handler on any thread that does not block it. A handler of the host, Go's
//! above all, expects threads of the host: on one of ours it would have to enter the host's runtime first. So our threads
//! block what others send. What a thread brings upon itself stays open, and so does the signal of profilers, whose
//! handlers know foreign threads: blocked, it would blame others for our work.

/// Runs `body`, whose new threads block signals that are not their own. The calling thread's mask is as before afterwards.
#[cfg(unix)]
pub fn leaving_signals_to_the_host<R>(body: impl FnOnce() -> R) -> R {
    let _restored = Mask::block();
    body()
}

/// Runs `body`: there are no signals to keep away.
#[cfg(not(unix))]
pub fn leaving_signals_to_the_host<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// The mask that a thread had; dropping it puts it back.
#[cfg(unix)]
struct Mask(Option<libc::sigset_t>);

#[cfg(unix)]
impl Mask {
    fn block() -> Self {
        const OPEN: [libc::c_int; 8] = [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGTRAP,
            libc::SIGABRT,
            libc::SIGSYS,
            libc::SIGPROF,
        ];
        let mut blocked = std::mem::MaybeUninit::uninit();
        let mut before = std::mem::MaybeUninit::uninit();
        // SAFETY: both sets are ours and written before they are read: the first by `sigfillset`, which cannot fail for a
        // valid address, the second by `pthread_sigmask` when it gives zero. The signals have valid numbers.
        unsafe {
            libc::sigfillset(blocked.as_mut_ptr());
            for signal in OPEN {
                libc::sigdelset(blocked.as_mut_ptr(), signal);
            }
            let failed = libc::pthread_sigmask(libc::SIG_BLOCK, blocked.as_ptr(), before.as_mut_ptr());
            Self((failed == 0).then(|| before.assume_init()))
        }
    }
}

#[cfg(unix)]
impl Drop for Mask {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // SAFETY: the set is one that the system gave.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut()) };
        }
    }
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

    use super::*;

    fn blocked() -> u64 {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap()
    }

    fn holds(mask: u64, signal: libc::c_int) -> bool {
        mask >> (signal - 1) & 1 == 1
    }

    #[test]
    fn threads_that_are_started_inside_block_what_others_send() {
        let before = blocked();
        let thread = leaving_signals_to_the_host(|| std::thread::spawn(blocked));
        assert_eq!(blocked(), before, "the caller's mask is as before");
        let mask = thread.join().unwrap();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGCHLD, libc::SIGURG, libc::SIGUSR1] {
            assert!(holds(mask, signal), "signal {signal} is open");
        }
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGABRT, libc::SIGPROF] {
            assert!(!holds(mask, signal), "signal {signal} is blocked");
        }
    }
}
