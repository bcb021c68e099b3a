#!/usr/bin/env bash
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
#
# Times functions beside pyarrow's: run.sh [options of bench.py]; or text, casts and parsing beside Polars's:
# run.sh text [options of text.py]. It makes its own Python environment in target/.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=bench.py requirements=testdata/functions/differential/requirements.txt
if [ "${1:-}" = text ]; then
	shift
	program=text.py requirements=benches/peers/requirements.txt
fi
python="$(scripts/venv.sh "$requirements")"
cargo build --quiet --package bowyer-cli
worker=$(cargo bench --quiet --package bowyer-compute --bench functions --no-run --message-format=json |
	sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
export PYTHONDONTWRITEBYTECODE=1
exec "$python" "benches/functions/$program" --program target/debug/bowyer --worker "$worker" "$@"
