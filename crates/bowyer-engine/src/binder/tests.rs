// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Plans that are refused, and where.

use bowyer_core::{Error, ErrorCode};

use super::bind;
use crate::message::decode;
use crate::{plan_from_json, proto};

/// A plan over a table of x: int64 and s: utf8, with these relations after the scan.
fn plan(relations: &str) -> proto::Plan {
    let comma = if relations.is_empty() { "" } else { "," };
    let last = relations.matches("\"relation\":").count().min(1);
    let json = format!(
        r#"{{"version":1,"inputs":[{{"name":"t","schema":{{"fields":[{{"name":"x","format":"l"}},{{"name":"s","format":"u"}}]}}}}],
        "relations":[{{"scan":{{}}}}{comma}{relations}],"outputs":[{{"name":"out","relation":{last}}}]}}"#
    );
    decode(&plan_from_json(&json).unwrap()).unwrap()
}

fn refused(relations: &str) -> Error {
    bind(&plan(relations)).unwrap_err()
}

#[test]
fn versions_and_outputs_are_checked() {
    let mut other = plan("");
    other.version = 2;
    assert_eq!(bind(&other).unwrap_err().code(), ErrorCode::IncompatibleVersion);
    let mut without = plan("");
    without.outputs.clear();
    assert_eq!(bind(&without).unwrap_err().code(), ErrorCode::InvalidArgument);
    let mut far = plan("");
    far.outputs[0].relation = 9;
    assert_eq!(bind(&far).unwrap_err().place().path.as_deref(), Some("outputs[0]"));
}

#[test]
fn references_forward_are_refused() {
    assert!(refused(r#"{"limit":{"relation":1}}"#).message().contains("only those before it"));
    let error = refused(r#"{"expressions":[{"call":{"function":"invert","arguments":[0]}}],"filter":{"relation":0}}"#);
    assert!(error.message().contains("only those before it"), "{error}");
    let error = refused(r#"{"filter":{"relation":0,"predicate":3}}"#);
    assert_eq!((error.code(), error.place().path.as_deref()), (ErrorCode::InvalidArgument, Some("filter[1]")));
}

#[test]
fn sixty_doubling_nodes_are_sixty_nodes() {
    let mut relations = String::from(r#"{"expressions":[{"column":"x"}"#);
    for node in 0..60 {
        relations.push_str(&format!(r#",{{"call":{{"function":"add","arguments":[{node},{node}]}}}}"#));
    }
    relations.push_str(r#"],"project":{"relation":0,"columns":[{"expression":60,"name":"y"}]}}"#);
    let bound = bind(&plan(&relations)).unwrap();
    assert_eq!(bound.relations[1].schema.field(0).name(), "y");
    assert!(crate::explain::logical(&bound).len() < 2000);
}

#[test]
fn origins_travel_with_errors() {
    let mut plan = plan(r#"{"expressions":[{"column":"nope"}],"filter":{"relation":0}}"#);
    plan.origins.push(proto::Origin { relation: 1, expression: Some(0), file: "main.go".into(), line: 12 });
    let error = bind(&plan).unwrap_err();
    assert_eq!(error.place().origin.as_deref(), Some("main.go:12"));
    assert_eq!(error.place().column.as_deref(), Some("nope"));
}

#[test]
fn measures_are_named_after_their_column() {
    let named = r#"{"expressions":[{"column":"x"}],"aggregate":{"relation":0,"measures":[
        {"function":"sum_checked","arguments":[0]},{"function":"count_all"}]}}"#;
    let bound = bind(&plan(named)).unwrap();
    let names: Vec<_> = bound.relations[1].schema.fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["x_sum", "count"]);
    let computed = r#"{"expressions":[{"column":"x"},{"call":{"function":"negate","arguments":[0]}}],
        "aggregate":{"relation":0,"measures":[{"function":"sum","arguments":[1]}]}}"#;
    let error = refused(computed);
    assert_eq!(error.place().path.as_deref(), Some("aggregate[1].measures[0]"));
    let scalar = r#"{"expressions":[{"column":"x"}],"aggregate":{"relation":0,"measures":[{"function":"negate","arguments":[0]}]}}"#;
    assert_eq!(refused(scalar).code(), ErrorCode::InvalidArgument);
}
