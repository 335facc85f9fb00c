"""The charts of a result, for notebooks and for the page.

A chart holds its data once, as CSV text: small, with no limit on rows, and altair's global state is left
alone. `label` maps names of symbols and models to what is drawn.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import altair as alt
import numpy as np
import pandas as pd

from gatecast.report import frames
from gatecast.report.frames import Label

if TYPE_CHECKING:
    from gatecast.runs import Result

# Okabe and Ito: told apart by colour-blind readers and in grey.
INK, GREY, BLUE, ORANGE = "#222222", "#999999", "#0072B2", "#D55E00"
STEP_COLOURS = (ORANGE, BLUE)
WIDTH = 680
RECENT = 60  # sessions of a close-up

# One altair class for each shape of chart; the functions here treat them alike.
Drawn = alt.LayerChart | alt.VConcatChart | alt.FacetChart
Chart = TypeVar("Chart", alt.LayerChart, alt.VConcatChart, alt.FacetChart)


def page_charts(result: Result) -> dict[str, Drawn]:
    """Name → chart: forecast, and changes, skill, steps and loss where there is something to draw."""
    charts: dict[str, Drawn] = {"forecast": forecast_chart(result)}
    if result.significance.models:
        charts["changes"] = changes_chart(result)
        charts["skill"] = skill_chart(result)
    if result.significance.models and result.outcome.horizon > 1:
        charts["steps"] = steps_chart(result)
    if not result.training.empty:
        charts["loss"] = loss_chart(result)
    return charts


def save_charts(result: Result, folder: str | Path) -> None:
    """Write forecast.png, changes.png, skill.png and loss.png (those there is something to draw for)."""
    from gatecast.report.pictures import save_pictures

    save_pictures(result, Path(folder))


def forecast_chart(result: Result) -> alt.VConcatChart:
    """Forecast of the best network and actual prices; a strip below selects the sessions shown."""
    model = frames.leading_model(result)
    table = frames.prices_and_forecasts(result, model)
    symbols = list(dict.fromkeys(table["symbol"]))
    recent = table.loc[table["test"] & (table["symbol"] == symbols[0]), "date"].iloc[-2 * RECENT :]
    brush = alt.selection_interval(
        name="brush", encodings=["x"], value={"x": [_day(recent.iloc[0]), _day(recent.iloc[-1])]}
    )
    close_up = alt.layer(*price_layers(result, table, model), _hover(result, model)).transform_filter(brush)
    rules = fold_rules(result).transform_filter(brush)
    strip = price_strip(result).add_params(brush)
    chart = alt.vconcat(
        alt.layer(close_up, rules).properties(width=WIDTH, height=300),
        alt.layer(strip, fold_rules(result)).properties(width=WIDTH, height=70),
        data=inline(table),
    )
    if len(symbols) > 1:
        pick = alt.param(
            name="symbol", value=symbols[0], bind=alt.binding_select(options=symbols, name="symbol ")
        )
        chart = chart.add_params(pick).transform_filter("datum.symbol == symbol")
    return styled(chart)


def changes_chart(
    result: Result, label: Label = str, *, columns: int = 4, side: int = 150, most: int = frames.MOST_CHANGES
) -> alt.FacetChart:
    """Forecast change against actual change, one panel per model: a copy of yesterday lies flat."""
    table = frames.changes(result, most)
    limit = frames.symmetric_limit(table)
    names = [name for name in frames.skills(result)["model"] if name in set(table["model"])]
    header = {name: _with_copy(result, name, label) for name in names}
    table = table.assign(
        model=table["model"].map(header),
        forecast=table["forecast"].clip(-limit, limit),
        actual=table["actual"].clip(-limit, limit),
    )
    scale = alt.Scale(domain=[-limit, limit], nice=False)
    across = alt.X("actual:Q", title="actual change, %", scale=scale, axis=alt.Axis(tickCount=4))
    up = alt.Y("forecast:Q", title="forecast change, %", scale=scale, axis=alt.Axis(tickCount=4))
    base = alt.Chart()
    diagonal = alt.Chart(alt.InlineData(values=[{"u": -limit}, {"u": limit}])).mark_line(
        color=GREY, strokeDash=[4, 3], strokeWidth=1
    )
    layers = alt.layer(
        base.mark_rule(color=GREY, strokeWidth=1).encode(y=alt.datum(0)),
        diagonal.encode(alt.X("u:Q", scale=scale), alt.Y("u:Q", scale=scale)),
        base.mark_circle(size=9, opacity=0.35, color=BLUE).encode(across, up),
    ).properties(width=side, height=side)
    return styled(
        layers.facet(facet=panels(list(header.values())), columns=columns, data=inline(table)).properties(
            usermeta={"panels": len(names), "square": True}
        )
    )


def skill_chart(result: Result, label: Label = str) -> alt.LayerChart:
    """Skill against naive with its 95 % interval, one row per model, the best on top."""
    table = frames.skills(result)
    limit = frames.skill_limit(table)
    table = table.assign(
        model=table["model"].map(label),
        kind=np.where(table["network"], "network", "baseline"),
        text=[per_cent(value) for value in table["skill"]],
        **{name: table[name].clip(-limit, limit) for name in ("low", "high")},
        inside=table["skill"].where(table["skill"].abs() <= limit),
        beyond=np.where(table["skill"].abs() > limit, np.sign(table["skill"]) * limit, np.nan),
    ).drop(columns=["network", "skill"])
    rows = alt.Y("model:N", sort=list(table["model"]), title=None, axis=alt.Axis(labelLimit=220))
    scale = alt.Scale(domain=[-limit, limit], nice=False)
    colour = alt.Color(
        "kind:N", scale=alt.Scale(domain=["network", "baseline"], range=[ORANGE, BLUE]), legend=legend()
    )
    base = alt.Chart().encode(rows)
    title = "squared error saved against naive, % (95 % interval)"
    return styled(
        alt.layer(
            naive_rule(across=True),
            base.mark_rule(strokeWidth=2).encode(
                alt.X("low:Q", title=title, scale=scale), alt.X2("high:Q"), colour
            ),
            base.mark_circle(size=90, opacity=1).encode(alt.X("inside:Q", scale=scale), colour),
            base.mark_point(shape="triangle-left", size=90, filled=True, opacity=1).encode(
                alt.X("beyond:Q", scale=scale), colour
            ),
            base.mark_text(align="left", dx=8, fontSize=13).encode(x=alt.value("width"), text="text:N"),
            data=inline(table),
        ).properties(width=WIDTH, height=alt.Step(26))
    )


def steps_chart(
    result: Result, label: Label = str, *, columns: int = 4, side: int = 150, most: int | None = None
) -> alt.FacetChart:
    """Skill against naive at every step ahead, with its 95 % interval, one panel per model."""
    table = frames.skills_by_step(result)
    limit = frames.skill_limit(table)
    names = list(frames.skills(result)["model"])[:most]
    table = table[table["model"].isin(names)]
    table = table.assign(
        model=table["model"].map(label),
        **{name: table[name].clip(-limit, limit) for name in ("skill", "low", "high")},
    )
    across = alt.X("step:Q", title="sessions ahead", axis=alt.Axis(tickMinStep=1, tickCount=5))
    scale = alt.Scale(domain=[-limit, limit], nice=False)
    title = "squared error saved, %"
    base = alt.Chart().encode(across)
    layers = alt.layer(
        naive_rule(across=False),
        base.mark_area(color=BLUE, opacity=0.2).encode(
            alt.Y("low:Q", title=title, scale=scale), alt.Y2("high:Q")
        ),
        base.mark_line(color=BLUE, point=alt.OverlayMarkDef(size=25, color=BLUE)).encode(
            alt.Y("skill:Q", title=title, scale=scale)
        ),
    ).properties(width=side, height=120)
    return styled(
        layers.facet(
            facet=panels([label(name) for name in names]), columns=columns, data=inline(table)
        ).properties(usermeta={"panels": len(names)})
    )


def loss_chart(result: Result, label: Label = str, *, columns: int = 4, side: int = 150) -> alt.FacetChart:
    """Training and validation loss of every network, relative to its first epoch, one panel per model."""
    table = frames.relative_losses(result.training)
    names = list(dict.fromkeys(table["model"]))
    table = table.assign(model=table["model"].map(label))
    layers = loss_layers("loss, share of that after epoch 1").properties(width=side, height=side)
    labels = [label(name) for name in names]
    return styled(
        layers.facet(facet=panels(labels), columns=columns, data=inline(table))
        .resolve_scale(x="shared", y="independent")
        .properties(usermeta={"panels": len(names)})
    )


def history_chart(history: pd.DataFrame) -> alt.LayerChart:
    """Loss per epoch of each seed, the kept epoch marked; `history` as in `gatecast.nn.windows.Fit`."""
    table = history.assign(line=history["seed"])[["line", "epoch", "loss", "validation_loss", "kept"]]
    chart = loss_layers("loss").properties(width=WIDTH, height=260, data=inline(table))
    return styled(chart)


def price_layers(result: Result, table: pd.DataFrame, model: str, label: Label = str) -> list[alt.Chart]:
    """The actual price, and per shown step the forecast in the band of its seeds."""
    steps = frames.shown_steps(result)
    names = ["actual", *(forecast_name(label(model), step) for step in steps)]
    scale = alt.Scale(domain=names, range=[INK, *STEP_COLOURS[: len(steps)]])
    price = f"{result.experiment.column} (price)"
    base = alt.Chart().encode(alt.X("date:T", title=None))
    layers = []

    def up(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", title=price, scale=alt.Scale(zero=False), axis=alt.Axis(minExtent=48))

    for step, name in zip(steps, names[1:], strict=True):
        if f"low_{step}" in table:
            band = base.mark_area(opacity=0.25).encode(up(f"low_{step}"), alt.Y2(f"high_{step}:Q"))
            layers.append(coloured(band, name, scale))
    layers.append(coloured(base.mark_line(strokeWidth=1.8).encode(up("actual")), "actual", scale))
    for step, name in zip(steps, names[1:], strict=True):
        line = base.mark_line(strokeWidth=1.8).encode(up(f"forecast_{step}"))
        layers.append(coloured(line, name, scale))
    return layers


def price_strip(result: Result) -> alt.LayerChart:
    """All sessions: training in grey, test in ink."""
    base = alt.Chart().encode(
        alt.X("date:T", title=None),
        alt.Y("actual:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(minExtent=48, tickCount=3)),
    )
    return alt.layer(
        base.mark_line(color=GREY, strokeWidth=1.2),
        base.mark_line(color=INK, strokeWidth=1.2).transform_filter("datum.test == 1"),
    )


def fold_rules(result: Result) -> alt.Chart:
    """A dashed line where the test begins and where each later fold does."""
    starts = frames.fold_starts(result)
    table = pd.DataFrame(
        {"date": starts, "what": ["test begins", *(f"fold {k + 2}" for k in range(len(starts) - 1))]}
    )
    return (
        alt.Chart(inline(table))
        .mark_rule(strokeDash=[5, 4], color=INK, strokeWidth=1)
        .encode(
            alt.X("date:T", title=None),
            opacity=alt.condition("datum.what == 'test begins'", alt.value(1), alt.value(0.4)),
        )
    )


def loss_layers(title: str) -> alt.LayerChart:
    """Thin lines, one per network, and a dot at the epoch that was kept."""
    scale = alt.Scale(domain=["training", "validation"], range=[BLUE, ORANGE])
    base = alt.Chart().encode(
        alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, tickCount=5)), detail="line:N"
    )

    def up(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", title=title, scale=alt.Scale(zero=False))

    line, dot = base.mark_line(strokeWidth=1, opacity=0.5), base.mark_circle(size=28, opacity=1)
    return alt.layer(
        coloured(line.encode(up("loss")), "training", scale),
        coloured(line.encode(up("validation_loss")), "validation", scale),
        coloured(dot.encode(up("validation_loss")), "validation", scale).transform_filter("datum.kept == 1"),
    )


def coloured(layer: alt.Chart, name: str, scale: alt.Scale) -> alt.Chart:
    """A layer in the colour of `name`, with an entry in the legend."""
    entry = alt.Color("series:N", scale=scale, legend=legend())
    return layer.transform_calculate(series=json.dumps(name)).encode(entry)


def naive_rule(*, across: bool) -> alt.LayerChart:
    """The zero line with its name."""
    zero = {"x": alt.datum(0)} if across else {"y": alt.datum(0)}
    text = {"y": alt.value(-8)} if across else {"x": alt.value(4)}
    base = alt.Chart(alt.InlineData(values=[{}]))
    return alt.layer(
        base.mark_rule(color=INK, strokeWidth=1.2).encode(**zero),
        base.mark_text(
            text="naive", color=INK, align="center" if across else "left", dy=0 if across else -6
        ).encode(**zero, **text),
    )


def forecast_name(model: str, step: int) -> str:
    """How a legend calls a forecast."""
    return f"{model}, {step} session{'s' if step > 1 else ''} ahead"


def per_cent(value: float) -> str:
    """'+0.12 %', with fewer decimals where the number is large; '–' where it is undefined."""
    if not np.isfinite(value):
        return "–"
    decimals = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:+,.{decimals}f} %".replace("-", "−")


def panels(labels: list[str]) -> alt.Facet:
    """One panel per label, in this order."""
    header = alt.Header(title=None, labelFontSize=13, labelFontWeight="bold", labelLimit=300)
    return alt.Facet("model:N", sort=labels, header=header)


def legend() -> alt.Legend:
    """Above the chart, where it covers nothing."""
    return alt.Legend(title=None, orient="top", symbolStrokeWidth=3, labelLimit=320)


def inline(table: pd.DataFrame) -> alt.InlineData:
    """A table as CSV text: six digits, ISO days, 0 and 1 for flags."""
    parse: dict[str, str] = {}
    written = {}
    for name, column in table.items():
        dates = pd.api.types.is_datetime64_any_dtype(column)
        text = column.dtype == object or isinstance(column.dtype, pd.StringDtype)
        parse[str(name)] = "date:'%Y-%m-%d'" if dates else "string" if text else "number"
        written[name] = column.astype(int) if column.dtype == bool else column
    csv = pd.DataFrame(written).to_csv(
        index=False, float_format="%.6g", date_format="%Y-%m-%d", lineterminator="\n"
    )
    return alt.InlineData(values=csv, format=alt.CsvDataFormat(type="csv", parse=parse))


def styled(chart: Chart) -> Chart:
    """Quiet axes, text large enough to read at 800 px."""
    return (
        chart.configure(font="sans-serif", background="white")
        .configure_view(stroke=None)
        .configure_axis(
            labelFontSize=12,
            titleFontSize=13,
            titleFontWeight="normal",
            gridColor="#e8e8e8",
            domainColor=GREY,
            tickColor=GREY,
        )
        .configure_legend(labelFontSize=13)
        .configure_text(fontSize=12)
    )


def _hover(result: Result, model: str) -> alt.Chart:
    """Wide invisible points that say their numbers."""
    tips = [alt.Tooltip("date:T", format="%Y-%m-%d"), alt.Tooltip("actual:Q", format=",.6~g")]
    for step in frames.shown_steps(result):
        tips.append(alt.Tooltip(f"forecast_{step}:Q", title=forecast_name(model, step), format=",.6~g"))
    return (
        alt.Chart().mark_point(size=250, opacity=0).encode(alt.X("date:T"), alt.Y("actual:Q"), tooltip=tips)
    )


def _with_copy(result: Result, model: str, label: Label) -> str:
    copy = result.lag[model].copy
    return f"{label(model)}: {copy:.0%} copy" if copy >= 0.005 else label(model)


def _day(date: pd.Timestamp) -> dict[str, int]:
    return {"year": date.year, "month": date.month, "date": date.day}
