"""A result as one HTML file: verdict, charts, tables, warnings and the experiment; nothing is fetched."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatecast._version import __version__
from gatecast.formatting import listed
from gatecast.language import say
from gatecast.problem.moves import LOG_RETURN
from gatecast.report import frames, symbols, tables
from gatecast.report.captions import figures, of_symbols
from gatecast.report.charts import page_charts
from gatecast.report.distribution_charts import distribution_charts
from gatecast.report.html import rendered, rendered_page, source
from gatecast.report.marks import specifications
from gatecast.report.packing import Packed
from gatecast.settings.frequency import count_sessions, spanned
from gatecast.settings.judged import Judged
from gatecast.settings.names import IMPORTED
from gatecast.settings.toml import to_toml

if TYPE_CHECKING:
    from gatecast.run import Run


def page(result: Run) -> str:
    """The whole page; needs no network and no other file."""
    charts, distributions = page_charts(result), distribution_charts(result)
    crps = result.significances.get("crps")
    many = _many(result) if frames.are_many(result) else None
    histograms = symbols.symbol_charts(result) if many else {}
    first = [figures(result, ["forecast"])[0]] if many and "forecast" in charts else []
    return rendered_page(
        "run.html",
        scripts=(source("vega.js"), source("page.js")),
        images="data: blob:",
        title=_title(result),
        scope=_scope(result),
        verdict=result.verdict,
        kind_said=result.verdict.kind_said.capitalize(),
        many=many,
        histograms=figures(result, histograms),
        first=first,
        charts=figures(result, [name for name in charts if not (first and name == "forecast")]),
        distribution_charts=figures(result, distributions),
        points=tables.loss_tables(result, result.significance),
        distributions=crps and tables.loss_tables(result, crps),
        lags=[lag.sentence for name, lag in result.lag.items() if name != "naive"],
        warnings=_warnings(result),
        noun=result.noun,
        command=_command(result),
        toml=to_toml(result.experiment, result.provenance),
        version=__version__,
        source=", ".join(result.prices.source),
        sha256=result.prices.sha256,
        words={
            "between": say("show the {n} symbols between"),
            "found": say("{found} of {n} symbols"),
        },
        specs=specifications(histograms | charts | distributions),
    )


@dataclass(frozen=True)
class Many:
    """What a page shows of many symbols.

    table    every symbol, highest skill first; held: those with charts, shown: whose are drawn at first
    said     what the page holds of them; packs: the rows of their charts, see `packing`
    """

    table: tables.Table
    held: list[str]
    shown: str
    said: str
    packs: dict[str, Packed]


def _many(result: Run) -> Many:
    what = symbols.held(result)
    return Many(
        table=tables.symbol_table(result),
        held=what.symbols,
        shown=frames.typical_symbol(result),
        said=of_symbols(result, what),
        packs=symbols.tables(result, what),
    )


def summary_html(result: Run) -> str:
    """Verdict and scores for a notebook; no script."""
    scores = tables.headline_scores(result)
    headlines = [
        tables.score_table(scores, tables.BRIEF[key], result.outcome.move)
        for key in tables.BRIEF
        if key in result.significances
    ]
    return rendered("summary.html", verdict=result.verdict, headlines=headlines)


def _title(result: Run) -> str:
    names = frames.tested_symbols(result)
    if len(names) > 4:
        names = [*names[:3], say("{n:,} more symbols", n=len(names) - 3)]
    return ", ".join(names)


def _scope(result: Run) -> str:
    outcome = result.outcome
    ahead = count_sessions(outcome.horizon, outcome.frequency)
    tested = spanned(outcome.time, outcome.frequency)
    column = result.experiment.column
    if outcome.move.name == LOG_RETURN.name:
        return say("{column}, {ahead} ahead, tested on {tested}", column=column, ahead=ahead, tested=tested)
    return say(
        "{column}, forecast as a {move}, {ahead} ahead, tested on {tested}",
        column=column,
        move=say(outcome.move.name),
        ahead=ahead,
        tested=tested,
    )


def _command(result: Run) -> str:
    """What makes the page again from the files beside it."""
    experiment = result.experiment
    if not isinstance(experiment, Judged):
        objects = [name for name, text in experiment.foreign.items() if not IMPORTED.fullmatch(text)]
        if objects:
            return say("gatecast.compare(…)  # in Python, where {models} came from", models=listed(objects))
        code = " --allow-code" if experiment.features or experiment.foreign else ""
        return f"gatecast compare prices.parquet --config experiment.toml{code}"
    column = experiment.column
    chosen = "" if column == "close" else f" --column {shlex.quote(column)}"
    return f"gatecast judge forecasts.parquet prices.parquet{chosen}"


def _warnings(result: Run) -> list[tuple[str, tuple[str, ...]]]:
    """The text of every warning once, and the rows of the data that it concerns."""
    oddities = {oddity.text: oddity.rows for oddity in result.prices.oddities}
    return list((oddities | {text: () for text in result.warnings if text not in oddities}).items())
