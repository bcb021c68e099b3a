// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The order in which a filter asks its predicates: cheap ones first.
//!
//! A predicate that can fail is given the rows that those before it keep, so none moves past it; between two of them, and
//! before the first, any order gives the same rows.

use crate::plan::{BoundPlan, RelationKind};
use crate::program::Program;

/// Puts the predicates of every filter in order.
pub(super) fn cheap_first(plan: &mut BoundPlan) {
    for relation in &mut plan.relations {
        let RelationKind::Filter { program, predicates, .. } = &mut relation.kind else { continue };
        for part in predicates.chunk_by_mut(|&one, &other| !fallible(program, one) && !fallible(program, other)) {
            part.sort_by_key(|&predicate| program.reads_text(predicate));
        }
    }
}

fn fallible(program: &Program, predicate: usize) -> bool {
    program.nodes[predicate].fallible
}

#[cfg(test)]
mod tests {
    use crate::message::decode;
    use crate::optimiser::{Rewrites, optimise};
    use crate::plan::{BoundPlan, RelationKind};
    use crate::{binder, plan_from_json, proto};

    /// The plan of a filter by the last of some expressions, optimised.
    fn filtered(expressions: &str, disabled: &[&str]) -> BoundPlan {
        let last = expressions.matches("},{").count();
        let json = format!(
            r#"{{"version":1,"inputs":[{{"name":"t","schema":{{"fields":[{{"name":"s","format":"u"}},{{"name":"x","format":"l"}}]}}}}],
            "relations":[{{"scan":{{}}}},{{"expressions":[{expressions}],"filter":{{"relation":0,"predicate":{last}}}}}],
            "outputs":[{{"name":"out","relation":1}}]}}"#
        );
        let plan: proto::Plan = decode(&plan_from_json(&json).unwrap()).unwrap();
        let disabled: Vec<String> = disabled.iter().map(|name| (*name).to_owned()).collect();
        optimise(binder::bind(&plan).unwrap(), Rewrites::without(&disabled).unwrap()).unwrap()
    }

    /// Whether each predicate reads text.
    fn order(plan: &BoundPlan) -> Vec<bool> {
        let filter = plan.relations.iter().find_map(|relation| match &relation.kind {
            RelationKind::Filter { program, predicates, .. } => Some((program, predicates)),
            _ => None,
        });
        let (program, predicates) = filter.unwrap();
        predicates.iter().map(|&predicate| program.reads_text(predicate)).collect()
    }

    #[test]
    fn numbers_go_before_text_unless_a_predicate_between_can_fail() {
        let text = r#"{"column":"s"},{"literal":{"utf8":"a"}},{"call":{"function":"equal","arguments":[0,1]}}"#;
        let number = r#"{"column":"x"},{"literal":{"int64":"1"}},{"call":{"function":"less","arguments":[3,4]}}"#;
        let both = format!(r#"{text},{number},{{"call":{{"function":"and_kleene","arguments":[2,5]}}}}"#);
        assert_eq!(order(&filtered(&both, &[])), [false, true]);
        assert_eq!(order(&filtered(&both, &["cheap_first"])), [true, false]);
        let fallible =
            r#"{"call":{"function":"add_checked","arguments":[3,4]}},{"call":{"function":"less","arguments":[6,4]}}"#;
        let between = format!(
            r#"{text},{number},{fallible},{{"call":{{"function":"and_kleene","arguments":[2,7]}}}},{{"call":{{"function":"and_kleene","arguments":[8,5]}}}}"#
        );
        assert_eq!(order(&filtered(&between, &[])), [true, false, false]);
    }
}
