// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rounding: to digits, to multiples, to whole numbers.
//!
//! Ten modes say what happens between two candidates; half to even unless told otherwise. Floats are scaled, rounded
//! and scaled back in their own arithmetic, so that 2.675 to two digits is 2.68. A result that does not fit is an error.

mod mode;

use std::any::Any;

use arrow_array::ArrowNativeTypeOp;
use arrow_buffer::{ArrowNativeType, i256};
use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, try_binary, try_unary, unary};
use bowyer_core::{Error, Output, Result, with_integers};

use crate::coercion::decimal_parts;
use crate::{
    Args, BindContext, CastMode, Coercion, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload,
    cast,
};
use mode::{Float, Mode, to_multiple};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("round")
        .summary("Rounds each value to a number of digits after the point.")
        .notes("With negative `ndigits` to tens, hundreds and so on. The type stays.")
        .args(&["value"])
        .options(&[
            OptionSpec::new("ndigits", OptionKind::Integer, OptionDefault::Integer(0), "Digits after the point."),
            MODE,
        ])
        .prepare(prepare_round)
        .fallible()
        .examples(&[
            Example::new(&["double [2.5, 3.5, null]"], "double [2, 4, null]"),
            Example::new(&["int32 [15, 24]"], "int32 [20, 20]").with(&[("ndigits", "-1")]),
        ])
        .overloads(&[
            Overload::new(&[Kind::Null], Kind::Null, nothing),
            Overload::new(&[Kind::AnyInteger], Kind::SameAs(0), round_integers),
            Overload::new(&[Kind::Float32], Kind::SameAs(0), round_floats::<f32>),
            Overload::new(&[Kind::Float64], Kind::SameAs(0), round_floats::<f64>),
            Overload::new(&[Kind::AnyDecimal], Kind::SameAs(0), round_decimals),
        ]),
    Function::scalar("round_binary")
        .summary("Rounds each value to as many digits after the point as its row says.")
        .args(&["value", "ndigits"])
        .options(&[MODE])
        .prepare(prepare_mode)
        .fallible()
        .examples(&[Example::new(&["double [12.34, 12.34]", "int32 [1, -1]"], "double [12.3, 10]")])
        .overloads(&[
            Overload::new(&[Kind::AnyInteger, Kind::AnyInteger], Kind::SameAs(0), binary_integers),
            Overload::new(&[Kind::Float32, Kind::AnyInteger], Kind::SameAs(0), |args, output| {
                binary_floats::<f32>(args, output)
            }),
            Overload::new(&[Kind::Float64, Kind::AnyInteger], Kind::SameAs(0), |args, output| {
                binary_floats::<f64>(args, output)
            }),
            Overload::new(&[Kind::AnyDecimal, Kind::AnyInteger], Kind::SameAs(0), binary_decimals),
        ]),
    Function::scalar("round_to_multiple")
        .summary("Rounds each value to a multiple of a number.")
        .notes("The multiple is positive and a value of the argument's type.")
        .args(&["value"])
        .options(&[
            OptionSpec::new("multiple", OptionKind::Float, OptionDefault::Float(1.0), "What to round to multiples of."),
            MODE,
        ])
        .prepare(prepare_multiple)
        .fallible()
        .examples(&[Example::new(&["double [3, 6]"], "double [2.5, 5]").with(&[("multiple", "2.5")])])
        .overloads(&[
            Overload::new(&[Kind::Null], Kind::Null, nothing),
            Overload::new(&[Kind::AnyInteger], Kind::SameAs(0), multiple_integers),
            Overload::new(&[Kind::Float32], Kind::SameAs(0), multiple_floats::<f32>),
            Overload::new(&[Kind::Float64], Kind::SameAs(0), multiple_floats::<f64>),
            Overload::new(&[Kind::AnyDecimal], Kind::SameAs(0), multiple_decimals),
        ]),
    whole(
        "floor",
        "Rounds each value down to a whole number.",
        &[
            Overload::new(&[Kind::Null], Kind::Null, nothing),
            Overload::new(&[Kind::Float32], Kind::SameAs(0), |args, output| floats(args, output, f32::floor)),
            Overload::new(&[Kind::Float64], Kind::SameAs(0), |args, output| floats(args, output, f64::floor)),
            Overload::new(&[Kind::AnyDecimal], Kind::SameAs(0), |args, output| decimals(args, output, Mode::Down, 0)),
        ],
    )
    .examples(&[Example::new(&["double [2.5, -2.5]"], "double [2, -3]")]),
    whole(
        "ceil",
        "Rounds each value up to a whole number.",
        &[
            Overload::new(&[Kind::Null], Kind::Null, nothing),
            Overload::new(&[Kind::Float32], Kind::SameAs(0), |args, output| floats(args, output, f32::ceil)),
            Overload::new(&[Kind::Float64], Kind::SameAs(0), |args, output| floats(args, output, f64::ceil)),
            Overload::new(&[Kind::AnyDecimal], Kind::SameAs(0), |args, output| decimals(args, output, Mode::Up, 0)),
        ],
    )
    .examples(&[Example::new(&["double [2.5, -2.5]"], "double [3, -2]")]),
    whole(
        "trunc",
        "Rounds each value towards zero to a whole number.",
        &[
            Overload::new(&[Kind::Null], Kind::Null, nothing),
            Overload::new(&[Kind::Float32], Kind::SameAs(0), |args, output| floats(args, output, f32::trunc)),
            Overload::new(&[Kind::Float64], Kind::SameAs(0), |args, output| floats(args, output, f64::trunc)),
            Overload::new(&[Kind::AnyDecimal], Kind::SameAs(0), |args, output| {
                decimals(args, output, Mode::TowardsZero, 0)
            }),
        ],
    )
    .examples(&[Example::new(&["double [2.5, -2.5]"], "double [2, -2]")]),
];

const fn whole(name: &'static str, summary: &'static str, overloads: &'static [Overload]) -> Function {
    Function::scalar(name)
        .summary(summary)
        .notes("Integers become float64; decimals keep their type.")
        .args(&["value"])
        .fallible()
        .coercion(Coercion::Custom(integers_as_floats))
        .overloads(overloads)
}

const MODE: OptionSpec = OptionSpec::new(
    "round_mode",
    OptionKind::Choice(Mode::NAMES),
    OptionDefault::Utf8("half_to_even"),
    "Which of two candidates is taken.",
);

fn integers_as_floats(types: &[DataType]) -> Option<Vec<DataType>> {
    types[0].is_integer().then(|| vec![DataType::Float64])
}

/// Nulls have no value to round.
fn nothing(_: &Args<'_>, _: &mut Output) -> Result<()> {
    Ok(())
}

type State = Box<dyn Any + Send + Sync>;

#[cold]
fn overflow(data_type: &DataType) -> Error {
    Error::overflow(format!("the rounded value does not fit {data_type}"))
}

fn digits_of(data_type: &DataType) -> i64 {
    match data_type {
        DataType::Int8 | DataType::UInt8 => 2,
        DataType::Int16 | DataType::UInt16 => 4,
        DataType::Int32 | DataType::UInt32 => 9,
        DataType::Int64 => 18,
        _ => 19,
    }
}

fn prepare_round(context: &BindContext<'_>) -> Result<State> {
    let ndigits = context.options.integer("ndigits")?;
    let data_type = &context.types[0];
    if data_type.is_integer() && ndigits < -digits_of(data_type) {
        let message = format!("{data_type} does not have {} digits", ndigits.unsigned_abs());
        return Err(Error::invalid_argument(message).for_argument("ndigits"));
    }
    prepare_mode(context)
}

fn prepare_mode(context: &BindContext<'_>) -> Result<State> {
    Ok(Box::new(Mode::of(context.options.utf8("round_mode")?)?))
}

struct Multiple {
    mode: Mode,
    float: f64,
    /// Unscaled, where integers or decimals are rounded.
    whole: i256,
}

fn prepare_multiple(context: &BindContext<'_>) -> Result<State> {
    let float = context.options.float("multiple")?;
    let refused = |why: &'static str| Error::invalid_argument(why).for_argument("multiple");
    if float.is_nan() || float <= 0.0 {
        return Err(refused("it is not positive"));
    }
    let scale = decimal_parts(&context.types[0]).map_or(0, |(_, scale)| scale);
    let scaled = float * 10f64.powi(scale.into());
    let is_whole = (scaled - scaled.round()).abs() <= scaled.abs() * 1e-15;
    if !context.types[0].is_floating() && !is_whole {
        return Err(refused("it is no value of the argument's type"));
    }
    let whole = i256::from_f64(scaled.round()).unwrap_or(i256::ZERO);
    let mode = Mode::of(context.options.utf8("round_mode")?)?;
    Ok(Box::new(Multiple { mode, float, whole }))
}

/// Rounds lanes to multiples of `multiple`.
fn lanes<T: ArrowNativeTypeOp + ArrowNativeType>(
    args: &Args<'_>,
    output: &mut Output,
    multiple: T,
    limit: Option<T>,
    mode: Mode,
) -> Result<()> {
    let data_type = args.output_type();
    let fits = |value: T| limit.is_none_or(|limit| value.is_lt(limit) && value.is_gt(limit.neg_wrapping()));
    let round = |value: T| match to_multiple(value, multiple, mode) {
        Some(rounded) => (rounded, !fits(rounded)),
        None => (value, true),
    };
    try_unary(&Lanes::of(args.column(0))?, output, round, |_| overflow(data_type))
}

fn round_integers(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let ndigits = args.options().integer("ndigits")?;
    if ndigits >= 0 {
        return output.set(args.array(0)?);
    }
    let mode = *args.state::<Mode>()?;
    with_integers!(args.output_type(), T => {
        let multiple = power::<T>(ndigits.unsigned_abs()).unwrap_or(T::ONE);
        lanes::<T>(args, output, multiple, None, mode)
    })
}

fn power<T: ArrowNativeTypeOp>(exponent: u64) -> Option<T> {
    let ten = (0..9).try_fold(T::ONE, |sum, _| sum.add_checked(T::ONE)).ok()?;
    ten.pow_checked(u32::try_from(exponent).ok()?).ok()
}

fn round_floats<T: Float>(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (ndigits, mode) = (args.options().integer("ndigits")?, *args.state::<Mode>()?);
    let scale = T::power(ndigits.unsigned_abs());
    let (values, data_type) = (Lanes::of(args.column(0))?, args.output_type());
    if mode == Mode::HalfToEven {
        // The default, for which there is an instruction: its loop is compiled alone.
        let round = |value: T| value.to_digits(ndigits, scale, Mode::HalfToEven);
        return try_unary(&values, output, round, |_| overflow(data_type));
    }
    try_unary(&values, output, |value: T| value.to_digits(ndigits, scale, mode), |_| overflow(data_type))
}

fn binary_integers(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let ndigits = digits_argument(args)?;
    let mode = *args.state::<Mode>()?;
    let data_type = args.output_type();
    with_integers!(data_type, T => {
        let round = |value: T, ndigits: i64| {
            if ndigits >= 0 {
                return (value, false);
            }
            let rounded = power::<T>(ndigits.unsigned_abs()).and_then(|power| to_multiple(value, power, mode));
            rounded.map_or((value, true), |rounded| (rounded, false))
        };
        try_binary(&Lanes::<T>::of(args.column(0))?, &ndigits, output, round, |_, _| overflow(data_type))
    })
}

fn digits_argument(args: &Args<'_>) -> Result<Lanes<i64>> {
    let digits = cast(args.column(1), &DataType::Int64, CastMode::Checked, args.memory());
    Lanes::of(&digits.map_err(|error| error.for_argument("ndigits"))?)
}

fn binary_floats<T: Float>(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let ndigits = digits_argument(args)?;
    let mode = *args.state::<Mode>()?;
    let round = |value: T, ndigits: i64| value.to_digits(ndigits, T::power(ndigits.unsigned_abs()), mode);
    try_binary(&Lanes::<T>::of(args.column(0))?, &ndigits, output, round, |_, _| overflow(args.output_type()))
}

fn multiple_integers(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let Multiple { mode, whole, .. } = *args.state::<Multiple>()?;
    let outside = || Error::invalid_argument("it is no value of the argument's type").for_argument("multiple");
    let whole = whole.to_i128().ok_or_else(outside)?;
    with_integers!(args.output_type(), T => {
        lanes::<T>(args, output, T::try_from(whole).map_err(|_| outside())?, None, mode)
    })
}

fn multiple_floats<T: Float>(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let Multiple { mode, float, .. } = *args.state::<Multiple>()?;
    let multiple = T::of(float);
    let round = |value: T| value.to_multiple(multiple, mode);
    try_unary(&Lanes::of(args.column(0))?, output, round, |_| overflow(args.output_type()))
}

fn floats<T: ArrowNativeType>(args: &Args<'_>, output: &mut Output, round: impl Fn(T) -> T) -> Result<()> {
    unary(&Lanes::of(args.column(0))?, output, round)
}

fn round_decimals(args: &Args<'_>, output: &mut Output) -> Result<()> {
    decimals(args, output, *args.state::<Mode>()?, args.options().integer("ndigits")?)
}

/// Rounds decimals to `ndigits` digits after the point.
fn decimals(args: &Args<'_>, output: &mut Output, mode: Mode, ndigits: i64) -> Result<()> {
    let (precision, scale) = decimal_parts(args.output_type()).unwrap_or((1, 0));
    let dropped = i64::from(scale).saturating_sub(ndigits);
    if dropped <= 0 {
        return output.set(args.array(0)?);
    }
    if dropped > i64::from(precision) || dropped > 76 {
        return Err(Error::invalid_argument(format!("{} does not have so many digits", args.output_type())));
    }
    decimal_lanes(args, output, |power| power, dropped as u64, mode)
}

/// Rounds the unscaled values of decimals to multiples of ten to the power of `exponent`, or of what `of` makes of it.
fn decimal_lanes(
    args: &Args<'_>,
    output: &mut Output,
    of: impl Fn(i256) -> i256,
    exponent: u64,
    mode: Mode,
) -> Result<()> {
    let data_type = args.output_type();
    let precision = u64::from(decimal_parts(data_type).map_or(1, |(precision, _)| precision));
    let multiple = of(power::<i256>(exponent).unwrap_or(i256::ONE));
    let narrow = multiple.to_i128().unwrap_or(i128::MAX);
    let too_large = || overflow(data_type).for_argument("multiple");
    match data_type {
        DataType::Decimal32(..) => {
            let multiple = i32::try_from(narrow).map_err(|_| too_large())?;
            lanes::<i32>(args, output, multiple, power(precision), mode)
        }
        DataType::Decimal64(..) => {
            let multiple = i64::try_from(narrow).map_err(|_| too_large())?;
            lanes::<i64>(args, output, multiple, power(precision), mode)
        }
        DataType::Decimal128(..) => lanes::<i128>(args, output, narrow, power(precision), mode),
        _ => lanes::<i256>(args, output, multiple, power(precision), mode),
    }
}

fn multiple_decimals(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let Multiple { mode, whole, .. } = *args.state::<Multiple>()?;
    decimal_lanes(args, output, |_| whole, 0, mode)
}

fn binary_decimals(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let ndigits = digits_argument(args)?;
    let mode = *args.state::<Mode>()?;
    match args.output_type() {
        DataType::Decimal32(..) => binary_decimal::<i32>(args, output, &ndigits, mode),
        DataType::Decimal64(..) => binary_decimal::<i64>(args, output, &ndigits, mode),
        DataType::Decimal128(..) => binary_decimal::<i128>(args, output, &ndigits, mode),
        _ => binary_decimal::<i256>(args, output, &ndigits, mode),
    }
}

fn binary_decimal<T: ArrowNativeTypeOp + ArrowNativeType>(
    args: &Args<'_>,
    output: &mut Output,
    ndigits: &Lanes<i64>,
    mode: Mode,
) -> Result<()> {
    let data_type = args.output_type();
    let (precision, scale) = decimal_parts(data_type).unwrap_or((1, 0));
    let limit = power::<T>(u64::from(precision));
    let fits = |value: &T| limit.is_none_or(|limit| value.is_lt(limit) && value.is_gt(limit.neg_wrapping()));
    let round = |value: T, ndigits: i64| {
        let dropped = i64::from(scale).saturating_sub(ndigits);
        if dropped <= 0 {
            return (value, false);
        }
        let rounded = power::<T>(dropped as u64).and_then(|power| to_multiple(value, power, mode)).filter(fits);
        rounded.map_or((value, true), |rounded| (rounded, false))
    };
    try_binary(&Lanes::<T>::of(args.column(0))?, ndigits, output, round, |_, _| overflow(data_type))
}
