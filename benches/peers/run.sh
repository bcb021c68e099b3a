#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Measures Bowyer, called from Go, beside other engines: run.sh [OPTION…], options as measure.py --help tells,
# or --limits for what memory gives. Needs the
# release library (make lib), Go and Python.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
work="$root/target/peers"
mkdir -p "$work" "$root/benches/results/local"
python="$("$root/scripts/venv.sh" "$here/requirements.txt")"
export PYTHONDONTWRITEBYTECODE=1
if [ "${1:-}" = --limits ]; then
    exec "$python" "$here/limits.py" "$root/benches/results/local/limits.json"
fi
(cd "$root/benches/go" && go build -o "$work/answer" ./answer)
if [[ " $* " == *" --tpch "* ]]; then
    cargo build --quiet --release --manifest-path "$root/benches/tpch/Cargo.toml" --target-dir "$root/target/tpch-tables"
    export TPCH_TABLES="$root/target/tpch-tables/release/tpch-tables"
fi
exec "$python" "$here/measure.py" --answer "$work/answer" --data "$work/data" --results "$root/benches/results" "$@"
