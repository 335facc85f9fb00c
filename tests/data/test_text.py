"""Text files as they are: encodings, lines before the header, no header, folders."""

from pathlib import Path

import pandas as pd
import pytest

import gatecast as gc
from gatecast.data.text import text_of
from gatecast.errors import DataError, DataWarning, SettingError

ROWS = [
    ("2021-03-01", 10.0, 12.0, 9.0, 11.0, 1000),
    ("2021-03-02", 11.0, 13.0, 10.0, 12.0, 1100),
    ("2021-03-03", 12.0, 14.0, 11.0, 13.0, 1200),
]
HEADER = "Date,Open,High,Low,Close,Volume"
BODY = "\n".join(",".join(map(str, row)) for row in ROWS)
KOREAN, CHINESE, JAPANESE = (
    "일자,시가,고가,저가,종가,거래량",
    "日期,开盘,最高,最低,收盘,成交量",
    "日付,始値,高値,安値,終値,出来高",
)
POLISH, RUSSIAN = (
    "Data,Otwarcie,Najwyższy,Najniższy,Zamknięcie,Wolumen",
    "Дата,Открытие,Максимум,Минимум,Закрытие,Объём",
)
GERMAN = "Datum,Eröffnung,Hoch,Tief,Schluss,Volumen"


def read(text: bytes, path: Path) -> gc.Prices:
    path.write_bytes(text)
    return gc.load(path)


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        (KOREAN, "cp949"),
        (CHINESE, "gb18030"),
        (JAPANESE, "cp932"),
        (POLISH, "cp1250"),
        (RUSSIAN, "cp1251"),
        (GERMAN, "cp1252"),
        (GERMAN, "utf-16"),
        (KOREAN, "utf-16"),
    ],
)
def test_encodings_by_the_names_of_the_columns(header: str, encoding: str, tmp_path: Path) -> None:
    with pytest.warns(DataWarning, match="read as"):
        prices = read(f"{header}\n{BODY}".encode(encoding), tmp_path / "p.csv")
    assert list(prices.table["close"]) == [11.0, 12.0, 13.0]
    assert list(prices.table["volume"]) == [1000.0, 1100.0, 1200.0]


@pytest.mark.parametrize("header", [KOREAN, CHINESE, JAPANESE, POLISH, RUSSIAN, GERMAN, HEADER])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_utf_8_says_nothing(header: str, mark: str, tmp_path: Path) -> None:
    assert read(f"{mark}{header}\n{BODY}".encode(), tmp_path / "p.csv").oddities == ()


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(DataError, match=r"not UTF-8 text.*row 1.*encoding="):
        text_of(b"abc,def\n\xff\xfe\x1a,1\n", "f.csv")


@pytest.mark.parametrize("encoding", ["cp1252", "iso-8859-2"])
def test_an_encoding_that_no_column_tells_is_guessed_and_said(encoding: str) -> None:
    body = "".join(f"2021-03-{day:02},{day},Société Générale café à Köln\n" for day in range(1, 28))
    text = text_of(("Date,Close,Note\n" + body).replace("à", "é").encode(encoding), "f.csv")
    assert "Soci" in text.table
    assert text.choices["encoding"] != "utf-8"
    assert "read as" in text.oddities[0].text


def test_an_encoding_that_is_given_is_taken() -> None:
    content = "Date,Close,Note\n2021-03-01,1,żółć\n".encode("iso-8859-2")
    assert "żółć" in text_of(content, "f.csv", "iso-8859-2").table
    with pytest.raises(DataError, match="no text in ascii"):
        text_of(content, "f.csv", "ascii")
    with pytest.raises(SettingError, match=r"encoding = 'cp-949x'.*no such encoding"):
        text_of(content, "f.csv", "cp-949x")


@pytest.mark.parametrize(
    "before", ["https://www.example.org", "Historical prices\nof ABC, daily\n", "\n\nABC\n"]
)
def test_lines_before_the_header(before: str, tmp_path: Path) -> None:
    with pytest.warns(DataWarning, match="before the header"):
        prices = read(f"{before}\n{HEADER}\n{BODY}".encode(), tmp_path / "p.csv")
    assert list(prices.table["close"]) == [11.0, 12.0, 13.0]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_without_a_header_the_usual_order_is_taken_where_the_prices_agree(
    separator: str, tmp_path: Path
) -> None:
    with pytest.warns(DataWarning, match="no header; the columns are taken as date, open, high, low, close"):
        prices = read(BODY.replace(",", separator).encode(), tmp_path / "p.csv")
    assert list(prices.table["close"]) == [11.0, 12.0, 13.0]
    assert list(prices.table["high"]) == [12.0, 13.0, 14.0]


@pytest.mark.parametrize(
    "body",
    [
        "\n".join(f"{day},{o},{lowest},{highest},{c},{v}" for day, o, highest, lowest, c, v in ROWS),
        "\n".join(f"{row[0]},{row[4]}" for row in ROWS),
    ],
)
def test_another_order_without_a_header_is_refused(body: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no header line"):
        read(body.encode(), tmp_path / "p.csv")


def test_the_levels_of_yfinance_in_all_their_forms(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            ("Close", "AAA"): [1.0, 2.0],
            ("Close", "BBB"): [3.0, 4.0],
            ("Volume", "AAA"): 1,
            ("Volume", "BBB"): 1,
        },
        index=pd.DatetimeIndex(["2021-03-01", "2021-03-02"], name="Date"),
    )
    frame.columns.names = ["Price", "Ticker"]
    for levels in (frame, frame.swaplevel(axis=1).sort_index(axis=1)):
        levels.to_csv(tmp_path / "y.csv")
        prices = gc.load(tmp_path / "y.csv")
        assert prices.symbols == ("AAA", "BBB")
        assert list(prices.table["close"]) == [1.0, 2.0, 3.0, 4.0]
    alone = frame.xs("AAA", axis=1, level="Ticker", drop_level=False).reset_index()
    alone.to_csv(tmp_path / "one.csv", index=False)
    assert gc.load(tmp_path / "one.csv").symbols == ("AAA",)


def test_a_folder_is_one_symbol_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "prices"
    folder.mkdir()
    for symbol in ("AAA", "BBB"):
        (folder / f"{symbol}.csv").write_text(f"{HEADER}\n{BODY}")
    (folder / "notes.md").write_text("nothing")
    assert gc.load(folder).symbols == ("AAA", "BBB")
    (folder / "CCC.csv").write_text("no,prices\n1,2\n")
    with pytest.warns(DataWarning, match=r"1 file could not be read and left out \(CCC.csv"):
        assert gc.load(folder).symbols == ("AAA", "BBB")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="folder without price files"):
        gc.load(empty)


def test_a_table_that_begins_with_its_header_is_left_as_it_is() -> None:
    text = f"{HEADER}\n" + BODY + "\n" * 3 + "x" * 10
    assert text_of(text.encode(), "f.csv").table == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_wide_letters_without_a_mark_and_wider_ones(encoding: str) -> None:
    assert (
        text_of(f"{HEADER}\n{BODY}".encode(encoding), "f.csv").table.lstrip("\ufeff") == f"{HEADER}\n{BODY}"
    )


@pytest.mark.parametrize("sign", ["£", "¥", "€"])
def test_a_sign_of_currency_tells_the_encoding(tmp_path: Path, sign: str) -> None:
    file = tmp_path / "prices.csv"
    file.write_bytes(f"Date,Close\n2021-03-01,{sign}100.5\n2021-03-02,{sign}101.5\n".encode("cp1252"))
    with pytest.warns(DataWarning, match="read as cp1252"):
        assert list(gc.load(file).table["close"]) == [100.5, 101.5]


def test_a_name_of_an_encoding_that_cannot_be_one() -> None:
    with pytest.raises(SettingError, match="no such encoding"):
        text_of(b"Date,Close\n", "f.csv", encoding="utf\0")
