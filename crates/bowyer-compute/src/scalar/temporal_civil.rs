// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The proleptic Gregorian calendar, for any number of days.
//!
//! Days and months are turned into each other by the era method: 400 years have 146,097 days, and years that begin in
//! March put the leap day last. Nothing here has a limit but that of 64 bits. Days of the next two million years take a
//! shorter way, whose divisions are multiplications of 32 bits (Neri and Schneider, *Euclidean affine functions and their
//! application to calendar algorithms*, 2022).

/// A date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
}

const ERA_DAYS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

impl Civil {
    /// The date `days` days after 1970-01-01.
    #[inline]
    pub(crate) const fn of(days: i64) -> Self {
        let shifted = days.saturating_add(EPOCH);
        if shifted >= 0 && shifted < 1 << 30 {
            return Self::of_march_days(shifted as u32);
        }
        let era = shifted.div_euclid(ERA_DAYS);
        let day_of_era = shifted.rem_euclid(ERA_DAYS);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        Self { year, month, day }
    }

    /// The date `days` days after 0000-03-01, for less than 2^30.
    #[inline(always)]
    const fn of_march_days(days: u32) -> Self {
        let quarters = 4 * days + 3;
        let century = quarters / ERA_DAYS as u32;
        let quarters_of_century = (quarters % ERA_DAYS as u32) | 3;
        // 2,939,745 / 2^32 is the part of a year that a quarter of a day is, from above.
        let years = 2_939_745 * quarters_of_century as u64;
        let year = 100 * century + (years >> 32) as u32;
        let day_of_year = years as u32 / 2_939_745 / 4;
        // In units of 1 / 65,536 month, of which a day has 2,141; March comes first.
        let months = 2_141 * day_of_year + 197_913;
        let (month, day) = (months >> 16, (months & 0xffff) / 2_141);
        let next_year = day_of_year >= 306;
        Self {
            year: year as i64 + next_year as i64,
            month: month as i64 - if next_year { 12 } else { 0 },
            day: day as i64 + 1,
        }
    }

    /// The days from 1970-01-01 to this date.
    #[inline]
    pub(crate) const fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted_month = (self.month + 9) % 12;
        let day_of_year = (153 * shifted_month + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * ERA_DAYS + day_of_era - EPOCH
    }

    /// A date, if the month has such a day.
    pub(crate) fn checked(year: i64, month: i64, day: i64) -> Option<Self> {
        ((1..=12).contains(&month) && day >= 1 && day <= days_of_month(year, month)).then_some(Self {
            year,
            month,
            day,
        })
    }
}

/// Whether a year has a 29 February.
pub(crate) const fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The days of a month, 1 to 12.
pub(crate) const fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + is_leap_year(year) as i64,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The first day of a year.
pub(crate) const fn year_start(year: i64) -> i64 {
    Civil { year, month: 1, day: 1 }.days()
}

/// Days since Monday: 0 to 6.
#[inline]
pub(crate) const fn days_since_monday(days: i64) -> i64 {
    days.saturating_add(3).rem_euclid(7)
}

/// Year and week, 1 to 53, of the week that `days` lies in. Weeks begin `first_weekday` days after Monday; week 1 is
/// the first that has at least four days in its year.
pub(crate) const fn week_of(days: i64, first_weekday: i64) -> (i64, i64) {
    let into_week = (days_since_monday(days) - first_weekday).rem_euclid(7);
    // The fourth day of the week decides which year it belongs to.
    let middle = days - into_week + 3;
    let year = Civil::of(middle).year;
    (year, (middle - year_start(year)) / 7 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        let mut previous = Civil::of(-1_000_001);
        for days in -1_000_000..1_000_000 {
            let date = Civil::of(days);
            assert_eq!(date.days(), days);
            let next = if previous.day < days_of_month(previous.year, previous.month) {
                (previous.year, previous.month, previous.day + 1)
            } else if previous.month < 12 {
                (previous.year, previous.month + 1, 1)
            } else {
                (previous.year + 1, 1, 1)
            };
            assert_eq!((date.year, date.month, date.day), next);
            previous = date;
        }
        assert_eq!(Civil::of(0), Civil { year: 1970, month: 1, day: 1 });
    }

    #[test]
    fn the_short_way_agrees_where_it_ends() {
        for edge in [-EPOCH, (1 << 30) - EPOCH] {
            for days in edge - 2_000..edge + 2_000 {
                assert_eq!(Civil::of(days).days(), days);
            }
        }
        assert_eq!(Civil::of(-EPOCH - 1), Civil { year: 0, month: 2, day: 29 });
        assert_eq!(Civil::of(-EPOCH), Civil { year: 0, month: 3, day: 1 });
    }

    #[test]
    fn weeks_follow_iso_8601() {
        let week = |year, month, day| week_of(Civil { year, month, day }.days(), 0);
        assert_eq!(week(2024, 1, 1), (2024, 1));
        assert_eq!(week(2024, 12, 29), (2024, 52));
        assert_eq!(week(2024, 12, 30), (2025, 1));
        assert_eq!(week(1969, 12, 31), (1970, 1));
        assert_eq!(week(2021, 1, 3), (2020, 53));
    }
}
