# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Times every scalar and vector function beside pyarrow's, in one run: a line a case, and geometric means at the end.

`function type nulls threads ours_us=… pyarrow_us=… ratio=…`, where the ratio is our time over pyarrow's. Each function is
called on a million rows of the first types that pyarrow takes, without nulls and with a tenth of them, on one thread and
with the rows shared by two. Rounds of both take turns, and the best of each counts.
"""

import argparse
import collections
import json
import math
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pyarrow as pa
import pyarrow.compute as pc

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "testdata/functions/differential"))

import record  # noqa: E402
from cases import OPTIONS, SKIPPED, theirs  # noqa: E402

BASE = 10_000
TYPES = {
    "int64": pa.int64(), "double": pa.float64(), "string": pa.string(), "bool": pa.bool_(), "timestamp": pa.timestamp("us"),
    "binary": pa.binary(), "list": pa.list_(pa.int64()), "struct": pa.struct([("a", pa.int64()), ("b", pa.string())]),
    "zoned": pa.timestamp("us", "America/New_York"),
}  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyzABX 1."


def value(kind, rng, small):
    if kind == "int64":
        return rng.randint(1, 3) if small else rng.randint(1, 100_000)
    if kind == "double":
        return rng.uniform(0.1, 0.9) if small else rng.uniform(0.1, 100_000)
    if kind == "bool":
        return rng.random() < 0.5
    if kind in ("timestamp", "zoned"):
        return rng.randint(0, 1_700_000_000_000_000)
    if kind == "list":
        return [rng.randint(0, 100) for _ in range(rng.randint(1, 6))]
    if kind == "struct":
        return {"a": rng.randint(0, 100), "b": "x"}
    text = "".join(rng.choice(LETTERS) for _ in range(rng.randint(4, 24)))
    return text.encode() if kind == "binary" else text


def column(kind, rows, nulls, rng, small=False):
    values = [None if rng.random() < nulls else value(kind, rng, small) for _ in range(BASE)]
    base = pa.array(values, TYPES[kind])
    return pa.concat_arrays([base] * (rows // BASE))


# The kinds of the arguments where they are not all the first one; a number is an int32 of that greatest value.
SHAPES = {
    "take": ["?", "indices"], "filter": ["?", "bool"], "if_else": ["bool", "?", "?"], "choose": ["int64:1", "?", "?"],
    "replace_with_mask": ["?", "bool", "?"], "round_binary": ["?", "int64:2"], "binary_repeat": ["?", "int64:2"],
    "shift_left": ["?", "int64:8"], "shift_left_checked": ["?", "int64:8"], "shift_right": ["?", "int64:8"],
    "shift_right_checked": ["?", "int64:8"], "list_element": ["?", "int64:0"], "binary_join_element_wise": ["?", "?", "?"],
    "power": ["?", "int64:3"], "power_checked": ["?", "int64:3"],
}  # fmt: skip
DRAWN = {
    "is_in": lambda columns: {"value_set": columns[0][:20].drop_null()},
    "index_in": lambda columns: {"value_set": columns[0][:20].drop_null()},
    "cast": lambda columns: {"target_type": pa.string() if columns[0].type != pa.string() else pa.binary()},
}
LEFT_OUT = SKIPPED | {
    "case_when", "scatter", "inverse_permutation", "pivot_wider", "map_lookup", "binary_join", "make_struct", "struct_field",
    "month_day_nano_interval_between", "strptime", "assume_timezone", "local_timestamp", "is_dst", "run_end_decode",
    "dictionary_decode", "search_sorted", "list_element",
}  # fmt: skip


def arguments(each, kind, rows, nulls, rng, small):
    shape = SHAPES.get(each["name"], ["?"] * (len(each["arguments"]) + each["variadic"]))
    columns = []
    for one in shape:
        if one == "indices":
            columns.append(pa.array([rng.randrange(rows) for _ in range(BASE)] * (rows // BASE), pa.int64()))
        elif one.startswith("int64:"):
            most = int(one.split(":")[1])
            columns.append(pa.array([rng.randint(0, most) for _ in range(BASE)] * (rows // BASE), pa.int64()))
        else:
            columns.append(column(kind if one == "?" else one, rows, nulls, rng, small))
    return columns


class Ours:
    """The worker, asked line by line."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def time(self, name, options, file, threads, rounds):
        options = f"options = {record.toml(options)}" if options else ""
        self.process.stdin.write(f"{name}\t{options}\t{file}\t{threads}\t{rounds}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        return None if answer.startswith("error") or not answer else float(answer), answer


def pyarrow_once(name, columns, options, threads):
    if threads == 1:
        begin = time.perf_counter()
        theirs(pc, name, columns, options)
        return (time.perf_counter() - begin) * 1e6
    share = -(-len(columns[0]) // threads)
    parts = [[each.slice(part * share, share) for each in columns] for part in range(threads)]
    running = [threading.Thread(target=theirs, args=(pc, name, part, options)) for part in parts]
    begin = time.perf_counter()
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return (time.perf_counter() - begin) * 1e6


def apart(call):
    """What a call answers in a process of its own, or nothing: some calls of pyarrow end theirs, or spoil its memory."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            os.write(writer, json.dumps(call()).encode())
        except BaseException:
            os._exit(1)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        answer = answers.read()
    return json.loads(answer) if os.waitpid(child, 0)[1] == 0 else None


def pyarrow_best(name, columns, options, threads, rounds):
    """The best of some rounds, after one that warms up its memory."""
    return apart(lambda: min([pyarrow_once(name, columns, options, threads) for _ in range(rounds + 1)][1:]))


def usable(each, kind, nulls, rows, rng):
    """Arguments and options that pyarrow takes, or nothing."""
    name = each["name"]
    for small in (False, True):
        try:
            columns = arguments(each, kind, rows, nulls, rng, small)
            options = DRAWN[name](columns) if name in DRAWN else OPTIONS.get(name, [{}])[0]
            few = [column.slice(0, BASE) if name != "take" else column for column in columns]
            if apart(lambda few=few, options=options: theirs(pc, name, few, options) is not None):
                return columns, options
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError, AttributeError, pa.ArrowKeyError):
            continue
    return None


def cases(given, functions):
    """Function, kind, nulls and threads of each case."""
    for each in functions:
        found = 0
        for kind in TYPES:
            if found == given.types:
                break
            if usable(each, kind, 0, BASE, random.Random(1)) is None:
                continue
            found += 1
            for nulls in (0, 0.1):
                for threads in (1, 2) if each["kind"] == "scalar" else (1,):
                    yield each, kind, nulls, threads


def measure(given, ours, folder, each, kind, nulls, threads, rng):
    drawn = usable(each, kind, nulls, given.rows, rng)
    if drawn is None:
        return None
    columns, options = drawn
    file = os.path.join(folder, "arguments.arrow")
    batch = pa.record_batch(columns, names=[f"a{index}" for index in range(len(columns))])
    with pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)
    own = {{"target_type": "to_type"}.get(key, key): str(item) if isinstance(item, pa.DataType) else item for key, item in options.items()}
    us, them = math.inf, math.inf
    for _ in range(given.turns):
        micros, answer = ours.time(each["name"], own, file, threads, given.rounds)
        if micros is None:
            return answer
        us = min(us, micros)
        theirs_best = pyarrow_best(each["name"], columns, options, threads, given.rounds)
        if theirs_best is None:
            return "pyarrow's process ended"
        them = min(them, theirs_best)
    return us, them


def mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="the bowyer program, for its list of functions")
    parser.add_argument("--worker", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--types", type=int, default=2, help="how many types of each function")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--filter", default="")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    pa.set_cpu_count(1)
    registry = json.loads(subprocess.run([given.program, "functions", "--json"], capture_output=True, check=True).stdout)
    wanted = [each for each in registry if each["kind"] in ("scalar", "vector") and hasattr(pc, each["name"])]
    functions = [each for each in wanted if each["name"] not in LEFT_OUT and given.filter in each["name"]]
    end, ratios, ours = time.monotonic() + given.seconds, collections.defaultdict(list), Ours(given.worker)
    asked = list(cases(given, functions))
    random.Random(given.seed).shuffle(asked)
    with tempfile.TemporaryDirectory() as folder:
        for each, kind, nulls, threads in asked:
            if time.monotonic() > end:
                break
            found = measure(given, ours, folder, each, kind, nulls, threads, random.Random(7))
            if not isinstance(found, tuple):
                print(f"{each['name']} {kind}: not measured {found or ''}", flush=True)
                continue
            us, them = found
            ratios[threads, nulls].append(us / them)
            print(f"{each['name']} {kind} nulls={nulls:.0%} threads={threads} ours_us={us:.0f} pyarrow_us={them:.0f} ratio={us / them:.2f}", flush=True)
    everything = [ratio for some in ratios.values() for ratio in some]
    for (threads, nulls), some in sorted(ratios.items()):
        print(f"# threads={threads} nulls={nulls:.0%}: {len(some)} cases, geometric mean {mean(some):.2f}")
    slow = sum(ratio > 1.5 for ratio in everything)
    print(f"# pyarrow {pa.__version__}, {len(everything)} of {len(asked)} cases, geometric mean {mean(everything):.2f}, {slow} above 1.5")


if __name__ == "__main__":
    main()
