#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Pipes pyarrow tables through the programs of this repository and compares the answers with pyarrow's own.
set -euo pipefail
cd "$(dirname "$0")/.."
python="$(scripts/venv.sh scripts/interop/requirements.txt)"
cargo build --quiet --workspace --bins --examples
exec "$python" scripts/interop/check.py target/debug testdata
