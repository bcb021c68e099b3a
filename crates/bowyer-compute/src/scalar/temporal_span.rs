// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Spans of time by name: `1mo`, `2w`, `3h15m`, `-1d12h`, or a word as `month`.
//!
//! A span has months, days and nanoseconds, which do not add up to each other: a month has no fixed number of days, and
//! a day no fixed number of hours.

use bowyer_core::{Error, Result};

/// A span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) months: i64,
    pub(crate) days: i64,
    pub(crate) nanos: i64,
}

pub(crate) const NANOS_PER_DAY: i64 = 86_400_000_000_000;

impl Span {
    /// Reads a span.
    ///
    /// # Errors
    /// `Parse` for what is none, `Overflow` for one that 64 bits do not hold.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let refused = || Error::parse("it is no span of time such as 1mo, 2w or 3h15m");
        let mut span = Self::default();
        if rest.is_empty() {
            return Err(refused());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let letters = rest[digits..].find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len() - digits);
            let unit = &rest[digits..digits + letters];
            let count = if digits == 0 { Ok(1) } else { rest[..digits].parse::<i64>() };
            let count = count.map_err(|_| Error::overflow("the span does not fit 64 bits"))?;
            let one = Self::unit(unit, digits == 0).ok_or_else(refused)?;
            rest = &rest[digits + letters..];
            if digits == 0 && !rest.is_empty() {
                return Err(refused());
            }
            let count = if negative { -count } else { count };
            let grown = one.times(count).and_then(|more| span.plus(more));
            span = grown.ok_or_else(|| Error::overflow("the span does not fit 64 bits"))?;
        }
        Ok(span)
    }

    /// One of a unit: by its sign, or by its name where no number stands before it.
    fn unit(unit: &str, alone: bool) -> Option<Self> {
        let months = |months: i64| Some(Self { months, ..Self::default() });
        let days = |days: i64| Some(Self { days, ..Self::default() });
        let nanos = |nanos: i64| Some(Self { nanos, ..Self::default() });
        match (unit, alone) {
            ("y", false) | ("year" | "years", _) => months(12),
            ("q", false) | ("quarter" | "quarters", _) => months(3),
            ("mo", false) | ("month" | "months", _) => months(1),
            ("w", false) | ("week" | "weeks", _) => days(7),
            ("d", false) | ("day" | "days", _) => days(1),
            ("h", false) | ("hour" | "hours", _) => nanos(3_600_000_000_000),
            ("m", false) | ("minute" | "minutes", _) => nanos(60_000_000_000),
            ("s", false) | ("second" | "seconds", _) => nanos(1_000_000_000),
            ("ms", false) | ("millisecond" | "milliseconds", _) => nanos(1_000_000),
            ("us" | "µs", false) | ("microsecond" | "microseconds", _) => nanos(1_000),
            ("ns", false) | ("nanosecond" | "nanoseconds", _) => nanos(1),
            _ => None,
        }
    }

    fn times(self, count: i64) -> Option<Self> {
        Some(Self {
            months: self.months.checked_mul(count)?,
            days: self.days.checked_mul(count)?,
            nanos: self.nanos.checked_mul(count)?,
        })
    }

    fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            months: self.months.checked_add(other.months)?,
            days: self.days.checked_add(other.days)?,
            nanos: self.nanos.checked_add(other.nanos)?,
        })
    }

    /// Days and nanoseconds as ticks of which a day has `per_day`; nothing when they are no whole ticks or too many.
    pub(crate) fn fixed_ticks(self, per_day: i64) -> Option<i64> {
        let ticks = nanos_to_ticks(self.nanos, per_day)?;
        self.days.checked_mul(per_day)?.checked_add(ticks)
    }
}

/// Nanoseconds as ticks of which a day has `per_day`; nothing when they are no whole ticks.
pub(crate) fn nanos_to_ticks(nanos: i64, per_day: i64) -> Option<i64> {
    let per_tick = NANOS_PER_DAY / per_day;
    (nanos % per_tick == 0).then(|| nanos / per_tick)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        let span = |months, days, nanos| Span { months, days, nanos };
        assert_eq!(Span::parse("1y2mo").unwrap(), span(14, 0, 0));
        assert_eq!(Span::parse("-2w1d").unwrap(), span(0, -15, 0));
        assert_eq!(Span::parse("3h15m").unwrap(), span(0, 0, 11_700_000_000_000));
        assert_eq!(Span::parse("quarter").unwrap(), span(3, 0, 0));
        assert_eq!(Span::parse("5 s").ok(), None);
        for text in ["", "-", "1", "m", "1x", "1d2", "99999999999999999999d", "dayday", "1h-2m"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
        assert_eq!(span(0, 1, 3_600_000_000_000).fixed_ticks(86_400), Some(90_000));
        assert_eq!(span(0, 0, 1).fixed_ticks(86_400), None);
    }
}
