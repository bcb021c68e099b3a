// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What is known of the values of a key before they are encoded: the narrower their range, the fewer bits they take.

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

use super::values::{Kind, Visitor, kind, visit};

/// What the values of a key column are like.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) nulls: bool,
    pub(super) nans: bool,
    pub(super) values: Values,
}

/// What all values that are neither null nor NaN have in common.
#[derive(Clone, Debug, Default)]
pub(super) enum Values {
    /// There are none.
    #[default]
    None,
    /// Bits between these two.
    Numbers { least: u128, most: u128 },
    /// The bytes that all begin with, and how long they are.
    Bytes { shared: Vec<u8>, shortest: usize, longest: usize },
    /// They are not looked at.
    Opaque,
}

impl Facts {
    /// What holds for any values of a type.
    pub(super) fn of_type(data_type: &DataType) -> Self {
        match kind(data_type) {
            Kind::Nothing => Self { nulls: true, ..Self::default() },
            Kind::Number { bits, nans } => {
                Self { nulls: true, nans, values: Values::Numbers { least: 0, most: u128::MAX >> (128 - bits) } }
            }
            Kind::Bytes => {
                let values = Values::Bytes { shared: Vec::new(), shortest: 0, longest: usize::MAX };
                Self { nulls: true, nans: false, values }
            }
            Kind::Opaque => Self { nulls: true, nans: false, values: Values::Opaque },
        }
    }

    /// What holds for the values of an array.
    pub(super) fn of(array: &ArrayRef) -> Self {
        visit(array, Looker)
    }

    /// What holds for both.
    pub(super) fn and(self, other: Self) -> Self {
        let values = match (self.values, other.values) {
            (Values::None, values) | (values, Values::None) => values,
            (Values::Numbers { least: a, most: b }, Values::Numbers { least: c, most: d }) => {
                Values::Numbers { least: a.min(c), most: b.max(d) }
            }
            (
                Values::Bytes { mut shared, shortest: a, longest: b },
                Values::Bytes { shared: other, shortest: c, longest: d },
            ) => {
                shared.truncate(common(&shared, &other));
                Values::Bytes { shared, shortest: a.min(c), longest: b.max(d) }
            }
            _ => Values::Opaque,
        };
        Self { nulls: self.nulls || other.nulls, nans: self.nans || other.nans, values }
    }
}

/// How many bytes two values begin with alike.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

struct Looker;

/// The valid rows.
fn valid(nulls: Option<&NullBuffer>, len: usize) -> impl Iterator<Item = usize> {
    (0..len).filter(move |&row| nulls.is_none_or(|nulls| nulls.is_valid(row)))
}

impl Visitor for Looker {
    type Out = Facts;

    fn nothing(self) -> Facts {
        Facts { nulls: true, ..Facts::default() }
    }

    fn numbers(self, nulls: Option<&NullBuffer>, len: usize, value: impl Fn(usize) -> Option<u64>) -> Facts {
        let (mut least, mut most, mut nans) = (u64::MAX, 0, false);
        for row in valid(nulls, len) {
            match value(row) {
                Some(bits) => (least, most) = (least.min(bits), most.max(bits)),
                None => nans = true,
            }
        }
        let numbers = Values::Numbers { least: least.into(), most: most.into() };
        let values = if least <= most { numbers } else { Values::None };
        Facts { nulls: nulls.is_some(), nans, values }
    }

    fn wide_numbers(self, nulls: Option<&NullBuffer>, len: usize, value: impl Fn(usize) -> u128) -> Facts {
        let (mut least, mut most) = (u128::MAX, 0);
        for row in valid(nulls, len) {
            (least, most) = (least.min(value(row)), most.max(value(row)));
        }
        let values = if least <= most { Values::Numbers { least, most } } else { Values::None };
        Facts { nulls: nulls.is_some(), nans: false, values }
    }

    fn bytes<'a>(self, nulls: Option<&NullBuffer>, len: usize, value: impl Fn(usize) -> &'a [u8]) -> Facts {
        let mut rows = valid(nulls, len);
        let nulls = nulls.is_some();
        let Some(first) = rows.next() else { return Facts { nulls, ..Facts::default() } };
        let mut shared = value(first);
        let (mut shortest, mut longest) = (shared.len(), shared.len());
        for row in rows {
            let bytes = value(row);
            (shortest, longest) = (shortest.min(bytes.len()), longest.max(bytes.len()));
            if !bytes.starts_with(shared) {
                shared = &shared[..common(shared, bytes)];
            }
        }
        Facts { nulls, nans: false, values: Values::Bytes { shared: shared.to_vec(), shortest, longest } }
    }

    fn opaque(self, nulls: Option<&NullBuffer>, _: usize) -> Facts {
        Facts { nulls: nulls.is_some(), nans: false, values: Values::Opaque }
    }
}
