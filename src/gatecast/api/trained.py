"""The trained networks of a run: to forecast with, and their weights under PyTorch's names."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gatecast._typing import Dates, Integers
from gatecast.api.choices import known_seed, place_of_symbol
from gatecast.api.forecasting import forecast_table, last_origins, matching_problem, named
from gatecast.api.models import problem_of
from gatecast.data.prices import Prices
from gatecast.data.side_tables import future_table
from gatecast.data.sources import prices_of
from gatecast.data.spacing import as_times
from gatecast.data.timetable import Timetable
from gatecast.errors import DataError, DataWarning, RunError, SettingError, did_you_mean
from gatecast.formatting import count, some
from gatecast.language import marked, plural, say
from gatecast.models.model import Fitted, Forecast
from gatecast.models.networks import FittedNetwork, FoldEnsemble, ensembles_of
from gatecast.nn import state_dict as torch_names
from gatecast.problem.features import FeatureFunction
from gatecast.problem.folds import MIN_TRAINING_ORIGINS
from gatecast.problem.problem import Problem
from gatecast.run import Run
from gatecast.settings.frequency import INDEX, session_noun, stamp, time_at, unit_of
from gatecast.settings.network import Network
from gatecast.settings.training import Training

if TYPE_CHECKING:
    from gatecast.report.display import Plot

FEW = marked("fewer than {least} training windows")
SCALES = ("x_offset", "x_scale", "y_offset", "y_scale")


class Models(Mapping[str, "TrainedNetworks"]):
    """The networks of a run by the name of their model; other models have none.

    Networks of a run folder are read, and checked, when they are first asked for.
    """

    def __init__(self, run: Run, features: str | FeatureFunction | None) -> None:
        self._road = _Road(run, features)
        self._found: dict[str, TrainedNetworks] = {}

    def __getitem__(self, name: str) -> TrainedNetworks:
        networks = self._road.run.experiment.networks
        if name not in networks:
            known = name in self._road.run.experiment.models
            kind = say("is no network") if known else say("is not in this run")
            raise KeyError(
                say(
                    '"{name}" {kind}; its networks: {networks}.{near}',
                    name=name,
                    kind=kind,
                    networks=", ".join(networks),
                    near=did_you_mean(name, networks),
                )
            )
        if name not in self._found:
            self._found[name] = TrainedNetworks(name, self._road)
        return self._found[name]

    @property
    def problem(self) -> Problem:
        """The problem of the run's prices, as the networks read it."""
        return self._road.problem_of(self._road.run.prices)

    def __iter__(self) -> Iterator[str]:
        return iter(self._road.run.experiment.networks)

    def __len__(self) -> int:
        return len(self._road.run.experiment.networks)

    def __contains__(self, name: object) -> bool:
        return name in self._road.run.experiment.networks

    def __repr__(self) -> str:
        return f"Models({some(list(self), most=6)})"


class TrainedNetworks:
    """The networks of one model of a run, one for every fold and seed (and symbol, where each has its own).

    Attributes
    ----------
    name
        What the model is called in the run.
    network, training
        Its settings.
    members
        One row per network: fold, seed, symbol (None: it serves all), epochs it was trained for, and
        test_start, the first origin of the fold's test; the network knows no price after it.

    Examples
    --------
    >>> gru = gatecast.open_run("runs/sp500").models["gru"]
    >>> gru.forecast()  # the sessions after the last one of the run
    >>> gru.forecast(newer, origins="2019-01-15")
    >>> gru.state_dict(fold=4, seed=0)["weight_ih_l0"]
    """

    def __init__(self, name: str, road: _Road) -> None:
        self.name, self._road = name, road
        self._fitted: Sequence[Fitted] = road.run.fitted[name]
        self._ensembles: list[FoldEnsemble] = ensembles_of(self._fitted)

    @property
    def network(self) -> Network:
        """The network's settings."""
        return self._population.network

    @property
    def training(self) -> Training:
        """How it was trained."""
        return self._population.training

    @property
    def members(self) -> pd.DataFrame:
        """One row per network: fold, seed, symbol, epochs, test_start (see the class)."""
        population, symbols = self._population, self._road.run.prices.symbols
        return pd.DataFrame(
            {
                "fold": [member.fold for member in population.members],
                "seed": [member.seed for member in population.members],
                "symbol": pd.Series(
                    [None if owner is None else symbols[owner] for owner in population.owner], dtype=object
                ),
                "epochs": [one.best_epoch for one in population.trained],
                "test_start": self._road.run.outcome.test_starts[
                    [member.scale for member in population.members]
                ],
            }
        )

    def forecast(
        self,
        prices: Any = None,
        *,
        origins: ArrayLike | None = None,
        fold: int | None = None,
        seed: int | None = None,
        future: Any = None,
    ) -> pd.DataFrame:
        """Forecasts as the run's test made them, from the last session or from any others.

        Parameters
        ----------
        prices
            What `gatecast.load` takes, with the whole history: features and volatility are computed from what
            is there. None: the prices of the run.
        origins
            Dates at whose close is forecast; None: the last session of every symbol.
        fold
            Whose networks forecast; None: at each origin those of the newest fold whose test had begun, which
            know nothing after it. From the last session on these are the newest.
        seed
            One network of the fold alone, without a calibration; None: all seeds, combined.
        future
            What is known of the sessions after the last one; see `gatecast.Forecaster.fit`.

        Returns
        -------
        DataFrame
            One row per origin, symbol and step, as `Forecaster.forecast` returns it, and the fold. At the
            origins of the run's test the numbers are those of `forecasts`, to the last bit.

        Raises
        ------
        SettingError
            No such fold or seed; origins that are no dates, or lie before the test of the first fold.
        DataError
            A symbol or features that were not fitted, a date without a session, nothing to forecast, a
            future column that is not known for all sessions that are forecast.
        RunError
            Forecasts that are no prices; features of the user's own that may not be run, or are others now.

        Warns
        -----
        DataWarning
            Symbols left out; origins that the networks of `fold` were trained on.
        """
        member = None if seed is None else self._seeds.index(known_seed(self._seeds, seed))
        problem, timetable, asked = self._asked(prices, origins, fold)
        if future is not None:
            problem = problem.with_future(future_table(future), timetable)
        problem.require_known(np.concatenate(list(asked.values())), timetable)
        tables = []
        for place, rows in asked.items():
            predicted = self._fitted[place].predict(problem, rows)
            if member is not None:
                predicted = Forecast(predicted.members[member], (predicted.members[member],))
            table = forecast_table(predicted, problem, rows, timetable)
            table.insert(1, "fold", place)
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def windows(
        self, prices: Any = None, *, origins: ArrayLike | None = None, fold: int | None = None
    ) -> NDArray[np.float32]:
        """(N, lookback, features) what the networks read at each origin, scaled, in the order of `forecast`.

        The arguments, errors and warnings are those of `forecast`.
        """
        problem, _, asked = self._asked(prices, origins, fold)
        return np.concatenate([self._population.windows(problem, *one) for one in asked.items()])

    def trace(
        self,
        prices: Any = None,
        *,
        origins: ArrayLike | None = None,
        fold: int | None = None,
        seed: int | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """Every gate and state at every bar of the `windows`: name → (N, lookback, hidden_size).

        Names and values are those of `gatecast.fit_windows(…).trace`; arguments, errors and warnings those of
        `forecast`, but that without a seed the first network answers.
        """
        problem, _, asked = self._asked(prices, origins, fold)
        number = known_seed(self._seeds, seed)
        parts = [self._population.trace(problem, *one, number) for one in asked.items()]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def plot_gates(
        self,
        prices: Any = None,
        *,
        origin: Any = None,
        symbol: str | None = None,
        fold: int | None = None,
        seed: int | None = None,
    ) -> Plot:
        """One window in a network as a picture: inputs, gates and states, unit by unit, bar by bar.

        Parameters
        ----------
        origin
            The date at whose close the window ends; None: the last session.
        symbol
            Whose; None: the only one.
        prices, fold, seed
            As in `trace`.

        Raises
        ------
        SettingError, DataError, RunError
            As `forecast`; no window of that symbol.
        """
        from gatecast.report.display import Plot
        from gatecast.report.inside import gates_chart

        number = self._symbol(symbol)
        problem, _, asked = self._asked(prices, None if origin is None else [origin], fold)
        seed = known_seed(self._seeds, seed)
        for place, rows in asked.items():
            own = rows[problem.symbol[rows] == number][-1:]
            if len(own):
                (read,) = self._population.windows(problem, place, own)
                values = self._population.trace(problem, place, own, seed)
                return Plot(gates_chart(read, {name: one[0] for name, one in values.items()}, problem.names))
        raise SettingError(say("it has no window at that origin"), setting="symbol", value=symbol)

    def scale(self, *, fold: int | None = None, symbol: str | None = None) -> dict[str, NDArray[np.float64]]:
        """How one fold (None: the newest) scales a symbol (None: the only one): x ↦ (x - offset) / scale.

        x_offset and x_scale (features,) made the `windows`. The output of a point, times y_scale (h,) plus
        y_offset (h,), is the target: the log return from the origin, the difference in units of the
        volatility known at the origin, or the price. The outputs of distributions are in such units, and not
        scaled.

        Raises
        ------
        SettingError
            No such fold or symbol.
        """
        scale, place = self._population.scales[self._fold(fold)], self._symbol(symbol)
        return {name: getattr(scale, name)[place].copy() for name in SCALES}

    def state_dict(
        self,
        *,
        fold: int | None = None,
        seed: int | None = None,
        symbol: str | None = None,
        layer: str = torch_names.RECURRENT,
    ) -> dict[str, NDArray[np.float32]]:
        """One layer's weights of one network, named and shaped as PyTorch's `load_state_dict` takes them.

        Parameters
        ----------
        fold, seed
            Of which network; None: the newest fold, the first seed.
        symbol
            Whose, where each symbol has a network of its own.
        layer
            "recurrent": all of a torch.nn.RNN, LSTM or GRU, with two biases also where the network has one
            (the second is zero). Of the head, each a torch.nn.Linear: "mlp.0", …, "out". Of a Student t
            "df" (h,), whose degrees of freedom are 2.1 + 3 softplus(df).

        Raises
        ------
        SettingError
            No such fold, seed, symbol or layer; a GRU with reset_after=False, which PyTorch does not have.
        """
        place, number = self._fold(fold), known_seed(self._seeds, seed)
        population = self._population
        own = any(owner is not None for owner in population.owner)
        owner = self._symbol(symbol) if own or symbol is not None else None
        for member, whose, trained in zip(
            population.members, population.owner, population.trained, strict=True
        ):
            if (member.scale, member.seed) == (place, number) and whose in (None, owner):
                return torch_names.state_dict(population.network, trained.params, layer)
        raise SettingError(_too_few(str(place)), setting="symbol", value=symbol)

    @property
    def _population(self) -> FittedNetwork:
        return self._ensembles[0].population

    @cached_property
    def _seeds(self) -> list[int]:
        return sorted({member.seed for member in self._population.members})

    def _fold(self, fold: int | None) -> int:
        """A fold's place; None: the newest's."""
        newest = len(self._fitted) - 1
        if fold is None:
            return newest
        if fold not in range(newest + 1):
            raise SettingError(
                say("there is no such fold; they are 0 to {newest}", newest=newest),
                setting="fold",
                value=fold,
            )
        return int(fold)

    def _symbol(self, symbol: str | None) -> int:
        """A symbol's place; None: that of the only one."""
        symbols = self._road.run.prices.symbols
        if symbol is None and len(symbols) == 1:
            return 0
        return place_of_symbol(symbols, symbol)

    def _asked(
        self, prices: Any, origins: ArrayLike | None, fold: int | None
    ) -> tuple[Problem, dict[str, Timetable], dict[int, Integers]]:
        """A problem of the prices, their timetables, and the rows that each fold forecasts."""
        asked = None if fold is None else self._fold(fold)
        prices = self._road.run.prices if prices is None else prices_of(prices)
        problem = self._road.problem_of(prices)
        width = self._population.scales[0].x_offset.shape[1]
        if len(problem.names) != width or len(problem.known_names) != self._population.known:
            raise RunError(
                say(
                    "the networks of {name} read {features}, and the prices of this run give {count} "
                    "({names}): they do not belong together",
                    name=self.name,
                    features=plural("{n:,} feature", "{n:,} features", width),
                    count=len(problem.names),
                    names=", ".join(problem.names),
                )
            )
        left_out: dict[str, str] = {}
        if origins is None:
            rows, left_out = last_origins(problem, prices.timetable, obstacle=lambda _: "")
        else:
            rows = _rows(problem, _times(origins, problem.frequency))
        places = self._places(problem, rows, asked)
        short = self._short(problem, rows, places)
        left_out |= {
            symbol: _too_few(", ".join(map(str, np.unique(places[own])))) for symbol, own in short.items()
        }
        kept = ~np.any([np.zeros(len(rows), bool), *short.values()], axis=0)
        if not kept.any():
            raise DataError(
                say("no symbol can be forecast: {left_out}", left_out=named(left_out)),
                remedy=say("Give later origins"),
            )
        if left_out:
            warnings.warn(
                say("no forecast of {left_out}", left_out=named(left_out)), DataWarning, stacklevel=3
            )
        asked_of = {int(place): rows[kept & (places == place)] for place in np.unique(places[kept])}
        return problem, dict(prices.timetable), asked_of

    def _places(self, problem: Problem, rows: Integers, asked: int | None) -> Integers:
        """(N,) the fold that forecasts each row: the one asked for, or the newest whose test had begun.

        Raises
        ------
        SettingError
            No test had begun.

        Warns
        -----
        DataWarning
            Rows before the test of the fold asked for.
        """
        session, starts = problem.session[rows], self._road.run.outcome.test_starts
        if asked is None:
            places = np.searchsorted(starts, session, side="right") - 1
            if (places < 0).any():
                raise SettingError(
                    say(
                        "an origin lies before {starts}, where the test of the first fold begins: every "
                        "fold was trained on later prices. Give later origins, or the fold whose "
                        "networks are to forecast it nevertheless",
                        starts=starts[0],
                    )
                )
            return places
        known = int((session < starts[asked]).sum())
        if known:
            warnings.warn(
                say(
                    "{origins} before {starts}, where the test of fold {asked} begins: its networks "
                    "were trained on later prices, so that these are fitted values, no forecasts",
                    origins=plural("{n:,} origin", "{n:,} origins", known),
                    starts=starts[asked],
                    asked=asked,
                ),
                DataWarning,
                stacklevel=4,
            )
        return np.full(len(rows), asked)

    def _short(self, problem: Problem, rows: Integers, places: Integers) -> dict[str, NDArray[np.bool_]]:
        """Symbol → its rows (N,) that belong to a fold which was not fitted on it."""
        short = {}
        for number, symbol in enumerate(problem.symbols):
            without = [ensemble.fold for ensemble in self._ensembles if symbol in ensemble.left_out]
            own = (problem.symbol[rows] == number) & np.isin(places, without)
            if own.any():
                short[symbol] = own
        return short

    def __repr__(self) -> str:
        network, folds, seeds = self.network, len(self._fitted), len(self._seeds)
        own = "" if self._population.owner[0] is None else ", one for each symbol"
        return (
            f"TrainedNetworks({self.name}: {network.cell}, hidden_size={network.hidden_size}, "
            f"output={network.output}; {count(folds, 'fold')}, {count(seeds, 'seed')}{own})"
        )


def _too_few(place: str) -> str:
    """Why a fold, or several, cannot forecast a symbol."""
    return say("{few} in fold {place}", few=say(FEW, least=MIN_TRAINING_ORIGINS), place=place)


class _Road:
    """A run's way from prices to what its networks read."""

    def __init__(self, run: Run, features: str | FeatureFunction | None) -> None:
        self.run, self._features = run, features

    def problem_of(self, prices: Prices) -> Problem:
        """The problem of any prices, symbols numbered as in the run's."""
        own = self._own
        if prices is self.run.prices:
            return own
        return matching_problem(prices, self._made, own.symbols, own.names)

    @cached_property
    def _own(self) -> Problem:
        """That of the run's prices."""
        return self._made(self.run.prices)

    def _made(self, prices: Prices, seen: Sequence[str] | None = None) -> Problem:
        experiment = self.run.compared
        if experiment.features is not None and self._features is None:
            raise RunError(
                say(
                    "this run's experiment names code: features = {features!r}, a function that "
                    "would be imported and run. If you trust it, open the run with allow_code=True",
                    features=experiment.features,
                )
            )
        return problem_of(
            experiment,
            prices,
            features=self._features,
            volatility_features=experiment.has_distributions,
            seen=seen,
        )


def _times(origins: ArrayLike, frequency: str) -> Dates:
    """The times of origins, once, in order."""
    given = np.atleast_1d(np.asarray(origins)).ravel()
    try:
        if frequency == INDEX:
            return np.unique(time_at(given.astype(np.int64)))
        stamps = pd.DatetimeIndex(pd.to_datetime(given))
        times = np.unique(as_times(stamps.to_numpy(), frequency))
    except (ValueError, TypeError, OverflowError):
        times = np.array([], dtype="datetime64[D]")
    if not len(times) or np.isnat(times).any():
        written = {INDEX: "numbers of rows"}.get(frequency, "YYYY-MM-DD")
        raise SettingError(
            say("no dates; write {written}", written=written), setting="origins", value=origins
        )
    return times


def _rows(problem: Problem, dates: Dates) -> Integers:
    """The rows of these dates that a whole window ends at.

    Raises
    ------
    DataError
        A date without a session of any symbol, or none with a whole window.
    """
    session = session_noun(problem.frequency)
    dates_of = "dates" if unit_of(problem.frequency) == "D" else "times"
    missing = dates[~np.isin(dates, problem.sessions)]
    if len(missing):
        raise DataError(
            say(
                "no {session} in these prices: {missing}",
                session=session,
                missing=some([stamp(time, problem.frequency) for time in missing]),
            ),
            remedy=say("Give {dates_of} of their {session}s as origins", dates_of=dates_of, session=session),
        )
    rows = np.flatnonzero(np.isin(problem.session, dates) & problem.ready)
    if not len(rows):
        raise DataError(
            say(
                "too few {session}s before {dates} for a window of {lookback}",
                session=session,
                dates=stamp(dates[-1], problem.frequency),
                lookback=problem.lookback,
            ),
            remedy=say("Give later origins, or prices that begin earlier"),
        )
    return rows
