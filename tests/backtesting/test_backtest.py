"""The backtest of a run as a whole: figures by hand, invariants, sentences, files."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.api.backtest import backtest
from gatecast.backtesting.report import page
from gatecast.backtesting.sharpe import best_of_luck, deflated
from gatecast.backtesting.verdict import verdict
from gatecast.errors import SettingError
from gatecast.forecasts import DistributionForecast

UP, DOWN = 0.01, -0.01
PNG = b"\x89PNG"


def of(tested, model, rule="sign"):
    return next(one for one in tested.strategies if (one.model, one.rule) == (model, rule))


@pytest.fixture(scope="module")
def noisy(run_of, walk):
    """Two symbols, three models that know nothing: one of them a network."""
    table = pd.concat([walk("A", 200, 0), walk("B", 190, 1)], ignore_index=True)
    origins = len(run_of(table, {}, 100).outcome.origin)
    rng = np.random.default_rng(3)
    moves = {"gru": rng.normal(0, 0.004, origins), "ar": rng.normal(0, 0.004, origins)}
    return run_of(table, moves | {"drift": np.full(origins, 3e-4)}, 100, networks=("gru",))


def test_five_rows_by_hand(run_of, closes):
    """Closes 100 100 110 99 108.9, forecasts up, down, up: see test_simulation for the money."""
    run = run_of(closes([100, 100, 110, 99, 108.9]), {"gru": np.array([UP, DOWN, UP, UP])})
    tested = backtest(run, ["gru"], rules=["sign"], cost=100, draws=20)
    own = of(tested, "gru")
    assert tested.execution == "next-close"
    assert [list(one) for one in own.positions] == [[1, -1, 1]]
    final = 1.1 * 0.99 * (1.1 - 0.01 * 0.9) / 1.01 * (1.1 * 0.99 / 1.01) / 1.01
    assert own.net.total_return == pytest.approx(final - 1, rel=1e-13)
    assert own.gross.total_return == pytest.approx(1.1**3 - 1, rel=1e-13)
    assert own.net.annual_return == pytest.approx(final ** (252 / 3) - 1, rel=1e-10)
    assert own.trades == 4
    hold = tested.hold.net
    assert hold.total_return == pytest.approx(1.089 * 0.99 / 1.01 - 1, rel=1e-13)
    assert hold.max_drawdown == pytest.approx(0.1)
    assert hold.turnover == pytest.approx((1 / 1.01 + 1 / 0.99) * 84, rel=1e-12)
    assert hold.sessions == 3


def test_korean_tax_is_paid_on_the_sale_by_date(run_of, closes):
    """Bought on 2020-12-30, sold in 2021: half a spread and commission twice, 23 bp of tax once."""
    frame = closes([100.0, 100, 100, 100])
    frame["date"] = pd.to_datetime(["2020-12-29", "2020-12-30", "2021-01-04", "2021-01-05"])
    tested = backtest(run_of(frame, {}), ["naive"], costs="korea", rules=["sign"])
    assert tested.hold.net.total_return == pytest.approx((1 - 0.00065 - 0.0023) / 1.00065 - 1, rel=1e-12)
    assert tested.hold.money.costs[1] == 0


def test_always_long_without_costs_is_buy_and_hold(noisy):
    tested = backtest(noisy, ["drift"], rules=["sign"], costs="none", draws=5)
    assert np.array_equal(of(tested, "drift").money.equity, tested.hold.money.equity)
    for account in tested.accounts:
        held = tested.frame[tested.frame["model"] == "buy-and-hold"]
        mine = held[held["symbol"] == account.symbol]
        assert mine["equity"].iloc[-1] == pytest.approx(account.price[-1] / account.price[0], rel=1e-12)


def test_the_daily_table_adds_up_to_the_figures(noisy):
    tested = backtest(noisy, cost=3, draws=5)
    frame = tested.frame
    for one in [*tested.strategies, tested.hold]:
        mine = frame[(frame["model"] == one.model) & (frame["rule"] == one.rule)]
        final = mine.groupby("symbol")["equity"].last()
        grown = mine.groupby("symbol")["net_return"].apply(lambda part: (1 + part.dropna()).prod())
        assert final.to_numpy() == pytest.approx(grown.to_numpy(), rel=1e-12)
        assert final.mean() - 1 == pytest.approx(one.net.total_return, rel=1e-10, abs=1e-14)
    assert (frame["origin"].dropna() < frame.loc[frame["origin"].notna(), "session"]).all()


@pytest.fixture(scope="module")
def seen(run_of, walk):
    """One symbol, and a seer of the side that it goes to."""
    table = walk("A", 160, 4)
    close = table["close"].to_numpy()
    knows = np.sign(np.log(close[102:] / close[101:-1]))
    return run_of(table, {"seer": 0.01 * np.append(knows, 1)}, 100)


def test_break_even_is_the_cost_at_which_nothing_is_left(seen):
    own = of(backtest(seen, ["seer"], rules=["sign"], execution="next-close", cost=0, draws=5), "seer")
    zero, rival = own.break_even[0], own.break_even_hold[0]
    at_zero = backtest(seen, ["seer"], rules=["sign"], execution="next-close", cost=zero, draws=5)
    assert of(at_zero, "seer").net.total_return == pytest.approx(0, abs=1e-6)
    at_rival = backtest(seen, ["seer"], rules=["sign"], execution="next-close", cost=rival, draws=5)
    assert of(at_rival, "seer").net.total_return == pytest.approx(at_rival.hold.net.total_return, abs=1e-6)
    assert 0 < rival != zero
    assert own.luck.reached == pytest.approx(1 / 6)
    tested = backtest(seen, ["seer"], rules=["sign"], execution="next-close", cost=1)
    assert tested.verdict.kind == "better than luck"
    assert tested.verdict.sentences[0].startswith("Trading seer's sign at the next close earned ")


def test_the_deflated_ratio_counts_every_strategy(noisy):
    tested = backtest(noisy, cost=2, draws=5)
    ratios = [one.net.per_period.ratio for one in tested.strategies if np.isfinite(one.net.sharpe)]
    assert len(tested.strategies) == 12 and tested.trials == len(ratios) < 12  # naive has no sign
    variance = np.var(ratios, ddof=1)
    for one in tested.strategies:
        expected = deflated(one.net.per_period, len(ratios), variance)
        assert one.deflated == pytest.approx(expected, nan_ok=True)
    assert tested.lucky == pytest.approx(best_of_luck(len(ratios), variance) * np.sqrt(252))
    more = backtest(noisy, cost=2, draws=5, trials=500)
    assert more.trials == 500
    assert of(more, "gru").deflated < of(tested, "gru").deflated


@pytest.mark.parametrize(
    ("deflated", "reached", "kind", "said"),
    [
        (0.9497, 0.2, "may be luck", "may well be luck (deflated Sharpe ratio 0.9497; over 0.95 would do)."),
        (0.97, 0.054, "may be luck", "is what 5.4 % of its own positions reach when they are moved to random "
         "other times and is no evidence of timing (at most 5 % would be)."),
        (0.97, 0.02, "better than luck", "is more than luck explains (deflated Sharpe ratio 0.97)."),
    ],
)  # fmt: skip
def test_luck_is_ruled_out_or_not_and_never_stated(seen, deflated, reached, kind, said):
    tested = backtest(seen, ["seer"], rules=["sign"], execution="next-close", cost=1, draws=5)
    best = replace(tested.best, deflated=deflated, luck=replace(tested.best.luck, reached=reached))
    found = verdict(replace(tested, strategies=[best], trials=1))
    assert found.kind == kind and found.sentences[1].endswith(said)


def test_flat_has_no_sharpe_ratio_and_says_why(noisy):
    tested = backtest(noisy, ["naive"], rules=["sign", "threshold"], cost=2, draws=5)
    assert tested.best is None
    assert tested.verdict.kind == "never traded"
    assert tested.verdict.text.startswith(
        "No strategy ever traded: no forecast called for a trade. Buy-and-hold"
    )
    (strategy, _) = tested.summary()["strategies"]
    assert strategy["sharpe"] is None and strategy["deflated_sharpe"] is None
    assert strategy["total_return"] == 0
    assert strategy["reasons"]["sharpe"] == "it never traded"
    figures, costs = page(tested).split("<details><summary>What a trade costs</summary>")
    assert figures.count("<tr>") == 4
    assert "<h3>2 bp a side, as paid here</h3>" in costs and "<h3>Korean costs, not paid here</h3>" in costs


def test_the_volatility_comes_from_the_distribution_else_from_ewma(run_of, walk):
    """A Student t's own standard deviation, and RiskMetrics' by its recursion."""
    from gatecast.backtesting.signals import forecast_volatility, known_volatility
    from gatecast.distributions import StudentT

    shape = (3, 1)
    scale = np.array([[0.01], [0.02], [0.03]])
    normal = StudentT(np.full(shape, 0.05), scale, np.full(shape, 1e6))
    found = forecast_volatility(DistributionForecast.of(normal, np.zeros(shape)))
    assert found == pytest.approx(scale[:, 0], rel=0.02)
    table = pd.concat([walk("A", 60, 0), walk("B", 50, 1)], ignore_index=True)
    run = run_of(table, {}, 5)
    known = known_volatility(run.prices, run.outcome)
    for name in "AB":
        returns = np.diff(np.log(table.loc[table["symbol"] == name, "close"].to_numpy()))
        mine = known[run.outcome.symbol == run.outcome.symbols.index(name)]
        for place, value in enumerate(mine, start=5):
            weight = 0.94 ** np.arange(place)[::-1]
            expected = np.sqrt(np.sum(weight * returns[:place] ** 2) / weight.sum())
            assert value == pytest.approx(expected, rel=1e-10)


def test_a_volatility_given_as_an_array_is_used(noisy):
    daily = np.full(len(noisy.outcome.origin), 0.2 / np.sqrt(252))
    tested = backtest(noisy, ["naive"], rules=["volatility"], volatility={"naive": daily}, draws=5)
    assert all(
        own == pytest.approx(np.full(len(own), 0.5)) for own in of(tested, "naive", "volatility").positions
    )


def test_threshold_without_costs_is_the_sign_and_left_out(noisy):
    rules = {one.rule for one in backtest(noisy, ["gru"], costs="none", draws=5).strategies}
    assert rules == {"sign", "volatility"}


def test_sentences_speak_of_the_networks_and_of_losses(noisy):
    tested = backtest(noisy, cost=2, draws=50)
    assert 2 <= len(tested.verdict.sentences) <= 3
    assert "strategies tried" in tested.verdict.text and "after 2 bp a side" in tested.verdict.text
    if tested.best.model != "gru":
        assert "Of the networks, the best, " in tested.verdict.text
    worse = backtest(noisy, ["gru"], rules=["sign"], cost=200, draws=50)
    assert worse.verdict.kind == "lost money"
    assert " lost " in worse.verdict.sentences[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"models": ["grru"]}, 'the run has no model "grru". Did you mean "gru"?'),
        ({"models": []}, "nothing to trade"),
        ({"rules": ["sing"]}, 'there is no rule "sing". Did you mean "sign"?'),
        ({"execution": "same-close"}, "there is no execution"),
        ({"costs": "us", "cost": 2.0}, "not both"),
        ({"target_volatility": 0.0}, "must be above 0"),
        ({"cap": float("nan")}, "cap = nan: must be a number that is finite"),
        ({"cap": "big"}, "cap = 'big': must be a number that is finite"),
        ({"trials": 0}, "trials = 0: must be a whole number of at least 1"),
        ({"trials": 1.5}, "trials = 1.5: must be a whole number of at least 1"),
        ({"draws": -1}, "draws = -1: must be a whole number of at least 0"),
        ({"seed": "x"}, "seed = 'x': must be a whole number of at least 0"),
        ({"models": 3}, "models = 3: must be a list"),
        ({"trials": 2}, "trials = 2: 9 strategies are tried here alone"),
        ({"volatility": {"A": np.ones(3)}}, "volatility = 'A': is of no model that is traded"),
    ],
)
def test_wrong_settings(noisy, settings, message):
    with pytest.raises(SettingError) as caught:
        backtest(noisy, **settings)
    assert message in str(caught.value)


def test_a_run_that_forecasts_the_open_is_refused(noisy):
    other = replace(noisy, experiment=noisy.experiment.changed(column="open"))
    with pytest.raises(SettingError, match="the run forecasts the open"):
        backtest(other)


@pytest.mark.slow
@pytest.mark.full
def test_models_with_names_of_any_script(run_of, walk):
    run = run_of(walk("삼성", 80, 0), {"모형 <b>": np.random.default_rng(0).normal(0, 0.01, 39)}, 40)
    tested = backtest(run, draws=20)
    assert "<b>" not in page(tested)
    assert "모형" in tested.table()


@pytest.fixture(scope="module")
def saved(walk, tmp_path_factory):
    """The folder of a run without networks."""
    prices = gc.Prices.from_frame(walk("A", 160, 0), calendar="daily")
    result = gc.compare(prices, ["naive", "drift", "ar"], folds=1)
    return result.save(tmp_path_factory.mktemp("runs") / "small", charts=False)


def test_the_command(saved, command, tmp_path):
    code, out, err = command("backtest", saved, "--cost", "2", "--out", "traded", "--draws", "50")
    assert code == 0, err
    run = gc.open_run(saved)
    tested = backtest(run, cost=2, draws=50)
    assert out.startswith(f"{tested.verdict.text}\n\n{tested.table()}\n")
    files = {path.name: path for path in (tmp_path / "traded").iterdir()}
    assert set(files) == {
        ".gatecast.json", "backtest.json", "backtest.html", "daily.csv", "money.png", "sharpe.png",
    }  # fmt: skip
    assert json.loads(files["backtest.json"].read_text()) == json.loads(json.dumps(tested.summary()))
    assert files["money.png"].read_bytes().startswith(PNG)
    html = files["backtest.html"].read_text()
    markup = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert "http" not in markup.replace("http-equiv", "") and len(html) < 2e6
    assert "default-src 'none'" in html
    daily = pd.read_csv(files["daily.csv"])
    assert list(daily.columns) == list(tested.frame.columns) and len(daily) == len(tested.frame)
    code, out, _ = command(
        "backtest", saved, "--models", "drift,ar", "--rules", "sign", "--no-short", "--draws", "50", "--json"
    )
    assert code == 0
    answer = json.loads(out)
    assert [(one["model"], one["rule"]) for one in answer["strategies"]] == [
        ("drift", "sign"),
        ("ar", "sign"),
    ]
    assert answer["short"] is False and answer["verdict"]["text"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "nowhere: no run folder"),
        (["RUN", "--models", "lstm"], 'the run has no model "lstm"'),
        (["RUN", "--costs", "kr"], 'there are no costs "kr"'),
        (["RUN", "--cost", "-2"], "0 to 1000 basis points"),
        (["RUN", "--out", "taken"], "taken is not empty"),
    ],
)
def test_the_command_with_wrong_input(saved, command, tmp_path, words, message):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    code, out, err = command("backtest", *(saved if word == "RUN" else word for word in words))
    assert (code, out) == (2, "")
    assert message in err


def test_what_is_no_result_is_refused(tmp_path) -> None:
    with pytest.raises(SettingError, match="open_run of a folder"):
        gc.backtest(str(tmp_path))


def test_one_model_and_one_rule_may_be_given_by_their_name(result) -> None:
    (only,) = gc.backtest(result, "gru", rules="sign").strategies
    assert (only.model, only.rule) == ("gru", "sign")
