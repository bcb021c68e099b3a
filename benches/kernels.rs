// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What single functions cost in Rust: `make bench-kernels-rust FILTER=add`.
//!
//! A line for each case, `function/types rows=… nulls=… best_us=… gb_s=…`; the rate counts the bytes of the arguments. The
//! best of many rounds is printed: it is the function's own cost, without its neighbours on the machine.

#![expect(clippy::print_stdout, reason = "a measurement is what this program prints")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use bowyer_compute::{Argument, Bound, FunctionKind, Groups, OptionValue, bind};
use bowyer_core::{Column, Memory, Result};

const ROWS: usize = 1_000_000;

struct Case {
    function: &'static str,
    arguments: Vec<ArrayRef>,
    options: Vec<(String, OptionValue)>,
}

fn main() -> Result<()> {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let memory = Memory::unlimited();
    println!("# rows={ROWS}, one thread; microseconds of the best round");
    for nulls in [false, true] {
        for case in cases(nulls) {
            if case.function.contains(&filter) {
                measure(&case, nulls, &memory)?;
            }
        }
    }
    Ok(())
}

fn cases(nulls: bool) -> Vec<Case> {
    let (integers, floats, text, mask) = (integers(nulls), floats(nulls), text(nulls), mask(nulls));
    let case = |function, arguments: &[&ArrayRef]| Case {
        function,
        arguments: arguments.iter().map(|array| Arc::clone(array)).collect(),
        options: Vec::new(),
    };
    let mut cases = vec![
        case("add", &[&integers, &integers]),
        case("add_checked", &[&integers, &integers]),
        case("multiply", &[&floats, &floats]),
        case("divide_checked", &[&floats, &floats]),
        case("less", &[&integers, &integers]),
        case("equal", &[&text, &text]),
        case("and_kleene", &[&mask, &mask]),
        case("utf8_length", &[&text]),
        case("utf8_upper", &[&text]),
        case("filter", &[&integers, &mask]),
        case("filter", &[&text, &mask]),
        case("sort_indices", &[&integers]),
        case("sum", &[&integers]),
        case("sum_checked", &[&integers]),
        case("sum", &[&floats]),
        case("min_max", &[&integers]),
        case("median", &[&floats]),
        case("count_distinct", &[&integers]),
    ];
    let mut round = case("round", &[&floats]);
    round.options.push(("ndigits".to_owned(), OptionValue::Integer(2)));
    cases.push(round);
    cases
}

fn measure(case: &Case, nulls: bool, memory: &Memory) -> Result<()> {
    let arguments: Vec<Argument> = case
        .arguments
        .iter()
        .map(|array| Argument { data_type: array.data_type().clone(), nullable: nulls, constant: None })
        .collect();
    let bound = bind(case.function, &arguments, case.options.clone())?;
    let columns: Vec<Column> = case.arguments.iter().map(|array| Column::Array(Arc::clone(array))).collect();
    let mut best = Duration::MAX;
    let began = Instant::now();
    let mut rounds = 0;
    while rounds < 5 || (rounds < 200 && began.elapsed() < Duration::from_millis(400)) {
        let round = Instant::now();
        run(&bound, &columns, memory)?;
        best = best.min(round.elapsed());
        rounds += 1;
    }
    let bytes: usize = case.arguments.iter().map(|array| array.get_buffer_memory_size()).sum();
    let types: Vec<String> = case.arguments.iter().map(|array| array.data_type().to_string().to_lowercase()).collect();
    let microseconds = best.as_secs_f64() * 1e6;
    let rate = bytes as f64 / best.as_secs_f64() / 1e9;
    let function = case.function;
    println!("{function}/{} nulls={nulls} best_us={microseconds:.1} gb_s={rate:.2}", types.join(","));
    Ok(())
}

fn run(bound: &Bound, columns: &[Column], memory: &Memory) -> Result<()> {
    if bound.function().kind == FunctionKind::Aggregate {
        let mut accumulator = bound.accumulator(memory)?;
        accumulator.update(columns, Groups::All)?;
        black_box(accumulator.evaluate(1)?);
    } else {
        black_box(bound.call(columns, ROWS, memory)?);
    }
    Ok(())
}

/// A well-mixed number for each row.
fn scrambled(row: usize) -> u64 {
    let mut z = (row as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Every tenth row is null, where there are nulls.
fn valid(row: usize, nulls: bool) -> bool {
    !nulls || !scrambled(row + ROWS).is_multiple_of(10)
}

fn integers(nulls: bool) -> ArrayRef {
    let value = |row| (scrambled(row) % 1_000_000) as i64;
    Arc::new((0..ROWS).map(|row| valid(row, nulls).then(|| value(row))).collect::<Int64Array>())
}

fn floats(nulls: bool) -> ArrayRef {
    let value = |row| (scrambled(row) % 1_000_000) as f64 / 128.0 + 1.0;
    Arc::new((0..ROWS).map(|row| valid(row, nulls).then(|| value(row))).collect::<Float64Array>())
}

fn text(nulls: bool) -> ArrayRef {
    let value = |row| format!("carrier {}", scrambled(row) % 5_000);
    Arc::new((0..ROWS).map(|row| valid(row, nulls).then(|| value(row))).collect::<StringArray>())
}

fn mask(nulls: bool) -> ArrayRef {
    let value = |row| scrambled(row).is_multiple_of(2);
    Arc::new((0..ROWS).map(|row| valid(row, nulls).then(|| value(row))).collect::<BooleanArray>())
}
