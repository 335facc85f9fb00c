"""Sheets of spreadsheets: those with prices, one for each symbol, and files that are made to do harm."""

import io
import zipfile

import openpyxl
import pandas as pd
import pytest
import xlwt

import gatecast as gc
from gatecast.errors import DataError, DataWarning

ROWS = [["Date", "Close"], [pd.Timestamp("2021-03-01"), 1.25], [pd.Timestamp("2021-03-02"), 2]]
TEXT = [["Date", "Close"], ["2021-03-01", "1.25"], ["2021-03-02", "2"]]


def xlsx(**sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def xls(rows):
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(at, column, cell)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def ods(rows):
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    name = "urn:oasis:names:tc:opendocument:xmlns:"
    spaces = " ".join(f'xmlns:{part}="{name}{part}:1.0"' for part in ("office", "table", "text"))
    content = (
        f"<office:document-content {spaces}><office:body><office:spreadsheet>"
        f'<table:table table:name="S">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    return archive(
        {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content,
         "META-INF/manifest.xml": f'<m:manifest xmlns:m="{name}manifest:1.0"/>'}
    )  # fmt: skip


def archive(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in members.items():
            out.writestr(name, content)
    return stream.getvalue()


def with_sheet(xml):
    """A workbook whose only sheet has these rows of XML."""
    source = zipfile.ZipFile(io.BytesIO(xlsx(S=ROWS)))
    members = {name: source.read(name) for name in source.namelist()}
    place = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    members["xl/worksheets/sheet1.xml"] = (
        f'<worksheet xmlns="{place}"><sheetData>{xml}</sheetData></worksheet>'.encode()
    )
    return archive(members)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xlsx", xlsx(S=ROWS)),
        ("a.xlsm", xlsx(S=ROWS, Empty=[])),
        ("a", xlsx(S=ROWS)),
        ("titles.xlsx", xlsx(S=[["Prices of A"], [], *ROWS])),
        ("a.xls", xls(TEXT)),
        ("text.xls", b"Date\tClose\n2021-03-01\t1.25\n2021-03-02\t2\n"),
        ("a.ods", ods(TEXT)),
    ],
)
@pytest.mark.filterwarnings("ignore:.*before the header")
def test_the_sheet_with_prices(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    prices = gc.load(tmp_path / name)
    assert list(prices.table["close"]) == [1.25, 2]
    assert [str(day.date()) for day in prices.table["session"]] == ["2021-03-01", "2021-03-02"]
    assert prices.symbols == (name.split(".")[0],)
    assert prices.source == (str(tmp_path / name),)


def test_sheets_with_prices_are_symbols(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(xlsx(AAA=ROWS, BBB=ROWS))
    assert gc.load(tmp_path / "a.xlsx").symbols == ("AAA", "BBB")


def test_a_sheet_without_prices_is_named_and_the_other_has_the_name_of_the_file(tmp_path):
    (tmp_path / "tsla.xlsx").write_bytes(xlsx(Sheet1=ROWS, Notes=[["who", "what"], ["me", "this"]]))
    with pytest.warns(DataWarning, match=r"1 table could not be read and left out .*sheet Notes"):
        assert gc.load(tmp_path / "tsla.xlsx").symbols == ("tsla",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (xlsx(S=[]), "all its sheets are empty"),
        (xlsx(S=ROWS)[:-40], "the workbook cannot be read"),
        (b"not a workbook", "the workbook cannot be read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "the workbook cannot be read"),
        (xls(TEXT)[:3000], "the workbook cannot be read|empty"),
        (with_sheet('<row r="1"><c r="A1"><v>1</v></c></row>'
                    '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
         "it asks for more memory than there is"),
    ],
)  # fmt: skip
def test_a_damaged_workbook_is_one_message(content, words, tmp_path):
    (tmp_path / "bad.xlsx").write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        gc.load(tmp_path / "bad.xlsx")
    assert "bad.xlsx" in str(caught.value) and "\n" not in str(caught.value)
