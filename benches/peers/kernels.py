# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Single functions over one table of one chunk: its columns, and what pyarrow and Polars call each function.

Bowyer's and arrow-go's calls are in benches/go/answer/kernels.go and kernels_arrow_go.go.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

WORDS = np.array("hay hey needle string strong thread cotton straw barn field".split())
NAMES = [f"name {i:03d}" for i in range(500)]


def table(random, rows: int, nulls: int) -> pa.Table:
    """Columns i, j: int64; f, g: double; m1, m50, m99: masks; n: indices; s: text of four words; t: times; c: 500 names."""

    def column(drawn, kind=None):
        return pa.array(drawn, kind, mask=random.random(rows) < nulls / 100 if nulls else None)

    words = [pa.array(WORDS).take(pa.array(random.integers(0, len(WORDS), rows))) for _ in range(4)]
    seconds = random.integers(0, 2_000_000_000, rows)
    columns = {
        "i": column(random.integers(-(2**40), 2**40, rows)),
        "j": column(random.integers(-(2**40), 2**40, rows)),
        "f": column(random.random(rows)),
        "g": column(random.random(rows)),
    }
    columns |= {f"m{share}": column(random.random(rows) < share / 100) for share in (1, 50, 99)}
    columns |= {
        "n": pa.array(random.integers(0, rows, rows, dtype=np.int32)),
        "s": pc.binary_join_element_wise(*words, " "),
        "t": column(seconds * 1_000_000, pa.timestamp("us")),
        "c": pa.array(NAMES).take(column(random.integers(0, len(NAMES), rows))),
    }
    return pa.table(columns)


ACERO = {
    "k_sum": lambda x: pa.array([pc.sum(x["i"])]),
    "k_min_max": lambda x: pa.array([pc.min_max(x["i"])["min"]]),
    "k_less": lambda x: pc.less(x["i"], x["j"]),
    "k_add": lambda x: pc.add(x["i"], x["j"]),
    "k_multiply": lambda x: pc.multiply(x["f"], x["g"]),
    "k_filter_1": lambda x: pc.filter(x["i"], x["m1"]),
    "k_filter_50": lambda x: pc.filter(x["i"], x["m50"]),
    "k_filter_99": lambda x: pc.filter(x["i"], x["m99"]),
    "k_take": lambda x: pc.take(x["i"], x["n"]),
    "k_cast": lambda x: pc.cast(x["i"], pa.float64()),
    "k_sort": lambda x: pc.array_sort_indices(x["i"]),
    "k_contains": lambda x: pc.match_substring(x["s"], "needle"),
    "k_like": lambda x: pc.match_like(x["s"], "%hay%needle%"),
    "k_regex": lambda x: pc.match_substring_regex(x["s"], "h[ae]y.*st[ri]+ng"),
    "k_year": lambda x: pc.year(x["t"]),
    "k_is_in": lambda x: pc.is_in(x["c"], pa.array(NAMES[::25])),
    "k_dictionary": lambda x: pc.dictionary_encode(x["c"]),
}


def polars_expressions(pl) -> dict:
    col = pl.col
    return {
        "k_sum": col("i").sum(),
        "k_min_max": pl.struct(col("i").min().alias("min"), col("i").max().alias("max")).struct.field("min"),
        "k_less": col("i") < col("j"),
        "k_add": col("i") + col("j"),
        "k_multiply": col("f") * col("g"),
        "k_filter_1": col("i").filter(col("m1")),
        "k_filter_50": col("i").filter(col("m50")),
        "k_filter_99": col("i").filter(col("m99")),
        "k_take": col("i").gather(col("n")),
        "k_cast": col("i").cast(pl.Float64),
        "k_sort": col("i").arg_sort(nulls_last=True),
        "k_contains": col("s").str.contains("needle", literal=True),
        "k_like": col("s").str.contains("(?s)hay.*needle"),
        "k_regex": col("s").str.contains("h[ae]y.*st[ri]+ng"),
        "k_year": col("t").dt.year(),
        "k_is_in": col("c").is_in(NAMES[::25]),
        "k_dictionary": col("c").cast(pl.Categorical),
    }
