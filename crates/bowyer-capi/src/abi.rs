// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The structs of `bowyer.h`, field by field, and how an output struct is reached.
//!
//! `tests/header.rs` compiles the header and compares sizes and offsets with these.

use std::ffi::{c_char, c_void};
use std::mem::size_of;

use bowyer_core::{Error, Result};

/// `bowyer_bytes`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// First byte; may be null when `len` is zero.
    pub data: *const u8,
    /// How many.
    pub len: usize,
}

impl Bytes {
    /// The bytes.
    ///
    /// # Errors
    /// `InvalidArgument` for a null address with a length.
    ///
    /// # Safety
    /// 1. `data` is null or leads to `len` readable bytes that do not change meanwhile.
    pub unsafe fn as_slice<'a>(&self) -> Result<&'a [u8]> {
        if self.len == 0 {
            return Ok(&[]);
        }
        if self.data.is_null() || self.len > isize::MAX as usize {
            return Err(Error::invalid_argument(format!("{} bytes at no address", self.len)));
        }
        // SAFETY: the caller's promise.
        Ok(unsafe { std::slice::from_raw_parts(self.data, self.len) })
    }
}

/// `bowyer_buffer`
#[repr(C)]
#[derive(Debug)]
pub struct Buffer {
    /// Set by the caller.
    pub struct_size: u32,
    /// Zero.
    pub flags: u32,
    /// First byte.
    pub data: *const u8,
    /// How many.
    pub len: u64,
    /// Frees them.
    pub release: Option<unsafe extern "C" fn(*mut Self)>,
    /// The library's.
    pub private_data: *mut c_void,
}

/// `bowyer_error`
#[repr(C)]
#[derive(Debug)]
pub struct CError {
    /// Set by the caller.
    pub struct_size: u32,
    /// An error code.
    pub code: i32,
    /// UTF-8 with a zero byte after it.
    pub message: *const c_char,
    /// Length without the zero byte.
    pub message_len: u64,
    /// An encoded `ErrorDetail`.
    pub detail: *const u8,
    /// Its length.
    pub detail_len: u64,
    /// Frees both.
    pub release: Option<unsafe extern "C" fn(*mut Self)>,
    /// The library's.
    pub private_data: *mut c_void,
}

/// `bowyer_call`
#[repr(C)]
#[derive(Debug)]
pub struct Call {
    /// Set by the caller.
    pub struct_size: u32,
    /// Zero.
    pub flags: u32,
    /// Time left, zero for no end.
    pub timeout_ns: u64,
    /// Bytes, zero for the engine's limit.
    pub memory_limit: u64,
    /// A word that the caller sets to cancel.
    pub cancel: *const u32,
    /// W3C trace context.
    pub traceparent: [c_char; 56],
}

/// `bowyer_argument`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// First array of the block.
    pub first: u32,
    /// How many arrays.
    pub count: u32,
    /// [`ARGUMENT_SCALAR`], [`ARGUMENT_CHUNKED`].
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

/// One row that stands for every row.
pub const ARGUMENT_SCALAR: u32 = 1;
/// Several arrays, one after another.
pub const ARGUMENT_CHUNKED: u32 = 2;

/// `bowyer_block`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Set by the caller.
    pub struct_size: u32,
    /// Arrays of the block.
    pub array_count: u32,
    /// The caller's number for the buffers.
    pub owner: u64,
    /// Rows of a record batch.
    pub row_count: i64,
    /// Address of the arrays.
    pub arrays: u64,
    /// Address of the buffers' sizes, or zero.
    pub sizes: u64,
    /// Address of the arguments, or zero.
    pub arguments: u64,
    /// How many arguments.
    pub argument_count: u32,
    /// [`BLOCK_TRUSTED`], [`BLOCK_FULL`].
    pub flags: u32,
}

/// Contents are not checked.
pub const BLOCK_TRUSTED: u32 = 1;
/// Values are checked too.
pub const BLOCK_FULL: u32 = 2;

/// `bowyer_result`
#[repr(C)]
#[derive(Debug)]
pub struct CResult {
    /// Set by the caller.
    pub struct_size: u32,
    /// [`STATE_BATCH`], [`STATE_PENDING`], [`STATE_END`].
    pub state: u32,
    /// [`RESULT_RETAINED`], [`RESULT_SCALAR`].
    pub flags: u32,
    /// Entries of `aliases`.
    pub alias_count: u32,
    /// Entries of `sizes`.
    pub buffer_count: u32,
    /// Zero.
    pub reserved: u32,
    /// Rows of the result.
    pub row_count: i64,
    /// Buffers that lie in a block.
    pub aliases: *const arrow_ffi::export::Alias,
    /// Bytes of each buffer.
    pub sizes: *const i64,
    /// Native bytes.
    pub byte_len: u64,
    /// Bytes of the block that were copied.
    pub bytes_copied: u64,
}

/// A batch was written.
pub const STATE_BATCH: u32 = 1;
/// Nothing yet.
pub const STATE_PENDING: u32 = 2;
/// No more batches.
pub const STATE_END: u32 = 3;
/// Buffers of the block are still held.
pub const RESULT_RETAINED: u32 = 1;
/// One row that stands for every row.
pub const RESULT_SCALAR: u32 = 2;

/// `bowyer_event`
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// One of the `EVENT_` numbers.
    pub kind: u32,
    /// Output or input.
    pub port: u32,
    /// Query or engine.
    pub handle: u64,
    /// Credits or owner.
    pub value: u64,
}

/// An output has something.
pub const EVENT_OUTPUT: u32 = 1;
/// An input takes more batches.
pub const EVENT_INPUT: u32 = 2;
/// An owner's buffers are no longer held.
pub const EVENT_OWNER: u32 = 3;
/// There are records.
pub const EVENT_LOG: u32 = 4;
/// The engine is closed.
pub const EVENT_CLOSED: u32 = 6;

const _: () = assert!(size_of::<Buffer>() == 40 && size_of::<CError>() == 56 && size_of::<Call>() == 88);
const _: () = assert!(size_of::<Block>() == 56 && size_of::<CResult>() == 64 && size_of::<Event>() == 24);

/// A struct that says its own size.
pub(crate) trait Sized32 {
    fn struct_size(&self) -> u32;
    const NAME: &'static str;
}

macro_rules! sized {
    ($($name:ident $text:literal),* $(,)?) => {$(
        impl Sized32 for $name {
            const NAME: &'static str = $text;
            fn struct_size(&self) -> u32 {
                self.struct_size
            }
        }
    )*};
}

sized!(Buffer "bowyer_buffer", CError "bowyer_error", Call "bowyer_call", Block "bowyer_block", CResult "bowyer_result");

fn check_size<T: Sized32>(value: &T) -> Result<()> {
    if (value.struct_size() as usize) < size_of::<T>() {
        let (name, size) = (T::NAME, value.struct_size());
        return Err(Error::invalid_argument(format!("{name} of {size} bytes, this library needs {}", size_of::<T>())));
    }
    Ok(())
}

fn check_address<T>(pointer: *const T, name: &'static str) -> Result<()> {
    if pointer.is_null() {
        return Err(Error::invalid_argument(format!("{name} is NULL")));
    }
    if !pointer.is_aligned() {
        return Err(Error::invalid_argument(format!("{name} is not aligned")));
    }
    Ok(())
}

/// An input struct with a size.
///
/// # Safety
/// 1. `pointer` is null, misaligned, or leads to a struct that does not change meanwhile.
pub(crate) unsafe fn sized_input<'a, T: Sized32>(pointer: *const T) -> Result<&'a T> {
    check_address(pointer, T::NAME)?;
    // SAFETY: the caller's promise; not null, aligned.
    let value = unsafe { &*pointer };
    check_size(value)?;
    Ok(value)
}

/// An output struct with a size.
///
/// # Safety
/// 1. `pointer` is null, misaligned, or leads to an initialised struct that nobody else uses meanwhile.
pub(crate) unsafe fn sized_output<'a, T: Sized32>(pointer: *mut T) -> Result<&'a mut T> {
    check_address(pointer, T::NAME)?;
    // SAFETY: the caller's promise; not null, aligned.
    let value = unsafe { &mut *pointer };
    check_size(value)?;
    Ok(value)
}

/// An output without a size: a number or an Arrow struct.
///
/// # Safety
/// 1. As [`sized_output`].
pub(crate) unsafe fn output<'a, T>(pointer: *mut T, name: &'static str) -> Result<&'a mut T> {
    check_address(pointer, name)?;
    // SAFETY: the caller's promise; not null, aligned.
    Ok(unsafe { &mut *pointer })
}
