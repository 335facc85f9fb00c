"""grow: time and memory against members, sessions and lookback; a new process for every point."""

from __future__ import annotations

import sys
from typing import Any

from child import ChildError
from measure import Pool, Way

BASE = {"members": 1, "sessions": 10_000, "lookback": 20, "features": 5, "hidden": 16, "batch": 64}
ALONG = {
    "members": (1, 4, 16, 64, 256, 512),
    "sessions": (1_000, 10_000, 100_000, 1_000_000),
    "lookback": (10, 20, 50, 100, 200, 500),
}
FEWER = {"members": {"sessions": 1_000}}  # along this axis
LIMIT = 600.0


def measure(pool: Pool, *, quick: bool) -> dict[str, Any]:
    points, lines, versions = [], [], {}
    for axis, values in ALONG.items():
        fixed = BASE | FEWER.get(axis, {})
        others = ", ".join(f"{name} {value:,}" for name, value in fixed.items() if name != axis)
        lines += [
            f"Against {axis} ({others}), one epoch:",
            "",
            f"| {axis} | first call, s | second call, s | µs per step and network | peak memory, MB |",
            "|---|---|---|---|---|",
        ]
        for value in values[:3] if quick else values:
            way = Way("gatecast", "gatecast_long", f"{axis} {value}", 1, 2)
            try:
                found = pool.lanes(way)[0].call("grow", LIMIT, **{**fixed, axis: value})
            except ChildError as error:
                lines.append(f"| {value:,} | {error} | | | |")
                continue
            finally:
                pool.drop(way)
            points.append({"axis": axis, "value": value, **found})
            versions = found["versions"]
            lines.append(
                f"| {value:,} | {found['first_s']:.2f} | {found['second_s']:.2f} "
                f"| {found['us']:,.0f} | {found['peak_mb']:,.0f} |"
            )
            print(f"  {lines[-1]}", file=sys.stderr, flush=True)
        lines.append("")
    title = "gatecast against members, sessions, lookback (LSTM(16))"
    return {"title": title, "lines": lines[:-1], "points": points, "versions": versions}
