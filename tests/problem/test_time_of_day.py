from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.problem.problem import make_problem
from gatecast.problem.time_of_day import FEWEST, HALF_LIFE, SLOW, time_of_day

HOURS = np.arange(24)
TRUE = 1 + 0.5 * np.cos(2 * np.pi * (HOURS - 15) / 24)
TRUE = TRUE / np.sqrt(np.mean(TRUE**2))


def hourly(days: int, factors: np.ndarray = TRUE, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Log returns whose standard deviation has these factors by the hour, and their times."""
    rng = np.random.default_rng(seed)
    times = np.datetime64("2021-01-01", "s") + 3600 * np.arange(24 * days).astype("timedelta64[s]")
    slow = np.exp(0.5 * np.sin(np.arange(24 * days) / 500))
    return 0.01 * slow * np.tile(factors, days) * rng.standard_t(5, 24 * days) / np.sqrt(5 / 3), times


def prices(returns: np.ndarray, times: np.ndarray) -> gc.Prices:
    close = 100 * np.exp(np.cumsum(returns))
    return gc.Prices.from_frame(pd.DataFrame({"date": times, "close": close}), calendar="24/7")


def test_the_true_pattern_is_found() -> None:
    returns, times = hourly(400)
    found = time_of_day(returns, times)
    assert found.minutes.tolist() == (60 * HOURS).tolist()
    np.testing.assert_allclose(found.factors[-1], TRUE, rtol=0.12)
    np.testing.assert_allclose(np.mean(found.factors**2, axis=1), 1, rtol=1e-6)
    assert (found.factors[:FEWEST] == 1).all()


def test_where_there_is_none_none_is_found() -> None:
    """Of ten series without a pattern none is given one on more than a tenth of its days."""
    given = [
        (time_of_day(*hourly(300, np.ones(24), seed=seed)).factors != 1).any(axis=1).mean()
        for seed in range(10)
    ]
    assert max(given) < 0.1 and np.mean(given) < 0.02


def test_the_factors_by_the_formula() -> None:
    returns, times = hourly(40)
    size = np.abs(returns).reshape(40, 24)
    relative = np.array(
        [size[d] / size[max(d - SLOW, 0) : d].mean() if d else np.full(24, np.nan) for d in range(40)]
    )
    weight = 0.5 ** ((38 - np.arange(1, 39)) / HALF_LIFE)  # of days 1 to 38, for day 39
    part = relative[1:39]
    mean = weight @ part / weight.sum()
    level = mean.mean()
    variance = (weight @ (part**2)).sum() / (24 * weight.sum()) - level**2
    noise = variance * (weight**2).sum() / weight.sum() ** 2
    between = np.mean((mean - level) ** 2) - noise
    factor = 1 + between / (between + noise) * (mean / level - 1)
    expected = factor / np.sqrt(np.mean(factor**2))
    np.testing.assert_allclose(time_of_day(returns, times).factors[39], expected, rtol=1e-9)


def test_the_unit_grows_with_the_variance_of_the_hours_ahead() -> None:
    problem = make_problem(prices(*hourly(400)), lookback=5, horizon=24)
    rows = np.arange(24 * 300, 24 * 399)
    ratio = problem.unit(rows) / problem.volatility[rows, None]
    np.testing.assert_allclose(ratio[:, -1], np.sqrt(24), rtol=1e-3)  # a whole day
    hour = (rows + 1) % 24
    np.testing.assert_allclose(ratio[:, 0], TRUE[hour], rtol=0.15)
    last = problem.unit(np.array([24 * 400 - 1]))  # the bars after the last are dated by the timetable
    np.testing.assert_allclose(last[0] / problem.volatility[-1], ratio[-1], rtol=0.02)
    daily = make_problem(
        gc.Prices.from_frame(pd.DataFrame({"date": pd.bdate_range("2021-01-04", periods=60), "close": 5.0})),
        lookback=5, horizon=3,
    )  # fmt: skip
    np.testing.assert_array_equal(daily.bars_ahead(np.arange(2)), [[1, 2, 3], [1, 2, 3]])


def test_intervals_hold_at_every_hour() -> None:
    """80 % at one step; intervals of one width for all hours do not."""
    rivals = ["ewma-t", "garch-t"]
    result = gc.compare(prices(*hourly(500, seed=4)), rivals, folds=2, lookback=5, test_size=0.4)
    hour = result.outcome.time[:, 0].astype("datetime64[h]").astype(int) % 24
    for name in rivals:
        hit = np.abs(result.outcome.distributions[name].pit[:, 0] - 0.5) <= 0.4
        held = np.array([hit[hour == one].mean() for one in HOURS])
        assert np.abs(held - 0.8).max() < 0.1  # four standard errors of 200 days
    flat = np.empty(24)
    width = np.quantile(np.abs(result.outcome.actual_return[:, 0]), 0.8)
    for one in HOURS:
        flat[one] = (np.abs(result.outcome.actual_return[hour == one, 0]) <= width).mean()
    assert np.abs(flat - 0.8).max() > 0.15


@pytest.mark.parametrize("broken", [False, True])
def test_what_was_known_does_not_change_with_later_prices(broken: bool) -> None:
    returns, times = hourly(120)
    changed = returns.copy()
    cut = 24 * 80 + 7
    changed[cut + 1 :] *= np.random.default_rng(1).uniform(0.2, 5, len(changed) - cut - 1)
    one, other = (make_problem(prices(of, times), lookback=5, horizon=24) for of in (returns, changed))
    if broken:  # the twin takes the pattern of the last day for all days

        def unit(problem, of):
            factor = time_of_day(of, times).factors[-1]
            return (
                problem.volatility[: cut + 1]
                * factor[times[: cut + 1].astype("datetime64[h]").astype(int) % 24]
            )

        assert not np.array_equal(unit(one, returns), unit(other, changed))
        return
    rows = np.arange(cut + 1)
    np.testing.assert_array_equal(one.unit(rows), other.unit(rows))
    np.testing.assert_array_equal(one.volatility[rows], other.volatility[rows])


def test_a_saved_forecaster_of_hours_forecasts_the_same(tmp_path) -> None:
    returns, times = hourly(40)
    settings = {"horizon": 3, "lookback": 5, "seeds": 1, "training": gc.Training(epochs=1)}
    model = gc.Forecaster(gc.Network(cell="rnn", hidden_size=2, output="student_t"), **settings)
    model.fit(prices(returns, times))
    model.save(tmp_path / "saved")
    again = gc.Forecaster.load(tmp_path / "saved")
    pd.testing.assert_frame_equal(again.forecast(), model.forecast())
    assert again.forecast()["time"].astype(str).tolist() == [f"2021-02-10 0{hour}:00:00" for hour in range(3)]
