# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""One engine in one process: worker.py ENGINE FOLDER RUNS WHAT QUESTION…

Prints a line of JSON a question. The tables are in memory before any clock starts. WHAT is `times` (seconds of RUNS cold
and RUNS warm runs), `check` (also describes the answer) or `peak` (the memory of one run, of the process and above what it
held before). The Go program benches/go/answer speaks the same protocol.
"""

import json
import pathlib
import sys
import time

import pyarrow as pa

from checksum import describe
from engines import ENGINES, Missing

LONG = 5.0  # seconds after which a question is asked twice at most


def main() -> None:
    engine_name, folder, runs, what, *questions = sys.argv[1:]
    tables = {}
    for path in sorted(pathlib.Path(folder).glob("*.arrow")):
        with pa.OSFile(str(path)) as file:
            tables[path.stem] = pa.ipc.open_file(file).read_all()
    engine = ENGINES[engine_name](tables)
    for question in questions:
        outcome = {"question": question}
        try:
            outcome |= peak(engine, question) if what == "peak" else times(engine, question, int(runs), what == "check")
        except Missing:
            outcome["missing"] = "the engine cannot ask this"
        except Exception as error:  # whatever an engine throws is its answer
            outcome["error"] = f"{type(error).__name__}: {error}"[:500]
        print(json.dumps(outcome), flush=True)


def times(engine, question: str, runs: int, check: bool) -> dict:
    cold, warm, description = [], [], None
    for run in range(runs):
        if run > 1 and cold[0] > LONG:
            break
        began = time.perf_counter()
        engine.bind()
        answer = engine.ask(question)
        cold.append(time.perf_counter() - began)
        if check and run == 0:
            description = describe(engine.arrow(question, answer))
        del answer
    for run in range(runs):
        if run > 0 and cold[0] > LONG:
            break
        began = time.perf_counter()
        answer = engine.ask(question)
        warm.append(time.perf_counter() - began)
        del answer
    outcome = {"cold": cold, "warm": warm}
    return outcome | ({"answer": description} if check else {})


def peak(engine, question: str) -> dict:
    before = memory("VmRSS")
    # Forget the peak of loading.
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    engine.bind()
    answer = engine.ask(question)
    highest = memory("VmHWM")
    del answer
    return {"peak_mib": highest, "above_mib": highest - before}


def memory(name: str) -> float:
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise KeyError(name)


main()
