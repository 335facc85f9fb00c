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

from gatecast._typing import Floats
from gatecast.evaluation.longrun import cosines, too_few
from gatecast.evaluation.multiple import REPS, ConfidenceSet, SuperiorAbility, confidence_set, spa
from gatecast.evaluation.power import crps_relative_variance, needed
from gatecast.evaluation.significance import DieboldMariano, Skill, is_pooled, judge, mean_by_date
from gatecast.forecasts import PER_CENT, Forecasts


@dataclass(frozen=True)
class Pair:
    """One model against one benchmark on a symbol, or on "all".

    skill            1 - CRPS / CRPS of the benchmark, a fraction, with its 90 % interval
    diebold_mariano  of the CRPS; statistic above 0: the model has less
    """

    model: str
    benchmark: str
    symbol: str
    skill: Skill
    diebold_mariano: DieboldMariano


@dataclass(frozen=True)
class RangeSignificance:
    """What the tests say about ranges.

    networks, baselines  those that have a range; lowest mean loss first, without a finite loss last
    benchmark            the strongest baseline; None where none has a range
    pairs                every network against every baseline, and every other baseline against the strongest
    spa                  is any network better than the strongest baseline?
    confidence_set       of all models that have a range
    detectable           the skill against `benchmark` of an oracle that these tests, over as many networks,
                         would have found with 80 % power (`gatecast.evaluation.power`), a fraction; or NaN
    """

    dates: int
    horizon: int
    networks: tuple[str, ...]
    baselines: tuple[str, ...]
    benchmark: str | None
    pairs: tuple[Pair, ...]
    spa: SuperiorAbility
    confidence_set: ConfidenceSet
    detectable: float

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
            "dm", "dm_p", "reason",
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
                    pair.diebold_mariano.reason,
                )
                for pair in self.pairs
            ],
            columns=columns,
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain data; undefined numbers are NaN."""
        return asdict(self)


def range_significance(forecasts: Forecasts, *, seed: int, reps: int = REPS) -> RangeSignificance | None:
    """All tests of ranges; None where no model has one. `seed` and `reps` are of the Monte Carlo.

    Fewer than 20 origin dates, or than 8 independent periods (dates / horizon): everything is NaN, with the
    reason.
    """
    if not forecasts.distributions:
        return None
    losses, horizon = crps_by_date(forecasts), forecasts.horizon
    order = losses.mean(skipna=False).sort_values(kind="stable").index
    networks = tuple(name for name in order if name in forecasts.seeds)
    baselines = tuple(name for name in order if name not in forecasts.seeds)
    finite = [name for name in baselines if np.isfinite(losses[name]).all()]
    benchmark = next(iter(finite), None)
    how: dict[str, Any] = {"horizon": horizon, "pooled": is_pooled(forecasts), "seed": seed, "reps": reps}
    return RangeSignificance(
        dates=len(losses),
        horizon=horizon,
        networks=networks,
        baselines=baselines,
        benchmark=benchmark,
        pairs=_pairs(forecasts, losses, networks, baselines, benchmark),
        spa=_no_spa(len(losses), horizon, networks)
        if benchmark is None or not networks
        else spa(losses[[benchmark, *networks]], benchmark, **how),
        confidence_set=confidence_set(losses, **how),
        detectable=_detectable(forecasts, losses, networks, benchmark, seed=seed),
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
    scale = _scale(forecasts)[usable]
    losses = {
        name: known.crps[usable, steps].mean(axis=1) / scale
        for name, known in forecasts.distributions.items()
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
            *judge(
                table[rival].to_numpy(),
                table[model].to_numpy(),
                forecasts.horizon,
                pooled=symbol == "all" and is_pooled(forecasts),
            ),
        )
        for model, rival in wanted
        for symbol, table in tables.items()
    )


def _detectable(
    forecasts: Forecasts, losses: pd.DataFrame, networks: tuple[str, ...], benchmark: str | None, *, seed: int
) -> float:
    finite = [name for name in networks if np.isfinite(losses[name]).all()]
    if benchmark is None or not finite or too_few(len(losses), forecasts.horizon):
        return float("nan")
    noncentrality = needed(
        losses, benchmark, finite, horizon=forecasts.horizon, pooled=is_pooled(forecasts), seed=seed
    )
    relative = crps_relative_variance(forecasts, benchmark, _scale(forecasts))
    return float(min(noncentrality**2 * relative, 1.0))


def _scale(forecasts: Forecasts) -> Floats:
    """(N,) the root of naive's mean squared error in training, in per cent."""
    return PER_CENT * np.sqrt(forecasts.naive_mse)


def _symbols(forecasts: Forecasts) -> list[str]:
    present: NDArray[np.int64] = np.unique(forecasts.symbol)
    return [forecasts.symbols[place] for place in present]


def _no_spa(dates: int, horizon: int, networks: tuple[str, ...]) -> SuperiorAbility:
    reason = "no baseline has a range to compare with" if networks else "no network has a range"
    return SuperiorAbility((), np.nan, np.nan, np.nan, cosines(dates, horizon), reason)
