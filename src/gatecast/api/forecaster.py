"""Forecaster: a walk-forward with one fold, whose test is the future."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from gatecast._typing import Integers
from gatecast.data.prices import Prices
from gatecast.data.sessions import check_calendar, next_sessions, sessions_between
from gatecast.distributions import FINE_LEVELS
from gatecast.errors import DataError, DataWarning, NotFittedError, RunError
from gatecast.folders import FORECASTER, new_folder
from gatecast.forecasts import distribution_columns
from gatecast.formatting import count, some
from gatecast.models.calibration import Calibration
from gatecast.models.ensembles import Kind
from gatecast.models.networks import FittedNetwork
from gatecast.models.requirements import require_comparison
from gatecast.models.storage import check_array, load_network, not_a_model, save_network
from gatecast.models.walk_forward import Lesson, Told, learned, tell, trained
from gatecast.problem.features import FeatureFunction
from gatecast.problem.folds import MIN_TRAINING_ORIGINS, Fold, future_fold
from gatecast.problem.problem import Problem, make_problem
from gatecast.problem.targets import is_astray
from gatecast.progress import Bar
from gatecast.settings.experiment import (
    DEFAULT_NETWORK,
    DEFAULT_TRAINING,
    Experiment,
    Network,
    Training,
    forecast_settings,
)

WEIGHTS = "network"
ONLY = "network"  # what a forecaster's one model is called in its settings
NUMBERS = "fi"  # NumPy's kinds: floats and whole numbers
TAIL_ARRAYS = ("features", "anchor", "close", "spread", "symbol", "session")

LATE = 10  # sessions that a symbol may be behind the last of the others; more, and it has ended


class Saved(BaseModel):
    """What a saved forecaster's JSON says beside its network's settings."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    forecaster: dict[str, Any]
    ranged: bool
    symbols: Annotated[list[str], Field(min_length=1)]
    names: Annotated[list[str], Field(min_length=1)]
    calendar: dict[str, str]
    since: str
    short: list[str]
    left_out: dict[str, str]
    ensemble: Kind


class Forecaster:
    """A network that is fitted on all prices there are and forecasts the sessions after them.

    The arguments are those of `gatecast.compare`, and so are the forecasts: fitted on the prices up to a
    session, it forecasts what a comparison does whose first test origin is that session. Where they do not
    say what is forecast (the network its `output`, `calibration`), it is a distribution: a Student t of the
    return, or for the target "close" a point with a conformal distribution around it.

    left_out: symbol → why the last forecast (after `fit`: the one to come) leaves it out. scaled_by_pool:
    symbols in it that had fewer than 10 training windows: no scale, and no calibration, of their own. They
    are scaled by the mean scale of the others.

        f = gatecast.Forecaster(gatecast.Network(cell="gru"), horizon=5).fit(prices)
        f.forecast()
        f.save("gru-sp500"); f = gatecast.Forecaster.load("gru-sp500")
    """

    def __init__(
        self,
        network: Network | None = None,
        training: Training | None = None,
        *,
        lookback: int = 20,
        horizon: int = 1,
        column: str = "close",
        target: str = "return",
        features: str | FeatureFunction | None = None,
        scaler: str = "standard",
        validation_size: float = 0.15,
        refit: bool = True,
        calibration: str | None = None,
        pooled: bool = True,
        seeds: int = 5,
        seed: int = 0,
    ) -> None:
        network, training = network or DEFAULT_NETWORK, training or DEFAULT_TRAINING
        chosen = {name: getattr(network, name) for name in network.model_fields_set}
        chosen |= {"target": target, "loss": training.loss}
        what = forecast_settings(chosen if calibration is None else {**chosen, "calibration": calibration})
        settings = Experiment(
            models=(ONLY,),
            networks={ONLY: network.changed(output=what.get("output", "point"))},
            training=training,
            lookback=lookback,
            horizon=horizon,
            column=column,
            target=target,
            features=features if isinstance(features, str) else None,
            scaler=scaler,
            validation_size=validation_size,
            refit=refit,
            calibration=what.get("calibration", "none"),
            pooled=pooled,
            seeds=seeds,
            seed=seed,
        )
        self._set(settings, features, ranged=settings.ranged)

    @classmethod
    def of(cls, experiment: Experiment, model: str) -> Forecaster:
        """The forecaster of one of an experiment's networks, with all its settings."""
        forecaster = cls.__new__(cls)
        own = experiment.changed(models=(ONLY,), networks={ONLY: experiment.networks[model]})
        forecaster._set(own, experiment.features, ranged=experiment.ranged)
        return forecaster

    def _set(self, settings: Experiment, features: str | FeatureFunction | None, *, ranged: bool) -> None:
        """ranged: features tell of volatility, as where any network of a comparison has an interval."""
        self._settings, self._features, self._ranged = settings, features, ranged
        self._may_run_features = True
        self._fitted: FittedNetwork | None = None
        self._lesson = Lesson()
        self._tail: Problem | None = None
        self._calendar: dict[str, str] = {}
        # the last session fitted: the first that may be forecast from
        self._since: np.datetime64 = np.datetime64("NaT", "D")
        self._short: tuple[str, ...] = ()  # symbols with too few training windows
        self._no_tail: dict[str, str] = {}  # why symbols that were fitted have no place in the tail
        self.left_out: dict[str, str] = {}
        self.scaled_by_pool: tuple[str, ...] = ()

    @property
    def network(self) -> Network:
        """The network's settings."""
        return self._settings.networks[ONLY]

    @property
    def training(self) -> Training:
        """How it is trained."""
        return self._settings.training

    @property
    def history(self) -> pd.DataFrame:
        """Losses per seed and epoch (see FittedNetwork)."""
        return self._need_fit()[0].history

    def fit(self, prices: Prices) -> Forecaster:
        """Train on every session of `prices`; returns itself.

        Raises
            SettingError: too few sessions. DataError: no symbol that could be forecast afterwards.
        """
        settings = self._settings
        require_comparison(
            settings,
            rows=len(prices.table),
            symbols=len(prices.symbols),
            columns=len(prices.table.columns),
        )
        problem = self._problem(prices)
        fold = future_fold(problem, validation_size=settings.validation_size)
        origins, left_out = self._asked(problem, prices.calendar, fold.left_out)
        with Bar() as bar:
            fitted = trained(
                settings,
                ONLY,
                problem,
                [fold],
                lambda done, of, epochs: bar.show(
                    done, of, "training", f"{done} of {of} trained, {epochs} epochs"
                ),
            )
        (self._lesson,) = learned(settings.calibration, fitted, problem, [fold])
        self._fitted, self._since = fitted, problem.sessions[-1]
        self._tail, self._calendar = _tail(problem, origins), dict(prices.calendar)
        self._short, self._no_tail = fold.left_out, left_out
        self._note(problem, origins, left_out)
        return self

    def forecast(self, prices: Prices | None = None) -> pd.DataFrame:
        """The next h sessions after the last one fitted, or after the last one of `prices`.

        prices: give the whole history, for features and volatility are computed from what is there; an
        adaptive calibration goes on with the targets after the last session fitted.

        Returns one row per symbol and step: symbol, origin, time, step, anchor (the last price), forecast
        (price; of a distribution the median), change (fraction of the anchor), std_over_seeds (the seeds'
        standard deviation, in price: how much the training's chance matters, no error of the forecast);
        where there is a distribution, also its quantiles q01 … q99 (price), and location, scale, df of a
        Student t (log return). Who is missing, and why: `left_out`.

        Raises
            NotFittedError: before `fit`. DataError: a symbol that was not fitted, other features than those
            fitted, or no symbol that can be forecast. RunError: forecasts that are no prices.
        Warns
            DataWarning: symbols left out, or scaled by the mean scale of the others.
        """
        fitted, tail = self._need_fit()
        if prices is None:
            problem, calendar, left_out = tail, self._calendar, self._no_tail
            last = np.unique(tail.last)
        else:
            problem, calendar = self._latest(prices, tail), prices.calendar
            last, left_out = self._asked(problem, calendar, self._short)
        self._note(problem, last, left_out)
        self._warn()
        origins = self._forecast_since(problem, last)
        none = np.zeros(0, dtype=np.int64)
        (outputs,) = fitted.forecast(problem, [Fold(0, none, none, origins)])
        told = tell(self.network, outputs, self._lesson, problem, origins)
        assert told.seeds is not None  # a network's
        if is_astray(told.seeds, problem.anchor[origins]):
            raise RunError(
                "this network's training diverged, its forecasts lie far beyond any price: fit it again with "
                "a smaller learning_rate, or with clip_norm = 1"
            )
        table = _table(told, problem, origins, np.isin(origins, last), calendar)
        numbers = table.select_dtypes("number").drop(columns="std_over_seeds")
        if not np.isfinite(numbers.to_numpy()).all():
            raise RunError("this network's forecasts are no finite numbers: fit it again")
        return table

    def _asked(
        self, problem: Problem, calendar: Mapping[str, str], short: tuple[str, ...]
    ) -> tuple[Integers, dict[str, str]]:
        """The last row of every symbol that can be forecast, and why the others cannot.

        short: symbols with too few training windows.

        Raises
            DataError: none can.
        """
        last, left_out = [], {}
        for row in np.unique(problem.last):
            symbol = problem.symbols[problem.symbol[row]]
            reason = self._obstacle(problem, row, symbol in short) or _ended(problem, row, calendar[symbol])
            if reason:
                left_out[symbol] = reason
            else:
                last.append(row)
        if not last:
            raise DataError(
                f"no symbol can be forecast: {_named(left_out)}",
                remedy="Give more sessions, or fit again with all there are",
            )
        return np.array(last, dtype=np.int64), left_out

    def _obstacle(self, problem: Problem, row: int, short: bool) -> str:
        """Why the network cannot forecast from a symbol's last row; empty where it can."""
        if not problem.ready[row]:
            sessions = row - problem.first[row] + 1
            return f"{count(sessions, 'session')}: too few for a window of {problem.lookback}"
        if not short:
            return ""
        few = f"fewer than {MIN_TRAINING_ORIGINS} training windows: too few for"
        if not self._settings.pooled:
            return f"{few} a network of its own"
        if problem.target == "close" and self._settings.scaler != "none":
            return f"{few} a scale of its own, and a price level has no other"
        return ""

    def _note(self, problem: Problem, last: Integers, left_out: Mapping[str, str]) -> None:
        """Keep who is left out of a forecast from the rows `last`, and who has no scale of its own."""
        asked = [problem.symbols[symbol] for symbol in problem.symbol[last]]
        self.left_out = dict(left_out)
        self.scaled_by_pool = tuple(symbol for symbol in asked if symbol in self._short)

    def _warn(self) -> None:
        if self.left_out:
            warnings.warn(f"no forecast of {_named(self.left_out)}", DataWarning, stacklevel=3)
        if self.scaled_by_pool:
            what = (
                f"fewer than {MIN_TRAINING_ORIGINS} training windows, scaled by the mean scale of the others"
            )
            warnings.warn(f"{some(self.scaled_by_pool)}: {what}", DataWarning, stacklevel=3)

    def _forecast_since(self, problem: Problem, last: Integers) -> Integers:
        """`last`; for an adaptive calibration also their symbols' origins since the fit, a fold's test."""
        calibration = self._lesson.calibration
        if calibration is None or not calibration.online:
            return last
        asked = np.isin(problem.symbol, problem.symbol[last]) & problem.ready
        return np.union1d(last, np.flatnonzero(asked & (problem.session >= self._since)))

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write network.safetensors and network.json, with the last window of every symbol.

        overwrite: replace a forecaster that gatecast wrote.

        Raises
            NotFittedError: before `fit`. RunError: the folder is not empty (unless `overwrite`), holds what
            gatecast did not write as a forecaster, or cannot be written; a function for features that has no
            name "module:function" to find it again.
        """
        fitted, tail = self._need_fit()
        if callable(self._features):
            raise RunError(
                'features is a function of this process: give it as "module:function" to save the forecaster'
            )
        saved = Saved(
            forecaster=self._settings.model_dump(mode="json", exclude={"networks", "training"}),
            ranged=self._ranged,
            symbols=list(tail.symbols),
            names=list(tail.names),
            calendar=self._calendar,
            since=str(self._since),
            short=list(self._short),
            left_out=self._no_tail,
            ensemble=self._lesson.kind,
        )
        arrays = {name: getattr(tail, name) for name in TAIL_ARRAYS}
        arrays["session"] = arrays["session"].astype(np.int64)
        if (calibration := self._lesson.calibration) is not None:
            arrays["calibration"] = calibration.levels
            if calibration.residuals is not None:
                arrays["residuals"] = calibration.residuals
        with new_folder(folder, FORECASTER, overwrite=overwrite) as partial:
            save_network(fitted, partial / WEIGHTS, arrays=arrays, extra=saved.model_dump(mode="json"))
        return Path(folder)

    @classmethod
    def load(cls, folder: str | Path, *, allow_code: bool = False) -> Forecaster:
        """Read what `save` wrote; runs no code of the file.

        allow_code: whether `fit` and `forecast` of other prices may import and run the function that the file
        names as its features, if it does.

        Raises
            RunError: a file is missing, was changed, or is something else.
        """
        fitted, content, arrays = load_network(Path(folder) / WEIGHTS)
        try:
            saved = Saved.model_validate(content)
            settings = {**saved.forecaster, "networks": {ONLY: fitted.network}, "training": fitted.training}
            forecaster = cls.of(Experiment(**settings), ONLY)
            _check(saved, forecaster._settings, fitted, arrays)
            forecaster._may_run_features = allow_code
            forecaster._ranged = saved.ranged
            forecaster._fitted = fitted
            forecaster._calendar = saved.calendar
            forecaster._since = _day(saved.since)
            forecaster._short, forecaster._no_tail = tuple(saved.short), saved.left_out
            calibration = None
            if "calibration" in arrays:
                online = forecaster._settings.calibration == "adaptive"
                calibration = Calibration(arrays["calibration"], arrays.get("residuals"), online)
            forecaster._lesson = Lesson(saved.ensemble, calibration)
            forecaster._tail = _problem_of(forecaster._settings, saved.symbols, saved.names, arrays)
            forecaster._note(forecaster._tail, np.unique(forecaster._tail.last), forecaster._no_tail)
        except (KeyError, TypeError, ValueError) as error:
            raise not_a_model(Path(folder), error, "forecaster") from None
        return forecaster

    def _problem(self, prices: Prices) -> Problem:
        settings = self._settings
        if self._features is not None and not self._may_run_features:
            raise RunError(
                f"this forecaster's file names code: features = {self._features!r}, a function that would be "
                "imported and run. If you trust it, load the forecaster with allow_code=True"
            )
        return make_problem(
            prices,
            lookback=settings.lookback,
            horizon=settings.horizon,
            target=settings.target,
            column=settings.column,
            features=self._features,
            ranged=self._ranged,
        )

    def _latest(self, prices: Prices, fitted: Problem) -> Problem:
        """The problem of newer prices, symbols numbered as in the fit."""
        symbols = fitted.symbols
        unknown = [symbol for symbol in prices.symbols if symbol not in symbols]
        if unknown:
            raise DataError(
                f"{', '.join(unknown[:5])} was not among the symbols fitted ({', '.join(symbols[:5])}, …)",
                remedy="Fit again with these symbols, or select the ones fitted",
            )
        problem = self._problem(prices)
        if problem.names != fitted.names:
            raise DataError(
                f"these prices give the features {', '.join(problem.names)}; fitted were "
                f"{', '.join(fitted.names)}",
                remedy="Give the same columns as in fit, or fit again",
            )
        number = np.array([symbols.index(symbol) for symbol in prices.symbols])
        return replace(problem, symbols=symbols, symbol=number[problem.symbol])

    def _need_fit(self) -> tuple[FittedNetwork, Problem]:
        if self._fitted is None or self._tail is None:
            raise NotFittedError("this forecaster has not been fitted: call fit(prices) first")
        return self._fitted, self._tail

    def __repr__(self) -> str:
        state = "fitted" if self._fitted else "not fitted"
        network = self.network
        return (
            f"Forecaster({network.cell}, hidden_size={network.hidden_size}, "
            f"horizon={self._settings.horizon}, {state})"
        )


def _table(
    told: Told, problem: Problem, origins: Integers, wanted: NDArray[np.bool_], calendar: Mapping[str, str]
) -> pd.DataFrame:
    """What was told of the origins that are wanted, one row per symbol and step (see Forecaster.forecast)."""
    origins, point, horizon = origins[wanted], told.point[wanted], problem.horizon
    assert told.seeds is not None
    seeds, anchor = told.seeds[:, wanted], problem.anchor[origins, None]
    symbols = [problem.symbols[symbol] for symbol in problem.symbol[origins]]
    dates = [
        next_sessions(calendar[symbol], session, horizon)
        for symbol, session in zip(symbols, problem.session[origins], strict=True)
    ]
    several = len(seeds) > 1
    columns = {
        "symbol": np.repeat(np.array(symbols, dtype=object), horizon),
        "origin": np.repeat(problem.session[origins], horizon),
        "time": np.concatenate(dates),
        "step": np.tile(np.arange(1, horizon + 1), len(origins)),
        "anchor": np.repeat(anchor, horizon),
        "forecast": point.ravel(),
        "change": (point / anchor - 1).ravel(),
        "std_over_seeds": seeds.std(axis=0, ddof=1).ravel() if several else np.full(point.size, np.nan),
    }
    if told.distribution is not None:
        distribution = told.distribution.take(np.flatnonzero(wanted))
        columns |= distribution_columns(distribution, problem.anchor[origins])
    return pd.DataFrame(columns)


def _ended(problem: Problem, row: int, calendar: str) -> str:
    """That a symbol ended at `row`, its last, more than LATE of its own sessions before the others' last.

    A session that its exchange was closed on is none of its own; where the calendar knows less than half of
    its latest dates, every session of the others counts.
    """
    own = problem.session[problem.first[row] : row + 1][-250:]
    later = problem.sessions[np.searchsorted(problem.sessions, own[-1], side="right") :]
    if len(later) > LATE:
        regular = sessions_between(calendar, own[0], later[-1])
        if np.isin(own, regular).mean() > 0.5:
            later = later[np.isin(later, regular)]
    if len(later) <= LATE:
        return ""
    return f"ended on {own[-1]}, {len(later)} sessions before the last of the others ({problem.sessions[-1]})"


def _named(left_out: Mapping[str, str]) -> str:
    """'A (why); B (why)' for a warning."""
    return some([f"{symbol} ({reason})" for symbol, reason in left_out.items()], "; ")


def _tail(problem: Problem, origins: NDArray[np.int64]) -> Problem:
    """The problem cut to the windows that end at `origins`, one per symbol."""
    rows = (origins[:, None] + np.arange(1 - problem.lookback, 1)).ravel()
    return _with_rows(problem, **{name: getattr(problem, name)[rows] for name in TAIL_ARRAYS})


def _check(
    saved: Saved, settings: Experiment, fitted: FittedNetwork, arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Raise ValueError where the parts do not belong to this network: native code reads the windows."""
    symbols, width = fitted.scales[0].x_offset.shape
    horizon = fitted.scales[0].y_offset.shape[1]
    if (settings.lookback, settings.horizon) != (fitted.lookback, horizon):
        raise ValueError("its lookback or horizon is not that of its network")
    if (len(saved.symbols), len(saved.names), len(fitted.scales)) != (symbols, width, 1):
        raise ValueError("its symbols, features or folds are not those of its network")
    known = set(saved.symbols)
    if len(known) < symbols or set(saved.calendar) != known or not known >= {*saved.short, *saved.left_out}:
        raise ValueError("its symbols are not the same throughout")
    for calendar in set(saved.calendar.values()):
        check_calendar(calendar)
    _check_date(_day(saved.since))
    if settings.calibration == "none" and "calibration" in arrays:
        raise ValueError("it has a calibration that its settings do not ask for")
    for name in ("calibration", "residuals"):
        if name in arrays:
            check_array(name, arrays[name], (symbols, horizon, len(FINE_LEVELS)), NUMBERS)
            if (np.diff(arrays[name], axis=-1) < 0).any():
                raise ValueError(f"{name} falls")
    _check_tail(arrays, symbols, width, fitted.lookback)


def _check_tail(arrays: Mapping[str, NDArray[Any]], symbols: int, width: int, lookback: int) -> None:
    """Raise ValueError where the rows of the last windows are none."""
    rows = len(arrays["symbol"])
    if rows == 0 or rows % lookback:
        raise ValueError(f"{rows} rows are no windows of {lookback}")
    for name in TAIL_ARRAYS:
        check_array(name, arrays[name], (rows, width) if name == "features" else (rows,), NUMBERS)
    symbol, session = (arrays[name].reshape(-1, lookback) for name in ("symbol", "session"))
    if symbol.dtype.kind != "i" or (symbol < 0).any() or (symbol >= symbols).any():
        raise ValueError(f"a window belongs to a symbol that is none of the {symbols}")
    if (symbol != symbol[:, :1]).any() or len(np.unique(symbol[:, 0])) < len(symbol):
        raise ValueError("a window holds several symbols, or a symbol has several windows")
    if session.dtype.kind != "i" or (np.diff(session, axis=1) <= 0).any():
        raise ValueError("the sessions of a window do not follow each other")
    for date in (session.min(), session.max()):
        _check_date(_day(int(date)))
    if (arrays["anchor"] <= 0).any() or (arrays["close"] <= 0).any() or (arrays["spread"] < 0).any():
        raise ValueError("a price or a volatility is negative")


def _day(date: str | int) -> np.datetime64:
    return np.datetime64(date, "D")


def _check_date(date: np.datetime64) -> None:
    if not np.datetime64("1700-01-01") <= date <= np.datetime64("2200-01-01"):
        raise ValueError(f"{date} is no date of a session")


def _problem_of(
    settings: Experiment, symbols: list[str], names: list[str], arrays: dict[str, NDArray[Any]]
) -> Problem:
    none = np.zeros(0, dtype=np.int64)
    empty = Problem(
        features=np.zeros((0, len(names)), np.float32),
        names=tuple(names),
        anchor=np.zeros(0),
        close=np.zeros(0),
        spread=np.zeros(0),
        range_variance=np.zeros(0),
        targets=np.zeros((0, settings.horizon)),
        symbols=tuple(symbols),
        symbol=none,
        session=np.zeros(0, "datetime64[D]"),
        first=none,
        last=none,
        ready=np.zeros(0, bool),
        target=settings.target,
        lookback=settings.lookback,
        horizon=settings.horizon,
    )
    arrays = {**arrays, "session": arrays["session"].astype("datetime64[D]")}
    return _with_rows(empty, **{name: arrays[name] for name in TAIL_ARRAYS})


def _with_rows(problem: Problem, **arrays: Any) -> Problem:
    """`problem` with other rows: one whole window per symbol, nothing known after it."""
    count, lookback = len(arrays["symbol"]), problem.lookback
    first = np.arange(count) // lookback * lookback
    last = first + lookback - 1
    return replace(
        problem,
        **arrays,
        range_variance=np.full(count, np.nan),
        targets=np.full((count, problem.horizon), np.nan),
        first=first,
        last=last,
        ready=np.arange(count) == last,
    )
