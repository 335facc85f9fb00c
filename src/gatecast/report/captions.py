"""The charts of the page: their titles, and what to look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gatecast.evaluation.sentences import saying
from gatecast.formatting import listed
from gatecast.language import marked, plural, say
from gatecast.report import distribution_frames, frames, symbols
from gatecast.settings.frequency import (
    DAILY,
    INDEX,
    count_bars,
    count_sessions,
    noun,
    nouns,
    session_noun,
    session_nouns,
)

if TYPE_CHECKING:
    from gatecast.run import Run

CAPTIONS = {
    "forecast": (
        marked("Forecast and actual price"),
        marked(
            "Drag in the strip to choose the {sessions} shown above it, move the selection to pan, "
            "scroll on it to zoom."
        ),
    ),
    "changes": (
        marked("Forecast change against actual change"),
        marked(
            "A dot is a forecast. On the dashed diagonal the forecast is right; on the zero line it is "
            "the last known price again, so a copy of {last} lies flat. Dots on the frame lie beyond it. "
            "In the heading: how large the forecast changes are beside the actual ones (root mean square)."
        ),
    ),
    "skill": (
        marked("Skill against {benchmark}"),
        marked(
            "Right of the line: smaller squared errors than the forecast “{saying}”. An interval that "
            "crosses the line: chance may explain the difference. An arrow points to what lies beyond "
            "the frame."
        ),
    ),
    "steps": (
        marked("Skill at every step ahead"),
        marked("The same for each step by itself, with its 90 % interval."),
    ),
    "loss": (
        marked("Loss while training"),
        marked(
            "One thin line per network (fold and seed), each as a share of its loss after the first "
            "epoch; bold: their median. Dots: the epoch that was kept."
        ),
    ),
}


BEGIN_FOLDS = marked("Dashed: where the test and each fold begin; every fold has its own training. ")
BEGIN_YEARS = marked(
    "Dashed: where the test and each calendar year begin; in every year the baselines are fitted anew. "
)
BEGIN_TEST = marked("Dashed: where the test begins. ")
VAR_DAILY = marked(
    "{own}, one {session} ahead, over the whole test and all symbols: {var}. Bars: change on the "
    "{bar}; circles: below the VaR of 5 %; triangles: below that of 1 % too."
)
VAR = marked(
    "{own}, one {session} ahead, over the whole test and all symbols: {var}. Bars: change of the "
    "{bar}; circles: below the VaR of 5 %; triangles: below that of 1 % too."
)


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
    places = {"sessions": session_nouns(frequency), "benchmark": result.outcome.benchmark}
    places["saying"] = saying(result.outcome.season, frequency)
    places["last"] = say("yesterday") if frequency == DAILY else say("the last price")
    return {name: (say(title, **places), say(text, **places)) for name, (title, text) in CAPTIONS.items()}


def _forecast_caption(result: Run) -> tuple[str, str]:
    title, caption = _captions(result)["forecast"]
    model = frames.leading_model(result)
    if result.noun != "given model":
        begin = BEGIN_FOLDS
    else:  # rows that are numbered have no years
        begin = BEGIN_TEST if result.outcome.frequency == INDEX else BEGIN_YEARS
    caption = say(begin) + caption
    if len(result.outcome.seeds.get(model, ())) > 1:
        band = say(
            "{model}: the mean over its seeds, in the band from the lowest to the highest. ", model=model
        )
        caption = band + caption
    if not frames.are_many(result) and (every := frames.every_price(result)) > 1:
        caption += say(
            " Before the last {bars} of the test one {bar} in {every:,} is drawn; forecasts.parquet has all.",
            bars=count_sessions(frames.MOST_TESTED, result.outcome.frequency),
            bar=session_noun(result.outcome.frequency),
            every=every,
        )
    return title, caption + _first_symbols(result, say("; all are in forecasts.parquet"))


def _changes_caption(result: Run) -> tuple[str, str]:
    title, caption = _captions(result)["changes"]
    if frames.in_usual_changes(result):
        caption += say(" In units of each symbol's mean change in training: prices may be in several units.")
    if len(result.outcome.anchor) > (shown := frames.points_of_changes(result)):
        caption += say(
            " {shown:,} of {n:,} forecasts of each model, evenly chosen.",
            shown=shown,
            n=len(result.outcome.anchor),
        )
    return title, caption


def _histogram_captions(result: Run) -> dict[str, tuple[str, str]]:
    """Name of a histogram of skill over symbols → its title and what it shows."""
    return {
        one.name: (
            one.finding,
            say(
                "Every symbol once, by the {loss} that {model} saves against {benchmark} on the "
                "whole test. The first and the last bar also hold what lies beyond them. Of "
                "{symbols} some are far from the rest by chance alone: the verdict above judges "
                "all of them together.",
                loss=one.loss,
                model=one.model,
                benchmark=one.benchmark,
                symbols=plural("{n:,} symbol", "{n:,} symbols", one.known),
            ),
        )
        for one in symbols.skills_by_symbol(result)
    }


def _distribution_captions(result: Run) -> dict[str, tuple[str, str]]:
    """Name of a chart → its title and a sentence or two; {} where there is none to draw."""
    models = distribution_frames.shown_models(result)
    if not models:
        return {}
    own, horizon = models[0], result.outcome.horizon
    both, recent = listed(models), distribution_frames.RECENT
    frequency = result.outcome.frequency
    bar, session = noun(frequency), session_noun(frequency)
    if frames.are_many(result):
        recent = min(recent, symbols.held(result).sessions)
    fan = say(
        "The last {recent}: actual price in the 50, 80 and 95 % intervals that {own} forecast the "
        "{bar} before. One {bar} in five should fall outside the 80 % interval (dots).",
        recent=count_sessions(recent, frequency),
        own=own,
        bar=bar,
    )
    if horizon > 1:
        fan += say(
            " Right of the dashed line: its last forecast, 1 to {horizon} ahead.",
            horizon=count_sessions(horizon, frequency),
        )
    fan += _first_symbols(result)
    counts = distribution_frames.breaches(result, own)
    var = "; ".join(
        say(
            "VaR {percent} %: {breaches:,} breaches in {days:,} forecasts, {expected:,.0f} expected",
            percent=percent,
            breaches=count,
            days=days,
            expected=expected,
        )
        for percent, (count, expected, days) in counts.items()
    )
    tests = result.significances["crps"]
    return {
        "skill_crps": (
            say("CRPS skill against {benchmark}", benchmark=tests.benchmark),
            say(
                "Right of the line: a lower CRPS than {benchmark}, the best baseline. An "
                "interval that crosses the line: chance may explain the difference.",
                benchmark=tests.benchmark,
            ),
        ),
        "steps_crps": (
            say("CRPS skill against {benchmark} at every step ahead", benchmark=tests.benchmark),
            say("The same for each step by itself, with its 90 % interval."),
        ),
        "fan": (say("Actual price in its prediction intervals"), fan),
        "pit": (
            say("Where the price lies in its distribution (PIT)"),
            say(
                "{both}: share of {bars} in each twentieth of the forecast distribution, one {session} "
                "ahead. Flat is right; high at both ends: too narrow; high in the middle: too wide. Band: 95 "
                "% of the bars of an exact distribution; orange: outside.",
                both=both,
                bars=nouns(frequency),
                session=session,
            ),
        ),
        "coverage": (
            say("Coverage over time"),
            say(
                "{both}: share of the last {window} inside the 80 % interval of the {bar} before. In the "
                "band chance may explain the difference to 80 %; long stretches outside mean intervals "
                "too narrow (below) or too wide (above).",
                both=both,
                window=count_bars(distribution_frames.window(result), frequency),
                bar=bar,
            )
            + _every_date(result),
        ),
        "var": (
            say("Value at risk and its breaches"),
            say(VAR_DAILY if frequency == DAILY else VAR, own=own, session=session, var=var, bar=bar)
            + _last_of_var(result),
        ),
        "interval_steps": (
            say("Coverage and width at every step ahead"),
            say(
                "{both}, 80 % interval. Above: how often it held; band: where an exact one lies with 99 % "
                "probability, overlap and its dates as for {own}. Below: mean width, {unit}.",
                both=both,
                own=own,
                unit=frames.unit_of_widths(result),
            ),
        ),
    }


def _every_date(result: Run) -> str:
    """How many of the rolling coverages are drawn, where it is not all of them."""
    every = distribution_frames.every_coverage(result)
    if every <= 1:
        return ""
    return say(" Drawn at one {bar} in {every:,}.", bar=noun(result.outcome.frequency), every=every)


def _last_of_var(result: Run) -> str:
    """That the last bars are drawn, where it is not all of them."""
    most, longest = distribution_frames.MOST_DAYS, int(np.bincount(result.outcome.symbol).max())
    frequency = result.outcome.frequency
    if longest <= most or frequency == DAILY:
        return ""
    return say(" Drawn: the last {bars}.", bars=count_bars(most, frequency))


def _first_symbols(result: Run, rest: str = "") -> str:
    """How many symbols are drawn, where it is not all of them."""
    if frames.are_many(result):
        return ""
    shown, tested = frames.shown_symbols(result), frames.tested_symbols(result)
    if len(shown) == len(tested):
        return ""
    return say(
        " The first {shown} of {tested} symbols{rest}.", shown=len(shown), tested=len(tested), rest=rest
    )


def of_symbols(result: Run, what: symbols.Held) -> str:
    """What the page holds of many symbols, in a few sentences."""
    tested, tests = frames.tested_symbols(result), len(set(result.outcome.time[:, 0]))
    frequency = result.outcome.frequency
    held = say("Charts of all {n:,} symbols are on this page", n=len(tested))
    if len(what.symbols) < len(tested):
        held = say(
            "Charts of {shown:,} of the {n:,} symbols are on this page: a third the best, a third the worst, "
            "the others evenly between them",
            shown=len(what.symbols),
            n=len(tested),
        )
    if what.sessions < tests:
        held += say(
            ", with the last {shown:,} of {n:,} test {sessions}",
            shown=what.sessions,
            n=tests,
            sessions=session_nouns(frequency),
        )
    return say(
        "{held}, and up to {before} before, evenly chosen. Numbers in them are rounded to 1/65,000 of their "
        "range; forecasts.parquet has everything.",
        held=held,
        before=count_sessions(symbols.STRIP, frequency),
    )
