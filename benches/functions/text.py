# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Times search and case of ASCII text, casts and parsing beside Polars and pyarrow, in one run on one thread: a line a case.

`function what ours_us=… polars_us=… pyarrow_us=… ratio=…`, ratio being ours over Polars's; text that is searched or changed also
says how many gigabytes of it a second ours goes through. Rounds take turns, and the best of each counts.
"""

import argparse
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

os.environ["POLARS_MAX_THREADS"] = "1"

import polars as pl  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "testdata/functions/differential"))

from bench import Ours, mean  # noqa: E402

WORDS = "the quick brown fox jumps over lazy dogs while seven wizards brew potions".split()


def sentences(rows, rng, words):
    few = [" ".join(rng.choice(WORDS).title() if rng.random() < 0.2 else rng.choice(WORDS) for _ in range(words)) for _ in range(10_000)]
    return pa.array([few[rng.randrange(len(few))] for _ in range(rows)])


def columns(rows, rng):
    """The columns that cases name."""
    integers = pa.array([rng.randint(-(10 ** rng.randint(1, 12)), 10 ** rng.randint(1, 12)) for _ in range(rows)], pa.int64())
    floats = pa.array([rng.uniform(-1e6, 1e6) for _ in range(rows)])
    moments = pa.array([rng.randint(0, 1_700_000_000) * 1_000_000 + rng.randrange(1_000_000) for _ in range(rows)], pa.timestamp("us"))
    days = pa.array([rng.randint(0, 20_000) for _ in range(rows)], pa.date32())
    seconds = pc.cast(moments, pa.timestamp("s"), safe=False)
    return {
        "text": sentences(rows, rng, 6), "long text": sentences(rows // 10, rng, 120),
        "integers": integers, "small integers": pc.cast(pc.bit_wise_and(integers, 1023), pa.int64()), "floats": floats,
        "whole floats": pc.cast(pc.cast(floats, pa.int64(), safe=False), pa.float64()), "moments": moments, "days": days,
        "integers as text": pc.cast(integers, pa.string()), "floats as text": pc.cast(floats, pa.string()),
        "days as text": pc.cast(days, pa.string()), "moments as text": pc.cast(moments, pa.string()),
        "seconds as text": pc.strftime(seconds, format="%d/%m/%Y %H:%M:%S"), "booleans as text": pc.cast(pc.equal(days, days), pa.string()),
        "booleans": pc.greater(floats, 0.0),
    }  # fmt: skip


def to(name, polars, arrow):
    return "cast", {"to_type": name}, lambda series: series.cast(polars), lambda array: pc.cast(array, arrow)


# What is measured: the column, our function and options, Polars's way, pyarrow's way.
CASES = [
    ("text", "match_substring", {"pattern": "wizards brew"}, lambda s: s.str.contains("wizards brew", literal=True), lambda a: pc.match_substring(a, "wizards brew")),
    ("long text", "match_substring", {"pattern": "wizards fox"}, lambda s: s.str.contains("wizards fox", literal=True), lambda a: pc.match_substring(a, "wizards fox")),
    ("long text", "match_substring", {"pattern": "absent"}, lambda s: s.str.contains("absent", literal=True), lambda a: pc.match_substring(a, "absent")),
    ("text", "match_substring", {"pattern": "absent"}, lambda s: s.str.contains("absent", literal=True), lambda a: pc.match_substring(a, "absent")),
    ("text", "starts_with", {"pattern": "The"}, lambda s: s.str.starts_with("The"), lambda a: pc.starts_with(a, "The")),
    ("text", "find_substring", {"pattern": "fox"}, lambda s: s.str.find("fox", literal=True), lambda a: pc.find_substring(a, "fox")),
    ("text", "count_substring", {"pattern": "o"}, lambda s: s.str.count_matches("o", literal=True), lambda a: pc.count_substring(a, "o")),
    ("text", "match_like", {"pattern": "%fox%dog%"}, lambda s: s.str.contains("(?s)^.*fox.*dog.*$"), lambda a: pc.match_like(a, "%fox%dog%")),
    ("text", "match_substring_regex", {"pattern": "f[aeo]x .*d"}, lambda s: s.str.contains("f[aeo]x .*d"), lambda a: pc.match_substring_regex(a, "f[aeo]x .*d")),
    ("text", "utf8_upper", {}, lambda s: s.str.to_uppercase(), pc.utf8_upper),
    ("text", "utf8_lower", {}, lambda s: s.str.to_lowercase(), pc.utf8_lower),
    ("text", "ascii_upper", {}, lambda s: s.str.to_uppercase(), pc.ascii_upper),
    ("long text", "utf8_upper", {}, lambda s: s.str.to_uppercase(), pc.utf8_upper),
    ("integers as text", *to("int64", pl.Int64, pa.int64())),
    ("floats as text", *to("double", pl.Float64, pa.float64())),
    ("days as text", "cast", {"to_type": "date32[day]"}, lambda s: s.str.to_date("%Y-%m-%d"), lambda a: pc.cast(a, pa.date32())),
    ("moments as text", "cast", {"to_type": "timestamp[us]"}, lambda s: s.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us"), lambda a: pc.cast(a, pa.timestamp("us"))),
    ("seconds as text", "strptime", {"format": "%d/%m/%Y %H:%M:%S", "unit": "us"}, lambda s: s.str.to_datetime("%d/%m/%Y %H:%M:%S", time_unit="us"), lambda a: pc.strptime(a, "%d/%m/%Y %H:%M:%S", "us")),
    ("integers", *to("string", pl.String, pa.string())),
    ("floats", *to("string", pl.String, pa.string())),
    ("days", *to("string", pl.String, pa.string())),
    ("moments", *to("string", pl.String, pa.string())),
    ("booleans", *to("string", pl.String, pa.string())),
    ("moments", "strftime", {"format": "%d/%m/%Y %H:%M"}, lambda s: s.dt.strftime("%d/%m/%Y %H:%M"), lambda a: pc.strftime(a, "%d/%m/%Y %H:%M")),
    ("small integers", *to("int16", pl.Int16, pa.int16())),
    ("small integers", *to("double", pl.Float64, pa.float64())),
    ("whole floats", *to("int64", pl.Int64, pa.int64())),
    ("floats", *to("float", pl.Float32, pa.float32())),
    ("small integers", *to("decimal128(21, 2)", pl.Decimal(21, 2), pa.decimal128(21, 2))),
    ("moments", "cast", {"to_type": "date32[day]"}, lambda s: s.cast(pl.Date), lambda a: pc.cast(a, pa.date32(), safe=False)),
    ("days", *to("timestamp[us]", pl.Datetime("us"), pa.timestamp("us"))),
    ("moments", *to("timestamp[ns]", pl.Datetime("ns"), pa.timestamp("ns"))),
]  # fmt: skip
THROUGHPUT = {"match_substring", "starts_with", "find_substring", "count_substring", "match_like", "utf8_upper", "utf8_lower", "ascii_upper"}


def micros(call, rounds):
    best = math.inf
    for _ in range(rounds):
        begin = time.perf_counter()
        call()
        best = min(best, (time.perf_counter() - begin) * 1e6)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--program", help="not asked")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--filter", default="", help="part of a line's beginning")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    pa.set_cpu_count(1)
    data, ours, ratios = columns(given.rows, random.Random(7)), Ours(given.worker), []
    with tempfile.TemporaryDirectory() as folder:
        for what, function, options, polars, arrow in CASES:
            named = f"{function}({options['to_type']})" if "to_type" in options else function
            named = f"{named} {what.replace(' ', '_')}"
            if given.filter not in named:
                continue
            array = data[what]
            file = os.path.join(folder, "arguments.arrow")
            batch = pa.record_batch([array], names=["a0"])
            with pa.ipc.new_file(file, batch.schema) as writer:
                writer.write_batch(batch)
            series = pl.Series(pl.from_arrow(array))
            us, them, pyarrows = math.inf, math.inf, math.inf
            for _ in range(given.turns):
                own, answer = ours.time(function, options, file, 1, given.rounds)
                if own is None:
                    raise SystemExit(f"{function} of {what}: {answer}")
                us = min(us, own)
                them = min(them, micros(lambda: polars(series), given.rounds))
                pyarrows = min(pyarrows, micros(lambda: arrow(array), given.rounds))
            ratios.append(us / them)
            through = f" gigabytes_s={sum(map(len, array.to_pylist())) / us / 1e3:.2f}" if function in THROUGHPUT else ""
            print(f"{named} ours_us={us:.0f} polars_us={them:.0f} pyarrow_us={pyarrows:.0f} ratio={us / them:.2f}{through}", flush=True)
    print(f"# polars {pl.__version__}, pyarrow {pa.__version__}, {len(ratios)} cases, geometric mean {mean(ratios):.2f}, {sum(ratio > 1 for ratio in ratios)} slower than Polars")


if __name__ == "__main__":
    main()
