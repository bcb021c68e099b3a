// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Keys of any types in a table of groups, batch by batch: rows have the same group exactly where all their values are the same, and
//! the table's keys are the rows that came first.

#![no_main]

use arbitrary::{Result, Unstructured};
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::DataType;
use bowyer_core::Memory;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::KeyOptions;
use libfuzzer_sys::fuzz_target;

/// Whether values of the type are the same exactly where their bytes are.
fn is_plain(data_type: &DataType) -> bool {
    match data_type {
        DataType::Float32 | DataType::Float64 => false,
        DataType::List(item) => is_plain(item.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| is_plain(field.data_type())),
        _ => true,
    }
}

fn attempt(u: &mut Unstructured<'_>) -> Result<()> {
    let types = (0..u.int_in_range(1..=3)?).map(|_| bowyer_fuzz::data_type(u, 2)).collect::<Result<Vec<_>>>()?;
    let memory = Memory::unlimited();
    let Ok(mut table) = GroupTable::new(&types, KeyOptions::default(), &memory) else { return Ok(()) };
    let mut seen: Vec<Vec<ArrayRef>> = Vec::new();
    for _ in 0..u.int_in_range(1..=3)? {
        let rows = u.int_in_range(0..=12)?;
        let columns =
            types.iter().map(|data_type| bowyer_fuzz::array(u, data_type, rows)).collect::<Result<Vec<_>>>()?;
        let mut groups = Vec::new();
        table.insert(&columns, rows, &mut groups).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(groups.len(), rows);
        for (row, group) in groups.iter().enumerate() {
            let key: Vec<ArrayRef> = columns.iter().map(|column| column.slice(row, 1)).collect();
            let same = |other: &[ArrayRef]| other.iter().zip(&key).all(|(a, b)| a.to_data() == b.to_data());
            if types.iter().all(is_plain) {
                let known = seen.iter().position(|other| same(other)).unwrap_or(seen.len());
                assert_eq!(known, *group as usize, "row {row} of {types:?}: {key:?}");
            }
            if *group as usize == seen.len() {
                seen.push(key);
            }
            assert!((*group as usize) < seen.len(), "group {group} of {}", seen.len());
        }
    }
    assert_eq!(table.group_count(), seen.len());
    let keys = table.into_keys().unwrap_or_else(|error| panic!("{error}"));
    for (column, key) in keys.iter().enumerate() {
        bowyer_fuzz::look(key.as_ref());
        for (group, first) in seen.iter().enumerate() {
            if is_plain(&types[column]) && key.data_type() == first[column].data_type() {
                assert_eq!(key.slice(group, 1).to_data(), first[column].to_data(), "the key of group {group}");
            }
        }
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let _ = attempt(&mut Unstructured::new(bytes));
});
