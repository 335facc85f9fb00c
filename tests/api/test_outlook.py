"""The next sessions, beside the record: what is printed, written and recorded."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.api.comparison import run
from gatecast.api.outlook import Outlook, _naive_quantiles, outlook
from gatecast.distributions import FINE_LEVELS, LEVELS
from gatecast.errors import DataWarning, RunError, SettingError
from gatecast.evaluation.scores import wide
from gatecast.forecasts import QUANTILE_COLUMNS
from gatecast.formatting import change, percent, price
from gatecast.settings.experiment import Experiment, forecast_settings

from ..conftest import walk_frame  # isort: skip

TINY = {"cell": "rnn", "hidden_size": 2}
NAIVE = [f"naive_{name}" for name in QUANTILE_COLUMNS]


def experiment_of(network: gc.Network, **settings) -> Experiment:
    how = {"horizon": 3, "lookback": 4, "folds": 2, "seeds": 2, **settings}
    return Experiment(
        models=("naive", "ewma-t", "mine"),
        networks={"mine": network},
        training=gc.Training(epochs=1, batch_size=64),
        **how,
    )


@pytest.fixture(scope="module")
def prices() -> gc.Prices:
    """B ends a week before A."""
    both = pd.concat([walk_frame("A", 330, 0), walk_frame("B", 325, 1)], ignore_index=True)
    return gc.Prices.from_frame(both, calendar="daily")


@pytest.fixture(scope="module")
def distributional(prices: gc.Prices) -> Outlook:
    return outlook(experiment_of(gc.Network(output="student_t", **TINY)), prices, "mine")


@pytest.fixture(scope="module")
def pointed(prices: gc.Prices) -> Outlook:
    """On the price level, as `gatecast forecast --target close --calibration none`."""
    return outlook(experiment_of(gc.Network(**TINY), target="close"), prices, "mine")


def test_the_naive_quantiles_are_those_of_the_past_year(distributional: Outlook, prices: gc.Prices) -> None:
    """Hazen's quantiles of the last 250 k-session returns of each symbol, on its last price."""
    assert list(distributional.naive.columns) == NAIVE
    assert len(distributional.naive) == len(distributional.forecast) == 6
    for place, row in distributional.forecast.iterrows():
        close = prices.table.loc[prices.table["symbol"] == row["symbol"], "close"].to_numpy()
        past = np.log(close[row["step"] :] / close[: -row["step"]])[-250:]
        fine = np.quantile(past, FINE_LEVELS, method="hazen")
        expected = close[-1] * np.exp(np.interp(LEVELS, FINE_LEVELS, fine))
        np.testing.assert_allclose(distributional.naive.loc[place], expected, rtol=1e-12)
        assert row["anchor"] == close[-1]


def test_held_is_how_often_the_records_intervals_held(distributional: Outlook) -> None:
    rows = distributional.record.forecasts.query("model == 'mine' and seed.isna()")
    for name, low, high in (("50%", "q25", "q75"), ("80%", "q10", "q90"), ("95%", "q02_5", "q97_5")):
        inside = rows["actual"].between(rows[low], rows[high]).mean()
        assert 0.1 < inside < 1
        assert distributional.held is not None
        assert distributional.held[name] == pytest.approx(inside, abs=1e-12)


def test_the_text_has_prices_changes_and_the_record(distributional: Outlook) -> None:
    lines = distributional.text.splitlines()
    (head,) = (place for place, line in enumerate(lines) if line.startswith("B: "))
    first = distributional.forecast.query("symbol == 'B'").iloc[0]
    assert lines[head] == f"B: {price(first['anchor'])} at the close of {first['origin']:%Y-%m-%d}"
    assert lines[head + 1].split() == ["date", "median", "50", "%", "80", "%", "95", "%"]
    prices, changes = lines[head + 2], lines[head + 3]
    assert prices.split()[:2] == [f"{first['time']:%Y-%m-%d}", price(first["q50"])]
    for low, high in (("q25", "q75"), ("q10", "q90"), ("q02_5", "q97_5")):
        assert f"{price(first[low])} … {price(first[high])}" in prices
        shares = [first[name] / first["anchor"] - 1 for name in (low, high)]
        assert f"{change(shares[0])} … {change(shares[1])}" in changes
    dates = distributional.record.forecasts["time"]
    assert f"The record of mine on A, B, {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}:" in lines
    assert distributional.held is not None
    shares = " / ".join(percent(share, 1) for share in distributional.held.values())
    count = len(distributional.record.outcome.origin)
    assert (
        f"Its 50 % / 80 % / 95 % prediction intervals held {shares} of the time ({count:,} origins)." in lines
    )
    assert distributional.text.endswith(distributional.record.verdict.text)


def test_a_point_has_its_typical_error_instead(pointed: Outlook) -> None:
    assert pointed.held is None
    assert not pointed.has_distribution
    lines = pointed.text.splitlines()
    assert lines[1].split() == ["date", "forecast", "change", "typical", "error", "of", "naive"]
    table = pointed.table
    scores = wide(pointed.record.scores).query("model == 'mine' and symbol == 'B' and step == '2'")
    assert table.query("symbol == 'B' and step == 2")["rmse_return"].item() == scores["rmse_return"].item()
    assert all("±" in line for line in lines[2:5])


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_the_table_is_written_whole(distributional: Outlook, tmp_path: Path, ending: str) -> None:
    place = tmp_path / f"next{ending}"
    distributional.write(place)
    again = pd.read_csv(place) if ending == ".csv" else pd.read_parquet(place)
    assert list(again["time"].astype(str)) == list(distributional.forecast["time"].astype(str))
    numbers = [*QUANTILE_COLUMNS, "forecast", "anchor", "rmse_return"]
    np.testing.assert_allclose(again[numbers], distributional.table[numbers], rtol=1e-12)
    np.testing.assert_allclose(again[NAIVE], distributional.naive, rtol=1e-12)
    with pytest.raises(RunError, match="is there already"):
        distributional.write(place)
    distributional.write(place, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_it_can_be_drawn(distributional: Outlook, pointed: Outlook, tmp_path: Path) -> None:
    distributional.write(tmp_path / "next.png")
    assert (tmp_path / "next.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(RunError, match="there is no interval to draw"):
        pointed.write(tmp_path / "point.png")
    with pytest.raises(RunError, match=r"ends in \.csv or \.parquet or \.png"):
        distributional.write(tmp_path / "next.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["next.png"]


def test_entries_for_the_ledger_hold_both_distributions_in_log_return(
    distributional: Outlook, prices: gc.Prices
) -> None:
    entries = distributional.entries(distributional.record.experiment)
    assert [(entry.symbol, entry.step) for entry in entries] == [(s, k) for s in "AB" for k in (1, 2, 3)]
    table = pd.concat([distributional.forecast, distributional.naive], axis=1)
    for entry, (_, row) in zip(entries, table.iterrows(), strict=True):
        assert entry.quantiles is not None
        assert entry.naive_quantiles is not None
        for level, name in zip(LEVELS, QUANTILE_COLUMNS, strict=True):
            assert entry.quantiles[level] == pytest.approx(np.log(row[name] / row["anchor"]), abs=1e-12)
            naive = np.log(row[f"naive_{name}"] / row["anchor"])
            assert entry.naive_quantiles[level] == pytest.approx(naive, abs=1e-12)
        assert entry.data == prices.sha256


def test_a_record_may_be_given(distributional: Outlook, prices: gc.Prices) -> None:
    """Then it is not made again, and only its symbols are forecast."""
    more = pd.concat([prices.table.rename(columns={"session": "date"}), walk_frame("C", 330, 2)])
    with pytest.warns(DataWarning, match="no forecast of C: not in the run"):
        made = outlook(
            Experiment(), gc.Prices.from_frame(more, calendar="daily"), "mine", record=distributional.record
        )
    assert made.left_out == {"C": "not in the run"}
    assert "C: no forecast: not in the run" in made.text.splitlines()
    assert made.record is distributional.record
    pd.testing.assert_frame_equal(made.forecast, distributional.forecast, check_exact=True)
    with pytest.raises(SettingError, match=r'"ewma-t" is no network .* as in the run'):
        outlook(Experiment(), prices, "ewma-t", record=distributional.record)


def test_a_calibrated_level_has_intervals_and_a_record_of_them(prices: gc.Prices) -> None:
    """What `gatecast forecast --target close` asks for."""
    settings = experiment_of(gc.Network(**TINY), target="close", calibration="conformal")
    made = outlook(settings, prices, "mine", record=run(settings, prices))
    assert made.has_distribution
    assert made.held is not None
    assert 0.3 < made.held["80%"] <= 1
    assert "scale" not in made.forecast
    assert (made.forecast["q10"] < made.forecast["q90"]).all()


def test_a_distribution_is_forecast_unless_something_else_is_said() -> None:
    assert forecast_settings({}) == {"output": "student_t"}
    assert forecast_settings({"output": "point"}) == {"output": "point"}
    assert forecast_settings({"target": "close"}) == {"target": "close", "calibration": "conformal"}
    given = {"target": "close", "calibration": "none"}
    assert forecast_settings(given) == given
    assert forecast_settings({"target": "return", "seeds": "1"})["output"] == "student_t"
    for only_a_point_has_it in ({"loss": "mse"}, {"output_activation": "tanh"}):
        expected = {"calibration": "conformal", **only_a_point_has_it}
        assert forecast_settings(only_a_point_has_it) == expected
    assert forecast_settings({"loss": "pinball"})["output"] == "quantiles"
    assert forecast_settings({"loss": "crps"})["output"] == forecast_settings({"loss": "auto"})["output"]


def test_symbols_without_a_forecast_are_named_in_text_and_json(distributional: Outlook) -> None:
    reason = "ended on 2015-03-02, 87 sessions before the last of the others (2015-07-01)"
    made = replace(distributional, left_out={"E": reason}, scaled_by_pool=("B",))
    lines = made.text.splitlines()
    assert f"E: no forecast: {reason}" in lines
    assert "B: scaled by the mean scale of the others (fewer than 10 training windows)" in lines
    summary = made.summary()
    assert summary["left_out"] == {"E": reason}
    assert summary["scaled_by_pool"] == ["B"]
    assert distributional.summary()["left_out"] == {}
    assert not any("no forecast" in line for line in distributional.text.splitlines())


def test_a_short_symbol_has_no_naive_quantiles(prices: gc.Prices) -> None:
    """It is empty, and not that of the symbol before it."""
    table = prices.table.rename(columns={"session": "date"})
    known = gc.Prices.from_frame(
        pd.concat([table, walk_frame("C", 12, 2, start="2016-03-22")]), calendar="daily"
    )
    settings = experiment_of(gc.Network(output="student_t", **TINY))
    rows = pd.MultiIndex.from_product([["A", "B", "C"], [1, 2, 3]], names=["symbol", "step"])
    forecast = rows.to_frame(index=False).assign(anchor=100.0)
    naive = _naive_quantiles(settings, known, forecast)
    assert naive[forecast["symbol"] == "C"].isna().all(axis=None)
    whole = _naive_quantiles(settings, prices, forecast[forecast["symbol"] != "C"])
    pd.testing.assert_frame_equal(naive[forecast["symbol"] != "C"], whole)
