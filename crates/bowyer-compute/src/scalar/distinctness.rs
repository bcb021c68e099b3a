// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Equality to which null is a value: what joins and sets go by.

use arrow_array::cast::AsArray;
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;
use bowyer_core::bits::words;
use bowyer_core::{Output, Result};

use super::comparison::{COMPARABLE, equal};
use super::validity::valid_rows;
use crate::{Args, Coercion, Example, Function, Kind, Nulls, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("is_distinct_from")
        .summary("Tells whether two values differ, null being a value that equals itself.")
        .notes("Never null. NaN equals nothing, as in `equal`.")
        .args(&["a", "b"])
        .examples(&[Example::new(
            &["int64 [1, 2, null, null]", "int64 [1, 3, 4, null]"],
            "bool [false, true, true, false]",
        )])
        .nulls(Nulls::Never)
        .coercion(Coercion::Common(0))
        .overloads(&const { overloads(is_distinct_from) }),
    Function::scalar("is_not_distinct_from")
        .aliases(&["eq_missing"])
        .summary("Tells whether two values are equal, null being a value that equals itself.")
        .notes("Never null. NaN equals nothing, as in `equal`.")
        .args(&["a", "b"])
        .examples(&[Example::new(
            &["int64 [1, 2, null, null]", "int64 [1, 3, 4, null]"],
            "bool [true, false, false, true]",
        )])
        .nulls(Nulls::Never)
        .coercion(Coercion::Common(0))
        .overloads(&const { overloads(is_not_distinct_from) }),
];

const fn overloads(kernel: crate::Kernel) -> [Overload; COMPARABLE.len() + 1] {
    let mut overloads = [Overload::new(&[Kind::Null, Kind::Null], Kind::Boolean, kernel); COMPARABLE.len() + 1];
    let mut index = 0;
    while index < COMPARABLE.len() {
        overloads[index].args = COMPARABLE[index];
        index += 1;
    }
    overloads
}

fn is_distinct_from(args: &Args<'_>, output: &mut Output) -> Result<()> {
    compare(args, output, |same| !same)
}

fn is_not_distinct_from(args: &Args<'_>, output: &mut Output) -> Result<()> {
    compare(args, output, |same| same)
}

fn compare(args: &Args<'_>, output: &mut Output, of: impl Fn(u64) -> u64) -> Result<()> {
    let row_count = args.row_count();
    let mut equality = Output::new(DataType::Boolean, row_count, None, args.memory());
    let all = BooleanBuffer::new_set(row_count);
    let equal_rows = if args.column(0).data_type().is_null() {
        all.clone()
    } else {
        equal(args, &mut equality)?;
        equality.finish()?.as_boolean().values().clone()
    };
    let valid = |index: usize| valid_rows(args.column(index), row_count);
    let (a, b) = (valid(0), valid(1));
    let valid = words(a.as_ref().unwrap_or(&all)).zip(words(b.as_ref().unwrap_or(&all)));
    for (out, (equal, (a, b))) in output.bits()?.iter_mut().zip(words(&equal_rows).zip(valid)) {
        *out = of((a & b & equal) | !(a | b));
    }
    Ok(())
}
