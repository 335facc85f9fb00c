"""Entries: what decides a forecast, what a table becomes, and when a second answer is another."""

import datetime as dt
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.distributions import LEVELS
from gatecast.errors import LedgerError
from gatecast.forecasts import QUANTILE_COLUMNS
from gatecast.ledger.entry import BESIDE, SAME, Entry, differences, entries_of, experiment_hash
from gatecast.settings.experiment import Experiment
from gatecast.settings.network import Network
from gatecast.settings.reading import COLUMNS
from gatecast.settings.training import Training

from .conftest import QUANTILES, make_entry  # isort: skip

DECIDING: dict[str, Any] = {
    "networks": {"gru": Network(cell="gru", hidden_size=3)},
    "training": Training(epochs=7),
    "adjust": True,
    "column": "open",
    "target": "close",
    "horizon": 2,
    "lookback": 21,
    "past": ("vix",),
    "future": ("weekday",),
    "static": ("sector",),
    "market": True,
    "features": "mine:features",
    "scaler": "minmax",
    "validation_size": 0.2,
    "refit": False,
    "pooled": False,
    "seeds": 4,
    "seed": 1,
}
NOT_DECIDING: dict[str, Any] = {
    "source": ("b.csv",),
    "trainings": {"other": Training(epochs=3)},
    "symbols": ("A",),
    "start": "2001-01-01",
    "end": "2002-01-01",
    "calendar": "XKRX",
    "frequency": "1w",
    "resample": "1w",
    "timezone": "Asia/Seoul",
    "keep": "last",
    "strict": True,
    "encoding": "cp949",
    "decimal": ",",
    "dayfirst": True,
    "date_format": "%d.%m.%Y",
    "first_date": "2020-01-02",
    "symbol_column": "Kurs",
    **dict.fromkeys(COLUMNS, "Kurs"),
    "models": ("gru", "naive"),
    "networks": {**Experiment().networks, "lstm": Network(hidden_size=5)},
    "folds": 2,
    "test_size": 0.5,
    "test_start": "2001-06-01",
    "test_rows": 20,
    "split_column": "split",
    "window": "sliding",
}


def price_table(steps: int = 2, distributional: bool = True) -> pd.DataFrame:
    """Two symbols; quantiles at 1 % of the level around a median 0.1 % up per step."""
    rows = [
        {
            "symbol": symbol,
            "origin": pd.Timestamp("2018-12-31"),
            "time": pd.Timestamp("2019-01-02") + pd.Timedelta(days=step - 1),
            "step": step,
            "anchor": anchor,
            "forecast": anchor * math.exp(0.001 * step),
        }
        | (_quantiles_of(anchor, step) if distributional else {})
        for symbol, anchor in (("A", 100.0), ("B", 2500.0))
        for step in range(1, steps + 1)
    ]
    return pd.DataFrame(rows)


def _quantiles_of(anchor: float, step: int) -> dict[str, float]:
    own = {
        name: anchor * math.exp(0.001 * step + (level - 0.5) / 100)
        for name, level in zip(QUANTILE_COLUMNS, LEVELS, strict=True)
    }
    naive = {
        f"naive_{name}": anchor * math.exp((level - 0.5) / 50)
        for name, level in zip(QUANTILE_COLUMNS, LEVELS, strict=True)
    }
    return own | naive | {"location": 0.001 * step, "scale": 0.01, "df": 5.0}


def prices_of(table: pd.DataFrame) -> gc.Prices:
    """Two sessions of each symbol up to its origin: 1 % up."""
    origins = table.groupby("symbol", as_index=False)[["origin", "anchor"]].first()
    last = pd.DataFrame(
        {"symbol": origins["symbol"], "date": origins["origin"], "close": origins["anchor"], "open": 1.0}
    )
    before = last.assign(date=last["date"] - pd.Timedelta(days=3), close=last["close"] / 1.01)
    prices = gc.Prices.from_frame(pd.concat([before, last]), calendar="XNYS")
    return replace(prices, source=("sample:sp500",))


def made_of(table: pd.DataFrame, **words: Any) -> list[Entry]:
    words = {"model": "gru", "experiment": Experiment(), "prices": prices_of(table), **words}
    return entries_of(table, **words)


@pytest.mark.parametrize("name", DECIDING)
def test_every_setting_that_decides_is_in_the_hash(name: str) -> None:
    changed = Experiment().changed(**{name: DECIDING[name]})
    assert experiment_hash(changed, "gru") != experiment_hash(Experiment(), "gru")


@pytest.mark.parametrize("name", NOT_DECIDING)
def test_data_and_the_other_models_are_not(name: str) -> None:
    changed = Experiment().changed(**{name: NOT_DECIDING[name]})
    assert changed != Experiment()
    assert experiment_hash(changed, "gru") == experiment_hash(Experiment(), "gru")


def test_what_lies_beside_a_forecast_are_settings_that_exist() -> None:
    """A setting that is added later counts, until it is named in BESIDE."""
    assert set(Experiment.model_fields) >= BESIDE
    assert BESIDE - {"networks", "training"} == set(NOT_DECIDING) - {"networks"}


def test_settings_that_came_later_leave_older_records_as_they_are() -> None:
    """The hashes are those of the version before."""
    as_before = Training(batch_size=128)  # the default was this number
    assert experiment_hash(Experiment(training=as_before), "gru") == "491e48349093ea48"
    alone = Experiment(features="mine:features", replace_features=True, training=as_before)
    assert experiment_hash(alone, "gru") == "1c0b5545dffa8df6"
    assert experiment_hash(alone.changed(replace_features=False), "gru") != experiment_hash(alone, "gru")


def test_models_differ_and_baselines_have_no_training() -> None:
    one = Experiment()
    names = ("gru", "lstm", "naive", "ar")
    assert len({experiment_hash(one, name) for name in names}) == len(names)
    other = one.changed(training=Training(epochs=7))
    assert experiment_hash(other, "ar") == experiment_hash(one, "ar")
    assert len(experiment_hash(one, "gru")) == 16


def test_entries_of_a_distribution() -> None:
    before = dt.datetime.now(dt.UTC)
    table = price_table()
    entries = made_of(table)
    assert [(entry.symbol, entry.step) for entry in entries] == [("A", 1), ("A", 2), ("B", 1), ("B", 2)]
    last = entries[-1]
    assert (last.origin, last.date) == (dt.date(2018, 12, 31), dt.date(2019, 1, 3))
    assert (last.anchor, last.column, last.model) == (2500.0, "close", "gru")
    assert last.data == prices_of(table).sha256
    assert (last.first, last.source) == (dt.date(2018, 12, 28), ("sample:sp500",))
    assert last.anchor_return == pytest.approx(np.log(1.01))
    assert len({entry.history for entry in entries}) == 2  # one per symbol
    assert (last.experiment, last.version) == (experiment_hash(Experiment(), "gru"), gc.__version__)
    assert (last.location, last.scale, last.df) == (0.002, 0.01, 5.0)
    assert before <= last.made <= dt.datetime.now(dt.UTC)
    assert last.forecast == pytest.approx(0.002, abs=1e-12)
    assert last.quantiles is not None
    assert last.naive_quantiles is not None
    assert tuple(last.quantiles) == tuple(last.naive_quantiles) == LEVELS
    np.testing.assert_allclose(
        list(last.quantiles.values()), 0.002 + (np.array(LEVELS) - 0.5) / 100, atol=1e-12
    )
    np.testing.assert_allclose(list(last.naive_quantiles.values()), (np.array(LEVELS) - 0.5) / 50, atol=1e-12)
    assert made_of(table, made=before) == made_of(table, made=before)


def test_entries_of_points_have_no_quantiles() -> None:
    table = price_table(steps=1, distributional=False)
    (entry, _) = made_of(table, experiment=Experiment(adjust=True, calendar="daily"), column="open")
    empty = (entry.quantiles, entry.naive_quantiles, entry.location, entry.scale, entry.df)
    assert empty == (None,) * 5
    assert (entry.adjust, entry.calendar, entry.column) == (True, "daily", "open")
    (other, _) = made_of(table.assign(**dict.fromkeys([*QUANTILE_COLUMNS, "scale"], np.nan)))
    assert (other.quantiles, other.scale) == (None, None)


def test_one_symbol_may_have_a_distribution_and_another_none() -> None:
    table = pd.concat([price_table(1).iloc[:1], price_table(1, distributional=False).iloc[1:]])
    distributional, point = made_of(table)
    assert distributional.quantiles is not None
    assert point.quantiles is None


def test_files_are_found_again_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("date,close\n")
    monkeypatch.chdir(tmp_path)
    prices = replace(prices_of(price_table(1)), source=("a.csv", "yahoo:TSLA"))
    entry = made_of(price_table(1), prices=prices)[0]
    assert entry.source == (str(tmp_path / "a.csv"), "yahoo:TSLA")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": 0}, "step 0 is below 1"),
        ({"date": dt.date(2018, 12, 31)}, "not after the origin"),
        ({"made": dt.datetime(2026, 1, 1)}, "no time zone"),
        ({"anchor": 0.0}, "is no price"),
        ({"anchor": math.inf}, "is no price"),
        ({"forecast": math.nan}, "a number is missing"),
        ({"scale": math.inf}, "a number is missing"),
        ({"df": None}, "go together"),
        ({"scale": 0.0}, "scale 0.0"),
        ({"df": 1.0}, "df 1.0"),
        ({"quantiles": {0.1: 0.0, 0.9: -0.1}}, "do not rise"),
        ({"quantiles": {0.9: 0.0, 0.1: 0.1}}, "do not rise"),
        ({"naive_quantiles": {0.1: math.nan, 0.9: 0.1}}, "do not rise"),
        ({"quantiles": {0.0: 0.0, 0.9: 0.1}}, "do not rise"),
        ({"quantiles": {}}, "do not rise"),
        ({"source": ()}, "an empty symbol, experiment or source"),
        ({"symbol": "A\0B"}, "a text that no database can keep"),
        ({"source": ("a\ud800.csv",)}, "a text that no database can keep"),
        ({"calendar": "\0"}, "a text that no database can keep"),
        ({"origin": dt.date(1, 1, 1)}, "a date that is none of prices"),
        ({"date": dt.date(9999, 1, 1)}, "a date that is none of prices"),
        ({"forecast": 1e300}, "a log return that no price can have"),
        ({"scale": 1e-200}, "a log return that no price can have"),
        ({"quantiles": {0.1: 0.0, 0.9: 1e9}}, "a log return that no price can have"),
        ({"anchor_return": -1e9}, "a log return that no price can have"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(LedgerError, match=rf"^no forecast of .* at .*, step .*{message}"):
        make_entry(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"made": dt.datetime(2027, 1, 1, tzinfo=dt.UTC)}, ""),
        ({"version": "9.9"}, ""),
        ({"date": dt.date(2019, 1, 3)}, ""),
        ({"source": ("elsewhere.csv",)}, ""),
        ({"forecast": 0.0012 + SAME / 2, "anchor": 2506.85 * (1 + SAME / 2)}, ""),
        ({"forecast": 0.0010}, "the median was +0.12 %, now +0.10 %"),
        ({"forecast": 0.0010, "quantiles": None}, "the forecast was +0.12 %, now +0.10 %"),
        ({"forecast": 0.0012 + 2 * SAME}, "the median was +0.1200000 %, now +0.1200002 %"),
        ({"anchor": 2506.80}, "the anchor was 2,506.85, now 2,506.80"),
        ({"data": "cd34" * 16}, "the data differ (sha256 ab12ab12… then, cd34cd34… now)"),
        (
            {"quantiles": {**QUANTILES, 0.99: 0.03}},
            "the 99 % quantile of the distribution was +2.45 %, now +3.00 %",
        ),
        ({"naive_quantiles": None}, "there was a naive distribution, now none"),
        ({"quantiles": {0.1: -0.02, 0.9: 0.02}}, "the distribution had 17 quantiles, now 2 or others"),
        ({"scale": 0.02}, "the scale was 0.01, now 0.02"),
        ({"location": None, "scale": None, "df": None}, "the scale was 0.0123456789012345, now None"),
        ({"data": "cd34" * 16, "version": "0.2.0"}, "gatecast was 0.1.0, now 0.2.0"),
        ({"model": "lstm"}, "the model was gru, now lstm"),
    ],
)
def test_differences_in_words(changes: dict[str, Any], message: str) -> None:
    found = differences(make_entry(), make_entry(**changes))
    assert (message in found) if message else found == []
