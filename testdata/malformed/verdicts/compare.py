# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Asks four libraries about every case of the corpus and prints their verdicts side by side.

usage: compare.py FOLDER VERDICT_RUST VERDICT_GO LIBRARY

Every verdict is taken in a process of its own, with limits on time, memory and core files: some of them crash.
"""

import collections
import ctypes
import os
import pathlib
import resource
import select
import signal
import subprocess
import sys
import tomllib

import pyarrow

TITLES = {
    0: "good arrays", 1: "null pointer to a struct", 2: "released struct", 3: "negative length, offset or count", 4: "sizes that overflow",
    5: "wrong number of buffers or children", 6: "no list of buffers or children", 7: "no address for a buffer with rows",
    8: "nulls and no bitmap", 9: "null count 0, the bitmap has a null", 10: "another null count than the bitmap's",
    11: "offsets that descend, are negative or out of range", 12: "buffer shorter than its rows", 13: "text that is not UTF-8",
    14: "views that lead nowhere or lie", 15: "dictionary keys and dictionaries", 16: "type ids and offsets of unions", 17: "run ends",
    18: "list views out of range", 19: "decimals beyond their precision", 20: "dates and times out of range", 21: "nulls where none are allowed",
    22: "child shorter than its parent", 23: "too deep, too many, cyclic", 24: "format, name, metadata", 25: "misaligned buffers",
    26: "type ids that repeat or leave 0 to 127", 28: "one array as two children",
}
SECONDS = 10
WHO = ["Bowyer", "arrow-rs", "arrow-go", "pyarrow"]


def limits():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30))


def judge(status, text):
    """A line of a table's cell: what the process said, or how it ended."""
    if status is None:
        return "hung"
    if status < 0:
        return "crashed"
    if status > 0:
        return "panicked"
    return text.strip().split("\n")[0] or "crashed"


def program(*command):
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, preexec_fn=limits)
    except subprocess.TimeoutExpired:
        return "hung"
    return judge(done.returncode, done.stdout.decode(errors="replace"))


def forked(body):
    """The same for Python, which takes too long to start for each case."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        limits()
        os.dup2(writer, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            line = body()
        except Exception as error:
            line = "refused " + str(error).split("\n")[0]
        os.write(1, line.encode()[:2000])
        os._exit(0)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], SECONDS)
    if not ready:
        os.kill(child, signal.SIGKILL)
    text = os.read(reader, 4096).decode(errors="replace") if ready else ""
    os.close(reader)
    _, status = os.waitpid(child, 0)
    return judge(os.waitstatus_to_exitcode(status) if ready else None, text)


def python(library, folder, index):
    schema, array = ctypes.c_void_p(), ctypes.c_void_p()
    if ctypes.CDLL(library).malformed_case(folder.encode(), ctypes.c_size_t(index), ctypes.byref(schema), ctypes.byref(array)):
        os._exit(1)
    made = pyarrow.Array._import_from_c(array.value or 0, schema.value or 0)
    made.validate(full=True)
    return f"accepted {made.null_count}"


def outcome(case, verdict):
    """One word: for a case whose nulls are lied about, taking it with the right count is harmless."""
    word = verdict.split(" ")[0]
    lied = case["number"] in (9, 10) and "refused" not in case
    if word == "accepted" and lied:
        return "harmless" if verdict == f"accepted {case.get('nulls', 0)}" else "misread"
    return word


def main():
    folder, rust, go, library = sys.argv[1:]
    cases = []
    for path in sorted(pathlib.Path(folder).glob("*.toml")):
        cases += tomllib.loads(path.read_text())["case"]
    table = collections.defaultdict(lambda: [collections.Counter() for _ in WHO])
    totals = collections.Counter()
    wrong = []
    for index, case in enumerate(cases):
        verdicts = [
            program(rust, "bowyer", folder, str(index)),
            program(rust, "arrow-rs", folder, str(index)),
            program(go, library, folder, str(index)),
            forked(lambda: python(library, folder, index)),
        ]
        good = "refused" not in case
        key = (case["number"], good)
        totals[key] += 1
        for counter, verdict in zip(table[key], verdicts):
            counter[outcome(case, verdict)] += 1
        ours = outcome(case, verdicts[0])
        if ours not in (("accepted", "harmless") if good else ("refused",)):
            wrong.append(f"{case['name']}: {verdicts[0]}")
    report(table, totals)
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(1 if wrong else 0)


def report(table, totals):
    """Two tables in Markdown: what must be refused, and what must be taken."""
    for good in (False, True):
        print(f"\n### {'Good, or repaired' if good else 'Malformed'}\n")
        print("| case | | cases | " + " | ".join(WHO) + " |")
        print("| ---: | --- | ---: | " + " | ".join("---" for _ in WHO) + " |")
        sums = [collections.Counter() for _ in WHO]
        for key in sorted(key for key in totals if key[1] == good):
            for total, counter in zip(sums, table[key]):
                total.update(counter)
            print(f"| {key[0]} | {TITLES[key[0]]} | {totals[key]} | " + " | ".join(map(cell, table[key])) + " |")
        count = sum(number for key, number in totals.items() if key[1] == good)
        print(f"| | **all** | {count} | " + " | ".join(map(cell, sums)) + " |")


def cell(counter):
    order = ["refused", "accepted", "harmless", "misread", "panicked", "crashed", "hung"]
    return ", ".join(f"{counter[word]} {word}" for word in order if counter[word])


if __name__ == "__main__":
    main()
