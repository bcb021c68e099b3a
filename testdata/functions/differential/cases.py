# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""What differential.py compares: types, values, arguments and options."""

import datetime
import decimal
import math

import pyarrow as pa

TYPES = [
    pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(),
    pa.float32(), pa.float64(), pa.decimal128(10, 2), pa.decimal256(20, 3), pa.date32(), pa.date64(), pa.time32("s"),
    pa.time64("us"), pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("ms", "America/New_York"),
    pa.duration("ms"), pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.binary(3),
    pa.list_(pa.int64()), pa.null(), pa.float16(), pa.decimal32(7, 2), pa.decimal64(12, 3), pa.string_view(), pa.binary_view(),
    pa.large_list(pa.int64()), pa.list_(pa.string()), pa.list_(pa.int64(), 2), pa.struct([("a", pa.int64()), ("b", pa.string())]),
    pa.map_(pa.string(), pa.int64()), pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.int8(), pa.int64()),
    pa.month_day_nano_interval(), pa.time32("ms"), pa.duration("s"), pa.timestamp("s", "UTC"),
]  # fmt: skip

TEXT = ["", "a", "A", "aXbX", "  pad ", "größe", "ß", "ﬁ", "İ", "日本", "e\u0301", "\u200b", "a\u0000b", "x" * 30, "1,2,,3",
        "\t\n", "123", "-7", "Ab Cd", "ǅ", "²", "😀 x"]  # fmt: skip
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, 3.5, -2.5, float("nan"), float("inf"), float("-inf"), 1e300, 1e-300, 2.675, 123.456,
          9_999_999_999.0, 1e10, 757_717_938_211_570.25, 1e15, 2.0**53, 1e-6, 9.5e-7, -0.1]  # fmt: skip
EPOCH = datetime.datetime(1970, 1, 1)


def value(kind, rng):
    """A value of a type: an edge as often as not."""
    edge = rng.random() < 0.5
    if pa.types.is_null(kind):
        return None
    if pa.types.is_dictionary(kind):
        return value(kind.value_type, rng)
    if pa.types.is_struct(kind):
        return {field.name: None if rng.random() < 0.2 else value(field.type, rng) for field in kind}
    if pa.types.is_map(kind):
        return [(name, value(kind.item_type, rng)) for name in rng.sample(["a", "b", "c", ""], rng.randint(0, 3))]
    if pa.types.is_fixed_size_list(kind):
        return [None if rng.random() < 0.2 else value(kind.value_type, rng) for _ in range(kind.list_size)]
    if pa.types.is_interval(kind):
        return (rng.randint(-20, 20), rng.randint(-40, 40), rng.randint(-(10**12), 10**12))
    if pa.types.is_boolean(kind):
        return rng.random() < 0.5
    if pa.types.is_integer(kind):
        bits = kind.bit_width
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if pa.types.is_signed_integer(kind) else (0, 2**bits - 1)
        return rng.choice([low, high, 0, 1, 2, 3]) if edge else rng.randint(max(low, -100), min(high, 100))
    if pa.types.is_floating(kind):
        if edge:
            return rng.choice(FLOATS[:11] if kind != pa.float64() else FLOATS)
        size = 0 if kind == pa.float16() or rng.random() < 0.5 else rng.randint(-9, 12)
        return float(rng.randint(-1000, 1000)) / 8 * 10.0**size
    if pa.types.is_decimal(kind):
        most = 10**kind.precision - 1
        number = rng.choice([0, 1, -1, 50, -50, most, -most]) if edge else rng.randint(-100000, 100000)
        return decimal.Decimal(number).scaleb(-kind.scale)
    if pa.types.is_date32(kind):
        return datetime.date(1970, 1, 1) + datetime.timedelta(days=rng.choice([0, -1, 59, 19782]) if edge else rng.randint(-40000, 40000))
    if pa.types.is_date64(kind):
        return datetime.date(1970, 1, 1) + datetime.timedelta(days=rng.randint(-40000, 40000))
    if pa.types.is_time(kind):
        seconds = rng.choice([0, 86399]) if edge else rng.randint(0, 86399)
        per_second = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}[kind.unit]
        return seconds * per_second + rng.choice([0, 1 % per_second, per_second - 1])
    if pa.types.is_timestamp(kind):
        # From 1902 to 2037: beyond, the rules of zones that pyarrow reads from the machine may end.
        per_second = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}[kind.unit]
        seconds = rng.choice([0, -1, 1710054000, 1730613600, 951782400]) if edge else rng.randint(-2 * 10**9, 2 * 10**9)
        return seconds * per_second + rng.choice([0, 1, per_second - 1])
    if pa.types.is_duration(kind):
        return rng.choice([0, -1, 1]) if edge else rng.randint(-(10**9), 10**9)
    if pa.types.is_fixed_size_binary(kind):
        return bytes(rng.choice(b"ab\xff") for _ in range(kind.byte_width))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return rng.choice(TEXT) if edge else "".join(rng.choice("abXÄ 1.") for _ in range(rng.randint(0, 8)))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return rng.choice([b"", b"\xff\x00", b"a", b"X"]) if edge else bytes(rng.choice(b"abX\xe4") for _ in range(rng.randint(0, 6)))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [None if rng.random() < 0.2 else value(kind.value_type, rng) for _ in range(rng.randint(0, 4))]
    raise TypeError(f"no values of {kind}")


def small(kind, low, high):
    """Arguments of which the second is a small integer."""

    def of(first, rows, rng, column):
        return [column(first, rows, rng), pa.array([rng.randint(low, high) for _ in range(rows)], kind)]

    return of


def chosen(kind, rows, rng, column):
    values = column(kind, rows, rng)
    count = max(len(values), 1)
    indices = [None if rng.random() < 0.1 else rng.randrange(count) for _ in range(rows if rows else 0)]
    return [values, pa.array(indices, pa.int32())]


ARGUMENTS = {
    "take": chosen,
    "filter": lambda kind, rows, rng, column: [column(kind, rows, rng), column(pa.bool_(), rows, rng)],
    "if_else": lambda kind, rows, rng, column: [column(pa.bool_(), rows, rng), column(kind, rows, rng), column(kind, rows, rng)],
    "choose": lambda kind, rows, rng, column: [
        pa.array([rng.randint(0, 1) for _ in range(rows)], pa.int64()), column(kind, rows, rng), column(kind, rows, rng)],
    "replace_with_mask": lambda kind, rows, rng, column: [
        column(kind, rows, rng), column(pa.bool_(), rows, rng), column(kind, rows, rng)],
    "round_binary": small(pa.int32(), -3, 4),
    "binary_repeat": small(pa.int64(), 0, 3),
    "shift_left": small(pa.int8(), -1, 9),
    "shift_right": small(pa.int8(), -1, 9),
    "power": small(pa.int8(), 0, 5),
    "power_checked": small(pa.int8(), 0, 5),
    "inverse_permutation": lambda kind, rows, rng, column: [pa.array(rng.sample(range(rows), rows), pa.int64())],
    "scatter": lambda kind, rows, rng, column: [column(kind, rows, rng), pa.array(rng.sample(range(rows), rows), pa.int64())],
    "pivot_wider": lambda kind, rows, rng, column: [
        pa.array(rng.sample(["a", "b", "c"], min(rows, 2)), pa.string()), column(kind, min(rows, 2), rng)],
    "list_element": lambda kind, rows, rng, column: [column(kind, rows, rng), pa.array([rng.randint(0, 1)] * rows, pa.int32())],
    "binary_join": lambda kind, rows, rng, column: [column(kind, rows, rng), column(pa.string(), rows, rng)],
    "binary_join_element_wise": lambda kind, rows, rng, column: [column(kind, rows, rng) for _ in range(3)],
    "case_when": lambda kind, rows, rng, column: [
        pa.StructArray.from_arrays([column(pa.bool_(), rows, rng), column(pa.bool_(), rows, rng)], names=["x", "y"]),
        *(column(kind, rows, rng) for _ in range(rng.randint(2, 3)))],
}  # fmt: skip

PATTERN = [{"pattern": "a"}, {"pattern": "X", "ignore_case": True}, {"pattern": "ß"}]
REGEX = [{"pattern": "a+|X"}, {"pattern": r"\w+"}, {"pattern": r"(?i)[b-z]"}, {"pattern": "^.b?"}]
PAD = [{"width": 5}, {"width": 8, "padding": "*"}]
NULLS = [{}, {"skip_nulls": False}, {"min_count": 0}, {"min_count": 3}]
TEMPORAL = [{"unit": unit, "multiple": multiple} for unit in ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
            for multiple in (1, 3)]  # fmt: skip

OPTIONS = {
    **{name: PATTERN for name in ("match_substring", "starts_with", "ends_with", "find_substring", "count_substring")},
    **{name: REGEX for name in ("match_substring_regex", "find_substring_regex", "count_substring_regex")},
    "match_like": [{"pattern": "a%"}, {"pattern": "_"}, {"pattern": "%X%", "ignore_case": True}],
    "replace_substring": [{"pattern": "a", "replacement": "zz"}, {"pattern": "X", "replacement": "", "max_replacements": 1}],
    "replace_substring_regex": [{"pattern": "(a|X)", "replacement": r"<\1>"}, {"pattern": "[b1]", "replacement": r"\0\0"}],
    "extract_regex": [{"pattern": r"(?P<x>[a-z])(?P<y>\d)?"}],
    "extract_regex_span": [{"pattern": r"(?P<x>[a-z])(?P<y>\d)?"}],
    "split_pattern": [{"pattern": "X"}, {"pattern": ",", "max_splits": 1}, {"pattern": "a", "max_splits": 1, "reverse": True}],
    "split_pattern_regex": [{"pattern": "[X,]"}],
    **{f"{kind}_{side}pad": PAD for kind in ("ascii", "utf8") for side in ("l", "r")},
    "ascii_center": PAD, "utf8_center": PAD, "utf8_zero_fill": [{"width": 5}],
    **{f"{kind}_{side}trim": [{"characters": " a"}, {"characters": "Xß"}, {"characters": ""}]
       for kind in ("ascii", "utf8") for side in ("", "l", "r")},
    "utf8_slice_codeunits": [{"start": 1}, {"start": -3, "stop": -1}, {"start": 4, "stop": 0, "step": -1}],
    "binary_slice": [{"start": 1}, {"start": -3, "stop": -1}, {"start": 0, "stop": 5, "step": 2}],
    "utf8_replace_slice": [{"start": 1, "stop": 2, "replacement": "ZZ"}, {"start": -1, "stop": 5, "replacement": ""}],
    "binary_replace_slice": [{"start": 1, "stop": 2, "replacement": "ZZ"}],
    "utf8_normalize": [{"form": form} for form in ("NFC", "NFD", "NFKC", "NFKD")],
    "round": [{}, {"ndigits": 1}, {"ndigits": -1}] + [{"ndigits": 1, "round_mode": mode} for mode in (
        "down", "up", "towards_zero", "towards_infinity", "half_down", "half_up", "half_towards_zero",
        "half_towards_infinity", "half_to_even", "half_to_odd")],
    **{f"{way}_temporal": TEMPORAL for way in ("floor", "ceil", "round")},
    "is_null": [{}, {"nan_is_null": True}],
    **{name: NULLS for name in ("sum", "product", "mean", "min", "max", "min_max", "any", "all", "first", "last",
                                "first_last", "approximate_median")},
    "variance": [{}, {"ddof": 1}], "stddev": [{}, {"ddof": 1}],
    "skew": [{}, {"biased": False}, {"min_count": 3}], "kurtosis": [{}, {"biased": False}],
    "count": [{"mode": mode} for mode in ("only_valid", "only_null", "all")],
    "count_distinct": [{"mode": mode} for mode in ("only_valid", "only_null", "all")],
    **{f"cumulative_{name}": [{}, {"skip_nulls": True}] for name in ("sum", "prod", "max", "min", "mean")},
    "pairwise_diff": [{}, {"period": 2}, {"period": -1}],
    "list_slice": [{"start": 1}, {"start": 0, "stop": 2}, {"start": 0, "stop": 2, "return_fixed_size_list": True}],
    "mode": [{}, {"n": 3}, {"skip_nulls": False}],
    "winsorize": [{"lower_limit": 0.1, "upper_limit": 0.8}],
    "rank": [{"tiebreaker": word} for word in ("first", "min", "max", "dense")],
    "strptime": [{"format": "%Y", "unit": "s", "error_is_null": True}],
    "strftime": [{}, {"format": "%d.%m.%y %I %p %j %a %B"}],
    "day_of_week": [{}, {"count_from_zero": False, "week_start": 7}],
    "week": [{}, {"count_from_zero": True}, {"week_starts_monday": False}, {"first_week_is_fully_in_year": True}],
    "array_sort_indices": [{}, {"order": "descending"}, {"null_placement": "at_start"}],
    "dictionary_encode": [{}, {"null_encoding": "encode"}],
    "assume_timezone": [{"timezone": "America/New_York", "ambiguous": "earliest", "nonexistent": "latest"}, {"timezone": "UTC"}],
    "quantile": [{}, {"q": [0.1, 0.9]}] + [{"q": 0.3, "interpolation": word} for word in ("lower", "higher", "nearest", "midpoint")],
    "tdigest": [{}, {"q": [0.25, 0.75]}],
    "round_to_multiple": [{}, {"multiple": 2}, {"multiple": 3, "round_mode": "half_up"}],
    "make_struct": [{"field_names": ["a", "b"]}],
    "struct_field": [{"indices": [0]}, {"indices": [1]}],
    "map_lookup": [{"query_key": pa.scalar("a"), "occurrence": word} for word in ("first", "last", "all")],
    "binary_join_element_wise": [{"null_handling": word} for word in ("emit_null", "skip", "replace")],
    "pivot_wider": [{"key_names": ["a", "b"]}],
    "sort_indices": [{}, {"order": "descending"}, {"null_placement": "at_start"}],
    "max_element_wise": [{}, {"skip_nulls": False}], "min_element_wise": [{}, {"skip_nulls": False}],
}  # fmt: skip

# Words of a set, a value and a type, drawn for a call.
WORDS = (lambda kind: pa.types.is_integer(kind) and kind != pa.uint64(), pa.types.is_string, pa.types.is_boolean, pa.types.is_large_string)


def drawn(name, columns, rng):
    """Options that depend on the arguments, or nothing."""
    if name == "cast":
        return {"target_type": rng.choice(TYPES), "safe": rng.random() < 0.7}
    if name in ("is_in", "index_in", "index"):
        if not any(test(columns[0].type) for test in WORDS):
            return None
        some = [each for each in columns[0].to_pylist() if each is not None][:3]
        if name == "index":
            return {"value": pa.scalar(some[0] if some else value(columns[0].type, rng), columns[0].type)}
        return {"value_set": pa.array(some + rng.choice([[], [None]]), columns[0].type), "skip_nulls": rng.random() < 0.5}
    return rng.choice(OPTIONS.get(name, [{}]))


def theirs(pc, name, columns, options):
    """A call of pyarrow, whose wrappers take some arguments otherwise."""
    if name == "sort_indices":
        return pc.array_sort_indices(*columns, **options)
    if name == "list_element":
        return pc.list_element(columns[0], columns[1][0].as_py() if len(columns[1]) else 0)
    if name == "map_lookup":
        return pc.map_lookup(columns[0], options["query_key"], options["occurrence"])
    return getattr(pc, name)(*columns, **options)


def ours(options):
    """The options as ours are called, in JSON."""

    def plain(each):
        if isinstance(each, pa.DataType):
            return str(each)
        if isinstance(each, (pa.Array, pa.ChunkedArray)):
            return each.to_pylist()
        return each.as_py() if isinstance(each, pa.Scalar) else each

    return {{"target_type": "to_type"}.get(name, name): plain(each) for name, each in options.items()}


# What is compared otherwise, or has answers that are not told apart by value.
SKIPPED = {
    "random", "select_k_unstable", "partition_nth_indices", "list", "distinct", "fill_null", "search_sorted",
    "month_interval_between", "day_time_interval_between", "is_in_meta_binary", "index_in_meta_binary", "replace",
}  # fmt: skip

# Answers that may differ in the last digits of a float: sums in another order, another library of mathematics.
CLOSE = {
    "sum", "mean", "variance", "stddev", "product", "skew", "kurtosis", "cumulative_sum", "cumulative_mean", "sin", "cos", "tan",
    "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "ln", "log2", "log10", "log1p", "logb",
    "exp", "expm1", "hypot", "power", "power_checked", "sqrt", "sqrt_checked", "rank_normal", "approximate_median", "quantile", "tdigest",
    "sin_checked", "cos_checked", "tan_checked", "asin_checked", "acos_checked", "acosh_checked", "atanh_checked",
    "ln_checked", "log2_checked", "log10_checked", "log1p_checked", "logb_checked",
}  # fmt: skip
