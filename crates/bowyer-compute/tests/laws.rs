// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Laws that hold for every function, checked on samples drawn from its signatures.
//!
//! A new function is checked by being in the registry. Where a row fails, as checked arithmetic does on its edges, the
//! row is made null and the call repeated, so that the laws see calls that succeed.

#![expect(clippy::unwrap_used, reason = "a sample that cannot be made is a failure of the test")]

mod support;

use std::sync::{Arc, LazyLock};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, UInt32Array, make_array};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, TimeUnit};
use arrow_select::concat::concat;
use arrow_select::take::take;
use bowyer_compute::{Bound, Function, FunctionKind, Groups, Kind, Nulls, functions};
use bowyer_core::{Column, ErrorCode, Memory};
use bowyer_testkit::{compare, sample, sliced, with_poison};

const ROWS: usize = 150;

/// Enough for any result of so few rows, but not for the largest number of repetitions: that row fails.
fn memory() -> Memory {
    Memory::unlimited().with_limit(Some(16 << 20), "laws")
}

/// A bound call with its arguments and result.
struct Subject {
    function: &'static Function,
    bound: Bound,
    args: Vec<ArrayRef>,
    result: ArrayRef,
}

impl Subject {
    fn describe(&self) -> String {
        let types: Vec<_> = self.args.iter().map(|arg| arg.data_type().to_string()).collect();
        format!("{}({})", self.function.name, types.join(", "))
    }

    fn call(&self, args: &[Column], row_count: usize) -> Result<ArrayRef, String> {
        support::run(&self.bound, args, row_count, &memory()).map_err(|error| error.to_string())
    }

    fn call_arrays(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let columns: Vec<_> = args.iter().cloned().map(Column::Array).collect();
        self.call(&columns, args.first().map_or(0, |arg| arg.len()))
    }
}

/// Types that a kind is tried with.
fn types_of(kind: &Kind) -> Vec<DataType> {
    use DataType as T;
    let all = [
        T::Boolean,
        T::Int64,
        T::Float64,
        T::Utf8,
        T::Int8,
        T::Int32,
        T::UInt8,
        T::UInt64,
        T::Float32,
        T::Float16,
        T::LargeUtf8,
        T::Utf8View,
        T::Binary,
        T::LargeBinary,
        T::BinaryView,
        T::FixedSizeBinary(3),
        T::Decimal128(10, 2),
        T::Decimal64(8, 1),
        T::Decimal256(20, 3),
        T::Date32,
        T::Date64,
        T::Time32(TimeUnit::Second),
        T::Time64(TimeUnit::Microsecond),
        T::Timestamp(TimeUnit::Microsecond, None),
        T::Timestamp(TimeUnit::Second, Some("America/New_York".into())),
        T::Duration(TimeUnit::Millisecond),
        T::Null,
        T::new_list(T::Int64, true),
        T::Dictionary(Box::new(T::Int32), Box::new(T::Utf8)),
    ];
    all.into_iter().filter(|data_type| kind.accepts(std::slice::from_ref(data_type), 0)).collect()
}

/// Argument types that an overload is tried with: the first argument walks through its kind.
fn signatures(function: &Function) -> Vec<Vec<DataType>> {
    let mut signatures = vec![];
    for overload in function.overloads {
        let Some(first) = overload.args.first() else { continue };
        for (index, data_type) in types_of(first).into_iter().enumerate() {
            let mut types: Vec<DataType> = vec![data_type];
            for kind in &overload.args[1..] {
                let next = match kind {
                    Kind::SameAs(other) => Some(types[*other].clone()),
                    kind => {
                        let all = types_of(kind);
                        all.get(index % all.len().max(1)).cloned()
                    }
                };
                types.extend(next);
            }
            if let Some(minimum) = function.variadic {
                let last = types[types.len() - 1].clone();
                types.resize(types.len().max(minimum).max(3), last);
            }
            if types.len() >= overload.args.len() && !signatures.contains(&types) {
                signatures.push(types);
            }
        }
    }
    signatures
}

/// A call on samples, with the rows that fail made null. The rows of a call that fails for another reason are none.
fn subject(function: &'static Function, types: &[DataType]) -> Result<Option<Subject>, String> {
    let seeds = 1..;
    let Some(mut args) =
        types.iter().zip(seeds).map(|(data_type, seed)| sample(data_type, ROWS, seed)).collect::<Option<Vec<_>>>()
    else {
        return Ok(None);
    };
    let options = support::usual_options(function);
    let columns: Vec<_> = args.iter().cloned().map(Column::Array).collect();
    let Ok(bound) = support::bind_columns(function.name, &columns, &options) else { return Ok(None) };
    for _ in 0..ROWS {
        let columns: Vec<_> = args.iter().cloned().map(Column::Array).collect();
        match support::run(&bound, &columns, ROWS, &memory()) {
            Ok(result) => return Ok(Some(Subject { function, bound, args, result })),
            Err(error) if !bound.fallible() => {
                return Err(format!("{}({types:?}) cannot fail, yet: {error}", function.name));
            }
            Err(error) => {
                let Some(row) = error.place().row else { return Ok(None) };
                if matches!(error.code(), ErrorCode::Internal | ErrorCode::NotImplemented) {
                    return Err(format!("{}({types:?}): {error}", function.name));
                }
                args = args.iter().map(|arg| without_row(arg, row as usize)).collect();
            }
        }
    }
    Err(format!("{}({types:?}) fails in every row", function.name))
}

fn without_row(array: &ArrayRef, row: usize) -> ArrayRef {
    let indices: UInt32Array = (0..array.len()).map(|other| (other != row).then_some(other as u32)).collect();
    take(array, &indices, None).unwrap()
}

/// Every function on every signature, called once for all laws; and what failed where nothing may.
/// `BOWYER_FUNCTION` names one function to look at.
static SUBJECTS: LazyLock<(Vec<Subject>, Vec<String>)> = LazyLock::new(|| {
    let only = std::env::var("BOWYER_FUNCTION").ok();
    let (mut subjects, mut failures) = (vec![], vec![]);
    let asked = |function: &&Function| only.as_ref().is_none_or(|only| only == function.name);
    for function in functions().filter(asked) {
        for types in signatures(function).iter().filter(|_| function.deterministic) {
            match subject(function, types) {
                Ok(Some(subject)) => subjects.push(subject),
                Ok(None) => {}
                Err(failure) => failures.push(failure),
            }
        }
    }
    (subjects, failures)
});

/// Runs a law on every subject of a kind of function and reports all that break it.
fn check(kind: FunctionKind, law: impl Fn(&Subject) -> Result<(), String>) {
    let mut failures = vec![];
    for subject in SUBJECTS.0.iter().filter(|subject| subject.function.kind == kind) {
        if let Err(failure) = law(subject) {
            failures.push(format!("{}: {failure}", subject.describe()));
        }
    }
    assert!(failures.is_empty(), "{} break the law\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn calls_fail_only_as_they_may() {
    let (subjects, failures) = &*SUBJECTS;
    assert!(!subjects.is_empty());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn binding_promises_type_and_length() {
    check(FunctionKind::Scalar, |subject| {
        if subject.result.data_type() != subject.bound.output_type() || subject.result.len() != ROWS {
            return Err(format!("gives {} rows of {}", subject.result.len(), subject.result.data_type()));
        }
        if subject.result.logical_null_count() > 0 && !subject.bound.nullable() {
            return Err("gives nulls".to_owned());
        }
        subject.result.to_data().validate_full().map_err(|error| error.to_string())
    });
    check(FunctionKind::Vector, |subject| {
        if subject.result.data_type() != subject.bound.output_type() {
            return Err(format!("gives {}", subject.result.data_type()));
        }
        subject.result.to_data().validate_full().map_err(|error| error.to_string())
    });
}

#[test]
fn slicing_commutes() {
    check(FunctionKind::Scalar, |subject| {
        for (first, count) in [(1, 130), (64, 65), (77, 0), (149, 1)] {
            let args: Vec<_> = subject.args.iter().map(|arg| arg.slice(first, count)).collect();
            compare::same(&subject.call_arrays(&args)?, &subject.result.slice(first, count))?;
        }
        Ok(())
    });
}

#[test]
fn offsets_do_not_matter() {
    for kind in [FunctionKind::Scalar, FunctionKind::Vector, FunctionKind::Aggregate] {
        check(kind, |subject| {
            let args: Vec<_> = subject.args.iter().map(sliced).collect();
            compare::same(&subject.call_arrays(&args)?, &subject.result)
        });
    }
}

#[test]
fn splitting_and_joining_changes_nothing() {
    check(FunctionKind::Scalar, |subject| {
        let pieces = [(0, 37), (37, 64), (101, 49)].map(|(first, count)| {
            let args: Vec<_> = subject.args.iter().map(|arg| arg.slice(first, count)).collect();
            subject.call_arrays(&args)
        });
        let pieces = pieces.into_iter().collect::<Result<Vec<_>, _>>()?;
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.as_ref()).collect();
        compare::same(&concat(&pieces).map_err(|error| error.to_string())?, &subject.result)
    });
}

#[test]
fn a_scalar_is_its_value_repeated() {
    check(FunctionKind::Scalar, |subject| {
        for index in 0..subject.args.len() {
            for row in [0, 5, 77] {
                let value = subject.args[index].slice(row, 1);
                let repeated = take(&value, &UInt32Array::from(vec![0; ROWS]), None).map_err(|e| e.to_string())?;
                let mut args: Vec<_> = subject.args.iter().cloned().map(Column::Array).collect();
                args[index] = Column::Array(repeated);
                let expected = subject.call(&args, ROWS);
                args[index] = Column::Scalar { value, row_count: ROWS };
                let seen = match subject.bound.call(&args, ROWS, &memory()) {
                    Ok(column) => column.to_array().map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                match (seen, expected) {
                    (Ok(seen), Ok(expected)) => compare::same(&seen, &expected)?,
                    (Err(_), Err(_)) => {}
                    (seen, expected) => return Err(format!("argument {index}: {seen:?} and {expected:?}")),
                }
            }
        }
        Ok(())
    });
}

/// An argument in another encoding gives equal values: `encoding` names it, or nothing for types that have none.
fn check_encoding(encoding: impl Fn(&DataType) -> Option<DataType>) {
    check(FunctionKind::Scalar, |subject| {
        for index in 0..subject.args.len() {
            let arg = &subject.args[index];
            let Some(encoded) = encoding(arg.data_type()) else { continue };
            let Ok(encoded) = arrow_cast::cast(arg, &encoded) else { continue };
            let mut columns: Vec<_> = subject.args.iter().cloned().map(Column::Array).collect();
            columns[index] = Column::Array(encoded);
            let options = support::usual_options(subject.function);
            let Ok(bound) = support::bind_columns(subject.function.name, &columns, &options) else { continue };
            for (first, count) in [(0, ROWS), (37, 90)] {
                let columns: Vec<_> = columns.iter().map(|column| column.slice(first, count)).collect();
                let seen = support::run(&bound, &columns, count, &memory()).map_err(|e| e.to_string())?;
                if seen.data_type() != bound.output_type() {
                    return Err(format!("gives {} for {}", seen.data_type(), bound.output_type()));
                }
                let seen = plain(&seen, subject.result.data_type())?;
                let expected = plain(&subject.result.slice(first, count), subject.result.data_type())?;
                compare::same(&seen, &expected).map_err(|why| format!("rows from {first}: {why}"))?;
            }
        }
        Ok(())
    });
}

#[test]
fn a_dictionary_is_its_values() {
    check_encoding(|data_type| match data_type {
        DataType::Dictionary(..) => None,
        other => Some(DataType::Dictionary(Box::new(DataType::Int16), Box::new(other.clone()))),
    });
}

#[test]
fn runs_are_their_values() {
    check_encoding(|data_type| match data_type {
        DataType::Dictionary(..) | DataType::Null => None,
        other => Some(DataType::RunEndEncoded(
            Arc::new(Field::new("run_ends", DataType::Int32, false)),
            Arc::new(Field::new("values", other.clone(), true)),
        )),
    });
}

#[test]
fn views_are_their_values() {
    check_encoding(|data_type| match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => Some(DataType::Utf8View),
        DataType::Binary | DataType::LargeBinary => Some(DataType::BinaryView),
        _ => None,
    });
}

/// An array without dictionary or views, as `expected` is without them.
fn plain(array: &ArrayRef, expected: &DataType) -> Result<ArrayRef, String> {
    let array = match array.as_any_dictionary_opt() {
        Some(dictionary) => take(dictionary.values(), dictionary.keys(), None).map_err(|error| error.to_string())?,
        None => array.clone(),
    };
    let to = match expected {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    arrow_cast::cast(&array, to).map_err(|error| error.to_string())
}

#[test]
fn nulls_propagate_and_hide_what_is_under_them() {
    check(FunctionKind::Scalar, |subject| {
        let poisoned: Vec<_> = subject.args.iter().map(with_poison).collect();
        let seen = subject.call_arrays(&poisoned).map_err(|error| format!("poison: {error}"))?;
        compare::same(&seen, &subject.result).map_err(|error| format!("poison: {error}"))?;
        if subject.function.nulls != Nulls::Propagate {
            return Ok(());
        }
        let union = subject
            .args
            .iter()
            .fold(None, |union, arg| NullBuffer::union(union.as_ref(), arg.logical_nulls().as_ref()));
        let expected = union.unwrap_or_else(|| NullBuffer::new_valid(ROWS));
        let found = subject.result.logical_nulls().unwrap_or_else(|| NullBuffer::new_valid(ROWS));
        if found == expected { Ok(()) } else { Err(format!("nulls {found:?}, not {expected:?}")) }
    });
}

#[test]
fn arguments_are_left_as_they_were() {
    for kind in [FunctionKind::Scalar, FunctionKind::Vector, FunctionKind::Aggregate] {
        check(kind, |subject| {
            let copies: Vec<_> = subject.args.iter().map(deep_copy).collect();
            subject.call_arrays(&subject.args)?;
            for (arg, copy) in subject.args.iter().zip(&copies) {
                if arg.to_data() != copy.to_data() {
                    return Err("an argument changed".to_owned());
                }
            }
            Ok(())
        });
    }
}

/// The same rows in other memory.
fn deep_copy(array: &ArrayRef) -> ArrayRef {
    make_array(concat(&[array.as_ref(), array.slice(0, 0).as_ref()]).unwrap().to_data())
}

#[test]
fn merging_parts_is_seeing_all() {
    check(FunctionKind::Aggregate, |subject| {
        if subject.bound.output_type().is_floating() {
            // The order of a float sum is open; exact cases are in the corpus.
            return Ok(());
        }
        let memory = memory();
        let part = |first: usize, count: usize| {
            let args: Vec<_> = subject.args.iter().map(|arg| Column::Array(arg.slice(first, count))).collect();
            let mut accumulator = subject.bound.accumulator(&memory)?;
            accumulator.begin_batch(first as u64);
            accumulator.update(&args, Groups::All)?;
            Ok::<_, bowyer_core::Error>(accumulator)
        };
        let merged = || -> bowyer_core::Result<ArrayRef> {
            let mut first = part(0, 70)?;
            first.merge(part(70, 0)?, &[0], 1)?;
            first.merge(part(70, 80)?, &[0], 1)?;
            first.evaluate(1)
        };
        compare::same(&merged().map_err(|error| error.to_string())?, &subject.result)
    });
}
