"""Exchanges by the names of symbols: suffixes, prefixes and indices → calendar.

Suffixes are those of Yahoo, stooq and Tushare, prefixes those of TradingView, Google, BaoStock and Futu; the
codes of ISO 10383 (XSHG, XNAS) and the other names that calendars have stand on either side.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from gatecast.data.calendars import AROUND_THE_CLOCK, WEEKS, code_of

BY_SUFFIX = {
    "KS": "XKRX", "KQ": "XKRX", "KR": "XKRX", "T": "XTKS", "JP": "XTKS", "HK": "XHKG", "SS": "XSHG",
    "SH": "XSHG", "SZ": "XSHG", "BJ": "XSHG", "XSHE": "XSHG", "TW": "XTAI", "TWO": "XTAI", "BO": "XBOM",
    "NS": "XBOM", "SI": "XSES", "AX": "XASX", "AU": "XASX", "NZ": "XNZE", "BK": "XBKK", "JK": "XIDX",
    "KL": "XKLS", "L": "XLON", "UK": "XLON", "DE": "XETR", "F": "XFRA", "SG": "XSTU", "HM": "XHAM",
    "DU": "XDUS", "PA": "XPAR", "AS": "XAMS", "BR": "XBRU", "MI": "XMIL", "MC": "XMAD", "LS": "XLIS",
    "SW": "XSWX", "VI": "XWBO", "ST": "XSTO", "HE": "XHEL", "CO": "XCSE", "OL": "XOSL", "IR": "XDUB",
    "IC": "XICE", "TL": "XTAL", "RG": "XRIS", "VS": "XLIT", "WA": "XWAR", "BD": "XBUD", "HU": "XBUD",
    "AT": "ASEX", "RO": "XBSE", "ME": "XMOS", "IS": "XIST", "TA": "XTAE", "SR": "XSAU", "JO": "XJSE",
    "TO": "XTSE", "V": "XTSE", "MX": "XMEX", "SA": "BVMF", "BA": "XBUE", "SN": "XSGO", "US": "XNYS",
}  # fmt: skip
BY_PREFIX = {
    "SH": "XSHG", "SZ": "XSHG", "BJ": "XSHG", "SSE": "XSHG", "SZSE": "XSHG", "SHA": "XSHG", "SHE": "XSHG",
    "HK": "XHKG", "HKG": "XHKG", "HKEX": "XHKG", "KRX": "XKRX", "KOSPI": "XKRX", "KOSDAQ": "XKRX",
    "TYO": "XTKS", "TSE": "XTKS", "JP": "XTKS", "TPE": "XTAI", "TWSE": "XTAI", "BOM": "XBOM", "BSE": "XBOM",
    "NSE": "XBOM", "SGX": "XSES", "ASX": "XASX", "IDX": "XIDX", "LON": "XLON", "LSE": "XLON", "ETR": "XETR",
    "XETR": "XETR", "FRA": "XFRA", "FWB": "XFRA", "EPA": "XPAR", "AMS": "XAMS", "EBR": "XBRU",
    "BIT": "XMIL", "BME": "XMAD", "SWX": "XSWX", "STO": "XSTO", "CPH": "XCSE", "WSE": "XWAR", "GPW": "XWAR",
    "BIST": "XIST", "TLV": "XTAE", "TADAWUL": "XSAU", "JSE": "XJSE", "TSX": "XTSE", "BVMF": "BVMF",
    "BMFBOVESPA": "BVMF", "NYSE": "XNYS", "NASDAQ": "XNYS", "AMEX": "XNYS", "US": "XNYS",
    **dict.fromkeys(("BINANCE", "COINBASE", "BITSTAMP", "KRAKEN"), AROUND_THE_CLOCK),
    "FX": "24/5", "OANDA": "24/5",
}  # fmt: skip
BY_INDEX = {  # after the mark of an index: ^GDAXI
    "KS11": "XKRX", "KQ11": "XKRX", "N225": "XTKS", "HSI": "XHKG", "HSCE": "XHKG", "TWII": "XTAI",
    "BSESN": "XBOM", "NSEI": "XBOM", "AXJO": "XASX", "AORD": "XASX", "STI": "XSES", "KLSE": "XKLS",
    "JKSE": "XIDX", "NZ50": "XNZE", "FTSE": "XLON", "GDAXI": "XETR", "DAX": "XETR", "FCHI": "XPAR",
    "AEX": "XAMS", "BFX": "XBRU", "IBEX": "XMAD", "SSMI": "XSWX", "ATX": "XWBO", "OMX": "XSTO",
    "GSPTSE": "XTSE", "BVSP": "BVMF", "MXX": "XMEX", "MERV": "XBUE", "TASI": "XSAU", "GSPC": "XNYS",
    "SPX": "XNYS", "DJI": "XNYS", "IXIC": "XNYS", "NDX": "XNYS", "NYA": "XNYS", "RUT": "XNYS", "VIX": "XNYS",
}  # fmt: skip
BY_NAME = {  # of indices, where no share has it for a ticker
    "KS200": "XKRX", "NIKKEI": "XTKS", "NIKKEI225": "XTKS", "TOPIX": "XTKS", "SENSEX": "XBOM",
    "NIFTY": "XBOM", "NIFTY50": "XBOM", "ASX200": "XASX", "FTSE100": "XLON", "CAC40": "XPAR",
    "IBEX35": "XMAD", "WIG20": "XWAR", "IBOVESPA": "BVMF", "CSI300": "XSHG", "TA125": "XTAE",
    "SP500": "XNYS", "S&P500": "XNYS", "DJIA": "XNYS", "NASDAQ": "XNYS", "NASDAQ100": "XNYS",
}  # fmt: skip
# Bourses that write the digits of a share before the letters of theirs in names of files: 005930_KS.
DIGITS = re.compile(r"(?:^|_)\d{4,6}[_-]([A-Z]{1,2})$")
# The length of bars after the name of a file, as in 005930.KS_1m, BTC-USD_1h, AAPL_M5.
LENGTH = re.compile(
    r"[-_ ](\d{1,3}(MIN|MO|WK|[MHDW])|[MH]\d{1,3}|[DW]1|MN1?|DAILY|WEEKLY|MONTHLY|HOURLY|MINUTE)$"
)
CHINESE = re.compile(r"(SH|SZ|BJ)\d{6}")

Part = Literal["name", "prefix", "suffix"]


class Told(NamedTuple):
    """A calendar, and the part of a symbol that tells it."""

    calendar: str
    by: Part


def exchange_named(symbol: str) -> Told | None:
    """The calendar that the name of a symbol tells; None where it tells none.

    symbol  as sources write it ("005930.KS", "sh.600000", "NASDAQ:AAPL", "^KS11", "BTC-USD"), or the stem
            of a file ("samsung_005930_ks", "kospi")
    """
    name = LENGTH.sub("", symbol.strip().upper())
    index = BY_INDEX.get(name[1:]) if name.startswith(("^", ".")) else None
    if index := index or BY_NAME.get(name.lstrip("^").replace(" ", "")):
        return Told(index, "name")
    if "KOSPI" in name or "KOSDAQ" in name:
        return Told("XKRX", "name")
    if name.endswith(("-USD", "-USDT", "/USDT")):
        return Told(AROUND_THE_CLOCK, "suffix")
    if name.endswith("=X"):
        return Told("24/5", "suffix")
    if (found := CHINESE.fullmatch(name)) is not None:
        return Told(BY_PREFIX[found[1]], "prefix")
    if (found := DIGITS.search(name) or re.search(r"_(K[SQ])$", name)) and found[1] in BY_SUFFIX:
        return Told(BY_SUFFIX[found[1]], "suffix")
    first, mark, rest = name.partition(":")
    if not mark:
        first, mark, rest = name.partition(".")
        # BRK.B has no prefix: what follows one is a share's number, or it is a country.
        mark = mark if rest[:1].isdigit() or first == "US" else ""
    if mark and rest and (code := BY_PREFIX.get(first) or _exchange(first)):
        return Told(code, "prefix")
    stem, mark, last = name.rpartition(".")
    if mark and stem and (code := BY_SUFFIX.get(last) or _exchange(last)):
        return Told(code, "suffix")
    return None


def _exchange(name: str) -> str | None:
    """The exchange with this code of four letters or more."""
    code = code_of(name) if len(name) >= 4 else None
    return None if code in WEEKS else code
