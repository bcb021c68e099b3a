#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Builds libbowyer.a for Go: one object, of whose symbols only bowyer_* are global, so that it links beside any other
# Rust static library. Needs Rust and what comes with a C compiler (ld, objcopy, nm, ar).
#
# usage: package-staticlib.sh [PROFILE]     PROFILE: a Cargo profile, dev by default
#
# With BOWYER_REMAP the archive names no folder of this machine: so are releases built, and the same commit gives the same
# bytes wherever it lies. Without it, debuggers find the sources, and builds share what other builds left.
#
# Tests set BOWYER_ARCHIVE to package a static library that is built already, BOWYER_OUT to put it elsewhere, and
# BOWYER_PLAIN_LD to do without the linker's newer options.

set -euo pipefail

profile=${1:-dev}
root=$(cd "$(dirname "$0")/.." && pwd)
out=${BOWYER_OUT:-$root/go/internal/cabi/lib}
golden=$root/crates/bowyer-capi/abi/v0.symbols

archive=${BOWYER_ARCHIVE:-}
if [ -z "$archive" ]; then
  cd "$root"
  if [ -n "${BOWYER_REMAP:-}" ]; then
    home=${CARGO_HOME:-$HOME/.cargo}
    flags="--remap-path-prefix=$root=/bowyer --remap-path-prefix=$home=/cargo"
    # The last one that fits wins: the target folder may lie in the root.
    export RUSTFLAGS="$flags --remap-path-prefix=${CARGO_TARGET_DIR:-$root/target}=/target"
  fi
  cargo build --quiet --package bowyer-capi --lib --profile "$profile"
  case $profile in
    dev | test) folder=debug ;;
    bench) folder=release ;;
    *) folder=$profile ;;
  esac
  archive=${CARGO_TARGET_DIR:-$root/target}/$folder/libbowyer_capi.a
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
symbols=$work/symbols
grep -v '^#' "$golden" | cut -d' ' -f1 | grep . >"$symbols"

# Only what the exported functions reach is kept. Section groups are dissolved: another Rust library has some of the same
# names, and the linker would drop its copies in favour of ours, whose symbols are local. Linkers before binutils 2.30 do
# not know the option; there the groups' own sections are removed, which comes to the same. The sections of embedded
# bitcode make GNU ar fail on the merged object.
groups=(--force-group-allocation)
remove=(--remove-section=.llvmbc --remove-section=.llvmcmd)
if [ -n "${BOWYER_PLAIN_LD:-}" ] || ! ld --help | grep -e --force-group-allocation >/dev/null; then
  groups=()
  remove+=(--remove-section=.group)
fi
roots=()
while read -r symbol; do roots+=(--undefined="$symbol"); done <"$symbols"
ld -r --gc-sections "${groups[@]}" --entry=bowyer_abi_version "${roots[@]}" --whole-archive "$archive" -o "$work/merged.o"
objcopy --keep-global-symbols="$symbols" "${remove[@]}" --strip-debug \
  --strip-unneeded "$work/merged.o" "$work/bowyer.o"

nm --extern-only --defined-only --format=posix "$work/bowyer.o" | cut -d' ' -f1 | sort >"$work/found"
sort "$symbols" >"$work/expected"
if ! diff -u "$work/expected" "$work/found"; then
  echo "package-staticlib: the library's symbols are not those of ${golden#"$root"/}" >&2
  exit 1
fi
# A string of the module `fault`, which only that feature compiles.
if grep -q BOWYER_FAULT_INJECTION "$work/bowyer.o"; then
  echo "package-staticlib: the library was built with fault-injection" >&2
  exit 1
fi

mkdir -p "$out"
rm -f "$work/libbowyer.a"
ar rcsD "$work/libbowyer.a" "$work/bowyer.o"
# Readers of the old file keep it: it is replaced, not written over.
mv "$work/libbowyer.a" "$out/libbowyer.a"
cp "$root/crates/bowyer-capi/include/bowyer.h" "$out/bowyer.h"
echo "${out#"$root"/}/libbowyer.a: $(stat -c %s "$out/libbowyer.a") bytes, $(wc -l <"$work/found") symbols"
