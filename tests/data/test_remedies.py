"""Every way on that a message of data/ names is tried: it leads to the true prices."""

from __future__ import annotations

import ast
import gzip
import io
import json
import re
import sqlite3
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

import gatecast as gc
from gatecast.data import sources
from gatecast.data.calendars import sessions_between
from gatecast.errors import InputError

DATA = Path(sources.__file__).parent
DAYS = ["2021-03-01", "2021-03-02", "2021-03-03", "2021-03-04"]
CLOSES = [100.5, 101.5, 99.25, 98.0]
FRAME = pd.DataFrame({"Date": DAYS, "Close": CLOSES})


def text(head: str, *columns: list[Any], separator: str = ",") -> str:
    """A text file with these columns."""
    rows = [separator.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([head, *rows, ""])


TRUE = text("Date,Close", DAYS, CLOSES)


class Files(dict[str, "bytes | str"]):
    """Files of a folder by their names; `of` is the one that is read, "" the folder itself."""

    def __init__(self, of: str, **files: bytes | str) -> None:
        super().__init__({name.replace("__", "."): content for name, content in files.items()})
        self.of = of


@dataclass(frozen=True)
class Case:
    """A fault and the way on.

    remedy    words of the message that name it
    fault     what is read, with which options
    mended    what is read when the advice is followed; None: the same
    closes    what is read then
    """

    remedy: str
    fault: Any
    options: dict[str, Any] = field(default_factory=dict)
    mended: Any = None
    then: dict[str, Any] = field(default_factory=dict)
    closes: list[float] = field(default_factory=lambda: CLOSES)


def archive(**members: bytes | str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, part in members.items():
            file.writestr(name.replace("__", "."), part)
    return content.getvalue()


def locked() -> bytes:
    """An archive that says that it is protected by a password."""
    content = bytearray(archive(prices__csv=TRUE))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    return bytes(content)


def database(*tables: str) -> bytes:
    connection = sqlite3.connect(":memory:")
    for name in tables:
        FRAME.to_sql(name, connection, index=False)
    return connection.serialize()


def workbook(*rows: list[Any]) -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(content)
    return content.getvalue()


def parquet(frame: pd.DataFrame, *, edit: bool = False, damage: bool = False) -> bytes:
    """The file that gatecast writes of a frame; with other prices, or with a damaged record."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = io.BytesIO()
    gc.load(frame).to_parquet(content)
    table = pq.read_table(io.BytesIO(content.getvalue()))
    if edit:
        table = table.set_column(2, "close", pa.array([1.0, 2.0, 3.0, 4.0]))
    if damage:
        table = table.replace_schema_metadata({b"gatecast": b"{}"})
    changed = io.BytesIO()
    pq.write_table(table, changed)
    return changed.getvalue()


def nested() -> bytes:
    content: bytes | str = TRUE
    for _ in range(5):
        content = gzip.compress(content.encode() if isinstance(content, str) else content)
    return content  # type: ignore[return-value]


SLASHES, DOTS = [f"{day}/3/2021" for day in range(1, 5)], [f"0{day}.03.2021" for day in range(1, 5)]
KURS = text("Date,Kurs,Umfang", DAYS, CLOSES, [10, 400, 7, 90])
TWICE = text("Date,Close", [*DAYS, DAYS[-1]], [*CLOSES, 98.5])
CURRENCIES = text(
    "Date,Cur,Close", sorted(DAYS * 2), ["EUR", "USD"] * 4, [c for one in CLOSES for c in (one, 1.0)]
)
PLAIN = text("Date,Close", sorted(DAYS * 2), [c for one in CLOSES for c in (one, 1.0)])
LONG = pd.bdate_range("2021-01-04", periods=30)
SWAPPED = [f"{day:%Y-%d-%m}" if day.day <= 12 else f"{day:%Y-%m-%d}" for day in LONG]
MONEY = [round(100 + 0.5 * n, 1) for n in range(30)]
MONDAYS = pd.date_range("2021-01-04", periods=12, freq="W-MON").strftime("%Y-%m-%d").tolist()
WEEKS_AND_DAYS = text(
    "Symbol,Date,Close",
    ["W"] * 12 + ["D"] * 12,
    [*MONDAYS, *(f"{day:%Y-%m-%d}" for day in LONG[:12])],
    [7.0] * 12 + MONEY[:12],
)
WEEKS = text("Date,Close", MONDAYS, MONEY[:12])
MANY = pd.date_range("2019-12-30", "2022-01-10", freq="W-MON")
YEARS_OF_WEEKS = text("Date,Close", MANY.strftime("%Y-%m-%d"), [80.0 + day.year - 2000 for day in MANY])
TOKYO = [f"{day - pd.Timedelta(hours=8):%Y-%m-%dT%H:%M:%SZ}" for day in LONG]
EARLY = [f"{day - pd.Timedelta(hours=4):%Y-%m-%dT%H:%M:%SZ}" for day in LONG]
NOTES = text("Date,Close", [*DAYS, *[f"note {n}" for n in range(30)]], [*CLOSES, *[""] * 30])
TENS = [1.0, 10.0, 100.0]

CASES = {
    # columns
    "many columns": Case(
        "Keep dates, prices and what else is needed",
        text("Date,Close," + ",".join(f"c{n}" for n in range(2000)), DAYS, CLOSES, *[[1] * 4] * 2000),
        mended=TRUE,
    ),
    "two closes": Case(
        "Say which is the one, as close=",
        text("Date,CLOSE,Close", DAYS, [1] * 4, CLOSES),
        then={"close": "Close"},
    ),
    "two closes of one name": Case(
        "for the first or close=", text("Date,Close,Close", DAYS, [1] * 4, CLOSES), then={"close": "Close.1"}
    ),
    "one name twice in a frame": Case(
        "Give each column a name of its own",
        FRAME.assign(x=1.0).set_axis(["Date", "Close", "Close"], axis=1),
        mended=FRAME.assign(x=1.0),
    ),
    "one column for two": Case(
        "Name another one", TRUE, {"open": "Close", "close": "Close"}, then={"close": "Close"}
    ),
    "no such column": Case("The columns are", TRUE, {"close": "Clse"}, then={"close": "Close"}),
    "two columns of dates": Case(
        'as date="Day"', text("Traded,Settled,Close", DAYS, DAYS[::-1], CLOSES), then={"date": "Traded"}
    ),
    "no dates": Case('as first_date="2020-01-02"', text("Close", CLOSES), then={"first_date": "2021-03-01"}),
    "rows counted": Case(
        'as first_date="2020-01-02"', text("Time,Close", range(4), CLOSES), then={"first_date": "2021-03-01"}
    ),
    "first date of dates": Case("Leave first_date out", TRUE, {"first_date": "2021-03-01"}),
    "first date of symbols": Case(
        "Give each symbol as a table of its own",
        text("Symbol,Close", ["A"] * 4, CLOSES),
        {"first_date": "2021-03-01"},
        text("Close", CLOSES),
        {"first_date": "2021-03-01"},
    ),
    "first date before the calendar": Case(
        "Give a later first_date",
        text("Close", CLOSES),
        {"first_date": "1990-03-01", "calendar": "XTKS"},
        then={"first_date": "2021-03-01", "calendar": "XTKS"},
    ),
    "no close": Case(
        "Say which column has the prices",
        text("Date,Kurs,x_Close,Bid", DAYS, CLOSES, [*TENS, 1.0], [*TENS, 1.0]),
        then={"close": "Kurs"},
    ),
    "empty symbol": Case(
        "Every row needs its symbol",
        text("Date,Symbol,Close", DAYS, ["A", "", "A", "A"], CLOSES),
        mended=text("Date,Symbol,Close", DAYS, ["A"] * 4, CLOSES),
    ),
    "no number": Case(
        "Correct it in the source", text("Date,Close", DAYS, [*CLOSES[:3], "98..0"]), mended=TRUE
    ),
    "another decimal mark": Case('or leave decimal="," out', TRUE, {"decimal": ","}),
    "no numbers": Case(
        'as close="NAME"', text("Date,Close,Kurs", DAYS, ["up", "down"] * 2, CLOSES), then={"close": "Kurs"}
    ),
    "two decimal marks": Case(
        'decimal="." or decimal=","',
        text("Date;Close", DAYS, ["1.080", "1.085", "1.090", "1.095"], separator=";"),
        then={"decimal": "."},
        closes=[1.08, 1.085, 1.09, 1.095],
    ),
    # dates
    "empty date": Case(
        "Take it from the source, or leave the row out",
        text("Date,Close", [*DAYS[:3], ""], CLOSES),
        mended=TRUE,
    ),
    "another format": Case(
        "Give the format that all dates have",
        text("Date,Close", DOTS, CLOSES),
        {"date_format": "%Y-%m-%d"},
        then={"date_format": "%d.%m.%Y"},
    ),
    "another format, left out": Case("or leave it out", TRUE, {"date_format": "%d.%m.%Y"}),
    "no date": Case(
        "Write dates as YYYY-MM-DD", text("Date,Close", [*DAYS[:3], "soon"], CLOSES), mended=TRUE
    ),
    "dates of their own": Case(
        'as date_format="%d.%m.%Y"',
        text("Date,Close", [day.replace("-", "*") for day in DAYS], CLOSES),
        then={"date_format": "%Y*%m*%d"},
    ),
    "no such date": Case(
        "Correct it in the source", text("Date,Close", ["2021-02-29", *DAYS[1:]], CLOSES), mended=TRUE
    ),
    "month first after all": Case(
        "or leave dayfirst=True out",
        text("Date,Close", ["3/1/2021", "3/2/2021", "3/3/2021", "3/14/2021"], CLOSES),
        {"dayfirst": True},
        then={"end": "2021-03-03"},
        closes=CLOSES[:3],
    ),
    "years of two digits": Case(
        'date_format="%y-%m-%d"',
        text("Date,Close", [day[2:] for day in DAYS], CLOSES),
        then={"date_format": "%y-%m-%d"},
    ),
    "day or month": Case(
        "Say which comes first", text("Date,Close", SLASHES, CLOSES), then={"dayfirst": True}
    ),
    "both orders": Case(
        "Get the file again with dates as YYYY-MM-DD",
        text("Date,Close", ["3/13/2021", "14/3/2021", "3/3/2021", "4/3/2021"], CLOSES),
        mended=TRUE,
    ),
    "no year": Case(
        "has no year. Write it as in %d.%m.%Y",
        text("Date,Close", DOTS, CLOSES),
        {"date_format": "%d.%m."},
        then={"date_format": "%d.%m.%Y"},
    ),
    "no format": Case(
        "no format of dates. Write it as in %d.%m.%Y",
        text("Date,Close", DOTS, CLOSES),
        {"date_format": "%d.%m.%Q%Y"},
        then={"date_format": "%d.%m.%Y"},
    ),
    # text
    "a name too many": Case(
        "Name each column once",
        text("Date,Open,Close,Volume", DAYS, [1] * 4, CLOSES),
        mended=text("Date,Open,Close", DAYS, [1] * 4, CLOSES),
    ),
    "an open quote": Case("Take it away, or close it", TRUE.replace("100.5", '"100.5'), mended=TRUE),
    "decimal commas": Case(
        "Numbers with a decimal comma need quotes",
        text("Date,Open,Close,,", DAYS, ["1,25"] * 4, ["100,5", "101,5", "99,25", "98,0"]),
        mended=text("Date,Open,Close", DAYS, ['"1,25"'] * 4, ['"100,5"', '"101,5"', '"99,25"', '"98,0"']),
    ),
    "a name too few": Case(
        "Name every column in the first line",
        text("Date,Close", DAYS, CLOSES, [7] * 4),
        mended=text("Date,Close,Volume", DAYS, CLOSES, [7] * 4),
    ),
    "thousands": Case(
        "a number such as 1,008.64 needs quotes",
        text("Date,Close", DAYS, ["1,008.64"] * 4),
        mended=text("Date,Close", DAYS, ['"1,008.64"'] * 4),
        closes=[1008.64] * 4,
    ),
    "zero bytes": Case("Give a CSV or Parquet file", TRUE + "\0\0", mended=TRUE),
    "an unknown encoding": Case(
        'as encoding="cp949"',
        Files("a.csv", a__csv=text("Date,Close,Note", DAYS, CLOSES, ["\x81\x01"] * 4).encode("latin-1")),
        then={"encoding": "latin-1"},
    ),
    "another encoding": Case(
        "Give another encoding, or leave it out",
        text("Date,종가", DAYS, CLOSES),
        {"encoding": "ascii"},
    ),
    "no encoding": Case("Leave it out, or write it as cp949", TRUE, {"encoding": "klingon"}),
    "no header": Case('such as "date,close"', TRUE.removeprefix("Date,Close\n"), mended=TRUE),
    # symbols side by side
    "indicators": Case(
        'close="ABC"', text("Date,SMA20,ABC", DAYS, [1.0, 1.1, 1.2, 1.1], CLOSES), then={"close": "ABC"}
    ),
    # rows
    "a date twice": Case('keep="first" or keep="last"', TWICE, then={"keep": "first"}),
    "several symbols": Case(
        'as symbol_column="Cur"', CURRENCIES, then={"symbol_column": "Cur", "symbols": "EUR"}
    ),
    "several symbols without names": Case(
        'name them in a column "symbol"',
        PLAIN,
        mended=CURRENCIES.replace("Cur", "Symbol"),
        then={"symbols": "EUR"},
    ),
    "many notes": Case("give each as one file", NOTES, mended=TRUE),
    "day and month swapped": Case(
        "Do not sort these rows",
        text("Date,Close", SWAPPED, MONEY),
        mended=text("Date,Close", LONG.strftime("%Y-%m-%d").tolist(), MONEY),
        closes=MONEY,
    ),
    "bars of no length": Case(
        "Make bars of them first, or keep one row per date",
        text(
            "Date,Close",
            [f"{day} {time}" for day in DAYS for time in ("10:00:13", "10:07:50", "16:00:00")],
            [c for one in CLOSES for c in (7.0, 8.0, one)],
        ),
        mended=TRUE,
    ),
    "bars of two lengths": Case(
        "choosing their symbols",
        WEEKS_AND_DAYS,
        then={"symbols": "D"},
        closes=MONEY[:12],
    ),
    "sources of two lengths": Case(
        'as by resample="1w"',
        Files("", w__csv=WEEKS, d__csv=text("Date,Close", LONG[:12].strftime("%Y-%m-%d"), MONEY[:12])),
        then={"resample": "1w"},
        closes=[*MONEY[4:10:5], *MONEY[:12]],
    ),
    "longer bars made shorter": Case(
        "Leave resample out", WEEKS, {"resample": "1d"}, then={"resample": None}, closes=MONEY[:12]
    ),
    "no whole year": Case(
        "Give more of them",
        WEEKS,
        {"resample": "1y"},
        mended=YEARS_OF_WEEKS,
        then={"resample": "1y"},
        closes=[100.0, 101.0],
    ),
    # tables
    "an empty close": Case(
        "Take it from another source, or leave the row out",
        text("Date,Open,Close", DAYS, CLOSES, [*CLOSES[:3], ""]),
        mended=TRUE,
    ),
    "a row left out": Case(
        "Take it from another source, or leave the row out",
        text("Date,Open,Close", DAYS, CLOSES, [*CLOSES[:3], ""]),
        mended=text("Date,Close", DAYS[:3], CLOSES[:3]),
        closes=CLOSES[:3],
    ),
    "too large": Case("Correct it in the source", TRUE.replace("98.0", "98e40"), mended=TRUE),
    "no rows": Case("Prices need dates and closes", "Date,Close\n", mended=TRUE),
    "strict": Case(
        "without strict=True", text("Date,Close", [*DAYS, "2021-03-05"], [*CLOSES, ""]), {"strict": True}
    ),
    "below zero": Case(
        "or start after them", TRUE.replace("100.5", "-3"), then={"start": "2021-03-02"}, closes=CLOSES[1:]
    ),
    # prices
    "one symbol in two sources": Case("Give each symbol once", [FRAME, FRAME], mended=FRAME),
    "dates that overlap": Case(
        "with dates that do not overlap", [FRAME, FRAME[2:]], mended=[FRAME[:2], FRAME[2:]]
    ),
    "no such symbol": Case("It has prices", FRAME, {"symbols": "AAA"}, then={"symbols": "prices"}),
    "no symbol": Case("leave symbols out for all", FRAME, {"symbols": []}),
    "no row since": Case(
        "The data have 2021-03-01 .. 2021-03-04", FRAME, {"start": "2031-01-01"}, then={"start": "2021-03-01"}
    ),
    "no such start": Case("Write it as YYYY-MM-DD", FRAME, {"start": "soon"}, then={"start": "2021-03-01"}),
    "no adjusted close": Case(
        'as adj_close="Adjusted"',
        text("Date,Close,Total", DAYS, [1.0] * 4, CLOSES),
        {"adjust": True},
        then={"adjust": True, "adj_close": "Total"},
    ),
    "an empty adjusted close": Case(
        "choose other dates",
        text("Date,Close,Adj Close", DAYS, [1.0] * 4, ["", *CLOSES[1:]]),
        {"adjust": True},
        then={"adjust": True, "start": "2021-03-02"},
        closes=CLOSES[1:],
    ),
    "adjusted below zero": Case(
        "Leave adjust out: the prices are then not adjusted",
        text("Date,Close,Adj Close", DAYS, [-3.0, *CLOSES[1:]], CLOSES),
        {"adjust": True},
        closes=[-3.0, *CLOSES[1:]],
    ),
    "not adjusted": Case(
        "or leave adjust out", text("Date,Close,Adj Close", DAYS, CLOSES, ["", *CLOSES[1:]]), {"adjust": True}
    ),
    # containers
    "archives in archives": Case("Unpack it first", Files("a.csv", a__csv=nested()), mended=TRUE),
    "a database in an archive": Case(
        "Unpack it first",
        Files("a.zip", a__zip=archive(a__db=database("a"))),
        mended=Files("a.db", a__db=database("a")),
    ),
    "an empty file": Case("Prices need a header, dates and closes", "", mended=TRUE),
    "a web page": Case("Download the table itself", "<!DOCTYPE html>" + TRUE, mended=TRUE),
    "cut off": Case(
        "It may have been cut off",
        Files("a.gz", a__gz=gzip.compress(TRUE.encode())[:-9]),
        mended=Files("a.gz", a__gz=gzip.compress(TRUE.encode())),
    ),
    "half an archive": Case(
        "It may have been cut off",
        Files("a.zip", a__zip=archive(a__csv=TRUE)[:-9]),
        mended=Files("a.zip", a__zip=archive(a__csv=TRUE)),
    ),
    "a locked archive": Case("Unpack it, and give the file", Files("a.zip", a__zip=locked()), mended=TRUE),
    "lists in cells": Case(
        "Write the file without this column",
        Files("a.parquet", a__parquet=FRAME.assign(x=[[1]] * 4).to_parquet()),
        mended=Files("a.parquet", a__parquet=FRAME.to_parquet()),
    ),
    "an empty workbook": Case(
        "Prices need a header, dates and closes",
        Files("a.xlsx", a__xlsx=workbook()),
        mended=Files(
            "a.xlsx", a__xlsx=workbook(["Date", "Close"], *map(list, zip(DAYS, CLOSES, strict=True)))
        ),
    ),
    "half a workbook": Case(
        "save it again, or as CSV", Files("a.xlsx", a__xlsx=workbook(["Date"])[:200]), mended=TRUE
    ),
    "no table in JSON": Case(
        "Prices are a list of objects",
        Files("a.json", a__json='{"x": 1}'),
        mended=Files(
            "a.json", a__json=json.dumps([{"date": d, "close": c} for d, c in zip(DAYS, CLOSES, strict=True)])
        ),
    ),
    "several tables": Case(
        "Name one, as in", Files("a.db", a__db=database("a", "b")), mended="sqlite:///{folder}/a.db?table=b"
    ),
    "no such table": Case(
        "Name one, as in", "sqlite:///{folder}/a.db?table=c", mended="sqlite:///{folder}/a.db?table=b"
    ),
    "no such database": Case(
        'after "sqlite:///"', "sqlite://{folder}/a.db?table=b", mended="sqlite:///{folder}/a.db?table=b"
    ),
    "no URL": Case("Write it as", "sqlite:/{folder}/a.db", mended="sqlite:///{folder}/a.db?table=b"),
    "an empty folder": Case(
        "Give one file in it", Files("", notes__md="x"), mended=Files("a.csv", a__csv=TRUE)
    ),
    "a run": Case(
        "Give the prices in it",
        Files("", experiment__toml="", prices__csv=TRUE),
        mended=Files("prices.csv", prices__csv=TRUE),
    ),
    "no match": Case('as in "data/*.csv"', "{folder}/*.txt", mended="{folder}/*.csv"),
    "changed since": Case(
        "Load the original source", Files("a.parquet", a__parquet=parquet(FRAME, edit=True)), mended=FRAME
    ),
    "damaged record": Case(
        "Load the original source", Files("a.parquet", a__parquet=parquet(FRAME, damage=True)), mended=FRAME
    ),
    # sources
    "no source": Case("Give a path,", [], mended=FRAME),
    "another scheme": Case("or a path", "samples:sp500", mended=FRAME),
    "no table": Case("Give a DataFrame, a path", 5, mended=FRAME),
    "uneven columns": Case(
        "Give columns of one length",
        {"date": DAYS, "close": CLOSES[:2]},
        mended={"date": DAYS, "close": CLOSES},
    ),
    "no calendar": Case("Use the code of an exchange", FRAME, {"calendar": "KRX"}, then={"calendar": "XKRX"}),
    "a week moved by a day": Case(
        'as in timezone="Asia/Tokyo"',
        text("Date,Close", EARLY, MONEY),
        then={"timezone": "Asia/Tokyo"},
        closes=MONEY,
    ),
    # doubts: read, and how it could be read otherwise
    "a doubtful mark": Case(
        'say decimal="."',
        text("Date;Close", DAYS, ["1,080", "1,085", "1,090", "1,095"], separator=";"),
        then={"decimal": "."},
        closes=[1080, 1085, 1090, 1095],
    ),
    "a doubtful order": Case(
        "say dayfirst=False",
        text("Date,Close", [f"03.0{n}.2021" for n in range(1, 5)], CLOSES),
        then={"dayfirst": False},
    ),
    "doubtful sessions": Case(
        "in this order",
        text("Close", CLOSES),
        {"first_date": "2021-03-01"},
        then={"first_date": "2021-03-01"},
    ),
    "dates in UTC": Case(
        'timezone="UTC" keeps the dates',
        text("Date,Close", TOKYO, MONEY),
        then={"timezone": "Asia/Tokyo"},
        closes=MONEY,
    ),
}
# What cannot be tried here, or has no price behind it.
NOT_TRIED = {
    "Install it: pip install duckdb": "the package is there, or not",
    "Check the symbol and the network": "needs the network",
    "Or give a file": "yfinance is there, or not: test_yahoo",
    'Give one, as in "yahoo:TSLA"': "needs the network",
    "Save it without the password": "no library here writes such a workbook",
    "Forecast fewer sessions": "is of forecasts: test_calendars",
    "Forecast fewer bars": "is of forecasts: test_timetable",
    "Give a CSV file with one header line": "pandas refuses for a reason that is not known",
    "The samples are": "samples are no prices of the user",
}


def made(source: Any, folder: Path) -> Any:
    """The source: a text as a file, files in a folder, "{folder}" as its path."""
    if isinstance(source, Files):
        for name, content in source.items():
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return folder / source.of if source.of else folder
    if isinstance(source, str) and "{folder}" in source:
        (folder / "a.db").write_bytes(database("a", "b"))
        (folder / "a.csv").write_text(TRUE)
        return source.format(folder=folder)
    if isinstance(source, str) and ":" not in source.partition("\n")[0]:
        (folder / "prices.csv").write_text(source, "utf-8")
        return folder / "prices.csv"
    return source


def lead_on(source: Any, options: dict[str, Any]) -> tuple[str, list[float] | None]:
    """What is said of a source, and its closes."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            prices = gc.load(source, **options)
        except InputError as problem:
            return str(problem), None
    return "\n".join(str(one.message) for one in given), prices.table["close"].tolist()


@cache
def said_of(name: str) -> str:
    """What is said of the fault of a case."""
    with tempfile.TemporaryDirectory() as folder:
        return lead_on(made(CASES[name].fault, Path(folder)), CASES[name].options)[0]


@pytest.mark.parametrize("name", CASES)
def test_the_way_on_leads_to_the_true_prices(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    assert case.remedy in said_of(name)
    mended = case.fault if case.mended is None else case.mended
    said, closes = lead_on(made(mended, tmp_path), case.then)
    assert closes == case.closes, said
    assert case.remedy not in said or case.then == case.options


SESSIONS = {
    code: sessions_between(code, "2021-03-01", "2021-08-31")[:100] for code in ("XNYS", "XKRX", "XSAU")
}
WALK = np.round(100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, 100))), 2)


def walk(closes: Any = WALK, calendar: str = "XNYS", **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"date": SESSIONS[calendar], "close": closes} | columns)


@dataclass(frozen=True)
class Warned:
    """Prices that are read with a warning: as in `Case`; repaired: what `fix` makes of them."""

    remedy: str
    fault: pd.DataFrame
    then: dict[str, Any] = field(default_factory=dict)
    closes: Any = field(default_factory=lambda: WALK)
    repaired: bool = False


FIX = "repair them (gatecast.data.sources.fix)"
STALE = np.where((np.arange(100) >= 40) & (np.arange(100) < 60), WALK[40], WALK)
WARNED = {
    "split": Warned(FIX, walk(np.where(np.arange(100) < 50, 4 * WALK, WALK)), repaired=True),
    "split, later rows": Warned(
        "or start after it",
        walk(np.where(np.arange(100) < 50, 4 * WALK, WALK)),
        {"start": str(SESSIONS["XNYS"][50])},
        WALK[50:],
    ),
    "unit": Warned(FIX, walk(np.where(np.arange(100) < 30, 100 * WALK, WALK)), repaired=True),
    "jump": Warned(
        "or start after them",
        walk(np.where(np.arange(100) < 50, 2.31 * WALK, WALK)),
        {"start": str(SESSIONS["XNYS"][50])},
        WALK[50:],
    ),
    "stale": Warned(
        "or start after them", walk(STALE, volume=10.0), {"start": str(SESSIONS["XNYS"][60])}, WALK[60:]
    ),
    "stale-tail": Warned(
        "leave them out (gatecast.data.sources.fix)",
        walk(np.where(np.arange(100) < 80, WALK, WALK[79])),
        closes=WALK[:80],
        repaired=True,
    ),
    "constant": Warned(
        "leave the symbol out",
        pd.concat([walk(symbol="A"), walk([5.0] * 100, symbol="B")]),
        {"symbols": "A"},
    ),
    "week": Warned('such as calendar="XSAU"', walk(calendar="XSAU")[:20], {"calendar": "XSAU"}, WALK[:20]),
    "sessions": Warned('by its code: calendar="CODE"', walk(calendar="XKRX"), {"calendar": "XKRX"}),
}


@cache
def warned_of(name: str) -> str:
    return lead_on(WARNED[name].fault, {"calendar": "XNYS"} if name == "sessions" else {})[0]


@pytest.mark.parametrize("name", WARNED)
def test_what_a_warning_advises_leads_to_the_true_prices(name: str) -> None:
    case = WARNED[name]
    assert case.remedy in warned_of(name)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        prices = (sources.fix if case.repaired else gc.load)(case.fault, **case.then)
    assert prices.table["close"].to_numpy() == pytest.approx(case.closes)
    assert not any(case.remedy in oddity.text for oddity in prices.oddities)


def test_every_way_on_is_tried() -> None:
    """What a source file can say is matched with what the cases were really told."""
    told = "\n".join([*map(said_of, CASES), *map(warned_of, WARNED)])
    missing = [
        f"{path.name}: {words}"
        for path in sorted(DATA.glob("*.py"))
        if path.name != "side_tables.py"  # no prices: test_side_tables.py
        for words in remedies(path.read_text("utf-8"))
        if not (
            re.search(".*".join(map(re.escape, words.split("…"))), told)
            or any(map(words.__contains__, NOT_TRIED))
        )
    ]
    assert not missing, "\n".join(missing)


def test_a_way_on_that_no_case_tries_is_found() -> None:
    assert list(remedies('raise DataError("no", remedy=f"Stand on {one} leg")')) == ["Stand on … leg"]


def remedies(code: str) -> Iterator[str]:
    """The ways on that a module names: of errors, doubts, settings, and of remarks that advise something."""
    tree = ast.parse(code)
    values: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, []).append(node.value)
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple):
            for row in node.iter.elts:
                for target, value in zip(
                    getattr(node.target, "elts", ()), getattr(row, "elts", ()), strict=False
                ):
                    values.setdefault(getattr(target, "id", ""), []).append(value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            found = [keyword.value for keyword in node.keywords if keyword.arg == "remedy"]
            found += node.args[-1:] if name in ("refuse", "error") else []
            found += node.args[:1] if name in ("doubt", "SettingError") else []
            if name == "oddity":
                remarks = [words for one in node.args[4:5] for words in spelled(one, values)]
                yield from (words for words in remarks if ": " in words or "=" in words)
            for expression in found:
                yield from (words for words in spelled(expression, values) if words.strip("…") != "")


def spelled(expression: ast.expr, values: dict[str, list[ast.expr]]) -> Iterator[str]:
    """The texts that an expression can give; "…" for what is put in."""
    match expression:
        case ast.Constant(value=str(words)):
            yield words
        case ast.JoinedStr(values=parts):
            yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in parts)  # type: ignore[misc]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            ends = list(spelled(right, values))
            yield from (start + end for start in spelled(left, values) for end in ends)
        case ast.IfExp(body=body, orelse=orelse):
            yield from spelled(body, values)
            yield from spelled(orelse, values)
        case ast.Name(id=name) if name in values:
            others = {other: kept for other, kept in values.items() if other != name}
            for value in values[name]:
                yield from spelled(value, others)
        case _:
            yield "…"
