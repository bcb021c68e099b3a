// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! From a data type to the Rust type of its layout: the only macros over types.
//!
//! Each takes a data type or an array, binds a type or a variable, and evaluates one call for the layout that it finds;
//! what it does not list ends in [`unsupported`]. Logical types ride on the number they are stored as: a timestamp is
//! an `i64` here, a decimal of 128 bits an `i128`.

use arrow_schema::DataType;

use crate::{Error, Result};

/// The end of every dispatch: the combination is valid Arrow, but no kernel is here for it.
///
/// # Errors
/// Always `NotImplemented`.
#[cold]
pub fn unsupported<T>(data_type: &DataType) -> Result<T> {
    Err(Error::not_implemented(format!("no kernel for {data_type}")))
}

/// Evaluates a call with the native type of any fixed-width number or what is stored as one, intervals excepted.
#[macro_export]
macro_rules! with_native {
    ($data_type:expr, $T:ident => $call:expr) => {{
        use $crate::dispatch::types::DataType as D;
        match $data_type {
            D::Int8 => {
                type $T = i8;
                $call
            }
            D::Int16 => {
                type $T = i16;
                $call
            }
            D::Int32 | D::Date32 | D::Time32(_) | D::Decimal32(..) => {
                type $T = i32;
                $call
            }
            D::Int64 | D::Date64 | D::Time64(_) | D::Timestamp(..) | D::Duration(_) | D::Decimal64(..) => {
                type $T = i64;
                $call
            }
            D::UInt8 => {
                type $T = u8;
                $call
            }
            D::UInt16 => {
                type $T = u16;
                $call
            }
            D::UInt32 => {
                type $T = u32;
                $call
            }
            D::UInt64 => {
                type $T = u64;
                $call
            }
            D::Float16 => {
                type $T = $crate::dispatch::types::f16;
                $call
            }
            D::Float32 => {
                type $T = f32;
                $call
            }
            D::Float64 => {
                type $T = f64;
                $call
            }
            D::Decimal128(..) => {
                type $T = i128;
                $call
            }
            D::Decimal256(..) => {
                type $T = $crate::dispatch::types::i256;
                $call
            }
            other => $crate::dispatch::unsupported(other),
        }
    }};
}

/// Evaluates a call with the native type of an integer.
#[macro_export]
macro_rules! with_integers {
    ($data_type:expr, $T:ident => $call:expr) => {{
        use $crate::dispatch::types::DataType as D;
        match $data_type {
            D::Int8 => {
                type $T = i8;
                $call
            }
            D::Int16 => {
                type $T = i16;
                $call
            }
            D::Int32 => {
                type $T = i32;
                $call
            }
            D::Int64 => {
                type $T = i64;
                $call
            }
            D::UInt8 => {
                type $T = u8;
                $call
            }
            D::UInt16 => {
                type $T = u16;
                $call
            }
            D::UInt32 => {
                type $T = u32;
                $call
            }
            D::UInt64 => {
                type $T = u64;
                $call
            }
            other => $crate::dispatch::unsupported(other),
        }
    }};
}

/// Evaluates a call with the native type of a float.
#[macro_export]
macro_rules! with_floats {
    ($data_type:expr, $T:ident => $call:expr) => {{
        use $crate::dispatch::types::DataType as D;
        match $data_type {
            D::Float16 => {
                type $T = $crate::dispatch::types::f16;
                $call
            }
            D::Float32 => {
                type $T = f32;
                $call
            }
            D::Float64 => {
                type $T = f64;
                $call
            }
            other => $crate::dispatch::unsupported(other),
        }
    }};
}

/// Evaluates a call with a string array of any layout.
#[macro_export]
macro_rules! with_strings {
    ($array:expr, |$text:ident| $call:expr) => {{
        use $crate::dispatch::types::{AsArray as _, DataType as D};
        let array = $array;
        match array.data_type() {
            D::Utf8 => {
                let $text = array.as_string::<i32>();
                $call
            }
            D::LargeUtf8 => {
                let $text = array.as_string::<i64>();
                $call
            }
            D::Utf8View => {
                let $text = array.as_string_view();
                $call
            }
            other => $crate::dispatch::unsupported(other),
        }
    }};
}

/// Evaluates a call with an array of strings or binary values of any layout, whose values are seen as bytes through
/// [`ByteValues`](crate::dispatch::ByteValues).
#[macro_export]
macro_rules! with_bytes {
    ($array:expr, |$bytes:ident| $call:expr) => {{
        use $crate::dispatch::types::{AsArray as _, DataType as D};
        let array = $array;
        match array.data_type() {
            D::Utf8 => {
                let $bytes = array.as_string::<i32>();
                $call
            }
            D::LargeUtf8 => {
                let $bytes = array.as_string::<i64>();
                $call
            }
            D::Utf8View => {
                let $bytes = array.as_string_view();
                $call
            }
            D::Binary => {
                let $bytes = array.as_binary::<i32>();
                $call
            }
            D::LargeBinary => {
                let $bytes = array.as_binary::<i64>();
                $call
            }
            D::BinaryView => {
                let $bytes = array.as_binary_view();
                $call
            }
            D::FixedSizeBinary(_) => {
                let $bytes = array.as_fixed_size_binary();
                $call
            }
            other => $crate::dispatch::unsupported(other),
        }
    }};
}

/// Evaluates a call with a lane as wide as a fixed-width type: for moving values without looking at them.
#[macro_export]
macro_rules! with_width {
    ($data_type:expr, $T:ident => $call:expr) => {{
        let data_type = $data_type;
        match data_type.primitive_width() {
            Some(1) => {
                type $T = u8;
                $call
            }
            Some(2) => {
                type $T = u16;
                $call
            }
            Some(4) => {
                type $T = u32;
                $call
            }
            Some(8) => {
                type $T = u64;
                $call
            }
            Some(16) => {
                type $T = i128;
                $call
            }
            Some(32) => {
                type $T = $crate::dispatch::types::i256;
                $call
            }
            _ => $crate::dispatch::unsupported(data_type),
        }
    }};
}

/// What the macros name, so that their users need not.
#[doc(hidden)]
pub mod types {
    pub use arrow_array::cast::AsArray;
    pub use arrow_buffer::i256;
    pub use arrow_schema::DataType;
    pub use half::f16;
}

/// Arrays whose values are bytes.
pub trait ByteValues {
    /// The bytes of a row; those under nulls are arbitrary.
    fn bytes_at(&self, row: usize) -> &[u8];
}

impl<T: arrow_array::types::ByteArrayType> ByteValues for arrow_array::GenericByteArray<T> {
    #[inline]
    fn bytes_at(&self, row: usize) -> &[u8] {
        self.value(row).as_ref()
    }
}

impl<T: arrow_array::types::ByteViewType> ByteValues for arrow_array::GenericByteViewArray<T> {
    #[inline]
    fn bytes_at(&self, row: usize) -> &[u8] {
        self.value(row).as_ref()
    }
}

impl ByteValues for arrow_array::FixedSizeBinaryArray {
    #[inline]
    fn bytes_at(&self, row: usize) -> &[u8] {
        self.value(row)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, new_empty_array};
    use arrow_schema::{DataType, IntervalUnit, TimeUnit};

    use crate::Result;

    fn all_types() -> Vec<DataType> {
        use DataType as T;
        let mut types = vec![
            T::Null,
            T::Boolean,
            T::Int8,
            T::Int16,
            T::Int32,
            T::Int64,
            T::UInt8,
            T::UInt16,
            T::UInt32,
            T::UInt64,
            T::Float16,
            T::Float32,
            T::Float64,
            T::Date32,
            T::Date64,
            T::Utf8,
            T::LargeUtf8,
            T::Utf8View,
            T::Binary,
            T::LargeBinary,
            T::BinaryView,
            T::FixedSizeBinary(3),
            T::Decimal32(5, 2),
            T::Decimal64(5, 2),
            T::Decimal128(5, 2),
            T::Decimal256(5, 2),
            T::new_list(T::Int8, true),
            T::Dictionary(Box::new(T::Int8), Box::new(T::Utf8)),
        ];
        types.extend([IntervalUnit::YearMonth, IntervalUnit::DayTime, IntervalUnit::MonthDayNano].map(T::Interval));
        types.extend([TimeUnit::Second, TimeUnit::Millisecond].map(T::Time32));
        types.extend([TimeUnit::Microsecond, TimeUnit::Nanosecond].map(T::Time64));
        types.extend([TimeUnit::Second, TimeUnit::Nanosecond].map(T::Duration));
        types.extend([TimeUnit::Second, TimeUnit::Nanosecond].map(|unit| T::Timestamp(unit, Some("UTC".into()))));
        types
    }

    fn width<T>() -> Result<usize> {
        Ok(size_of::<T>())
    }

    fn seen<T>(_: &T) -> Result<()> {
        Ok(())
    }

    #[test]
    fn every_type_is_dispatched_by_its_layout_or_refused() {
        for data_type in &all_types() {
            let interval = matches!(data_type, DataType::Interval(_));
            let native = with_native!(data_type, T => width::<T>()).ok();
            assert_eq!(native, data_type.primitive_width().filter(|_| !interval), "{data_type}");
            let integer = with_integers!(data_type, T => width::<T>()).ok();
            assert_eq!(integer, data_type.primitive_width().filter(|_| data_type.is_integer()), "{data_type}");
            let float = with_floats!(data_type, T => width::<T>()).ok();
            assert_eq!(float, data_type.primitive_width().filter(|_| data_type.is_floating()), "{data_type}");
            assert_eq!(with_width!(data_type, T => width::<T>()).ok(), data_type.primitive_width(), "{data_type}");
            let array = new_empty_array(data_type);
            let is_text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
            assert_eq!(with_strings!(&array, |text| seen(text)).is_ok(), is_text, "{data_type}");
            let is_bytes = is_text
                || matches!(
                    data_type,
                    DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
                );
            assert_eq!(with_bytes!(&array, |bytes| seen(bytes)).is_ok(), is_bytes, "{data_type}");
        }
    }
}
