// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A key column by its physical form: words, wide words, bits or bytes, each with its validity.
//!
//! Dictionaries and runs are decoded here, floats keep their bits (encoders ask for canonical ones), and nested values
//! become bytes by way of [`super::nested`]. Encoders are visitors, so that each is one loop for each width.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowDictionaryKeyType, RunEndIndexType};
use arrow_array::{
    Array, ArrayRef, PrimitiveArray, RunArray, UInt64Array, downcast_dictionary_array, downcast_run_array,
};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use half::f16;

use super::KeyEquality;
use super::nested::NestedKeys;
use crate::{Error, Result};

/// A key column, seen through its type.
#[derive(Debug)]
pub(crate) struct KeyColumn {
    pub(crate) nulls: Option<NullBuffer>,
    pub(crate) values: KeyValues,
}

/// The values of a key column.
#[derive(Debug)]
pub(crate) enum KeyValues {
    /// Nothing but nulls.
    Nothing,
    /// Numbers of at most 64 bits, dates, times.
    Words(Words),
    /// 128-bit integers: decimals.
    Wide(ScalarBuffer<i128>),
    /// Booleans.
    Bits(BooleanBuffer),
    /// Strings, binary values, and everything that is compared by its bytes.
    Bytes(KeyBytes),
}

/// Which of [`KeyValues`] the columns of a type become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// All null.
    Nothing,
    /// An integer of so many bits that may be ranged.
    Integer { bits: u32, signed: bool },
    /// A float of so many bits.
    Float { bits: u32 },
    /// A 128-bit integer.
    Wide,
    /// A boolean.
    Bit,
    /// Bytes, all of one length if that is given.
    Bytes { fixed: Option<usize> },
}

/// Numbers of at most 64 bits by their width.
#[derive(Debug)]
pub(crate) enum Words {
    I8(ScalarBuffer<i8>),
    I16(ScalarBuffer<i16>),
    I32(ScalarBuffer<i32>),
    I64(ScalarBuffer<i64>),
    U8(ScalarBuffer<u8>),
    U16(ScalarBuffer<u16>),
    U32(ScalarBuffer<u32>),
    U64(ScalarBuffer<u64>),
    F16(ScalarBuffer<f16>),
    F32(ScalarBuffer<f32>),
    F64(ScalarBuffer<f64>),
}

/// A value that is a key of at most 64 bits.
pub(crate) trait Word: ArrowNativeType {
    /// Whether its values have a range worth knowing.
    const RANGED: bool;
    /// Its bits: sign-extended if it has a sign. Equal values of floats have equal words.
    fn word(self) -> u64;
    /// Its place in the order of integers. Floats have one by their canonical bits.
    fn integer(self) -> i128;
}

macro_rules! integer_words {
    ($($native:ty),+) => {
        $(impl Word for $native {
            const RANGED: bool = true;
            #[inline]
            fn word(self) -> u64 {
                self as u64
            }
            #[inline]
            fn integer(self) -> i128 {
                i128::from(self)
            }
        })+
    };
}

macro_rules! float_words {
    ($($native:ty),+) => {
        $(impl Word for $native {
            const RANGED: bool = false;
            #[inline]
            fn word(self) -> u64 {
                // Adding zero turns −0.0 into 0.0 and leaves every other number as it is.
                let value = if self.is_nan() { Self::NAN } else { self + <$native>::default() };
                u64::from(value.to_bits())
            }
            #[inline]
            fn integer(self) -> i128 {
                i128::from(self.word())
            }
        })+
    };
}

integer_words!(i8, i16, i32, i64, u8, u16, u32, u64);
float_words!(f16, f32, f64);

/// A loop over words, whatever their width.
pub(crate) trait WordLoop {
    type Output;
    fn run<T: Word>(self, values: &[T]) -> Self::Output;
}

impl Words {
    pub(crate) fn visit<L: WordLoop>(&self, body: L) -> L::Output {
        match self {
            Self::I8(values) => body.run(values),
            Self::I16(values) => body.run(values),
            Self::I32(values) => body.run(values),
            Self::I64(values) => body.run(values),
            Self::U8(values) => body.run(values),
            Self::U16(values) => body.run(values),
            Self::U32(values) => body.run(values),
            Self::U64(values) => body.run(values),
            Self::F16(values) => body.run(values),
            Self::F32(values) => body.run(values),
            Self::F64(values) => body.run(values),
        }
    }
}

/// Values compared by their bytes.
#[derive(Debug)]
pub(crate) enum KeyBytes {
    Small(OffsetBuffer<i32>, Buffer),
    Large(OffsetBuffer<i64>, Buffer),
    Views(ScalarBuffer<u128>, Vec<Buffer>),
    Fixed(usize, Buffer),
}

/// Something that has bytes for each row.
pub(crate) trait ByteSource {
    /// The bytes of `row`.
    fn bytes(&self, row: usize) -> &[u8];
    /// The length of `row` and its first 16 bytes at most, zeros after them, the first byte lowest.
    #[inline]
    fn short(&self, row: usize) -> (usize, u128) {
        let bytes = self.bytes(row);
        let mut word = [0; 16];
        let len = bytes.len().min(16);
        word[..len].copy_from_slice(&bytes[..len]);
        (bytes.len(), u128::from_le_bytes(word))
    }
    /// As [`Self::short`], but the first 8 bytes at most.
    #[inline(always)]
    fn shorter(&self, row: usize) -> (usize, u64) {
        let (len, bytes) = self.short(row);
        (len, bytes as u64)
    }
}

/// A loop over bytes, whatever their layout.
pub(crate) trait ByteLoop {
    type Output;
    fn run<S: ByteSource>(self, source: &S) -> Self::Output;
}

struct OffsetBytes<'a, O> {
    offsets: &'a [O],
    values: &'a [u8],
}

impl<O: ArrowNativeType> ByteSource for OffsetBytes<'_, O> {
    #[inline]
    fn bytes(&self, row: usize) -> &[u8] {
        &self.values[self.offsets[row].as_usize()..self.offsets[row + 1].as_usize()]
    }

    // A load past the value's end stays inside the buffer; the mask drops what is not the value's.
    #[inline(always)]
    fn short(&self, row: usize) -> (usize, u128) {
        let first = self.offsets[row].as_usize();
        let len = self.offsets[row + 1].as_usize() - first;
        match self.values.get(first..).and_then(<[u8]>::first_chunk::<16>) {
            Some(&word) if len < 16 => (len, u128::from_le_bytes(word) & ((1 << (8 * len)) - 1)),
            Some(&word) => (len, u128::from_le_bytes(word)),
            None => self.short_at_end(first, len),
        }
    }

    #[inline(always)]
    fn shorter(&self, row: usize) -> (usize, u64) {
        let first = self.offsets[row].as_usize();
        let len = self.offsets[row + 1].as_usize() - first;
        match self.values.get(first..).and_then(<[u8]>::first_chunk::<8>) {
            Some(&word) if len < 8 => (len, u64::from_le_bytes(word) & ((1 << (8 * len)) - 1)),
            Some(&word) => (len, u64::from_le_bytes(word)),
            None => {
                let (len, bytes) = self.short_at_end(first, len);
                (len, bytes as u64)
            }
        }
    }
}

impl<O> OffsetBytes<'_, O> {
    /// As [`ByteSource::short`], where the buffer ends too early for a whole load.
    #[cold]
    #[inline(never)]
    fn short_at_end(&self, first: usize, len: usize) -> (usize, u128) {
        let mut word = [0; 16];
        let short = len.min(16);
        word[..short].copy_from_slice(&self.values[first..first + short]);
        (len, u128::from_le_bytes(word))
    }
}

struct ViewBytes<'a> {
    views: &'a [u128],
    buffers: &'a [Buffer],
}

impl ByteSource for ViewBytes<'_> {
    #[inline]
    fn bytes(&self, row: usize) -> &[u8] {
        let view = self.views[row];
        let len = view as u32 as usize;
        if len <= 12 {
            let view: &[u128] = &self.views[row..=row];
            let (head, bytes, tail) = bytes_of(view);
            debug_assert!(head.is_empty() && tail.is_empty());
            return &bytes[4..4 + len];
        }
        let buffer = (view >> 64) as u32 as usize;
        let first = (view >> 96) as u32 as usize;
        &self.buffers[buffer][first..first + len]
    }

    #[inline]
    fn short(&self, row: usize) -> (usize, u128) {
        let view = self.views[row];
        let len = view as u32 as usize;
        if len <= 12 {
            return (len, (view >> 32) & ((1 << (8 * len)) - 1));
        }
        let bytes = self.bytes(row);
        let mut word = [0; 16];
        let short = len.min(16);
        word[..short].copy_from_slice(&bytes[..short]);
        (len, u128::from_le_bytes(word))
    }
}

fn bytes_of(words: &[u128]) -> (&[u128], &[u8], &[u128]) {
    // SAFETY: every bit pattern is a valid byte, and bytes need no alignment.
    unsafe { words.align_to::<u8>() }
}

struct FixedBytes<'a> {
    width: usize,
    values: &'a [u8],
}

impl ByteSource for FixedBytes<'_> {
    #[inline]
    fn bytes(&self, row: usize) -> &[u8] {
        &self.values[row * self.width..][..self.width]
    }
}

impl KeyBytes {
    pub(crate) fn visit<L: ByteLoop>(&self, body: L) -> L::Output {
        match self {
            Self::Small(offsets, values) => body.run(&OffsetBytes { offsets: &offsets[..], values }),
            Self::Large(offsets, values) => body.run(&OffsetBytes { offsets: &offsets[..], values }),
            Self::Views(views, buffers) => body.run(&ViewBytes { views, buffers }),
            Self::Fixed(width, values) => body.run(&FixedBytes { width: *width, values }),
        }
    }
}

impl KeyKind {
    /// What columns of `data_type` become.
    pub(crate) fn of(data_type: &DataType) -> Self {
        use DataType as D;
        let integer = |bits, signed| Self::Integer { bits, signed };
        match data_type {
            D::Null => Self::Nothing,
            D::Boolean => Self::Bit,
            D::Int8 => integer(8, true),
            D::Int16 => integer(16, true),
            D::Int32 | D::Date32 | D::Time32(_) | D::Decimal32(..) => integer(32, true),
            D::Int64 | D::Date64 | D::Time64(_) | D::Timestamp(..) | D::Duration(_) | D::Decimal64(..) => {
                integer(64, true)
            }
            D::UInt8 => integer(8, false),
            D::UInt16 => integer(16, false),
            D::UInt32 => integer(32, false),
            D::UInt64 => integer(64, false),
            D::Float16 => Self::Float { bits: 16 },
            D::Float32 => Self::Float { bits: 32 },
            D::Float64 => Self::Float { bits: 64 },
            D::Decimal128(..) => Self::Wide,
            D::FixedSizeBinary(width) => Self::Bytes { fixed: Some((*width).max(0) as usize) },
            D::Decimal256(..) => Self::Bytes { fixed: Some(32) },
            D::Interval(unit) => Self::Bytes { fixed: Some(interval_width(*unit)) },
            D::Dictionary(_, values) => Self::of(values),
            D::RunEndEncoded(_, values) => Self::of(values.data_type()),
            _ => Self::Bytes { fixed: None },
        }
    }
}

fn interval_width(unit: arrow_schema::IntervalUnit) -> usize {
    match unit {
        arrow_schema::IntervalUnit::YearMonth => 4,
        arrow_schema::IntervalUnit::DayTime => 8,
        arrow_schema::IntervalUnit::MonthDayNano => 16,
    }
}

/// `array` without its dictionary or runs.
///
/// # Errors
/// Those of taking the values.
pub(crate) fn decode(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Dictionary(..) => {
            let array = array.as_ref();
            let decoded = downcast_dictionary_array!(
                array => decode_keys(array.keys(), array.values())?,
                other => return Err(Error::internal(format!("{other} is no dictionary")))
            );
            decode(&decoded)
        }
        DataType::RunEndEncoded(..) => {
            let array = array.as_ref();
            let decoded = downcast_run_array!(
                array => decode_runs(array)?,
                other => return Err(Error::internal(format!("{other} has no runs")))
            );
            decode(&decoded)
        }
        _ => Ok(array.clone()),
    }
}

fn decode_keys<K: ArrowDictionaryKeyType>(keys: &PrimitiveArray<K>, values: &ArrayRef) -> Result<ArrayRef> {
    Ok(arrow_select::take::take(values.as_ref(), keys, None)?)
}

fn decode_runs<R: RunEndIndexType>(array: &RunArray<R>) -> Result<ArrayRef> {
    let ends = array.run_ends();
    let (first, end) = (ends.offset(), ends.offset() + ends.len());
    let mut indices = Vec::with_capacity(ends.len());
    for (run, run_end) in ends.values().iter().enumerate() {
        let run_end = run_end.as_usize().min(end);
        if run_end > first + indices.len() {
            indices.resize(run_end - first, run as u64);
        }
    }
    Ok(arrow_select::take::take(array.values().as_ref(), &UInt64Array::from(indices), None)?)
}

impl KeyColumn {
    /// The physical form of `array`, whose rows stay in place.
    ///
    /// # Errors
    /// `NotImplemented` for a type that has no keys.
    pub(crate) fn new(array: &ArrayRef, nested: Option<&NestedKeys>, equality: KeyEquality) -> Result<Self> {
        let array = decode(array)?;
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        let values = match KeyKind::of(array.data_type()) {
            KeyKind::Nothing => KeyValues::Nothing,
            KeyKind::Bit => KeyValues::Bits(array.as_boolean().values().clone()),
            KeyKind::Wide => KeyValues::Wide(native(&array)),
            KeyKind::Integer { bits, signed } => KeyValues::Words(match (bits, signed) {
                (8, true) => Words::I8(native(&array)),
                (16, true) => Words::I16(native(&array)),
                (32, true) => Words::I32(native(&array)),
                (64, true) => Words::I64(native(&array)),
                (8, false) => Words::U8(native(&array)),
                (16, false) => Words::U16(native(&array)),
                (32, false) => Words::U32(native(&array)),
                _ => Words::U64(native(&array)),
            }),
            // By their bits, floats are integers.
            KeyKind::Float { bits } => KeyValues::Words(match (bits, equality) {
                (16, KeyEquality::Values) => Words::F16(native(&array)),
                (32, KeyEquality::Values) => Words::F32(native(&array)),
                (_, KeyEquality::Values) => Words::F64(native(&array)),
                (16, KeyEquality::Bits) => Words::U16(native(&array)),
                (32, KeyEquality::Bits) => Words::U32(native(&array)),
                (_, KeyEquality::Bits) => Words::U64(native(&array)),
            }),
            KeyKind::Bytes { fixed } => KeyValues::Bytes(key_bytes(&array, fixed, nested)?),
        };
        Ok(Self { nulls, values })
    }
}

/// The values of a primitive array as natives of the same width.
fn native<T: ArrowNativeType>(array: &ArrayRef) -> ScalarBuffer<T> {
    let data = array.to_data();
    ScalarBuffer::new(data.buffers()[0].clone(), data.offset(), data.len())
}

fn key_bytes(array: &ArrayRef, fixed: Option<usize>, nested: Option<&NestedKeys>) -> Result<KeyBytes> {
    if let Some(width) = fixed {
        let data = array.to_data();
        let values = data.buffers()[0].slice_with_length(data.offset() * width, data.len() * width);
        return Ok(KeyBytes::Fixed(width, values));
    }
    Ok(match array.data_type() {
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            KeyBytes::Small(array.offsets().clone(), array.values().clone())
        }
        DataType::Binary => {
            let array = array.as_binary::<i32>();
            KeyBytes::Small(array.offsets().clone(), array.values().clone())
        }
        DataType::LargeUtf8 => {
            let array = array.as_string::<i64>();
            KeyBytes::Large(array.offsets().clone(), array.values().clone())
        }
        DataType::LargeBinary => {
            let array = array.as_binary::<i64>();
            KeyBytes::Large(array.offsets().clone(), array.values().clone())
        }
        DataType::Utf8View => {
            let array = array.as_string_view();
            KeyBytes::Views(array.views().clone(), array.data_buffers().to_vec())
        }
        DataType::BinaryView => {
            let array = array.as_binary_view();
            KeyBytes::Views(array.views().clone(), array.data_buffers().to_vec())
        }
        other => {
            let nested = nested.ok_or_else(|| Error::not_implemented(format!("keys of type {other}")))?;
            let (offsets, values) = nested.encode(array)?;
            KeyBytes::Large(offsets, values)
        }
    })
}
