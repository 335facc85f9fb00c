"""The sentences of a verdict on its losses, and those of the lag: whole templates with named places.

The choice among those on losses is made here, that among COPY and SIGNAL in `gatecast.evaluation.lag`.
Notes, and the reasons why there is no test or a network is not judged, are written where they are found.

The places hold names, numbers, counts ("5 folds") and the short phrases of `CHANGE`, `AGAINST` and `SAMPLE`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gatecast.formatting import UNDEFINED, count, listed, p_value, percent, signed
from gatecast.settings.frequency import no_change
from gatecast.settings.frequency import noun as noun_of

if TYPE_CHECKING:
    from gatecast.evaluation.findings import Finding

MOST = 3  # models that are named, and intervals that miss
HARDLY = 0.5  # a detectable skill above it
SAME = 5e-5  # a skill that is printed as none
TIMES = -9.0  # a skill below it is printed as a multiple

# Against naive or seasonal naive, of a point forecast.
POINT = {
    "alone": "Nothing to judge: {benchmark}, the forecast '{saying}', was the only model.",
    "still": "Nothing to judge: the price never moves in the test, so '{saying}' is always right.",
    "better network": (
        "{model} beats {benchmark}, the forecast '{saying}', in a test over the {models} tried ({parts}; "
        "SPA test, {p}), and {benchmark} is not in the 90 % model confidence set."
    ),
    "better baseline": (
        "{model}, a baseline{without}, beats {benchmark}, the forecast '{saying}', in a test over "
        "the {models} tried ({parts}; SPA test, {p}), and {benchmark} is not in the 90 % model confidence "
        "set."
    ),
    "worse, one": (
        "Worse than {benchmark}, the forecast '{saying}': {model}, the only model tried, has a "
        "significantly larger {loss} (Diebold-Mariano test, {p_worse})."
    ),
    "worse, many": (
        "Worse than {benchmark}, the forecast '{saying}': of the {models} tried ({parts}), even the best "
        "{noun}, {model}, has a significantly larger {loss} (Diebold-Mariano test, {p_worse})."
    ),
    "no evidence, one": (
        "No evidence that {only}, the only model tried, beats {benchmark}, the forecast '{saying}' "
        "({because})."
    ),
    "no evidence, many": (
        "No evidence that any of the {models} tried ({parts}) beats {benchmark}, the forecast '{saying}' "
        "({because})."
    ),
}
SEASONAL = "as {season} bars ago"  # what seasonal naive forecasts, in words
SIZE = {
    "better": "On {sample}, its {loss} is {change} (90 % interval {low} to {high}{effort}).",
    "better, another network": (
        "On {sample}, its {loss} is {change} (90 % interval {low} to {high}{effort}); that of the best "
        "{noun}, {network}, is {other}."
    ),
    "worse": "On {sample}, its {loss} is {change}{in_all}.",
    "no evidence": "On {sample}, the {loss} of the best {noun}, {model}, is {change}{in_all}.",
    "undefined": "Tested on {sample}{with_all}.",
}
# Against the best baseline, of a distribution.
DISTRIBUTION = {
    "better": (
        "{model}'s prediction intervals and distribution are better than those of {rival}: its {loss} is "
        "{change} (90 % interval {low} to {high}; SPA test, {p})."
    ),
    "worse, one": (
        "{model}'s prediction intervals and distribution are worse than those of {rival}: its {loss} is "
        "{change} (Diebold-Mariano test, {p_worse})."
    ),
    "worse, many": (
        "The prediction intervals and distributions of all {networks} are worse than those of {rival}: the "
        "{loss} of the best, {model}, is {change} (Diebold-Mariano test, {p_worse})."
    ),
    "no evidence, one": (
        "No evidence that {model}'s prediction intervals and distribution are better than those of {rival} "
        "({because}): its {loss} is {change}."
    ),
    "no evidence, many": (
        "No evidence that the prediction intervals and distribution of any of {networks} are better than "
        "those of {rival} ({because}): the {loss} of the best, {model}, is {change}."
    ),
    "undefined, one": (
        "No evidence that {model}'s prediction intervals and distribution are better than those of {rival} "
        "({because})."
    ),
    "undefined, many": (
        "No evidence that the prediction intervals and distribution of any of {networks} are better than "
        "those of {rival} ({because})."
    ),
    "no baseline": "The {noun}s' prediction intervals cannot be compared: no baseline has a distribution.",
    "no network": "Only baselines have a distribution ({baselines}); the best is {benchmark}.",
    "nothing": "No distribution can be judged: no model's {loss} is a finite number.",
}
# Of every loss.
BECAUSE = {"test": "SPA test, {p}", "reason": "{reason}"}
POWER = {
    "one": "Four times in five, this test finds a skill of {size}; smaller ones it finds more rarely.",
    "many": (
        "With {tried} tried, this test finds a skill of {size} four times in five; smaller ones it finds "
        "more rarely."
    ),
    "hardly": "This test could hardly have found anything: four times in five it finds a skill of {size}.",
    "never": (
        "This test could hardly have found anything: four times in five it finds a skill of more than 100 %."
    ),
}
WORSE = "Significantly worse than {benchmark}: {models}."
BROKEN = "Not judged, because the {loss} is not a finite number on some date: {models}."
HELD = "The 80 % intervals of {model} held {share} of the time."
MISS = {
    "narrow": "The {nominal} intervals of {model} are too narrow: they held only {share} of the time.",
    "wide": "The {nominal} intervals of {model} are too wide: they held {share} of the time.",
    "narrow, symbol": (
        "The {nominal} intervals of {model} are too narrow on {symbol}: they held only {share} of the time."
    ),
    "wide, symbol": (
        "The {nominal} intervals of {model} are too wide on {symbol}: they held {share} of the time."
    ),
    "more": "The intervals of {model} are too narrow or too wide in {more} more cases.",
}
POOR = {
    "one": (
        "The 80 % intervals of the baseline {models} held far too seldom or too often: a lower {loss} proves "
        "little."
    ),
    "many": (
        "The 80 % intervals of the baselines {models} held far too seldom or too often: a lower {loss} than "
        "theirs proves little."
    ),
}
UNTRAINED = "Not judged, because they did not train: {models}."
# Phrases.
SAMPLE = {
    "one": "{days} test {bars} in {folds}",
    "many": "{days} test {bars} of {symbols} symbols ({origins} origins) in {folds}",
}
EFFORT = {"network": "{seeds} and {settings} each", "candidate": "up to {seeds} and {settings} each"}
RIVAL = {
    "one": "{benchmark}, the only baseline with a distribution",
    "many": "{benchmark}, the best of {baselines}",
}
CHANGE = {
    "lower": "{size} lower",
    "higher": "{size} higher",
    "same": "the same",
    "almost": "almost the same",
    "times": "{times} times as large",
    "undefined": "larger than 0",
}
AGAINST = {
    "lower": "{size} lower than that of {benchmark}",
    "higher": "{size} higher than that of {benchmark}",
    "same": "the same as that of {benchmark}",
    "almost": "almost the same as that of {benchmark}",
    "times": "{times} times that of {benchmark}",
    "undefined": "larger than 0, that of {benchmark}",
}
# Of the lag detector.
COPY = {
    "only": "{model} repeats the last price: it never forecasts a change.",
    "undefined": "{model} cannot be compared with the last price: {reason}.",
    "behind": (
        "{model} lags behind: its forecast for {a_bar} is nearest to the price {lag} {sessions} before that "
        "{bar}."
    ),
    "apart": "{model} does not copy the last price.",
    "most": "{model} repeats the last price: {share} of its forecast is that price.",
    "some": "{model} stays close to the last price: {share} of its forecast is that price.",
}
SIGNAL = {
    "constant": "The change it forecasts never varies, so it says nothing about a single {bar}.",
    "too large": (
        "The change it forecasts points the right way but is {times} times too large (slope {slope}, "
        "t = {t})."
    ),
    "follows": "The change it forecasts goes with the actual change (slope {slope}, t = {t}).",
    "opposite": "The change it forecasts points the wrong way (slope {slope}, t = {t}).",
    "unrelated": "The change it forecasts is unrelated to the actual change (slope {slope}, t = {t}).",
    "unclear": (
        "The change it forecasts has no clear relation to the actual change (slope {slope}, t = {t})."
    ),
}


def sentences(finding: Finding) -> list[str]:
    """What one loss shows, in whole sentences: headline, power of the tests, and what to beware of."""
    found = [*(_of_point(finding) if finding.point else _of_distribution(finding))]
    if finding.kind == "no evidence" and finding.detectable is not None and finding.skill is not None:
        found.append(_power(finding.detectable, len(finding.tried)))
    found += _coverage(finding)
    if worse := finding.worse:
        items = [f"{name} ({finding.name} {change(skill)})" for name, skill in list(worse.items())[:MOST]]
        more = [f"{len(worse) - MOST} more"] if len(worse) > MOST else []
        found.append(WORSE.format(benchmark=finding.benchmark, models=listed(items + more)))
    if finding.broken:
        found.append(BROKEN.format(loss=finding.name, models=listed(finding.broken)))
    if poor := finding.poor_baselines:
        items = [f"{name} ({percent(share, 1)})" for name, share in poor.items()]
        found.append(
            POOR["one" if len(poor) == 1 else "many"].format(models=listed(items), loss=finding.name)
        )
    return found


def change(skill: float | None, phrases: dict[str, str] = CHANGE, benchmark: str | None = None) -> str:
    """'2.1 % lower' for a skill of 0.021; None: the benchmark makes no error."""
    size, times = "", ""
    if skill is None:
        kind = "undefined"
    elif abs(skill) < SAME:
        kind = "same" if skill == 0 else "almost"
    elif skill <= TIMES:
        kind, times = "times", f"{1 - skill:,.0f}"
    else:
        kind, size = "lower" if skill > 0 else "higher", percent(abs(skill))
    return phrases[kind].format(size=size, times=times, benchmark=benchmark)


def saying(season: int, frequency: str) -> str:
    """What the benchmark of point forecasts says, in words: naive, or seasonal naive."""
    return no_change(frequency) if season == 1 else SEASONAL.format(season=season)


def _of_point(finding: Finding) -> Iterator[str]:
    places, kind = _places(finding, AGAINST), finding.kind or "no evidence"
    if not finding.tried:
        yield POINT["alone"].format(**places)
    elif kind == "better":
        what = "network" if finding.model in finding.networks else "baseline"
        yield POINT[f"better {what}"].format(**places)
    elif kind == "no evidence" and finding.still:
        yield POINT["still"].format(**places)
    else:
        yield POINT[f"{kind}, {'many' if len(finding.tried) > 1 else 'one'}"].format(**places)
    if finding.skill is None:
        if not finding.still:
            yield SIZE["undefined"].format(**places)
    elif kind == "better" and finding.network not in (None, finding.model):
        yield SIZE["better, another network"].format(**places)
    else:
        yield SIZE[kind].format(**places)


def _of_distribution(finding: Finding) -> Iterator[str]:
    places = _places(finding, CHANGE)
    if finding.kind is None:
        kind = "no baseline" if finding.networks else "no network" if finding.benchmark else "nothing"
    elif finding.kind == "better":
        kind = "better"
    else:
        many = "many" if len(finding.networks) > 1 else "one"
        kind = f"{finding.kind if finding.skill is not None else 'undefined'}, {many}"
    yield DISTRIBUTION[kind].format(**places)


def _places(finding: Finding, phrases: dict[str, str]) -> dict[str, str]:
    """What the templates of headline and size may name."""
    baselines = len(finding.tried) - len(finding.networks) if finding.point else len(finding.baselines)
    noun = finding.noun
    counts = ((len(finding.networks), noun), (baselines, "baseline"))
    effort = EFFORT.get("network" if finding.seeds == 1 else noun, "").format(
        seeds=count(finding.seeds, "seed"), settings=count(finding.settings, "setting")
    )
    p = "" if finding.p is None else p_value(finding.p)
    low, high = (UNDEFINED if end is None else signed(100 * end) for end in (finding.low, finding.high))
    return {
        "loss": finding.name,
        "model": finding.model or "",
        "network": finding.network or "",
        "benchmark": finding.benchmark or "",
        "saying": saying(finding.season, finding.frequency),
        "only": finding.tried[0] if finding.tried else "",
        "models": count(len(finding.tried), "model"),
        "noun": noun,
        "without": " and none of the forecasts given" if finding.given else f" without a {noun}",
        "networks": count(len(finding.networks), noun),
        "baselines": count(baselines, "baseline"),
        "parts": ", ".join(count(number, what) for number, what in counts if number),
        "rival": RIVAL["one" if baselines == 1 else "many"].format(
            benchmark=finding.benchmark, baselines=count(baselines, "baseline")
        ),
        "p": p,
        "p_worse": "" if finding.p_worse is None else p_value(finding.p_worse),
        "because": BECAUSE["reason" if finding.reason else "test"].format(reason=finding.reason, p=p),
        "change": change(finding.skill, phrases, finding.benchmark),
        "other": change(finding.network_skill, phrases, finding.benchmark),
        "low": low,
        "high": f"{high} %",
        "sample": SAMPLE["one" if finding.symbols == 1 else "many"].format(
            days=f"{finding.days:,}",
            bars=f"{noun_of(finding.frequency)}s",
            symbols=finding.symbols,
            origins=f"{finding.origins:,}",
            folds=count(finding.folds, "calendar year" if finding.given else "fold"),
        ),
        "effort": "" if finding.given else f"; {effort}",
        "in_all": "" if finding.given else f" ({effort})",
        "with_all": "" if finding.given else f", with {effort}",
    }


def _coverage(finding: Finding) -> Iterator[str]:
    for miss in finding.misses[:MOST]:
        fault = "narrow" if miss.held < miss.nominal else "wide"
        yield MISS[f"{fault}, symbol" if miss.symbol else fault].format(
            nominal=percent(miss.nominal),
            model=miss.model,
            symbol=miss.symbol,
            share=percent(miss.held, 1),
        )
    if len(finding.misses) > MOST:
        yield MISS["more"].format(model=finding.misses[0].model, more=len(finding.misses) - MOST)
    if not finding.misses and finding.held is not None:
        yield HELD.format(model=finding.model, share=percent(finding.held, 1))


def _power(detectable: float, tried: int) -> str:
    kind = "never" if detectable >= 1 else "hardly" if detectable > HARDLY else "many" if tried > 1 else "one"
    return POWER[kind].format(size=percent(detectable), tried=count(tried, "model"))
