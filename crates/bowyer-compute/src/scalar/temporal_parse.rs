// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Times from text by a pattern: `strptime`.
//!
//! The whole text must match. What the pattern does not name is that of the start of 1900; a number may have fewer digits
//! than its directive allows, and white space before it. Beyond C's directives `%f` reads a fraction of a second.

use std::any::Any;

use arrow_schema::{DataType, TimeUnit};
use bowyer_core::{Error, Output, Result};

use super::string_values::{RowOf, Text};
use super::temporal_civil::{Civil, year_start};
use super::temporal_pattern::{DAYS, MONTHS, Part, parts};
use crate::coercion::ticks_per_second;
use crate::{
    Args, BindContext, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Options, Overload,
};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("strptime")
    .summary("Reads text as timestamps by a pattern.")
    .notes(
        "Directives are those of C: %Y %m %d %H %M %S %y %j %b %B %a %A %I %p %z %Z %F %T %D %R and their kin; %f is a \
         fraction of a second of up to nine digits. With %z the result is in UTC. A date that does not exist fails.",
    )
    .args(&["strings"])
    .options(&[
        OptionSpec::new("format", OptionKind::Utf8, OptionDefault::Required, "The pattern."),
        OptionSpec::new("unit", OptionKind::Choice(&["s", "ms", "us", "ns"]), OptionDefault::Required, "The unit."),
        OptionSpec::new(
            "error_is_null",
            OptionKind::Boolean,
            OptionDefault::Boolean(false),
            "Gives null for text that does not match, in place of an error.",
        ),
    ])
    .examples(&[Example::new(&["string [\"17.05.2024 13:47\", null]"], "timestamp[s] [\"2024-05-17T13:47:00\", null]")
        .with(&[("format", "\"%d.%m.%Y %H:%M\""), ("unit", "\"s\"")])])
    .nulls(Nulls::Inspect)
    .prepare(prepare)
    .fallible()
    .overloads(&[Overload::new(&[Kind::AnyString], Kind::Computed(result_type), strptime)])];

fn unit(options: &Options) -> Result<TimeUnit> {
    Ok(match options.utf8("unit")? {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "us" => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    })
}

fn result_type(_: &[DataType], options: &Options) -> Result<DataType> {
    let zoned = parts(options.utf8("format")?, 'S')?.contains(&Part::Directive('z'));
    Ok(DataType::Timestamp(unit(options)?, zoned.then(|| "UTC".into())))
}

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let parts = parts(context.options.utf8("format")?, 'S')?;
    for part in &parts {
        if let Part::Directive(letter) = part
            && !"YmdeHkIlMSyCjbBaApPzZfs".contains(*letter)
        {
            return Err(Error::invalid_argument(format!("no directive is called %{letter}")).for_argument("format"));
        }
    }
    Ok(Box::new(parts))
}

fn strptime(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let parts = args.state::<Vec<Part>>()?;
    let per_second = ticks_per_second(unit(args.options())?);
    let error_is_null = args.options().boolean("error_is_null")?;
    let column = args.column(0);
    let (text, at) = (Text::of(column.values())?, RowOf::new(column));
    let nulls = column.values().logical_nulls();
    let mut validity = Vec::with_capacity(output.row_count());
    for (row, out) in output.fixed::<i64>()?.iter_mut().enumerate() {
        *out = 0;
        let source = at.of(row);
        let mut valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(source));
        if valid {
            match Fields::read(text.get(source), parts).and_then(|fields| fields.ticks(per_second)) {
                Some(ticks) => *out = ticks,
                None if error_is_null => valid = false,
                None => {
                    let message = format!("the text is no time of the pattern {:?}", args.options().utf8("format")?);
                    return Err(Error::parse(message).at_row(row));
                }
            }
        }
        validity.push(valid);
    }
    output.set_validity(Some(validity.into()))
}

/// What a text says.
struct Fields {
    year: i64,
    century: Option<i64>,
    month: i64,
    day: i64,
    day_of_year: Option<i64>,
    has_month: bool,
    hour: i64,
    half: Option<i64>,
    minute: i64,
    second: i64,
    nanos: i64,
    offset: i64,
    epoch: Option<i64>,
}

/// The rest of a text.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn spaces(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }

    /// A number of at most so many digits.
    fn number(&mut self, digits: usize, least: i64, most: i64) -> Option<i64> {
        self.spaces();
        let count = self.0.iter().take(digits).take_while(|byte| byte.is_ascii_digit()).count();
        let value = self.0[..count].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        self.0 = &self.0[count..];
        (count > 0 && (least..=most).contains(&value)).then_some(value)
    }

    /// Which of the names comes next, whole or as its first three letters.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        let (index, len) = names.iter().enumerate().find_map(|(index, name)| {
            let begins =
                |len: usize| self.0.get(..len).is_some_and(|start| start.eq_ignore_ascii_case(&name.as_bytes()[..len]));
            [name.len(), 3].into_iter().find(|len| begins(*len)).map(|len| (index, len))
        })?;
        self.0 = &self.0[len..];
        Some(index as i64)
    }

    fn offset(&mut self) -> Option<i64> {
        self.spaces();
        if let Some(rest) = self.0.strip_prefix(b"Z") {
            self.0 = rest;
            return Some(0);
        }
        let ends = [6, 5, 3].into_iter().find_map(|len| {
            let seconds = super::temporal_zone::parse_offset(self.0.get(..len)?)?;
            Some((len, seconds))
        });
        let (len, seconds) = ends?;
        self.0 = &self.0[len..];
        Some(seconds)
    }

    fn fraction(&mut self) -> Option<i64> {
        let count = self.0.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
        let value = self.0[..count].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        self.0 = &self.0[count..];
        (count > 0).then(|| value * 10_i64.pow(9 - count as u32))
    }
}

impl Fields {
    fn read(text: &str, parts: &[Part]) -> Option<Self> {
        let mut fields = Self {
            year: 1900,
            century: None,
            month: 1,
            day: 1,
            day_of_year: None,
            has_month: false,
            hour: 0,
            half: None,
            minute: 0,
            second: 0,
            nanos: 0,
            offset: 0,
            epoch: None,
        };
        let mut rest = Rest(text.as_bytes());
        for part in parts {
            match part {
                Part::Text(text) => rest.0 = rest.0.strip_prefix(text.as_bytes())?,
                Part::Space(_) => rest.spaces(),
                Part::Directive(letter) => fields.directive(*letter, &mut rest)?,
            }
        }
        rest.0.is_empty().then_some(fields)
    }

    fn directive(&mut self, letter: char, rest: &mut Rest<'_>) -> Option<()> {
        match letter {
            'Y' => self.year = rest.number(4, 0, 9999)?,
            'C' => self.century = Some(rest.number(2, 0, 99)?),
            'y' => {
                let year = rest.number(2, 0, 99)?;
                self.year = if year < 69 { 2000 + year } else { 1900 + year };
            }
            'm' => (self.month, self.has_month) = (rest.number(2, 1, 12)?, true),
            'b' | 'B' => (self.month, self.has_month) = (rest.name(&MONTHS)? + 1, true),
            'd' | 'e' => self.day = rest.number(2, 1, 31)?,
            'j' => self.day_of_year = Some(rest.number(3, 1, 366)?),
            'a' | 'A' => drop(rest.name(&DAYS)?),
            'H' | 'k' => (self.hour, self.half) = (rest.number(2, 0, 23)?, None),
            'I' | 'l' => {
                self.hour = rest.number(2, 1, 12)? % 12;
                self.half = self.half.or(Some(0));
            }
            'p' | 'P' => self.half = Some(rest.name_of_half()?),
            'M' => self.minute = rest.number(2, 0, 59)?,
            'S' => self.second = rest.number(2, 0, 61)?,
            'f' => self.nanos = rest.fraction()?,
            'z' => self.offset = rest.offset()?,
            'Z' => {
                let count = rest.0.iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
                rest.0 = &rest.0[count..];
            }
            's' => self.epoch = Some(rest.number(18, 0, i64::MAX)?),
            _ => return None,
        }
        Some(())
    }

    /// The ticks since the epoch; a finer fraction than the unit has is no time of that unit.
    fn ticks(&self, per_second: i64) -> Option<i64> {
        let year = self.century.map_or(self.year, |century| century * 100 + self.year.rem_euclid(100));
        let days = match self.day_of_year.filter(|_| !self.has_month) {
            Some(day) => year_start(year) + day - 1,
            None => Civil::checked(year, self.month, self.day)?.days(),
        };
        let hour = self.hour + 12 * self.half.unwrap_or(0);
        let seconds = days * 86_400 + hour * 3_600 + self.minute * 60 + self.second - self.offset;
        let nanos_per_tick = 1_000_000_000 / per_second;
        if self.nanos % nanos_per_tick != 0 {
            return None;
        }
        self.epoch.unwrap_or(seconds).checked_mul(per_second)?.checked_add(self.nanos / nanos_per_tick)
    }
}

impl Rest<'_> {
    fn name_of_half(&mut self) -> Option<i64> {
        let half = match self.0.get(..2)? {
            start if start.eq_ignore_ascii_case(b"AM") => 0,
            start if start.eq_ignore_ascii_case(b"PM") => 1,
            _ => return None,
        };
        self.0 = &self.0[2..];
        Some(half)
    }
}
