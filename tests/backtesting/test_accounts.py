"""When a forecast can be traded, and at what price."""

import numpy as np
import pandas as pd
import pytest

from gatecast.backtesting.accounts import accounts, default_execution, sessions_per_year
from gatecast.errors import SettingError

CLOSE = [100.0, 101, 102, 103, 104]
OPEN = [99.0, 100.5, 101.5, 102.5, 103.5]


def of(run, execution):
    (account,) = accounts(run.prices, run.outcome, execution)
    return account


def test_a_forecast_is_traded_at_the_next_sessions_price(run_of, closes):
    """Origins are the days 0 … 3; the last one's forecast could be traded on day 4, where all is sold."""
    run = run_of(closes(CLOSE, OPEN), {})
    for execution, prices in (("next-open", OPEN), ("next-close", CLOSE)):
        account = of(run, execution)
        assert list(account.price) == prices[1:]
        assert list(account.decision) == [0, 1, 2]
        assert (run.outcome.origin[account.decision] < account.session[:-1]).all()
        assert account.returns == pytest.approx(np.diff(prices[1:]) / prices[1:-1])


def test_a_missing_open_waits_and_the_newest_forecast_is_used(run_of, closes):
    opened = [99.0, 100.5, np.nan, 102.5, 103.5]
    account = of(run_of(closes(CLOSE, opened), {}), "next-open")
    assert list(account.price) == [100.5, 102.5, 103.5]
    assert list(account.decision) == [0, 2]


def test_the_account_ends_one_session_after_the_last_decision_was_traded(run_of, closes):
    run = run_of(closes(CLOSE, OPEN), {})
    outcome = run.outcome
    cut = {name: getattr(outcome, name)[:2] for name in vars(outcome) if name in (
        "symbol", "fold", "origin", "time", "anchor", "actual", "naive_mae", "naive_mse")}  # fmt: skip
    short = type(outcome)(symbols=("A",), forecast={"naive": outcome.forecast["naive"][:2]}, seeds={}, **cut)
    (account,) = accounts(run.prices, short, "next-close")
    assert list(account.price) == CLOSE[1:4]
    assert list(account.decision) == [0, 1]


def test_dividends_and_splits_are_in_the_returns(run_of, closes):
    """A split 2:1 before day 3: the price as traded halves, the adjusted one does not."""
    frame = closes([100.0, 101, 102, 51.5, 52], [99.0, 100.5, 101.5, 51.25, 51.75])
    frame["adj_close"] = [50.0, 50.5, 51, 51.5, 52]
    assert of(run_of(frame, {}), "next-open").price == pytest.approx([50.25, 50.75, 51.25, 51.75])


def test_data_without_opens(run_of, closes):
    for frame in (closes(CLOSE), closes(CLOSE, [np.nan] * 5)):
        run = run_of(frame, {})
        with pytest.raises(SettingError, match=r"no opens to trade at.*next-close"):
            accounts(run.prices, run.outcome, "next-open")
        assert default_execution(run.prices, run.outcome) == "next-close"
    run = run_of(closes(CLOSE, OPEN), {})
    assert default_execution(run.prices, run.outcome) == "next-open"


def test_opens_that_repeat_the_close_before_are_refused(run_of, walk):
    """As those of the S&P 500 on Yahoo before 2006: they are the close the forecast was made at."""
    frame = walk("A", 100, 0)
    frame["open"] = frame["close"].shift(1, fill_value=100)
    frame[["high", "low"]] = frame[["open", "close"]].agg(["max", "min"], axis=1)
    run = run_of(frame, {}, first=50)
    with pytest.raises(SettingError, match=r"100 % of the sessions.*use next-close"):
        accounts(run.prices, run.outcome, "next-open")
    assert default_execution(run.prices, run.outcome) == "next-close"


def test_symbols_with_calendars_of_their_own(run_of, walk):
    table = pd.concat([walk("A", 60, 0), walk("B", 40, 1).drop(index=[20, 21, 33])], ignore_index=True)
    run = run_of(table, {}, first=10)
    for account in accounts(run.prices, run.outcome, "next-close"):
        own = table[table["symbol"] == account.symbol]
        assert list(account.session) == list(own["date"].to_numpy().astype("datetime64[D]")[11:])
        assert list(run.outcome.origin[account.decision]) == list(
            own["date"].to_numpy().astype("datetime64[D]")[10:-2]
        )


@pytest.mark.parametrize("sessions", [2, 1])
def test_too_few_sessions_to_trade(run_of, closes, sessions):
    """One origin, and a session after it: it can be bought and never sold."""
    run = run_of(closes(CLOSE[:sessions] if sessions > 1 else CLOSE[:2]), {})
    with pytest.raises(SettingError, match="nothing to trade"):
        accounts(run.prices, run.outcome, "next-close")


@pytest.mark.parametrize("execution", ["same-close", "next-opne", ""])
def test_other_executions_do_not_exist(run_of, closes, execution):
    run = run_of(closes(CLOSE), {})
    with pytest.raises(SettingError, match="Known: next-open, next-close"):
        accounts(run.prices, run.outcome, execution)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (pd.bdate_range("2015-01-01", periods=300), 252),
        (pd.date_range("2015-01-01", periods=300), 365),
        (pd.date_range("2015-01-01", periods=60, freq="W"), 52),
        (pd.date_range("2015-01-01", periods=30, freq="MS"), 12),
        (pd.bdate_range("2015-01-01", periods=300, freq="C", weekmask="Sun Mon Tue Wed Thu"), 252),
        (pd.bdate_range("2015-01-05", periods=5), 252),
        (pd.bdate_range("2015-01-05", periods=1), 252),
    ],
)
def test_sessions_per_year(days, expected):
    assert sessions_per_year(days.to_numpy().astype("datetime64[D]")) == expected
