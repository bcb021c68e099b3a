// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Messages of the relations that compare rows with others or make other rows of them.

use bowyer_core::{Error, Result};
use bowyer_engine::proto;
use proto::relation::Kind;

use super::{ExpressionWriter, PlanWriter, literal};
use crate::expression::Literal;
use crate::measure::Measure;
use crate::plan::Relation;
use crate::reshape::SampleSize;
use crate::window::{Exclusion, Frame, Unit, Window};

impl PlanWriter {
    pub(super) fn reshape(&mut self, relation: &Relation, expressions: &mut ExpressionWriter) -> Result<Kind> {
        Ok(match relation {
            Relation::Window { from, window, functions } => {
                let relation = self.relation(from)?;
                Kind::Window(expressions.window(relation, window, functions)?)
            }
            Relation::SetOperation { parts, except, all } => {
                let kind = if *except { proto::SetKind::Except } else { proto::SetKind::Intersect };
                let relations = parts.iter().map(|part| self.relation(part)).collect::<Result<_>>()?;
                Kind::SetOperation(proto::SetOperation { kind: kind.into(), all: *all, relations })
            }
            Relation::Unnest { from, unnest } => Kind::Unnest(proto::Unnest {
                relation: self.relation(from)?,
                columns: unnest.columns.clone(),
                keep_empty: unnest.keep_empty,
                ordinality: unnest.ordinality.clone(),
                separator: unnest.separator.clone(),
            }),
            Relation::Pivot { from, keys, pivot, measures } => {
                let values = pivot
                    .values
                    .iter()
                    .map(|(value, name)| Ok(proto::PivotValue { value: Some(literal(value)?), name: name.clone() }));
                Kind::Pivot(proto::Pivot {
                    relation: self.relation(from)?,
                    keys: expressions.named(keys)?,
                    column: expressions.expression(&pivot.column)?,
                    values: values.collect::<Result<_>>()?,
                    measures: measures.iter().map(|measure| expressions.measure(measure)).collect::<Result<_>>()?,
                })
            }
            Relation::Unpivot { from, columns, variable, value } => Kind::Unpivot(proto::Unpivot {
                relation: self.relation(from)?,
                columns: columns.clone(),
                variable: variable.clone(),
                value: value.clone(),
            }),
            Relation::Sample { from, seed, size } => Kind::Sample(proto::Sample {
                relation: self.relation(from)?,
                seed: *seed,
                size: Some(match size {
                    SampleSize::Fraction(fraction) => proto::sample::Size::Fraction(*fraction),
                    SampleSize::Rows(count) => proto::sample::Size::Rows(*count),
                }),
            }),
            _ => return Err(Error::internal("a relation that has no message")),
        })
    }
}

impl ExpressionWriter {
    fn window(&mut self, relation: u32, window: &Window, functions: &[Measure]) -> Result<proto::Window> {
        let bound = |bound: &Option<Literal>| bound.as_ref().map(literal).transpose();
        let exclusion = match window.exclusion {
            Exclusion::Nothing => proto::FrameExclusion::Unspecified,
            Exclusion::CurrentRow => proto::FrameExclusion::CurrentRow,
            Exclusion::Group => proto::FrameExclusion::Group,
            Exclusion::Ties => proto::FrameExclusion::Ties,
        };
        let frame = match &window.frame {
            Some(Frame { unit, start, end }) => {
                let unit = match unit {
                    Unit::Rows => proto::FrameUnit::Rows,
                    Unit::Groups => proto::FrameUnit::Groups,
                    Unit::Range => proto::FrameUnit::Range,
                };
                Some((unit, bound(start)?, bound(end)?))
            }
            // The usual frame, said out loud because something is left out of it.
            None if window.exclusion != Exclusion::Nothing => {
                let end = if window.order.is_empty() { None } else { Some(literal(&0.into())?) };
                Some((proto::FrameUnit::Range, None, end))
            }
            None => None,
        };
        Ok(proto::Window {
            relation,
            partition: window.partition.iter().map(|key| self.expression(key)).collect::<Result<_>>()?,
            order: self.sort_keys(&window.order)?,
            frame: frame.map(|(unit, start, end)| proto::Frame {
                unit: unit.into(),
                start,
                end,
                exclusion: exclusion.into(),
            }),
            functions: functions.iter().map(|function| self.measure(function)).collect::<Result<_>>()?,
        })
    }
}
