# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Asks the questions of every engine in turn, compares the answers, and writes down who was faster.

Each engine has a process of its own for each dataset, and the engines take turns in rounds, so that what else the machine
does falls on all of them. Of the times the best counts: `cold` with the sources bound anew, `warm` with what an engine may
keep (a prepared plan, a registered table). Run by run.sh; `--help` tells the options.
"""

import argparse
import datetime
import importlib.metadata
import json
import math
import os
import pathlib
import platform
import subprocess
import sys

from checksum import difference
from data import Parameters, make
from engines import ENGINES
from plot import bars
from questions import GROUPS_AND_JOINS, KERNELS, QUESTIONS, TPCH, dataset

HERE = pathlib.Path(__file__).parent
OURS = "bowyer"
ARROW_GO = "arrow_go"
SQL_ENGINES = ["duckdb_arrow", "duckdb_own", "datafusion"]
FAMILIES = {"duckdb": ["duckdb_arrow", "duckdb_own"], "polars": ["polars", "polars_streaming"]}
PEAKS = ["g10", "j5"]
PACKAGES = ["chdb", "datafusion", "duckdb", "polars", "pyarrow"]


def main() -> int:
    options = parse()
    asked = options.questions
    outcomes = {question: {} for question in asked}
    for name in sorted({dataset(question) for question in asked}):
        folder = make(options.data, name, options.parameters)
        questions = [question for question in asked if dataset(question) == name]
        for turn in range(options.rounds):
            for engine in options.engines:
                print(f"# {name} round {turn + 1} of {options.rounds}: {engine}", file=sys.stderr, flush=True)
                what = "check" if turn == 0 else "times"
                for outcome in ask(options, engine, folder, what, questions):
                    collect(outcomes[outcome["question"]].setdefault(engine, {}), outcome)
        for question in options.peaks & set(questions):
            for engine in options.engines:
                print(f"# {question} memory: {engine}", file=sys.stderr, flush=True)
                for outcome in ask(options, engine, folder, "peak", [question]):
                    collect(outcomes[question].setdefault(engine, {}), outcome)
    lines, summary, right = report(outcomes, options)
    print("\n".join(lines))
    write(options, outcomes, summary, lines)
    return 0 if right else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures Bowyer, called from Go, beside other engines.")
    names = [OURS, *ENGINES, ARROW_GO]
    add = parser.add_argument
    add("--rows", type=float, default=1e7)
    add("--k", type=int, default=100, help="distinct values of the small ids of group-by")
    add("--nulls", type=int, default=0, help="per cent")
    add("--sorted", action="store_true")
    add("--tpch", type=float, metavar="SCALE", help="TPC-H's questions, q1 to q22, instead of db-benchmark's")
    add("--kernels", action="store_true", help="single functions instead of db-benchmark's questions")
    add("--questions", help="as g1,j5; all of the benchmark without")
    add("--engines", help="as bowyer,duckdb,polars; all that can answer without")
    add("--against", help="the engines whose best is compared with, as duckdb_arrow; all without")
    add("--rounds", type=int, default=3, help="how often each engine has its turn")
    add("--runs", type=int, default=3, help="how often a question is asked in a turn")
    add("--peaks", default=",".join(PEAKS), help="questions whose memory is measured too")
    add("--answer", required=True, help="the Go program that asks Bowyer")
    add("--data", type=pathlib.Path, required=True)
    add("--results", type=pathlib.Path, required=True)
    options = parser.parse_args()
    given = options.questions or options.engines
    scale = options.tpch or 1.0
    options.parameters = Parameters(int(options.rows), options.k, options.nulls, options.sorted, scale)
    if options.tpch:
        options.benchmark, asked, able = f"tpch_{scale:g}", list(TPCH), [OURS, *SQL_ENGINES]
    elif options.kernels:
        options.benchmark, asked, able = options.parameters.name("kernels"), KERNELS, [OURS, ARROW_GO, "acero", "polars"]
    else:
        options.benchmark, asked, able = options.parameters.name("peers"), GROUPS_AND_JOINS, [OURS, *ENGINES]
    options.questions = known(parser, options.questions or ",".join(asked), QUESTIONS, "question")
    options.complete = not given
    options.engines = known_engines(parser, options.engines, able, names)
    options.against = known_engines(parser, options.against, able, names)
    options.peaks = set(filter(None, options.peaks.split(",")))
    return options


def known_engines(parser, given: str | None, able: list[str], names: list[str]) -> list[str]:
    if not given:
        return able
    members = [member for name in given.split(",") for member in FAMILIES.get(name, [name])]
    return known(parser, ",".join(members), names, "engine")


def known(parser, given: str, names: list[str], what: str) -> list[str]:
    given = list(filter(None, given.split(",")))
    for name in given:
        if name not in names:
            parser.error(f"there is no {what} {name!r}; there are {', '.join(names)}")
    return [name for name in names if name in given]


def ask(options, engine: str, folder: pathlib.Path, what: str, questions: list[str]):
    arguments = [str(folder), str(options.runs), what, *questions]
    command = [options.answer, engine] if engine in (OURS, ARROW_GO) else [sys.executable, str(HERE / "worker.py"), engine]
    process = subprocess.Popen(command + arguments, stdout=subprocess.PIPE, text=True)
    answered = set()
    for line in process.stdout:
        if line.startswith("{"):
            outcome = json.loads(line)
            answered.add(outcome["question"])
            yield outcome
    if process.wait() != 0:
        for question in set(questions) - answered:
            yield {"question": question, "error": f"the process ended with {process.returncode}"}


def collect(into: dict, outcome: dict) -> None:
    for name, value in outcome.items():
        if name in ("cold", "warm"):
            into.setdefault(name, []).extend(value)
        elif name != "question":
            into[name] = value


def report(outcomes: dict, options) -> tuple[list[str], dict, bool]:
    lines, summary, right = [], {}, True
    for question, answers in outcomes.items():
        wrong = disagreements(answers)
        right &= not wrong
        lines += [f"{question} DIFFERS {engine}: {how}" for engine, how in wrong.items()]
        lines += [f"{question} FAILED {engine}: {it['error']}" for engine, it in answers.items() if "error" in it]
        right &= "error" not in answers.get(OURS, {})
        fair = {engine: it for engine, it in answers.items() if "cold" in it and engine not in wrong and "error" not in it}
        found = {"engines": {engine: best(it) for engine, it in fair.items()}}
        peers = {engine: it for engine, it in found["engines"].items() if engine != OURS and engine in options.against}
        if OURS in options.engines and "missing" in answers.get(OURS, {}):
            lines.append(f"{question} MISSING: {answers[OURS]['missing']}")
        if peers:
            winner = min(peers, key=lambda engine: peers[engine]["cold"])
            warm = min(it["warm"] for it in peers.values())
            found |= {"best": winner, "cold": peers[winner]["cold"], "warm": warm}
            if OURS in fair:
                ours = found["engines"][OURS]
                found |= {"ratio": ours["cold"] / found["cold"], "warm_ratio": ours["warm"] / warm}
                lines.append(
                    f"{question} ours={ours['cold']:.3g} best={found['cold']:.3g} ({winner}) ratio={found['ratio']:.2f}"
                    f" warm ours={ours['warm']:.3g} best={warm:.3g} ratio={found['warm_ratio']:.2f}"
                )
        if not peers or OURS not in fair:
            lines.append(question + "".join(f" {engine}={it['cold']:.3g}" for engine, it in found["engines"].items()))
        lines += peak_lines(question, answers)
        summary[question] = found
    for name in ("ratio", "warm_ratio"):
        ratios = [found[name] for found in summary.values() if name in found]
        if ratios:
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            lines.append(f"geomean {name}={mean:.2f} of {len(ratios)} questions")
    return lines + totals(summary, options.engines), summary, right


def totals(summary: dict, engines: list[str]) -> list[str]:
    """The sum over all questions that every engine answered rightly."""
    shared = [found["engines"] for found in summary.values() if all(engine in found["engines"] for engine in engines)]
    if len(shared) < 2:
        return []
    each = " ".join(f"{engine}={sum(found[engine]['cold'] for found in shared):.3f}" for engine in engines)
    return [f"total of {len(shared)} questions that all answer: {each}"]


def best(answer: dict) -> dict:
    return {"cold": min(answer["cold"]), "warm": min(answer["warm"]), "first": answer["cold"][0]}


def disagreements(answers: dict) -> dict[str, str]:
    """The engines whose answer is not the one that most engines give."""
    described = {engine: it["answer"] for engine, it in answers.items() if "answer" in it}
    if not described:
        return {}
    votes = {engine: sum(difference(other, answer) is None for other in described.values()) for engine, answer in described.items()}
    expected = described[max(votes, key=lambda engine: (votes[engine], engine != OURS))]
    differences = {engine: difference(answer, expected) for engine, answer in described.items()}
    return {engine: how for engine, how in differences.items() if how}


def peak_lines(question: str, answers: dict) -> list[str]:
    peaks = {engine: it["above_mib"] for engine, it in answers.items() if "above_mib" in it}
    if not peaks:
        return []
    each = " ".join(f"{engine}={above:.0f}" for engine, above in sorted(peaks.items(), key=lambda it: it[1]))
    return [f"{question} peak MiB above the loaded data: {each}"]


def write(options, outcomes: dict, summary: dict, lines: list[str]) -> None:
    parameters = options.parameters
    name = options.benchmark
    folder = options.results if options.complete else options.results / "local"
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {"cores": len(os.sched_getaffinity(0)), "system": platform.platform(), "load": os.getloadavg()},
        "versions": {package: importlib.metadata.version(package) for package in PACKAGES},
        "parameters": vars(parameters) | {"rounds": options.rounds, "runs": options.runs},
        "lines": lines,
        "summary": summary,
        "outcomes": outcomes,
    }
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    data = f"TPC-H at scale {parameters.scale:g}" if options.tpch else f"{parameters.rows:,} rows"
    title = f"{data}, seconds of the best cold run (shorter is better)"
    seconds = {question: {engine: it["cold"] for engine, it in found["engines"].items()} for question, found in summary.items()}
    (folder / f"{name}.svg").write_text(bars(title, seconds, options.engines))
    print(f"# written: {folder / name}.json and .svg", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
