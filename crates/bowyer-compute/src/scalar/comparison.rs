// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Comparisons of two values, as booleans.
//!
//! Floats compare as IEEE 754 says: NaN equals nothing and is neither less nor greater, and -0.0 equals 0.0. Strings and
//! binary values compare byte by byte. Two types are cast to their common one first, checked; timestamps compare as
//! instants, whatever their zones, and a zoned one never compares with a naive one.

use std::any::Any;
use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{ArrowNativeType, BooleanBuffer};
use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, binary_bits, fill_bits};
use bowyer_core::bits::zip_words;
use bowyer_core::dispatch::ByteValues;
use bowyer_core::{Column, Error, Output, Result, with_bytes, with_native};

use crate::{Args, Coercion, Example, Function, Kind, Overload};

/// `equal`, `less` and their kin.
pub const FAMILY: &[Function] = &[
    Function::scalar("equal")
        .summary("Tells whether two values are equal.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [1, 3, 4]"], "bool [true, false, null]")])
        .coercion(Coercion::Common(0))
        .overloads(&const { overloads(equal) }),
    Function::scalar("not_equal")
        .summary("Tells whether two values differ.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [1, 3, 4]"], "bool [false, true, null]")])
        .coercion(Coercion::Common(0))
        .overloads(&const { overloads(not_equal) }),
    Function::scalar("less")
        .summary("Tells whether the first value is less than the second.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [1, 3, 4]"], "bool [false, true, null]")])
        .coercion(Coercion::Common(0))
        .overloads(&const { overloads(less) }),
    Function::scalar("less_equal")
        .summary("Tells whether the first value is less than the second, or equal.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [1, 3, 4]"], "bool [true, true, null]")])
        .coercion(Coercion::Common(0))
        .overloads(&const { overloads(less_equal) }),
    Function::scalar("greater")
        .summary("Tells whether the first value is greater than the second.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [1, 3, 4]"], "bool [false, false, null]")])
        .coercion(Coercion::Common(0))
        .overloads(&const { overloads(greater) }),
    Function::scalar("greater_equal")
        .summary("Tells whether the first value is greater than the second, or equal.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [1, 3, 4]"], "bool [true, false, null]")])
        .coercion(Coercion::Common(0))
        .overloads(&const { overloads(greater_equal) }),
];

/// What compares with what.
pub(crate) const COMPARABLE: [&[Kind]; 7] = [
    &[Kind::Boolean, Kind::SameAs(0)],
    &[Kind::Numeric, Kind::SameAs(0)],
    &[Kind::Float16, Kind::SameAs(0)],
    &[Kind::AnyDecimal, Kind::SameAs(0)],
    &[Kind::Temporal, Kind::SameAs(0)],
    &[Kind::AnyBytes, Kind::SameAs(0)],
    &[Kind::FixedSizeBinary, Kind::SameAs(0)],
];

const fn overloads(kernel: crate::Kernel) -> [Overload; COMPARABLE.len()] {
    let mut overloads = [Overload::new(&[], Kind::Boolean, kernel); COMPARABLE.len()];
    let mut index = 0;
    while index < COMPARABLE.len() {
        overloads[index].args = COMPARABLE[index];
        index += 1;
    }
    overloads
}

pub(crate) fn equal(args: &Args<'_>, output: &mut Output) -> Result<()> {
    compare(args, output, Comparison::Equal)
}

fn not_equal(args: &Args<'_>, output: &mut Output) -> Result<()> {
    compare(args, output, Comparison::NotEqual)
}

pub(crate) fn less(args: &Args<'_>, output: &mut Output) -> Result<()> {
    compare(args, output, Comparison::Less)
}

fn less_equal(args: &Args<'_>, output: &mut Output) -> Result<()> {
    compare(args, output, Comparison::LessEqual)
}

pub(crate) fn greater(args: &Args<'_>, output: &mut Output) -> Result<()> {
    compare(args, output, Comparison::Greater)
}

fn greater_equal(args: &Args<'_>, output: &mut Output) -> Result<()> {
    compare(args, output, Comparison::GreaterEqual)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Comparison {
    #[inline(always)]
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterEqual => ordering.is_ge(),
        }
    }
}

fn compare(args: &Args<'_>, output: &mut Output, comparison: Comparison) -> Result<()> {
    let (a, b) = (args.column(0), args.column(1));
    match a.data_type() {
        DataType::Boolean => {
            compare_booleans(&booleans(a, args.row_count()), &booleans(b, args.row_count()), output, comparison)
        }
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => {
            with_bytes!(a.values(), |values| compare_bytes(values, a, b, output, comparison))
        }
        data_type => with_native!(data_type, T => compare_numbers::<T>(a, b, output, comparison)),
    }
}

fn compare_numbers<T>(a: &Column, b: &Column, output: &mut Output, comparison: Comparison) -> Result<()>
where
    T: ArrowNativeType + PartialOrd,
{
    let (a, b) = (Lanes::<T>::of(a)?, Lanes::<T>::of(b)?);
    match comparison {
        Comparison::Equal => binary_bits(&a, &b, output, |a, b| a == b),
        Comparison::NotEqual => binary_bits(&a, &b, output, |a, b| a != b),
        Comparison::Less => binary_bits(&a, &b, output, |a, b| a < b),
        Comparison::LessEqual => binary_bits(&a, &b, output, |a, b| a <= b),
        // The same loops with the sides exchanged.
        Comparison::Greater => binary_bits(&b, &a, output, |b, a| b < a),
        Comparison::GreaterEqual => binary_bits(&b, &a, output, |b, a| b <= a),
    }
}

/// The bits of a boolean column, a scalar's repeated.
pub(crate) fn booleans(column: &Column, row_count: usize) -> BooleanBuffer {
    let values = column.values().as_boolean().values();
    match column {
        Column::Array(_) => values.clone(),
        Column::Scalar { .. } if values.value(0) => BooleanBuffer::new_set(row_count),
        Column::Scalar { .. } => BooleanBuffer::new_unset(row_count),
    }
}

fn compare_booleans(a: &BooleanBuffer, b: &BooleanBuffer, output: &mut Output, comparison: Comparison) -> Result<()> {
    let out = output.bits()?;
    match comparison {
        Comparison::Equal => zip_words(a, b, out, |a, b| !(a ^ b)),
        Comparison::NotEqual => zip_words(a, b, out, |a, b| a ^ b),
        Comparison::Less => zip_words(a, b, out, |a, b| !a & b),
        Comparison::LessEqual => zip_words(a, b, out, |a, b| !a | b),
        Comparison::Greater => zip_words(a, b, out, |a, b| a & !b),
        Comparison::GreaterEqual => zip_words(a, b, out, |a, b| a | !b),
    }
    Ok(())
}

/// Compares arrays of one layout: `values` are those of `a`.
fn compare_bytes<B>(values: &B, a: &Column, b: &Column, output: &mut Output, comparison: Comparison) -> Result<()>
where
    B: ByteValues + Any,
{
    let Some(others) = same_layout::<B>(b.values()) else {
        return Err(Error::internal(format!("{} compared with {}", a.data_type(), b.data_type())));
    };
    let row_count = output.row_count();
    let words = output.bits()?;
    let (a_step, b_step) = (usize::from(!a.is_scalar()), usize::from(!b.is_scalar()));
    let pair = |row: usize| (values.bytes_at(row * a_step), others.bytes_at(row * b_step));
    match comparison {
        Comparison::Equal | Comparison::NotEqual => fill_bits(words, row_count, |row| {
            let (a, b) = pair(row);
            same_bytes(a, b) == (comparison == Comparison::Equal)
        }),
        _ => fill_bits(words, row_count, |row| {
            let (a, b) = pair(row);
            comparison.holds(a.cmp(b))
        }),
    }
    Ok(())
}

/// Whether two byte strings are equal. Short ones are compared in place: a call for each row costs more than they do.
#[inline(always)]
fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // Both ends, which overlap in the middle, are all of it.
    let ends = |width: usize| width <= a.len() && a.len() <= 2 * width;
    if ends(8) {
        return (a.first_chunk::<8>() == b.first_chunk::<8>()) & (a.last_chunk::<8>() == b.last_chunk::<8>());
    }
    if ends(4) {
        return (a.first_chunk::<4>() == b.first_chunk::<4>()) & (a.last_chunk::<4>() == b.last_chunk::<4>());
    }
    if a.len() < 4 {
        return a.iter().zip(b).all(|(a, b)| a == b);
    }
    a == b
}

fn same_layout<B: Any>(array: &ArrayRef) -> Option<&B> {
    array.as_any().downcast_ref()
}
