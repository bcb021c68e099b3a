// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sorting numbers into bins whose edges the call fixes.
//!
//! Bins are named by their edges, as `(1, 2]`, unless the call names them. NaN is in no bin.

use std::any::Any;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use bowyer_core::{Column, Error, Output, Result};

use super::string_values::Text;
use crate::scalar::cast::{CastMode, cast};
use crate::{
    Args, BindContext, Coercion, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, OptionValue,
    Options, Overload,
};

/// How many bins there are to be, or their names.
pub(crate) const LABELS: OptionSpec =
    OptionSpec::new("labels", OptionKind::Array, OptionDefault::Null, "The names of the bins, from the lowest.");
pub(crate) const LEFT_CLOSED: OptionSpec = OptionSpec::new(
    "left_closed",
    OptionKind::Boolean,
    OptionDefault::Boolean(false),
    "Whether a value on an edge is in the bin above and not in the one below.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("cut")
        .summary("Names the bin that each value falls into.")
        .notes("There is one bin more than breaks: the first and the last have no end. NaN is in no bin.")
        .args(&["values"])
        .options(&[
            OptionSpec::new("breaks", OptionKind::Floats, OptionDefault::Required, "The edges, in ascending order."),
            LABELS,
            LEFT_CLOSED,
        ])
        .prepare(|context| Ok(Box::new(Bins::of(context)?)))
        .examples(&[Example::new(
            &["double [0.5, 2, 7, null]"],
            "string [\"(-inf, 1]\", \"(1, 2]\", \"(2, inf]\", null]",
        )
        .with(&[("breaks", "[1.0, 2.0]")])])
        .nulls(Nulls::Inspect)
        .coercion(Coercion::Custom(as_floats))
        .overloads(&[Overload::new(&[Kind::Float64], Kind::Utf8, cut)]),
    Function::scalar("width_bucket")
        .summary("Numbers the bin of equal width between two bounds that each value falls into, from one.")
        .notes(
            "Zero below the lower bound, one more than the count from the upper one on. The lower may be the greater.",
        )
        .args(&["values"])
        .options(&[
            OptionSpec::new("low", OptionKind::Float, OptionDefault::Required, "Where the first bin begins."),
            OptionSpec::new("high", OptionKind::Float, OptionDefault::Required, "Where the last bin ends."),
            OptionSpec::new("count", OptionKind::Integer, OptionDefault::Required, "How many bins there are."),
        ])
        .prepare(prepare_width)
        .examples(&[Example::new(&["double [-1, 0, 5, 10, null]"], "int64 [0, 1, 3, 5, null]").with(&[
            ("low", "0"),
            ("high", "10"),
            ("count", "4"),
        ])])
        .nulls(Nulls::Inspect)
        .coercion(Coercion::Custom(as_floats))
        .overloads(&[Overload::new(&[Kind::Float64], Kind::Int64, width_bucket)]),
];

fn as_floats(types: &[DataType]) -> Option<Vec<DataType>> {
    (types[0].is_numeric() || types[0].is_null()).then(|| vec![DataType::Float64])
}

/// The floats of an option that holds one or several.
pub(crate) fn floats(options: &Options, name: &'static str) -> Result<Vec<f64>> {
    match options.get(name)? {
        OptionValue::Float(value) => Ok(vec![*value]),
        OptionValue::Array(array) => {
            let column = Column::Array(array.clone());
            let memory = bowyer_core::Memory::unlimited();
            let floats = cast(&column, &DataType::Float64, CastMode::Checked, &memory)
                .map_err(|error| error.for_argument(name))?
                .to_array()?;
            Ok(floats.as_primitive::<Float64Type>().iter().flatten().collect())
        }
        _ => Ok(vec![]),
    }
}

/// Edges in order, and a name for each bin between them.
#[derive(Debug)]
pub(crate) struct Bins {
    breaks: Vec<f64>,
    labels: Vec<String>,
    left_closed: bool,
}

impl Bins {
    fn of(context: &BindContext<'_>) -> Result<Self> {
        Self::new(floats(context.options, "breaks")?, context.options)
    }

    /// Bins with these edges.
    ///
    /// # Errors
    /// `InvalidArgument` unless they ascend and there is a name for each bin.
    pub(crate) fn new(breaks: Vec<f64>, options: &Options) -> Result<Self> {
        if !breaks.is_sorted_by(|a, b| a < b) || breaks.iter().any(|edge| edge.is_nan()) {
            return Err(Error::invalid_argument("they do not ascend").for_argument("breaks"));
        }
        let left_closed = options.boolean("left_closed")?;
        let labels = if options.is_null("labels")? {
            named(&breaks, left_closed)
        } else {
            let labels: &ArrayRef = options.array("labels")?;
            let refused = |why: String| Error::invalid_argument(why).for_argument("labels");
            let text = Text::of(labels.as_ref()).map_err(|_| refused("they are no texts".to_owned()))?;
            if labels.len() != breaks.len() + 1 || labels.null_count() > 0 {
                return Err(refused(format!("{} names for {} bins", labels.len(), breaks.len() + 1)));
            }
            (0..labels.len()).map(|row| text.get(row).to_owned()).collect()
        };
        Ok(Self { breaks, labels, left_closed })
    }

    /// The name of the bin of a value.
    pub(crate) fn label(&self, value: f64) -> &str {
        let below = |edge: &f64| if self.left_closed { *edge <= value } else { *edge < value };
        &self.labels[self.breaks.partition_point(below)]
    }

    /// Writes the names of the bins of floats; nothing for nulls and NaN.
    pub(crate) fn write(&self, floats: &ArrayRef, output: &mut Output) -> Result<()> {
        let floats = floats.as_primitive::<Float64Type>();
        let there = |row: usize| floats.is_valid(row) && !floats.value(row).is_nan();
        let nulls = arrow_buffer::NullBuffer::from_iter((0..floats.len()).map(there));
        output.set_validity(Some(nulls).filter(|nulls| nulls.null_count() > 0))?;
        let mut writer = output.bytes(0)?;
        for row in 0..floats.len() {
            if there(row) {
                writer.push_str(self.label(floats.value(row)))?;
            } else {
                writer.push_empty()?;
            }
        }
        Ok(())
    }
}

fn named(breaks: &[f64], left_closed: bool) -> Vec<String> {
    let (open, close) = if left_closed { ('[', ')') } else { ('(', ']') };
    let lows = std::iter::once("-inf".to_owned()).chain(breaks.iter().map(f64::to_string));
    let highs = breaks.iter().map(f64::to_string).chain(std::iter::once("inf".to_owned()));
    lows.zip(highs).map(|(low, high)| format!("{open}{low}, {high}{close}")).collect()
}

fn cut(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let values = args.column(0).slice(0, output.row_count()).to_array()?;
    args.state::<Bins>()?.write(&values, output)
}

/// Bins of equal width.
struct Widths {
    low: f64,
    high: f64,
    count: i64,
}

fn prepare_width(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let options = context.options;
    let (low, high, count) = (options.float("low")?, options.float("high")?, options.integer("count")?);
    if count < 1 || count == i64::MAX {
        return Err(Error::invalid_argument("it is not positive, or too large").for_argument("count"));
    }
    if !(low.is_finite() && high.is_finite()) || low == high {
        return Err(Error::invalid_argument("the bounds are equal, or no numbers").for_argument("high"));
    }
    Ok(Box::new(Widths { low, high, count }))
}

fn width_bucket(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let Widths { low, high, count } = *args.state::<Widths>()?;
    let values = args.column(0).slice(0, output.row_count()).to_array()?;
    let values = values.as_primitive::<Float64Type>();
    let place = |value: f64| {
        let (below, above) = if low < high { (value < low, value >= high) } else { (value > low, value <= high) };
        if below {
            0
        } else if above {
            count + 1
        } else {
            // Halves, so that the distance of far bounds is finite.
            let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
            ((share * count as f64) as i64).clamp(0, count - 1) + 1
        }
    };
    let places = values.iter().map(|value| value.filter(|value| !value.is_nan()).map(place));
    output.set(std::sync::Arc::new(places.collect::<arrow_array::Int64Array>()))
}
