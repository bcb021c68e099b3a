// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What the rewrites make of plans, line by line.

use std::collections::BTreeMap;

use bowyer::arrow_schema::{DataType, Field, Schema};
use bowyer::{Config, Engine, Plan};

use crate::steps;

/// `t(k, x, y, s)` and `u(k, z)`.
fn known() -> BTreeMap<String, Plan> {
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, true);
    let t = [("k", DataType::Int64), ("x", DataType::Int64), ("y", DataType::Float64), ("s", DataType::Utf8)];
    let t = Schema::new(t.map(|(name, data_type)| field(name, data_type)).to_vec());
    let u = Schema::new(vec![field("k", DataType::Int64), field("z", DataType::Int64)]);
    let mut known: BTreeMap<String, Plan> =
        BTreeMap::from([("t".to_owned(), Plan::input("t", &t)), ("u".to_owned(), Plan::input("u", &u))]);
    let same = steps::plan(&["t".to_owned(), "filter less(x, 100)".to_owned()], &known).unwrap();
    known.insert("low".to_owned(), same);
    known
}

/// The optimised plan of some steps over `t`.
fn optimised(plan: &[&str], disabled: &'static [&'static str]) -> String {
    let config = Config { threads: 1, disabled_rewrites: disabled, ..Config::default() };
    let steps: Vec<String> = ["t"].iter().chain(plan).map(|step| (*step).to_owned()).collect();
    let plan = steps::plan(&steps, &known()).unwrap();
    let text = Engine::open(&config).unwrap().explain(&plan).unwrap();
    let (_, rest) = text.split_once("\noptimised\n").unwrap();
    let (lines, _) = rest.split_once("\noutput").unwrap();
    lines.to_owned()
}

#[track_caller]
fn expect(plan: &[&str], lines: &[&str]) {
    assert_eq!(optimised(plan, &[]).lines().collect::<Vec<_>>(), lines, "{plan:?}");
}

#[test]
fn filters_move_through_projections_and_sorts() {
    expect(
        &["select k as key, add(x, 1) as more", "sort more desc", "filter greater(key, 3)"],
        &[
            "scan[0]: t (k, x)",
            "filter[3]: scan[0] where greater(k, 3)",
            "project[1]: filter[3] select k as key, add(x, 1) as more",
            "sort[2]: project[1] by more descending",
        ],
    );
}

#[test]
fn filters_stay_above_what_can_fail() {
    let checked = ["select k, add_checked(x, 1) as more", "filter greater(k, 3)"];
    expect(
        &checked,
        &[
            "scan[0]: t (k, x)",
            "project[1]: scan[0] select k, add_checked(x, 1) as more",
            "filter[2]: project[1] where greater(k, 3)",
        ],
    );
    let fallible = ["select k as key", "filter greater(divide(1, key), 3)", "filter greater(key, 0)"];
    expect(
        &fallible,
        &[
            "scan[0]: t (k)",
            "project[1]: scan[0] select k as key",
            "filter[3]: project[1] where greater(divide(1, key), 3), then greater(key, 0)",
        ],
    );
}

#[test]
fn conjunctions_are_split_where_nulls_cannot_hide_errors() {
    expect(
        &["filter and_kleene(greater(x, 1), less(x, 9))"],
        &["scan[0]: t (k, x, y, s)", "filter[1]: scan[0] where greater(x, 1), then less(x, 9)"],
    );
    expect(
        &["filter and_kleene(greater(x, 1), less(divide(9, x), 9))"],
        &["scan[0]: t (k, x, y, s)", "filter[1]: scan[0] where and_kleene(greater(x, 1), less(divide(9, x), 9))"],
    );
    expect(
        &["filter and_kleene(is_valid(x), less(divide(9, x), 9))"],
        &["scan[0]: t (k, x, y, s)", "filter[1]: scan[0] where is_valid(x), then less(divide(9, x), 9)"],
    );
}

#[test]
fn filters_move_into_the_sides_of_joins() {
    let parts = ["join inner u on k", "filter and_kleene(and_kleene(greater(x, 1), less(z, 9)), equal(x, z))"];
    expect(
        &parts,
        &[
            "scan[0]: t (k, x, y, s)",
            "filter[3]: scan[0] where greater(x, 1)",
            "scan[1]: u (k, z)",
            "filter[3]#2: scan[1] where less(z, 9)",
            "join[2]: filter[3] Inner filter[3]#2 on [k] = [k], 1 columns of the right, filters k of filter[3], filters k of \
             filter[3]#2",
            "filter[3]#3: join[2] where equal(x, z)",
        ],
    );
    let left = ["join left u on k", "filter and_kleene(greater(x, 1), is_null(z))"];
    expect(
        &left,
        &[
            "scan[0]: t (k, x, y, s)",
            "filter[3]: scan[0] where greater(x, 1)",
            "scan[1]: u (k, z)",
            "join[2]: filter[3] Left scan[1] on [k] = [k], 1 columns of the right",
            "filter[3]#2: join[2] where is_null(z)",
        ],
    );
}

#[test]
fn a_left_join_whose_unmatched_rows_go_is_an_inner_one() {
    let plan = ["join left u on k", "filter greater(z, 1)", "select k, z"];
    expect(
        &plan,
        &[
            "scan[0]: t (k)",
            "scan[1]: u (k, z)",
            "filter[3]: scan[1] where greater(z, 1)",
            "join[2]: scan[0] Inner filter[3] on [k] = [k], 1 columns of the right, filters k of filter[3]",
            "project[4]: join[2] select k, z",
        ],
    );
    assert!(optimised(&plan, &["outer_joins"]).contains("Left"));
}

#[test]
fn filters_move_into_groups_distinct_rows_and_unions() {
    expect(
        &["aggregate by k: min(x) as low", "filter greater(k, 3)"],
        &[
            "scan[0]: t (k, x)",
            "filter[2]: scan[0] where greater(k, 3)",
            "aggregate[1]: filter[2] group by [k] compute [min(x)]",
        ],
    );
    let failing = optimised(&["aggregate by k: sum_checked(x) as total", "filter greater(k, 3)"], &[]);
    assert!(failing.contains("filter[2]: aggregate[1]"), "{failing}");
    let float = optimised(&["aggregate by y: min(x) as low", "filter greater(y, 3)"], &[]);
    assert!(float.contains("filter[2]: aggregate[1]"), "{float}");
    let measured = optimised(&["aggregate by k: min(x) as low", "filter greater(low, 3)"], &[]);
    assert!(measured.contains("filter[2]: aggregate[1]"), "{measured}");
    let distinct = optimised(&["distinct k, s", "filter equal(s, 'a')"], &[]);
    assert!(distinct.contains("distinct[1]: filter[2]"), "{distinct}");
    let first = optimised(&["distinct k", "filter equal(s, 'a')"], &[]);
    assert!(first.contains("filter[2]: distinct[1]"), "{first}");
    let union = optimised(&["union low", "filter greater(x, 1)"], &[]);
    assert!(union.contains("where less(x, 100), then greater(x, 1)"), "{union}");
}

#[test]
fn projections_of_projections_are_one() {
    expect(
        &["with add(x, 1) as a", "with multiply(a, a) as b", "select b"],
        &["scan[0]: t (x)", "project[3]: scan[0] select multiply(add(x, 1), add(x, 1)) as b"],
    );
}

#[test]
fn limits_move_down_and_make_sorts_short() {
    expect(
        &["sort x", "select k", "limit 10 offset 5"],
        &[
            "scan[0]: t (k, x)",
            "sort[1]: scan[0] by x first 15",
            "limit[3]: sort[1] rows 10 from 5",
            "project[2]: limit[3] select k",
        ],
    );
    let limits = optimised(&["limit 10 offset 5", "limit 20 offset 3"], &[]);
    assert!(limits.contains("rows 7 from 8"), "{limits}");
    let failing = optimised(&["select divide(1, k) as q", "limit 10 offset 5"], &[]);
    assert!(failing.contains("limit[2]: project[1]"), "{failing}");
    let union = optimised(&["union low", "limit 3 offset 2"], &[]);
    assert_eq!(union.matches("rows 5 from 0").count(), 2, "{union}");
}

#[test]
fn known_outcomes_replace_logic() {
    let plan = ["filter and_kleene(or_kleene(greater(2, 1), greater(x, 3)), less(x, add(2, 3)))"];
    expect(&plan, &["scan[0]: t (k, x, y, s)", "filter[1]: scan[0] where less(x, 5)"]);
    let failing = optimised(&["filter less(x, divide(1, 0))"], &[]);
    assert!(failing.contains("divide(1, 0)"), "{failing}");
    let all = optimised(&plan, bowyer::REWRITES);
    assert!(all.contains("or_kleene(greater(2, 1), greater(x, 3))"), "{all}");
}

#[test]
fn conditions_that_compare_the_sides_are_found_by_ranges() {
    let by_ranges = |condition: &str, disabled| {
        let join = format!("join inner u on k suffix _u where {condition}");
        optimised(&[join.as_str()], disabled).contains(" by ranges")
    };
    assert!(by_ranges("less(x, z)", &[]));
    assert!(by_ranges("and_kleene(is_valid(s), greater_equal(z, x))", &[]));
    assert!(!by_ranges("less(x, z)", &["ranges"]), "left out");
    assert!(!by_ranges("or_kleene(less(x, z), is_null(s))", &[]), "other pairs count too");
    assert!(!by_ranges("less(x, 5)", &[]), "of one side");
    assert!(!by_ranges("less(y, z)", &[]), "of two types");
    assert!(!by_ranges("and_kleene(less(x, z), less(divide(1, x), z))", &[]), "it can fail");
}

#[test]
fn readers_may_skip_no_row_that_a_filter_would_fail_on() {
    let prepared = |filter: &str| {
        let plan = steps::plan(&["t".to_owned(), format!("filter {filter}")], &known()).unwrap();
        Engine::open(&Config { threads: 1, ..Config::default() }).unwrap().prepare(&plan).unwrap().needs().remove(0)
    };
    let columns = |filter: &str| prepared(filter).bounds.into_iter().map(|bound| bound.column).collect::<Vec<_>>();
    assert_eq!(columns("and_kleene(less(x, 5), equal(3, k))"), ["x", "k"]);
    let needs = prepared("and_kleene(greater(x, 1), less_equal(x, 5))");
    let ends: Vec<(bool, bool)> =
        needs.bounds.iter().map(|one| (one.least.is_some(), one.greatest.is_some())).collect();
    assert_eq!(ends, [(true, false), (false, true)]);
    assert_eq!(columns("and_kleene(greater(divide(1, k), 0), less(x, 5))"), [""; 0], "it fails before");
    assert_eq!(columns("and_kleene(less(x, 5), greater(divide(1, k), 0))"), [""; 0], "x may be null");
}

#[test]
fn many_equalities_of_one_expression_ask_a_set() {
    let any = |constants: &[i32]| {
        let equalities = constants.iter().map(|constant| format!("equal(add(x, 1), {constant})"));
        equalities.reduce(|left, right| format!("or_kleene({left}, {right})")).unwrap()
    };
    let few = format!("filter {}", any(&[1, 2, 3]));
    assert!(!optimised(&[&few], &[]).contains("is_in"));
    let many = format!("filter {}", any(&[1, 2, 3, 4, 5, 6, 7]));
    let set = optimised(&[&many], &[]);
    assert!(set.contains("is_in(add(x, 1)") && !set.contains("equal"), "{set}");
    assert!(optimised(&[&many], &["sets"]).contains("equal"));
    let other = format!("filter or_kleene({}, equal(k, 1))", any(&[1, 2, 3, 4, 5, 6, 7]));
    assert!(!optimised(&[&other], &[]).contains("is_in"), "another expression is asked for too");
}
