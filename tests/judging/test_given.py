import numpy as np
import pandas as pd
import polars as pl
import pytest

from gatecast.errors import DataError
from gatecast.judging.given import read_given

DAYS = pd.bdate_range("2024-01-02", periods=3)
PRICE = np.array([100.0, 101.0, 102.0])
LONG = pd.DataFrame({"unique_id": "A", "ds": DAYS[1:], "cutoff": DAYS[:2], "y": PRICE[1:]})


def given(frame, column="close"):
    return read_given(frame, column, {"A": "weekdays"})


def test_nixtlas_columns_are_one_model_each():
    frame = LONG.assign(
        **{"TFT": 100.0, "TFT-lo-80": 98.0, "TFT-hi-80": 102.0, "NHITS-median": 99.0, "NHITS_ql0.1": 97.0}
    )
    found = given(frame)
    assert list(found.models) == ["TFT", "NHITS"]
    tft, nhits = found.models.values()
    assert tft.point.tolist() == [100, 100] and tft.levels.tolist() == [0.1, 0.5, 0.9]
    assert tft.quantiles[0].tolist() == [98, 100, 102]
    assert nhits.point is None and nhits.levels.tolist() == [0.1, 0.5]
    assert tft.table["origin"].tolist() == list(DAYS[:2]) and tft.table["actual"].tolist() == [101, 102]
    assert found.notes == ("TFT: its forecast is taken as the median of its distribution",)


@pytest.mark.parametrize(
    "names",
    [
        ("q10", "q90"),
        ("0.1", "0.9"),
        ("p10", "p90"),
        ("q0.1", "q0.9"),
        ("q10_0", "q90_0"),
        ("quantile_0.1", "quantile_0.9"),
        ("lo-80", "hi-80"),
    ],
)
def test_levels_as_people_write_them(names):
    found = given(
        LONG.assign(mean=100.0, **dict.fromkeys(names[:1], 98.0), **dict.fromkeys(names[1:], 102.0))
    )
    assert found.models["forecast"].levels.tolist() == [0.1, 0.5, 0.9]


def test_a_point_outside_its_quantiles_is_no_median():
    found = given(LONG.assign(mean=103.0, q10=98.0, q90=102.0)).models["forecast"]
    assert found.levels.tolist() == [0.1, 0.9] and found.point.tolist() == [103, 103]


def test_quantiles_that_cross_are_sorted_and_said():
    found = given(LONG.assign(q10=102.0, q90=98.0))
    assert found.models["forecast"].quantiles[0].tolist() == [98, 102]
    assert found.notes == ("forecast: in 2 rows quantiles cross; they were sorted",)


def test_a_column_of_models():
    frame = pd.concat([LONG.assign(model=name, forecast=price) for name, price in (("a", 99.0), ("b", 98.0))])
    found = given(frame)
    assert {name: one.point.tolist() for name, one in found.models.items()} == {"a": [99, 99], "b": [98, 98]}


@pytest.mark.parametrize("kind", ["lists", "rows"])
def test_samples_become_quantiles(kind):
    samples = np.arange(1.0, 102.0)
    if kind == "lists":
        frame = LONG.assign(samples=[list(samples)] * 2)
    else:
        frame = LONG.merge(pd.DataFrame({"sample": range(101), "value": samples}), how="cross")
        frame = frame.rename(columns={"value": "forecast"})
    (found,) = given(frame).models.values()
    assert found.quantiles.shape == (2, 200) and len(found.table) == 2
    assert np.interp(0.5, found.levels, found.quantiles[0]) == pytest.approx(51)


def test_candles_are_forecasts_of_the_column():
    frame = pd.DataFrame({"timestamps": DAYS, "open": 9.0, "high": 12.0, "low": 8.0, "close": 10.0})
    assert given(frame).models["forecast"].point.tolist() == [10] * 3
    assert given(frame, "open").models["forecast"].point.tolist() == [9] * 3


def test_a_model_with_the_name_of_a_baseline_gets_another():
    assert list(given(LONG.assign(naive=100.0)).models) == ["naive (given)"]


@pytest.mark.parametrize("kind", ["csv", "parquet", "polars", "index"])
def test_files_and_frames_of_any_library(kind, tmp_path):
    frame = LONG.assign(mine=[100.5, 101.5])
    if kind == "csv":
        frame.to_csv(tmp_path / "f.csv", index=False)
        source = tmp_path / "f.csv"
    elif kind == "parquet":
        frame.assign(samples=[[1.0, 2.0]] * 2).to_parquet(tmp_path / "f.parquet")
        source = tmp_path / "f.parquet"
    else:
        source = pl.from_pandas(frame) if kind == "polars" else frame.set_index("unique_id")
    found = given(source)
    assert found.models["mine"].point.tolist() == [100.5, 101.5]
    assert set(found.models["mine"].table["symbol"]) == {"A"}


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (LONG.assign(m=[100.0, -1.0]), "a forecast of m is no price above 0 .*row 2.*turn"),
        (LONG.assign(m=100.0, ds=["2024-01-03", "soon"]), "not a date"),
        (LONG[["unique_id", "ds"]], "there is no column with the forecasts"),
        (pd.DataFrame({"m": [1.0]}), "no column with the dates"),
        (LONG.iloc[:0].assign(m=[]), "there are no rows"),
        (LONG.assign(forecast=100.0, location=0.0, scale=-1.0, df=5.0), "no Student t"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(frame, message):
    with pytest.raises(DataError, match=message.replace(" .*", "(?s:.*)")):
        given(frame)


def test_a_column_with_text_is_not_read_and_said():
    found = given(LONG.assign(m=100.0, other=["100", "1x"]))
    assert list(found.models) == ["m"] and found.notes == ("Not read, for want of numbers: other",)


def test_rows_without_a_forecast_are_counted():
    found = given(LONG.assign(m=[100.0, np.nan]))
    assert found.models["m"].point.tolist() == [100] and found.notes == (
        "m: 1 row without a forecast left out",
    )
