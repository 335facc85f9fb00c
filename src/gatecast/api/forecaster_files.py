"""Forecasters as folders; a folder may come from anybody, so nothing in it is believed unseen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from gatecast.data.calendars import check_calendar
from gatecast.data.prices import Prices
from gatecast.data.sources import load
from gatecast.data.timetable import MINUTES_OF_A_WEEK, RULES, Timetable
from gatecast.folders import FORECASTER, new_folder
from gatecast.models.calibration import CalibratedFit
from gatecast.models.ensembles import Combination
from gatecast.models.fitted_files import NUMBERS, calibration_arrays, read_calibration, session_of
from gatecast.models.model import Fitted
from gatecast.models.networks import FittedNetwork, FoldEnsemble, ensembles_of
from gatecast.models.storage import check_array, load_network, not_a_model, save_network
from gatecast.problem.moves import LOG_RETURN, MOVES, Move
from gatecast.problem.problem import ROW_ARRAYS, SEASONAL_ARRAYS, Problem
from gatecast.problem.targets import move_of
from gatecast.settings.experiment import Experiment
from gatecast.settings.frequency import DAILY, check_frequency, is_intraday, unit_of

WEIGHTS = "network"
ONLY = "network"  # what a forecaster's one model is called in its settings


@dataclass(frozen=True)
class State:
    """A forecaster after its fit.

    tail: the last window of every symbol; timetable: symbol → when its bars come; short: symbols with too
    few training windows; left_out: symbol → why it was fitted and has no place in the tail.
    """

    fitted: Fitted
    tail: Problem
    timetable: dict[str, Timetable]
    short: tuple[str, ...]
    left_out: dict[str, str]

    def prices_of(self, source: Any) -> Prices:
        """Prices themselves, or those of anything that `gatecast.load` takes, read as the fitted ones."""
        if isinstance(source, Prices):
            return source
        calendar = {symbol: one.calendar for symbol, one in self.timetable.items()}
        return load(source, calendar=calendar, frequency=self.tail.frequency)


class Saved(BaseModel):
    """What a saved forecaster's JSON says beside its network's settings.

    distributions: whether its features are those of volatility.
    calendar, dated and minutes: of the timetables, by symbol (`gatecast.data.timetable`).
    since: the first session that an adaptive calibration goes on from; None without a calibration.
    """

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    forecaster: dict[str, Any]
    distributions: bool
    symbols: Annotated[list[str], Field(min_length=1)]
    names: Annotated[list[str], Field(min_length=1)]
    static_names: list[str] = Field(default_factory=list)
    known_names: list[str] = Field(default_factory=list)
    calendar: dict[str, str]
    frequency: str = DAILY
    dated: dict[str, str] = Field(default_factory=dict)
    minutes: dict[str, list[int]] = Field(default_factory=dict)
    since: str | None
    short: list[str]
    left_out: dict[str, str]
    combination: Combination
    move: str = LOG_RETURN.name


def write(
    folder: str | Path, state: State, settings: Experiment, *, volatility_features: bool, overwrite: bool
) -> Path:
    """The folder, written whole or not at all."""
    (ensemble,) = ensembles_of([state.fitted])
    calibrated = state.fitted if isinstance(state.fitted, CalibratedFit) else None
    saved = Saved(
        forecaster=settings.model_dump(mode="json", exclude={"networks", "training", "trainings"}),
        distributions=volatility_features,
        symbols=list(state.tail.symbols),
        names=list(state.tail.names),
        static_names=list(state.tail.static_names),
        known_names=list(state.tail.known_names),
        calendar={symbol: one.calendar for symbol, one in state.timetable.items()},
        frequency=state.tail.frequency,
        dated={symbol: one.dated for symbol, one in state.timetable.items() if one.dated},
        minutes={symbol: list(one.minutes) for symbol, one in state.timetable.items() if one.minutes},
        since=None if calibrated is None else str(calibrated.since),
        short=list(state.short),
        left_out=state.left_out,
        combination=ensemble.combination,
        move=state.tail.move.name,
    )
    arrays = {name: getattr(state.tail, name) for name in state.tail.row_arrays}
    arrays["session"] = arrays["session"].astype(np.int64)
    if state.tail.known_names:
        arrays["known"] = state.tail.known
    if state.tail.variance_ahead.size:
        arrays["variance_ahead"] = state.tail.variance_ahead
    if calibrated is not None:
        arrays |= calibration_arrays(calibrated.calibration)
    with new_folder(folder, FORECASTER, overwrite=overwrite) as partial:
        save_network(
            ensemble.population, partial / WEIGHTS, arrays=arrays, extra=saved.model_dump(mode="json")
        )
    return Path(folder)


def read(folder: Path) -> tuple[State, Experiment, bool]:
    """The forecaster in a folder: its state, its settings, and whether its features are those of volatility.

    Raises
    ------
    RunError
        A file is missing, was changed, or is something else.
    """
    population, content, arrays = load_network(folder / WEIGHTS)
    try:
        saved = Saved.model_validate(content)
        # earlier versions took the features of a function alone
        before = {"replace_features": saved.forecaster.get("features") is not None}
        own = {"networks": {ONLY: population.network}, "training": population.training}
        settings = Experiment(**{**before, **saved.forecaster, **own})
        _check(saved, settings, population, arrays)
        fitted: Fitted = FoldEnsemble(population, 0, saved.combination)
        if saved.since is not None:
            online = settings.calibration == "adaptive"
            calibration = read_calibration(arrays, population, online=online)
            fitted = CalibratedFit(fitted, calibration, session_of(saved.since))
        stored = ROW_ARRAYS if settings.anchored == 1 else (*ROW_ARRAYS, *SEASONAL_ARRAYS)
        rows: dict[str, Any] = {name: arrays[name] for name in stored}
        rows["session"] = rows["session"].astype(f"datetime64[{unit_of(saved.frequency)}]")
        rows |= {"known": arrays["known"]} if saved.known_names else {}
        rows |= {"variance_ahead": arrays["variance_ahead"]} if is_intraday(saved.frequency) else {}
        tail = Problem(
            **rows,
            names=tuple(saved.names),
            static_names=tuple(saved.static_names),
            known_names=tuple(saved.known_names),
            symbols=tuple(saved.symbols),
            frequency=saved.frequency,
            target=settings.target,
            lookback=settings.lookback,
            horizon=settings.horizon,
            season=settings.seasons[0] if settings.seasons else 0,
            anchored=settings.anchored,
            move=MOVES[saved.move],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise not_a_model(folder, error, "forecaster") from None
    # Earlier versions called some calendars by other names.
    timetable = {
        symbol: Timetable(
            saved.frequency,
            check_calendar(code),
            saved.dated.get(symbol, ""),
            tuple(saved.minutes.get(symbol, ())),
        )
        for symbol, code in saved.calendar.items()
    }
    return (
        State(fitted, tail, timetable, tuple(saved.short), saved.left_out),
        settings,
        saved.distributions,
    )


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
    count = len(saved.known_names)
    if count != fitted.known or saved.names[len(saved.names) - count :] != saved.known_names:
        raise ValueError("what it knows in advance is not what its network reads")
    known = set(saved.symbols)
    if len(known) < symbols or set(saved.calendar) != known or not known >= {*saved.short, *saved.left_out}:
        raise ValueError("its symbols are not the same throughout")
    for calendar in set(saved.calendar.values()):
        check_calendar(calendar)
    if check_frequency(saved.frequency) != saved.frequency or not {*saved.dated, *saved.minutes} <= known:
        raise ValueError("its frequency is none, or its timetables are of other symbols")
    if any(rule not in RULES and not re.fullmatch(r"day \d{1,2}", rule) for rule in saved.dated.values()):
        raise ValueError("its bars are dated by no rule")
    for own in saved.minutes.values():
        if min(own, default=0) < 0 or max(own, default=0) >= MINUTES_OF_A_WEEK or sorted(set(own)) != own:
            raise ValueError("its bars begin at no minutes of a week")
    if (settings.calibration == "none", saved.since is None) != ("calibration" not in arrays,) * 2:
        raise ValueError("its calibration is not the one that its settings ask for")
    if settings.target != "close" and move_of(settings.target, positive=True).name != saved.move:
        raise ValueError("its moves are not those of its target")
    _check_tail(arrays, symbols, width, fitted.lookback, unit_of(saved.frequency), MOVES[saved.move])
    if is_intraday(saved.frequency):
        check_array("variance_ahead", arrays["variance_ahead"], (len(arrays["symbol"]), horizon), NUMBERS)
        if (arrays["variance_ahead"] <= 0).any():
            raise ValueError("a variance of the bars ahead is not above 0")
    if settings.anchored > 1:
        _check_season(arrays, horizon, fitted.lookback)
    if count:
        windows = len(arrays["symbol"]) // fitted.lookback
        shape = (windows * (fitted.lookback + horizon), count)
        check_array("known", np.nan_to_num(arrays["known"]), shape)


def _check_season(arrays: Mapping[str, NDArray[Any]], horizon: int, lookback: int) -> None:
    """Raise ValueError where the season's last known values are none."""
    rows = len(arrays["symbol"])
    check_array("shift", np.nan_to_num(arrays["shift"]), (rows, horizon), NUMBERS)
    check_array("seasonal_volatility", arrays["seasonal_volatility"], (rows,), NUMBERS)
    if not np.isfinite(arrays["shift"][lookback - 1 :: lookback]).all():
        raise ValueError("the last known season of a window is missing")
    if (arrays["seasonal_volatility"] < 0).any():
        raise ValueError("a volatility is negative")


def _check_tail(
    arrays: Mapping[str, NDArray[Any]],
    symbols: int,
    width: int,
    lookback: int,
    unit: Literal["D", "s"],
    move: Move,
) -> None:
    """Raise ValueError where the rows of the last windows are none."""
    rows = len(arrays["symbol"])
    if rows == 0 or rows % lookback:
        raise ValueError(f"{rows} rows are no windows of {lookback}")
    for name in ROW_ARRAYS:
        shape = (rows, width) if name == "features" else (rows,)
        finite = np.nan_to_num(arrays[name]) if name == "range_variance" else arrays[name]  # NaN: unknown
        check_array(name, finite, shape, NUMBERS)
    symbol, session = (arrays[name].reshape(-1, lookback) for name in ("symbol", "session"))
    if symbol.dtype.kind != "i" or (symbol < 0).any() or (symbol >= symbols).any():
        raise ValueError(f"a window belongs to a symbol that is none of the {symbols}")
    if (symbol != symbol[:, :1]).any() or len(np.unique(symbol[:, 0])) < len(symbol):
        raise ValueError("a window holds several symbols, or a symbol has several windows")
    if session.dtype.kind != "i" or (np.diff(session, axis=1) <= 0).any():
        raise ValueError("the sessions of a window do not follow each other")
    for time in (session.min(), session.max()):
        session_of(str(np.datetime64(int(time), unit)))
    if not (move.is_price(arrays["anchor"]) & move.is_price(arrays["close"])).all():
        raise ValueError("a price is zero or below")
    if (arrays["volatility"] < 0).any():
        raise ValueError("a volatility is negative")
