"""The charts of distributions: what was forecast, whether its intervals held, and what is forecast now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import altair as alt
import numpy as np
import pandas as pd

from gatecast.formatting import change_of, price, typeset
from gatecast.language import marked, say
from gatecast.problem.moves import LOG_RETURN, Move
from gatecast.report import distribution_frames, frames, time_axis
from gatecast.report.charts import WIDTH, skill_charts
from gatecast.report.distribution_frames import PERCENTS
from gatecast.report.frames import Label
from gatecast.report.marks import (
    BLUE,
    INK,
    ORANGE,
    Drawn,
    coloured,
    heading,
    inline,
    layered,
    legend,
    panelled,
    price_title,
    step_axis,
    styled,
)
from gatecast.settings.frequency import DAILY, INDEX, is_intraday, noun, nouns, session_nouns, stamp, time_at

if TYPE_CHECKING:
    from gatecast.run import Run

TINTS = {50: "#5ba3d0", 80: "#9cc7e2", 95: "#d3e6f2"}  # of BLUE on white
DEEP = "#003f66"
BAND = "#e6e6e6"
LAST_BARS = 30  # before a forecast
MOST_DATES = 10  # of bars ahead
OUTSIDE = marked("outside 80 %")


def distribution_charts(result: Run) -> dict[str, Drawn]:
    """Name → chart: skill_crps, fan, pit, coverage, var, and two of steps; {} without distributions."""
    models = distribution_frames.shown_models(result)
    if not models:
        return {}
    charts = skill_charts(result, result.significances["crps"])
    charts |= {"fan": fan_chart(result, models[0]), "pit": pit_chart(result, models)}
    if distribution_frames.window(result):
        charts["coverage"] = coverage_chart(result, models)
    charts["var"] = var_chart(result, models[0])
    if result.outcome.horizon > 1:
        charts["interval_steps"] = steps_chart(result, models)
    return charts


def fan_chart(result: Run, model: str, symbol: str | None = None) -> alt.LayerChart:
    """Actual prices in the intervals of the day before, those outside marked; then the last origin's fan.

    symbol: one alone; else the first, with a choice of all shown.
    """
    table = distribution_frames.recent_intervals(result, model)
    frequency = result.outcome.frequency
    across = time_axis.across(frequency)
    table = table if symbol is None else table[table["symbol"] == symbol]
    marks = alt.Chart().encode(across)
    up = _up("actual", price_title(result.experiment.column))
    names = [say("actual"), say(OUTSIDE)]
    scale = _fan_scale(names, [INK, ORANGE])
    dots = marks.mark_circle(size=48, opacity=1, stroke="white", strokeWidth=0.8).encode(up)
    layers = [
        *_fan_layers(marks, scale, price_title(result.experiment.column), bars=False),
        coloured(marks.mark_line(strokeWidth=1.8).encode(up), names[0], scale),
        coloured(dots.transform_filter("datum.outside"), names[1], scale),
        marks.mark_point(size=250, opacity=0).encode(up, tooltip=_tips(frequency)),
    ]
    if result.outcome.horizon > 1:
        first = marks.transform_filter("datum.ahead").transform_joinaggregate(first="min(date)")
        rule = first.transform_filter("datum.date == datum.first")
        layers.append(rule.mark_rule(color=INK, strokeDash=[5, 4]))
    chart = _by_symbol(layered(*layers), table).properties(width=WIDTH, height=320)
    return styled(chart)


def pit_chart(result: Run, models: list[str], label: Label = str) -> alt.FacetChart:
    """Histogram of the PIT, one panel per model, on the band that holds 95 % of the bars of an exact one."""
    table = distribution_frames.pit_bars(result, models)
    across = alt.X(
        "left:Q",
        title=say("place in the distribution, %"),
        scale=alt.Scale(domain=[0, 100]),
        axis=alt.Axis(values=[0, 25, 50, 75, 100]),
    )
    table = table.assign(
        left=100 * table["left"], right=100 * table["right"], model=table["model"].map(label)
    )
    top = 1.08 * max(float(table["share"].max()), float(table["high"].max()))
    scale = alt.Scale(domain=[0, top], nice=False)
    colour = alt.when("datum.off").then(alt.value(ORANGE)).otherwise(alt.value(BLUE))
    bars = alt.Chart().encode(across, alt.X2("right:Q"))

    def up(field: str) -> alt.Y:
        return alt.Y(
            f"{field}:Q", title=say("share of {bars}, %", bars=nouns(result.outcome.frequency)), scale=scale
        )

    edge = bars.mark_rule(color="#666666", strokeDash=[3, 3])
    layers = layered(
        bars.mark_bar(color=BAND).encode(up("low"), alt.Y2("high:Q")),
        bars.mark_bar(opacity=0.75, stroke="white", strokeWidth=1).encode(
            up("share"), alt.Y2(datum=0), color=colour
        ),
        alt.Chart().mark_rule(color=INK, strokeWidth=1.2).encode(y=alt.datum(100 / distribution_frames.BINS)),
        edge.encode(up("low")),
        edge.encode(up("high")),
    ).properties(width=300, height=200)
    return panelled(layers, [label(name) for name in models], table)


def coverage_chart(result: Run, models: list[str], label: Label = str) -> alt.LayerChart:
    """How often the 80 % interval held in the last sessions, on the band of chance around 80 %."""
    table = distribution_frames.rolling_coverage(result, models)
    table = table.assign(model=table["model"].map(label))
    low, high = distribution_frames.chance_of_window(result, models[0])
    bottom = min(low, float(table["held"].min())) - 2
    top = min(max(high, float(table["held"].max())) + 2, 100.0)
    entry = _model_colours(result, models, label)
    lines = alt.Chart().encode(time_axis.across(result.outcome.frequency, wide=True))
    band = alt.Chart(alt.InlineData(values=[{"low": low, "high": high, "held": 80}]))
    said = band.mark_text(
        text=say("exact intervals: here 95 % of the time"), align="left", dy=-8, color="#555555"
    )

    def up(field: str) -> alt.Y:
        scale = alt.Scale(domain=[bottom, top], nice=False)
        return alt.Y(f"{field}:Q", title=say("held, %"), scale=scale)

    return styled(
        layered(
            band.mark_rect(color=BAND).encode(up("low"), alt.Y2("high:Q")),
            band.mark_rule(color=INK, strokeWidth=1.2).encode(up("held")),
            lines.mark_line(strokeWidth=1.8).encode(up("held"), entry),
            said.encode(up("low"), x=alt.value(5)),
            data=inline(table),
        ).properties(width=WIDTH, height=260)
    )


def var_chart(result: Run, model: str, symbol: str | None = None) -> alt.LayerChart:
    """Daily changes, each day's value at risk, and the days that fell below it. symbol: as in `fan_chart`."""
    table = distribution_frames.values_at_risk(result, model)
    table = table if symbol is None else table[table["symbol"] == symbol]
    names, unit = [say("VaR 5 %"), say("VaR 1 %")], result.outcome.move.in_change
    scale = alt.Scale(domain=names, range=[BLUE, ORANGE])
    frequency = result.outcome.frequency
    marks = alt.Chart().encode(time_axis.across(frequency, wide=True))

    def up(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", title=change_title(frequency, say(unit)))

    form = ".2f" if unit == "%" else ",.4~g"
    tips = [
        time_axis.time_tip(frequency),
        *(
            alt.Tooltip(f"{name}:Q", title=say(title, unit=say(unit)), format=form)
            for name, title in _VAR_TIPS.items()
        ),
    ]
    line = marks.mark_line(strokeWidth=1.2, opacity=0.5)
    layers = [
        marks.mark_bar(size=1, color="#bbbbbb").encode(up("change"), tooltip=tips),
        coloured(line.encode(up("var_5")), names[0], scale),
        coloured(line.encode(up("var_1")), names[1], scale),
    ]
    for level, name, shape in ((5, names[0], "circle"), (1, names[1], "triangle-down")):
        dots = marks.mark_point(shape=shape, filled=True, size=60, opacity=1, stroke="white", strokeWidth=0.7)
        shown = dots.encode(up("change"), tooltip=tips).transform_filter(f"datum.breach == {level}")
        layers.append(coloured(shown, name, scale))
    return styled(_by_symbol(layered(*layers), table).properties(width=WIDTH, height=300))


def steps_chart(result: Run, models: list[str], label: Label = str) -> alt.VConcatChart:
    """Coverage and width of the 80 % interval at every step ahead; the band is that of the first model."""
    table = distribution_frames.intervals_by_step(result, models)
    table = table.assign(first=table["model"] == models[0], model=table["model"].map(label))
    entry = _model_colours(result, models, label)
    base = alt.Chart().encode(
        alt.X(
            "step:Q",
            title=say("{sessions} ahead", sessions=session_nouns(result.outcome.frequency)),
            axis=step_axis(result.outcome.horizon, most=20),
            scale=alt.Scale(nice=False),
        )
    )
    ends = table[["low", "high", "coverage"]].to_numpy()
    domain = [max(float(np.nanmin(ends)) - 2, 0.0), min(float(np.nanmax(ends)) + 2, 100.0)]
    scale = alt.Scale(domain=domain, nice=False)
    held = layered(
        base.mark_area(color=BAND)
        .encode(alt.Y("low:Q", title=say("held, %"), scale=scale), alt.Y2("high:Q"))
        .transform_filter("datum.first"),
        alt.Chart().mark_rule(color=INK, strokeWidth=1.2).encode(y=alt.datum(80)),
        base.mark_line(point=True).encode(alt.Y("coverage:Q", title=say("held, %"), scale=scale), entry),
    )
    wide = base.mark_line(point=True).encode(
        alt.Y(
            "width:Q",
            title=say("width, {unit}", unit=frames.unit_of_widths(result)),
            scale=alt.Scale(zero=True),
        ),
        entry,
    )
    return styled(
        alt.vconcat(
            held.properties(width=WIDTH, height=190),
            layered(wide).properties(width=WIDTH, height=150),
            data=inline(table),
        )
    )


def outlook_chart(
    table: pd.DataFrame,
    history: pd.DataFrame,
    label: Label = str,
    *,
    column: str = "close",
    frequency: str = DAILY,
    move: Move = LOG_RETURN,
) -> alt.LayerChart:
    """The fan of a forecast: the last LAST_BARS bars, and the next h with their 50, 80 and 95 % intervals.

    Bars stand side by side, weekends and holidays leave no gap; every bar ahead has its tick.

    table    one symbol, one row per step: symbol, origin, date, step, anchor, forecast, and the prices q02_5,
             q10, q25, q50, q75, q90, q97_5
    history  session, close
    column   what the prices are, for the axis; move: what changes are measured by
    frequency  of the bars

    Raises
        ValueError: several symbols, no row, or a column is missing.
    """
    missing = [name for name in _OUTLOOK if name not in table]
    missing += [name for name in ("session", "close") if name not in history]
    if missing:
        raise ValueError(f"columns are missing: {', '.join(missing)}")
    if len(set(table["symbol"])) != 1:
        raise ValueError(f"one symbol at a time, not {len(set(table['symbol']))}")
    table = table.sort_values("step")
    if frequency == INDEX:
        table = table.assign(**{name: time_at(table[name].to_numpy()) for name in ("origin", "time")})
    origin, anchor = table["origin"].iloc[0], table["anchor"].iloc[0]
    single = len(table) == 1
    past = history[history["session"] <= origin].tail(LAST_BARS)
    before = pd.DataFrame({"date": past["session"], "actual": past["close"], "ahead": False})
    before["bar"] = np.arange(1 - len(before), 1)
    fan = pd.DataFrame({"date": table["time"], "median": table["q50"], "ahead": True, "bar": table["step"]})
    for percent, (low, high) in _BOUNDS.items():
        fan[f"low_{percent}"], fan[f"high_{percent}"] = table[low], table[high]
    if not single:
        start = {name: anchor for name in fan if name not in ("date", "ahead", "bar")}
        opening = pd.DataFrame([{"date": origin, "ahead": True, "bar": 0, **start}])
        fan = pd.concat([opening, fan], ignore_index=True)
    drawn = pd.concat([before, fan], ignore_index=True)
    drawn["date"] = pd.to_datetime(drawn["date"])

    marks, title = alt.Chart().encode(_bars_axis(drawn, frequency)), price_title(column)
    median = say("median")
    scale = _fan_scale([column, median], [INK, DEEP])
    middle = marks.mark_point(filled=True, size=60) if single else marks.mark_line(strokeWidth=2)
    now = alt.Chart(alt.InlineData(values=[{}])).mark_rule(color=INK, strokeDash=[5, 4])
    layers = [
        *_fan_layers(marks, scale, title, bars=single),
        coloured(marks.mark_line(strokeWidth=1.8).encode(_up("actual", title)), column, scale),
        coloured(middle.encode(_up("median", title)), median, scale),
        marks.mark_point(size=250, opacity=0).encode(
            _up("median", title), tooltip=_tips(frequency, "median")
        ),
        now.encode(x=alt.datum(0)),
    ]
    return styled(
        layered(*layers, data=inline(drawn)).properties(
            width=WIDTH, height=320, title=_outlook_title(table, label, frequency, move)
        )
    )


def _bars_axis(drawn: pd.DataFrame, frequency: str) -> alt.X:
    """The bars by number, 0 the origin: a tick with its date at every fifth bar back and at every bar ahead.

    Ahead of many bars only some have a date, the last among them. A year is written where it begins.
    """
    dates = drawn.drop_duplicates("bar").set_index("bar")["date"].sort_index()
    first, last = int(dates.index[0]), int(dates.index[-1])
    ahead = list(range(1, last + 1))
    every = -(-len(ahead) // MOST_DATES)
    dated = {bar for bar in ahead if (last - bar) % every == 0}
    dated |= {bar for bar in range(0, first - 1, -5) if bar == 0 or every == 1 or bar % 10 == 0}
    words = _words(dates[sorted(dated)], frequency)
    ticks = [*reversed(range(0, first - 1, -5)), *ahead]
    axis = alt.Axis(
        values=ticks,
        tickCount=len(ticks) + 1,  # else Vega leaves some of them out
        labelExpr=f"{json.dumps(words)}[datum.value] || ''",
        labelAngle=-45,
        labelAlign="right",
        labelOverlap=False,
    )
    scale = alt.Scale(domain=[first - 0.5, last + 0.5], nice=False, zero=False)
    return alt.X("bar:Q", title=_axis_title(frequency), axis=axis, scale=scale)


def _words(dates: pd.Series[pd.Timestamp], frequency: str) -> dict[str, str]:
    """Bar → what its tick says: a year, and within days a date, where it begins."""
    words, before = {}, ""
    for bar, date in dates.items():
        whole = stamp(date, frequency)
        begins, rest = (whole[:10], whole[11:]) if is_intraday(frequency) else (whole[:4], whole[5:])
        words[str(bar)] = rest if begins == before and frequency != INDEX else whole
        before = begins
    return words


def _axis_title(frequency: str) -> str:
    if frequency == INDEX:
        return say("position")
    return say("time of the bar") if is_intraday(frequency) else say("date of the bar (month-day)")


def change_title(frequency: str, unit: str) -> str:
    """The title of an axis of the changes of single bars, in per cent or in price."""
    if frequency == DAILY:
        return say("change on the day, {unit}", unit=unit)
    return say("change of the {bar}, {unit}", bar=noun(frequency), unit=unit)


_BOUNDS = {50: ("q25", "q75"), 80: ("q10", "q90"), 95: ("q02_5", "q97_5")}
_OUTLOOK = (
    "symbol",
    "origin",
    "time",
    "step",
    "anchor",
    "q50",
    *(q for pair in _BOUNDS.values() for q in pair),
)
_VAR_TIPS = {
    "change": marked("change, {unit}"),
    "var_5": marked("VaR 5 %"),
    "var_1": marked("VaR 1 %"),
}


OUTLOOK_AT = marked("{symbol} at {time}: {between} with 80 % probability")
OUTLOOK_ON = marked("{symbol} on {time}: {between} with 80 % probability")


def _outlook_title(table: pd.DataFrame, label: Label, frequency: str, move: Move) -> alt.TitleParams:
    last = table.iloc[-1]
    form = change_of(move.in_change)
    low, middle, high = (
        typeset(form(move.change(last[name], last["anchor"]))) for name in ("q10", "q50", "q90")
    )
    between = say("{first} to {last}", first=price(last["q10"]), last=price(last["q90"]))
    time, origin = (stamp(last[name], frequency) for name in ("time", "origin"))
    places = {"symbol": label(str(last["symbol"])), "time": time, "between": between}
    if frequency == INDEX:
        head = say("{symbol} at position {time}: {between} with 80 % probability", **places)
        since = say("position {origin}", origin=origin)
    else:
        head = say(OUTLOOK_AT if is_intraday(frequency) else OUTLOOK_ON, **places)
        since = say("the close of {origin}", origin=origin)
    return heading(
        head,
        say(
            "{low} to {high} from {since}; the median is {middle}",
            low=low,
            high=high,
            since=since,
            middle=middle,
        ),
    )


def _fan_layers(marks: alt.Chart, scale: alt.Scale, title: str, *, bars: bool) -> list[alt.Chart]:
    """The intervals, widest first; bars: as bars of single sessions."""
    layers = []
    for percent in reversed(PERCENTS):
        drawn = marks.mark_rule(strokeWidth=22) if bars else marks.mark_area(opacity=1)
        if not bars:
            drawn = drawn.encode(detail="ahead:N")
        band = drawn.encode(_up(f"low_{percent}", title), alt.Y2(f"high_{percent}:Q"))
        band = band.transform_filter(f"isValid(datum.low_{percent})")
        layers.append(coloured(band, say("{number} %", number=percent), scale))
    return layers


def _fan_scale(names: list[str], colours: list[str]) -> alt.Scale:
    tints = {say("{number} %", number=percent): TINTS[percent] for percent in PERCENTS}
    return alt.Scale(domain=[*names, *tints], range=[*colours, *tints.values()])


def _up(field: str, title: str) -> alt.Y:
    return alt.Y(f"{field}:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(minExtent=48))


def _tips(frequency: str, price: str = "actual") -> list[alt.Tooltip]:
    fields = [price, *(f"{end}_{percent}" for percent in PERCENTS for end in ("low", "high"))]
    return [
        time_axis.time_tip(frequency),
        *(alt.Tooltip(f"{name}:Q", title=_tip_title(name), format=",.6~g") for name in fields),
    ]


def _tip_title(name: str) -> str:
    """What a pointer calls a field: "80 %, from" of low_80."""
    end, _, percent = name.partition("_")
    if end == "low":
        return say("{percent} %, from", percent=percent)
    if end == "high":
        return say("{percent} %, to", percent=percent)
    return say("actual") if name == "actual" else say("median")


def _model_colours(result: Run, models: list[str], label: Label) -> alt.Color:
    """A network in ORANGE, a baseline in BLUE, as in the chart of skill."""
    colours = [ORANGE if name in result.outcome.seeds else BLUE for name in models]
    scale = alt.Scale(domain=[label(name) for name in models], range=colours)
    return alt.Color("model:N", scale=scale, legend=legend())


def _by_symbol(chart: alt.LayerChart, table: pd.DataFrame) -> alt.LayerChart:
    """The chart of the first symbol of a table, with a choice where there are several."""
    symbols = list(dict.fromkeys(table["symbol"]))
    chart = chart.properties(data=inline(table))
    if len(symbols) == 1:
        return chart
    pick = alt.param(
        name="symbol", value=symbols[0], bind=alt.binding_select(options=symbols, name=say("symbol "))
    )
    return chart.add_params(pick).transform_filter("datum.symbol == symbol")
