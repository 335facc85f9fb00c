"""Seasons: the last known value of the same place in the season, and how far later ones lie from it.

A season is a number of bars, m. The bar k steps after row i has its place in the season at row
i + k - m ⌈k / m⌉ too, the last one that is known at row i; with m = 1 that is row i itself, the last price.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from gatecast.data.calendars import weekday
from gatecast.data.spacing import bars_a_day
from gatecast.problem.volatility import DECAY, ewma_volatility
from gatecast.settings.frequency import BARS_A_YEAR, DAILY, INDEX, minutes_of

MOST_LAGS = 400  # that are looked at where nothing is known of the bars
LONGEST = 20_000  # prices of a series that a season is looked for in, the last ones
THREE = 3  # seasons, at least, of a series that is to show one
CLEARLY = 0.8  # of the distance to the last price
TIE = 0.05


def seasons_back(season: int, horizon: int) -> Int64[np.ndarray, " {horizon}"]:
    """(h,) ⌈k / m⌉: how many seasons before step k its last known place lies."""
    return -(-np.arange(1, horizon + 1) // season)


def known_places(
    rows: Int64[np.ndarray, " origins"], season: int | Int64[np.ndarray, " origins"], horizon: int
) -> Int64[np.ndarray, "origins {horizon}"]:
    """The rows of the last known value at the place of each step: none of them is later than the origin.

    season: m, or the m of each row.
    They lie before the symbol's first row where the origin has fewer than m - 1 rows before it.
    """
    bars, steps = np.reshape(season, (-1, 1)), np.arange(1, horizon + 1)
    return rows[:, None] + steps - bars * -(-steps // bars)


def seasonal_shift(
    price: Float64[np.ndarray, " rows"], first: Int64[np.ndarray, " rows"], season: int, horizon: int
) -> Float64[np.ndarray, "rows {horizon}"]:
    """The log return from each row's price to the last known one at the place of each step.

    first: the first row of each row's symbol. NaN where a symbol has no whole season before the row.
    """
    rows, logs = np.arange(len(price)), np.log(price)
    shift = logs[np.maximum(known_places(rows, season, horizon), 0)] - logs[:, None]
    shift[rows - first < season] = np.nan
    return shift


def seasonal_volatility(
    price: Float64[np.ndarray, " rows"], first: Int64[np.ndarray, " rows"], season: int
) -> Float64[np.ndarray, " rows"]:
    """Volatility of the log return over a season, known at each row; as `ewma_volatility` with m = 1.

    The memory is as many seasons as that of a bar's volatility is bars: every place of the season counts.
    """
    rows = np.arange(len(price))
    change = np.log(price / price[np.maximum(rows - season, 0)])
    change[rows - first < season] = np.nan
    return ewma_volatility(change, first, DECAY ** (1 / season))


def season_returns(
    price: Float64[np.ndarray, " rows"], first: Int64[np.ndarray, " rows"], seasons: Sequence[int]
) -> dict[str, Float64[np.ndarray, " rows"]]:
    """The log return over each season of several bars, known at each row; 0 where the symbol began later.

    first: the first row of each row's symbol.
    """
    rows, logs = np.arange(len(price)), np.log(price)
    return {
        f"season_return_{season}": np.where(
            rows - first >= season, logs - logs[np.maximum(rows - season, 0)], 0.0
        )
        for season in seasons
        if season > 1
    }


def season_changes(
    price: Float64[np.ndarray, " rows"], seasons: Sequence[int], horizon: int
) -> dict[str, Float64[np.ndarray, " bars"]]:
    """What is known of each bar of one symbol, and of the h bars ahead, h bars before it, from its seasons.

    price: of the symbol; bars: its rows and h more. With m the first season, and r the least multiple of one
    of the seasons that is no less than h: the log return over m bars to the bar r before. 0 where the symbol
    began later.
    """
    logs, first = np.log(price), seasons[0]
    bars = np.arange(len(price) + horizon)
    changes = {}
    for season in seasons:
        back = bars - season * -(-horizon // season)
        known = back >= first
        changes[f"season_change_{season}"] = np.where(
            known, logs[np.where(known, back, 0)] - logs[np.where(known, back - first, 0)], 0.0
        )
    return changes


def season_candidates(frequency: str, times: Shaped[np.ndarray, " rows"], most: int) -> tuple[int, ...]:
    """The seasons that bars of a frequency may have, in bars, the shortest first; none is longer than `most`.

    times: of all rows, datetime64. A day and a week of bars within days, as many as most days have; a week
    of daily bars, 5 or 7, as it has weekends; a year of weeks, months and quarters. Of rows that are only
    numbered: any, up to MOST_LAGS.
    """
    if frequency == INDEX:
        return tuple(range(2, min(most, MOST_LAGS) + 1))
    week = 7 if _has_weekends(times) else 5
    minutes = minutes_of(frequency)
    if minutes is not None:
        day = int(bars_a_day(np.unique(times)))
        found: tuple[int, ...] = (day, week * day)
    else:
        found = (week if frequency == DAILY else BARS_A_YEAR[frequency],)
    return tuple(season for season in found if 1 < season <= most)


def _has_weekends(times: Shaped[np.ndarray, " rows"]) -> bool:
    """Whether more than a tenth of the bars are of Saturdays, and of Sundays."""
    day = weekday(times.astype("datetime64[D]"))
    return bool(min(np.mean(day == 5), np.mean(day == 6)) > 0.1)


def found_season(series: Sequence[Float64[np.ndarray, " _"]], candidates: Sequence[int]) -> int:
    """The season of several series of prices, in bars; 0: none.

    With D(k) the mean |log p(t) - log p(t-k)|, of prices where one is not above 0, a series has the season m
    where D(m) is at most CLEARLY the mean of D(1) … D(m): a value of the same place of the last season is
    that much nearer than the last price, on average over a season ahead. (In a random walk it is half as far
    again, in white noise as near.) Taken is the candidate with the lowest median over the series that are
    long enough for it, THREE seasons; of those within TIE of it the shortest, for its multiples are as good.
    At most the last LONGEST prices count.
    """
    ratios: dict[int, list[float]] = {season: [] for season in candidates}
    for prices in series:
        recent = prices[-LONGEST:]
        logs = np.log(recent) if (recent > 0).all() else recent
        own = [season for season in candidates if THREE * season <= len(logs)]
        if not own:
            continue
        apart = [np.abs(logs[lag:] - logs[:-lag]).mean() for lag in range(1, max(own) + 1)]
        mean = np.cumsum(apart) / np.arange(1, len(apart) + 1)
        for season in own:
            if mean[season - 1] > 0:
                ratios[season].append(float(apart[season - 1] / mean[season - 1]))
    known = {season: float(np.median(own)) for season, own in ratios.items() if 2 * len(own) > len(series)}
    best = min(known.values(), default=np.inf)
    if best > CLEARLY:
        return 0
    return min(season for season, ratio in known.items() if ratio <= best + TIE)
