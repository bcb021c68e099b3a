#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Measures Bowyer, called from Go, beside other engines: run.sh [OPTION…], options as measure.py --help tells. Needs the
# release library (make lib), Go and Python.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
work="$root/target/peers"
mkdir -p "$work"
python="$("$root/scripts/venv.sh" "$here/requirements.txt")"
(cd "$root/benches/go" && go build -o "$work/answer" ./answer)
export PYTHONDONTWRITEBYTECODE=1
exec "$python" "$here/measure.py" --answer "$work/answer" --data "$work/data" --results "$root/benches/results" "$@"
