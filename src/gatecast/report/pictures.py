"""The charts as PNG, for a reader: the title says the message, and one look suffices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import altair as alt

from gatecast.report import charts, frames
from gatecast.report.charts import Drawn
from gatecast.report.frames import Label

if TYPE_CHECKING:
    from gatecast.runs import Result

MOST_PANELS = 8


def save_pictures(result: Result, folder: Path) -> None:
    """Write every picture that there is something to draw for."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(result).items():
        (folder / f"{name}.png").write_bytes(to_png(picture))


def pictures(result: Result) -> dict[str, Drawn]:
    """Name → chart, drawn for a reader who cannot zoom."""
    label = latin_labels(result)
    drawn: dict[str, Drawn] = {"forecast": forecast_picture(result, label)}
    if result.significance.models:
        drawn["changes"] = changes_picture(result, label)
        drawn["skill"] = skill_picture(result, label)
    if not result.training.empty:
        drawn["loss"] = loss_picture(result, label)
    return drawn


def to_png(chart: Drawn) -> bytes:
    """Twice the size in pixels, sharp on every screen."""
    import vl_convert

    version = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    return vl_convert.vegalite_to_png(chart.to_dict(), vl_version=version, scale=2, allowed_base_urls=[])


def latin_labels(result: Result) -> Label:
    """Names as they are, but those that a machine without their font would draw as boxes get a number."""
    symbols = {name: f"symbol {i + 1}" for i, name in enumerate(result.outcome.symbols)}
    models = {name: f"model {i + 1}" for i, name in enumerate(result.outcome.forecast)}
    fallback = symbols | models
    return lambda name: name if name.isascii() and name.isprintable() else fallback.get(name, "?")


def forecast_picture(result: Result, label: Label) -> alt.VConcatChart:
    """The whole test, small; below it the last sessions, where a shift by one day can be seen."""
    model = frames.leading_model(result)
    table = frames.prices_and_forecasts(result, model)
    table = table[table["symbol"] == table["symbol"].iloc[0]]
    symbol = label(table["symbol"].iloc[0])
    recent = table[table["test"]].iloc[-charts.RECENT :]
    years = "-".join(dict.fromkeys(str(table.loc[table["test"], "date"].iloc[i].year) for i in (0, -1)))
    title = f"{label(model)} against {symbol}: the test, {years}"
    whole = alt.layer(
        charts.price_strip(result), charts.fold_rules(result), data=charts.inline(table)
    ).properties(
        width=charts.WIDTH,
        height=90,
        title=heading(title, "all sessions: training grey, test black, folds dashed"),
    )
    close_up = alt.layer(
        *charts.price_layers(result, recent, model, label), data=charts.inline(recent)
    ).properties(width=charts.WIDTH, height=300, title=heading("", f"the last {len(recent)} sessions"))
    return charts.styled(alt.vconcat(whole, close_up))


def changes_picture(result: Result, label: Label) -> alt.FacetChart:
    """The changes of the models with the most skill."""
    return charts.changes_chart(result, label, most=6000).properties(
        title=heading("A copy of yesterday lies flat", "dashed: a perfect forecast")
    )


def skill_picture(result: Result, label: Label) -> Drawn:
    """Skill of every model; with several steps ahead, also step by step for the best."""
    return charts.skill_chart(result, label).properties(title=heading("Skill against naive", ""))


def loss_picture(result: Result, label: Label) -> alt.FacetChart:
    """The losses."""
    return charts.loss_chart(result, label).properties(
        title=heading("Loss while training", "dots: the epoch kept")
    )


def heading(text: str, below: str) -> alt.TitleParams:
    """A title and, smaller, what to look at."""
    return alt.TitleParams(text, subtitle=below, anchor="start", fontSize=17, subtitleFontSize=13, offset=12)
