// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The values of a key column, by what their order is made of: bits that compare unsigned, or bytes.
//!
//! A [`Visitor`] is compiled once for each way in which values lie in memory, so that its loops see the values
//! themselves. All NaNs are one value, and so are −0.0 and 0.0.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    BinaryViewType, Decimal128Type, GenericBinaryType, GenericStringType, LargeBinaryType, LargeUtf8Type,
    StringViewType,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::DataType;
use half::f16;

/// What the order of a type is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// All values are null.
    Nothing,
    /// Numbers of so many bits, with NaNs among them or not.
    Number { bits: u32, nans: bool },
    /// Bytes, compared as such.
    Bytes,
    /// Nothing is said of a value: encoded rows decide.
    Opaque,
}

/// What is done with the values of a column. `nulls` are the rows whose value is not to be asked for.
pub(super) trait Visitor: Sized {
    type Out;

    fn nothing(self) -> Self::Out;
    /// The value of a row as bits that compare unsigned; `None` for a NaN.
    fn numbers(self, nulls: Option<&NullBuffer>, len: usize, value: impl Fn(usize) -> Option<u64>) -> Self::Out;
    fn wide_numbers(self, nulls: Option<&NullBuffer>, len: usize, value: impl Fn(usize) -> u128) -> Self::Out;
    fn bytes<'a>(self, nulls: Option<&NullBuffer>, len: usize, value: impl Fn(usize) -> &'a [u8]) -> Self::Out;
    fn opaque(self, nulls: Option<&NullBuffer>, len: usize) -> Self::Out;
}

/// The kind of a type.
pub(super) fn kind(data_type: &DataType) -> Kind {
    use DataType as D;
    match data_type {
        D::Null => Kind::Nothing,
        D::Boolean => Kind::Number { bits: 1, nans: false },
        D::Utf8 | D::LargeUtf8 | D::Utf8View | D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => {
            Kind::Bytes
        }
        D::Decimal128(..) => Kind::Number { bits: 128, nans: false },
        D::Decimal256(..) | D::Interval(_) => Kind::Opaque,
        other => match other.primitive_width() {
            Some(width) => Kind::Number { bits: 8 * width as u32, nans: other.is_floating() },
            None => Kind::Opaque,
        },
    }
}

/// Shows the values of `array` to `visitor`.
pub(super) fn visit<V: Visitor>(array: &ArrayRef, visitor: V) -> V::Out {
    use DataType as D;
    let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    let (nulls, len) = (nulls.as_ref(), array.len());
    match array.data_type() {
        D::Null => visitor.nothing(),
        D::Boolean => {
            let values = array.as_boolean().values();
            visitor.numbers(nulls, len, |row| Some(u64::from(values.value(row))))
        }
        D::Utf8 => {
            let values = array.as_bytes::<GenericStringType<i32>>();
            visitor.bytes(nulls, len, |row| values.value(row).as_bytes())
        }
        D::LargeUtf8 => {
            let values = array.as_bytes::<LargeUtf8Type>();
            visitor.bytes(nulls, len, |row| values.value(row).as_bytes())
        }
        D::Binary => {
            let values = array.as_bytes::<GenericBinaryType<i32>>();
            visitor.bytes(nulls, len, |row| values.value(row))
        }
        D::LargeBinary => {
            let values = array.as_bytes::<LargeBinaryType>();
            visitor.bytes(nulls, len, |row| values.value(row))
        }
        D::Utf8View => {
            let values = array.as_byte_view::<StringViewType>();
            visitor.bytes(nulls, len, |row| values.value(row).as_bytes())
        }
        D::BinaryView => {
            let values = array.as_byte_view::<BinaryViewType>();
            visitor.bytes(nulls, len, |row| values.value(row))
        }
        D::FixedSizeBinary(_) => {
            let values = array.as_fixed_size_binary();
            visitor.bytes(nulls, len, |row| values.value(row))
        }
        D::Decimal128(..) => {
            let values = array.as_primitive::<Decimal128Type>().values();
            visitor.wide_numbers(nulls, len, |row| (values[row] ^ i128::MIN) as u128)
        }
        D::UInt8 => natives::<u8, V>(array, nulls, visitor),
        D::UInt16 => natives::<u16, V>(array, nulls, visitor),
        D::UInt32 => natives::<u32, V>(array, nulls, visitor),
        D::UInt64 => natives::<u64, V>(array, nulls, visitor),
        D::Float16 => natives::<f16, V>(array, nulls, visitor),
        D::Float32 => natives::<f32, V>(array, nulls, visitor),
        D::Float64 => natives::<f64, V>(array, nulls, visitor),
        other => match (kind(other), other.primitive_width()) {
            (Kind::Number { .. }, Some(1)) => natives::<i8, V>(array, nulls, visitor),
            (Kind::Number { .. }, Some(2)) => natives::<i16, V>(array, nulls, visitor),
            (Kind::Number { .. }, Some(4)) => natives::<i32, V>(array, nulls, visitor),
            (Kind::Number { .. }, Some(8)) => natives::<i64, V>(array, nulls, visitor),
            _ => visitor.opaque(nulls, len),
        },
    }
}

fn natives<T: OrderedBits + ArrowNativeType, V: Visitor>(
    array: &ArrayRef,
    nulls: Option<&NullBuffer>,
    visitor: V,
) -> V::Out {
    let data = array.to_data();
    let values = &data.buffers()[0].typed_data::<T>()[data.offset()..data.offset() + data.len()];
    visitor.numbers(nulls, values.len(), |row| values[row].ordered())
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
