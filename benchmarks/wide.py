"""wide: one GRU pooled over all symbols, one epoch; seconds and peak memory for two lookbacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from measure import Pool, Way

LOOKBACKS, BATCH, LIMIT = (20, 200), 256, 1200.0


def measure(pool: Pool, data: Path) -> dict[str, Any]:
    rows = []
    for lookback in LOOKBACKS:
        way = Way("gatecast", "gatecast_long", f"wide {lookback}", 1, 2)  # a process of its own: its own peak
        rows.append(pool.lanes(way)[0].call("wide", LIMIT, data=str(data), lookback=lookback, batch=BATCH))
        pool.drop(way)
    lines = [
        f"GRU(32), batch {BATCH}, {rows[0]['symbols']} symbols of {data.name}, one epoch and validation,",
        "a new process each; seconds with compilation, peak memory (ru_maxrss) of the whole process.",
        "",
        "| lookback | training origins | load, s | train, s | peak memory, MB | windows laid out, MB |",
        "|---|---|---|---|---|---|",
    ]
    for lookback, row in zip(LOOKBACKS, rows, strict=True):
        lines.append(
            f"| {lookback} | {row['origins']:,} | {row['load_s']:.1f} | {row['train_s']:.1f} "
            f"| {row['peak_mb']:,.0f} | {row['laid_out_mb']:,.0f} |"
        )
    title = f"a GRU pooled over {rows[0]['symbols']} symbols"
    return {"title": title, "lines": lines, "rows": rows, "versions": rows[0]["versions"]}
