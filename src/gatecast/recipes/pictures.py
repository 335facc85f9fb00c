"""The pictures of a page: the tutorial's own, and what its networks are worth."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from gatecast._typing import Floats
from gatecast.language import say
from gatecast.recipes.errors import ModelError
from gatecast.report.charts import WIDTH
from gatecast.report.marks import BLUE, GREY, INK, ORANGE, inline, layered, legend, styled
from gatecast.report.pictures import heading

COLOURS = (INK, ORANGE, BLUE, "#009E73", "#CC79A7")
TICKS = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100]


def lines_picture(
    index: pd.Index, lines: Mapping[str, Floats], title: str, below: str, *, unit: str, split: object = None
) -> alt.LayerChart:
    """Lines over dates or rows, the first in ink; a dashed line at `split`, where the test begins."""
    table = pd.concat(
        [pd.DataFrame({"x": index, "value": values, "line": name}) for name, values in lines.items()],
        ignore_index=True,
    ).dropna(subset="value")
    dated = isinstance(index, pd.DatetimeIndex)
    axis = alt.Axis(format="%Y-%m-%d", labelOverlap="greedy", labelSeparation=12) if dated else alt.Axis()
    across = alt.X(
        "x:T" if dated else "x:Q", title=None if dated else say("row"), axis=axis, scale=alt.Scale(zero=False)
    )
    colour = alt.Color(
        "line:N",
        scale=alt.Scale(domain=list(lines), range=COLOURS[: len(lines)]),
        legend=legend(),
        sort=list(lines),
    )
    up = alt.Y("value:Q", title=say(unit), scale=alt.Scale(zero=False))
    layers = [alt.Chart(inline(table)).mark_line(strokeWidth=1.6).encode(across, up, colour)]
    if split is not None:
        rule = alt.Chart(inline(pd.DataFrame({"x": [split]}))).mark_rule(strokeDash=[5, 4], color=INK)
        layers.append(rule.encode(across))
    return styled(layered(*layers, title=heading(title, below), width=WIDTH, height=280))


def errors_picture(errors: Sequence[ModelError], *, title: str, reference: str = "naive") -> alt.LayerChart:
    """One row per model: its RMSE over that of `reference`, with a bar from the best seed to the worst."""
    network, baseline = say("network"), say("baseline")
    table = pd.DataFrame(
        {
            "model": [error.model for error in errors],
            "kind": [network if error.seeds else baseline for error in errors],
            "ratio": [error.ratio for error in errors],
            "low": [min(error.seeds, default=np.nan) for error in errors],
            "high": [max(error.seeds, default=np.nan) for error in errors],
            "text": [f"{error.ratio:.2f}" for error in errors],
        }
    )
    ends = table[["ratio", "low", "high"]].to_numpy(dtype=float)
    left, right = min(np.nanmin(ends), 1.0) / 1.06, max(np.nanmax(ends), 1.0) * 1.06
    across = alt.X(
        "ratio:Q",
        title=say("times the RMSE of {reference}", reference=reference),
        scale=alt.Scale(type="log", domain=[left, right], nice=False),
        axis=alt.Axis(values=[tick for tick in TICKS if left <= tick <= right], format="~g"),
    )
    kinds = alt.Scale(domain=[network, baseline], range=[ORANGE, BLUE])
    colour = alt.Color("kind:N", scale=kinds, legend=legend())
    base = alt.Chart().encode(
        alt.Y("model:N", sort=list(table["model"]), title=None, axis=alt.Axis(labelLimit=260))
    )
    rule = (
        alt.Chart(alt.InlineData(values=[{}])).mark_rule(color=GREY, strokeWidth=1.4).encode(x=alt.datum(1))
    )
    layers = layered(
        rule,
        base.mark_rule(strokeWidth=3, opacity=0.35).encode(alt.X("low:Q"), alt.X2("high:Q"), colour),
        base.mark_circle(size=90, opacity=1).encode(across, colour),
        base.mark_text(align="left", dx=8, fontSize=13).encode(x=alt.value("width"), text="text:N"),
        data=inline(table),
    )
    below = say(
        "left of the line: better than {reference}; dot: the seeds' mean forecast; bar: best seed to worst",
        reference=reference,
    )
    return styled(layers.properties(width=WIDTH - 120, height=26 * len(table), title=heading(title, below)))


def packed(png: bytes) -> bytes:
    """The same picture in about a third of the bytes: it comes compressed for speed."""
    chunks = list(_chunks(png))
    pixels = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    others = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
    kept = [*others[:-1], (b"IDAT", zlib.compress(pixels, 9)), others[-1]]
    return png[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in kept
    )


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of every chunk after the signature."""
    place = 8
    while place < len(png):
        (size,) = struct.unpack(">I", png[place : place + 4])
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + size]
        place += size + 12
