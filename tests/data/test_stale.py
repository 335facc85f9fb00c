"""Runs of one price: which are named, and that prices that repeat anyway are not accused."""

import numpy as np
import pandas as pd
import pytest

from gatecast.data.stale import stale_runs

from .walks import closes, walks  # isort: skip

PRICES = ["open", "high", "low", "close"]


def walk(rows=300, symbols=1):
    return walks(symbols, rows, 0.01, df=4)


def kinds(table, first):
    return [(run.kind, run.start, run.end) for run in stale_runs(table, first)]


def flat(table, start, end):
    """Rows that say nothing but the close of the row before them."""
    table.loc[start:end, PRICES] = table.loc[start - 1, "close"]


@pytest.mark.parametrize("length", [6, 8, 30])
def test_a_dead_feed_is_named(length):
    table, first = walk()
    flat(table, 100, 99 + length)
    assert kinds(table, first) == [("stale", 100, 99 + length)]
    assert kinds(closes(table), first) == [("stale", 100, 99 + length)]


def test_eight_of_twenty_rows():
    table, first = walk(20)
    flat(table, 8, 15)
    assert kinds(table, first) == [("stale", 8, 15)]


def test_several_dead_feeds_do_not_excuse_each_other():
    table, first = walk()
    for start in (50, 120, 200):
        flat(table, start, start + 19)
    assert len(kinds(table, first)) == 3


def test_bars_that_are_copied_whole():
    table, first = walk()
    table.loc[100:110, PRICES] = table.loc[99, PRICES].to_numpy(float)
    assert kinds(table, first) == [("stale", 100, 110)]


def test_a_close_that_repeats_while_the_price_moves_is_alive():
    table, first = walk()
    table.loc[100:110, "close"] = table.loc[99, "close"]
    assert kinds(table, first) == []


def test_a_tail_and_a_constant_series():
    table, first = walk(symbols=3)
    flat(table, 280, 299)
    table.loc[300:599, PRICES] = 7.0
    assert kinds(table, first) == [("stale-tail", 280, 299), ("constant", 301, 599)]


def test_without_volume_a_run_is_filler_but_at_the_end():
    table, first = walk()
    flat(table, 100, 119)
    flat(table, 280, 299)
    table.loc[[*range(100, 120), *range(280, 300)], "volume"] = 0
    assert kinds(table, first) == [("stale-tail", 280, 299)]


def coarse(rng, rows):
    """A price of five cents on a tick of one."""
    return (5 + rng.choice([0, 0, 0, 0, 0, 0, 0, 1, -1], rows)) / 100


def pegged(rng, rows):
    """A currency that hardly moves, written with four decimals."""
    return np.round(7.8 + 1e-4 * np.cumsum(rng.normal(0, 0.4, rows)), 4)


def on_holidays(rng, rows):
    """An index every day of the week, the last close repeated on weekends and holidays."""
    values = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    off = (np.arange(rows) % 7 >= 5) | (rng.random(rows) < 0.02)
    return pd.Series(values).where(~off).ffill().bfill().to_numpy()


def illiquid(rng, rows):
    """A share that trades on three days of ten."""
    values = np.exp(np.cumsum(rng.normal(0, 0.03, rows)))
    return pd.Series(values).where(rng.random(rows) < 0.3).ffill().bfill().to_numpy()


def now_and_then(rng, rows):
    """The same, but for half of the time it trades daily."""
    values = np.exp(np.cumsum(rng.normal(0, 0.03, rows)))
    chance = np.where(np.arange(rows) < rows // 2, 0.2, 1.0)
    return pd.Series(values).where(rng.random(rows) < chance).ffill().bfill().to_numpy()


@pytest.mark.parametrize("draws", [40, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.full])])
@pytest.mark.parametrize("price", [coarse, pegged, on_holidays, illiquid, now_and_then])
def test_prices_that_repeat_anyway_are_seldom_accused(price, draws):
    rng = np.random.default_rng(0)
    accused = 0
    for _ in range(draws):
        close = price(rng, 750)
        table = pd.DataFrame({"symbol": "A", "close": close, **dict.fromkeys(PRICES[:3], close)})
        accused += bool(stale_runs(table, np.array([0])))
    assert accused <= 0.02 * draws


def test_of_a_thousand_clean_walks_none_is_accused():
    table, first = walks(1000, 250, 0.01)
    table[PRICES] = table[PRICES].round(2)
    assert kinds(table, first) == []
