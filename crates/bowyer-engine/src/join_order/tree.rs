// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Joins that stand above one another, as what they join and which columns are equal.
//!
//! Equality passes on: where `a = b` and `b = c`, `a = c` joins as well. Projections between the joins that only pass columns
//! on are looked through.

use datafusion_common::NullEquality;

use crate::operators::JoinColumn;
use crate::physical::{Given, builds_left};
use crate::plan::{BoundJoin, BoundPlan, RelationKind};
use crate::program::NodeKind;

/// A tree of more parts is cut into several.
const MOST_LEAVES: usize = 32;

/// A column of a leaf.
pub(super) type Place = (usize, usize);

/// What is joined with what; the right side is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Leaf(usize),
    Join(Box<Self>, Box<Self>),
}

/// Joins above one another.
#[derive(Debug)]
pub(super) struct Tree {
    /// The relations that are joined.
    pub(super) leaves: Vec<usize>,
    /// The relations that join them, the uppermost last.
    pub(super) joins: Vec<usize>,
    pub(super) shape: Shape,
    pub(super) nulls: NullEquality,
    /// Columns that are equal in every row.
    pub(super) classes: Vec<Vec<Place>>,
    /// The columns of the result.
    pub(super) columns: Vec<Place>,
}

impl Tree {
    /// The classes that a leaf has a column in, a bit for each.
    pub(super) fn classes_of(&self, leaf: usize) -> u64 {
        let has = |class: &[Place]| class.iter().any(|place| place.0 == leaf);
        self.classes.iter().enumerate().fold(0, |mask, (at, class)| mask | u64::from(has(class)) << at)
    }

    /// A column of a leaf in each of some classes.
    pub(super) fn columns_of(&self, leaf: usize, classes: u64) -> Vec<usize> {
        let chosen = self.classes.iter().enumerate().filter(|(at, _)| classes >> at & 1 == 1);
        chosen.filter_map(|(_, class)| class.iter().find(|place| place.0 == leaf)).map(|place| place.1).collect()
    }
}

/// The trees of a plan, with the sides built that would be as it stands.
pub(super) fn trees(plan: &BoundPlan, given: &Given<'_>) -> Vec<Tree> {
    let uses = plan.use_counts();
    let mut within = vec![false; plan.relations.len()];
    let mut found = Vec::new();
    for root in (0..plan.relations.len()).rev() {
        let Some(join) = marked(plan, root).filter(|_| uses[root] > 0 && !within[root]) else { continue };
        let tree = Tree {
            leaves: Vec::new(),
            joins: Vec::new(),
            shape: Shape::Leaf(0),
            nulls: join.nulls,
            classes: Vec::new(),
            columns: Vec::new(),
        };
        let mut gathering = Gathering { plan, given, uses: &uses, tree, left: MOST_LEAVES - 1 };
        let (shape, columns) = gathering.join(root, join);
        let tree = Tree { shape, columns, ..gathering.tree };
        tree.joins.iter().for_each(|&join| within[join] = true);
        // Classes and leaves are bits of a word.
        if tree.classes.len() <= 64 {
            found.push(tree);
        }
    }
    found
}

fn marked(plan: &BoundPlan, relation: usize) -> Option<&BoundJoin> {
    match &plan.relations[relation].kind {
        RelationKind::Join(join) if join.any_order => Some(join),
        _ => None,
    }
}

struct Gathering<'a> {
    plan: &'a BoundPlan,
    given: &'a Given<'a>,
    uses: &'a [usize],
    tree: Tree,
    /// How many joins may be looked into.
    left: usize,
}

impl Gathering<'_> {
    fn join(&mut self, relation: usize, join: &BoundJoin) -> (Shape, Vec<Place>) {
        self.left -= 1;
        let (left, left_columns) = self.part(join.left);
        let (right, right_columns) = self.part(join.right);
        for (&one, &other) in join.left_keys.iter().zip(&join.right_keys) {
            self.equate(left_columns[one], right_columns[other]);
        }
        let column = |column: &JoinColumn| match *column {
            JoinColumn::Probe(column) | JoinColumn::Either { probe: column, .. } => left_columns[column],
            JoinColumn::Build(column) => right_columns[column],
        };
        let columns = join.columns.iter().map(column).collect();
        self.tree.joins.push(relation);
        let turns = builds_left(join, &self.plan.relations[relation], self.plan, self.given);
        let (probe, build) = if turns { (right, left) } else { (left, right) };
        (Shape::Join(Box::new(probe), Box::new(build)), columns)
    }

    /// A side of a join: another join of the tree, or a leaf.
    fn part(&mut self, relation: usize) -> (Shape, Vec<Place>) {
        if let Some((below, passed)) = self.joined_below(relation)
            && let Some(join) = marked(self.plan, below)
        {
            let (shape, columns) = self.join(below, join);
            return (shape, passed.into_iter().map(|column| columns[column]).collect());
        }
        let leaf = self.tree.leaves.len();
        self.tree.leaves.push(relation);
        let width = self.plan.relations[relation].schema.fields().len();
        (Shape::Leaf(leaf), (0..width).map(|column| (leaf, column)).collect())
    }

    /// The join of this tree that a relation is, or passes columns of on, and which columns.
    fn joined_below(&self, relation: usize) -> Option<(usize, Vec<usize>)> {
        let mut below = relation;
        let mut passed: Vec<usize> = (0..self.plan.relations[relation].schema.fields().len()).collect();
        while self.left > 0 && self.uses[below] == 1 && self.plan.relations[below].rejects.is_none() {
            match &self.plan.relations[below].kind {
                RelationKind::Join(join) if join.any_order && join.nulls == self.tree.nulls => {
                    return Some((below, passed));
                }
                RelationKind::Project { input, program, columns, checked } if checked.is_empty() => {
                    let plain = |&column: &usize| match program.nodes[columns[column]].kind {
                        NodeKind::Column(source) => Some(source),
                        _ => None,
                    };
                    passed = passed.iter().map(plain).collect::<Option<_>>()?;
                    below = *input;
                }
                _ => return None,
            }
        }
        None
    }

    /// Puts two equal columns into one class.
    fn equate(&mut self, one: Place, other: Place) {
        let classes = &mut self.tree.classes;
        let mut class = vec![one, other];
        let mut at = 0;
        while at < classes.len() {
            if classes[at].contains(&one) || classes[at].contains(&other) {
                class.extend(classes.remove(at));
            } else {
                at += 1;
            }
        }
        class.sort_unstable();
        class.dedup();
        classes.push(class);
    }
}
