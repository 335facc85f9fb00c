"""A result as one HTML file: verdict, charts, tables, warnings and the experiment; nothing is fetched."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib import resources
from importlib.metadata import version
from string import Template
from typing import TYPE_CHECKING

from gatecast._version import __version__
from gatecast.cache import keep, kept
from gatecast.report import frames, tables
from gatecast.report.charts import page_charts
from gatecast.report.distribution_charts import distribution_charts
from gatecast.report.pictures import bundled
from gatecast.report.policy import policy
from gatecast.report.sections import distribution_section, figure, scores_section, tests_section
from gatecast.settings.toml import to_toml

if TYPE_CHECKING:
    from gatecast.run import Run

COMMAND = "gatecast compare --config experiment.toml"
CAPTIONS = {
    "forecast": (
        "Forecast and actual price",
        "Dashed: where the test and each fold begin; every fold has its own training. Drag in the strip to "
        "choose the sessions shown above it, move the selection to pan, scroll on it to zoom.",
    ),
    "changes": (
        "Forecast change against actual change",
        "A dot is a forecast. On the dashed diagonal the forecast is right; on the zero line it is the last "
        "known price again, so a copy of yesterday lies flat. Dots on the frame lie beyond it.",
    ),
    "skill": (
        "Skill against naive",
        "Right of the line: smaller squared errors than the forecast “tomorrow = today”. An interval that "
        "crosses the line: chance may explain the difference. An arrow points to what lies beyond the frame.",
    ),
    "steps": ("Skill at every step ahead", "The same for each step by itself, with its 90 % interval."),
    "loss": (
        "Loss while training",
        "One thin line per network (fold and seed), each as a share of its loss after the first epoch; bold: "
        "their median. Dots: the epoch that was kept.",
    ),
}


def page(result: Run) -> str:
    """The whole page; needs no network and no other file."""
    charts, distributions = page_charts(result), distribution_charts(result)
    captions = CAPTIONS | {"forecast": _forecast_caption(result)}
    verdict = result.verdict
    style, library, script = _text("page.css"), _library(), _text("page.js")
    return Template(_text("template.html")).substitute(
        title=escape(", ".join(_symbols(result))),
        scope=_scope(result),
        kind=verdict.kind.replace(" ", "-"),
        kind_text=escape(verdict.kind.capitalize()),
        headline=_prose(verdict.sentences[0]),
        sentences=_prose(" ".join(verdict.sentences[1:])),
        charts="\n".join(f"<section>{figure(name, *captions[name])}</section>" for name in charts),
        distributions=distribution_section(result, list(distributions)),
        scores=scores_section(result, result.significance),
        tests=_tests(result),
        warnings=_warnings(result),
        toml=escape(to_toml(result.experiment, result.provenance)),
        command=COMMAND,
        version=__version__,
        sha256=result.prices.sha256,
        source=escape(", ".join(result.prices.source)),
        policy=policy(style=style, scripts=(library, script), images="data: blob:"),
        style=style,
        library=library,
        script=script,
        specs=_json({name: chart.to_dict() for name, chart in (charts | distributions).items()}),
    )


def summary_html(result: Run) -> str:
    """Verdict and scores for a notebook; no script."""
    verdict = result.verdict
    scores = tables.headline_scores(result)
    shown = "".join(tables.score_table(scores, tables.BRIEF[key]) for key in result.significances)
    return f"<div><p><b>{escape(verdict.kind.capitalize())}.</b> {escape(verdict.text)}</p>{shown}</div>"


def _forecast_caption(result: Run) -> tuple[str, str]:
    title, caption = CAPTIONS["forecast"]
    model = frames.leading_model(result)
    if len(result.outcome.seeds.get(model, ())) > 1:
        caption = f"{model}: the mean over its seeds, in the band from the lowest to the highest. " + caption
    shown, tested = frames.shown_symbols(result), frames.tested_symbols(result)
    if len(shown) < len(tested):
        caption += f" The first {len(shown)} of {len(tested)} symbols; all are in forecasts.parquet."
    return title, caption


def _scope(result: Run) -> str:
    outcome = result.outcome
    sessions = f"{outcome.time.min()} to {outcome.time.max()}"
    horizon = f"{outcome.horizon} session{'s' if outcome.horizon > 1 else ''} ahead"
    return f"{escape(result.experiment.column)}, {horizon}, tested on {sessions}"


def _symbols(result: Run) -> Sequence[str]:
    symbols = frames.tested_symbols(result)
    return symbols if len(symbols) <= 4 else [*symbols[:3], f"{len(symbols) - 3} more symbols"]


def _tests(result: Run) -> str:
    if not result.significance.models:
        return "<p>Nothing to test: naive was the only model.</p>"
    lags = "".join(f"<li>{escape(lag.sentence)}</li>" for name, lag in result.lag.items() if name != "naive")
    return f"{tests_section(result, result.significance)}<h3>Is it the last price?</h3><ul>{lags}</ul>"


def _warnings(result: Run) -> str:
    oddities = result.prices.oddities
    known = {oddity.text for oddity in oddities}
    items = [
        f"<li>{escape(oddity.text)}"
        + (f"<pre>{escape(chr(10).join(oddity.rows))}</pre>" if oddity.rows else "")
        + "</li>"
        for oddity in oddities
    ]
    items += [f"<li>{escape(text)}</li>" for text in result.warnings if text not in known]
    return (
        f"<ul>{''.join(items)}</ul>" if items else "<p>Nothing odd in the data, no trouble in the fits.</p>"
    )


def _prose(text: str) -> str:
    """Escaped, with no line break between a number and its sign for per cent."""
    return escape(text).replace(" %", "\u00a0%")


def _json(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


@cache
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script; made once (1.3 s), then kept in the cache folder."""
    name = f"vega-embed-{version('vl-convert-python')}"
    file = kept("scripts", name, ".js")
    if file is not None:
        return file.read_text(encoding="utf-8")
    script = bundled("window.vegaEmbed = vegaEmbed;")
    script = script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    with contextlib.suppress(OSError):  # else made anew next time
        keep("scripts", name, ".js", script.encode())
    return script


def _text(name: str) -> str:
    return resources.files("gatecast.report").joinpath(name).read_text(encoding="utf-8")
