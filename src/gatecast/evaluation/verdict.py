"""The verdict: a few plain sentences about a comparison, to be read aloud to somebody who trades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from gatecast.evaluation.lag import Lag
from gatecast.evaluation.range_verdict import RangeKind, RangeVerdict
from gatecast.evaluation.sentences import power
from gatecast.evaluation.significance import LEVEL, Significance
from gatecast.forecasts import Forecasts
from gatecast.formatting import count, interval, listed, p_value, percent, sentence

Kind = Literal["beats naive", "no evidence", "worse than naive"]


@dataclass(frozen=True)
class Verdict:
    """What a comparison shows.

    kind        of the whole comparison
    kinds       model → kind; every model but naive
    sentences   without the spaces between them: of the point, then of the range where a model has one
    range_kind  of the ranges: the best network against the strongest baseline; None without either
    range_kinds network that has a range → kind
    """

    kind: Kind
    kinds: dict[str, Kind]
    sentences: tuple[str, ...]
    range_kind: RangeKind | None = None
    range_kinds: dict[str, RangeKind] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The sentences as one paragraph."""
        return " ".join(self.sentences)

    def __str__(self) -> str:
        return self.text


def verdict(
    forecasts: Forecasts,
    significance: Significance,
    lags: Mapping[str, Lag],
    *,
    seeds: int,
    folds: int,
    settings: int = 1,
    ranges: RangeVerdict | None = None,
    untrained: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Verdict:
    """Judge a comparison: the point, in two to five sentences, and with `ranges` the range.

    seeds, folds  how many
    settings      how many settings of each network were tried
    ranges        what `range_verdict` says, where a model has a range
    untrained     network → why it did not train; such networks are in none of the other arguments
    notes         what the caller knows besides, one sentence each; the reader hears them as one sentence

    "beats naive": the test of superior predictive ability over all models tried has p < 0.05, and naive is
    not in the 90 % confidence set. A model does where its own Diebold-Mariano test (one-sided 5 %) agrees.
    "worse than naive": Diebold-Mariano (one-sided 5 %) says so of the model; of the comparison where it says
    so of the best network. "no evidence" is the rest, and is said together with the smallest skill that these
    tests would have found.
    """
    kinds = _kinds(significance)
    best = _best(significance, forecasts.seeds)
    winner = _best(significance, [name for name, kind in kinds.items() if kind == "beats naive"])
    if winner is not None:
        kind: Kind = "beats naive"
    else:
        kind = "worse than naive" if best is not None and kinds[best] == "worse than naive" else "no evidence"
    tried = _tried(forecasts, significance)
    days = _days(forecasts, significance, folds)
    effort = f"{count(seeds, 'seed')} and {count(settings, 'setting')} each"
    sentences = [_headline(kind, winner or best, tried, significance, forecasts)]
    shown = winner or best
    if shown is not None:
        sentences.append(_size(shown, kind, f"On {days}", effort, significance, forecasts))
    elif not _never_moves(forecasts):
        sentences.append(f"Tried were {days}, {effort}.")
    sentences += _others(kinds, significance, said=shown)
    if best is not None and best in lags:
        sentences.append(lags[best].sentence + ".")
    if untrained:
        named = [f"{name} ({why})" for name, why in untrained.items()]
        sentences.append(sentence(f"not judged, because they did not train: {listed(named)}"))
    if ranges is not None:
        sentences += ranges.sentences
    if notes:
        sentences.append(sentence("; ".join(note.rstrip(". ") for note in notes)))
    if ranges is None:
        return Verdict(kind, kinds, tuple(sentences))
    return Verdict(kind, kinds, tuple(sentences), ranges.kind, ranges.kinds)


def _never_moves(forecasts: Forecasts) -> bool:
    return bool(forecasts.anchor.size and (forecasts.actual == forecasts.anchor[:, None]).all())


def _kinds(significance: Significance) -> dict[str, Kind]:
    found = significance.spa.p < LEVEL and "naive" not in significance.confidence_set.members
    kinds: dict[str, Kind] = {}
    for name, model in significance.models.items():
        test = model.diebold_mariano
        kinds[name] = "no evidence"
        if found and name in significance.confidence_set.members and test.p_better < LEVEL:
            kinds[name] = "beats naive"
        elif test.p_worse < LEVEL:
            kinds[name] = "worse than naive"
    return kinds


def _best(significance: Significance, names: Sequence[str] | Mapping[str, object]) -> str | None:
    """The one with the highest skill; None where none has any."""
    skills = {name: significance.models[name].skill.value for name in names if name in significance.models}
    skills = {name: value for name, value in skills.items() if np.isfinite(value)}
    return max(skills, key=skills.__getitem__) if skills else None


def _headline(
    kind: Kind, model: str | None, tried: str, significance: Significance, forecasts: Forecasts
) -> str:
    if not significance.models:
        return "Nothing to judge: naive, the forecast 'tomorrow = today', was the only model."
    spa = significance.spa
    if kind == "beats naive":
        what = "" if model in forecasts.seeds else ", a baseline without a network,"
        return (
            f"{model}{what} beats naive, the forecast 'tomorrow = today': luck hardly explains the best of "
            f"the {tried} (SPA test, {p_value(spa.p)}), and naive is not among those that may be best."
        )
    if kind == "worse than naive" and model is not None:
        p = significance.models[model].diebold_mariano.p_worse
        return (
            f"Worse than naive, the forecast 'tomorrow = today': of the {tried}, even the best network, "
            f"{model}, makes larger errors, and luck hardly explains it (Diebold-Mariano test, {p_value(p)})."
        )
    if _never_moves(forecasts):
        return "Nothing to judge: the price never moves in the test, so 'tomorrow = today' is always right."
    because = spa.reason if spa.reason else f"SPA test, {p_value(spa.p)}"
    return f"No evidence that any of the {tried} beats naive, the forecast 'tomorrow = today' ({because})."


def _size(
    model: str, kind: Kind, where: str, effort: str, significance: Significance, forecasts: Forecasts
) -> str:
    judged = significance.models[model]
    if model in forecasts.seeds:
        who = "it" if kind != "no evidence" else f"the best network, {model},"
        effort = f" ({effort})"
    else:
        who, effort = "it", ""
    text = f"{where}, {who} made {_error(judged.skill.value)}{effort}"
    if kind == "beats naive":
        text += f" (90 % interval {interval(judged.skill.low, judged.skill.high)})"
        network = _best(significance, forecasts.seeds)
        if network is not None and network != model:
            value = significance.models[network].skill.value
            text += f"; the best network, {network}, made {_error(value)}"
    elif kind == "no evidence" and np.isfinite(significance.detectable):
        text += "; " + power(significance.detectable, len(significance.models))
    return text + "."


def _others(kinds: Mapping[str, Kind], significance: Significance, *, said: str | None) -> list[str]:
    """One sentence on the models that are worse than naive or could not be judged."""
    worse = [name for name, kind in kinds.items() if kind == "worse than naive" and name != said]
    worse.sort(key=lambda name: significance.models[name].skill.value)
    broken = [name for name, model in significance.models.items() if "finite" in model.diebold_mariano.reason]
    parts = []
    if worse:
        named = [
            f"{name} ({_error(significance.models[name].skill.value, short=True)})" for name in worse[:3]
        ]
        more = [f"{len(worse) - 3} more"] if len(worse) > 3 else []
        parts.append(f"worse than naive beyond luck: {listed(named + more)}")
    if broken:
        parts.append(f"not judged, because a forecast was not a finite number: {listed(broken)}")
    return [sentence("; ".join(parts))] if parts else []


def _tried(forecasts: Forecasts, significance: Significance) -> str:
    networks = len(forecasts.seeds)
    baselines = len(significance.models) - networks
    parts = [count(networks, "network")] if networks else []
    parts += [count(baselines, "baseline")] if baselines else []
    return f"models tried ({', '.join(parts)})"


def _days(forecasts: Forecasts, significance: Significance, folds: int) -> str:
    symbols = len(np.unique(forecasts.symbol))
    days = f"{significance.dates:,} test days"
    if symbols > 1:
        days += f" of {symbols} symbols ({len(forecasts.symbol):,} origins)"
    return f"{days} in {count(folds, 'fold')}"


def _error(skill: float, *, short: bool = False) -> str:
    """'2.1 % less squared error than naive' for a skill of 0.021."""
    if not np.isfinite(skill):
        return "errors, naive none" if short else "errors where naive made none"
    if skill <= -9:
        return f"{1 - skill:,.0f} times" + (" its error" if short else " the squared error of naive")
    if abs(skill) < 5e-5:
        return "the same error" if short else "the same squared error as naive"
    less = "less" if skill > 0 else "more"
    return f"{percent(abs(skill))} {less}" + ("" if short else " squared error than naive")
