// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Files come back as they were written, and nothing of them is left.

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, RecordBatch, StringViewArray};
use bowyer_core::{ErrorCode, Memory};

use super::file::SpillWriter;
use super::*;

fn batch(first: i64) -> RecordBatch {
    let mut lists = ListBuilder::new(Int64Builder::new());
    for len in 0..100 {
        lists.values().append_slice(&vec![first; len % 4]);
        lists.append(len % 7 != 3);
    }
    let text: StringViewArray = (0..100).map(|n| Some(format!("a text that is rather long {n}"))).collect();
    let words: DictionaryArray<Int32Type> = (0..100).map(|n| Some(["x", "y", "z"][n % 3])).collect();
    let columns: [ArrayRef; 3] = [Arc::new(lists.finish()), Arc::new(text.slice(0, 100)), Arc::new(words)];
    RecordBatch::try_from_iter(["l", "t", "d"].into_iter().zip(columns)).unwrap().slice(3, 90)
}

#[test]
fn batches_come_back_and_the_directory_stays_empty() {
    let directory = tempfile::tempdir().unwrap();
    let (space, spilled) = (SpillSpace::new(directory.path(), None), Spilled::default());
    let mut writer = SpillWriter::create(&space, &batch(0).schema(), &spilled).unwrap();
    for first in 0..5 {
        writer.write(&batch(first), &spilled).unwrap();
    }
    let file = writer.finish().unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "the file has no name");
    let (bytes, files) = spilled.totals();
    assert!(bytes > 0 && bytes == space.used_bytes.load(Ordering::Relaxed) && files == 1);
    let memory = Memory::unlimited();
    let mut reader = file.into_reader(&Memory::unlimited()).unwrap();
    for first in 0..5 {
        assert_eq!(reader.next(&memory).unwrap().unwrap(), batch(first));
    }
    assert!(reader.next(&memory).unwrap().is_none());
    drop(reader);
    assert_eq!((space.used_bytes.load(Ordering::Relaxed), memory.used_bytes()), (0, 0));
}

#[test]
fn a_directory_that_is_not_there_and_too_many_bytes_are_typed_errors() {
    let spilled = Spilled::default();
    let nowhere = SpillSpace::new("/nonexistent/bowyer", None);
    let error = SpillWriter::create(&nowhere, &batch(0).schema(), &spilled).err().unwrap();
    assert_eq!(error.code(), ErrorCode::Io);
    assert!(error.message().contains("/nonexistent/bowyer"), "{error}");
    let directory = tempfile::tempdir().unwrap();
    let small = SpillSpace::new(directory.path(), Some(2000));
    let mut writer = SpillWriter::create(&small, &batch(0).schema(), &spilled).unwrap();
    let error = (0..10).find_map(|first| writer.write(&batch(first), &spilled).err()).unwrap();
    assert_eq!(error.code(), ErrorCode::LimitExceeded);
    drop(writer);
    assert_eq!(small.used_bytes.load(Ordering::Relaxed), 0);
}
