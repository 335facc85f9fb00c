"""Annual figures and words of bars that are no days, against numpy."""

import numpy as np
import pandas as pd
import pytest

from gatecast.api.backtest import backtest
from gatecast.backtesting.accounts import bars_per_year
from gatecast.errors import SettingError

HOURS = pd.date_range("2021-03-01 00:00", periods=24 * 20, freq="h")
WEEKS = pd.date_range("2015-01-02", periods=150, freq="W-FRI")
MONTHS = pd.date_range("2000-01-31", periods=90, freq="ME")
MINUTES = pd.DatetimeIndex(
    np.concatenate([
        pd.date_range(day + pd.Timedelta("9h30min"), periods=78, freq="5min")
        for day in pd.bdate_range("2021-03-01", periods=8)
    ])
)  # fmt: skip


@pytest.mark.parametrize(
    ("times", "frequency", "expected"),
    [
        (HOURS, "1h", 24 * 365),
        (MINUTES, "5min", 78 * 252),
        (WEEKS, "1w", 52),
        (MONTHS, "1mo", 12),
        (pd.date_range("2000-03-31", periods=40, freq="QE"), "1q", 4),
        (pd.date_range("1950-12-31", periods=40, freq="YE"), "1y", 1),
        (pd.bdate_range("2021-03-01", periods=60), "1d", 252),
    ],
)
def test_bars_of_a_year(times: pd.DatetimeIndex, frequency: str, expected: int) -> None:
    unit = "s" if frequency in ("1h", "5min") else "D"
    assert bars_per_year(times.to_numpy().astype(f"datetime64[{unit}]"), frequency) == expected


@pytest.mark.parametrize(
    ("times", "calendar", "per_year", "said"),
    [
        (HOURS, "24/7", 8760, "hours, 8,760 a year."),
        (MINUTES, "XNYS", 78 * 252, "bars, 19,656 a year."),
        (WEEKS, "XNYS", 52, "weeks, 52 a year."),
        (MONTHS, "XNYS", 12, "months, 12 a year."),
    ],
)
def test_annual_figures_by_hand(run_of, times, calendar, per_year, said) -> None:
    """An account that always follows its sign, without costs: figures of its returns, computed here."""
    rng = np.random.default_rng(5)
    step = 0.1 / np.sqrt(per_year)
    close = 100 * np.exp(np.cumsum(step * rng.standard_normal(len(times))))
    first = len(times) // 2
    moves = {"gru": 0.5 * step * rng.standard_normal(len(times) - 1 - first)}
    run = run_of(
        pd.DataFrame({"symbol": "A", "date": times, "close": close}), moves, first, calendar=calendar
    )
    tested = backtest(run, ["gru"], rules=["sign"], cost=0, draws=0)
    own = next(one for one in tested.strategies if one.rule == "sign")
    returns = close[first + 2 :] / close[first + 1 : -1] - 1
    earned = np.sign(moves["gru"][: len(returns)]) * returns
    assert tested.per_year == per_year
    years = len(earned) / per_year
    assert own.net.sharpe == pytest.approx(earned.mean() / earned.std(ddof=1) * np.sqrt(per_year), rel=1e-9)
    assert own.net.volatility == pytest.approx(earned.std(ddof=1) * np.sqrt(per_year), rel=1e-9)
    assert own.net.annual_return == pytest.approx(np.prod(1 + earned) ** (1 / years) - 1, rel=1e-9)
    hold = tested.hold.net
    assert hold.annual_return == pytest.approx((close[-1] / close[first + 1]) ** (1 / years) - 1, rel=1e-9)
    assert hold.turnover == pytest.approx(2 / years, rel=1e-9)
    assert f"{len(earned):,} {said}" in tested.text
    assert "session" not in tested.text


def test_times_of_the_files_are_those_of_the_bars(run_of, tmp_path) -> None:
    close = 100 * np.exp(np.cumsum(0.01 * np.random.default_rng(5).standard_normal(len(HOURS))))
    run = run_of(pd.DataFrame({"symbol": "A", "date": HOURS, "close": close}), {}, 400, calendar="24/7")
    tested = backtest(run, ["naive"], cost=0, draws=0)
    assert tested.summary()["first_session"] == "2021-03-17T17:00"
    tested.save(tmp_path / "b", charts=False)
    assert pd.read_csv(tmp_path / "b" / "daily.csv")["session"].iloc[0] == "2021-03-17 17:00"
    assert "A, 2021-03-17 17:00 to 2021-03-20 23:00" in tested.text


def test_numbered_rows_have_no_year(run_of) -> None:
    from dataclasses import replace

    run = run_of(pd.DataFrame({"symbol": "A", "date": WEEKS, "close": 100.0}), {}, 100)
    with pytest.raises(SettingError, match="a backtest needs dates"):
        backtest(replace(run, prices=replace(run.prices, frequency="index")))
