#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Everything about other people's code: licences, bans and sources (cargo-deny), the lists that are derived from the locked
# versions, known faults (RustSec and Go, from the dated copies of supply-chain/advisories), bills of materials, and
# clients and libraries of other versions. What cannot be run here is named with the reason.
#
# usage: supply-chain.sh [--short]     --short is what CI runs: no tool is installed and nothing is built
set -euo pipefail
cd "$(dirname "$0")/.."
CARGO_DENY=0.20.2
GOVULNCHECK=golang.org/x/vuln/cmd/govulncheck@v1.6.0
tools="$PWD/target/tools"
failed=()
skipped=()

step() {
    echo "== $1"
    shift
    "$@" || failed+=("$*")
}
# Go's tool reads a database in the layout of the public one.
go_database() {
    python3 - supply-chain/advisories/go.jsonl target/supply-chain/go <<'PYTHON'
import json, pathlib, sys
lines = pathlib.Path(sys.argv[1]).read_text().splitlines()
folder = pathlib.Path(sys.argv[2])
(folder / "ID").mkdir(parents=True, exist_ok=True)
(folder / "index").mkdir(exist_ok=True)
modules, faults, modified = {}, [], "1970-01-01T00:00:00Z"
for entry in map(json.loads, lines[1:]):
    (folder / "ID" / f"{entry['id']}.json").write_text(json.dumps(entry))
    faults.append({"id": entry["id"], "modified": entry["modified"]})
    modified = max(modified, entry["modified"])
    for part in entry["affected"]:
        known = modules.setdefault(part["package"]["name"], {})
        known[entry["id"]] = {"id": entry["id"], "modified": entry["modified"]}
(folder / "index" / "db.json").write_text(json.dumps({"modified": modified}))
(folder / "index" / "vulns.json").write_text(json.dumps(faults))
listing = [{"path": path, "vulns": list(known.values())} for path, known in sorted(modules.items())]
(folder / "index" / "modules.json").write_text(json.dumps(listing))
print("go advisories of", json.loads(lines[0])["date"])
PYTHON
}
vulnerabilities() {
    go_database && (cd go && go run "$GOVULNCHECK" -db "file://$PWD/../target/supply-chain/go" ./bowyer ./fn ./seal)
}
deny() {
    if [ "$("$tools/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $CARGO_DENY" ]; then
        # Without optimisation it is there in a minute, and fast enough.
        cargo install --quiet --locked --debug --root "$tools" --target-dir target/tools/build "cargo-deny@$CARGO_DENY"
    fi
    "$tools/bin/cargo-deny" --log-level error check licenses bans sources
}
oldest_rust() {
    cargo "+$1" check --quiet --locked --workspace --lib --target-dir target/oldest-rust
}

step "dependencies, licences, known faults" cargo xtask supply --check
if [ "${1:-}" != --short ]; then
    step "cargo-deny" deny
    if command -v python3 >/dev/null; then
        step "govulncheck" vulnerabilities
    else
        skipped+=("govulncheck over the copy of Go's database: needs Python to lay it out")
    fi
    step "bills of materials" cargo xtask sbom target/supply-chain
    if [ -f go/internal/cabi/lib/libbowyer.a ]; then
        step "clients and libraries of other versions" scripts/rehearsal.sh
    else
        skipped+=("rehearsal: there is no library; make lib")
    fi
    oldest="$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml).0"
    if rustup toolchain list 2>/dev/null | grep -q "^$oldest"; then
        step "the oldest Rust, $oldest" oldest_rust "$oldest"
    else
        skipped+=("the oldest Rust: toolchain $oldest is not installed; dependencies' own rust-version and clippy's are checked")
    fi
fi
for reason in "${skipped[@]}"; do echo "SKIPPED: $reason"; done
for name in "${failed[@]}"; do echo "FAILED: $name"; done
[ "${#failed[@]}" -eq 0 ]
