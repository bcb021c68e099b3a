# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""When a difference is a deviation that deviations.toml lists: a test of the call and of both answers for each id."""

import math
import pathlib
import tomllib

import pyarrow as pa
import pyarrow.compute as pc
from cases import theirs as called

LISTED = {
    each["id"]: each["functions"]
    for each in tomllib.loads(pathlib.Path(__file__).parent.joinpath("deviations.toml").read_text())["deviation"]
}


def kinds(columns):
    return [each.type for each in columns]


def has_nan(columns, *_):
    return any(pa.types.is_floating(each.type) and any(item is not None and item != item for item in each.to_pylist()) for each in columns)


def has_infinity(columns, *_):
    return any(pa.types.is_floating(each.type) and any(item in (math.inf, -math.inf) for item in each.to_pylist()) for each in columns)


def has_zeros(columns, *_):
    return sum(item == 0 for item in columns[0].to_pylist()) > 1


def has_decimals(columns, options, ours, _theirs):
    types = kinds(columns) + [options[name] for name in ("target_type",) if name in options]
    return ours[0] == "failed" and "Overflow" in ours[1] and any(map(pa.types.is_decimal, types))


def of_day_times(columns, _options, ours, _theirs):
    return ours[0] == "failed" and (pa.types.is_time(columns[0].type) or pa.types.is_duration(columns[0].type))


def of_zones(columns, _options, ours, theirs):
    return ours[0] == "failed" and theirs[0] == "value" and len(columns[0]) == columns[0].null_count


def of_calendar(_columns, options, _ours, _theirs):
    return options.get("unit") in ("year", "quarter", "month")


def at_the_start(_columns, options, *_):
    return options.get("pattern", "").startswith("^")


def keeps_its_type(columns, _options, ours, _theirs):
    types = kinds(columns)
    small = any(pa.types.is_decimal(each) and each.bit_width < 128 for each in types)
    return ours[0] == "value" and (small or pa.types.is_dictionary(types[1]))


def of_fixed_size(columns, *_):
    return pa.types.is_fixed_size_binary(columns[0].type)


def of_views(columns, *_):
    return "view" in str(columns[0].type) and columns[0].null_count > 0


def beside_zones(columns, _options, ours, _theirs):
    zones = [getattr(each, "tz", None) for each in kinds(columns) if pa.types.is_date(each) or pa.types.is_timestamp(each)]
    return ours[0] == "failed" and any(zones) and not all(zones)


def of_lists(_columns, _options, ours, theirs):
    """Several shares: a list of one row, with the same values but for their last digits."""
    return ours[0] == "value" and theirs[0] == "value" and agree(ours[1][1], [theirs[1][1]])


def they_fail(_columns, _options, _ours, theirs):
    return theirs[0] == "failed"


def needs_room(_columns, _options, ours, theirs):
    return ours[0] == "value" and theirs[0] == "failed" and "Precision is not great enough" in theirs[1]


def without_values(columns, _options, ours, theirs):
    return ours[0] == "failed" and "there is no cast" in ours[1] and theirs[0] == "value" and columns[0].null_count == len(columns[0])


def wraps(columns, _options, ours, _theirs):
    if not pa.types.is_integer(columns[0].type) or ours[0] != "value":
        return False
    values = [item for item in columns[0].to_pylist() if item is not None]
    return agree(ours[1][1], [math.fsum(map(float, values)) / len(values)]) or max(map(abs, values)) > 2**60


def to_null(columns, options, ours, _theirs):
    return ours[0] == "failed" and pa.types.is_null(options["target_type"]) and pa.types.is_dictionary(columns[0].type)


def past_the_ends(columns, options, ours, theirs):
    floats = pa.types.is_floating(columns[0].type) and pa.types.is_integer(options["target_type"])
    return floats and not options["safe"] and ours[0] == theirs[0] == "value"


def to_half(columns, options, ours, theirs):
    half = pa.types.is_integer(columns[0].type) and pa.types.is_float16(options["target_type"])
    return half and theirs[0] == "value" and ours[0] == "failed" and "no exact Float16" in ours[1]


def at_a_change(_columns, _options, ours, theirs):
    return ours[0] == "value" and theirs[0] == "failed" and ("ambiguous" in theirs[1] or "nonexistent" in theirs[1])


def of_structs(columns, *_):
    return pa.types.is_struct(columns[0].type) and columns[0].null_count > 0


def drops_rows(columns, options, ours, theirs):
    """A row whose values are all null; the last column is the separator."""
    if options.get("null_handling") != "skip" or ours[0] != "value" or theirs[0] != "value":
        return False
    valued = [any(item is not None for item in row) for row in zip(*(each.to_pylist() for each in columns[:-1]))]
    return [text for text, there in zip(ours[1][1], valued) if there] == theirs[1][1]


def of_nothing(columns, *_):
    return pa.types.is_null(columns[0].type)


def agree(ours, theirs):
    """Whether both are the same but for the last digits of floats."""
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(map(agree, ours, theirs))
    try:
        x, y = float(ours), float(theirs)
    except (TypeError, ValueError):
        return ours == theirs
    return x == y or (x != x and y != y) or math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-30)


def doubled(each):
    """The column as the doubles that are nearest to its decimals."""
    number = pa.types.is_decimal(each.type) or pa.types.is_float16(each.type)
    return pa.array([None if item is None else float(item) for item in each.to_pylist()], pa.float64()) if number else each


def as_doubles(of):
    """Whether nothing but the reading of such columns makes a difference: given doubles, pyarrow answers as we do."""

    def applies(columns, options, ours, _theirs, name):
        if ours[0] != "value" or not any(of(each) for each in kinds(columns)):
            return False
        try:
            answer = called(pc, name, [doubled(each) for each in columns], options)
        except pa.ArrowException:
            return False
        items = [answer.as_py()] if isinstance(answer, pa.Scalar) else answer.to_pylist()
        return agree(ours[1][1], items) or agree(ours[1][1], [items])

    return applies


TESTS = {
    "kept-type": keeps_its_type,
    "no-zone": beside_zones,
    "nearest-float": as_doubles(pa.types.is_decimal),
    "decimal-digits": has_decimals,
    "decimal-multiple": they_fail,
    "decimal-overflow": has_decimals,
    "mean-wraps": wraps,
    "mean-of-nothing": of_nothing,
    "half-counts": as_doubles(pa.types.is_float16),
    "leading-nan": has_nan,
    "first-zero": has_zeros,
    "no-calendar": of_day_times,
    "first-of-month": of_calendar,
    "rounded-twice": at_a_change,
    "zone-first": of_zones,
    "cast-by-types": without_values,
    "cast-to-null": to_null,
    "cast-past-the-ends": past_the_ends,
    "cast-to-half": to_half,
    "cast-by-value": needs_room,
    "null-struct": of_structs,
    "start-of-text": at_the_start,
    "white-space-at-the-end": lambda *_: True,
    "binary-slice": they_fail,
    "shares": of_lists,
    "infinite-centroid": has_infinity,
    "fixed-size-extremes": of_fixed_size,
    "null-view": of_views,
    "join-of-nothing": drops_rows,
}
UNKNOWN = set(TESTS) - set(LISTED)
assert not UNKNOWN, f"not in deviations.toml: {UNKNOWN}"


def deviation(name, columns, options, ours, theirs):
    """The id of the deviation that a difference is, or nothing."""
    for key, test in TESTS.items():
        if name in LISTED[key] or "*" in LISTED[key]:
            more = (name,) if key in ("nearest-float", "half-counts") else ()
            if test(columns, options, ours, theirs, *more):
                return key
    return None
