// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The straight line through points by least squares, as SQL's `REGR_` aggregates define it.
//!
//! Rows in which one side is null are left out. The state is that of [`correlation`](super::correlation): the dependent
//! column comes first, as in SQL.

use super::correlation::{State, of_two, together};
use super::floats::as_numbers;
use crate::{Coercion, Example, Function};

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("regr_slope")
        .summary("Computes the slope of the line that fits the points best.")
        .notes("Least squares; y is the dependent column. Null where all x are equal or there are none.")
        .args(&["y", "x"])
        .examples(&[Example::new(&["double [1, 3, 5]", "double [0, 1, 2]"], "scalar double 2")])
        .coercion(Coercion::Custom(as_numbers))
        .overloads(&of_two(|context| together(context, slope, 0))),
    Function::aggregate("regr_intercept")
        .summary("Computes where the line that fits the points best meets the y axis.")
        .notes("Least squares; y is the dependent column. Null where all x are equal or there are none.")
        .args(&["y", "x"])
        .examples(&[Example::new(&["double [1, 3, 5]", "double [0, 1, 2]"], "scalar double 1")])
        .coercion(Coercion::Custom(as_numbers))
        .overloads(&of_two(|context| together(context, intercept, 0))),
    Function::aggregate("regr_r2")
        .summary("Computes how much of the variance of y the line that fits best explains, from 0 to 1.")
        .notes("Null where all x are equal or there are none; 1 where all y are equal.")
        .args(&["y", "x"])
        .examples(&[Example::new(&["double [1, 3, 5]", "double [0, 1, 2]"], "scalar double 1")])
        .coercion(Coercion::Custom(as_numbers))
        .overloads(&of_two(|context| together(context, explained, 0))),
];

fn slope(&[count, _, _, _, xx, xy]: &State, _: f64) -> Option<f64> {
    (count > 0.0 && xx != 0.0).then(|| xy / xx)
}

fn intercept(state: &State, ddof: f64) -> Option<f64> {
    let [_, mean_y, mean_x, ..] = *state;
    slope(state, ddof).map(|slope| mean_y - slope * mean_x)
}

fn explained(&[count, _, _, yy, xx, xy]: &State, _: f64) -> Option<f64> {
    let share = || if yy == 0.0 { 1.0 } else { (xy / xx) * (xy / yy) };
    (count > 0.0 && xx != 0.0).then(|| if yy.is_nan() { f64::NAN } else { share().clamp(0.0, 1.0) })
}
