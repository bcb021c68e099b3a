#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# What Bowyer promises about trust, measured: a line for each promise of docs/promises.md that a machine can measure in so short
# a time. The tests and benches are those of `make test` and `make bench-…`, run for longer. Everything is built before the clock starts.
#
# usage: trust.sh SECONDS     to spend, about, after building
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
share=$((seconds / 7))
target="${CARGO_TARGET_DIR:-$PWD/target}"
log=$target/trust.log
failed=0
: >"$log"

# measure PROMISE PATTERN COMMAND…: runs COMMAND, and prints the part of its output that matches.
measure() {
    local promise="$1" pattern="$2" found
    shift 2
    echo "== $*" >>"$log"
    if ! "$@" >"$log.part" 2>&1; then
        cat "$log.part" >>"$log"
        echo "$promise  FAILED: $* (all of it is in $log)"
        failed=1
        return 0
    fi
    cat "$log.part" >>"$log"
    found="$(grep -oE "$pattern" "$log.part" || true)"
    [ -n "$found" ] || { echo "$promise  FAILED: nothing was measured by: $* (all of it is in $log)"; failed=1; return 0; }
    while IFS= read -r line; do echo "$promise  ${line#TRUST }"; done <<<"$found"
}
go_in() {
    local folder="$1"
    shift
    (cd "$folder" && "$@")
}

echo "building" >&2
cargo build --quiet --locked --workspace --lib --bins --tests
cargo build --quiet --locked --release --package bowyer-capi --package bowyer-worker --lib --bins
BOWYER_ARCHIVE="$target/release/libbowyer_capi.a" scripts/package-staticlib.sh release >/dev/null
worker=$target/release/bowyer-worker

echo "$(date -u +%F), $(nproc) processors, $(uname -sm), about $seconds s"
measure "P1, P5, P20" '[0-9]+ (malformed|forged) .*' \
    cargo test --locked --workspace --test malformed_corpus every_case -- --nocapture
measure "P2 " '[0-9]+ damaged arrays.*' \
    env BOWYER_FUZZ_SECONDS=$share cargo test --locked --workspace --test malformed_corpus damaged -- --nocapture
measure "P2 " '[0-9]+ damaged plans.*' \
    env BOWYER_FUZZ_SECONDS=$share cargo test --locked --workspace --test damaged_plans -- --nocapture
measure "P3 " 'guard: .*' cargo bench --quiet --locked --workspace --bench guard
measure "P3 " 'crossing/.*' cargo bench --quiet --locked --workspace --bench crossing
measure "P6 " '[0-9]+ injected panics.*' \
    env BOWYER_TRUST_PANICS=100000 cargo test --locked --workspace --test panic \
    --features bowyer-capi/fault-injection,bowyer/fault-injection,bowyer-compute/fault-injection -- --show-output
measure "P13" '[0-9]+ calls with .*' env BOWYER_TRUST_SEQUENCES=1000000 \
    cargo test --locked --workspace --test abi handles_in_any_order -- --nocapture
measure "P21" '[0-9]+ (results|columns) of .*' \
    cargo test --locked --workspace --test unwritten \
    --features bowyer-capi/fault-injection,bowyer/fault-injection,bowyer-compute/fault-injection -- --nocapture
measure "P2, P7, P15" 'TRUST .*' \
    go_in go env BOWYER_TRUST_SECONDS=$share BOWYER_TEST_WORKER="$target/debug/bowyer-worker" CGO_ENABLED=0 \
    go test -v -count=1 -timeout 0 -run 'TestEveryFault|TestKilling|TestNoLie|TestDamagedAnswers' ./internal/cabi
measure "P8 " '[0-9]+ attempts.*' cargo test --locked --workspace --test escape -- --nocapture
measure "P9 " '(open +call|in process|worker, ).*' go_in benches/go go run ./isolation -worker "$worker"
measure "P10" 'memory limit: .*' go_in benches/go go run ./limit -worker "$worker"
measure "P11 in process" 'cancel .*' go_in benches/go go run ./cancel
measure "P11 isolated" 'cancel .*' go_in benches/go go run ./cancel -worker "$worker"
measure "P12" 'soak: .*' go_in benches/go go run ./soak -worker "$worker" -seconds "$share"
exit "$failed"
