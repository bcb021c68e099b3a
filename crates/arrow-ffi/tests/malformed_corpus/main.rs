// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The corpus of `testdata/malformed`: what lies is refused with the case, path, buffer and entry that the corpus says, is
//! counted once and leaves nothing behind; what is good is taken, at every level, with its nulls counted.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

mod mutations;
mod structs;

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_ffi::c::OwnedArray;
use arrow_ffi::guard::{self, Alone, Crew};
use arrow_ffi::import::{Block, Customs, Hold, import_block};
use arrow_ffi::ownership::{Owners, Released};
use arrow_ffi::schema::import_field;
use arrow_ffi::{Rejections, Shape};
use bowyer_core::{Error, Memory};
use structs::{ArrayText, Case, Level, Structs, read};

/// Owners end within their call.
struct Nobody;

impl Released for Nobody {
    fn owner_released(&self, _owner: u64) {}

    fn foreign_released(&self, _array: OwnedArray) {}
}

fn cases() -> Vec<Case> {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/malformed")).unwrap()
}

/// Checks a refusal against what the case expects; the complaint is for people.
fn complain(case: &Case, error: &Error, rejections: &Rejections) -> Option<String> {
    let refused = case.refused.as_deref()?;
    let number = arrow_ffi::Case::ALL.iter().find(|known| known.name() == refused).map(|known| known.number());
    let mut opening = format!("{refused} (case {}): ", number.unwrap_or_default());
    if let Some(buffer) = case.buffer {
        opening.push_str(&format!("buffer {buffer}: "));
    }
    if let Some(entry) = case.entry {
        opening.push_str(&format!("entry {entry}: "));
    }
    let rest = error.message().strip_prefix(&opening);
    if rest.is_none_or(|rest| rest.starts_with("buffer ") || rest.starts_with("entry ")) {
        return Some(format!("refused as {:?}, not {opening:?}", error.message()));
    }
    let path = error.place().column.as_deref().unwrap_or_default();
    if path != case.at {
        return Some(format!("blamed on {path:?}, not {:?}", case.at));
    }
    let counted: Vec<_> = rejections.nonzero().collect();
    (counted != [(refused, 1)]).then(|| format!("counted as {counted:?}"))
}

/// Imports a case and hands the outcome to `look`; nothing may be left afterwards.
fn imported<T>(
    case: &Case,
    shape: &Shape,
    level: guard::Level,
    crew: &dyn Crew,
    look: impl FnOnce(Result<&ArrayRef, &Error>, &Rejections) -> Result<T, String>,
) -> Result<T, String> {
    let (rejections, memory) = (Rejections::default(), Memory::unlimited());
    let owners = Owners::new(Arc::new(Nobody));
    let mut structs = Structs::default();
    let array = structs.array(&case.array);
    structs.sizes.resize(structs.sizes.len() + 64, 0);
    let block = Block { arrays: array, array_count: 1, sizes: structs.sizes.as_ptr(), owner: 1 };
    let customs = Customs { owners: &owners, memory: &memory, rejections: &rejections, crew };
    // SAFETY: pointers lead where they say or are null; the table has an entry for each buffer; all outlive the arrays.
    let found = match unsafe { import_block(&block, &[shape], level, Hold::Call, customs) } {
        Err(error) => look(Err(&error), &rejections)?,
        Ok(imported) => {
            let found = look(Ok(&imported.arrays[0]), &rejections)?;
            drop(imported.arrays);
            let _ = imported.borrow.end_call();
            found
        }
    };
    match (owners.live_count(), memory.used_bytes()) {
        (0, 0) => Ok(found),
        left => Err(format!("{left:?} owners and bytes are left")),
    }
}

/// Looks through entries in parts of three.
#[derive(Debug)]
struct Parts;

impl Crew for Parts {
    fn any(&self, len: usize, is_bad: &(dyn Fn(Range<usize>) -> bool + Sync)) -> bool {
        (0..len).step_by(3).any(|first| is_bad(first..len.min(first + 3)))
    }
}

fn import(case: &Case, shape: &Shape, level: guard::Level) -> Option<String> {
    let crews: [&dyn Crew; 2] = [&Alone, &Parts];
    crews.iter().find_map(|crew| import_with(case, shape, level, *crew))
}

fn import_with(case: &Case, shape: &Shape, level: guard::Level, crew: &dyn Crew) -> Option<String> {
    let outcome = imported(case, shape, level, crew, |outcome, rejections| {
        Ok(match (outcome, refuses(case, level)) {
            (Err(error), true) => complain(case, error, rejections),
            (Err(error), false) => Some(format!("refused: {error}")),
            (Ok(_), true) => Some("taken".to_owned()),
            (Ok(array), false) => check(case, array),
        })
    });
    outcome.unwrap_or_else(Some)
}

fn refuses(case: &Case, level: guard::Level) -> bool {
    let lowest = match level {
        guard::Level::Headers => Level::Headers,
        guard::Level::Bounds => Level::Bounds,
        guard::Level::Full => Level::Full,
    };
    case.refused.is_some() && lowest >= case.level
}

/// Looks at an array that was taken.
fn check(case: &Case, array: &ArrayRef) -> Option<String> {
    if case.refused.is_none()
        && !case.disputed
        && let Err(error) = array.to_data().validate_full()
    {
        return Some(format!("taken, but arrow-rs says: {error}"));
    }
    let rows = match &case.array {
        ArrayText::Table(table) => table.length as usize,
        ArrayText::Null(_) => 0,
    };
    let found = (array.len(), if case.refused.is_none() { array.null_count() } else { 0 });
    (found != (rows, case.nulls)).then(|| format!("{found:?} rows and nulls, not {:?}", (rows, case.nulls)))
}

fn run(case: &Case) -> Option<String> {
    let rejections = Rejections::default();
    let mut structs = Structs::default();
    let schema = structs.schema(&case.schema);
    // SAFETY: as in `import`.
    let field = match unsafe { import_field(schema, &rejections) } {
        Ok(_) if case.level == Level::Schema => return Some("the schema was taken".to_owned()),
        Err(error) if case.level == Level::Schema => return complain(case, &error, &rejections),
        Err(error) => return Some(format!("the schema was refused: {error}")),
        Ok(field) => field,
    };
    let shape = Shape::of_field(&field);
    let levels = [guard::Level::Headers, guard::Level::Bounds, guard::Level::Full];
    // Below the level that refuses it, an array with wrong contents must not be built at all.
    let safe = |level: &guard::Level| {
        let values_only = matches!(case.refused.as_deref(), Some("decimal" | "temporal" | "nullability"));
        case.refused.is_none() || values_only || refuses(case, *level)
    };
    levels
        .into_iter()
        .filter(safe)
        .find_map(|level| import(case, &shape, level).map(|complaint| format!("{level:?}: {complaint}")))
}

#[test]
fn every_case_ends_as_the_corpus_says() {
    let cases = cases();
    let wrong: Vec<String> = cases.iter().filter_map(|case| Some(format!("{}: {}", case.name, run(case)?))).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    let of = |chosen: &dyn Fn(&Case) -> bool| cases.iter().filter(|case| chosen(case)).count();
    let forged = |case: &Case| matches!(case.number, 9 | 10 | 12);
    println!(
        "{} malformed arrays and schemas: 0 accepted; {} good ones: 0 refused",
        of(&|case| case.refused.is_some()),
        of(&|case| case.refused.is_none() && !forged(case)),
    );
    println!(
        "{} forged sizes and null counts: {} refused, {} counted anew, 0 believed",
        of(&forged),
        of(&|case| forged(case) && case.refused.is_some()),
        of(&|case| forged(case) && case.refused.is_none()),
    );
}

#[test]
fn the_corpus_covers_every_case_of_the_guard_and_names_each_case_once() {
    let cases = cases();
    let names: HashSet<(&str, Option<&str>)> =
        cases.iter().map(|case| (case.name.as_str(), case.refused.as_deref())).collect();
    let refused: HashSet<&str> = cases.iter().filter_map(|case| case.refused.as_deref()).collect();
    let missing: Vec<&str> =
        arrow_ffi::Case::ALL.iter().map(|known| known.name()).filter(|name| !refused.contains(name)).collect();
    assert!(missing.is_empty(), "no case is refused as {missing:?}");
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    let malformed = cases.iter().filter(|case| case.refused.is_some()).count();
    assert!(malformed >= 600, "{malformed} malformed cases");
    assert!(cases.iter().all(|case| case.number <= 29), "a number that the table has not");
}
