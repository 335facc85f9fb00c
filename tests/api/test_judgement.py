import json

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.errors import DataError, DataWarning, RunError, SettingError
from gatecast.settings.toml import read_experiment

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.GatecastWarning")


@pytest.fixture(scope="module")
def daily(walk) -> pd.DataFrame:
    return walk("A", 420, 0)


@pytest.fixture(scope="module")
def prices(daily):
    return gc.Prices.from_frame(daily, calendar="weekdays")


def table(daily, first=150, steps=1, **models):
    """One row per origin and step in Nixtla's form; models: a factor on the last price."""
    rows = []
    for origin in range(first, len(daily) - steps):
        for step in range(1, steps + 1):
            last = daily["close"][origin]
            row = {"unique_id": "A", "ds": daily["date"][origin + step], "cutoff": daily["date"][origin]}
            rows.append(row | {name: last * factor for name, factor in models.items()})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def judged(daily, prices):
    """Intervals of the right width around the last price, and a drift that is too large."""
    return gc.judge(
        table(daily, steps=2, mine=1.0, drifts=1.01, **{"mine-lo-80": 0.987, "mine-hi-80": 1.013}), prices
    )


def test_naive_has_skill_zero_and_is_said_to_be_naive(daily, prices):
    result = gc.judge(table(daily, mine=1.0), prices)
    assert result.significance.models["mine"].skill.value == 0
    assert (
        "The forecasts of mine are naive: they are the last price at every origin and step."
        in result.verdict.text
    )
    assert result.verdict.kinds["mine"] == "no evidence"
    assert list(result.significance.models) == ["drift", "ewma", "ar", "mine"]


def test_distributions_are_judged_beside_distributions(judged):
    asked = judged.experiment
    assert asked.baselines == ("naive", "historical", "ewma-t", "gjr-garch-t", "lhar")
    assert asked.given == ("mine", "drifts") and asked.horizon == 2
    assert judged.significances["crps"].networks == ("mine",)
    assert judged.verdict.kinds["drifts"] == "worse than naive"
    assert "2 given models, 4 baselines" in judged.verdict.text and "2 calendar years" in judged.verdict.text
    assert "network" not in judged.verdict.text and "seed" not in judged.verdict.text


def test_baselines_are_fitted_at_the_first_origin_of_every_year(judged):
    assert [str(day) for day in judged.outcome.test_starts] == ["2015-07-30", "2015-12-31"]


@pytest.mark.parametrize(
    ("frequency", "days", "tested"),
    [
        ("1d", pd.bdate_range("2014-07-03", periods=240), "110 test days in 1 calendar year"),
        ("1w", pd.date_range("2012-07-06", periods=240, freq="W-FRI"), "110 test weeks in 3 calendar years"),
        ("1mo", pd.date_range("2000-03-31", periods=240, freq="ME"), "110 test months in 10 calendar years"),
        ("1h", pd.date_range("2015-12-26 14:00", periods=240, freq="h"), "110 test hours in 1 calendar year"),
        ("index", range(240), "110 test bars"),
    ],
)
def test_years_are_those_of_the_bars_forecast(daily, frequency, days, tested):
    """The first origin of each is the last bar of a year; rows that are numbered lie in none."""
    frame = daily.head(240).assign(date=days)
    prices = gc.Prices.from_frame(frame, calendar="24/7" if frequency == "1h" else None, frequency=frequency)
    given = table(frame, first=129, mine=1.001)
    assert f"On {tested}, " in gc.judge(given, prices).verdict.text


def test_losses_are_scaled_by_naives_before_the_first_origin(judged, daily):
    close = daily["close"].to_numpy()[:151]
    steps = [(close[k : 149 + k] / close[:149] - 1) ** 2 for k in (1, 2)]
    assert judged.outcome.naive_mse[0] == pytest.approx(np.mean(steps), rel=1e-12)


def test_few_bars_before_scale_by_the_test_and_that_is_said(daily, prices):
    with pytest.warns(
        DataWarning, match="fewer than 60 bars before the first forecast of A: its losses are scaled"
    ):
        result = gc.judge(table(daily, first=50, mine=1.001), prices)
    assert result.significance.pair("mine") is not None
    naive = result.significance.models
    assert naive["mine"].skill.value < 0


def test_it_saves_opens_and_trades_as_any_run(judged, tmp_path):
    folder = judged.save(tmp_path / "run", charts=False)
    again = gc.open_run(folder)
    assert again.experiment == judged.experiment and again.verdict.text == judged.verdict.text
    assert "seeds" not in (folder / "experiment.toml").read_text()
    assert len(gc.backtest(again, rules=("sign",), draws=10).table()) > 0
    assert list(again.models) == []
    once_more = gc.judge(folder / "forecasts.parquet", folder / "prices.parquet")
    for key, tests in judged.significances.items():
        for name, model in tests.models.items():
            assert once_more.significances[key].models[name].skill.value == pytest.approx(
                model.skill.value, abs=5e-3
            )
    with pytest.raises(SettingError, match="there is nothing to train in it"):
        read_experiment(folder / "experiment.toml")
    with pytest.raises(RunError, match="trained nothing"):
        _ = again.compared


def test_a_table_of_a_run_gives_the_runs_figures(result, tmp_path):
    result.forecasts.to_parquet(tmp_path / "forecasts.parquet")
    judged = gc.judge(tmp_path / "forecasts.parquet", result.prices)
    assert judged.experiment.models == ("naive", "ar", "gru", "mine")
    one, other = (
        run.significance.frame.set_index("model").drop(columns="reason") for run in (result, judged)
    )
    np.testing.assert_allclose(one.astype(float), other.loc[one.index].astype(float), rtol=1e-9, atol=1e-12)
    assert judged.significance.spa.p == result.significance.spa.p
    again = gc.open_run(judged.save(tmp_path / "judged", charts=False))
    assert again.significance.spa.p == judged.significance.spa.p
    assert again.verdict.text == judged.verdict.text
    both = result.scores.merge(judged.scores, on=["model", "symbol", "step", "metric"])
    assert len(both) == len(result.scores)
    np.testing.assert_allclose(both["value_x"], both["value_y"], rtol=1e-9, atol=1e-12)


def test_distributions_of_a_run_have_its_crps(prices):
    run = gc.compare(prices, ["naive", "ewma-t", "historical"], horizon=2, folds=1)
    judged = gc.judge(run.forecasts, prices)
    of_run, of_judge = (one.outcome for one in (run, judged))
    np.testing.assert_allclose(of_judge.crps("ewma-t (given)")[0], of_run.crps("ewma-t")[0], rtol=1e-9)
    means = [of_judge.crps("historical (given)")[0].mean(), of_run.crps("historical")[0].mean()]
    assert means[0] == pytest.approx(means[1], rel=0.005)
    assert "Known by 17 quantiles alone: historical (given)" in judged.verdict.text


def test_bars_that_a_model_may_have_seen_are_not_judged(daily, prices):
    given = table(daily, mine=1.001)
    result = gc.judge(given, prices, trained_until="2015-12-31")
    assert result.outcome.time.min() == np.datetime64("2016-01-01")
    seen = int((given["ds"] <= "2015-12-31").sum())
    assert f"Only {269 - seen} of 269 test days are judged: mine may have seen" in result.verdict.text
    with pytest.raises(
        DataError, match="all 269 origins forecast bars up to 2020-01-01, the last day of training"
    ):
        gc.judge(given, prices, trained_until="2020-01-01")
    with pytest.raises(SettingError, match="trained_until is not a date"):
        gc.judge(given, prices, trained_until="soon")


def test_a_table_of_dates_and_forecasts_is_of_the_bar_before(daily, prices):
    given = table(daily, mine=1.001).rename(columns={"mine": "forecast"})[["ds", "forecast"]]
    with pytest.warns(DataWarning, match="taken to be made at the bar before"):
        result = gc.judge(given, prices)
    assert (np.diff(result.outcome.origin).astype(int) > 0).all()
    assert result.outcome.horizon == 1 and result.outcome.forecast["forecast"][0, 0] == pytest.approx(
        1.001 * daily["close"][150]
    )


def test_what_does_not_match_is_counted_and_named(daily, prices):
    given = table(daily, mine=1.001)
    given.loc[3, "ds"] += pd.Timedelta(days=1) * (5 - given.loc[3, "ds"].weekday())  # a Saturday
    late = given.tail(2).assign(ds=given["ds"].max() + pd.to_timedelta([3, 4], "D"))
    other = given.tail(1).assign(unique_id="B")
    far = given.copy()
    far.loc[7, "mine"] *= 3
    with pytest.warns(DataWarning) as caught:
        result = gc.judge(pd.concat([far, late, other]), prices)
    text = " ".join(str(one.message) for one in caught)
    assert "Symbols without prices are left out: B" in text
    assert "mine: 2 forecasts after the last price left out" in text
    assert "mine: 1 forecast of bars without a price left out" in text
    assert "mine: 1 forecast of 268 lie more than 20 usual moves from the last price" in text
    assert len(result.outcome.origin) == 268


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(cutoff=t["ds"]), r"the origin of a forecast by mine is not before the bar"),
        (lambda t: pd.concat([t, t.tail(1)]), "mine forecasts a bar twice from one origin"),
        (lambda t: t.assign(ds=t["ds"] + pd.Timedelta(days=3650)), "no forecast by mine is of a bar"),
        (lambda t: t[t["ds"] < t["ds"].iloc[0]], "there are no rows"),
        (lambda t: t.assign(mine=0.001 * (-1.0) ** np.arange(len(t))), "no price above 0"),
    ],
)
def test_what_cannot_be_judged_is_refused(daily, prices, change, message):
    with pytest.raises(DataError, match=message):
        gc.judge(change(table(daily, mine=1.001)), prices)


def test_the_command_prints_what_the_function_finds(command, daily, tmp_path):
    daily.to_csv(tmp_path / "prices.csv", index=False)
    table(daily, mine=1.001).to_csv(tmp_path / "given.csv", index=False)
    answer = command("judge", "given.csv", "prices.csv", "--json", "--out", "judged", "--no-charts")
    assert answer.code == 0
    found = json.loads(answer.out)
    assert found["verdict"]["findings"]["squared_error"]["networks"] == ["mine"]
    assert (tmp_path / "judged" / "verdict.json").is_file()
    wrong = command("judge", "given.csv", "prices.csv", "--trained-until", "2030-01-01")
    assert wrong.code == 2 and "last day of training" in wrong.err
    assert command("judge", "given.csv").code == 2
