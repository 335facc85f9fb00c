"""Forecasts that are kept: those of a model for the test of each fold, with what was warned of meanwhile."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from gatecast.distributions import Distribution, Point, Quantiles, SkewedT, StudentT
from gatecast.errors import FitWarning
from gatecast.kept import Arrays, Keeper, key_of
from gatecast.models.model import Forecast, Model
from gatecast.nn.engine import this_engine
from gatecast.problem.folds import Fold
from gatecast.problem.moves import Move
from gatecast.problem.problem import Problem

KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Point, StudentT, SkewedT, Quantiles)}
COMPUTING = ("scipy", "arch", "statsmodels", "pandas")  # beside the engine
POINT, SAID = "point", "warnings"  # beside the arrays of distributions


@dataclass(frozen=True)
class KeptForecasts:
    """Where the forecasts of one model are kept; key: of all that they depend on but the fold."""

    keeper: Keeper
    key: str

    def find(self, fold: Fold, horizon: int) -> tuple[Forecast, list[str]] | None:
        """The forecast of a fold's test, and what was warned of; None where there is none."""
        arrays = self.keeper.find(_name(fold), self._key(fold))
        try:
            return None if arrays is None else _forecast(arrays, (len(fold.test), horizon))
        except (KeyError, TypeError, ValueError):
            return None

    def keep(self, fold: Fold, forecast: Forecast, said: Iterable[str]) -> None:
        """Keep the forecast of a fold's test, and what was warned of."""
        every = (forecast.distribution, *forecast.members)
        if all(type(one).__name__ in KINDS for one in every):
            self.keeper.keep(_name(fold), self._key(fold), _arrays(forecast, said))

    def _key(self, fold: Fold) -> str:
        return key_of(self.key, fold.number, fold.train, fold.validation, fold.test, fold.left_out)


def problem_key(problem: Problem, *more: object) -> str:
    """A key of a problem, of `more` on which forecasts depend, and of what computes them.

    The table of its prices is left out: whoever asks knows its hash.
    """
    values = (getattr(problem, one.name) for one in fields(problem) if one.name != "table")
    parts = (value.name if isinstance(value, Move) else value for value in values)
    engine = sorted({**this_engine(), **{name: version(name) for name in COMPUTING}}.items())
    return key_of(engine, *more, *parts)


def forecasts_of(
    model: Model, problem: Problem, folds: Sequence[Fold], kept: KeptForecasts
) -> list[Forecast]:
    """The forecasts of every fold's test: those that are kept, and of the others the model's, kept now."""
    found = [kept.find(fold, problem.horizon) for fold in folds]
    fitted: Sequence[Any] = ()
    of_fit: list[str] = []
    if any(known is None for known in found):
        with _noted(of_fit):  # all folds: what is fitted side by side may come out in other bits alone
            fitted = model.fit(problem, folds)
    forecasts = []
    for place, (fold, known) in enumerate(zip(folds, found, strict=True)):
        if known is None:
            said = list(of_fit)
            with _noted(said):
                forecast = contiguous(fitted[place].predict(problem, fold.test))
            kept.keep(fold, forecast, said)
        else:
            forecast, said = known
            for text in said:
                warnings.warn(text, FitWarning, stacklevel=2)
        forecasts.append(forecast)
    return forecasts


def contiguous(forecast: Forecast) -> Forecast:
    """The forecast with its arrays as a file gives them back; how they lie may decide a last bit later on."""
    return Forecast(
        _contiguous(forecast.distribution),
        tuple(map(_contiguous, forecast.members)),
        None if forecast.point is None else np.ascontiguousarray(forecast.point),
    )


def _contiguous(distribution: Distribution) -> Distribution:
    one: Any = distribution
    return replace(
        one,
        **{
            name: tuple(map(_contiguous, value)) if isinstance(value, tuple) else np.ascontiguousarray(value)
            for name, value in _fields(one)
        },
    )


@contextlib.contextmanager
def _noted(said: list[str]) -> Iterator[None]:
    """What is warned of within is given as ever, and what fits warn of also added to `said`."""
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", FitWarning)
            yield
    finally:
        for one in caught:
            if issubclass(one.category, FitWarning):
                said.append(str(one.message))
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def _name(fold: Fold) -> str:
    return f"fold-{fold.number}"


def _fields(distribution: Any) -> Iterator[tuple[str, Any]]:
    return ((one.name, getattr(distribution, one.name)) for one in fields(distribution))


def _arrays(forecast: Forecast, said: Iterable[str]) -> Arrays:
    arrays = {
        f"{place}/{type(one).__name__}/{name}": value
        for place, one in enumerate((forecast.distribution, *forecast.members))
        for name, value in _fields(one)
    }
    if forecast.point is not None:
        arrays[POINT] = forecast.point
    return {**arrays, SAID: np.frombuffer(json.dumps(list(said)).encode(), np.uint8)}


def _forecast(arrays: Arrays, shape: tuple[int, int]) -> tuple[Forecast, list[str]]:
    """What `_arrays` made arrays of. Raises KeyError, TypeError or ValueError where these are no forecast."""
    said, point = json.loads(arrays.pop(SAID).tobytes()), arrays.pop(POINT, None)
    parts: dict[int, tuple[str, Arrays]] = {}
    for name, value in arrays.items():
        place, kind, field = name.split("/")
        parts.setdefault(int(place), (kind, {}))[1][field] = value
    ordered = [parts[place] for place in range(len(parts))]
    whole, *members = (KINDS[kind](**values) for kind, values in ordered)
    if any(one.shape != shape for one in (whole, *members)) or (point is not None and point.shape != shape):
        raise ValueError("forecasts of other origins")
    return Forecast(whole, tuple(members), point), [str(text) for text in said]
