#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs random plans for so many seconds and compares them with an oracle in Rust; then DuckDB answers those of them that
# SQL has words for: run.sh SECONDS [SEED].
set -euo pipefail
cd "$(dirname "$0")/../.."
folder="$PWD/target/fuzz-plans"
rm -rf "$folder"
python="$(scripts/venv.sh scripts/plans/requirements.txt)"
BOWYER_FUZZ_FOLDER="$folder" BOWYER_FUZZ_SECONDS="$1" BOWYER_FUZZ_SEED="${2:-$(date +%s)}" \
	cargo test --quiet --workspace --test plans -- --nocapture
exec "$python" scripts/plans/answer.py "$folder"
