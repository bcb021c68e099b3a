// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Binding of joins: keys, the types they are compared in, and the columns that come out.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{DataType, FieldRef, Schema, SchemaRef};
use bowyer_compute::coercion::common_type;
use bowyer_compute::{CastMode, cast};
use bowyer_core::{Error, Memory, Result};
use datafusion_common::{JoinType, NullEquality};

use super::Binder;
use super::expression::column_index;
use super::relation::{Bind, Chosen, check_predicate, checked_schema};
use crate::operators::JoinColumn;
use crate::operators::join::{AsOfRule, Direction, distance_of, has_moments};
use crate::plan::{AsOf, BoundJoin, Chooses, RelationKind, Residual};
use crate::program::NodeKind;
use crate::proto;

impl Binder {
    /// A join, and the schema of its rows.
    pub(super) fn join(&mut self, join: &proto::Join, bind: Bind<'_>) -> Result<(RelationKind, SchemaRef)> {
        let (mut joined, schema) = self.keyed(join)?;
        if let Some(residual) = join.residual {
            let (columns, pairs) = self.pair_columns(join)?;
            let (program, chosen) = bind(self, &pairs, &mut |bound, _| {
                let (predicate, node) = bound.node(residual)?;
                check_predicate(node)?;
                Ok(Chosen { nodes: vec![predicate], ..Chosen::default() })
            })?;
            joined.residual = Some(Residual::new(&program, chosen.nodes[0], &columns, &pairs));
        }
        Ok((RelationKind::Join(Box::new(joined)), schema))
    }

    /// An as-of join, and the schema of its rows.
    pub(super) fn as_of_join(&mut self, join: &proto::AsOfJoin, bind: Bind<'_>) -> Result<(RelationKind, SchemaRef)> {
        let (mut joined, schema) = self.as_of(join)?;
        if let (Some(tolerance), Some(as_of)) = (join.tolerance, &mut joined.as_of) {
            let left = self.schema_of(join.left)?.clone();
            let (program, chosen) = bind(self, &left, &mut |bound, _| {
                Ok(Chosen { nodes: vec![bound.node(tolerance)?.0], ..Chosen::default() })
            })?;
            let NodeKind::Literal(value) = &program.nodes[chosen.nodes[0]].kind else {
                return Err(Error::invalid_argument("the tolerance is a constant"));
            };
            as_of.rule.tolerance = Some(distance_of(value, &as_of.on_type)?);
        }
        Ok((RelationKind::Join(Box::new(joined)), schema))
    }

    /// A join without its residual, and the schema of its rows.
    fn keyed(&self, join: &proto::Join) -> Result<(BoundJoin, SchemaRef)> {
        let (left, right) = (self.schema_of(join.left)?, self.schema_of(join.right)?);
        let named = proto::JoinKind::try_from(join.kind).unwrap_or(proto::JoinKind::Unspecified);
        let kind =
            join_type(named).ok_or_else(|| Error::invalid_argument(format!("{} is no kind of join", join.kind)))?;
        check_parts(join, named)?;
        let mut left_keys = Vec::with_capacity(join.keys.len());
        let mut right_keys = Vec::with_capacity(join.keys.len());
        let mut key_types = Vec::with_capacity(join.keys.len());
        for key in &join.keys {
            let (l, r) = (column_index(left, &key.left)?, column_index(right, &key.right)?);
            let key_type = key_type(left.field(l).data_type(), right.field(r).data_type());
            key_types.push(key_type.map_err(|error| error.in_column(key.left.clone()))?);
            left_keys.push(l);
            right_keys.push(r);
        }
        let null_aware = named == proto::JoinKind::LeftAntiNullAware;
        let nulls = if join.nulls_equal { NullEquality::NullEqualsNull } else { NullEquality::NullEqualsNothing };
        let mut joined = BoundJoin {
            left: join.left as usize,
            right: join.right as usize,
            kind,
            left_keys,
            right_keys,
            key_types,
            nulls,
            null_aware,
            residual: None,
            as_of: None,
            columns: Vec::new(),
            dynamic: Vec::new(),
            any_order: false,
            chooses: Chooses::default(),
        };
        let (columns, fields) = columns_of(join, &joined, left, right)?;
        joined.columns = columns;
        Ok((joined, checked_schema(fields)?))
    }

    /// An as-of join without its tolerance, and the schema of its rows.
    fn as_of(&self, join: &proto::AsOfJoin) -> Result<(BoundJoin, SchemaRef)> {
        let direction = match proto::AsOfDirection::try_from(join.direction) {
            Ok(proto::AsOfDirection::Backward) => Direction::Backward,
            Ok(proto::AsOfDirection::Forward) => Direction::Forward,
            Ok(proto::AsOfDirection::Nearest) => Direction::Nearest,
            _ => return Err(Error::invalid_argument(format!("{} is no direction", join.direction))),
        };
        let on = proto::JoinKey { left: join.left_on.clone(), right: join.right_on.clone() };
        let left_join = proto::Join {
            left: join.left,
            right: join.right,
            kind: proto::JoinKind::Left.into(),
            keys: join.by.iter().cloned().chain([on]).collect(),
            nulls_equal: false,
            right_suffix: join.right_suffix.clone(),
            residual: None,
        };
        let (mut joined, schema) = self.keyed(&left_join)?;
        let on = (joined.left_keys.pop(), joined.right_keys.pop(), joined.key_types.pop());
        let (Some(left_on), Some(right_on), Some(on_type)) = on else {
            return Err(Error::internal("an as-of join without a column"));
        };
        if !has_moments(&on_type) {
            return Err(Error::type_mismatch(format!("values of type {on_type} have no distances"))
                .in_column(join.left_on.clone()));
        }
        let rule = AsOfRule { direction, strict: join.strict, tolerance: None };
        joined.as_of = Some(AsOf { left_on, right_on, on_type, rule });
        Ok((joined, schema))
    }

    /// The columns of pairs of rows, as the residual sees them: those of an inner join.
    fn pair_columns(&self, join: &proto::Join) -> Result<(Vec<JoinColumn>, SchemaRef)> {
        let inner = proto::Join { kind: proto::JoinKind::Inner.into(), ..join.clone() };
        let (joined, schema) = self.keyed(&inner)?;
        Ok((joined.columns, schema))
    }
}

fn join_type(kind: proto::JoinKind) -> Option<JoinType> {
    use proto::JoinKind as K;
    Some(match kind {
        K::Inner | K::Cross => JoinType::Inner,
        K::Left => JoinType::Left,
        K::Right => JoinType::Right,
        K::Full => JoinType::Full,
        K::LeftSemi => JoinType::LeftSemi,
        K::LeftAnti | K::LeftAntiNullAware => JoinType::LeftAnti,
        K::RightSemi => JoinType::RightSemi,
        K::RightAnti => JoinType::RightAnti,
        K::Unspecified => return None,
    })
}

/// Refuses parts that do not go with the kind of a join.
fn check_parts(join: &proto::Join, kind: proto::JoinKind) -> Result<()> {
    let refuse = |message: &'static str| Err(Error::invalid_argument(message));
    match kind {
        proto::JoinKind::Cross if !join.keys.is_empty() => refuse("a cross join has no keys"),
        proto::JoinKind::Cross => Ok(()),
        proto::JoinKind::LeftAntiNullAware if join.keys.len() != 1 => refuse("a null-aware anti join has one key"),
        proto::JoinKind::LeftAntiNullAware if join.nulls_equal => {
            refuse("in a null-aware anti join a null key is equal to nothing")
        }
        proto::JoinKind::LeftAntiNullAware if join.residual.is_some() => {
            refuse("a null-aware anti join has no residual: filter the right side before it")
        }
        _ if join.keys.is_empty() && join.residual.is_none() => refuse("a join has at least one key, or a residual"),
        _ => Ok(()),
    }
}

/// The type that keys of two types are compared in: that of a comparison of the two.
fn key_type(left: &DataType, right: &DataType) -> Result<DataType> {
    let refuse = || {
        Error::type_mismatch(format!(
            "the key is of type {left} on the left and {right} on the right: cast one of them"
        ))
    };
    let common = common_type(&[left.clone(), right.clone()]).ok_or_else(refuse)?;
    for own in [left, right] {
        // A cast of no rows says whether there is one at all.
        let probe = arrow_array::new_empty_array(own).into();
        cast(&probe, &common, CastMode::Checked, &Memory::unlimited()).map_err(|_| refuse())?;
    }
    Ok(common)
}

/// The columns of a join's rows and their fields.
fn columns_of(
    join: &proto::Join,
    joined: &BoundJoin,
    left: &Schema,
    right: &Schema,
) -> Result<(Vec<JoinColumn>, Vec<FieldRef>)> {
    let nullable = |field: &FieldRef, null: bool| {
        if null && !field.is_nullable() { Arc::new(field.as_ref().clone().with_nullable(true)) } else { field.clone() }
    };
    let all = |schema: &Schema, null: bool| schema.fields().iter().map(|field| nullable(field, null)).collect();
    match joined.kind {
        JoinType::LeftSemi | JoinType::LeftAnti => {
            return Ok(((0..left.fields().len()).map(JoinColumn::Probe).collect(), all(left, false)));
        }
        JoinType::RightSemi | JoinType::RightAnti => {
            return Ok(((0..right.fields().len()).map(JoinColumn::Build).collect(), all(right, false)));
        }
        _ => {}
    }
    let (left_null, right_null) = (
        matches!(joined.kind, JoinType::Right | JoinType::Full),
        matches!(joined.kind, JoinType::Left | JoinType::Full),
    );
    let mut columns: Vec<JoinColumn> = (0..left.fields().len()).map(JoinColumn::Probe).collect();
    let mut fields: Vec<FieldRef> = all(left, left_null);
    // The pair of keys of one name that a column of the right is in.
    let shared = |index: usize| {
        join.keys.iter().position(|key| key.left == key.right && right.field(index).name() == &key.right)
    };
    let names: HashSet<&str> = left.fields().iter().map(|field| field.name().as_str()).collect();
    for (index, field) in right.fields().iter().enumerate() {
        if let Some(key) = shared(index) {
            if left_null {
                let column = joined.left_keys[key];
                columns[column] = JoinColumn::Either { probe: column, build: index, build_first: false };
                let null = left.field(column).is_nullable() || field.is_nullable();
                let either = left.field(column).clone().with_data_type(joined.key_types[key].clone());
                fields[column] = Arc::new(either.with_nullable(null));
            }
            continue;
        }
        let mut field = nullable(field, right_null);
        if names.contains(field.name().as_str()) {
            if join.right_suffix.is_empty() {
                return Err(Error::invalid_argument(
                    "both sides have a column of this name: rename one or give a suffix",
                )
                .in_column(field.name().clone()));
            }
            let name = format!("{}{}", field.name(), join.right_suffix);
            field = Arc::new(field.as_ref().clone().with_name(name));
        }
        columns.push(JoinColumn::Build(index));
        fields.push(field);
    }
    Ok((columns, fields))
}
