# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares functions with pyarrow's on random and edge inputs, until time is up.

Each call of pyarrow runs in a forked child with a limit of time, because some inputs kill it. Inputs that pyarrow does
not take are left out; where it fails for the data, ours has to fail as well. What differs on purpose is in deviations.toml.
"""

import argparse
import collections
import decimal
import io
import json
import math
import os
import pickle
import random
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.compute as pc
import record
from cases import ARGUMENTS, CLOSE, SKIPPED, TYPES, drawn, ours, theirs, value
from deviations import deviation

LIMIT_SECONDS = 5


def column(kind, rows, rng):
    """An array of a type: edges, random values and nulls, sometimes as a slice."""
    share = rng.choice([0, 0, 0.2, 1 if rng.random() < 0.1 else 0.2])
    values = [None if rng.random() < share else value(kind, rng) for _ in range(rows + 2)]
    array = pa.array(values, kind)
    return array.slice(1, rows) if rng.random() < 0.5 else pa.array(values[:rows], kind)


def arguments(name, count, kind, rng):
    """The arguments of a call whose first type is `kind`, or None."""
    rows = rng.choice([0, 1, 7, 20])
    if name in ARGUMENTS:
        return ARGUMENTS[name](kind, rows, rng, column)
    other = rng.choice(TYPES) if rng.random() < 0.15 else kind
    return [column(kind if index == 0 else other, rows, rng) for index in range(count)]


def in_child(body):
    """What `body` returns in a forked child, or how that ended."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        signal.alarm(LIMIT_SECONDS)
        try:
            answer = ("value", body())
        except (pa.ArrowNotImplementedError, TypeError, AttributeError) as error:
            answer = ("refused", str(error))
        except Exception as error:  # whatever it is, it is the answer
            answer = ("failed", f"{type(error).__name__}: {error}")
        with os.fdopen(write, "wb") as pipe:
            try:
                pickle.dump(answer, pipe)
            except Exception as error:
                pipe.write(pickle.dumps(("refused", f"no answer to send: {error}")))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(data) if data else ("died", "")


def plain(array):
    """An array as its type and values that compare as a user sees them."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.Scalar):
        array = pa.array([array], array.type)
    return str(array.type), listed(array)


def listed(array):
    """The values of an array, times as the numbers that are stored."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        values = listed(array.dictionary)
        return [None if index is None else values[index] for index in array.indices.to_pylist()]
    if pa.types.is_struct(kind):
        valid = array.is_valid().to_pylist()
        columns = [listed(child) for child in array.flatten()]
        names = [field.name for field in kind]
        return [dict(zip(names, row)) if there else None for there, row in zip(valid, zip(*columns) if columns else [])]
    if pa.types.is_run_end_encoded(kind):
        return listed(pc.run_end_decode(array))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        valid, offsets, items = array.is_valid().to_pylist(), array.offsets.to_pylist(), listed(array.values)
        return [items[start:end] if there else None for there, start, end in zip(valid, offsets, offsets[1:])]
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        array = array.view(pa.int32() if kind.bit_width == 32 else pa.int64())
    return [shown(each) for each in array.to_pylist()]


def shown(item):
    if isinstance(item, float):
        return "nan" if math.isnan(item) else repr(item)
    if isinstance(item, list):
        return [shown(each) for each in item]
    if isinstance(item, tuple):
        return tuple(shown(each) for each in item)
    if isinstance(item, dict):
        return {name: shown(each) for name, each in item.items()}
    return item if isinstance(item, (bool, int, str, bytes, type(None))) else str(item)


def of_pyarrow(name, columns, options):
    def body():
        array, scalar = record.as_array(theirs(pc, name, columns, options))
        sink = io.BytesIO()
        batch = pa.record_batch([array], names=["result"])
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return sink.getvalue(), scalar

    kind, answer = in_child(body)
    if kind != "value":
        return (kind, answer), None
    array = pa.ipc.open_stream(answer[0]).read_all().column("result").combine_chunks()
    try:
        return (kind, plain(array)), (array[0] if answer[1] else array)
    except UnicodeDecodeError as error:  # a text that it cut in the middle of a character
        return ("failed", str(error)), None
    except ValueError as error:  # a value that Python has no class for
        return ("refused", str(error)), None


def of_bowyer(program, name, columns, options):
    batch = pa.record_batch(columns, names=[f"argument{index}" for index in range(len(columns))])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    command = [program, "call", name, "--options", json.dumps(ours(options)), "--as", "result"]
    run = subprocess.run(command, input=sink.getvalue(), capture_output=True, timeout=60, check=False)
    if run.returncode != 0:
        return ("failed", run.stderr.decode(errors="replace").strip())
    table = pa.ipc.open_stream(run.stdout).read_all()
    return ("value", plain(table.column("result")))


# Numbers around one, whatever the values are: what cancels out of greater sums is left as an error that does not shrink with them.
WITHOUT_SIZE = {"skew", "kurtosis"}


def close(a, b, digits, least=1e-30):
    """Whether two shown values differ in the last digits alone, or are both as good as zero."""
    if isinstance(a, str) and isinstance(b, str):
        try:
            x, y = float(a), float(b)
        except ValueError:
            return a == b
        return a == b or math.isclose(x, y, rel_tol=10.0**-digits, abs_tol=least)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(close(x, y, digits, least) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key], digits, least) for key in a)
    return a == b


def same(name, ours, theirs):
    if ours[0] != theirs[0]:
        return False
    if ours[0] != "value":
        return True
    if ours[1][0] != theirs[1][0]:
        return False
    digits, least = 6 if ours[1][0] == "float" else 12, 1e-12 if name in WITHOUT_SIZE else 1e-30
    return ours[1][1] == theirs[1][1] or (name in CLOSE and close(ours[1][1], theirs[1][1], digits, least))


def draw(program, each, kind, rng):
    """A call, both answers, and pyarrow's as it was given; nothing where there is none to compare."""
    name = each["name"]
    columns = arguments(name, len(each["arguments"]) + each["variadic"], kind, rng)
    options = drawn(name, columns, rng) if columns is not None else None
    if options is None:
        return None
    them, answer = of_pyarrow(name, columns, options)
    if them[0] in ("refused", "died"):
        return columns, options, None, them, answer
    return columns, options, of_bowyer(program, name, columns, options), them, answer


def recorded(given, pairs, seed):
    """Writes what both answer alike as cases."""

    def call(each, kind, rng):
        found = draw(given.program, each, kind, rng)
        if found is None or found[2] is None or found[2] != found[3] or found[2][0] != "value":
            return None
        columns, options, _, _, answer = found
        if len(columns[0]) not in (1, 7):  # nothing says little, and twenty rows no more than seven
            return None
        result = answer.type
        if pa.types.is_run_end_encoded(result) or (pa.types.is_dictionary(result) and result.value_type != pa.string()):
            return None  # not every one has a spelling
        if each["name"] in CLOSE or any(not isinstance(item, (bool, int, float, str, list)) for item in options.values()):
            return None
        return columns, options, answer

    pairs = [(each, kind) for each, kind in pairs if each["name"] not in CLOSE]
    count = record.write(pairs, call, given.record, seed, pa.__version__)
    print(f"{count} cases in {given.record}")
    return 0


def compare(given, pairs, rng):
    """Draws calls until time is up: pairs in turn, those that pyarrow refuses once are left out."""
    counts, reasons, covered, differences = collections.Counter(), collections.Counter(), set(), {}
    end = time.monotonic() + given.seconds
    rng.shuffle(pairs)
    while pairs and time.monotonic() < end:
        kept = []
        for each, kind in pairs:
            if time.monotonic() >= end:
                break
            name, found = each["name"], draw(given.program, each, kind, rng)
            if found is None:
                continue
            columns, options, us, them, _ = found
            if us is None:
                counts[them[0]] += 1
                if them[0] == "died" or name == "cast" or len(columns[0]) == 0:
                    kept.append((each, kind))
                continue
            kept.append((each, kind))
            counts["cases"] += 1
            covered.add((name, str(kind)))
            if same(name, us, them):
                continue
            key = deviation(name, columns, options, us, them)
            if key:
                counts["explained"] += 1
                reasons[key] += 1
                continue
            counts["differences"] += 1
            differences.setdefault((name, str(kind)), (columns, options, us, them))
        pairs = kept
    return counts, reasons, covered, differences


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--function", default=None)
    parser.add_argument("--record", default=None, help="a file to write cases to, instead of comparing")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    pa.set_cpu_count(1)
    registry = subprocess.run([given.program, "functions", "--json"], capture_output=True, check=True).stdout
    known = [each for each in json.loads(registry) if each["kind"] != "window" and hasattr(pc, each["name"])]
    functions = [each for each in known if each["name"] not in SKIPPED]
    if given.function:
        functions = [each for each in functions if each["name"] == given.function]
    print(f"pyarrow {pa.__version__}, seed {seed}, {len(functions)} functions")
    pairs = [(each, kind) for each in functions for kind in TYPES]
    if given.record:
        return recorded(given, pairs, seed)
    counts, reasons, covered, differences = compare(given, pairs, rng)
    for (name, kind), (columns, options, us, them) in sorted(differences.items(), key=lambda item: item[0]):
        print(f"\n{name} of {kind}, options {options}")
        for each in columns:
            print(f"  argument {each.type}: {listed(each)!r:.300}")
        print(f"  bowyer:  {us!r:.400}\n  pyarrow: {them!r:.400}")
    print("\nexplained: " + ", ".join(f"{key} {count}" for key, count in sorted(reasons.items())))
    print(
        f"{len(covered)} functions x types of {len({name for name, _ in covered})} functions, {counts['cases']} cases, "
        f"{counts['differences']} differences in {len(differences)} pairs, {counts['explained']} explained; "
        f"pyarrow refused {counts['refused']}, died {counts['died']}"
    )
    return 1 if differences else 0


if __name__ == "__main__":
    decimal.getcontext().prec = 100
    sys.exit(main())
