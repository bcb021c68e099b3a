# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Measures `sum` and `filter_group_sum` in pyarrow, Polars and DuckDB over the same Arrow columns.

Every engine answers from memory, with as many threads as it likes, and its answer is checked. The first run is not
counted; of the others the best and the median are printed, because this is about engines and not about neighbours.
"""

import os
import platform
import statistics
import sys
import time

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

RUNS = 9


def scrambled(first: int, count: int) -> np.ndarray:
    """Row i is the splitmix64 of first + i, so that any language makes the same data."""
    with np.errstate(over="ignore"):
        z = np.arange(first + 1, first + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def best_of(question) -> tuple[float, float, object]:
    answer = question()
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        answer = question()
        times.append((time.perf_counter() - began) * 1000)
    return min(times), statistics.median(times), answer


def main() -> None:
    rows = int(sys.argv[1])
    key = (scrambled(0, rows) % np.uint64(1000)).astype(np.int64)
    value = (scrambled(rows, rows) % np.uint64(1_000_000)).astype(np.int64)
    table = pa.table({"key": key, "value": value})
    frame = pl.from_arrow(table)
    duck = duckdb.connect()
    duck.register("arrow", table)
    duck.execute("create table own as select * from arrow")
    select = "select key, sum(value) as total from {} where value >= 500000 group by key"

    kept = value >= 500_000
    expected = {"sum": int(value.sum()), "filter_group_sum": (len(np.unique(key[kept])), int(value[kept].sum()))}

    def grouped(answer: pa.Table, total: str = "total") -> tuple[int, int]:
        return answer.num_rows, int(pc.sum(answer[total]).as_py())

    questions = {
        ("sum", "pyarrow"): lambda: pc.sum(table["value"]).as_py(),
        ("sum", "polars"): lambda: frame["value"].sum(),
        ("sum", "duckdb_arrow"): lambda: int(duck.execute("select sum(value) from arrow").fetchall()[0][0]),
        ("sum", "duckdb_own"): lambda: int(duck.execute("select sum(value) from own").fetchall()[0][0]),
        ("filter_group_sum", "pyarrow"): lambda: (
            table.filter(pc.field("value") >= 500_000).group_by("key").aggregate([("value", "sum")])
        ),
        ("filter_group_sum", "polars"): lambda: (
            frame.lazy().filter(pl.col("value") >= 500_000).group_by("key").agg(pl.col("value").sum()).collect()
        ),
        ("filter_group_sum", "duckdb_arrow"): lambda: duck.sql(select.format("arrow")).to_arrow_table(),
        ("filter_group_sum", "duckdb_own"): lambda: duck.sql(select.format("own")).to_arrow_table(),
    }

    print(f"machine cores={os.cpu_count()} {platform.platform()} python={platform.python_version()}")
    print(f"pyarrow={pa.__version__} polars={pl.__version__} duckdb={duckdb.__version__} rows={rows} runs={RUNS}")
    for (question, peer), run in questions.items():
        best, median, answer = best_of(run)
        if isinstance(answer, pl.DataFrame):
            answer = grouped(answer.to_arrow(), "value")
        elif isinstance(answer, pa.Table):
            answer = grouped(answer, "value_sum" if "value_sum" in answer.column_names else "total")
        assert answer == expected[question], (question, peer, answer, expected[question])
        print(f"{question} peer={peer} best_ms={best:.2f} median_ms={median:.2f}")
    print(f"answers sum={expected['sum']} groups={expected['filter_group_sum'][0]} total={expected['filter_group_sum'][1]}")


main()
