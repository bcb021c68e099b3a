// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The guard on lists made by hand, without a pointer anywhere: levels, counts, blame.

use arrow_schema::{DataType, Field, Fields};

use super::*;

fn node(length: usize, first_buffer: usize, buffer_count: usize) -> Node {
    Node { length, offset: 0, null_count: None, validity: false, first_buffer, buffer_count, counted_nulls: 0 }
}

fn shape(data_type: DataType) -> Shape {
    Shape::of_field(&Field::new("column", data_type, true))
}

fn one<'a>(node: Node, buffers: Vec<&'a [u8]>, data_type: DataType, level: Level) -> Result<Proof<'a>, Case> {
    let flat = Flat { nodes: [node].into_iter().collect(), buffers: buffers.into() };
    check(flat, &[&shape(data_type)], level, &Alone).map_err(|(array, rejection)| {
        assert_eq!((array, rejection.node), (0, 0));
        rejection.case
    })
}

#[test]
fn claimed_null_counts_are_not_believed() {
    let bits = [0b1010_1010_u8, 0xFF];
    for (offset, length, nulls) in [(0, 8, 4), (1, 7, 3), (3, 13, 2), (0, 0, 0)] {
        for claimed in [None, Some(0), Some(length)] {
            let node = Node { offset, null_count: claimed, validity: true, ..node(length, 0, 2) };
            let proof = one(node, vec![&bits, &[0; 16]], DataType::Int8, Level::Headers).unwrap();
            assert_eq!(proof.null_count(0), nulls, "{length} rows from {offset}");
        }
    }
}

#[test]
fn every_buffer_is_as_long_as_its_rows_need() {
    let sized = |rows, bytes| one(node(rows, 0, 2), vec![&[], bytes], DataType::Int32, Level::Headers).err();
    assert_eq!(sized(2, &[0; 8]), None);
    assert_eq!(sized(2, &[0; 7]), Some(Case::BufferSize));
    assert_eq!(sized(usize::MAX / 2, &[0; 8]), Some(Case::SizeOverflow));
    let bits = |offset, length, bytes| {
        let node = Node { offset, validity: true, ..node(length, 0, 2) };
        one(node, vec![bytes, &[0; 32]], DataType::Int8, Level::Headers).err()
    };
    assert_eq!(bits(1, 8, &[0; 2]), None);
    assert_eq!(bits(1, 8, &[0; 1]), Some(Case::BufferSize));
}

#[test]
fn text_is_proven_at_every_level_and_offsets_of_bytes_are_not() {
    let offsets: Vec<u8> = [0_i32, 1, 2].iter().flat_map(|offset| offset.to_ne_bytes()).collect();
    let past: Vec<u8> = [0_i32, 1, 3].iter().flat_map(|offset| offset.to_ne_bytes()).collect();
    let letter = "é".as_bytes();
    for level in [Level::Headers, Level::Bounds, Level::Full] {
        let text = one(node(2, 0, 3), vec![&[], &offsets, letter], DataType::Utf8, level);
        assert_eq!(text.err(), Some(Case::Utf8), "an offset inside a letter, {level:?}");
        assert!(one(node(2, 0, 3), vec![&[], &offsets, letter], DataType::Binary, level).is_ok());
        let outside = one(node(2, 0, 3), vec![&[], &past, letter], DataType::Binary, level);
        assert_eq!(outside.is_err(), level >= Level::Bounds, "{level:?}");
        assert_eq!(one(node(2, 0, 3), vec![&[], &past, letter], DataType::Utf8, level).err(), Some(Case::Offsets));
    }
}

#[test]
fn the_array_and_the_node_to_blame_are_named() {
    let inner = Fields::from(vec![Field::new("a", DataType::Int8, true), Field::new("b", DataType::Int8, true)]);
    let (good, pair) = (shape(DataType::Int8), shape(DataType::Struct(inner)));
    let nodes = vec![node(1, 0, 2), node(4, 2, 1), node(4, 3, 2), node(3, 5, 2)];
    let buffers: Vec<&[u8]> = vec![&[], &[0; 8], &[], &[], &[0; 8], &[], &[0; 8]];
    let (array, rejection) =
        check(Flat { nodes: nodes.into(), buffers: buffers.into() }, &[&good, &pair], Level::Headers, &Alone)
            .unwrap_err();
    assert_eq!((array, rejection.case, rejection.node), (1, Case::ChildLength, 2));
    assert_eq!(pair.path(2), "column.b");
}

#[test]
fn values_are_looked_at_in_full_only() {
    let late = 86_400_i32.to_ne_bytes();
    let time = DataType::Time32(arrow_schema::TimeUnit::Second);
    assert!(one(node(1, 0, 2), vec![&[], &late], time.clone(), Level::Bounds).is_ok());
    assert_eq!(one(node(1, 0, 2), vec![&[], &late], time.clone(), Level::Full).err(), Some(Case::Temporal));
    let hidden = Node { validity: true, ..node(1, 0, 2) };
    assert!(one(hidden, vec![&[0], &late], time, Level::Full).is_ok(), "under a null anything goes");
}
