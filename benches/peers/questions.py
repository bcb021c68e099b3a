# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""The questions as SQL, over tables that go by the names of their files, and which dataset each is asked of."""

import pathlib
import re

from kernels import ACERO

SQL = {
    "g1": "select id1, sum(v1) as v1 from x group by id1",
    "g2": "select id1, id2, sum(v1) as v1 from x group by id1, id2",
    "g3": "select id3, sum(v1) as v1, avg(v3) as v3 from x group by id3",
    "g4": "select id4, avg(v1) as v1, avg(v2) as v2, avg(v3) as v3 from x group by id4",
    "g5": "select id6, sum(v1) as v1, sum(v2) as v2, sum(v3) as v3 from x group by id6",
    "g6": "select id4, id5, median(v3) as median_v3, stddev_samp(v3) as sd_v3 from x group by id4, id5",
    "g7": "select id3, max(v1) - min(v2) as range_v1_v2 from x group by id3",
    "g8": "select id6, v3 from (select id6, v3, row_number() over (partition by id6 order by v3 desc) as place from x"
    " where v3 is not null) as placed where place <= 2",
    "g9": "select id2, id4, power(corr(v1, v2), 2) as r2 from x group by id2, id4",
    "g10": "select id1, id2, id3, id4, id5, id6, sum(v3) as v3, count(*) as count from x"
    " group by id1, id2, id3, id4, id5, id6",
    "j1": "select x.*, small.id4 as small_id4, v2 from x join small on x.id1 = small.id1",
    "j2": "select x.*, medium.id1 as medium_id1, medium.id4 as medium_id4, medium.id5 as medium_id5, v2"
    " from x join medium on x.id2 = medium.id2",
    "j3": "select x.*, medium.id1 as medium_id1, medium.id4 as medium_id4, medium.id5 as medium_id5, v2"
    " from x left join medium on x.id2 = medium.id2",
    "j4": "select x.*, medium.id1 as medium_id1, medium.id2 as medium_id2, medium.id4 as medium_id4, v2"
    " from x join medium on x.id5 = medium.id5",
    "j5": "select x.*, big.id1 as big_id1, big.id2 as big_id2, big.id4 as big_id4, big.id5 as big_id5,"
    " big.id6 as big_id6, v2 from x join big on x.id3 = big.id3",
    "sum": "select sum(value) as total from x",
    "filter_group_sum": "select key, sum(value) as total from x where value >= 500000 group by key",
}

TPCH = dict(
    re.findall(r"^-- (q\d+)\n(.*?);\n", pathlib.Path(__file__).with_name("tpch.sql").read_text(), re.MULTILINE | re.DOTALL)
)
SQL |= TPCH
KERNELS = list(ACERO)
QUESTIONS = [*SQL, *KERNELS]
GROUPS_AND_JOINS = [question for question in SQL if question[0] in "gj" and question[1:].isdigit()]


def dataset(question: str) -> str:
    if question in TPCH:
        return "tpch"
    if question in KERNELS:
        return "kernels"
    return {"g": "groupby", "j": "join"}[question[0]] if question in GROUPS_AND_JOINS else "pairs"
