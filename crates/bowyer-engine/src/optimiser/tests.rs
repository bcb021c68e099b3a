// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Names of rewrites, and rewrites of programs that plans alone do not show.

use bowyer_core::ErrorCode;

use super::{REWRITES, Rewrite, Rewrites, optimise};
use crate::message::decode;
use crate::plan::RelationKind;
use crate::program::NodeKind;
use crate::{binder, plan_from_json, proto};

#[test]
fn rewrites_are_left_out_by_name() {
    let all: Vec<String> = REWRITES.iter().map(|name| (*name).to_owned()).collect();
    assert!(!Rewrites::without(&all).unwrap().has(Rewrite::Columns));
    let some = Rewrites::without(&all[..1]).unwrap();
    assert!(!some.has(Rewrite::Constants) && some.has(Rewrite::Simplify));
    let error = Rewrites::without(&["magic".to_owned()]).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.message().contains("constants"), "{error}");
}

#[test]
fn a_long_chain_is_rewritten_in_time() {
    let mut relations = String::from(r#"{"scan":{}}"#);
    for node in 0..20_000 {
        relations.push_str(&format!(
            r#",{{"expressions":[{{"column":"x"}},{{"literal":{{"int64":"{node}"}}}},
            {{"call":{{"function":"greater","arguments":[0,1]}}}}],"filter":{{"relation":{node},"predicate":2}}}}"#
        ));
    }
    let json = format!(
        r#"{{"version":1,"inputs":[{{"name":"t","schema":{{"fields":[{{"name":"x","format":"l"}}]}}}}],
        "relations":[{relations}],"outputs":[{{"name":"out","relation":20000}}]}}"#
    );
    let plan: proto::Plan = decode(&plan_from_json(&json).unwrap()).unwrap();
    let plan = optimise(binder::bind(&plan).unwrap(), Rewrites::ALL).unwrap();
    assert!(plan.relations.len() < 200, "{}", plan.relations.len());
}

#[test]
fn equal_expressions_are_one_and_constants_are_computed() {
    let json = r#"{"version":1,"inputs":[{"name":"t","schema":{"fields":[{"name":"x","format":"l","nullable":true}]}}],
        "relations":[{"scan":{}},{"expressions":[{"column":"x"},{"literal":{"int64":"2"}},{"literal":{"int64":"3"}},
            {"call":{"function":"multiply","arguments":[1,2]}},{"call":{"function":"add","arguments":[0,3]}},
            {"column":"x"},{"call":{"function":"multiply","arguments":[1,2]}},
            {"call":{"function":"add","arguments":[5,6]}},{"call":{"function":"divide","arguments":[1,8]}},
            {"literal":{"int64":"0"}}],
            "project":{"relation":0,"columns":[{"expression":4,"name":"a"},{"expression":7,"name":"b"}]}}],
        "outputs":[{"name":"out","relation":1}]}"#;
    let json = json.replace(r#"{"call":{"function":"divide","arguments":[1,8]}},"#, "");
    let plan: proto::Plan = decode(&plan_from_json(&json).unwrap()).unwrap();
    let plan = optimise(binder::bind(&plan).unwrap(), Rewrites::ALL).unwrap();
    let RelationKind::Project { program, columns, .. } = &plan.relations[1].kind else { panic!("no projection") };
    assert_eq!(columns[0], columns[1]);
    let literals = program.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Literal(_))).count();
    let calls = program.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Call { .. })).count();
    assert_eq!((calls, literals >= 1), (1, true));
}
