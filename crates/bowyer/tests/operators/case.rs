// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A case of the corpus: inputs, plan, and what comes out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::compute::concat_batches;
use arrow::util::display::array_value_to_string;
use bowyer::arrow_array::{Array, ArrayRef, RecordBatch, new_empty_array};
use bowyer::arrow_schema::{Field, Schema};
use bowyer::{Error, Plan};
use bowyer_testkit::{array, compare, toml};
use serde::Deserialize;

use crate::steps;

/// A case as the file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What it shows, in words.
    pub(crate) name: String,
    /// Columns of each input, each a name and an array literal.
    inputs: BTreeMap<String, Vec<String>>,
    /// Plans that the plan reads by name, in the order of their names.
    #[serde(default)]
    parts: BTreeMap<String, Vec<String>>,
    /// An input or a part, then one step after another.
    plan: Vec<String>,
    /// The columns of the result.
    result: Option<Vec<String>>,
    /// Whether the rows of the result may come in any order.
    #[serde(default)]
    any_order: bool,
    /// Or the error.
    error: Option<Expected>,
}

/// The error of a case: only what is given is compared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    code: String,
    path: Option<String>,
    function: Option<String>,
    column: Option<String>,
    input: Option<String>,
    /// The row of the whole input, whatever its batches.
    row: Option<u64>,
    message_contains: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

/// All cases, each with the name of its file.
pub(crate) fn load() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/operators");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        cases.extend(file.case.into_iter().map(|case| (name.clone(), case)));
    }
    cases
}

impl Case {
    /// The rows of each input.
    pub(crate) fn inputs(&self) -> BTreeMap<String, RecordBatch> {
        self.inputs.iter().map(|(name, columns)| (name.clone(), table(columns))).collect()
    }

    /// The plan.
    pub(crate) fn plan(&self, inputs: &BTreeMap<String, RecordBatch>) -> Result<Plan, String> {
        let mut known: BTreeMap<String, Plan> =
            inputs.iter().map(|(name, batch)| (name.clone(), Plan::input(name.as_str(), &batch.schema()))).collect();
        for (name, part) in &self.parts {
            let plan = steps::plan(part, &known)?;
            known.insert(name.clone(), plan);
        }
        steps::plan(&self.plan, &known)
    }

    /// Says how what a run gave differs from what is due. Its batches had `step` rows.
    pub(crate) fn check(&self, seen: Result<Vec<RecordBatch>, Error>, step: usize) -> Result<(), String> {
        match (&self.result, &self.error, seen) {
            (Some(columns), None, Ok(batches)) => self.same(&batches, &table(columns)),
            (None, Some(expected), Err(error)) => expected.check(&error, step),
            (Some(_), None, Err(error)) => Err(format!("failed: {error:?}")),
            (None, Some(expected), Ok(batches)) => Err(format!("gave {batches:?} where {expected:?} was due")),
            _ => Err("a case has a result or an error".to_owned()),
        }
    }

    fn same(&self, batches: &[RecordBatch], expected: &RecordBatch) -> Result<(), String> {
        let names = |schema: &Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        let Some(first) = batches.first() else {
            let rows = expected.num_rows();
            return if rows == 0 { Ok(()) } else { Err(format!("no rows where {rows} were due")) };
        };
        if names(&first.schema()) != names(&expected.schema()) {
            return Err(format!("the columns are {:?}", names(&first.schema())));
        }
        let seen = concat_batches(&first.schema(), batches).map_err(|error| error.to_string())?;
        if self.any_order {
            for (seen, expected) in seen.columns().iter().zip(expected.columns()) {
                let (seen, expected) = (new_empty_array(seen.data_type()), new_empty_array(expected.data_type()));
                compare::same(&seen, &expected)?;
            }
            let (seen, expected) = (rows(&seen), rows(expected));
            return if seen == expected { Ok(()) } else { Err(format!("the rows are {seen:#?}")) };
        }
        let columns = expected.schema();
        for ((seen, expected), field) in seen.columns().iter().zip(expected.columns()).zip(columns.fields()) {
            compare::same(seen, expected).map_err(|error| format!("{}: {error}", field.name()))?;
        }
        Ok(())
    }
}

impl Expected {
    fn check(&self, error: &Error, step: usize) -> Result<(), String> {
        let place = error.place();
        let row = place.row.map(|row| place.batch.unwrap_or(0) * step as u64 + row);
        let same = |expected: &Option<String>, seen: Option<&str>| expected.is_none() || expected.as_deref() == seen;
        let holds = self.code == error.code().name()
            && same(&self.path, place.path.as_deref())
            && same(&self.function, place.function.as_deref())
            && same(&self.column, place.column.as_deref())
            && same(&self.input, place.input.as_deref())
            && (self.row.is_none() || self.row == row)
            && self.message_contains.as_ref().is_none_or(|part| error.message().contains(part.as_str()));
        if holds { Ok(()) } else { Err(format!("{error:?}, row {row:?} of its input, where {self:?} was due")) }
    }
}

/// Columns such as `x: int64 [1, null]` as one batch.
fn table(columns: &[String]) -> RecordBatch {
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for column in columns {
        let (name, literal) = column.split_once(": ").unwrap_or_else(|| panic!("{column}: no name"));
        let values = array(literal);
        fields.push(Field::new(name, values.data_type().clone(), true));
        arrays.push(values);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// The rows as text, sorted.
fn rows(batch: &RecordBatch) -> Vec<String> {
    let cell = |column: &ArrayRef, row: usize| match column.is_null(row) {
        true => "null".to_owned(),
        false => format!("{:?}", array_value_to_string(column, row).unwrap()),
    };
    let row = |row| batch.columns().iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(" ");
    let mut rows: Vec<String> = (0..batch.num_rows()).map(row).collect();
    rows.sort();
    rows
}
