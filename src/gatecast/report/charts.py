"""The charts of a result, for notebooks and for the page.

A chart holds its data once, as CSV text: small, with no limit on rows, and altair's global state is left
alone. `label` maps names of symbols and models to what is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd

from gatecast.errors import SettingError
from gatecast.formatting import change, typeset
from gatecast.language import say
from gatecast.report import frames, time_axis
from gatecast.report.choices import known_date, known_models, known_symbol
from gatecast.report.frames import Label
from gatecast.report.marks import (
    BLUE,
    GREY,
    INK,
    LINES,
    ORANGE,
    Drawn,
    benchmark_rule,
    coloured,
    inline,
    layered,
    legend,
    loss_layers,
    panelled,
    price_title,
    step_axis,
    styled,
)
from gatecast.settings.frequency import count_sessions, session_noun, session_nouns

if TYPE_CHECKING:
    from gatecast.evaluation.significance import Significance
    from gatecast.run import Run

WIDTH = 680
SIDE = 150  # of a panel
RECENT = 60  # bars of a close-up


def page_charts(result: Run) -> dict[str, Drawn]:
    """Name → chart: forecast, and changes, skill, steps and loss where there is something to draw."""
    charts: dict[str, Drawn] = {"forecast": forecast_chart(result)}
    if result.significance.models:
        charts["changes"] = changes_chart(result)
    charts |= skill_charts(result, result.significance)
    if not result.training.empty:
        charts["loss"] = loss_chart(result)
    return charts


def skill_charts(result: Run, tests: Significance) -> dict[str, Drawn]:
    """Name → chart of a loss: skill and, for longer horizons, steps; see `name_of`."""
    if not tests.models:
        return {}
    drawn: dict[str, Drawn] = {name_of("skill", tests): skill_chart(tests, noun=result.noun)}
    if result.outcome.horizon > 1:
        drawn[name_of("steps", tests)] = steps_chart(result, tests)
    return drawn


def name_of(chart: str, tests: Significance) -> str:
    """The name of a chart of a loss: "skill", "skill_crps"."""
    return chart if tests.loss.key == "squared_error" else f"{chart}_{tests.loss.key}"


def forecast_chart(
    run: Run,
    *,
    models: Sequence[str] | None = None,
    symbol: str | None = None,
    start: object = None,
    end: object = None,
) -> alt.VConcatChart:
    """Forecasts and actual prices; a strip below selects the sessions shown.

    models      those drawn, at most as many as there are colours (`marks.LINES`); else the best network. One
                is drawn at its first and its last step, in the band of its seeds; several at the first step,
                all but the first of them dashed
    symbol      one alone; else the first ones with a choice, or of many symbols the typical one
    start, end  the first and the last date drawn; anything pandas reads as a date

    Raises
        SettingError: a model or symbol that is not in the run, too many models, no session between the dates.
    """
    names = [frames.leading_model(run)] if models is None else known_models(run, models)
    chosen = None if symbol is None else [known_symbol(run, symbol)]
    first, last = known_date("start", start), known_date("end", end)
    table = frames.prices_and_forecasts(run, names, chosen, start=first, end=last)
    if table.empty:
        bar = session_noun(run.outcome.frequency)
        raise SettingError(
            say("no {bar} between start = {start} and end = {end}", bar=bar, start=start, end=end)
        )
    symbols = list(dict.fromkeys(table["symbol"]))
    whole = not (start is None and end is None)
    selected = _selected(table, symbols[0], run.outcome.frequency, whole=whole)
    brush = alt.selection_interval(name="brush", encodings=["x"], value={"x": selected})
    across = time_axis.across(run.outcome.frequency, domain=brush)
    lines = layered(
        *price_layers(run, table, names, across),
        _hover(run, names, across),
        transform=[alt.FilterTransform({"param": "brush"})],
    )
    close_up = layered(lines, fold_rules(across))
    chart = alt.vconcat(
        close_up.properties(width=WIDTH, height=300),
        price_strip(run.outcome.frequency, brush).properties(width=WIDTH, height=80),
        data=inline(table),
    )
    if len(symbols) > 1:
        pick = alt.param(
            name="symbol", value=symbols[0], bind=alt.binding_select(options=symbols, name=say("symbol "))
        )
        chart = chart.add_params(pick).transform_filter("datum.symbol == symbol")
    return styled(chart)


def changes_chart(
    result: Run, label: Label = str, *, models: int | None = None, points: int = frames.MOST_CHANGES
) -> alt.FacetChart:
    """Forecast change against actual change, one panel per model: a copy of yesterday lies flat.

    models, points: how many at most; the models with the highest skill, points over all models.
    """
    table = frames.changes(result, points)
    names = [name for name in frames.skills(result.significance)["model"] if name in set(table["model"])][
        :models
    ]
    table = table[table["model"].isin(names)]
    limit = frames.symmetric_limit(table)
    header = {name: _with_size(result, name, label) for name in names}
    table = table.assign(
        model=table["model"].map(header),
        forecast=table["forecast"].clip(-limit, limit),
        actual=table["actual"].clip(-limit, limit),
    )
    scale = alt.Scale(domain=[-limit, limit], nice=False)
    axis, unit = alt.Axis(tickCount=4), frames.unit_of_changes(result)
    across = alt.X("actual:Q", title=say("actual change, {unit}", unit=unit), scale=scale, axis=axis)
    up = alt.Y("forecast:Q", title=say("forecast change, {unit}", unit=unit), scale=scale, axis=axis)
    ends = alt.InlineData(
        values=[{"actual": -limit, "forecast": -limit}, {"actual": limit, "forecast": limit}]
    )
    layers = layered(
        alt.Chart().mark_rule(color=GREY, strokeWidth=1).encode(y=alt.datum(0)),
        alt.Chart(ends).mark_line(color=GREY, strokeDash=[4, 3], strokeWidth=1).encode(across, up),
        alt.Chart().mark_circle(size=9, opacity=0.35, color=BLUE).encode(across, up),
    ).properties(width=SIDE, height=SIDE)
    return panelled(layers, list(header.values()), table, square=True)


def skill_chart(tests: Significance, label: Label = str, *, noun: str = "network") -> alt.LayerChart:
    """Skill against the benchmark with its 90 % interval, one row per model, the best on top."""
    table, benchmark = frames.skills(tests), label(str(tests.benchmark))
    left, right = frames.skill_frame(table)
    skill = table["skill"]
    table = table.assign(
        model=table["model"].map(label),
        kind=np.where(table["network"], say(noun), say("baseline")),
        text=[typeset(change(value / 100)) for value in skill],
        low=table["low"].clip(left, right),
        high=table["high"].clip(left, right),
        skill=skill.where(skill.between(left, right)),
        edge=np.select([skill < left, skill > right], [left, right], np.nan),
        arrow=np.select([skill < left, skill > right], ["◀", "▶"], ""),
    )
    rows = alt.Y("model:N", sort=list(table["model"]), title=None, axis=alt.Axis(labelLimit=220))
    title = say(
        "{loss} saved against {benchmark}, % (with 90 % interval)",
        loss=say(tests.loss.name),
        benchmark=benchmark,
    )
    scale = alt.Scale(domain=[left, right], nice=False)
    colours = alt.Scale(domain=[say(noun), say("baseline")], range=[ORANGE, BLUE])
    colour = alt.Color("kind:N", scale=colours, legend=legend())
    base = alt.Chart().encode(rows)
    marks = layered(
        benchmark_rule(benchmark, across=True),
        base.mark_rule(strokeWidth=2).encode(
            alt.X("low:Q", title=title, scale=scale, axis=alt.Axis(tickCount=8)), alt.X2("high:Q"), colour
        ),
        base.mark_circle(size=90, opacity=1).encode(alt.X("skill:Q", scale=scale), colour),
        base.mark_text(fontSize=15).encode(alt.X("edge:Q", scale=scale), colour, text="arrow:N"),
        base.mark_text(align="left", dx=8, fontSize=13).encode(x=alt.value("width"), text="text:N"),
        data=inline(table.drop(columns="network")),
    )
    return styled(marks.properties(width=WIDTH, height=26 * len(table)))


def steps_chart(
    result: Run, tests: Significance, label: Label = str, *, models: int | None = None
) -> alt.FacetChart:
    """Skill against the benchmark at every step ahead, with its 90 % interval, the best first."""
    table = frames.skills_by_step(result, tests)
    names = list(frames.skills(tests)["model"])[:models]
    table = table[table["model"].isin(names)]
    left, right = frames.skill_frame(table)
    table = table.assign(
        model=table["model"].map(label),
        **{name: table[name].clip(left, right) for name in ("skill", "low", "high")},
    )
    title = say("{sessions} ahead", sessions=session_nouns(result.outcome.frequency))
    across = alt.X("step:Q", title=title, axis=step_axis(result.outcome.horizon, most=5))
    scale = alt.Scale(domain=[left, right], nice=False)
    title = say("{loss} saved, %", loss=say(tests.loss.name))
    base = alt.Chart().encode(across)
    layers = layered(
        benchmark_rule(label(str(tests.benchmark)), across=False),
        base.mark_area(color=BLUE, opacity=0.2).encode(
            alt.Y("low:Q", title=title, scale=scale), alt.Y2("high:Q")
        ),
        base.mark_line(color=BLUE, point=alt.OverlayMarkDef(size=25, color=BLUE)).encode(
            alt.Y("skill:Q", title=title, scale=scale)
        ),
    ).properties(width=SIDE, height=120)
    return panelled(layers, [label(name) for name in names], table)


def loss_chart(result: Run, label: Label = str, *, models: int | None = None) -> alt.FacetChart:
    """Training and validation loss of every network, relative to its first epoch, one panel per model."""
    table = frames.relative_losses(result.training)
    names = list(dict.fromkeys(table["model"]))[:models]
    table = table[table["model"].isin(names)]
    layers = loss_layers(say("loss / loss of epoch 1"), median=True).properties(width=SIDE, height=SIDE)
    return panelled(layers, [label(name) for name in names], table.assign(model=table["model"].map(label)))


def history_chart(history: pd.DataFrame) -> alt.LayerChart:
    """Loss per epoch of each seed, the kept epoch marked; `history` as in `gatecast.api.windows.Fit`."""
    table = history.assign(line=history["seed"])[["line", "epoch", "loss", "validation_loss", "kept"]]
    return styled(
        loss_layers(say("loss"), median=False).properties(width=WIDTH, height=260, data=inline(table))
    )


def price_layers(
    result: Run, table: pd.DataFrame, models: Sequence[str], across: alt.X, label: Label = str
) -> list[alt.Chart]:
    """The actual price, and the forecasts of every model: see `forecast_chart`."""
    lines = _lines(result, models, label)
    names = [say("actual"), *lines.values()]
    scale = alt.Scale(domain=names, range=[INK, *LINES[: len(lines)]])
    base = alt.Chart().encode(across)
    layers = []

    def up(field: str) -> alt.Y:
        title = price_title(result.experiment.column)
        return alt.Y(f"{field}:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(minExtent=48))

    for field, name in lines.items():
        low, high = (field.replace("forecast", end) for end in ("low", "high"))
        if low in table:
            band = base.mark_area(opacity=0.25).encode(up(low), alt.Y2(f"{high}:Q"))
            layers.append(coloured(band, name, scale))
    layers.append(coloured(base.mark_line(strokeWidth=1.8).encode(up("actual")), names[0], scale))
    for field, name in lines.items():
        dash = [7, 4] if len(models) > 1 and field != "forecast_1" else [1, 0]  # forecasts often coincide
        line = base.mark_line(strokeWidth=1.8, strokeDash=dash).encode(up(field))
        layers.append(coloured(line, name, scale))
    return layers


def price_strip(frequency: str, brush: alt.Parameter | None = None) -> alt.LayerChart:
    """All bars: training in grey, test in ink, and the brush that selects some."""
    across = time_axis.across(frequency, wide=True)
    axis = alt.Axis(minExtent=48, tickCount=3)
    up = alt.Y("actual:Q", title=say("price"), scale=alt.Scale(zero=False), axis=axis)
    line = alt.Chart().mark_line(strokeWidth=1.2).encode(across, up)
    trained, tested = line.encode(color=alt.value(GREY)), line.encode(color=alt.value(INK))
    first = alt.Chart().encode(across, y=alt.value(8)).transform_filter("datum.fold == 1")
    return layered(
        trained if brush is None else trained.add_params(brush),
        tested.transform_filter("datum.test"),
        fold_rules(across),
        first.mark_text(text=say("training"), align="right", dx=-6, color=INK, fontSize=12),
        first.mark_text(text=say("test"), align="left", dx=6, color=INK, fontSize=12),
    )


def fold_rules(across: alt.X) -> alt.Chart:
    """A dashed line where the test begins, and fainter ones where each later fold does."""
    faint = alt.when("datum.fold == 1").then(alt.value(1)).otherwise(alt.value(0.45))
    rule = alt.Chart().mark_rule(strokeDash=[5, 4], color=INK, strokeWidth=1, clip=True)
    return rule.encode(across, opacity=faint).transform_filter("datum.fold")


def forecast_name(model: str, step: int, frequency: str) -> str:
    """How a legend calls a forecast."""
    return say("{model}, {sessions} ahead", model=model, sessions=count_sessions(step, frequency))


def _lines(result: Run, models: Sequence[str], label: Label = str) -> dict[str, str]:
    """Column of a forecast → what a legend calls it."""
    return {
        frames.forecast_field(step, place): forecast_name(label(model), step, result.outcome.frequency)
        for place, model in enumerate(models)
        for step in frames.shown_steps(result, len(models))
    }


def _hover(result: Run, models: Sequence[str], across: alt.X) -> alt.Chart:
    """Wide invisible points that say their numbers."""
    tips = [
        time_axis.time_tip(result.outcome.frequency),
        alt.Tooltip("actual:Q", title=say("actual"), format=",.6~g"),
    ]
    for field, name in _lines(result, models).items():
        tips.append(alt.Tooltip(f"{field}:Q", title=name, format=",.6~g"))
    return alt.Chart().mark_point(size=250, opacity=0).encode(across, alt.Y("actual:Q"), tooltip=tips)


def _selected(table: pd.DataFrame, symbol: str, frequency: str, *, whole: bool) -> list[Any]:
    """The first and last time shown at the start: the last of the test, or the whole table."""
    own = table[table["symbol"] == symbol]
    tested = own[own["test"]]
    dates = own["date"] if whole or tested.empty else tested["date"].iloc[-2 * RECENT :]
    return [time_axis.end_of_selection(dates.iloc[end], frequency) for end in (0, -1)]


def _with_size(result: Run, model: str, label: Label) -> str:
    """The model, and how large the changes it forecasts are, where they are smaller than the actual ones."""
    lag = result.lag.get(model)  # None: a network that did not train
    if lag and lag.copy >= 0.005:
        return say("{model}: {size} as large", model=label(model), size=lag.size)
    return label(model)
