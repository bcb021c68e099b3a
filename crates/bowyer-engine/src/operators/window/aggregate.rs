// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Aggregates over frames: which way each is computed.
//!
//! Counts, sums, means, variances and extremes of plain columns under the usual options are folds ([`super::fold`]);
//! everything else is given to the aggregate's own accumulator, frame by frame ([`super::general`]).

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int64Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, UInt64Array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_ord::rank::rank;
use arrow_schema::{DataType, SortOptions};
use bowyer_compute::Bound;
use bowyer_core::lanes::Lanes;
use bowyer_core::take::NO_ROW;
use bowyer_core::{Error, Result};

use super::Piece;
use super::arrangement::Chunk;
use super::counted::Counted;
use super::fold::{Fold, Scratch, fold_frames};
use super::frame::{Frames, Rule};
use super::general::general;
use crate::operators::TaskContext;

/// The value of a row, if it has one.
type Read<T> = Box<dyn Fn(usize) -> Option<T> + Send + Sync>;

/// How an aggregate is computed.
pub(super) enum Kernel {
    Rows,
    Values(Option<NullBuffer>),
    Whole { read: Read<i128>, sum: Whole },
    Floats { read: Read<f64>, mean: bool },
    Spread { read: Read<f64>, ddof: f64, root: bool },
    Extreme { ranks: Vec<u32> },
    General { bound: Bound, arguments: Vec<ArrayRef>, counted: Counted },
}

/// What becomes of a sum of whole numbers.
pub(super) enum Whole {
    Signed { checked: bool },
    Unsigned { checked: bool },
    Decimal(DataType),
    Mean,
}

impl Kernel {
    /// The fastest way for a call; that of the accumulator if `general`.
    pub(super) fn new(bound: &Bound, arguments: &[ArrayRef], counted: Counted, general: bool) -> Self {
        let general = general || counted.is_distinct() || !has_usual_options(bound);
        match (if general { None } else { Self::fold(bound, arguments) }, counted.chosen()) {
            (Some(known), Some(chosen)) => known.over(chosen),
            (Some(known), None) => known,
            (None, _) => Self::General { bound: bound.clone(), arguments: arguments.to_vec(), counted },
        }
    }

    /// The same where only the chosen rows count. All these functions leave nulls out.
    fn over(self, chosen: &BooleanBuffer) -> Self {
        fn only<V: 'static>(read: Read<V>, chosen: &BooleanBuffer) -> Read<V> {
            let chosen = chosen.clone();
            Box::new(move |row| if chosen.value(row) { read(row) } else { None })
        }
        match self {
            Self::Rows => Self::Values(Some(NullBuffer::new(chosen.clone()))),
            Self::Values(nulls) => {
                Self::Values(NullBuffer::union(nulls.as_ref(), Some(&NullBuffer::new(chosen.clone()))))
            }
            Self::Whole { read, sum } => Self::Whole { read: only(read, chosen), sum },
            Self::Floats { read, mean } => Self::Floats { read: only(read, chosen), mean },
            Self::Spread { read, ddof, root } => Self::Spread { read: only(read, chosen), ddof, root },
            Self::Extreme { mut ranks } => {
                for (rank, chosen) in ranks.iter_mut().zip(chosen) {
                    if !chosen {
                        *rank = u32::MAX;
                    }
                }
                Self::Extreme { ranks }
            }
            general @ Self::General { .. } => general,
        }
    }

    fn fold(bound: &Bound, arguments: &[ArrayRef]) -> Option<Self> {
        let name = bound.function().name;
        let argument = match (name, arguments) {
            ("count_all", []) => return Some(Self::Rows),
            ("count", [argument]) => return Some(Self::Values(argument.logical_nulls())),
            (_, [argument]) => argument,
            _ => return None,
        };
        let checked = name == "sum_checked";
        let unsigned = argument.data_type().is_unsigned_integer();
        Some(match name {
            "sum" | "sum_checked" | "mean" if argument.data_type().is_integer() => {
                let sum = match (name, unsigned) {
                    ("mean", _) => Whole::Mean,
                    (_, true) => Whole::Unsigned { checked },
                    (_, false) => Whole::Signed { checked },
                };
                Self::Whole { read: integers(argument)?, sum }
            }
            "sum" | "sum_checked" if argument.data_type().is_decimal() => {
                Self::Whole { read: decimals(argument)?, sum: Whole::Decimal(bound.output_type().clone()) }
            }
            "sum" | "sum_checked" | "mean" => Self::Floats { read: floats(argument)?, mean: name == "mean" },
            "variance" | "stddev" => {
                let ddof = bound.options().integer("ddof").ok()? as f64;
                Self::Spread { read: floats(argument)?, ddof, root: name == "stddev" }
            }
            "min" | "max" if argument.data_type() == bound.output_type() => {
                Self::Extreme { ranks: ranks(argument, name == "max")? }
            }
            _ => return None,
        })
    }

    /// The results for the rows of a chunk.
    pub(super) fn piece(&self, chunk: &Chunk, rule: &Rule<'_>, context: &TaskContext) -> Result<Piece> {
        let len = chunk.rows.len();
        match self {
            Self::Rows => counts(chunk, rule, context, &|_| true),
            Self::Values(None) => counts(chunk, rule, context, &|_| true),
            Self::Values(Some(nulls)) => counts(chunk, rule, context, &|row| nulls.is_valid(row)),
            Self::Whole { read, sum } => whole(chunk, rule, context, read, sum),
            Self::Floats { read, mean } => {
                let mut results = Results::new(len, context)?;
                each_state(&FloatSum(read), chunk, rule, context, |(sum, count)| {
                    results.push((count > 0).then(|| if *mean { sum / f64::from(count) } else { sum }));
                    Ok(())
                })?;
                Ok(Piece::Values(Arc::new(Float64Array::new(results.values.into_buffer(), results.nulls.finish()))))
            }
            Self::Spread { read, ddof, root } => {
                let mut results = Results::new(len, context)?;
                each_state(&Moments(read), chunk, rule, context, |(count, _, around)| {
                    let variance = (count > *ddof).then(|| around / (count - ddof));
                    results.push(variance.map(|variance| if *root { variance.sqrt() } else { variance }));
                    Ok(())
                })?;
                Ok(Piece::Values(Arc::new(Float64Array::new(results.values.into_buffer(), results.nulls.finish()))))
            }
            Self::Extreme { ranks } => {
                let mut rows = Vec::with_capacity(len);
                each_state(&Best { ranks }, chunk, rule, context, |row| {
                    rows.push(row);
                    Ok(())
                })?;
                Ok(Piece::Rows(rows))
            }
            Self::General { bound, arguments, counted } => {
                general(bound, arguments, counted, chunk, rule, context).map(Piece::Values)
            }
        }
    }
}

/// Whether nulls are left out and one value is enough, as far as the function asks.
fn has_usual_options(bound: &Bound) -> bool {
    let options = bound.options();
    let least = if matches!(bound.function().name, "variance" | "stddev") { 0 } else { 1 };
    let declared = |name: &str| bound.function().options.iter().any(|option| option.name == name);
    let usual = |name: &str, usual: bool| !declared(name) || usual;
    usual("skip_nulls", options.boolean("skip_nulls").unwrap_or(false))
        && usual("min_count", options.integer("min_count").is_ok_and(|count| count == least))
        && usual("mode", options.utf8("mode").is_ok_and(|mode| mode == "only_valid"))
        && bound.argument_types().len() == bound.function().args.len()
}

fn read<T: ArrowPrimitiveType, V>(array: &ArrayRef, widen: impl Fn(T::Native) -> V + Send + Sync + 'static) -> Read<V> {
    let values = array.as_primitive::<T>().clone();
    Box::new(move |row| values.is_valid(row).then(|| widen(values.value(row))))
}

fn integers(array: &ArrayRef) -> Option<Read<i128>> {
    if array.data_type().is_unsigned_integer() {
        let array = arrow_cast::cast(array, &DataType::UInt64).ok()?;
        return Some(read::<UInt64Type, _>(&array, i128::from));
    }
    let array = arrow_cast::cast(array, &DataType::Int64).ok()?;
    Some(read::<Int64Type, _>(&array, i128::from))
}

/// Decimals whose sums cannot pass 128 bits, whatever the frame.
fn decimals(array: &ArrayRef) -> Option<Read<i128>> {
    let read = match array.data_type() {
        DataType::Decimal32(..) => read::<Decimal32Type, _>(array, i128::from),
        DataType::Decimal64(..) => read::<Decimal64Type, _>(array, i128::from),
        DataType::Decimal128(..) => read::<Decimal128Type, _>(array, |value| value),
        _ => return None,
    };
    let largest = (0..array.len()).filter_map(&read).map(i128::unsigned_abs).max().unwrap_or(0);
    let bound = largest.checked_mul(array.len() as u128)?;
    (bound < i128::MAX as u128).then_some(read)
}

fn floats(array: &ArrayRef) -> Option<Read<f64>> {
    match array.data_type() {
        DataType::Float32 => Some(read::<Float32Type, _>(array, f64::from)),
        DataType::Float64 => Some(read::<Float64Type, _>(array, |value| value)),
        other if other.is_integer() => {
            let array = arrow_cast::cast(array, &DataType::Float64).ok()?;
            Some(read::<Float64Type, _>(&array, |value| value))
        }
        _ => None,
    }
}

/// A number for each row such that the better of two values has the lesser one, nulls the greatest of all. Equal values
/// share theirs, and a NaN is worse than any number.
fn ranks(array: &ArrayRef, greatest: bool) -> Option<Vec<u32>> {
    let options = SortOptions { descending: greatest, nulls_first: false };
    let zero_free: ArrayRef = match array.data_type() {
        DataType::Float32 => Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(|value| {
            let worst = if greatest { -f32::NAN.abs() } else { f32::NAN.abs() };
            if value.is_nan() { worst } else { value + 0.0 }
        })),
        DataType::Float64 => Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(|value| {
            let worst = if greatest { -f64::NAN.abs() } else { f64::NAN.abs() };
            if value.is_nan() { worst } else { value + 0.0 }
        })),
        DataType::Float16 | DataType::Null => return None,
        _ => array.clone(),
    };
    let mut ranks = rank(zero_free.as_ref(), Some(options)).ok()?;
    if let Some(nulls) = array.logical_nulls() {
        for (rank, valid) in ranks.iter_mut().zip(nulls.iter()) {
            if !valid {
                *rank = u32::MAX;
            }
        }
    }
    Some(ranks)
}

/// Gives `out` the state of each row's frame.
fn each_state<F: Fold>(
    fold: &F,
    chunk: &Chunk,
    rule: &Rule<'_>,
    context: &TaskContext,
    mut out: impl FnMut(F::State) -> Result<()>,
) -> Result<()> {
    let (mut frames, mut scratch) = (Frames::default(), Scratch::default());
    chunk.each(context, |partition| {
        rule.fill(partition, &mut frames);
        let mut failed = Ok(());
        fold_frames(fold, partition, rule, &frames, &mut scratch, |state| {
            if failed.is_ok() {
                failed = out(state);
            }
        });
        failed
    })
}

fn counts(
    chunk: &Chunk,
    rule: &Rule<'_>,
    context: &TaskContext,
    counted: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Piece> {
    let mut values = Lanes::<i64>::for_overwrite(&context.memory, chunk.rows.len())?;
    let (mut frames, mut before, mut first) = (Frames::default(), Vec::new(), 0);
    chunk.each(context, |partition| {
        rule.fill(partition, &mut frames);
        before.clear();
        before.push(0_i64);
        let mut count = 0;
        for &row in partition.rows {
            count += i64::from(counted(row as usize));
            before.push(count);
        }
        for (at, value) in values[first..first + partition.len()].iter_mut().enumerate() {
            let segments = rule.segments(partition, &frames, at);
            *value = segments.iter().map(|&(start, end)| before[end] - before[start]).sum();
        }
        first += partition.len();
        Ok(())
    })?;
    Ok(Piece::Values(Arc::new(Int64Array::new(values.into_buffer(), None))))
}

fn whole(chunk: &Chunk, rule: &Rule<'_>, context: &TaskContext, read: &Read<i128>, sum: &Whole) -> Result<Piece> {
    let len = chunk.rows.len();
    let fold = WholeSum(read);
    let overflow = |data_type: &DataType| Error::overflow(format!("the result does not fit {data_type}"));
    macro_rules! narrowed {
        ($native:ty, $array:ident, $checked:expr, $data_type:expr) => {{
            let mut results = Results::<$native>::new(len, context)?;
            each_state(&fold, chunk, rule, context, |(sum, count)| {
                let narrow = match <$native>::try_from(sum) {
                    Err(_) if $checked => return Err(overflow(&$data_type)),
                    _ => sum as $native,
                };
                results.push((count > 0).then_some(narrow));
                Ok(())
            })?;
            Ok(Piece::Values(Arc::new($array::new(results.values.into_buffer(), results.nulls.finish()))))
        }};
    }
    match sum {
        Whole::Signed { checked } => narrowed!(i64, Int64Array, *checked, DataType::Int64),
        Whole::Unsigned { checked } => narrowed!(u64, UInt64Array, *checked, DataType::UInt64),
        Whole::Mean => {
            let mut results = Results::new(len, context)?;
            each_state(&fold, chunk, rule, context, |(sum, count)| {
                results.push((count > 0).then(|| sum as f64 / f64::from(count)));
                Ok(())
            })?;
            Ok(Piece::Values(Arc::new(Float64Array::new(results.values.into_buffer(), results.nulls.finish()))))
        }
        Whole::Decimal(data_type) => {
            let mut results = Results::<i128>::new(len, context)?;
            each_state(&fold, chunk, rule, context, |(sum, count)| {
                if sum.unsigned_abs() >= 10_u128.pow(38) {
                    return Err(overflow(data_type));
                }
                results.push((count > 0).then_some(sum));
                Ok(())
            })?;
            let array = Decimal128Array::new(results.values.into_buffer(), results.nulls.finish());
            Ok(Piece::Values(Arc::new(array.with_data_type(data_type.clone()))))
        }
    }
}

/// Values of rows as they come, some null.
struct Results<T: arrow_buffer::ArrowNativeType> {
    values: Lanes<T>,
    at: usize,
    nulls: Nulls,
}

struct Nulls(Vec<bool>, bool);

impl Nulls {
    fn finish(self) -> Option<NullBuffer> {
        self.1.then(|| NullBuffer::from(self.0))
    }
}

impl<T: arrow_buffer::ArrowNativeType> Results<T> {
    fn new(len: usize, context: &TaskContext) -> Result<Self> {
        let values = Lanes::for_overwrite(&context.memory, len)?;
        Ok(Self { values, at: 0, nulls: Nulls(Vec::with_capacity(len), false) })
    }

    fn push(&mut self, value: Option<T>) {
        self.nulls.0.push(value.is_some());
        self.nulls.1 |= value.is_none();
        self.values[self.at] = value.unwrap_or_default();
        self.at += 1;
    }
}

/// The sum and the number of whole numbers.
struct WholeSum<'a>(&'a Read<i128>);

impl Fold for WholeSum<'_> {
    type State = (i128, u32);

    fn empty(&self) -> Self::State {
        (0, 0)
    }

    fn of_row(&self, row: usize) -> Self::State {
        self.0(row).map_or((0, 0), |value| (value, 1))
    }

    fn join(&self, a: Self::State, b: Self::State) -> Self::State {
        (a.0 + b.0, a.1 + b.1)
    }
}

/// The sum and the number of floats.
struct FloatSum<'a>(&'a Read<f64>);

impl Fold for FloatSum<'_> {
    type State = (f64, u32);

    fn empty(&self) -> Self::State {
        (0.0, 0)
    }

    fn of_row(&self, row: usize) -> Self::State {
        self.0(row).map_or((0.0, 0), |value| (value, 1))
    }

    fn join(&self, a: Self::State, b: Self::State) -> Self::State {
        (a.0 + b.0, a.1 + b.1)
    }
}

/// The number, the mean and the sum of squares around it.
struct Moments<'a>(&'a Read<f64>);

impl Fold for Moments<'_> {
    type State = (f64, f64, f64);

    fn empty(&self) -> Self::State {
        (0.0, 0.0, 0.0)
    }

    fn of_row(&self, row: usize) -> Self::State {
        self.0(row).map_or((0.0, 0.0, 0.0), |value| (1.0, value, if value.is_finite() { 0.0 } else { f64::NAN }))
    }

    fn join(&self, a: Self::State, b: Self::State) -> Self::State {
        match (a.0 == 0.0, b.0 == 0.0) {
            (true, _) => b,
            (_, true) => a,
            _ => {
                let count = a.0 + b.0;
                let apart = b.1 - a.1;
                (count, a.1 + apart * (b.0 / count), a.2 + b.2 + apart * apart * (a.0 * b.0 / count))
            }
        }
    }
}

/// The row with the best value: the first of equal ones.
struct Best<'a> {
    ranks: &'a [u32],
}

impl Fold for Best<'_> {
    type State = u32;

    fn empty(&self) -> u32 {
        NO_ROW
    }

    fn of_row(&self, row: usize) -> u32 {
        if self.ranks[row] == u32::MAX { NO_ROW } else { row as u32 }
    }

    fn join(&self, a: u32, b: u32) -> u32 {
        match (a, b) {
            (NO_ROW, other) | (other, NO_ROW) => other,
            _ if self.ranks[b as usize] < self.ranks[a as usize] => b,
            _ => a,
        }
    }
}
