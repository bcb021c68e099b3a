// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The order of inner joins, settled when a query starts: what is joined first, and which side is built.
//!
//! Joins that the optimiser has marked and that stand above one another are one [`tree`]. Its parts have [`sizes`], as far
//! as tables in memory tell them, from which a [`search`] takes the order that makes and builds the fewest rows. It
//! stands in the plan ([`rebuild`]) only where it promises to be clearly better than the order that was written. A tree with
//! a part of unknown size stays as it is.

mod rebuild;
mod sample;
mod search;
mod sizes;
mod tree;

use std::collections::BTreeMap;

use crate::operators::TaskContext;
use crate::physical::Given;
use crate::plan::{BoundPlan, RelationKind};
use search::Partners;
use sizes::Sizes;
use tree::Tree;

/// Tables of fewer rows, all parts of a tree together, are joined in no time in any order.
const LEAST_ROWS: f64 = 65_536.0;

/// The plan with its joins in better orders; `None` where they stand well as they are.
pub(crate) fn ordered(plan: &BoundPlan, given: &Given<'_>, context: &TaskContext) -> Option<BoundPlan> {
    let marked = |relation: &RelationKind| matches!(relation, RelationKind::Join(join) if join.any_order);
    if !plan.relations.iter().any(|relation| marked(&relation.kind)) {
        return None;
    }
    let mut sizes = Sizes::new(plan, given, context);
    let mut changed: Option<BoundPlan> = None;
    for tree in tree::trees(plan, given) {
        let Some(rows) = tree.leaves.iter().map(|&leaf| sizes.rows(leaf)).collect::<Option<Vec<f64>>>() else {
            continue;
        };
        if rows.iter().sum::<f64>() < LEAST_ROWS {
            continue;
        }
        let mut parts = Parts::new(&tree, rows, &mut sizes);
        if let Some(shape) = search::better(&tree.shape, &mut parts) {
            rebuild::rebuild(changed.get_or_insert_with(|| plan.clone()), &tree, &shape);
        }
    }
    changed
}

/// The parts of a tree, as the search sees them.
struct Parts<'a, 'b> {
    tree: &'a Tree,
    rows: Vec<f64>,
    classes: Vec<u64>,
    sizes: &'a mut Sizes<'b>,
    /// For columns of a part in some classes, how many different values they have and whether these are hardly repeated.
    known: BTreeMap<(usize, u64), (f64, bool)>,
}

impl<'a, 'b> Parts<'a, 'b> {
    fn new(tree: &'a Tree, rows: Vec<f64>, sizes: &'a mut Sizes<'b>) -> Self {
        let classes = (0..rows.len()).map(|leaf| tree.classes_of(leaf)).collect();
        Self { tree, rows, classes, sizes, known: BTreeMap::new() }
    }

    fn values(&mut self, leaf: usize, classes: u64) -> (f64, bool) {
        // Of two parts only the side is open that is built: that hangs on no keys.
        if self.rows.len() == 2 {
            return (self.rows[leaf], true);
        }
        let (tree, rows, sizes) = (self.tree, self.rows[leaf], &mut *self.sizes);
        *self.known.entry((leaf, classes)).or_insert_with(|| {
            let (relation, columns) = (tree.leaves[leaf], tree.columns_of(leaf, classes));
            let distinct = sizes.distinct(relation, &columns).unwrap_or(rows);
            (distinct, sizes.is_unique(relation, &columns))
        })
    }
}

impl Partners for Parts<'_, '_> {
    fn rows(&self) -> &[f64] {
        &self.rows
    }

    fn classes_of(&self, leaf: usize) -> u64 {
        self.classes[leaf]
    }

    fn distinct(&mut self, leaf: usize, classes: u64) -> f64 {
        self.values(leaf, classes).0
    }

    fn is_unique(&mut self, leaf: usize, classes: u64) -> bool {
        self.values(leaf, classes).1
    }
}
