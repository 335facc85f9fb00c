"""The road to tomorrow: fit, forecast, save and load."""

import hashlib
import json
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.data.calendars import next_sessions, sessions_between
from gatecast.distributions import StudentT
from gatecast.errors import DataError, DataWarning, NotFittedError, RunError, SettingError
from gatecast.forecasts import PARAMETERS, QUANTILE_COLUMNS
from gatecast.models.storage import _digest, save_network
from gatecast.problem.folds import future_fold
from gatecast.settings.experiment import Experiment

from ..conftest import walk_frame  # isort: skip

NETWORK = gc.Network(cell="gru", hidden_size=2, output="point")
QUICK = gc.Training(epochs=1)


def frame(sessions: int = 150) -> pd.DataFrame:
    """Two symbols; B ends at the same date."""
    return pd.concat([walk_frame("A", sessions, 0), walk_frame("B", sessions, 1)], ignore_index=True)


def forecaster(**settings) -> gc.Forecaster:
    return gc.Forecaster(NETWORK, QUICK, **{"lookback": 3, "horizon": 5, "seeds": 2, **settings})


@pytest.fixture(scope="module")
def prices() -> gc.Prices:
    return gc.Prices.from_frame(frame(), calendar="daily")


@pytest.fixture(scope="module")
def fitted(prices: gc.Prices) -> gc.Forecaster:
    """More steps than sessions in a window."""
    return forecaster().fit(prices)


@pytest.fixture
def saved(fitted: gc.Forecaster, tmp_path: Path) -> Path:
    return fitted.save(tmp_path / "model")


def test_a_forecast_has_a_row_per_symbol_and_step(fitted: gc.Forecaster, prices: gc.Prices) -> None:
    table = fitted.forecast()
    assert list(table["symbol"]) == ["A"] * 5 + ["B"] * 5
    assert list(table["step"]) == [1, 2, 3, 4, 5] * 2
    last = prices.table.groupby("symbol").last()
    assert np.array_equal(table["anchor"], last["close"].loc[table["symbol"]])
    assert np.array_equal(table["origin"], last["session"].loc[table["symbol"]])
    assert np.allclose(table["change"], table["forecast"] / table["anchor"] - 1)
    assert (table["std_over_seeds"] > 0).all()
    assert not {"low", "high"} & set(table)  # read as an interval by everybody
    assert table["change"].abs().between(1e-9, 0.1).all()


def test_a_forecast_is_made_twice_alike(fitted: gc.Forecaster, prices: gc.Prices) -> None:
    pd.testing.assert_frame_equal(fitted.forecast(), forecaster().fit(prices).forecast(), check_exact=True)
    pd.testing.assert_frame_equal(fitted.forecast(), fitted.forecast(prices), check_exact=True)


def test_nothing_is_forecast_before_fit(tmp_path: Path, prices: gc.Prices) -> None:
    new = forecaster()
    for attempt in (
        new.forecast,
        lambda: new.save(tmp_path / "m"),
        lambda: new.forecast(prices),
        lambda: new.history,
    ):
        with pytest.raises(NotFittedError, match=r"call fit\(prices\) first"):
            attempt()
    assert not list(tmp_path.iterdir())
    assert "not fitted" in repr(new)


@pytest.mark.parametrize(
    ("symbol", "last", "calendar", "expected"),
    [
        ("AAPL", "2018-12-21", None, ["2018-12-24", "2018-12-26", "2018-12-27", "2018-12-28", "2018-12-31"]),
        (
            "005930.KS",
            "2018-09-20",
            None,
            ["2018-09-21", "2018-09-27", "2018-09-28", "2018-10-01", "2018-10-02"],
        ),
        (
            "AAPL",
            "2018-09-20",
            "XKRX",
            ["2018-09-21", "2018-09-27", "2018-09-28", "2018-10-01", "2018-10-02"],
        ),
        (
            "BTC-USD",
            "2018-12-21",
            None,
            ["2018-12-22", "2018-12-23", "2018-12-24", "2018-12-25", "2018-12-26"],
        ),
    ],
)
def test_the_dates_are_the_next_real_sessions(
    symbol: str, last: str, calendar: str | None, expected: list[str], tmp_path: Path
) -> None:
    """Weekend, Christmas and Chuseok are no sessions; data with weekends get every day."""
    code = calendar or {"AAPL": "XNYS", "005930.KS": "XKRX"}.get(symbol, "24/7")
    days = [
        day
        for day in pd.date_range(end=last, periods=260)
        if next_sessions(code, day - pd.Timedelta("1D"), 1)[0] == day
    ][-150:]  # as many everywhere: one compiled program
    table = walk_frame(symbol, len(days), 0).assign(date=days)
    known = gc.Prices.from_frame(table, calendar=calendar)
    model = forecaster(seeds=1).fit(known)
    assert list(model.forecast()["time"].astype(str)) == expected
    assert list(gc.Forecaster.load(model.save(tmp_path / "m")).forecast()["time"].astype(str)) == expected


def test_newer_prices_move_the_origin(fitted: gc.Forecaster, prices: gc.Prices) -> None:
    newer = gc.Prices.from_frame(frame(160), calendar="daily")
    table = fitted.forecast(newer)
    assert (table["origin"] == newer.table["session"].max()).all()
    assert set(table["anchor"]) == set(newer.table.groupby("symbol")["close"].last())
    cut = newer.table[newer.table["session"] < "2015-07-01"]
    older = fitted.forecast(gc.Prices.from_frame(cut, calendar="daily"))
    assert (older["origin"] == pd.Timestamp("2015-06-30")).all()
    assert not set(older["forecast"]) & set(table["forecast"])


def test_one_symbol_of_several(fitted: gc.Forecaster, prices: gc.Prices) -> None:
    whole = fitted.forecast()
    for symbol in "AB":
        alone = fitted.forecast(prices.select(symbol))
        expected = whole[whole["symbol"] == symbol].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected, rtol=1e-6)


def test_networks_of_their_own_per_symbol(fitted: gc.Forecaster, prices: gc.Prices, tmp_path: Path) -> None:
    model = forecaster(pooled=False).fit(prices)
    assert not np.isclose(model.forecast()["change"], fitted.forecast()["change"], rtol=1e-3).any()
    again = gc.Forecaster.load(model.save(tmp_path / "m"))
    pd.testing.assert_frame_equal(again.forecast(), model.forecast(), check_exact=True)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (walk_frame("C", 50, 3), "C was not among the symbols fitted"),
        (walk_frame("A", 3, 3), r"no symbol can be forecast: A \(3 sessions: too few for a window of 3\)"),
        (frame().drop(columns="volume"), "fitted were log_return, log_range, log_body, log_volume_change"),
    ],
)
def test_prices_that_do_not_fit_the_model(fitted: gc.Forecaster, table: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        fitted.forecast(gc.Prices.from_frame(table, calendar="daily"))


@pytest.mark.parametrize("settings", [{"lookback": 200}, {"horizon": 140}])
def test_too_few_sessions(prices: gc.Prices, settings: dict[str, int]) -> None:
    with pytest.raises(SettingError, match="too few sessions"):
        forecaster(**settings).fit(prices)


def test_history_has_search_and_refit(fitted: gc.Forecaster) -> None:
    assert set(zip(fitted.history["stage"], fitted.history["seed"], strict=True)) == {
        ("search", 0), ("search", 1), ("refit", 0), ("refit", 1),
    }  # fmt: skip


def test_a_loaded_forecaster_is_the_saved_one(
    fitted: gc.Forecaster, saved: Path, environment: dict[str, str]
) -> None:
    """Bit for bit, also in another process, and on newer prices."""
    assert {path.name for path in saved.iterdir()} == {
        "network.json",
        "network.safetensors",
        ".gatecast.json",
    }
    again = gc.Forecaster.load(saved)
    pd.testing.assert_frame_equal(again.forecast(), fitted.forecast(), check_exact=True)
    newer = gc.Prices.from_frame(frame(160), calendar="daily")
    pd.testing.assert_frame_equal(again.forecast(newer), fitted.forecast(newer), check_exact=True)
    assert (again.network, again.training) == (NETWORK, QUICK)
    code = f"import gatecast; gatecast.Forecaster.load({str(saved)!r}).forecast().to_parquet('there.parquet')"
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=saved, check=True)
    there = pd.read_parquet(saved / "there.parquet")
    pd.testing.assert_frame_equal(there, fitted.forecast(), check_exact=True, check_dtype=False)


def test_features_by_name_are_found_again(prices: gc.Prices, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "own_features.py").write_text(
        "def change(prices):\n    return prices[['open', 'high', 'low', 'close']].pct_change()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    model = forecaster(features="own_features:change", replace_features=True).fit(prices)
    again = gc.Forecaster.load(model.save(tmp_path / "m"))
    pd.testing.assert_frame_equal(again.forecast(), model.forecast(), check_exact=True)
    for ask in (again.forecast, again.fit):
        with pytest.raises(RunError, match=r"'own_features:change', a function.* with allow_code=True"):
            ask(prices)
    again = gc.Forecaster.load(tmp_path / "m", allow_code=True)
    pd.testing.assert_frame_equal(again.forecast(prices), model.forecast(), check_exact=True)
    four = ["open", "high", "low", "close"]
    nameless = forecaster(features=lambda table: table[four].pct_change(), replace_features=True).fit(prices)
    with pytest.raises(RunError, match="module:function"):
        nameless.save(tmp_path / "n")
    assert not (tmp_path / "n").exists()


def test_a_folder_that_is_not_empty_is_kept(fitted: gc.Forecaster, saved: Path) -> None:
    with pytest.raises(RunError, match="is not empty"):
        fitted.save(saved)
    fitted.save(saved, overwrite=True)
    (saved / "notes.txt").write_text("precious")
    with pytest.raises(RunError, match=r"did not write as a forecaster \(notes\.txt\)"):
        fitted.save(saved, overwrite=True)
    assert (saved / "notes.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("symbol", lambda values: values + 10**8),
        ("symbol", lambda values: values - 1),
        ("anchor", lambda values: values[:-1]),
        ("features", lambda values: values[:, :-1]),
    ],
)
def test_windows_that_are_not_those_of_the_network_are_refused(
    saved: Path, name: str, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    """With hashes that fit: a symbol of 100 million crashed the process."""
    from safetensors.numpy import load, save

    weights, file = saved / "network.safetensors", saved / "network.json"
    arrays = load(weights.read_bytes())
    arrays[f"extra/{name}"] = np.ascontiguousarray(change(arrays[f"extra/{name}"]))
    weights.write_bytes(save(arrays))
    content = json.loads(file.read_text())
    content.pop("sha256")
    content["weights_sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    file.write_text(json.dumps({"sha256": _digest(content), **content}))
    with pytest.raises(RunError, match="not a forecaster"):
        gc.Forecaster.load(saved)


class Bomb:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("name", ["network.json", "network.safetensors"])
def test_a_pickle_is_refused_and_never_run(saved: Path, tmp_path: Path, name: str) -> None:
    bomb = pickle.dumps(Bomb(tmp_path / "exploded"))
    (saved / name).write_bytes(bomb)
    with pytest.raises(RunError, match=name):
        gc.Forecaster.load(saved)
    if name == "network.safetensors":  # and with the hash of the pickle in the other file
        settings = json.loads((saved / "network.json").read_text())
        del settings["sha256"]
        settings["weights_sha256"] = hashlib.sha256(bomb).hexdigest()
        (saved / "network.json").write_text(json.dumps({"sha256": _digest(settings), **settings}))
        with pytest.raises(RunError, match="not a model of this version"):
            gc.Forecaster.load(saved)
    assert not (tmp_path / "exploded").exists()
    pickle.loads(bomb)  # noqa: S301 - the bomb is a real one
    assert (tmp_path / "exploded").exists()


@pytest.mark.parametrize("name", ["network.json", "network.safetensors"])
@pytest.mark.parametrize("place", [0, 0.3, 0.6, -1])
def test_one_changed_byte_is_refused(saved: Path, name: str, place: float) -> None:
    content = bytearray((saved / name).read_bytes())
    content[int(place * len(content)) if place >= 0 else -1] ^= 1
    (saved / name).write_bytes(content)
    with pytest.raises(RunError, match=name):
        gc.Forecaster.load(saved)


@pytest.mark.parametrize("name", ["network.json", "network.safetensors"])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(RunError, match=rf"{name}: cannot be read \(No such file"):
        gc.Forecaster.load(saved)


def test_a_network_that_is_no_forecaster_is_refused(fitted: gc.Forecaster, tmp_path: Path) -> None:
    save_network(fitted._fitted.fitted.population, tmp_path / "network")
    with pytest.raises(RunError, match="not a forecaster"):
        gc.Forecaster.load(tmp_path)


# Distributions

TINY_RNN = {"cell": "rnn", "hidden_size": 2}
DISTRIBUTIONAL = {
    "student_t": (gc.Network(output="student_t", **TINY_RNN), "none"),
    "calibrated student_t": (gc.Network(output="student_t", **TINY_RNN), "conformal"),
    "calibrated point": (gc.Network(output="point", **TINY_RNN), "adaptive"),
}
DISTRIBUTION_SHAPE = {"lookback": 3, "horizon": 5, "seeds": 2}


@pytest.fixture(scope="module")
def distributional(prices: gc.Prices) -> dict[str, gc.Forecaster]:
    return {
        name: gc.Forecaster(network, QUICK, **DISTRIBUTION_SHAPE, calibration=method).fit(prices)
        for name, (network, method) in DISTRIBUTIONAL.items()
    }


def test_newer_prices_follow_the_calendar_of_the_fit(fitted: gc.Forecaster) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the table has only some of the sessions
        table = fitted.forecast(frame())
    assert table["time"].tolist() == fitted.forecast()["time"].tolist()


def test_the_last_closes_and_the_intervals_can_be_drawn(
    distributional: dict[str, gc.Forecaster], fitted: gc.Forecaster, prices: gc.Prices
) -> None:
    own = next(iter(distributional.values()))
    for given, least in ((None, DISTRIBUTION_SHAPE["lookback"]), (prices, 25)):
        text = json.dumps(own.plot(given).chart.to_dict(validate=False))
        last = prices.table.groupby("symbol")["close"].last()
        assert all(f"{close:.6g}" in text for close in last)
        assert text.count(",0,") >= 2 * least
    with pytest.raises(RunError, match="point forecasts"):
        fitted.plot()


@pytest.mark.parametrize("name", DISTRIBUTIONAL)
def test_a_distribution_has_a_row_of_quantiles_per_session(
    distributional: dict[str, gc.Forecaster], name: str
) -> None:
    table = distributional[name].forecast()
    steps = table[list(QUANTILE_COLUMNS)].diff(axis=1).iloc[:, 1:]
    assert (steps >= 0).all(axis=None)  # 22 sessions of validation say nothing of 1 %
    assert (steps.loc[:, "q10":"q90"] > 0).all(axis=None)
    assert (table["q10"] < table["anchor"]).all() and (table["q90"] > table["anchor"]).all()
    if name != "calibrated point":  # its median is that of its errors; the point stays
        np.testing.assert_allclose(table["forecast"], table["q50"], rtol=1e-12)
    width = np.log(table["q90"] / table["q10"]).to_numpy().reshape(2, 5)
    assert (np.diff(width[:, [0, 2, 4]]) > 0).all()  # five sessions are less sure than one


def test_the_parameters_of_a_student_t_are_those_of_its_quantiles(
    distributional: dict[str, gc.Forecaster], prices: gc.Prices
) -> None:
    """Where the seeds are joined by their parameters; always so with one."""
    one = (
        gc.Forecaster(DISTRIBUTIONAL["student_t"][0], QUICK, **{**DISTRIBUTION_SHAPE, "seeds": 1})
        .fit(prices)
        .forecast()
    )
    parameters = [one[name].to_numpy()[None] for name in PARAMETERS]
    expected = one["anchor"].to_numpy() * np.exp(StudentT(*parameters).quantile([0.1])[0, :, 0])
    np.testing.assert_allclose(one["q10"], expected, rtol=1e-12)
    for name in ("calibrated student_t", "calibrated point"):
        assert not set(PARAMETERS) & set(distributional[name].forecast().columns)


def test_a_point_alone_has_no_quantiles(fitted: gc.Forecaster) -> None:
    assert not set(QUANTILE_COLUMNS) & set(fitted.forecast().columns)


@pytest.mark.parametrize("name", DISTRIBUTIONAL)
def test_a_loaded_forecaster_forecasts_the_same_distribution(
    distributional: dict[str, gc.Forecaster], name: str, tmp_path: Path
) -> None:
    model = distributional[name]
    again = gc.Forecaster.load(model.save(tmp_path / "m"))
    pd.testing.assert_frame_equal(again.forecast(), model.forecast(), check_exact=True)
    newer = gc.Prices.from_frame(frame(160), calendar="daily")
    pd.testing.assert_frame_equal(again.forecast(newer), model.forecast(newer), check_exact=True)
    assert again.network == model.network


def test_what_calibration_learned_is_kept_in_the_file(
    distributional: dict[str, gc.Forecaster], tmp_path: Path
) -> None:
    """Without it another distribution would be forecast: the one before calibration."""
    model = distributional["calibrated student_t"]
    raw = distributional["student_t"].forecast()
    again = gc.Forecaster.load(model.save(tmp_path / "m")).forecast()
    assert not np.isclose(again["q05"], raw["q05"], rtol=1e-6).any()
    np.testing.assert_array_equal(again["anchor"], raw["anchor"])


def test_distributions_of_some_symbols_are_those_of_all(
    distributional: dict[str, gc.Forecaster], prices: gc.Prices
) -> None:
    """Calibration is per symbol: B alone must not get A's."""
    for model in distributional.values():
        whole = model.forecast()
        for symbol in "AB":
            alone = model.forecast(prices.select(symbol))
            expected = whole[whole["symbol"] == symbol].reset_index(drop=True)
            pd.testing.assert_frame_equal(alone, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["student_t", "calibrated point"])
def test_the_forecaster_of_an_experiment_is_the_one_made_by_hand(
    distributional: dict[str, gc.Forecaster], prices: gc.Prices, name: str
) -> None:
    """Other models of the experiment, its folds and its tests change nothing."""
    network, method = DISTRIBUTIONAL[name]
    experiment = Experiment(
        models=("naive", "other", "mine"),
        networks={"other": NETWORK, "mine": network},
        training=QUICK,
        calibration=method,
        folds=7,
        test_size=0.4,
        **DISTRIBUTION_SHAPE,
    )
    made = gc.Forecaster.of(experiment, "mine")
    assert made.network == network
    pd.testing.assert_frame_equal(
        made.fit(prices).forecast(), distributional[name].forecast(), check_exact=True
    )


def test_the_forecaster_of_an_experiment_keeps_its_features_and_column(
    prices: gc.Prices, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "features_of_mine.py").write_text(
        "def change(prices):\n    return prices[['open', 'high', 'low', 'close']].pct_change()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = {"features": "features_of_mine:change", "replace_features": True, "column": "high"}
    settings = {**own, **DISTRIBUTION_SHAPE, "seeds": 1}
    experiment = Experiment(models=("naive", "mine"), networks={"mine": NETWORK}, training=QUICK, **settings)
    tables = [
        model.fit(prices).forecast()
        for model in (gc.Forecaster.of(experiment, "mine"), gc.Forecaster(NETWORK, QUICK, **settings))
    ]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert set(tables[0]["anchor"]) == set(prices.table.groupby("symbol")["high"].last())


def test_a_distribution_of_prices_that_stood_still(tmp_path: Path) -> None:
    """As narrow as they stood for what is in units of their volatility; finite for any point."""
    flat = gc.Prices.from_frame(frame().assign(open=5.0, high=5.0, low=5.0, close=5.0), calendar="daily")
    for name, (network, method) in DISTRIBUTIONAL.items():
        model = gc.Forecaster(network, QUICK, **DISTRIBUTION_SHAPE, calibration=method).fit(flat)
        table = model.forecast()
        quantiles = table[list(QUANTILE_COLUMNS)]
        assert np.isfinite(quantiles).all(axis=None)
        if name != "calibrated point":
            np.testing.assert_allclose(quantiles, 5.0, rtol=1e-3)
        again = gc.Forecaster.load(model.save(tmp_path / "m", overwrite=True))
        pd.testing.assert_frame_equal(again.forecast(), table, check_exact=True)


# One road: what the Forecaster says of an origin inside the data is what a walk-forward said of it.

EVERY_OUTPUT = {
    output: gc.Network(cell="rnn", hidden_size=2, output=output)
    for output in ("point", "student_t", "quantiles")
}
CALIBRATED = {"none": "student_t", "conformal": "student_t", "adaptive": "point"}  # in the fast road
ROADS = [
    pytest.param({"pooled": True, "refit": True}, id="pooled, refit"),
    pytest.param({"pooled": False, "refit": True}, id="one each", marks=[pytest.mark.slow, pytest.mark.full]),
    pytest.param(
        {"pooled": True, "refit": False}, id="not refit", marks=[pytest.mark.slow, pytest.mark.full]
    ),
    pytest.param({"pooled": True, "target": "close"}, id="price level", marks=pytest.mark.slow),
]


def ragged() -> pd.DataFrame:
    """A whole symbol, and one that starts late and has sessions missing."""
    late = walk_frame("B", 180, 1, start="2015-02-26").drop(index=[50, 51, 120, 145, 150])
    parts = [walk_frame("A", 220, 0), late]
    return pd.concat(parts, ignore_index=True)


def up_to(prices: gc.Prices, session: np.datetime64) -> gc.Prices:
    return gc.Prices.from_frame(prices.table[prices.table["session"] <= session], calendar="daily")


@pytest.mark.parametrize("settings", ROADS)
@pytest.mark.parametrize(
    "calibration", ["none", "conformal", pytest.param("adaptive", marks=[pytest.mark.slow, pytest.mark.full])]
)
def test_a_forecast_inside_the_data_is_the_walk_forwards_bit_for_bit(settings, calibration) -> None:
    """Fitted on the prices up to the first test origin, asked there and at two later origins of the test."""
    prices = gc.Prices.from_frame(ragged(), calendar="daily")
    networks = dict(EVERY_OUTPUT)
    if "target" in settings:
        networks = {"point": EVERY_OUTPUT["point"]}
    elif settings == {"pooled": True, "refit": True}:
        networks = {CALIBRATED[calibration]: EVERY_OUTPUT[CALIBRATED[calibration]]}
    result = gc.compare(
        prices, ["ewma-t", networks], calibration=calibration, folds=1, horizon=2, lookback=4, seeds=2,
        training=gc.Training(epochs=3, batch_size=32, learning_rate=0.02), **settings,
    )  # fmt: skip
    origins = np.unique(result.outcome.origin)
    for name in networks:
        rows = result.forecasts.query("model == @name")
        whole = rows[rows["seed"].isna()].dropna(axis=1, how="all").set_index(["symbol", "origin", "step"])
        model = gc.Forecaster.of(result.experiment, name).fit(up_to(prices, origins[0]))
        for origin in (origins[0], origins[20], origins[-1]):
            known = up_to(prices, origin)
            table = model.forecast(known if origin > origins[0] else None)
            own = table[table["origin"] == origin].set_index(["symbol", "origin", "step"])
            assert set(own.index.get_level_values("symbol")) == {"A", "B"}
            shared = [column for column in own if column in whole and column != "time"]  # the calendar's
            assert ("q50" in shared) == (name != "point" or calibration != "none")
            pd.testing.assert_frame_equal(own[shared], whole.loc[own.index, shared], check_exact=True)


def test_an_adaptive_forecast_is_not_the_conformal_one(prices: gc.Prices) -> None:
    """The latest targets count most: in the forecast of tomorrow as in the record beside it."""
    tables = {
        method: gc.Forecaster(EVERY_OUTPUT["point"], QUICK, **DISTRIBUTION_SHAPE, calibration=method).fit(
            prices
        )
        for method in ("conformal", "adaptive")
    }
    conformal, adaptive = (tables[method].forecast() for method in ("conformal", "adaptive"))
    np.testing.assert_array_equal(conformal["forecast"], adaptive["forecast"])
    assert not np.isclose(conformal["q10"], adaptive["q10"], rtol=1e-6).any()


def test_a_network_of_points_beside_one_of_distributions_reads_the_same_features(prices: gc.Prices) -> None:
    """As it did in the comparison, whose features tell of volatility."""
    networks = {"t": EVERY_OUTPUT["student_t"], "point": EVERY_OUTPUT["point"]}
    both = Experiment(models=("naive", *networks), networks=networks, training=QUICK, **DISTRIBUTION_SHAPE)
    one = both.changed(models=("naive", "point"), networks={"point": networks["point"]})
    names = [gc.Forecaster.of(settings, "point")._problem(prices).names for settings in (both, one)]
    assert names[0] == gc.Forecaster.of(both, "t")._problem(prices).names != names[1]


# What is forecast where nobody says it: a distribution.


@pytest.mark.parametrize(
    ("network", "settings", "output", "calibration"),
    [
        (None, {}, "student_t", "none"),
        (gc.Network(cell="gru"), {}, "student_t", "none"),
        (gc.Network(hidden_size=4).changed(cell="rnn"), {}, "student_t", "none"),
        (gc.Network(output="point"), {}, "point", "none"),
        (gc.Network(output="quantiles"), {}, "quantiles", "none"),
        (None, {"calibration": "adaptive"}, "student_t", "adaptive"),
        (None, {"target": "close"}, "point", "conformal"),
        (None, {"target": "close", "calibration": "none"}, "point", "none"),
        (gc.Network(output="point"), {"target": "close"}, "point", "none"),
        (None, {"training": gc.Training(loss="mse")}, "point", "conformal"),
        (None, {"training": gc.Training(loss="pinball")}, "quantiles", "none"),
        (gc.Network(output_activation="tanh"), {}, "point", "conformal"),
    ],
)
def test_a_distribution_is_the_default(network, settings, output: str, calibration: str) -> None:
    made = gc.Forecaster(network, **settings)
    assert (made.network.output, made._settings.calibration) == (output, calibration)


@pytest.mark.parametrize("words", [[], ["--target", "close"], ["--loss", "crps"], ["--output", "point"]])
def test_the_command_has_the_same_default(words: list[str], monkeypatch, command, tmp_path: Path) -> None:
    made = {}

    def outlook(experiment: Experiment, *_: object) -> None:
        made["command"] = experiment
        raise DataError("enough")

    monkeypatch.setattr("gatecast.api.outlook.outlook", outlook)
    frame().to_csv(tmp_path / "prices.csv")
    command("forecast", tmp_path / "prices.csv", *words)
    given = dict(zip((word[2:] for word in words[::2]), words[1::2], strict=True))
    network = gc.Network(cell="gru", hidden_size=16, **{k: v for k, v in given.items() if k == "output"})
    training = made["command"].training
    python = gc.Forecaster(network, training, **{k: v for k, v in given.items() if k == "target"})
    assert made["command"].networks["gru"] == python.network
    assert made["command"].calibration == python._settings.calibration


# Symbols that cannot be forecast, or not like the others


def pool() -> gc.Prices:
    """Two whole symbols; L is three sessions late; E ended long ago; S has few windows, T has none."""
    parts = [
        frame(),
        walk_frame("E", 110, 4),
        walk_frame("L", 147, 5),
        walk_frame("S", 20, 2, start="2015-07-02"),
        walk_frame("T", 2, 3, start="2015-07-28"),
    ]
    return gc.Prices.from_frame(pd.concat(parts), calendar="daily")


ENDED = "ended on 2015-06-03, 40 sessions before the last of the others (2015-07-29)"
NO_WINDOW = "2 sessions: too few for a window of 3"


@pytest.fixture(scope="module")
def pooled() -> gc.Forecaster:
    return forecaster().fit(pool())


def test_every_symbol_with_a_window_is_forecast_and_the_others_are_named(pooled: gc.Forecaster) -> None:
    assert pooled.left_out == {"E": ENDED, "T": NO_WINDOW}
    assert pooled.scaled_by_pool == ("S",)
    with pytest.warns(DataWarning) as caught:
        table = pooled.forecast()
    assert [str(warning.message) for warning in caught] == [
        f"no forecast of E ({ENDED}); T ({NO_WINDOW})",
        "S: fewer than 10 training windows, scaled by the mean scale of the others",
    ]
    assert list(dict.fromkeys(table["symbol"])) == ["A", "B", "L", "S"]
    assert np.isfinite(table["forecast"]).all()
    assert table["change"].abs().max() < 0.1
    first = table[table["step"] == 1].set_index("symbol")
    assert first.loc["L", "origin"] == pd.Timestamp("2015-07-24")
    assert first.loc["L", "time"] == pd.Timestamp("2015-07-25")  # after its own last session
    last = pool().table.groupby("symbol")["close"].last()
    assert np.array_equal(first["anchor"], last[first.index])


@pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")
def test_who_is_left_out_is_kept_in_the_file_and_found_again_in_newer_prices(
    pooled: gc.Forecaster, tmp_path: Path
) -> None:
    again = gc.Forecaster.load(pooled.save(tmp_path / "m"))
    assert (again.left_out, again.scaled_by_pool) == (pooled.left_out, pooled.scaled_by_pool)
    pd.testing.assert_frame_equal(again.forecast(), pooled.forecast(), check_exact=True)
    pd.testing.assert_frame_equal(again.forecast(pool()), pooled.forecast(), check_exact=True)
    assert again.left_out == pooled.left_out
    table = pool().table.rename(columns={"session": "date"})
    more = table[(table["symbol"] != "T") | (table["date"] < "2015-07-29")]
    longer = pd.concat([more, walk_frame("T", 10, 3, start="2015-07-29")])  # A, B and S are nine behind it
    later = again.forecast(gc.Prices.from_frame(longer, calendar="daily"))
    assert set(later["symbol"]) == {"A", "B", "S", "T"}
    assert set(again.left_out) == {"E", "L"}
    assert again.scaled_by_pool == ("S", "T")
    again.forecast()
    assert again.left_out == pooled.left_out
    alone = again.forecast(pool().select("E"))  # its own last session is the last there is
    assert set(alone["symbol"]) == {"E"}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, ""),
        ({"pooled": False}, "too few for a network of its own"),
        ({"target": "close"}, "too few for a scale of its own, and a price level has no other"),
        ({"target": "close", "scaler": "none"}, ""),
    ],
)
def test_a_short_symbol_that_the_pool_cannot_help_is_left_out(settings: dict, reason: str) -> None:
    model, prices = forecaster(**settings), pool()
    problem = model._problem(prices)
    short = future_fold(problem).left_out
    assert short == ("S", "T")
    _, left_out = model._asked(problem, prices.timetable, short)
    assert left_out.get("S", "") == (f"fewer than 10 training windows: {reason}" if reason else "")


@pytest.mark.parametrize(
    ("symbol", "calendar", "ended"),
    [
        ("005930.KS", "XKRX", False),  # Chuseok 2017: Seoul was closed from October 2 to 9
        ("AAPL", "XNYS", True),
    ],
)
def test_a_holiday_is_no_end(symbol: str, calendar: str, ended: bool) -> None:
    days = {symbol: sessions_between(calendar, "2017-01-02", "2017-09-29"),
            "MSFT": sessions_between("XNYS", "2017-01-03", "2017-10-20")}  # fmt: skip
    parts = [walk_frame(name, len(dates), 0).assign(date=dates) for name, dates in days.items()]
    known = gc.Prices.from_frame(pd.concat(parts))
    model = forecaster()
    origins, left_out = model._asked(model._problem(known), known.timetable, ())
    assert set(left_out) == ({symbol} if ended else set())
    assert len(origins) == 2 - ended


def test_the_last_windows_are_traced_and_drawn(fitted: gc.Forecaster, saved: Path) -> None:
    found = fitted.trace(seed=0)
    symbols = list(fitted.forecast()["symbol"].unique())
    assert found["hidden_l0"].shape[0] == len(symbols)
    for name, values in gc.Forecaster.load(saved).trace().items():
        np.testing.assert_array_equal(values, found[name])
    strips = fitted.plot_gates(symbol=symbols[-1]).chart.to_dict()["vconcat"]
    assert len(strips) == 1 + len(found)
    with pytest.raises(SettingError, match="choose one of"):
        fitted.plot_gates(symbol="nobody")
    with pytest.raises(SettingError, match="no such seed"):
        fitted.trace(seed=99)
