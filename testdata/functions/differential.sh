#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Compares functions with pyarrow's for so many seconds: differential.sh SECONDS [options of differential.py]. It makes
# its own Python environment in target/ and builds the program that it calls.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment=target/differential-venv
if [ ! -x "$environment/bin/python" ]; then
	python3 -m venv "$environment"
	"$environment/bin/pip" install --quiet --requirement testdata/functions/differential/requirements.txt
fi
cargo build --quiet --package bowyer-cli
export PYTHONDONTWRITEBYTECODE=1
exec "$environment/bin/python" testdata/functions/differential/differential.py \
	--program target/debug/bowyer --seconds "$@"
