// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The search for the cheapest order: among all where there are few parts, else by the smallest result next.
//!
//! Two sets of parts have `|L| · |R| / max(distinct keys)` rows when they are joined: each key of the side with fewer is
//! taken to be on the other one too. A row that is built costs a few times what one costs that is looked up or made, and one
//! that is looked up costs as much for each of its keys.
//! Nothing is joined without keys.

use super::tree::Shape;

/// All orders of so many parts are looked at, 3^8 pairs of sets.
const ALL_ORDERS_OF: usize = 8;
/// What a row costs that is put into a table, where one that is looked up or given costs 1.
const BUILD_COST: f64 = 3.0;
/// What a pair costs more of a row that may have several partners.
const PAIR_COST: f64 = 3.0;
/// Estimates are no measurements: what was written stays unless another order costs less than this part of it.
const CLEARLY_LESS: f64 = 0.7;

/// Parts with numbers, and classes of equal columns with bits.
pub(super) trait Partners {
    /// The rows of each part.
    fn rows(&self) -> &[f64];

    /// The classes that a part has columns in.
    fn classes_of(&self, leaf: usize) -> u64;

    /// How many different values the columns of a part in these classes have together, before any filter.
    fn distinct(&mut self, leaf: usize, classes: u64) -> f64;

    /// Whether hardly two rows of a part have the same values in all of these columns.
    fn is_unique(&mut self, leaf: usize, classes: u64) -> bool;
}

/// Some parts joined.
#[derive(Clone, Debug)]
struct Joined {
    shape: Shape,
    /// A bit for each part.
    leaves: u64,
    /// The classes that these have columns in.
    classes: u64,
    rows: f64,
    cost: f64,
}

/// An order that is clearly better than the given one, if there is one.
pub(super) fn better(given: &Shape, parts: &mut dyn Partners) -> Option<Shape> {
    let written = as_written(given, parts)?;
    let singles: Vec<Joined> = (0..parts.rows().len()).map(|leaf| single(leaf, parts)).collect();
    let found =
        if singles.len() <= ALL_ORDERS_OF { best_of_all(singles, parts) } else { smallest_next(singles, parts) }?;
    (found.cost < written.cost * CLEARLY_LESS).then_some(found.shape)
}

fn single(leaf: usize, parts: &dyn Partners) -> Joined {
    let (classes, rows) = (parts.classes_of(leaf), parts.rows()[leaf]);
    Joined { shape: Shape::Leaf(leaf), leaves: 1 << leaf, classes, rows, cost: 0.0 }
}

fn as_written(shape: &Shape, parts: &mut dyn Partners) -> Option<Joined> {
    match shape {
        Shape::Leaf(leaf) => Some(single(*leaf, parts)),
        Shape::Join(left, right) => {
            let (left, right) = (as_written(left, parts)?, as_written(right, parts)?);
            let (rows, keys) = joined_rows(&left, &right, parts)?;
            Some(join(&left, &right, rows, keys, parts))
        }
    }
}

/// `probe` with `build` built, by keys of these classes.
fn join(probe: &Joined, build: &Joined, rows: f64, keys: u64, parts: &mut dyn Partners) -> Joined {
    let (looked_up, built) = (f64::from(keys.count_ones()) * probe.rows, BUILD_COST * build.rows);
    let paired = if is_unique(build, keys, parts) { 0.0 } else { probe.rows + PAIR_COST * rows };
    Joined {
        shape: Shape::Join(Box::new(probe.shape.clone()), Box::new(build.shape.clone())),
        leaves: probe.leaves | build.leaves,
        classes: probe.classes | build.classes,
        rows,
        cost: probe.cost + build.cost + looked_up + built + rows + paired,
    }
}

/// The two with the smaller one built.
fn join_smaller(one: &Joined, other: &Joined, rows: f64, keys: u64, parts: &mut dyn Partners) -> Joined {
    if other.rows <= one.rows { join(one, other, rows, keys, parts) } else { join(other, one, rows, keys, parts) }
}

/// Whether hardly two rows of a set have the same keys: those of a part, whose rows have not become more.
fn is_unique(set: &Joined, keys: u64, parts: &mut dyn Partners) -> bool {
    let whole: Vec<usize> = leaves(set.leaves).filter(|&leaf| parts.classes_of(leaf) & keys == keys).collect();
    whole.into_iter().any(|leaf| set.rows <= parts.rows()[leaf].max(1.0) && parts.is_unique(leaf, keys))
}

/// How many rows two sets have together, and the classes of their keys; `None` where no keys join them.
fn joined_rows(one: &Joined, other: &Joined, parts: &mut dyn Partners) -> Option<(f64, u64)> {
    let keys = one.classes & other.classes;
    if keys == 0 {
        return None;
    }
    let distinct = distinct_keys(one, keys, parts).max(distinct_keys(other, keys, parts)).max(1.0);
    Some(((one.rows * other.rows / distinct).max(1.0), keys))
}

fn leaves(set: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |leaf| set >> leaf & 1 == 1)
}

/// How many different keys a set has: those of a part that has all columns, else as many as the columns can make.
fn distinct_keys(set: &Joined, keys: u64, parts: &mut dyn Partners) -> f64 {
    let whole: Vec<usize> = leaves(set.leaves).filter(|&leaf| parts.classes_of(leaf) & keys == keys).collect();
    if !whole.is_empty() {
        return whole.into_iter().map(|leaf| parts.distinct(leaf, keys)).fold(f64::INFINITY, f64::min);
    }
    let mut product = 1.0_f64;
    for class in leaves(keys).map(|class| 1 << class) {
        let with: Vec<usize> = leaves(set.leaves).filter(|&leaf| parts.classes_of(leaf) & class != 0).collect();
        product *= with.into_iter().map(|leaf| parts.distinct(leaf, class)).fold(f64::INFINITY, f64::min);
    }
    product.min(set.rows)
}

/// The cheapest of all orders.
fn best_of_all(singles: Vec<Joined>, parts: &mut dyn Partners) -> Option<Joined> {
    let all = (1_usize << singles.len()) - 1;
    let mut best: Vec<Option<Joined>> = vec![None; all + 1];
    for (leaf, single) in singles.into_iter().enumerate() {
        best[1 << leaf] = Some(single);
    }
    for set in 1..=all {
        // The first way to join a set says its rows for all of them.
        let mut rows = None;
        let mut part = (set - 1) & set;
        while part > set & !part {
            if let (Some(one), Some(other)) = (&best[part], &best[set & !part])
                && let Some((found, keys)) = joined_rows(one, other, parts)
            {
                let joined = join_smaller(one, other, *rows.get_or_insert(found), keys, parts);
                if best[set].as_ref().is_none_or(|best| joined.cost < best.cost) {
                    best[set] = Some(joined);
                }
            }
            part = (part - 1) & set;
        }
    }
    best.pop().flatten()
}

/// The two sets with the smallest result are joined, until there is one.
fn smallest_next(mut sets: Vec<Joined>, parts: &mut dyn Partners) -> Option<Joined> {
    while sets.len() > 1 {
        let mut least: Option<((f64, u64), usize, usize)> = None;
        for one in 0..sets.len() {
            for other in one + 1..sets.len() {
                let found = joined_rows(&sets[one], &sets[other], parts);
                if let Some(found) = found.filter(|found| least.is_none_or(|(least, ..)| found.0 < least.0)) {
                    least = Some((found, one, other));
                }
            }
        }
        let (found, one, other) = least?;
        let other = sets.remove(other);
        sets[one] = join_smaller(&sets[one], &other, found.0, found.1, parts);
    }
    sets.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A large part in the middle, whose column `i` is equal to that of part `i + 1`.
    struct Star(Vec<f64>);

    impl Partners for Star {
        fn rows(&self) -> &[f64] {
            &self.0
        }

        fn classes_of(&self, leaf: usize) -> u64 {
            if leaf == 0 { (1 << (self.0.len() - 1)) - 1 } else { 1 << (leaf - 1) }
        }

        fn distinct(&mut self, _leaf: usize, _classes: u64) -> f64 {
            1_000.0
        }

        fn is_unique(&mut self, leaf: usize, _classes: u64) -> bool {
            leaf > 0
        }
    }

    /// The parts one after the other, the last one built first of all.
    fn backwards(count: usize) -> Shape {
        (1..count).fold(Shape::Leaf(0), |below, leaf| Shape::Join(Box::new(Shape::Leaf(leaf)), Box::new(below)))
    }

    /// The parts in the order in which rows of the large one meet them.
    fn met(shape: &Shape) -> Vec<usize> {
        match shape {
            Shape::Leaf(leaf) => vec![*leaf],
            Shape::Join(probe, build) => [met(probe), met(build)].concat(),
        }
    }

    #[test]
    fn the_part_that_keeps_least_comes_first_however_many_there_are() {
        for count in [3, ALL_ORDERS_OF, ALL_ORDERS_OF + 1, 20] {
            // The later ones keep a little less.
            let rows = (0..count).map(|leaf| if leaf == 0 { 1e6 } else { 1e3 - 20.0 * leaf as f64 });
            let mut star = Star(rows.collect());
            let expected: Vec<usize> = std::iter::once(0).chain((1..count).rev()).collect();
            assert_eq!(met(&better(&backwards(count), &mut star).unwrap()), expected, "{count} parts");
        }
    }

    #[test]
    fn what_is_hardly_better_stays() {
        let mut star = Star(vec![1e6, 999.0, 998.0]);
        let join = |probe, build| Shape::Join(Box::new(probe), Box::new(build));
        let written = join(join(Shape::Leaf(0), Shape::Leaf(1)), Shape::Leaf(2));
        assert_eq!(better(&written, &mut star), None);
    }

    #[test]
    fn parts_without_keys_are_joined_last_or_not_at_all() {
        let mut star = Star(vec![1e6, 10.0, 10.0]);
        let join = |probe, build| Shape::Join(Box::new(probe), Box::new(build));
        let across = join(join(Shape::Leaf(1), Shape::Leaf(2)), Shape::Leaf(0));
        assert_eq!(better(&across, &mut star), None, "no join of the tree has no keys");
        let (one, other) = (single(1, &star), single(2, &star));
        assert!(joined_rows(&one, &other, &mut star).is_none());
    }
}
