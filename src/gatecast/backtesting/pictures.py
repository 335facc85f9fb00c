"""The pictures of a backtest: what became of the money, and how sure its Sharpe ratios are."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from gatecast.backtesting.strategies import HOLD, Backtest, Strategy
from gatecast.backtesting.verdict import verdict
from gatecast.formatting import number, typeset
from gatecast.language import marked, say
from gatecast.report import time_axis
from gatecast.report.charts import WIDTH
from gatecast.report.frames import Label
from gatecast.report.marks import BLUE, GREY, INK, ORANGE, inline, layered, legend, styled
from gatecast.report.pictures import heading, labels
from gatecast.settings.frequency import is_intraday

MOST_POINTS = 600  # bars drawn of each line
LONG = 5  # days, from which on the time of day is left out
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 50)
TICKS = [1, 1.2, 1.4, 1.6, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]
MOST_ROWS = 30  # strategies
TITLES = {
    "better than luck": marked("The best strategy earned more than luck explains"),
    "may be luck": marked("What the best strategy earned may be luck"),
    "lost money": marked("After costs, all of them lost money"),
    "never traded": marked("No strategy ever traded"),
}


def pictures(tested: Backtest) -> dict[str, alt.LayerChart]:
    """Name → chart: money, and sharpe where a ratio is defined."""
    label = labels((), dict.fromkeys(one.model for one in tested.strategies))
    drawn = {"money": money_picture(tested, label)}
    if tested.best is not None:
        drawn["sharpe"] = sharpe_picture(tested, label)
    return drawn


def money_picture(tested: Backtest, label: Label = str) -> alt.LayerChart:
    """Growth of 1: the best strategy, buy-and-hold, the others, and the band of the same positions at random
    times.
    """
    hold = tested.hold
    best = tested.second if tested.best is not None and tested.is_hold(tested.best) else tested.best
    session = pd.DatetimeIndex(hold.money.session)
    every = max(1, -(-len(session) // MOST_POINTS))
    rows = np.unique(np.append(np.arange(0, len(session), every), len(session) - 1))

    def line(one: Strategy, name: str, kind: str) -> pd.DataFrame:
        return pd.DataFrame(
            {"date": session[rows], "money": one.money.equity[rows], "line": name, "series": kind}
        )

    own = f"{label(best.model)}, {best.rule}" if best is not None else ""
    held, rest = say(HOLD), say(OTHERS)
    names = [held, *([own] if best is not None else [])]
    colours = [INK, *([ORANGE] if best is not None else [])]
    others = [one for one in tested.strategies if one is not best and np.isfinite(one.net.sharpe)]
    parts = [line(one, str(place), rest) for place, one in enumerate(others)]
    if others:
        names, colours = [*names, rest], [*colours, "#bbbbbb"]
    parts.append(line(hold, held, held))
    if best is not None:
        parts.append(line(best, own, own))
    table = pd.concat(parts, ignore_index=True)
    long = session[-1] - session[0] > pd.Timedelta(days=LONG)
    across = time_axis.across(tested.frequency, wide=long and is_intraday(tested.frequency))
    scale = (
        alt.Scale(type="log", zero=False, nice=False) if (table["money"] > 0).all() else alt.Scale(zero=False)
    )
    axis = alt.Axis(format="~g", values=_ticks(table["money"]))
    up = alt.Y("money:Q", title=say("money, 1 at the start"), scale=scale, axis=axis)
    colour = alt.Color("series:N", scale=alt.Scale(domain=names, range=colours), legend=legend())
    layers: list[alt.Chart] = []
    below = say("after costs")
    if best is not None and best.luck.band.shape[1]:
        low, high = best.luck.band[:, rows]
        band = pd.DataFrame({"date": session[rows], "low": low, "high": high})
        layers.append(
            alt.Chart(inline(band))
            .mark_area(color=ORANGE, opacity=0.15)
            .encode(across, alt.Y("low:Q", scale=scale), alt.Y2("high:Q"))
        )
        below += say("; shaded: 5 to 95 % of the same positions at random other times")
    for kind, width in ((rest, 0.8), (held, 1.8), (own, 1.8)):
        if (table["series"] == kind).any():
            part = table[table["series"] == kind]
            layers.append(
                alt.Chart(inline(part))
                .mark_line(strokeWidth=width)
                .encode(across, up, colour, detail="line:N")
            )
    layers.append(
        alt.Chart(alt.InlineData(values=[{}])).mark_rule(color=GREY, strokeWidth=1).encode(y=alt.datum(1))
    )
    title = say(TITLES[verdict(tested).kind])
    if tested.best is not None and tested.is_hold(tested.best):
        title = say("No strategy did better than to buy and hold")
    return styled(layered(*layers, title=heading(title, below), width=WIDTH, height=320))


def sharpe_picture(tested: Backtest, label: Label = str) -> alt.LayerChart:
    """Every strategy's Sharpe ratio, under a title that says how to read it."""
    below = say("bar: 95 % interval")
    if tested.lucky > 0:
        below += say(
            "; dashed: what luck gives the best of {trials}, if none is worth anything", trials=tested.trials
        )
    return sharpe_chart(tested, label).properties(title=heading(say("How sure is a Sharpe ratio?"), below))


def sharpe_chart(tested: Backtest, label: Label = str) -> alt.LayerChart:
    """Every strategy's Sharpe ratio with its 95 % interval; dashed: what luck alone gives the best."""
    known = [one for one in tested.strategies if np.isfinite(one.net.sharpe)]
    known = sorted(known, key=lambda one: -one.net.sharpe)[:MOST_ROWS]
    held = say(HOLD)
    rows = [*known, *([tested.hold] if np.isfinite(tested.hold.net.sharpe) else [])]
    table = pd.DataFrame(
        {
            "name": [f"{label(one.model)}, {one.rule}" if one.rule else held for one in rows],
            "kind": [held if one is tested.hold else "strategy" for one in rows],
            "ratio": [one.net.sharpe for one in rows],
            "low": [one.net.sharpe - 1.96 * one.net.sharpe_error for one in rows],
            "high": [one.net.sharpe + 1.96 * one.net.sharpe_error for one in rows],
        }
    )
    table["text"] = [typeset(number(ratio)) for ratio in table["ratio"]]
    up = alt.Y("name:N", sort=list(table["name"]), title=None, axis=alt.Axis(labelLimit=260))
    colours = alt.Scale(domain=["strategy", held], range=[BLUE, INK])
    colour = alt.Color("kind:N", scale=colours, legend=None)
    base = alt.Chart().encode(up)
    line = alt.Chart(alt.InlineData(values=[{}]))
    layers = [
        line.mark_rule(color=GREY, strokeWidth=1.2).encode(x=alt.datum(0)),
        base.mark_rule(strokeWidth=2).encode(
            alt.X("low:Q", title=say("Sharpe ratio of a year, after costs")), alt.X2("high:Q"), colour
        ),
        base.mark_circle(size=80, opacity=1).encode(alt.X("ratio:Q"), colour),
        base.mark_text(align="left", dx=8, fontSize=12).encode(x=alt.value("width"), text="text:N"),
    ]
    if tested.lucky > 0:
        layers.append(
            line.mark_rule(color=ORANGE, strokeDash=[5, 4], strokeWidth=1.5).encode(x=alt.datum(tested.lucky))
        )
    return styled(layered(*layers, data=inline(table), width=WIDTH - 60, height=24 * len(table)))


def _ticks(money: pd.Series[float]) -> list[float]:
    """Round numbers that a log scale can show, a handful of them."""
    low, high = max(float(money.min()), 1e-3), max(float(money.max()), 2e-3)
    if high < 1.6 * low:
        step = next(step for step in STEPS if high - low <= 8 * step)
        return [round(step * place, 6) for place in range(int(low / step), int(high / step) + 2)]
    for places in (TICKS, TICKS[::2], TICKS[::4]):
        ticks = [base * tick for base in (0.001, 0.01, 0.1, 1, 10, 100) for tick in places]
        shown = [round(tick, 6) for tick in ticks if low <= tick <= high]
        if len(shown) <= 8:
            break
    return shown


OTHERS = marked("the other strategies")
