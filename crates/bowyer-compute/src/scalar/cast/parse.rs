// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Reading values from text, strictly: the whole text, no spaces, no plus sign, no separators.
//!
//! Integers may be hexadecimal after `0x`, booleans are `true`, `false`, `1` and `0` in any case, times are ISO 8601
//! with no more digits after the point than their unit has.

use arrow_schema::TimeUnit;

use crate::coercion::ticks_per_second;
use crate::scalar::temporal_civil::Civil;
use crate::scalar::temporal_zone::parse_offset;

/// A number that text can name.
pub(super) trait Parse: Sized {
    /// The number that the whole of `text` names.
    fn parse(text: &[u8]) -> Option<Self>;
}

macro_rules! integers {
    ($($signed:ty, $unsigned:ty;)+) => { $(
        impl Parse for $unsigned {
            fn parse(text: &[u8]) -> Option<Self> {
                let value = match hexadecimal(text) {
                    Some(digits) => from_hexadecimal(digits, size_of::<Self>())?,
                    None => digits(text)?,
                };
                Self::try_from(value).ok()
            }
        }
        impl Parse for $signed {
            fn parse(text: &[u8]) -> Option<Self> {
                if let Some(digits) = hexadecimal(text) {
                    // As many digits as the type has bits for, taken as they are.
                    return Some(from_hexadecimal(digits, size_of::<Self>())? as Self);
                }
                match text {
                    [b'-', rest @ ..] => Self::try_from(0i64.checked_sub_unsigned(digits(rest)?)?).ok(),
                    _ => Self::try_from(digits(text)?).ok(),
                }
            }
        }
    )+ };
}

integers! {
    i8, u8;
    i16, u16;
    i32, u32;
    i64, u64;
}

fn hexadecimal(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'0', b'x' | b'X', digits @ ..] => Some(digits),
        _ => None,
    }
}

fn from_hexadecimal(digits: &[u8], byte_len: usize) -> Option<u64> {
    if digits.is_empty() || digits.len() > byte_len * 2 {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &digit| Some(value << 4 | u64::from(char::from(digit).to_digit(16)?)))
}

/// So many digits fit 64 bits, whichever they are.
const SAFE_DIGITS: usize = 19;

/// The number of one or more decimal digits.
#[inline]
pub(crate) fn digits(text: &[u8]) -> Option<u64> {
    if text.len() > SAFE_DIGITS {
        return many_digits(text);
    }
    let (eights, rest) = text.as_chunks::<8>();
    let mut value = 0;
    for eight in eights {
        value = value * 100_000_000 + eight_digits(*eight)?;
    }
    let mut valid = !text.is_empty();
    for &digit in rest {
        let digit = digit.wrapping_sub(b'0');
        valid &= digit <= 9;
        value = value * 10 + u64::from(digit);
    }
    valid.then_some(value)
}

/// The number of eight digits, all at once: neighbours are put together to pairs, pairs to fours, fours to all eight.
#[inline]
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    let text = u64::from_le_bytes(text);
    // A digit is 0x30 to 0x39: its upper half is 3, and stays 3 when 6 is added.
    let upper =
        (text & 0xf0f0_f0f0_f0f0_f0f0) | ((text.wrapping_add(0x0606_0606_0606_0606) & 0xf0f0_f0f0_f0f0_f0f0) >> 4);
    if upper != 0x3333_3333_3333_3333 {
        return None;
    }
    let digits = text & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

#[cold]
fn many_digits(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |value, &digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

impl Parse for f32 {
    fn parse(text: &[u8]) -> Option<Self> {
        float(text)
    }
}

impl Parse for f64 {
    fn parse(text: &[u8]) -> Option<Self> {
        short_float(text).or_else(|| float(text))
    }
}

/// No number of more digits is below 2^53, zeros at its start aside.
const EXACT_DIGITS: usize = 16;

/// Powers of ten that floats hold exactly.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The float of digits with at most one point among them, if these are few: digits and a power of ten that floats hold
/// exactly give the right float by one division (Clinger, *How to Read Floating Point Numbers Accurately*, 1990).
fn short_float(text: &[u8]) -> Option<f64> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if text.len() > EXACT_DIGITS + 1 {
        return None;
    }
    let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &[][..]),
    };
    let after = if fraction.is_empty() { 0 } else { digits(fraction)? };
    let value = digits(whole)? * 10u64.pow(fraction.len() as u32) + after;
    let value = (value <= 1 << f64::MANTISSA_DIGITS).then_some(value as f64 / TENS[fraction.len()])?;
    Some(if negative { -value } else { value })
}

/// The nearest float to any other text that names one, as the standard library reads it but for a plus sign.
fn float<T: lexical_core::FromLexical + std::str::FromStr>(text: &[u8]) -> Option<T> {
    match text.first()? {
        b'+' => None,
        // What the quicker reader does not take may be a word.
        _ => lexical_core::parse(text).ok().or_else(|| std::str::from_utf8(text).ok()?.parse().ok()),
    }
}

pub(super) fn parse_boolean(text: &[u8]) -> Option<bool> {
    if text == b"1" || text.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if text == b"0" || text.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}

/// The days since the epoch of `YYYY-MM-DD`.
pub(super) fn parse_date(text: &[u8]) -> Option<i64> {
    let [year @ .., b'-', m1, m2, b'-', d1, d2] = text else { return None };
    if year.len() != 4 {
        return None;
    }
    let number = |text: &[u8]| digits(text).map(|value| value as i64);
    Civil::checked(number(year)?, number(&[*m1, *m2])?, number(&[*d1, *d2])?).map(Civil::days)
}

/// The ticks of a date, alone or followed by `T` or a space, a time of day, and an offset exactly if `zoned`.
pub(super) fn parse_timestamp(text: &[u8], unit: TimeUnit, zoned: bool) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let day = parse_date(date)?;
    let (clock, offset) = match rest {
        [] => (&[][..], None),
        [b' ' | b'T', clock @ ..] => split_offset(clock)?,
        _ => return None,
    };
    if offset.is_some() != zoned {
        return None;
    }
    let (seconds, fraction) = if rest.is_empty() { (0, 0) } else { parse_clock(clock, unit)? };
    let seconds = day * 86_400 + seconds - offset.unwrap_or(0);
    seconds.checked_mul(ticks_per_second(unit))?.checked_add(fraction)
}

fn split_offset(clock: &[u8]) -> Option<(&[u8], Option<i64>)> {
    if let [clock @ .., b'Z'] = clock {
        return Some((clock, Some(0)));
    }
    match clock.iter().position(|byte| matches!(byte, b'+' | b'-')) {
        None => Some((clock, None)),
        Some(at) => Some((&clock[..at], Some(parse_offset(&clock[at..])?))),
    }
}

/// Seconds of the day and ticks of the second of `HH`, `HH:MM`, `HH:MM:SS` or `HH:MM:SS.f…`.
fn parse_clock(text: &[u8], unit: TimeUnit) -> Option<(i64, i64)> {
    let two = |text: &[u8], limit: i64| {
        let value = digits(text)? as i64;
        (text.len() == 2 && value < limit).then_some(value)
    };
    let hour = two(text.get(..2)?, 24)? * 3600;
    let (minute, rest) = match &text[2..] {
        [] => return Some((hour, 0)),
        [b':', a, b, rest @ ..] => (two(&[*a, *b], 60)? * 60, rest),
        _ => return None,
    };
    let (second, rest) = match rest {
        [] => return Some((hour + minute, 0)),
        [b':', a, b, rest @ ..] => (two(&[*a, *b], 60)?, rest),
        _ => return None,
    };
    let fraction = match rest {
        [] => 0,
        [b'.', fraction @ ..] => {
            let per_second = ticks_per_second(unit);
            let parts = 10i64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
            if parts > per_second {
                return None;
            }
            digits(fraction)? as i64 * (per_second / parts)
        }
        _ => return None,
    };
    Some((hour + minute + second, fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    #[test]
    fn floats_are_read_as_the_standard_library_reads_them() {
        let same = |text: &str| {
            let due = if text.starts_with('+') { None } else { text.parse::<f64>().ok() };
            assert_eq!(f64::parse(text.as_bytes()).map(f64::to_bits), due.map(f64::to_bits), "{text:?}");
            let due = if text.starts_with('+') { None } else { text.parse::<f32>().ok() };
            assert_eq!(f32::parse(text.as_bytes()).map(f32::to_bits), due.map(f32::to_bits), "{text:?}");
        };
        let words =
            ["", "-", ".", "-.", "1.", ".5", "-.5", "1e", "1e+", "1e5", "1E-5", "e5", ".e5", "1.e5", "0x1", "1_0"];
        let specials =
            ["inf", "-inf", "Infinity", "INF", "nan", "NaN", "-nan", "in", "infinit", "nano", " 1", "1 ", "1f"];
        let edges =
            ["-0", "0e999999999999", "1e999", "-1e999", "1e-999", "4.9e-324", "2.4703282292062327e-324", "1e00005"];
        words.iter().chain(&specials).chain(&edges).for_each(|text| same(text));
        same(&format!("0.{}1", "0".repeat(400)));
        same(&format!("1{}", "0".repeat(400)));
        same(&format!("9007199254740993.{}1", "0".repeat(900)));
        let mut state = 1;
        for _ in 0..200_000 {
            let letters = b"00123456789.e-+EinfaINFty_";
            let len = 1 + random(&mut state) as usize % 12;
            let text: Vec<u8> = (0..len).map(|_| letters[random(&mut state) as usize % letters.len()]).collect();
            same(std::str::from_utf8(&text).unwrap());
        }
        for _ in 0..100_000 {
            let bits = random(&mut state) << 33 | random(&mut state) << 2 | 1;
            let value = f64::from_bits(bits);
            same(&format!("{value}"));
            same(&format!("{value:e}"));
            same(&format!("{}.{}", random(&mut state), random(&mut state) << 30 | random(&mut state)));
        }
    }
}
