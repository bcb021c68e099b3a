// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! English names of days and months.

use bowyer_core::{Output, Result};

use super::divisor::Divisor;
use super::temporal_civil::{Civil, days_since_monday};
use super::temporal_local::Local;
use crate::{Args, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("day_name")
        .aliases(&["dayname"])
        .summary("Names the day of the week of each moment in English.")
        .notes("Local time counts where there is a zone; `strftime` writes other forms.")
        .args(&["values"])
        .examples(&[Example::new(&["date32[day] [\"2024-02-29\", null]"], "string [\"Thursday\", null]")])
        .overloads(&[
            Overload::new(&[Kind::AnyDate], Kind::Utf8, day_name),
            Overload::new(&[Kind::AnyTimestamp], Kind::Utf8, day_name),
        ]),
    Function::scalar("month_name")
        .aliases(&["monthname"])
        .summary("Names the month of each moment in English.")
        .notes("Local time counts where there is a zone; `strftime` writes other forms.")
        .args(&["values"])
        .examples(&[Example::new(&["date32[day] [\"2024-02-29\", null]"], "string [\"February\", null]")])
        .overloads(&[
            Overload::new(&[Kind::AnyDate], Kind::Utf8, month_name),
            Overload::new(&[Kind::AnyTimestamp], Kind::Utf8, month_name),
        ]),
];

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn day_name(args: &Args<'_>, output: &mut Output) -> Result<()> {
    names(args, output, |day| DAYS[days_since_monday(day) as usize % 7])
}

fn month_name(args: &Args<'_>, output: &mut Output) -> Result<()> {
    names(args, output, |day| MONTHS[(Civil::of(day).month - 1) as usize % 12])
}

fn names(args: &Args<'_>, output: &mut Output, name: impl Fn(i64) -> &'static str) -> Result<()> {
    let local = Local::of(args.column(0))?;
    let day = Divisor::new(local.per_day);
    let mut days = vec![0; output.row_count()];
    local.map(&mut days, |tick| day.floor(tick));
    let validity = output.validity().cloned();
    let mut writer = output.bytes(days.len() * "Wednesday".len())?;
    for (row, day) in days.into_iter().enumerate() {
        match validity.as_ref().is_none_or(|validity| validity.is_valid(row)) {
            true => writer.push_str(name(day))?,
            false => writer.push_empty()?,
        }
    }
    Ok(())
}
