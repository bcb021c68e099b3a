#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the corpus of arrays and schemas that lie, and of good ones beside them: one file for each kind of damage.

What each case must end with is written here by hand with the damage, never taken from a run. The format is in
../README.md. Needs nothing but Python's own library.
"""

import copy
import pathlib

import arrays
import nested
import schemas
from arrays import BYTES, FIXED, LIST_VIEWS, LISTS, ROWS, TYPES, VIEWS, made_type

HERE = pathlib.Path(__file__).parent
HUGE = 2**63 - 1


class Corpus:
    def __init__(self):
        self.files = {}

    def add(self, file, name, number, schema, array, refused=None, **expected):
        case = {"name": name, "number": number, "schema": short(schema, "column"), "array": short_array(array)}
        if refused:
            case["refused"] = refused
        self.files.setdefault(file, []).append(case | expected)

    def refuse(self, file, name, number, kind, array, refused, **expected):
        """A case of a type with its usual schema."""
        expected.setdefault("at", "column")
        self.add(file, f"{kind}: {name}", number, made_type(kind)[0], array, refused, **expected)

    def write(self):
        for old in HERE.glob("*.toml"):
            old.unlink()
        for file, cases in self.files.items():
            lines = ["# SPDX-FileCopyrightText: The Bowyer Authors", "# SPDX-License-Identifier: Apache-2.0", "#"]
            lines.append("# Written by make.py. Do not edit.")
            lines += ["", "case = [", *(f"  {toml(case)}," for case in cases), "]"]
            (HERE / f"{file}.toml").write_text("\n".join(lines) + "\n")


def short(schema, name=""):
    """The schema without what it has by default; only a format is left as a string."""
    if schema is None:
        return None
    made = {key: value for key, value in schema.items() if (key, value) not in [("flags", 2), ("name", name)]}
    if "children" in made:
        made["children"] = [short(child) for child in made["children"]]
    if "dictionary" in made:
        made["dictionary"] = short(made["dictionary"])
    return made["format"] if list(made) == ["format"] and made["format"] is not None else made


def short_array(array):
    if array is None:
        return None
    made = {key: value for key, value in array.items() if (key, value) not in [("length", 0), ("offset", 0), ("null_count", 0)]}
    if "children" in made:
        made["children"] = [short_array(child) for child in made["children"]]
    if "dictionary" in made:
        made["dictionary"] = short_array(made["dictionary"])
    return made


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bytes):
        return f'"{value.hex()}"'
    if value is None:
        return '"null"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"


def good(kind, rows=ROWS, offset=0, nulls=()):
    return made_type(kind)[1](rows, offset, nulls)


def damaged(kind, **fields):
    made = good(kind)
    made.update(fields)
    return made


def has_validity(kind):
    return kind != "null" and "union" not in kind and "runs" not in kind


def add_good(corpus):
    for kind in TYPES:
        schema = made_type(kind)[0]
        corpus.add("good", f"{kind}: rows", 0, schema, good(kind))
        corpus.add("good", f"{kind}: rows from the middle", 0, schema, good(kind, 2, 2))
        corpus.add("good", f"{kind}: no rows", 0, schema, good(kind, 0))
        if has_validity(kind):
            nulls = good(kind, 3, 1, (1,))
            corpus.add("good", f"{kind}: a null behind an offset", 0, schema, nulls, nulls=1)
            corpus.add("good", f"{kind}: unknown null count", 0, schema, nulls | {"null_count": -1}, nulls=1)
        if "runs" not in kind:
            empty = good(kind, 0)
            empty["buffers"] = [None] * len(empty["buffers"])
            corpus.add("good", f"{kind}: no rows and no buffers", 0, schema, empty)
        if kind in FIXED and FIXED[kind][1] > 1 and not kind.startswith("fixed"):
            corpus.add("good", f"{kind}: misaligned by one byte", 25, schema, damaged(kind, skew=1))
    for kind in [*VIEWS, *LISTS, *BYTES]:
        corpus.add("good", f"{kind}: misaligned by one byte", 25, made_type(kind)[0], damaged(kind, skew=1))


def add_numbers(corpus):
    """Lengths, counts and addresses of the structs themselves."""
    for kind in TYPES:
        made = good(kind)
        bad = lambda name, number, refused, **fields: corpus.refuse(
            "structs", name, number, kind, made | fields, refused, level="headers"
        )
        bad("released", 2, "released", released=True)
        bad("negative length", 3, "negative", length=-1)
        bad("negative offset", 3, "negative", offset=-1)
        bad("null count below -1", 3, "negative", null_count=-2)
        bad("negative number of buffers", 3, "negative", n_buffers=-1)
        bad("negative number of children", 3, "negative", n_children=-1)
        bad("length of 63 bits", 4, "size_overflow", length=HUGE)
        bad("offset of 63 bits", 4, "size_overflow", offset=HUGE)
        count, children = len(made["buffers"]), len(made.get("children", ()))
        if kind not in VIEWS:
            bad("a buffer too many", 5, "buffer_count", n_buffers=count + 1)
        if count:
            # Views may have any number of values buffers, but no fewer than three buffers in all.
            bad("a buffer too few", 5, "buffer_count", n_buffers=2 if kind in VIEWS else count - 1)
            bad("no list of buffers", 6, "null_table", buffers_null=True)
        bad("a child too many", 5, "child_count", n_children=children + 1)
        if children:
            bad("a child too few", 5, "child_count", n_children=children - 1)
            bad("no list of children", 6, "null_table", children_null=True)
            for at, child in enumerate(made_type(kind)[0]["children"]):
                for name, number, refused, damage in [
                    ("is null", 1, "null_pointer", None),
                    ("is released", 2, "released", {"released": True}),
                    ("has a negative length", 3, "negative", {"length": -1}),
                ]:
                    changed = copy.deepcopy(made)
                    changed["children"][at] = damage and changed["children"][at] | damage
                    title = f"child {at} {name}"
                    place = f"column.{child['name']}"
                    corpus.refuse("structs", title, number, kind, changed, refused, at=place, level="headers")
        if "dictionary" in made:
            bad("no dictionary", 15, "dictionary", dictionary=None)
            released = made["dictionary"] | {"released": True}
            changed = made | {"dictionary": released}
            corpus.refuse("structs", "released dictionary", 2, kind, changed, "released", at="column.dictionary", level="headers")
        else:
            bad("a dictionary that the type has not", 15, "dictionary", dictionary=arrays.int64(1))
    for kind in ["int64", "string", "struct"]:
        corpus.refuse("structs", "null struct", 1, kind, None, "null_pointer", level="headers")


def add_nulls(corpus):
    """Null counts: counted, never believed; nulls where the schema has none."""
    for kind in filter(has_validity, TYPES):
        schema = made_type(kind)[0]
        corpus.refuse("nulls", "nulls and no bitmap", 8, kind, damaged(kind, null_count=1), "null_count", level="headers")
        corpus.refuse("nulls", "more nulls than rows", 10, kind, good(kind, nulls=(1,)) | {"null_count": 4}, "null_count", level="headers")
        lie = good(kind, nulls=(1,))
        corpus.add("nulls", f"{kind}: null count 0, one null in the bitmap", 9, schema, lie | {"null_count": 0}, nulls=1)
        corpus.add("nulls", f"{kind}: null count 3, one null in the bitmap", 10, schema, lie | {"null_count": 3}, nulls=1)
        corpus.add(
            "nulls", f"{kind}: a null in a column without nulls", 21, schema | {"flags": 0}, lie, "nullability", at="column", level="headers"
        )


def add_sizes(corpus):
    """Buffers shorter by one byte than their rows need, and absent ones."""
    for kind in TYPES:
        for offset in (0, 5):
            made = good(kind, ROWS, offset, (0,) if has_validity(kind) else ())
            for buffer, data in enumerate(made["buffers"]):
                if not data:
                    continue
                short = copy.deepcopy(made)
                short["buffers"][buffer] = data[:-1]
                absent = copy.deepcopy(made)
                absent["buffers"][buffer] = None
                expected = {"refused": "buffer_size", "buffer": buffer, "level": "headers"}
                if kind in BYTES and buffer == 2:
                    expected = {"refused": "offsets", "buffer": 1, "entry": ROWS, "level": "bounds"}
                if kind in BYTES and BYTES[kind][2] and buffer == 2:
                    expected["level"] = "headers"
                if kind in VIEWS and buffer == 3:
                    # The last buffer of views holds sizes; those of the table are used instead.
                    continue
                if kind in VIEWS and buffer == 2:
                    expected = {"refused": "view", "buffer": 1, "entry": 2 if offset == 0 else 1}
                    expected["level"] = "headers" if VIEWS[kind][1] else "bounds"
                title = f"buffer {buffer} is a byte short, offset {offset}"
                corpus.refuse("sizes", title, 12, kind, short, **expected)
                if offset == 0 and not (buffer == 0 and has_validity(kind)):
                    if kind in VIEWS and buffer == 2:
                        expected["entry"] = 2
                    corpus.refuse("sizes", f"buffer {buffer} has no address", 7, kind, absent, **expected)
            forged = [len(data or b"") for data in made["buffers"]]
            if forged and offset == 0:
                last = max(at for at, size in enumerate(forged) if size)
                sizes = [*forged]
                sizes[last] = -5
                corpus.refuse("sizes", f"buffer {last} has a size below zero", 12, kind, made | {"sizes": sizes}, "negative", buffer=last, level="headers")
                no_address = copy.deepcopy(made) | {"sizes": forged}
                no_address["buffers"][last] = None
                if not (last == 0 and has_validity(kind)):
                    corpus.refuse("sizes", f"buffer {last} has bytes and no address", 7, kind, no_address, "null_buffer", buffer=last, level="headers")


if __name__ == "__main__":
    made = Corpus()
    add_good(made)
    add_numbers(made)
    add_nulls(made)
    add_sizes(made)
    nested.add(made)
    schemas.add(made)
    made.write()
    print({file: len(cases) for file, cases in made.files.items()}, sum(map(len, made.files.values())))
