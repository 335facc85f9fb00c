"""The charts of ranges as PNG: the title says what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatecast.forecasts import step_names
from gatecast.report import frames, range_charts, range_frames
from gatecast.report.frames import Label
from gatecast.report.marks import Drawn, heading

if TYPE_CHECKING:
    import altair as alt

    from gatecast.run import Run


def range_pictures(result: Run, label: Label) -> dict[str, Drawn]:
    """Name → chart: fan, pit, coverage, var, and range_steps for longer horizons; {} without ranges."""
    models = range_frames.range_models(result)
    if not models:
        return {}
    drawn: dict[str, Drawn] = {
        "fan": fan_picture(result, models[0], label),
        "pit": pit_picture(result, models, label),
    }
    if range_frames.window(result):
        drawn["coverage"] = coverage_picture(result, models, label)
    drawn["var"] = var_picture(result, models[0], label)
    if result.outcome.horizon > 1:
        drawn["range_steps"] = steps_picture(result, models, label)
    return drawn


def fan_picture(result: Run, model: str, label: Label) -> alt.LayerChart:
    """The first symbol."""
    symbol = frames.shown_symbols(result)[0]
    table = range_frames.recent_ranges(result, model)
    days = table[(table["symbol"] == symbol) & ~table["ahead"]]
    outside = int(days["outside"].sum())
    title = (
        f"{label(symbol)} left the 80 % range of {label(model)} on {outside} of {len(days)} days; "
        f"{0.2 * len(days):.0f} expected"
    )
    below = "actual price in the 50, 80 and 95 % ranges forecast the day before"
    if result.outcome.horizon > 1:
        below += f"; right of the dashed line the ranges 1 to {result.outcome.horizon} sessions ahead"
    return range_charts.fan_chart(result, model, symbol).properties(title=heading(title, below))


def pit_picture(result: Run, models: list[str], label: Label) -> alt.FacetChart:
    """The histograms."""
    off = range_frames.pit_bars(result, models).groupby("model")["off"].sum()
    counts = ", ".join(f"{label(name)} {off[name]}" for name in models)
    title = f"PIT bars outside the band of chance, of {range_frames.BINS}: {counts}; 1 expected"
    below = "high at both ends: ranges too narrow; in the middle: too wide; band: 95 % of a right one's bars"
    return range_charts.pit_chart(result, models, label).properties(title=heading(title, below))


def coverage_picture(result: Run, models: list[str], label: Label) -> alt.LayerChart:
    """The rolling coverage."""
    shares = " and ".join(f"{held_overall(result, name):.1f} % ({label(name)})" for name in models)
    below = f"share of the last {range_frames.window(result)} days inside the 80 % range of the day before"
    chart = range_charts.coverage_chart(result, models, label)
    return chart.properties(title=heading(f"80 % ranges held {shares} of the time", below))


def var_picture(result: Run, model: str, label: Label) -> alt.LayerChart:
    """The first symbol."""
    symbol = frames.shown_symbols(result)[0]
    counts = range_frames.breaches(result, model, symbol)
    said = "; ".join(
        f"VaR {percent} %: {count} breaches, {expected:.0f} expected"
        for percent, (count, expected, _) in counts.items()
    )
    days = counts[5][2]
    below = f"{label(symbol)} on {days:,} days: change, the value at risk of {label(model)}, and its breaches"
    return range_charts.var_chart(result, model, symbol).properties(title=heading(said, below))


def steps_picture(result: Run, models: list[str], label: Label) -> alt.VConcatChart:
    """Coverage and width, step by step."""
    table = range_frames.ranges_by_step(result, models)
    own = table[table["model"] == models[0]]
    inside = int(own["coverage"].between(own["low"], own["high"]).sum())
    title = f"80 % ranges of {label(models[0])}: {inside} of {len(own)} steps hold as often as chance allows"
    below = f"above: coverage, in the 99 % band of chance for {label(models[0])}; below: mean width"
    return range_charts.steps_chart(result, models, label).properties(title=heading(title, below))


def held_overall(result: Run, model: str) -> float:
    """Coverage of the 80 % range one session ahead over the whole test, in per cent."""
    scores = result.range_scores
    own = scores[(scores["model"] == model) & (scores["step"] == step_names(result.outcome.horizon)[0])]
    symbol = range_frames.overall_symbol(result)
    return 100 * float(own.loc[own["symbol"] == symbol, "coverage_80"].iloc[0])
