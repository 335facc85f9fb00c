"""The course of a strategy by hand: money, drawdown, exposure, months, and what is said of them."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from gatecast.api.backtest import backtest
from gatecast.backtesting.courses import Course, course
from gatecast.backtesting.report import MOST_STRATEGIES, page, shown_strategies
from gatecast.backtesting.words import of_strategy

DAYS = np.arange("2020-01-30", "2020-02-05", dtype="datetime64[D]")
MONEY = np.array([1.0, 1.2, 0.9, 1.0, 1.3, 1.3])
NET = np.array([1.0, 1.0, -0.5, 0.0, 1.0, 0.0])
OWN = Course(DAYS, MONEY, MONEY / np.maximum.accumulate(MONEY) - 1, NET, np.abs(NET))


@pytest.fixture(scope="module")
def tested(run_of, walk):
    """Two symbols, the second shorter; two models that know nothing."""
    table = pd.concat([walk("A", 200, 0), walk("B", 190, 1)], ignore_index=True)
    origins = len(run_of(table, {}, 100).outcome.origin)
    rng = np.random.default_rng(3)
    moves = {name: rng.normal(0, 0.004, origins) for name in ("gru", '<b>"ar"')}
    return backtest(run_of(table, moves, 100, networks=("gru",)), cost=2, draws=20)


def test_the_deepest_fall_and_the_shares_by_hand():
    assert OWN.fall == (DAYS[1], DAYS[2], DAYS[4])
    assert OWN.drawdown.min() == pytest.approx(-0.25)
    assert OWN.shares == pytest.approx((0.6, 0.2, 0.2))
    months = OWN.months()
    assert list(months.index.strftime("%Y-%m")) == ["2020-01", "2020-02"]
    assert list(months) == pytest.approx([0.2, 1.3 / 1.2 - 1])


def test_a_table_holds_the_deepest_drawdown_of_the_bars_it_leaves_out():
    table = OWN.table(3)
    assert list(table["date"]) == list(pd.DatetimeIndex(DAYS[[1, 3, 5]]))
    assert list(table["money"]) == [1.2, 1.0, 1.3]
    assert list(table["drawdown"]) == pytest.approx([0, -0.25, 0])
    assert list(table["exposure"]) == pytest.approx([1.0, -0.25, 0.5])
    assert len(OWN.table(100)) == len(DAYS)


def test_a_course_agrees_with_the_figures_and_the_daily_table(tested):
    for one in [*tested.strategies, tested.hold]:
        own = course(tested, one)
        assert own.money[-1] - 1 == pytest.approx(one.net.total_return, rel=1e-12)
        assert -own.drawdown.min() == pytest.approx(one.net.max_drawdown, abs=1e-15)
        assert np.prod(1 + own.months()) == pytest.approx(own.money[-1], rel=1e-12)
        asked = "model == @one.model and rule == @one.rule and session == @own.session[5]"
        rows = tested.frame.query(asked)
        weight = rows["equity"] / rows["equity"].sum()
        assert own.net[5] == pytest.approx((weight * rows["position"]).sum(), rel=1e-12)


def test_what_is_said_of_a_strategy(tested):
    said = of_strategy(tested.strategies[0], OWN, OWN, "1d")
    assert said[1:] == [
        "Its deepest fall was 25.0 %, from 2020-01-31 to 2020-02-01, the old height reached again on "
        "2020-02-03; that of buy-and-hold 25.0 %.",
        "It gained in 2 of 2 months, and did better than buy-and-hold in 0; best 2020-01 (+20.0 %), worst "
        "2020-02 (+8.3 %).",
        "It was long in 60 % of the sessions, short in 20 % and out of the market in 20 %; on average 70 % "
        "of the money was at work.",
    ]
    flat = Course(DAYS, np.ones(6), np.zeros(6), np.zeros(6), np.zeros(6))
    assert "never traded" in of_strategy(tested.strategies[0], flat, OWN, "1d")[0]


def test_the_page_has_a_chart_of_every_strategy_and_escapes_their_names(tested):
    text, shown = page(tested), shown_strategies(tested)
    assert len(shown) == min(MOST_STRATEGIES, len(tested.strategies)) and shown[0] is tested.best
    assert text.count("<option ") == text.count("data-said-of=strategy data-name=") == len(shown)
    assert "<b>&#34;" not in text and '<b>"ar"' not in text.split('id="specs"')[0]
    assert "&lt;b&gt;&#34;ar&#34;, sign" in text
    specs = json.loads(re.search(r'id="specs">(.*?)</script>', text, re.S)[1])
    assert set(specs) == {"account", "months", "sharpe"}
    for name in ("account", "months"):
        chosen = next(one for one in specs[name]["params"] if one["name"] == "strategy")
        assert chosen["value"] == shown[0].name
