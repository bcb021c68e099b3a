// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Time zones: the rules compiled in, never the machine's, or a fixed offset as `+05:30`.
//!
//! Columns of times are local in time, so a [`Clock`] keeps the span between two transitions that its last answer was
//! for: most values cost two comparisons. Where they are not, it remembers the spans that it has met by the time of their
//! instants.

use bowyer_core::{Error, Result};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Dst, Offset, TimeZone};

/// The rules of a zone.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    /// Local time is UTC plus so many seconds, always.
    Fixed(i64),
    /// Local time follows the rules of a named zone.
    Rules(TimeZone),
}

/// What a local time stands for in UTC, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instant {
    /// One offset from UTC.
    One(i64),
    /// It happens twice: the offsets before and after clocks were set back.
    Ambiguous(i64, i64),
    /// It never happens: the offsets before and after clocks were set forward.
    Missing(i64, i64),
}

impl Zone {
    /// The zone of a name or offset; UTC of an empty name.
    ///
    /// # Errors
    /// `NotFound` when the compiled-in data has no such zone.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        if name.is_empty() || name == "UTC" {
            return Ok(Self::Fixed(0));
        }
        if let Some(seconds) = parse_offset(name.as_bytes()) {
            return Ok(Self::Fixed(seconds));
        }
        match TimeZone::get(name) {
            Ok(zone) => Ok(Self::Rules(zone)),
            Err(error) => Err(Error::not_found(format!("no time zone is called {name:?}")).caused_by(error)),
        }
    }

    /// The zone of a timestamp type; naive ones count as UTC.
    pub(crate) fn of(name: Option<&str>) -> Result<Self> {
        name.map_or(Ok(Self::Fixed(0)), Self::parse)
    }

    /// A reader of this zone's clocks.
    pub(crate) fn clock(&self) -> Clock<'_> {
        Clock { zone: self, now: Span::NONE, look_ups: 0, known: Vec::new() }
    }

    /// What a local time, in seconds since the local epoch, stands for.
    pub(crate) fn instant(&self, local: i64) -> Instant {
        let zone = match self {
            Self::Fixed(offset) => return Instant::One(*offset),
            Self::Rules(zone) => zone,
        };
        let utc = Timestamp::from_second(local.clamp(FIRST, LAST)).unwrap_or(Timestamp::UNIX_EPOCH);
        let civil: DateTime = Offset::UTC.to_datetime(utc);
        let seconds = |offset: Offset| i64::from(offset.seconds());
        match zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => Instant::One(seconds(offset)),
            AmbiguousOffset::Gap { before, after } => Instant::Missing(seconds(before), seconds(after)),
            AmbiguousOffset::Fold { before, after } => Instant::Ambiguous(seconds(before), seconds(after)),
        }
    }

    /// The span of an instant.
    fn span(&self, utc: i64) -> Span {
        let zone = match self {
            Self::Fixed(offset) => return Span { first: i64::MIN, last: i64::MAX, offset: *offset, dst: false },
            Self::Rules(zone) => zone,
        };
        let at = timestamp(utc);
        let info = zone.to_offset_info(at);
        let after = zone.following(at).next().map(|next| next.timestamp().as_second());
        let from = timestamp(utc.saturating_add(1));
        let before = zone.preceding(from).next().map(|last| last.timestamp().as_second());
        Span {
            first: before.unwrap_or(i64::MIN).min(utc),
            last: after.map_or(i64::MAX, |after| after - 1).max(utc),
            offset: i64::from(info.offset().seconds()),
            dst: info.dst() == Dst::Yes,
        }
    }

    /// The instant at which clocks are set forward over a local time that never happens.
    pub(crate) fn gap_end(&self, local: i64, after: i64) -> i64 {
        match self {
            Self::Fixed(offset) => local - offset,
            Self::Rules(zone) => {
                let transition = zone.following(timestamp(local.saturating_sub(after))).next();
                transition.map_or(local, |transition| transition.timestamp().as_second())
            }
        }
    }
}

/// The instants that the rules cover, with a day to spare on each side.
const FIRST: i64 = -377_705_023_201 + 172_800;
const LAST: i64 = 253_402_207_200 - 172_800;

fn timestamp(utc: i64) -> Timestamp {
    Timestamp::from_second(utc.clamp(FIRST, LAST)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A time without transitions.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: i64,
    last: i64,
    offset: i64,
    dst: bool,
}

impl Span {
    /// A span of no instant.
    const NONE: Self = Self { first: 1, last: 0, offset: 0, dst: false };

    #[inline(always)]
    fn has(&self, utc: i64) -> bool {
        utc >= self.first && utc <= self.last
    }
}

/// Seconds of a slot of remembered spans, as a power of two: 24 days, in which zones have one transition at most, but for a
/// few that keep Ramadan.
const SLOT_BITS: u32 = 21;
/// How many slots there are; 68 years.
const SLOTS: usize = 1024;
/// A slot's worth of remembering begins after so many rules were looked up.
const LOOK_UPS: u32 = 8;

/// Looks up offsets of one zone.
#[derive(Debug)]
pub(crate) struct Clock<'a> {
    zone: &'a Zone,
    now: Span,
    look_ups: u32,
    /// The last two spans met in each slot; nothing until values have shown that they jump.
    known: Vec<[Span; 2]>,
}

impl Clock<'_> {
    /// Seconds to add to UTC for local time at `utc`.
    #[inline]
    pub(crate) fn offset(&mut self, utc: i64) -> i64 {
        if !self.now.has(utc) {
            self.move_to(utc);
        }
        self.now.offset
    }

    /// Whether daylight saving time is in force at `utc`.
    #[inline]
    pub(crate) fn is_dst(&mut self, utc: i64) -> bool {
        self.offset(utc);
        self.now.dst
    }

    /// What a local time stands for; as [`Zone::instant`], but fast within a span.
    #[inline]
    pub(crate) fn instant(&mut self, local: i64) -> Instant {
        let inside = |span: &Span| {
            let utc = local.saturating_sub(span.offset);
            utc >= span.first.saturating_add(86_400) && utc <= span.last.saturating_sub(86_400)
        };
        if !inside(&self.now) {
            // A guess is as good as a rule when it lies well inside its span.
            self.offset(local.saturating_sub(self.now.offset));
        }
        if inside(&self.now) { Instant::One(self.now.offset) } else { self.zone.instant(local) }
    }

    #[inline]
    fn move_to(&mut self, utc: i64) {
        let slot = (utc >> SLOT_BITS) as usize % SLOTS;
        if let Some(spans) = self.known.get(slot)
            && let Some(span) = spans.iter().find(|span| span.has(utc))
        {
            self.now = *span;
            return;
        }
        self.look_up(utc);
    }

    #[cold]
    fn look_up(&mut self, utc: i64) {
        self.now = self.zone.span(utc);
        self.look_ups += 1;
        if self.look_ups < LOOK_UPS {
            return;
        }
        if self.known.is_empty() {
            self.known = vec![[Span::NONE; 2]; SLOTS];
        }
        // In all slots that the span touches, as far as slots do not repeat.
        let slot = utc >> SLOT_BITS;
        let near = |at: i64| (at >> SLOT_BITS).clamp(slot - SLOTS as i64 / 4, slot + SLOTS as i64 / 4);
        for slot in near(self.now.first)..=near(self.now.last) {
            let spans = &mut self.known[slot as usize % SLOTS];
            spans[1] = std::mem::replace(&mut spans[0], self.now);
        }
    }
}

/// The seconds of `+HH`, `+HHMM` or `+HH:MM`.
pub(crate) fn parse_offset(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let two = |high: u8, low: u8| {
        (high.is_ascii_digit() && low.is_ascii_digit()).then(|| i64::from(high - b'0') * 10 + i64::from(low - b'0'))
    };
    let (hours, minutes) = match *digits {
        [a, b] => (two(a, b)?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (two(a, b)?, two(c, d)?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// An offset as `+0530`, with `separator` in the middle.
pub(crate) fn format_offset(seconds: i64, separator: &str) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_agrees_with_the_rules_across_transitions() {
        let zone = Zone::parse("America/New_York").unwrap();
        let Zone::Rules(rules) = &zone else { panic!("rules") };
        let mut clock = zone.clock();
        for utc in (-2_000_000_000..2_500_000_000).step_by(1_234_567) {
            let expected = rules.to_offset(timestamp(utc)).seconds();
            assert_eq!(clock.offset(utc), i64::from(expected), "{utc}");
        }
        for utc in [i64::MIN, -400_000_000_000, 400_000_000_000, i64::MAX] {
            clock.offset(utc);
        }
    }

    #[test]
    fn the_clock_agrees_with_the_rules_on_instants_that_jump() {
        for name in ["America/New_York", "Africa/Casablanca", "Australia/Lord_Howe", "Asia/Kolkata", "+05:30"] {
            let zone = Zone::parse(name).unwrap();
            let mut clock = zone.clock();
            let mut state = 3_u64;
            for step in 0..20_000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let utc = (state >> 31) as i64 % 6_000_000_000 - 3_000_000_000;
                let span = zone.span(utc);
                assert_eq!((clock.offset(utc), clock.is_dst(utc)), (span.offset, span.dst), "{name} {utc} {step}");
                let local = utc + span.offset;
                assert_eq!(clock.instant(local), zone.instant(local), "{name} {local} {step}");
            }
        }
    }

    #[test]
    fn local_times_are_one_two_or_no_instants() {
        let zone = Zone::parse("America/New_York").unwrap();
        assert_eq!(zone.instant(1_730_597_400), Instant::Ambiguous(-14_400, -18_000)); // 2024-11-03 01:30
        assert_eq!(zone.instant(1_710_037_800), Instant::Missing(-18_000, -14_400)); // 2024-03-10 02:30
        assert_eq!(zone.instant(1_710_000_000), Instant::One(-18_000));
    }

    #[test]
    fn offsets_are_zones_and_unknown_names_are_not() {
        assert!(matches!(Zone::parse("+05:30"), Ok(Zone::Fixed(19_800))));
        assert!(matches!(Zone::parse("-0130"), Ok(Zone::Fixed(-5_400))));
        assert_eq!(Zone::parse("Mars/X").unwrap_err().code(), bowyer_core::ErrorCode::NotFound);
    }
}
