// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Fields to `ArrowSchema`.
//!
//! Every node owns its strings and its children, so that a child may be moved out and outlive its parent. Releasing a
//! child before its parent is harmless: a released one is skipped.

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::ptr;

use arrow_schema::{DataType, Field, Schema};
use bowyer_core::{Error, Result};

use super::{format, metadata};
use crate::c::{ArrowSchema, DICTIONARY_ORDERED, MAP_KEYS_SORTED, NULLABLE, OwnedSchema};

/// What a node keeps alive: `private_data` of its struct.
struct Node {
    format: CString,
    name: CString,
    metadata: Option<Box<[u8]>>,
    children: Vec<*mut ArrowSchema>,
    dictionary: *mut ArrowSchema,
}

/// Writes one field.
///
/// # Errors
/// `InvalidArgument` when a name or a time zone holds a zero byte.
pub fn export_field(field: &Field) -> Result<OwnedSchema> {
    let mut flags = if field.is_nullable() { NULLABLE } else { 0 };
    if field.dict_is_ordered() == Some(true) {
        flags |= DICTIONARY_ORDERED;
    }
    export(field.name(), field.data_type(), flags, field.metadata())
}

/// Writes a schema as a struct of its columns.
///
/// # Errors
/// As [`export_field`].
pub fn export_schema(schema: &Schema) -> Result<OwnedSchema> {
    export("", &DataType::Struct(schema.fields().clone()), 0, schema.metadata())
}

fn export(name: &str, data_type: &DataType, mut flags: i64, entries: &HashMap<String, String>) -> Result<OwnedSchema> {
    if matches!(data_type, DataType::Map(_, true)) {
        flags |= MAP_KEYS_SORTED;
    }
    let mut children = Vec::new();
    for child in fields(data_type) {
        children.push(export_field(child)?);
    }
    let dictionary = match data_type {
        DataType::Dictionary(_, values) => Some(export("", values, NULLABLE, &HashMap::new())?),
        _ => None,
    };
    let mut node = Box::new(Node {
        format: c_string(&format::write(data_type))?,
        name: c_string(name)?,
        metadata: metadata::write(entries),
        children: children.into_iter().map(boxed).collect(),
        dictionary: dictionary.map_or(ptr::null_mut(), boxed),
    });
    let mut out = OwnedSchema::default();
    *out.as_raw_mut() = ArrowSchema {
        format: node.format.as_ptr(),
        name: node.name.as_ptr(),
        metadata: node.metadata.as_deref().map_or(ptr::null(), |bytes| bytes.as_ptr().cast()),
        flags,
        n_children: node.children.len() as i64,
        children: if node.children.is_empty() { ptr::null_mut() } else { node.children.as_mut_ptr() },
        dictionary: node.dictionary,
        release: Some(release),
        private_data: Box::into_raw(node).cast::<c_void>(),
    };
    Ok(out)
}

fn fields(data_type: &DataType) -> Vec<&Field> {
    use DataType as D;
    match data_type {
        D::List(child) | D::LargeList(child) | D::ListView(child) | D::LargeListView(child) => vec![child],
        D::FixedSizeList(child, _) | D::Map(child, _) => vec![child],
        D::Struct(fields) => fields.iter().map(|field| &**field).collect(),
        D::Union(fields, _) => fields.iter().map(|(_, field)| &**field).collect(),
        D::RunEndEncoded(run_ends, values) => vec![run_ends, values],
        _ => Vec::new(),
    }
}

fn boxed(schema: OwnedSchema) -> *mut ArrowSchema {
    Box::into_raw(Box::new(schema.into_raw()))
}

fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid_argument("a name or time zone holds a zero byte"))
}

/// # Safety
/// 1. `schema` is null or leads to a struct that [`export`] filled, or that was released before.
unsafe extern "C" fn release(schema: *mut ArrowSchema) {
    // SAFETY: the caller's promise.
    let Some(schema) = (unsafe { schema.as_mut() }) else { return };
    if schema.release.take().is_none() {
        return;
    }
    // SAFETY: `export` put a boxed node there, and `release` was set until now, so this happens once.
    let node = unsafe { Box::from_raw(schema.private_data.cast::<Node>()) };
    schema.private_data = ptr::null_mut();
    let dictionary = (!node.dictionary.is_null()).then_some(node.dictionary);
    for &child in node.children.iter().chain(&dictionary) {
        // SAFETY: the node owns its boxed children. A child that was moved out is marked released and only freed.
        unsafe {
            if let Some(release) = (*child).release {
                release(child);
            }
            drop(Box::from_raw(child));
        }
    }
}
