#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Writes the Parquet files beside it anew from the pinned PyPI packages.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
python="$("$here/../../scripts/venv.sh" "$here/requirements.txt")"
exec "$python" "$here/make.py" "$here"
