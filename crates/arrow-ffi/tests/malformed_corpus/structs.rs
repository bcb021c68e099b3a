// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Cases of `testdata/malformed` as C structs: what a case says is put there word for word, however wrong.
//!
//! Every buffer is an allocation of exactly its bytes, so that a tool that watches memory sees a byte read behind it.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::{c_char, c_void};
use std::path::Path;
use std::ptr;

use arrow_ffi::c::{ArrowArray, ArrowSchema};
use serde::Deserialize;

/// One case, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Row of the table of cases in docs/malformed.md.
    pub(crate) number: u32,
    pub(crate) schema: SchemaText,
    pub(crate) array: ArrayText,
    /// The case that refuses it; none for good ones.
    pub(crate) refused: Option<String>,
    /// Path of the node to blame.
    #[serde(default)]
    pub(crate) at: String,
    pub(crate) buffer: Option<usize>,
    pub(crate) entry: Option<usize>,
    /// The lowest level that refuses it.
    #[serde(default)]
    pub(crate) level: Level,
    /// Nulls of a good array.
    #[serde(default)]
    pub(crate) nulls: usize,
    /// arrow-rs refuses it: it also looks at nulls that no row shows.
    #[serde(default)]
    pub(crate) disputed: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Schema,
    Headers,
    #[default]
    Bounds,
    Full,
}

/// A schema: `null`, a format, or a table.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum SchemaText {
    Format(String),
    Table(Box<SchemaTable>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemaTable {
    /// `null` is a null pointer.
    format: String,
    /// Hexadecimal, instead of `format`.
    format_bytes: Option<String>,
    name: Option<String>,
    name_bytes: Option<String>,
    /// So many letters.
    long_name: Option<usize>,
    flags: Option<i64>,
    metadata: Option<String>,
    #[serde(default)]
    children: Vec<SchemaText>,
    dictionary: Option<SchemaText>,
    n_children: Option<i64>,
    #[serde(default)]
    children_null: bool,
    #[serde(default)]
    released: bool,
    /// The first child is the schema itself.
    #[serde(default)]
    cycle: bool,
    /// So many structs around it.
    #[serde(default)]
    wraps: usize,
}

/// An array: `null` or a table.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ArrayText {
    Null(String),
    Table(Box<ArrayTable>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArrayTable {
    #[serde(default)]
    pub(crate) length: i64,
    #[serde(default)]
    pub(crate) offset: i64,
    #[serde(default)]
    pub(crate) null_count: i64,
    /// Hexadecimal; `null` is a null pointer.
    #[serde(default)]
    pub(crate) buffers: Vec<String>,
    /// Instead of the buffers' own.
    sizes: Option<Vec<i64>>,
    /// How far every buffer lies behind an aligned address.
    #[serde(default)]
    skew: usize,
    #[serde(default)]
    pub(crate) children: Vec<ArrayText>,
    pub(crate) dictionary: Option<ArrayText>,
    pub(crate) n_buffers: Option<i64>,
    pub(crate) n_children: Option<i64>,
    #[serde(default)]
    buffers_null: bool,
    #[serde(default)]
    children_null: bool,
    #[serde(default)]
    released: bool,
    /// The first child is the array itself.
    #[serde(default)]
    cycle: bool,
    /// All children are the first one.
    #[serde(default)]
    shared: bool,
}

#[derive(Deserialize)]
struct File {
    case: Vec<Case>,
}

/// Every case, in the order of files and lines.
pub(crate) fn read(folder: &Path) -> Result<Vec<Case>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let file: File = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        cases.extend(file.case);
    }
    Ok(cases)
}

/// Bytes of exactly their length.
struct Exact {
    start: *mut u8,
    layout: Layout,
}

impl Drop for Exact {
    fn drop(&mut self) {
        // SAFETY: `Structs::exact` allocated it with this layout.
        unsafe { dealloc(self.start, self.layout) };
    }
}

/// The structs of a case, and what they point to.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "structs keep their addresses while others are added")]
pub(crate) struct Structs {
    bytes: Vec<Exact>,
    schemas: Vec<Box<ArrowSchema>>,
    arrays: Vec<Box<ArrowArray>>,
    schema_tables: Vec<Box<[*mut ArrowSchema]>>,
    array_tables: Vec<Box<[*mut ArrowArray]>>,
    buffer_tables: Vec<Box<[*const c_void]>>,
    /// Of every buffer, in preorder; entries beyond them are zero.
    pub(crate) sizes: Vec<i64>,
}

unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    // SAFETY: consumers release structs that they own.
    unsafe { (*schema).release = None };
}

unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    // SAFETY: as above.
    unsafe { (*array).release = None };
}

impl Structs {
    /// The schema of a case.
    pub(crate) fn schema(&mut self, text: &SchemaText) -> *mut ArrowSchema {
        let table = match text {
            SchemaText::Format(text) if text == "null" => return ptr::null_mut(),
            SchemaText::Format(format) => &SchemaTable::plain(format),
            SchemaText::Table(table) => table,
        };
        if table.wraps > 0 {
            let inner = SchemaTable { wraps: table.wraps - 1, ..(*table).clone() };
            let children = vec![SchemaText::Table(Box::new(inner))];
            return self.schema(&SchemaText::Table(Box::new(SchemaTable { children, ..SchemaTable::plain("+s") })));
        }
        let mut children: Vec<*mut ArrowSchema> = table.children.iter().map(|child| self.schema(child)).collect();
        let dictionary = table.dictionary.as_ref().map_or(ptr::null_mut(), |values| self.schema(values));
        let format = match &table.format_bytes {
            Some(bytes) => self.text(&unhex(bytes)),
            None if table.format == "null" => ptr::null(),
            None => self.text(table.format.as_bytes()),
        };
        let name = match (&table.name_bytes, table.long_name) {
            (Some(bytes), _) => self.text(&unhex(bytes)),
            (None, Some(letters)) => self.text(&vec![b'x'; letters]),
            (None, None) => self.text(table.name.as_deref().unwrap_or("column").as_bytes()),
        };
        let metadata = table.metadata.as_ref().map_or(ptr::null(), |bytes| self.exact(&unhex(bytes), 0).cast());
        let mut made = Box::new(ArrowSchema::empty());
        let address = &raw mut *made;
        if table.cycle {
            children[0] = address;
        }
        let mut children = children.into_boxed_slice();
        *made = ArrowSchema {
            format,
            name,
            metadata,
            flags: table.flags.unwrap_or(2),
            n_children: table.n_children.unwrap_or(children.len() as i64),
            children: if table.children_null || children.is_empty() { ptr::null_mut() } else { children.as_mut_ptr() },
            dictionary,
            release: (!table.released).then_some(release_schema),
            private_data: ptr::null_mut(),
        };
        self.schema_tables.push(children);
        self.schemas.push(made);
        self.schemas.last_mut().map_or(ptr::null_mut(), |made| &raw mut **made)
    }

    /// The array of a case.
    pub(crate) fn array(&mut self, text: &ArrayText) -> *mut ArrowArray {
        let table = match text {
            ArrayText::Null(word) => {
                assert_eq!(word, "null", "an array is a table or null");
                return ptr::null_mut();
            }
            ArrayText::Table(table) => table,
        };
        let own: Vec<Option<Vec<u8>>> =
            table.buffers.iter().map(|buffer| (buffer != "null").then(|| unhex(buffer))).collect();
        match &table.sizes {
            Some(sizes) => self.sizes.extend(sizes),
            None => self.sizes.extend(own.iter().map(|bytes| bytes.as_ref().map_or(0, |bytes| bytes.len() as i64))),
        }
        let pointer =
            |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(ptr::null(), |b| self.exact(b, table.skew).cast());
        let mut buffers: Vec<*const c_void> = own.iter().map(pointer).collect();
        // Somebody may believe in a buffer too many.
        buffers.resize(buffers.len() + 2, ptr::null());
        let count = buffers.len() as i64 - 2;
        let mut children: Vec<*mut ArrowArray> = table.children.iter().map(|child| self.array(child)).collect();
        let child_count = children.len() as i64;
        children.resize(children.len() + 2, ptr::null_mut());
        let dictionary = table.dictionary.as_ref().map_or(ptr::null_mut(), |values| self.array(values));
        let mut made = Box::new(ArrowArray::empty());
        let address = &raw mut *made;
        if table.cycle {
            children[0] = address;
        }
        if table.shared {
            let first = children[0];
            children[..child_count as usize].fill(first);
        }
        let (mut buffers, mut children) = (buffers.into_boxed_slice(), children.into_boxed_slice());
        *made = ArrowArray {
            length: table.length,
            null_count: table.null_count,
            offset: table.offset,
            n_buffers: table.n_buffers.unwrap_or(count),
            n_children: table.n_children.unwrap_or(child_count),
            buffers: if table.buffers_null { ptr::null_mut() } else { buffers.as_mut_ptr() },
            children: if table.children_null || child_count == 0 { ptr::null_mut() } else { children.as_mut_ptr() },
            dictionary,
            release: (!table.released).then_some(release_array),
            private_data: ptr::null_mut(),
        };
        self.buffer_tables.push(buffers);
        self.array_tables.push(children);
        self.arrays.push(made);
        self.arrays.last_mut().map_or(ptr::null_mut(), |made| &raw mut **made)
    }

    fn text(&mut self, bytes: &[u8]) -> *const c_char {
        let mut bytes = bytes.to_vec();
        bytes.push(0);
        self.exact(&bytes, 0).cast()
    }

    fn exact(&mut self, bytes: &[u8], skew: usize) -> *const u8 {
        let Ok(layout) = Layout::from_size_align((bytes.len() + skew).max(1), 64) else { return ptr::null() };
        // SAFETY: the layout has at least one byte; what is copied fits behind the skew.
        let (start, at) = unsafe {
            let start = alloc_zeroed(layout);
            ptr::copy_nonoverlapping(bytes.as_ptr(), start.add(skew), bytes.len());
            (start, start.add(skew))
        };
        self.bytes.push(Exact { start, layout });
        at
    }
}

impl SchemaTable {
    fn plain(format: &str) -> Self {
        Self {
            format: format.to_owned(),
            format_bytes: None,
            name: None,
            name_bytes: None,
            long_name: None,
            flags: None,
            metadata: None,
            children: Vec::new(),
            dictionary: None,
            n_children: None,
            children_null: false,
            released: false,
            cycle: false,
            wraps: 0,
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or_default();
    (0..text.len()).step_by(2).map(digit).collect()
}
