// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Hashes that are the same everywhere and in every version: XXH64 of bytes, and of whole rows.
//!
//! Rows hash by what their values are: integers of any width alike, floats as keys of a plan compare, text in any
//! layout alike, nested values by their parts. A null has a hash of its own.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::dispatch::unsupported;
use bowyer_core::{Column, Output, Result, with_integers};
use twox_hash::XxHash64;

use super::list_values::Lists;
use super::string_values::{BYTES, Bytes, RowOf};
use crate::scalar::cast::{CastMode, cast};
use crate::{Args, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Overload, encoding};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("xxhash64")
        .summary("Computes the XXH64 hash of the bytes of each value.")
        .args(&["values"])
        .options(&[OptionSpec::new("seed", OptionKind::Integer, OptionDefault::Integer(0), "Begins the hash.")])
        .examples(&[Example::new(
            &["string [\"abc\", \"\", null]"],
            "uint64 [4952883123889572249, 17241709254077376921, null]",
        )])
        .overloads(&[Overload::new(BYTES, Kind::UInt64, xxhash64)]),
    Function::scalar("hash64")
        .summary("Computes a hash of each row.")
        .notes(
            "Equal rows have equal hashes: in every run, on every machine and in every version. Integers hash by their \
             value whatever their width, all NaNs alike, 0.0 as −0.0. A null has a hash.",
        )
        .args(&["values"])
        .variadic(1)
        .examples(&[Example::new(&["int64 [1]", "string [\"a\"]"], "uint64 [4543480428463697460]")])
        .nulls(Nulls::Never)
        .overloads(&[Overload::new(&[Kind::Any], Kind::UInt64, hash64)]),
];

fn xxhash64(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let seed = args.options().integer("seed")? as u64;
    let values = Bytes::of(args.column(0).values())?;
    let (at, validity) = (RowOf::new(args.column(0)), output.validity().cloned());
    for (row, hash) in output.fixed::<u64>()?.iter_mut().enumerate() {
        let valid = validity.as_ref().is_none_or(|validity| validity.is_valid(row));
        *hash = if valid { XxHash64::oneshot(seed, values.get(at.of(row))) } else { 0 };
    }
    Ok(())
}

fn hash64(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let mut hashes = vec![0u64; output.row_count()];
    for column in args.columns() {
        add_column(&column.slice(0, output.row_count()), &mut hashes)?;
    }
    output.fixed::<u64>()?.copy_from_slice(&hashes);
    Ok(())
}

/// The hashes of the values of an array.
///
/// # Errors
/// `NotImplemented` for unions and intervals.
pub(crate) fn hashes_of(array: &ArrayRef) -> Result<Vec<u64>> {
    let mut hashes = vec![0; array.len()];
    add_column(&Column::Array(array.clone()), &mut hashes)?;
    Ok(hashes)
}

/// Takes the values of a column into the hash of each row.
fn add_column(column: &Column, hashes: &mut [u64]) -> Result<()> {
    let column = encoding::decode(column)?;
    let values = column.values();
    let nulls = values.logical_nulls();
    let null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    let at = RowOf::new(&column);
    let mut each = |hash: &dyn Fn(u64, usize) -> u64| {
        for (row, state) in hashes.iter_mut().enumerate() {
            let row = at.of(row);
            *state = if null(row) { next(*state, NULL) } else { hash(*state, row) };
        }
    };
    match values.data_type() {
        DataType::Null => each(&|state, _| next(state, NULL)),
        DataType::Boolean => {
            let booleans = values.as_boolean();
            each(&|state, row| next(state, u64::from(booleans.value(row))));
        }
        integer if integer.is_integer() => {
            with_integers!(integer, T => integers(&Lanes::<T>::of(&column)?, &mut each))?;
        }
        float if float.is_floating() => {
            let memory = bowyer_core::Memory::unlimited();
            let wide = cast(&Column::Array(values.clone()), &DataType::Float64, CastMode::Checked, &memory)?;
            let lanes = Lanes::<f64>::of(&wide)?;
            each(&|state, row| next(state, key_bits(lanes.slice()[row])));
        }
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => {
            let bytes = Bytes::of(values.as_ref())?;
            each(&|state, row| XxHash64::oneshot(state ^ BYTES_OF_A_VALUE, bytes.get(row)));
        }
        DataType::Struct(_) => {
            let mut inner = vec![0; values.len()];
            for child in values.as_struct().columns() {
                add_column(&Column::Array(child.clone()), &mut inner)?;
            }
            each(&|state, row| next(state, inner[row]));
        }
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Map(..) => {
            let lists = Lists::of(values)?;
            let items = hashes_of(&lists.items)?;
            each(&|state, row| {
                let range = lists.ranges[row].clone();
                let start = next(state, range.len() as u64);
                items[range].iter().fold(start, |state, item| next(state, *item))
            });
        }
        fixed => match fixed.primitive_width() {
            Some(4) => integers(&Lanes::<i32>::of(&column)?, &mut each)?,
            Some(8) => integers(&Lanes::<i64>::of(&column)?, &mut each)?,
            Some(16) => {
                let lanes = Lanes::<i128>::of(&column)?;
                each(&|state, row| XxHash64::oneshot(state, &lanes.slice()[row].to_le_bytes()));
            }
            Some(32) => {
                let lanes = Lanes::<arrow_buffer::i256>::of(&column)?;
                each(&|state, row| XxHash64::oneshot(state, &lanes.slice()[row].to_le_bytes()));
            }
            _ => return unsupported(fixed),
        },
    }
    Ok(())
}

/// What is hashed for a null.
const NULL: u64 = 0x6e75_6c6c_6e75_6c6c;
/// Tells bytes from a number that is stored as they are.
const BYTES_OF_A_VALUE: u64 = 0x6279_7465_7300_0000;

fn next(state: u64, value: u64) -> u64 {
    XxHash64::oneshot(state, &value.to_le_bytes())
}

/// From a hash and a row to the next hash.
type Next<'a> = &'a dyn Fn(u64, usize) -> u64;

/// Integers that are no wider than 64 bits, as the 64 bits of their value.
fn integers<T: arrow_buffer::ArrowNativeType>(lanes: &Lanes<T>, each: &mut dyn FnMut(Next<'_>)) -> Result<()> {
    each(&|state, row| {
        let value = lanes.slice()[row];
        next(state, value.to_i64().map_or_else(|| value.as_usize() as u64, |value| value as u64))
    });
    Ok(())
}

/// The bits of a float, the same for all that keys take for equal.
fn key_bits(value: f64) -> u64 {
    if value.is_nan() {
        f64::NAN.to_bits()
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<u64> {
        hashes_of(&bowyer_testkit::array(text)).unwrap()
    }

    #[test]
    fn equal_values_of_other_types_hash_alike() {
        assert_eq!(of("int8 [1, -1, null]"), of("int64 [1, -1, null]"));
        assert_eq!(of("string [\"a\", \"\"]"), of("large_string [\"a\", \"\"]"));
        assert_eq!(of("double [0, nan]"), of("float [-0.0, nan]"));
        assert_eq!(of("list<item: int8> [[1], [], null]"), of("large_list<item: int64> [[1], [], null]"));
    }

    #[test]
    fn unlike_values_do_not() {
        let hashes = of("list<item: int64> [[1, 2], [1], [], [null], null]");
        let mut all: Vec<u64> = hashes;
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 5);
    }
}
