"""Files with the columns and oddities of the tutorials' own, made up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatecast.recipes import recipe_of
from gatecast.recipes.running import run


def walk(start: str, rows: int, seed: int, price: float) -> pd.DataFrame:
    """Date, Open, High, Low, Close, Volume of a geometric random walk on weekdays."""
    rng = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(rng.normal(0.0003, 0.015, rows)))
    opened = close * np.exp(rng.normal(0, 0.005, rows))
    return pd.DataFrame(
        {
            "Date": pd.bdate_range(start, periods=rows),
            "Open": opened,
            "High": np.maximum(opened, close) * np.exp(rng.uniform(0.001, 0.01, rows)),
            "Low": np.minimum(opened, close) / np.exp(rng.uniform(0.001, 0.01, rows)),
            "Close": close,
            "Volume": rng.integers(1_000_000, 9_000_000, rows),
        }
    )


def samsung_like() -> pd.DataFrame:
    """With Yahoo's filler rows, and an adjusted close that is the close times 0.97."""
    frame = walk("2014-09-01", 2100, 1, 50_000)
    prices = ["Open", "High", "Low", "Close"]
    for row in (1950, 1960):
        frame.loc[row, prices] = frame.loc[row - 1, "Close"]
        frame.loc[row, "Volume"] = 0
    return frame.assign(**{"Adj Close": 0.97 * frame["Close"]})


def kospi_like() -> pd.DataFrame:
    """Volume in thousands, once 0; the adjusted close is the close."""
    frame = walk("2019-01-30", 200, 2, 2200)
    frame.loc[50, "Volume"] = 0
    return frame.assign(**{"Adj Close": frame["Close"]})


def tesla_like() -> pd.DataFrame:
    """Nothing odd, and a rise at the end beyond what came before."""
    frame = walk("2010-06-29", 150, 3, 5)
    rise = np.exp(np.maximum(np.arange(150) - 115, 0) * 0.02)
    prices = ["Open", "High", "Low", "Close"]
    frame[prices] = frame[prices].mul(rise, axis=0)
    return frame.assign(**{"Adj Close": frame["Close"]})


def google_like() -> pd.DataFrame:
    """M/D/YYYY, "1,234,567", and a close that is twice the other prices before a split."""
    frame = walk("2012-01-03", 300, 4, 600)
    close = frame["Close"].where(frame.index >= 150, 2 * frame["Close"])
    return frame.assign(
        Date=[f"{day.month}/{day.day}/{day.year}" for day in frame["Date"]],
        Close=[f"{value:,.2f}" for value in close],
        Volume=[f"{value:,}" for value in frame["Volume"]],
    )


def california_like() -> pd.DataFrame:
    """Sorted from east to west, the price capped."""
    rng = np.random.default_rng(5)
    rows = 400
    income, rooms = rng.gamma(4, 1, rows), rng.integers(200, 6000, rows)
    west = np.linspace(-114.3, -124.3, rows)
    value = np.clip(40_000 * income + 8_000 * (-114 - west) + rng.normal(0, 30_000, rows), 14_999, 500_001)
    value[[3, -3]] = 500_001
    return pd.DataFrame(
        {
            "longitude": west,
            "latitude": 34 + (-114 - west) / 2 + rng.normal(0, 1, rows),
            "housing_median_age": rng.integers(1, 53, rows).astype(float),
            "total_rooms": rooms.astype(float),
            "total_bedrooms": rooms / 5 + rng.uniform(0, 50, rows),
            "population": rooms / 2 + rng.uniform(0, 500, rows),
            "households": rooms / 6 + rng.uniform(0, 50, rows),
            "median_income": income,
            "median_house_value": value,
        }
    )


LIKE: dict[str, Callable[[], pd.DataFrame]] = {
    "samsung": samsung_like,
    "kospi": kospi_like,
    "tesla": tesla_like,
    "california": california_like,
    "google": google_like,
}
REAL = {
    "samsung": "samsung_005930_ks.csv",
    "kospi": "kospi.csv",
    "tesla": "tsla.csv",
    "california": "california_housing_train.csv",
    "google": "google_stock_price_train.csv",
}


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Name of a recipe → path of a file like its own."""
    folder = tmp_path_factory.mktemp("like")

    def path(name: str) -> str:
        file = folder / f"{name}.csv"
        if not file.exists():
            LIKE[name]().to_csv(file, index=False, lineterminator="\r\n")
        return str(file)

    return path


@pytest.fixture(scope="session")
def real(shared: Path) -> Callable[[str], str]:
    """Name of a recipe → path of the file that the tutorial had."""
    return lambda name: str(shared / REAL[name])


@pytest.fixture(scope="session")
def facts_of(real: Callable[[str], str]) -> Callable[..., dict[str, Any]]:
    """Name of a recipe, epochs → the facts of the tutorial as written, on the file that it had."""

    def facts(name: str, epochs: int = 1) -> dict[str, Any]:
        side = run(recipe_of(name), data=real(name), epochs=epochs, corrected=False).as_written
        assert side is not None
        return side.facts

    return facts
