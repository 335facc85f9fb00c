"""Money to the last digit: by hand, and against a bookkeeper who counts shares and cash."""

import numpy as np
import pytest

from gatecast.backtesting.accounts import Account
from gatecast.backtesting.simulation import portfolio, simulate


def bookkeeper(positions, price, buy, sell):
    """Cash and shares, trade by trade; what leaves `position` of the money is found by bisection."""
    cash, shares, money = 1.0, 0.0, []
    for now, wanted, b, s in zip(price, [*positions, 0.0], buy, sell, strict=True):

        def after(trade, cash=cash, shares=shares, now=now, b=b, s=s):
            spent = trade * now
            paid = (b if trade > 0 else s) * abs(spent)
            return cash - spent - paid, shares + trade

        def excess(trade, now=now, wanted=wanted, after=after):
            left, held = after(trade)
            return held * now - wanted * (left + held * now)

        low, high = -10.0, 10.0
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if excess(middle) < 0 else (low, middle)
        cash, shares = after((low + high) / 2)
        money.append(cash + shares * now)
    return np.array(money)


def test_five_rows_by_hand_with_costs_on_both_sides():
    """Long, short, long at 1 % a side: 100 → 110 → 99 → 108.9."""
    path = simulate(np.array([1.0, -1.0, 1.0]), np.array([0.1, -0.1, 0.1]), 0.01, 0.01)
    bought = 1 / 1.01
    short = bought * 1.1 * 0.99 / 1.01  # sells what it has and as much again
    long = short * (1.1 - 0.01 * 0.9) / 1.01  # buys back 0.9 of `short`, and what is left
    final = long * 1.1 * 0.99
    assert path.after == pytest.approx([bought, short, long, final], rel=1e-14)
    assert path.before == pytest.approx([1, bought * 1.1, short * 1.1, long * 1.1], rel=1e-14)
    assert path.traded == pytest.approx(
        [bought, bought * 1.1 + short, short * 0.9 + long, long * 1.1], rel=1e-14
    )
    assert path.costs == pytest.approx(0.01 * path.traded, rel=1e-12)


def test_tax_on_sales_only():
    """In and out twice with a tax of 0.3 % on the sale: 0.997 is paid twice, whatever the purchase costs."""
    path = simulate(np.array([1.0, 0.0, 1.0]), np.zeros(3), np.zeros(4), np.full(4, 0.003))
    assert path.after == pytest.approx([1, 0.997, 0.997, 0.997**2], rel=1e-15)
    assert path.costs[0] == path.costs[2] == 0


def test_the_rate_of_the_day_counts():
    path = simulate(np.ones(2), np.zeros(2), np.array([0.01, 0, 0]), np.array([0, 0.5, 0.02]))
    assert path.after[-1] == pytest.approx(0.98 / 1.01, rel=1e-15)


def test_shares_and_cash_agree():
    rng = np.random.default_rng(0)
    price = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, 40)))
    positions = rng.choice([-1.0, -0.4, 0.0, 0.3, 1.0, 1.5], 39)
    buy, sell = rng.uniform(0, 0.01, (2, 40))
    path = simulate(positions, price[1:] / price[:-1] - 1, buy, sell)
    assert path.after == pytest.approx(bookkeeper(positions, price, buy, sell), rel=1e-12)


def test_without_costs_always_long_is_the_price_itself():
    price = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.02, 200)))
    path = simulate(np.ones(199), price[1:] / price[:-1] - 1, 0.0, 0.0)
    assert path.equity == pytest.approx(price / price[0], rel=1e-12)
    assert not path.traded[1:-1].any()  # nothing to do while it holds


def test_money_is_the_product_of_net_returns():
    rng = np.random.default_rng(2)
    path = simulate(rng.choice([-1.0, 0, 1], 50), rng.normal(0, 0.02, 50), 0.001, 0.002)
    days = np.arange("2020-01-01", "2020-02-21", dtype="datetime64[D]")
    account = Account("A", days, np.ones(51), np.zeros(50, dtype=np.int64))
    money = portfolio([account], [path])
    assert np.prod(1 + money.returns) == pytest.approx(money.equity[-1], rel=1e-13)
    assert path.before[-1] - path.costs[-1] == pytest.approx(money.equity[-1], rel=1e-15)


def test_a_short_position_can_lose_everything_once():
    path = simulate(np.array([-1.0, 1.0, -1.0]), np.array([1.2, 0.5, 0.1]), 0.001, 0.001)
    assert path.equity[0] == 1
    assert not path.equity[1:].any() and not path.traded[1:].any()
    account = Account(
        "A", np.arange("2020-01-01", "2020-01-05", dtype="datetime64[D]"), np.ones(4), np.zeros(3)
    )
    assert list(portfolio([account], [path]).returns) == [-1, 0, 0]


def test_axes_in_front_are_separate_accounts():
    rng = np.random.default_rng(3)
    positions, returns = rng.choice([-1.0, 0, 1], (5, 30)), rng.normal(0, 0.02, 30)
    together = simulate(positions, returns, 0.001, 0.002)
    for place, own in enumerate(positions):
        assert np.array_equal(together.equity[place], simulate(own, returns, 0.001, 0.002).equity)


def test_accounts_on_different_days_keep_their_money_between():
    """A trades on days 0, 1, 3; B on 1, 2: before it begins and after it ends, its money waits."""
    day = np.arange("2020-01-01", "2020-01-05", dtype="datetime64[D]")
    a = Account("A", day[[0, 1, 3]], np.array([100, 110, 121.0]), np.zeros(2, dtype=np.int64))
    b = Account("B", day[[1, 2]], np.array([50, 40.0]), np.zeros(1, dtype=np.int64))
    paths = [simulate(np.ones(len(one.decision)), one.returns, 0.0, 0.0) for one in (a, b)]
    money = portfolio([a, b], paths)
    assert list(money.session) == list(day)
    assert money.equity == pytest.approx([1, (1.1 + 1) / 2, (1.1 + 0.8) / 2, (1.21 + 0.8) / 2], rel=1e-14)
    assert money.traded == pytest.approx([0.5, 0.5, 0.4, 0.605], rel=1e-14)
