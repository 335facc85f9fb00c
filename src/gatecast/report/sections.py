"""The page's sections: scores and tests of a loss, and the charts of distributions with what they show."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from gatecast.report import distribution_frames, frames, tables

if TYPE_CHECKING:
    from gatecast.evaluation.significance import Significance
    from gatecast.run import Run


def scores_section(result: Run, tests: Significance) -> str:
    """The scores beside the tests of a loss: over all steps and symbols, and of some."""
    metrics, scores = tables.metrics_of(tests), tables.headline_scores(result)
    missing = "; ".join(tables.why_undefined(scores, metrics))
    note = f"<p class=caption>– {escape(missing)}.</p>" if missing else ""
    further = "".join(
        f"<details><summary>{escape(title)}</summary>{table}</details>"
        for title, table in tables.further_scores(result, metrics)
    )
    return tables.score_table(scores, metrics) + note + further


def tests_section(result: Run, tests: Significance) -> str:
    """What the tests of a loss say, and the meaning of the words."""
    point = tests.loss.point
    kinds = result.verdict.kinds if point else dict(result.verdict.findings[tests.loss.key].kinds)
    joint = "".join(f"<li>{escape(sentence)}</li>" for sentence in tables.joint_tests(tests))
    words = "".join(
        f"<dt>{word}</dt><dd>{escape(meaning)}</dd>" for word, meaning in tables.explanations(tests).items()
    )
    return f"<ul>{joint}</ul>{tables.significance_table(tests, kinds)}<dl>{words}</dl>"


def distribution_section(result: Run, charts: list[str]) -> str:
    """The section on distributions, with a place for each of the charts; empty where no model has one."""
    tests = result.significances.get("crps")
    if tests is None:
        return ""
    captions = _captions(result) if charts else {}
    figures = "\n".join(figure(name, *captions[name], heading="h3") for name in charts)
    caption = "Over the whole test, all steps and symbols alike; “–”: not defined."
    return (
        f"\n<section><h2>Prediction intervals</h2><p class=caption>{caption}</p>"
        f"{scores_section(result, tests)}{tests_section(result, tests)}\n{figures}</section>"
    )


def figure(name: str, title: str, caption: str, *, heading: str = "h2") -> str:
    """A title, what to look at, and the place that the page's script draws the chart into."""
    return (
        f"<{heading}>{escape(title)}</{heading}><p class=caption>{escape(caption)}</p>"
        f'<div class=chart data-chart="{name}" role=img aria-label="{escape(title)}"></div>'
    )


def _captions(result: Run) -> dict[str, tuple[str, str]]:
    """Name of a chart → its title and a sentence or two."""
    models = distribution_frames.shown_models(result)
    own, horizon = models[0], result.outcome.horizon
    both = " and ".join(models)
    fan = (
        f"The last {distribution_frames.RECENT} sessions: actual price in the 50, 80 and 95 % intervals that "
        f"{own} forecast the day before. One day in five should fall outside the 80 % interval (dots)."
    )
    if horizon > 1:
        fan += f" Right of the dashed line: its last forecast, 1 to {horizon} sessions ahead."
    shown, tested = frames.shown_symbols(result), frames.tested_symbols(result)
    if len(shown) < len(tested):
        fan += f" The first {len(shown)} of {len(tested)} symbols."
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
            f"{both}: share of days in each twentieth of the forecast distribution, one session ahead. Flat "
            "is right; high at both ends: too narrow; high in the middle: too wide. Band: 95 % of the bars "
            "of an exact distribution; orange: outside.",
        ),
        "coverage": (
            "Coverage over time",
            f"{both}: share of the last {distribution_frames.window(result)} days inside the 80 % interval "
            "of the day before. In the band chance explains the difference to 80 %; long stretches outside "
            "mean intervals too narrow (below) or too wide (above).",
        ),
        "var": (
            "Value at risk and its breaches",
            f"{own}, one session ahead, over the whole test and all symbols: {var}. Bars: change on the day; "
            "circles: below the VaR of 5 %; triangles: below that of 1 % too.",
        ),
        "interval_steps": (
            "Coverage and width at every step ahead",
            f"{both}, 80 % interval. Above: how often it held; band: where an exact one lies with 99 % "
            f"probability, overlap and its dates as for {own}. Below: mean width, log return × 100.",
        ),
    }
