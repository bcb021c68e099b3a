// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A bound plan: relations whose names, types and literals are settled, in topological order.
//!
//! The binder makes it, the optimiser rewrites it, the physical planner turns it into pipelines. Columns are indices from
//! here on.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bowyer_compute::Bound;
use datafusion_common::{JoinType, NullEquality, ScalarValue};

use crate::operators::aggregate::sets::GroupingSets;
use crate::operators::distinct::Keep;
use crate::operators::join::AsOfRule;
use crate::operators::reject::RejectLimit;
use crate::operators::sample::SampleSize;
use crate::operators::set_operation::SetRule;
use crate::operators::unnest::UnnestColumn;
use crate::operators::unpivot::UnpivotColumn;
use crate::operators::window::{Frame, WindowCall};
use crate::operators::{JoinColumn, Measure, SortKey};
use crate::program::{NodeKind, Program};

/// A named input of a plan.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its schema.
    pub schema: SchemaRef,
    /// Whether it may never end.
    pub unbounded: bool,
}

/// A plan whose names and types are settled.
#[derive(Clone, Debug)]
pub(crate) struct BoundPlan {
    pub(crate) inputs: Vec<Input>,
    pub(crate) relations: Vec<Relation>,
    /// Names and relations.
    pub(crate) outputs: Vec<(String, usize)>,
    /// Names and types, in the order of their indices.
    pub(crate) parameters: Vec<Field>,
}

/// A relation of a bound plan.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) kind: RelationKind,
    pub(crate) schema: SchemaRef,
    /// `filter[2]`: its kind and its index in the plan.
    pub(crate) path: String,
    /// The file and line that wrote it.
    pub(crate) origin: Option<String>,
    /// Where rows go whose expressions fail.
    pub(crate) rejects: Option<BoundRejects>,
}

/// An output of failing rows.
#[derive(Clone, Debug)]
pub(crate) struct BoundRejects {
    /// The number of the relation as it was written: the outputs come in that order.
    pub(crate) relation: usize,
    pub(crate) name: String,
    pub(crate) limit: RejectLimit,
    pub(crate) schema: SchemaRef,
}

/// What a relation does. Expressions are nodes of its program.
#[derive(Clone, Debug)]
pub(crate) enum RelationKind {
    /// Columns of an input.
    Scan { input: usize, columns: Vec<usize> },
    /// The rows whose predicates are true, each asked of the rows that those before it keep, of these columns.
    Filter { input: usize, program: Arc<Program>, predicates: Vec<usize>, columns: Vec<usize> },
    /// Computed columns. `checked` are evaluated for their errors alone.
    Project { input: usize, program: Arc<Program>, columns: Vec<usize>, checked: Vec<usize> },
    /// Groups.
    Aggregate {
        input: usize,
        program: Arc<Program>,
        keys: Vec<usize>,
        sets: GroupingSets,
        measures: Vec<BoundMeasure>,
        /// Whether rows with equal keys stand together.
        sorted: bool,
    },
    /// Pairs of rows with equal keys.
    Join(Box<BoundJoin>),
    /// Rows in order; at most `limit` of them.
    Sort { input: usize, program: Arc<Program>, keys: Vec<BoundSortKey>, limit: Option<usize> },
    /// A range of rows.
    Limit { input: usize, offset: u64, count: Option<u64> },
    /// Rows of all inputs, one input after the other.
    Union { inputs: Vec<usize> },
    /// Rows with columns that are computed from the rows around them.
    Window(BoundWindow),
    /// Rows of the first input by what the others have.
    SetOperation { inputs: Vec<usize>, rule: SetRule },
    /// A row for each element of some lists.
    Unnest(BoundUnnest),
    /// Groups whose values of one key are columns.
    Pivot(BoundPivot),
    /// A row for each of some columns.
    Unpivot(BoundUnpivot),
    /// Some rows.
    Sample { input: usize, seed: u64, size: SampleSize },
    /// One row of each combination of these columns.
    Distinct { input: usize, columns: Vec<usize>, keep: Keep },
}

/// An aggregate of a group.
#[derive(Clone, Debug)]
pub(crate) struct BoundMeasure {
    pub(crate) bound: Bound,
    pub(crate) arguments: Vec<usize>,
    /// The predicate of the rows that count; all without one.
    pub(crate) filter: Option<usize>,
    /// Whether rows with equal arguments count once in a group.
    pub(crate) distinct: bool,
    /// The order in which it takes the rows of a group; that of the input without keys.
    pub(crate) order: Vec<BoundSortKey>,
    pub(crate) path: String,
}

impl BoundMeasure {
    /// The nodes that it needs: its arguments, then its filter, then its order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &usize> {
        self.arguments.iter().chain(&self.filter).chain(self.order.iter().map(|key| &key.node))
    }

    /// The same, to be changed.
    pub(crate) fn nodes_mut(&mut self) -> impl Iterator<Item = &mut usize> {
        self.arguments.iter_mut().chain(&mut self.filter).chain(self.order.iter_mut().map(|key| &mut key.node))
    }

    /// The measure over columns: those of its nodes are taken from `places`, in the order of [`Self::nodes`].
    pub(crate) fn over(&self, places: &mut impl Iterator<Item = usize>) -> Measure {
        Measure {
            bound: self.bound.clone(),
            arguments: places.take(self.arguments.len()).collect(),
            filter: self.filter.and_then(|_| places.next()),
            distinct: self.distinct,
            order: self.order.iter().zip(places).map(|(key, column)| key.over(column)).collect(),
            path: self.path.clone(),
        }
    }
}

/// A key of an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoundSortKey {
    pub(crate) node: usize,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

impl BoundSortKey {
    /// The key over a column that holds its node.
    pub(crate) fn over(&self, column: usize) -> SortKey {
        SortKey { column, descending: self.descending, nulls_first: self.nulls_first }
    }
}

/// A join. Columns say `Probe` for the left side and `Build` for the right one; which of them is built is decided when
/// the sizes are known.
#[derive(Clone, Debug)]
pub(crate) struct BoundJoin {
    pub(crate) left: usize,
    pub(crate) right: usize,
    pub(crate) kind: JoinType,
    pub(crate) left_keys: Vec<usize>,
    pub(crate) right_keys: Vec<usize>,
    /// The types that keys are compared in.
    pub(crate) key_types: Vec<DataType>,
    pub(crate) nulls: NullEquality,
    /// Whether an anti join takes a null key for one that may be equal to any.
    pub(crate) null_aware: bool,
    /// What pairs of rows with equal keys must fulfil too.
    pub(crate) residual: Option<Residual>,
    /// Of the pairs with equal keys, only the one whose values are next to each other.
    pub(crate) as_of: Option<AsOf>,
    pub(crate) columns: Vec<JoinColumn>,
    /// Where the build side's keys turn rows of the other side away.
    pub(crate) dynamic: Vec<DynamicKey>,
    /// Whether it may be done in another order with the joins beside it: nobody sees the order of its rows.
    pub(crate) any_order: bool,
    /// The sides of which an inner join only chooses rows: where the other side is built, it is a semi join.
    pub(crate) chooses: Chooses,
}

/// The sides that alone have columns in the result, with rows that may come once however many partners they have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chooses {
    pub(crate) left: bool,
    pub(crate) right: bool,
}

/// A filter by the keys that a join's build side has, below its other side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DynamicKey {
    /// Whether it filters the left side, by the keys of the right.
    pub(crate) of_left: bool,
    /// Which of the keys.
    pub(crate) key: usize,
    /// The relation that asks, and the column of its result.
    pub(crate) relation: usize,
    pub(crate) column: usize,
}

/// The order of an as-of join: columns of either side, and the type that they are compared in.
#[derive(Clone, Debug)]
pub(crate) struct AsOf {
    pub(crate) left_on: usize,
    pub(crate) right_on: usize,
    pub(crate) on_type: DataType,
    pub(crate) rule: AsOfRule,
}

/// A condition on pairs of rows.
#[derive(Clone, Debug)]
pub(crate) struct Residual {
    pub(crate) program: Arc<Program>,
    pub(crate) predicate: usize,
    /// The columns that the program reads.
    pub(crate) columns: Vec<JoinColumn>,
    pub(crate) schema: SchemaRef,
    /// Whether candidates are found by the inequalities that are part of it.
    pub(crate) by_ranges: bool,
}

impl Residual {
    /// A predicate of a program over rows of `columns`, of which only those are kept that it reads.
    pub(crate) fn new(program: &Program, predicate: usize, columns: &[JoinColumn], schema: &SchemaRef) -> Self {
        let mut places = vec![None; columns.len()];
        let (mut kept, mut fields) = (Vec::new(), Vec::new());
        for column in program.columns_of(&[predicate]) {
            if places[column].is_none() {
                places[column] = Some(kept.len());
                kept.push(columns[column]);
                fields.push(schema.fields()[column].clone());
            }
        }
        let program = Arc::new(program.over_columns(&places));
        Self { program, predicate, columns: kept, schema: Arc::new(Schema::new(fields)), by_ranges: false }
    }
}

/// Window functions that share a partition, an order and a frame. Arguments of functions are nodes of the program.
#[derive(Clone, Debug)]
pub(crate) struct BoundWindow {
    pub(crate) input: usize,
    pub(crate) program: Arc<Program>,
    /// The columns of the input that are passed on; those of the functions follow.
    pub(crate) columns: Vec<usize>,
    pub(crate) partition: Vec<usize>,
    pub(crate) order: Vec<BoundSortKey>,
    pub(crate) frame: Frame,
    pub(crate) functions: Vec<WindowCall>,
    /// Only rows with a number up to this are asked for, and all functions are numbers of rows.
    pub(crate) limit: Option<usize>,
}

impl BoundWindow {
    /// The nodes that it reads: of the partition, of the order, of the functions.
    pub(crate) fn nodes(&self) -> Vec<usize> {
        let order = self.order.iter().map(|key| key.node);
        let arguments = self.functions.iter().flat_map(WindowCall::columns);
        self.partition.iter().copied().chain(order).chain(arguments).collect()
    }

    /// The columns of the input that it reads when only some of its own are needed.
    pub(crate) fn columns_read(&self, needed: &BTreeSet<usize>) -> BTreeSet<usize> {
        let kept = needed.iter().filter_map(|&column| self.columns.get(column).copied());
        kept.chain(self.program.columns_of(&self.nodes())).collect()
    }
}

/// Lists whose elements become rows, and structs whose fields become columns.
#[derive(Clone, Debug)]
pub(crate) struct BoundUnnest {
    pub(crate) input: usize,
    pub(crate) columns: Vec<UnnestColumn>,
    pub(crate) lists: Vec<usize>,
    pub(crate) keep_empty: bool,
}

impl BoundUnnest {
    /// The columns of the input that it reads when only some of its own are needed.
    pub(crate) fn columns_read(&self, needed: &BTreeSet<usize>) -> BTreeSet<usize> {
        let read = needed.iter().filter_map(|&column| match self.columns[column] {
            UnnestColumn::Plain(column) | UnnestColumn::Element(column) | UnnestColumn::Field(column, _) => {
                Some(column)
            }
            UnnestColumn::Ordinality => None,
        });
        read.chain(self.lists.iter().copied()).collect()
    }

    /// The same with the needed columns only, over an input whose columns stand elsewhere.
    pub(crate) fn narrowed(self, needed: &BTreeSet<usize>, place: impl Fn(usize) -> usize) -> Self {
        let columns = needed.iter().map(|&column| match self.columns[column] {
            UnnestColumn::Plain(column) => UnnestColumn::Plain(place(column)),
            UnnestColumn::Element(column) => UnnestColumn::Element(place(column)),
            UnnestColumn::Field(column, field) => UnnestColumn::Field(place(column), field),
            UnnestColumn::Ordinality => UnnestColumn::Ordinality,
        });
        let columns = columns.collect();
        Self { columns, lists: self.lists.iter().map(|&list| place(list)).collect(), ..self }
    }
}

/// Columns whose names and values become rows.
#[derive(Clone, Debug)]
pub(crate) struct BoundUnpivot {
    pub(crate) input: usize,
    pub(crate) columns: Vec<UnpivotColumn>,
    pub(crate) values: Vec<usize>,
    pub(crate) names: Vec<String>,
}

impl BoundUnpivot {
    /// The columns of the input that it reads when only some of its own are needed.
    pub(crate) fn columns_read(&self, needed: &BTreeSet<usize>) -> BTreeSet<usize> {
        let read = needed.iter().filter_map(|&column| match self.columns[column] {
            UnpivotColumn::Plain(column) => Some(column),
            UnpivotColumn::Variable | UnpivotColumn::Value => None,
        });
        read.chain(self.values.iter().copied()).collect()
    }

    /// The same with the needed columns only, over an input whose columns stand elsewhere.
    pub(crate) fn narrowed(self, needed: &BTreeSet<usize>, place: impl Fn(usize) -> usize) -> Self {
        let columns = needed.iter().map(|&column| match self.columns[column] {
            UnpivotColumn::Plain(column) => UnpivotColumn::Plain(place(column)),
            other => other,
        });
        let columns = columns.collect();
        Self { columns, values: self.values.iter().map(|&value| place(value)).collect(), ..self }
    }
}

/// Groups by keys and one more column, whose values become columns.
#[derive(Clone, Debug)]
pub(crate) struct BoundPivot {
    pub(crate) input: usize,
    pub(crate) program: Arc<Program>,
    pub(crate) keys: Vec<usize>,
    pub(crate) column: usize,
    pub(crate) values: ArrayRef,
    pub(crate) measures: Vec<BoundMeasure>,
}

impl BoundPivot {
    /// The nodes that it reads: the keys, the column, the arguments of the measures.
    pub(crate) fn nodes(&self) -> Vec<usize> {
        let arguments = self.measures.iter().flat_map(BoundMeasure::nodes).copied();
        self.keys.iter().copied().chain([self.column]).chain(arguments).collect()
    }
}

impl RelationKind {
    /// The relations that it reads.
    pub(crate) fn inputs(&self) -> Vec<usize> {
        match self {
            Self::Scan { .. } => Vec::new(),
            Self::Filter { input, .. }
            | Self::Project { input, .. }
            | Self::Aggregate { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. }
            | Self::Distinct { input, .. }
            | Self::Sample { input, .. } => vec![*input],
            Self::Window(window) => vec![window.input],
            Self::Unnest(unnest) => vec![unnest.input],
            Self::Pivot(pivot) => vec![pivot.input],
            Self::Unpivot(unpivot) => vec![unpivot.input],
            Self::Join(join) => vec![join.left, join.right],
            Self::Union { inputs } | Self::SetOperation { inputs, .. } => inputs.clone(),
        }
    }

    /// The same, to be changed.
    pub(crate) fn inputs_mut(&mut self) -> Vec<&mut usize> {
        match self {
            Self::Scan { .. } => Vec::new(),
            Self::Filter { input, .. }
            | Self::Project { input, .. }
            | Self::Aggregate { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. }
            | Self::Distinct { input, .. }
            | Self::Sample { input, .. } => vec![input],
            Self::Window(window) => vec![&mut window.input],
            Self::Unnest(unnest) => vec![&mut unnest.input],
            Self::Pivot(pivot) => vec![&mut pivot.input],
            Self::Unpivot(unpivot) => vec![&mut unpivot.input],
            Self::Join(join) => vec![&mut join.left, &mut join.right],
            Self::Union { inputs } | Self::SetOperation { inputs, .. } => inputs.iter_mut().collect(),
        }
    }

    /// Takes predicates that are true for every row from a filter, if others are left.
    pub(crate) fn drop_true_predicates(&mut self, wanted: bool) {
        let Self::Filter { program, predicates, .. } = self else { return };
        let is_true = |predicate: usize| {
            matches!(program.nodes[predicate].kind, NodeKind::Literal(ScalarValue::Boolean(Some(true))))
        };
        if wanted && !predicates.iter().all(|&predicate| is_true(predicate)) {
            predicates.retain(|&predicate| !is_true(predicate));
        }
    }

    /// Its program, and all nodes of it that the relation asks for; `None` where no rewrite changes expressions.
    pub(crate) fn program_mut(&mut self) -> Option<(&mut Arc<Program>, Vec<&mut usize>)> {
        match self {
            Self::Filter { program, predicates, .. } => Some((program, predicates.iter_mut().collect())),
            Self::Project { program, columns, checked, .. } => {
                Some((program, columns.iter_mut().chain(checked).collect()))
            }
            Self::Aggregate { program, keys, measures, .. } => {
                let arguments = measures.iter_mut().flat_map(BoundMeasure::nodes_mut);
                Some((program, keys.iter_mut().chain(arguments).collect()))
            }
            Self::Sort { program, keys, .. } => Some((program, keys.iter_mut().map(|key| &mut key.node).collect())),
            _ => None,
        }
    }
}

impl BoundPlan {
    /// How many relations and outputs read each relation that an output needs; 0 for the others.
    pub(crate) fn use_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.relations.len()];
        for (_, relation) in &self.outputs {
            counts[*relation] += 1;
        }
        for index in (0..self.relations.len()).rev() {
            if counts[index] > 0 {
                for input in self.relations[index].kind.inputs() {
                    counts[input] += 1;
                }
            }
        }
        counts
    }
}
