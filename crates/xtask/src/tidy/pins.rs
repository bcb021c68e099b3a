// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Pinned versions: the same commit builds the same thing next year.
//!
//! The Rust toolchain is one exact release, `Cargo.lock` is committed, every Go module asks for the same Go and the
//! same versions, tools run by version, and Python requirements are exact.

use std::collections::BTreeMap;

use crate::Result;
use crate::repository::Repository;

/// Findings over the whole repository.
pub(crate) fn check(repository: &Repository, files: &[String]) -> Result<Vec<String>> {
    let mut findings = rust(repository, files)?;
    findings.extend(go(repository, files)?);
    for path in files {
        let is_script = path == "Makefile" || path.ends_with(".sh") || path.starts_with(".ci/");
        if path.ends_with("requirements.txt") {
            findings.extend(python(path, &repository.read(path)?));
        } else if is_script && repository.read(path)?.contains("@latest") {
            findings.push(format!("{path}: a tool at `@latest`; name its version"));
        }
    }
    Ok(findings)
}

fn rust(repository: &Repository, files: &[String]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let toolchain: toml::Table = repository.read("rust-toolchain.toml")?.parse()?;
    let channel = toolchain.get("toolchain").and_then(|table| table.get("channel")).and_then(toml::Value::as_str);
    let exact = channel.is_some_and(|channel| {
        channel.split('.').count() == 3 && channel.split('.').all(|part| part.parse::<u32>().is_ok())
    });
    if !exact {
        findings.push(format!("rust-toolchain.toml: channel {channel:?} is not an exact release"));
    }
    if !files.iter().any(|path| path == "Cargo.lock") {
        findings.push("Cargo.lock: not committed".to_owned());
    }
    Ok(findings)
}

fn go(repository: &Repository, files: &[String]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut wanted: BTreeMap<String, (String, String)> = BTreeMap::new();
    for path in files.iter().filter(|path| path.ends_with("go.mod")) {
        let text = repository.read(path)?;
        let pins = module_pins(&text);
        if !pins.iter().any(|(name, _)| *name == "go") {
            findings.push(format!("{path}: no `go` line"));
        }
        for (name, version) in pins {
            let (first, at) =
                wanted.entry(name.to_owned()).or_insert_with(|| (version.to_owned(), path.clone())).clone();
            if first != version {
                findings.push(format!("{path}: {name} {version}, but {at} has {first}"));
            }
        }
    }
    Ok(findings)
}

/// The versions that a `go.mod` itself asks for: of Go, its toolchain and every module not replaced by a folder.
fn module_pins(text: &str) -> Vec<(&str, &str)> {
    let replaced: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().trim_start_matches("replace ").split_once(" => "))
        .filter_map(|(left, _)| left.split_whitespace().next())
        .collect();
    text.lines()
        .filter(|line| !line.contains("// indirect"))
        .map(|line| line.trim().trim_start_matches("require ").trim())
        .filter(|line| !line.starts_with("module") && !line.contains("=>"))
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, version)| {
            let is_module = version.starts_with('v') && name.contains('/');
            (is_module || ["go", "toolchain"].contains(name)) && !replaced.contains(name)
        })
        .collect()
}

fn python(path: &str, text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.contains("=="))
        .map(|line| format!("{path}: `{line}` is not pinned with =="))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_file_yields_its_pins() {
        let text = "module a/b\n\ngo 1.25.0\n\nrequire (\n\tc/d v1.2.3\n\te/f v0.0.0\n\tg/h v1.0.0 // indirect\n)\n\nreplace e/f => ../f\n";
        assert_eq!(module_pins(text), [("go", "1.25.0"), ("c/d", "v1.2.3")]);
    }

    #[test]
    fn a_loose_requirement_is_found() {
        assert_eq!(python("r.txt", "# why\na==1\nb>=2\n").len(), 1);
    }
}
