// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Group tables against a hash map over printed keys, on every path, with keys made to be awkward.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, StringDictionaryBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::*;
use arrow_schema::{DataType, Field};

use super::*;
use crate::ErrorCode;
use crate::keys::KeyEquality;

const PATHS: [Option<KeyPath>; 5] =
    [None, Some(KeyPath::Dense), Some(KeyPath::Packed64), Some(KeyPath::Packed128), Some(KeyPath::Rows)];

/// A small generator of numbers: the same on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 11
    }
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// What a key is equal to, as text.
fn text(array: &ArrayRef, row: usize) -> String {
    let array = crate::keys::column::decode(array).unwrap();
    if array.is_null(row) {
        return "null".into();
    }
    match array.data_type() {
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            if value.is_nan() { "NaN".into() } else { format!("{:?}", value + 0.0) }
        }
        DataType::Float16 => {
            let value = array.as_primitive::<Float16Type>().value(row).to_f32();
            if value.is_nan() { "NaN".into() } else { format!("{:?}", value + 0.0) }
        }
        DataType::List(_) => {
            let values = array.as_list::<i32>().value(row);
            format!("[{}]", (0..values.len()).map(|row| text(&values, row)).collect::<Vec<_>>().join("|"))
        }
        DataType::Struct(_) => {
            let columns = array.as_struct().columns();
            columns.iter().map(|column| text(column, row)).collect::<Vec<_>>().join("&")
        }
        _ => format!("{:?}", array.slice(row, 1)),
    }
}

/// Groups `batches` on every path and compares with the oracle; returns the paths taken when none was forced.
fn check(batches: &[Vec<ArrayRef>]) -> Option<KeyPath> {
    let types: Vec<DataType> = batches[0].iter().map(|column| column.data_type().clone()).collect();
    let mut path = None;
    check_in_place(batches, &types);
    for forced in PATHS {
        for null_keys in [NullKeys::Group, NullKeys::Reject] {
            let taken = check_one(batches, &types, KeyOptions { forced, null_keys, ..KeyOptions::default() });
            if forced.is_none() && null_keys == NullKeys::Group {
                path = taken;
            }
        }
    }
    path
}

/// Groups all batches at once without a table, and compares with the table.
fn check_in_place(batches: &[Vec<ArrayRef>], types: &[DataType]) {
    let memory = Memory::unlimited();
    let joined = |column: usize| {
        let arrays: Vec<&dyn Array> = batches.iter().map(|batch| batch[column].as_ref()).collect();
        arrow_select::concat::concat(&arrays).unwrap()
    };
    let columns: Vec<ArrayRef> = (0..types.len()).map(joined).collect();
    let row_count = columns[0].len();
    let keys = KeysInPlace::new(types, KeyOptions::default()).unwrap();
    let mut hashes = vec![0; row_count];
    let mut first = 0;
    for batch in batches {
        let end = first + batch[0].len();
        keys.hash(batch, &mut hashes[first..end]).unwrap();
        first = end;
    }
    let mut expected = Vec::new();
    let mut table = GroupTable::new(types, KeyOptions::default(), &memory).unwrap();
    let added = table.insert(&columns, row_count, &mut expected).unwrap();
    for collide in [false, true] {
        if collide {
            hashes.iter_mut().for_each(|hash| *hash &= 3 << 32);
        }
        let mut found = Vec::new();
        assert_eq!(
            keys.group(&columns, &hashes[..row_count.min(3000)], &memory, &mut found).unwrap().len(),
            found.iter().max().map_or(0, |&most| most as usize + 1)
        );
        assert_eq!(found[..], expected[..row_count.min(3000)]);
        if !collide {
            assert_eq!(keys.group(&columns, &hashes, &memory, &mut found).unwrap(), added);
            assert_eq!(found, expected);
        }
    }
    drop(table);
    assert_eq!(memory.used_bytes(), 0);
}

fn check_one(batches: &[Vec<ArrayRef>], types: &[DataType], options: KeyOptions) -> Option<KeyPath> {
    let memory = Memory::unlimited();
    let mut table = GroupTable::new(types, options, &memory).unwrap();
    let mut oracle: HashMap<String, u32> = HashMap::new();
    let mut firsts = Vec::new();
    let mut out = Vec::new();
    let key = |batch: &[ArrayRef], row| batch.iter().map(|column| text(column, row)).collect::<Vec<_>>().join(";");
    let rejected = |batch: &[ArrayRef], row: usize| {
        options.null_keys == NullKeys::Reject
            && batch.iter().any(|column| column.logical_nulls().is_some_and(|nulls| nulls.is_null(row)))
    };
    for batch in batches {
        let row_count = batch[0].len();
        let added = table.insert(batch, row_count, &mut out).unwrap();
        let mut expected_added = Vec::new();
        for (row, &found) in out.iter().enumerate().take(row_count) {
            if rejected(batch, row) {
                assert_eq!(found, NO_GROUP);
                continue;
            }
            let next = oracle.len() as u32;
            let group = *oracle.entry(key(batch, row)).or_insert(next);
            if group == next {
                firsts.push(key(batch, row));
                expected_added.push(row as u32);
            }
            assert_eq!(found, group, "{options:?} row {row}");
        }
        assert_eq!(added, expected_added);
    }
    assert_eq!(table.group_count(), oracle.len());
    for batch in batches {
        let row_count = batch[0].len();
        table.find(batch, row_count, &mut out).unwrap();
        for row in 0..row_count {
            let expected = if rejected(batch, row) { NO_GROUP } else { oracle[&key(batch, row)] };
            assert_eq!(out[row], expected, "find, {options:?} row {row}");
        }
    }
    let path = table.path();
    let keys = table.into_keys().unwrap();
    for (row, first) in firsts.iter().enumerate() {
        assert_eq!(&key(&keys, row), first);
    }
    assert!(keys.iter().zip(types).all(|(key, data_type)| key.data_type() == data_type));
    drop(keys);
    assert_eq!(memory.used_bytes(), 0);
    path
}

fn integers(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

#[test]
fn integers_close_together_take_an_array() {
    let mut numbers = Numbers(1);
    let batches: Vec<_> =
        (0..4).map(|_| vec![integers((0..3000).map(|_| Some(numbers.below(100) as i64 - 50)))]).collect();
    assert_eq!(check(&batches), Some(KeyPath::Dense));
}

#[test]
fn a_range_that_grows_both_ways_and_explodes_keeps_its_groups() {
    let mut numbers = Numbers(2);
    let mut batches = Vec::new();
    for round in 0..24_u32 {
        let spread = 1_i64 << (2 * round).min(62);
        let value = |n: u64| {
            let below = if n.is_multiple_of(2) { spread / 2 } else { 0 };
            (!n.is_multiple_of(7)).then(|| (n as i64 % spread) - below)
        };
        batches.push(vec![integers((0..200).map(|_| value(numbers.next())))]);
    }
    batches.push(vec![integers([Some(i64::MIN), Some(i64::MAX), Some(0), None])]);
    assert_eq!(check(&batches), Some(KeyPath::Packed128));
}

#[test]
fn a_null_after_full_words_does_not_forget_their_range() {
    let batches = [vec![Some(0)], vec![Some(0), Some(1)], vec![Some(2), None, Some(5), Some(4)], vec![Some(9), None]];
    let wide = |batch: &Vec<Option<i64>>| vec![integers(batch.iter().map(|key| key.map(|key| key << 40)))];
    check(&batches.iter().map(wide).collect::<Vec<_>>());
}

#[test]
fn extremes_from_the_start() {
    check(&[vec![integers([Some(i64::MAX), Some(i64::MIN), Some(-1), None, Some(i64::MAX)])]]);
    check(&[vec![Arc::new(UInt64Array::from(vec![0, u64::MAX, 1, u64::MAX - 1])) as ArrayRef]]);
    check(&[vec![Arc::new(Decimal128Array::from(vec![Some(i128::MAX), Some(i128::MIN), None, Some(0)])) as ArrayRef]]);
}

#[test]
fn all_equal_all_null_and_no_rows() {
    check(&[vec![integers(std::iter::repeat_n(Some(7), 2500))], vec![integers([])]]);
    check(&[vec![integers([])], vec![integers(std::iter::repeat_n(None, 2500))], vec![integers([Some(0), None])]]);
    check(&[vec![Arc::new(NullArray::new(10)) as ArrayRef, integers((0..10).map(|i| Some(i % 3)))]]);
}

#[test]
fn floats_are_equal_by_value() {
    let quiet = f64::from_bits(0xfff8_0000_0000_0001);
    let column: ArrayRef = Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, quiet, 1.5, -1.5, f64::INFINITY]));
    check(&[vec![column.clone()]]);
    let halves = [0.0, -0.0, 1.0, f32::NAN].map(half::f16::from_f32);
    check(&[vec![Arc::new(Float16Array::from(halves.to_vec())) as ArrayRef]]);
    let options = KeyOptions { equality: KeyEquality::Bits, ..KeyOptions::default() };
    let mut table = GroupTable::new(&[DataType::Float64], options, &Memory::unlimited()).unwrap();
    table.insert(&[column], 7, &mut Vec::new()).unwrap();
    assert_eq!(table.group_count(), 7);
}

#[test]
fn strings_of_every_length_and_layout() {
    let mut numbers = Numbers(3);
    for longest in [1_u64, 7, 15, 16, 40] {
        let mut batches = vec![Vec::new(), Vec::new(), Vec::new()];
        for batch in &mut batches {
            let text = |n: u64| {
                "abc\0xyz!".repeat(6)[..((n / 11) % (longest + 1)) as usize].replace('y', ["y", "w"][n as usize & 1])
            };
            let value = |n: u64| (!n.is_multiple_of(11)).then(|| text(n));
            let values: Vec<Option<String>> = (0..1500).map(|_| value(numbers.next())).collect();
            batch.push(Arc::new(StringArray::from(values.clone())) as ArrayRef);
            batch.push(Arc::new(StringViewArray::from(values.clone())) as ArrayRef);
            batch.push(Arc::new(LargeStringArray::from(values)) as ArrayRef);
        }
        for column in 0..3 {
            check(&batches.iter().map(|batch| vec![batch[column].slice(3, 1400)]).collect::<Vec<_>>());
        }
        check(&batches.iter().map(|batch| batch[..2].to_vec()).collect::<Vec<_>>());
    }
}

#[test]
fn strings_whose_differing_bits_grow() {
    // Each batch has a bit that no string before it had: of one length, of several, past eight bytes, between nulls.
    let of = |stem: &str, bit: usize, row: usize| {
        let mut bytes = stem.as_bytes().to_vec();
        let at = (bit / 6) % bytes.len();
        bytes[at] ^= if row.is_multiple_of(3) { 1 << (bit % 6) } else { (row & 1) as u8 };
        String::from_utf8(bytes).unwrap()
    };
    for (stem, shortens) in [("id042", false), ("id042", true), ("key-000017", false), ("a long stem", true)] {
        let batches: Vec<Vec<ArrayRef>> = (0..40)
            .map(|bit| {
                let text = |row: usize| {
                    let text = of(stem, bit, row);
                    if shortens && row % 7 == 2 { text[..row % stem.len()].to_owned() } else { text }
                };
                let strings = (0..1100).map(|row| (row % 13 != 5).then(|| text(row))).collect::<StringArray>();
                vec![Arc::new(strings) as ArrayRef, integers((0..1100).map(|row| Some((row % 3) << bit)))]
            })
            .collect();
        check(&batches.iter().map(|batch| batch[..1].to_vec()).collect::<Vec<_>>());
        check(&batches);
    }
}

#[test]
fn a_table_of_strings_becomes_an_array_when_it_is_full_enough() {
    let mut numbers = Numbers(5);
    let mut batch = || {
        let text = (0..50_000).map(|_| Some(format!("k{:04}", numbers.below(8_000)))).collect::<StringArray>();
        vec![Arc::new(text) as ArrayRef]
    };
    let batches: Vec<_> = (0..8).map(|_| batch()).collect();
    let expected = if crate::arch::GathersBits::detect().is_some() { KeyPath::Dense } else { KeyPath::Packed64 };
    assert_eq!(check(&batches), Some(expected));
}

#[test]
fn many_columns_and_skew() {
    let mut numbers = Numbers(4);
    let mut batches = Vec::new();
    for _ in 0..3 {
        let skewed = integers((0..2000).map(|_| Some((numbers.below(1 << 20) as i64).leading_zeros().into())));
        let wide = integers((0..2000).map(|_| (numbers.below(5) > 0).then(|| (numbers.below(9) as i64) << 50)));
        let small: ArrayRef = Arc::new((0..2000).map(|_| Some(numbers.below(2) == 0)).collect::<BooleanArray>());
        let days: ArrayRef = Arc::new((0..2000).map(|_| Some(numbers.below(3) as i32)).collect::<Date32Array>());
        let fixed: ArrayRef =
            Arc::new(FixedSizeBinaryArray::try_from_iter((0..2000).map(|_| [numbers.below(2) as u8; 5])).unwrap());
        batches.push(vec![skewed, wide, small, days, fixed]);
    }
    check(&batches);
    check(&batches.iter().map(|batch| batch[1..4].to_vec()).collect::<Vec<_>>());
}

#[test]
fn keys_of_equal_low_bits_do_not_degrade() {
    // Multiples of a large power of two, which share the low bits that a poor hash would use.
    let keys = integers((0..20_000).map(|i| Some(i << 44)));
    assert_eq!(check(&[vec![keys]]), Some(KeyPath::Packed64));
}

#[test]
fn dictionaries_and_runs_come_back_as_they_were() {
    let mut batches = Vec::new();
    for words in [["a", "b", "c"], ["c", "d", "a"]] {
        let mut builder = StringDictionaryBuilder::<Int8Type>::new();
        for row in 0..50 {
            if row % 5 == 0 { builder.append_null() } else { builder.append_value(words[row % 3]) }
        }
        batches.push(vec![Arc::new(builder.finish()) as ArrayRef]);
    }
    check(&batches);
    let ends = Int32Array::from(vec![3, 4, 10]);
    let runs = RunArray::try_new(&ends, &Int64Array::from(vec![Some(5), None, Some(5)])).unwrap();
    check(&[vec![Arc::new(runs.slice(2, 6)) as ArrayRef]]);
}

#[test]
fn nested_keys_are_equal_by_value() {
    let mut lists = ListBuilder::new(Int32Builder::new());
    for row in 0..60 {
        for item in 0..row % 4 {
            lists.values().append_option((item % 3 > 0).then_some(row % 2));
        }
        lists.append(row % 7 > 0);
    }
    check(&[vec![Arc::new(lists.finish()) as ArrayRef]]);
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, -f64::NAN, 1.0]));
    let field = Arc::new(Field::new("x", DataType::Float64, true));
    check(&[vec![Arc::new(StructArray::from(vec![(field, floats)])) as ArrayRef]]);
}

#[test]
fn a_hash_table_becomes_an_array_once_rows_are_many() {
    let memory = Memory::unlimited();
    let mut table = GroupTable::new(&[DataType::Int64], KeyOptions::default(), &memory).unwrap();
    let mut out = Vec::new();
    let mut numbers = Numbers(5);
    let mut held = HashMap::new();
    for round in 0..40 {
        let keys: Vec<i64> = (0..1 << 14).map(|_| numbers.below(1 << 19) as i64).collect();
        table.insert(&[Arc::new(Int64Array::from(keys.clone()))], keys.len(), &mut out).unwrap();
        for (key, group) in keys.into_iter().zip(&out) {
            assert_eq!(held.entry(key).or_insert(*group), group);
        }
        if round == 0 {
            assert_eq!(table.path(), Some(KeyPath::Packed64));
        }
    }
    assert_eq!(table.path(), Some(KeyPath::Dense));
    assert_eq!(held.len(), table.group_count());
}

#[test]
fn a_limit_ends_it_and_nothing_stays_charged() {
    for forced in PATHS {
        let root = Memory::unlimited();
        let memory = root.with_limit(Some(1 << 20), "query");
        let options = KeyOptions { forced, ..KeyOptions::default() };
        let mut table = GroupTable::new(&[DataType::Int64], options, &memory).unwrap();
        let mut out = Vec::new();
        let error = (0..100).find_map(|round| {
            let keys = integers((0..10_000).map(|i| Some((round * 10_000 + i) * 1_000_003)));
            table.insert(&[keys], 10_000, &mut out).err()
        });
        assert_eq!(error.unwrap().code(), ErrorCode::MemoryLimit);
        drop(table);
        assert_eq!(root.used_bytes(), 0);
    }
}
