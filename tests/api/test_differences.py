"""Spreads and rates, whose prices may be zero or below: the whole road, and what is known of the truth."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

import gatecast as gc
from gatecast.api.outlook import outlook
from gatecast.errors import DataWarning, RunError, SettingError
from gatecast.problem.moves import DIFFERENCE, LOG_RETURN
from gatecast.report.captions import figures
from gatecast.report.charts import page_charts
from gatecast.report.distribution_charts import distribution_charts
from gatecast.report.tables import loss_tables
from gatecast.settings.experiment import Experiment
from gatecast.settings.names import BASELINES

CHOSEN = (
    "is -?[0-9.]+, and a price of zero or below has no log return: differences are forecast, as with target"
)
pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.FitWarning")  # no high and low


def spread(memory: float, sessions: int = 900, seed: int = 0, name: str = "A") -> pd.DataFrame:
    """x(t+1) = memory · x(t) + shock, Student t: mean reverting around zero, or with 1 a random walk."""
    shocks = 0.1 * np.random.default_rng(seed).standard_t(6, sessions)
    values = np.zeros(sessions)
    for at in range(1, sessions):
        values[at] = memory * values[at - 1] + shocks[at]
    days = pd.bdate_range("2015-01-01", periods=sessions)
    return pd.DataFrame({"symbol": name, "date": days, "close": values})


def prices_of(frame: pd.DataFrame) -> gc.Prices:
    return gc.Prices.from_frame(frame, calendar="weekdays")


@pytest.fixture(scope="module")
def reverting() -> gc.Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = ["naive", "drift", "ar", "historical", "ewma-t", {"ridge": Ridge()}]
        return gc.compare(prices_of(spread(0.8)), models, horizon=5, folds=2, seeds=1)


def test_differences_are_chosen_and_said_where_a_price_is_not_above_zero():
    with pytest.warns(DataWarning, match=f"the close of A on 2015-01-01 {CHOSEN}"):
        result = gc.compare(prices_of(spread(0.8, 300)), ["naive"], folds=2)
    assert result.experiment.target == "difference"
    assert result.outcome.move is DIFFERENCE
    assert any("differences are forecast" in text for text in result.warnings)


def test_a_return_that_is_asked_for_is_refused_with_the_remedy():
    with pytest.raises(SettingError, match=r'the close of A on 2015-01-01 is 0, .*target="difference"'):
        gc.compare(prices_of(spread(0.8, 300)), ["naive"], target="return")


def test_prices_above_zero_are_forecast_as_returns_unless_differences_are_asked_for(prices):
    for asked, move in ({}, LOG_RETURN), ({"target": "difference"}, DIFFERENCE):
        assert gc.compare(prices, ["naive"], folds=2, **asked).outcome.move is move


def test_what_reverts_to_its_mean_is_found(reverting):
    """At 5 steps the best forecast of AR(1) with 0.8 saves 34 % of naive's squared error."""
    models = reverting.significance.models
    assert models["ar"].skill.low > 0
    assert models["ridge"].skill.low > 0.1 and models["ridge"].skill.value < 0.34
    assert reverting.verdict.text.startswith("ridge beats naive")


@pytest.mark.parametrize("model", ["historical", "ewma-t"])
def test_intervals_of_a_random_walk_hold_as_often_as_they_should(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        walk = gc.compare(prices_of(spread(1.0, 2500, seed=1)), ["naive", "drift", "ar", model], folds=2)
    scores = walk.scores[(walk.scores["model"] == model) & (walk.scores["step"] == "all")]
    assert scores.set_index("metric")["value"]["coverage_80"] == pytest.approx(0.8, abs=0.035)
    assert walk.significance.spa.p > 0.05
    assert walk.verdict.text.startswith("No evidence")


@pytest.mark.slow
def test_a_network_finds_what_reverts():
    network, training = gc.Network(hidden_size=8, output="student_t"), gc.Training(epochs=40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = gc.compare(
            prices_of(spread(0.8, 1500)), ["gru"], network=network, training=training,
            horizon=3, folds=2, seeds=2, lookback=10,
        )  # fmt: skip
    assert found.significance.models["gru"].skill.low > 0.05
    scores = found.scores[(found.scores["model"] == "gru") & (found.scores["step"] == "all")]
    assert scores.set_index("metric")["value"]["coverage_80"] == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("change", [lambda x: 1e-3 * x, lambda x: 1e4 * x, lambda x: x + 50])
def test_another_unit_or_level_changes_nothing_but_the_unit_and_level(change):
    """Of every baseline; the level of a price does not count where differences are asked for."""
    frame = spread(0.9, 400)
    names = [name for name in BASELINES if name != "garch-t"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = (
            gc.compare(prices_of(each), names, folds=1, horizon=2, target="difference").outcome
            for each in (frame, frame.assign(close=change(frame["close"])))
        )
    for name in names:
        usual = np.std(np.diff(change(frame["close"])))
        np.testing.assert_allclose(change(one.forecast[name]), other.forecast[name], atol=0.01 * usual)
        if name in one.distributions:
            pits = one.distributions[name].pit, other.distributions[name].pit
            np.testing.assert_allclose(*pits, atol=5e-3)


def test_a_run_that_is_opened_again_knows_its_moves(reverting, tmp_path):
    reverting.write(tmp_path)
    again = gc.open_run(tmp_path)
    assert again.outcome.move is DIFFERENCE
    np.testing.assert_allclose(
        again.outcome.distributions["ewma-t"].quantiles, reverting.outcome.distributions["ewma-t"].quantiles,
        atol=1e-12,
    )  # fmt: skip
    pd.testing.assert_frame_equal(again.scores, reverting.scores)


def test_scores_are_in_price_and_tables_say_so(reverting):
    outcome, scores = reverting.outcome, reverting.scores
    own = scores[(scores["model"] == "ar") & (scores["step"] == "all")].set_index("metric")
    error = outcome.forecast["ar"] - outcome.actual
    assert own["value"]["rmse_return"] == pytest.approx(np.sqrt(np.mean(error**2)))
    assert own["value"]["crps"] == pytest.approx(np.abs(error).mean())
    assert np.isnan(own["value"]["mape"]) and "a share of it says nothing" in own["reason"]["mape"]
    assert "RMSE of difference" in reverting.table() and "RMSE of return" not in reverting.table()


def test_several_units_have_no_mean_but_a_skill():
    frame = pd.concat([spread(0.8, 400), spread(0.8, 400, 1, "B").assign(close=lambda t: 1e3 * t["close"])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = gc.compare(prices_of(frame), ["naive", "ar", "ewma-t"], folds=2, horizon=3)
    scores = result.scores[(result.scores["symbol"] == "all") & (result.scores["model"] == "ewma-t")]
    blank = set(scores.loc[scores["reason"] == "in price, so per symbol only", "metric"])
    assert {"rmse", "rmse_return", "crps", "pinball", "log_score", "width_80"} <= blank
    assert not {"skill", "coverage_80", "mase"} & blank
    assert result.significances["crps"].benchmark == "ewma-t"


def test_forecasts_made_elsewhere_are_judged_as_differences():
    frame = spread(0.8, 400)
    close = frame["close"].to_numpy()
    mine = pd.DataFrame({"date": frame["date"][1:], "forecast": 0.8 * close[:-1]})[300:]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = gc.judge(mine, prices_of(frame))
    assert any("the close of A on 2015-01-01 is 0" in str(one.message) for one in said)
    assert result.outcome.move is DIFFERENCE
    np.testing.assert_array_equal(result.outcome.forecast["forecast"][:, 0], mine["forecast"])
    errors = np.abs(mine["forecast"] - close[301:])
    np.testing.assert_allclose(result.outcome.crps("forecast")[0][:, 0], errors, atol=1e-12)


def test_a_table_of_such_a_run_is_judged_as_the_run_was(reverting):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = gc.judge(reverting.forecasts, reverting.prices)
    np.testing.assert_allclose(
        again.outcome.crps("ewma-t")[0], reverting.outcome.crps("ewma-t")[0], rtol=1e-9
    )


def test_a_function_may_forecast_a_price_below_zero():
    def half(history, horizon):
        assert history.attrs["move"] == "difference"
        return [history["close"].iloc[-1] / 2] * horizon

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = gc.compare(prices_of(spread(0.8, 300)), ["naive", {"half": half}], folds=1).outcome
    np.testing.assert_allclose(outcome.forecast["half"], outcome.anchor[:, None] / 2, atol=1e-12)
    assert (outcome.forecast["half"] < 0).any()


@pytest.mark.slow
def test_a_forecaster_of_spreads_is_saved_and_loaded(tmp_path):
    settings = {"horizon": 2, "lookback": 5, "seeds": 1}
    forecaster = gc.Forecaster(gc.Network(hidden_size=2), gc.Training(epochs=2, batch_size=64), **settings)
    frame = spread(0.8, 300)
    with pytest.warns(DataWarning, match="differences are forecast"):
        table = forecaster.fit(prices_of(frame)).forecast()
    loaded = gc.Forecaster.load(forecaster.save(tmp_path / "saved"))
    pd.testing.assert_frame_equal(loaded.forecast(), table)
    pd.testing.assert_frame_equal(loaded.forecast(prices_of(frame)), table)
    np.testing.assert_allclose(table["change"], table["forecast"] - table["anchor"])
    assert (table["q10"] < table["forecast"]).all() and (table["forecast"] < table["q90"]).all()


def test_there_is_no_backtest_of_prices_below_zero(reverting):
    with pytest.raises(
        SettingError, match="the close of A on 2015-01-01 is 0, and the gains of an account are"
    ):
        gc.backtest(reverting)


def test_a_backtest_of_differences_of_prices_above_zero_is_that_of_returns():
    frame = spread(0.9, 400).assign(close=lambda t: 50 + t["close"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = (
            gc.backtest(gc.compare(prices_of(frame), ["naive", "ewma-t"], target=target, folds=1), draws=0)
            for target in ("return", "difference")
        )
    for mine, theirs in zip(one.strategies, other.strategies, strict=True):
        np.testing.assert_allclose(mine.positions, theirs.positions, rtol=0.02)


def test_pictures_and_tables_speak_of_differences(reverting):
    drawn = page_charts(reverting) | distribution_charts(reverting)
    plain = {name: chart.to_dict(validate=False) for name, chart in drawn.items()}
    written = json.dumps(plain, ensure_ascii=False)
    titles = ("actual change, price", "forecast change, price", "change on the day, price", "width, price")
    assert all(f'"{title}"' in written for title in titles)
    points, distributions = (loss_tables(reverting, tests) for tests in reverting.significances.values())
    heads = [*points.scores.heads, *distributions.scores.heads]
    assert ("CRPS", "price") in heads and not {"MAPE", "RMSE of return"} & {title for title, _ in heads}
    words = " ".join(
        [*distributions.terms.values(), *(f"{one.caption}" for one in figures(reverting, drawn))]
    )
    assert "how often the difference was below it" in words
    for text in (written, words, str(heads)):
        assert "log return" not in text and "change, %" not in text


def test_the_outlook_of_a_spread_is_in_price_and_is_not_recorded():
    experiment = Experiment(
        models=("naive", "historical", "mine"),
        networks={"mine": gc.Network(cell="rnn", hidden_size=2, output="student_t")},
        training=gc.Training(epochs=2, batch_size=150),
        **{"horizon": 2, "lookback": 5, "folds": 2, "seeds": 1},
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = outlook(experiment, prices_of(spread(0.8, 300)), "mine")
    assert sum("differences are forecast" in str(one.message) for one in said) == 1
    first = found.forecast.iloc[0]
    assert f"{first['q10'] - first['anchor']:+.3f} … {first['q90'] - first['anchor']:+.3f}" in found.text
    own = found.text.split("The record of")[0]
    assert "%" not in own.replace("50 %", "").replace("80 %", "").replace("95 %", "")
    last = spread(0.8, 300)["close"].diff().tail(250)
    naive = found.naive.iloc[0]
    assert naive["naive_q50"] - first["anchor"] == pytest.approx(np.median(last), abs=1e-3)
    with pytest.raises(RunError, match="the ledger keeps and scores log returns"):
        found.entries(found.record.experiment)
