"""Columns as the big sources name them."""

from pathlib import Path

import pytest

import gatecast as gc
from gatecast.data.names import NAMES, STANDARD, standard_names
from gatecast.errors import DataWarning

DAYS = ("2021-03-01", "2021-03-02", "2021-03-03", "2021-03-04", "2021-03-05")
OHLC = ((10.0, 12.0, 9.0, 11.0), (11.0, 13.0, 10.0, 12.0), (12.0, 14.0, 11.0, 13.0)) + 2 * (
    (13.0, 15.0, 12.0, 14.0),
)
# source → header: date, open, high, low, close, volume
HEADERS = {
    "Yahoo": "Date,Open,High,Low,Close,Volume",
    "investing.com": "Date,Open,High,Low,Price,Vol.",
    "Nasdaq": "Date,Open,High,Low,Close/Last,Volume",
    "MetaTrader": "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<TICKVOL>",
    "Dukascopy": "Gmt time,Open,High,Low,Close,Volume",
    "Tushare": "trade_date,open,high,low,close,vol",
    "stooq, Polish": "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen",
    "KRX": "일자,시가,고가,저가,종가,거래량",
    "AkShare": "日期,开盘,最高,最低,收盘,成交量",
    "Japanese": "日付,始値,高値,安値,終値,出来高",
    "German": "Datum,Eröffnung,Hoch,Tief,Schluss,Volumen",
    "French": "Date,Ouverture,Haut,Bas,Clôture,Volume",
    "Spanish": "Fecha,Apertura,Máximo,Mínimo,Cierre,Volumen",
    "Portuguese": "Data,Abertura,Máxima,Mínima,Fechamento,Volume",
    "Italian": "Data,Apertura,Massimo,Minimo,Chiusura,Volume",
    "Russian": "Дата,Открытие,Максимум,Минимум,Закрытие,Объём",
    "Turkish": "Tarih,Açılış,Yüksek,Düşük,Kapanış,Hacim",
    "qlib": "datetime,$open,$high,$low,$close,$volume",
    "quantmod": "Date,ABC.Open,ABC.High,ABC.Low,ABC.Close,ABC.Volume",
}


def written(header: str, path: Path, separator: str = ",") -> Path:
    lines = [header.replace(",", separator)]
    lines += [
        separator.join([day, *map(str, prices), "1000"]) for day, prices in zip(DAYS, OHLC, strict=True)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("source", HEADERS)
def test_every_source_is_read(source: str, separator: str, tmp_path: Path) -> None:
    prices = gc.load(written(HEADERS[source], tmp_path / "p.csv", separator))
    assert list(prices.table.columns) == ["symbol", "session", "open", "high", "low", "close", "volume"]
    assert [tuple(row) for row in prices.table[["open", "high", "low", "close"]].to_numpy()] == list(OHLC)
    assert prices.symbols == ("ABC" if source == "quantmod" else "p",)


def test_a_name_means_one_thing() -> None:
    known = [name for names in NAMES.values() for name in names]
    assert len(known) == len(set(known))
    assert all(name in NAMES[name] for name in STANDARD)


def test_a_standard_name_leaves_the_others_alone() -> None:
    assert standard_names(["date", "close", "price", "last"]) == {}
    assert standard_names(["date", "last", "price"]) == {"price": "close"}


def test_the_only_column_of_numbers_is_the_close(tmp_path: Path) -> None:
    file = tmp_path / "fred.csv"
    file.write_text("observation_date,DEXUSEU\n2021-03-01,1.1108\n2021-03-02,1.1048\n")
    with pytest.warns(
        gc.DataWarning if hasattr(gc, "DataWarning") else UserWarning, match='column "DEXUSEU"'
    ):
        assert list(gc.load(file).table["close"]) == [1.1108, 1.1048]


def test_an_adjusted_close_alone_is_the_close(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("Date,Adj Close\n2021-03-01,1.5\n2021-03-02,1.6\n")
    with pytest.warns(UserWarning, match='taken from the column "Adj Close"'):
        assert list(gc.load(file).table["close"]) == [1.5, 1.6]


def test_a_volume_that_nobody_can_read_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("Date,Close,Volume\n2021-03-01,1.5,many\n2021-03-02,1.6,few\n")
    with pytest.warns(DataWarning, match=r"the volume is left out: 2 cells are no numbers \(row 1: many\)"):
        assert "volume" not in gc.load(file).table
