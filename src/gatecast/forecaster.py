"""Forecaster: the road to tomorrow. A comparison with one fold whose test is the future."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast.data.prices import Prices
from gatecast.data.sessions import next_sessions
from gatecast.distributions import LEVELS, Distribution, StudentT
from gatecast.errors import DataError, NotFittedError, RunError
from gatecast.evaluation.calibration import Calibration
from gatecast.evaluation.ranges import PARAMETERS, QUANTILE_COLUMNS
from gatecast.experiment import DEFAULT_NETWORK, DEFAULT_TRAINING, Experiment, Network, Training
from gatecast.folders import FORECASTER, new_folder
from gatecast.nn.ensemble import better_kind, joined
from gatecast.nn.fitting import FittedNetwork, fit_network
from gatecast.nn.outputs import distributions
from gatecast.nn.storage import load_network, save_network
from gatecast.problem.features import FeatureFunction
from gatecast.problem.folds import Fold, future_fold
from gatecast.problem.problem import Problem, make_problem
from gatecast.progress import Bar

Floats = NDArray[np.float64]

WEIGHTS = "network"
ONLY = "network"  # what a forecaster's one model is called in its settings
TAIL_ARRAYS = ("features", "anchor", "close", "spread", "symbol", "session")


class Forecaster:
    """A network that is fitted on all prices there are and forecasts the sessions after them.

    The arguments are those of `gatecast.compare`; the network of each seed is trained on the same rows, the
    forecast is the mean over the seeds, that of a range their ensemble. `refit`: the epoch is chosen on the
    last `validation_size` of the sessions, then the network is trained once more with them; `calibration`
    learns from the same sessions, before that.

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
        calibration: str = "none",
        pooled: bool = True,
        seeds: int = 5,
        seed: int = 0,
    ) -> None:
        settings = Experiment(
            models=(ONLY,),
            networks={ONLY: network or DEFAULT_NETWORK},
            training=training or DEFAULT_TRAINING,
            lookback=lookback,
            horizon=horizon,
            column=column,
            target=target,
            features=features if isinstance(features, str) else None,
            scaler=scaler,
            validation_size=validation_size,
            refit=refit,
            calibration=calibration,
            pooled=pooled,
            seeds=seeds,
            seed=seed,
        )
        self._set(settings, features)

    @classmethod
    def of(cls, experiment: Experiment, model: str) -> Forecaster:
        """The forecaster of one of an experiment's networks, with all its settings."""
        forecaster = cls.__new__(cls)
        own = experiment.changed(models=(ONLY,), networks={ONLY: experiment.networks[model]})
        forecaster._set(own, experiment.features)
        return forecaster

    def _set(self, settings: Experiment, features: str | FeatureFunction | None) -> None:
        self._settings, self._features = settings, features
        self._may_run_features = True
        self._fitted: FittedNetwork | None = None
        self._tail: Problem | None = None
        self._calendar: dict[str, str] = {}
        self._kind = "parameter mean"
        self._calibration: Calibration | None = None

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
            SettingError: too few sessions.
        """
        settings = self._settings
        problem = self._problem(prices)
        fold = future_fold(problem, validation_size=settings.validation_size)
        with Bar() as bar:
            self._fitted = fit_network(
                self.network,
                self.training,
                problem,
                [fold],
                scaler=settings.scaler,
                seeds=settings.seeds,
                seed=settings.seed,
                refit=settings.refit,
                pooled=settings.pooled,
                rehearse=settings.calibration != "none",
                progress=lambda done, of, epochs: bar.show(
                    done, of, "training", f"{done} of {of} trained, {epochs} epochs"
                ),
            )
        self._tail, self._calendar = _tail(problem, fold.test), dict(prices.calendar)
        self._learn_range(problem, fold)
        return self

    def _learn_range(self, problem: Problem, fold: Fold) -> None:
        """How seeds are joined and what calibration does: learned from the fold's validation origins."""
        fitted, _ = self._need_fit()
        if not fitted.rehearsal:
            return
        (outputs,) = fitted.rehearsal
        if self.network.output == "point":
            known: Distribution | Floats = problem.to_price(outputs.mean(axis=0), fold.validation)
        else:
            seeds = distributions(self.network, outputs, problem.unit(fold.validation))
            self._kind = better_kind(seeds, problem.later_returns(fold.validation))
            known = joined(seeds, self._kind)
        if self._settings.calibration != "none":
            self._calibration = Calibration.fit(problem, fold.validation, known)

    def forecast(self, prices: Prices | None = None) -> pd.DataFrame:
        """The next h sessions after the last one fitted, or after the last one of `prices`.

        Symbols that had too few sessions to be fitted are left out.

        Returns one row per symbol and step: symbol, origin, date, step, anchor (the last price), forecast
        (price; of a range the median), change (fraction of the anchor), low and high (the lowest and highest
        seed: how much the training's chance matters, no range of the price); where the network or its
        calibration gives a range, also q01 … q99 (price), and location, scale, df of a Student t (log
        return).

        Raises
            NotFittedError: before `fit`. DataError: a symbol that was not fitted, other features than those
            fitted, or too few sessions.
        """
        fitted, tail = self._need_fit()
        calendar = self._calendar
        if prices is not None:
            tail, calendar = self._latest(prices, tail), prices.calendar
        origins = np.flatnonzero(tail.last == np.arange(len(tail.last)))
        none = np.zeros(0, dtype=np.int64)
        (outputs,) = fitted.forecast(tail, [Fold(0, none, none, origins)])
        mean, seeds, distribution = self._told(outputs, tail, origins)
        parts = [
            pd.DataFrame(
                {
                    "symbol": (symbol := tail.symbols[tail.symbol[origin]]),
                    "origin": tail.session[origin],
                    "date": next_sessions(calendar[symbol], tail.session[origin], tail.horizon),
                    "step": np.arange(1, tail.horizon + 1),
                    "anchor": tail.anchor[origin],
                    "forecast": mean[place],
                    "change": mean[place] / tail.anchor[origin] - 1,
                    "low": seeds[:, place].min(axis=0),
                    "high": seeds[:, place].max(axis=0),
                    **_range_columns(distribution, tail.anchor, origins, place),
                }
            )
            for place, origin in enumerate(origins)
        ]
        return pd.concat(parts, ignore_index=True)

    def _told(
        self, outputs: Floats, problem: Problem, origins: NDArray[np.int64]
    ) -> tuple[Floats, Floats, Distribution | None]:
        """Point (N, h) and each seed's point (S, N, h) in price, and the distribution, where there is one."""
        calibration = self._calibration
        if self.network.output == "point":
            point = problem.to_price(outputs.mean(axis=0), origins)
            range_of_point = None if calibration is None else calibration.apply(problem, origins, point)
            return point, problem.to_price(outputs, origins), range_of_point
        of_seeds = distributions(self.network, outputs, problem.unit(origins))
        told = joined(of_seeds, self._kind)
        if calibration is not None:
            told = calibration.apply(problem, origins, told)
        point, *seeds = (
            problem.anchor[origins, None] * np.exp(one.quantile([0.5])[..., 0]) for one in (told, *of_seeds)
        )
        return point, np.stack(seeds), told

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
        extra = {
            "forecaster": self._settings.model_dump(mode="json", exclude={"networks", "training"}),
            "symbols": list(tail.symbols),
            "names": list(tail.names),
            "calendar": self._calendar,
            "ensemble": self._kind,
        }
        arrays = {name: getattr(tail, name) for name in TAIL_ARRAYS}
        arrays["session"] = arrays["session"].astype(np.int64)
        if self._calibration is not None:
            arrays["calibration"] = self._calibration.levels
            if self._calibration.residuals is not None:
                arrays["residuals"] = self._calibration.residuals
        with new_folder(folder, FORECASTER, overwrite=overwrite) as partial:
            save_network(fitted, partial / WEIGHTS, arrays=arrays, extra=extra)
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
            settings = {**content["forecaster"], "networks": {ONLY: fitted.network}}
            forecaster = cls.of(Experiment(**settings, training=fitted.training), ONLY)
            forecaster._may_run_features = allow_code
            forecaster._fitted = fitted
            forecaster._calendar = content["calendar"]
            forecaster._kind = content["ensemble"]
            if "calibration" in arrays:
                forecaster._calibration = Calibration(arrays["calibration"], arrays.get("residuals"))
            _check_tail(forecaster._settings, fitted, content, arrays)
            forecaster._tail = _problem_of(forecaster._settings, content["symbols"], content["names"], arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{folder}: not a forecaster of this version of gatecast ({error})") from None
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
            ranged=settings.ranged,
        )

    def _latest(self, prices: Prices, fitted: Problem) -> Problem:
        """The last windows of newer prices, symbols numbered as in the fit."""
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
        last = np.unique(problem.last)
        ready = last[problem.ready[last] & np.isin(number[problem.symbol[last]], fitted.symbol)]
        if not len(ready):
            raise DataError(
                f"no symbol that was fitted has the {self._settings.lookback} sessions of one window",
                remedy="Give more sessions, or fit again with all there are",
            )
        tail = _tail(problem, ready)
        return replace(tail, symbols=symbols, symbol=number[tail.symbol])

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


def _range_columns(
    distribution: Distribution | None, anchor: Floats, origins: NDArray[np.int64], place: int
) -> dict[str, Floats]:
    """The columns of one origin's range, (h,) each."""
    if distribution is None:
        return {}
    one = distribution.take(slice(place, place + 1))
    prices = anchor[origins[place]] * np.exp(one.quantile(LEVELS)[0])
    columns = {name: prices[:, level] for level, name in enumerate(QUANTILE_COLUMNS)}
    if isinstance(one, StudentT):
        columns |= {name: getattr(one, name)[0] for name in PARAMETERS}
    return columns


def _tail(problem: Problem, origins: NDArray[np.int64]) -> Problem:
    """The problem cut to the windows that end at `origins`, one per symbol."""
    rows = (origins[:, None] + np.arange(1 - problem.lookback, 1)).ravel()
    return _with_rows(problem, **{name: getattr(problem, name)[rows] for name in TAIL_ARRAYS})


def _check_tail(
    settings: Experiment, fitted: FittedNetwork, content: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> None:
    """Raise ValueError where the last windows are not those of this network: native code reads them."""
    symbols, width = fitted.scales[0].x_offset.shape
    rows = len(arrays["symbol"])
    if (settings.lookback, settings.horizon) != (fitted.lookback, fitted.scales[0].y_offset.shape[1]):
        raise ValueError("its lookback or horizon is not that of its network")
    if (len(content["symbols"]), len(content["names"])) != (symbols, width) or rows % fitted.lookback:
        raise ValueError("its symbols, features or windows are not those of its network")
    for name in TAIL_ARRAYS:
        shape = (rows, width) if name == "features" else (rows,)
        if arrays[name].shape != shape or arrays[name].dtype.kind not in "fi":
            raise ValueError(f"{name} has shape {arrays[name].shape}, not {shape}, or no numbers")
    symbol = arrays["symbol"]
    if symbol.dtype.kind != "i" or (symbol < 0).any() or (symbol >= symbols).any():
        raise ValueError(f"a window belongs to a symbol that is none of the {symbols}")


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
