#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests of the C Data Interface under AddressSanitizer, which also finds leaks: every good and malformed array of the
# corpus lies in allocations of exactly its bytes, so one byte read behind a buffer ends the run. First it shows that the
# sanitizer sees: a planted overflow and a planted leak must be reported. Needs a nightly toolchain, which alone has it.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! rustc +nightly --version >/dev/null 2>&1; then
    echo "SKIPPED: AddressSanitizer needs a nightly toolchain"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
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
for fault in overflow leak; do
    if "$work/planted" "$fault" >"$work/out" 2>&1; then
        echo "sanitizers: a planted $fault was not seen" >&2
        exit 1
    fi
    echo "a planted $fault is seen: $(grep -m 1 -o 'heap-buffer-overflow\|detected memory leaks' "$work/out")"
done
tested() {
    env RUSTFLAGS=-Zsanitizer=address cargo +nightly test --locked --package arrow-ffi \
        --target x86_64-unknown-linux-gnu --target-dir target/asan "$@"
}
tested --lib --test copying --test malformed --test malformed_corpus
# Its structs live as long as the process.
ASAN_OPTIONS=detect_leaks=0 tested --test round_trip
