"""Permutation importance: how much skill the networks of a run lose when one of their inputs is wrong."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from gatecast._typing import Floats, Integers
from gatecast.errors import DataWarning, SettingError, did_you_mean
from gatecast.evaluation.longrun import too_few
from gatecast.evaluation.losses import CRPS, SQUARED_ERROR, Loss
from gatecast.evaluation.significance import is_pooled, losses_by_date, skill
from gatecast.forecasts import DistributionForecast, Forecasts
from gatecast.formatting import some
from gatecast.language import say
from gatecast.models.model import Forecast
from gatecast.models.moved_inputs import block_order, moved_forecasts
from gatecast.models.networks import FoldEnsemble, ensembles_of
from gatecast.problem.problem import Problem
from gatecast.progress import Bar
from gatecast.run import Run
from gatecast.settings.base import check_whole
from gatecast.settings.frequency import session_nouns

Measure = Literal["skill", "crps"]
LOSSES: dict[str, Loss] = {"skill": SQUARED_ERROR, "crps": CRPS}
TAIL = 0.025  # on each side of the interval
MODEL = "model"  # what the one that is judged is called


def importance(
    run: Run,
    problem: Problem,
    *,
    metric: Measure,
    models: str | Sequence[str] | None,
    permutations: int,
) -> pd.DataFrame:
    """The importance of every input of a run's networks; see `gatecast.api.result.Result.importance`.

    problem: that of the run's prices.
    """
    names, loss = _asked(run, metric, models), LOSSES[metric]
    check_whole(1, permutations=permutations)
    test = _Test.of(run.outcome, problem)
    benchmark = run.significances[loss.key].benchmark
    if benchmark is None:
        raise SettingError(
            say(
                "no baseline has a {loss} to compare with; compare with one, such as ewma-t",
                loss=say(loss.name),
            ),
            setting="metric",
            value=metric,
        )
    base = losses_by_date(test.outcome, loss)[benchmark].to_numpy()
    reason = too_few(len(base), problem.horizon)
    seeds = [(run.experiment.seed, number) for number in range(permutations)]
    orders, other_symbols = [test.moved(seed) for seed in seeds], [test.swapped(seed) for seed in seeds]
    found = []
    with Bar() as bar:
        for number, name in enumerate(names):
            ensembles = ensembles_of(run.fitted[name])
            usual = test.losses(ensembles, test.origins, None, loss)
            for column, read in enumerate(problem.names):
                bar.show(number + column / len(problem.names), len(names), name, read)
                sources = other_symbols if read in problem.static_names else orders
                moved = [test.losses(ensembles, one, column, loss) for one in sources]
                lost = np.mean(moved, axis=0) - usual
                one = skill(base, base - lost, problem.horizon, pooled=is_pooled(test.outcome), tail=TAIL)
                numbers = (np.nan,) * 3 if reason else (one.value, one.low, one.high)
                found.append((name, read, metric, *numbers, len(base), reason))
    columns = ["model", "input", "metric", "value", "low", "high", "dates", "reason"]
    return pd.DataFrame(found, columns=columns)


@dataclass(frozen=True)
class _Test:
    """The test origins whose inputs can change places: N rows of a problem, by fold, symbol and time."""

    outcome: Forecasts
    problem: Problem
    origins: Integers

    @classmethod
    def of(cls, outcome: Forecasts, problem: Problem) -> _Test:
        """Those of all folds and symbols with enough of them.

        Raises
        ------
        SettingError
            There are none.

        Warns
        -----
        DataWarning
            Symbols that are left out.
        """
        rows = pd.MultiIndex.from_arrays([problem.symbol, problem.session])
        origins = rows.get_indexer(pd.MultiIndex.from_arrays([outcome.symbol, outcome.origin]))
        enough, apart = np.zeros(len(origins), bool), problem.lookback + problem.horizon
        for own in _groups(outcome):
            enough[own] = len(own) >= 2 * apart
        said = say(
            "fewer than {least} origins in a fold's test, which permutations in blocks of {apart} {sessions} "
            "(lookback + horizon) need",
            least=2 * apart,
            apart=apart,
            sessions=session_nouns(outcome.frequency),
        )
        if not enough.any():
            raise SettingError(
                say("{said}: take fewer folds, a longer test, or a shorter lookback", said=said)
            )
        short = sorted({outcome.symbols[number] for number in outcome.symbol[~enough]})
        if short:
            text = say("importance without {symbols} ({said})", symbols=some(short), said=said)
            warnings.warn(text, DataWarning, stacklevel=4)
        return cls(outcome.of_origins(enough), problem, origins[enough])

    def moved(self, seed: tuple[int, int]) -> Integers:
        """(N,) rows of the same fold and symbol in another order; symbols with as many origins move alike."""
        apart, sources = self.problem.lookback + self.problem.horizon, self.origins.copy()
        for own in _groups(self.outcome):
            draw = np.random.default_rng((*seed, int(self.outcome.fold[own[0]])))
            sources[own] = self.origins[own][block_order(len(own), apart, draw)]
        return sources

    def swapped(self, seed: tuple[int, int]) -> Integers:
        """(N,) rows of the same fold and another symbol, for what is constant within a symbol."""
        draw, sources = np.random.default_rng(seed), self.origins.copy()
        for fold in np.unique(self.outcome.fold):
            groups = [own for own in _groups(self.outcome) if self.outcome.fold[own[0]] == fold]
            turn = draw.integers(1, len(groups)) if len(groups) > 1 else 0
            for own, other in zip(groups, np.roll(np.arange(len(groups)), -turn), strict=True):
                sources[own] = self.origins[groups[other][0]]
        return sources

    def losses(
        self, ensembles: Sequence[FoldEnsemble], sources: Integers, column: int | None, loss: Loss
    ) -> Floats:
        """(dates,) the loss of a model that is given one input (None: none) of other origins."""
        tested = [one for one in ensembles if (self.outcome.fold == one.fold).any()]
        ends = np.cumsum([(self.outcome.fold == one.fold).sum() for one in tested])[:-1]
        origins = np.split(self.origins, ends)
        forecasts = moved_forecasts(tested, self.problem, origins, np.split(sources, ends), column)
        moves = np.concatenate([one.median for one in forecasts])
        distributions = {} if loss.point else {MODEL: self._scored(forecasts, origins)}
        alone = replace(
            self.outcome,
            forecast={**self._reference, MODEL: self.problem.to_price(moves, self.origins)},
            seeds={},
            distributions=distributions,
        )
        return losses_by_date(alone, loss)[MODEL].to_numpy()

    @property
    def _reference(self) -> dict[str, Floats]:
        return {self.outcome.benchmark: self.outcome.forecast[self.outcome.benchmark]}

    def _scored(self, forecasts: Sequence[Forecast], origins: Sequence[Integers]) -> DistributionForecast:
        problem = self.problem
        return DistributionForecast.joined(
            [
                DistributionForecast.of(
                    forecast.distribution, problem.actual_returns(rows), move=problem.move
                )
                for forecast, rows in zip(forecasts, origins, strict=True)
            ]
        )


def _groups(outcome: Forecasts) -> list[Integers]:
    """The origins of each fold and symbol, in time order, by their places."""
    pair = np.stack([outcome.fold, outcome.symbol])
    starts = np.flatnonzero((np.diff(pair, axis=1) != 0).any(axis=0)) + 1
    return np.split(np.arange(len(outcome.fold)), starts)


def _asked(run: Run, metric: str, models: str | Sequence[str] | None) -> list[str]:
    """The networks that are asked for.

    Raises
    ------
    SettingError
        An unknown metric; a model that is no network of the run, or has no distribution.
    """
    if metric not in LOSSES:
        near = did_you_mean(str(metric), LOSSES)
        raise SettingError(
            say("choose {known}.{near}", known=say(" or ").join(LOSSES), near=near),
            setting="metric",
            value=metric,
        )
    networks = run.compared.networks
    known = [name for name in networks if metric == "skill" or networks[name].output != "point"]
    if not known:
        what = say("networks") if metric == "skill" else say("networks of a distribution")
        raise SettingError(say("this run has no {what}, whose inputs could be moved", what=what))
    names = known if models is None else [models] if isinstance(models, str) else list(models)
    for name in names:
        if name not in known:
            raise SettingError(
                say("choose of {known}.{near}", known=", ".join(known), near=did_you_mean(name, known)),
                setting="models",
                value=name,
            )
    return list(dict.fromkeys(names))
