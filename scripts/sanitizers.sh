#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs tests under sanitizers. Each first has to see faults that are planted for it: a sanitizer that sees nothing proves nothing.
#
# - C: the client of the C ABI under AddressSanitizer, which also finds leaks. Rust's memory comes from its allocator, so what a
#   client reads beside or after it, or forgets to release, is seen; accesses by Rust itself are not.
# - Go: the tests that cross the boundary, with `go test -asan`. The same is seen.
# - Rust: the tests of the C Data Interface under AddressSanitizer. Every good and malformed array of the corpus lies in
#   allocations of exactly its bytes, so one byte read behind a buffer ends the run. Needs a nightly toolchain, which alone has it.
# - Threads: the same tests under ThreadSanitizer, with a standard library built for it. Needs nightly's sources too.
#
# usage: sanitizers.sh [c] [go] [rust] [threads]     all of them by default
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
target="${CARGO_TARGET_DIR:-$root/target}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
host="$(rustc -vV | sed -n 's/^host: //p')"

# sees FAULT PATTERN COMMAND…: COMMAND, in which FAULT is planted, must end with a failure that names it.
sees() {
    local fault="$1" pattern="$2"
    shift 2
    if "$@" >"$work/out" 2>&1 || ! grep -q "$pattern" "$work/out"; then
        cat "$work/out" >&2
        echo "sanitizers: a planted $fault was not seen" >&2
        exit 1
    fi
    echo "a planted $fault is seen: $pattern"
}

have_c() {
    echo 'int main(void) { return 0; }' >"$work/empty.c"
    "${CC:-cc}" -fsanitize=address "$work/empty.c" -o "$work/empty" 2>/dev/null && "$work/empty" && return 0
    echo "SKIPPED: $1: ${CC:-cc} has no AddressSanitizer"
    return 1
}

have_nightly() {
    rustc +nightly --version >/dev/null 2>&1 && return 0
    echo "SKIPPED: $1: needs a nightly toolchain (rustup toolchain install nightly --component rust-src)"
    return 1
}

in_c() {
    have_c "the C client under AddressSanitizer" || return 0
    cargo build --quiet --locked --workspace --lib
    cat >"$work/planted.c" <<'C'
#include <stdlib.h>
#include <string.h>
#include "bowyer.h"
/* The message of an error lies in the library's memory: nothing, read before it, read after its release, or not released. */
int main(int argc, char** argv) {
  bowyer_error error;
  memset(&error, 0, sizeof error);
  error.struct_size = sizeof error;
  const char* fault = argc > 1 ? argv[1] : "";
  if (bowyer_engine_close(7, &error) == BOWYER_OK) return 3;
  const volatile char* message = error.message;
  if (!strcmp(fault, "overflow")) return message[-1] & 1;
  if (strcmp(fault, "leak")) error.release(&error);
  if (!strcmp(fault, "use")) return message[0] & 1;
  memset(&error, 0, sizeof error);
  return 0;
}
C
    local program
    for program in "$work/planted.c" crates/bowyer-capi/tests/smoke.c; do
        "${CC:-cc}" -g -O1 -fsanitize=address -I crates/bowyer-capi/include "$program" "$target/debug/libbowyer_capi.a" \
            -lm -ldl -lpthread -o "$work/$(basename "$program" .c)-c"
    done
    "$work/planted-c"
    sees "overflow of the library's memory in C" 'heap-buffer-overflow' "$work/planted-c" overflow
    sees "use after a release in C" 'heap-use-after-free' "$work/planted-c" use
    sees "leak of the library's memory in C" 'detected memory leaks' "$work/planted-c" leak
    "$work/smoke-c"
}

in_go() {
    have_c "Go's tests under AddressSanitizer" || return 0
    [ -f go/internal/cabi/lib/libbowyer.a ] || make lib PROFILE=dev
    mkdir "$work/planted-go"
    printf 'module planted\n\ngo 1.25.0\n' >"$work/planted-go/go.mod"
    cat >"$work/planted-go/main.go" <<'GO'
package main

/*
#include <stdlib.h>
static int past(char *block) { return block[8]; }
static void forget(void) { char *volatile block = malloc(100); block[0] = 1; block = NULL; }
*/
import "C"

import (
	"os"
	"unsafe"
)

func main() {
	block := C.malloc(8)
	switch os.Args[1] {
	case "c":
		println(C.past((*C.char)(block)))
	case "go":
		println(*(*byte)(unsafe.Add(block, 8)))
	case "leak":
		C.forget()
	}
	C.free(block)
}
GO
    (cd "$work/planted-go" && go build -asan -o planted .)
    "$work/planted-go/planted" none
    sees "overflow in C below Go" 'heap-buffer-overflow' "$work/planted-go/planted" c
    sees "overflow in Go" 'heap-buffer-overflow' "$work/planted-go/planted" go
    sees "leak below Go" 'detected memory leaks' "$work/planted-go/planted" leak
    (cd go && go test -asan -count=1 ./internal/cabi ./bowyer ./fn)
}

in_rust() {
    have_nightly "Rust under AddressSanitizer" || return 0
    cat >"$work/planted.rs" <<'RUST'
fn main() {
    let bytes: Box<[u8]> = vec![1_u8; 3].into_boxed_slice();
    match std::env::args().nth(1).as_deref() {
        Some("overflow") => println!("{}", unsafe { std::ptr::read_volatile(bytes.as_ptr().add(3)) }),
        Some("leak") => {
            std::hint::black_box(Box::leak(vec![7_u8; 1 << 20].into_boxed_slice()));
            std::thread::spawn(|| [0_u8; 4096]).join().unwrap();
        }
        _ => println!("{}", bytes.len()),
    }
}
RUST
    rustc +nightly -Zsanitizer=address -O -o "$work/planted" "$work/planted.rs"
    "$work/planted" none >/dev/null
    sees "overflow in Rust" 'heap-buffer-overflow' "$work/planted" overflow
    sees "leak in Rust" 'detected memory leaks' "$work/planted" leak
    addressed --lib --test copying --test malformed --test malformed_corpus
    # Its structs live as long as the process.
    ASAN_OPTIONS=detect_leaks=0 addressed --test round_trip
}
addressed() {
    env RUSTFLAGS=-Zsanitizer=address cargo +nightly test --locked --package arrow-ffi \
        --target "$host" --target-dir target/asan "$@"
}

in_threads() {
    have_nightly "ThreadSanitizer" || return 0
    if [ ! -d "$(rustc +nightly --print sysroot)/lib/rustlib/src/rust/library" ]; then
        echo "SKIPPED: ThreadSanitizer: needs the sources of nightly's library (rustup component add --toolchain nightly rust-src)"
        return 0
    fi
    mkdir -p "$work/race/src"
    printf '[package]\nname = "planted-race"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$work/race/Cargo.toml"
    cat >"$work/race/src/main.rs" <<'RUST'
struct Shared(std::cell::UnsafeCell<u64>);
unsafe impl Sync for Shared {}
static SHARED: Shared = Shared(std::cell::UnsafeCell::new(0));
fn add() {
    for _ in 0..1000 {
        unsafe { *SHARED.0.get() += 1 };
    }
}
fn main() {
    let other = std::thread::spawn(add);
    add();
    other.join().unwrap();
    println!("{}", unsafe { *SHARED.0.get() });
}
RUST
    threaded build --quiet --manifest-path "$work/race/Cargo.toml"
    sees "race" 'ThreadSanitizer: data race' "target/tsan/$host/debug/planted-race"
    threaded test --locked --package arrow-ffi --lib
}
threaded() {
    local command="$1"
    shift
    env RUSTFLAGS=-Zsanitizer=thread cargo +nightly "$command" -Zbuild-std --target "$host" --target-dir "$root/target/tsan" "$@"
}

[ $# -gt 0 ] || set -- c go rust threads
for part in "$@"; do
    case "$part" in
    c | go | rust | threads) "in_$part" ;;
    *) echo "sanitizers: there is no part $part" >&2; exit 2 ;;
    esac
done
