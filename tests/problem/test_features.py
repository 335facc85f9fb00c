import numpy as np
import pandas as pd
import pytest

from gatecast.data.prices import Prices
from gatecast.errors import SettingError
from gatecast.problem.features import (
    custom_features,
    difference_features,
    level_features,
    return_features,
    volatility_features,
)
from gatecast.problem.moves import DIFFERENCE
from gatecast.problem.problem import make_problem


def rolling(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"mean": table["close"].rolling(5).mean(), "close": table["close"]})


def test_the_default_features_by_hand(walks, prices_of):
    frame = walks(2, 30)
    features = return_features(prices_of(frame), "close")
    assert list(features.columns) == ["log_return", "log_range", "log_body", "log_volume_change"]
    for start in (0, 30):
        own, made = frame.iloc[start : start + 30], features.iloc[start : start + 30]
        close, volume = np.log(own["close"].to_numpy()), np.log(own["volume"].to_numpy())
        np.testing.assert_allclose(made["log_return"][1:], np.diff(close), atol=1e-15)
        np.testing.assert_allclose(made["log_volume_change"][1:], np.diff(volume), atol=1e-13)
        np.testing.assert_allclose(made["log_range"], np.log(own["high"] / own["low"]), atol=1e-14)
        np.testing.assert_allclose(made["log_body"], np.log(own["close"] / own["open"]), atol=1e-14)
        assert made.iloc[0][["log_return", "log_volume_change"]].isna().all()


def test_the_features_of_differences_by_hand(walks, prices_of):
    frame = walks(1, 30)
    frame[["open", "high", "low", "close"]] -= frame["close"].median()
    made = difference_features(prices_of(frame), "close")
    close = frame["close"].to_numpy()
    s = np.sqrt(pd.Series(np.diff(close, prepend=np.nan) ** 2).ewm(alpha=0.06).mean())[1:]
    mean = frame["close"].ewm(alpha=0.01).mean()
    assert made.iloc[0][["difference", "log_volume_change"]].isna().all()
    np.testing.assert_allclose(made["difference"][1:], np.diff(close) / s)
    np.testing.assert_allclose(made["level"][1:], (frame["close"] - mean)[1:] / s / 10)
    np.testing.assert_allclose(made["range"][1:], (frame["high"] - frame["low"])[1:] / s)
    np.testing.assert_allclose(made["body"][1:], (frame["close"] - frame["open"])[1:] / s)
    both = difference_features(prices_of(frame), "open")
    np.testing.assert_allclose(
        both["open_difference"][5:] / both["difference"][5:], np.diff(frame["open"])[4:] / np.diff(close)[4:]
    )


def test_the_features_of_the_volatility_of_differences(walks, prices_of):
    frame = walks(1, 30)
    frame[["open", "high", "low", "close"]] -= frame["close"].median()
    made = volatility_features(prices_of(frame), "close", DIFFERENCE)
    differences = difference_features(prices_of(frame), "close")
    np.testing.assert_allclose(made["shock"], differences["difference"])
    np.testing.assert_allclose(made["log_range"], np.log(differences["range"] + 0.05))
    np.testing.assert_allclose(made["level"], differences["level"])
    assert np.isfinite(made[1:].to_numpy()).all()


def test_only_closes_give_only_returns(walks, prices_of):
    prices = prices_of(walks()[["symbol", "date", "close"]])
    assert list(return_features(prices, "close").columns) == ["log_return"]
    assert list(level_features(prices, "close").columns) == ["close"]


def test_an_hour_in_which_the_price_stood_still_is_no_division_by_zero():
    """The range of an hour is divided by the factor of its time of day, read off its move where it moved."""
    rng = np.random.default_rng(0)
    hours = pd.date_range("2021-01-01", periods=24 * 200, freq="h")
    moves = 0.01 * (1 + 0.6 * (hours.hour < 8)) * rng.standard_normal(len(hours))
    moves[3000::7] = 0
    close = 100 * np.exp(np.cumsum(moves))
    frame = pd.DataFrame({"date": hours, "close": close, "high": close * 1.01, "low": close / 1.01})
    features = volatility_features(Prices.from_frame(frame, calendar="24/7"), "close")
    assert np.isfinite(features[1:].to_numpy()).all()
    assert features["log_range"][3500:].nunique() > 1000


@pytest.mark.parametrize("column", ["close", "open"])
def test_the_features_of_volatility_by_hand(walks, prices_of, column):
    """Each symbol alone, with plain loops for both EWMAs."""
    frame = walks(2, 40)
    features = volatility_features(prices_of(frame), column)
    names = ["shock", "log_size", "log_volatility", "log_range", "log_range_volatility"]
    assert list(features.columns) == names
    weights = 0.94 ** np.arange(40)
    for start in (0, 40):
        own, made = frame.iloc[start : start + 40], features.iloc[start : start + 40]
        assert made.iloc[0][["shock", "log_size"]].isna().all()
        returns = np.diff(np.log(own[column].to_numpy()))
        wide = np.log(own["high"] / own["low"]).to_numpy()
        for i in range(1, 40):
            known = weights[:i][::-1]
            volatility = np.sqrt((known * returns[:i] ** 2).sum() / known.sum())
            ranged = weights[: i + 1][::-1]
            parkinson = np.sqrt((ranged * wide[: i + 1] ** 2).sum() / ranged.sum() / (4 * np.log(2)))
            expected = [
                returns[i - 1] / volatility,
                np.log(abs(returns[i - 1]) / volatility + 0.05),
                np.log(volatility),
                np.log(wide[i] / volatility + 0.05),
                np.log(parkinson / volatility + 0.03),
            ]
            np.testing.assert_allclose(made.iloc[i], expected, rtol=1e-9)


def test_volatility_without_high_and_low_reads_returns_alone(walks, prices_of):
    features = volatility_features(prices_of(walks()[["symbol", "date", "close"]]), "close")
    assert list(features.columns) == ["shock", "log_size", "log_volatility"]
    assert np.isfinite(features.iloc[1:]).all(axis=None)


def test_features_of_odd_sessions_stay_finite(walks, prices_of):
    """Prices that stand still, a session without high or low, and one whose high is its low."""
    frame = walks(sessions=60)
    frame.loc[10, "high"], frame.loc[12, "low"] = np.nan, 0.0
    frame.loc[14, ["open", "high", "low", "close"]] = 100.0
    frame.loc[20:, ["open", "high", "low", "close"]] = 50.0
    assert np.isfinite(volatility_features(prices_of(frame), "close").iloc[1:]).all(axis=None)
    flat = frame.assign(open=5.0, high=5.0, low=5.0, close=5.0)
    features = volatility_features(prices_of(flat), "close")
    assert np.isfinite(features.iloc[1:]).all(axis=None)
    assert (features["shock"][1:] == 0).all()


def test_features_of_volatility_do_not_depend_on_the_price_level(walks, prices_of):
    frame = walks(sessions=60)
    dear = frame.copy()
    dear[["open", "high", "low", "close"]] *= 1000
    one, other = (volatility_features(prices_of(each), "close") for each in (frame, dear))
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)


@pytest.mark.parametrize("value", [np.nan, 0.0])
@pytest.mark.parametrize(
    ("column", "feature", "rows"),
    [
        ("open", "log_body", [10]),
        ("high", "log_range", [10]),
        ("low", "log_range", [10]),
        ("volume", "log_volume_change", [10, 11]),
    ],
)
def test_a_missing_cell_makes_its_feature_0_there(walks, prices_of, column, feature, rows, value):
    frame = walks(sessions=20)
    whole = return_features(prices_of(frame), "close")
    frame.loc[10, column] = value
    holed = return_features(prices_of(frame), "close")
    assert (holed.loc[rows, feature] == 0).all()
    holed.loc[rows, feature] = whole.loc[rows, feature]
    pd.testing.assert_frame_equal(holed, whole)


def test_missing_cells_do_not_delay_a_window(walks, prices_of):
    frame = walks(sessions=20)
    frame.loc[:3, ["open", "high", "low", "volume"]] = np.nan
    problem = make_problem(prices_of(frame), lookback=2, horizon=1)
    assert problem.ready.argmax() == 2


def test_levels_take_the_close_for_a_missing_price(walks, prices_of):
    frame = walks(sessions=20)
    frame.loc[10, ["open", "volume"]] = np.nan
    levels = level_features(prices_of(frame), "close")
    assert levels["open"][10] == frame["close"][10]
    assert levels["volume"][10] == 0
    pd.testing.assert_frame_equal(levels.drop(index=10), frame[levels.columns].drop(index=10))


def test_a_function_sees_one_symbol_at_a_time(walks, prices_of):
    prices = prices_of(walks(2, 30))
    seen = []

    def spy(table):
        seen.append((table.index[0], len(table), tuple(table.columns)))
        return table[["close"]]

    features = custom_features(prices, spy)
    np.testing.assert_array_equal(features["close"], prices.table["close"])
    assert {columns for *_, columns in seen} == {("open", "high", "low", "close", "volume")}
    assert max(length for _, length, _ in seen) == 30


def test_a_function_cannot_change_the_prices(walks, prices_of):
    prices = prices_of(walks(sessions=30))
    before = prices.table.copy()

    def spoil(table):
        table["close"] = 0.0
        return table[["close"]]

    custom_features(prices, spoil)
    pd.testing.assert_frame_equal(prices.table, before)


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "made_for_a_test.py").write_text(
        "import pandas as pd\n"
        "number = 3\n"
        "def rolling(table):\n"
        "    return pd.DataFrame({'mean': table['close'].rolling(5).mean(), 'close': table['close']})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "made_for_a_test"


def test_leading_gaps_delay_the_first_window(walks, prices_of, module):
    frame = walks(2, 30)
    problem = make_problem(
        prices_of(frame), lookback=3, horizon=1, features=f"{module}:rolling", replace_features=True
    )
    assert problem.names == ("mean", "close")
    np.testing.assert_array_equal(np.flatnonzero(~problem.ready), [*range(6), *range(30, 36)])
    np.testing.assert_allclose(problem.features[4, 0], frame["close"][:5].mean(), rtol=1e-6)


@pytest.mark.parametrize("end", [SystemExit(0), GeneratorExit(), BaseException("odd")])
def test_a_function_that_ends_the_process_is_refused(walks, prices_of, end):
    def ending(table):
        print("on stdout")
        raise end

    with pytest.raises(SettingError, match=f"features of A00: the function failed .{type(end).__name__}"):
        custom_features(prices_of(walks(1, 30)), ending)


def test_ctrl_c_in_a_function_is_no_fault_of_its(walks, prices_of):
    def interrupted(table):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        custom_features(prices_of(walks(1, 30)), interrupted)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_gap_in_the_middle_names_column_and_date(walks, prices_of, value):
    def holed(table):
        features = table[["close", "open"]].copy()
        features.loc["2000-01-14", "open"] = value
        return features

    with pytest.raises(SettingError, match=r'features of A00: "open" is not a finite number on 2000-01-14'):
        custom_features(prices_of(walks(sessions=30)), holed)


@pytest.mark.parametrize(
    "peek",
    [
        lambda table: table[["close"]].shift(-1),
        lambda table: table[["close"]].shift(-1).ffill(),
        lambda table: (table[["close"]] - table["close"].mean()) / table["close"].std(),
        lambda table: table[["close"]].rolling(5, center=True, min_periods=1).mean(),
        lambda table: table[["close"]].iloc[::-1].cummax().iloc[::-1],
    ],
    ids=["shift", "shift-filled", "standardised", "centred", "reversed"],
)
def test_a_function_that_reads_the_future_is_refused(walks, prices_of, peek):
    with pytest.raises(SettingError, match=r"features of A00 read the future: rows up to 2000-"):
        custom_features(prices_of(walks(2, 60)), peek)


def test_the_past_is_allowed(walks, prices_of):
    features = custom_features(prices_of(walks(2, 60)), rolling)
    assert features["mean"].isna().sum() == 8


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda table: table[["close"]].iloc[1:], "it returned DataFrame with 59 rows"),
        (lambda table: table[["close"]].reset_index(drop=True), "the sessions of A00 as its index"),
        (lambda table: table["close"], "it returned Series with 60 rows"),
        (lambda table: None, "it returned NoneType"),
        (lambda table: table[["close"]].astype(str) + "!", "features of A00: not numbers"),
        (lambda table: table[[]], "features of A00: the function returns no columns"),
        (lambda table: table[["vix"]], r"features of A00: the function failed \(KeyError: .*vix"),
        (
            lambda table: 1 / 0,
            r"features of A00: the function failed \(ZeroDivisionError: division by zero\)",
        ),
    ],
    ids=["short", "index", "series", "none", "text", "empty", "no-column", "fails"],
)
def test_a_function_that_returns_no_features_is_refused(walks, prices_of, wrong, said):
    with pytest.raises(SettingError, match=said):
        custom_features(prices_of(walks(2, 60)), wrong)


def test_columns_that_come_and_go_with_the_rows_are_refused(walks, prices_of):
    def growing(table):
        return table[["close", "open"]] if len(table) > 50 else table[["close"]]

    with pytest.raises(SettingError, match="returns other columns for 30 sessions than for 60"):
        custom_features(prices_of(walks(sessions=60)), growing)


def test_other_columns_for_other_symbols_are_refused(walks, prices_of):
    frame = walks(2, 60)
    frame.loc[60:, "close"] *= 1000

    def by_price(table):
        return table[["close"]].rename(
            columns={"close": "dear" if table["close"].iloc[0] > 1000 else "cheap"}
        )

    with pytest.raises(SettingError, match="other columns for other symbols"):
        custom_features(prices_of(frame), by_price)
