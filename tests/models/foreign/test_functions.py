"""Functions of a history: what they are given, what they may answer, and that they are asked once."""

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.distributions import FINE_LEVELS, LEVELS
from gatecast.errors import SettingError
from gatecast.models.foreign.answers import Answer, Answers, answer_of
from gatecast.models.foreign.functions import BATCH, Function

from ...conftest import walk_frame  # isort: skip

SMALL = {"lookback": 5, "folds": 2, "seeds": 2}


@pytest.fixture(scope="module")
def prices() -> gc.Prices:
    table = pd.concat([walk_frame("A", 200, 0), walk_frame("B", 160, 1)], ignore_index=True)
    return gc.Prices.from_frame(table, calendar="daily")


def last_three(history: pd.DataFrame, horizon: int) -> np.ndarray:
    """The mean of the last three closes."""
    return np.full(horizon, history["close"].tail(3).mean())


def test_a_function_gets_the_rows_up_to_the_origin_and_nothing_else(prices):
    seen = []

    def noted(history, horizon):
        seen.append(
            (history.attrs["symbol"], history.attrs["column"], history.index[-1], len(history), horizon)
        )
        history.iloc[:, :] = 0.0  # the next origin's history is not this one
        return last_three(prices.table[prices.table["symbol"] == seen[-1][0]].head(seen[-1][3]), horizon)

    result = gc.compare(prices, [{"mine": noted}], horizon=2, **SMALL)
    outcome = result.outcome
    assert len(seen) == len(outcome.origin)
    for place, (symbol, column, last, rows, horizon) in enumerate(seen):
        own = prices.table[prices.table["symbol"] == outcome.symbols[outcome.symbol[place]]]
        assert (symbol, column, horizon) == (own["symbol"].iloc[0], "close", 2)
        assert last == pd.Timestamp(outcome.origin[place]) == own["session"].iloc[rows - 1]
        expected = own["close"].iloc[rows - 3 : rows].mean()
        np.testing.assert_allclose(outcome.forecast["mine"][place], expected, rtol=1e-12)
    assert result.verdict.point.noun == "candidate"
    assert set(result.outcome.distributions) == set()


def test_quantiles_and_samples_are_distributions_of_the_return(prices):
    def quantiles(history, horizon):
        last = history["close"].iloc[-1]
        of_levels = {"q90": [last * 1.1], "0.5": [last], "q10": [last * 0.9]}
        return pd.DataFrame({name: values * horizon for name, values in of_levels.items()})

    def samples(history, horizon):
        return history["close"].iloc[-1] * np.exp(np.tile(np.linspace(-0.1, 0.1, 101)[:, None], (1, horizon)))

    result = gc.compare(prices, [{"q": quantiles, "s": samples}], horizon=2, **SMALL)
    ten, ninety = LEVELS.index(0.1), LEVELS.index(0.9)
    known = result.outcome.distributions
    found = known["q"].quantiles[..., [ten, ninety]]
    np.testing.assert_allclose(found, np.broadcast_to(np.log([0.9, 1.1]), found.shape))
    np.testing.assert_allclose(known["s"].quantiles[..., ninety], 0.08, atol=1e-3)
    np.testing.assert_allclose(result.outcome.forecast["q"], result.outcome.anchor[:, None] * np.ones(2))


def test_batches_are_answered_as_one_by_one(prices):
    sizes = []

    def batched(histories, horizon):
        sizes.append(len(histories))
        return [last_three(history, horizon) for history in histories]

    result = gc.compare(prices, [{"one": last_three, "many": Function(batched, batched=True)}], **SMALL)
    np.testing.assert_array_equal(result.outcome.forecast["one"], result.outcome.forecast["many"])
    assert 1 < max(sizes) <= BATCH


def test_several_processes_answer_the_same(prices, tmp_path, monkeypatch):
    (tmp_path / "newest_bar.py").write_text(
        "def newest(history, horizon):\n    return history['close'].tail(3).mean()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    once = SMALL | {"folds": 1}  # processes start once for each test
    result = gc.compare(prices, ["newest_bar:newest", {"several": several()}], **once)
    np.testing.assert_array_equal(result.outcome.forecast["newest"], result.outcome.forecast["several"])
    with pytest.raises(SettingError, match=r'model "mine" failed \((AttributeError|PicklingError)'):
        gc.compare(prices, [{"mine": Function(lambda history, horizon: 1.0, processes=2)}], **once)


def several() -> Function:
    from newest_bar import newest

    return Function(newest, processes=2)


class MeanReturn:
    """Forecasts the mean return of all that it was fitted on."""

    def __init__(self) -> None:
        self.fits: list[list[pd.Timestamp]] = []

    def fit(self, histories, horizon):
        self.fits.append([history.index[-1] for history in histories])
        returns = np.concatenate([np.diff(np.log(history["close"])) for history in histories])
        return lambda history, horizon: (
            history["close"].iloc[-1] * np.exp(returns.mean() * np.arange(1, horizon + 1))
        )

    def __call__(self, history, horizon):
        raise AssertionError("the fitted one is called")


def test_what_can_be_fitted_is_fitted_once_per_fold_on_bars_before_the_test(prices):
    model = MeanReturn()
    result = gc.compare(prices, [{"mean-return": model}], horizon=3, **SMALL)
    assert len(model.fits) == 2
    for ends, start in zip(model.fits, result.outcome.test_starts, strict=True):
        assert max(ends) < pd.Timestamp(start)
        assert len(ends) == 2


def test_answers_are_kept_and_not_asked_again(prices, tmp_path):
    asked, prices = [], prices.select(["A"])

    def counted(history, horizon):
        asked.append(len(history))
        return {0.1: [90.0] * horizon, 0.9: [110.0] * horizon}

    file, once = tmp_path / "answers.parquet", SMALL | {"folds": 1}
    first = gc.compare(prices, [{"mine": Function(counted, answers=file)}], **once)
    count = len(asked)
    second = gc.compare(prices, [{"mine": Function(counted, answers=file)}], **once)
    assert len(asked) == count == len(first.outcome.origin)
    np.testing.assert_array_equal(first.outcome.forecast["mine"], second.outcome.forecast["mine"])
    changed = prices.table.assign(close=prices.table["close"] * 1.0001)
    gc.compare(
        gc.Prices.from_frame(changed, calendar="daily"), [{"mine": Function(counted, answers=file)}], **once
    )
    assert len(asked) == 2 * count
    first.save(tmp_path / "run", charts=False)
    kept = pd.read_parquet(tmp_path / "run" / "answers" / "mine.parquet")
    pd.testing.assert_frame_equal(kept, first.answers["mine"])


def test_answers_come_back_from_their_file_whatever_they_are(tmp_path):
    answers = Answers(tmp_path / "a.parquet")
    answers.add("point", Answer((), np.array([[1.0], [2.0]])))
    answers.add("three", Answer((0.1, 0.5, 0.9), np.array([[1.0, 2.0, 3.0]])))
    answers.write()
    again = Answers(tmp_path / "a.parquet")
    assert set(again.known) == {"point", "three"}
    for key, answer in answers.known.items():
        assert again[key].levels == answer.levels
        np.testing.assert_array_equal(again[key].prices, answer.prices)
    pd.DataFrame({"close": [1.0]}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(SettingError, match=r"b\.parquet: no file of answers"):
        Answers(tmp_path / "b.parquet")


@pytest.mark.parametrize(
    ("answer", "horizon", "message"),
    [
        (1.0, 2, r"returned \(\)\. Return 2 prices; or quantiles"),
        ([1.0, 2.0, 3.0], 2, r"returned \(3,\)"),
        ([1.0, -2.0], 2, "step 2 is -2, not a price above 0. Forecasts are prices, not returns"),
        ([np.nan], 1, "step 1 is nan"),
        ({"q10": [1.0]}, 1, "at least two quantiles, not 1"),
        ({"q10": [1.0], "median": [1.0]}, 1, '"median" is no level; write 0.1 or "q10"'),
        ({0.1: [1.0, 2.0], 0.9: [1.0, 2.0]}, 1, r"Return 1 prices"),
        ("up", 1, "returned str, not numbers"),
        (np.ones((5, 1)), 1, "samples"),
    ],
)
def test_answers_that_are_none(answer, horizon, message):
    with pytest.raises(SettingError, match=message):
        answer_of(answer, horizon)


def test_an_answer_that_is_none_is_said_with_its_place(prices):
    def late(history, horizon):
        return 1.0 if history.attrs["symbol"] == "A" else -1.0

    with pytest.raises(
        SettingError, match=r'^model "mine", B at the close of 2\d{3}-\d\d-\d\d: step 1 is -1, '
    ):
        gc.compare(prices, [{"mine": late}], **SMALL)


def test_answers_in_every_form():
    assert answer_of(2, 1).prices.tolist() == [[2.0]]
    assert answer_of(pd.Series([1, 2]), 2).prices.tolist() == [[1.0], [2.0]]
    for name in ("q0.1", "0.1", 0.1, "q10", "p10", "10", "quantile_0.1"):
        assert answer_of({name: [1.0], 0.9: [2.0]}, 1).levels == (0.1, 0.9)
    crossed = answer_of({"p90": [1.0], 0.1: [2.0]}, 1)
    assert (crossed.levels, crossed.prices.tolist()) == ((0.1, 0.9), [[1.0, 2.0]])
    assert answer_of(np.ones((20, 3)), 3).levels == tuple(FINE_LEVELS)


def test_a_function_that_answers_in_different_ways(prices):
    def moody(history, horizon):
        close = history["close"].iloc[-1]
        return [close] if len(history) % 2 else {0.1: [close], 0.9: [close]}

    with pytest.raises(SettingError, match='model "moody" answers in different ways at different origins'):
        gc.compare(prices, [{"moody": moody}], **SMALL)


def test_the_last_day_of_a_training_is_a_day_before_the_work_begins():
    for day in ("2024-13-01", "May 2024"):
        with pytest.raises(SettingError, match=r"trained_until = .*: is not a date. Write it as YYYY-MM-DD"):
            Function(last_three, trained_until=day)


def test_days_that_a_pretrained_model_may_have_seen_are_said_and_the_others_judged_apart(prices):
    until = {"old": "2010-01-01", "half": "2015-09-07", "all": "unknown"}
    models = {name: Function(last_three, trained_until=day) for name, day in until.items()}
    result = gc.compare(prices, [models], **SMALL)
    text = result.verdict.text
    days = len(np.unique(result.outcome.origin))
    later = len(np.unique(result.outcome.origin[result.outcome.time[:, 0] > np.datetime64("2015-09-07")]))
    assert 20 < later < days
    assert "The model old was trained elsewhere, until 2010-01-01, before the test." in text
    assert f"may have seen the bars up to 2015-09-07, {days - later} of {days} test days." in text
    assert (
        f"On the {later} days that half cannot have seen, its skill in squared error against naive is" in text
    )
    assert (
        f"The model all was trained elsewhere, until an unknown day: it may have seen all {days} test days"
        in text
    )
