#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Every check and test, as CI runs them. Steps go on after a failure, so that one run tells all. The last line counts
# the Rust tests and the Go tests of the plain run; Go tests that run again under the race detector and the like count
# once. What is not run here is named, with the reason, before that line.
set -euo pipefail
cd "$(dirname "$0")/.."

GOFUMPT="${GOFUMPT:?make gives the version}"
STATICCHECK="${STATICCHECK:?make gives the version}"

target="${CARGO_TARGET_DIR:-$PWD/target}"
logs="$PWD/target/test"
rm -rf "$logs"
mkdir -p "$logs"
failed=()
skipped=()
passed=0

# step NAME COMMAND…: runs COMMAND with its output in a log; shows the runners' own result lines, all of it on failure.
step() {
    local name="$1" log="$logs/${1//[^A-Za-z0-9]/-}.log" began=$SECONDS
    shift
    echo "== $name"
    if ("$@") >"$log" 2>&1; then
        grep -E '^(test result: ok\. [1-9]|ok  |SKIPPED|codegen:|tidy:)' "$log" || true
        echo "   passed after $((SECONDS - began)) s"
    else
        failed+=("$name")
        tail -n 400 "$log"
        echo "   FAILED after $((SECONDS - began)) s; the whole output is in $log"
        return 0
    fi
}

need() {
    command -v "$1" >/dev/null || { echo "make test needs $2 ($1 is not on the path)" >&2; exit 1; }
}
need cargo "Rust, by rustup"
need go "Go 1.25 or newer"
need "${CC:-cc}" "a C compiler"
need git "git"

mapfile -t modules < <(git ls-files --cached --others --exclude-standard '*go.mod' | xargs -n 1 dirname)

# Functions run as conditions, where `set -e` does not hold: each command says itself what its failure means.
each_module() {
    local module status=0
    for module in "${modules[@]}"; do
        echo "# $module"
        (cd "$module" && "$@") || status=1
    done
    return "$status"
}
unformatted() {
    local files
    files="$(go run "$GOFUMPT" -l "${modules[@]}")" || return 1
    [ -z "$files" ] || { echo "not as gofumpt formats: $files"; return 1; }
}
without_cgo() {
    cd go && CGO_ENABLED=0 go build ./... && CGO_ENABLED=0 go vet ./... && CGO_ENABLED=0 go test -count=1 ./...
}
in_workers() {
    cd go && BOWYER_TEST_WORKER="$target/debug/bowyer-worker" CGO_ENABLED=0 \
        go test -v -tags isolated -count=1 ./bowyer/... ./fn/... ./internal/...
}
soaked() {
    cd benches/go && go run ./soak -worker "$target/debug/bowyer-worker" -seconds 3
}
boundary() {
    cd go && env "$@" ./...
}

echo "$(cargo --version), $(go version), $("${CC:-cc}" --version | head -n 1), $(nproc) processors"

step "cargo fmt" cargo fmt --check
step "cargo clippy" cargo clippy --locked --workspace --all-targets -- -D warnings
# One build for all that follows: a smaller selection of packages would have other features and compile the
# dependencies again.
step "cargo build" cargo build --locked --workspace --lib --bins --examples --tests
step "cargo test" cargo test --locked --workspace --no-fail-fast
step "generated files" "$target/debug/xtask" codegen --check
step "tidy" "$target/debug/xtask" tidy
step "dependencies, their licences and known faults" "$target/debug/xtask" supply --check
step "flights in Rust against the golden answer" "$target/debug/examples/flights" --golden testdata/golden/flights.csv
step "static library" env BOWYER_ARCHIVE="$target/debug/libbowyer_capi.a" scripts/package-staticlib.sh dev
step "clients and libraries of other versions" scripts/rehearsal.sh
step "cargo test with injected faults" \
    cargo test --locked --workspace --test panic --test refusals --test portable --test unwritten \
    --features bowyer-capi/fault-injection,bowyer/fault-injection,bowyer-compute/fault-injection
step "cargo doc" env RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
if [ -f go/internal/cabi/lib/libbowyer.a ]; then
    step "go test" each_module go test -v -count=1 ./...
    step "go test -race" boundary go test -race -count=1
    step "go test with cgocheck2" boundary GOEXPERIMENT=cgocheck2 go test -count=1
    step "go test with the C allocator" boundary go test -tags mallocator -count=1
else
    failed+=("Go tests: there is no static library to link")
fi
step "Go without cgo" without_cgo
# The API's tests again, with every engine in a worker process, and without cgo.
step "go test in worker processes, without cgo" in_workers
if [ -f go/internal/cabi/lib/libbowyer.a ]; then
    step "go test -race in worker processes" boundary BOWYER_TEST_WORKER="$target/debug/bowyer-worker" \
        go test -race -count=1 -run 'Worker|Lie|RoundTrip|Call|Run|Corpus'
fi
if [ -f go/internal/cabi/lib/libbowyer.a ]; then
    step "soak, a short one" soaked
fi
step "Go of the README" scripts/readme.sh
step "go vet" each_module go vet ./...
step "gofumpt" unformatted
step "staticcheck" each_module go run "$STATICCHECK" ./...

if cargo +nightly miri setup >/dev/null 2>&1; then
    step "Miri over the C Data Interface" env MIRIFLAGS=-Zmiri-permissive-provenance \
        cargo +nightly miri test --locked --package arrow-ffi --lib --target-dir target/miri
else
    skipped+=("Miri: needs a nightly toolchain that has it; cargo +nightly miri test -p arrow-ffi --lib")
fi
skipped+=("interop with pyarrow: needs Python; make interop")

rust="$(awk '/^test result:/ { sum += $4 } END { print sum + 0 }' "$logs/cargo-test.log")"
go="$(cat "$logs/go-test.log" 2>/dev/null | grep -c '^--- PASS: ' || true)"
passed=$((rust + go))

echo
echo "$rust Rust tests, $go Go tests, ${SECONDS} s"
for reason in "${skipped[@]}"; do echo "SKIPPED: $reason"; done
if [ "${#failed[@]}" -gt 0 ]; then
    for name in "${failed[@]}"; do echo "FAILED: $name"; done
    exit 1
fi
echo "$passed passed, 0 failed"
