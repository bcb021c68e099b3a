// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The list of all functions, and finding one by name.

use std::sync::LazyLock;

use bowyer_core::{Error, Result};

use crate::{Function, aggregate, scalar, vector};

/// The families. A new one is one line here.
pub const FAMILIES: &[&[Function]] = &[
    scalar::cast::FAMILY,
    vector::sort::FAMILY,
    vector::selection::FAMILY,
    vector::fill::FAMILY,
    scalar::string_case::FAMILY,
    scalar::string_length::FAMILY,
    scalar::string_predicate::FAMILY,
    scalar::string_join::FAMILY,
    scalar::string_pad::FAMILY,
    scalar::string_replace::FAMILY,
    scalar::string_search::FAMILY,
    scalar::string_row_pattern::FAMILY,
    scalar::string_slice::FAMILY,
    scalar::string_split::FAMILY,
    scalar::string_trim::FAMILY,
    scalar::rounding::FAMILY,
    scalar::temporal_difference::FAMILY,
    scalar::temporal_extract::FAMILY,
    scalar::temporal_rounding::FAMILY,
    scalar::temporal_timezone::FAMILY,
    vector::distinct::FAMILY,
    aggregate::boolean::FAMILY,
    aggregate::count::FAMILY,
    aggregate::ends::FAMILY,
    aggregate::extremes::FAMILY,
    aggregate::moments::FAMILY,
    aggregate::quantile::FAMILY,
    aggregate::sum::FAMILY,
    scalar::arithmetic::FAMILY,
    scalar::bitwise::FAMILY,
    scalar::boolean::FAMILY,
    scalar::comparison::FAMILY,
    scalar::conditional::FAMILY,
    scalar::power::FAMILY,
    scalar::unary_arithmetic::FAMILY,
    scalar::validity::FAMILY,
    scalar::element_extremes::FAMILY,
    scalar::logarithm::FAMILY,
    scalar::membership::FAMILY,
    scalar::temporal_parse::FAMILY,
    scalar::temporal_print::FAMILY,
    scalar::trigonometry::FAMILY,
    vector::cumulative::FAMILY,
    vector::pairwise::FAMILY,
    aggregate::arg_extremes::FAMILY,
    aggregate::collect::FAMILY,
    aggregate::correlation::FAMILY,
    aggregate::pivot::FAMILY,
    aggregate::place::FAMILY,
    aggregate::shape::FAMILY,
    aggregate::tdigest::FAMILY,
    aggregate::approximate_count::FAMILY,
    aggregate::bits::FAMILY,
    aggregate::compensated_sum::FAMILY,
    aggregate::deviation::FAMILY,
    aggregate::frequencies::FAMILY,
    aggregate::regression::FAMILY,
    scalar::between::FAMILY,
    scalar::bins::FAMILY,
    scalar::list_order::FAMILY,
    scalar::list_sets::FAMILY,
    scalar::temporal_bucket::FAMILY,
    vector::rolling::FAMILY,
    vector::quantile_bins::FAMILY,
    vector::ewm::FAMILY,
    vector::shift::FAMILY,
    scalar::hash::FAMILY,
    scalar::json::FAMILY,
    scalar::json_read::FAMILY,
    scalar::json_write::FAMILY,
    scalar::mapping::FAMILY,
    scalar::string_many::FAMILY,
    scalar::string_matches::FAMILY,
    scalar::string_parts::FAMILY,
    scalar::list::FAMILY,
    scalar::list_aggregates::FAMILY,
    scalar::nested::FAMILY,
    scalar::string_codes::FAMILY,
    scalar::string_distance::FAMILY,
    scalar::random::FAMILY,
    scalar::string_normalize::FAMILY,
    vector::encodings::FAMILY,
    vector::list_items::FAMILY,
    vector::mode::FAMILY,
    vector::permutation::FAMILY,
    vector::rank::FAMILY,
    scalar::closeness::FAMILY,
    scalar::common_divisor::FAMILY,
    scalar::distinctness::FAMILY,
    scalar::map_parts::FAMILY,
    scalar::string_translate::FAMILY,
    scalar::string_url::FAMILY,
    scalar::temporal_make::FAMILY,
    scalar::temporal_age::FAMILY,
    scalar::temporal_names::FAMILY,
    vector::interpolate::FAMILY,
    vector::repeats::FAMILY,
    scalar::business_days::FAMILY,
    scalar::duration_totals::FAMILY,
    scalar::floor_divide::FAMILY,
    scalar::list_join::FAMILY,
    scalar::list_vectors::FAMILY,
    scalar::list_zip::FAMILY,
    scalar::map_make::FAMILY,
    scalar::radix::FAMILY,
    scalar::series::FAMILY,
    scalar::significant::FAMILY,
    scalar::string_format::FAMILY,
    scalar::string_graphemes::FAMILY,
    scalar::struct_fields::FAMILY,
    vector::ewm_spread::FAMILY,
    vector::rolling::pairs::FAMILY,
];

/// All functions, sorted by name.
static BY_NAME: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
    let mut functions: Vec<_> = FAMILIES.iter().flat_map(|family| family.iter()).collect();
    functions.sort_unstable_by_key(|function| function.name);
    functions
});

/// All functions, sorted by name.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    BY_NAME.iter().copied()
}

/// The function of a name or an alias.
///
/// # Errors
/// `NotFound`, which names functions that are spelled nearly so.
pub fn find(name: &str) -> Result<&'static Function> {
    if let Ok(index) = BY_NAME.binary_search_by_key(&name, |function| function.name) {
        return Ok(BY_NAME[index]);
    }
    functions().find(|function| function.aliases.contains(&name)).ok_or_else(|| not_found(name))
}

#[cold]
fn not_found(name: &str) -> Error {
    if crate::find_window(name).is_some() {
        return Error::not_found(format!("{name} is a function of windows alone: a plan calls it over a window"));
    }
    let mut near: Vec<_> =
        functions().filter_map(|function| Some((distance(name, function.name)?, function.name))).collect();
    near.sort_unstable();
    let near: Vec<_> = near.iter().take(3).map(|(_, name)| *name).collect();
    Error::not_found(match near.as_slice() {
        [] => format!("no function is called {name:?}"),
        near => format!("no function is called {name:?}; there is {}", near.join(", ")),
    })
}

/// How far apart two names are, when that is near: an edit for every four letters, or one name inside the other.
fn distance(asked: &str, known: &str) -> Option<usize> {
    if asked.len() > 64 {
        return None;
    }
    let (a, b) = (asked.as_bytes(), known.as_bytes());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(!x.eq_ignore_ascii_case(&y));
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    let edits = row[b.len()];
    let contained = asked.len() >= 3 && (known.contains(asked) || asked.contains(known));
    (edits <= 1 + asked.len() / 4 || contained).then_some(edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_are_unique() {
        let mut names: Vec<_> =
            functions().flat_map(|function| function.aliases.iter().chain([&function.name])).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn distances_are_edits_and_far_names_have_none() {
        assert_eq!(distance("ad", "add"), Some(1));
        assert_eq!(distance("kleene", "and_kleene"), Some(4));
        assert_eq!(distance("zzzz", "add"), None);
    }
}
