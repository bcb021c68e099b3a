// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Days on which business is done: a week of them, less holidays.
//!
//! Whole weeks are counted at once and holidays looked up in a sorted list, so that far days cost as much as near ones.

use arrow_array::cast::AsArray;
use arrow_array::types::Date32Type;
use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::{Column, Error, Memory, Output, Result};

use super::cast::{CastMode, cast};
use super::temporal_civil::days_since_monday;
use crate::{Args, Coercion, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

const WEEK: OptionSpec = OptionSpec::new(
    "week_mask",
    OptionKind::Utf8,
    OptionDefault::Utf8("1111100"),
    "Which days from Monday on are business days: seven of 0 and 1.",
);
const HOLIDAYS: OptionSpec = OptionSpec::new(
    "holidays",
    OptionKind::Array,
    OptionDefault::Null,
    "Days that are none: dates, or text such as 2024-12-25.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("business_days_between")
        .summary("Counts the business days from one date, itself counted, to another, which is not.")
        .notes("Negative where the second is before the first: the days after it up to the first.")
        .args(&["start", "end"])
        .options(&[WEEK, HOLIDAYS])
        .examples(&[Example::new(
            &["date32[day] [\"2024-03-01\", \"2024-03-04\", null]", "date32[day] [\"2024-03-11\", \"2024-03-01\", \"2024-03-01\"]"],
            "int64 [6, -1, null]",
        )])
        .coercion(Coercion::Custom(days_of))
        .prepare(|context| Ok(Box::new(Business::of(context.options)?)))
        .overloads(&[Overload::new(&[Kind::Date32, Kind::Date32], Kind::Int64, between)]),
    Function::scalar("add_business_days")
        .summary("Gives the date so many business days after each date, or before it.")
        .args(&["date", "days"])
        .options(&[
            WEEK,
            HOLIDAYS,
            OptionSpec::new(
                "roll",
                OptionKind::Choice(&["raise", "forward", "backward"]),
                OptionDefault::Utf8("raise"),
                "What becomes of a date that is no business day: it fails, or counting begins at the next or the last one.",
            ),
        ])
        .examples(&[Example::new(
            &["date32[day] [\"2024-03-01\", \"2024-03-04\", null]", "int64 [5, -1, 1]"],
            "date32[day] [\"2024-03-08\", \"2024-03-01\", null]",
        )])
        .fallible()
        .coercion(Coercion::Custom(day_and_count))
        .prepare(|context| Ok(Box::new(Business::of(context.options)?)))
        .overloads(&[Overload::new(&[Kind::Date32, Kind::Int64], Kind::Date32, add)]),
];

fn is_day(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Null)
}

fn days_of(types: &[DataType]) -> Option<Vec<DataType>> {
    types.iter().all(is_day).then(|| vec![DataType::Date32; types.len()])
}

fn day_and_count(types: &[DataType]) -> Option<Vec<DataType>> {
    let [day, count] = types else { return None };
    (is_day(day) && (count.is_integer() || count.is_null())).then(|| vec![DataType::Date32, DataType::Int64])
}

/// The business days of a week and the holidays among them, in order.
struct Business {
    week: [bool; 7],
    per_week: i64,
    holidays: Vec<i64>,
}

impl Business {
    fn of(options: &Options) -> Result<Self> {
        let text = options.utf8("week_mask")?;
        let days: Vec<bool> =
            text.bytes().filter_map(|day| matches!(day, b'0' | b'1').then_some(day == b'1')).collect();
        let week: [bool; 7] =
            days.try_into().ok().filter(|_| text.len() == 7).ok_or_else(|| {
                Error::invalid_argument("a week has seven days, each 0 or 1").for_argument("week_mask")
            })?;
        let per_week = week.iter().filter(|day| **day).count() as i64;
        if per_week == 0 {
            return Err(Error::invalid_argument("no day is a business day").for_argument("week_mask"));
        }
        let mut business = Self { week, per_week, holidays: Vec::new() };
        if !options.is_null("holidays")? {
            let given = Column::Array(options.array("holidays")?.clone());
            let days = cast(&given, &DataType::Date32, CastMode::Checked, &Memory::unlimited())
                .map_err(|error| error.for_argument("holidays"))?;
            let days = days.values().as_primitive::<Date32Type>();
            business.holidays = days.iter().flatten().map(i64::from).filter(|&day| business.on_week(day)).collect();
            business.holidays.sort_unstable();
            business.holidays.dedup();
        }
        Ok(business)
    }

    fn on_week(&self, day: i64) -> bool {
        self.week[days_since_monday(day) as usize]
    }

    fn is_open(&self, day: i64) -> bool {
        self.on_week(day) && self.holidays.binary_search(&day).is_err()
    }

    /// The holidays from `first` to before `end`.
    fn holidays_within(&self, first: i64, end: i64) -> i64 {
        let before = |day: i64| self.holidays.partition_point(|&holiday| holiday < day);
        before(end).saturating_sub(before(first)) as i64
    }

    /// The business days from `first` to before `end`, which is not less.
    fn count(&self, first: i64, end: i64) -> i64 {
        let weeks = (end - first) / 7;
        let rest = (first + weeks * 7..end).filter(|&day| self.on_week(day)).count() as i64;
        weeks * self.per_week + rest - self.holidays_within(first, end)
    }

    /// The day `count` business days after `day`, which is one; before it for a negative count.
    fn moved(&self, day: i64, count: i64) -> Option<i64> {
        let step = count.signum();
        let (mut day, mut left) = (day, count.checked_abs()?);
        // No date is so far away, and the arithmetic on days does not overflow.
        if left > 1 << 33 {
            return None;
        }
        while left > 0 {
            let from = day;
            day += step * 7 * (left / self.per_week);
            left %= self.per_week;
            while left > 0 {
                day += step;
                left -= i64::from(self.on_week(day));
            }
            left = if step > 0 { self.holidays_within(from + 1, day + 1) } else { self.holidays_within(day, from) };
            while !self.on_week(day) {
                day += step;
            }
        }
        Some(day)
    }
}

fn between(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let business = args.state::<Business>()?;
    let (start, end) = (Lanes::<i32>::of(args.column(0))?, Lanes::<i32>::of(args.column(1))?);
    for (row, out) in output.fixed::<i64>()?.iter_mut().enumerate() {
        let (start, end) = (i64::from(start.value(row)), i64::from(end.value(row)));
        *out = if start <= end { business.count(start, end) } else { -business.count(end + 1, start + 1) };
    }
    Ok(())
}

fn add(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let business = args.state::<Business>()?;
    let roll = match args.options().utf8("roll")? {
        "forward" => 1,
        "backward" => -1,
        _ => 0,
    };
    let (dates, counts) = (Lanes::<i32>::of(args.column(0))?, Lanes::<i64>::of(args.column(1))?);
    let (out, validity) = output.fixed_and_validity::<i32>()?;
    for (row, out) in out.iter_mut().enumerate() {
        *out = 0;
        if validity.is_some_and(|validity| validity.is_null(row)) {
            continue;
        }
        let mut day = i64::from(dates.value(row));
        if roll == 0 && !business.is_open(day) {
            return Err(Error::invalid_data("the date is no business day").at_row(row));
        }
        while !business.is_open(day) {
            day += roll;
        }
        let moved = business.moved(day, counts.value(row)).and_then(|day| i32::try_from(day).ok());
        *out = moved.ok_or_else(|| Error::overflow("the day does not fit the type").at_row(row))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_counting_one_by_one() {
        let weeks = [[true, true, true, true, true, false, false], [false, true, false, false, false, false, true]];
        for week in weeks {
            let per_week = week.iter().filter(|day| **day).count() as i64;
            let mut business = Business { week, per_week, holidays: Vec::new() };
            business.holidays =
                [-40, -3, 5, 6, 7, 8, 12, 13, 14, 33, 34].into_iter().filter(|&day| business.on_week(day)).collect();
            for first in -30..30_i64 {
                for end in first..40 {
                    let counted = (first..end).filter(|&day| business.is_open(day)).count() as i64;
                    assert_eq!(business.count(first, end), counted, "{first} to {end}");
                }
                for count in (-12..=12_i64).filter(|_| business.is_open(first)) {
                    let mut day = first;
                    for _ in 0..count.abs() {
                        day += count.signum();
                        while !business.is_open(day) {
                            day += count.signum();
                        }
                    }
                    assert_eq!(business.moved(first, count), Some(day), "{first} and {count} days");
                }
            }
        }
    }
}
