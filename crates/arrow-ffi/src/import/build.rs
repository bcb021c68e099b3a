// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! One array from its part of a proof, type by type, with the constructors that do not check.

use std::ptr::NonNull;
use std::sync::Arc;

use arrow_array::types::*;
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray,
    GenericByteArray, GenericByteViewArray, GenericListArray, GenericListViewArray, MapArray, NullArray,
    OffsetSizeTrait, PrimitiveArray, RunArray, StructArray, UnionArray,
};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, RunEndBuffer, ScalarBuffer};
use arrow_schema::{DataType, FieldRef, IntervalUnit, TimeUnit, UnionMode};
use bowyer_core::{Error, Memory, Result};

use crate::guard::Proof;
use crate::ownership::Borrow;
use crate::raw::Node;
use crate::shape::Shape;

/// Builds the array of one root.
pub(super) struct Builder<'p, 'a> {
    proof: &'p Proof<'a>,
    shape: &'p Shape,
    base: usize,
    borrow: &'p Arc<Borrow>,
    memory: &'p Memory,
    bytes_copied: u64,
}

impl<'p, 'a> Builder<'p, 'a> {
    /// # Safety
    /// 1. `proof` was made with `shape` for the nodes from `base` on.
    /// 2. Its ranges stay readable and unchanged until `borrow` ends.
    pub(super) unsafe fn new(
        proof: &'p Proof<'a>,
        shape: &'p Shape,
        base: usize,
        borrow: &'p Arc<Borrow>,
        memory: &'p Memory,
    ) -> Self {
        Self { proof, shape, base, borrow, memory, bytes_copied: 0 }
    }

    pub(super) fn bytes_copied(&self) -> u64 {
        self.bytes_copied
    }

    fn node(&self, at: usize) -> Node {
        self.proof.flat().nodes[self.base + at]
    }

    fn range(&self, at: usize, buffer: usize) -> &'a [u8] {
        let node = self.node(at);
        self.proof.flat().buffers[node.first_buffer + buffer]
    }

    /// A range as a buffer that holds the borrow.
    fn buffer(&self, range: &'a [u8]) -> Buffer {
        if range.is_empty() {
            return Buffer::default();
        }
        // SAFETY: obligation 2 of `new`: the range is readable and unchanged as long as something holds the borrow, and
        // the buffer does.
        unsafe { Buffer::from_custom_allocation(NonNull::from(range).cast(), range.len(), self.borrow.clone()) }
    }

    /// `count` numbers from entry `first` on; copied when they lie askew.
    fn numbers<T: ArrowNativeType>(&mut self, range: &'a [u8], first: usize, count: usize) -> Result<ScalarBuffer<T>> {
        if count == 0 {
            return Ok(ScalarBuffer::default());
        }
        let width = size_of::<T>();
        if range.as_ptr().addr().is_multiple_of(align_of::<T>()) {
            // Not always as short as can be: an export may want the room before the first number.
            return Ok(match first {
                0 => self.buffer(&range[..count * width]).into(),
                _ => ScalarBuffer::new(self.buffer(range), first, count),
            });
        }
        let copy = self.copy(&range[first * width..(first + count) * width])?;
        Ok(ScalarBuffer::new(copy, 0, count))
    }

    fn copy(&mut self, bytes: &[u8]) -> Result<Buffer> {
        let mut allocation = self.memory.allocate(bytes.len())?;
        allocation[..bytes.len()].copy_from_slice(bytes);
        self.bytes_copied += bytes.len() as u64;
        Ok(allocation.into_buffer())
    }

    fn nulls(&self, at: usize) -> Option<NullBuffer> {
        let null_count = self.proof.null_count(self.base + at);
        if null_count == 0 {
            return None;
        }
        let node = self.node(at);
        let bits = BooleanBuffer::new(self.buffer(self.range(at, 0)), node.offset, node.length);
        // SAFETY: the guard counted these bits.
        Some(unsafe { NullBuffer::new_unchecked(bits, null_count) })
    }

    fn offsets<O: OffsetSizeTrait>(&mut self, at: usize) -> Result<OffsetBuffer<O>> {
        let node = self.node(at);
        if node.length == 0 {
            return Ok(OffsetBuffer::new_empty());
        }
        let offsets = self.numbers(self.range(at, 1), node.offset, node.length + 1)?;
        // SAFETY: the guard proved that they ascend from zero or more.
        Ok(unsafe { OffsetBuffer::new_unchecked(offsets) })
    }

    /// A child, as an index of the shape.
    fn child(&mut self, at: usize, which: usize) -> Result<ArrayRef> {
        let child = self.shape.nodes()[at].children[which];
        self.array(child as usize)
    }

    /// The array of a node. Recursion goes as deep as the type, which was bounded when its schema was read.
    pub(super) fn array(&mut self, at: usize) -> Result<ArrayRef> {
        use DataType as D;
        let shape = self.shape;
        let data_type = &shape.nodes()[at].data_type;
        match data_type {
            D::Null => Ok(Arc::new(NullArray::new(self.node(at).length))),
            D::Boolean => {
                let node = self.node(at);
                let values = match node.length {
                    0 => BooleanBuffer::new_unset(0),
                    length => BooleanBuffer::new(self.buffer(self.range(at, 1)), node.offset, length),
                };
                Ok(Arc::new(BooleanArray::new(values, self.nulls(at))))
            }
            D::Binary => self.bytes::<BinaryType>(at),
            D::LargeBinary => self.bytes::<LargeBinaryType>(at),
            D::Utf8 => self.bytes::<Utf8Type>(at),
            D::LargeUtf8 => self.bytes::<LargeUtf8Type>(at),
            D::BinaryView => self.views::<BinaryViewType>(at),
            D::Utf8View => self.views::<StringViewType>(at),
            D::FixedSizeBinary(width) => self.fixed_size_binary(at, *width),
            D::List(field) => self.list::<i32>(at, field),
            D::LargeList(field) => self.list::<i64>(at, field),
            D::ListView(field) => self.list_view::<i32>(at, field),
            D::LargeListView(field) => self.list_view::<i64>(at, field),
            D::FixedSizeList(field, size) => self.fixed_size_list(at, field, *size),
            D::Map(field, sorted) => self.map(at, field, *sorted),
            D::Struct(_) => Ok(Arc::new(self.structure(at)?)),
            D::Union(..) => self.union(at),
            D::Dictionary(keys, _) => self.dictionary(at, keys),
            D::RunEndEncoded(run_ends, _) => self.run_ends(at, run_ends),
            _ => self.fixed(at, data_type),
        }
    }

    fn primitive<T: ArrowPrimitiveType>(&mut self, at: usize, data_type: &DataType) -> Result<PrimitiveArray<T>> {
        let node = self.node(at);
        let values = self.numbers::<T::Native>(self.range(at, 1), node.offset, node.length)?;
        let array = PrimitiveArray::<T>::new(values, self.nulls(at));
        // Zones, precisions and scales are in the type only.
        Ok(if *data_type == T::DATA_TYPE { array } else { array.with_data_type(data_type.clone()) })
    }

    fn fixed(&mut self, at: usize, data_type: &DataType) -> Result<ArrayRef> {
        use DataType as D;
        macro_rules! of {
            ($native:ty) => {
                Ok(Arc::new(self.primitive::<$native>(at, data_type)?))
            };
        }
        match data_type {
            D::Int8 => of!(Int8Type),
            D::Int16 => of!(Int16Type),
            D::Int32 => of!(Int32Type),
            D::Int64 => of!(Int64Type),
            D::UInt8 => of!(UInt8Type),
            D::UInt16 => of!(UInt16Type),
            D::UInt32 => of!(UInt32Type),
            D::UInt64 => of!(UInt64Type),
            D::Float16 => of!(Float16Type),
            D::Float32 => of!(Float32Type),
            D::Float64 => of!(Float64Type),
            D::Date32 => of!(Date32Type),
            D::Date64 => of!(Date64Type),
            D::Time32(TimeUnit::Second) => of!(Time32SecondType),
            D::Time32(_) => of!(Time32MillisecondType),
            D::Time64(TimeUnit::Microsecond) => of!(Time64MicrosecondType),
            D::Time64(_) => of!(Time64NanosecondType),
            D::Timestamp(TimeUnit::Second, _) => of!(TimestampSecondType),
            D::Timestamp(TimeUnit::Millisecond, _) => of!(TimestampMillisecondType),
            D::Timestamp(TimeUnit::Microsecond, _) => of!(TimestampMicrosecondType),
            D::Timestamp(TimeUnit::Nanosecond, _) => of!(TimestampNanosecondType),
            D::Duration(TimeUnit::Second) => of!(DurationSecondType),
            D::Duration(TimeUnit::Millisecond) => of!(DurationMillisecondType),
            D::Duration(TimeUnit::Microsecond) => of!(DurationMicrosecondType),
            D::Duration(TimeUnit::Nanosecond) => of!(DurationNanosecondType),
            D::Interval(IntervalUnit::YearMonth) => of!(IntervalYearMonthType),
            D::Interval(IntervalUnit::DayTime) => of!(IntervalDayTimeType),
            D::Interval(IntervalUnit::MonthDayNano) => of!(IntervalMonthDayNanoType),
            D::Decimal32(..) => of!(Decimal32Type),
            D::Decimal64(..) => of!(Decimal64Type),
            D::Decimal128(..) => of!(Decimal128Type),
            D::Decimal256(..) => of!(Decimal256Type),
            other => Err(Error::not_implemented(format!("arrays of type {other} cannot be imported"))),
        }
    }

    fn bytes<T: ByteArrayType>(&mut self, at: usize) -> Result<ArrayRef> {
        let offsets = self.offsets::<T::Offset>(at)?;
        let values = if offsets.len() == 1 { Buffer::default() } else { self.buffer(self.range(at, 2)) };
        // SAFETY: the guard proved that the offsets ascend and end within the values, and that text is UTF-8 with every
        // offset on the boundary of a code point.
        Ok(Arc::new(unsafe { GenericByteArray::<T>::new_unchecked(offsets, values, self.nulls(at)) }))
    }

    fn views<T: ByteViewType + ?Sized>(&mut self, at: usize) -> Result<ArrayRef> {
        let node = self.node(at);
        let nulls = self.nulls(at);
        let views = match (&nulls, self.proof.needs_repair(self.base + at)) {
            (Some(nulls), true) => {
                let range = &self.range(at, 1)[node.offset * 16..(node.offset + node.length) * 16];
                let mut copy = self.memory.allocate(range.len())?;
                copy[..range.len()].copy_from_slice(range);
                for (row, view) in copy[..range.len()].as_chunks_mut::<16>().0.iter_mut().enumerate() {
                    if nulls.is_null(row) {
                        *view = [0; 16];
                    }
                }
                self.bytes_copied += range.len() as u64;
                ScalarBuffer::new(copy.into_buffer(), 0, node.length)
            }
            _ => self.numbers::<u128>(self.range(at, 1), node.offset, node.length)?,
        };
        let values = 2..node.buffer_count - 1;
        let buffers: Vec<Buffer> = values.map(|buffer| self.buffer(self.range(at, buffer))).collect();
        // SAFETY: the guard proved that every view is inline with a clean end, or lies within its buffer behind its own
        // prefix, and that text is UTF-8; views of null rows for which that does not hold are zero now.
        Ok(Arc::new(unsafe { GenericByteViewArray::<T>::new_unchecked(views, buffers, nulls) }))
    }

    fn fixed_size_binary(&mut self, at: usize, width: i32) -> Result<ArrayRef> {
        let node = self.node(at);
        let bytes = usize::try_from(width).unwrap_or(0);
        let values = match node.length * bytes {
            0 => Buffer::default(),
            length => self.buffer(self.range(at, 1)).slice_with_length(node.offset * bytes, length),
        };
        let array = FixedSizeBinaryArray::try_new_with_len(width, values, self.nulls(at), node.length)?;
        Ok(Arc::new(array))
    }

    fn list<O: OffsetSizeTrait>(&mut self, at: usize, field: &FieldRef) -> Result<ArrayRef> {
        let offsets = self.offsets::<O>(at)?;
        let values = self.child(at, 0)?;
        // SAFETY: the guard proved that the offsets ascend and end within the child.
        Ok(Arc::new(unsafe { GenericListArray::new_unchecked(field.clone(), offsets, values, self.nulls(at)) }))
    }

    fn list_view<O: OffsetSizeTrait>(&mut self, at: usize, field: &FieldRef) -> Result<ArrayRef> {
        let node = self.node(at);
        let offsets = self.numbers::<O>(self.range(at, 1), node.offset, node.length)?;
        let sizes = self.numbers::<O>(self.range(at, 2), node.offset, node.length)?;
        let (values, nulls) = (self.child(at, 0)?, self.nulls(at));
        // SAFETY: the guard proved that every list lies within the child.
        let array = unsafe { GenericListViewArray::new_unchecked(field.clone(), offsets, sizes, values, nulls) };
        Ok(Arc::new(array))
    }

    fn fixed_size_list(&mut self, at: usize, field: &FieldRef, size: i32) -> Result<ArrayRef> {
        let node = self.node(at);
        let rows = usize::try_from(size).unwrap_or(0);
        let values = self.child(at, 0)?.slice(node.offset * rows, node.length * rows);
        let nulls = self.nulls(at);
        // SAFETY: the values are cut to the rows' number, which the guard proved to be there.
        let array = unsafe { FixedSizeListArray::new_unchecked(field.clone(), size, values, nulls, node.length) };
        Ok(Arc::new(array))
    }

    fn map(&mut self, at: usize, field: &FieldRef, sorted: bool) -> Result<ArrayRef> {
        let offsets = self.offsets::<i32>(at)?;
        let entries = self.shape.nodes()[at].children[0] as usize;
        let entries = self.structure(entries)?;
        let nulls = self.nulls(at);
        // SAFETY: the guard proved that the offsets ascend and end within the entries; reading the schema, that these are
        // a struct of two.
        Ok(Arc::new(unsafe { MapArray::new_unchecked(field.clone(), offsets, entries, nulls, sorted) }))
    }

    fn structure(&mut self, at: usize) -> Result<StructArray> {
        let node = self.node(at);
        let shape = self.shape;
        let DataType::Struct(fields) = &shape.nodes()[at].data_type else {
            return Err(Error::internal("a shape's struct is none"));
        };
        let mut children = Vec::with_capacity(fields.len());
        for which in 0..fields.len() {
            let child = self.child(at, which)?;
            let whole = node.offset == 0 && child.len() == node.length;
            children.push(if whole { child } else { child.slice(node.offset, node.length) });
        }
        let nulls = self.nulls(at);
        // SAFETY: every child is cut to the rows' number, which the guard proved to be there; types are the fields' own.
        Ok(unsafe { StructArray::new_unchecked_with_length(fields.clone(), children, nulls, node.length) })
    }

    fn union(&mut self, at: usize) -> Result<ArrayRef> {
        let node = self.node(at);
        let shape = self.shape;
        let DataType::Union(fields, mode) = &shape.nodes()[at].data_type else {
            return Err(Error::internal("a shape's union is none"));
        };
        let ids = self.numbers::<i8>(self.range(at, 0), node.offset, node.length)?;
        let mut offsets = None;
        if *mode == UnionMode::Dense {
            offsets = Some(self.numbers::<i32>(self.range(at, 1), node.offset, node.length)?);
        }
        let mut children = Vec::with_capacity(fields.len());
        for which in 0..fields.len() {
            let child = self.child(at, which)?;
            let sparse = *mode == UnionMode::Sparse;
            children.push(if sparse { child.slice(node.offset, node.length) } else { child });
        }
        // SAFETY: the guard proved that every type id names a child and every offset a row of it.
        Ok(Arc::new(unsafe { UnionArray::new_unchecked(fields.clone(), ids, offsets, children) }))
    }

    fn dictionary(&mut self, at: usize, keys: &DataType) -> Result<ArrayRef> {
        let values = self.child(at, 0)?;
        macro_rules! of {
            ($native:ty) => {{
                let keys = self.primitive::<$native>(at, keys)?;
                // SAFETY: the guard proved that every valid key is within the dictionary.
                Ok(Arc::new(unsafe { DictionaryArray::<$native>::new_unchecked(keys, values) }))
            }};
        }
        match keys {
            DataType::Int8 => of!(Int8Type),
            DataType::Int16 => of!(Int16Type),
            DataType::Int32 => of!(Int32Type),
            DataType::Int64 => of!(Int64Type),
            DataType::UInt8 => of!(UInt8Type),
            DataType::UInt16 => of!(UInt16Type),
            DataType::UInt32 => of!(UInt32Type),
            DataType::UInt64 => of!(UInt64Type),
            other => Err(Error::not_implemented(format!("dictionary keys of type {other}"))),
        }
    }

    fn run_ends(&mut self, at: usize, run_ends: &FieldRef) -> Result<ArrayRef> {
        match run_ends.data_type() {
            DataType::Int16 => self.runs::<Int16Type>(at),
            DataType::Int32 => self.runs::<Int32Type>(at),
            _ => self.runs::<Int64Type>(at),
        }
    }

    fn runs<R: RunEndIndexType>(&mut self, at: usize) -> Result<ArrayRef> {
        let node = self.node(at);
        let shape = self.shape;
        let ends_at = shape.nodes()[at].children[0] as usize;
        let runs = self.node(ends_at);
        let ends = self.numbers::<R::Native>(self.range(ends_at, 1), runs.offset, runs.length)?;
        let values = self.child(at, 1)?.slice(0, runs.length);
        // SAFETY: the guard proved that run ends ascend from one or more and reach past the last row.
        let ends = unsafe { RunEndBuffer::new_unchecked(ends, node.offset, node.length) };
        let data_type = shape.nodes()[at].data_type.clone();
        // SAFETY: as above; there are as many values as runs.
        Ok(Arc::new(unsafe { RunArray::<R>::new_unchecked(data_type, ends, values) }))
    }
}
