#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Times functions beside pyarrow's: run.sh [options of bench.py]. It makes its own Python environment in target/.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment=target/differential-venv
if [ ! -x "$environment/bin/python" ]; then
	python3 -m venv "$environment"
	"$environment/bin/pip" install --quiet --requirement testdata/functions/differential/requirements.txt
fi
cargo build --quiet --package bowyer-cli
worker=$(cargo bench --quiet --package bowyer-compute --bench functions --no-run --message-format=json |
	sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
export PYTHONDONTWRITEBYTECODE=1
exec "$environment/bin/python" benches/functions/bench.py --program target/debug/bowyer --worker "$worker" "$@"
