"""The picture of docs/en/guides/bars.md: the folds of bars of every length, as `cut_folds` cuts them.

python benchmarks/folds.py docs/en/images/folds.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import vl_convert

import gatecast as gc
from gatecast.problem.folds import cut_folds
from gatecast.problem.problem import make_problem

HORIZON, FOLDS = 5, 3
SERIES = {  # what the row is called → first bar, spacing, bars, calendar
    "5 minutes, XNYS": ("sessions", "5min", 78 * 8, "XNYS"),
    "hours, 24/7": ("2024-01-01", "h", 24 * 40, "24/7"),
    "days, XNYS": ("2022-01-03", "B", 500, "XNYS"),
    "weeks": ("2014-01-06", "W-MON", 500, "weekdays"),
    "months": ("1990-01-01", "MS", 400, "weekdays"),
    "quarters": ("1960-01-01", "QS", 250, "weekdays"),
    "numbered": ("index", "", 500, "weekdays"),
}
COLOURS = {"train": "#4477aa", "validation": "#ddaa33", "test": "#bb5566"}


def spans(name: str) -> pd.DataFrame:
    """The parts of every fold, in shares of the series."""
    first, freq, rows, calendar = SERIES[name]
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, rows)))
    frame = pd.DataFrame({"close": close})
    if first == "sessions":
        from gatecast.data.calendars import sessions_between

        days = sessions_between(calendar, "2024-01-02", "2024-02-01")
        frame["date"] = (days.astype("datetime64[m]")[:, None] + np.arange(570, 960, 5)).ravel()[:rows]
    elif first != "index":
        frame["date"] = pd.date_range(first, periods=rows, freq=freq)
    frequency = "index" if first == "index" else None
    prices = gc.Prices.from_frame(frame, calendar=calendar, frequency=frequency)
    problem = make_problem(prices, lookback=20, horizon=HORIZON)
    made = []
    for fold in cut_folds(problem, folds=FOLDS):
        for part in COLOURS:
            origins = getattr(fold, part)
            breaks = np.flatnonzero(np.diff(origins) > 1) + 1
            made += [
                {"bars": name, "fold": fold.number, "part": part,
                 "from": run[0] / rows, "to": (run[-1] + 1) / rows}
                for run in np.split(origins, breaks)
            ]  # fmt: skip
    return pd.DataFrame(made)


def picture() -> alt.FacetChart:
    """One row of bands for each frequency, one band for each fold."""
    table = pd.concat([spans(name) for name in SERIES])
    bands = alt.Chart(table).mark_bar(height=9).encode(
        x=alt.X("from:Q", title="share of the series", axis=alt.Axis(format="%", grid=False)),
        x2="to:Q",
        y=alt.Y("fold:O", title="fold"),
        color=alt.Color("part:N", title=None, sort=list(COLOURS),
                        scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
                        legend=alt.Legend(orient="top")),
    )  # fmt: skip
    return bands.properties(width=560, height=46).facet(
        row=alt.Row("bars:N", sort=list(SERIES), title=None,
                    header=alt.Header(labelAngle=0, labelAlign="left", labelFontSize=12)),
        spacing=10,
    )  # fmt: skip


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(vl_convert.vegalite_to_png(picture().to_json(), scale=1.5))
