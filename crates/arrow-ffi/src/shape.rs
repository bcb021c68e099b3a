// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The nodes of a type in preorder, with what the walk and the guard need to know of each.
//!
//! A shape is made once for a schema and used for every batch: nothing is asked of a `DataType` twice.

use std::fmt::Write as _;

use arrow_schema::{DataType, Field, Fields, IntervalUnit, TimeUnit, UnionMode};

use crate::raw::Node;

/// How a node's buffers lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// No buffers.
    Null,
    /// Validity, bits.
    Bits,
    /// Validity, values of one width; the alignment is that of the Rust type.
    Fixed {
        /// Bytes of a value.
        width: usize,
        /// What the Rust type asks of an address.
        align: usize,
    },
    /// Validity, offsets, values.
    Bytes {
        /// 64-bit offsets.
        wide: bool,
        /// The values are text.
        text: bool,
    },
    /// Validity, views, any number of values buffers, their sizes.
    Views {
        /// The values are text.
        text: bool,
    },
    /// Validity, offsets; a child. Maps too.
    List {
        /// 64-bit offsets.
        wide: bool,
    },
    /// Validity, offsets, sizes; a child.
    ListView {
        /// 64-bit offsets and sizes.
        wide: bool,
    },
    /// Validity; a child.
    FixedList {
        /// Rows of the child for each row.
        size: usize,
    },
    /// Validity; children.
    Struct,
    /// Type ids, and offsets when dense; children.
    Union {
        /// The child of each type id, 255 for none.
        children: Box<[u8; 128]>,
        /// Has offsets.
        dense: bool,
    },
    /// Validity, keys; a dictionary.
    Dictionary {
        /// Bytes of a key.
        width: usize,
        /// Keys are signed.
        signed: bool,
    },
    /// No buffers; run ends and values.
    RunEnds,
}

impl Layout {
    pub(crate) fn of(data_type: &DataType) -> Self {
        use DataType as D;
        let fixed = |width, align| Self::Fixed { width, align };
        match data_type {
            D::Null => Self::Null,
            D::Boolean => Self::Bits,
            D::Int8 | D::UInt8 => fixed(1, 1),
            D::Int16 | D::UInt16 | D::Float16 => fixed(2, 2),
            D::Int32 | D::UInt32 | D::Float32 | D::Date32 | D::Time32(_) | D::Decimal32(..) => fixed(4, 4),
            D::Int64 | D::UInt64 | D::Float64 | D::Date64 | D::Time64(_) | D::Timestamp(..) => fixed(8, 8),
            D::Duration(_) | D::Decimal64(..) => fixed(8, 8),
            D::Interval(IntervalUnit::YearMonth) => fixed(4, 4),
            D::Interval(IntervalUnit::DayTime) => fixed(8, 4),
            D::Interval(IntervalUnit::MonthDayNano) => fixed(16, 8),
            D::Decimal128(..) => fixed(16, 16),
            D::Decimal256(..) => fixed(32, 16),
            D::FixedSizeBinary(size) => fixed(usize::try_from(*size).unwrap_or(0), 1),
            D::Binary => Self::Bytes { wide: false, text: false },
            D::LargeBinary => Self::Bytes { wide: true, text: false },
            D::Utf8 => Self::Bytes { wide: false, text: true },
            D::LargeUtf8 => Self::Bytes { wide: true, text: true },
            D::BinaryView => Self::Views { text: false },
            D::Utf8View => Self::Views { text: true },
            D::List(_) | D::Map(..) => Self::List { wide: false },
            D::LargeList(_) => Self::List { wide: true },
            D::ListView(_) => Self::ListView { wide: false },
            D::LargeListView(_) => Self::ListView { wide: true },
            D::FixedSizeList(_, size) => Self::FixedList { size: usize::try_from(*size).unwrap_or(0) },
            D::Struct(_) => Self::Struct,
            D::Union(fields, mode) => {
                let mut children = Box::new([u8::MAX; 128]);
                for (child, (id, _)) in fields.iter().enumerate() {
                    if let Some(slot) = usize::try_from(id).ok().and_then(|id| children.get_mut(id)) {
                        *slot = child as u8;
                    }
                }
                Self::Union { children, dense: *mode == UnionMode::Dense }
            }
            D::Dictionary(keys, _) => match **keys {
                D::Int8 => Self::Dictionary { width: 1, signed: true },
                D::UInt8 => Self::Dictionary { width: 1, signed: false },
                D::Int16 => Self::Dictionary { width: 2, signed: true },
                D::UInt16 => Self::Dictionary { width: 2, signed: false },
                D::Int32 => Self::Dictionary { width: 4, signed: true },
                D::UInt32 => Self::Dictionary { width: 4, signed: false },
                D::UInt64 => Self::Dictionary { width: 8, signed: false },
                _ => Self::Dictionary { width: 8, signed: true },
            },
            D::RunEndEncoded(..) => Self::RunEnds,
        }
    }

    /// The number of buffers; of views, the least.
    #[must_use]
    pub const fn buffer_count(&self) -> usize {
        match self {
            Self::Null | Self::RunEnds => 0,
            Self::FixedList { .. } | Self::Struct | Self::Union { dense: false, .. } => 1,
            Self::Bits | Self::Fixed { .. } | Self::List { .. } | Self::Dictionary { .. } => 2,
            Self::Union { dense: true, .. } => 2,
            Self::Bytes { .. } | Self::ListView { .. } | Self::Views { .. } => 3,
        }
    }

    /// Whether buffer 0 is a validity bitmap.
    #[must_use]
    pub const fn has_validity(&self) -> bool {
        !matches!(self, Self::Null | Self::RunEnds | Self::Union { .. })
    }
}

/// What the guard checks of values at its highest level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Any value.
    Any,
    /// Decimals of at most so many digits.
    Digits(u8),
    /// Whole days in milliseconds.
    WholeDays,
    /// From zero to below this: times of a day.
    Below(i64),
}

impl Range {
    fn of(data_type: &DataType) -> Self {
        use DataType as D;
        const DAY: i64 = 86_400;
        match data_type {
            D::Decimal32(precision, _) | D::Decimal64(precision, _) => Self::Digits(*precision),
            D::Decimal128(precision, _) | D::Decimal256(precision, _) => Self::Digits(*precision),
            D::Date64 => Self::WholeDays,
            D::Time32(TimeUnit::Second) => Self::Below(DAY),
            D::Time32(_) => Self::Below(DAY * 1_000),
            D::Time64(TimeUnit::Microsecond) => Self::Below(DAY * 1_000_000),
            D::Time64(_) => Self::Below(DAY * 1_000_000_000),
            _ => Self::Any,
        }
    }
}

/// A node of a shape.
#[derive(Clone, Debug)]
pub struct ShapeNode {
    /// Its type.
    pub data_type: DataType,
    /// How its buffers lie.
    pub layout: Layout,
    /// Which values it may hold.
    pub range: Range,
    /// Whether the schema allows nulls.
    pub nullable: bool,
    /// Its children and its dictionary, as indices of the shape.
    pub children: Vec<u32>,
    /// Its parent; itself for a root.
    parent: u32,
    name: String,
}

/// The nodes of a type, in preorder: a node, its children, its dictionary.
#[derive(Clone, Debug)]
pub struct Shape {
    nodes: Vec<ShapeNode>,
}

impl Shape {
    /// The shape of a field.
    #[must_use]
    pub fn of_field(field: &Field) -> Self {
        let mut shape = Self { nodes: Vec::new() };
        shape.add(0, field.name(), field.data_type(), field.is_nullable());
        shape
    }

    /// The shapes of columns.
    #[must_use]
    pub fn of_fields(fields: &Fields) -> Vec<Self> {
        fields.iter().map(|field| Self::of_field(field)).collect()
    }

    /// Depth is that of the type, which whoever made it has bounded.
    fn add(&mut self, parent: u32, name: &str, data_type: &DataType, nullable: bool) -> u32 {
        use DataType as D;
        let at = self.nodes.len() as u32;
        self.nodes.push(ShapeNode {
            data_type: data_type.clone(),
            layout: Layout::of(data_type),
            range: Range::of(data_type),
            nullable,
            children: Vec::new(),
            parent,
            name: name.to_owned(),
        });
        let mut children = Vec::new();
        let mut field = |field: &Field| {
            children.push(self.add(at, field.name(), field.data_type(), field.is_nullable()));
        };
        match data_type {
            D::List(child) | D::LargeList(child) | D::ListView(child) | D::LargeListView(child) => field(child),
            D::FixedSizeList(child, _) | D::Map(child, _) => field(child),
            D::Struct(fields) => fields.iter().for_each(|child| field(child)),
            D::Union(fields, _) => fields.iter().for_each(|(_, child)| field(child)),
            D::RunEndEncoded(run_ends, values) => {
                field(run_ends);
                field(values);
            }
            D::Dictionary(_, values) => {
                let values = self.add(at, "dictionary", values, true);
                children.push(values);
            }
            _ => {}
        }
        self.nodes[at as usize].children = children;
        at
    }

    /// The nodes, the root first.
    #[must_use]
    pub fn nodes(&self) -> &[ShapeNode] {
        &self.nodes
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> &ShapeNode {
        &self.nodes[0]
    }

    /// Names from the root to `node`, joined by dots: made only for errors.
    #[must_use]
    pub fn path(&self, node: usize) -> String {
        let mut names = Vec::new();
        let mut at = node.min(self.nodes.len() - 1);
        loop {
            names.push(self.nodes[at].name.as_str());
            if at == 0 {
                break;
            }
            at = self.nodes[at].parent as usize;
        }
        let mut path = String::new();
        for name in names.iter().rev().filter(|name| !name.is_empty()) {
            let dot = if path.is_empty() { "" } else { "." };
            // Writing to a string does not fail.
            let _ = write!(path, "{dot}{name}");
        }
        path
    }
}

impl Layout {
    /// The bytes that a node's rows need of a buffer, as far as lengths alone tell; none when it does not fit.
    #[must_use]
    pub fn least_byte_len(&self, buffer: usize, node: &Node) -> Option<usize> {
        if node.length == 0 {
            return Some(0);
        }
        let end = node.offset.checked_add(node.length)?;
        if buffer == 0 && self.has_validity() {
            return Some(if node.validity { end.div_ceil(8) } else { 0 });
        }
        let word = |wide: bool| if wide { 8 } else { 4 };
        match (self, buffer) {
            (Self::Bits, 1) => Some(end.div_ceil(8)),
            (Self::Fixed { width, .. } | Self::Dictionary { width, .. }, 1) => end.checked_mul(*width),
            (Self::Bytes { wide, .. } | Self::List { wide }, 1) => end.checked_add(1)?.checked_mul(word(*wide)),
            (Self::ListView { wide }, _) => end.checked_mul(word(*wide)),
            (Self::Views { .. }, 1) => end.checked_mul(16),
            (Self::Union { .. }, 0) => Some(end),
            (Self::Union { .. }, _) => end.checked_mul(4),
            _ => Some(0),
        }
    }
}
