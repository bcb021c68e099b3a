// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Binding of the relations that compare whole rows, change what a row is or choose some: intersect and except,
//! unnest, unpivot, sample.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use bowyer_core::{Error, Result};

use super::expression::column_index;
use super::relation::checked_schema;
use super::{Binder, Origins};
use crate::operators::sample::SampleSize;
use crate::operators::set_operation::SetRule;
use crate::operators::unnest::UnnestColumn;
use crate::operators::unpivot::UnpivotColumn;
use crate::plan::{BoundUnnest, BoundUnpivot, RelationKind};
use crate::proto;
use crate::proto::relation::Kind;

impl Binder {
    pub(super) fn reshape(
        &mut self,
        kind: &Kind,
        message: &proto::Relation,
        path: &str,
        paths: &[String],
        origins: (&Origins, usize),
    ) -> Result<(RelationKind, SchemaRef)> {
        match kind {
            Kind::Window(window) => self.window(window, message, path, paths, origins),
            Kind::Pivot(pivot) => self.pivot(pivot, message, path, paths, origins),
            Kind::SetOperation(set) => self.set_operation(set),
            Kind::Unnest(unnest) => self.unnest(unnest),
            Kind::Unpivot(unpivot) => self.unpivot(unpivot),
            Kind::Sample(sample) => self.sample(sample),
            _ => Err(Error::internal("a relation that nothing binds")),
        }
    }

    fn set_operation(&self, set: &proto::SetOperation) -> Result<(RelationKind, SchemaRef)> {
        let except = match proto::SetKind::try_from(set.kind) {
            Ok(proto::SetKind::Intersect) => false,
            Ok(proto::SetKind::Except) => true,
            _ => return Err(Error::invalid_argument(format!("{} is no set operation", set.kind))),
        };
        let [first, others @ ..] = set.relations.as_slice() else {
            return Err(Error::invalid_argument("a set operation reads at least two relations"));
        };
        if others.is_empty() {
            return Err(Error::invalid_argument("a set operation reads at least two relations"));
        }
        let schema = self.schema_of(*first)?.clone();
        if schema.fields().is_empty() {
            return Err(Error::invalid_argument("a set operation compares at least one column"));
        }
        for &other in others {
            check_same_columns(&schema, self.schema_of(other)?, other)?;
        }
        let inputs = set.relations.iter().map(|&relation| relation as usize).collect();
        Ok((RelationKind::SetOperation { inputs, rule: SetRule { except, all: set.all } }, schema))
    }

    fn unnest(&self, unnest: &proto::Unnest) -> Result<(RelationKind, SchemaRef)> {
        let schema = self.schema_of(unnest.relation)?;
        if unnest.columns.is_empty() {
            return Err(Error::invalid_argument("an unnest names at least one column"));
        }
        let chosen = distinct_columns(schema, &unnest.columns)?;
        let (mut columns, mut fields, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        for (index, field) in schema.fields().iter().enumerate() {
            if !chosen.contains(&index) {
                columns.push(UnnestColumn::Plain(index));
                fields.push(field.clone());
                continue;
            }
            if let DataType::Struct(inner) = field.data_type() {
                for (at, part) in inner.iter().enumerate() {
                    let name = match unnest.separator.as_str() {
                        "" => part.name().clone(),
                        separator => format!("{}{separator}{}", field.name(), part.name()),
                    };
                    let nullable = part.is_nullable() || field.is_nullable();
                    columns.push(UnnestColumn::Field(index, at));
                    fields.push(Arc::new(part.as_ref().clone().with_name(name).with_nullable(nullable)));
                }
                continue;
            }
            let element = element_of(field.data_type()).ok_or_else(|| {
                let message = format!("a column of type {} has neither elements nor fields", field.data_type());
                Error::type_mismatch(message).in_column(field.name().clone())
            })?;
            let nullable = element.is_nullable() || unnest.keep_empty;
            lists.push(index);
            columns.push(UnnestColumn::Element(index));
            fields.push(Arc::new(element.as_ref().clone().with_name(field.name()).with_nullable(nullable)));
        }
        if lists.is_empty() && (unnest.keep_empty || !unnest.ordinality.is_empty()) {
            return Err(Error::invalid_argument("only lists have elements to keep or to count: no list is named"));
        }
        if !unnest.ordinality.is_empty() {
            columns.push(UnnestColumn::Ordinality);
            fields.push(Arc::new(Field::new(&unnest.ordinality, DataType::Int64, unnest.keep_empty)));
        }
        let input = unnest.relation as usize;
        let kind = RelationKind::Unnest(BoundUnnest { input, columns, lists, keep_empty: unnest.keep_empty });
        Ok((kind, checked_schema(fields)?))
    }

    fn sample(&self, sample: &proto::Sample) -> Result<(RelationKind, SchemaRef)> {
        let schema = self.schema_of(sample.relation)?.clone();
        let size = match sample.size {
            Some(proto::sample::Size::Fraction(fraction)) if (0.0..=1.0).contains(&fraction) => {
                SampleSize::Fraction(fraction)
            }
            Some(proto::sample::Size::Fraction(fraction)) => {
                return Err(Error::invalid_argument(format!("{fraction} of the rows: a fraction lies in 0 to 1")));
            }
            Some(proto::sample::Size::Rows(count)) => SampleSize::Rows(count),
            None => return Err(Error::invalid_argument("a sample has a fraction or a number of rows")),
        };
        Ok((RelationKind::Sample { input: sample.relation as usize, seed: sample.seed, size }, schema))
    }

    fn unpivot(&self, unpivot: &proto::Unpivot) -> Result<(RelationKind, SchemaRef)> {
        let schema = self.schema_of(unpivot.relation)?;
        if unpivot.columns.is_empty() {
            return Err(Error::invalid_argument("an unpivot names at least one column"));
        }
        distinct_columns(schema, &unpivot.columns)?;
        let values = unpivot.columns.iter().map(|name| column_index(schema, name)).collect::<Result<Vec<usize>>>()?;
        let first = schema.field(values[0]);
        let mut nullable = false;
        for &value in &values {
            let field = schema.field(value);
            nullable |= field.is_nullable();
            if field.data_type() != first.data_type() {
                let message = format!(
                    "it is of type {}, but {:?} of type {}: cast one of them",
                    field.data_type(),
                    first.name(),
                    first.data_type()
                );
                return Err(Error::type_mismatch(message).in_column(field.name().clone()));
            }
        }
        let named = |name: &str, otherwise: &str| if name.is_empty() { otherwise.to_owned() } else { name.to_owned() };
        let mut columns = Vec::new();
        let mut fields: Vec<FieldRef> = Vec::new();
        for (index, field) in schema.fields().iter().enumerate() {
            if !values.contains(&index) {
                columns.push(UnpivotColumn::Plain(index));
                fields.push(field.clone());
            }
        }
        columns.extend([UnpivotColumn::Variable, UnpivotColumn::Value]);
        fields.push(Arc::new(Field::new(named(&unpivot.variable, "variable"), DataType::Utf8, false)));
        fields.push(Arc::new(Field::new(named(&unpivot.value, "value"), first.data_type().clone(), nullable)));
        let names = unpivot.columns.clone();
        let kind = RelationKind::Unpivot(BoundUnpivot { input: unpivot.relation as usize, columns, values, names });
        Ok((kind, checked_schema(fields)?))
    }
}

/// The indices of columns, none of them twice.
fn distinct_columns(schema: &Schema, names: &[String]) -> Result<HashSet<usize>> {
    let mut chosen = HashSet::with_capacity(names.len());
    for name in names {
        if !chosen.insert(column_index(schema, name)?) {
            return Err(Error::invalid_argument("the column is named twice").in_column(name.clone()));
        }
    }
    Ok(chosen)
}

/// The field of a list's elements.
fn element_of(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::LargeListView(element)
        | DataType::FixedSizeList(element, _)
        | DataType::Map(element, _) => Some(element),
        _ => None,
    }
}

fn check_same_columns(first: &Schema, other: &Schema, relation: u32) -> Result<()> {
    let width = first.fields().len();
    if other.fields().len() != width {
        return Err(Error::type_mismatch(format!(
            "relation {relation} has {} columns, the first has {width}",
            other.fields().len()
        )));
    }
    for (field, other) in first.fields().iter().zip(other.fields()) {
        if field.data_type() != other.data_type() {
            let message = format!("relation {relation} has {}, the first has {}", other.data_type(), field.data_type());
            return Err(Error::type_mismatch(message).in_column(field.name().clone()));
        }
    }
    Ok(())
}
