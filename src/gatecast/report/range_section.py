"""The page's section on ranges: its scores, its charts, and what they show."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from gatecast.report import frames, range_frames, range_tables

if TYPE_CHECKING:
    from gatecast.run import Run


def range_section(result: Run, charts: list[str]) -> str:
    """The section, with a place for each of the charts; empty where no model has a range."""
    if result.range_significance is None:
        return ""
    further = "".join(
        f"<details><summary>{escape(title)}</summary>{table}</details>"
        for title, table in range_tables.further_tables(result)
    )
    joint = "".join(f"<li>{escape(sentence)}</li>" for sentence in range_tables.joint_tests(result))
    words = "".join(f"<dt>{word}</dt><dd>{escape(said)}</dd>" for word, said in range_tables.EXPLANATIONS)
    captions = _captions(result) if charts else {}
    figures = "\n".join(figure(name, *captions[name], heading="h3") for name in charts)
    missing = "; ".join(range_tables.why_undefined(result))
    note = f"<p class=caption>– {escape(missing)}.</p>" if missing else ""
    caption = (
        "How well each model knew how far the price would move. Over the whole test, all steps and symbols "
        "alike; “–”: not defined."
    )
    return (
        f"\n<section><h2>Range</h2><p class=caption>{caption}</p>"
        f"{range_tables.headline_table(result)}{note}{further}"
        f"<ul>{joint}</ul><dl>{words}</dl>\n{figures}</section>"
    )


def figure(name: str, title: str, caption: str, *, heading: str = "h2") -> str:
    """A title, what to look at, and the place that the page's script draws the chart into."""
    return (
        f"<{heading}>{escape(title)}</{heading}><p class=caption>{escape(caption)}</p>"
        f'<div class=chart data-chart="{name}" role=img aria-label="{escape(title)}"></div>'
    )


def _captions(result: Run) -> dict[str, tuple[str, str]]:
    """Name of a chart → its title and a sentence or two."""
    models = range_frames.range_models(result)
    own, horizon = models[0], result.outcome.horizon
    both = " and ".join(models)
    fan = (
        f"The last {range_frames.RECENT} sessions: actual price in the 50, 80 and 95 % ranges that {own} "
        "forecast the day before. One day in five should fall outside the 80 % range (dots)."
    )
    if horizon > 1:
        fan += f" Right of the dashed line: its last forecast, 1 to {horizon} sessions ahead."
    shown, tested = frames.shown_symbols(result), frames.tested_symbols(result)
    if len(shown) < len(tested):
        fan += f" The first {len(shown)} of {len(tested)} symbols."
    counts = range_frames.breaches(result, own)
    var = "; ".join(
        f"VaR {percent} %: {count:,} breaches in {days:,} forecasts, {expected:,.0f} expected"
        for percent, (count, expected, days) in counts.items()
    )
    return {
        "fan": ("Actual price in its ranges", fan),
        "pit": (
            "Where the price came in its range (PIT)",
            f"{both}: share of days in each twentieth of the forecast distribution, one session ahead. Flat "
            "is right; high at both ends: ranges too narrow; high in the middle: too wide. Band: 95 % of the "
            "bars of a right range; orange: outside.",
        ),
        "coverage": (
            "Coverage over time",
            f"{both}: share of the last {range_frames.window(result)} days inside the 80 % range of the day "
            "before. In the band chance explains the difference to 80 %; long stretches outside mean ranges "
            "too narrow (below) or too wide (above).",
        ),
        "var": (
            "Value at risk and its breaches",
            f"{own}, one session ahead, over the whole test and all symbols: {var}. Bars: change on the day; "
            "circles: below the VaR of 5 %; triangles: below that of 1 % too.",
        ),
        "range_steps": (
            "Coverage and width at every step ahead",
            f"{both}, 80 % range. Above: how often it held; band: where a right one lies with 99 % "
            f"probability, overlap and its dates as for {own}. Below: mean width, log return × 100.",
        ),
    }
