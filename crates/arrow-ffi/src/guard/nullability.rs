// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Nulls in children whose fields allow none.
//!
//! Only rows that the parent shows count: what lies under a null, in no list, or in a union's other child is nobody's
//! value. Lists of list views may overlap, so their nulls are not walked but taken from counts that are made once.

use arrow_schema::DataType;
use bowyer_core::bits;

use super::Guard;
use super::bounds::{Number, entry};
use crate::reject::{Case, Rejection};
use crate::shape::{Layout, ShapeNode};

/// Rows between two counts.
const STRIDE: usize = 512;

/// How many nulls stand before each row of a node.
struct Ranks<'b> {
    bitmap: &'b [u8],
    offset: usize,
    before: Vec<usize>,
}

impl<'b> Ranks<'b> {
    fn new(bitmap: &'b [u8], offset: usize, length: usize) -> Self {
        let mut before = Vec::with_capacity(length / STRIDE + 1);
        let mut nulls = 0;
        for start in (0..=length).step_by(STRIDE) {
            before.push(nulls);
            let rows = STRIDE.min(length - start);
            nulls += rows - bits::count_ones(bitmap, offset + start, rows);
        }
        Self { bitmap, offset, before }
    }

    fn nulls_before(&self, row: usize) -> usize {
        let (stride, rest) = (row / STRIDE, row % STRIDE);
        let counted = self.before.get(stride).copied().unwrap_or_default();
        counted + rest - bits::count_ones(self.bitmap, self.offset + stride * STRIDE, rest)
    }

    /// The first null from `start` to before `end`.
    fn first_null(&self, start: usize, end: usize) -> Option<usize> {
        if start >= end || self.nulls_before(start) == self.nulls_before(end) {
            return None;
        }
        (start..end).find(|row| bits::count_ones(self.bitmap, self.offset + row, 1) == 0)
    }
}

impl Guard<'_, '_> {
    /// Refuses a null that a parent's rows show in a child without nulls. What the rows lead to was proven before.
    pub(super) fn nulls_below(&self, at: usize, expected: &ShapeNode) -> Result<(), Rejection> {
        if matches!(expected.layout, Layout::Dictionary { .. }) {
            return Ok(());
        }
        for (which, &child) in expected.children.iter().enumerate() {
            let child = child as usize;
            let shape = &self.shape.nodes()[child];
            let optional = shape.nullable && !self.is_map_key(at, which);
            if optional || self.null_count(child) == 0 || shape.data_type == DataType::Null {
                continue;
            }
            let node = self.flat_node(child);
            let ranks = Ranks::new(self.ranges(child)[0], node.offset, node.length);
            if let Some(row) = self.shown_null(at, &expected.layout, which, &ranks) {
                let message = "a null where the schema allows none";
                return Err(Rejection::new(Case::Nullability, child, message).buffer(0).index(row));
            }
        }
        Ok(())
    }

    /// Keys are without nulls whatever their field says. A map stands right before its entries.
    fn is_map_key(&self, at: usize, which: usize) -> bool {
        let parent = at.checked_sub(1).and_then(|parent| self.shape.nodes().get(parent));
        which == 0 && parent.is_some_and(|parent| matches!(parent.data_type, DataType::Map(..)))
    }

    /// The first null of child `which` that a row of `at` shows.
    fn shown_null(&self, at: usize, layout: &Layout, which: usize, nulls: &Ranks<'_>) -> Option<usize> {
        let node = self.flat_node(at);
        let mut rows = (0..node.length).filter(|&row| self.is_valid(at, row));
        let buffer = |buffer: usize| self.ranges(at)[buffer];
        match layout {
            Layout::Struct => rows.find_map(|row| nulls.first_null(node.offset + row, node.offset + row + 1)),
            Layout::FixedList { size } => rows.find_map(|row| {
                let start = (node.offset + row) * size;
                nulls.first_null(start, start + size)
            }),
            Layout::List { wide: false } => self.in_lists::<i32>(at, nulls),
            Layout::List { wide: true } => self.in_lists::<i64>(at, nulls),
            Layout::ListView { wide: false } => self.in_views::<i32>(at, nulls),
            Layout::ListView { wide: true } => self.in_views::<i64>(at, nulls),
            Layout::Union { children, dense } => rows.find_map(|row| {
                let row = node.offset + row;
                let id = usize::try_from(entry::<i8>(buffer(0), row)).ok()?;
                if usize::from(*children.get(id)?) != which {
                    return None;
                }
                let row = if *dense { usize::try_from(entry::<i32>(buffer(1), row)).ok()? } else { row };
                nulls.first_null(row, row + 1)
            }),
            // The values of as many runs as there are ends.
            Layout::RunEnds if which == 1 => nulls.first_null(0, self.flat_node(self.child(at, 0)).length),
            _ => None,
        }
    }

    fn in_lists<T: Number>(&self, at: usize, nulls: &Ranks<'_>) -> Option<usize> {
        let node = self.flat_node(at);
        let offsets = self.ranges(at)[1];
        let offset = |row: usize| usize::try_from(entry::<T>(offsets, node.offset + row)).unwrap_or_default();
        let mut rows = (0..node.length).filter(|&row| self.is_valid(at, row));
        rows.find_map(|row| nulls.first_null(offset(row), offset(row + 1)))
    }

    fn in_views<T: Number>(&self, at: usize, nulls: &Ranks<'_>) -> Option<usize> {
        let node = self.flat_node(at);
        let number = |buffer: usize, row: usize| {
            usize::try_from(entry::<T>(self.ranges(at)[buffer], node.offset + row)).unwrap_or_default()
        };
        let mut rows = (0..node.length).filter(|&row| self.is_valid(at, row));
        rows.find_map(|row| nulls.first_null(number(1, row), number(1, row) + number(2, row)))
    }
}
