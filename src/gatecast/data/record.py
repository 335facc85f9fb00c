"""What `Prices.to_parquet` writes beside the table: where it comes from, and its hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatecast.data.calendars import check_calendar
from gatecast.data.checks import Oddity
from gatecast.data.detection import Found
from gatecast.errors import DataError, SettingError
from gatecast.formatting import printable
from gatecast.language import say
from gatecast.settings.frequency import DAILY, check_frequency

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

METADATA = b"gatecast"


@dataclass(frozen=True)
class Record:
    """What `Prices.to_parquet` writes beside the table."""

    source: tuple[str, ...]
    calendar: dict[str, str]
    oddities: tuple[Oddity, ...]
    sha256: str
    found: dict[str, Found]
    texts: tuple[str, ...] = ()
    frequency: str = DAILY  # of runs that were made before there were others


def stored(content: pa.Table, file: str) -> Record | None:
    """What `Prices.to_parquet` wrote beside the table; None in any other file.

    Raises
        DataError: something is there, and it is not what gatecast writes.
    """
    written = (content.schema.metadata or {}).get(METADATA)
    if written is None:
        return None
    try:
        record = json.loads(written)
        source, calendar, oddities = record["source"], record["calendar"], record["oddities"]
        if not (_texts(source) and isinstance(calendar, dict) and _texts(list(calendar.values()))):
            raise ValueError
        kept = tuple(
            Oddity(
                str(one["kind"]),
                int(one["count"]),
                printable(one["text"]),
                tuple(map(printable, one["rows"])),
            )
            for one in oddities
        )
        found = {name: _found_of(one) for name, one in record.get("found", {}).items()}
        texts, sha256 = record.get("texts", []), str(record["sha256"])
        if not _texts(texts):
            raise ValueError
        return Record(
            tuple(map(printable, source)),
            dict(calendar),
            kept,
            sha256,
            found,
            tuple(texts),
            check_frequency(record.get("frequency", DAILY)),
        )
    except (SettingError, KeyError, ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        raise DataError(
            say("what gatecast wrote beside the table is damaged"),
            file=file,
            remedy=say("Load the original source, or write the table without that metadata"),
        ) from None


def _found_of(record: dict[str, Any]) -> Found:
    """What `vars` made of a Found. Raises ValueError, TypeError or KeyError for anything else."""
    also, rivals, wrong = record["also"], record["rivals"], record["disagreeing"]
    if not (_texts(also) and _texts(rivals) and (wrong is None or isinstance(wrong, int))):
        raise ValueError
    return Found(check_calendar(record["calendar"]), record["how"], tuple(also), tuple(rivals), wrong)


def _texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
