// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bytes of an array that nobody wrote.

use arrow_array::Array;
use arrow_data::{ArrayData, BufferSpec, layout};

/// So many marks in a row are no value: fewer could be one.
const RUN: usize = 4;

/// Where an array, as it would leave the process, still has what fresh memory was filled with: in values, under nulls, in offsets and
/// bitmaps. `None`: nowhere.
#[must_use]
pub fn unwritten(array: &dyn Array, mark: u8) -> Option<String> {
    look(&array.to_data(), mark)
}

fn look(data: &ArrayData, mark: u8) -> Option<String> {
    let end = data.offset() + data.len();
    let found = |bytes: &[u8]| bytes.windows(RUN).position(|run| run.iter().all(|byte| *byte == mark));
    if let Some(nulls) = data.nulls() {
        let bits = nulls.buffer();
        let last = (nulls.offset() + nulls.len()).div_ceil(8).min(bits.len());
        if let Some(at) = found(&bits[nulls.offset() / 8..last]) {
            return Some(format!("{}: byte {at} of its validity", data.data_type()));
        }
    }
    let specs = layout(data.data_type());
    for (number, buffer) in data.buffers().iter().enumerate() {
        let used = match specs.buffers.get(number) {
            // Offsets have one entry more than rows; nobody reads an entry past those.
            Some(BufferSpec::FixedWidth { byte_width, .. }) => {
                let offsets = usize::from(specs.buffers.len() > 1 || !data.child_data().is_empty());
                data.offset() * byte_width..((end + offsets) * byte_width).min(buffer.len())
            }
            Some(BufferSpec::BitMap) => data.offset() / 8..end.div_ceil(8).min(buffer.len()),
            _ => 0..buffer.len(),
        };
        if let Some(at) = buffer.get(used).and_then(found) {
            return Some(format!("{}: byte {at} of buffer {number}", data.data_type()));
        }
    }
    data.child_data().iter().find_map(|child| look(child, mark))
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn marks_are_found_under_nulls_and_nothing_else_is() {
        let mark = i64::from_le_bytes([0xA5; 8]);
        let with = Int64Array::new(vec![1, mark].into(), Some(vec![true, false].into()));
        assert!(unwritten(&with, 0xA5).is_some());
        assert!(unwritten(&with.slice(0, 1), 0xA5).is_none(), "what is not of the slice");
        let arrays: [ArrayRef; 2] = [
            std::sync::Arc::new(StringArray::from(vec![Some("a"), None])),
            std::sync::Arc::new(Int64Array::from(vec![1, 2])),
        ];
        assert!(arrays.iter().all(|array| unwritten(array.as_ref(), 0xA5).is_none()));
    }
}
