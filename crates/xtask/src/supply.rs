// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What others wrote and Bowyer ships: which versions, under which licences, with how much unsafe code, with which known
//! faults.
//!
//! `supply` writes `docs/dependencies.md` and `THIRD_PARTY_NOTICES.md`; `supply --check` fails if either is not current, if
//! a dependency with unsafe code has no entry in `supply-chain/trust.toml`, or if the dated advisories name a locked
//! version. `sbom FOLDER` writes CycloneDX bills of materials. Only the package sources that a build has on disk are read.

mod advisories;
mod graph;
mod notices;
mod sbom;
mod table;

use std::path::Path;

use serde::Deserialize;

use crate::Result;
use crate::repository::Repository;

/// `supply-chain/trust.toml`.
#[derive(Deserialize)]
pub(crate) struct Trust {
    keeper: Vec<Keeper>,
    #[serde(default)]
    accept: Vec<Accepted>,
}

/// People whose unsafe code is relied on.
#[derive(Deserialize)]
pub(crate) struct Keeper {
    name: String,
    why: String,
    /// Crates; a `*` at the end stands for any ending.
    crates: Vec<String>,
}

/// An advisory that does no harm here.
#[derive(Deserialize)]
pub(crate) struct Accepted {
    id: String,
    why: String,
}

impl Trust {
    fn read(repository: &Repository) -> Result<Self> {
        Ok(toml::from_str(&repository.read("supply-chain/trust.toml")?)?)
    }

    fn keeper(&self, name: &str) -> Option<&Keeper> {
        self.keeper.iter().find(|keeper| {
            keeper.crates.iter().any(|known| match known.strip_suffix('*') {
                Some(opening) => name.starts_with(opening),
                None => known == name,
            })
        })
    }
}

/// Writes what is derived from the locked dependencies.
pub(crate) fn write(repository: &Repository) -> Result<String> {
    let (files, findings) = derive(repository)?;
    for (path, text) in &files {
        std::fs::write(repository.path(path), text)?;
    }
    report(findings, "supply: docs/dependencies.md and THIRD_PARTY_NOTICES.md are written")
}

/// Fails if that is not current, or if something is wrong with a dependency.
pub(crate) fn check(repository: &Repository) -> Result<String> {
    let (files, mut findings) = derive(repository)?;
    for (path, text) in &files {
        if repository.read(path).ok().as_ref() != Some(text) {
            findings.push(format!("{path}: not current; run `cargo xtask supply`"));
        }
    }
    report(findings, "supply: dependencies are listed, licensed, trusted by name and without known faults")
}

/// Writes a bill of materials for the Rust library and one for the Go module.
pub(crate) fn sbom(repository: &Repository, folder: &str) -> Result<String> {
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder)?;
    let rust = sbom::rust(&graph::Graph::read(repository)?)?;
    let go = sbom::go(&graph::go_modules(repository)?)?;
    std::fs::write(folder.join("bowyer-rust.cdx.json"), rust)?;
    std::fs::write(folder.join("bowyer-go.cdx.json"), go)?;
    Ok(format!("sbom: bowyer-rust.cdx.json and bowyer-go.cdx.json are in {}", folder.display()))
}

type Files = Vec<(&'static str, String)>;

fn derive(repository: &Repository) -> Result<(Files, Vec<String>)> {
    let trust = Trust::read(repository)?;
    let graph = graph::Graph::read(repository)?;
    let modules = graph::go_modules(repository)?;
    let advisories = advisories::Advisories::read(repository)?;
    let mut findings = advisories.findings(&graph, &modules, &trust.accept);
    let (dependencies, untrusted) = table::dependencies(&graph, &modules, &trust, &advisories)?;
    findings.extend(untrusted);
    findings.extend(too_new(repository, &graph)?);
    let notices = notices::text(&graph, &modules)?;
    Ok((vec![("docs/dependencies.md", dependencies), ("THIRD_PARTY_NOTICES.md", notices)], findings))
}

/// Packages that need a newer Rust than the oldest that Bowyer supports.
fn too_new(repository: &Repository, graph: &graph::Graph) -> Result<Vec<String>> {
    let manifest: toml::Table = repository.read("Cargo.toml")?.parse()?;
    let ours =
        manifest.get("workspace").and_then(|table| table.get("package")).and_then(|table| table.get("rust-version"));
    let ours = ours.and_then(toml::Value::as_str).and_then(graph::release).ok_or("Cargo.toml: no rust-version")?;
    let newer = graph.sorted().into_iter().filter(|package| package.rust.as_ref().is_some_and(|needed| *needed > ours));
    Ok(newer
        .map(|package| format!("Cargo.lock: {} {} needs a newer Rust than {ours}", package.name, package.version))
        .collect())
}

fn report(findings: Vec<String>, fine: &str) -> Result<String> {
    match findings.len() {
        0 => Ok(fine.to_owned()),
        count => Err(format!("{}\nsupply: {count} findings", findings.join("\n")).into()),
    }
}
