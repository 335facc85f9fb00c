"""A new database, of either kind; entries to put in it."""

import datetime as dt
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from gatecast.distributions import LEVELS
from gatecast.ledger import Entry

SERVER = "GATECAST_TEST_POSTGRES"
QUANTILES = {level: (level - 0.5) / 20 for level in LEVELS}


def make_entry(**changes: Any) -> Entry:
    """A one-day forecast of SP500 at the end of 2018."""
    fields: dict[str, Any] = {
        "symbol": "SP500",
        "origin": dt.date(2018, 12, 31),
        "step": 1,
        "experiment": "0123456789abcdef",
        "date": dt.date(2019, 1, 2),
        "source": ("sample:sp500",),
        "column": "close",
        "model": "gru",
        "anchor": 2506.85,
        "forecast": 0.0012,
        "data": "ab12" * 16,
        "made": dt.datetime(2026, 11, 21, 20, 15, 1, 234567, dt.timezone(dt.timedelta(hours=9))),
        "version": "0.1.0",
        "quantiles": QUANTILES,
        "naive_quantiles": {level: 1.1 * value for level, value in QUANTILES.items()},
        "location": 0.0012,
        "scale": 0.0123456789012345,
        "df": 4.2,
    }
    return Entry(**fields | changes)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """new_ledger() is the address of a ledger that is not there yet."""
    if request.param == "sqlite":
        yield lambda: str(tmp_path / f"{uuid.uuid4()}.db")
        return
    server = os.environ.get(SERVER)
    if not server:
        pytest.skip(f"no PostgreSQL: {SERVER} names no server (.ci/postgres pytest … starts one)")
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"))
    made: list[str] = []

    def new() -> str:
        made.append(f"gatecast_{uuid.uuid4().hex}")
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {made[-1]}"))
        url = make_url(server).update_query_dict({"options": f"-csearch_path={made[-1]}"})
        return url.render_as_string(hide_password=False)

    yield new
    with engine.begin() as connection:
        for schema in made:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def where(new_ledger: Callable[[], str]) -> str:
    return new_ledger()
