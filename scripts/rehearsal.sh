#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Rehearses the change of a release: clients and libraries of two versions meet, and work or refuse with a sentence.
#
# usage: rehearsal.sh [OLD]     OLD: a folder with bowyer.h, libbowyer.a and smoke.c of another release
#
# Without OLD, the neighbours are made up from the packaged library: a client that needs the next minor version, one
# built against the minor before, and a library of the next major.
set -euo pipefail
cd "$(dirname "$0")/.."
library=go/internal/cabi/lib/libbowyer.a
header=crates/bowyer-capi/include/bowyer.h
client=crates/bowyer-capi/tests/smoke.c
[ -f "$library" ] || { echo "rehearsal: there is no library; make lib" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# folder NAME: a folder with a header, a library and a client, to be changed afterwards.
folder() {
    mkdir "$work/$1"
    cp "$header" "$work/$1/bowyer.h"
    cp "$library" "$work/$1/libbowyer.a"
    cp "$client" "$work/$1/smoke.c"
}
# pair CLIENT LIBRARY EXPECTED: EXPECTED is works, refuses or either.
pair() {
    local end="works" program="$work/program" sentence=""
    if ! "${CC:-cc}" -I "$work/$1" "$work/$1/smoke.c" "$work/$2/libbowyer.a" -lm -ldl -lpthread -o "$program" 2>"$work/link"; then
        end="refuses"
        sentence="does not link: $(grep -o "undefined reference to .*" "$work/link" | head -n 1)"
    else
        local status=0
        timeout 60 "$program" >"$work/out" 2>&1 || status=$?
        sentence="$(tail -n 1 "$work/out")"
        case $status in
        0) ;;
        1) end="refuses" ;;
        *) end="ends with status $status" ;;
        esac
    fi
    if [ "$end" = "$3" ] || { [ "$3" = either ] && [[ $end =~ ^(works|refuses)$ ]]; }; then
        echo "ok      client $1, library $2: $end${sentence:+ ($sentence)}"
    else
        echo "FAILED  client $1, library $2: $end, not $3${sentence:+ ($sentence)}"
        failed=1
    fi
}
# version FOLDER DIFFERENCE: another minor version in the client's header.
version() {
    local now
    now=$(awk '/define BOWYER_ABI_VERSION/ { gsub(/[^0-9]/, "", $3); print $3; exit }' "$work/$1/bowyer.h")
    sed -i "/define BOWYER_ABI_VERSION/s/$now/$((now + $2))/" "$work/$1/bowyer.h"
    grep -q "BOWYER_ABI_VERSION *(*$((now + $2))" "$work/$1/bowyer.h" || { echo "rehearsal: no version in the header" >&2; exit 1; }
}

folder this
pair this this works
folder next-minor
version next-minor 1
pair next-minor this refuses
folder minor-before
version minor-before -1
pair minor-before this works
folder next-major
objcopy --redefine-sym bowyer_abi_v0=bowyer_abi_v1 "$work/next-major/libbowyer.a"
sed -i 's/bowyer_abi_v0/bowyer_abi_v1/' "$work/next-major/smoke.c" "$work/next-major/bowyer.h"
pair this next-major refuses
pair next-major this refuses

if [ -n "${1:-}" ]; then
    mkdir "$work/old"
    cp "$1/bowyer.h" "$1/libbowyer.a" "$1/smoke.c" "$work/old/"
    pair old old works
    pair old this either
    pair this old either
else
    echo "SKIPPED: a real release beside this one: none was given (rehearsal.sh OLD)"
fi
exit "$failed"
