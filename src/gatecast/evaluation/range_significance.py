"""Does a network know the range better than the baselines, or was it lucky?

As in `significance`, everything rests on one loss per model and date; here it is the CRPS, and the benchmark
is the strongest baseline that has a range.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast.evaluation.forecasts import Forecasts
from gatecast.evaluation.multiple import ConfidenceSet, SuperiorAbility, block_size, confidence_set, spa
from gatecast.evaluation.ranges import PER_CENT
from gatecast.evaluation.significance import DieboldMariano, Skill, judge, mean_by_date


@dataclass(frozen=True)
class Pair:
    """One model against one benchmark on a symbol, or on "all".

    skill                1 - CRPS / CRPS of the benchmark, a fraction, with its 95 % interval
    diebold_mariano      of the CRPS; statistic above 0: the model has less
    smallest_detectable  the skill that this test would have found with 80 % power, a fraction
    """

    model: str
    benchmark: str
    symbol: str
    skill: Skill
    diebold_mariano: DieboldMariano
    smallest_detectable: float


@dataclass(frozen=True)
class RangeSignificance:
    """What the tests say about ranges.

    networks, baselines  those that have a range; lowest mean loss first, without a finite loss last
    benchmark            the strongest baseline; None where none has a range
    pairs                every network against every baseline, and every other baseline against the strongest
    spa                  is any network better than the strongest baseline?
    confidence_set       of all models that have a range
    """

    dates: int
    horizon: int
    networks: tuple[str, ...]
    baselines: tuple[str, ...]
    benchmark: str | None
    pairs: tuple[Pair, ...]
    spa: SuperiorAbility
    confidence_set: ConfidenceSet

    def pair(self, model: str, benchmark: str | None = None, symbol: str = "all") -> Pair | None:
        """The model against a baseline (without a name: the strongest); None where there is no such pair."""
        benchmark = benchmark or self.benchmark
        wanted = (model, benchmark, symbol)
        return next((p for p in self.pairs if (p.model, p.benchmark, p.symbol) == wanted), None)

    @property
    def frame(self) -> pd.DataFrame:
        """One row per pair: model, benchmark, symbol, skill with low and high, dm, dm_p (two-sided), …"""
        columns = [
            "model", "benchmark", "symbol", "skill", "low", "high",
            "dm", "dm_p", "smallest_detectable", "reason",
        ]  # fmt: skip
        return pd.DataFrame.from_records(
            [
                (
                    pair.model,
                    pair.benchmark,
                    pair.symbol,
                    pair.skill.value,
                    pair.skill.low,
                    pair.skill.high,
                    pair.diebold_mariano.statistic,
                    pair.diebold_mariano.p,
                    pair.smallest_detectable,
                    pair.diebold_mariano.reason,
                )
                for pair in self.pairs
            ],
            columns=columns,
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain data; undefined numbers are NaN."""
        return asdict(self)


def range_significance(forecasts: Forecasts, *, seed: int, reps: int = 1000) -> RangeSignificance | None:
    """All tests of ranges; None where no model has one. `seed` and `reps` are of the bootstraps.

    Fewer than 20 origin dates (or 4 times the horizon): everything is NaN, with the reason.
    """
    if not forecasts.ranges:
        return None
    losses, horizon = crps_by_date(forecasts), forecasts.horizon
    order = losses.mean(skipna=False).sort_values(kind="stable").index
    networks = tuple(name for name in order if name in forecasts.seeds)
    baselines = tuple(name for name in order if name not in forecasts.seeds)
    finite = [name for name in baselines if np.isfinite(losses[name]).all()]
    benchmark = next(iter(finite), None)
    bootstrap = {"horizon": horizon, "seed": seed, "reps": reps}
    return RangeSignificance(
        dates=len(losses),
        horizon=horizon,
        networks=networks,
        baselines=baselines,
        benchmark=benchmark,
        pairs=_pairs(forecasts, losses, networks, baselines, benchmark),
        spa=_no_spa(len(losses), horizon, networks)
        if benchmark is None or not networks
        else spa(losses[[benchmark, *networks]], benchmark, **bootstrap),
        confidence_set=confidence_set(losses, **bootstrap),
    )


@np.errstate(over="ignore", invalid="ignore")
def crps_by_date(forecasts: Forecasts, *, step: int | None = None, symbol: str | None = None) -> pd.DataFrame:
    """One loss per origin date and model that has a range: dates x models. A number, below 1 as a rule.

    Loss of an origin: the mean over its steps (or that of one `step`, from 1) of the CRPS of the log return,
    divided by the root of naive's mean squared error in the training of that symbol and fold, so that no
    symbol outweighs. Loss of a date: the mean over its symbols, or that of one `symbol`. Symbols whose price
    never moved in training cannot be scaled and have no say.
    """
    steps = slice(None) if step is None else slice(step - 1, step)
    usable = forecasts.naive_mse > 0
    if symbol is not None:
        usable = usable & (forecasts.symbol == forecasts.symbols.index(symbol))
    scale = PER_CENT * np.sqrt(forecasts.naive_mse[usable])
    losses = {
        name: known.crps[usable, steps].mean(axis=1) / scale for name, known in forecasts.ranges.items()
    }
    return mean_by_date(forecasts.origin[usable], losses)


def _pairs(
    forecasts: Forecasts,
    losses: pd.DataFrame,
    networks: tuple[str, ...],
    baselines: tuple[str, ...],
    benchmark: str | None,
) -> tuple[Pair, ...]:
    several = _symbols(forecasts)
    tables = {"all": losses}
    if len(several) > 1:
        tables |= {name: crps_by_date(forecasts, symbol=name) for name in several}
    wanted = [(network, baseline) for network in networks for baseline in baselines]
    if benchmark is not None:
        wanted += [(baseline, benchmark) for baseline in baselines if baseline != benchmark]
    return tuple(
        Pair(
            model,
            rival,
            symbol,
            *judge(table[rival].to_numpy(), table[model].to_numpy(), forecasts.horizon),
        )
        for model, rival in wanted
        for symbol, table in tables.items()
    )


def _symbols(forecasts: Forecasts) -> list[str]:
    present: NDArray[np.int64] = np.unique(forecasts.symbol)
    return [forecasts.symbols[place] for place in present]


def _no_spa(dates: int, horizon: int, networks: tuple[str, ...]) -> SuperiorAbility:
    reason = "no baseline has a range to compare with" if networks else "no network has a range"
    return SuperiorAbility((), np.nan, np.nan, np.nan, block_size(dates, horizon), reason)
