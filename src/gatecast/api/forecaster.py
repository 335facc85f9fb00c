"""Forecaster: one network, fitted on a single fold whose test is the future."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Integers
from gatecast.api import forecaster_files
from gatecast.api.choices import known_seed, place_of_symbol
from gatecast.api.forecaster_files import ONLY, State
from gatecast.api.forecasting import forecast_table, last_origins, matching_problem, named
from gatecast.api.models import (
    check_memory,
    future_fold_of,
    model_of,
    problem_of,
    unused_note,
    with_target,
)
from gatecast.api.seasons import with_season
from gatecast.data.prices import Prices
from gatecast.data.side_tables import future_table
from gatecast.data.sources import prices_of
from gatecast.data.timetable import Timetable
from gatecast.errors import DataWarning, NotFittedError, RunError
from gatecast.formatting import some
from gatecast.language import say
from gatecast.models.networks import FittedNetwork, ensembles_of
from gatecast.problem.features import FeatureFunction
from gatecast.problem.folds import MIN_TRAINING_ORIGINS
from gatecast.problem.problem import Problem
from gatecast.progress import Bar
from gatecast.settings.experiment import Experiment, ForecastSettings, forecast_settings
from gatecast.settings.network import Network
from gatecast.settings.signatures import refuse_others, takes_settings
from gatecast.settings.training import Training

if TYPE_CHECKING:
    from gatecast.report.display import Plot


class Forecaster:
    """A network that is fitted on all prices there are and forecasts the sessions after them.

    The arguments are those of `gatecast.compare`, and so are the forecasts: fitted on the prices up to a
    session, it forecasts what a comparison does whose first test origin is that session. Where they do not
    say what is forecast (the network its `output`, `calibration`), it is a distribution: a Student t of the
    return, or for the target "close" a point with a conformal distribution around it.

    Attributes
    ----------
    left_out
        Symbol → why the last forecast (after `fit`: the one to come) leaves it out.
    scaled_by_pool
        Symbols in it that had fewer than 10 training windows: no scale, and no calibration, of their own.
        They are scaled by the mean scale of the others.

    Examples
    --------
    >>> f = gatecast.Forecaster(gatecast.Network(cell="gru"), horizon=5).fit(prices)
    >>> f.forecast()
    >>> f.save("gru-sp500"); f = gatecast.Forecaster.load("gru-sp500")
    """

    @takes_settings(ForecastSettings, Experiment, calibration=None)
    def __init__(
        self,
        network: Network | None = None,
        training: Training | None = None,
        *,
        features: str | FeatureFunction | None = None,
        **settings: Unpack[ForecastSettings],
    ) -> None:
        refuse_others(settings, ForecastSettings, Experiment)
        network = Network() if network is None else Network.instance("network", network)
        training = Training() if training is None else Training.instance("training", training)
        chosen = {name: getattr(network, name) for name in network.model_fields_set}
        forecast = forecast_settings({**chosen, **settings, "loss": training.loss})
        settings["calibration"] = forecast.get("calibration", "none")
        experiment = Experiment(
            models=(ONLY,),
            networks={ONLY: network.changed(output=forecast.get("output", "point"))},
            training=training,
            features=features if isinstance(features, str) else None,
            **settings,
        )
        self._set(experiment, features, volatility_features=experiment.has_distributions)

    @classmethod
    def of(cls, experiment: Experiment, model: str) -> Self:
        """The forecaster of one of an experiment's networks, with all its settings."""
        forecaster = cls.__new__(cls)
        own = experiment.changed(
            models=(ONLY,),
            networks={ONLY: experiment.networks[model]},
            training=experiment.training_of(model),
            trainings={},
        )
        forecaster._set(own, experiment.features, volatility_features=experiment.has_distributions)
        return forecaster

    def _set(
        self, settings: Experiment, features: str | FeatureFunction | None, *, volatility_features: bool
    ) -> None:
        """volatility_features: as where any network of a comparison forecasts a distribution."""
        self._given = self._settings = settings  # a target and a season that are found are in `_settings`
        self._features, self._volatility_features = features, volatility_features
        self._may_run_features = True
        self._state: State | None = None
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
        return self._population.history

    def fit(self, prices: Any, *, future: Any = None) -> Self:
        """The forecaster itself, trained on every session of `prices` (or of what `gatecast.load` takes).

        Parameters
        ----------
        future
            What is known of the h sessions after the last one, for `forecast`: a table with a column of
            dates, the columns of the data that the setting `future` names, and a column of symbols where
            they differ.

        Raises
        ------
        SettingError
            Too few sessions.
        DataError
            No symbol that could be forecast afterwards.
        """
        prices = prices_of(prices)
        asked, of_target = with_target(self._given, prices)
        check_memory(asked, prices)
        settings, _ = with_season(
            asked, prices, lambda problem: future_fold_of(asked, problem, prices.frequency)
        )
        self._settings = settings
        problem = _with_future(self._problem(prices), future, prices.timetable)
        for text in (*of_target, *unused_note(prices, settings.columns_read, self._features)):
            warnings.warn(text, DataWarning, stacklevel=2)
        fold = future_fold_of(settings, problem, prices.frequency)
        origins, left_out = self._asked(problem, prices.timetable, fold.left_out)
        with Bar() as bar, bar.part(0, 1, "training"):
            (fitted,) = model_of(settings, ONLY).fit(problem, [fold])
        tail = problem.cut_to_windows(origins)
        self._state = State(fitted, tail, dict(prices.timetable), fold.left_out, left_out)
        self._note(problem, origins, left_out)
        return self

    def check_future(self, prices: Prices, future: Any) -> None:
        """Raise DataError where something is not known of the sessions after the last one that must be."""
        if self._settings.future:
            self._settings, _ = with_target(self._given, prices)
            problem = _with_future(self._problem(prices), future, prices.timetable)
            problem.require_known(self._asked(problem, prices.timetable, ())[0], prices.timetable)

    def forecast(self, prices: Any = None, *, future: Any = None) -> pd.DataFrame:
        """The next h sessions after the last one fitted, or after the last one of `prices`.

        Parameters
        ----------
        prices
            Newer ones. Give the whole history, of all symbols that the market is made of, for features and
            volatility are computed from what is there; an adaptive calibration goes on with the targets after
            the last session fitted.
        future
            What is known of these h sessions, as in `fit`.

        Returns
        -------
        DataFrame
            One row per symbol and step: symbol, origin, time, step, anchor (the last price), forecast (price;
            of a distribution the median), change (fraction of the anchor; of differences in price),
            std_over_seeds (the seeds' standard deviation, in price: how much the training's chance matters,
            no error of the forecast); where there is a distribution, also its quantiles q01 … q99 (price),
            and location, scale, df of a Student t (log return, or difference). Who is missing, and why:
            `left_out`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            A symbol that was not fitted, other features than those fitted, or no symbol that can be forecast;
            a future column whose values are not known for all sessions that are forecast.
        RunError
            Forecasts that are no prices.

        Warns
        -----
        DataWarning
            Symbols left out, or scaled by the mean scale of the others.
        """
        problem, origins, timetable = self._ends(prices, future)
        self._warn()
        problem.require_known(origins, timetable)
        predicted = self._fitted.fitted.predict(problem, origins)
        return forecast_table(predicted, problem, origins, timetable)

    def trace(self, prices: Any = None, *, seed: int | None = None) -> dict[str, NDArray[np.float32]]:
        """Every gate and state at every bar of the last windows: name → (N, lookback, hidden_size).

        The N windows are those that `forecast` reads, one for each symbol in its order. Names and values are
        those of `gatecast.fit_windows(…).trace`.

        Parameters
        ----------
        prices
            As in `forecast`.
        seed
            Of which network; None: the first.

        Raises
        ------
        NotFittedError, SettingError, DataError
            As `forecast`; no such seed.
        """
        problem, origins, _ = self._ends(prices, None)
        return self._population.trace(problem, 0, origins, self._seed(seed))

    def plot_gates(self, prices: Any = None, *, symbol: str | None = None, seed: int | None = None) -> Plot:
        """The last window of a symbol in a network: inputs, gates and states, unit by unit, bar by bar.

        Parameters
        ----------
        symbol
            Whose window; None: that of the first symbol.
        prices, seed
            As in `trace`.

        Raises
        ------
        NotFittedError, SettingError, DataError
            As `trace`; no such symbol.
        """
        from gatecast.report.display import Plot
        from gatecast.report.inside import gates_chart

        problem, origins, _ = self._ends(prices, None)
        known = [problem.symbols[number] for number in problem.symbol[origins]]
        own = origins[[0 if symbol is None else place_of_symbol(known, symbol)]]
        (read,) = self._population.windows(problem, 0, own)
        values = self._population.trace(problem, 0, own, self._seed(seed))
        return Plot(gates_chart(read, {name: one for name, (one,) in values.items()}, problem.names))

    def _ends(self, prices: Any, future: Any) -> tuple[Problem, Integers, Mapping[str, Timetable]]:
        """A problem, the last row of every symbol in it that can be forecast, and the timetables."""
        state = self._fitted
        if prices is None:
            timetable, left_out = state.timetable, state.left_out
            problem = _with_future(state.tail, future, timetable)
            origins = np.unique(problem.last)
        else:
            prices = state.prices_of(prices)
            problem = matching_problem(prices, self._problem, state.tail.symbols, state.tail.names)
            timetable = prices.timetable
            problem = _with_future(problem, future, timetable)
            origins, left_out = self._asked(problem, timetable, state.short)
        self._note(problem, origins, left_out)
        return problem, origins, timetable

    @property
    def _population(self) -> FittedNetwork:
        (ensemble,) = ensembles_of([self._fitted.fitted])
        return ensemble.population

    def _seed(self, seed: int | None) -> int:
        """A seed that there is; None: the first."""
        return known_seed(sorted({member.seed for member in self._population.members}), seed)

    def plot(self, prices: Any = None, *, future: Any = None) -> Plot:
        """The last closes and the prediction intervals of the next sessions, for up to six symbols.

        Parameters
        ----------
        prices, future
            As in `forecast`; without them the last closes are those of the windows that the forecast reads.

        Raises
        ------
        RunError
            The network forecasts points, and is not calibrated.
        """
        from gatecast.report.plots import outlook_plot

        column = self._settings.column
        if prices is None:
            tail = self._fitted.tail
            symbol = np.asarray(tail.symbols, dtype=object)[tail.symbol]
            closes = pd.DataFrame({"symbol": symbol, "session": tail.session, "close": tail.anchor})
        else:
            prices = self._fitted.prices_of(prices)
            closes = prices.table[["symbol", "session"]].assign(close=prices.table[column])
        forecast = self.forecast(prices, future=future)
        return outlook_plot(forecast, closes, column=column, move=self._fitted.tail.move)

    def _asked(
        self, problem: Problem, timetable: Mapping[str, Timetable], short: tuple[str, ...]
    ) -> tuple[Integers, dict[str, str]]:
        """`last_origins` of this network; short: symbols with too few training windows."""

        def obstacle(row: int) -> str:
            return self._obstacle() if problem.symbols[problem.symbol[row]] in short else ""

        return last_origins(problem, timetable, obstacle)

    def _obstacle(self) -> str:
        """Why the network cannot forecast a symbol with too few training windows; empty where it can."""
        least = MIN_TRAINING_ORIGINS
        if not self._settings.pooled:
            return say("fewer than {least} training windows: too few for a network of its own", least=least)
        if self._settings.target == "close" and self._settings.scaler != "none":
            return say(
                "fewer than {least} training windows: too few for a scale of its own, and a price level has "
                "no other",
                least=least,
            )
        return ""

    def _note(self, problem: Problem, last: Integers, left_out: Mapping[str, str]) -> None:
        """Keep who is left out of a forecast from the rows `last`, and who has no scale of its own."""
        asked = [problem.symbols[symbol] for symbol in problem.symbol[last]]
        self.left_out = dict(left_out)
        self.scaled_by_pool = tuple(symbol for symbol in asked if symbol in self._fitted.short)

    def _warn(self) -> None:
        if self.left_out:
            warnings.warn(
                say("no forecast of {left_out}", left_out=named(self.left_out)), DataWarning, stacklevel=3
            )
        if self.scaled_by_pool:
            text = say(
                "{symbols}: fewer than {least} training windows, scaled by the mean scale of the others",
                symbols=some(self.scaled_by_pool),
                least=MIN_TRAINING_ORIGINS,
            )
            warnings.warn(text, DataWarning, stacklevel=3)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """The folder, written: network.safetensors and network.json, with the last window of every symbol.

        Parameters
        ----------
        overwrite
            Replace a forecaster that gatecast wrote.

        Raises
        ------
        NotFittedError
            Before `fit`.
        RunError
            The folder is not empty (unless `overwrite`), holds what gatecast did not write as a forecaster,
            or cannot be written; a function for features that has no name "module:function".
        """
        state = self._fitted
        if callable(self._features):
            raise RunError(
                say(
                    'features is a function of this process: give it as "module:function" to save '
                    "the forecaster"
                )
            )
        return forecaster_files.write(
            folder, state, self._settings, volatility_features=self._volatility_features, overwrite=overwrite
        )

    @classmethod
    def load(cls, folder: str | Path, *, allow_code: bool = False) -> Self:
        """What `save` wrote, as a forecaster; no code of the file is run.

        Parameters
        ----------
        allow_code
            Whether `fit` and `forecast` of other prices may import and run the function that the file names
            as its features, if it does.

        Raises
        ------
        RunError
            A file is missing, was changed, or is something else.
        """
        state, settings, volatility_features = forecaster_files.read(Path(folder))
        forecaster = cls.of(settings, ONLY)
        forecaster._may_run_features, forecaster._volatility_features = allow_code, volatility_features
        forecaster._state = state
        forecaster._note(state.tail, np.unique(state.tail.last), state.left_out)
        return forecaster

    def _problem(self, prices: Prices, seen: Sequence[str] | None = None) -> Problem:
        """The problem of these prices; seen: the features that were fitted, where it is to have the same."""
        if self._features is not None and not self._may_run_features:
            raise RunError(
                say(
                    "this forecaster's file names code: features = {features!r}, a function that "
                    "would be imported and run. If you trust it, load the forecaster with "
                    "allow_code=True",
                    features=self._features,
                )
            )
        return problem_of(
            self._settings,
            prices,
            features=self._features,
            volatility_features=self._volatility_features,
            seen=seen,
        )

    @property
    def _fitted(self) -> State:
        if self._state is None:
            raise NotFittedError(say("this forecaster has not been fitted: call fit(prices) first"))
        return self._state

    def __repr__(self) -> str:
        state = "not fitted" if self._state is None else "fitted"
        network = self.network
        return (
            f"Forecaster({network.cell}, hidden_size={network.hidden_size}, "
            f"horizon={self._settings.horizon}, {state})"
        )


def _with_future(problem: Problem, future: Any, timetable: Mapping[str, Timetable]) -> Problem:
    """The problem with what a user's table says of the bars ahead."""
    return problem if future is None else problem.with_future(future_table(future), timetable)
