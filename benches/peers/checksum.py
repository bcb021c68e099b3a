# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Describes a result so that results of any order can be compared, in any language.

For each column the number of nulls and the sum of the hashes of its values; for floats the sum, the sum of magnitudes,
and the sum weighted by each row's hash, which ties floats to the keys beside them. `rows_hash` ties all other columns
of a row together. The twin of this file is benches/go/answer/checksum.go; a change here is a change there.

What engines name differently is one value here: any integer and a decimal without fraction are an integer, other decimals
a float, any text is text, and a float that is not finite is null.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data import splitmix64

NULL = np.uint64(0x6E756C6C)
SLICE = 1 << 20
TOLERANCE = 1e-9


def describe(table: pa.Table) -> dict:
    columns = [{"nulls": 0} for _ in table.column_names]
    rows_hash = np.uint64(0)
    with np.errstate(over="ignore"):
        for batch in table.to_batches(max_chunksize=SLICE):
            row = np.zeros(batch.num_rows, np.uint64)
            floats = []
            for column, values in zip(columns, batch.columns):
                values = plain(values)
                column["nulls"] += values.null_count
                if pa.types.is_floating(values.type):
                    floats.append((column, values))
                    continue
                hashes = np.where(valid(values), hashed(values), splitmix64(NULL))
                column["hash"] = int(np.uint64(column.get("hash", 0)) + hashes.sum(dtype=np.uint64))
                row = splitmix64(row + hashes)
            rows_hash += row.sum(dtype=np.uint64)
            weights = (row >> np.uint64(11)).astype(np.float64) / 2**53
            for column, values in floats:
                numbers = values.fill_null(0).to_numpy(zero_copy_only=False)
                for name, part in (("sum", numbers), ("magnitude", abs(numbers)), ("weighted", numbers * weights)):
                    column[name] = column.get(name, 0.0) + float(part.sum())
    for column in columns:
        if "hash" in column:
            column["hash"] = f"{column['hash']:016x}"
    return {"rows": table.num_rows, "rows_hash": f"{int(rows_hash):016x}", "columns": columns}


def plain(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_dictionary(kind):
        return plain(values.dictionary_decode())
    if pa.types.is_decimal(kind):
        return values.cast(pa.int64() if kind.scale == 0 else pa.float64())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return values.cast(pa.int64())
    if pa.types.is_floating(kind):
        values = values.cast(pa.float64())
        return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return values.cast(pa.timestamp("s")).cast(pa.int64())
    return values.cast(pa.large_utf8())


def valid(values: pa.Array) -> np.ndarray:
    return values.is_valid().to_numpy(zero_copy_only=False)


def hashed(values: pa.Array) -> np.ndarray:
    if pa.types.is_integer(values.type):
        return splitmix64(values.fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64))
    values = pa.concat_arrays([values.fill_null("")])
    _, offsets, content = values.buffers()
    offsets = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1]
    lengths = np.diff(offsets)
    content = np.frombuffer(content or b"", np.uint8)[offsets[0] : offsets[-1]]
    places = splitmix64(np.arange(lengths.max(initial=0), dtype=np.uint64))
    within = np.arange(len(content)) - np.repeat(offsets[:-1] - offsets[0], lengths)
    letters = (content.astype(np.uint64) + np.uint64(1)) * places[within]
    running = np.concatenate([np.zeros(1, np.uint64), letters.cumsum(dtype=np.uint64)])
    starts = offsets - offsets[0]
    return splitmix64(running[starts[1:]] - running[starts[:-1]])


def difference(answer: dict, expected: dict) -> str | None:
    """Says how two descriptions differ; None when they do not."""
    for name in ("rows", "rows_hash"):
        if answer[name] != expected[name]:
            return f"{name} {answer[name]}, but expected {expected[name]}" + columns_that_differ(answer, expected)
    return columns_that_differ(answer, expected) or None


def columns_that_differ(answer: dict, expected: dict) -> str:
    if len(answer["columns"]) != len(expected["columns"]):
        return f"; {len(answer['columns'])} columns, but expected {len(expected['columns'])}"
    pairs = enumerate(zip(answer["columns"], expected["columns"]))
    return "".join(f"; column {i}: {a}, but expected {e}" for i, (a, e) in pairs if not close(a, e))


def close(answer: dict, expected: dict) -> bool:
    if answer.keys() != expected.keys() or answer["nulls"] != expected["nulls"]:
        return False
    if "hash" in expected:
        return answer["hash"] == expected["hash"]
    room = TOLERANCE * expected.get("magnitude", 0.0) + 1e-12
    return all(abs(answer[name] - expected[name]) <= room for name in ("sum", "weighted") if name in expected)
