// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The structs of one exported array, what they point at, and their release.
//!
//! All nodes of an array share one [`Tree`], which counts the nodes that are not released. So a child that was moved out keeps
//! everything alive until it is released too, as the specification asks. The tree counts for itself, because a root lets go
//! of all nodes below it in one step, where an `Arc` would take one for each.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use arrow_array::cast::AsArray;
use arrow_array::types::ByteArrayType;
use arrow_array::{Array, ArrayRef, GenericByteArray, downcast_primitive_array};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use smallvec::SmallVec;

use super::{Alias, Aliasing, Exported, Live};
use crate::c::{ArrowArray, OwnedArray};
use crate::ownership::Borrow;
use crate::shape::Layout;

/// Where buffers without bytes point: as long as one 64-bit offset, and aligned for every type.
#[repr(align(64))]
struct Zeros([u8; 64]);
static ZEROS: Zeros = Zeros([0; 64]);

/// One entry a buffer: those of a column without children lie in the tree itself, and it is one allocation.
type Few<T> = SmallVec<[T; 3]>;

/// What the structs of one exported array point at.
#[derive(Debug)]
pub(super) struct Tree {
    /// Structs that are not released yet.
    unreleased: AtomicUsize,
    /// Structs below the root, at addresses that do not change.
    nodes: Vec<ArrowArray>,
    child_pointers: Vec<*mut ArrowArray>,
    buffer_pointers: Few<*const c_void>,
    pub(super) sizes: Few<i64>,
    pub(super) aliases: Vec<Alias>,
    pub(super) byte_len: u64,
    _buffers: Few<Buffer>,
    _borrows: Vec<Arc<Borrow>>,
    live: Arc<Live>,
}

// SAFETY: the pointers lead into the tree's own vectors and into the buffers that it holds, all of which may be read and
// dropped on any thread; after construction only the consumer of the structs writes to them.
unsafe impl Send for Tree {}
// SAFETY: as above.
unsafe impl Sync for Tree {}

impl Drop for Tree {
    fn drop(&mut self) {
        self.live.arrays.fetch_sub(1, Ordering::Relaxed);
        self.live.bytes.fetch_sub(self.byte_len, Ordering::Relaxed);
    }
}

/// A node while the tree grows: its places in the vectors.
struct Draft {
    length: usize,
    offset: usize,
    null_count: usize,
    buffers: std::ops::Range<usize>,
    children: Vec<usize>,
    dictionary: Option<usize>,
}

impl Draft {
    /// The struct; its children's pointers begin at `children`.
    fn node(
        &self,
        tree: *mut c_void,
        buffers: *mut *const c_void,
        children: *mut *mut ArrowArray,
        nodes: *mut ArrowArray,
    ) -> ArrowArray {
        ArrowArray {
            length: self.length as i64,
            null_count: self.null_count as i64,
            offset: self.offset as i64,
            n_buffers: self.buffers.len() as i64,
            n_children: self.children.len() as i64,
            buffers: if self.buffers.is_empty() { ptr::null_mut() } else { buffers.wrapping_add(self.buffers.start) },
            children: if self.children.is_empty() { ptr::null_mut() } else { children },
            dictionary: self.dictionary.map_or(ptr::null_mut(), |at| nodes.wrapping_add(at - 1)),
            release: Some(release),
            private_data: tree,
        }
    }
}

/// Collects the nodes of one array in preorder.
pub(super) struct Writer<'a> {
    aliasing: Aliasing<'a>,
    drafts: SmallVec<[Draft; 1]>,
    buffer_pointers: Few<*const c_void>,
    sizes: Few<i64>,
    aliases: Vec<Alias>,
    buffers: Few<Buffer>,
    borrows: Vec<Arc<Borrow>>,
    byte_len: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(aliasing: Aliasing<'a>, nodes: usize) -> Self {
        Self {
            aliasing,
            drafts: SmallVec::with_capacity(nodes),
            buffer_pointers: SmallVec::with_capacity(nodes * 3),
            sizes: SmallVec::with_capacity(nodes * 3),
            // The result of a function seldom is an argument; the columns of a batch often are.
            aliases: Vec::with_capacity(if matches!(aliasing, Aliasing::Never) || nodes < 2 { 0 } else { nodes * 2 }),
            buffers: SmallVec::new(),
            borrows: Vec::new(),
            byte_len: 0,
        }
    }

    fn begin(&mut self, length: usize, offset: usize, null_count: usize) -> usize {
        let first = self.sizes.len();
        self.drafts.push(Draft {
            length,
            offset,
            null_count,
            buffers: first..first,
            children: Vec::new(),
            dictionary: None,
        });
        self.drafts.len() - 1
    }

    /// A struct of columns, without nulls of its own.
    pub(super) fn batch(&mut self, row_count: usize, columns: &[ArrayRef]) -> usize {
        let at = self.begin(row_count, 0, 0);
        self.absent();
        self.drafts[at].buffers.end = self.sizes.len();
        let children = columns.iter().map(|column| self.array(column.as_ref())).collect();
        self.drafts[at].children = children;
        at
    }

    /// An array and all below it. Flat columns go past `ArrayData`, whose making and dropping was a quarter of what the native
    /// side of ten columns cost; not where bits begin inside a byte, which takes an offset that other buffers share.
    pub(super) fn array(&mut self, array: &dyn Array) -> usize {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        if array.is_empty() || nulls.is_some_and(|nulls| nulls.offset() % 8 != 0) {
            return self.node(&array.to_data());
        }
        downcast_primitive_array!(
            array => self.flat(array.len(), nulls, &[array.values().inner()]),
            DataType::Utf8 => self.bytes(array.as_string::<i32>(), nulls),
            DataType::LargeUtf8 => self.bytes(array.as_string::<i64>(), nulls),
            DataType::Binary => self.bytes(array.as_binary::<i32>(), nulls),
            DataType::LargeBinary => self.bytes(array.as_binary::<i64>(), nulls),
            _ => self.node(&array.to_data())
        )
    }

    fn bytes<T: ByteArrayType>(&mut self, array: &GenericByteArray<T>, nulls: Option<&NullBuffer>) -> usize {
        self.flat(array.len(), nulls, &[array.offsets().inner().inner(), array.values()])
    }

    /// A column without children whose buffers and bits begin with its first row.
    fn flat(&mut self, length: usize, nulls: Option<&NullBuffer>, buffers: &[&Buffer]) -> usize {
        let at = self.begin(length, 0, nulls.map_or(0, NullBuffer::null_count));
        match nulls {
            Some(nulls) => self.range(nulls.buffer(), (nulls.offset() / 8) as isize, length.div_ceil(8)),
            None => self.absent(),
        }
        for buffer in buffers {
            self.range(buffer, 0, buffer.len());
        }
        self.drafts[at].buffers.end = self.sizes.len();
        at
    }

    /// Array data and all below it. Recursion goes as deep as its type.
    fn node(&mut self, data: &ArrayData) -> usize {
        let layout = Layout::of(data.data_type());
        let null_count = match layout {
            Layout::Null => data.len(),
            _ => data.nulls().map_or(0, NullBuffer::null_count),
        };
        let at = self.begin(data.len(), data.offset(), null_count);
        let shift = self.validity(data, &layout);
        self.drafts[at].offset = shift.offset;
        self.values(data, &layout, &shift);
        self.drafts[at].buffers.end = self.sizes.len();
        if matches!(data.data_type(), DataType::Dictionary(..)) {
            let dictionary = data.child_data().first().map(|values| self.node(values));
            self.drafts[at].dictionary = dictionary;
        } else if !data.child_data().is_empty() {
            let children = data.child_data().iter().map(|child| self.node(child)).collect();
            self.drafts[at].children = children;
        }
        at
    }

    /// Writes the validity buffer and decides the offset of the node.
    fn validity(&mut self, data: &ArrayData, layout: &Layout) -> Shift {
        let first = data.offset();
        let kept = Shift { offset: first, first };
        if !layout.has_validity() {
            return kept;
        }
        let Some(nulls) = data.nulls().filter(|nulls| nulls.null_count() > 0) else {
            self.absent();
            return kept;
        };
        // The bits may begin inside a byte; the other buffers then have to begin as many entries earlier.
        let bit = nulls.offset();
        let shift = Shift { offset: bit % 8, first };
        if bit == first || shift.fits(data, layout) {
            let shift = if bit == first { kept } else { shift };
            let skip = (bit - shift.offset) / 8;
            let byte_len = (shift.offset + data.len()).div_ceil(8);
            self.range(nulls.buffer(), skip as isize, byte_len);
            return shift;
        }
        let offset = if matches!(layout, Layout::Bits) { first % 8 } else { first };
        let mut bits = BooleanBufferBuilder::new(offset + data.len());
        bits.append_n(offset, false);
        bits.append_buffer(nulls.inner());
        let copy = bits.finish().into_inner();
        let byte_len = copy.len();
        self.range(&copy, 0, byte_len);
        Shift { offset, first }
    }

    /// Writes the buffers after the validity.
    fn values(&mut self, data: &ArrayData, layout: &Layout, shift: &Shift) {
        let end = shift.offset + data.len();
        let buffers = data.buffers();
        match layout {
            Layout::Null | Layout::RunEnds | Layout::Struct | Layout::FixedList { .. } => {}
            Layout::Bits => {
                let skip = (shift.first - shift.offset) / 8;
                self.range(&buffers[0], skip as isize, end.div_ceil(8));
            }
            Layout::Fixed { width, .. } | Layout::Dictionary { width, .. } => {
                self.range(&buffers[0], shift.bytes(*width), end * width);
            }
            Layout::Bytes { wide, .. } | Layout::List { wide } => {
                let width = if *wide { 8 } else { 4 };
                if data.is_empty() {
                    // An array without rows may lack even its one offset, which consumers want to read.
                    self.zeros(width);
                } else {
                    self.range(&buffers[0], shift.bytes(width), (end + 1) * width);
                }
                if let Some(values) = buffers.get(1) {
                    self.range(values, 0, values.len());
                }
            }
            Layout::ListView { wide } => {
                let width = if *wide { 8 } else { 4 };
                for buffer in buffers {
                    self.range(buffer, shift.bytes(width), end * width);
                }
            }
            Layout::Views { .. } => {
                self.range(&buffers[0], shift.bytes(16), end * 16);
                let mut sizes = Vec::with_capacity(buffers.len() - 1);
                for values in &buffers[1..] {
                    self.range(values, 0, values.len());
                    sizes.push(values.len() as i64);
                }
                let sizes = Buffer::from_vec(sizes);
                let byte_len = sizes.len();
                self.range(&sizes, 0, byte_len);
            }
            Layout::Union { dense, .. } => {
                self.range(&buffers[0], shift.bytes(1), end);
                if *dense {
                    self.range(&buffers[1], shift.bytes(4), end * 4);
                }
            }
        }
    }

    /// A validity buffer that is not there.
    fn absent(&mut self) {
        self.buffer_pointers.push(ptr::null());
        self.sizes.push(0);
    }

    /// Zeros, of which there are always enough.
    fn zeros(&mut self, byte_len: usize) {
        self.buffer_pointers.push(ZEROS.0.as_ptr().cast());
        self.sizes.push(byte_len as i64);
    }

    /// `byte_len` bytes from `skip` bytes after, or before, the start of a buffer.
    fn range(&mut self, buffer: &Buffer, skip: isize, byte_len: usize) {
        if byte_len == 0 {
            self.zeros(0);
            return;
        }
        let target = self.sizes.len() as u32;
        self.sizes.push(byte_len as i64);
        // Within the allocation: `Shift::fits` looked before it went back.
        let pointer = buffer.as_ptr().wrapping_offset(skip);
        self.buffer_pointers.push(pointer.cast());
        match self.aliasing.locate(pointer.addr(), byte_len) {
            Some(found) => {
                self.aliases.push(Alias {
                    owner: found.owner,
                    source_buffer: found.buffer,
                    target_buffer: target,
                    offset: found.offset as i64,
                    byte_len: byte_len as i64,
                });
                self.borrows.extend(found.borrow);
            }
            None => {
                self.byte_len += byte_len as u64;
                self.buffers.push(buffer.clone());
            }
        }
    }

    /// Makes the structs and hands out the root.
    pub(super) fn finish(self, root: usize, live: &Arc<Live>) -> Exported {
        debug_assert_eq!(root, 0, "the root comes first");
        live.arrays.fetch_add(1, Ordering::Relaxed);
        live.bytes.fetch_add(self.byte_len, Ordering::Relaxed);
        let below = self.drafts.len() - 1;
        let tree = Box::into_raw(Box::new(Tree {
            unreleased: AtomicUsize::new(self.drafts.len()),
            nodes: Vec::with_capacity(below),
            child_pointers: Vec::with_capacity(below),
            buffer_pointers: self.buffer_pointers,
            sizes: self.sizes,
            aliases: self.aliases,
            byte_len: self.byte_len,
            _buffers: self.buffers,
            _borrows: self.borrows,
            live: live.clone(),
        }));
        let address = tree.cast::<c_void>();
        let mut out = OwnedArray::default();
        // SAFETY: it was made above, and nobody else knows of it before the structs are handed out.
        let tree = unsafe { &mut *tree };
        let nodes = tree.nodes.as_mut_ptr();
        let pointers = tree.child_pointers.as_mut_ptr();
        // Perhaps inside the tree, which stays where it is.
        let buffers = tree.buffer_pointers.as_mut_ptr();
        for (at, draft) in self.drafts.iter().enumerate() {
            let first = tree.child_pointers.len();
            // Capacity was reserved for all nodes below the root, so neither vector moves. The root is not among them.
            tree.child_pointers.extend(draft.children.iter().map(|&child| nodes.wrapping_add(child - 1)));
            let node = draft.node(address, buffers, pointers.wrapping_add(first), nodes);
            match at {
                0 => *out.as_raw_mut() = node,
                _ => tree.nodes.push(node),
            }
        }
        Exported { array: out }
    }
}

/// The tree of an exported root that nobody has released.
pub(super) fn tree_of(root: &OwnedArray) -> &Tree {
    // SAFETY: `Exported` keeps the root that `finish` made until it gives it away; it holds its tree.
    unsafe { &*root.as_raw().private_data.cast::<Tree>().cast_const() }
}

/// Where a node's entries begin.
struct Shift {
    /// The offset that the struct says.
    offset: usize,
    /// The entry of the buffers that is the array's first.
    first: usize,
}

impl Shift {
    /// Bytes from a buffer's start to the struct's entry zero.
    fn bytes(&self, width: usize) -> isize {
        (self.first as isize - self.offset as isize) * width as isize
    }

    /// Whether all buffers beside the validity can begin at this offset.
    fn fits(&self, data: &ArrayData, layout: &Layout) -> bool {
        let room = |buffer: usize, width: usize| {
            let needed = self.bytes(width).min(0).unsigned_abs();
            data.buffers().get(buffer).is_some_and(|buffer| needed == 0 || buffer.ptr_offset() >= needed)
        };
        match layout {
            Layout::Bits => self.first % 8 == self.offset && self.first >= self.offset,
            Layout::Fixed { width, .. } | Layout::Dictionary { width, .. } => room(0, *width),
            Layout::Bytes { wide, .. } | Layout::List { wide } => room(0, if *wide { 8 } else { 4 }),
            Layout::Views { .. } => room(0, 16),
            Layout::ListView { wide } => {
                let width = if *wide { 8 } else { 4 };
                room(0, width) && room(1, width)
            }
            // The children begin where they begin.
            _ => self.offset == self.first,
        }
    }
}

/// # Safety
/// 1. `array` is null or leads to a struct that [`Writer::finish`] made, or that was released before.
unsafe extern "C" fn release(array: *mut ArrowArray) {
    // SAFETY: the caller's promise.
    let Some(array) = (unsafe { array.as_mut() }) else { return };
    if array.release.take().is_none() {
        return;
    }
    // SAFETY: the caller's promise: what it leads to are structs of the tree, which this one still holds.
    let released = 1 + unsafe { release_below(array) };
    let tree = std::mem::replace(&mut array.private_data, ptr::null_mut()).cast::<Tree>();
    // SAFETY: `finish` counted each struct once, and none is counted back twice: `release` was set until now. So the tree is
    // there, and the last struct to go drops it, after whatever other threads did with theirs.
    unsafe {
        if (*tree).unreleased.fetch_sub(released, Ordering::Release) == released {
            fence(Ordering::Acquire);
            drop(Box::from_raw(tree));
        }
    }
}

/// Marks all structs below one as released that were not moved out, and gives their number. Recursion goes as deep as the type.
///
/// # Safety
/// 1. `array` is a struct that [`Writer::finish`] made, whose tree is alive.
unsafe fn release_below(array: &ArrowArray) -> usize {
    let mut released = 0;
    let children = usize::try_from(array.n_children).unwrap_or(0);
    // SAFETY: obligation 1: `children` leads to that many pointers to structs of the tree, `dictionary` to one or nowhere. One
    // that was moved out is marked released.
    unsafe {
        let children = (0..children).map(|at| *array.children.add(at));
        for child in children.chain((!array.dictionary.is_null()).then_some(array.dictionary)) {
            if let Some(child) = child.as_mut()
                && child.release.take().is_some()
            {
                child.private_data = ptr::null_mut();
                released += 1 + release_below(child);
            }
        }
    }
    released
}
