// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Lists that do not fit are refused before a struct is made of them.

use super::*;

fn list(nodes: &[[i64; NODE]], buffers: &[[u64; BUFFER]], roots: u32) -> WorkerBlock {
    WorkerBlock {
        owner: 1,
        nodes: nodes.concat(),
        buffers: buffers.concat(),
        array_count: roots,
        inlined: vec![7; 64],
        ..Default::default()
    }
}

fn made(mut message: WorkerBlock) -> Result<(i64, u32)> {
    let lease = Lease::of(&mut message, &Mappings::default())?;
    let structs = Structs::of(&message, &lease)?;
    let first = structs._arrays.first().map_or(-1, |array| array.length);
    Ok((first, structs.block.array_count))
}

#[test]
fn roots_stand_first_and_children_behind_them() {
    // A struct of two columns with one buffer each, and a column beside it.
    let nodes = [[3, 0, 0, 1, 2], [3, 0, 0, 1, 0], [3, 0, 0, 1, 0], [9, 0, 0, 1, 0]];
    let buffers = [[NOWHERE, 0, 0], [INLINED, 0, 24], [INLINED, 24, 24], [ZEROS, 0, 64]];
    let mut message = list(&nodes, &buffers, 2);
    let lease = Lease::of(&mut message, &Mappings::default()).unwrap();
    let structs = Structs::of(&message, &lease).unwrap();
    let lengths: Vec<i64> = structs._arrays.iter().map(|array| array.length).collect();
    assert_eq!(lengths, [3, 9, 3, 3]);
    assert_eq!(structs._children[0], structs._arrays.as_ptr().wrapping_add(2).cast_mut());
    assert_eq!(structs._sizes, [0, 24, 24, 64]);
    assert!(structs._pointers[0].is_null() && !structs._pointers[3].is_null());
}

#[test]
fn dictionaries_follow_the_children_of_their_node() {
    let mut message = list(&[[3, 0, 0, 1, 0], [2, 0, 0, 1, 0]], &[[INLINED, 0, 8], [INLINED, 8, 8]], 1);
    message.dictionaries = vec![0];
    assert_eq!(made(message.clone()).unwrap(), (3, 1));
    message.dictionaries = vec![1];
    assert!(made(message).is_err());
}

#[test]
fn lists_that_do_not_fit_are_refused() {
    let column = [3, 0, 0, 1, 0];
    let good = [[INLINED, 0, 64]];
    assert!(made(list(&[column], &good, 1)).is_ok());
    assert!(made(list(&[column], &good, 0)).is_err(), "a node of no array");
    assert!(made(list(&[column], &good, 2)).is_err(), "an array of no node");
    assert!(made(list(&[column, column], &good, 1)).is_err(), "a node too many");
    assert!(made(list(&[[3, 0, 0, 2, 0]], &good, 1)).is_err(), "a buffer too few");
    assert!(made(list(&[[3, 0, 0, 0, 0]], &good, 1)).is_err(), "a buffer too many");
    assert!(made(list(&[[3, 0, 0, 1, 1]], &good, 1)).is_err(), "a child too few");
    assert!(made(list(&[[3, 0, 0, -1, 0]], &good, 1)).is_err(), "less than no buffers");
    assert!(made(list(&[[3, 0, 0, 1, i64::MAX]], &good, 1)).is_err(), "children without number");
    assert!(made(list(&[column], &[[INLINED, 1, 64]], 1)).is_err(), "bytes past the end");
    assert!(made(list(&[column], &[[INLINED, u64::MAX, 64]], 1)).is_err(), "an offset that wraps");
    assert!(made(list(&[column], &[[NOWHERE, 0, 1]], 1)).is_err(), "a byte nowhere");
    assert!(made(list(&[column], &[[ZEROS, 0, 65]], 1)).is_err(), "too many zeros");
    assert!(made(list(&[column], &[[ANSWER_FILE, 0, 0]], 1)).is_err(), "a place that is the worker's");
    assert!(made(list(&[column], &[[9, 0, 1]], 1)).is_err(), "an unknown file");
    let mut ragged = list(&[column], &good, 1);
    ragged.nodes.pop();
    assert!(made(ragged).is_err());
}

#[test]
fn a_buffer_with_another_sum_than_announced_is_refused() {
    let content = vec![7; 4096];
    let file = crate::memory_file::written(content.len(), &[&content]).unwrap();
    let files = Mappings::default();
    files.add(9, &file, 4096).unwrap();
    // One buffer in the frame, which has no sum of its own, and two in the file.
    let buffers = [[INLINED, 0, 64], [9, 0, 100], [9, 64, 32]];
    let mut message = list(&[[3, 0, 0, 3, 0]], &buffers, 1);
    let right = vec![crc32c::crc32c(&content[..100]), crc32c::crc32c(&content[..32])];
    let check = |message: &mut WorkerBlock| Lease::of(message, &files).and_then(|lease| lease.check(message));
    let code = |outcome: Result<()>| outcome.map_err(|error| error.code());
    assert_eq!(code(check(&mut message)), Ok(()), "none are asked for");
    message.checksums = right.clone();
    assert_eq!(code(check(&mut message)), Ok(()));
    for bit in 0..64 {
        message.checksums = right.clone();
        message.checksums[bit / 32] ^= 1 << (bit % 32);
        assert_eq!(code(check(&mut message)), Err(ErrorCode::InvalidArray), "bit {bit}");
    }
    message.checksums = right[..1].to_vec();
    assert_eq!(code(check(&mut message)), Err(ErrorCode::InvalidArgument), "one too few");
    message.checksums = [right.clone(), right].concat();
    assert_eq!(code(check(&mut message)), Err(ErrorCode::InvalidArgument), "two too many");
}
