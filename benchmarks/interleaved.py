"""Sides that take turns on the same texts, and the table of their times."""

import statistics
import time
from collections.abc import Callable
from typing import Any

ROUNDS = 7
Side = Callable[[list[str]], Any]


def rounds(sides: dict[str, Side], texts: list[str]) -> dict[str, list[float]]:
    """Return the seconds of every side in every round, after one that warms them up."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(ROUNDS + 1):
        print(f"round {number} of {ROUNDS}" if number else "warming up", flush=True)
        for name, side in sides.items():
            start = time.perf_counter()
            side(texts)
            times[name].append(time.perf_counter() - start)
    return {name: seconds[1:] for name, seconds in times.items()}


def table(count: int, times: dict[str, list[float]]) -> str:
    """Return a table: texts per second, and the ratio to the first side, round by round."""
    first = next(iter(times.values()))
    lines = [
        "| | texts per second, median | time relative to the first row, median (range) |",
        "|---|---|---|",
    ]
    for name, seconds in times.items():
        ratios = sorted(theirs / ours for theirs, ours in zip(seconds, first, strict=True))
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        lines.append(f"| {name} | {count / statistics.median(seconds):.0f} | {spread} |")
    return "\n".join(lines)
