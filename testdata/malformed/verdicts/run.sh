#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# What four libraries say of every case of the corpus: Bowyer, arrow-rs, arrow-go and pyarrow. Needs Python.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=testdata/malformed/verdicts
target="$PWD/target/malformed"
python="$(scripts/venv.sh $here/requirements.txt)"
cargo build --quiet --release --manifest-path $here/rust/Cargo.toml --target-dir "$target"
(cd $here/go && go build -o "$target/verdict-go" .)
exec "$python" $here/compare.py testdata/malformed "$target/release/verdict" "$target/verdict-go" "$target/release/libmalformed.so"
