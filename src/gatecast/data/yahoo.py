"""Yahoo's prices through yfinance, kept in the cache folder.

A symbol is two files there: `TSLA.parquet`, the frame as downloaded, and `TSLA.json` with source, time of
download and the sha256 of the first. An answer serves for 12 hours; after that it serves only when Yahoo
does not answer, and says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from gatecast.data.checks import FIRST, Oddity
from gatecast.data.tables import Tidy, tidy
from gatecast.errors import DataError
from gatecast.extras import needed
from gatecast.files import cache_folder
from gatecast.language import say
from gatecast.settings.reading import Reading

FRESH = pd.Timedelta(hours=12)
# Yahoo's prices are single precision: smaller relative differences are no revision.
SAME = 1e-5


@dataclass(frozen=True)
class _Answer:
    """What Yahoo gave, and when (UTC)."""

    frame: pd.DataFrame
    downloaded: pd.Timestamp


class _NoAnswer(Exception):
    """Yahoo gave no prices; says why, as far as yfinance knows."""


def read_yahoo(symbol: str, reading: Reading | None = None, now: pd.Timestamp | None = None) -> Tidy:
    """Daily prices of one Yahoo symbol, as far back as there are, with adj_close, dividends and splits.

    As traded, but that Yahoo adjusts the whole history for splits.

    symbol  as Yahoo writes it: "TSLA", "005930.KS", "^KS11"
    now     the current moment (with a time zone), for tests

    Raises DataError where Yahoo gives nothing and nothing is kept from before.
    """
    symbol = symbol.strip().upper()
    if not re.fullmatch(r"[A-Z0-9.^=&_-]+", symbol):
        raise DataError(
            say('"{symbol}" is no symbol of Yahoo', symbol=symbol),
            remedy=say('Give one, as in "yahoo:TSLA"; for several, a list of such sources'),
        )
    now = pd.Timestamp.now("UTC") if now is None else now
    kept = _kept(symbol)
    if kept is not None and pd.Timedelta(0) <= now - kept.downloaded < FRESH:
        return _tidy(symbol, kept, reading)
    try:
        answer = _Answer(_download(symbol), now)
    except _NoAnswer as reason:
        if kept is None:
            raise DataError(
                say("Yahoo gave no prices, and none are kept from before: {reason}", reason=reason),
                file=f"yahoo:{symbol}",
                remedy=say("Check the symbol and the network, or give a CSV file"),
            ) from None
        part = _tidy(symbol, kept, reading)
        return replace(part, oddities=(*part.oddities, _from_before(symbol, kept, reason)))
    part = _tidy(symbol, answer, reading)
    _keep(symbol, answer)
    revised = _revised(symbol, _tidy(symbol, kept, reading), part) if kept is not None else []
    return replace(part, oddities=(*part.oddities, *revised))


def _tidy(symbol: str, answer: _Answer, reading: Reading | None) -> Tidy:
    # A session that was open at the download is half a session forever.
    return tidy(answer.frame, source=f"yahoo:{symbol}", symbol=symbol, reading=reading, now=answer.downloaded)


def _download(symbol: str) -> pd.DataFrame:
    if without := needed("yfinance", say("Prices of Yahoo")):
        raise DataError(without, file=f"yahoo:{symbol}", remedy=say("Or give a file"))
    import yfinance

    with _heard() as said, warnings.catch_warnings():
        # yfinance 1.7 sorts and renames in place, which pandas 3.1 deprecates (pandas-dev/pandas#63207).
        warnings.filterwarnings("ignore", message="The inplace keyword in", category=DeprecationWarning)
        try:
            frame = yfinance.download(
                symbol,
                period="max",
                auto_adjust=False,
                actions=True,
                ignore_tz=False,
                progress=False,
                threads=False,
            )
        # yfinance and the libraries below it raise many kinds; each means that there is no answer.
        except Exception as problem:
            raise _NoAnswer(f"{type(problem).__name__}: {problem}") from problem
    if frame is None or frame.dropna(how="all").empty:
        # The last thing it says is the sum of the rest.
        raise _NoAnswer(said[-1].splitlines()[0] if said else "the answer is empty")
    # From (price, symbol) to price: there is one symbol.
    return frame.droplevel("Ticker", axis=1).rename_axis(columns=None).dropna(how="all")


@contextlib.contextmanager
def _heard() -> Iterator[list[str]]:
    """What yfinance logs, in a list instead of on stderr: that is how it reports a failed download."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage().strip())  # type: ignore[method-assign]
    logger = logging.getLogger("yfinance")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def _files(symbol: str) -> tuple[Path, Path] | None:
    """Where the prices of a symbol and their record are kept; None: nothing is to be kept."""
    above = cache_folder()
    if above is None:
        return None
    folder, name = above / "yahoo", quote(symbol, safe="^=&")
    return folder / f"{name}.parquet", folder / f"{name}.json"


def _kept(symbol: str) -> _Answer | None:
    """The answer kept from before; None where there is none, or where its files do not belong together."""
    files = _files(symbol)
    if files is None:
        return None
    prices, record = files
    try:
        content, facts = prices.read_bytes(), json.loads(record.read_text("utf-8"))
        if facts["sha256"] != hashlib.sha256(content).hexdigest():
            return None
        return _Answer(pd.read_parquet(io.BytesIO(content)), pd.Timestamp(facts["downloaded"]))
    except (OSError, ValueError, KeyError):
        return None


def _keep(symbol: str, answer: _Answer) -> None:
    """Keeps the answer. A folder that cannot be written is no reason to withhold the prices."""
    files = _files(symbol)
    if files is None:
        return
    prices, record = files
    content = answer.frame.to_parquet()
    facts = {
        "source": f"yahoo:{symbol}",
        "downloaded": answer.downloaded.isoformat(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    with contextlib.suppress(OSError):
        prices.parent.mkdir(parents=True, exist_ok=True)
        _write(prices, content)
        _write(record, json.dumps(facts, indent=2).encode())


def _write(path: Path, content: bytes) -> None:
    """All or nothing, also when another process writes the same file."""
    half = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        half.write_bytes(content)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def _from_before(symbol: str, kept: _Answer, reason: _NoAnswer) -> Oddity:
    when = f"{kept.downloaded:%Y-%m-%d %H:%M} UTC"
    text = f"{symbol}: Yahoo did not answer ({reason}); the prices are those downloaded on {when}."
    return Oddity("cached", len(kept.frame), text, (f"downloaded {when}",))


def _revised(symbol: str, old: Tidy, new: Tidy) -> list[Oddity]:
    """Rows that Yahoo gave otherwise before. adj_close is left out: every dividend rescales it."""
    before, after = (part.table.set_index("session") for part in (old, new))
    lost = before.index.difference(after.index)
    both = before.index.intersection(after.index)
    lines = [f"{day.date()}: the row is gone" for day in lost]
    names = [name for name in ("open", "high", "low", "close", "volume") if name in before and name in after]
    was, now = before.loc[both, names].to_numpy(), after.loc[both, names].to_numpy()
    changed = ~np.isclose(was, now, rtol=SAME, atol=0.0, equal_nan=True)
    for row in np.flatnonzero(changed.any(axis=1))[:FIRST]:
        moves = (
            f"{name} {was[row, column]:.10g} → {now[row, column]:.10g}"
            for column, name in enumerate(names)
            if changed[row, column]
        )
        lines.append(f"{both[row].date()}: {', '.join(moves)}")
    count = len(lost) + int(changed.any(axis=1).sum())
    if not count:
        return []
    text = (
        f"{symbol}: Yahoo has revised its history: {count:,} of {len(before):,} rows are not what they were "
        "at the last download; the new values are used, and earlier results cannot be repeated with them."
    )
    return [Oddity("revised", count, text, tuple(lines[:FIRST]))]
