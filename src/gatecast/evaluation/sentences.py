"""The sentences of a verdict on its losses, and those of the lag: whole templates with named places.

The choice among those on losses is made here, that among COPY and SIGNAL in `gatecast.evaluation.lag`.
Notes, and the reasons why there is no test or a network is not judged, are written where they are found.

The places hold names, numbers, counts ("5 folds") and the short phrases of `CHANGE`, `AGAINST` and `SAMPLE`.
All of it is said in the language in use (`gatecast.language`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gatecast.formatting import UNDEFINED, decimals_beside, listed, p_value, percent, signed
from gatecast.language import marked, plural, say
from gatecast.settings.frequency import INDEX, count_tested, no_change

if TYPE_CHECKING:
    from gatecast.evaluation.findings import Finding

MOST = 3  # models that are named, and intervals that miss
HARDLY = 0.5  # a detectable skill above it
SAME = 5e-5  # a skill that is printed as none
TIMES = -9.0  # a skill below it is printed as a multiple

# Against naive or seasonal naive, of a point forecast.
POINT = {
    "alone": marked("Nothing to judge: {benchmark}, the forecast '{saying}', was the only model."),
    "still": marked("Nothing to judge: the price never moves in the test, so '{saying}' is always right."),
    "better network": marked(
        "{model} beats {benchmark}, the forecast '{saying}', in a test over the {models} tried ({parts}; "
        "SPA test, {p}), and {benchmark} is not in the 90 % model confidence set."
    ),
    "better baseline": marked(
        "{model}, a baseline{without}, beats {benchmark}, the forecast '{saying}', in a test over "
        "the {models} tried ({parts}; SPA test, {p}), and {benchmark} is not in the 90 % model confidence "
        "set."
    ),
    "worse, one": marked(
        "Worse than {benchmark}, the forecast '{saying}': {model}, the only model tried, has a "
        "significantly larger {loss} (Diebold-Mariano test, {p_worse})."
    ),
    "worse, many": marked(
        "Worse than {benchmark}, the forecast '{saying}': of the {models} tried ({parts}), even the best "
        "{noun}, {model}, has a significantly larger {loss} (Diebold-Mariano test, {p_worse})."
    ),
    "no evidence, one": marked(
        "No evidence that {only}, the only model tried, beats {benchmark}, the forecast '{saying}' "
        "({because})."
    ),
    "no evidence, many": marked(
        "No evidence that any of the {models} tried ({parts}) beats {benchmark}, the forecast '{saying}' "
        "({because})."
    ),
}
SEASONAL = marked("as {season} bars ago")  # what seasonal naive forecasts, in words
SIZE = {
    "better": marked("On {sample}, its {loss} is {change} (90 % interval {low} to {high}{effort})."),
    "better, another network": marked(
        "On {sample}, its {loss} is {change} (90 % interval {low} to {high}{effort}); that of the best "
        "{noun}, {network}, is {other}."
    ),
    "worse": marked("On {sample}, its {loss} is {change}{in_all}."),
    "no evidence": marked("On {sample}, the {loss} of the best {noun}, {model}, is {change}{in_all}."),
    "undefined": marked("Tested on {sample}{with_all}."),
}
# Against the best baseline, of a distribution.
DISTRIBUTION = {
    "better": marked(
        "{model}'s prediction intervals and distribution are better than those of {rival}: its {loss} is "
        "{change} (90 % interval {low} to {high}; SPA test, {p})."
    ),
    "worse, one": marked(
        "{model}'s prediction intervals and distribution are worse than those of {rival}: its {loss} is "
        "{change} (Diebold-Mariano test, {p_worse})."
    ),
    "worse, many": marked(
        "The prediction intervals and distributions of all {networks} are worse than those of {rival}: the "
        "{loss} of the best, {model}, is {change} (Diebold-Mariano test, {p_worse})."
    ),
    "no evidence, one": marked(
        "No evidence that {model}'s prediction intervals and distribution are better than those of {rival} "
        "({because}): its {loss} is {change}."
    ),
    "no evidence, many": marked(
        "No evidence that the prediction intervals and distribution of any of {networks} are better than "
        "those of {rival} ({because}): the {loss} of the best, {model}, is {change}."
    ),
    "undefined, one": marked(
        "No evidence that {model}'s prediction intervals and distribution are better than those of {rival} "
        "({because})."
    ),
    "undefined, many": marked(
        "No evidence that the prediction intervals and distribution of any of {networks} are better than "
        "those of {rival} ({because})."
    ),
    "no baseline": marked(
        "The {noun}s' prediction intervals cannot be compared: no baseline has a distribution."
    ),
    "no network": marked("Only baselines have a distribution ({baselines}); the best is {benchmark}."),
    "nothing": marked("No distribution can be judged: no model's {loss} is a finite number."),
}
# Of every loss.
BECAUSE = marked("SPA test, {p}")
POWER = {
    "one": marked(
        "Four times in five, this test finds a skill of {size}; smaller ones it finds more rarely."
    ),
    "many": marked(
        "With {tried} tried, this test finds a skill of {size} four times in five; smaller ones it finds "
        "more rarely."
    ),
    "hardly": marked(
        "This test could hardly have found anything: four times in five it finds a skill of {size}."
    ),
    "never": marked(
        "This test could hardly have found anything: four times in five it finds a skill of more than 100 %."
    ),
}
WORSE = marked("Significantly worse than {benchmark}: {models}.")
BROKEN = marked("Not judged, because the {loss} is not a finite number on some date: {models}.")
HELD = marked("The 80 % intervals of {model} held {share} of the time.")
MISS = {
    "narrow": marked(
        "The {nominal} intervals of {model} are too narrow: they held only {share} of the time."
    ),
    "wide": marked("The {nominal} intervals of {model} are too wide: they held {share} of the time."),
    "narrow, symbol": marked(
        "The {nominal} intervals of {model} are too narrow on {symbol}: they held only {share} of the time."
    ),
    "wide, symbol": marked(
        "The {nominal} intervals of {model} are too wide on {symbol}: they held {share} of the time."
    ),
    "more": marked("The intervals of {model} are too narrow or too wide in {more} more cases."),
}
POOR = {
    "one": marked(
        "The 80 % intervals of the baseline {models} held far too seldom or too often: a lower {loss} proves "
        "little."
    ),
    "many": marked(
        "The 80 % intervals of the baselines {models} held far too seldom or too often: a lower {loss} than "
        "theirs proves little."
    ),
}
UNTRAINED = marked("Not judged, because they did not train: {models}.")
# Phrases.
SAMPLE = {
    "one": marked("{days} in {folds}"),
    "many": marked("{days} of {symbols} symbols ({origins} origins) in {folds}"),
    "one, numbered": marked("{days}"),
    "many, numbered": marked("{days} of {symbols} symbols ({origins} origins)"),
}
EFFORT = {
    "network": marked("{seeds} and {settings} each"),
    "candidate": marked("up to {seeds} and {settings} each"),
}
# What models are that are no baselines; see `Finding.noun`.
NOUNS = {
    "network": marked("network"),
    "candidate": marked("candidate"),
    "given model": marked("given model"),
}
WITHOUT = {
    "network": marked(" without a network"),
    "candidate": marked(" without a candidate"),
    "given model": marked(" and none of the forecasts given"),
}
RIVAL = {
    "one": marked("{benchmark}, the only baseline with a distribution"),
    "many": marked("{benchmark}, the best of {baselines}"),
}
CHANGE = {
    "lower": marked("{size} lower"),
    "higher": marked("{size} higher"),
    "same": marked("the same"),
    "almost": marked("almost the same"),
    "times": marked("{times} times as large"),
    "undefined": marked("larger than 0"),
}
AGAINST = {
    "lower": marked("{size} lower than that of {benchmark}"),
    "higher": marked("{size} higher than that of {benchmark}"),
    "same": marked("the same as that of {benchmark}"),
    "almost": marked("almost the same as that of {benchmark}"),
    "times": marked("{times} times that of {benchmark}"),
    "undefined": marked("larger than 0, that of {benchmark}"),
}
# A model that is worse, in a list.
WORSE_BY = {
    "lower": marked("{model} ({loss} {size} lower)"),
    "higher": marked("{model} ({loss} {size} higher)"),
    "same": marked("{model} ({loss} the same)"),
    "almost": marked("{model} ({loss} almost the same)"),
    "times": marked("{model} ({loss} {times} times as large)"),
    "undefined": marked("{model} ({loss} larger than 0)"),
}
# Of the lag detector.
COPY = {
    "only": marked("{model} repeats the last price: it never forecasts a change."),
    "undefined": marked("{model} cannot be compared with the last price: {reason}."),
    "behind": marked(
        "{model} lags behind: its forecast for {a_bar} is nearest to the price {sessions} before that {bar}."
    ),
    "apart": marked(
        "{model} does not copy the last price: the changes it forecasts are {size} as large as the actual "
        "ones (root mean square)."
    ),
    "most": marked(
        "{model} nearly repeats the last price: the changes it forecasts are {size} as large as the actual "
        "ones (root mean square)."
    ),
    "some": marked(
        "{model} stays close to the last price: the changes it forecasts are {size} as large as the actual "
        "ones (root mean square)."
    ),
}
SIGNAL = {
    "constant": marked("The change it forecasts never varies, so it says nothing about a single {bar}."),
    "untested": marked(
        "Whether the change it forecasts is related to the actual change cannot be tested: {reason}."
    ),
    "too large": marked(
        "The change it forecasts points the right way but is {times} times too large (slope {slope}, "
        "t = {t})."
    ),
    "follows": marked("The change it forecasts goes with the actual change (slope {slope}, t = {t})."),
    "opposite": marked("The change it forecasts points the wrong way (slope {slope}, t = {t})."),
    "no evidence": marked(
        "There is no evidence that the change it forecasts is related to the actual change (slope {slope}, "
        "t = {t})."
    ),
}


def sentences(finding: Finding) -> list[str]:
    """What one loss shows, in whole sentences: headline, power of the tests, and what to beware of."""
    found = [*(_of_point(finding) if finding.point else _of_distribution(finding))]
    if finding.kind == "no evidence" and finding.detectable is not None and finding.skill is not None:
        found.append(_power(finding.detectable, len(finding.tried)))
    found += _coverage(finding)
    if worse := finding.worse:
        loss = say(finding.name)
        items = [change(skill, WORSE_BY, model=name, loss=loss) for name, skill in list(worse.items())[:MOST]]
        more = [say("{more} more", more=len(worse) - MOST)] if len(worse) > MOST else []
        found.append(say(WORSE, benchmark=finding.benchmark, models=listed(items + more)))
    if finding.broken:
        found.append(say(BROKEN, loss=say(finding.name), models=listed(finding.broken)))
    if poor := finding.poor_baselines:
        items = [f"{name} ({percent(share, 1)})" for name, share in poor.items()]
        found.append(
            say(POOR["one" if len(poor) == 1 else "many"], models=listed(items), loss=say(finding.name))
        )
    return found


def change(
    skill: float | None,
    phrases: dict[str, str] = CHANGE,
    benchmark: str | None = None,
    **places: str,
) -> str:
    """'2.1 % lower' for a skill of 0.021; None: the benchmark makes no error. places: what phrases name."""
    size, times = "", ""
    if skill is None:
        kind = "undefined"
    elif abs(skill) < SAME:
        kind = "same" if skill == 0 else "almost"
    elif skill <= TIMES:
        kind, times = "times", f"{1 - skill:,.0f}"
    else:
        kind, size = "lower" if skill > 0 else "higher", percent(abs(skill))
    return say(phrases[kind], size=size, times=times, benchmark=benchmark, **places)


def saying(season: int, frequency: str) -> str:
    """What the benchmark of point forecasts says, in words: naive, or seasonal naive."""
    return no_change(frequency) if season == 1 else say(SEASONAL, season=season)


def _of_point(finding: Finding) -> Iterator[str]:
    places, kind = _places(finding, AGAINST), finding.kind or "no evidence"
    if not finding.tried:
        yield say(POINT["alone"], **places)
    elif kind == "better":
        what = "network" if finding.model in finding.networks else "baseline"
        yield say(POINT[f"better {what}"], **places)
    elif kind == "no evidence" and finding.still:
        yield say(POINT["still"], **places)
    else:
        yield say(POINT[f"{kind}, {'many' if len(finding.tried) > 1 else 'one'}"], **places)
    if finding.skill is None:
        if not finding.still:
            yield say(SIZE["undefined"], **places)
    elif kind == "better" and finding.network not in (None, finding.model):
        yield say(SIZE["better, another network"], **places)
    else:
        yield say(SIZE[kind], **places)


def _of_distribution(finding: Finding) -> Iterator[str]:
    places = _places(finding, CHANGE)
    if finding.kind is None:
        kind = "no baseline" if finding.networks else "no network" if finding.benchmark else "nothing"
    elif finding.kind == "better":
        kind = "better"
    else:
        many = "many" if len(finding.networks) > 1 else "one"
        kind = f"{finding.kind if finding.skill is not None else 'undefined'}, {many}"
    yield say(DISTRIBUTION[kind], **places)


def _places(finding: Finding, phrases: dict[str, str]) -> dict[str, str]:
    """What the templates of headline and size may name."""
    baselines = len(finding.tried) - len(finding.networks) if finding.point else len(finding.baselines)
    noun, networks = finding.noun, len(finding.networks)
    counts = ((networks, noun), (baselines, "baseline"))
    effort = say(
        EFFORT.get("network" if finding.seeds == 1 else noun, ""),
        seeds=plural("{n:,} seed", "{n:,} seeds", finding.seeds),
        settings=plural("{n:,} setting", "{n:,} settings", finding.settings),
    )
    p = "" if finding.p is None else p_value(finding.p)
    low, high = (
        UNDEFINED if end is None else signed(100 * end, decimals_beside(0.0, 100 * end))
        for end in (finding.low, finding.high)
    )
    return {
        "loss": say(finding.name),
        "model": finding.model or "",
        "network": finding.network or "",
        "benchmark": finding.benchmark or "",
        "saying": saying(finding.season, finding.frequency),
        "only": finding.tried[0] if finding.tried else "",
        "models": count_models(len(finding.tried), "model"),
        "noun": say(NOUNS[noun]),
        "without": say(WITHOUT[noun]),
        "networks": count_models(networks, noun),
        "baselines": count_models(baselines, "baseline"),
        "parts": ", ".join(count_models(n, what) for n, what in counts if n),
        "rival": say(
            RIVAL["one" if baselines == 1 else "many"],
            benchmark=finding.benchmark,
            baselines=count_models(baselines, "baseline"),
        ),
        "p": p,
        "p_worse": "" if finding.p_worse is None else p_value(finding.p_worse),
        "because": finding.reason or say(BECAUSE, p=p),
        "change": change(finding.skill, phrases, finding.benchmark),
        "other": change(finding.network_skill, phrases, finding.benchmark),
        "low": low,
        "high": high if high == UNDEFINED else say("{number} %", number=high),
        "sample": _sample(finding),
        "effort": "" if finding.given else say("; {effort}", effort=effort),
        "in_all": "" if finding.given else say(" ({effort})", effort=effort),
        "with_all": "" if finding.given else say(", with {effort}", effort=effort),
    }


def _sample(finding: Finding) -> str:
    """How much was tested: "1,258 test days in 5 folds", or in calendar years where rows have dates."""
    kind = "one" if finding.symbols == 1 else "many"
    if finding.given and finding.frequency == INDEX:
        kind = f"{kind}, numbered"
    origins = f"{finding.origins:,}"
    return say(
        SAMPLE[kind],
        days=count_tested(finding.days, finding.frequency),
        symbols=finding.symbols,
        origins=origins,
        folds=plural("{n:,} calendar year", "{n:,} calendar years", finding.folds)
        if finding.given
        else plural("{n:,} fold", "{n:,} folds", finding.folds),
    )


def count_models(n: int, noun: str) -> str:
    """How many of them: "1 baseline", "5 networks"."""
    return {
        "model": plural("{n:,} model", "{n:,} models", n),
        "network": plural("{n:,} network", "{n:,} networks", n),
        "candidate": plural("{n:,} candidate", "{n:,} candidates", n),
        "given model": plural("{n:,} given model", "{n:,} given models", n),
        "baseline": plural("{n:,} baseline", "{n:,} baselines", n),
    }[noun]


def _coverage(finding: Finding) -> Iterator[str]:
    for miss in finding.misses[:MOST]:
        fault = "narrow" if miss.held < miss.nominal else "wide"
        yield say(
            MISS[f"{fault}, symbol" if miss.symbol else fault],
            nominal=percent(miss.nominal),
            model=miss.model,
            symbol=miss.symbol,
            share=percent(miss.held, decimals_beside(100 * miss.nominal, 100 * miss.held, 1)),
        )
    if len(finding.misses) > MOST:
        yield say(MISS["more"], model=finding.misses[0].model, more=len(finding.misses) - MOST)
    if not finding.misses and finding.held is not None:
        yield say(HELD, model=finding.model, share=percent(finding.held, 1))


def _power(detectable: float, tried: int) -> str:
    kind = "never" if detectable >= 1 else "hardly" if detectable > HARDLY else "many" if tried > 1 else "one"
    return say(POWER[kind], size=percent(detectable), tried=count_models(tried, "model"))
