"""The charts as PNG, for a reader: the title says the message, and one look suffices."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import altair as alt

from gatecast.errors import DrawingWarning
from gatecast.evaluation.sentences import saying
from gatecast.formatting import printable, some
from gatecast.language import ENGLISH, LANGUAGES, language, marked, say, speaking
from gatecast.report import charts, frames, symbols, time_axis
from gatecast.report.distribution_pictures import distribution_pictures
from gatecast.report.frames import Label
from gatecast.report.marks import Drawn, inline, layered, specification, styled
from gatecast.report.marks import heading as heading
from gatecast.report.rendering import Renderer, warn_of
from gatecast.settings.frequency import DAILY, INDEX, count_sessions, stamp

if TYPE_CHECKING:
    from gatecast.evaluation.significance import Significance
    from gatecast.run import Run

PIXELS = 2  # of a picture, for each of its chart
MOST_PANELS = 8
MOST_POINTS = 6000
POINT = {
    "better": marked("A model beats {benchmark}, the forecast '{saying}'"),
    "no evidence": marked("No evidence that any model beats {benchmark}, the forecast '{saying}'"),
    "worse": marked("Worse than {benchmark}, the forecast '{saying}'"),
}
DISTRIBUTION = {
    "better": marked("A model's distribution is better than that of {benchmark}"),
    "no evidence": marked("No evidence that any model's distribution is better than that of {benchmark}"),
    "worse": marked("The models' distributions are worse than that of {benchmark}"),
}
ONLY_BASELINES = marked("Of the baselines, {benchmark} has the best distribution")


@contextlib.contextmanager
def saved_pictures(result: Run, folder: Path, renderer: Renderer) -> Iterator[None]:
    """Write every picture that there is something to draw for; it is drawn while what is within is done."""
    with speaking(drawable_language()):
        names = [_given(renderer, name, chart) for name, chart in pictures(result)]
    yield
    drawn = _drawn(renderer, names)
    if renderer.lacks:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, png in drawn.items():
        (folder / f"{name}.png").write_bytes(png)


def drawable_language() -> str:
    """The language in use; English, with a DrawingWarning, where no font here has its letters."""
    name = language()
    if name == ENGLISH or not missing_letters(LANGUAGES[name]):
        return name
    warnings.warn(
        say(
            "no font on this machine has the letters of {language}: the pictures are in English. Install one "
            "(on Debian and Ubuntu the package fonts-noto-cjk) and draw again",
            language=LANGUAGES[name],
        ),
        DrawingWarning,
        stacklevel=3,
    )
    return ENGLISH


def pictures(result: Run) -> Iterator[tuple[str, Drawn]]:
    """Names and charts, drawn for a reader who cannot zoom; each is made when it is asked for."""
    label = labels_of(result)
    yield "forecast", forecast_picture(result, label)
    if frames.are_many(result):
        for by_symbol in symbols.skills_by_symbol(result):
            yield by_symbol.name, symbols_picture(by_symbol, label)
    if result.significance.models:
        yield "changes", changes_picture(result, label)
    for tests in result.significances.values():
        if tests.models:
            yield charts.name_of("skill", tests), skill_picture(result, tests, label)
        if tests.models and result.outcome.horizon > 1:
            yield charts.name_of("steps", tests), steps_picture(result, tests, label)
    if not result.training.empty:
        yield "loss", loss_picture(result, label)
    yield from distribution_pictures(result, label).items()


def to_pngs(charts: Mapping[str, Drawn]) -> dict[str, bytes]:
    """Name → PNG, twice the size in pixels, sharp on every screen; a DrawingWarning names those missing."""
    with Renderer() as renderer:
        return _drawn(renderer, [_given(renderer, name, chart) for name, chart in charts.items()])


def to_png(chart: Drawn) -> tuple[bytes | None, str]:
    """The PNG of one chart, and what kept it from being drawn."""
    with Renderer() as renderer:
        name = _given(renderer, "plot", chart)
        drawn, problem = renderer.drawn()
        return drawn.get(name), problem


def _given(renderer: Renderer, name: str, chart: Drawn) -> str:
    """The name of a chart, which the renderer draws from now on."""
    version = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    renderer.give(name, chart=specification(chart), version=version, scale=PIXELS)
    return name


def _drawn(renderer: Renderer, names: Sequence[str]) -> dict[str, bytes]:
    """The PNGs by the names of their charts."""
    drawn, problem = renderer.drawn()
    if renderer.lacks:
        warnings.warn(say("{without}; all else was written", without=problem), DrawingWarning, stacklevel=3)
    elif missing := [name for name in names if name not in drawn]:
        warn_of(", ".join(missing), problem)
    return drawn


def labels_of(result: Run) -> Label:
    """`labels` of the symbols and models of a run."""
    return labels(result.outcome.symbols, result.outcome.forecast)


def labels(symbols: Iterable[str], models: Iterable[str] = ()) -> Label:
    """Names as they are drawn in a PNG: those with letters that no font on this machine has get a number.

    A DrawingWarning then says so, once for all of them.
    """
    fallback = {name: say("symbol {n}", n=i + 1) for i, name in enumerate(symbols)}
    fallback |= {name: say("model {n}", n=i + 1) for i, name in enumerate(models)}
    letters = "".join(sorted({letter for name in fallback for letter in name if not letter.isascii()}))
    absent = missing_letters(letters) if letters else frozenset()
    boxes = [name for name in fallback if absent.intersection(name)]
    if boxes:
        first = boxes[0]
        warnings.warn(
            say(
                "no font on this machine has the letters of {boxes}: the pictures say "
                '"{fallback}" for {first}. Install a font that has them (on Debian and Ubuntu '
                "the package fonts-noto-cjk has Korean, Japanese and Chinese) and draw again; "
                "the page uses the fonts of whoever reads it",
                boxes=some(list(map(printable, boxes)), most=3),
                fallback=fallback[first],
                first=printable(first),
            ),
            DrawingWarning,
            stacklevel=2,
        )
    numbered = {name for name in fallback if not name.isprintable()} | set(boxes)
    return lambda name: fallback[name] if name in numbered else name


@cache
def missing_letters(letters: str) -> frozenset[str]:
    """Those of the letters that no font on this machine has; all of them where that cannot be seen, none
    where no picture can be drawn."""
    with Renderer() as renderer:
        if renderer.lacks:
            return frozenset()
        renderer.give("missing", letters=letters)
        made, _ = renderer.drawn()
    return frozenset(made["missing"].decode() if "missing" in made else letters)


def forecast_picture(result: Run, label: Label) -> alt.VConcatChart:
    """The whole test, small; below it the last sessions, where a shift by one day can be seen."""
    model = frames.leading_model(result)
    table = frames.prices_and_forecasts(result, model)
    symbol = table["symbol"].iloc[0]
    table = table[table["symbol"] == symbol].drop(columns="symbol")
    recent = table[table["test"]].iloc[-charts.RECENT :]
    frequency = result.outcome.frequency
    whole = charts.price_strip(frequency).properties(width=charts.WIDTH, height=90, data=inline(table))
    last = say(
        "The last {sessions}, to {time}",
        sessions=count_sessions(len(recent), frequency),
        time=stamp(recent["date"].iloc[-1], frequency),
    )
    seeds = "low_1" in recent and (recent["low_1"] < recent["high_1"]).any()
    band = say("; band: from the lowest of its seeds to the highest") if seeds else ""
    close_up = layered(
        *charts.price_layers(result, recent, [model], time_axis.across(frequency), label),
        data=inline(recent),
        width=charts.WIDTH,
        height=300,
        title=alt.TitleParams(last + band, anchor="start", fontSize=13),
    )
    title = _forecast_title(result, label(model), label(symbol))
    return styled(
        alt.vconcat(whole, close_up).properties(title=heading(title, _finding(result, model, label)))
    )


def symbols_picture(by_symbol: symbols.SkillBySymbol, label: Label) -> alt.LayerChart:
    """Skill by symbol."""
    title = by_symbol.finding.replace(by_symbol.model, label(by_symbol.model), 1)
    below = say(
        "every symbol once, by the {loss} saved against {benchmark} on the test",
        loss=say(by_symbol.loss),
        benchmark=label(by_symbol.benchmark),
    )
    return symbols.histogram(by_symbol, label).properties(title=heading(title, below))


def changes_picture(result: Run, label: Label) -> alt.FacetChart:
    """The changes of the models with the most skill."""
    last = say("yesterday") if result.outcome.frequency == DAILY else say("the last price")
    text = say("A copy of {last} lies flat on the zero line", last=last)
    below = say("dashed: a perfect forecast; a dot: one forecast, on the frame where it lies beyond")
    chart = charts.changes_chart(result, label, models=MOST_PANELS, points=MOST_POINTS)
    return chart.properties(title=heading(text, below))


def skill_picture(result: Run, tests: Significance, label: Label) -> alt.LayerChart:
    """Skill of every model."""
    kind, benchmark = result.verdict.findings[tests.loss.key].kind, label(str(tests.benchmark))
    titles = POINT if tests.loss.point else DISTRIBUTION
    title = say(
        titles[kind] if kind else ONLY_BASELINES,
        benchmark=benchmark,
        saying=saying(result.outcome.season, result.outcome.frequency),
    )
    below = say(
        "right of the line: less {loss} than {benchmark}; across it: perhaps chance",
        loss=say(tests.loss.name),
        benchmark=benchmark,
    )
    return charts.skill_chart(tests, label, noun=result.noun).properties(title=heading(title, below))


def steps_picture(result: Run, tests: Significance, label: Label) -> alt.FacetChart:
    """Skill step by step."""
    benchmark = label(str(tests.benchmark))
    below = say(
        "above the line: less {loss} than {benchmark}; band: 90 % interval",
        loss=say(tests.loss.name),
        benchmark=benchmark,
    )
    chart = charts.steps_chart(result, tests, label, models=MOST_PANELS)
    return chart.properties(
        title=heading(say("Skill against {benchmark}, step by step", benchmark=benchmark), below)
    )


def loss_picture(result: Run, label: Label) -> alt.FacetChart:
    """The losses."""
    below = say("thin: every network; bold: their median; dots: the epoch that was kept")
    chart = charts.loss_chart(result, label, models=MOST_PANELS)
    return chart.properties(title=heading(say("Loss while training"), below))


def _forecast_title(result: Run, model: str, symbol: str) -> str:
    tested = frames.tested_symbols(result)
    which = symbol
    if len(tested) > 1:
        which = say("{symbol} (one of {n} symbols)", symbol=symbol, n=len(tested))
    outcome = result.outcome
    ends = [stamp(time, outcome.frequency) for time in (outcome.time.min(), outcome.time.max())]
    years = "-".join(dict.fromkeys(ends if outcome.frequency == INDEX else [end[:4] for end in ends]))
    return say("{model} against {which}: the test, {years}", model=model, which=which, years=years)


def _finding(result: Run, model: str, label: Label) -> str:
    if model in result.untrained:
        return say("{model} did not train: {why}", model=label(model), why=result.untrained[model])
    if result.verdict.point.kinds.get(model) == "worse":
        outcome = result.outcome
        return say(
            "{model} is significantly worse than {benchmark}, the forecast '{saying}'",
            model=label(model),
            benchmark=outcome.benchmark,
            saying=saying(outcome.season, outcome.frequency),
        )
    return result.lag[model].sentences[0].rstrip(".").replace(model, label(model), 1)
