// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! One piece of memory from the system, owned.
//!
//! Small regions come from the allocator, zeroed. Regions of 2 MiB and more are mapped on a 2 MiB boundary and advised
//! to be huge pages: their first touch then costs one fault instead of 512. Those between can be carved from such a
//! mapping, several of a size at once. Sizes are size classes, four to a doubling, so a recycled region wastes at most
//! a quarter.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;

use crate::{Error, Result};

/// Where mapping begins, and what mapped regions are aligned to.
pub(super) const HUGE_PAGE: usize = 2 << 20;
/// The alignment of every region: a cache line, and what Arrow recommends.
pub(super) const ALIGNMENT: usize = 64;
/// The smallest region that is carved from a mapping.
const LEAST_CARVED: usize = 32 << 10;
/// The bytes that regions are carved from at once.
pub(super) const CARVED: usize = 4 * HUGE_PAGE;
/// The largest size class: 2^48 bytes, beyond what a process can map.
const CLASS_COUNT: usize = 4 * 48;

/// The number of size classes.
pub(super) const fn class_count() -> usize {
    CLASS_COUNT
}

/// The class of a size: index and capacity. `None` when no region is that large.
pub(super) fn size_class(byte_len: usize) -> Option<(usize, usize)> {
    if byte_len <= ALIGNMENT {
        return Some((0, ALIGNMENT));
    }
    let last = byte_len - 1;
    let exponent = last.ilog2() as usize;
    let quarter = (last >> (exponent - 2)) & 3;
    let index = (exponent - 6) * 4 + quarter + 1;
    if index >= CLASS_COUNT || exponent >= 47 {
        return None;
    }
    let exact = (1usize << exponent) + ((quarter + 1) << (exponent - 2));
    let step = if exact >= HUGE_PAGE { HUGE_PAGE } else { ALIGNMENT };
    // Rounding may reach a later class; the index is that of the capacity, so that what comes back is found again.
    let capacity = exact.next_multiple_of(step);
    if capacity == exact { Some((index, capacity)) } else { size_class(capacity) }
}

/// Memory of one size class. Always initialised: the system gives zeroes, earlier users leave what they wrote.
#[derive(Debug)]
pub(super) struct Region {
    start: NonNull<u8>,
    capacity: usize,
    /// The mapping that it was carved from, which goes with the last of its regions.
    carved_from: Option<Arc<Self>>,
}

// SAFETY: the region is plain bytes that the value owns alone (carved regions do not overlap, and nobody touches bytes by
// way of the mapping that they share); nothing about it belongs to a thread.
unsafe impl Send for Region {}
// SAFETY: a shared region gives out no access of its own; `Allocation` gives `&[u8]` or `&mut [u8]` by the usual rules.
unsafe impl Sync for Region {}

impl Region {
    /// A region of exactly `capacity` bytes, a capacity that [`size_class`] gave.
    pub(super) fn new(capacity: usize) -> Result<Self> {
        let start = if is_mapped(capacity) { map(capacity) } else { allocate(capacity) };
        let Some(start) = start else {
            return Err(Error::memory_limit(format!("the system has no {capacity} bytes of memory left")));
        };
        Ok(Self { start, capacity, carved_from: None })
    }

    /// Regions of `capacity` bytes, a capacity that [`size_class`] gave, side by side on huge pages, the lowest last;
    /// none if that is not to be had for this size.
    pub(super) fn carve(capacity: usize) -> Vec<Self> {
        if cfg!(miri) || !(LEAST_CARVED..HUGE_PAGE).contains(&capacity) {
            return Vec::new();
        }
        let Some(start) = map(CARVED) else { return Vec::new() };
        let whole = Arc::new(Self { start, capacity: CARVED, carved_from: None });
        let region = |at: usize| {
            // SAFETY: `at < CARVED / capacity`, so that the region ends inside the mapping.
            let start = unsafe { start.add(at * capacity) };
            Self { start, capacity, carved_from: Some(whole.clone()) }
        };
        (0..CARVED / capacity).rev().map(region).collect()
    }

    #[inline]
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if let Some(whole) = &self.carved_from {
            // The mapping is unmapped when the last region lets go of it, which may be long after this one.
            if Arc::strong_count(whole) > 1 {
                give_pages_back(self.start, self.capacity);
            }
        } else if is_mapped(self.capacity) {
            // SAFETY: `map` mapped exactly this range and nothing else unmaps it; the value is the only owner.
            let unmapped = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.capacity) };
            debug_assert!(unmapped.is_ok(), "a region is unmapped once, whole");
        } else if let Ok(layout) = Layout::from_size_align(self.capacity, ALIGNMENT) {
            // SAFETY: `allocate` gave this pointer for the same layout, and the value is the only owner.
            unsafe { dealloc(self.start.as_ptr(), layout) };
        }
    }
}

/// Gives the pages back that lie wholly within a part of a mapping; they read as zeroes from then on. Keeping them does no harm
/// but to the memory that is left, so that a refusal is no error.
fn give_pages_back(start: NonNull<u8>, byte_len: usize) {
    const PAGE: usize = 4096;
    let skip = start.align_offset(PAGE);
    let whole = byte_len.saturating_sub(skip) / PAGE * PAGE;
    if whole > 0 {
        let first = start.as_ptr().wrapping_add(skip);
        // SAFETY: the range lies within memory that `map` mapped, which no file backs, and whose owner is being dropped: nobody
        // reads these bytes any more.
        let _refused = unsafe { rustix::mm::madvise(first.cast(), whole, rustix::mm::Advice::LinuxDontNeed) };
    }
}

fn is_mapped(capacity: usize) -> bool {
    !cfg!(miri) && capacity >= HUGE_PAGE
}

fn allocate(capacity: usize) -> Option<NonNull<u8>> {
    let layout = Layout::from_size_align(capacity, ALIGNMENT).ok()?;
    // SAFETY: the layout has a size: no size class is empty.
    NonNull::new(unsafe { alloc_zeroed(layout) })
}

/// Maps `capacity` bytes on a huge page boundary: maps one page more, then gives back what sticks out.
fn map(capacity: usize) -> Option<NonNull<u8>> {
    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

    let padded = capacity.checked_add(HUGE_PAGE)?;
    // SAFETY: a new private mapping at an address of the system's choice touches no existing memory.
    let base =
        unsafe { mmap_anonymous(std::ptr::null_mut(), padded, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) }
            .ok()?
            .cast::<u8>();
    let before = base.align_offset(HUGE_PAGE);
    let after = HUGE_PAGE - before;
    // SAFETY: `before + capacity + after` is the length just mapped, so all three parts lie inside it; the two that are
    // unmapped are page multiples that nobody has seen. Advice changes no content, and its refusal does no harm.
    unsafe {
        let start = base.add(before);
        if before > 0 {
            munmap(base.cast(), before).ok()?;
        }
        if after > 0 {
            munmap(start.add(capacity).cast(), after).ok()?;
        }
        let _ = madvise(start.cast(), capacity, Advice::LinuxHugepage);
        NonNull::new(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_is_asked_and_waste_little() {
        let mut previous = (0, 0);
        for byte_len in (1..40_000usize).chain([HUGE_PAGE - 1, HUGE_PAGE, HUGE_PAGE + 1, 1 << 30, (1 << 40) + 7]) {
            let (index, capacity) = size_class(byte_len).unwrap();
            assert!(capacity >= byte_len && capacity.is_multiple_of(ALIGNMENT));
            let rounding = if byte_len > HUGE_PAGE / 4 * 3 { HUGE_PAGE } else { ALIGNMENT };
            assert!(capacity <= byte_len + byte_len / 4 + rounding, "{byte_len}");
            assert_eq!(size_class(capacity), Some((index, capacity)));
            assert!(index >= previous.0 && capacity >= previous.1);
            previous = (index, capacity);
        }
        assert_eq!(size_class(usize::MAX), None);
    }

    #[test]
    fn one_class_has_one_capacity() {
        let mut capacities = vec![0; class_count()];
        for byte_len in (1..100_000usize).chain((1..64).map(|n| n * 777_777)) {
            let (index, capacity) = size_class(byte_len).unwrap();
            assert!(capacities[index] == 0 || capacities[index] == capacity);
            capacities[index] = capacity;
        }
    }

    #[test]
    fn carved_regions_lie_side_by_side_and_outlive_each_other() {
        let (_, capacity) = size_class(300_000).unwrap();
        let mut regions = Region::carve(capacity);
        assert_eq!(regions.len(), CARVED / capacity);
        let last = regions.pop().unwrap();
        let next = regions.pop().unwrap();
        assert_eq!(last.start().as_ptr().wrapping_add(capacity), next.start().as_ptr());
        assert_eq!(last.start().as_ptr().align_offset(HUGE_PAGE), 0);
        drop(regions);
        let gone = last.start().as_ptr();
        // SAFETY: the region owns its capacity while it lives.
        unsafe { gone.write(7) };
        drop(last);
        // SAFETY: the mapping lives as long as `next`, and its pages read as zeroes once they were given back.
        assert_eq!(unsafe { gone.read() }, 0, "its pages went before the mapping");
        // SAFETY: the region owns its capacity, initialised by the system, while it lives.
        unsafe { next.start().as_ptr().add(capacity - 1).write(7) };
        assert!(Region::carve(64).is_empty() && Region::carve(HUGE_PAGE).is_empty());
    }

    #[test]
    fn large_regions_start_on_huge_pages_and_are_zero() {
        let region = Region::new(3 * HUGE_PAGE).unwrap();
        assert_eq!(region.start().as_ptr().align_offset(HUGE_PAGE), 0);
        // SAFETY: the region owns its capacity, initialised by the system.
        let bytes = unsafe { std::slice::from_raw_parts(region.start().as_ptr(), region.capacity()) };
        assert!(bytes.iter().all(|&byte| byte == 0));
    }
}
