// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Binding of pivots: a group-by by the keys and the column that is spread, and the columns of its values.

use std::sync::Arc;

use arrow_cast::display::array_value_to_string;
use arrow_schema::{DataType, Field, FieldRef, SchemaRef};
use bowyer_compute::coercion::decoded;
use bowyer_core::{Error, Result};
use datafusion_common::ScalarValue;

use super::expression::Expressions;
use super::relation::{bind_measure, checked_schema, mark_measure, named_field};
use super::{Binder, Origins};
use crate::literal::{array_of, beside, is_untyped, literal_value};
use crate::plan::{BoundPivot, RelationKind};
use crate::proto;

/// Gives the expressions of a pivot their paths.
pub(super) fn mark_paths(pivot: &proto::Pivot, path: &str, mark: &mut dyn FnMut(u32, String)) {
    for (i, key) in pivot.keys.iter().enumerate() {
        mark(key.expression, format!("{path}.keys[{i}]"));
    }
    mark(pivot.column, format!("{path}.column"));
    for (i, measure) in pivot.measures.iter().enumerate() {
        mark_measure(measure, &format!("{path}.measures[{i}]"), mark);
    }
}

impl Binder {
    pub(super) fn pivot(
        &mut self,
        pivot: &proto::Pivot,
        message: &proto::Relation,
        path: &str,
        paths: &[String],
        origins: (&Origins, usize),
    ) -> Result<(RelationKind, SchemaRef)> {
        let schema = self.schema_of(pivot.relation)?.clone();
        if pivot.values.is_empty() || pivot.measures.is_empty() {
            return Err(Error::invalid_argument("a pivot has at least one value and one measure"));
        }
        let mut bound = Expressions::bind(self, &schema, &message.expressions, paths, origins)?;
        let (mut keys, mut fields): (Vec<usize>, Vec<FieldRef>) = (Vec::new(), Vec::new());
        for (index, key) in pivot.keys.iter().enumerate() {
            let (root, node) = bound.node(key.expression)?;
            let field = named_field(node, &schema, &key.name);
            fields.push(field.map_err(|error| error.at_path(format!("{path}.keys[{index}]")))?);
            keys.push(root);
        }
        let (column, node) = bound.node(pivot.column)?;
        let column_type = decoded(&node.data_type);
        let mut measures = Vec::with_capacity(pivot.measures.len());
        let mut measured = Vec::with_capacity(pivot.measures.len());
        for (index, measure) in pivot.measures.iter().enumerate() {
            let path = format!("{path}.measures[{index}]");
            let (measure, field) = bind_measure(&mut bound, &schema, measure, &path)
                .map_err(|error| error.in_function(measure.function.clone()).at_path(path))?;
            measures.push(measure);
            measured.push(field);
        }
        let mut values = Vec::with_capacity(pivot.values.len());
        for (index, value) in pivot.values.iter().enumerate() {
            let (value, name) =
                pivot_value(value, &column_type).map_err(|error| error.at_path(format!("{path}.values[{index}]")))?;
            for field in &measured {
                let name = match measured.len() {
                    1 => name.clone(),
                    _ => format!("{name}_{}", field.name()),
                };
                fields.push(Arc::new(Field::new(name, field.data_type().clone(), true)));
            }
            values.push(value);
        }
        let values = ScalarValue::iter_to_array(values).map_err(|error| Error::invalid_argument(error.to_string()))?;
        let program = Arc::new(bound.into_program());
        let input = pivot.relation as usize;
        let kind = RelationKind::Pivot(BoundPivot { input, program, keys, column, values, measures });
        Ok((kind, checked_schema(fields)?))
    }
}

/// A value of the column that is spread, and the name of its columns.
fn pivot_value(value: &proto::PivotValue, column_type: &DataType) -> Result<(ScalarValue, String)> {
    let literal = value.value.as_ref().ok_or_else(|| Error::invalid_argument("a value of a pivot is missing"))?;
    let given = literal_value(literal)?;
    let typed = if is_untyped(literal) { beside(&given, column_type)? } else { Some(given) };
    let typed = typed.filter(|typed| &typed.data_type() == column_type).ok_or_else(|| {
        Error::type_mismatch(format!("the value is not of type {column_type}, as the column that is spread is"))
    })?;
    let name = match value.name.as_str() {
        "" if typed.is_null() => "null".to_owned(),
        "" => array_value_to_string(array_of(&typed)?.as_ref(), 0)?,
        name => name.to_owned(),
    };
    Ok((typed, name))
}
