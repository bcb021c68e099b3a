#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Measures the questions of benches/README.md in other engines: run.sh [ROWS]
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
python="$("$here/../../scripts/venv.sh" "$here/requirements.txt")"
exec "$python" "$here/measure.py" "${1:-10000000}"
