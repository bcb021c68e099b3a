# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Good arrays of every type, as the damages in make.py start from them.

An array is a dictionary: length, offset, null_count, buffers (bytes, or None for a null pointer), children, dictionary.
A schema is one too: format, name, flags, children, dictionary.
"""

import struct

NULLABLE = 2
ROWS = 3
TEXTS = ["a", "grün", "more than twelve bytes", "xyz"]


def schema(format, name="column", children=(), dictionary=None, flags=NULLABLE):
    made = {"format": format, "name": name, "flags": flags}
    if children:
        made["children"] = list(children)
    if dictionary:
        made["dictionary"] = dictionary
    return made


def numbers(values, code):
    return struct.pack(f"<{len(values)}{code}", *values)


def bits(valid):
    number = sum(bit << at for at, bit in enumerate(valid))
    return number.to_bytes((len(valid) + 7) // 8, "little")


def array(rows, offset, nulls, buffers, children=(), dictionary=None, validity=True):
    """Rows are counted after the offset; so are nulls."""
    made = {"length": rows, "offset": offset, "null_count": len(nulls)}
    if validity:
        total = rows + offset
        made_nulls = {null + offset for null in nulls}
        bitmap = bits([at not in made_nulls for at in range(total)]) if nulls else None
        buffers = [bitmap, *buffers]
    made["buffers"] = list(buffers)
    if children:
        made["children"] = list(children)
    if dictionary:
        made["dictionary"] = dictionary
    return made


FIXED = {
    "int8": ("c", 1), "uint8": ("C", 1), "int16": ("s", 2), "uint16": ("S", 2), "int32": ("i", 4), "uint32": ("I", 4),
    "int64": ("l", 8), "uint64": ("L", 8), "halffloat": ("e", 2), "float": ("f", 4), "double": ("g", 8),
    "date32": ("tdD", 4), "date64": ("tdm", 8), "time32[s]": ("tts", 4), "time32[ms]": ("ttm", 4),
    "time64[us]": ("ttu", 8), "time64[ns]": ("ttn", 8), "timestamp[s]": ("tss:", 8), "timestamp[ms]": ("tsm:", 8),
    "timestamp[us, UTC]": ("tsu:UTC", 8), "timestamp[ns]": ("tsn:", 8), "duration[s]": ("tDs", 8),
    "duration[ms]": ("tDm", 8), "duration[us]": ("tDu", 8), "duration[ns]": ("tDn", 8), "months": ("tiM", 4),
    "days and ms": ("tiD", 8), "months, days and ns": ("tin", 16), "decimal32": ("d:5,2,32", 4),
    "decimal64": ("d:12,2,64", 8), "decimal128": ("d:20,2", 16), "decimal256": ("d:40,2,256", 32),
    "fixed binary of 3": ("w:3", 3),
}
# Format, struct code of the offsets, text.
BYTES = {"binary": ("z", "i", False), "string": ("u", "i", True), "large binary": ("Z", "q", False), "large string": ("U", "q", True)}
VIEWS = {"binary view": ("vz", False), "string view": ("vu", True)}
LISTS = {"list": ("+l", "i"), "large list": ("+L", "q")}
LIST_VIEWS = {"list view": ("+vl", "i"), "large list view": ("+vL", "q")}
KEYS = {"int8": "c", "uint8": "C", "int16": "s", "uint16": "S", "int32": "i", "uint32": "I", "int64": "l", "uint64": "L"}
CODES = {"c": "b", "C": "B", "s": "h", "S": "H", "i": "i", "I": "I", "l": "q", "L": "Q"}
ENDS = {"int16": ("s", "h"), "int32": ("i", "i"), "int64": ("l", "q")}


def fixed(name, rows=ROWS, offset=0, nulls=()):
    width = FIXED[name][1]
    plain = FIXED[name][0] in CODES
    value = (lambda row: row + 1) if plain else (lambda row: 0)
    return array(rows, offset, nulls, [b"".join(value(row).to_bytes(width, "little") for row in range(rows + offset))])


def int64(rows=ROWS, offset=0, nulls=()):
    return fixed("int64", rows, offset, nulls)


def view(value, data):
    """A view of `value`, whose bytes go to the end of `data` when they are long."""
    if len(value) <= 12:
        return struct.pack("<i", len(value)) + value.ljust(12, b"\0")
    data.extend(value)
    return struct.pack("<i4sii", len(value), value[:4], 0, len(data) - len(value))


def offsets_of(counts):
    sums = [0]
    for count in counts:
        sums.append(sums[-1] + count)
    return sums


def made_type(name):
    """The schema, and a function of rows, offset and nulls that makes a good array."""
    text_at = lambda row: TEXTS[row % len(TEXTS)].encode()
    item = schema("l", "item")
    pair = [schema("l", "a"), schema("u", "b")]
    kind, _, detail = name.partition(": ")
    if name == "null":
        return schema("n"), lambda rows, offset, nulls: array(rows, offset, range(rows), [], validity=False)
    if name == "bool":
        return schema("b"), lambda rows, offset, nulls: array(rows, offset, nulls, [bits([1, 0] * 4)[: (rows + offset + 7) // 8]])
    if name in FIXED:
        return schema(FIXED[name][0]), lambda rows, offset, nulls: fixed(name, rows, offset, nulls)
    if name in BYTES:
        format, code, _ = BYTES[name]

        def make(rows, offset, nulls):
            values = [text_at(row) for row in range(rows + offset)]
            return array(rows, offset, nulls, [numbers(offsets_of(map(len, values)), code), b"".join(values)])

        return schema(format), make
    if name in VIEWS:

        def make(rows, offset, nulls):
            data = bytearray()
            views = b"".join(view(text_at(row), data) for row in range(rows + offset))
            return array(rows, offset, nulls, [views, bytes(data), numbers([len(data)], "q")])

        return schema(VIEWS[name][0]), make
    if name in LISTS:
        format, code = LISTS[name]
        return schema(format, children=[item]), lambda rows, offset, nulls: array(
            rows, offset, nulls, [numbers(offsets_of([2] * (rows + offset)), code)], [int64(2 * (rows + offset))]
        )
    if name in LIST_VIEWS:
        format, code = LIST_VIEWS[name]
        return schema(format, children=[item]), lambda rows, offset, nulls: array(
            rows,
            offset,
            nulls,
            [numbers(list(range(rows + offset)), code), numbers([2] * (rows + offset), code)],
            [int64(rows + offset + 2)],
        )
    if name == "fixed-size list":
        return schema("+w:2", children=[item]), lambda rows, offset, nulls: array(rows, offset, nulls, [], [int64(2 * (rows + offset))])
    if name == "struct":
        text = made_type("string")[1]
        return schema("+s", children=pair), lambda rows, offset, nulls: array(
            rows, offset, nulls, [], [int64(rows + offset), text(rows + offset, 0, ())]
        )
    if name == "map":
        entries = schema("+s", "entries", [schema("u", "key", flags=0), schema("l", "value")], flags=0)
        structs = made_type("struct")[1]

        def make(rows, offset, nulls):
            total = rows + offset
            both = structs(total, 0, ())
            both["children"].reverse()
            return array(rows, offset, nulls, [numbers(offsets_of([1] * total), "i")], [both])

        return schema("+m", children=[entries]), make
    if name == "sparse union":
        text = made_type("string")[1]
        return schema("+us:5,6", children=pair), lambda rows, offset, nulls: array(
            rows, offset, (), [bytes([5, 6] * 4)[: rows + offset]], [int64(rows + offset), text(rows + offset, 0, ())], validity=False
        )
    if name == "dense union":
        text = made_type("string")[1]
        return schema("+ud:5,6", children=pair), lambda rows, offset, nulls: array(
            rows,
            offset,
            (),
            [bytes([5, 6] * 4)[: rows + offset], numbers([at // 2 for at in range(rows + offset)], "i")],
            [int64(rows + offset), text(rows + offset, 0, ())],
            validity=False,
        )
    if kind == "dictionary":
        key = KEYS[detail]
        return schema(key, dictionary=schema("u", "")), lambda rows, offset, nulls: array(
            rows, offset, nulls, [numbers([at % 2 for at in range(rows + offset)], CODES[key])], dictionary=made_type("string")[1](2, 0, ())
        )
    if kind == "runs":
        format, code = ENDS[detail]

        def make(rows, offset, nulls):
            total = rows + offset
            ends = [1, total] if total > 1 else [total][:total]
            runs = array(len(ends), 0, (), [numbers(ends, code)])
            return array(rows, offset, (), [], [runs, int64(len(ends))], validity=False)

        return schema("+r", children=[schema(format, "run_ends", flags=0), schema("l", "values")]), make
    raise ValueError(name)


SIMPLE = ["null", "bool", *FIXED, *BYTES, *VIEWS]
NESTED = [*LISTS, *LIST_VIEWS, "fixed-size list", "struct", "map", "sparse union", "dense union"]
NESTED += [f"dictionary: {key}" for key in KEYS] + [f"runs: {ends}" for ends in ENDS]
TYPES = SIMPLE + NESTED
