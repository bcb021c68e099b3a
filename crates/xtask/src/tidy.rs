// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Habits that no lint knows: short files, names that say something, licence lines, a corpus for every function.
//!
//! A rule looks at one file or at the whole repository and gives findings; all findings are shown at once.

mod corpus;
mod pins;

use crate::Result;
use crate::repository::Repository;

/// Beyond this a file is split by what its parts are about.
const LONGEST_FILE: usize = 500;

/// Tests are lists of cases, and read one by one.
const LONGEST_TEST: usize = 800;

/// Names that say nothing about what is in them.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];

/// Files whose licence line would be in somebody else's hands, or whose length is a table's.
const GENERATED_ENDINGS: &[&str] = &["_gen.go", ".pb.go"];

/// Languages in which a licence comment is written.
const SOURCE_ENDINGS: &[&str] = &["rs", "go", "c", "h", "cpp", "sh", "py", "sql"];

/// Runs every rule.
pub(crate) fn run(repository: &Repository) -> Result<String> {
    let files = repository.files()?;
    let mut findings = Vec::new();
    for path in &files {
        findings.extend(name(path));
        if is_source(path) {
            let text = repository.read(path)?;
            findings.extend(length(path, &text));
            findings.extend(licence(path, &text));
            findings.extend(unfinished(path, &text));
        }
    }
    findings.extend(corpus::check(repository, &files)?);
    findings.extend(pins::check(repository, &files)?);
    match findings.len() {
        0 => Ok(format!("tidy: {} files in order", files.len())),
        count => Err(format!("{}\ntidy: {count} findings", findings.join("\n")).into()),
    }
}

fn is_source(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| SOURCE_ENDINGS.contains(&ending))
}

fn is_generated(path: &str) -> bool {
    GENERATED_ENDINGS.iter().any(|ending| path.ends_with(ending))
}

fn name(path: &str) -> Option<String> {
    path.split('/')
        .map(|part| part.split('.').next().unwrap_or(part))
        .find(|part| EMPTY_NAMES.contains(part))
        .map(|part| format!("{path}: `{part}` does not say what is in it; use the name of the thing"))
}

fn length(path: &str, text: &str) -> Option<String> {
    let is_test = path.ends_with("_test.go") || path.ends_with("/tests.rs") || path.contains("/tests/");
    let most = if is_test { LONGEST_TEST } else { LONGEST_FILE };
    let lines = text.lines().count();
    (lines > most && !is_generated(path))
        .then(|| format!("{path}: {lines} lines; split it by what its parts are about (at most {most})"))
}

fn licence(path: &str, text: &str) -> Option<String> {
    if path.ends_with(".pb.go") {
        return None;
    }
    let head: Vec<&str> = text.lines().take(4).collect();
    let has = |words: &str| head.iter().any(|line| line.contains(words));
    let complete = has("SPDX-FileCopyrightText: The Bowyer Authors") && has("SPDX-License-Identifier: Apache-2.0");
    (!complete).then(|| format!("{path}: does not begin with the two SPDX lines"))
}

fn unfinished(path: &str, text: &str) -> Option<String> {
    let mark = ["TO", "DO"].concat();
    let (index, _) = text
        .lines()
        .enumerate()
        .find(|(_, line)| line.find(&mark).is_some_and(|at| !line[at + mark.len()..].starts_with("(#")))?;
    Some(format!("{path}:{}: {mark} without an issue, as {mark}(#12)", index + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_name_is_found_in_folders_and_files() {
        assert!(name("crates/x/src/utils.rs").is_some());
        assert!(name("go/common/x.go").is_some());
        assert!(name("crates/x/src/bits.rs").is_none());
    }

    #[test]
    fn licence_lines_may_follow_a_shebang() {
        let head = "#!/bin/sh\n# SPDX-FileCopyrightText: The Bowyer Authors\n# SPDX-License-Identifier: Apache-2.0\n";
        assert!(licence("a.sh", head).is_none());
        assert!(licence("a.sh", "#!/bin/sh\n").is_some());
    }

    #[test]
    fn generated_files_may_be_long() {
        let long = "x\n".repeat(LONGEST_FILE + 1);
        assert!(length("go/fn/functions_gen.go", &long).is_none());
        assert!(length("go/fn/call.go", &long).is_some());
        assert!(length("go/fn/call_test.go", &long).is_none());
    }
}
