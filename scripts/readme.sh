#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Compiles the Go of the README: its first block as the body of a function, its second as another. (The Rust of the README is
# a doctest of the crate bowyer, and make interop runs its Python.)
set -euo pipefail
cd "$(dirname "$0")/.."

folder=target/readme
mkdir -p "$folder"
block() {
    awk -v wanted="$1" '/^```go$/ { inside = ++count == wanted; next } /^```$/ { inside = 0 } inside' README.md
}
{
    printf 'package readme\n\nimport (\n\t"context"\n\n\t"github.com/apache/arrow-go/v18/arrow"\n\n'
    printf '\t"github.com/bowyer-arrow/bowyer/go/bowyer"\n\t"github.com/bowyer-arrow/bowyer/go/fn"\n)\n\n'
    printf 'func plan(ctx context.Context, flights arrow.Table) error {\n%s\n\treturn nil\n}\n\n' "$(block 1)"
    printf 'func call(ctx context.Context, prices, taxes arrow.Array) error {\n%s\n' "$(block 2)"
    printf '\tif err == nil {\n\t\tsum.Release()\n\t}\n\treturn err\n}\n\nvar _, _ = plan, call\n'
} >"$folder/readme.go"
sed -e 's#^module .*#module readme#' -e 's#=> \.\./\.\./\.\./go#=> ../../go#' examples/go/flights/go.mod >"$folder/go.mod"
cp examples/go/flights/go.sum "$folder/go.sum"
cd "$folder"
go vet -mod=mod .
