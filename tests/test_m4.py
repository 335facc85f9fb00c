"""The measures of the M4 competition, by hand."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SPEC = importlib.util.spec_from_file_location("m4", Path(__file__).parents[1] / "benchmarks" / "m4.py")
m4 = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(m4)

GROWTH = np.linspace(1, 1.5, 24)
NOISE = np.random.default_rng(0).normal(size=99)
WAVE = np.tile([2.0, 1.0, 0.5, 0.5], 6)  # multiplies a level; its mean is 1


def test_errors_of_one_series():
    known, actual, forecast = np.array([1.0, 3.0, 2.0, 5.0]), np.array([4.0, 6.0]), np.array([4.0, 2.0])
    assert m4.smape(actual, forecast) == pytest.approx(200 * (0 + 4 / 8) / 2)
    assert m4.mase(known, actual, forecast, 1) == pytest.approx(2 / 2)
    assert m4.mase(known, actual, forecast, 2) == pytest.approx(2 / 1.5)


@pytest.mark.parametrize(
    ("known", "season", "seasonal"),
    [
        (WAVE, 4, True),
        (WAVE, 1, False),
        (WAVE[:11], 4, False),
        (NOISE, 4, False),
    ],
)
def test_a_season_is_tested_for_where_three_of_it_are_known(known, season, seasonal):
    assert m4.is_seasonal(known, season) is seasonal


def test_naive2_repeats_the_season_at_the_last_level():
    np.testing.assert_allclose(m4.seasonal_indices(10 * WAVE, 4), WAVE[:4])
    np.testing.assert_allclose(m4.naive2(10 * WAVE, 6, 4), 10 * np.resize(WAVE, 6))
    assert m4.naive2(np.array([1.0, 5.0, 3.0]), 2, 1).tolist() == [3, 3]


def test_naive2_has_an_owa_of_1_and_what_is_right_of_0():
    series = {
        "a": (10 * WAVE * GROWTH, 10 * WAVE[:4] + 4),
        "b": (5 + 0 * WAVE + np.arange(24) % 3, np.full(4, 9.0)),
    }
    two = {name: m4.naive2(known, 4, 4) for name, (known, _) in series.items()}
    assert m4.owa(series, two, 4)["owa"] == pytest.approx(1)
    assert m4.owa(series, {name: actual for name, (_, actual) in series.items()}, 4)["owa"] == 0


def test_the_tables_of_series_and_of_forecasts_are_read_in_their_order():
    table = pd.DataFrame(
        {"unique_id": "a", "ds": [3, 1, 2], "y": [3.0, 1.0, 2.0], "split": ["test", "train", "train"]}
    )
    known, actual = m4.series_of(table)["a"]
    assert (known.tolist(), actual.tolist()) == ([1, 2], [3])
    forecasts = pd.DataFrame(
        {
            "model": "gru",
            "symbol": "a",
            "seed": [None, None, 0, 0],
            "origin": 2,
            "step": [2, 1, 1, 2],
            "forecast": [5.0, 4.0, 0.0, 0.0],
        }
    )
    assert m4.forecasts_of(forecasts)["gru"]["a"].tolist() == [4, 5]
    with pytest.raises(ValueError, match="a is forecast from 2 origins, not from one"):
        m4.forecasts_of(forecasts.assign(origin=[1, 2, 1, 2]))
