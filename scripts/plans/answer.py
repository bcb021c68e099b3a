# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Asks DuckDB the random plans that the test `plans` wrote into a folder, and compares the rows: answer.py FOLDER.

Where DuckDB and docs/semantics.md differ, both are brought to one form here and nowhere else:
- of all NaNs there is one, and of both zeros;
- dictionaries are read as their texts, because an ENUM sorts by place and two ENUMs do not compare;
- rows are compared without their order.
"""

import collections
import json
import pathlib
import sys

import duckdb
import pyarrow as pa


def plain(table):
    """The table with dictionaries as their values."""
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(field.type.value_type))
    return table


def cells(column):
    """The cells of a column, as the rows file spells them."""
    kind = column.type
    if pa.types.is_date32(kind):
        column = column.cast(pa.int32())
    elif pa.types.is_temporal(kind):
        column = column.cast(pa.int64())
    return [cell(value) for value in column.to_pylist()]


def cell(value):
    match value:
        case None | bool():
            return value
        case float():
            return "fnan" if value != value else ("f", value + 0.0)
        case str():
            return "t" + value
        case bytes():
            return "b" + value.hex()
        case list():
            return tuple(cell(each) for each in value)
        case _:
            return f"i{int(value)}"


def due(value):
    """A cell of the rows file; floats as numbers, because there is more than one way to spell them."""
    if isinstance(value, list):
        return tuple(due(each) for each in value)
    if isinstance(value, str) and value.startswith("f") and value != "fnan":
        return ("f", float(value[1:]) + 0.0)
    return value


def answer(folder, seed):
    """What is wrong with a plan, or nothing; None when DuckDB does not answer it."""
    connection = duckdb.connect(config={"threads": 2})
    for name in ("t", "u"):
        with pa.ipc.open_file(folder / f"{seed}.{name}.arrow") as file:
            connection.register(name, plain(file.read_all()))
    sql = (folder / f"{seed}.sql").read_text()
    try:
        table = plain(connection.sql(sql).to_arrow_table())
    except (duckdb.NotImplementedException, duckdb.BinderException) as error:
        return None, f"{type(error).__name__}: {str(error).splitlines()[0]}"
    theirs = collections.Counter(zip(*(cells(column.combine_chunks()) for column in table.columns)))
    lines = (folder / f"{seed}.rows").read_text().splitlines()
    ours = collections.Counter(tuple(due(each) for each in json.loads(line)) for line in lines)
    if ours == theirs:
        return "", ""
    more, less = list((ours - theirs).items())[:3], list((theirs - ours).items())[:3]
    return f"seed {seed}\n  {sql}\n  only Bowyer: {more}\n  only DuckDB: {less}", ""


def main():
    folder = pathlib.Path(sys.argv[1])
    seeds = sorted(int(path.stem) for path in folder.glob("*.sql"))
    wrong, refused = [], collections.Counter()
    for seed in seeds:
        difference, why = answer(folder, seed)
        if difference is None:
            refused[why] += 1
        elif difference:
            wrong.append(difference)
    print(*wrong[:10], sep="\n\n")
    for why, count in refused.most_common(5):
        print(f"not answered by DuckDB, {count} plans: {why}")
    print(f"DuckDB {duckdb.__version__}: {len(seeds)} plans, {sum(refused.values())} not answered, {len(wrong)} differ")
    return 1 if wrong or not seeds else 0


if __name__ == "__main__":
    sys.exit(main())
