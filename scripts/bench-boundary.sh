#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Measures the boundary. Needs the release library (make lib); builds the stock peer beside it.
set -euo pipefail
cd "$(dirname "$0")/../benches/boundary"

CARGO_TARGET_DIR="$PWD/stock/target" cargo build --quiet --release --manifest-path stock/Cargo.toml
exec go run -tags stock .
