"""Reading: how a source of prices is read, and which of its rows are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any, Literal, TypedDict, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, Field, model_validator

from gatecast.errors import SettingError, did_you_mean
from gatecast.language import marked, say
from gatecast.settings.base import Checked, Date
from gatecast.settings.frequency import check_frequency

Keep = Literal["first", "last"] | None
Decimal = Literal[".", ","] | None


def _names(value: object) -> object:
    """Several symbols where one is given."""
    if value is None or isinstance(value, tuple):
        return value
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else value


def _frequency(value: object) -> object:
    """A frequency by its own name."""
    return check_frequency(value) if isinstance(value, str) else value


Frequency = Annotated[str | None, BeforeValidator(_frequency)]
Symbols = Annotated[tuple[str, ...] | None, BeforeValidator(_names)]


class ReadingOptions(TypedDict, total=False):
    """What `gatecast.load` takes by name: the fields of `Reading`."""

    symbols: str | Iterable[str] | None
    start: object
    end: object
    adjust: bool
    calendar: str | Mapping[str, str] | None
    frequency: str | None
    resample: str | None
    timezone: str | None
    keep: Keep
    strict: bool
    encoding: str | None
    decimal: Decimal
    dayfirst: bool | None
    date_format: str | None
    first_date: str | None
    symbol_column: str | None
    date: str | None
    open: str | None
    high: str | None
    low: str | None
    close: str | None
    adj_close: str | None
    volume: str | None


class Reading(Checked):
    """How a source is read; what is None is found from the source itself."""

    symbols: Symbols = Field(default=None, description=marked("of a table with many symbols, these only"))
    start: Date = Field(default=None, description=marked("first date to read, YYYY-MM-DD"))
    end: Date = Field(default=None, description=marked("last date to read"))
    adjust: bool = Field(default=False, description=marked("scale prices by adj_close / close"))
    calendar: str | Mapping[str, str] | None = Field(
        default=None,
        description=marked("exchange calendar (XNYS, XKRX, …) or 24/7; in Python also by symbol"),
    )
    frequency: Frequency = Field(
        default=None,
        description=marked(
            "spacing of the bars: 1min … 12h, 1d, 1w, 1mo, 1q, 1y, or index for numbered rows; else "
            "found from their times"
        ),
    )
    resample: Frequency = Field(
        default=None,
        description=marked("make bars of this length of shorter ones, as 1w of days or 1h of minutes"),
    )
    timezone: str | None = Field(
        default=None,
        description=marked("time zone of the dates of stamps in UTC, as Asia/Tokyo; else the exchange's"),
    )
    keep: Keep = Field(
        default=None,
        description=marked("of two rows of one session: first or last; else that with more volume"),
    )
    strict: bool = Field(default=False, description=marked("refuse rows that would be left out or sorted"))
    encoding: str | None = Field(
        default=None, description=marked("encoding of a text file, as cp949 or utf-8")
    )
    decimal: Decimal = Field(
        default=None,
        description=marked('decimal mark, "." or ","; else the one with which all prices can be read'),
    )
    dayfirst: bool | None = Field(
        default=None,
        description=marked("3/4/2020 is the 3rd of April; else what makes sense of the whole column"),
    )
    date_format: str | None = Field(
        default=None, description=marked("format of the dates, as %d.%m.%y (strptime)")
    )
    first_date: Date = Field(
        default=None, description=marked("date of the first row of a table without dates, YYYY-MM-DD")
    )
    symbol_column: str | None = Field(default=None, description=marked("name of the column with the symbols"))
    date: str | None = Field(default=None, description=marked("name of the column with the dates"))
    open: str | None = Field(default=None, description=marked("name of the column with the opens"))
    high: str | None = Field(default=None, description=marked("name of the column with the highs"))
    low: str | None = Field(default=None, description=marked("name of the column with the lows"))
    close: str | None = Field(default=None, description=marked("name of the column with the closes"))
    adj_close: str | None = Field(
        default=None, description=marked("name of the column with the adjusted closes")
    )
    volume: str | None = Field(default=None, description=marked("name of the column with the volumes"))

    @model_validator(mode="after")
    def _dates(self) -> Any:
        check_date("start", self.start)
        check_date("end", self.end)
        check_date("first_date", self.first_date)
        check_timezone(self.timezone)
        return self

    @property
    def options(self) -> ReadingOptions:
        """The same as arguments of `gatecast.load`."""
        return cast(ReadingOptions, self.model_dump())

    @property
    def columns(self) -> dict[str, str]:
        """Standard column → the name that the source has for it, as far as it is given."""
        given = {"symbol": self.symbol_column, **{name: getattr(self, name) for name in COLUMNS}}
        return {name: written for name, written in given.items() if written is not None}

    def calendar_of(self, symbol: str) -> str | None:
        """The calendar that is given for a symbol; None: it is found."""
        if self.calendar is None or isinstance(self.calendar, str):
            return self.calendar
        return self.calendar.get(symbol)


COLUMNS = ("date", "open", "high", "low", "close", "adj_close", "volume")


def check_date(name: str, value: str | None) -> None:
    """Raise SettingError for a setting that is not a date as YYYY-MM-DD."""
    try:
        fine = value is None or date.fromisoformat(value).isoformat() == value
    except (TypeError, ValueError):
        fine = False
    if not fine:
        raise SettingError(say("is not a date. Write it as YYYY-MM-DD"), setting=name, value=value)


def check_timezone(value: str | None) -> None:
    """Raise SettingError for a setting that is no time zone."""
    if value is None:
        return
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        guess = did_you_mean(value, available_timezones())
        message = f"is no time zone.{guess} Give its name, such as Asia/Tokyo"
        raise SettingError(message, setting="timezone", value=value) from None
