// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bounds of rows over a table of ten rows, one of three, and an input that is no table.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};

use super::row_count;
use crate::message::decode;
use crate::physical::Given;
use crate::{binder, plan_from_json, proto};

const NONE: usize = usize::MAX;

/// The bounds of the last of some relations, of which the first three scan the inputs.
fn bounds(relations: &str) -> Option<(usize, usize)> {
    let schema = r#"{"fields":[{"name":"x","format":"l","nullable":true}]}"#;
    let inputs = ["ten", "three", "stream"].map(|name| format!(r#"{{"name":"{name}","schema":{schema}}}"#)).join(",");
    let relations = format!(r#"{{"scan":{{}}}},{{"scan":{{"input":1}}}},{{"scan":{{"input":2}}}},{relations}"#);
    let at = |last: usize| {
        let json = format!(
            r#"{{"version":1,"inputs":[{inputs}],"relations":[{relations}],"outputs":[{{"name":"out","relation":{last}}}]}}"#
        );
        let plan: proto::Plan = decode(&plan_from_json(&json).unwrap()).unwrap();
        binder::bind(&plan)
    };
    let last = at(0).unwrap().relations.len() - 1;
    let plan = at(last).unwrap();
    let table = |rows: i64| {
        let column: ArrayRef = Arc::new((0..rows).collect::<Int64Array>());
        Some(vec![RecordBatch::try_from_iter([("x", column)]).unwrap()])
    };
    let given = Given { tables: &[table(10), table(3), None], readings: &[], parameters: &[], spills: false };
    row_count(&plan, &given, last).map(|rows| (rows.least, rows.most))
}

fn join(kind: &str, left: usize, right: usize) -> String {
    format!(
        r#"{{"join":{{"left":{left},"right":{right},"kind":"JOIN_KIND_{kind}","keys":[{{"left":"x","right":"x"}}],"rightSuffix":"_r"}}}}"#
    )
}

#[test]
fn limits_and_unions_have_bounds_where_their_inputs_have() {
    assert_eq!(bounds(r#"{"limit":{"relation":0,"count":"4"}}"#), Some((4, 4)));
    assert_eq!(bounds(r#"{"limit":{"relation":1,"offset":"1","count":"4"}}"#), Some((2, 2)));
    assert_eq!(bounds(r#"{"limit":{"relation":1,"offset":"5"}}"#), Some((0, 0)));
    assert_eq!(bounds(r#"{"union":{"relations":[0,1,0]}}"#), Some((23, 23)));
    assert_eq!(bounds(r#"{"distinct":{"relation":0}},{"limit":{"relation":3,"count":"4"}}"#), Some((0, 4)));
    // What an endless input gives first may be long in coming.
    assert_eq!(bounds(r#"{"limit":{"relation":2,"count":"4"}}"#), None);
    assert_eq!(bounds(r#"{"union":{"relations":[0,2]}}"#), None);
}

#[test]
fn joins_have_the_bounds_of_the_side_that_is_kept() {
    for (kind, expected) in [
        ("INNER", None),
        ("LEFT", Some((10, NONE))),
        ("RIGHT", Some((3, NONE))),
        ("LEFT_SEMI", Some((0, 10))),
        ("LEFT_ANTI", Some((0, 10))),
        ("RIGHT_SEMI", Some((0, 3))),
        ("RIGHT_ANTI", Some((0, 3))),
        ("FULL", None),
    ] {
        assert_eq!(bounds(&join(kind, 0, 1)), expected, "{kind}");
    }
    assert_eq!(bounds(&join("LEFT_SEMI", 0, 2)), Some((0, 10)));
    assert_eq!(bounds(&join("LEFT_SEMI", 2, 0)), None);
}

#[test]
fn groups_are_as_many_as_rows_for_each_set_of_keys() {
    let group = |input: usize, sets: &str| {
        let x = r#""expressions":[{"column":"x"}]"#;
        let keys = r#""keys":[{"expression":0,"name":"x"}]"#;
        bounds(&format!(r#"{{{x},"aggregate":{{"relation":{input},{keys}{sets}}}}}"#))
    };
    assert_eq!(group(0, ""), Some((0, 10)));
    assert_eq!(group(0, r#","groupingSets":[{"keys":[0]},{}]"#), Some((0, 20)));
    assert_eq!(group(2, ""), None);
}

#[test]
fn a_large_plan_is_not_counted() {
    let doubled = |times: usize| {
        let unions =
            (0..times).map(|at| format!(r#"{{"union":{{"relations":[{0},{0}]}}}}"#, if at == 0 { 0 } else { at + 2 }));
        bounds(&unions.collect::<Vec<_>>().join(","))
    };
    assert_eq!(doubled(3), Some((80, 80)));
    assert_eq!(doubled(200), None);
}
