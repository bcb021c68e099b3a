// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Which packages a build takes: from Cargo's own resolution and from Go's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use semver::Version;
use serde::Deserialize;

use crate::Result;
use crate::repository::Repository;

/// What is shipped: the library, the crate for Rust programs, the program.
const SHIPPED: [&str; 4] = ["bowyer-capi", "bowyer-worker", "bowyer", "bowyer-cli"];
/// The platform whose packages are listed.
pub(crate) const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// A package of somebody else.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: String,
    /// The oldest Rust that it says it needs.
    pub(crate) rust: Option<Version>,
    pub(crate) folder: PathBuf,
    /// SHA-256 of the package, as Cargo.lock has it.
    pub(crate) checksum: Option<String>,
    /// Its code is in what is shipped, and not only run by the build.
    pub(crate) shipped: bool,
    /// Identifiers of the packages that it needs.
    pub(crate) needs: Vec<String>,
}

/// The packages of a build, by identifier.
pub(crate) struct Graph {
    pub(crate) packages: BTreeMap<String, Package>,
    /// Every name and version of Cargo.lock, tests and other platforms included.
    pub(crate) locked: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct MetadataPackage {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    rust_version: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

impl Graph {
    pub(crate) fn read(repository: &Repository) -> Result<Self> {
        let metadata: Metadata = serde_json::from_str(&run(
            repository.root(),
            "cargo",
            &["metadata", "--format-version", "1", "--locked", "--filter-platform", PLATFORM],
        )?)?;
        let lock: Lock = toml::from_str(&repository.read("Cargo.lock")?)?;
        let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let packages: BTreeMap<&str, &MetadataPackage> =
            metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
        let roots = metadata.packages.iter().filter(|package| SHIPPED.contains(&package.name.as_str()));
        let roots: Vec<&str> = roots.map(|package| package.id.as_str()).collect();
        let shipped = reach(&roots, &nodes, &packages, false);
        let all = reach(&roots, &nodes, &packages, true);
        let mut found = BTreeMap::new();
        for id in all {
            let Some(package) = packages.get(id).filter(|package| package.source.is_some()) else { continue };
            let same = |locked: &&Locked| locked.name == package.name && locked.version == package.version;
            found.insert(
                id.to_owned(),
                Package {
                    name: package.name.clone(),
                    version: package.version.clone(),
                    licence: package.license.clone().unwrap_or_default(),
                    rust: package.rust_version.as_deref().and_then(release),
                    folder: package.manifest_path.parent().unwrap_or_else(|| Path::new("")).to_path_buf(),
                    checksum: lock.package.iter().find(same).and_then(|locked| locked.checksum.clone()),
                    shipped: shipped.contains(id),
                    needs: needs(nodes.get(id).copied(), true).map(str::to_owned).collect(),
                },
            );
        }
        let locked = lock.package.into_iter().map(|package| (package.name, package.version)).collect();
        Ok(Self { packages: found, locked })
    }

    /// The packages by name and version.
    pub(crate) fn sorted(&self) -> Vec<&Package> {
        let mut packages: Vec<&Package> = self.packages.values().collect();
        packages.sort_by_key(|package| (&package.name, &package.version));
        packages
    }
}

/// A Rust release, of which the last number may be left out.
pub(crate) fn release(text: &str) -> Option<Version> {
    Version::parse(text).or_else(|_| Version::parse(&format!("{text}.0"))).ok()
}

fn needs(node: Option<&Node>, builds: bool) -> impl Iterator<Item = &str> {
    let wanted = move |kind: &Kind| match kind.kind.as_deref() {
        None => true,
        Some("build") => builds,
        Some(_) => false,
    };
    let dependencies = node.map(|node| node.deps.as_slice()).unwrap_or_default();
    dependencies.iter().filter(move |dependency| dependency.dep_kinds.iter().any(wanted)).map(|dep| dep.pkg.as_str())
}

/// Everything that the roots need; without `builds`, neither build scripts' packages nor macros.
fn reach<'m>(
    roots: &[&'m str],
    nodes: &BTreeMap<&'m str, &'m Node>,
    packages: &BTreeMap<&'m str, &'m MetadataPackage>,
    builds: bool,
) -> BTreeSet<&'m str> {
    let is_macro = |id: &str| {
        packages.get(id).is_some_and(|package| {
            package.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"))
        })
    };
    let mut seen = BTreeSet::new();
    let mut stack = roots.to_vec();
    while let Some(id) = stack.pop() {
        if (builds || !is_macro(id)) && seen.insert(id) {
            stack.extend(needs(nodes.get(id).copied(), builds));
        }
    }
    seen
}

/// A module that the Go packages are built with.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Module {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) dir: PathBuf,
    #[serde(default)]
    pub(crate) sum: String,
}

/// The modules whose packages the Go module's own packages import.
pub(crate) fn go_modules(repository: &Repository) -> Result<Vec<Module>> {
    let folder = repository.path("go");
    let format = "{{with .Module}}{{.Path}}{{end}}";
    let used = run(&folder, "go", &["list", "-deps", "-f", format, "./bowyer", "./fn", "./seal"])?;
    let used: BTreeSet<&str> = used.lines().filter(|line| !line.is_empty()).collect();
    let listing = run(&folder, "go", &["list", "-m", "-json", "all"])?;
    let mut modules = Vec::new();
    for module in serde_json::Deserializer::from_str(&listing).into_iter::<Module>() {
        let module = module?;
        if !module.version.is_empty() && used.contains(module.path.as_str()) {
            modules.push(module);
        }
    }
    Ok(modules)
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).current_dir(folder).output()?;
    if !output.status.success() {
        return Err(format!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
