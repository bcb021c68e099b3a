#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Changes the guard and the walk over foreign structs in small ways, one at a time, and sees that a test fails each time.
# A survivor is a rule that nothing tests. The answer for each change is in target/mutants/mutants.out.
#
# usage: mutants.sh [SHARD]     SHARD: a part of the changes, as 0/8; all of them take hours
set -euo pipefail
cd "$(dirname "$0")/.."
CARGO_MUTANTS=27.1.0
tools="$PWD/target/tools"
if [ "$("$tools/bin/cargo-mutants" mutants --version 2>/dev/null)" != "cargo-mutants $CARGO_MUTANTS" ]; then
    cargo install --quiet --locked --debug --root "$tools" --target-dir target/tools/build "cargo-mutants@$CARGO_MUTANTS"
fi
shard=()
[ -z "${1:-}" ] || shard=(--shard "$1")
exec "$tools/bin/cargo-mutants" mutants --in-place --package arrow-ffi \
    --file 'crates/arrow-ffi/src/guard/*.rs' --file crates/arrow-ffi/src/raw.rs --file crates/arrow-ffi/src/shape.rs \
    --file 'crates/arrow-ffi/src/schema/import.rs' --file 'crates/arrow-ffi/src/schema/format.rs' \
    --output target/mutants --timeout 120 "${shard[@]}"
