# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the programs as a notebook would, on tables of pyarrow, and compares with pyarrow.compute.

Each check is a function whose name is a sentence. All of them run; the last line counts.
"""

import os
import subprocess
import sys
import tempfile
import traceback
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

PROGRAMS, DATA = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()


def stream(table: pa.Table, max_chunksize: int | None = None) -> bytes:
    """The table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=max_chunksize)
    return sink.getvalue().to_pybytes()


def run(*command: str, table: pa.Table, max_chunksize: int | None = None) -> subprocess.CompletedProcess:
    """Runs a program with the table on its standard input."""
    program = [str(PROGRAMS / command[0]), *command[1:]]
    return subprocess.run(program, input=stream(table, max_chunksize), capture_output=True, check=False, timeout=300)


def pipe(*command: str, table: pa.Table, max_chunksize: int | None = None) -> pa.Table:
    """The table that the program makes of the table."""
    done = run(*command, table=table, max_chunksize=max_chunksize)
    assert done.returncode == 0, done.stderr.decode()
    with pa.ipc.open_stream(done.stdout) as reader:
        answer = reader.read_all()
    answer.validate(full=True)
    return answer


def same(ours: pa.ChunkedArray, theirs: pa.ChunkedArray | pa.Array) -> None:
    """Equal types and values; NaN equals NaN."""
    if isinstance(theirs, pa.Array):
        theirs = pa.chunked_array([theirs])
    assert ours.type == theirs.type, (ours.type, theirs.type)
    assert ours.to_pylist() == theirs.to_pylist() or str(ours.to_pylist()) == str(theirs.to_pylist()), (
        ours.to_pylist()[:20],
        theirs.to_pylist()[:20],
    )


SAMPLE = pa.table(
    {
        "i": pa.array([1, -2, None, 4, 0], pa.int64()),
        "j": pa.array([10, 20, 30, None, -7], pa.int64()),
        "f": pa.array([1.5, None, float("nan"), -0.0, 2.5]),
        "s": pa.array(["Größe", "", None, "a b", "İ"]),
        "l": pa.array(["x", None, "yy", "", "z"], pa.large_string()),
        "b": pa.array([True, False, None, True, None]),
        "t": pa.array([datetime(2024, 2, 29, 23, 59, tzinfo=timezone.utc), None] * 2 + [None], pa.timestamp("us", "UTC")),
        "d": pa.array(["a", "b", None, "a", "b"]).dictionary_encode(),
    }
)


def scalar_functions_answer_as_pyarrow() -> None:
    for name, columns in [
        ("add", "ij"), ("add_checked", "ij"), ("subtract", "ij"), ("multiply_checked", "ij"), ("negate", "i"),
        ("equal", "ij"), ("less", "ij"), ("greater_equal", "ff"), ("and_kleene", "bb"), ("invert", "b"),
        ("is_null", "s"), ("is_valid", "t"), ("utf8_upper", "s"), ("utf8_length", "s"), ("utf8_length", "l"),
        ("year", "t"), ("month", "t"), ("abs", "f"), ("floor", "f"), ("coalesce", "ij"),
    ]:  # fmt: skip
        arguments = [SAMPLE[column] for column in columns]
        ours = pipe("bowyer", "call", name, "--on", *columns, "--as", "answer", table=SAMPLE)["answer"]
        try:
            same(ours, pc.call_function(name, arguments))
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def options_are_named_as_in_pyarrow() -> None:
    ours = pipe("bowyer", "call", "round", "--on", "f", "--options", '{"ndigits": 0}', "--as", "r", table=SAMPLE)["r"]
    same(ours, pc.round(SAMPLE["f"], ndigits=0))


def aggregates_see_the_whole_stream() -> None:
    table = pa.concat_tables([SAMPLE] * 5)
    for name in ["sum", "mean", "count", "min_max"]:
        ours = pipe("bowyer", "call", name, "--on", "i", table=table, max_chunksize=3)[name]
        assert ours.to_pylist() == [pc.call_function(name, [table["i"]]).as_py()], (name, ours)


def other_columns_and_metadata_pass_through() -> None:
    table = SAMPLE.replace_schema_metadata({"made": "by us"})
    answer = pipe("bowyer", "call", "negate", "--on", "i", table=table, max_chunksize=2)
    assert answer.schema.metadata == {b"made": b"by us"}
    for name in SAMPLE.column_names:
        same(answer[name].cast(SAMPLE[name].type), SAMPLE[name])


def sliced_tables_pass() -> None:
    table = SAMPLE.slice(1, 3)
    ours = pipe("bowyer", "call", "add", "--on", "i", "j", "--as", "k", table=table)["k"]
    same(ours, pc.add(table["i"], table["j"]))


def a_table_of_no_rows_passes() -> None:
    answer = pipe("bowyer", "call", "add", "--on", "i", "j", table=SAMPLE.slice(0, 0))
    assert answer.num_rows == 0 and answer["add"].type == pa.int64()


def a_failing_row_is_named_and_nothing_is_written() -> None:
    table = pa.table({"x": [1, 2, 3, 4], "y": [1, 1, 0, 1]})
    done = run("bowyer", "call", "divide_checked", "--on", "x", "y", table=table, max_chunksize=2)
    assert done.returncode == 1 and not done.stdout, done
    line = done.stderr.decode()
    assert "DivideByZero: divide_checked: batch 1: row 0" in line and line.count("\n") == 1, line


def the_delays_program_answers_as_pyarrow() -> None:
    flights = pq.read_table(DATA / "nycflights13" / "flights.parquet")
    ours = pipe("examples/delays", "60", table=flights, max_chunksize=65_536)
    late = flights.filter(pc.field("dep_delay") > 60)
    assert ours.num_rows == late.num_rows
    same(ours["gained"], pc.subtract_checked(late["dep_delay"], late["arr_delay"]))
    same(ours["tailnum"], late["tailnum"])


def a_plan_runs_over_the_files_of_pyarrow() -> None:
    plan = DATA.parent / "examples" / "carriers.json"
    airlines = DATA / "nycflights13" / "airlines.parquet"
    flights = pq.read_table(DATA / "nycflights13" / "flights.parquet")
    far = flights.filter(pc.field("distance") > 1000)
    far = far.append_column("gained", pc.subtract(far["dep_delay"], far["arr_delay"]))
    expected = far.group_by("carrier").aggregate([([], "count_all"), ("gained", "mean")])
    expected = expected.sort_by([("gained_mean", "descending")]).slice(0, 5)
    with tempfile.TemporaryDirectory() as folder:
        for name in ["lz4.arrow", "zstd.arrow", "plain.arrows", "gone.parquet"]:
            path = os.path.join(folder, name)
            if name.endswith("parquet"):
                pq.write_table(flights, path, compression="zstd", row_group_size=50_000)
            elif name.endswith("arrows"):
                with pa.ipc.new_stream(path, flights.schema) as writer:
                    writer.write_table(flights, max_chunksize=65_536)
            else:
                options = pa.ipc.IpcWriteOptions(compression=name.split(".")[0])
                with pa.ipc.new_file(path, flights.schema, options=options) as writer:
                    writer.write_table(flights, max_chunksize=65_536)
            command = ["bowyer", "run", str(plan), f"--input=flights={path}", f"--input=airlines={airlines}"]
            answer = pipe(*command, "--parameter=miles=1000", table=SAMPLE)
            same(answer["carrier"], expected["carrier"])
            same(answer["flights"], expected["count_all"])
            assert close(answer["gained"], expected["gained_mean"]), (name, answer["gained"], expected["gained_mean"])


def close(ours: pa.ChunkedArray, theirs: pa.ChunkedArray) -> bool:
    return all(abs(a - b) < 1e-9 for a, b in zip(ours.to_pylist(), theirs.to_pylist(), strict=True))


def the_python_of_the_readme_runs() -> None:
    text = (DATA.parent / "README.md").read_text()
    program = text.split("```python\n")[1].split("```")[0]
    os.environ["PATH"] = os.pathsep.join([str(PROGRAMS), str(PROGRAMS / "examples"), os.environ["PATH"]])
    flights = pq.read_table(DATA / "nycflights13" / "flights.parquet")
    names = {"flights": flights}
    exec(program, names)
    same(names["flights"]["gained"], pc.subtract_checked(flights["dep_delay"], flights["arr_delay"]))
    assert names["late"].num_rows == flights.filter(pc.field("dep_delay") > 60).num_rows


def main() -> None:
    checks = [check for check in globals().values() if getattr(check, "__module__", "") == "__main__"]
    checks = [check for check in checks if check.__name__ not in {"stream", "run", "pipe", "same", "close", "main"}]
    failed = 0
    for check in checks:
        try:
            check()
            print(f"ok      {check.__name__.replace('_', ' ')}")
        except Exception:
            failed += 1
            print(f"FAILED  {check.__name__.replace('_', ' ')}\n{traceback.format_exc()}")
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
