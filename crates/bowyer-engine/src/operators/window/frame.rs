// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Frames: which rows of its partition a row sees.
//!
//! A bound is a number of rows, of groups of peers, or a distance of the order's key. Both ends of a frame only ever move
//! forward from row to row, which is what [`super::fold`] builds on. Rows whose key is null or NaN are at no distance
//! from numbers: within a range they see their peers.

use std::fmt;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal32Type, Decimal64Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int64Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use bowyer_core::{Error, Result};

use super::arrangement::Partition;
use crate::operators::SortKey;

/// What the bounds of a frame count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Rows,
    Groups,
    Range,
}

/// The rows that a frame leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exclusion {
    Nothing,
    CurrentRow,
    /// The current row and its peers.
    Group,
    /// The peers of the current row.
    Ties,
}

/// How far a bound is from the current row: negative before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Distance {
    /// Rows or groups; none for the peers of a range.
    Count(i64),
    /// Of a key of integers, in its units.
    Integer(i128),
    /// Of a key of floats.
    Float(f64),
}

/// The rows around a row; an end without a distance is that of the partition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) unit: Unit,
    pub(crate) start: Option<Distance>,
    pub(crate) end: Option<Distance>,
    pub(crate) exclusion: Exclusion,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |distance: Option<Distance>| match distance {
            None => "unbounded".to_owned(),
            Some(Distance::Count(count)) => count.to_string(),
            Some(Distance::Integer(value)) => value.to_string(),
            Some(Distance::Float(value)) => value.to_string(),
        };
        let unit = match self.unit {
            Unit::Rows => "rows",
            Unit::Groups => "groups",
            Unit::Range => "range",
        };
        let exclusion = match self.exclusion {
            Exclusion::Nothing => "",
            Exclusion::CurrentRow => " without the current row",
            Exclusion::Group => " without the group",
            Exclusion::Ties => " without ties",
        };
        write!(f, "{unit} {} to {}{exclusion}", bound(self.start), bound(self.end))
    }
}

/// A number for each row that a range can be measured by; none for null and NaN.
pub(super) enum Keys {
    Integers(Box<dyn Fn(usize) -> Option<i128> + Send + Sync>),
    Floats(Box<dyn Fn(usize) -> Option<f64> + Send + Sync>),
}

impl Frame {
    /// The keys that the bounds are distances of; none if no bound is one.
    pub(super) fn keys(
        &self,
        order: Option<&SortKey>,
        column: impl Fn(usize) -> Result<ArrayRef>,
    ) -> Result<Option<Keys>> {
        let measured = |bound: Option<Distance>| matches!(bound, Some(Distance::Integer(_) | Distance::Float(_)));
        if !measured(self.start) && !measured(self.end) {
            return Ok(None);
        }
        let key = order.ok_or_else(|| Error::internal("a range without an order"))?;
        keys_of(&column(key.column)?, key.descending).map(Some)
    }
}

/// The numbers of a column such that the order is upwards.
fn keys_of(array: &ArrayRef, descending: bool) -> Result<Keys> {
    let array = integers_of(array)?;
    macro_rules! keys {
        ($kind:ident, $type:ty, $number:expr) => {{
            let values = array.as_primitive::<$type>().clone();
            Ok(Keys::$kind(Box::new(move |row| {
                let number = values.is_valid(row).then(|| values.value(row)).and_then($number)?;
                Some(if descending { -number } else { number })
            })))
        }};
    }
    let number = |value: f64| (!value.is_nan()).then_some(value);
    match array.data_type() {
        DataType::Float16 => keys!(Floats, Float16Type, |value| number(f64::from(value))),
        DataType::Float32 => keys!(Floats, Float32Type, |value| number(f64::from(value))),
        DataType::Float64 => keys!(Floats, Float64Type, number),
        DataType::Decimal32(..) => keys!(Integers, Decimal32Type, |value| Some(i128::from(value))),
        DataType::Decimal64(..) => keys!(Integers, Decimal64Type, |value| Some(i128::from(value))),
        DataType::Decimal128(..) => keys!(Integers, Decimal128Type, Some),
        DataType::UInt64 => keys!(Integers, UInt64Type, |value| Some(i128::from(value))),
        DataType::Int64 => keys!(Integers, Int64Type, |value| Some(i128::from(value))),
        other => Err(Error::internal(format!("a range over {other}"))),
    }
}

/// Integers and temporal values as 64-bit integers; other numbers as they are.
fn integers_of(array: &ArrayRef) -> Result<ArrayRef> {
    let plain = match (array.data_type(), array.data_type().primitive_width()) {
        (DataType::UInt64, _) => return Ok(array.clone()),
        (other, _) if other.is_integer() => return Ok(arrow_cast::cast(array, &DataType::Int64)?),
        (other, Some(4)) if other.is_temporal() => DataType::Int32,
        (other, Some(8)) if other.is_temporal() => DataType::Int64,
        _ => return Ok(array.clone()),
    };
    let values = arrow_array::make_array(array.to_data().into_builder().data_type(plain).build()?);
    Ok(arrow_cast::cast(&values, &DataType::Int64)?)
}

/// A frame and what its bounds are measured by.
pub(super) struct Rule<'a> {
    pub(super) frame: &'a Frame,
    pub(super) keys: Option<Keys>,
}

/// The frames of a partition's rows.
#[derive(Default)]
pub(super) struct Frames {
    /// The first row of each frame, and the one after the last; never less than the first.
    pub(super) starts: Vec<u32>,
    pub(super) ends: Vec<u32>,
}

/// The rows of a frame: up to three runs, in order; empty ones at any place.
pub(super) type Segments = [(usize, usize); 3];

const EMPTY: (usize, usize) = (0, 0);

impl Rule<'_> {
    /// Whether frames leave nothing out.
    pub(super) fn leaves_nothing_out(&self) -> bool {
        self.frame.exclusion == Exclusion::Nothing
    }

    /// Finds the frames of a partition.
    pub(super) fn fill(&self, partition: &Partition<'_>, frames: &mut Frames) {
        let Frames { starts, ends } = frames;
        let len = partition.len();
        starts.clear();
        ends.clear();
        let Frame { unit, start, end, .. } = *self.frame;
        match &self.keys {
            Some(Keys::Integers(key)) => {
                let distance = |bound: Distance| match bound {
                    Distance::Integer(distance) => Some(distance),
                    _ => None,
                };
                let bounds = (start.map(distance), end.map(distance));
                ranges(partition, key, i128::saturating_add, bounds, starts, ends);
            }
            Some(Keys::Floats(key)) => {
                let distance = |bound: Distance| match bound {
                    Distance::Float(distance) => Some(distance),
                    _ => None,
                };
                let bounds = (start.map(distance), end.map(distance));
                ranges(partition, key, |a, b| a + b, bounds, starts, ends);
            }
            None => {
                let first = |at| counted(partition, unit, at, start).map_or(0, |(first, _)| first);
                let last = |at| counted(partition, unit, at, end).map_or(len, |(_, last)| last);
                starts.extend((0..len).map(|at| first(at) as u32));
                ends.extend((0..len).map(|at| last(at) as u32));
            }
        }
        for (start, end) in starts.iter().zip(ends) {
            *end = (*end).max(*start);
        }
    }

    /// The runs of rows that the row at `at` sees.
    pub(super) fn segments(&self, partition: &Partition<'_>, frames: &Frames, at: usize) -> Segments {
        let (start, end) = (frames.starts[at] as usize, frames.ends[at] as usize);
        let without = |first: usize, last: usize| [run(start, end.min(first)), EMPTY, run(start.max(last), end)];
        match self.frame.exclusion {
            Exclusion::Nothing => [run(start, end), EMPTY, EMPTY],
            Exclusion::CurrentRow => without(at, at + 1),
            Exclusion::Group => {
                let (first, last) = partition.peers(at);
                without(first, last)
            }
            Exclusion::Ties => {
                let (first, last) = partition.peers(at);
                let mut segments = without(first, last);
                segments[1] = run(start.max(at), end.min(at + 1));
                segments
            }
        }
    }
}

fn run(start: usize, end: usize) -> (usize, usize) {
    if start < end { (start, end) } else { EMPTY }
}

/// What a bound of rows or groups stands at: the first row there, and the one after the last. None for the partition's
/// end.
fn counted(partition: &Partition<'_>, unit: Unit, at: usize, bound: Option<Distance>) -> Option<(usize, usize)> {
    let Some(Distance::Count(distance)) = bound else { return None };
    let moved = |from: usize, most: usize| {
        let to = i64::try_from(from).unwrap_or(i64::MAX).saturating_add(distance);
        // Before the first there is an empty place, as there is after the last.
        usize::try_from(to).map_or(None, |to| Some(to.min(most)))
    };
    let len = partition.len();
    Some(match unit {
        Unit::Rows => match moved(at, len) {
            None => (0, 0),
            Some(to) => (to, (to + 1).min(len)),
        },
        Unit::Groups | Unit::Range => {
            let groups = partition.group_starts.len() - 1;
            match moved(partition.group_of[at] as usize, groups) {
                None => (0, 0),
                Some(to) => {
                    let start = partition.group_starts[to] as usize;
                    (start, partition.group_starts[(to + 1).min(groups)] as usize)
                }
            }
        }
    })
}

/// A bound of a range: none for the partition's end, nothing inside for the peers.
type RangeBound<T> = Option<Option<T>>;

/// Frames by distance. Keys without a number stand before or after all others.
fn ranges<T: PartialOrd + Copy>(
    partition: &Partition<'_>,
    key: &(dyn Fn(usize) -> Option<T> + Send + Sync),
    add: impl Fn(T, T) -> T,
    bounds: (RangeBound<T>, RangeBound<T>),
    starts: &mut Vec<u32>,
    ends: &mut Vec<u32>,
) {
    let len = partition.len();
    let keys: Vec<Option<T>> = partition.rows.iter().map(|&row| key(row as usize)).collect();
    let first = keys.iter().position(Option::is_some).unwrap_or(0);
    let numbers: Vec<T> = keys[first..].iter().map_while(|key| *key).collect();
    let last = first + numbers.len();
    let (mut from, mut to) = (first, first);
    for (at, key) in keys.iter().enumerate() {
        let (peers_start, peers_end) = partition.peers(at);
        let start = match (bounds.0, key) {
            (None, _) => 0,
            (Some(Some(distance)), Some(key)) => {
                let least = add(*key, distance);
                while from < last && numbers[from - first] < least {
                    from += 1;
                }
                from
            }
            (Some(_), _) => peers_start,
        };
        let end = match (bounds.1, key) {
            (None, _) => len,
            (Some(Some(distance)), Some(key)) => {
                let greatest = add(*key, distance);
                while to < last && numbers[to - first] <= greatest {
                    to += 1;
                }
                to
            }
            (Some(_), _) => peers_end,
        };
        starts.push(start as u32);
        ends.push(end as u32);
    }
}
