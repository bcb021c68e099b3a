// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The corpus, run in process; and the examples of the descriptors, which are cases too.

mod support;

use arrow_array::{Array, ArrayRef};
use bowyer_compute::functions;
use bowyer_core::{Memory, Result};
use bowyer_testkit::corpus::{Case, SeenError, folder, load};
use bowyer_testkit::toml::Table;
use bowyer_testkit::{Literal, compare, literal};

#[test]
fn every_case_of_the_corpus_holds() {
    let only = std::env::var("BOWYER_CASE").unwrap_or_default();
    let cases = load(&folder()).unwrap();
    assert!(cases.len() > 100, "the corpus is there");
    let mut failures = vec![];
    for (family, case) in cases.iter().filter(|(family, case)| family.contains(&only) || case.name.contains(&only)) {
        let outcome = case.arguments().and_then(|arguments| {
            let seen = call(&case.call, &arguments, &case.options);
            case.check(seen.map_err(SeenError::from))
        });
        if let Err(difference) = outcome {
            failures.push(format!("{family}: {} ({}): {difference}", case.name, case.call));
        }
    }
    assert!(failures.is_empty(), "{} of {} cases fail\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn every_example_holds() {
    let mut failures = vec![];
    for function in functions() {
        for example in function.examples {
            let arguments: Vec<_> = example.args.iter().map(|text| literal(text).unwrap()).collect();
            let options = support::example_options(example.options);
            let outcome = call(function.name, &arguments, &options)
                .map_err(|error| error.to_string())
                .and_then(|result| compare::same(&result, &literal(example.result)?.array));
            if let Err(difference) = outcome {
                failures.push(format!("{}: {difference}", function.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_descriptor_is_complete() {
    for function in functions() {
        let name = function.name;
        assert!(!function.summary.is_empty() && function.summary.ends_with('.'), "{name} has a sentence");
        assert!(!function.overloads.is_empty(), "{name} has an overload");
        assert!(!function.examples.is_empty(), "{name} has an example, which is executed");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{name}");
        for (option, _) in support::usual_options(function) {
            assert!(function.options.iter().any(|spec| spec.name == option), "{name} declares {option}");
        }
        for overload in function.overloads {
            let named = function.args.len();
            assert!(overload.args.len() == named || function.variadic.is_some(), "{name} names its arguments");
        }
    }
}

/// Binds and runs a call of literals.
fn call(function: &str, arguments: &[Literal], options: &Table) -> Result<ArrayRef> {
    let row_count = Case::row_count(arguments);
    let columns: Vec<_> = arguments.iter().map(|argument| argument.column(row_count)).collect();
    let bound = support::bind_columns(function, &columns, options)?;
    let result = support::run(&bound, &columns, row_count, &Memory::unlimited())?;
    assert_eq!(result.data_type(), bound.output_type(), "{function} gives what binding promised");
    Ok(result)
}
