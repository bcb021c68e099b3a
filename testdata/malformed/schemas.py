# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Schemas that lie: refused before any array is looked at."""

import struct

from arrays import TYPES, array, int64, made_type, schema


def add(corpus):
    def bad(name, number, made, refused, at="column"):
        corpus.add("schemas", name, number, made, int64(1), refused, at=at, level="schema")

    for kind in TYPES:
        made = made_type(kind)[0]
        bad(f"{kind}: released schema", 2, made | {"released": True}, "released", "")
        bad(f"{kind}: schema with a negative number of children", 3, made | {"n_children": -1}, "negative")
        bad(f"{kind}: no format", 24, made | {"format": None}, "format")
        bad(f"{kind}: name that is not UTF-8", 24, made | {"name_bytes": b"\xff"}, "name", "")
        if made.get("children"):
            bad(f"{kind}: schema without a list of children", 6, made | {"children_null": True}, "null_table")
            bad(f"{kind}: null child", 1, made | {"children": [None, *made["children"][1:]]}, "null_pointer")
            released = made["children"][0] | {"released": True}
            bad(f"{kind}: released child", 2, made | {"children": [released, *made["children"][1:]]}, "released")
        if kind != "struct":
            child = [*made.get("children", ()), schema("l", "extra")]
            bad(f"{kind}: schema with a child too many", 5, made | {"children": child}, "child_count")
        if "dictionary" not in made and made["format"] not in "cCsSiIlL":
            bad(f"{kind}: a dictionary of keys that are no whole numbers", 15, made | {"dictionary": schema("u", "")}, "dictionary")
    formats = ["", "?", "ll", "+", "+x", "w", "w:", "w:-1", "w:2147483648", "w:x", "+w:-1", "+w:", "ts", "tsx:", "tss", "tdX", "ttX", "tiX", "tDX", "é"]
    formats += ["d:", "d:5", "d:5,x", "d:0,0", "d:39,0", "d:77,0,256", "d:10,0,32", "d:19,0,64", "d:5,2,16", "d:5,2,128,1", "d:9,10,32", "d:999,0"]
    for format in formats:
        bad(f"format {format!r}".replace("'", "`"), 19 if format.startswith("d:") else 24, schema(format), "format")
    bad("format that is not UTF-8", 24, schema("l") | {"format_bytes": b"\xfe\xff"}, "format")
    bad("format longer than the limit", 24, schema("tsu:" + "x" * 5000), "format")
    bad("name longer than the limit", 24, schema("l") | {"long_name": 70_000}, "name", "")
    pair = [schema("l", "a"), schema("l", "b")]
    for mode in ["us", "ud"]:
        for title, ids in [("repeat", "5,5"), ("begin below zero", "-1,5"), ("end above 127", "5,128"), ("are no numbers", "a,b"), ("have a gap", "5,"), ("do not end", "5,6,")]:
            bad(f"type ids that {title}, +{mode}", 26, schema(f"+{mode}:{ids}", children=pair), "type_ids")
        bad(f"more type ids than children, +{mode}", 5, schema(f"+{mode}:1,2,3", children=pair), "child_count")
    number = lambda *values: struct.pack(f"={len(values)}i", *values)
    for title, blob in [
        ("a count below zero", number(-1)),
        ("a key's length below zero", number(1, -1)),
        ("a key's length without end", number(1, 2**31 - 1)),
        ("a value's length below zero", number(1, 1) + b"k" + number(-5)),
        ("a value's length without end", number(1, 1) + b"k" + number(2**31 - 1)),
        ("a key that is not UTF-8", number(1, 1) + b"\xff" + number(0)),
        ("a value that is not UTF-8", number(1, 1) + b"k" + number(1) + b"\xff"),
    ]:
        bad(f"metadata: {title}", 24, schema("l") | {"metadata": blob}, "metadata")
    good = number(2, 1) + b"k" + number(1) + b"v" + number(0, 0)
    corpus.add("good", "metadata of two entries, one empty", 0, schema("l") | {"metadata": good}, int64())
    bad("a schema deeper than the limit", 23, schema("l") | {"wraps": 70}, "limit", ".".join(["column"] * 65))
    bad("a schema that is its own child", 23, schema("+s", children=pair) | {"cycle": True}, "limit", ".".join(["column"] * 65))
    bad("a child count without end", 23, schema("+s", children=pair) | {"n_children": 2**62}, "limit")
    bad("a dictionary of dictionaries", 15, schema("i", dictionary=schema("i", "", dictionary=schema("u", ""))), "dictionary")
    bad("a map of a number", 5, schema("+m", children=[schema("l", "entries")]), "child_count")
    bad("a map of three fields", 5, schema("+m", children=[schema("+s", "entries", [*pair, schema("l", "c")])]), "child_count")
    corpus.add("schemas", "null schema", 1, None, int64(1), "null_pointer", at="", level="schema")
    row = array(1, 0, (), [], [int64(1), int64(1)])
    corpus.add("structs", "a struct that is its own child", 23, schema("+s", children=pair), row | {"cycle": True}, "buffer_count", at="column.a", level="headers")
    shared = array(1, 0, (), [], [int64(1), int64(1)]) | {"shared": True}
    corpus.add("good", "a struct whose children are one array", 28, schema("+s", children=pair), shared)

