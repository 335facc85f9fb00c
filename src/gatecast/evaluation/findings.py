"""Findings: what the tests of one loss show of a comparison, as fields that sentences are made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from gatecast.evaluation.coverage import coverage_bands, held, in_time_order, kupiec
from gatecast.evaluation.significance import LEVEL, NOT_FINITE, Significance, Skill
from gatecast.forecasts import Forecasts
from gatecast.language import means
from gatecast.settings.frequency import DAILY

Kind = Literal["better", "no evidence", "worse"]
Noun = Literal["network", "candidate", "given model"]

COVERAGE_LEVEL = 0.01
JUDGED = (0.8, 0.95)
FAR_OFF = 0.05  # a baseline's 80 % intervals: off by more, and outside their band


@dataclass(frozen=True)
class Interval:
    """Central intervals that did not hold as often as they should: nominal and actual share, fractions.

    symbol: "" for all of them
    """

    model: str
    nominal: float
    held: float
    symbol: str = ""


@dataclass(frozen=True)
class Finding:
    """What the tests of one loss show. Skills and shares are fractions; what is undefined is None.

    loss, name, point     of the loss: key, name, whether it judges points
    kind                  of `model` against the benchmark; None where there is nothing to compare
    kinds                 every model tried → kind
    benchmark             what the models are judged against
    tried                 the models tested jointly
    networks, baselines   those that the loss can score
    model                 the best of those that are better, else the best network; with neither, of a
                          distribution, the benchmark
    skill, low, high      of `model`, with its 90 % interval
    network, network_skill   the best network
    p, reason             of the test of superior predictive ability
    p_worse               one-sided, of the Diebold-Mariano test of `model`
    detectable            the smallest skill that the tests find four times in five
    days, origins, symbols, folds, seeds, settings   how much was tested and tried
    frequency             of the bars: what `days` are
    noun                  what the networks are: "network", "candidate" where some are models of another kind,
                          "given model" of forecasts that were given (a fold is then a calendar year)
    worse                 other models that are worse → skill
    broken                models with a loss that is not a finite number
    misses                intervals of `model` that did not hold as often as they should
    held                  share of its 80 % intervals that held, where none missed
    poor_baselines        other baselines whose 80 % intervals miss badly → share that held
    still                 whether the price never moves
    season                bars of the season that a seasonal naive benchmark repeats; 1: it is naive
    """

    loss: str
    name: str
    point: bool
    kind: Kind | None
    kinds: dict[str, Kind]
    benchmark: str | None
    tried: tuple[str, ...]
    networks: tuple[str, ...]
    baselines: tuple[str, ...]
    model: str | None
    skill: float | None
    low: float | None
    high: float | None
    network: str | None
    network_skill: float | None
    p: float | None
    p_worse: float | None
    reason: str
    detectable: float | None
    days: int
    origins: int
    symbols: int
    folds: int
    seeds: int
    settings: int
    worse: dict[str, float | None]
    broken: tuple[str, ...]
    misses: tuple[Interval, ...] = ()
    held: float | None = None
    poor_baselines: dict[str, float] = field(default_factory=dict)
    still: bool = False
    noun: Noun = "network"
    frequency: str = DAILY
    season: int = 1

    @property
    def given(self) -> bool:
        """Whether the networks are no networks, but forecasts that were given."""
        return self.noun == "given model"


def find(
    forecasts: Forecasts,
    significance: Significance,
    *,
    seeds: int,
    folds: int,
    settings: int = 1,
    noun: Noun = "network",
) -> Finding:
    """What the tests of one loss show.

    seeds, folds, settings: how many; settings: of each network; noun: see `Finding`

    "better": the test of superior predictive ability over all models tried has p < 0.05, the benchmark is not
    in the 90 % confidence set, the model is, and its own Diebold-Mariano test (one-sided 5 %) agrees.
    "worse": Diebold-Mariano (one-sided 5 %) says so. "no evidence" is the rest. Of the comparison: "better"
    where any model is; else "worse" where the best network is.
    """
    loss, kinds = significance.loss, _kinds(significance)
    network = _best(significance, significance.networks)
    model = _best(significance, (name for name, kind in kinds.items() if kind == "better")) or network
    if model is None and not loss.point:
        model = next(iter(significance.networks), significance.benchmark)
    judged = significance.models.get(model or "")
    skill = judged.skill if judged else Skill(np.nan, np.nan, np.nan)
    kind = kinds.get(model or "", "no evidence" if loss.point else None)
    tests = significance.models
    worse = sorted(
        (name for name, own in kinds.items() if own == "worse" and name != model),
        key=lambda name: tests[name].skill.value,
    )
    misses = () if loss.point or model is None else tuple(missed(forecasts, model))
    rivals = () if loss.point else (name for name in significance.baselines if name != model)
    return Finding(
        loss=loss.key,
        name=loss.name,
        point=loss.point,
        kind=kind,
        kinds=kinds,
        benchmark=significance.benchmark,
        tried=significance.tried,
        networks=significance.networks,
        baselines=significance.baselines,
        model=model,
        skill=_known(skill.value),
        low=_known(skill.low),
        high=_known(skill.high),
        network=network,
        network_skill=None if network is None else _known(tests[network].skill.value),
        p=_known(significance.spa.p),
        p_worse=_known(judged.diebold_mariano.p_worse) if judged else None,
        reason=significance.spa.reason,
        detectable=_known(significance.detectable),
        days=significance.dates,
        origins=len(forecasts.symbol),
        symbols=len(np.unique(forecasts.symbol)),
        folds=folds,
        seeds=seeds,
        noun=noun,
        settings=settings,
        season=forecasts.season,
        worse={name: _known(tests[name].skill.value) for name in worse},
        broken=tuple(name for name in kinds if means(tests[name].diebold_mariano.reason, NOT_FINITE)),
        misses=misses,
        held=None if loss.point or model is None or misses else _share(forecasts, model),
        poor_baselines=_poor(forecasts, rivals),
        frequency=forecasts.frequency,
        still=bool(forecasts.anchor.size and (forecasts.actual == forecasts.anchor[:, None]).all()),
    )


def missed(forecasts: Forecasts, model: str) -> list[Interval]:
    """Where the 80 % and 95 % intervals of a model did not hold as often as they should; [] is good.

    One symbol and one step: Kupiec's test at 1 %. Else the hit rate per date, over all symbols and steps,
    against its 99 % band (`coverage.coverage_bands`); where that holds, every symbol at step 1 of one-step
    intervals, by Kupiec's test at 1 % over the number of symbols.
    """
    y, rows = forecasts.actual_return, in_time_order(forecasts)
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
                found.append(Interval(model, coverage, float(row["coverage"])))
                continue
        if forecasts.horizon > 1:
            continue
        for name in symbols:
            kept = hits[rows[name], 0]
            test = kupiec(int((1 - kept).sum()), len(kept), 1 - coverage)
            if test.p < COVERAGE_LEVEL / len(symbols):
                found.append(Interval(model, coverage, float(kept.mean()), name if len(symbols) > 1 else ""))
    return found


def _kinds(significance: Significance) -> dict[str, Kind]:
    best = significance.confidence_set.members
    found = significance.spa.p < LEVEL and significance.benchmark not in best
    kinds: dict[str, Kind] = {}
    for name in significance.tried:
        if name in significance.models:
            test = significance.models[name].diebold_mariano
            better = found and name in best and test.p_better < LEVEL
            kinds[name] = "better" if better else "worse" if test.p_worse < LEVEL else "no evidence"
    return kinds


def _best(significance: Significance, names: Iterable[str]) -> str | None:
    """The one with the highest skill; None where none has any."""
    tests = significance.models
    skills = {name: tests[name].skill.value for name in names if name in tests}
    finite = {name: value for name, value in skills.items() if np.isfinite(value)}
    return max(finite, key=finite.__getitem__) if finite else None


def _share(forecasts: Forecasts, model: str) -> float | None:
    return _known(float(held(forecasts.distributions[model], forecasts.actual_return, 0.8).mean()))


def _poor(forecasts: Forecasts, baselines: Iterable[str]) -> dict[str, float]:
    """Baselines whose 80 % intervals miss badly → the share that held: to beat them proves little."""
    found = {}
    for name in baselines:
        bands = coverage_bands(forecasts, coverage=0.8, level=1 - COVERAGE_LEVEL, models=[name])
        row = bands[bands["step"] == "all"].iloc[-1]  # of "all" symbols, where there are several
        if row["outside"] and abs(row["coverage"] - 0.8) > FAR_OFF:
            found[name] = float(row["coverage"])
    return found


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
