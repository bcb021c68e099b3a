# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""What memory gives on this machine: reading and copying arrays far larger than its caches, in GB/s.

NumPy's sum of int64 and its copy do little but move memory, and let go of Python's lock; each thread has arrays of its
own. Copying counts the bytes read and those written. The best of many rounds is the limit that other figures are held to.
"""

import json
import os
import platform
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

MIB = 256  # of each array
ROUNDS = 15


def main() -> None:
    cores = len(os.sched_getaffinity(0))
    count = (MIB << 20) // 8
    limits = {}
    for threads in sorted({1, cores}):
        arrays = [(np.ones(count, np.int64), np.zeros(count, np.int64)) for _ in range(threads)]
        with ThreadPoolExecutor(threads) as pool:
            read = best(pool, arrays, lambda pair: pair[0].sum())
            copy = best(pool, arrays, lambda pair: np.copyto(pair[1], pair[0]))
        moved = threads * count * 8 / 1e9
        limits[f"{threads} threads"] = {"read_gb_s": moved / read, "copy_gb_s": 2 * moved / copy}
        print(f"threads={threads} read_gb_s={moved / read:.1f} copy_gb_s={2 * moved / copy:.1f}")
    if len(sys.argv) > 1:
        content = {"machine": {"cores": cores, "system": platform.platform(), "load": os.getloadavg()}, "limits": limits}
        with open(sys.argv[1], "w") as file:
            file.write(json.dumps(content, indent=1) + "\n")


def best(pool: ThreadPoolExecutor, arrays: list, work) -> float:
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        list(pool.map(work, arrays))
        seconds.append(time.perf_counter() - began)
    return min(seconds)


main()
