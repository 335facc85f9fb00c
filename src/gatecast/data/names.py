"""What the columns of price files are called, in one table; names in lower case, marks between words as "_".

Of several columns with one meaning that which stands first here is taken; the others stay under their own
names.
"""

from __future__ import annotations

import re

# meaning → how sources write it
NAMES: dict[str, tuple[str, ...]] = {
    "date": (
        "date", "session", "datetime", "timestamp", "time", "day", "ds",
        "trade_date",  # Tushare
        "trading_date", "business_date", "observation_date",  # exchanges; FRED
        "snapped_at",  # CoinGecko
        "gmt_time", "local_time",  # Dukascopy
        "open_time", "date_time", "unix", "dt",  # Binance, CryptoDataDownload
        "날짜", "일자", "거래일", "기준일",  # Naver, KRX, investing.com
        "日期", "交易日期", "时间", "日付", "日付け", "年月日",  # AkShare, East Money; Japanese brokers
        "datum", "zeitpunkt",  # ariva, onvista, finanzen.net
        "fecha", "fecha_hora", "data", "data_sesji", "dia",  # Spanish, Italian, Polish
        "ngày", "データ日付", "dates", "tradedate",  # Vietnamese investing.com; Nikkei; Bloomberg; MOEX
        "дата", "tarih",  # Finam, MOEX; Turkish investing.com
    ),
    "symbol": (
        "symbol", "ticker", "name", "unique_id",
        "ts_code", "stock_code", "instrument", "tic",  # Tushare, qlib, FinRL
        "종목코드", "종목명", "股票代码", "代码", "コード", "銘柄",
    ),
    "open": (
        "open", "open_price", "opening_price", "openprice",
        "시가", "开盘", "开盘价", "開盤價", "始値",
        "eroeffnung", "eröffnung", "erster", "eröffnungskurs", "anfangskurs",
        "ouverture", "ouv", "apertura", "abertura", "otwarcie", "kurs_otwarcia", "mở",
        "открытие", "откр", "цена_откр", "açılış",
    ),
    "high": (
        "high", "high_price", "highestprice", "highprice",
        "고가", "最高", "最高价", "最高價", "高値",
        "hoch", "höchst", "hoechst", "tageshoch", "haut", "plus_haut", "+_haut", "máximo", "maximo",
        "alto", "máxima", "maxima", "massimo", "najwyzszy", "najwyższy", "kurs_maksymalny", "cao",
        "максимум", "макс", "yüksek",
    ),
    "low": (
        "low", "low_price", "lowestprice", "lowprice",
        "저가", "最低", "最低价", "最低價", "安値",
        "tief", "tiefst", "tagestief", "bas", "plus_bas", "+_bas", "mínimo", "minimo", "bajo", "mínima",
        "minima", "najnizszy", "najniższy", "kurs_minimalny", "thấp", "минимум", "мин", "düşük",
    ),
    "close": (
        "close", "close_last", "closing_price", "close_price", "closeprice",
        "settle", "settlement_price",  # Nasdaq
        "종가", "收盘", "收盘价", "收盤價", "終値", "現在値",
        "schluss", "schlusskurs", "schlußkurs", "letzter", "zuletzt",
        "clôture", "cloture", "clot", "dernier", "cierre", "último", "ultimo", "fechamento", "chiusura",
        "zamkniecie", "zamknięcie", "kurs_zamkniecia", "kurs_zamknięcia", "lần_cuối",
        "закрытие", "закр", "цена_закр", "цена", "kapanış", "şimdi",
        "price", "last", "last_price", "value", "y",  # investing.com, CoinGecko, Nixtla
    ),
    "adj_close": (
        "adj_close", "adjclose", "adjusted_close", "adjusted", "adj_closing_price", "조정종가", "調整後終値",
    ),
    "volume": (
        "volume", "tickvol", "vol", "total_volume", "shares_traded", "total_trade_quantity",
        "거래량", "成交量", "出来高",
        "volumen", "umsatz", "stück", "volumes", "volúmen", "wolumen", "quantità", "объём", "объем",
        "hacim", "hac", "kl", "turnovervol", "volume_btc",
    ),
}  # fmt: skip

STANDARD = ("open", "high", "low", "close", "adj_close", "volume")
PRICES = tuple(name for name in STANDARD if name != "volume")
KNOWN = frozenset(name for names in NAMES.values() for name in names)
TWO_LANGUAGES = re.compile(r"([^\x00-\x7f]+)(?:[^a-z]*)([a-z][a-z_]*?)(?:\(.*)?")
DATE_NAMES, SYMBOL_NAMES = NAMES["date"], NAMES["symbol"]


def normal_name(name: object) -> str:
    """The name of a column as gatecast writes it: "Adj Close" → "adj_close", "<CLOSE>" → "close"."""
    return re.sub(r"[\s_.\-/<>*$]+", "_", str(name).strip().lower()).strip("_")


def standard_names(names: list[str]) -> dict[str, str]:
    """The columns that mean a standard one without its name: their name → that of the standard column."""
    found: dict[str, str] = {}
    for meaning in STANDARD:
        if meaning not in names:
            known = [name for name in NAMES[meaning] if name in names and name not in found]
            found |= dict.fromkeys(known[:1], meaning)
    return found


def known_name(name: object) -> str:
    """The normal name of a column; of one in two languages, as "日期Date", that which is known."""
    whole = normal_name(name)
    if found := TWO_LANGUAGES.fullmatch(whole):
        known = [part for part in found.groups() if part in KNOWN]
        return known[-1] if known else whole
    return whole
