# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Asks pyarrow which types each of its functions takes and gives, and writes accepted.txt: accepted.py > ../accepted.txt.

`make differential` makes an environment to run it in. Each call runs in a forked child, because some kill the process.
A line `name(?, int64) = double | int8 int16` says that these types in the place of `?` give a double; in a result `?` is
the type itself. The head of the file spells the types out.
"""

import datetime
import decimal
import os
import pickle
import sys

import pyarrow as pa
import pyarrow.compute as pc

MOMENT = datetime.datetime(2024, 2, 29, 12, 30)
TYPES = {
    "null": (pa.null(), None),
    "bool": (pa.bool_(), True),
    **{name: (pa.type_for_alias(name), 1) for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")},
    **{name: (kind, 0.5) for name, kind in (("float16", pa.float16()), ("float32", pa.float32()), ("float64", pa.float64()))},
    **{f"decimal{width}": (getattr(pa, f"decimal{width}")(5, 2), decimal.Decimal("1.00")) for width in (32, 64, 128, 256)},
    "date32": (pa.date32(), MOMENT.date()),
    "date64": (pa.date64(), MOMENT.date()),
    "time32": (pa.time32("s"), MOMENT.time()),
    "time64": (pa.time64("us"), MOMENT.time()),
    "timestamp": (pa.timestamp("us"), MOMENT),
    "timestamp_tz": (pa.timestamp("us", "UTC"), MOMENT),
    "duration": (pa.duration("us"), datetime.timedelta(1)),
    "month_day_nano": (pa.month_day_nano_interval(), (1, 2, 3)),
    "binary": (pa.binary(), b"ab"),
    "large_binary": (pa.large_binary(), b"ab"),
    "binary_view": (pa.binary_view(), b"ab"),
    "fixed_size_binary": (pa.binary(2), b"ab"),
    "string": (pa.string(), "ab"),
    "large_string": (pa.large_string(), "ab"),
    "string_view": (pa.string_view(), "ab"),
    "list": (pa.list_(pa.int64()), [1, 2]),
    "large_list": (pa.large_list(pa.int64()), [1, 2]),
    "list_view": (pa.list_view(pa.int64()), [1, 2]),
    "fixed_size_list": (pa.list_(pa.int64(), 2), [1, 2]),
    "list_string": (pa.list_(pa.string()), ["a", "b"]),
    "struct": (pa.struct([("a", pa.int64())]), {"a": 1}),
    "map": (pa.map_(pa.string(), pa.int64()), [("k", 1)]),
    "sparse_union": None,
    "dense_union": None,
    "dictionary_string": (pa.dictionary(pa.int32(), pa.string()), "ab"),
    "dictionary_int64": (pa.dictionary(pa.int32(), pa.int64()), 1),
    "run_end_encoded": None,
}

CONDITIONS = (pa.struct([("c", pa.bool_())]), {"c": True})


def array(name, rows=2):
    """An array of a type: a value and a null, or nothing."""
    if name in ("sparse_union", "dense_union"):
        tags = pa.array([0] * rows, pa.int8())
        if name == "sparse_union":
            return pa.UnionArray.from_sparse(tags, [pa.array(range(rows), pa.int64())])
        return pa.UnionArray.from_dense(tags, pa.array(range(rows), pa.int32()), [pa.array(range(rows), pa.int64())])
    if name == "run_end_encoded":
        return pa.RunEndEncodedArray.from_arrays(pa.array([rows] if rows else [], pa.int32()), pa.array([1] if rows else [], pa.int64()))
    kind, value = CONDITIONS if name == "conditions" else TYPES[name]
    return pa.array([value, None][:rows], kind)


PATTERN = {"pattern": "a"}
PAD = {"width": 5}
TRIM = {"characters": "a"}
OPTIONS = {
    **dict.fromkeys(("match_substring", "starts_with", "ends_with", "find_substring", "count_substring", "match_like",
                     "match_substring_regex", "find_substring_regex", "count_substring_regex", "split_pattern",
                     "split_pattern_regex"), PATTERN),
    **dict.fromkeys(("replace_substring", "replace_substring_regex"), {**PATTERN, "replacement": "b"}),
    **dict.fromkeys(("extract_regex", "extract_regex_span"), {"pattern": "(?P<x>a)"}),
    **dict.fromkeys(("ascii_lpad", "ascii_rpad", "ascii_center", "utf8_lpad", "utf8_rpad", "utf8_center", "utf8_zero_fill"), PAD),
    **dict.fromkeys(("ascii_trim", "ascii_ltrim", "ascii_rtrim", "utf8_trim", "utf8_ltrim", "utf8_rtrim"), TRIM),
    **dict.fromkeys(("utf8_slice_codeunits", "binary_slice", "list_slice"), {"start": 0, "stop": 1}),
    **dict.fromkeys(("utf8_replace_slice", "binary_replace_slice"), {"start": 0, "stop": 1, "replacement": "b"}),
    "utf8_normalize": {"form": "NFC"},
    "strptime": {"format": "%Y", "unit": "s", "error_is_null": True},
    "assume_timezone": {"timezone": "UTC"},
    "quantile": {"q": 0.5},
    "make_struct": {"field_names": ["a", "b"]},
    "struct_field": {"indices": [0]},
    "partition_nth_indices": {"pivot": 1},
    "winsorize": {"lower_limit": 0.0, "upper_limit": 1.0}, "select_k_unstable": {"k": 1, "sort_keys": [("x", "ascending")]},
    "pivot_wider": {"key_names": ["ab"]},
    "index": lambda columns: {"value": columns[0][0]},
    "is_in": lambda columns: {"value_set": columns[0][:1]},
    "index_in": lambda columns: {"value_set": columns[0][:1]},
    "map_lookup": lambda columns: {"query_key": pa.scalar("k"), "occurrence": "first"},
    "cast": {"target_type": pa.string()},
}  # fmt: skip

# The types of the arguments where they are not all the type that is asked for.
SHAPES = {
    "take": "? int64", "array_take": "? int64", "filter": "? bool", "array_filter": "? bool",
    "if_else": "bool ? ?", "choose": "int64 ? ?", "case_when": "conditions ? ?", "replace_with_mask": "? bool ?",
    "pivot_wider": "string ?", "hash_pivot_wider": "string ?", "count_all": None, "hash_count_all": None,
    "search_sorted": "? ?", "binary_repeat": "? int64", "list_element": "? int64", "round_binary": "? int32", "binary_join": "? string", "scatter": "? int64", "random": None,
    "is_in_meta_binary": "? ?", "index_in_meta_binary": "? ?",
    "make_struct": "? ?", "coalesce": "? ?", "max_element_wise": "? ?", "min_element_wise": "? ?",
    "binary_join_element_wise": "? ? ?",
}  # fmt: skip


def in_child(body):
    read, write = os.pipe()
    if os.fork() == 0:
        os.close(read)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            answer = str(body())
        except KeyError as error:
            # Types that pyarrow has no class for, or a null where a name is expected.
            answer = {21: "month_interval", 22: "day_time_interval"}.get(error.args[0], False)
        except (pa.ArrowNotImplementedError, TypeError, AttributeError):
            answer = None
        except pa.ArrowInvalid:
            answer = False
        except Exception:
            answer = None
        with os.fdopen(write, "wb") as pipe:
            pipe.write(pickle.dumps(answer))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    os.wait()
    return pickle.loads(data) if data else None


def call(name, columns):
    if name.startswith("hash_"):
        # The order of rows is known to one thread alone.
        table = pa.table({"k": pa.array([0] * len(columns[0])), **{f"v{i}": each for i, each in enumerate(columns)}})
        inputs = [f"v{i}" for i in range(len(columns))]
        options = pc.PivotWiderOptions(["ab"]) if name == "hash_pivot_wider" else None
        got = table.group_by("k", use_threads=False).aggregate([(inputs if len(inputs) != 1 else inputs[0], name, options)])
        return got.column(got.num_columns - 1).type
    options = OPTIONS.get(name, {})
    options = options(columns) if callable(options) else dict(options)
    if name in ("is_in_meta_binary", "index_in_meta_binary", "array_filter", "array_take"):
        return pc.call_function(name, columns).type
    if name == "list_element":
        return pc.list_element(columns[0], 0).type
    if name == "pivot_wider":
        return pc.pivot_wider(columns[0], columns[1], ["ab"]).type
    if name == "scatter" or name == "inverse_permutation":
        columns = [columns[0], pa.array(range(len(columns[0])), pa.int64())][: len(columns)]
    return getattr(pc, name)(*columns, **options).type


def shape(name):
    if name in SHAPES:
        return SHAPES[name].split() if SHAPES[name] else None
    if name.startswith("hash_"):
        return ["?"]
    return ["?"] * max(pc.get_function(name).arity, 1) if pc.get_function(name).arity is not Ellipsis else ["?", "?"]


def main():
    print("# Which types pyarrow's functions take and give. Written by differential/accepted.py; do not edit.")
    print(f"# pyarrow {pa.__version__}")
    for name in TYPES:
        print(f"{name} = {array(name).type}")
    print(f"conditions = {CONDITIONS[0]}")
    print()
    for name in sorted(pc.list_functions()):
        kinds = shape(name)
        if not kinds:
            continue
        found = {}
        for kind in TYPES:
            columns = lambda rows: [array(kind if each == "?" else each, rows) for each in kinds]
            answer = in_child(lambda: call(name, columns(2)))
            if answer is False:
                answer = in_child(lambda: call(name, columns(0)))
            if answer:
                answer = answer.replace(str(array(kind).type), "?")
                found.setdefault(answer, []).append(kind)
        if not found:
            print(f"no type: {name}", file=sys.stderr)
        for answer, kinds_found in found.items():
            print(f"{name}({', '.join(kinds)}) = {answer} | {' '.join(kinds_found)}")


main()
