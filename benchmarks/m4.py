"""OWA of a run on series of the M4 competition, as its organisers define it.

    gatecast compare m4_hourly.parquet --split-column split … --out runs/hourly    # docs/en/guides/seasons.md
    python benchmarks/m4.py m4_hourly.parquet runs/hourly --season 24

The table of series has the columns unique_id, ds (1, 2, …), y and split ("train", "test"); the forecasts are
those of the run's forecasts.parquet. Makridakis, Spiliotis and Assimakopoulos (2020), "The M4 Competition:
100,000 time series and 61 forecasting methods", International Journal of Forecasting 36(1), 54-74.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SIGNIFICANT = 1.645  # standard errors of an autocorrelation: 90 %, two-sided, as in the competition's code


def smape(actual: Floats, forecast: Floats) -> float:
    """The symmetric mean absolute percentage error of one series, in per cent, at most 200."""
    return float(200 * np.mean(np.abs(actual - forecast) / (np.abs(actual) + np.abs(forecast))))


def mase(known: Floats, actual: Floats, forecast: Floats, season: int) -> float:
    """The mean absolute error of one series by that of seasonal naive one step ahead in `known`."""
    return float(np.mean(np.abs(actual - forecast)) / np.mean(np.abs(known[season:] - known[:-season])))


def is_seasonal(known: Floats, season: int) -> bool:
    """Whether the autocorrelation at the season is beyond its 90 % limit, and three seasons are known."""
    if season == 1 or len(known) < 3 * season:
        return False
    away = known - known.mean()
    lags = np.array([away[lag:] @ away[: len(away) - lag] for lag in range(1, season + 1)]) / (away @ away)
    limit = SIGNIFICANT * np.sqrt((1 + 2 * np.sum(lags[:-1] ** 2)) / len(known))
    return bool(abs(lags[-1]) > limit)


def seasonal_indices(known: Floats, season: int) -> Floats:
    """(m,) what each place of the season is multiplied by, 1 on average: classical decomposition."""
    ends = [0.5] if season % 2 == 0 else []
    weights = np.array([*ends, *np.ones(season - len(ends)), *ends]) / season
    trend = np.convolve(known, weights, "valid")
    ratio = np.full(len(known), np.nan)
    ratio[len(weights) // 2 :][: len(trend)] = known[len(weights) // 2 :][: len(trend)] / trend
    indices = np.array([np.nanmean(ratio[place::season]) for place in range(season)])
    return indices / indices.mean()


def naive2(known: Floats, horizon: int, season: int) -> Floats:
    """(h,) the last value, after multiplicative seasonal adjustment where the series is seasonal."""
    if not is_seasonal(known, season):
        return np.full(horizon, known[-1])
    indices = seasonal_indices(known, season)
    places = (len(known) + np.arange(horizon)) % season
    return known[-1] / indices[(len(known) - 1) % season] * indices[places]


def owa(
    series: Mapping[str, tuple[Floats, Floats]], forecasts: Mapping[str, Floats], season: int
) -> dict[str, float]:
    """OWA, sMAPE and MASE of forecasts: means over all series, OWA by those of naive2.

    series: name → what is known, and the actual values after it.
    """
    two = {name: naive2(known, len(actual), season) for name, (known, actual) in series.items()}
    errors = [
        (
            np.mean([smape(actual, own[name]) for name, (_, actual) in series.items()]),
            np.mean([mase(known, actual, own[name], season) for name, (known, actual) in series.items()]),
        )
        for own in (forecasts, two)
    ]
    (own_smape, own_mase), (base_smape, base_mase) = errors
    return {
        "owa": float(own_smape / base_smape + own_mase / base_mase) / 2,
        "smape": float(own_smape),
        "mase": float(own_mase),
    }


def series_of(table: pd.DataFrame) -> dict[str, tuple[Floats, Floats]]:
    """Name → its values to train on, and those of the test, in their order."""
    found = {}
    for name, own in table.sort_values("ds").groupby("unique_id", sort=False):
        test = (own["split"] == "test").to_numpy()
        values = own["y"].to_numpy(dtype=np.float64)
        found[str(name)] = values[~test], values[test]
    return found


def forecasts_of(table: pd.DataFrame) -> dict[str, dict[str, Floats]]:
    """Model → series → its forecasts in their order; of a network the ensemble.

    Raises ValueError where a series has several origins: the competition has one.
    """
    whole = table[table["seed"].isna()].sort_values("step")
    found: dict[str, dict[str, Floats]] = {}
    for (model, symbol), own in whole.groupby(["model", "symbol"], sort=False):
        origins = len(set(own["origin"]))
        if origins > 1:
            raise ValueError(f"{symbol} is forecast from {origins} origins, not from one")
        found.setdefault(str(model), {})[str(symbol)] = own["forecast"].to_numpy(dtype=np.float64)
    return found


def main() -> None:
    """Print OWA, sMAPE and MASE of every model of a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("series", type=Path, help="unique_id, ds, y, split; Parquet")
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--season", type=int, required=True, help="of the competition: 24 hourly, 1 weekly")
    given = parser.parse_args()
    series = series_of(pd.read_parquet(given.series))
    forecasts = forecasts_of(pd.read_parquet(given.run / "forecasts.parquet"))
    print(f"{'model':16}{'series':>8}{'OWA':>8}{'sMAPE':>8}{'MASE':>8}")
    for model, own in forecasts.items():
        missing = sorted(set(series) - set(own))
        if missing:
            print(f"{model:16}{len(own):8}  no forecast of {', '.join(missing)}")
            continue
        found = owa(series, own, given.season)
        cells = f"{found['owa']:8.3f}{found['smape']:8.2f}{found['mase']:8.3f}"
        print(f"{model:16}{len(own):8}{cells}")


if __name__ == "__main__":
    main()
