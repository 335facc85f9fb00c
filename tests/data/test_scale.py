"""Scale errors and dead feeds in words, each kind once, with counts and first places."""

import numpy as np
import pandas as pd
import pytest

from gatecast.data.checks import check, starts
from gatecast.data.prices import Prices
from gatecast.data.repairs import repair
from gatecast.errors import DataError

PRICES = ["Open", "High", "Low", "Close"]


def oddities(frame, **options):
    return {oddity.kind: oddity for oddity in Prices.from_frame(frame, **options).oddities}


def test_pence_and_pounds(frame):
    frame.loc[20:, [*PRICES, "Adj Close"]] /= 100
    found = oddities(frame)
    assert set(found) == {"unit"}
    assert found["unit"].count == 10
    assert "10 rows are written in other units than most, by a factor of 100" in found["unit"].text
    assert "(2020-01-31, 2020-02-03, 2020-02-04, …)" in found["unit"].text
    close = frame["Close"].iloc[20]
    assert f"close {close:.10g} instead of {close * 100:.10g}" in found["unit"].rows[0]


def test_one_cell_in_other_units(frame):
    frame.loc[7, "Low"] *= 100
    found = oddities(frame)
    assert found["unit"].rows[0].startswith("2020-01-13: low ")
    assert found["bad-ohl"].count == 1  # low above high


def test_a_jump_and_the_way_back(frame):
    frame.loc[10:11, [*PRICES, "Adj Close"]] *= 1.6
    (oddity,) = oddities(frame).values()
    assert (oddity.kind, oddity.count) == ("jump", 1)
    assert oddity.rows[0].endswith("usual moves, and back on 2020-01-21")
    assert "1 move from one bar to the next is beyond 30 usual ones (2020-01-16)" in oddity.text
    assert "kept as real moves" in oddity.text


def test_a_dividend_that_the_adjusted_close_knows(frame):
    frame.loc[:9, PRICES] *= 1.7
    (oddity,) = oddities(frame).values()
    assert oddity.rows[0].endswith("the adjusted close does not jump, as after a dividend or a spin-off")


def test_adjusted_prices_are_judged_as_they_are_used(frame):
    frame.loc[:9, PRICES] *= 2
    assert set(oddities(frame)) == {"split"}
    assert oddities(frame, adjust=True) == {}


def test_the_column_that_tells_a_split(frame):
    frame["Split Ratio"] = 1.0
    frame.loc[10, "Split Ratio"] = 1.25
    frame.loc[:9, [*PRICES, "Adj Close"]] *= 1.25
    oddity = oddities(frame)["split"]
    assert oddity.rows[0].endswith("as in a 5:4 split by the column split_ratio")


def stale(frame, start, end):
    for name in PRICES:
        frame.loc[start:end, name] = frame["Close"].iloc[start - 1]


def test_a_dead_feed(frame):
    stale(frame, 10, 17)
    oddity = oddities(frame)["stale"]
    assert oddity.count == 8
    assert "8 rows repeat the price before, in 1 run that chance does not explain (2020-01-16)" in oddity.text
    assert oddity.rows[0].startswith("2020-01-16: 8 rows with close ")
    assert oddity.rows[0].endswith("until 2020-01-28")


def test_an_end_after_a_delisting_and_a_constant_series(frame):
    stale(frame, 16, 29)
    constant = frame.assign(**dict.fromkeys(PRICES, 5.0))
    found = oddities(pd.concat([frame.assign(symbol="A"), constant.assign(symbol="B")]))
    assert (found["stale-tail"].count, found["constant"].count) == (14, 29)
    assert "no other price follows" in found["stale-tail"].text
    assert "all rows have one price" in found["constant"].text


@pytest.mark.parametrize("kind", ["unit", "split", "stale-tail"])
def test_what_can_be_repaired_says_so(frame, kind):
    if kind == "stale-tail":
        stale(frame, 16, 29)
    else:
        frame.loc[:9, PRICES] *= 2 if kind == "split" else 100
    assert "gatecast.data.sources.fix" in oddities(frame)[kind].text


def test_prices_below_zero_are_read_counted_and_named(frame):
    frame.loc[[10, 12], "Close"] = [-37.63, 0.0]
    found = oddities(frame)["non-positive"]
    assert found.count == 2 and found.rows[0].endswith("close -37.63")
    assert 'target="difference"' in found.text


def test_what_is_judged_by_ratios_is_not_looked_for_where_a_price_is_below_zero(frame):
    frame.loc[:14, PRICES] *= 2  # a split
    assert "split" in oddities(frame)
    frame.loc[20, PRICES] = [-36, -35, -38, -37.63]
    assert not {"split", "jump", "unit", "bad-ohl"} & set(oddities(frame))
    below = frame.assign(symbol="B")
    other = frame.assign(symbol="A", **{name: frame[name].abs() for name in PRICES})
    assert "split" in {one.kind for one in Prices.from_frame(pd.concat([other, below])).oddities}, "of A"


def test_open_high_and_low_below_zero_are_impossible_where_no_close_is(frame):
    frame.loc[3, "Low"] = -1.0
    assert oddities(frame)["bad-ohl"].count == 1
    frame.loc[20, "Close"] = -1.0
    assert "bad-ohl" not in oddities(frame)


def test_a_zero_far_from_its_neighbours_is_no_price(frame):
    frame.loc[[10, 11], "Close"] = 0.0
    with pytest.raises(DataError) as error:
        Prices.from_frame(frame)
    text = str(error.value)
    assert "far from the closes around it (row 11, column Close, value 0.0, 2 such rows)" in text
    assert 'start="2020-01-18" (18 rows after them)' in text
    assert 'end="2020-01-15" (10 rows before them)' in text


def test_a_zero_of_one_symbol(frame):
    zero = frame.assign(symbol="CL")
    zero.loc[5, "Close"] = 0.0
    with pytest.raises(DataError, match=r", or symbols without CL$"):
        Prices.from_frame(pd.concat([frame.assign(symbol="A"), zero]))


def test_a_rate_reaches_zero():
    rate = [0.03, 0.02, 0.02, 0.01, 0.0, 0.0, 0.01, 0.02, 0.03, 0.02]
    days = pd.bdate_range("2011-08-01", periods=len(rate))
    prices = Prices.from_frame(pd.DataFrame({"Date": days, "Close": rate}))
    assert list(prices.table["close"]) == rate


def test_prices_below_zero_are_not_adjusted(frame):
    frame.loc[20, "Close"] = -1.0
    with pytest.raises(DataError, match="means nothing where a close is zero or below, as that of prices on"):
        Prices.from_frame(frame, adjust=True)


@pytest.mark.parametrize("draws", [10, pytest.param(500, marks=[pytest.mark.slow, pytest.mark.full])])
def test_whatever_the_numbers_checks_and_repairs_end_and_once_is_enough(draws):
    rng, again = np.random.default_rng(0), 0
    for _ in range(draws):
        table = wild(rng)
        check(table, starts(table), dict.fromkeys("ABC", "weekdays"))
        repaired, _ = repair(table)
        again += repair(repaired)[1] != ()
    assert again <= 0.005 * draws


def wild(rng):
    """A few walks of any length and size, with leaps, dead feeds and cells that are no prices."""
    symbols, rows, size = rng.integers(1, 4), rng.integers(1, 120), 10 ** rng.uniform(-4, -0.3)
    close = np.exp(np.cumsum(rng.standard_t(2, (symbols, rows)) * size, axis=1)) * 10 ** rng.uniform(-6, 6)
    for _ in range(rng.integers(0, 4)):
        start = rng.integers(0, rows)
        close[:, start : rng.integers(start, rows) + 1] *= rng.choice([100, 0.01, 1000, 2, 0.5, 0.1, 7])
    if rng.random() < 0.3:
        start = rng.integers(0, rows)
        close[:, start:] = close[:, start : start + 1]
    close = np.clip(close, 1e-29, 1e29).ravel()
    table = pd.DataFrame(
        {
            "symbol": np.repeat(list("ABC")[:symbols], rows),
            "session": np.tile(pd.bdate_range("2001-01-01", periods=rows), symbols),
            "close": close,
        }
    )
    odd = rng.random(len(close)) < 0.02
    if rng.random() < 0.7:
        for name in ("open", "high", "low"):
            bad = rng.choice([100, 0, np.nan, -1, np.inf])
            table[name] = close * np.exp(rng.normal(0, size, len(close))) * np.where(odd, bad, 1)
    if rng.random() < 0.5:
        table["volume"] = np.where(odd, rng.choice([0, np.nan, -3]), 1000.0)
    if rng.random() < 0.3:
        table["adj_close"] = close * rng.choice([1, 0.5, 0, np.nan], len(close))
    if rng.random() < 0.3:
        table["stock_splits"] = rng.choice([0, 1, 2, np.nan, -1, np.inf, 1e-300], len(close))
    return table.astype({"symbol": str, "session": "datetime64[ns]"})
