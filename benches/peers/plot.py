# SPDX-FileCopyrightText: The Bowyer Authors
# SPDX-License-Identifier: Apache-2.0
"""Bars as SVG: a block a question, a bar an engine, on a logarithmic scale of seconds."""

import math
from html import escape

COLOURS = ["#c1272d", "#f2b705", "#d99a00", "#2f6fbb", "#79a9dd", "#3a9a5b", "#7d5ba6", "#8a8a8a", "#4d4d4d"]
LEFT, WIDTH, BAR, GAP, HEAD = 130, 620, 11, 14, 50


def bars(title: str, seconds: dict[str, dict[str, float]], engines: list[str]) -> str:
    """`seconds` by question, then by engine."""
    colours = dict(zip(engines, COLOURS))
    times = [time for of_engine in seconds.values() for time in of_engine.values()]
    if not times:
        return '<svg xmlns="http://www.w3.org/2000/svg"/>\n'
    low = math.floor(math.log10(min(times)))
    high = max(math.ceil(math.log10(max(times))), low + 1)

    def place(time: float) -> float:
        return LEFT + WIDTH * (math.log10(time) - low) / (high - low)

    drawn, y = [], HEAD
    for question, of_engine in seconds.items():
        middle = y + len(of_engine) * BAR / 2 + 4
        drawn.append(f'<text x="8" y="{middle:.0f}" font-weight="bold">{escape(question)}</text>')
        for engine, time in sorted(of_engine.items(), key=lambda it: it[1]):
            end = place(time)
            drawn.append(
                f'<rect x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{BAR - 2}" fill="{colours[engine]}"/>'
                f'<text x="{end + 4:.1f}" y="{y + 8}" font-size="9">{escape(engine)} {time:.3g}</text>'
            )
            y += BAR
        y += GAP
    lines = [
        f'<line x1="{place(10**power):.1f}" x2="{place(10**power):.1f}" y1="{HEAD - 8}" y2="{y}" stroke="#ddd"/>'
        f'<text x="{place(10**power):.1f}" y="{HEAD - 12}" text-anchor="middle" font-size="10">{10.0**power:g} s</text>'
        for power in range(low, high + 1)
    ]
    size = f'width="{LEFT + WIDTH + 170}" height="{y}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    background = '<rect width="100%" height="100%" fill="white"/>'
    heading = f'<text x="8" y="20" font-size="14">{escape(title)}</text>'
    return "\n".join([head, background, heading, *lines, *drawn, "</svg>"]) + "\n"
