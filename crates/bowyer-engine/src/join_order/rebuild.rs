// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A tree in another shape, as relations of the plan.
//!
//! The uppermost join stays where it is and gives the columns that it gave. Those below it are new relations under the old
//! names, with the columns that are read above them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::Schema;

use super::tree::{Place, Shape, Tree};
use crate::operators::JoinColumn;
use crate::plan::{BoundJoin, BoundPlan, Chooses, Relation, RelationKind};

/// Puts the joins of `tree` into `shape`.
pub(super) fn rebuild(plan: &mut BoundPlan, tree: &Tree, shape: &Shape) {
    let Shape::Join(left, right) = shape else { return };
    let Some((&root, names)) = tree.joins.split_last() else { return };
    let mut building = Building { plan, tree, names: names.iter() };
    let join = building.joined(left, right, &tree.columns);
    if let Some(RelationKind::Join(old)) = building.plan.relations.get_mut(root).map(|relation| &mut relation.kind) {
        **old = join;
    }
}

struct Building<'a> {
    plan: &'a mut BoundPlan,
    tree: &'a Tree,
    /// The joins whose names are left.
    names: std::slice::Iter<'a, usize>,
}

impl Building<'_> {
    /// The join of two shapes that gives these columns.
    fn joined(&mut self, left: &Shape, right: &Shape, columns: &[Place]) -> BoundJoin {
        let (left_leaves, right_leaves) = (leaves(left), leaves(right));
        let of = |side: &BTreeSet<usize>, class: &[Place]| class.iter().find(|place| side.contains(&place.0)).copied();
        let keys = self.tree.classes.iter().filter_map(|class| of(&left_leaves, class).zip(of(&right_leaves, class)));
        let (left_keys, right_keys): (Vec<Place>, Vec<Place>) = keys.unzip();
        let needed = |side: &BTreeSet<usize>, keys: &[Place]| -> Vec<Place> {
            let all: BTreeSet<Place> = columns.iter().chain(keys).copied().collect();
            all.into_iter().filter(|place| side.contains(&place.0)).collect()
        };
        let (left_needed, right_needed) = (needed(&left_leaves, &left_keys), needed(&right_leaves, &right_keys));
        let (left, left_places) = self.side(left, left_needed);
        let (right, right_places) = self.side(right, right_needed);
        let schema = &self.plan.relations[left].schema;
        let in_left = |place: &Place| position(&left_places, place);
        let in_right = |place: &Place| position(&right_places, place);
        let left_keys: Vec<usize> = left_keys.iter().filter_map(in_left).collect();
        let column = |place: &Place| match in_left(place) {
            Some(column) => Some(JoinColumn::Probe(column)),
            None => in_right(place).map(JoinColumn::Build),
        };
        BoundJoin {
            left,
            right,
            kind: datafusion_common::JoinType::Inner,
            key_types: left_keys.iter().map(|&key| schema.field(key).data_type().clone()).collect(),
            left_keys,
            right_keys: right_keys.iter().filter_map(in_right).collect(),
            nulls: self.tree.nulls,
            null_aware: false,
            residual: None,
            as_of: None,
            columns: columns.iter().filter_map(column).collect(),
            dynamic: Vec::new(),
            any_order: true,
            chooses: Chooses::default(),
        }
    }

    /// The relation of a side, and where its columns come from: those that are needed, or all of a leaf.
    fn side(&mut self, shape: &Shape, needed: Vec<Place>) -> (usize, Vec<Place>) {
        match shape {
            Shape::Leaf(leaf) => {
                let relation = self.tree.leaves[*leaf];
                let width = self.plan.relations[relation].schema.fields().len();
                (relation, (0..width).map(|column| (*leaf, column)).collect())
            }
            Shape::Join(left, right) => {
                let name = self.names.next().copied().unwrap_or_default();
                let join = self.joined(left, right, &needed);
                let field = |&(leaf, column): &Place| {
                    self.plan.relations[self.tree.leaves[leaf]].schema.fields()[column].clone()
                };
                let schema = Arc::new(Schema::new(needed.iter().map(field).collect::<Vec<_>>()));
                let Relation { path, origin, .. } = self.plan.relations[name].clone();
                let kind = RelationKind::Join(Box::new(join));
                self.plan.relations.push(Relation { kind, schema, path, origin, rejects: None });
                (self.plan.relations.len() - 1, needed)
            }
        }
    }
}

fn position(places: &[Place], place: &Place) -> Option<usize> {
    places.iter().position(|other| other == place)
}

fn leaves(shape: &Shape) -> BTreeSet<usize> {
    match shape {
        Shape::Leaf(leaf) => BTreeSet::from([*leaf]),
        Shape::Join(left, right) => leaves(left).into_iter().chain(leaves(right)).collect(),
    }
}
