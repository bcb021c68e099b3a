// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Columns that nobody reads, of the relations that compare rows with others or make other rows of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::plan::{BoundPivot, BoundPlan, BoundWindow, RelationKind};

/// Adds what a relation reads to what its inputs are asked for, and to its own columns those that it gives anyway.
pub(super) fn ask_inputs(plan: &BoundPlan, index: usize, own: &mut BTreeSet<usize>, needed: &mut [BTreeSet<usize>]) {
    let all = |relation: usize| 0..plan.relations[relation].schema.fields().len();
    match &plan.relations[index].kind {
        RelationKind::Window(window) => {
            needed[window.input].extend(window.columns_read(own));
            own.extend(window.columns.len()..all(index).end);
        }
        RelationKind::Unnest(unnest) => needed[unnest.input].extend(unnest.columns_read(own)),
        RelationKind::Unpivot(unpivot) => needed[unpivot.input].extend(unpivot.columns_read(own)),
        RelationKind::Pivot(pivot) => {
            own.extend(all(index));
            needed[pivot.input].extend(pivot.program.columns_of(&pivot.nodes()));
        }
        RelationKind::SetOperation { inputs, .. } => {
            own.extend(all(index));
            inputs.iter().for_each(|&input| needed[input].extend(all(input)));
        }
        RelationKind::Sample { input, .. } => {
            let below = own.clone();
            needed[*input].extend(below);
        }
        _ => {}
    }
}

/// What a relation does with the needed columns only, over inputs whose columns stand at `places`.
pub(super) fn narrowed(kind: RelationKind, needed: &BTreeSet<usize>, places: &[Vec<Option<usize>>]) -> RelationKind {
    let place = |input: usize, column: usize| places[input][column].unwrap_or(usize::MAX);
    match kind {
        RelationKind::Window(window) => RelationKind::Window(BoundWindow {
            program: Arc::new(window.program.over_columns(&places[window.input])),
            columns: needed
                .iter()
                .filter_map(|&column| window.columns.get(column))
                .map(|&column| place(window.input, column))
                .collect(),
            ..window
        }),
        RelationKind::Unnest(unnest) => {
            let input = unnest.input;
            RelationKind::Unnest(unnest.narrowed(needed, |column| place(input, column)))
        }
        RelationKind::Unpivot(unpivot) => {
            let input = unpivot.input;
            RelationKind::Unpivot(unpivot.narrowed(needed, |column| place(input, column)))
        }
        RelationKind::Pivot(pivot) => RelationKind::Pivot(BoundPivot {
            program: Arc::new(pivot.program.over_columns(&places[pivot.input])),
            ..pivot
        }),
        kind => kind,
    }
}
