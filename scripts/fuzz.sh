#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Damages what crosses the boundary at random: arrays (checked by the guard and by arrow-rs), plans and their JSON, and from
# Go plans, options and buffers, frames and answers of a worker, and sealed streams. A failing input is printed with its seed, or written to
# testdata/fuzz of its package.
#
# usage: fuzz.sh SECONDS     for each target
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
export BOWYER_FUZZ_SECONDS="$seconds"
cargo test --workspace --test malformed_corpus --test damaged_plans damaged -- --nocapture
[ -f go/internal/cabi/lib/libbowyer.a ] || make lib PROFILE=dev
for file in go/bowyer/fuzz_test.go go/internal/cabi/remote_damage_test.go go/internal/worker/fuzz_test.go go/seal/seal_test.go; do
    for target in $(sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' "$file"); do
        (cd "$(dirname "$file")" && go test -run='^$' -fuzz="^$target\$" -fuzztime="${seconds}s" .)
    done
done
