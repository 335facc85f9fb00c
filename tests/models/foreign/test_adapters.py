"""The adapters of libraries, each with a stand-in that speaks its interface."""

import sys

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.distributions import LEVELS
from gatecast.errors import SettingError
from gatecast.models.foreign import chronos, darts, kronos, neuralforecast, statsforecast, timesfm, tirex

from ...conftest import walk_frame  # isort: skip
from . import stand_ins

SMALL = {"lookback": 5, "folds": 2, "horizon": 2}


@pytest.fixture(scope="module")
def prices() -> gc.Prices:
    table = pd.concat([walk_frame("A", 200, 0), walk_frame("B", 160, 1)], ignore_index=True)
    return gc.Prices.from_frame(table, calendar="daily")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in stand_ins.modules().items():
        monkeypatch.setitem(sys.modules, name, module)


def upper(outcome, name: str) -> np.ndarray:
    """(N, h) the 90 % quantiles of the price."""
    quantiles = outcome.distributions[name].quantiles[..., LEVELS.index(0.9)]
    return outcome.anchor[:, None] * np.exp(quantiles)


def last_three(outcome, prices: gc.Prices) -> np.ndarray:
    """(N,) the mean of the last three closes at each origin."""
    means = []
    for symbol, origin in zip(outcome.symbol, outcome.origin, strict=True):
        own = prices.table[prices.table["symbol"] == outcome.symbols[symbol]]
        means.append(own.loc[own["session"] <= pd.Timestamp(origin), "close"].tail(3).mean())
    return np.array(means)


@pytest.mark.parametrize("model", [chronos.Chronos2(), tirex.TiRex(), timesfm.TimesFM()])
def test_pretrained_models_answer_quantiles_of_the_price(library, prices, model):
    result = gc.compare(prices, ["ewma-t", {"mine": model}], **SMALL)
    middle = last_three(result.outcome, prices)[:, None]
    np.testing.assert_allclose(result.outcome.forecast["mine"], middle * np.ones(2), rtol=1e-6)
    expected = middle * np.exp(stand_ins.SPREAD * 1.2815515655446004) * np.ones(2)
    np.testing.assert_allclose(upper(result.outcome, "mine"), expected, rtol=1e-5)
    assert "mine was trained elsewhere, until an unknown day" in result.verdict.text


def test_pretrained_models_are_found_by_their_name(library, prices):
    names = ("chronos:Chronos2", "tirex:TiRex", "timesfm:TimesFM", "kronos:Kronos")
    names += ("statsforecast:AutoETS", "darts:Darts", "neuralforecast:NeuralForecast")
    result = gc.compare(prices, ["ewma-t", *[f"gatecast.models.foreign.{name}" for name in names]], **SMALL)
    assert {name.partition(":")[2] for name in names} <= set(result.outcome.forecast)
    assert (
        "The model Kronos was trained elsewhere, until 2024-05-31, before the test" not in result.verdict.text
    )
    assert "The model Kronos was trained elsewhere and may have seen the bars up to" in result.verdict.text


def test_kronos_draws_the_same_paths_whatever_was_drawn_before(library, prices):
    prices = prices.select(["B"])
    models = {"one": kronos.Kronos(paths=20), "other": kronos.Kronos(paths=20, seed=1)}
    first = gc.compare(prices, ["ewma-t", models], **SMALL)
    second = gc.compare(prices, ["ewma-t", {"one": kronos.Kronos(paths=20)}], **SMALL)
    np.testing.assert_array_equal(first.outcome.forecast["one"], second.outcome.forecast["one"])
    assert not np.array_equal(first.outcome.forecast["one"], first.outcome.forecast["other"])


def test_kronos_with_what_there_is_and_at_the_bars_that_follow(library, prices):
    table = prices.select(["B"]).table[["symbol", "session", "close"]]
    models = ["ewma-t", {"mine": kronos.Kronos(paths=20)}]
    gc.compare(gc.Prices.from_frame(table, calendar="daily"), models, **SMALL)
    friday = pd.bdate_range(end="2024-03-01", periods=30)
    assert [str(day.date()) for day in kronos.following(friday, 2)] == ["2024-03-04", "2024-03-05"]
    whole = pd.date_range(end="2024-03-01", periods=30)
    assert [str(day.date()) for day in kronos.following(whole, 2)] == ["2024-03-02", "2024-03-03"]
    hours = pd.date_range(end="2024-03-01 10:00", periods=30, freq="h")
    assert [day.hour for day in kronos.following(hours, 2)] == [11, 12]


def test_statsforecast_is_fitted_once_per_fold_or_at_every_origin(library, prices, monkeypatch):
    fits = []
    fit = stand_ins.Drift.fit
    monkeypatch.setattr(stand_ins.Drift, "fit", lambda self, y: (fits.append(len(y)), fit(self, y))[1])
    once = gc.compare(prices, ["ewma-t", {"mine": statsforecast.AutoARIMA()}], **SMALL)
    assert len(fits) == 4  # of each fold both symbols
    often = gc.compare(
        prices, ["ewma-t", {"mine": statsforecast.Theta(refit=True, settings={"season_length": 5})}], **SMALL
    )
    assert len(fits) == 4 + len(often.outcome.origin)
    expected = once.outcome.forecast["mine"] * np.exp(stand_ins.SPREAD * 1.2815515655446004)
    np.testing.assert_allclose(upper(once.outcome, "mine"), expected, rtol=1e-9)
    own = prices.table[prices.table["symbol"] == often.outcome.symbols[often.outcome.symbol[-1]]]
    close = own.loc[own["session"] <= pd.Timestamp(often.outcome.origin[-1]), "close"].to_numpy()
    drift = np.log(close[-1] / close[0]) / (len(close) - 1)
    last = often.outcome.forecast["mine"][-1]
    np.testing.assert_allclose(last, close[-1] * np.exp(drift * np.array([1, 2])), rtol=1e-9)


def test_darts_is_fitted_once_where_it_can_forecast_other_series(library, prices):
    models = {
        "global": darts.Darts(),
        "local": darts.Darts(lambda horizon: stand_ins.Local()),
        "drawn": darts.Darts(lambda horizon: stand_ins.Global(), samples=50),
        "both": darts.Darts(lambda horizon: stand_ins.Local(), samples=50),
    }
    outcome = gc.compare(prices, ["ewma-t", models], **SMALL).outcome
    assert set(outcome.distributions) >= {"drawn", "both"}
    assert not {"global", "local"} & set(outcome.distributions)
    assert not np.array_equal(outcome.forecast["global"], outcome.forecast["local"])
    for name, other in (("global", "drawn"), ("local", "both")):
        np.testing.assert_allclose(outcome.forecast[name], outcome.forecast[other], rtol=0.02)


def test_neuralforecast_forecasts_a_point_or_a_distribution(library, prices):
    def with_columns(*columns):
        return lambda horizon: stand_ins.Nhits(h=horizon, input_size=7, columns=columns)

    models = {
        "point": neuralforecast.NeuralForecast(with_columns("")),
        "range": neuralforecast.NeuralForecast(with_columns("-median", "-lo-80", "-hi-80.0")),
    }
    outcome = gc.compare(prices, ["ewma-t", models], **SMALL).outcome
    np.testing.assert_allclose(outcome.forecast["point"], outcome.forecast["range"], rtol=1e-12)
    expected = outcome.forecast["range"] * np.exp(stand_ins.SPREAD)
    np.testing.assert_allclose(upper(outcome, "range"), expected, rtol=1e-9)
    assert "point" not in outcome.distributions


@pytest.mark.parametrize(
    ("model", "package"),
    [
        (chronos.Chronos2(), "pip install 'chronos-forecasting>=2.2'"),
        (tirex.TiRex(), "pip install 'tirex-ts'"),
        (timesfm.TimesFM(), r"pip install 'timesfm\[torch\]'"),
        (kronos.Kronos(), "get it from https://github.com/shiyu-coder/Kronos"),
        (statsforecast.AutoETS(), "pip install 'statsforecast'"),
        (darts.Darts(), "pip install 'darts'"),
        (neuralforecast.NeuralForecast(), "pip install 'neuralforecast'"),
    ],
)
def test_what_is_not_installed_is_named_with_what_to_install(prices, monkeypatch, model, package):
    for name, module in stand_ins.modules().items():
        monkeypatch.setitem(sys.modules, name, module if name == "torch" else None)
    with pytest.raises(SettingError, match=package):
        gc.compare(prices, ["ewma-t", {"mine": model}], **SMALL)
