"""The charts of the page: the course of a strategy that the reader chooses, and what its months brought."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from gatecast.backtesting.courses import Course
from gatecast.backtesting.strategies import Backtest, Strategy
from gatecast.language import marked, say
from gatecast.report import time_axis
from gatecast.report.charts import WIDTH
from gatecast.report.marks import GREY, INK, ORANGE, Chart, Drawn, inline, layered, styled

MOST_POINTS = 400  # bars of a line
CHOSEN = "strategy"  # the parameter that says whose course is drawn
MONTHS = marked("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec year")  # heads of the calendar
ROW = 22  # pixels of a year
STRONG = 0.6  # share of the largest colour from which on text is white


def account_chart(
    tested: Backtest, shown: Sequence[Strategy], courses: Sequence[Course], hold: Course
) -> alt.VConcatChart:
    """Money, drawdown and exposure of one of `shown`, which the parameter `strategy` names; a strip to zoom.

    courses: of each of them; hold: of buy-and-hold.
    """
    table = _table(shown, courses, hold)
    brush = alt.selection_interval(name="brush", encodings=["x"])
    wide = time_axis.across(tested.frequency, wide=True)
    across = time_axis.across(tested.frequency, domain=brush)
    low, high = table[["money", "hold"]].min().min(), table[["money", "hold"]].max().max()
    kind = (
        alt.Scale(type="log", zero=False, nice=False) if low > 0 and high > 2 * low else alt.Scale(zero=False)
    )
    base = alt.Chart().encode(across)
    title, fall, invested = say("money"), say("drawdown"), say("exposure")
    money = [
        _line(base, "hold", title, INK, kind, "~g"),
        _line(base, "money", title, ORANGE, kind, "~g"),
        alt.Chart(alt.InlineData(values=[{}]))
        .mark_rule(color=GREY, strokeWidth=1)
        .encode(y=alt.Y(datum=1, scale=kind)),
        _hover(base, tested.frequency, kind),
    ]
    if "low" in table:
        band = base.mark_area(color=ORANGE, opacity=0.15, clip=True)
        money.insert(0, band.encode(_up("low", title, kind, "~g"), alt.Y2("high:Q")))
    falls = [
        base.mark_area(color=ORANGE, opacity=0.45, clip=True).encode(_up("drawdown", fall, None, ".0%")),
        _line(base, "hold_drawdown", fall, INK, None, ".0%"),
    ]
    worn = base.mark_area(color=ORANGE, opacity=0.6, interpolate="step-before", clip=True)
    exposed = [
        alt.Chart(alt.InlineData(values=[{}])).mark_rule(color=GREY, strokeWidth=1).encode(y=alt.datum(0)),
        worn.encode(_up("exposure", invested, None, ".0%")),
    ]
    strip = alt.Chart().mark_line(strokeWidth=1.2, color=ORANGE)
    strip = strip.encode(wide, _up("money", say("zoom"), kind, "~g", ticks=2)).add_params(brush)
    parts = [
        (layered(*money), 240),
        (layered(*falls), 100),
        (layered(*exposed), 80),
        (layered(strip), 50),
    ]
    chart = alt.vconcat(
        *(part.properties(width=WIDTH, height=height) for part, height in parts),
        data=inline(table),
        spacing=14,
    )
    return styled(_chosen(chart, shown))


def months_chart(shown: Sequence[Strategy], courses: Sequence[Course], hold: Course) -> alt.LayerChart | None:
    """The return of every month and year of one of `shown`, as a calendar; None of a single month."""
    others = hold.months()
    if len(others) < 2:
        return None
    table = pd.concat(
        [_calendar(one.name, own.months(), others) for one, own in zip(shown, courses, strict=True)],
        ignore_index=True,
    )
    *months, year = say(MONTHS).split()
    of_months = table.loc[table["month"] != year, "value"].abs()
    most = max(float(np.quantile(of_months, 0.98)), 0.001)
    base = alt.Chart().encode(
        alt.X(
            "month:O",
            sort=[*months, year],
            title=None,
            axis=alt.Axis(orient="top", labelAngle=0, labelOverlap="greedy", labelSeparation=4),
        ),
        alt.Y("year:O", title=None),
    )
    scale = alt.Scale(domain=[-most, most], scheme="blueorange", reverse=True, clamp=True)
    tips = [
        alt.Tooltip("year:O"), alt.Tooltip("month:O"),
        alt.Tooltip("value:Q", title=say("return"), format="+.2%"),
        alt.Tooltip("hold:Q", title=say("buy-and-hold"), format="+.2%"),
    ]  # fmt: skip
    cells = base.mark_rect(stroke="white", strokeWidth=1).encode(
        alt.Color("value:Q", scale=scale, legend=None), tooltip=tips
    )
    white = f"abs(datum.value) > {STRONG * most:.6g} && datum.month != '{year}'"
    text = base.mark_text(fontSize=10).encode(
        text="text:N", color=alt.condition(white, alt.value("white"), alt.value(INK)), tooltip=tips
    )
    years = len(set(table["year"]))
    chart = layered(
        cells.transform_filter(f"datum.month != '{year}'"),
        text,
        data=inline(table),
        width=WIDTH,
        height=ROW * years,
    )
    return styled(_chosen(chart, shown))


def _table(shown: Sequence[Strategy], courses: Sequence[Course], hold: Course) -> pd.DataFrame:
    """A row for each strategy and drawn bar: its own columns, those of buy-and-hold, and the band of luck."""
    rival = hold.table(MOST_POINTS)
    parts = []
    for one, own in zip(shown, courses, strict=True):
        part = own.table(MOST_POINTS).assign(
            strategy=one.name, hold=rival["money"], hold_drawdown=rival["drawdown"]
        )
        if one.luck.band.shape[1]:
            at = np.searchsorted(own.session, part["date"].to_numpy().astype(own.session.dtype))
            part = part.assign(low=one.luck.band[0][at], high=one.luck.band[1][at])
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _calendar(name: str, months: pd.Series[float], others: pd.Series[float]) -> pd.DataFrame:
    """A row for each month, and one for each year."""
    *names, year = say(MONTHS).split()
    parts = []
    for key, returns in (("value", months), ("hold", others)):
        index = pd.DatetimeIndex(returns.index)
        single = pd.DataFrame(
            {"year": index.year, "month": [names[at - 1] for at in index.month], key: returns}
        )
        whole = (1 + returns).groupby(index.year).prod() - 1
        years = pd.DataFrame({"year": whole.index, "month": year, key: whole})
        parts.append(pd.concat([single, years], ignore_index=True).set_index(["year", "month"]))
    table = parts[0].join(parts[1]).reset_index().assign(strategy=name)
    table["year"] = table["year"].astype(str)
    per_cent = 100 * table["value"]
    written = [f"{value:.1f}" if abs(value) < 9.95 else f"{value:.0f}" for value in per_cent]
    table["text"] = [text.replace("-", "\u2212") for text in written]
    return table


def _chosen(chart: Chart, shown: Sequence[Strategy]) -> Chart:
    """The chart of one strategy, the first at the beginning."""
    chosen = alt.param(name=CHOSEN, value=shown[0].name)
    return chart.add_params(chosen).transform_filter(f"datum.strategy == {CHOSEN}")


def _up(field: str, title: str, scale: alt.Scale | None, form: str, *, ticks: int = 5) -> alt.Y:
    axis = alt.Axis(format=form, minExtent=48, tickCount=ticks, titleFontSize=12)
    return alt.Y(f"{field}:Q", title=title, axis=axis, scale=alt.Undefined if scale is None else scale)


def _line(
    base: alt.Chart, field: str, title: str, colour: str, scale: alt.Scale | None, form: str
) -> alt.Chart:
    return base.mark_line(strokeWidth=1.6, color=colour, clip=True).encode(_up(field, title, scale, form))


def _hover(base: alt.Chart, frequency: str, scale: alt.Scale) -> alt.Chart:
    """Wide invisible points that say their numbers."""
    tips = [time_axis.time_tip(frequency)]
    for field, title, form in (
        ("money", say("the strategy"), ".3f"), ("hold", say("buy-and-hold"), ".3f"),
        ("drawdown", say("drawdown"), ".1%"), ("exposure", say("exposure"), ".0%"),
    ):  # fmt: skip
        tips.append(alt.Tooltip(f"{field}:Q", title=title, format=form))
    return base.mark_point(size=250, opacity=0, clip=True).encode(
        _up("money", say("money"), scale, "~g"), tooltip=tips
    )


def page_charts(
    tested: Backtest, shown: Sequence[Strategy], courses: Sequence[Course], hold: Course
) -> dict[str, Drawn]:
    """Name → chart: account and, where there are some, months."""
    charts: dict[str, Drawn] = {"account": account_chart(tested, shown, courses, hold)}
    months = months_chart(shown, courses, hold)
    return charts if months is None else charts | {"months": months}
