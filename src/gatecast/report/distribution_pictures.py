"""The charts of distributions as PNG: the title says what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatecast.evaluation.scores import headline_symbol
from gatecast.forecasts import step_names
from gatecast.formatting import listed, percent
from gatecast.language import say
from gatecast.report import distribution_charts, distribution_frames, frames
from gatecast.report.frames import Label
from gatecast.report.marks import Drawn, heading
from gatecast.settings.frequency import count_bars, count_sessions, noun

if TYPE_CHECKING:
    import altair as alt

    from gatecast.run import Run


def distribution_pictures(result: Run, label: Label) -> dict[str, Drawn]:
    """Name → chart: fan, pit, coverage, var, and interval_steps for longer horizons; {} without any."""
    models = distribution_frames.shown_models(result)
    if not models:
        return {}
    drawn: dict[str, Drawn] = {
        "fan": fan_picture(result, models[0], label),
        "pit": pit_picture(result, models, label),
    }
    if distribution_frames.window(result):
        drawn["coverage"] = coverage_picture(result, models, label)
    drawn["var"] = var_picture(result, models[0], label)
    if result.outcome.horizon > 1:
        drawn["interval_steps"] = steps_picture(result, models, label)
    return drawn


def fan_picture(result: Run, model: str, label: Label) -> alt.LayerChart:
    """The first symbol."""
    symbol = frames.shown_symbols(result)[0]
    table = distribution_frames.recent_intervals(result, model)
    days = table[(table["symbol"] == symbol) & ~table["ahead"]]
    outside = int(days["outside"].sum())
    bar = noun(result.outcome.frequency)
    title = say(
        "{symbol} left the 80 % intervals of {model} on {outside} of {bars}; {expected:.0f} expected",
        symbol=label(symbol),
        model=label(model),
        outside=outside,
        bars=count_bars(len(days), result.outcome.frequency),
        expected=0.2 * len(days),
    )
    below = say("actual price in the 50, 80 and 95 % intervals forecast the {bar} before", bar=bar)
    if result.outcome.horizon > 1:
        below += say(
            "; right of the dashed line the intervals 1 to {horizon} ahead",
            horizon=count_sessions(result.outcome.horizon, result.outcome.frequency),
        )
    return distribution_charts.fan_chart(result, model, symbol).properties(title=heading(title, below))


def pit_picture(result: Run, models: list[str], label: Label) -> alt.FacetChart:
    """The histograms."""
    off = distribution_frames.pit_bars(result, models).groupby("model")["off"].sum()
    counts = ", ".join(f"{label(name)} {off[name]}" for name in models)
    title = say(
        "PIT bars outside the band of chance, of {bins}: {counts}; 1 expected",
        bins=distribution_frames.BINS,
        counts=counts,
    )
    below = say(
        "high at both ends: too narrow; in the middle: too wide; band: 95 % of the bars of an exact one"
    )
    return distribution_charts.pit_chart(result, models, label).properties(title=heading(title, below))


def coverage_picture(result: Run, models: list[str], label: Label) -> alt.LayerChart:
    """The rolling coverage."""
    shares = listed([f"{percent(held_overall(result, name), 1)} ({label(name)})" for name in models])
    below = say(
        "share of the last {bars} inside the 80 % interval of the {bar} before",
        bars=count_bars(distribution_frames.window(result), result.outcome.frequency),
        bar=noun(result.outcome.frequency),
    )
    chart = distribution_charts.coverage_chart(result, models, label)
    return chart.properties(
        title=heading(say("80 % intervals held {shares} of the time", shares=shares), below)
    )


def var_picture(result: Run, model: str, label: Label) -> alt.LayerChart:
    """The first symbol."""
    symbol = frames.shown_symbols(result)[0]
    counts = distribution_frames.breaches(result, model, symbol)
    said = "; ".join(
        say(
            "VaR {level} %: {times} breaches, {expected:.0f} expected",
            level=level,
            times=times,
            expected=expected,
        )
        for level, (times, expected, _) in counts.items()
    )
    below = say(
        "{symbol} on {days}: change, the value at risk of {model}, and its breaches",
        symbol=label(symbol),
        days=count_bars(counts[5][2], result.outcome.frequency),
        model=label(model),
    )
    return distribution_charts.var_chart(result, model, symbol).properties(title=heading(said, below))


def steps_picture(result: Run, models: list[str], label: Label) -> alt.VConcatChart:
    """Coverage and width, step by step."""
    table = distribution_frames.intervals_by_step(result, models)
    own = table[table["model"] == models[0]]
    inside = int(own["coverage"].between(own["low"], own["high"]).sum())
    title = say(
        "80 % intervals of {model}: {inside} of {n} steps hold as often as chance allows",
        model=label(models[0]),
        inside=inside,
        n=len(own),
    )
    below = say(
        "above: coverage, in the 99 % band of chance for {model}; below: mean width", model=label(models[0])
    )
    return distribution_charts.steps_chart(result, models, label).properties(title=heading(title, below))


def held_overall(result: Run, model: str) -> float:
    """Coverage of the 80 % interval one session ahead over the whole test, a fraction."""
    scores, step = result.scores, step_names(result.outcome.horizon)[0]
    own = (scores["model"] == model) & (scores["step"] == step) & (scores["metric"] == "coverage_80")
    own &= scores["symbol"] == headline_symbol(scores)
    return float(scores.loc[own, "value"].iloc[0])
