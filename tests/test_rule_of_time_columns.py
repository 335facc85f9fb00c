"""The rule of time over every column: what is known later never changes an earlier forecast, not by one bit.

After a date all prices are changed, and with them the past columns and what is published of a joined series.
What is known in advance stays: that it is known is a promise, and a column that breaks it is one of the
broken twins.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.distributions import Point
from gatecast.models.model import Forecast
from gatecast.models.networks import RecurrentNetwork
from gatecast.models.walk_forward import walk_forward
from gatecast.problem import covariates
from gatecast.problem.folds import cut_folds
from gatecast.problem.market import market_features
from gatecast.problem.moves import Move
from gatecast.problem.problem import make_problem
from gatecast.problem.scaling import fit_scale
from gatecast.progress import Bar
from gatecast.settings.experiment import KNOWN_INPUTS

from .test_rule_of_time import QUICK, changed_after, cuts, frame_of, is_blind  # isort: skip

LATE = 3  # days from a row's own date to its release
Changed = Callable[[pd.DataFrame, np.datetime64 | None], gc.Prices]


@dataclass(frozen=True)
class Sum:
    """The sum of all that a network reads, scaled on training rows: nothing is left out."""

    scale: object = None

    def fit(self, problem, folds):
        return [replace(self, scale=fit_scale(problem, fold.train)) for fold in folds]

    def predict(self, problem, origins):
        symbol, scale, count = problem.symbol[origins], self.scale, len(problem.known_names)
        rows = origins[:, None] + np.arange(1 - problem.lookback, 1)
        windows = (problem.features[rows] - scale.x_offset[symbol][:, None]) / scale.x_scale[symbol][:, None]
        total = windows.sum(axis=(1, 2))
        if count:
            bars = problem.known_row[origins, None] + np.arange(1, problem.horizon + 1)
            offset, divisor = (part[symbol][:, None, -count:] for part in (scale.x_offset, scale.x_scale))
            total += ((problem.known[bars] - offset) / divisor).sum(axis=(1, 2))
        return Forecast(Point(np.repeat(1e-4 * total[:, None], problem.horizon, axis=1)))


def with_columns(frame: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    return frame.assign(
        vix=rng.normal(20, 4, len(frame)),
        planned=rng.normal(size=len(frame)),
        sector=frame["symbol"].map({"A": "tech", "B": "bank", "C": "tech"}),
    )


def series(frame: pd.DataFrame, cut: np.datetime64 | None, column: str) -> pd.DataFrame:
    """A series that is released LATE days after its own date, changed where its `column` lies after cut."""
    days = pd.DatetimeIndex(np.unique(frame["date"]))
    rate = np.random.default_rng(12).normal(size=len(days))
    table = pd.DataFrame({"date": days, "rate": rate, "released": days + pd.Timedelta(days=LATE)})
    if cut is not None:
        table.loc[table[column] > cut, "rate"] = 99.0 + np.arange((table[column] > cut).sum())
    return table


def plain(frame: pd.DataFrame, cut: np.datetime64 | None) -> gc.Prices:
    """Prices and past columns, changed after a date."""
    table = with_columns(frame)
    if cut is not None:
        later = (table["date"] > cut).to_numpy()
        table = changed_after(table, cut)
        table.loc[later, "vix"] *= np.random.default_rng(8).uniform(0.3, 3.0, later.sum())
    return gc.Prices.from_frame(table, calendar="XNYS")


def joined_by(known_after: str) -> Changed:
    """With a joined series, changed where it is released after the date."""

    def made(frame: pd.DataFrame, cut: np.datetime64 | None) -> gc.Prices:
        return gc.join(plain(frame, cut), series(frame, cut, "released"), known_after=known_after)

    return made


def unknown_future(frame: pd.DataFrame, cut: np.datetime64 | None) -> gc.Prices:
    """A "known" column that is the return of its own bar."""
    prices = plain(frame, cut)
    moves = np.log(prices.table["close"]).groupby(prices.table["symbol"]).diff().fillna(0.0)
    return replace(prices, table=prices.table.assign(planned=moves))


def signed(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"signed": table["vix"] * (1 if table.attrs["symbol"] == "A" else -1)})


CLEAN: dict[str, tuple[Changed, dict]] = {
    "past": (plain, {"past": ("vix",)}),
    "future": (plain, {"future": ("planned",)}),
    "static": (plain, {"static": ("sector",)}),
    "market": (plain, {"market": True}),
    "own features": (plain, {"features": signed}),
    "joined": (joined_by("released"), {"past": ("rate",)}),
    "joined after days": (joined_by(f"{LATE}d"), {"past": ("rate",)}),
    "calendar": (plain, {"future": KNOWN_INPUTS}),
}
BROKEN: dict[str, tuple[Changed, dict]] = {
    "joined by date": (joined_by("0d"), {"past": ("rate",)}),
    "joined a day early": (joined_by(f"{LATE - 1}d"), {"past": ("rate",)}),
    "a future that is not known": (unknown_future, {"future": ("planned",)}),
}


def blind(model: object, made: Changed, chosen: dict, *, horizon: int, target: str = "return") -> list[bool]:
    """Whether the model is blind at each of several dates."""
    frame = frame_of("pooled")

    def run(cut: np.datetime64 | None):
        problem = make_problem(made(frame, cut), lookback=5, horizon=horizon, target=target, **chosen)
        with Bar() as bar:
            return walk_forward({"model": model}, problem, cut_folds(problem, folds=2), bar)[0]

    base = run(None)
    days = np.unique(base.origin)
    dates = [*cuts(frame), *days[[len(days) // 4, len(days) // 2, 3 * len(days) // 4]]]
    return [is_blind(base, run(cut), cut, "model") for cut in dates]


@pytest.mark.parametrize("target", ["return", pytest.param("close", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CLEAN)
def test_what_is_known_later_never_changes_an_earlier_forecast(name, target):
    assert all(blind(Sum(), *CLEAN[name], horizon=3, target=target))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_twin_is_caught(name):
    assert not all(blind(Sum(), *BROKEN[name], horizon=3))


def test_the_market_of_tomorrow_is_caught(monkeypatch):
    def tomorrow(prices: gc.Prices, column: str, move: Move) -> pd.DataFrame:
        market = market_features(prices, column, move)
        return market.groupby(prices.table["symbol"].to_numpy()).shift(-1).fillna(0.0)

    monkeypatch.setattr(covariates, "market_features", tomorrow)
    assert not all(blind(Sum(), *CLEAN["market"], horizon=3))


@cache
def rnn() -> RecurrentNetwork:
    return RecurrentNetwork(gc.Network(cell="rnn", hidden_size=3), QUICK, seeds=1)


EVERYTHING = {
    "past": ("vix", "rate"),
    "future": ("planned", *KNOWN_INPUTS),
    "static": ("sector",),
    "market": True,
    "features": signed,
}


@pytest.mark.parametrize("horizon", [3, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.full])])
def test_a_network_that_reads_all_of_them_obeys_too(horizon):
    assert all(blind(rnn(), joined_by("released"), EVERYTHING, horizon=horizon))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == [*BROKEN][-1] else pytest.mark.full) for name in BROKEN]
)
def test_a_network_on_a_broken_twin_is_caught(name):
    assert not all(blind(rnn(), *BROKEN[name], horizon=3))
