// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

use super::*;
use crate::ErrorCode;

#[test]
fn dropped_memory_is_handed_out_again() {
    let memory = Memory::unlimited();
    let first = memory.allocate(1000).unwrap();
    let address = first.as_ptr();
    assert_eq!(address.align_offset(64), 0);
    drop(first);
    let second = memory.allocate(1001).unwrap();
    assert_eq!(second.as_ptr(), address);
    let statistics = memory.pool().statistics();
    assert_eq!((statistics.hits, statistics.misses), (1, 1));
    assert_eq!(statistics.live_bytes, second.capacity() as u64);
}

#[test]
fn a_buffer_returns_its_memory_with_its_last_reference() {
    let memory = Memory::unlimited();
    let mut allocation = memory.allocate(256).unwrap();
    allocation.as_mut_slice_of::<i64>().fill(7);
    let buffer = allocation.into_buffer();
    assert_eq!(memory.used_bytes(), 256);
    let slice = buffer.slice_with_length(8, 8);
    drop(buffer);
    assert_eq!(memory.used_bytes(), 256);
    assert_eq!(slice.typed_data::<i64>(), &[7]);
    drop(slice);
    assert_eq!(memory.used_bytes(), 0);
    assert_eq!(memory.pool().statistics().live_bytes, 0);
    assert_eq!(memory.pool().statistics().free_bytes, 256);
    memory.pool().trim();
    assert_eq!(memory.pool().statistics().free_bytes, 0);
}

#[test]
fn a_pool_keeps_no_more_than_it_may() {
    let memory = Memory::new(Pool::new(1024), Budget::new("test", None));
    drop([memory.allocate(1024).unwrap(), memory.allocate(1024).unwrap()]);
    assert_eq!(memory.pool().statistics().free_bytes, 1024);
}

#[test]
fn a_limit_is_refused_with_its_figures_and_charges_nobody() {
    let engine = Memory::new(Pool::new(0), Budget::new("engine", Some(1000)));
    let query = engine.with_limit(Some(5000), "query q1");
    let held = query.allocate(512).unwrap();
    let error = query.allocate(512).unwrap_err();
    assert_eq!(error.code(), ErrorCode::MemoryLimit);
    assert_eq!(error.message(), "memory limit of engine is 1000 bytes: 512 are used and 512 more are asked for");
    assert_eq!((engine.used_bytes(), query.used_bytes()), (512, 512));
    drop(held);
    assert_eq!((engine.used_bytes(), query.used_bytes()), (0, 0));
    assert_eq!((engine.peak_bytes(), query.peak_bytes()), (512, 1024));
    assert_eq!(query.limit_bytes(), Some(5000));
}

#[test]
fn the_nearest_limit_is_named() {
    let query = Memory::unlimited().with_limit(Some(100), "query q1");
    assert!(query.allocate(128).unwrap_err().message().contains("query q1 is 100 bytes: 0 are used and 128"));
}

#[test]
fn growth_keeps_the_content_and_a_refusal_changes_nothing() {
    let memory = Memory::unlimited().with_limit(Some(4096), "query");
    let mut allocation = memory.allocate(4).unwrap();
    allocation.copy_from_slice(b"ab\x00d");
    allocation.grow(1000).unwrap();
    assert_eq!((&allocation[..4], allocation.len()), (&b"ab\x00d"[..], 1000));
    assert!(allocation.grow(5000).is_err());
    assert_eq!((&allocation[..4], allocation.len()), (&b"ab\x00d"[..], 1000));
    allocation.truncate(4);
    allocation.shrink_to_fit();
    assert_eq!((&allocation[..], allocation.capacity()), (&b"ab\x00d"[..], 64));
}

#[test]
fn charges_follow_their_size() {
    let memory = Memory::unlimited().with_limit(Some(100), "query");
    let mut charge = memory.charge(60).unwrap();
    assert!(memory.charge(41).is_err());
    assert!(charge.resize(101).is_err());
    charge.resize(100).unwrap();
    charge.resize(10).unwrap();
    assert_eq!((charge.bytes(), memory.used_bytes()), (10, 10));
    drop(charge);
    assert_eq!(memory.used_bytes(), 0);
}

#[test]
fn empty_allocations_cost_nothing() {
    let memory = Memory::unlimited().with_limit(Some(0), "query");
    let mut allocation = memory.allocate(0).unwrap();
    assert!(allocation.is_empty() && allocation.as_mut_slice_of::<i64>().is_empty());
    assert_eq!(allocation.into_buffer().len(), 0);
}

#[test]
fn threads_share_a_pool_and_a_budget() {
    let memory = Memory::unlimited();
    std::thread::scope(|scope| {
        for seed in 0..4usize {
            let memory = memory.clone();
            scope.spawn(move || {
                for round in 0..200 {
                    let mut allocation = memory.allocate(64 + (seed * 131 + round * 17) % 4000).unwrap();
                    allocation.fill(seed as u8);
                    assert!(allocation.iter().all(|&byte| byte == seed as u8));
                }
            });
        }
    });
    assert_eq!(memory.used_bytes(), 0);
    assert_eq!(memory.pool().statistics().live_bytes, 0);
}

#[test]
fn free_regions_and_what_is_charged_stay_within_the_limit() {
    let query = Memory::new(Pool::new(1 << 30), Budget::new("engine", None)).with_limit(Some(1 << 20), "query");
    let free = || query.pool().statistics().free_bytes;
    let held: Vec<_> = (0..12).map(|_| query.allocate(64 << 10).unwrap()).collect();
    drop(held);
    assert_eq!(free(), 768 << 10);
    let large = query.allocate(512 << 10).unwrap();
    assert!(free() <= 512 << 10, "{}", free());
    drop(query.charge(300 << 10).unwrap());
    let charge = query.charge(400 << 10).unwrap();
    query.give_back_free();
    assert!(free() <= 112 << 10, "{}", free());
    drop((large, charge));
}
