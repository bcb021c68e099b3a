// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Checks a flat list of nodes and byte ranges against shapes, and gives the proof that arrays are built from.
//!
//! There is no unsafe code here: a mistake rejects a good batch or lets a bad one through, but does not itself read
//! outside a range. Three levels: [`Level::Headers`] checks sizes and counts; [`Level::Bounds`], the ordinary one, also
//! every number that leads somewhere; [`Level::Full`] also values. At every level null counts are counted anew, and
//! text is proven to be UTF-8, because a string array hands out `&str` without looking.

#![forbid(unsafe_code)]

mod bounds;
mod crew;
mod nullability;
mod text;
mod values;

use arrow_schema::DataType;
use bowyer_core::bits;

use crate::raw::{Flat, Node};
use crate::reject::{Case, Rejection};
use crate::shape::{Layout, Shape, ShapeNode};

pub use crew::{Alone, Crew};

/// How much is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Counts and sizes.
    Headers,
    /// Also everything that leads somewhere: offsets, views, keys, type ids, run ends.
    Bounds,
    /// Also values: decimals, dates, times, nulls where none are allowed.
    Full,
}

/// A list of nodes that passed: arrays may be built from it without another look.
#[derive(Debug)]
pub struct Proof<'a> {
    flat: Flat<'a>,
    repairs: Vec<usize>,
}

impl<'a> Proof<'a> {
    /// The list.
    #[must_use]
    pub fn flat(&self) -> &Flat<'a> {
        &self.flat
    }

    /// The nulls of a node, counted.
    #[must_use]
    pub fn null_count(&self, node: usize) -> usize {
        self.flat.nodes[node].counted_nulls
    }

    /// Whether a view array has null rows whose views lead nowhere: they must be zeroed before use.
    #[must_use]
    pub fn needs_repair(&self, node: usize) -> bool {
        self.repairs.contains(&node)
    }
}

/// Checks arrays, one for each shape, with `crew` for what is long.
///
/// # Errors
/// The first rejection, with the index of its array.
pub fn check<'a>(
    mut flat: Flat<'a>,
    shapes: &[&Shape],
    level: Level,
    crew: &dyn Crew,
) -> Result<Proof<'a>, (usize, Rejection)> {
    let mut repairs = Vec::new();
    let mut base = 0;
    for (array, shape) in shapes.iter().enumerate() {
        let blame = |rejection| (array, rejection);
        for (at, expected) in shape.nodes().iter().enumerate() {
            flat.nodes[base + at].counted_nulls = sizes(&flat, base + at, at, expected).map_err(blame)?;
        }
        let mut guard = Guard { flat: &flat, shape, base, repairs: &mut repairs, level, crew };
        for at in 0..shape.nodes().len() {
            guard.node(at).map_err(blame)?;
        }
        base += shape.nodes().len();
    }
    Ok(Proof { flat, repairs })
}

/// Checks that each range is as long as the rows need, and counts nulls.
fn sizes(flat: &Flat<'_>, index: usize, at: usize, expected: &ShapeNode) -> Result<usize, Rejection> {
    let node = &flat.nodes[index];
    let buffers = flat.buffers_of(node);
    for (buffer, range) in buffers.iter().enumerate() {
        let Some(least) = expected.layout.least_byte_len(buffer, node) else {
            return Err(
                Rejection::new(Case::SizeOverflow, at, "its rows need more than 63 bits can count").buffer(buffer)
            );
        };
        if range.len() < least {
            let message = format!("{} bytes where {} rows need {least}", range.len(), node.offset + node.length);
            return Err(Rejection::new(Case::BufferSize, at, message).buffer(buffer));
        }
    }
    if expected.layout == Layout::Null {
        return Ok(node.length);
    }
    if !node.validity || node.length == 0 {
        return Ok(0);
    }
    Ok(node.length - bits::count_ones(buffers[0], node.offset, node.length))
}

/// The check of one array.
struct Guard<'g, 'a> {
    flat: &'g Flat<'a>,
    shape: &'g Shape,
    /// Index of the root in the flat list.
    base: usize,
    repairs: &'g mut Vec<usize>,
    level: Level,
    crew: &'g dyn Crew,
}

impl<'g, 'a> Guard<'g, 'a> {
    fn flat_node(&self, at: usize) -> &'g Node {
        &self.flat.nodes[self.base + at]
    }

    fn ranges(&self, at: usize) -> &'g [&'a [u8]] {
        self.flat.buffers_of(self.flat_node(at))
    }

    fn null_count(&self, at: usize) -> usize {
        self.flat_node(at).counted_nulls
    }

    /// The shape's index of a child.
    fn child(&self, at: usize, which: usize) -> usize {
        self.shape.nodes()[at].children[which] as usize
    }

    fn is_valid(&self, at: usize, row: usize) -> bool {
        let node = self.flat_node(at);
        let bit = node.offset + row;
        !node.validity || self.ranges(at)[0].get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    }

    fn node(&mut self, at: usize) -> Result<(), Rejection> {
        let shape = self.shape;
        let expected = &shape.nodes()[at];
        self.child_lengths(at, &expected.layout)?;
        // Runs are kept whole, also where no row is left of them.
        if self.flat_node(at).length == 0 && expected.layout != Layout::RunEnds {
            return Ok(());
        }
        if at == 0 && !expected.nullable && self.null_count(0) > 0 && expected.data_type != DataType::Null {
            let message = format!("{} nulls in a column that allows none", self.null_count(0));
            return Err(Rejection::new(Case::Nullability, 0, message));
        }
        match &expected.layout {
            Layout::Bytes { text: true, .. } | Layout::Views { text: true } => self.contents(at, &expected.layout)?,
            // Views of null rows may lead anywhere, and must not in an array of Rust.
            Layout::Views { .. } if self.null_count(at) > 0 => self.contents(at, &expected.layout)?,
            layout if self.level >= Level::Bounds => self.contents(at, layout)?,
            _ => {}
        }
        if self.level >= Level::Full {
            self.values(at, expected)?;
        }
        Ok(())
    }

    /// Children that a parent's rows reach by their own row number: checked at every level.
    fn child_lengths(&self, at: usize, layout: &Layout) -> Result<(), Rejection> {
        let node = self.flat_node(at);
        let end = node.offset + node.length;
        let needed = match layout {
            Layout::Struct | Layout::Union { dense: false, .. } => Some(end),
            Layout::FixedList { size } => end.checked_mul(*size),
            Layout::RunEnds => return self.run_counts(at),
            _ => return Ok(()),
        };
        let Some(needed) = needed else {
            return Err(Rejection::new(Case::SizeOverflow, at, "its rows need more than 63 bits can count"));
        };
        for &child in &self.shape.nodes()[at].children {
            let length = self.flat_node(child as usize).length;
            if length < needed {
                let message = format!("{length} rows where the parent needs {needed}");
                return Err(Rejection::new(Case::ChildLength, child as usize, message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
