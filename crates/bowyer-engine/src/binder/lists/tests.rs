// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! List calls that are refused, and what of a body becomes an argument.

use bowyer_core::{Error, ErrorCode};

use crate::binder::bind;
use crate::message::decode;
use crate::optimiser::{Rewrites, optimise};
use crate::plan::{BoundPlan, RelationKind};
use crate::program::{ListCall, NodeKind};
use crate::{plan_from_json, proto};

/// A projection of expression `root` over a table of xs: list of int64, and k: int64.
fn project(expressions: &str, root: usize) -> Result<BoundPlan, Error> {
    let json = format!(
        r#"{{"version":1,"inputs":[{{"name":"t","schema":{{"fields":[
            {{"name":"xs","format":"+l","children":[{{"name":"item","format":"l","nullable":true}}]}},{{"name":"k","format":"l"}}]}}}}],
        "relations":[{{"scan":{{}}}},{{"expressions":[{expressions}],"project":{{"relation":0,"columns":[{{"expression":{root},"name":"y"}}]}}}}],
        "outputs":[{{"name":"out","relation":1}}]}}"#
    );
    let plan: proto::Plan = decode(&plan_from_json(&json).unwrap()).unwrap();
    bind(&plan)
}

fn refused(expressions: &str, root: usize) -> Error {
    project(expressions, root).unwrap_err()
}

fn call(plan: &BoundPlan) -> ListCall {
    let RelationKind::Project { program, columns, .. } = &plan.relations[1].kind else { panic!("no projection") };
    let NodeKind::List(call) = &program.nodes[columns[0]].kind else { panic!("no list call") };
    call.clone()
}

const ELEMENT: &str = r#"{"column":"xs"},{"element":0}"#;

#[test]
fn an_element_stands_in_the_body_of_its_list_alone() {
    for (expressions, root) in [(ELEMENT.to_owned(), 1), (r#"{"column":"k"},{"accumulator":0}"#.to_owned(), 1)] {
        let error = refused(&expressions, root);
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert_eq!(error.place().path.as_deref(), Some("project[1].columns[0]"));
        assert!(error.message().contains("outside the body"), "{error}");
    }
    // In the body of another list's call, and beside its own call.
    let other = format!(
        r#"{ELEMENT},{{"column":"xs"}},{{"element":2}},{{"listCall":{{"kind":"LIST_CALL_KIND_TRANSFORM","list":2,"element":3,"body":1}}}}"#
    );
    assert!(refused(&other, 4).message().contains("outside the body"));
    let beside = format!(
        r#"{ELEMENT},{{"listCall":{{"kind":"LIST_CALL_KIND_REDUCE","list":0,"element":1,"body":4,"accumulator":4}}}}"#
    );
    assert!(refused(&beside, 2).message().contains("only those before it"));
}

#[test]
fn calls_that_do_not_fit_together_are_refused() {
    let with = |call: &str| format!(r#"{ELEMENT},{{"column":"k"}},{{"accumulator":2}},{{"listCall":{{{call}}}}}"#);
    for (call, message) in [
        (r#""list":0,"element":1,"body":1"#, "no known kind"),
        (r#""kind":"LIST_CALL_KIND_TRANSFORM","list":0,"element":2,"body":1"#, "none of its list"),
        (r#""kind":"LIST_CALL_KIND_TRANSFORM","list":0,"element":9,"body":1"#, "only those before it"),
        (r#""kind":"LIST_CALL_KIND_TRANSFORM","list":0,"element":1,"body":1,"accumulator":3"#, "only a reduce"),
        (r#""kind":"LIST_CALL_KIND_REDUCE","list":0,"element":1,"body":1"#, "needs an accumulator"),
        (r#""kind":"LIST_CALL_KIND_REDUCE","list":0,"element":1,"body":1,"accumulator":1"#, "accumulator is none"),
        (r#""kind":"LIST_CALL_KIND_FILTER","list":0,"element":1,"body":1"#, "int64, not bool"),
        (r#""kind":"LIST_CALL_KIND_REDUCE","list":0,"element":1,"body":0,"accumulator":3"#, "initial value of type"),
    ] {
        let error = refused(&with(call), 4);
        assert!(error.message().to_lowercase().contains(message), "{call}: {error}");
        assert_eq!(error.place().path.as_deref(), Some("project[1].columns[0]"), "{call}");
    }
    let own = format!(
        r#"{ELEMENT},{{"accumulator":1}},{{"listCall":{{"kind":"LIST_CALL_KIND_REDUCE","list":0,"element":1,"body":2,"accumulator":2}}}}"#
    );
    assert!(refused(&own, 3).message().contains("computed from its elements"));
    assert_eq!(refused(r#"{"column":"k"},{"element":0}"#, 1).code(), ErrorCode::TypeMismatch);
}

#[test]
fn what_cannot_fail_is_computed_once_a_row_and_what_can_once_an_element() {
    let expressions = |function: &str| {
        format!(
            r#"{ELEMENT},{{"column":"k"}},{{"call":{{"function":"{function}","arguments":[2,2]}}}},{{"call":{{"function":"add","arguments":[1,3]}}}},
            {{"listCall":{{"kind":"LIST_CALL_KIND_TRANSFORM","list":0,"element":1,"body":4}}}}"#
        )
    };
    let fallible = call(&project(&expressions("add_checked"), 5).unwrap());
    assert_eq!((fallible.arguments.len(), fallible.body.nodes.len()), (2, 4));
    let infallible = call(&project(&expressions("bit_wise_and"), 5).unwrap());
    assert_eq!((infallible.arguments.len(), infallible.body.nodes.len()), (2, 3));
}

/// Lists of how long a list is, so many within one another; the innermost adds the elements of all. And the outermost.
fn nested(depth: usize) -> (String, usize) {
    let mut expressions = vec![r#"{"column":"xs"}"#.to_owned()];
    expressions.extend(vec![r#"{"element":0}"#.to_owned(); depth]);
    let mut body = 1;
    let call = |function: &str, arguments: &str| {
        format!(r#"{{"call":{{"function":"{function}","arguments":[{arguments}]}}}}"#)
    };
    for element in 2..=depth {
        expressions.push(call("bit_wise_xor", &format!("{body},{element}")));
        body = expressions.len() - 1;
    }
    for element in (1..=depth).rev() {
        expressions.push(format!(
            r#"{{"listCall":{{"kind":"LIST_CALL_KIND_TRANSFORM","list":0,"element":{element},"body":{body}}}}}"#
        ));
        expressions.push(call("list_value_length", &format!("{}", expressions.len() - 1)));
        body = expressions.len() - 1;
    }
    (expressions.join(","), body)
}

#[test]
fn bodies_that_nest_too_deep_are_refused() {
    let (expressions, root) = nested(200);
    let error = refused(&expressions, root);
    assert_eq!(error.code(), ErrorCode::LimitExceeded, "{error}");
}

#[test]
fn bodies_within_bodies_are_optimised_in_a_size_that_grows_with_their_depth() {
    let (expressions, root) = nested(100);
    let plan = project(&expressions, root).unwrap();
    let optimised = optimise(plan, Rewrites::without(&[]).unwrap()).unwrap();
    assert!(crate::explain::logical(&optimised).len() < 2000);
}
