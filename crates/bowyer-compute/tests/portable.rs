// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Loops as compiled for wide vectors give what the portable ones give: the same values, nulls and errors, whatever the
//! length. Needs `--features fault-injection`; alone in its program, since the choice holds for the whole process.

#![cfg(feature = "fault-injection")]
#![expect(clippy::unwrap_used, reason = "a sample that cannot be made is a failure of the test")]

mod support;

use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use bowyer_compute::functions;
use bowyer_core::{Column, Memory, fault};
use bowyer_testkit::{compare, sample, sliced};

/// Lengths around those of vectors, of words of a bitmap and of blocks.
const LENGTHS: [usize; 7] = [0, 1, 7, 64, 65, 1_023, 4_099];

fn call(name: &str, args: &[ArrayRef]) -> Option<Result<ArrayRef, String>> {
    let columns: Vec<_> = args.iter().cloned().map(Column::Array).collect();
    let function = bowyer_compute::find(name).unwrap();
    let bound = support::bind_columns(name, &columns, &support::usual_options(function)).ok()?;
    let memory = Memory::unlimited().with_limit(Some(64 << 20), "portable");
    Some(support::run(&bound, &columns, args[0].len(), &memory).map_err(|error| error.to_string()))
}

#[test]
fn wide_vectors_change_nothing() {
    use DataType as T;
    let types = [T::Boolean, T::Int8, T::UInt16, T::Int32, T::Int64, T::UInt64, T::Float32, T::Float64];
    let mut compared = 0;
    for function in functions().filter(|function| function.deterministic) {
        for data_type in &types {
            for length in LENGTHS {
                let count = function.args.len().clamp(1, 3) as u64;
                let whole = |seed| sliced(&sample(data_type, length, seed).unwrap());
                let args: Vec<ArrayRef> = (0..count).map(whole).collect();
                fault::force_portable(true);
                let portable = call(function.name, &args);
                fault::force_portable(false);
                let (Some(portable), Some(wide)) = (portable, call(function.name, &args)) else { break };
                let what = format!("{}({data_type}) of {length} rows", function.name);
                match (portable, wide) {
                    (Ok(portable), Ok(wide)) => {
                        let same = compare::same(&wide, &portable);
                        assert!(same.is_ok(), "{what}: {same:?}");
                    }
                    (portable, wide) => assert_eq!(wide.err(), portable.err(), "{what}"),
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 2_000, "only {compared} calls were compared");
}
