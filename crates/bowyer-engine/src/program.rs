// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bound expressions of one relation: a list in topological order, evaluated over a batch.
//!
//! Each node is evaluated at most once for a batch, however often it is used. An argument that may fail and that only
//! some rows need (the right side of AND and OR, a branch of a choice) is given those rows alone; row numbers of errors
//! are those of the whole batch all the same.

mod lazy;
mod lists;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, Field};
use bowyer_compute::{Bound, CastMode};
use bowyer_core::{Column, Error, Result};
use datafusion_common::ScalarValue;

use crate::literal::array_of;
use crate::operators::TaskContext;
use lazy::{spread, undecided};
pub(crate) use lists::{ListCall, ListKind};

/// Lazy calls that stand above one another deeper than this are refused.
pub(crate) const LAZY_DEPTH_LIMIT: u32 = 128;

/// Where a node stands, for errors.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodePlace {
    /// The plan node, as `filter[2].predicate`.
    pub(crate) path: String,
    /// The column that it works on, when there is one.
    pub(crate) column: Option<String>,
    /// The file and line that wrote it.
    pub(crate) origin: Option<String>,
}

impl NodePlace {
    /// Adds what is known here to an error.
    pub(crate) fn locate(&self, error: Error) -> Error {
        let mut error = error.at_path(self.path.clone());
        if let Some(column) = &self.column {
            error = error.in_column(column.clone());
        }
        let place = error.place_mut();
        if place.origin.is_none() {
            place.origin.clone_from(&self.origin);
        }
        error
    }
}

/// Which rows an argument is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Laziness {
    /// All arguments, for all rows.
    Eager,
    /// The second, where the first is not false.
    And,
    /// The second, where the first is not true.
    Or,
    /// The second where the first is true, the third where it is false.
    Choice,
    /// Each, where all before it are null.
    Coalesce,
}

impl Laziness {
    /// How the function of a name treats its arguments.
    pub(crate) fn of(function: &str) -> Self {
        match function {
            "and_kleene" => Self::And,
            "or_kleene" => Self::Or,
            "if_else" => Self::Choice,
            "coalesce" => Self::Coalesce,
            _ => Self::Eager,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    /// A column of the relation's input.
    Column(usize),
    /// A constant.
    Literal(ScalarValue),
    /// A parameter of the plan, by its index.
    Parameter(usize),
    /// A function of earlier nodes.
    Call { bound: Bound, arguments: Vec<usize>, laziness: Laziness },
    /// A conversion of an earlier node.
    Cast { argument: usize, to: DataType, mode: CastMode },
    /// A program over the elements of lists.
    List(ListCall),
    /// While binding: what the body of a list call reads as its own. No program that runs has one.
    Element,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) data_type: DataType,
    pub(crate) nullable: bool,
    /// Whether it, or anything below it, can fail for what a row holds.
    pub(crate) fallible: bool,
    /// How many lazy calls, and list calls, stand above one another here.
    pub(crate) lazy_depth: u32,
    pub(crate) place: NodePlace,
}

impl Node {
    /// The nodes that it reads.
    pub(crate) fn arguments(&self) -> &[usize] {
        match &self.kind {
            NodeKind::Call { arguments, .. } => arguments,
            NodeKind::Cast { argument, .. } => std::slice::from_ref(argument),
            NodeKind::List(call) => &call.arguments,
            _ => &[],
        }
    }

    /// Whether it gives some argument only some rows.
    pub(crate) fn is_lazy_call(&self) -> bool {
        self.fallible && matches!(&self.kind, NodeKind::Call { laziness, .. } if *laziness != Laziness::Eager)
    }

    /// The same, to be changed.
    pub(crate) fn arguments_mut(&mut self) -> &mut [usize] {
        match &mut self.kind {
            NodeKind::Call { arguments, .. } => arguments,
            NodeKind::Cast { argument, .. } => std::slice::from_mut(argument),
            NodeKind::List(call) => &mut call.arguments,
            _ => &mut [],
        }
    }

    /// How many lazy and list calls stand above one another, given how many do in its arguments.
    pub(crate) fn depth_above(&self, below: u32) -> u32 {
        match &self.kind {
            NodeKind::List(call) => below.max(call.body.nodes[call.root].lazy_depth) + 1,
            _ => below + u32::from(self.is_lazy_call()),
        }
    }
}

/// Expressions in topological order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) nodes: Vec<Node>,
}

impl Program {
    /// The values of `roots` for the rows of `batch`.
    pub(crate) fn evaluate(&self, roots: &[usize], batch: &RecordBatch, context: &TaskContext) -> Result<Vec<Column>> {
        self.evaluate_columns(roots, batch.columns().to_vec(), batch.num_rows(), context)
    }

    /// The same for `row_count` rows of these columns; of those that the roots do not read, any length will do.
    pub(crate) fn evaluate_columns(
        &self,
        roots: &[usize],
        columns: Vec<ArrayRef>,
        row_count: usize,
        context: &TaskContext,
    ) -> Result<Vec<Column>> {
        let mut evaluation = Evaluation::new(self, columns, row_count, context);
        evaluation.run(roots)?;
        roots.iter().map(|&root| evaluation.value(root)).collect()
    }

    /// The value of `root` for the rows whose bit is set; null for the others.
    pub(crate) fn evaluate_rows(
        &self,
        root: usize,
        columns: &[ArrayRef],
        rows: &BooleanBuffer,
        context: &TaskContext,
    ) -> Result<Option<Column>> {
        let evaluation = Evaluation::new(self, columns.to_vec(), rows.len(), context);
        evaluation.some_rows(root, rows).map(Some)
    }

    /// The same program with parameters as constants.
    pub(crate) fn with_parameters(self: &Arc<Self>, values: &[ScalarValue]) -> Arc<Self> {
        if !self.has_parameters() {
            return self.clone();
        }
        let mut program = (**self).clone();
        for node in &mut program.nodes {
            if let NodeKind::Parameter(index) = node.kind
                && let Some(value) = values.get(index)
            {
                node.kind = NodeKind::Literal(value.clone());
            } else if let NodeKind::List(call) = &mut node.kind {
                call.body = call.body.with_parameters(values);
            }
        }
        Arc::new(program)
    }

    fn has_parameters(&self) -> bool {
        self.nodes.iter().any(|node| match &node.kind {
            NodeKind::Parameter(_) => true,
            NodeKind::List(call) => call.body.has_parameters(),
            _ => false,
        })
    }

    /// Adds a node for a column of the input.
    pub(crate) fn push_column(&mut self, column: usize, field: &Field) -> usize {
        self.nodes.push(Node {
            kind: NodeKind::Column(column),
            data_type: field.data_type().clone(),
            nullable: field.is_nullable(),
            fallible: false,
            lazy_depth: 0,
            place: NodePlace::default(),
        });
        self.nodes.len() - 1
    }

    /// Which nodes the roots need, themselves included; `lazily` says whether to look into lazy arguments too.
    pub(crate) fn needed(&self, roots: &[usize], lazily: bool) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for &root in roots {
            needed[root] = true;
            self.mark(root, &mut needed, lazily);
        }
        needed
    }

    fn mark(&self, root: usize, needed: &mut [bool], lazily: bool) {
        let mut pending = vec![root];
        while let Some(index) = pending.pop() {
            let node = &self.nodes[index];
            for (position, &argument) in node.arguments().iter().enumerate() {
                if !needed[argument] && (lazily || !self.is_lazy(node, position)) {
                    needed[argument] = true;
                    pending.push(argument);
                }
            }
        }
    }

    /// For each needed node that is no root, the last node that reads it. Empty where some rows alone may be asked later:
    /// nothing is let go then.
    fn last_uses(&self, roots: &[usize], needed: &[bool]) -> Vec<usize> {
        if self.nodes.iter().zip(needed).any(|(node, needed)| *needed && node.is_lazy_call()) {
            return Vec::new();
        }
        let mut last = vec![usize::MAX; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
            for &argument in node.arguments() {
                last[argument] = index;
            }
        }
        for &root in roots {
            last[root] = usize::MAX;
        }
        last
    }

    /// The columns of the input that the roots read.
    pub(crate) fn columns_of(&self, roots: &[usize]) -> Vec<usize> {
        let needed = self.needed(roots, true);
        let mut columns: Vec<usize> = self
            .nodes
            .iter()
            .zip(needed)
            .filter_map(|(node, needed)| match node.kind {
                NodeKind::Column(column) if needed => Some(column),
                _ => None,
            })
            .collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Whether the root reads columns whose values are no plain numbers: text, lists and the like.
    pub(crate) fn reads_text(&self, root: usize) -> bool {
        let needed = self.needed(&[root], true);
        let text = |node: &Node| {
            matches!(node.kind, NodeKind::Column(_))
                && node.data_type.primitive_width().is_none()
                && !matches!(node.data_type, DataType::Boolean | DataType::Null | DataType::Dictionary(..))
        };
        self.nodes.iter().zip(needed).any(|(node, needed)| needed && text(node))
    }

    /// The same program over an input whose column `i` stands at `places[i]`. Nodes of lost columns are never asked for.
    pub(crate) fn over_columns(&self, places: &[Option<usize>]) -> Self {
        let mut program = self.clone();
        for node in &mut program.nodes {
            if let NodeKind::Column(column) = &mut node.kind {
                *column = places.get(*column).copied().flatten().unwrap_or(usize::MAX);
            }
        }
        program
    }

    /// Whether a node is null in no row. Columns whose values may hide nulls (dictionaries, runs, unions) count as null.
    pub(crate) fn never_null(&self, root: usize) -> bool {
        let needed = self.needed(&[root], true);
        !self.nodes[root].nullable
            && self.nodes[..=root].iter().zip(needed).filter(|(_, needed)| *needed).all(|(node, _)| {
                !matches!(
                    node.data_type,
                    DataType::Null | DataType::Dictionary(..) | DataType::RunEndEncoded(..) | DataType::Union(..)
                )
            })
    }

    /// Copies `roots` and what they read to the end of `target`, where the node of column `i` is `place_of(i)`; gives the
    /// new roots, or `None` when a column has no place or choices would nest too deep.
    pub(crate) fn copy_into(
        &self,
        target: &mut Self,
        roots: &[usize],
        place_of: impl Fn(usize) -> Option<usize>,
    ) -> Option<Vec<usize>> {
        let needed = self.needed(roots, true);
        let mut places = vec![usize::MAX; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
            if let NodeKind::Column(column) = node.kind {
                places[index] = place_of(column)?;
                continue;
            }
            let mut node = node.clone();
            for argument in node.arguments_mut() {
                *argument = places[*argument];
            }
            let below = node.arguments().iter().any(|&argument| target.nodes[argument].fallible);
            node.fallible |= below;
            let depth = node.arguments().iter().map(|&argument| target.nodes[argument].lazy_depth).max();
            node.lazy_depth = node.depth_above(depth.unwrap_or(0));
            if node.lazy_depth > LAZY_DEPTH_LIMIT {
                return None;
            }
            target.nodes.push(node);
            places[index] = target.nodes.len() - 1;
        }
        Some(roots.iter().map(|&root| places[root]).collect())
    }

    /// Whether an argument of the node is only given the rows that need it.
    fn is_lazy(&self, node: &Node, position: usize) -> bool {
        match &node.kind {
            NodeKind::Call { laziness, arguments, .. } => {
                position > 0 && *laziness != Laziness::Eager && self.nodes[arguments[position]].fallible
            }
            _ => false,
        }
    }
}

/// The values of a program's nodes for some rows.
struct Evaluation<'a> {
    program: &'a Program,
    columns: Vec<ArrayRef>,
    row_count: usize,
    values: Vec<Option<Column>>,
    context: &'a TaskContext,
}

impl<'a> Evaluation<'a> {
    fn new(program: &'a Program, columns: Vec<ArrayRef>, row_count: usize, context: &'a TaskContext) -> Self {
        Self { program, columns, row_count, values: vec![None; program.nodes.len()], context }
    }

    fn run(&mut self, roots: &[usize]) -> Result<()> {
        let needed = self.program.needed(roots, false);
        let last_uses = self.program.last_uses(roots, &needed);
        for index in needed.iter().enumerate().filter_map(|(index, needed)| needed.then_some(index)) {
            if self.values[index].is_none() {
                let node = &self.program.nodes[index];
                let value = self.node(node).map_err(|error| node.place.locate(error))?;
                self.values[index] = Some(value);
                // Memory that is free again is the first to be used again, while it is still in the cache.
                for &argument in node.arguments() {
                    if last_uses.get(argument) == Some(&index) {
                        self.values[argument] = None;
                    }
                }
            }
        }
        Ok(())
    }

    fn value(&self, index: usize) -> Result<Column> {
        let value = self.values.get(index).cloned().flatten();
        value.ok_or_else(|| Error::internal(format!("expression {index} is not evaluated")))
    }

    fn node(&self, node: &Node) -> Result<Column> {
        match &node.kind {
            NodeKind::Column(column) => {
                let array = self.columns.get(*column).cloned();
                array.map(Column::Array).ok_or_else(|| Error::internal(format!("column {column} is not there")))
            }
            NodeKind::Literal(value) => Column::scalar(array_of(value)?, self.row_count),
            NodeKind::Parameter(index) => Err(Error::internal(format!("parameter {index} has no value"))),
            NodeKind::Element => Err(Error::internal("an element outside its list")),
            NodeKind::List(call) => {
                let arguments = call.arguments.iter().map(|&argument| self.value(argument));
                call.evaluate(&arguments.collect::<Result<Vec<_>>>()?, self.row_count, &node.data_type, self.context)
            }
            NodeKind::Cast { argument, to, mode } => {
                bowyer_compute::cast(&self.value(*argument)?, to, *mode, &self.context.memory)
                    .map_err(|error| error.in_function("cast"))
            }
            NodeKind::Call { bound, arguments, laziness } => {
                let mut values = Vec::with_capacity(arguments.len());
                for (position, &argument) in arguments.iter().enumerate() {
                    let value = match self.values.get(argument).cloned().flatten() {
                        Some(value) => value,
                        None => self.lazy_argument(*laziness, argument, position, &values)?,
                    };
                    values.push(value);
                }
                bound.call(&values, self.row_count, &self.context.memory)
            }
        }
    }

    /// An argument for the rows that `before` leaves undecided; other rows are null.
    fn lazy_argument(&self, laziness: Laziness, argument: usize, position: usize, before: &[Column]) -> Result<Column> {
        let rows = undecided(laziness, position, before, self.row_count)?;
        self.some_rows(argument, &rows)
    }

    /// The value of a node for some rows; others are null.
    fn some_rows(&self, argument: usize, rows: &BooleanBuffer) -> Result<Column> {
        let data_type = &self.program.nodes[argument].data_type;
        let indices: Vec<u32> = rows.set_indices_u32().collect();
        if indices.is_empty() {
            return Column::scalar(arrow_array::new_null_array(data_type, 1), self.row_count);
        }
        if indices.len() == self.row_count {
            let mut all = Evaluation::new(self.program, self.columns.clone(), self.row_count, self.context);
            all.values.clone_from(&self.values);
            all.run(&[argument])?;
            return all.value(argument);
        }
        let columns = self.columns_of_rows(argument, &indices)?;
        let mut some = Evaluation::new(self.program, columns, indices.len(), self.context);
        some.run(&[argument]).map_err(|mut error| {
            let place = error.place_mut();
            let row = place.row.and_then(|row| indices.get(usize::try_from(row).ok()?));
            place.row = row.map(|&row| u64::from(row));
            error
        })?;
        match some.value(argument)? {
            Column::Scalar { value, .. } => Column::scalar(value, self.row_count),
            Column::Array(values) => spread(&values, &indices, self.row_count),
        }
    }

    fn columns_of_rows(&self, argument: usize, indices: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut columns = self.columns.clone();
        let indices = UInt32Array::from(indices.to_vec());
        for column in self.program.columns_of(&[argument]) {
            if let Some(array) = columns.get_mut(column) {
                *array = arrow_select::take::take(array.as_ref(), &indices, None)?;
            }
        }
        Ok(columns)
    }
}
