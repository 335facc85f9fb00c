import dataclasses

import numpy as np
import pandas as pd
import pytest

from gatecast.errors import DataError, SettingError
from gatecast.problem.problem import make_problem
from gatecast.problem.scaling import fit_scale

H = 3


@pytest.fixture(scope="module")
def frame(walks):
    """Two symbols with columns of every kind."""
    table, rng = walks(2, 60), np.random.default_rng(3)
    return table.assign(
        vix=rng.normal(20, 3, len(table)),
        earnings=rng.integers(0, 2, len(table)) * 1.0,
        sector=np.where(table["symbol"] == "A00", "tech", "bank"),
        beta=np.where(table["symbol"] == "A00", 0.8, 1.2),
    )


@pytest.fixture(scope="module")
def prices(frame, prices_of):
    return prices_of(frame)


def problem_of(prices, **chosen):
    return make_problem(prices, lookback=5, horizon=H, **chosen)


def test_without_covariates_all_is_as_it_was(prices):
    problem = problem_of(prices)
    assert problem.names == ("log_return", "log_range", "log_body", "log_volume_change")
    assert (problem.known.shape, problem.known_names, problem.static_names) == ((0, 0), (), ())


def test_past_columns_are_features_as_they_stand(prices, frame):
    problem = problem_of(prices, past=("VIX", "volume"))
    assert problem.names[-2:] == ("vix", "volume")
    np.testing.assert_array_equal(problem.features[:, -2], frame["vix"].astype(np.float32))


def test_what_is_known_is_a_feature_and_known_for_the_bars_ahead(prices, frame):
    problem = problem_of(prices, future=("earnings", "days_to_month_end"))
    names = ("earnings", "days_to_month_end")
    assert problem.known_names == problem.names[-2:] == names
    assert problem.known.shape == (120 + 2 * H, 2)
    np.testing.assert_array_equal(problem.known[problem.known_row], problem.features[:, -2:])
    origins = np.array([10, 59, 70])
    ahead = problem.known[problem.known_row[origins, None] + np.arange(1, H + 1)]
    np.testing.assert_array_equal(ahead[0, :, 0], frame["earnings"][11:14])
    np.testing.assert_array_equal(ahead[2, :, 0], frame["earnings"][71:74])
    assert np.isnan(ahead[1, :, 0]).all()  # nobody knows the column after the last row
    dates = pd.date_range(frame["date"][59] + pd.Timedelta(days=1), periods=H)  # the calendar is 24/7
    np.testing.assert_array_equal(ahead[1, :, 1], (dates + pd.offsets.MonthEnd(0) - dates).days)


def test_the_future_is_taken_from_a_table(prices, frame):
    problem = problem_of(prices, future=("earnings", "weekday"))
    origins, calendar = np.array([59, 119]), prices.timetable
    with pytest.raises(
        DataError, match=r"earnings must be known in advance, and is not for A00 on 2000-03-25, 2000-03-26, "
    ):
        problem.require_known(origins, calendar)
    days = pd.date_range("2000-03-20", periods=12)
    table = pd.DataFrame({"session": days, "earnings": np.arange(12.0)})
    known = problem.with_future(table, calendar)
    known.require_known(origins, calendar)
    ahead = known.known[known.known_row[origins, None] + np.arange(1, H + 1)]
    np.testing.assert_array_equal(ahead[..., 0], [[5, 6, 7], [5, 6, 7]])
    unchanged = np.isfinite(problem.known)
    np.testing.assert_array_equal(known.known[unchanged], problem.known[unchanged])
    by_symbol = pd.concat([table.assign(symbol="A00"), table.assign(symbol="A01", earnings=9.0)])
    known = problem.with_future(by_symbol, calendar)
    assert (known.known[known.known_row[119] + 1 :, 0] == 9).all()
    with pytest.raises(DataError, match=r"is not for A01 on 2000-03-25, 2000-03-26, 2000-03-27\."):
        problem.with_future(table.assign(symbol="A00"), calendar).require_known(origins, calendar)
    with pytest.raises(SettingError, match="none of the columns earnings, weekday_monday"):
        problem.with_future(table[["session"]], calendar)


def test_a_cut_to_windows_keeps_what_is_known(prices):
    problem = problem_of(prices, future=("earnings", "month"), static=("sector",))
    origins = np.array([30, 100])
    tail = problem.cut_to_windows(origins)
    assert tail.known.shape == (2 * (5 + H), 3)
    for row, origin in zip(np.unique(tail.last), origins, strict=True):
        np.testing.assert_array_equal(
            tail.known[tail.known_row[row] - 4 : tail.known_row[row] + H + 1],
            problem.known[problem.known_row[origin] - 4 : problem.known_row[origin] + H + 1],
        )


def test_static_text_is_one_column_per_category_and_a_number_stays_one(prices):
    problem = problem_of(prices, static=("sector", "beta"))
    assert problem.static_names == problem.names[-3:] == ("sector=bank", "sector=tech", "beta")
    np.testing.assert_array_equal(problem.features[[0, 119], -3:], np.float32([[0, 1, 0.8], [1, 0, 1.2]]))


@pytest.mark.parametrize("scaler", ["standard", "minmax", "none"])
def test_static_features_are_scaled_over_the_symbols(prices, scaler):
    """Within a symbol they do not vary: scaled by it they would say nothing."""
    problem = problem_of(prices, static=("sector", "beta"))
    scale = fit_scale(problem, np.flatnonzero(problem.ready), scaler)
    rows = np.array([0, 119])
    scaled = (problem.features[rows] - scale.x_offset[[0, 1]]) / scale.x_scale[[0, 1]]
    expected = {
        "standard": [[-1, 1, -1], [1, -1, 1]],
        "minmax": [[0, 1, 0], [1, 0, 1]],
        "none": [[0, 1, 0.8], [1, 0, 1.2]],
    }[scaler]
    np.testing.assert_allclose(scaled[:, -3:], expected, rtol=1e-5)


def test_categories_are_those_that_were_fitted(prices):
    fitted = problem_of(prices, static=("sector",))
    alone = problem_of(prices.select("A00"), static=("sector",), seen=fitted.names)
    assert alone.names == fitted.names
    bank = [name for name in fitted.names if name != "sector=tech"]
    with pytest.raises(
        DataError, match=r'A00 has the sector "tech", which was not among those fitted \(bank'
    ):
        problem_of(prices, static=("sector",), seen=bank)


def test_a_symbol_without_a_text_has_a_category_of_its_own(frame, prices_of):
    holed = frame.assign(sector=frame["sector"].where(frame["symbol"] == "A00"))
    assert problem_of(prices_of(holed), static=("sector",)).static_names == ("sector=", "sector=tech")


def test_the_market_is_a_feature(prices):
    problem = problem_of(prices, market=True)
    assert problem.names[-2:] == ("market_return", "market_log_volatility")


def test_leading_gaps_delay_the_first_window(frame, prices_of):
    late = frame.assign(vix=frame["vix"].where(frame.index % 60 >= 10))
    problem = problem_of(prices_of(late), past=("vix",))
    assert (problem.ready.argmax(), problem.ready[60:].argmax()) == (14, 14)


@pytest.mark.parametrize("setting", ["past", "future"])
def test_later_gaps_name_symbol_and_date(frame, prices_of, setting):
    holed = frame.assign(vix=frame["vix"].where(~frame.index.isin([70, 71])))
    with pytest.raises(
        DataError, match=r'the column "vix" has no value for A01 on 2000-01-17 .*2 such rows.*gatecast\.join'
    ):
        problem_of(prices_of(holed), **{setting: ("vix",)})
    empty = frame.assign(vix=frame["vix"].where(frame["symbol"] == "A00"))
    with pytest.raises(DataError, match='the column "vix" has no value for A01 '):
        problem_of(prices_of(empty), **{setting: ("vix",)})


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (
            {"past": ("vixx",)},
            r"past = 'vixx': is no column of the data\. Did you mean \"vix\"\? There are open, high, low, "
            "close, volume, beta, earnings, sector, vix$",
        ),
        (
            {"future": ("weekdays",)},
            r"Did you mean \"weekday\"\? There are .*; what the calendar and the seasons say: weekday, ",
        ),
        ({"past": ("vix",), "future": ("vix",)}, 'the column "vix" is asked for as past and future'),
        ({"past": ("vix", "VIX")}, 'the column "vix" is asked for as past twice'),
        ({"future": ("close",)}, "future = 'close': is a price or volume, which nobody knows in advance"),
        ({"future": ("time_of_day",)}, "future = 'time_of_day': is the same for every daily bar"),
        ({"past": ("sector",)}, "past = 'sector': is text; text can be static alone"),
        (
            {"static": ("vix",)},
            r"static = 'vix': changes within a symbol: A00 on 2000-01-03 it is .* \(row 1\)",
        ),
        ({"past": ("log_return",)}, "past = 'log_return': is no column"),
    ],
)
def test_names_that_cannot_be_used(prices, chosen, said):
    with pytest.raises(SettingError, match=said):
        problem_of(prices, **chosen)


def test_text_that_changes_within_a_symbol_says_where(frame, prices_of):
    turned = frame.assign(sector=np.where(frame.index == 33, "bank", frame["sector"]))
    said = (
        r"static = 'sector': is text that changes within a symbol: A00 has \"tech\" in row 1 and \"bank\" in "
        "row 34"
    )
    with pytest.raises(SettingError, match=said):
        problem_of(prices_of(turned), static=("sector",))


def test_a_column_that_is_called_as_what_the_calendar_says(frame, prices_of):
    with pytest.raises(SettingError, match='rename the column "month"'):
        problem_of(prices_of(frame.assign(month=1.0)), future=("month",))


def test_two_features_of_one_name(prices):
    with pytest.raises(SettingError, match='"log_return" is among the features twice'):
        problem_of(prices, features=lambda table: table[["close"]].rename(columns={"close": "log_return"}))
    with pytest.raises(SettingError, match='"volume" is among the features twice'):
        problem_of(prices, target="close", past=("volume",))


def test_own_features_stand_beside_the_default_ones_unless_alone(prices):
    def moves(table: pd.DataFrame) -> pd.DataFrame:
        assert table.attrs["symbol"] in ("A00", "A01")
        sign = 1 if table.attrs["symbol"] == "A00" else -1
        return pd.DataFrame({"signed": sign * table["close"].pct_change(fill_method=None)})

    whole = problem_of(prices, features=moves)
    alone = problem_of(prices, features=moves, replace_features=True)
    assert whole.names == (*problem_of(prices).names, "signed")
    assert alone.names == ("signed",)
    np.testing.assert_array_equal(whole.features[:, -1], alone.features[:, 0])


def test_a_calendar_that_ends_leaves_the_bars_ahead_open(prices):
    session = prices.table["session"] + pd.Timedelta(days=365 * 200)
    calendar = {"A00": "24/7", "A01": "XNYS"}
    late = dataclasses.replace(prices, table=prices.table.assign(session=session), calendar=calendar)
    problem = problem_of(late, future=("weekday",))
    assert np.isfinite(problem.known[60 : 60 + H]).all()
    assert np.isnan(problem.known[-H:]).all()
    with pytest.raises(DataError, match="the calendar XNYS knows only 0 sessions after 2200-02-04"):
        problem.require_known(np.array([59, 119]), late.timetable)
