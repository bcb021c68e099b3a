# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Damage inside buffers: what leads somewhere, what must be text, what must lie in a range."""

import copy
import struct

from arrays import BYTES, CODES, ENDS, KEYS, LIST_VIEWS, LISTS, ROWS, VIEWS, array, int64, made_type, numbers, schema


def changed(made, buffer, data):
    made = copy.deepcopy(made)
    made["buffers"][buffer] = data
    return made


def add(corpus):
    offsets(corpus)
    text(corpus)
    views(corpus)
    keys(corpus)
    unions(corpus)
    runs(corpus)
    list_views(corpus)
    ranges(corpus)
    nulls_below(corpus)
    child_lengths(corpus)


def offsets(corpus):
    kinds = [(kind, code, BYTES[kind][2]) for kind, (_, code, _) in BYTES.items()]
    kinds += [(kind, code, False) for kind, (_, code) in LISTS.items()] + [("map", "i", False)]
    for kind, code, is_text in kinds:
        level = "headers" if is_text else "bounds"
        for offset in (0, 2):
            made = made_type(kind)[1](ROWS, offset, ())
            size = struct.calcsize(code)
            honest = list(struct.unpack(f"<{ROWS + offset + 1}{code}", made["buffers"][1]))
            most = 2 ** (8 * size - 1) - 1

            def bad(name, at, value, entry):
                forged = [*honest]
                forged[offset + at] = value
                place = {} if entry is None else {"entry": entry}
                corpus.refuse(
                    "offsets", f"{name}, offset {offset}", 11, kind, changed(made, 1, numbers(forged, code)), "offsets",
                    buffer=1, level=level, **place,
                )

            bad("offsets descend", 1, honest[-1] + 1, 1)
            bad("offsets begin below zero", 0, -1, None)
            bad("offsets end below zero", ROWS, -1, ROWS - 1)
            bad("offsets end behind the values", ROWS, honest[-1] + 1, ROWS)
            bad("offsets end as far as can be", ROWS, most, ROWS)
            bad("an offset in the middle is as low as can be", 1, -most - 1, 0)


def text(corpus):
    for kind in ["string", "large string"]:
        _, code, _ = BYTES[kind]
        made = lambda values, ends: array(len(ends) - 1, 0, (), [numbers(ends, code), values])
        bad = lambda name, values, ends, buffer, entry: corpus.refuse(
            "text", name, 13, kind, made(values, ends), "utf8", buffer=buffer, entry=entry, level="headers"
        )
        bad("a byte that is never UTF-8", b"ab\xffd", [0, 2, 4], 2, 1)
        bad("a code point without its end", b"abc\xc3", [0, 2, 4], 2, 1)
        bad("a continuation at the start", b"\xbcabc", [0, 2, 4], 2, 0)
        bad("an overlong form", b"\xc0\x80ab", [0, 2, 4], 2, 0)
        bad("half of a surrogate pair", b"\xed\xa0\x80a", [0, 3, 4], 2, 0)
        bad("a code point above the last", b"\xf4\x90\x80\x80", [0, 4], 2, 0)
        bad("an offset inside a code point", "grün".encode(), [0, 3, 5], 1, 1)
        corpus.add("good", f"{kind}: code points of four bytes", 0, made_type(kind)[0], made("a𝄞b".encode(), [0, 1, 5, 6]))
    for kind in ["binary", "large binary"]:
        corpus.add(
            "good", f"{kind}: bytes that are no UTF-8", 0, made_type(kind)[0], array(1, 0, (), [numbers([0, 2], BYTES[kind][1]), b"\xff\xfe"])
        )


def views(corpus):
    values = b"exactly twenty bytes"
    long = lambda length, prefix, buffer, offset: struct.pack("<i4sii", length, prefix, buffer, offset)
    for kind, (_, is_text) in VIEWS.items():
        level = "headers" if is_text else "bounds"

        def made(view, valid=True):
            good = array(2, 0, () if valid else (1,), [long(20, b"exac", 0, 0) + view, values, numbers([20], "q")])
            return good

        bad = lambda name, view, case="view": corpus.refuse("views", name, 14 if case == "view" else 13, kind, made(view), case, buffer=1, entry=1, level=level)
        bad("a buffer that is not there", long(20, b"exac", 1, 0))
        bad("a buffer below zero", long(20, b"exac", -1, 0))
        bad("an offset past the buffer", long(20, b"exac", 0, 21))
        bad("an offset below zero", long(20, b"exac", 0, -1))
        bad("a byte past the buffer", long(20, b"xact", 0, 1))
        bad("a length past the buffer", long(21, b"exac", 0, 0))
        bad("the greatest length", long(2**31 - 1, b"exac", 0, 0))
        bad("a length below zero", long(-1, b"exac", 0, 0))
        bad("a prefix of something else", long(20, b"exaX", 0, 0))
        bad("dirt after a value in the view", struct.pack("<i12s", 1, b"ab"))
        bad("dirt after no value", struct.pack("<i12s", 0, b"\0\0\0\0\0\0\0\0\0\0\0x"))
        if is_text:
            bad("no UTF-8 in the view", struct.pack("<i12s", 1, b"\xff"), "utf8")
            torn = array(1, 0, (), [long(13, b"abcd", 0, 0), b"abcdefghijkl\xc3", numbers([13], "q")])
            corpus.refuse("views", "no UTF-8 in the values", 13, kind, torn, "utf8", buffer=1, entry=0, level=level)
        corpus.add("views", f"{kind}: a view under a null leads nowhere", 14, made_type(kind)[0], made(long(20, b"exac", 9, 9), False), nulls=1)


def keys(corpus):
    for name, format in KEYS.items():
        kind = f"dictionary: {name}"
        code = CODES[format]
        made = made_type(kind)[1](ROWS, 0, ())
        most = 2 ** (8 * struct.calcsize(code) - (1 if format.islower() else 0)) - 1
        with_key = lambda key: changed(made, 1, numbers([0, key, 1], code))
        bad = lambda title, key: corpus.refuse("keys", title, 15, kind, with_key(key), "dictionary_key", buffer=1, entry=1)
        bad("a key behind the dictionary", 2)
        bad("the greatest key", most)
        if format.islower():
            bad("a key below zero", -1)
            bad("the least key", -most - 1)
        no_values = copy.deepcopy(made)
        no_values["dictionary"] = made_type("string")[1](0, 0, ())
        corpus.refuse("keys", "an empty dictionary", 15, kind, no_values, "dictionary_key", buffer=1, entry=0)
        hidden = changed(array(ROWS, 0, (1,), [b""]), 1, numbers([0, most, 1], code)) | {"dictionary": made["dictionary"]}
        corpus.add("keys", f"{kind}: a key under a null leads nowhere", 15, made_type(kind)[0], hidden, nulls=1)


def unions(corpus):
    for kind in ["sparse union", "dense union"]:
        made = made_type(kind)[1](ROWS, 0, ())
        for title, id in [("a type id that is not there", 7), ("type id 0", 0), ("type id 127", 127), ("a type id below zero", 255)]:
            corpus.refuse("unions", title, 16, kind, changed(made, 0, bytes([5, id, 5])), "union", buffer=0, entry=1)
    made = made_type("dense union")[1](ROWS, 0, ())
    for title, offset in [("an offset below zero", -1), ("an offset behind the child", 3), ("the greatest offset", 2**31 - 1)]:
        corpus.refuse("unions", title, 16, "dense union", changed(made, 1, numbers([0, offset, 1], "i")), "union", buffer=1, entry=1)


def runs(corpus):
    for name, (_, code) in ENDS.items():
        kind = f"runs: {name}"
        made = lambda rows, ends, values=None, nulls=(): array(
            rows, 0, (), [], [array(len(ends), 0, nulls, [numbers(ends, code)]), int64(len(ends) if values is None else values)], validity=False
        )

        def bad(title, array, **place):
            place.setdefault("at", "column.run_ends")
            corpus.refuse("runs", title, 17, kind, array, "run_ends", **place)

        bad("a first end of zero", made(5, [0, 5]), buffer=1, entry=0)
        bad("a first end below zero", made(5, [-1, 5]), buffer=1, entry=0)
        bad("ends that repeat", made(5, [5, 5]), buffer=1, entry=1)
        bad("ends that descend", made(5, [5, 4]), buffer=1, entry=1)
        bad("ends before the last row", made(5, [2, 4]))
        bad("no runs", made(5, []))
        bad("fewer values than runs", made(5, [2, 5], 1), level="headers")
        bad("a null among the ends", made(5, [2, 5], nulls=(1,)), level="headers")
        bad("ends that descend, and no rows", made(0, [5, 4]), buffer=1, entry=1)
        bad("fewer values than runs, and no rows", made(0, [2, 5], 1), level="headers")
        bad("rows behind an offset that the runs do not reach", made(2, [2, 5]) | {"offset": 4})
        corpus.add("good", f"{kind}: more values than runs", 0, made_type(kind)[0], made(5, [2, 5], 3))
    for format in ["c", "L", "g", "u"]:
        wrong = schema("+r", children=[schema(format, "run_ends", flags=0), schema("l", "values")])
        corpus.add("runs", f"run ends of format {format}", 17, wrong, int64(), "run_ends", at="column", level="schema")


def list_views(corpus):
    for kind, (_, code) in LIST_VIEWS.items():
        most = 2 ** (8 * struct.calcsize(code) - 1) - 1
        made = lambda offset, size: array(2, 0, (), [numbers([0, offset], code), numbers([1, size], code)], [int64(3)])
        bad = lambda title, offset, size: corpus.refuse("lists", title, 18, kind, made(offset, size), "list_view", buffer=1, entry=1)
        bad("a list that ends behind the values", 1, 3)
        bad("a list that begins behind the values", 4, 0)
        bad("an offset below zero", -1, 1)
        bad("a size below zero", 1, -1)
        bad("an offset and a size whose sum overflows", most, most)
        corpus.add("good", f"{kind}: lists that share values and are out of order", 0, made_type(kind)[0], made(1, 2))


def ranges(corpus):
    """Values that only the highest level looks at."""
    signed = lambda value, width: value.to_bytes(width, "little", signed=True)
    for kind, width, digits in [("decimal32", 4, 5), ("decimal64", 8, 12), ("decimal128", 16, 20), ("decimal256", 32, 40)]:
        made = lambda value: array(2, 0, (), [signed(0, width) + signed(value, width)])
        for title, value in [("a digit too many", 10**digits), ("a digit too many below zero", -(10**digits)), ("the greatest number", 2 ** (8 * width - 1) - 1)]:
            corpus.refuse("ranges", title, 19, kind, made(value), "decimal", buffer=1, entry=1, level="full")
        corpus.add("good", f"{kind}: as many digits as can be", 0, made_type(kind)[0], made(10**digits - 1))
        corpus.add("good", f"{kind}: as many digits as can be below zero", 0, made_type(kind)[0], made(1 - 10**digits))
        hidden = array(2, 0, (1,), [signed(0, width) + signed(10**digits, width)])
        corpus.add("good", f"{kind}: a digit too many under a null", 0, made_type(kind)[0], hidden, nulls=1)
    days = {"time32[s]": (4, 86_400), "time32[ms]": (4, 86_400_000), "time64[us]": (8, 86_400 * 10**6), "time64[ns]": (8, 86_400 * 10**9)}
    for kind, (width, day) in days.items():
        made = lambda value: array(2, 0, (), [signed(0, width) + signed(value, width)])
        corpus.refuse("ranges", "the next day's first moment", 20, kind, made(day), "temporal", buffer=1, entry=1, level="full")
        corpus.refuse("ranges", "below zero", 20, kind, made(-1), "temporal", buffer=1, entry=1, level="full")
        corpus.add("good", f"{kind}: the day's last moment", 0, made_type(kind)[0], made(day - 1))
    for title, value in [("a millisecond too late", 86_400_001), ("a millisecond before the epoch", -1)]:
        corpus.refuse("ranges", title, 20, "date64", array(2, 0, (), [signed(0, 8) + signed(value, 8)]), "temporal", buffer=1, entry=1, level="full")
    corpus.add("good", "date64: a day before the epoch", 0, made_type("date64")[0], array(1, 0, (), [signed(-86_400_000, 8)]))


def nulls_below(corpus):
    """Nulls in children whose fields allow none."""
    strict = schema("l", "item", flags=0)
    child = int64(6, 0, (3,))

    def both(title, made_schema, reached, hidden, at="column.item", entry=3, number=21):
        corpus.add("nulls", f"{title}: a null in a child without nulls", number, made_schema, reached, "nullability", at=at, buffer=0, entry=entry, level="full")
        if hidden:
            corpus.add("good", f"{title}: a null in a child without nulls, out of sight", 0, made_schema, hidden, nulls=hidden["null_count"], disputed=True)

    for kind, (format, code) in LISTS.items():
        made_schema = schema(format, children=[strict])
        both(kind, made_schema, array(3, 0, (), [numbers([0, 2, 4, 6], code)], [child]), array(3, 0, (1,), [numbers([0, 2, 4, 6], code)], [child]))
        corpus.add("good", f"{kind}: a null in a child without nulls, in no list", 0, made_schema, array(1, 0, (), [numbers([0, 2], code)], [child]), disputed=True)
    both("fixed-size list", schema("+w:2", children=[strict]), array(3, 0, (), [], [child]), array(3, 0, (1,), [], [child]))
    corpus.add("good", "fixed-size list: a null in a child without nulls, before the first row", 0, schema("+w:2", children=[strict]), array(1, 2, (), [], [child]))
    both("struct", schema("+s", children=[strict]), array(6, 0, (), [], [child]), array(6, 0, (3,), [], [child]))
    corpus.add("good", "struct: a null in a child without nulls, behind the last row", 0, schema("+s", children=[strict]), array(3, 0, (), [], [child]))
    for kind, (format, code) in LIST_VIEWS.items():
        made = lambda sizes, nulls: array(3, 0, nulls, [numbers([0, 2, 4], code), numbers(sizes, code)], [child])
        both(kind, schema(format, children=[strict]), made([2, 2, 2], ()), made([2, 2, 2], (1,)))
        corpus.add("good", f"{kind}: a null in a child without nulls, in no list", 0, schema(format, children=[strict]), made([2, 1, 2], ()), disputed=True)
    key = schema("l", "key", flags=0)
    for flags, title in [(0, "map"), (2, "map with keys marked as nullable")]:
        entries = schema("+s", "entries", [key | {"flags": flags}, schema("l", "value")], flags=0)
        made = array(2, 0, (), [numbers([0, 2, 4], "i")], [array(4, 0, (), [], [int64(4, 0, (3,)), int64(4)])])
        corpus.add("nulls", f"{title}: a null key", 21, schema("+m", children=[entries]), made, "nullability", at="column.entries.key", buffer=0, entry=3, level="full")
        entries_null = array(2, 0, (), [numbers([0, 2, 4], "i")], [array(4, 0, (3,), [], [int64(4), int64(4)])])
        corpus.add("nulls", f"{title}: a null entry", 21, schema("+m", children=[entries]), entries_null, "nullability", at="column.entries")


def child_lengths(corpus):
    for kind in ["struct", "sparse union", "fixed-size list"]:
        made_schema = made_type(kind)[0]
        for offset in (0, 2):
            for at, child in enumerate(made_schema["children"]):
                made = made_type(kind)[1](ROWS, offset, ())
                made["children"][at]["length"] -= 1
                corpus.refuse("lists", f"child {at} is a row short, offset {offset}", 22, kind, made, "child_length", at=f"column.{child['name']}", level="headers")
    nested = schema("l", "item")
    for depth in range(3):
        nested = schema("+w:2147483647", "item" if depth < 2 else "column", [nested])
    made = int64(1)
    for length in (3, 2, 1):
        made = array(length, 0, (), [], [made])
    corpus.add("lists", "fixed-size lists whose sizes multiply past 63 bits", 4, nested, made, "child_length", at="column.item", level="headers")
    huge = array(2**55, 0, (), [], [int64(1)])
    corpus.add("lists", "a fixed-size list of more rows than can be counted", 4, schema("+w:2147483647", children=[schema("l", "item")]), huge, "size_overflow", at="column", level="headers")
    wide = array(2**55, 0, (), [b"x"])
    corpus.add("lists", "fixed-size binary of more bytes than can be counted", 4, schema("w:2147483647"), wide, "size_overflow", at="column", buffer=1, level="headers")
