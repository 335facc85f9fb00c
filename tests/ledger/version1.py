"""Ledgers of version 1, as the first gatecast made them: without a chain; and of version 2, with one."""

from sqlalchemy import Column, Date, MetaData, Table, text
from sqlalchemy.engine import Connection

from gatecast.ledger import Entry
from gatecast.ledger.chain import NO_LINK, links_after
from gatecast.ledger.place import engine_of, url_of
from gatecast.ledger.rows import row_of
from gatecast.ledger.schema import SINCE_2, SINCE_3, TIMES, chain, forecasts, restore_triggers

TABLES = (
    "CREATE TABLE gatecast_ledger (version INTEGER NOT NULL, made MOMENT NOT NULL, PRIMARY KEY (version))",
    """CREATE TABLE gatecast_forecasts (id SERIES NOT NULL, symbol TEXT NOT NULL, origin DATE NOT NULL,
    step INTEGER NOT NULL, experiment TEXT NOT NULL, date DATE NOT NULL, source JSON NOT NULL,
    "column" TEXT NOT NULL, model TEXT NOT NULL, anchor DOUBLE NOT NULL, forecast DOUBLE NOT NULL,
    data TEXT NOT NULL, made MOMENT NOT NULL, version TEXT NOT NULL, quantiles JSON, naive_quantiles JSON,
    location DOUBLE, scale DOUBLE, df DOUBLE, adjust BOOLEAN NOT NULL, calendar TEXT, PRIMARY KEY (id),
    UNIQUE (symbol, origin, step, experiment))""",
    "INSERT INTO gatecast_ledger VALUES (1, '2026-01-01 00:00:00.000000')",
)
STANDS = "a forecast once written is never changed or deleted"
TRIGGERS = {
    "sqlite": (
        f"""CREATE TRIGGER gatecast_no_update BEFORE UPDATE ON gatecast_forecasts
        BEGIN SELECT RAISE(ABORT, '{STANDS}'); END""",
        f"""CREATE TRIGGER gatecast_no_delete BEFORE DELETE ON gatecast_forecasts
        BEGIN SELECT RAISE(ABORT, '{STANDS}'); END""",
        f"""CREATE TRIGGER gatecast_no_replace BEFORE INSERT ON gatecast_forecasts
        WHEN EXISTS (SELECT 1 FROM gatecast_forecasts WHERE (symbol = NEW.symbol AND origin = NEW.origin AND
        step = NEW.step AND experiment = NEW.experiment) OR id = NEW.id)
        BEGIN SELECT RAISE(ABORT, '{STANDS}'); END""",
    ),
    "postgresql": (
        f"""CREATE FUNCTION gatecast_stands() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{STANDS}'; END $$""",
        """CREATE TRIGGER gatecast_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON gatecast_forecasts
       FOR EACH STATEMENT EXECUTE FUNCTION gatecast_stands()""",
    ),
}
WORDS = {
    "sqlite": {"MOMENT": "DATETIME", "SERIES": "INTEGER"},
    "postgresql": {
        "MOMENT": "TIMESTAMP WITH TIME ZONE",
        "SERIES": "SERIAL",
        "DOUBLE": "DOUBLE PRECISION",
    },
}


SECOND = (
    "ALTER TABLE gatecast_forecasts ADD COLUMN closes MOMENT",
    "ALTER TABLE gatecast_forecasts ADD COLUMN anchor_return DOUBLE",
    "ALTER TABLE gatecast_forecasts ADD COLUMN first DATE",
    "ALTER TABLE gatecast_forecasts ADD COLUMN history TEXT",
    """CREATE TABLE gatecast_chain (forecast INTEGER NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL,
    PRIMARY KEY (forecast))""",
    "INSERT INTO gatecast_ledger VALUES (2, '2026-02-01 00:00:00.000000')",
)


def make(where: str, entries: list[Entry], version: int = 1) -> None:
    """A ledger of this version with these entries."""
    engine = engine_of(url_of(where))
    with engine.begin() as connection:
        for statement in TABLES + (SECOND if version == 2 else ()):
            for ours, theirs in WORDS[engine.dialect.name].items():
                statement = statement.replace(ours, theirs)
            connection.execute(text(statement))
        if version == 1:
            for trigger in TRIGGERS[engine.dialect.name]:
                connection.exec_driver_sql(trigger)
        else:
            restore_triggers(connection)
        _store(connection, entries, SINCE_3 if version == 2 else (*SINCE_2, *SINCE_3))


def _store(connection: Connection, entries: list[Entry], later: tuple[str, ...]) -> None:
    """As then, when the times of bars were of the type DATE."""
    columns = [
        Column(column.name, Date if column.name in TIMES else column.type)
        for column in forecasts.columns
        if column.name not in later
    ]
    rows = [
        {"id": number, **{name: value for name, value in row_of(entry).items() if name not in later}}
        for number, entry in enumerate(entries, start=1)
    ]
    connection.execute(Table(forecasts.name, MetaData(), *columns).insert(), rows)
    if len(later) == len(SINCE_3):
        links = links_after(NO_LINK, rows)
        connection.execute(
            chain.insert(),
            [{"forecast": link.row, "previous": link.previous, "hash": link.hash} for link in links],
        )
