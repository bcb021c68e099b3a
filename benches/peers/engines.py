# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""The other engines, each behind the same few methods.

`bind` names the tables to the engine, `ask` answers a question in full, `arrow` turns an answer into a pyarrow table.
A cold run is timed over `bind` and `ask`, a warm one over `ask` alone. Engines with tables of their own copy the data in
`load`, outside any clock.
"""

import os

import pyarrow as pa
import pyarrow.compute as pc

from kernels import ACERO, polars_expressions
from questions import SQL

THREADS = len(os.sched_getaffinity(0))


SUMS = {"g1": ["v1"], "g2": ["v1"], "g3": ["v1"], "g5": ["v1", "v2", "v3"], "g10": ["v3"]}


class Missing(Exception):
    """The engine has no way to ask the question."""


def select(question: str) -> str:
    if question not in SQL:
        raise Missing(question)
    return SQL[question]


class Engine:
    def __init__(self, tables: dict[str, pa.Table]):
        self.tables = tables
        self.load()

    def load(self): ...

    def bind(self): ...

    def ask(self, question: str): ...

    def arrow(self, question: str, answer) -> pa.Table:
        return answer


class DuckdbArrow(Engine):
    """Scans the Arrow tables, and answers as an Arrow table."""

    def load(self):
        import duckdb

        self.connection = duckdb.connect()
        self.connection.execute(f"set threads = {THREADS}")

    def bind(self):
        for name, table in self.tables.items():
            self.connection.register(name, table)

    def ask(self, question):
        return self.connection.sql(select(question)).to_arrow_table()


class DuckdbOwn(DuckdbArrow):
    """Reads tables of its own, with their statistics, and answers as a table of its own."""

    def load(self):
        super().load()
        for name, table in self.tables.items():
            self.connection.register("given", table)
            self.connection.execute(f"create table {name} as select * from given")
            self.connection.unregister("given")

    def bind(self): ...

    def ask(self, question):
        self.connection.execute(f"create or replace temp table answer as select * from ({select(question)})")

    def arrow(self, question, answer):
        return self.connection.sql("select * from answer").to_arrow_table()


class DataFusion(Engine):
    def load(self):
        # As many partitions as threads, or it would read with one.
        self.partitions = {}
        for name, table in self.tables.items():
            share = -(-table.num_rows // THREADS) or 1
            parts = [table.slice(first, share) for first in range(0, table.num_rows, share)]
            self.partitions[name] = [part.to_batches(max_chunksize=1 << 16) for part in parts]

    def bind(self):
        from datafusion import SessionConfig, SessionContext

        self.context = SessionContext(SessionConfig().with_target_partitions(THREADS))
        for name, partitions in self.partitions.items():
            self.context.register_record_batches(name, partitions)

    def ask(self, question):
        frame = self.context.sql(select(question))
        return frame.schema(), frame.collect()

    def arrow(self, question, answer):
        schema, batches = answer
        return pa.Table.from_batches(batches, batches[0].schema if batches else schema)


class Chdb(Engine):
    """Reads tables of the Memory engine, and answers as an Arrow table."""

    def load(self):
        from chdb import session

        self.session = session.Session()
        self.session.query("create database bench")
        self.session.query("use bench")
        for name, given in self.tables.items():
            self.session.query(f"create table {name} engine = Memory as select * from Python(given)")

    def ask(self, question):
        settings = f" settings max_threads = {THREADS}, join_use_nulls = 1"
        return self.session.query(select(question) + settings, "ArrowTable")


class Acero(Engine):
    """pyarrow's own engine. It has no exact median, no correlation and no window."""

    def ask(self, question):
        x = self.tables["x"]
        if question in ACERO:
            return pa.table({"answer": ACERO[question](x)})
        match question:
            case "g1":
                return x.group_by("id1").aggregate([("v1", "sum")])
            case "g2":
                return x.group_by(["id1", "id2"]).aggregate([("v1", "sum")])
            case "g3":
                return x.group_by("id3").aggregate([("v1", "sum"), ("v3", "mean")])
            case "g4":
                return x.group_by("id4").aggregate([("v1", "mean"), ("v2", "mean"), ("v3", "mean")])
            case "g5":
                return x.group_by("id6").aggregate([("v1", "sum"), ("v2", "sum"), ("v3", "sum")])
            case "g7":
                found = x.group_by("id3").aggregate([("v1", "max"), ("v2", "min")])
                ranges = pc.subtract(found["v1_max"], found["v2_min"])
                return pa.table({"id3": found["id3"], "range_v1_v2": ranges})
            case "g10":
                ids = ["id1", "id2", "id3", "id4", "id5", "id6"]
                return x.group_by(ids).aggregate([("v3", "sum"), ([], "count_all")])
            case "j1":
                return self.joined("small", "id1", "inner")
            case "j2":
                return self.joined("medium", "id2", "inner")
            case "j3":
                return self.joined("medium", "id2", "left outer")
            case "j4":
                return self.joined("medium", "id5", "inner")
            case "j5":
                return self.joined("big", "id3", "inner")
            case "sum":
                return pa.table({"total": [pc.sum(x["value"])]})
            case "filter_group_sum":
                return x.filter(pc.field("value") >= 500_000).group_by("key").aggregate([("value", "sum")])
        raise Missing(question)

    def joined(self, right, key, kind):
        return self.tables["x"].join(self.tables[right], key, join_type=kind, right_suffix="_right")


class Polars(Engine):
    engine = "in-memory"

    def load(self):
        import polars

        self.polars = polars
        self.frames = {name: polars.from_arrow(table) for name, table in self.tables.items()}
        self.expressions = polars_expressions(polars)

    def ask(self, question):
        return self.lazy(question).collect(engine=self.engine)

    def arrow(self, question, answer):
        # Polars adds nothing up to 0, the others to null. No value is 0, so a sum of 0 is one of nothing.
        for column in SUMS.get(question, []):
            answer = answer.with_columns(self.polars.col(column).replace(0, None))
        return answer.to_arrow()

    def lazy(self, question):
        pl, x = self.polars, self.frames["x"].lazy()
        col = pl.col
        if question in self.expressions:
            return x.select(self.expressions[question])
        match question:
            case "g1":
                return x.group_by("id1").agg(col("v1").sum())
            case "g2":
                return x.group_by("id1", "id2").agg(col("v1").sum())
            case "g3":
                return x.group_by("id3").agg(col("v1").sum(), col("v3").mean())
            case "g4":
                return x.group_by("id4").agg(col("v1", "v2", "v3").mean())
            case "g5":
                return x.group_by("id6").agg(col("v1", "v2", "v3").sum())
            case "g6":
                return x.group_by("id4", "id5").agg(col("v3").median().alias("median"), col("v3").std().alias("sd"))
            case "g7":
                return x.group_by("id3").agg((col("v1").max() - col("v2").min()).alias("range"))
            case "g8":
                largest = x.drop_nulls("v3").group_by("id6").agg(col("v3").top_k(2))
                return largest.explode("v3")
            case "g9":
                return x.group_by("id2", "id4").agg((pl.corr("v1", "v2") ** 2).alias("r2"))
            case "g10":
                ids = [f"id{i}" for i in range(1, 7)]
                return x.group_by(ids).agg(col("v3").sum(), pl.len().alias("count"))
            case "j1":
                return self.joined("small", "id1", "inner")
            case "j2":
                return self.joined("medium", "id2", "inner")
            case "j3":
                return self.joined("medium", "id2", "left")
            case "j4":
                return self.joined("medium", "id5", "inner")
            case "j5":
                return self.joined("big", "id3", "inner")
            case "sum":
                return x.select(col("value").sum())
            case "filter_group_sum":
                return x.filter(col("value") >= 500_000).group_by("key").agg(col("value").sum())
        raise Missing(question)

    def joined(self, right, key, kind):
        return self.frames["x"].lazy().join(self.frames[right].lazy(), on=key, how=kind)


class PolarsStreaming(Polars):
    engine = "streaming"


ENGINES = {
    "duckdb_arrow": DuckdbArrow,
    "duckdb_own": DuckdbOwn,
    "polars": Polars,
    "polars_streaming": PolarsStreaming,
    "datafusion": DataFusion,
    "acero": Acero,
    "chdb": Chdb,
}
