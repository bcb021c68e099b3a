// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What the machine offers: processors, and memory within the limits of the control group.

use std::path::{Path, PathBuf};

use crate::proto::EngineConfig;

/// The processors that the process may use.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Puts what the machine says into the places of a configuration that are left to it, for an engine that will be opened where
/// the machine's files cannot be read any more.
pub fn fill_in(config: &mut EngineConfig) {
    if config.threads == 0 {
        config.threads = processors() as u32;
    }
    if config.memory_limit_bytes == 0 {
        config.memory_limit_bytes = default_memory_limit().0.unwrap_or(0);
    }
}

/// Half of the memory that the process may use, and where that figure is from.
pub(crate) fn default_memory_limit() -> (Option<u64>, &'static str) {
    let group = cgroup_limit();
    let machine = machine_bytes();
    match (group, machine) {
        (Some(group), Some(machine)) if group < machine => (Some(group / 2), "cgroup"),
        (_, Some(machine)) => (Some(machine / 2), "machine"),
        (Some(group), None) => (Some(group / 2), "cgroup"),
        (None, None) => (None, "machine"),
    }
}

/// The smallest limit on the path from the process's group to the root.
fn cgroup_limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut smallest: Option<u64> = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (root, file) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        let group = PathBuf::from(root).join(path.trim_start_matches('/'));
        for folder in group.ancestors().take_while(|folder| folder.starts_with(root)) {
            if let Some(limit) = limit_of(&folder.join(file)) {
                smallest = Some(smallest.map_or(limit, |smallest| smallest.min(limit)));
            }
        }
    }
    smallest
}

/// The number in a file; "max" is no limit.
fn limit_of(file: &Path) -> Option<u64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn machine_bytes() -> Option<u64> {
    let memory = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
