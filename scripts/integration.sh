#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Compares the ways in which a Go program can have an engine: linked into it, as a dynamic library, as a worker process, and as a
# program that answers Arrow IPC over a socket. Prints what has to be shipped, how long a program lives that makes one call, and
# what a call costs. docs/integration.md has a run of it.
#
# usage: integration.sh     after `make lib worker` (release)
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
target="${CARGO_TARGET_DIR:-$root/target}"
worker=$target/release/bowyer-worker
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The same program three times: with the static library, without cgo, and, from a copy of the tree, with the dynamic library.
(cd benches/go && go build -ldflags='-s -w' -o "$work/static" ./integration)
(cd benches/go && CGO_ENABLED=0 go build -ldflags='-s -w' -o "$work/nocgo" ./integration)
strip -o "$work/bowyer-worker" "$worker"
strip -o "$work/libbowyer.so" "$target/release/libbowyer_capi.so"
mkdir -p "$work/tree/benches" "$work/tree/crates/bowyer-capi"
cp -r benches/go "$work/tree/benches/"
cp -r crates/bowyer-capi/include "$work/tree/crates/bowyer-capi/"
cp -r go "$work/tree/"
sed -i "s|\${SRCDIR}/lib/libbowyer.a|$work/libbowyer.so|" "$work/tree/go/internal/cabi/native_cgo.go"
(cd "$work/tree/benches/go" && go build -ldflags='-s -w' -o "$work/dynamic" ./integration)

size() { du -cb "$@" | awk 'END { printf "%.1f MiB", $1 / 1048576 }'; }
# life PROGRAM…: milliseconds of a program that makes one call, the best of twenty.
life() {
    local best=999999999 began took
    for _ in $(seq 20); do
        began=$(date +%s%N)
        "$@" -once
        took=$(($(date +%s%N) - began))
        [ "$took" -ge "$best" ] || best=$took
    done
    awk -v ns="$best" 'BEGIN { printf "%.1f ms", ns / 1e6 }'
}
# model NAME FILES COMMAND…
model() {
    local name="$1" files="$2"
    shift 2
    # shellcheck disable=SC2086
    echo "$name: ships $(size $files), lives $(life "$@")"
    "$@" | sed 's/^/    /'
}
model "static library" "$work/static" "$work/static" -model in-process
model "dynamic library" "$work/dynamic $work/libbowyer.so" "$work/dynamic" -model in-process
model "worker process" "$work/nocgo $work/bowyer-worker" "$work/nocgo" -model worker -worker "$work/bowyer-worker"
model "Arrow IPC over a socket" "$work/static $work/static" "$work/static" -model socket
