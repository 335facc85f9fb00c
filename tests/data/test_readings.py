"""Random small tables: what has one reading is read so, what has several is refused or said."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from gatecast.data.sources import examine
from gatecast.data.tables import Tidy
from gatecast.settings.reading import Reading

from .brute_reader import readings  # isort: skip

MANY = 5_000

FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m/%d/%y", "%d.%m.%y",
    "%y-%m-%d", "seconds", "milliseconds",
)  # fmt: skip


def test_the_independent_reader_knows_one_and_two_readings() -> None:
    days = tuple(dt.date(2021, 3, day) for day in (1, 2, 3))
    assert readings("date,close\n2021-03-01,1.5\n2021-03-02,1.6\n2021-03-03,1.7\n") == {
        (days, (1.5, 1.6, 1.7))
    }
    text = "date;close\n01.03.2021;1,080\n02.03.2021;1,081\n03.03.2021;1,082\n"
    assert len(readings(text)) == 4  # day or month first, decimals or thousands


@pytest.mark.parametrize(
    ("seed", "texts"),
    [(0, 75), pytest.param(1, MANY, marks=[pytest.mark.slow, pytest.mark.full])],
    ids=["some", "many"],
)
def test_random_tables_are_read_in_their_one_reading_or_refused(
    tmp_path: Path, seed: int, texts: int
) -> None:
    rng = random.Random(seed)
    outcomes: Counter[str] = Counter()
    for _ in range(texts):
        text = random_table(rng)
        known = readings(text)
        file = tmp_path / "prices.csv"
        file.write_text(text)
        outcomes[outcome(known, *examine(file, Reading(calendar="daily")))] += 1
        assert not outcomes["different in silence"], text
    one = outcomes["one reading: read"] + outcomes["one reading: refused"]
    assert one > 0.6 * texts  # most of them, or little is shown
    assert outcomes["several: refused"] + outcomes["several: said"] > 0.05 * texts
    assert outcomes["one reading: read"] >= 0.99 * one, outcomes


def outcome(known: set[object], part: Tidy) -> str:
    """What became of a table with these readings."""
    if part.problems:
        return "one reading: refused" if len(known) == 1 else "several: refused"
    days = tuple(part.table["session"].dt.date)
    read = (days, tuple(part.table["close"]))
    said = any(oddity.kind == "reading" for oddity in part.oddities)
    if read in known:
        return "one reading: read" if len(known) == 1 else "several: said" if said else "different in silence"
    return "different in silence"


def random_table(rng: random.Random) -> str:
    """Dates and closes in a random dialect; few rows, so that some have several readings."""
    rows = rng.choice((9, 12, 30, 60))
    first = np.datetime64("1985-01-01") + rng.randrange(14_500)
    days = np.busday_offset(first, np.arange(rows), roll="forward")
    moves = np.cumsum([rng.gauss(0, 0.02) for _ in range(rows)])
    closes = 10 ** rng.uniform(-1, 5) * np.exp(moves)
    decimals, decimal, form = rng.randrange(5), rng.choice(".,"), rng.choice(FORMATS)
    thousands = rng.choice(("", "", {".": ",", ",": "."}[decimal], " ", "'"))
    lines = [(_written(day.item(), form), _number(close, decimals, decimal, thousands))
             for day, close in zip(days, closes, strict=True)]  # fmt: skip
    out = io.StringIO()
    writer = csv.writer(out, delimiter=rng.choice(",;\t|"), lineterminator="\n")
    writer.writerows([("date", "close"), *(lines if rng.random() < 0.7 else lines[::-1])])
    return out.getvalue()


def _written(day: dt.date, form: str) -> str:
    if form in ("seconds", "milliseconds"):
        seconds = (day - dt.date(1970, 1, 1)).days * 86_400
        return str(seconds if form == "seconds" else 1000 * seconds)
    return day.strftime(form)


def _number(value: float, decimals: int, decimal: str, thousands: str) -> str:
    text = f"{max(value, 10.0**-decimals):,.{decimals}f}"
    return text.replace(",", "T").replace(".", decimal).replace("T", thousands)
