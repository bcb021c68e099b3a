// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sort keys as bits whose order is that of the rows.
//!
//! A key takes two bits for what its value is and then the value's bits, made so that they compare unsigned: null, NaN
//! and numbers as the placement says, in both directions. All NaNs are equal, and so are −0.0 and 0.0. Keys are packed
//! from the most significant one on until 96 bits are full; where that cuts a key or leaves one out, the order is not
//! exact, and [`Ties`] compares whole rows.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::operators::SortKey;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float16Type, Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_data::ArrayData;
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::{DataType, SchemaRef, SortOptions};
use bowyer_core::{Charge, Error, Memory, Result};
use half::f16;

/// The bits of a prefix.
const PREFIX_BITS: u32 = 96;
/// The bits that tell nulls, NaNs and numbers apart.
const CLASS_BITS: u32 = 2;

/// An order of rows.
pub(in crate::operators) struct Order {
    keys: Vec<SortKey>,
    types: Vec<DataType>,
    converter: RowConverter,
    exact: bool,
}

/// The rows of a sort, encoded, to compare where prefixes are equal.
pub(in crate::operators) struct Ties {
    rows: Rows,
    _charge: Charge,
}

impl Ties {
    pub(in crate::operators) fn compare(&self, a: u32, b: u32) -> Ordering {
        self.rows.row(a as usize).cmp(&self.rows.row(b as usize))
    }
}

/// The bits of a value of a type that prefixes hold whole.
fn whole_width(data_type: &DataType) -> Option<u32> {
    use DataType as D;
    match data_type {
        D::Null => Some(0),
        D::Boolean => Some(1),
        D::Decimal128(..) | D::Decimal256(..) | D::Interval(_) => None,
        other => other.primitive_width().map(|bytes| 8 * bytes as u32),
    }
}

impl Order {
    pub(in crate::operators) fn new(schema: &SchemaRef, keys: Vec<SortKey>) -> Result<Self> {
        let types: Vec<DataType> = keys.iter().map(|key| schema.field(key.column).data_type().clone()).collect();
        let field = |(key, data_type): (&SortKey, &DataType)| {
            let options = SortOptions { descending: key.descending, nulls_first: key.nulls_first };
            SortField::new_with_options(data_type.clone(), options)
        };
        let fields: Vec<SortField> = keys.iter().zip(&types).map(field).collect();
        if !RowConverter::supports_fields(&fields) {
            return Err(Error::not_implemented("a sort by a type without an order"));
        }
        let whole: Option<u32> = types.iter().map(|data_type| Some(CLASS_BITS + whole_width(data_type)?)).sum();
        Ok(Self {
            exact: whole.is_some_and(|bits| bits <= PREFIX_BITS),
            converter: RowConverter::new(fields)?,
            keys,
            types,
        })
    }

    /// Whether equal prefixes are equal keys.
    pub(in crate::operators) fn is_exact(&self) -> bool {
        self.exact
    }

    /// Adds an element for each row: its prefix above its number, which counts from `first`.
    pub(in crate::operators) fn prefixes(
        &self,
        batch: &RecordBatch,
        first: u32,
        elements: &mut Vec<u128>,
    ) -> Result<()> {
        let start = elements.len();
        elements.extend((0..batch.num_rows() as u32).map(|row| u128::from(first + row)));
        let elements = &mut elements[start..];
        let mut used = 0;
        for (key, data_type) in self.keys.iter().zip(&self.types) {
            let free = PREFIX_BITS - used;
            if free < CLASS_BITS + 8 && !(self.exact) {
                break;
            }
            let width = whole_width(data_type).unwrap_or(64);
            // What of a value does not fit is cut off below; only the last key can be cut.
            let kept = width.min(free - CLASS_BITS);
            let writer = Writer { key: *key, elements, top: 32 + free, width, kept };
            let whole = writer.write(batch.column(key.column));
            used += CLASS_BITS + kept;
            if kept < width || !whole {
                break;
            }
        }
        Ok(())
    }

    /// The keys of all rows, encoded.
    pub(in crate::operators) fn rows(&self, batches: &[RecordBatch], memory: &Memory) -> Result<Ties> {
        let row_count = batches.iter().map(RecordBatch::num_rows).sum();
        let mut rows = self.converter.empty_rows(row_count, 0);
        let mut charge = memory.charge(0)?;
        for batch in batches {
            let columns: Vec<ArrayRef> =
                self.keys.iter().map(|key| ordered_floats(batch.column(key.column), key)).collect();
            self.converter.append(&mut rows, &columns)?;
            charge.resize(rows.size())?;
        }
        Ok(Ties { rows, _charge: charge })
    }
}

/// The same values such that the total order of their bits puts NaNs where the key wants them.
fn ordered_floats(array: &ArrayRef, key: &SortKey) -> ArrayRef {
    // The converter inverts descending keys, NaNs with them.
    let lowest = key.descending != key.nulls_first;
    macro_rules! canonical {
        ($type:ty, $native:ty) => {{
            let nan = if lowest { -<$native>::NAN } else { <$native>::NAN };
            let nan = if nan.is_sign_negative() == lowest { nan } else { -nan };
            let zero = <$native>::default();
            Arc::new(
                array
                    .as_primitive::<$type>()
                    .unary::<_, $type>(|value| if value.is_nan() { nan } else { value + zero }),
            )
        }};
    }
    match array.data_type() {
        DataType::Float16 => canonical!(Float16Type, f16),
        DataType::Float32 => canonical!(Float32Type, f32),
        DataType::Float64 => canonical!(Float64Type, f64),
        _ => array.clone(),
    }
}

/// A value's bits in an order of unsigned integers; `None` for a NaN.
trait OrderedBits: Copy {
    fn ordered(self) -> Option<u64>;
}

macro_rules! ordered_integers {
    ($($native:ty => $unsigned:ty, $flip:expr);+ $(;)?) => {
        $(impl OrderedBits for $native {
            #[inline]
            fn ordered(self) -> Option<u64> {
                Some(u64::from(self as $unsigned ^ $flip))
            }
        })+
    };
}

ordered_integers! {
    i8 => u8, 1 << 7;
    i16 => u16, 1 << 15;
    i32 => u32, 1 << 31;
    i64 => u64, 1 << 63;
    u8 => u8, 0;
    u16 => u16, 0;
    u32 => u32, 0;
    u64 => u64, 0;
}

macro_rules! ordered_floats {
    ($($native:ty, $unsigned:ty, $signed:ty);+ $(;)?) => {
        $(impl OrderedBits for $native {
            #[inline]
            fn ordered(self) -> Option<u64> {
                let bits = (self + <$native>::default()).to_bits();
                // Negative numbers are ordered backwards by their bits.
                let mask = ((bits as $signed) >> (<$signed>::BITS - 1)) as $unsigned | (1 << (<$signed>::BITS - 1));
                (!self.is_nan()).then_some(u64::from(bits ^ mask))
            }
        })+
    };
}

ordered_floats! {
    f16, u16, i16;
    f32, u32, i32;
    f64, u64, i64;
}

struct Writer<'a> {
    key: SortKey,
    elements: &'a mut [u128],
    /// The bit above the highest free one.
    top: u32,
    width: u32,
    kept: u32,
}

impl Writer<'_> {
    /// Writes the bits that `value` gives each valid row, `None` for a NaN.
    #[inline]
    fn each(self, nulls: Option<&NullBuffer>, value: impl Fn(usize) -> Option<u64>) {
        let Self { key, elements, top, width, kept } = self;
        // Numbers are 1; what stands before them is less, what stands after them more.
        let (null, nan) = if key.nulls_first { (0_u128, 1) } else { (3, 2) };
        let number = if key.nulls_first { 2_u128 } else { 1 };
        let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
        let flip = if key.descending { mask } else { 0 };
        let (class_shift, value_shift) = (top - CLASS_BITS, top - CLASS_BITS - kept);
        let cut = width - kept;
        for (row, element) in elements.iter_mut().enumerate() {
            let (class, bits) = match nulls.is_none_or(|nulls| nulls.is_valid(row)).then(|| value(row)) {
                Some(Some(bits)) => (number, if cut >= 64 { 0 } else { (bits ^ flip) >> cut }),
                Some(None) => (nan, 0),
                None => (null, 0),
            };
            *element |= class << class_shift | u128::from(bits) << value_shift;
        }
    }

    /// Writes a column's bits; says whether they are all that there is to a value.
    fn write(self, array: &ArrayRef) -> bool {
        let array = array.as_ref();
        let nulls = array.logical_nulls();
        let nulls = nulls.as_ref();
        let whole = whole_width(array.data_type()).is_some();
        match array.data_type() {
            DataType::Null => self.each(nulls, |_| Some(0)),
            DataType::Boolean => {
                let values = array.as_boolean();
                self.each(nulls, |row| Some(u64::from(values.value(row))));
            }
            DataType::Utf8 => {
                let values = array.as_string::<i32>();
                self.each(nulls, |row| Some(leading(values.value(row).as_bytes())));
            }
            DataType::LargeUtf8 => {
                let values = array.as_string::<i64>();
                self.each(nulls, |row| Some(leading(values.value(row).as_bytes())));
            }
            DataType::Utf8View => {
                let values = array.as_string_view();
                self.each(nulls, |row| Some(leading(values.value(row).as_bytes())));
            }
            DataType::Binary => {
                let values = array.as_binary::<i32>();
                self.each(nulls, |row| Some(leading(values.value(row))));
            }
            DataType::Decimal128(..) => {
                let values = array.as_primitive::<Decimal128Type>();
                self.each(nulls, |row| Some((values.value(row) >> 64) as u64 ^ 1 << 63));
            }
            _ if whole => self.write_words(&array.to_data()),
            // Nothing is said of the value: encoded rows decide.
            _ => self.each(nulls, |_| Some(0)),
        }
        whole
    }

    /// Writes numbers of at most 64 bits, by their width and kind.
    fn write_words(self, data: &ArrayData) {
        use DataType as D;
        match data.data_type() {
            D::Int8 => self.write_natives::<i8>(data),
            D::Int16 => self.write_natives::<i16>(data),
            D::UInt8 => self.write_natives::<u8>(data),
            D::UInt16 => self.write_natives::<u16>(data),
            D::UInt32 => self.write_natives::<u32>(data),
            D::UInt64 => self.write_natives::<u64>(data),
            D::Float16 => self.write_natives::<f16>(data),
            D::Float32 => self.write_natives::<f32>(data),
            D::Float64 => self.write_natives::<f64>(data),
            other if other.primitive_width() == Some(4) => self.write_natives::<i32>(data),
            _ => self.write_natives::<i64>(data),
        }
    }

    fn write_natives<T: OrderedBits + ArrowNativeType>(self, data: &ArrayData) {
        let values = &data.buffers()[0].typed_data::<T>()[data.offset()..data.offset() + data.len()];
        let nulls = data.nulls().cloned();
        self.each(nulls.as_ref(), |row| values[row].ordered());
    }
}

/// The first eight bytes, zeros after the last.
#[inline]
fn leading(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    let len = bytes.len().min(8);
    word[..len].copy_from_slice(&bytes[..len]);
    u64::from_be_bytes(word)
}
