// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Known faults: the dated copies in `supply-chain/advisories`, held against what is locked.
//!
//! Rust's advisories say which versions are repaired or were never affected; Go's give ranges. A module is looked at as a
//! whole here; `make supply-chain` also runs govulncheck, which knows which functions are called, over the same copy.

use semver::{Version, VersionReq};
use serde::Deserialize;
use serde_json::Value;

use super::Accepted;
use super::graph::{Graph, Module};
use crate::Result;
use crate::repository::Repository;

#[derive(Deserialize)]
struct RustFile {
    date: String,
    advisory: Vec<RustAdvisory>,
}

#[derive(Deserialize)]
struct RustAdvisory {
    id: String,
    package: String,
    kind: String,
    patched: Vec<String>,
    unaffected: Vec<String>,
}

/// Both copies.
pub(crate) struct Advisories {
    rust: RustFile,
    go: Vec<Value>,
    go_date: String,
}

impl Advisories {
    pub(crate) fn read(repository: &Repository) -> Result<Self> {
        let rust = toml::from_str(&repository.read("supply-chain/advisories/rust.toml")?)?;
        let text = repository.read("supply-chain/advisories/go.jsonl")?;
        let mut go = text.lines().map(serde_json::from_str).collect::<std::result::Result<Vec<Value>, _>>()?;
        if go.is_empty() {
            return Err("supply-chain/advisories/go.jsonl is empty".into());
        }
        let go_date = go.remove(0)["date"].as_str().unwrap_or_default().to_owned();
        Ok(Self { rust, go, go_date })
    }

    /// The dates of the copies: RustSec's, Go's.
    pub(crate) fn dates(&self) -> (&str, &str) {
        (&self.rust.date, &self.go_date)
    }

    /// Locked versions that an advisory names, but for those that are accepted.
    pub(crate) fn findings(&self, graph: &Graph, modules: &[Module], accepted: &[Accepted]) -> Vec<String> {
        let mut findings = Vec::new();
        let is_accepted = |id: &str| accepted.iter().any(|accepted| accepted.id == id);
        for (name, version) in &graph.locked {
            let named = self.rust.advisory.iter().filter(|advisory| advisory.package == *name);
            for advisory in named.filter(|advisory| !is_accepted(&advisory.id) && affects(advisory, version)) {
                findings.push(format!("Cargo.lock: {name} {version}: {} ({})", advisory.id, advisory.kind));
            }
        }
        for module in modules {
            for advisory in &self.go {
                let id = advisory["id"].as_str().unwrap_or_default();
                if !is_accepted(id) && names(advisory, &module.path, &module.version) {
                    findings.push(format!("go/go.mod: {} {}: {id}", module.path, module.version));
                }
            }
        }
        findings
    }
}

/// A version that cannot be read is taken to be affected.
fn affects(advisory: &RustAdvisory, version: &str) -> bool {
    let Ok(version) = Version::parse(version) else { return true };
    let matches = |range: &String| VersionReq::parse(range).is_ok_and(|range| range.matches(&version));
    !advisory.patched.iter().chain(&advisory.unaffected).any(matches)
}

fn names(advisory: &Value, path: &str, version: &str) -> bool {
    let version = version.trim_start_matches('v').trim_end_matches("+incompatible");
    let affected = advisory["affected"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_module = affected.iter().filter(|part| part["package"]["name"].as_str() == Some(path));
    of_module.flat_map(|part| part["ranges"].as_array().into_iter().flatten()).any(|range| in_range(range, version))
}

/// Events are in order: each `introduced` opens what the next `fixed` ends.
fn in_range(range: &Value, version: &str) -> bool {
    let Ok(version) = Version::parse(version) else { return true };
    let reached = |bound: &Value| match bound.as_str() {
        Some("0") => Some(true),
        Some(bound) => Version::parse(bound).ok().map(|bound| version >= bound),
        None => None,
    };
    let mut inside = false;
    for event in range["events"].as_array().into_iter().flatten() {
        if reached(&event["introduced"]) == Some(true) {
            inside = true;
        }
        if reached(&event["fixed"]) == Some(true) {
            inside = false;
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advisory(patched: &[&str], unaffected: &[&str]) -> RustAdvisory {
        let list = |ranges: &[&str]| ranges.iter().map(|&range| range.to_owned()).collect();
        RustAdvisory {
            id: "R".to_owned(),
            package: "p".to_owned(),
            kind: "vulnerability".to_owned(),
            patched: list(patched),
            unaffected: list(unaffected),
        }
    }

    #[test]
    fn a_repaired_or_older_version_is_fine_and_one_between_is_not() {
        let bytes = advisory(&[">= 1.11.1"], &["< 1.2.1"]);
        assert!(affects(&bytes, "1.10.0"));
        assert!(!affects(&bytes, "1.11.1"));
        assert!(!affects(&bytes, "1.2.0"));
        assert!(affects(&advisory(&[], &[]), "0.1.0"), "never repaired");
    }

    #[test]
    fn a_module_is_named_from_where_the_fault_came_to_where_it_went() -> Result<()> {
        let text = r#"{"affected":[{"package":{"name":"a/b"},"ranges":[{"events":[
            {"introduced":"1.2.0"},{"fixed":"1.3.0"},{"introduced":"1.5.0"}]}]}]}"#;
        let fault: Value = serde_json::from_str(text)?;
        let hits: Vec<bool> = ["v1.1.9", "v1.2.0", "v1.3.0", "v1.5.1"].map(|v| names(&fault, "a/b", v)).into();
        assert_eq!(hits, [false, true, false, true]);
        assert!(!names(&fault, "a/c", "v1.2.0"));
        Ok(())
    }
}
