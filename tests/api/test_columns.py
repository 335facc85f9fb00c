"""Columns beside the prices, on both roads: a comparison and a forecaster, and what is kept of them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.errors import DataError, DataWarning, RunError
from gatecast.models.storage import _digest
from gatecast.settings.toml import read_experiment

from ..conftest import walk_frame  # isort: skip

H, LOOKBACK = 2, 4
NETWORK = gc.Network(cell="gru", hidden_size=2, output="point")
COLUMNS = {
    "past": "vix",
    "future": ("earnings", "weekday", "days_to_month_end"),
    "static": ("sector",),
    "market": True,
}
HOW = {"training": gc.Training(epochs=1, batch_size=150), "lookback": LOOKBACK, "horizon": H, "seeds": 2}


def frame(sessions: int = 150) -> pd.DataFrame:
    table = pd.concat([walk_frame("A", sessions, 0), walk_frame("B", sessions, 1)], ignore_index=True)
    rng = np.random.default_rng(2)
    return table.assign(
        vix=rng.normal(20, 3, len(table)),
        earnings=rng.integers(0, 2, len(table)) * 1.0,
        sector=np.where(table["symbol"] == "A", "tech", "bank"),
    )


@pytest.fixture(scope="module")
def prices() -> gc.Prices:
    return gc.Prices.from_frame(frame(), calendar="weekdays")


@pytest.fixture(scope="module")
def later(prices: gc.Prices) -> pd.DataFrame:
    """What is known of the sessions after the last one."""
    days = pd.bdate_range(prices.table["session"].max(), periods=1 + H)[1:]
    return pd.DataFrame({"Date": days, "Earnings": [1.0, 0.0]})


@pytest.fixture(scope="module")
def fitted(prices: gc.Prices, later: pd.DataFrame) -> gc.Forecaster:
    return gc.Forecaster(NETWORK, **HOW, **COLUMNS).fit(prices, future=later)


@pytest.fixture(scope="module")
def run(prices: gc.Prices) -> gc.Result:
    return gc.compare(prices, [{"gru": NETWORK}, "naive"], folds=2, **HOW, **COLUMNS)


@pytest.fixture
def saved(fitted: gc.Forecaster, tmp_path: Path) -> Path:
    return fitted.save(tmp_path / "model")


def test_a_forecast_is_that_of_a_comparison_that_begins_its_test_there(run, prices, later):
    """One road: fitted on what is known at the first test origin, it forecasts what the comparison did."""
    tested = run.outcome.test_starts[0]
    known = prices.table[prices.table["session"] <= pd.Timestamp(tested)]
    table = prices.table.rename(columns={"session": "date"})[["date", "symbol", "earnings"]]
    forecaster = gc.Forecaster(NETWORK, **HOW, **COLUMNS)
    forecast = forecaster.fit(gc.Prices.from_frame(known, calendar="weekdays"), future=table).forecast()
    own = run.forecasts.query("model == 'gru' and seed.isnull()")
    own = own[own["origin"] == pd.Timestamp(tested)].sort_values(["symbol", "step"])
    assert len(own) == len(forecast) == 2 * H
    np.testing.assert_array_equal(own["forecast"], forecast["forecast"])


def test_what_is_known_changes_the_forecast(fitted, later):
    other = fitted.forecast(future=later.assign(Earnings=1 - later["Earnings"]))
    assert (other["forecast"] != fitted.forecast()["forecast"]).all()
    by_symbol = pd.concat([later.assign(symbol="A"), later.assign(symbol="B", Earnings=[0.0, 1.0])])
    moved = fitted.forecast(future=by_symbol)["forecast"] != fitted.forecast()["forecast"]
    assert moved.tolist() == [False] * H + [True] * H


def test_what_must_be_known_and_is_not_is_named(prices, later):
    forecaster = gc.Forecaster(NETWORK, **HOW, **COLUMNS).fit(prices)
    said = r"earnings must be known in advance, and is not for A on 2015-07-30, 2015-07-31; B on 2015-07-30, "
    with pytest.raises(DataError, match=said):
        forecaster.forecast()
    with pytest.raises(DataError, match=r"is not for A on 2015-07-31; B on 2015-07-31\. Give them as future"):
        forecaster.forecast(future=later[:1])
    assert len(forecaster.forecast(future=later)) == 2 * H


def test_it_comes_back_from_a_folder(fitted, saved, prices, later):
    again = gc.Forecaster.load(saved)
    pd.testing.assert_frame_equal(again.forecast(), fitted.forecast(), check_exact=True)
    pd.testing.assert_frame_equal(again.forecast(prices, future=later), fitted.forecast(), check_exact=True)
    with pytest.raises(DataError, match="earnings must be known in advance"):
        again.forecast(prices)


def test_one_of_the_symbols_is_enough_for_its_categories_and_not_for_the_market(fitted, prices, later):
    alone = prices.select("A")
    with pytest.warns(DataWarning, match="the market is that of the symbols in these prices, without B"):
        assert len(fitted.forecast(alone, future=later)) == H
    mine = prices.table.replace({"sector": {"tech": "mine"}})
    with pytest.raises(DataError, match='A has the sector "mine", which was not among those fitted'):
        fitted.forecast(gc.Prices.from_frame(mine, calendar="weekdays"), future=later)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"known": 0}, "has shape"),
        ({"known": 3}, "has shape"),
        ({"known_names": ["earnings"]}, "what it knows in advance is not what its network reads"),
        ({"known_names": []}, "what it knows in advance is not what its network reads"),
    ],
)
def test_a_folder_whose_parts_do_not_fit_is_refused(saved, change, said):
    file = saved / "network.json"
    content = json.loads(file.read_text())
    del content["sha256"]
    content |= change
    file.write_text(json.dumps({"sha256": _digest(content), **content}))
    with pytest.raises(RunError, match=said):
        gc.Forecaster.load(saved)


def test_the_networks_of_a_run_forecast_with_them(run, later, tmp_path):
    network = run.models["gru"]
    assert network.windows().shape == (2, LOOKBACK, 4 + 1 + 2 + 2 + 9)
    assert network.state_dict(layer="out")["weight"].shape == (H, 2 + 9 * H)
    again = gc.open_run(run.save(tmp_path / "run", charts=False)).models["gru"]
    expected = network.forecast(future=later)
    pd.testing.assert_frame_equal(again.forecast(future=later), expected, check_exact=True)
    with pytest.raises(DataError, match="earnings must be known in advance"):
        again.forecast()
    origin = run.outcome.origin[-1]
    own = run.forecasts.query("model == 'gru' and seed.isnull()")
    own = own[own["origin"] == pd.Timestamp(origin)].sort_values(["symbol", "step"])
    np.testing.assert_array_equal(again.forecast(origins=str(origin))["forecast"], own["forecast"])


def test_the_experiment_of_a_run_can_be_run_again(run, prices, tmp_path):
    experiment = read_experiment(run.save(tmp_path / "run", charts=False) / "experiment.toml")
    assert experiment == run.experiment
    assert (experiment.past, experiment.static, experiment.market) == (("vix",), ("sector",), True)


def test_columns_that_nothing_uses_are_said_once(prices):
    said = "earnings, sector: columns of the data that no setting uses; networks read the columns named as"
    how = {**HOW, "past": "vix"}
    with pytest.warns(DataWarning, match=said) as caught:
        result = gc.compare(prices, ["naive"], folds=2, **how)
    assert len([one for one in caught if "no setting uses" in str(one.message)]) == 1
    assert len([text for text in result.warnings if text.startswith(said)]) == 1
    with pytest.warns(DataWarning, match=said) as caught:
        gc.Forecaster(NETWORK, **how).fit(prices).forecast()
    assert len(caught) == 1


def moves(table: pd.DataFrame) -> pd.DataFrame:
    return table[["vix"]].diff().rename(columns={"vix": "vix_change"})


def test_a_function_may_use_any_column(prices):
    """So nothing is said, which would be an error here."""
    gc.compare(prices, ["naive"], folds=2, features=moves, **HOW)


def test_a_run_of_an_earlier_version_had_the_features_of_its_function_alone(run, tmp_path):
    file = run.save(tmp_path / "run", charts=False) / "experiment.toml"
    text = file.read_text().replace("replace_features = false\n", "")
    asked = text.partition("[provenance]")[0]
    for written, replaced in ((text, True), (asked, False)):
        file.write_text('features = "mine:moves"\n' + written)
        assert read_experiment(file).replace_features == replaced
