// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Calls of any function with valid arguments and options that the fuzzer chooses: an answer that holds what its type promises, or an
//! error. Of an element-wise function, the answer to a part is that part of the answer.

#![no_main]

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use arrow_array::Array as _;
use bowyer_compute::{Argument, Function, FunctionKind, OptionKind, OptionValue, bind, functions};
use bowyer_core::{Column, ErrorCode, Memory};
use libfuzzer_sys::fuzz_target;

static FUNCTIONS: LazyLock<Vec<&'static Function>> =
    LazyLock::new(|| functions().filter(|function| function.kind != FunctionKind::Aggregate).collect());

/// What a call may take.
const LIMIT: u64 = 64 << 20;

fn option(u: &mut Unstructured<'_>, kind: OptionKind) -> Result<OptionValue> {
    Ok(match kind {
        OptionKind::Boolean => OptionValue::Boolean(u.arbitrary()?),
        OptionKind::Integer if u.ratio(1, 4)? => OptionValue::Integer(u.arbitrary()?),
        OptionKind::Integer => OptionValue::Integer(u.int_in_range(-3..=12)?),
        OptionKind::Float | OptionKind::Floats => OptionValue::Float(u.arbitrary()?),
        OptionKind::Choice(words) => OptionValue::Utf8((*u.choose(words)?).to_owned()),
        OptionKind::Type => OptionValue::Type(bowyer_fuzz::data_type(u, 1)?),
        OptionKind::Utf8 => {
            let byte_len = u.int_in_range(0..=12)?;
            OptionValue::Utf8(String::from_utf8_lossy(u.bytes(byte_len.min(u.len()))?).into_owned())
        }
        OptionKind::Array | OptionKind::Scalar => {
            let (data_type, rows) = (bowyer_fuzz::data_type(u, 0)?, if kind == OptionKind::Scalar { 1 } else { 3 });
            OptionValue::Array(bowyer_fuzz::array(u, &data_type, rows)?)
        }
        _ => OptionValue::Null,
    })
}

fn attempt(u: &mut Unstructured<'_>) -> Result<()> {
    let function = *u.choose(&FUNCTIONS)?;
    let rows = u.int_in_range(0..=12)?;
    let mut columns = Vec::new();
    let mut types = Vec::new();
    for _ in 0..u.int_in_range(0..=4)? {
        let data_type = match types.last() {
            Some(last) if u.ratio(3, 4)? => Clone::clone(last),
            _ => bowyer_fuzz::data_type(u, 1)?,
        };
        columns.push(Column::from(bowyer_fuzz::array(u, &data_type, rows)?));
        types.push(data_type);
    }
    let mut options = Vec::new();
    for spec in function.options {
        if u.ratio(1, 3)? {
            options.push((spec.name.to_owned(), option(u, spec.kind)?));
        }
    }
    let arguments: Vec<Argument> = types.into_iter().map(Argument::new).collect();
    let internal =
        |error: &bowyer_core::Error| assert_ne!(error.code(), ErrorCode::Internal, "{}: {error}", function.name);
    let bound = match bind(function.name, &arguments, options) {
        Ok(bound) => bound,
        Err(error) => {
            internal(&error);
            return Ok(());
        }
    };
    let memory = Memory::unlimited().with_limit(Some(LIMIT), "fuzz");
    let whole = match bound.call(&columns, rows, &memory) {
        Ok(whole) => whole,
        Err(error) => {
            internal(&error);
            return Ok(());
        }
    };
    bowyer_fuzz::look(whole.values().as_ref());
    assert_eq!(whole.data_type(), bound.output_type(), "{}", function.name);
    if function.kind != FunctionKind::Scalar || function.name == "random" {
        return Ok(());
    }
    assert_eq!(whole.row_count(), rows, "{}", function.name);
    let first = rows / 3;
    let part: Vec<Column> = columns.iter().map(|column| column.slice(first, rows - first)).collect();
    let part = bound
        .call(&part, rows - first, &memory)
        .unwrap_or_else(|error| panic!("{}: a part fails: {error}", function.name));
    let (whole, part) = (whole.to_array(), part.to_array());
    if let (Ok(whole), Ok(part)) = (whole, part) {
        assert_eq!(whole.slice(first, rows - first).to_data(), part.to_data(), "{}: a part", function.name);
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let _ = attempt(&mut Unstructured::new(bytes));
});
