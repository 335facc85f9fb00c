"""The charts of the page: their titles, and what to look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gatecast.evaluation.sentences import saying
from gatecast.formatting import count
from gatecast.report import distribution_frames, frames, symbols
from gatecast.settings.frequency import DAILY, noun, session_noun

if TYPE_CHECKING:
    from gatecast.run import Run

CAPTIONS = {
    "forecast": (
        "Forecast and actual price",
        "Drag in the strip to choose the {sessions} shown above it, move the selection to pan, scroll on it "
        "to zoom.",
    ),
    "changes": (
        "Forecast change against actual change",
        "A dot is a forecast. On the dashed diagonal the forecast is right; on the zero line it is the last "
        "known price again, so a copy of {last} lies flat. Dots on the frame lie beyond it.",
    ),
    "skill": (
        "Skill against {benchmark}",
        "Right of the line: smaller squared errors than the forecast “{saying}”. An interval that "
        "crosses the line: chance may explain the difference. An arrow points to what lies beyond the frame.",
    ),
    "steps": ("Skill at every step ahead", "The same for each step by itself, with its 90 % interval."),
    "loss": (
        "Loss while training",
        "One thin line per network (fold and seed), each as a share of its loss after the first epoch; bold: "
        "their median. Dots: the epoch that was kept.",
    ),
}


@dataclass(frozen=True)
class Figure:
    """A chart of the page: its name, its title and a sentence or two."""

    name: str
    title: str
    caption: str


def figures(result: Run, charts: Iterable[str]) -> list[Figure]:
    """What the page says of these charts."""
    captions = _captions(result)
    captions |= {"forecast": _forecast_caption(result), "changes": _changes_caption(result)}
    captions |= _distribution_captions(result)
    if frames.are_many(result):
        captions |= _histogram_captions(result)
    return [Figure(name, *captions[name]) for name in charts]


def _captions(result: Run) -> dict[str, tuple[str, str]]:
    """CAPTIONS in the words of the run's frequency."""
    frequency = result.outcome.frequency
    places = {"sessions": f"{session_noun(frequency)}s", "benchmark": result.outcome.benchmark}
    places["saying"] = saying(result.outcome.season, frequency)
    places["last"] = "yesterday" if frequency == DAILY else "the last price"
    return {name: (title.format(**places), text.format(**places)) for name, (title, text) in CAPTIONS.items()}


def _forecast_caption(result: Run) -> tuple[str, str]:
    title, caption = _captions(result)["forecast"]
    model = frames.leading_model(result)
    begin = (
        "each calendar year begin; in every year the baselines are fitted anew. "
        if result.noun == "given model"
        else "each fold begin; every fold has its own training. "
    )
    caption = f"Dashed: where the test and {begin}{caption}"
    if len(result.outcome.seeds.get(model, ())) > 1:
        caption = f"{model}: the mean over its seeds, in the band from the lowest to the highest. " + caption
    if not frames.are_many(result) and (every := frames.every_price(result)) > 1:
        bars = f"{session_noun(result.outcome.frequency)}s"
        caption += (
            f" Before the last {frames.MOST_TESTED:,} {bars} of the test one {bars[:-1]} in {every:,} is "
            "drawn; forecasts.parquet has all."
        )
    return title, caption + _first_symbols(result, "; all are in forecasts.parquet")


def _changes_caption(result: Run) -> tuple[str, str]:
    title, caption = _captions(result)["changes"]
    if frames.in_usual_changes(result):
        caption += " In units of each symbol's mean change in training: prices may be in several units."
    if len(result.outcome.anchor) > (shown := frames.points_of_changes(result)):
        caption += f" {shown:,} of {len(result.outcome.anchor):,} forecasts of each model, evenly chosen."
    return title, caption


def _histogram_captions(result: Run) -> dict[str, tuple[str, str]]:
    """Name of a histogram of skill over symbols → its title and what it shows."""
    return {
        one.name: (
            one.finding,
            f"Every symbol once, by the {one.loss} that {one.model} saves against {one.benchmark} "
            f"on the whole test. The first and the last bar also hold what lies beyond them. Of "
            f"{count(one.known, 'symbol')} some are far from the rest by chance alone: the verdict above "
            "judges all of them together.",
        )
        for one in symbols.skills_by_symbol(result)
    }


def _distribution_captions(result: Run) -> dict[str, tuple[str, str]]:
    """Name of a chart → its title and a sentence or two; {} where there is none to draw."""
    models = distribution_frames.shown_models(result)
    if not models:
        return {}
    own, horizon = models[0], result.outcome.horizon
    both, sessions = " and ".join(models), distribution_frames.RECENT
    frequency = result.outcome.frequency
    bar, session = noun(frequency), session_noun(frequency)
    if frames.are_many(result):
        sessions = min(sessions, symbols.held(result).sessions)
    fan = (
        f"The last {sessions} {session}s: actual price in the 50, 80 and 95 % intervals that "
        f"{own} forecast the {bar} before. One {bar} in five should fall outside the 80 % interval (dots)."
    )
    if horizon > 1:
        fan += f" Right of the dashed line: its last forecast, 1 to {horizon} {session}s ahead."
    fan += _first_symbols(result)
    counts = distribution_frames.breaches(result, own)
    var = "; ".join(
        f"VaR {percent} %: {count:,} breaches in {days:,} forecasts, {expected:,.0f} expected"
        for percent, (count, expected, days) in counts.items()
    )
    tests = result.significances["crps"]
    return {
        "skill_crps": (
            f"CRPS skill against {tests.benchmark}",
            f"Right of the line: a lower CRPS than {tests.benchmark}, the best baseline. An interval that "
            "crosses the line: chance may explain the difference.",
        ),
        "steps_crps": (
            f"CRPS skill against {tests.benchmark} at every step ahead",
            "The same for each step by itself, with its 90 % interval.",
        ),
        "fan": ("Actual price in its prediction intervals", fan),
        "pit": (
            "Where the price lies in its distribution (PIT)",
            f"{both}: share of {bar}s in each twentieth of the forecast distribution, one {session} ahead. "
            "Flat is right; high at both ends: too narrow; high in the middle: too wide. Band: 95 % of the "
            "bars of an exact distribution; orange: outside.",
        ),
        "coverage": (
            "Coverage over time",
            f"{both}: share of the last {distribution_frames.window(result)} {bar}s inside the 80 % interval "
            f"of the {bar} before. In the band chance explains the difference to 80 %; long stretches "
            f"outside mean intervals too narrow (below) or too wide (above).{_every_date(result)}",
        ),
        "var": (
            "Value at risk and its breaches",
            f"{own}, one {session} ahead, over the whole test and all symbols: {var}. Bars: change "
            f"{'on' if frequency == DAILY else 'of'} the {bar}; "
            f"circles: below the VaR of 5 %; triangles: below that of 1 % too.{_last_of_var(result)}",
        ),
        "interval_steps": (
            "Coverage and width at every step ahead",
            f"{both}, 80 % interval. Above: how often it held; band: where an exact one lies with 99 % "
            f"probability, overlap and its dates as for {own}. Below: mean width, "
            f"{frames.unit_of_widths(result)}.",
        ),
    }


def _every_date(result: Run) -> str:
    """How many of the rolling coverages are drawn, where it is not all of them."""
    every = distribution_frames.every_coverage(result)
    return f" Drawn at one {noun(result.outcome.frequency)} in {every:,}." if every > 1 else ""


def _last_of_var(result: Run) -> str:
    """That the last bars are drawn, where it is not all of them."""
    most, longest = distribution_frames.MOST_DAYS, int(np.bincount(result.outcome.symbol).max())
    bar = noun(result.outcome.frequency)
    return f" Drawn: the last {most:,} {bar}s." if longest > most and bar != "day" else ""


def _first_symbols(result: Run, rest: str = "") -> str:
    """How many symbols are drawn, where it is not all of them."""
    if frames.are_many(result):
        return ""
    shown, tested = frames.shown_symbols(result), frames.tested_symbols(result)
    return f" The first {len(shown)} of {len(tested)} symbols{rest}." if len(shown) < len(tested) else ""


def of_symbols(result: Run, what: symbols.Held) -> str:
    """What the page holds of many symbols, in a few sentences."""
    tested, sessions = frames.tested_symbols(result), len(set(result.outcome.time[:, 0]))
    bar = session_noun(result.outcome.frequency)
    held = f"Charts of all {len(tested):,} symbols are on this page"
    if len(what.symbols) < len(tested):
        held = (
            f"Charts of {len(what.symbols):,} of the {len(tested):,} symbols are on this page: a third the "
            "best, a third the worst, the others evenly between them"
        )
    if what.sessions < sessions:
        held += f", with the last {what.sessions:,} of {sessions:,} test {bar}s"
    return (
        f"{held}, and up to {symbols.STRIP} {bar}s before, evenly chosen. Numbers in them are rounded to "
        "1/65,000 of their range; forecasts.parquet has everything."
    )
