"""Targets measured from the last season, whole road: benchmark, verdict, folder, forecaster."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.errors import SettingError

# Four batches in every test, and seven steps: few programs are compiled.
QUICK = gc.Training(epochs=2, batch_size=64)
SMALL = {"horizon": 7, "lookback": 4, "seeds": 1, "folds": 2}
RNN = gc.Network(cell="rnn", hidden_size=3)


def weekly_wave(days=260, seed=0):
    """Closes of every weekday whose logarithm repeats a pattern of a week, on a slow walk."""
    rng = np.random.default_rng(seed)
    pattern = np.tile([0.0, 0.3, 0.1, -0.2, -0.1], days // 5)
    close = 100 * np.exp(pattern + np.cumsum(0.01 * rng.normal(size=days)))
    return pd.DataFrame({"date": pd.bdate_range("2020-01-06", periods=days), "close": close})


@pytest.fixture(scope="module")
def seasonal():
    prices = gc.Prices.from_frame(weekly_wave(), calendar="weekdays")
    return gc.compare(prices, ["naive", {"rnn": RNN}], training=QUICK, anchor="season", **SMALL)


def test_the_season_is_found_and_said(seasonal):
    assert seasonal.experiment.season == (5,) and seasonal.experiment.anchor == "season"
    assert "The season is 5 bars, as found on the training rows of the first fold." in seasonal.verdict.text


def test_the_benchmark_is_seasonal_naive_everywhere(seasonal):
    tests = seasonal.significance
    assert tests.benchmark == seasonal.outcome.benchmark == "seasonal-naive"
    assert tests.models["naive"].skill.value < 0 and "seasonal-naive" not in tests.models
    assert "seasonal-naive, the forecast 'as 5 bars ago'" in seasonal.verdict.text
    assert "tomorrow = today" not in seasonal.verdict.text
    assert seasonal.verdict.kinds["naive"] == "worse than seasonal-naive"
    assert "saved against seasonal-naive" in seasonal.table()
    assert seasonal.summary()["verdict"]["findings"]["squared_error"]["benchmark"] == "seasonal-naive"
    scores = seasonal.scores[(seasonal.scores["metric"] == "skill") & (seasonal.scores["step"] == "all")]
    skill = scores.set_index("model")["value"]
    assert skill["seasonal-naive"] == pytest.approx(0) and skill["naive"] < 0
    assert skill["naive"] == pytest.approx(tests.models["naive"].skill.value)
    scale = tests.loss.of(seasonal.outcome, "seasonal-naive").mean() / seasonal.outcome.naive_mse.mean()
    assert 0.3 < scale < 3  # losses are scaled by those of seasonal naive in training
    assert 0 < tests.detectable < 1


def test_seasonal_naive_is_the_price_of_the_last_week(seasonal):
    outcome, close = seasonal.outcome, weekly_wave()["close"].to_numpy()
    row = np.searchsorted(weekly_wave()["date"].to_numpy(), outcome.origin.astype("datetime64[ns]"))
    for step, back in ((1, 4), (5, 0), (6, 4), (7, 3)):
        np.testing.assert_allclose(outcome.forecast["seasonal-naive"][:, step - 1], close[row - back])


def test_a_run_folder_gives_the_same_benchmark_and_networks(seasonal, tmp_path, monkeypatch):
    monkeypatch.setattr("gatecast.report.pictures.saved_pictures", lambda *_: nullcontext())
    seasonal.save(tmp_path / "run")
    again = gc.open_run(tmp_path / "run")
    assert again.verdict.text == seasonal.verdict.text
    assert "Skill against seasonal-naive" in (tmp_path / "run" / "report.html").read_text()
    own, stored = (run.models["rnn"].forecast() for run in (seasonal, again))
    pd.testing.assert_frame_equal(own, stored)


@pytest.mark.parametrize(
    "output",
    [
        "point",
        *(
            pytest.param(name, marks=[pytest.mark.slow, pytest.mark.full])
            for name in ("student_t", "quantiles")
        ),
    ],
)
def test_a_forecaster_keeps_the_season_that_it_found(tmp_path, output):
    prices = gc.Prices.from_frame(weekly_wave(), calendar="weekdays")
    network = RNN.changed(output=output)
    settings = {"horizon": 7, "lookback": 3, "seeds": 1, "future": "season_change"}  # a window below a season
    forecaster = gc.Forecaster(network, QUICK, anchor="season", **settings).fit(prices)
    forecaster.save(tmp_path / "own")
    loaded = gc.Forecaster.load(tmp_path / "own")
    pd.testing.assert_frame_equal(loaded.forecast(), forecaster.forecast())
    pd.testing.assert_frame_equal(loaded.forecast(prices), forecaster.forecast())
    given = gc.Forecaster(network, QUICK, anchor="season", season=5, **settings).fit(prices)
    pd.testing.assert_frame_equal(given.forecast(), forecaster.forecast())
    last_week = np.resize(weekly_wave()["close"].to_numpy()[-5:], 7)
    assert np.abs(np.log(forecaster.forecast()["forecast"] / last_week)).max() < 0.15  # near seasonal naive


def test_prices_without_a_season_have_no_last_one(walk):
    with pytest.raises(SettingError, match=r"show no season of 5 bars: give its number .*anchor=\"last\""):
        gc.compare(walk("A", 220, 0), ["gru"], training=QUICK, anchor="season", **SMALL)


def test_a_season_of_one_bar_is_the_last_price(walk):
    frame = walk("A", 260, 0)[["symbol", "date", "close"]]
    one, last = (
        gc.compare(frame, [{"rnn": RNN}], training=QUICK, **SMALL, **how)
        for how in ({"anchor": "season", "season": 1}, {})
    )
    assert one.outcome.benchmark == "naive"
    np.testing.assert_array_equal(one.outcome.forecast["rnn"], last.outcome.forecast["rnn"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"anchor": "season", "target": "close"}, 'choose target "return"'),
        *(({"season": wrong}, "a number of bars") for wrong in ((), (5, 5), 0, "week", 2.5, [24, -1])),
        ({"test_rows": 5, "split_column": "part"}, "both say what the test is"),
    ],
)
def test_settings_that_do_not_fit(walk, settings, said):
    with pytest.raises(SettingError, match=said):
        gc.compare(walk("A", 220, 0), ["naive"], **settings)


def numbered(lengths=(60, 90, 140), period=6):
    """Series without dates, of other lengths and levels, with a season of `period` rows."""
    rng, parts = np.random.default_rng(0), []
    for number, length in enumerate(lengths):
        wave = np.sin(2 * np.pi * np.arange(length) / period)
        close = 10.0**number * np.exp(0.3 * wave + 0.02 * rng.normal(size=length).cumsum())
        parts.append(pd.DataFrame({"symbol": f"S{number}", "ds": np.arange(1, length + 1), "close": close}))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("given", [{"test_rows": 7}, {"split_column": "part"}])
def test_series_without_dates_are_forecast_from_their_last_row_before_the_test(given):
    frame = numbered()
    place = frame.groupby("symbol").cumcount(ascending=False)
    if "split_column" in given:
        frame["part"] = np.where(place < 7, "test", "train")
    settings = {"horizon": 7, "lookback": 4, "seeds": 1, "anchor": "season"}
    result = gc.compare(frame, [{"rnn": RNN}], training=QUICK, **settings, **given)
    assert result.experiment.season == (6,)
    ensemble = result.forecasts[(result.forecasts["model"] == "rnn") & result.forecasts["seed"].isna()]
    assert ensemble.groupby("symbol")["time"].agg(list).tolist() == [
        list(range(length - 6, length + 1)) for length in (60, 90, 140)
    ]
    assert set(ensemble["origin"]) == {53, 83, 133} and "in 1 fold" in result.verdict.text
    actual = frame[place < 7]["close"].to_numpy()
    np.testing.assert_allclose(ensemble.sort_values(["symbol", "step"])["actual"], actual)


def test_without_dates_folds_go_by_the_rows_of_each_series():
    settings = {"horizon": 7, "lookback": 4, "seeds": 1, "folds": 2, "season": 6}
    outcome = gc.compare(numbered(), [{"rnn": RNN}, "seasonal-naive"], training=QUICK, **settings).outcome
    counts = pd.Series(outcome.symbol).value_counts(sort=False)
    assert counts.tolist() == [round(0.25 * length) - 6 for length in (60, 90, 140)]
    assert set(outcome.fold) == {0, 1}


def test_seasonal_naive_of_another_season_stands_beside_it():
    frame = numbered(lengths=(90,))
    models = ["naive", "seasonal-naive", "seasonal-naive-4"]
    outcome = gc.compare(frame, models, season=6, horizon=5, lookback=4, test_rows=5).outcome
    close = frame["close"].to_numpy()
    for name, places in (
        ("seasonal-naive", [79, 80, 81, 82, 83]),
        ("seasonal-naive-4", [81, 82, 83, 84, 81]),
    ):
        np.testing.assert_allclose(outcome.forecast[name][0], close[places])


def test_a_forecaster_of_series_without_dates_forecasts_each_from_its_end():
    frame = numbered()
    settings = {"horizon": 7, "lookback": 4, "seeds": 1, "anchor": "season"}
    ahead = gc.Forecaster(RNN.changed(output="point"), QUICK, **settings).fit(frame).forecast()
    assert ahead.groupby("symbol")["step"].count().tolist() == [7, 7, 7]
    assert (ahead["forecast"] / ahead["anchor"]).between(0.3, 3).all()
