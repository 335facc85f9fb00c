"""The main road on prices a user may bring."""

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.api.comparison import check_same_data
from gatecast.errors import DataError, DataWarning, FitWarning, RunError, SettingError
from gatecast.settings.names import DEFAULT_MODELS, DISTRIBUTION_RIVALS, POINT_RIVALS, WITH_DISTRIBUTION

from ..populations import population_of  # isort: skip

SESSIONS = 300  # wherever their number is no part of the question: compiled programs serve one number alone
TINY = gc.Network(hidden_size=2)
QUICK = gc.Training(epochs=2, batch_size=64)
HOW = {"network": TINY, "training": QUICK, "seeds": 1, "folds": 2, "lookback": 5, "horizon": 2}


def prices_of(frame: pd.DataFrame) -> gc.Prices:
    return gc.Prices.from_frame(frame, calendar="daily")


@pytest.fixture(scope="module")
def result(prices):
    return gc.compare(prices, ["gru", "rnn"], **{**HOW, "seeds": 2})


def test_the_default_models_are_rnn_lstm_gru_bilstm_and_the_baselines():
    from gatecast.settings.experiment import Experiment

    assert Experiment().models == (*POINT_RIVALS, *DEFAULT_MODELS)
    assert (Experiment().seeds, Experiment().folds, Experiment().horizon) == (5, 5, 1)


def test_every_test_row_is_scored_exactly_once_per_model_and_step(result, prices):
    frame = result.forecasts
    key = ["symbol", "model", "seed", "origin", "step"]
    assert not frame.duplicated(key).any()
    sessions = prices.table["session"]
    tested = round(0.25 * len(sessions))
    origins = sessions.iloc[-tested - 1 : -2]
    for _, rows in frame.groupby(["model", "seed", "step"], dropna=False):
        assert rows["origin"].tolist() == origins.tolist()
    assert frame[["actual", "forecast"]].notna().all(axis=None)


def test_dates_and_truth_are_the_sessions_after_the_origin(result, prices):
    close = prices.table.set_index("session")["close"]
    rows = result.forecasts[result.forecasts["model"] == "naive"]
    place = close.index.get_indexer(pd.DatetimeIndex(rows["origin"]))
    np.testing.assert_array_equal(close.iloc[place], rows["forecast"])
    np.testing.assert_array_equal(close.iloc[place + rows["step"].to_numpy()], rows["actual"])
    np.testing.assert_array_equal(
        close.index[place + rows["step"].to_numpy()], pd.DatetimeIndex(rows["time"])
    )


def test_the_ensemble_is_the_mean_of_the_seeds_in_return(result):
    outcome = result.outcome
    mean = np.exp(np.log(outcome.seeds["gru"] / outcome.anchor[:, None]).mean(axis=0))
    np.testing.assert_allclose(outcome.forecast["gru"], outcome.anchor[:, None] * mean, rtol=1e-12)


def test_it_says_something_about_every_model(result):
    assert set(result.verdict.kinds) == {"drift", "ewma", "ar", "gru", "rnn"}
    assert 2 <= len(result.verdict.sentences) <= 5
    assert set(result.scores["model"]) == set(result.experiment.models)
    assert set(result.training["model"]) == {"gru", "rnn"}
    assert result.verdict.text in repr(result)


def test_the_same_again_is_equal_bit_for_bit(result, prices):
    again = gc.compare(prices, ["gru", "rnn"], **{**HOW, "seeds": 2})
    pd.testing.assert_frame_equal(result.forecasts, again.forecasts, check_exact=True)


def test_a_network_of_ones_own_has_a_name_of_ones_own(prices):
    models = ["naive", {"narrow": gc.Network(cell="rnn", hidden_size=2)}]
    result = gc.compare(prices, models, **{**HOW, "network": gc.Network(hidden_size=5)})
    assert result.experiment.models == ("naive", "narrow")
    assert population_of(result, "narrow").network.hidden_size == 2


def test_a_gap_of_a_year(walk):
    frame = walk("A", SESSIONS + 260, 2).drop(index=range(200, 460))
    result = gc.compare(prices_of(frame), ["rnn"], **HOW)
    assert np.isfinite(result.outcome.forecast["rnn"]).all()


@pytest.mark.filterwarnings("ignore::gatecast.errors.FitWarning")
def test_constant_prices_are_judged_without_a_crash(walk):
    frame = walk("A", SESSIONS, 3).assign(open=5.0, high=5.0, low=5.0, close=5.0)
    for target in ("return", "close"):
        result = gc.compare(prices_of(frame), ["rnn"], target=target, **HOW)
        assert result.verdict.kind == "no evidence"
        assert "the price never moves in the test" in result.verdict.text
        assert "test day" not in result.verdict.text
        np.testing.assert_array_equal(result.outcome.forecast["naive"], 5.0)


@pytest.mark.parametrize(
    "output",
    [
        "student_t",
        *(pytest.param(name, marks=[pytest.mark.slow, pytest.mark.full]) for name in ("point", "quantiles")),
    ],
)
def test_a_network_that_diverges_is_not_judged_and_its_run_is_read_again(prices, tmp_path, output):
    """Far beyond any price, and without a warning of NumPy's."""
    training = QUICK.changed(learning_rate=1e6, clip_norm=None)
    how = {**HOW, "training": training, "network": TINY.changed(output=output)}
    result = gc.compare(prices, ["rnn", "ar", "ewma-t"], **how)
    assert list(result.untrained) == ["rnn"]
    assert "did not train: rnn" in result.verdict.text and "rnn" not in result.significance.models
    rows = result.scores[result.scores["model"] == "rnn"]
    assert rows["value"].isna().all() and (rows["reason"] == "it did not train").all()
    assert np.isfinite(result.forecasts[["actual", "forecast"]]).all(axis=None)
    again = gc.open_run(result.save(tmp_path / "run", charts=False))
    assert again.verdict == result.verdict and again.table() == result.table()
    if output != "point":
        return  # what a Forecaster says of it is the same for all
    with pytest.raises(RunError, match=r"training diverged.*smaller learning_rate"):
        gc.Forecaster.of(result.experiment, "rnn").fit(prices).forecast()


def test_a_fit_that_fails_is_a_named_warning_in_the_run(walk):
    frame = walk("A", 200, 3).assign(open=5.0, high=5.0, low=5.0, close=5.0)
    with pytest.warns(FitWarning, match="ar: A fold"):
        result = gc.compare(prices_of(frame), ["ar"], **HOW)
    assert any(text.startswith("ar: A fold 0") for text in result.warnings)


def test_dates_and_closes_alone(walk):
    result = gc.compare(prices_of(walk("A", SESSIONS, 4)[["date", "close"]]), ["rnn"], **HOW)
    assert np.isfinite(result.outcome.forecast["rnn"]).all()


def test_400_rows_work_with_the_defaults(walk):
    result = gc.compare(prices_of(walk("A", 400, 5)), ["rnn"], network=TINY, training=QUICK, seeds=1)
    assert len(result.outcome.actual) == 100
    assert set(result.outcome.fold) == set(range(5))


def test_another_column_brings_the_last_close_as_a_rival(prices):
    result = gc.compare(prices, ["rnn"], column="high", **HOW)
    table = prices.table.set_index("session")
    rows = result.forecasts.set_index("model")
    origins = pd.DatetimeIndex(rows.loc["last-close", "origin"])
    np.testing.assert_array_equal(rows.loc["last-close", "forecast"], table.loc[origins, "close"])
    np.testing.assert_array_equal(rows.loc["naive", "forecast"], table.loc[origins, "high"])


def test_a_level_target_on_a_trend_is_worse_than_naive_and_says_why(walk):
    frame = walk("A", SESSIONS, 6)
    prices = ["open", "high", "low", "close"]
    frame[prices] = frame[prices].mul(np.exp(np.linspace(0, 3, SESSIONS)), axis=0)
    result = gc.compare(
        prices_of(frame), ["naive", "rnn"], target="close", **{**HOW, "training": QUICK.changed(epochs=30)}
    )
    assert result.verdict.kind == "worse than naive"
    assert "outside the range" in result.verdict.text


def test_separate_networks_differ_from_a_pooled_one(walk):
    frame = pd.concat([walk("A", 256, 0), walk("B", 256, 1)], ignore_index=True)
    pooled, separate = (gc.compare(prices_of(frame), ["rnn"], pooled=p, **HOW) for p in (True, False))
    assert len(population_of(separate, "rnn").members) == 2 * len(population_of(pooled, "rnn").members)
    assert not np.array_equal(pooled.outcome.forecast["rnn"], separate.outcome.forecast["rnn"])


def test_symbols_left_out_or_not_tested_are_named(walk):
    """On stderr and in the result: B starts late, E ends before the test."""
    frame = pd.concat([walk("A", 300, 0), walk("B", 30, 1, "2016-01-01"), walk("E", 200, 2)])
    with pytest.warns(DataWarning) as caught:
        result = gc.compare(prices_of(frame), ["naive"], **HOW)
    assert set(result.forecasts["symbol"]) == {"A"}
    said = {
        "fewer than 10 training windows, left out of these folds: B (fold 0, 1)",
        "trained on, but without a forecast that could be scored in the test: E (last session 2015-10-07)",
    }
    assert said <= set(result.warnings)
    assert said == {str(warning.message) for warning in caught}


def test_of_many_symbols_left_out_the_warning_names_some_and_the_result_all(walk):
    late = [walk(f"B{n:02}", 30, n, "2016-01-01") for n in range(30)]
    with pytest.warns(DataWarning, match=r"B19 \(fold 0, 1\), and 10 more$"):
        result = gc.compare(prices_of(pd.concat([walk("A", 300, 0), *late])), ["naive"], **HOW)
    assert any(text.endswith("B29 (fold 0, 1)") for text in result.warnings)


def test_features_of_ones_own(prices):
    result = gc.compare(prices, ["rnn"], features=last_four_returns, replace_features=True, **HOW)
    assert result.experiment.features.endswith(":last_four_returns")
    population = population_of(result, "rnn")
    assert population.trained[0].params["weight_ih_l0"].shape[1] == 4
    assert "lag_3" in result.models.problem.names


def last_four_returns(table: pd.DataFrame) -> pd.DataFrame:
    returns = np.log(table["close"]).diff()
    return pd.DataFrame({f"lag_{k}": returns.shift(k) for k in range(4)})


def test_a_feature_without_a_name_is_refused(prices):
    with pytest.raises(SettingError, match="function with a name"):
        gc.compare(prices, ["gru"], features=lambda table: table[["close"]], **HOW)


def test_other_data_than_the_experiments_are_refused(result, walk):
    with pytest.raises(DataError, match="not the data of the experiment"):
        check_same_data(prices_of(walk("A", 300, 99)), result.provenance)


@pytest.mark.slow
@pytest.mark.full
def test_ten_thousand_symbols(walk):
    sessions, symbols = 60, 10_000
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "symbol": np.repeat([f"S{n:05}" for n in range(symbols)], sessions),
            "date": np.tile(pd.bdate_range("2020-01-01", periods=sessions), symbols),
            "close": 50 * np.exp(rng.normal(0, 0.01, (symbols, sessions)).cumsum(axis=1)).ravel(),
        }
    )
    how = {**HOW, "training": gc.Training(epochs=1, batch_size=4096), "folds": 1}
    result = gc.compare(prices_of(frame), ["naive", "drift", "rnn"], **how)
    assert len(result.outcome.actual) == symbols * 15
    assert result.verdict.kind in ("no evidence", "worse than naive")


STUDENT_T = gc.Network(cell="rnn", hidden_size=2, output="student_t")
EVERY = ["naive", "ar", *WITH_DISTRIBUTION]


def distributions_are_whole(result: gc.Result, folder) -> None:
    """Every distribution is finite, rises, is judged, and comes back from its folder."""
    for name, known in result.outcome.distributions.items():
        assert np.isfinite(known.quantiles).all(), name
        assert (np.diff(known.quantiles, axis=-1) >= 0).all(), name
        assert np.isfinite(known.crps).all(), name
        assert ((known.pit >= 0) & (known.pit <= 1)).all(), name
    result.save(folder, charts=False)
    again = gc.open_run(folder)
    assert again.verdict.text == result.verdict.text
    pd.testing.assert_frame_equal(again.scores, result.scores, rtol=1e-9)


ODD = {
    "constant prices": lambda frame: frame.assign(open=5.0, high=5.0, low=5.0, close=5.0),
    "dates and closes alone": lambda frame: frame[["date", "close"]],
    "a gap of a year": lambda frame: frame.drop(index=range(60, 320)),
    "mostly still": lambda frame: frame.assign(close=frame["close"].where(frame.index % 10 == 0).ffill()),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::gatecast.errors.FitWarning")
@pytest.mark.parametrize(
    "odd",
    [
        pytest.param("constant prices", marks=pytest.mark.full),
        pytest.param("mostly still", marks=pytest.mark.full),
        "dates and closes alone",
        pytest.param("a gap of a year", marks=pytest.mark.full),
    ],
)
def test_distributions_of_odd_prices(walk, tmp_path, odd):
    prices = prices_of(ODD[odd](walk("A", 500, 3)))
    result = gc.compare(prices, EVERY, calibration="adaptive", horizon=2, folds=2)
    assert set(result.outcome.distributions) == set(EVERY)
    distributions_are_whole(result, tmp_path / "run")


@pytest.mark.filterwarnings("ignore::gatecast.errors.FitWarning")
@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize(
    ("odd", "calibration"),
    [
        ("constant prices", "none"),
        ("dates and closes alone", "adaptive"),
    ],
)
def test_networks_with_distributions_on_odd_prices(walk, tmp_path, odd, calibration):
    """Further ahead than the window is long, too."""
    prices = prices_of(ODD[odd](walk("A", 500, 3)))
    networks = {output: STUDENT_T.changed(output=output) for output in ("student_t", "quantiles", "point")}
    how = {**HOW, "horizon": 7, "seeds": 2}
    result = gc.compare(prices, ["ewma-t", networks], calibration=calibration, **how)
    distributions_are_whole(result, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.filterwarnings("ignore::gatecast.errors.FitWarning")
def test_400_rows_work_with_the_defaults_of_distributions(walk, tmp_path):
    """A distribution beside its rivals, all calibrated, five folds."""
    result = gc.compare(
        prices_of(walk("A", 400, 5)),
        ["rnn"],
        network=STUDENT_T,
        training=QUICK,
        seeds=1,
        calibration="conformal",
    )
    assert set(result.outcome.fold) == set(range(5))
    assert set(result.outcome.distributions) == {*("naive", *DISTRIBUTION_RIVALS), "rnn"}
    distributions_are_whole(result, tmp_path / "run")


def test_a_warning_is_given_once_not_in_every_fold(walk):
    """A baseline without high and low says so once; calibration fits it twice as often."""
    prices = prices_of(walk("A", 500, 4)[["date", "close"]])
    with pytest.warns(FitWarning, match="har: no range") as caught:
        result = gc.compare(prices, ["har"], folds=5, calibration="conformal")
    assert len([one for one in caught if "har: no range" in str(one.message)]) == 1
    assert len([text for text in result.warnings if "har: no range" in text]) == 1


def test_separate_distributions_are_calibrated_by_symbol(walk):
    """One symbol's validation must not change another's distribution."""
    frame = pd.concat([walk("A", 200, 0), walk("B", 200, 1)], ignore_index=True)
    wild = frame.copy()
    wild.loc[frame["symbol"] == "B", "close"] *= np.exp(np.random.default_rng(5).normal(0, 0.1, 200))
    how = {"calibration": "conformal", "folds": 1}
    one, other = (gc.compare(prices_of(each), ["naive", "ewma-t"], **how).outcome for each in (frame, wild))
    for name in ("naive", "ewma-t"):
        quantiles = [outcome.distributions[name].quantiles for outcome in (one, other)]
        np.testing.assert_array_equal(*(values[one.symbol == 0] for values in quantiles))
        assert (quantiles[0][one.symbol == 1] != quantiles[1][one.symbol == 1]).any()


@pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")  # a walk has no holidays
def test_whatever_load_takes_is_taken(walk, tmp_path):
    frame = walk("A", SESSIONS, 0).drop(columns="symbol")
    frame.to_csv(path := tmp_path / "A.csv", index=False)
    loaded = gc.load(frame, symbol="A")
    assert loaded.symbols == ("A",)
    expected = gc.compare(loaded, "drift", folds=2)
    for source in (frame, path, [str(path)]):
        result = gc.compare(source, "drift", folds=2)
        assert result.prices.symbols == (("prices",) if source is frame else ("A",))
        pd.testing.assert_frame_equal(
            result.forecasts.drop(columns="symbol"), expected.forecasts.drop(columns="symbol")
        )
    network = gc.Network(cell="rnn", hidden_size=2, output="point")
    how = {"training": QUICK, "seeds": 1, "lookback": 5, "horizon": 2}
    forecaster = gc.Forecaster(network, **how).fit(frame)
    again = gc.Forecaster(network, **how).fit(gc.load(frame))
    pd.testing.assert_frame_equal(forecaster.forecast(), again.forecast())
    pd.testing.assert_frame_equal(forecaster.forecast(frame), again.forecast(gc.load(frame)))
