// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! `ArrowSchema` to fields.
//!
//! Recursion is bounded by [`DEPTH_LIMIT`], so a struct that is its own child ends in a refusal and not in an
//! overflow of the stack.

use std::ffi::c_char;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, UnionFields};
use bowyer_core::Result;

use super::format::{self, Format};
use super::{DEPTH_LIMIT, FORMAT_LIMIT, NAME_LIMIT, NODE_LIMIT, metadata};
use crate::c::{ArrowSchema, DICTIONARY_ORDERED, MAP_KEYS_SORTED, NULLABLE};
use crate::reject::{Case, Rejection, Rejections};

/// Reads one field.
///
/// # Errors
/// `InvalidArray` with the path of the child to blame; `rejections` counts its case.
///
/// # Safety
/// 1. `schema` is null or leads to a struct that is released, or valid as the C Data Interface defines it, as far as
///    its counts, null pointers and text are concerned; these are checked.
pub unsafe fn import_field(schema: *const ArrowSchema, rejections: &Rejections) -> Result<Field> {
    let mut reader = Reader { nodes: 0 };
    // SAFETY: the caller's promise.
    unsafe { reader.field(schema, 0) }.map_err(|fault| {
        rejections.count(fault.case);
        let path: Vec<&str> = fault.path.iter().rev().map(String::as_str).filter(|name| !name.is_empty()).collect();
        Rejection::new(fault.case, 0, fault.message).into_error(&path.join("."))
    })
}

/// Reads a schema: a struct whose children are the columns.
///
/// # Errors
/// As [`import_field`]; also when the type is no struct.
///
/// # Safety
/// 1. As [`import_field`].
pub unsafe fn import_schema(schema: *const ArrowSchema, rejections: &Rejections) -> Result<Schema> {
    // SAFETY: the caller's promise.
    let field = unsafe { import_field(schema, rejections) }?;
    match field.data_type() {
        DataType::Struct(fields) => Ok(Schema::new_with_metadata(fields.clone(), field.metadata().clone())),
        _ => {
            rejections.count(Case::Format);
            Err(Rejection::new(Case::Format, 0, "a schema is a struct of its columns").into_error(""))
        }
    }
}

struct Fault {
    case: Case,
    message: String,
    /// Names from the field to blame outwards.
    path: Vec<String>,
}

type Outcome<T> = std::result::Result<T, Fault>;

fn fault<T>(case: Case, message: impl Into<String>) -> Outcome<T> {
    Err(Fault { case, message: message.into(), path: Vec::new() })
}

struct Reader {
    nodes: usize,
}

impl Reader {
    /// # Safety
    /// 1. As [`import_field`].
    unsafe fn field(&mut self, schema: *const ArrowSchema, depth: usize) -> Outcome<Field> {
        if schema.is_null() || !schema.is_aligned() {
            return fault(Case::NullPointer, "the schema's address is null or misaligned");
        }
        // SAFETY: the caller's promise: a struct, unless null; and aligned.
        let schema = unsafe { &*schema };
        if schema.release.is_none() {
            return fault(Case::Released, "the schema is released");
        }
        self.nodes += 1;
        if depth > DEPTH_LIMIT || self.nodes > NODE_LIMIT {
            return fault(Case::Limit, format!("a schema has at most {DEPTH_LIMIT} levels and {NODE_LIMIT} nodes"));
        }
        // SAFETY: a name is null or ends with a zero byte.
        let name = match unsafe { text(schema.name, NAME_LIMIT) } {
            Ok(name) => name.unwrap_or_default(),
            Err(message) => return fault(Case::Name, message),
        };
        // SAFETY: the caller's promise, for the children.
        match unsafe { self.content(schema, depth) } {
            Ok(field) => Ok(field.with_name(name)),
            Err(mut fault) => {
                fault.path.push(name.to_owned());
                Err(fault)
            }
        }
    }

    /// The field without its name.
    ///
    /// # Safety
    /// 1. As [`import_field`].
    unsafe fn content(&mut self, schema: &ArrowSchema, depth: usize) -> Outcome<Field> {
        // SAFETY: a format is null or ends with a zero byte.
        let text = match unsafe { text(schema.format, FORMAT_LIMIT) } {
            Ok(Some(text)) => text,
            Ok(None) => return fault(Case::Format, "the format string is null"),
            Err(message) => return fault(Case::Format, message),
        };
        let format = match format::parse(text) {
            Ok(format) => format,
            Err(message) if text.starts_with("+u") => return fault(Case::TypeIds, message),
            Err(message) => return fault(Case::Format, message),
        };
        // SAFETY: metadata is null or as long as it says, up to a limit.
        let metadata = match unsafe { metadata::read(schema.metadata) } {
            Ok(metadata) => metadata,
            Err(message) => return fault(Case::Metadata, message),
        };
        // SAFETY: the caller's promise, for the children.
        let children = unsafe { self.children(schema, depth) }?;
        let mut data_type = assemble(format, children, schema.flags)?;
        let mut ordered = false;
        if !schema.dictionary.is_null() {
            if !data_type.is_integer() {
                return fault(Case::Dictionary, format!("{data_type} cannot be the key of a dictionary"));
            }
            // SAFETY: the caller's promise, for the dictionary.
            let values = unsafe { self.field(schema.dictionary, depth + 1) }?;
            if matches!(values.data_type(), DataType::Dictionary(..)) {
                return fault(Case::Dictionary, "the values of a dictionary are a dictionary");
            }
            data_type = DataType::Dictionary(Box::new(data_type), Box::new(values.data_type().clone()));
            ordered = schema.flags & DICTIONARY_ORDERED != 0;
        }
        let field = Field::new("", data_type, schema.flags & NULLABLE != 0);
        Ok(field.with_dict_is_ordered(ordered).with_metadata(metadata))
    }

    /// # Safety
    /// 1. As [`import_field`].
    unsafe fn children(&mut self, schema: &ArrowSchema, depth: usize) -> Outcome<Vec<FieldRef>> {
        let Ok(count) = usize::try_from(schema.n_children) else {
            return fault(Case::Negative, format!("{} children", schema.n_children));
        };
        if count > NODE_LIMIT - self.nodes {
            return fault(Case::Limit, format!("a schema has at most {NODE_LIMIT} nodes"));
        }
        if count == 0 {
            return Ok(Vec::new());
        }
        if schema.children.is_null() || !schema.children.is_aligned() {
            return fault(Case::NullTable, format!("{count} children at no address"));
        }
        // SAFETY: `children` leads to as many pointers as the count says.
        let pointers = unsafe { std::slice::from_raw_parts(schema.children, count) };
        // SAFETY: the caller's promise, for each child.
        pointers.iter().map(|&child| unsafe { self.field(child, depth + 1) }.map(Arc::new)).collect()
    }
}

fn assemble(format: Format, children: Vec<FieldRef>, flags: i64) -> Outcome<DataType> {
    let expected = match &format {
        Format::Flat(_) => Some(0),
        Format::RunEndEncoded => Some(2),
        Format::Struct => None,
        Format::Union(_, ids) => Some(ids.len()),
        _ => Some(1),
    };
    if expected.is_some_and(|expected| expected != children.len()) {
        let expected = expected.unwrap_or_default();
        return fault(Case::ChildCount, format!("{} children where the type has {expected}", children.len()));
    }
    let mut first = children.iter();
    let mut child = || first.next().cloned().unwrap_or_else(|| Arc::new(Field::new("", DataType::Null, true)));
    Ok(match format {
        Format::Flat(data_type) => data_type,
        Format::List => DataType::List(child()),
        Format::LargeList => DataType::LargeList(child()),
        Format::ListView => DataType::ListView(child()),
        Format::LargeListView => DataType::LargeListView(child()),
        Format::FixedSizeList(size) => DataType::FixedSizeList(child(), size),
        Format::Struct => DataType::Struct(Fields::from(children)),
        Format::Map => return map(child(), flags & MAP_KEYS_SORTED != 0),
        Format::RunEndEncoded => {
            let (run_ends, values) = (child(), child());
            if !matches!(run_ends.data_type(), DataType::Int16 | DataType::Int32 | DataType::Int64) {
                return fault(Case::RunEnds, format!("run ends of type {}", run_ends.data_type()));
            }
            DataType::RunEndEncoded(run_ends, values)
        }
        Format::Union(mode, ids) => match UnionFields::try_new(ids, children) {
            Ok(fields) => DataType::Union(fields, mode),
            Err(error) => return fault(Case::TypeIds, error.to_string()),
        },
    })
}

fn map(entries: FieldRef, sorted: bool) -> Outcome<DataType> {
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => Ok(DataType::Map(entries, sorted)),
        _ => fault(Case::ChildCount, "a map's child is a struct of a key and a value"),
    }
}

/// A zero-terminated string of at most `limit` bytes; none when null.
///
/// # Safety
/// 1. `start` is null, or every byte up to the first zero, or up to `limit`, is readable.
unsafe fn text<'a>(start: *const c_char, limit: usize) -> std::result::Result<Option<&'a str>, String> {
    if start.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise; the loop stops at the first zero or at the limit.
    let byte_len = (0..=limit).find(|&at| unsafe { *start.add(at) } == 0);
    let Some(byte_len) = byte_len else {
        return Err(format!("text without an end in its first {limit} bytes"));
    };
    // SAFETY: the bytes before the zero were just read.
    let bytes = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), byte_len) };
    std::str::from_utf8(bytes).map(Some).map_err(|_| "text that is not UTF-8".to_owned())
}
