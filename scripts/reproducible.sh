#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Builds the package of the static library twice, from two copies of the committed tree at two paths with two target
# folders, and compares.
#
# usage: reproducible.sh [PROFILE]     release by default; dev is built without optimisation: faster, for the paths alone
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:-release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export BOWYER_REMAP=1 CARGO_INCREMENTAL=0
if [ "$profile" = dev ]; then
    mkdir "$work/.cargo"
    printf '[profile.dev]\nopt-level = 0\ndebug = false\n[profile.dev.package."*"]\nopt-level = 0\n' >"$work/.cargo/config.toml"
fi
for copy in one a/longer/path/to/two; do
    mkdir -p "$work/$copy"
    git archive HEAD | tar -x -C "$work/$copy"
    CARGO_TARGET_DIR="$work/$copy/out" BOWYER_OUT="$work/$copy/package" "$work/$copy/scripts/package-staticlib.sh" "$profile"
done
one=$(sha256sum <"$work/one/package/libbowyer.a")
two=$(sha256sum <"$work/a/longer/path/to/two/package/libbowyer.a")
echo "${one%% *}"
echo "${two%% *}"
if [ "$one" != "$two" ]; then
    echo "reproducible: the two archives differ" >&2
    for copy in one a/longer/path/to/two; do
        strings "$work/$copy/package/libbowyer.a" | grep -F "$work/$copy" | sort -u | head -n 5 >&2 || true
    done
    exit 1
fi
echo "reproducible: the same bytes from two paths"
