#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Fuzzes everything that reads what others wrote, led by coverage and under AddressSanitizer: arrays of the C Data Interface, calls,
# plans, files, keys and frames of the worker. Targets and seeds are in crates/fuzz; what is found stays in its artifacts folder, and the
# corpus that grows in its corpus folder, so that a later run goes on where this one ended.
#
# usage: fuzz-coverage.sh SECONDS [TARGET…]     for each target
set -euo pipefail
cd "$(dirname "$0")/../crates/fuzz"
seconds=${1:-60}
shift || true
version=0.13.1

rustc +nightly --version >/dev/null 2>&1 || {
    echo "SKIPPED: coverage is counted by a nightly toolchain only (rustup toolchain install nightly)"
    exit 0
}
tools="${CARGO_TARGET_DIR:-$PWD/target}/tools"
[ -x "$tools/bin/cargo-fuzz" ] || cargo install --quiet --locked --root "$tools" cargo-fuzz --version "$version"
PATH="$tools/bin:$PATH"

targets=("$@")
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <(sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"/\1/p' Cargo.toml)
cargo +nightly fuzz build --fuzz-dir .
seeds="$(mktemp -d)"
trap 'rm -rf "$seeds"' EXIT
"target/$(rustc -vV | sed -n 's/^host: //p')/release/seeds" "$seeds"
failed=0
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target"
    # Small inputs find most, and a function that takes long on large ones is no finding.
    cargo +nightly fuzz run --fuzz-dir . "$target" "corpus/$target" "$seeds/$target" -- \
        -max_total_time="$seconds" -max_len=8192 -timeout=30 -rss_limit_mb=4096 -print_final_stats=1 >"$seeds/log" 2>&1 || {
        tail -n 60 "$seeds/log"
        failed=1
    }
    runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$seeds/log")"
    covered="$(grep -oE 'cov: [0-9]+' "$seeds/log" | tail -n 1)"
    echo "fuzz-coverage: $target: ${runs:-no} runs, ${covered:-cov: none}"
done
exit "$failed"
