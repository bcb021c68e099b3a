# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes pyarrow's answers to random calls as cases of the corpus, which every build runs: differential.sh --record.

Calls, values and deviations are those of the live comparison. A call is recorded only where ours gives the same answer:
the live comparison is for what differs.
"""

import json
import math
import random

import pyarrow as pa


def text(value):
    """A text as the corpus spells it."""
    out = []
    for character in value:
        if character in '"\\':
            out.append("\\" + character)
        elif character.isprintable():
            out.append(character)
        else:
            out.append("".join(f"\\u{ord(each):04x}" for each in character))
    return '"' + "".join(out) + '"'


def spelled(value):
    """A value as the corpus spells it; nothing when it has no spelling there."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "nan" if math.isnan(value) else repr(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes):
        return '"' + "".join(f"\\x{byte:02x}" for byte in value) + '"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(spelled(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {spelled(each)}" for name, each in value.items()) + "}"
    if isinstance(value, int):
        return str(value)
    return format(value, "f")


def plain_values(array):
    """Python values, times as the numbers that are stored."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    kind = array.type
    if pa.types.is_dictionary(kind):
        values = plain_values(array.dictionary)
        return [None if index is None else values[index] for index in array.indices.to_pylist()]
    if pa.types.is_struct(kind):
        valid = array.is_valid().to_pylist()
        columns = [plain_values(child) for child in array.flatten()]
        return [
            dict(zip((field.name for field in kind), row)) if there else None
            for there, row in zip(valid, zip(*columns) if columns else [])
        ]
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        array = array.view(pa.int32() if kind.bit_width == 32 else pa.int64())
    if pa.types.is_list(kind) and not isinstance(kind.value_type, (pa.ListType, pa.StructType)):
        valid, items = array.is_valid().to_pylist(), plain_values(array.values)
        offsets = array.offsets.to_pylist()
        return [items[start:end] if there else None for there, start, end in zip(valid, offsets, offsets[1:])]
    return array.to_pylist()


def literal(array, scalar=False):
    values = plain_values(array)
    if scalar:
        return f"scalar {array.type} {spelled(values[0])}"
    return f"{array.type} {spelled(values)}"


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml(each)}" for name, each in value.items()) + " }"
    if isinstance(value, pa.Array):
        return json.dumps(literal(value), ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)


def as_array(answer):
    """The answer of pyarrow as an array, and whether it was one value."""
    if isinstance(answer, pa.Scalar):
        return pa.array([answer], answer.type), True
    if isinstance(answer, pa.ChunkedArray):
        return answer.combine_chunks(), False
    return answer, False


def case(name, number, columns, options, answer):
    """One case."""
    array, scalar = as_array(answer)
    kind = columns[0].type if columns else "nothing"
    lines = ["[[case]]", f"name = {json.dumps(f'{name} of {kind}, {number}')}", f'call = "{name}"']
    lines.append("args = [" + ", ".join(json.dumps(literal(each), ensure_ascii=False) for each in columns) + "]")
    if options:
        lines.append(f"options = {toml(options)}")
    lines.append(f"result = {json.dumps(literal(array, scalar), ensure_ascii=False)}")
    return "\n".join(lines).replace("\x7f", "\\u007f")


def write(pairs, draw, path, seed, version, per_function=4):
    """Draws calls of each function, of types in a random order, until so many agree, and writes them."""
    rng = random.Random(seed)
    rng.shuffle(pairs)
    cases, count = [], {}
    for each, kind in sorted(pairs, key=lambda pair: pair[0]["name"]):
        name = each["name"]
        if count.get(name, 0) >= per_function:
            continue
        own = random.Random(f"{seed} {name} {kind}")
        drawn = next(filter(None, (draw(each, kind, own) for _ in range(3))), None)
        if drawn is not None:
            count[name] = count.get(name, 0) + 1
            cases.append(case(name, count[name], *drawn))
    with open(path, "w", encoding="utf-8") as file:
        file.write("# SPDX-FileCopyrightText: The Bowyer Authors\n# SPDX-License-Identifier: Apache-2.0\n")
        file.write(f"# Answers of pyarrow {version}. Written by differential/record.py, seed {seed}; do not edit.\n\n")
        file.write("\n\n".join(cases) + "\n")
    return len(cases)
