"""The verdict on the range: one to three plain sentences beside those on the point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gatecast.evaluation.coverage import came, coverage_bands, held, in_time_order, kupiec
from gatecast.evaluation.range_significance import RangeSignificance
from gatecast.evaluation.sentences import power
from gatecast.evaluation.significance import LEVEL
from gatecast.forecasts import Forecasts
from gatecast.formatting import count, interval, listed, p_value, percent, sentence

RangeKind = Literal["better", "no evidence", "worse"]

COVERAGE_LEVEL = 0.01
JUDGED = (0.8, 0.95)
FAR_OFF = 0.05  # a baseline's 80 % intervals: off by more, and outside their band


@dataclass(frozen=True)
class RangeVerdict:
    """What a comparison shows of the ranges.

    kind        of the best network against the strongest baseline; None where there is nothing to compare
    kinds       network → kind
    sentences   without the spaces between them
    """

    kind: RangeKind | None
    kinds: dict[str, RangeKind]
    sentences: tuple[str, ...]


def range_verdict(
    forecasts: Forecasts, significance: RangeSignificance, *, notes: Sequence[str] = ()
) -> RangeVerdict:
    """Judge the ranges.

    notes   what the caller knows of the ranges besides, one sentence each

    "better": the test of superior predictive ability against the strongest baseline has p < 0.05, that
    baseline is not in the 90 % confidence set, the network is, and its own Diebold-Mariano test of the CRPS
    (one-sided 5 %) agrees. "worse": Diebold-Mariano (one-sided 5 %) says so; of the comparison where it says
    so of the best network. "no evidence" is the rest, with the smallest skill that could be found.

    A range that did not hold as often as it said has a sentence of its own: see `misses`.
    """
    kinds = _kinds(significance)
    winner = next((name for name in significance.networks if kinds.get(name) == "better"), None)
    shown = winner or next(iter(significance.networks), None)
    kind = kinds.get(shown) if shown is not None else None
    if shown is None or kind is None:
        sentences = [_nothing_to_compare(significance)]
    else:
        sentences = [_headline(shown, kind, significance)]
    shown = shown or significance.benchmark
    if shown is None:
        sentences = [f"{sentences[0]}."]
    else:
        owner = "its 80 % ranges" if kind == "better" else f"the 80 % ranges of {shown}"
        sentences = _with_coverage(forecasts, shown, sentences[0], owner)
    sentences += _others(kinds, significance, said=shown)
    sentences += _wrong_baselines(forecasts, [name for name in significance.baselines if name != shown])
    if notes:
        sentences.append(sentence("; ".join(note.rstrip(". ") for note in notes)))
    return RangeVerdict(kind, kinds, tuple(sentences))


def misses(forecasts: Forecasts, model: str) -> list[str]:
    """In words, where the 80 % and 95 % ranges of a model did not hold as often as they said; [] is good.

    One symbol and one step: Kupiec's test at 1 %. Else the hit rate per date, over all symbols and steps,
    against its 99 % band (`coverage.coverage_bands`); where that holds, every symbol at step 1 of one-step
    ranges, by Kupiec's test at 1 % over the number of symbols.
    """
    y, rows = came(forecasts), in_time_order(forecasts)
    symbols = [name for name in rows if name != "all"]
    found = []
    for coverage in JUDGED:
        hits = held(forecasts.distributions[model], y, coverage)
        if not np.isfinite(hits).all():
            continue
        if len(symbols) > 1 or forecasts.horizon > 1:
            bands = coverage_bands(forecasts, coverage=coverage, level=1 - COVERAGE_LEVEL, models=[model])
            row = bands[(bands["symbol"] == next(reversed(rows))) & (bands["step"] == "all")].iloc[0]
            if row["outside"]:
                found.append(_miss(model, coverage, float(row["coverage"])))
                continue
        if forecasts.horizon > 1:
            continue
        for name in symbols:
            kept = hits[rows[name], 0]
            test = kupiec(int((1 - kept).sum()), len(kept), 1 - coverage)
            if test.p < COVERAGE_LEVEL / len(symbols):
                where = f" on {name}" if len(symbols) > 1 else ""
                found.append(_miss(model, coverage, float(kept.mean()), where))
    return found


def _kinds(significance: RangeSignificance) -> dict[str, RangeKind]:
    best = significance.confidence_set.members
    found = significance.spa.p < LEVEL and significance.benchmark not in best
    kinds: dict[str, RangeKind] = {}
    for name in significance.networks:
        pair = significance.pair(name)
        if pair is None:
            continue
        test = pair.diebold_mariano
        kinds[name] = "no evidence"
        if found and name in best and test.p_better < LEVEL:
            kinds[name] = "better"
        elif test.p_worse < LEVEL:
            kinds[name] = "worse"
    return kinds


def _headline(model: str, kind: RangeKind, significance: RangeSignificance) -> str:
    """The first sentence, without its full stop."""
    pair, spa = significance.pair(model), significance.spa
    assert pair is not None
    rival, networks = _rival(significance), len(significance.networks)
    value = pair.skill.value
    if kind == "better":
        return (
            f"{model} knows the range better than {rival}: its CRPS is {_change(value)} (skill 90 % interval "
            f"{interval(pair.skill.low, pair.skill.high)}; SPA test, {p_value(spa.p)})"
        )
    if kind == "worse":
        who = f"even the best of {networks} networks, {model}," if networks > 1 else f"{model}"
        return (
            f"Worse at the range than {rival}: {who} has a CRPS {_change(value)}, and luck hardly explains "
            f"it (Diebold-Mariano test, {p_value(pair.diebold_mariano.p_worse)})"
        )
    who = f"any of {networks} networks" if networks > 1 else model
    because = spa.reason if spa.reason else f"SPA test, {p_value(spa.p)}"
    text = f"No evidence that {who} knows the range better than {rival} ({because})"
    if np.isfinite(value):
        owner = f"the CRPS of {model}" if networks > 1 else "its CRPS"
        text += f": {owner} is {_change(value)}"
    if np.isfinite(significance.detectable):
        text += "; " + power(significance.detectable, networks)
    return text


def _with_coverage(forecasts: Forecasts, model: str, headline: str, owner: str) -> list[str]:
    """The headline with the share of 80 % ranges that held, or with a sentence on those that did not."""
    faults = misses(forecasts, model)
    if faults:
        more = [f"so it is in {len(faults) - 3} more cases"] if len(faults) > 3 else []
        return [f"{headline}.", sentence("; ".join(faults[:3] + more))]
    share = float(held(forecasts.distributions[model], came(forecasts), 0.8).mean())
    return [
        f"{headline}; {owner} held {100 * share:.1f} % of the time." if np.isfinite(share) else headline + "."
    ]


def _nothing_to_compare(significance: RangeSignificance) -> str:
    if significance.networks:
        return "The range cannot be judged against others: no baseline has one"
    if significance.benchmark is None:
        return "No range can be judged: no model's CRPS is a finite number"
    many = count(len(significance.baselines), "baseline")
    return f"Of the range only baselines speak ({many}); the best is {significance.benchmark}"


def _others(
    kinds: Mapping[str, RangeKind], significance: RangeSignificance, *, said: str | None
) -> list[str]:
    """One sentence on the networks whose range is worse or could not be judged."""
    pairs = [pair for name in kinds if name != said and (pair := significance.pair(name)) is not None]
    worse = [pair for pair in pairs if kinds[pair.model] == "worse"]
    broken = [pair.model for pair in pairs if "finite" in pair.diebold_mariano.reason]
    parts = []
    if worse:
        named = [f"{pair.model} (CRPS {_change(pair.skill.value)})" for pair in worse[:3]]
        more = [f"{len(worse) - 3} more"] if len(worse) > 3 else []
        parts.append(
            f"beyond luck, {significance.benchmark} knows the range better than {listed(named + more)}"
        )
    if broken:
        parts.append(f"not judged, because its CRPS was not a finite number: {listed(broken)}")
    return [sentence("; ".join(parts))] if parts else []


def _wrong_baselines(forecasts: Forecasts, baselines: Sequence[str]) -> list[str]:
    """One sentence on the baselines whose 80 % intervals miss badly: to beat them is no proof."""
    wrong = []
    for name in baselines:
        bands = coverage_bands(forecasts, coverage=0.8, level=1 - COVERAGE_LEVEL, models=[name])
        row = bands[bands["step"] == "all"].iloc[-1]  # of "all" symbols, where there are several
        if row["outside"] and abs(row["coverage"] - 0.8) > FAR_OFF:
            wrong.append(f"{name} ({100 * row['coverage']:.1f} %)")
    if not wrong:
        return []
    whose = "a baseline whose" if len(wrong) == 1 else "baselines whose"
    return [
        sentence(
            f"{whose} 80 % intervals held far too seldom or too often: {listed(wrong)}; a smaller CRPS than "
            "theirs proves little"
        )
    ]


def _rival(significance: RangeSignificance) -> str:
    number = len(significance.baselines)
    which = f"the best of {number} baselines" if number > 1 else "the only baseline that has one"
    return f"{significance.benchmark}, {which}"


def _change(skill: float) -> str:
    if skill == 0:
        return "the same"
    size = percent(abs(skill)) if abs(skill) >= 5e-5 else "hardly"
    return f"{size} {'lower' if skill > 0 else 'higher'}"


def _miss(model: str, coverage: float, share: float, where: str = "") -> str:
    fault, only = ("narrow", "only ") if share < coverage else ("wide", "")
    return (
        f"the {100 * coverage:.0f} % ranges of {model} are too {fault}{where}: "
        f"they held {only}{100 * share:.1f} % of the time"
    )
