// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Binding of windows: their functions, which are those of places and values and every aggregate, and their frames.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use bowyer_compute::coercion::ticks_per_second;
use bowyer_compute::{FunctionKind, OptionSpec, find_window};
use bowyer_core::{Error, Result};
use datafusion_common::ScalarValue;

use super::expression::Expressions;
use super::relation::{bind_measure, checked_schema, mark_measure};
use super::{Binder, Origins};
use crate::literal::{beside, is_untyped, literal_value};
use crate::operators::window::{Distance, Exclusion, Frame, Unit, WindowCall, WindowFunction};
use crate::plan::{BoundSortKey, BoundWindow, RelationKind};
use crate::program::NodeKind;
use crate::proto;

const DAY_SECONDS: i128 = 86_400;

/// Gives the expressions of a window their paths.
pub(super) fn mark_paths(window: &proto::Window, path: &str, mark: &mut dyn FnMut(u32, String)) {
    for (i, &key) in window.partition.iter().enumerate() {
        mark(key, format!("{path}.partition[{i}]"));
    }
    for (i, key) in window.order.iter().enumerate() {
        mark(key.expression, format!("{path}.order[{i}]"));
    }
    for (i, function) in window.functions.iter().enumerate() {
        mark_measure(function, &format!("{path}.functions[{i}]"), mark);
    }
}

impl Binder {
    pub(super) fn window(
        &mut self,
        window: &proto::Window,
        message: &proto::Relation,
        path: &str,
        paths: &[String],
        origins: (&Origins, usize),
    ) -> Result<(RelationKind, SchemaRef)> {
        let schema = self.schema_of(window.relation)?.clone();
        if window.functions.is_empty() {
            return Err(Error::invalid_argument("a window has at least one function"));
        }
        let mut bound = Expressions::bind(self, &schema, &message.expressions, paths, origins)?;
        let partition = window.partition.iter().map(|&key| bound.node(key).map(|(node, _)| node));
        let partition = partition.collect::<Result<Vec<_>>>()?;
        let mut order = Vec::with_capacity(window.order.len());
        let mut order_types = Vec::with_capacity(window.order.len());
        for key in &window.order {
            let (node, bound) = bound.node(key.expression)?;
            order.push(BoundSortKey { node, descending: key.descending, nulls_first: key.nulls_first });
            order_types.push(bound.data_type.clone());
        }
        let frame = match &window.frame {
            Some(frame) => bind_frame(frame, &order_types).map_err(|error| error.at_path(format!("{path}.frame")))?,
            None => default_frame(order.is_empty()),
        };
        let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
        let mut functions = Vec::with_capacity(window.functions.len());
        for (index, measure) in window.functions.iter().enumerate() {
            let path = format!("{path}.functions[{index}]");
            let (call, field) = bind_function(&mut bound, &schema, measure, &path)
                .map_err(|error| error.in_function(measure.function.clone()).at_path(path))?;
            functions.push(call);
            fields.push(Arc::new(field));
        }
        let kind = RelationKind::Window(BoundWindow {
            input: window.relation as usize,
            program: Arc::new(bound.into_program()),
            columns: (0..schema.fields().len()).collect(),
            partition,
            order,
            frame,
            functions,
            limit: None,
        });
        Ok((kind, checked_schema(fields)?))
    }
}

/// The frame of a window that does not say: up to the last peer if there is an order, else all rows.
fn default_frame(unordered: bool) -> Frame {
    let end = (!unordered).then_some(Distance::Count(0));
    Frame { unit: Unit::Range, start: None, end, exclusion: Exclusion::Nothing }
}

fn bind_frame(frame: &proto::Frame, order: &[DataType]) -> Result<Frame> {
    let unit = match proto::FrameUnit::try_from(frame.unit) {
        Ok(proto::FrameUnit::Rows) => Unit::Rows,
        Ok(proto::FrameUnit::Groups) => Unit::Groups,
        Ok(proto::FrameUnit::Range) => Unit::Range,
        _ => return Err(Error::invalid_argument(format!("{} is no unit of frames", frame.unit))),
    };
    let exclusion = match proto::FrameExclusion::try_from(frame.exclusion) {
        Ok(proto::FrameExclusion::Unspecified) => Exclusion::Nothing,
        Ok(proto::FrameExclusion::CurrentRow) => Exclusion::CurrentRow,
        Ok(proto::FrameExclusion::Group) => Exclusion::Group,
        Ok(proto::FrameExclusion::Ties) => Exclusion::Ties,
        Err(_) => return Err(Error::invalid_argument(format!("{} is no exclusion", frame.exclusion))),
    };
    let bound = |literal: &Option<proto::Literal>| match literal {
        None => Ok(None),
        Some(literal) => match unit {
            Unit::Rows | Unit::Groups => count_of(literal).map(Some),
            Unit::Range => distance_of(literal, order).map(Some),
        },
    };
    let (start, end) = (bound(&frame.start)?, bound(&frame.end)?);
    if unit == Unit::Groups && order.is_empty() {
        return Err(Error::invalid_argument("a frame of groups needs an order"));
    }
    if let (Some(start), Some(end)) = (start, end)
        && sign_or_size(start, end) == Some(std::cmp::Ordering::Greater)
    {
        return Err(Error::invalid_argument("the frame begins after its end"));
    }
    Ok(Frame { unit, start, end, exclusion })
}

/// How two bounds of one frame compare.
fn sign_or_size(a: Distance, b: Distance) -> Option<std::cmp::Ordering> {
    let number = |distance| match distance {
        Distance::Count(count) => (i128::from(count), count as f64),
        Distance::Integer(value) => (value, value as f64),
        Distance::Float(value) => (0, value),
    };
    match (a, b) {
        (Distance::Float(_), _) | (_, Distance::Float(_)) => number(a).1.partial_cmp(&number(b).1),
        _ => Some(number(a).0.cmp(&number(b).0)),
    }
}

fn count_of(literal: &proto::Literal) -> Result<Distance> {
    match literal_value(literal)? {
        ScalarValue::Int64(Some(count)) => Ok(Distance::Count(count)),
        other => Err(Error::type_mismatch(format!(
            "a bound of rows or groups is an integer, not of type {}",
            other.data_type()
        ))),
    }
}

/// A distance of the one key of the order; zero is that of the peers, whatever the order.
fn distance_of(literal: &proto::Literal, order: &[DataType]) -> Result<Distance> {
    let value = literal_value(literal)?;
    if matches!(value, ScalarValue::Int64(Some(0))) {
        return Ok(Distance::Count(0));
    }
    let [key] = order else {
        return Err(Error::invalid_argument(format!(
            "a range with a distance needs an order by one key, not {}",
            order.len()
        )));
    };
    let distance = match (key, &value) {
        (_, value) if value.is_null() => return Err(Error::invalid_argument("a bound cannot be null")),
        (key, ScalarValue::Int64(Some(value))) if key.is_integer() => Distance::Integer(i128::from(*value)),
        (key, ScalarValue::UInt64(Some(value))) if key.is_integer() => Distance::Integer(i128::from(*value)),
        (DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale), _) => {
            match beside(&value, &DataType::Decimal128(38, *scale))? {
                Some(ScalarValue::Decimal128(Some(value), ..)) => Distance::Integer(value),
                _ => return Err(no_distance(key, &value)),
            }
        }
        (key, ScalarValue::Int64(Some(value))) if key.is_floating() => Distance::Float(*value as f64),
        (key, ScalarValue::Float64(Some(value))) if key.is_floating() && value.is_finite() => Distance::Float(*value),
        _ => duration_of(key, &value)?,
    };
    Ok(match distance {
        Distance::Integer(0) => Distance::Count(0),
        Distance::Float(0.0) => Distance::Count(0),
        other => other,
    })
}

fn no_distance(key: &DataType, value: &ScalarValue) -> Error {
    Error::type_mismatch(format!("a value of type {} is no distance of keys of type {key}", value.data_type()))
}

/// A duration in the units of a temporal key, exactly.
fn duration_of(key: &DataType, value: &ScalarValue) -> Result<Distance> {
    use arrow_schema::TimeUnit as U;
    let (count, unit) = match value {
        ScalarValue::DurationSecond(Some(count)) => (*count, U::Second),
        ScalarValue::DurationMillisecond(Some(count)) => (*count, U::Millisecond),
        ScalarValue::DurationMicrosecond(Some(count)) => (*count, U::Microsecond),
        ScalarValue::DurationNanosecond(Some(count)) => (*count, U::Nanosecond),
        _ => return Err(no_distance(key, value)),
    };
    // The key's units are so many for so many seconds.
    let (units, seconds) = match key {
        DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) | DataType::Duration(unit) => {
            (i128::from(ticks_per_second(*unit)), 1)
        }
        DataType::Date64 => (1000, 1),
        DataType::Date32 => (1, DAY_SECONDS),
        _ => return Err(no_distance(key, value)),
    };
    let (scaled, whole) = (i128::from(count) * units, i128::from(ticks_per_second(unit)) * seconds);
    if scaled % whole != 0 {
        return Err(Error::invalid_argument(format!("the duration is no whole number of the units of {key}")));
    }
    Ok(Distance::Integer(scaled / whole))
}

fn bind_function(
    bound: &mut Expressions<'_>,
    schema: &SchemaRef,
    measure: &proto::Measure,
    path: &str,
) -> Result<(WindowCall, Field)> {
    if !measure.order.is_empty() {
        return Err(Error::invalid_argument("a function of a window takes the rows in the window's order"));
    }
    let kind = bowyer_compute::find(&measure.function).map(|function| function.kind);
    if matches!(kind, Ok(FunctionKind::Aggregate)) {
        return bind_aggregate(bound, schema, measure, path);
    }
    if measure.filter.is_some() || measure.distinct {
        return Err(Error::invalid_argument("filters and distinct arguments are for aggregates"));
    }
    let Some(described) = find_window(&measure.function) else {
        bowyer_compute::find(&measure.function)?;
        return Err(Error::invalid_argument("it is neither a window function nor an aggregate"));
    };
    let arguments = measure.arguments.iter().map(|&argument| bound.node(argument));
    let arguments = arguments.collect::<Result<Vec<_>>>()?;
    let types: Vec<DataType> = arguments.iter().map(|(_, node)| node.data_type.clone()).collect();
    let nodes: Vec<usize> = arguments.iter().map(|(node, _)| *node).collect();
    let options = Given(&measure.options);
    let function = window_function(described.name, &options, types.first())?;
    options.check(described.options)?;
    let (takes, given) = (described.args.len(), nodes.len());
    if given != takes {
        return Err(Error::invalid_argument(format!("it takes {takes} arguments, not {given}")));
    }
    let data_type = described.output_type(&types)?;
    let field = Field::new(function_name(bound, schema, measure)?, data_type, described.nullable);
    Ok((WindowCall { function, arguments: nodes, filter: None, distinct: false, path: path.to_owned() }, field))
}

/// The function of a name that [`find_window`] knows, over values of a type.
fn window_function(name: &str, options: &Given<'_>, values: Option<&DataType>) -> Result<WindowFunction> {
    Ok(match name {
        "row_number" => WindowFunction::RowNumber,
        "rank" => WindowFunction::Rank,
        "dense_rank" => WindowFunction::DenseRank,
        "percent_rank" => WindowFunction::PercentRank,
        "cume_dist" => WindowFunction::CumulativeDistribution,
        "ntile" => WindowFunction::Tile(options.positive("n")?),
        "lag" | "lead" => {
            let offset = options.integer("offset", Some(1))?;
            let by = if name == "lag" { Some(offset) } else { offset.checked_neg() };
            let by = by.ok_or_else(|| Error::invalid_argument("the offset is too large").for_argument("offset"))?;
            let default = match (options.get("default"), values) {
                (Some(literal), Some(of)) => {
                    Some(default_value(literal, of).map_err(|error| error.for_argument("default"))?)
                }
                _ => None,
            };
            WindowFunction::Shift { by, default, ignore_nulls: options.boolean("ignore_nulls")? }
        }
        "first_value" | "last_value" | "nth_value" => {
            let n = if name == "nth_value" { options.positive("n")? } else { 1 };
            WindowFunction::Nth { n, from_end: name == "last_value", ignore_nulls: options.boolean("ignore_nulls")? }
        }
        other => return Err(Error::internal(format!("the window function {other} is not there"))),
    })
}

fn bind_aggregate(
    bound: &mut Expressions<'_>,
    schema: &SchemaRef,
    measure: &proto::Measure,
    path: &str,
) -> Result<(WindowCall, Field)> {
    let name = function_name(bound, schema, measure)?;
    let (measure, _) = bind_measure(bound, schema, &proto::Measure { name: name.clone(), ..measure.clone() }, path)?;
    let call = measure.bound;
    let never_null = matches!(call.function().name, "count" | "count_all" | "count_distinct");
    let field = Field::new(name, call.output_type().clone(), !never_null);
    let function = WindowFunction::Aggregate(call);
    let (arguments, filter, distinct) = (measure.arguments, measure.filter, measure.distinct);
    Ok((WindowCall { function, arguments, filter, distinct, path: measure.path }, field))
}

/// A default beside the argument that it stands for.
fn default_value(literal: &proto::Literal, data_type: &DataType) -> Result<ScalarValue> {
    let value = literal_value(literal)?;
    let typed = if is_untyped(literal) { beside(&value, data_type)? } else { Some(value) };
    typed
        .filter(|value| &value.data_type() == data_type)
        .ok_or_else(|| Error::type_mismatch(format!("the default is not of type {data_type}, as the argument is")))
}

/// The name of a function's column: `amount_lag` and `row_number` when it is given none.
fn function_name(bound: &Expressions<'_>, schema: &Schema, measure: &proto::Measure) -> Result<String> {
    if !measure.name.is_empty() {
        return Ok(measure.name.clone());
    }
    let function = measure.function.strip_suffix("_checked").unwrap_or(&measure.function);
    match measure.arguments.as_slice() {
        [] if function == "count_all" => Ok("count".to_owned()),
        [] => Ok(function.to_owned()),
        [argument] => match bound.node(*argument)?.1.kind {
            NodeKind::Column(column) => Ok(format!("{}_{function}", schema.field(column).name())),
            _ => Err(Error::invalid_argument("a function of a computed expression needs a name")),
        },
        _ => Err(Error::invalid_argument("this function needs a name")),
    }
}

/// The options of a window function as a plan gives them.
struct Given<'a>(&'a [proto::Option]);

impl<'a> Given<'a> {
    fn get(&self, name: &str) -> Option<&'a proto::Literal> {
        self.0.iter().find(|option| option.name == name).and_then(|option| option.value.as_ref())
    }

    fn integer(&self, name: &'static str, otherwise: Option<i64>) -> Result<i64> {
        let wrong = |message: &'static str| Error::invalid_argument(message).for_argument(name);
        match self.get(name) {
            None => otherwise.ok_or_else(|| wrong("this option has to be given")),
            Some(literal) => match literal_value(literal)? {
                ScalarValue::Int64(Some(value)) => Ok(value),
                _ => Err(wrong("the option is an integer")),
            },
        }
    }

    fn positive(&self, name: &'static str) -> Result<u64> {
        let value = self.integer(name, None)?;
        let positive = u64::try_from(value).ok().filter(|&value| value > 0);
        positive.ok_or_else(|| Error::invalid_argument("the option is an integer from 1 on").for_argument(name))
    }

    fn boolean(&self, name: &'static str) -> Result<bool> {
        match self.get(name).map(literal_value).transpose()? {
            None => Ok(false),
            Some(ScalarValue::Boolean(Some(value))) => Ok(value),
            Some(_) => Err(Error::invalid_argument("the option is true or false").for_argument(name)),
        }
    }

    /// Refuses options that are unknown or given twice.
    fn check(&self, known: &[OptionSpec]) -> Result<()> {
        for (index, option) in self.0.iter().enumerate() {
            if !known.iter().any(|known| known.name == option.name) {
                return Err(Error::invalid_argument("there is no such option").for_argument(option.name.clone()));
            }
            if self.0[..index].iter().any(|earlier| earlier.name == option.name) {
                return Err(Error::invalid_argument("the option is given twice").for_argument(option.name.clone()));
            }
        }
        Ok(())
    }
}
