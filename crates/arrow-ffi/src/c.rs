// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The three structs of the Arrow C Data and C Stream interfaces, with the layout that the specification fixes.
//!
//! They are plain: copying one copies pointers, and nothing is released when one is dropped. [`OwnedSchema`],
//! [`OwnedArray`] and [`OwnedStream`] are the ones that release.

use std::ffi::{c_char, c_int, c_void};
use std::mem::{offset_of, size_of};

/// A type, a name and metadata.
#[repr(C)]
#[derive(Debug)]
pub struct ArrowSchema {
    /// The type, as a format string.
    pub format: *const c_char,
    /// The field's name; may be null.
    pub name: *const c_char,
    /// Key-value pairs with lengths; may be null.
    pub metadata: *const c_char,
    /// [`DICTIONARY_ORDERED`], [`NULLABLE`], [`MAP_KEYS_SORTED`].
    pub flags: i64,
    /// Number of children.
    pub n_children: i64,
    /// Their addresses.
    pub children: *mut *mut Self,
    /// The type of dictionary values; null unless dictionary-encoded.
    pub dictionary: *mut Self,
    /// Frees the struct's contents; null once that happened.
    pub release: Option<unsafe extern "C" fn(*mut Self)>,
    /// The producer's.
    pub private_data: *mut c_void,
}

/// The order of the dictionary's values means something.
pub const DICTIONARY_ORDERED: i64 = 1;
/// The field may hold nulls.
pub const NULLABLE: i64 = 2;
/// The keys of each map value are sorted.
pub const MAP_KEYS_SORTED: i64 = 4;

/// The data of an array.
#[repr(C)]
#[derive(Debug)]
pub struct ArrowArray {
    /// Rows, after the offset.
    pub length: i64,
    /// Nulls among them, or −1.
    pub null_count: i64,
    /// Rows at the start of the buffers that do not belong to the array.
    pub offset: i64,
    /// Number of buffers.
    pub n_buffers: i64,
    /// Number of children.
    pub n_children: i64,
    /// The buffers' addresses.
    pub buffers: *mut *const c_void,
    /// The children's addresses.
    pub children: *mut *mut Self,
    /// The dictionary's values.
    pub dictionary: *mut Self,
    /// Frees the struct's contents; null once that happened.
    pub release: Option<unsafe extern "C" fn(*mut Self)>,
    /// The producer's.
    pub private_data: *mut c_void,
}

/// A producer of arrays of one schema.
#[repr(C)]
#[derive(Debug)]
pub struct ArrowArrayStream {
    /// Writes the schema; 0 or an errno.
    pub get_schema: Option<unsafe extern "C" fn(*mut Self, *mut ArrowSchema) -> c_int>,
    /// Writes the next array, a released one at the end; 0 or an errno.
    pub get_next: Option<unsafe extern "C" fn(*mut Self, *mut ArrowArray) -> c_int>,
    /// Why the last call failed; may give null.
    pub get_last_error: Option<unsafe extern "C" fn(*mut Self) -> *const c_char>,
    /// Frees the struct's contents; null once that happened.
    pub release: Option<unsafe extern "C" fn(*mut Self)>,
    /// The producer's.
    pub private_data: *mut c_void,
}

const WORD: usize = size_of::<usize>();
const _: () = assert!(WORD == 8, "64-bit platforms only");
const _: () = assert!(size_of::<ArrowSchema>() == 72 && offset_of!(ArrowSchema, private_data) == 64);
const _: () = assert!(size_of::<ArrowArray>() == 80 && offset_of!(ArrowArray, buffers) == 40);
const _: () = assert!(size_of::<ArrowArrayStream>() == 40 && offset_of!(ArrowArrayStream, release) == 24);

macro_rules! empty {
    ($($name:ident { $($null:ident),* ; $($zero:ident),* ; $($none:ident),* }),* $(,)?) => {$(
        impl $name {
            /// A released struct: what an output parameter holds before it is written.
            #[must_use]
            pub const fn empty() -> Self {
                Self {
                    $($null: std::ptr::null_mut(),)*
                    $($zero: 0,)*
                    $($none: None,)*
                    private_data: std::ptr::null_mut(),
                }
            }

            /// Whether its contents are gone.
            #[must_use]
            pub const fn is_released(&self) -> bool {
                self.release.is_none()
            }
        }
    )*};
}

empty! {
    ArrowSchema { format, name, metadata, children, dictionary; flags, n_children; release },
    ArrowArray { buffers, children, dictionary; length, null_count, offset, n_buffers, n_children; release },
    ArrowArrayStream { ; ; get_schema, get_next, get_last_error, release },
}

macro_rules! owned {
    ($($(#[$doc:meta])* $name:ident of $raw:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name($raw);

        // SAFETY: the specification lets a struct move between threads and be released on any of them; the owner is
        // unique, and shared access only reads.
        unsafe impl Send for $name {}
        // SAFETY: as above.
        unsafe impl Sync for $name {}

        impl $name {
            /// Moves `*source` out, which is released afterwards.
            ///
            /// # Safety
            /// 1. `source` is readable, writable, and holds a struct that is valid or released.
            #[must_use]
            pub unsafe fn take(source: *mut $raw) -> Self {
                // SAFETY: the caller's promise; a copy of a plain struct, and the source no longer owns it.
                Self(unsafe { std::ptr::replace(source, $raw::empty()) })
            }

            /// The struct.
            #[must_use]
            pub const fn as_raw(&self) -> &$raw {
                &self.0
            }

            /// The struct, for a producer to write to or be called with.
            pub const fn as_raw_mut(&mut self) -> &mut $raw {
                &mut self.0
            }

            /// Gives the struct away; whoever takes it releases it.
            #[must_use]
            pub fn into_raw(mut self) -> $raw {
                std::mem::replace(&mut self.0, $raw::empty())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self($raw::empty())
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                if let Some(release) = self.0.release {
                    // SAFETY: the struct is owned and was not released; the callback is the producer's own.
                    unsafe { release(&raw mut self.0) };
                }
            }
        }
    )*};
}

owned! {
    /// A schema that is released when dropped.
    OwnedSchema of ArrowSchema,
    /// An array that is released when dropped.
    OwnedArray of ArrowArray,
    /// A stream that is released when dropped.
    OwnedStream of ArrowArrayStream,
}
