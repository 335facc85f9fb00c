"""Symbols side by side, in columns, in levels of columns or in the index → one row per symbol and date."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatecast._typing import Bools, Integers
from gatecast.data.checks import Oddity, listed
from gatecast.data.dates import is_date
from gatecast.data.names import DATE_NAMES, NAMES, STANDARD, SYMBOL_NAMES, normal_name
from gatecast.data.numbers import are_numbers
from gatecast.data.place import Place
from gatecast.errors import DataError
from gatecast.formatting import named, printable
from gatecast.language import say

PRICE_NAMES = frozenset(name for meaning in STANDARD for name in NAMES[meaning])
TUPLE = re.compile(r"""\(\s*(['"])(?P<one>.*?)\1\s*,\s*(['"])(?P<two>.*?)\3\s*,?\s*\)""")
PRICE = r"(?P<price>open|high|low|close|adj[ _.]?close|volume)"
PRICE_FIRST = re.compile(rf"{PRICE}[ _.|-]+(?P<symbol>\S.*)", re.IGNORECASE)
PRICE_LAST = re.compile(rf"(?P<symbol>\S.*?)[ _.|-]+{PRICE}", re.IGNORECASE)
# Fields beside a close: a table that has one of them is of one symbol.
FIELDS = frozenset(
    {
        "market_cap", "marketcap", "change", "change_%", "chg", "chg_%", "%", "dividends", "dividend",
        "stock_splits", "split_ratio", "split_coefficient", "capital_gains", "turnover", "amount", "trades",
        "number_of_trades", "open_interest", "openint", "spread", "vwap", "average", "bid", "ask", "nav",
        "대비", "등락률", "거래대금", "成交额", "涨跌幅",
    }
)  # fmt: skip
INDICATOR = re.compile(
    r"(sma|ema|wma|dema|tema|kama|ma|rsi|macd|atr|natr|adx|cci|roc|obv|mfi|mom|momentum|bb|bollinger|boll|"
    r"bbands|stoch|stochastic|signal|hist|std|stdev|vol|volatility|mean|median|min|max|range|ret|return|"
    r"returns|log_?returns?|pct|pct_?change|diff|lag|target|label|feature|y|x|z_?score|zscore|score|trend|"
    r"upper|lower|middle|width|ratio|rank|id|index|no|year|month|week|day|weekday|dayofweek|hour|quarter)"
    r"(?P<period>_?\d+)?(_(upper|lower|mid|middle|signal|hist|line|pct|std|mean|\d+))*"
)
TICKER = re.compile(r"[\^$]?[A-Z0-9][A-Z0-9.=&\-]{0,14}")
MANY_TICKERS = 8
MANY_INDICATORS = 0.25  # of the columns: a few symbols are called like one
LARGEST_MOVE = 0.15  # of the log of a price from row to row, usually


@dataclass(frozen=True, kw_only=True)
class WidePlace(Place):
    """A source whose closes stand in several columns; symbol: (N,) the column of each row."""

    symbol: NDArray[Any]

    def of(self, rows: NDArray[np.bool_]) -> Place:
        """The place of some of its rows."""
        asked = None if self.asked is None else self.asked[rows]
        return replace(self, row=self.row[rows], symbol=self.symbol[rows], asked=asked)

    def error(
        self, what: str, column: str, position: int, value: object, remedy: str = "", count: int = 1
    ) -> DataError:
        """A DataError that names the cell; a close by the column of its symbol."""
        name = str(self.symbol[position]) if column == "close" else column
        return super().error(what, name, position, value, remedy, count)


def long_of(frame: pd.DataFrame, dates: str, place: Place) -> tuple[pd.DataFrame, Place, list[Oddity]]:
    """The frame with one row per symbol and date where its columns are closes of several symbols.

    frame: under normal names; dates: the column with the dates. Any other frame stays as it is.

    Raises
        DataError: the columns can be prices of several symbols, and something else of one.
    """
    if {*STANDARD, *SYMBOL_NAMES} & set(frame.columns):
        return frame, place, []
    columns = [
        name
        for name in frame.columns
        if name != dates and name not in DATE_NAMES and name and not name.startswith("unnamed:")
        and _is_numbers(frame[name])
    ]  # fmt: skip
    symbols = [place.written[name] for name in columns]
    # A symbol may be called BID, among many that are written so.
    many = len(columns) >= MANY_TICKERS and all(map(TICKER.fullmatch, symbols))
    if len(columns) < 2 or (not FIELDS.isdisjoint(columns) and not many) or _is_misspelt(columns):
        return frame, place, []
    doubts = [
        place.written[name]
        for name, is_doubtful in zip(columns, _doubtful(frame[columns], symbols), strict=True)
        if is_doubtful
    ]
    if doubts:
        price = next((name for name in symbols if name not in doubts), "NAME")
        raise DataError(
            say(
                "the columns can be prices of several symbols, or one price and what was "
                "computed from it ({doubts})",
                doubts=named(doubts),
            ),
            file=place.file,
            remedy=say(
                'Say which column is the price (close="{price}"), or leave the others out; the '
                "columns are: {columns}",
                price=price,
                columns=place.columns,
            ),
        )
    count = len(frame)
    cells: Any = pd.concat([frame[name] for name in columns], ignore_index=True)
    long = pd.DataFrame(
        {
            dates: pd.concat([frame[dates]] * len(columns), ignore_index=True),
            "symbol": np.repeat(np.asarray(symbols, dtype=object), count),
            "close": cells,
        }
    )
    # Symbols of several exchanges share the rows: those of the others are empty.
    full = long["close"].notna().to_numpy()
    wide = WidePlace(
        place.file,
        {dates: place.written[dates], "symbol": "symbol", "close": "close"},
        np.tile(place.row, len(columns)),
        place.findings,
        symbol=long["symbol"].to_numpy(),
    )
    text = say(
        "{symbols}: the columns are taken as the closes of {n:,} symbols.",
        symbols=listed(symbols),
        n=len(symbols),
    )
    note = Oddity("wide", len(symbols), text, ())
    return long[full].reset_index(drop=True), wide.of(full), [note]


def _is_misspelt(columns: Sequence[str]) -> bool:
    """Whether one of the columns is very likely meant to be the close."""
    return bool(difflib.get_close_matches("close", columns, n=1, cutoff=0.8))


def _is_numbers(column: pd.Series) -> bool:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return not pd.api.types.is_bool_dtype(column.dtype) and bool(column.notna().any())
    return are_numbers(list(column.dropna()))


def _doubtful(frame: pd.DataFrame, symbols: Sequence[str]) -> Bools:
    """Columns that by their name or numbers are no prices of a symbol."""
    named_so = [INDICATOR.fullmatch(name) for name in frame.columns]
    many = np.mean([found is not None for found in named_so]) >= MANY_INDICATORS
    return np.array(
        [
            (found is not None and (many or found["period"] is not None))
            or not _moves_like_a_price(frame[name], TICKER.fullmatch(symbol) is not None)
            for name, symbol, found in zip(frame.columns, symbols, named_so, strict=True)
        ]
    )


def _moves_like_a_price(column: pd.Series, is_ticker: bool) -> bool:
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return True
    values = column.dropna().to_numpy(np.float64)
    if (values <= 0).any():
        return False
    return is_ticker or len(values) < 3 or float(np.median(np.abs(np.diff(np.log(values))))) < LARGEST_MOVE


def without_levels(frame: pd.DataFrame) -> tuple[pd.DataFrame, Integers]:
    """Columns in two levels, price and symbol in either order → a long table with a symbol column.

    The levels may be written into one name: "('Close', 'AAA')", "Close_AAA", "AAA Close". Second: the row of
    the frame, from 0, that each row comes from.
    """
    rows = np.arange(len(frame))
    columns = _levels(frame.columns)
    if columns is None or columns.nlevels != 2:
        return frame, rows
    level = _price_level(columns)
    prices, symbols = columns.get_level_values(level), columns.get_level_values(1 - level).astype(str)
    is_shared = np.array([name == "" or name.startswith("Unnamed:") for name in symbols])
    frame = frame.set_axis(prices, axis=1)
    parts, origin = [], []
    for name in pd.unique(symbols[~is_shared]):
        own = frame.loc[:, symbols == name]
        # Symbols of several exchanges share the rows: those of the others are empty.
        full = own.notna().any(axis=1).to_numpy()
        part = frame.loc[:, is_shared | (symbols == name)][full]
        parts.append(part.assign(symbol=str(name)))
        origin.append(rows[full])
    return pd.concat(parts), np.concatenate(origin)


def _levels(columns: pd.Index) -> pd.MultiIndex | None:
    """The levels of the columns, also where they are written into one name; None where there are none."""
    if isinstance(columns, pd.MultiIndex):
        several = [level for level in range(columns.nlevels) if len(set(columns.get_level_values(level))) > 1]
        if columns.nlevels > 2 and len(several) == 2:
            return columns.droplevel([n for n in range(columns.nlevels) if n not in several])  # type: ignore[return-value]
        return columns
    names = [str(name) for name in columns]
    tuples = [TUPLE.fullmatch(name) for name in names]
    if any(tuples):
        pairs = [
            (name, "") if found is None else (found["one"], found["two"])
            for name, found in zip(names, tuples, strict=True)
        ]
        return pd.MultiIndex.from_tuples(pairs)
    return _split_names(names)


def _split_names(names: Sequence[str]) -> pd.MultiIndex | None:
    """Price and symbol of each name, where all names but those of dates have both and each symbol a close."""
    pairs = []
    for name in names:
        if normal_name(name) in DATE_NAMES or name == "" or name.startswith("Unnamed:"):
            pairs.append((name, ""))
        elif found := PRICE_FIRST.fullmatch(name) or PRICE_LAST.fullmatch(name):
            pairs.append((found["price"], found["symbol"]))
        else:
            return None
    symbols = {symbol for _, symbol in pairs if symbol}
    closes = {symbol for price, symbol in pairs if normal_name(price) in ("close", "adj_close")}
    return pd.MultiIndex.from_tuples(pairs) if len(symbols) > 1 and symbols == closes else None


def _price_level(columns: pd.MultiIndex) -> int:
    """The level with the names of prices; the other has the symbols."""
    share = []
    for level in range(2):
        names = {normal_name(name) for name in columns.get_level_values(level)} - {""}
        share.append(len(names & PRICE_NAMES) / max(len(names), 1))
    return 0 if share[0] >= share[1] and share[0] > 0 else 1


def without_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The index as columns, where it says something that no column says."""
    index, known = frame.index, {normal_name(name) for name in frame.columns}
    if isinstance(index, pd.MultiIndex):
        names = _names_of_levels(index)
        kept = [name for name in names if name is not None and normal_name(name) not in known]
        frame = frame.set_axis(index.set_names([name if name in kept else n for n, name in enumerate(names)]))
        return frame.reset_index().drop(columns=[n for n, name in enumerate(names) if name not in kept])
    if all(name is not None and normal_name(name) not in known for name in index.names):
        return frame.reset_index()
    if known & set(DATE_NAMES) or isinstance(index, pd.RangeIndex):
        return frame.reset_index(drop=True)
    return frame.rename_axis("date").reset_index()


def _names_of_levels(index: pd.MultiIndex) -> list[Hashable]:
    """The names of the levels; of two of which one holds dates, "date" and "symbol" if they tell neither."""
    names: list[Hashable] = [None if name is None else printable(name) for name in index.names]
    dates = [level for level in range(index.nlevels) if _holds_dates(index.levels[level])]
    if index.nlevels != 2 or len(dates) != 1:
        return names
    for level, name in enumerate(names):
        meaning, meanings = ("date", DATE_NAMES) if level == dates[0] else ("symbol", SYMBOL_NAMES)
        if name is None or normal_name(name) not in meanings:
            names[level] = meaning
    return names


def _holds_dates(values: pd.Index) -> bool:
    if isinstance(values, pd.DatetimeIndex | pd.PeriodIndex):
        return True
    return not pd.api.types.is_numeric_dtype(values.dtype) and len(values) > 0 and is_date(values[0])
