// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Text from times by a pattern: `strftime`.
//!
//! Local time of the zone; `%S` carries the whole fraction of the unit. Names are those of the C locale.

use std::any::Any;
use std::io::Write;

use arrow_schema::DataType;
use bowyer_core::{Error, Output, Result};

use super::divisor::Divisor;
use super::padded::{fill, four, two};
use super::temporal_civil::{Civil, days_since_monday, week_of, year_start};
use super::temporal_local::{Local, zone_of};
use super::temporal_pattern::{DAYS, MONTHS, Part, parts};
use super::temporal_zone::{Zone, format_offset};
use crate::{Args, BindContext, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("strftime")
    .summary("Writes times as text by a pattern.")
    .notes(
        "Directives are those of C; %S carries the fraction of the unit. %z and %Z need a zone. Unknown directives are \
         written as they stand.",
    )
    .args(&["timestamps"])
    .options(&[
        OptionSpec::new("format", OptionKind::Utf8, OptionDefault::Utf8("%Y-%m-%dT%H:%M:%S"), "The pattern."),
        OptionSpec::new("locale", OptionKind::Choice(&["C"]), OptionDefault::Utf8("C"), "The language of names."),
    ])
    .examples(&[Example::new(
        &["timestamp[ms] [\"2024-05-17T13:47:01.5\", null]"],
        "string [\"2024-05-17T13:47:01.500\", null]",
    )])
    .prepare(prepare)
    .overloads(&[
        Overload::new(&[Kind::AnyTimestamp], Kind::Utf8, strftime),
        Overload::new(&[Kind::AnyDate], Kind::Utf8, strftime),
        Overload::new(&[Kind::AnyTime], Kind::Utf8, strftime),
    ])];

struct Pattern {
    parts: Vec<Part>,
    zone: Zone,
    zone_name: Option<String>,
}

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    // Inside of a composite of the locale seconds are whole: %q, which no pattern has.
    let parts = parts(context.options.utf8("format")?, 'q')?;
    let zone_name = match &context.types[0] {
        DataType::Timestamp(_, zone) => zone.as_deref().map(str::to_owned),
        _ => None,
    };
    let needs_zone = parts.iter().any(|part| matches!(part, Part::Directive('z' | 'Z')));
    if needs_zone && zone_name.is_none() {
        return Err(Error::invalid_argument("a time without a zone has no %z or %Z").for_argument("format"));
    }
    Ok(Box::new(Pattern { parts, zone: zone_of(&context.types[0])?, zone_name }))
}

fn strftime(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let pattern = args.state::<Pattern>()?;
    let local = Local::of(args.column(0))?;
    let utc = Utc::of(args, &local, pattern)?;
    let (row_count, validity) = (output.row_count(), output.validity().cloned());
    let mut writer = output.bytes(row_count * 20)?;
    let mut text = Vec::new();
    let (mut reader, day_length) = (local.reader(), Divisor::new(local.per_day));
    for row in 0..row_count {
        let mut tick = [0];
        reader.read(&mut tick);
        if validity.as_ref().is_some_and(|validity| validity.is_null(row)) {
            writer.push_empty()?;
            continue;
        }
        text.clear();
        let (day, rest) = (day_length.floor(tick[0]), day_length.rest(tick[0]));
        let moment = Moment::new(day, rest, local.per_day, utc.offset(row));
        for part in &pattern.parts {
            match part {
                Part::Text(part) => text.extend_from_slice(part.as_bytes()),
                Part::Space(space) => text.extend_from_slice(space.encode_utf8(&mut [0; 4]).as_bytes()),
                Part::Directive(letter) => moment.write(*letter, pattern, &mut text),
            }
        }
        writer.push(&text)?;
    }
    Ok(())
}

/// The instants beside local time, where the pattern asks for offsets.
struct Utc(Vec<(i64, i64)>);

impl Utc {
    fn of(args: &Args<'_>, local: &Local, pattern: &Pattern) -> Result<Self> {
        if !pattern.parts.iter().any(|part| matches!(part, Part::Directive('z' | 'Z'))) {
            return Ok(Self(vec![]));
        }
        let per_second = local.per_day / 86_400;
        let lanes = bowyer_core::arity::Lanes::<i64>::of(args.column(0))?;
        let mut clock = pattern.zone.clock();
        let instants = lanes.slice().iter().map(|tick| {
            let utc = tick.div_euclid(per_second);
            (utc, clock.offset(utc))
        });
        Ok(Self(instants.collect()))
    }

    /// The instant of a row in seconds, and the offset there.
    fn offset(&self, row: usize) -> (i64, i64) {
        self.0.get(row).or_else(|| self.0.first()).copied().unwrap_or((0, 0))
    }
}

/// A local time taken apart.
struct Moment {
    day: i64,
    date: Civil,
    second_of_day: i64,
    fraction: i64,
    per_second: i64,
    utc: i64,
    offset: i64,
}

impl Moment {
    fn new(day: i64, rest: i64, per_day: i64, (utc, offset): (i64, i64)) -> Self {
        let per_second = (per_day / 86_400).max(1);
        Self {
            day,
            date: Civil::of(day),
            second_of_day: rest / per_second,
            fraction: rest % per_second,
            per_second,
            utc,
            offset,
        }
    }

    fn write(&self, letter: char, pattern: &Pattern, out: &mut Vec<u8>) {
        let Civil { year, month, day } = self.date;
        let (hour, minute, second) = (self.second_of_day / 3600, self.second_of_day / 60 % 60, self.second_of_day % 60);
        let weekday = days_since_monday(self.day);
        let day_of_year = self.day - year_start(year) + 1;
        let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
        // Writing into memory cannot fail.
        let _ = match letter {
            'Y' => write_year(year, out),
            'C' => write!(out, "{:02}", year.div_euclid(100)),
            'y' => write!(out, "{:02}", year.rem_euclid(100)),
            'G' => write_year(week_of(self.day, 0).0, out),
            'g' => write!(out, "{:02}", week_of(self.day, 0).0.rem_euclid(100)),
            'V' => write!(out, "{:02}", week_of(self.day, 0).1),
            'U' => write!(out, "{:02}", (day_of_year + 6 - (weekday + 1) % 7) / 7),
            'W' => write!(out, "{:02}", (day_of_year + 6 - weekday) / 7),
            'm' => out.write_all(&two(month)),
            'd' => out.write_all(&two(day)),
            'e' => write!(out, "{day:2}"),
            'j' => write!(out, "{day_of_year:03}"),
            'B' => write!(out, "{}", MONTHS[(month - 1) as usize]),
            'b' => write!(out, "{}", &MONTHS[(month - 1) as usize][..3]),
            'A' => write!(out, "{}", DAYS[weekday as usize]),
            'a' => write!(out, "{}", &DAYS[weekday as usize][..3]),
            'u' => write!(out, "{}", weekday + 1),
            'w' => write!(out, "{}", (weekday + 1) % 7),
            'H' => out.write_all(&two(hour)),
            'I' => out.write_all(&two(twelve)),
            'M' => out.write_all(&two(minute)),
            'S' if self.per_second > 1 => {
                let [s1, s2] = two(second);
                let mut text = [s1, s2, b'.', 0, 0, 0, 0, 0, 0, 0, 0, 0];
                let digits = self.per_second.ilog10() as usize;
                fill(&mut text[3..3 + digits], self.fraction as u32);
                out.write_all(&text[..3 + digits])
            }
            'S' | 'q' => out.write_all(&two(second)),
            'p' => write!(out, "{}", if hour < 12 { "AM" } else { "PM" }),
            'z' => write!(out, "{}", format_offset(self.offset, "")),
            'Z' => write!(out, "{}", abbreviation(pattern, self.utc)),
            other => write!(out, "%{other}"),
        };
    }
}

fn write_year(year: i64, out: &mut Vec<u8>) -> std::io::Result<()> {
    if (0..=9_999).contains(&year) {
        return out.write_all(&four(year as u64));
    }
    if year < 0 { write!(out, "-{:04}", -year) } else { write!(out, "{year:04}") }
}

/// What a zone is called at an instant.
fn abbreviation(pattern: &Pattern, utc: i64) -> String {
    match &pattern.zone {
        Zone::Rules(zone) => {
            let at = jiff::Timestamp::from_second(utc).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            zone.to_offset_info(at).abbreviation().to_owned()
        }
        Zone::Fixed(_) => pattern.zone_name.clone().unwrap_or_default(),
    }
}
