// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! No byte leaves a function that it did not write: fresh memory is marked, and no result holds a mark, under nulls neither. Needs
//! `--features fault-injection`; alone in its program, since marks are of the whole process.

#![cfg(feature = "fault-injection")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a sample that cannot be made is a failure of the test, which prints its figure"
)]

mod support;

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use arrow_schema::{DataType, Field, TimeUnit};
use bowyer_compute::functions;
use bowyer_core::{Column, Memory, fault};
use bowyer_testkit::{sample, sliced, unwritten};

/// Below and above a word of a bitmap, and a block of rows.
const LENGTHS: [usize; 4] = [3, 65, 1_027, 8_195];

#[test]
fn results_hold_only_what_was_written() {
    use DataType as T;
    let types = [
        T::Boolean,
        T::Int8,
        T::UInt16,
        T::Int32,
        T::Int64,
        T::UInt64,
        T::Float32,
        T::Float64,
        T::Utf8,
        T::LargeUtf8,
        T::Utf8View,
        T::Binary,
        T::Date32,
        T::Timestamp(TimeUnit::Microsecond, None),
        T::Decimal128(10, 2),
        T::Decimal256(40, 3),
        T::List(Arc::new(Field::new("item", T::Int64, true))),
        T::Dictionary(T::Int8.into(), T::Utf8.into()),
    ];
    let memory = Memory::unlimited().with_limit(Some(256 << 20), "unwritten");
    // A mark that stays is seen.
    fault::mark_fresh(true);
    let fresh = memory.allocate(64).unwrap().into_buffer();
    fault::mark_fresh(false);
    assert!(unwritten(&Int64Array::new(fresh.into(), None), fault::MARK).is_some(), "fresh memory has no marks");
    let (mut looked, mut found) = (0, Vec::new());
    for function in functions().filter(|function| function.deterministic) {
        'types: for data_type in &types {
            for length in LENGTHS {
                let count = function.args.len().clamp(1, 4) as u64;
                let Some(args) = (0..count).map(|seed| sample(data_type, length, seed)).collect::<Option<Vec<_>>>()
                else {
                    continue 'types;
                };
                let args: Vec<ArrayRef> = args.iter().map(sliced).collect();
                let columns: Vec<_> = args.into_iter().map(Column::Array).collect();
                let options = support::usual_options(function);
                let Ok(bound) = support::bind_columns(function.name, &columns, &options) else { continue 'types };
                fault::mark_fresh(true);
                let result = support::run(&bound, &columns, length, &memory);
                fault::mark_fresh(false);
                let Ok(result) = result else { continue };
                looked += 1;
                if let Some(place) = unwritten(result.as_ref(), fault::MARK) {
                    found.push(format!("{}({data_type}) of {length} rows: {place}", function.name));
                    continue 'types;
                }
            }
        }
    }
    println!("{looked} results of functions without a byte that was not written");
    assert!(looked > 3_000, "only {looked} results were looked at");
    assert!(found.is_empty(), "{} calls:\n{}", found.len(), found.join("\n"));
}
