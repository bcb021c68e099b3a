// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bills of materials in CycloneDX 1.5: the same bytes for the same locked versions, so without a time or a serial number.

use serde_json::{Value, json};

use super::graph::{Graph, Module};
use super::notices;
use crate::Result;

/// What is linked into the static library and the programs.
pub(super) fn rust(graph: &Graph) -> Result<String> {
    let shipped: Vec<_> = graph.sorted().into_iter().filter(|package| package.shipped).collect();
    let reference = |name: &str, version: &str| format!("pkg:cargo/{name}@{version}");
    let components = shipped.iter().map(|package| {
        let mut component = component(&reference(&package.name, &package.version), &package.name, &package.version);
        component["licenses"] = json!([{ "expression": package.licence.replace('/', " OR ") }]);
        if let Some(checksum) = &package.checksum {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        component
    });
    let dependencies = shipped.iter().map(|package| {
        let needs = package.needs.iter().filter_map(|id| graph.packages.get(id)).filter(|need| need.shipped);
        let needs: Vec<String> = needs.map(|need| reference(&need.name, &need.version)).collect();
        json!({ "ref": reference(&package.name, &package.version), "dependsOn": needs })
    });
    bill("bowyer", env!("CARGO_PKG_VERSION"), components.collect(), dependencies.collect())
}

/// What the Go packages are built with.
pub(super) fn go(modules: &[Module]) -> Result<String> {
    let mut components = Vec::new();
    for module in modules {
        let reference = format!("pkg:golang/{}@{}", module.path, module.version);
        let mut component = component(&reference, &module.path, &module.version);
        component["licenses"] = json!([{ "license": { "id": notices::go_licence(module)? } }]);
        component["properties"] = json!([{ "name": "go.sum", "value": module.sum }]);
        components.push(component);
    }
    bill("github.com/bowyer-arrow/bowyer/go", env!("CARGO_PKG_VERSION"), components, Vec::new())
}

fn component(reference: &str, name: &str, version: &str) -> Value {
    json!({ "type": "library", "bom-ref": reference, "purl": reference, "name": name, "version": version })
}

fn bill(name: &str, version: &str, components: Vec<Value>, dependencies: Vec<Value>) -> Result<String> {
    let subject = json!({ "type": "library", "bom-ref": name, "name": name, "version": version,
        "licenses": [{ "license": { "id": "Apache-2.0" } }] });
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": subject },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}
