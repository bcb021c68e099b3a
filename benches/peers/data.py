# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the benchmark's tables as Arrow IPC files, one folder for each set of parameters.

`kernels` is the table of kernels.py. `tpch` is made by the generator in benches/tpch. `groupby` and `join` follow the definitions that db-benchmark publishes (columns, cardinalities, shares of keys that
match, nulls, order), drawn by NumPy from a fixed seed: same shape, other numbers. `pairs` is the two-column table of
benches/README.md. Text is utf8 and integers are int32 for every engine.
"""

import dataclasses
import os
import pathlib
import subprocess

import numpy as np
import pyarrow as pa

import kernels

SEED = 108
BATCH_ROWS = 1 << 20


@dataclasses.dataclass(frozen=True)
class Parameters:
    rows: int
    k: int = 100  # distinct values of the small ids of group-by
    nulls: int = 0  # per cent
    sorted: bool = False
    scale: float = 1.0  # of TPC-H

    def name(self, dataset: str) -> str:
        if dataset == "tpch":
            return f"tpch_{self.scale:g}"
        return f"{dataset}_{self.rows}_{self.k}_{self.nulls}_{int(self.sorted)}"


def make(root: pathlib.Path, dataset: str, parameters: Parameters) -> pathlib.Path:
    """Makes the dataset unless it is there, and returns its folder."""
    folder = root / parameters.name(dataset)
    if not folder.exists():
        unfinished = folder.with_name(folder.name + f".{os.getpid()}")
        unfinished.mkdir(parents=True)
        if dataset == "tpch":
            subprocess.run([os.environ["TPCH_TABLES"], f"{parameters.scale:g}", str(unfinished)], check=True)
        makers = {"groupby": groupby, "join": join, "pairs": pairs, "kernels": single}
        for name, table in makers[dataset](parameters) if dataset in makers else []:
            with pa.ipc.new_file(unfinished / f"{name}.arrow", table.schema) as writer:
                rows = table.num_rows if dataset == "kernels" else BATCH_ROWS
                writer.write_table(table.combine_chunks(), max_chunksize=rows)
        unfinished.rename(folder)
    return folder


def groupby(parameters: Parameters):
    random = np.random.default_rng(SEED)
    rows, k = parameters.rows, parameters.k
    many = max(rows // k, 1)
    columns = {
        "id1": text(keys(random, rows, k, parameters.nulls), "id%03d"),
        "id2": text(keys(random, rows, k, parameters.nulls), "id%03d"),
        "id3": text(keys(random, rows, many, parameters.nulls), "id%010d"),
        "id4": keys(random, rows, k, parameters.nulls),
        "id5": keys(random, rows, k, parameters.nulls),
        "id6": keys(random, rows, many, parameters.nulls),
        "v1": values(random, random.integers(1, 6, rows, dtype=np.int32), parameters.nulls),
        "v2": values(random, random.integers(1, 16, rows, dtype=np.int32), parameters.nulls),
        "v3": values(random, amounts(random, rows), parameters.nulls),
    }
    table = pa.table(columns)
    if parameters.sorted:
        order = [(name, "ascending") for name in table.column_names if name.startswith("id")]
        table = table.sort_by(order)
    yield "x", table


def join(parameters: Parameters):
    """Of each key, 90 % of the values stand on both sides, 10 % on the left alone and as many on the right alone."""
    random = np.random.default_rng(SEED)
    rows = parameters.rows
    sides = [key_sides(random, max(rows // divisor, 1)) for divisor in (1_000_000, 1_000, 1)]

    def table(side: str, depth: int, rows: int, amount: str, nulls: int) -> pa.Table:
        ids = [spread(random, sides[i][side], rows) for i in range(depth)]
        ids = [pa.array(key, mask=absent(random, key, nulls)) for key in ids]
        columns = {f"id{i + 1}": key for i, key in enumerate(ids)}
        columns |= {f"id{i + 4}": text(key, "id%d") for i, key in enumerate(ids)}
        columns[amount] = values(random, amounts(random, rows), nulls)
        made = pa.table(columns)
        if side == "left" and parameters.sorted:
            return made.sort_by([(name, "ascending") for name in ("id1", "id2", "id3")])
        return made

    yield "x", table("left", 3, rows, "v1", parameters.nulls)
    for depth, name in enumerate(("small", "medium", "big"), start=1):
        yield name, table("right", depth, len(sides[depth - 1]["right"]), "v2", 0)


def pairs(parameters: Parameters):
    rows = parameters.rows
    key = (scrambled(0, rows) % np.uint64(1000)).astype(np.int64)
    value = (scrambled(rows, rows) % np.uint64(1_000_000)).astype(np.int64)
    yield "x", pa.table({"key": key, "value": value})


def single(parameters: Parameters):
    yield "x", kernels.table(np.random.default_rng(SEED), parameters.rows, parameters.nulls)


def keys(random, rows: int, distinct: int, nulls: int) -> pa.Array:
    """Uniform in 1..distinct; the share of nulls is one of the distinct values, each null wherever it stands."""
    drawn = random.integers(1, distinct + 1, rows, dtype=np.int32)
    return pa.array(drawn, mask=absent(random, drawn, nulls))


def absent(random, drawn: np.ndarray, nulls: int) -> np.ndarray | None:
    if nulls == 0:
        return None
    distinct = np.unique(drawn)
    gone = random.choice(distinct, len(distinct) * nulls // 100, replace=False)
    return np.isin(drawn, gone)


def values(random, drawn: np.ndarray, nulls: int) -> pa.Array:
    return pa.array(drawn, mask=random.random(len(drawn)) < nulls / 100 if nulls else None)


def amounts(random, rows: int) -> np.ndarray:
    return np.round(random.random(rows) * 100, 6)


def text(ids: pa.Array, form: str) -> pa.Array:
    encoded = ids.dictionary_encode()
    words = pa.array([form % value for value in encoded.dictionary.to_numpy()], pa.utf8())
    return words.take(encoded.indices)


def key_sides(random, count: int) -> dict[str, np.ndarray]:
    common = max(count * 9 // 10, 1)
    alone = count - common
    values = random.permutation(np.arange(1, count + alone + 1, dtype=np.int32))
    left, right = values[common : common + alone], values[common + alone :]
    return {"left": np.concatenate([values[:common], left]), "right": np.concatenate([values[:common], right])}


def spread(random, values: np.ndarray, rows: int) -> np.ndarray:
    """Every value at least once if there is room, the rest drawn from them, in random order."""
    more = random.choice(values, max(rows - len(values), 0))
    return random.permutation(np.concatenate([values, more]))[:rows]


def scrambled(first: int, count: int) -> np.ndarray:
    """Row i is the splitmix64 of first + i, so that any language makes the same data."""
    return splitmix64(np.arange(first, first + count, dtype=np.uint64))


def splitmix64(numbers: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        z = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
