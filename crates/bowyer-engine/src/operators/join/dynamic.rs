// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Filters that come from the build side of a join: which values of a key it has at all.
//!
//! A filter or scan below the probe side asks them before rows are copied or go through other joins. The values are a range,
//! and a bit for each value of the range where that is not too wide. A filter is asked only when the build side was
//! complete before its first batch; else, and where it turns hardly any row away, rows pass as they are.

use std::sync::OnceLock;

use arrow_array::{Array, ArrayRef};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer};
use arrow_schema::DataType;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Memory, Result, bits};

/// A bit is kept for each value of a range up to this; of wider ones only the ends count. 8 MiB.
const MOST_BITS: u64 = 1 << 26;
/// A build side of more rows than this makes no filter.
pub(super) const MOST_ROWS: usize = 1 << 22;
/// So many rows of a batch are tried first, and if more than this part of them pass, all do.
const TRIED_ROWS: usize = 1024;
const PASSING_PART: (usize, usize) = (7, 8);

/// Whether such a filter tells the values of a type apart: those that are signed integers of 4 or 8 bytes.
pub(crate) fn has_key_values(data_type: &DataType) -> bool {
    use DataType as D;
    let moments = matches!(data_type, D::Date32 | D::Date64 | D::Time32(_) | D::Time64(_) | D::Timestamp(..));
    moments || matches!(data_type, D::Int32 | D::Int64 | D::Duration(_))
}

/// The values that a key has on the build side.
#[derive(Debug)]
struct KeyValues {
    /// The least and the greatest value; `None` when there is none.
    ends: Option<(i64, i64)>,
    /// A bit for each value from the least one on; empty when only the ends are known.
    bits: Lanes<u64>,
    /// Whether null is among them, where nulls are equal.
    null: bool,
}

/// The place of a filter that the build side of a join fills in.
#[derive(Debug, Default)]
pub(crate) struct DynamicFilter {
    values: OnceLock<KeyValues>,
    /// Whether there were values before the first batch came.
    asked: OnceLock<bool>,
}

impl DynamicFilter {
    /// Fills in the values of a key, if they are of use. `nulls_equal` says whether null is a value.
    pub(super) fn fill(&self, keys: &[ArrayRef], nulls_equal: bool, memory: &Memory) -> Result<()> {
        let known = keys.iter().all(|key| has_key_values(key.data_type()));
        if !known || keys.iter().map(|key| key.len()).sum::<usize>() > MOST_ROWS {
            return Ok(());
        }
        let mut ends: Option<(i64, i64)> = None;
        let mut null = false;
        for key in keys {
            null |= nulls_equal && key.null_count() > 0;
            each_value(key, |value| {
                let (least, greatest) = ends.unwrap_or((value, value));
                ends = Some((least.min(value), greatest.max(value)));
            });
        }
        let width = ends.map_or(0, |(least, greatest)| greatest.wrapping_sub(least) as u64);
        let words = if ends.is_some() && width < MOST_BITS { width as usize / 64 + 1 } else { 0 };
        // Without the memory for bits, the ends have to do.
        let mut bits = Lanes::filled(memory, words, 0_u64).or_else(|_| Lanes::new(memory))?;
        if let (Some((least, _)), false) = (ends, bits.is_empty()) {
            let bits = &mut bits[..];
            for key in keys {
                each_value(key, |value| {
                    let at = value.wrapping_sub(least) as usize;
                    bits[at / 64] |= 1 << (at % 64);
                });
            }
        }
        let _first = self.values.set(KeyValues { ends, bits, null });
        Ok(())
    }

    /// The rows of `kept` whose key may have a partner; `None` when all are to stay.
    pub(crate) fn apply(&self, key: &ArrayRef, kept: Option<&BooleanBuffer>) -> Option<BooleanBuffer> {
        let values = self.values.get().filter(|_| has_key_values(key.data_type()));
        if !*self.asked.get_or_init(|| values.is_some()) {
            return None;
        }
        let values = values?;
        let data = key.to_data();
        let words = match data.data_type().primitive_width() {
            Some(4) => values.passing(&data.buffer::<i32>(0)[..data.len()], key, kept),
            _ => values.passing(&data.buffer::<i64>(0)[..data.len()], key, kept),
        };
        words.map(|words| BooleanBuffer::new(Buffer::from_vec(words), 0, key.len()))
    }
}

/// Calls `each` with the values that are not null.
fn each_value(key: &ArrayRef, each: impl FnMut(i64)) {
    let data = key.to_data();
    match data.data_type().primitive_width() {
        Some(4) => each_of(&data.buffer::<i32>(0)[..data.len()], data.nulls(), each),
        _ => each_of(&data.buffer::<i64>(0)[..data.len()], data.nulls(), each),
    }
}

fn each_of<T: Copy + Into<i64>>(values: &[T], nulls: Option<&NullBuffer>, mut each: impl FnMut(i64)) {
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        None => values.iter().for_each(|&value| each(value.into())),
        Some(nulls) => nulls.valid_indices().for_each(|row| each(values[row].into())),
    }
}

impl KeyValues {
    #[inline(always)]
    fn has(&self, value: i64) -> bool {
        let Some((least, greatest)) = self.ends else { return false };
        let at = value.wrapping_sub(least) as u64;
        if self.bits.is_empty() {
            return (least..=greatest).contains(&value);
        }
        value >= least && self.bits.get((at / 64) as usize).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Words of the rows that pass; `None` when most of those that are tried do.
    fn passing<T: ArrowNativeType + Into<i64>>(
        &self,
        values: &[T],
        key: &ArrayRef,
        kept: Option<&BooleanBuffer>,
    ) -> Option<Vec<u64>> {
        let nulls = key.nulls().filter(|nulls| nulls.null_count() > 0);
        let valid: Vec<u64> = nulls.map(|nulls| bits::words(nulls.inner()).collect()).unwrap_or_default();
        let kept: Vec<u64> = kept.map(|kept| bits::words(kept).collect()).unwrap_or_default();
        let mut words = Vec::with_capacity(values.len().div_ceil(64));
        let (mut asked, mut passed, mut tried) = (0, 0, false);
        for (at, values) in values.chunks(64).enumerate() {
            let all = bits::rows_of_word(at, at * 64 + values.len());
            let rows = kept.get(at).copied().unwrap_or(all);
            let there = valid.get(at).copied().unwrap_or(all);
            let mut word = if self.null { rows & !there } else { 0 };
            let mut left = rows & there;
            if left == u64::MAX {
                let bit = |word, (bit, &value): (usize, &T)| word | u64::from(self.has(value.into())) << bit;
                word |= values.iter().enumerate().fold(0, bit);
            } else {
                while left != 0 {
                    let bit = left.trailing_zeros();
                    word |= u64::from(values.get(bit as usize).is_some_and(|&value| self.has(value.into()))) << bit;
                    left &= left - 1;
                }
            }
            words.push(word);
            if !tried {
                asked += rows.count_ones() as usize;
                passed += word.count_ones() as usize;
                tried = asked >= TRIED_ROWS;
                if tried && passed * PASSING_PART.1 > asked * PASSING_PART.0 {
                    return None;
                }
            }
        }
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Date32Array, Int64Array};

    use super::*;

    fn filter(keys: Vec<Option<i64>>, nulls_equal: bool) -> DynamicFilter {
        let filter = DynamicFilter::default();
        filter.fill(&[Arc::new(Int64Array::from(keys))], nulls_equal, &Memory::unlimited()).unwrap();
        filter
    }

    fn passing(filter: &DynamicFilter, keys: Vec<Option<i64>>, kept: Option<Vec<bool>>) -> Option<Vec<bool>> {
        let keys: ArrayRef = Arc::new(Int64Array::from(keys));
        let kept = kept.map(BooleanBuffer::from);
        filter.apply(&keys, kept.as_ref()).map(|passing| passing.iter().collect())
    }

    #[test]
    fn values_of_the_build_side_pass() {
        let asked = vec![Some(-3), Some(7), None, Some(8), Some(i64::MAX), Some(i64::MIN)];
        let near = || filter(vec![Some(-3), None, Some(8)], false);
        assert_eq!(passing(&near(), asked.clone(), None).unwrap(), [true, false, false, true, false, false]);
        let kept = Some(vec![false, true, true, true, true, true]);
        assert_eq!(passing(&near(), asked.clone(), kept).unwrap(), [false, false, false, true, false, false]);
        let nulls = filter(vec![Some(-3), None, Some(8)], true);
        assert_eq!(passing(&nulls, asked.clone(), None).unwrap(), [true, false, true, true, false, false]);
        // Of a wide range the ends count.
        let far = filter(vec![Some(-3), Some(i64::MAX)], false);
        assert_eq!(passing(&far, asked.clone(), None).unwrap(), [true, true, false, true, true, false]);
        assert_eq!(passing(&filter(vec![], false), asked, None).unwrap(), [false; 6]);
    }

    #[test]
    fn rows_pass_before_the_build_side_is_there_and_when_most_would() {
        let late = DynamicFilter::default();
        assert_eq!(passing(&late, vec![Some(1)], None), None);
        late.fill(&[Arc::new(Int64Array::from(vec![2]))], false, &Memory::unlimited()).unwrap();
        assert_eq!(passing(&late, vec![Some(1)], None), None, "a filter does not begin in the middle");
        let all = filter((0..2000).map(Some).collect(), false);
        assert_eq!(passing(&all, (0..2000).map(Some).collect(), None), None);
        let dates = DynamicFilter::default();
        let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(10), None, Some(-4)]));
        dates.fill(std::slice::from_ref(&days), false, &Memory::unlimited()).unwrap();
        let asked: ArrayRef = Arc::new(Date32Array::from(vec![9, 10, -4]));
        assert_eq!(dates.apply(&asked, None).unwrap().iter().collect::<Vec<_>>(), [false, true, true]);
    }
}
