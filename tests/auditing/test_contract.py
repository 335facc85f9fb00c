"""What a pipeline is given and may return: tables in any form, changed but valid; answers and manners."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import gatecast as gc
from gatecast.auditing.answers import ask
from gatecast.auditing.report import Report
from gatecast.auditing.table import read_table
from gatecast.cli.app import app
from gatecast.errors import DataError, InputError, SettingError

IN_FULL = [pytest.mark.slow, pytest.mark.full]
PIPELINES = """
import pandas as pd
print("imported")

def forecasts(df, shift):
    print("running")
    made = df["Close"].rolling(3).mean().shift(shift)
    return pd.DataFrame({"origin": df["Date"].shift(1), "date": df["Date"], "forecast": made}).iloc[60:]

def clean(df):
    return forecasts(df, 1)

def leaking(df):
    return forecasts(df, 0)

def picky(df):
    if df["Close"].max() > 500:
        raise ValueError("no price is above 500")
    return clean(df)
"""


@pytest.fixture(scope="module")
def prices(walk: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return walk("A", 200, 0).drop(columns="symbol").rename(columns=str.title)


def mean_of_three(df: pd.DataFrame, close: str = "Close", date: str = "Date") -> pd.DataFrame:
    made = df[close].rolling(3).mean().shift(1)
    return pd.DataFrame({"origin": df[date].shift(1), "date": df[date], "forecast": made}).iloc[60:]


class Recorder:
    """A pipeline that keeps every frame it was given."""

    def __init__(self, pipeline: Callable[[pd.DataFrame], Any]) -> None:
        self.pipeline, self.frames = pipeline, []

    def __call__(self, df: pd.DataFrame) -> Any:
        self.frames.append(df.copy())
        return self.pipeline(df)


# the tables a pipeline is given --------------------------------------------------------------------------


def same_day(df: pd.DataFrame) -> pd.DataFrame:
    """It leaks, so that every kind of change is made."""
    made = (df["High"] + df["Low"]) / 2
    return pd.DataFrame({"origin": df["Date"].shift(1), "date": df["Date"], "forecast": made}).iloc[60:]


def test_every_changed_table_holds_valid_prices_in_its_old_form(prices):
    frame = prices.assign(
        Volume=prices["Volume"].astype("int64"),
        Count=np.arange(200, dtype="int32"),
        Rate=np.linspace(-1, 1, 200).astype("float32"),
        Holes=prices["Open"].astype("float64").where(prices.index % 9 > 0),
    ).set_index(pd.Index(range(7, 207)))
    seen = Recorder(same_day)
    gc.audit(seen, frame)
    assert len(seen.frames) >= 20
    for changed in seen.frames:
        assert changed.index.equals(frame.index) and changed.columns.equals(frame.columns)
        assert (changed.dtypes == frame.dtypes).all()
        assert changed["Date"].equals(frame["Date"])
        assert changed["Holes"].isna().equals(frame["Holes"].isna())
        low, high = changed[["Open", "Close"]].min(axis=1), changed[["Open", "Close"]].max(axis=1)
        assert (changed["Low"] > 0).all() and (changed["Volume"] >= 0).all()
        assert (changed["Low"] <= low).all() and (high <= changed["High"]).all()
    assert frame["Close"].equals(prices["Close"].set_axis(frame.index))
    # rows after a cut reach new extremes in every column
    numbers = prices.columns.drop("Date")
    highest = pd.DataFrame([frame[numbers].max() for frame in seen.frames]).max()
    lowest = pd.DataFrame([frame[numbers].min() for frame in seen.frames]).min()
    assert (highest >= 3 * prices[numbers].max()).all()
    assert (lowest <= prices[numbers].min() / 3).all()


def test_numbers_written_as_text_stay_text(prices):
    text = prices.assign(
        Date=prices["Date"].map(lambda day: f"{day.month}/{day.day}/{day.year}"),
        Close=(10 * prices["Close"]).map("{:,.2f}".format),
        Volume=prices["Volume"].map("{:,.0f}".format),
    )

    def pipeline(df):
        return mean_of_three(df.assign(Close=df["Close"].str.replace(",", "").astype(float)))

    seen = Recorder(pipeline)
    assert gc.audit(seen, text[["Date", "Open", "Close", "Volume"]], quick=True).clean
    for frame in seen.frames:
        assert frame["Close"].str.fullmatch(r"\d{1,3}(,\d{3})*\.\d\d").all()
        assert frame["Volume"].str.fullmatch(r"\d{1,3}(,\d{3})*").all()
    assert len({tuple(frame["Close"]) for frame in seen.frames}) > 3


@pytest.mark.parametrize(
    "form",
    [
        lambda df: df.set_index("Date"),
        pytest.param(lambda df: df.set_index("Date").rename_axis(None), marks=IN_FULL),
        pytest.param(lambda df: df.assign(Date=df["Date"].astype(str)).set_index("Date"), marks=IN_FULL),
        lambda df: df.set_index("Date").tz_localize("America/New_York"),
        lambda df: df[::-1].reset_index(drop=True),
        lambda df: df.set_index("Date").set_axis(
            pd.MultiIndex.from_product([["Open", "High", "Low", "Close", "Volume"], ["TSLA"]]), axis=1
        ),
        lambda df: df.drop(columns=["Open", "High", "Low"]).rename(columns={"Date": "ds"}),
        lambda df: gc.Prices.from_frame(df, calendar="daily"),
    ],
)
def test_tables_in_the_forms_that_people_have(form, prices):
    def pipeline(df):
        plain = df.copy()
        if plain.columns.nlevels == 2:
            plain.columns = plain.columns.get_level_values(0)
        plain.columns = plain.columns.str.title()
        date = next((plain[name] for name in ("Date", "Ds", "Session") if name in plain), None)
        plain = plain.assign(Date=plain.index if date is None else date).reset_index(drop=True)
        return mean_of_three(plain.sort_values("Date", ignore_index=True))

    report = gc.audit(pipeline, form(prices), quick=True)
    assert report.clean and not {"deaf", "chance"} & {finding.kind for finding in report.findings}


@pytest.mark.parametrize(
    "stamp",
    [
        pytest.param(str, marks=IN_FULL),
        lambda day: day.strftime("%Y-%m-%d"),
        pytest.param(lambda day: day.date(), marks=IN_FULL),
        None,
    ],
)
def test_origins_and_dates_may_be_text_dates_or_row_numbers(stamp, prices):
    def pipeline(df):
        answer = mean_of_three(df)
        if stamp is None:
            return answer.assign(origin=np.arange(59, 199), date=np.arange(60, 200))
        return answer.assign(origin=answer["origin"].map(stamp), date=answer["date"].map(stamp))

    report = gc.audit(pipeline, prices, quick=True)
    assert report.clean and report.forecasts == 140


def test_what_no_table_is(prices):
    with pytest.raises(InputError, match=r'no column of numbers "Closed". Did you mean "close".*Open, High'):
        gc.audit(mean_of_three, prices, column="Closed")
    with pytest.raises(DataError, match=r"stands in two rows of one symbol.*symbol"):
        gc.audit(mean_of_three, pd.concat([prices, prices]))
    with pytest.raises(DataError, match='two columns mean "close"'):
        gc.audit(mean_of_three, prices.assign(close=1.0))
    with pytest.raises(DataError, match="is empty"):
        gc.audit(mean_of_three, prices[:0])
    with pytest.raises(SettingError, match="no function"):
        gc.audit("mine", prices)  # type: ignore[arg-type]


def test_sources_come_with_their_own_column_names(prices, tmp_path):
    prices.to_csv(tmp_path / "mine.csv", index=False)
    prices.to_parquet(tmp_path / "mine.parquet")
    for name in ("mine.csv", "mine.parquet"):
        assert list(read_table(tmp_path / name, "Close").frame) == list(prices)
    assert "Adj Close" in read_table("sample:sp500", "Adj Close").frame
    with pytest.raises(DataError, match="cannot be read"):
        read_table(str(tmp_path / "other.csv"), "Close")


def test_the_real_files(shared):
    google = read_table(shared / "google_stock_price_train.csv", "Open")
    assert google.values["volume"][0] == 7_380_500 and google.values["close"].max() > 1000
    assert google.coherent.sum() == 1258 - 560  # the close is not on the others' scale before the split
    assert google.label(0) == "2012-01-03"
    house = read_table(shared / "california_housing_train.csv", "median_house_value")
    assert house.sessions is None and not house.has_prices and len(house.values) == 9


# answers that break the rules ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda a: None, "returned nothing. Expected is a Series or an array with the forecast of each row"),
        (lambda a: a["forecast"].to_numpy(), "returned 140 numbers, and the table has 200 rows"),
        (lambda a: a.drop(columns="date"), 'need one column "date"; they have: origin, forecast'),
        (lambda a: a[:0], "the frame has no rows"),
        (lambda a: a.assign(forecast=np.nan), "no forecast that is a number"),
        (lambda a: a.assign(forecast="high"), "'high', not one number per row"),
        (lambda a: pd.concat([a, a.head(1)]), "two forecasts of origin 2015-03-25 for 2015-03-26"),
        (lambda a: a.assign(origin=a["date"]), "the origin is the last session that the forecast knows"),
        (lambda a: a.assign(origin=pd.Timestamp("2015-01-03")), "2015-01-03 is no session of the table"),
        (lambda a: a.assign(origin=pd.NaT), "origin is empty in row 0"),
        (lambda a: a.assign(origin="yesterday"), "not a date"),
        (lambda a: {"scores": {}}, 'dict without "forecasts"'),
        (lambda a: {"forecasts": a, "trained_untill": 3}, 'Did you mean "trained_until"'),
        (lambda a: {"forecasts": a, "scores": {"rmse": "low"}}, "scores are names and numbers"),
        (lambda a: {"forecasts": a, "predict": 3}, "predict is no function"),
        (lambda a: a.assign(y=np.random.default_rng(0).permutation(len(a))).assign(y="?"), "y holds"),
    ],
)
def test_a_wrong_answer_is_refused_and_the_message_shows_a_right_one(broken, message, prices):
    with pytest.raises(InputError, match=message):
        gc.audit(lambda df: broken(mean_of_three(df)), prices)


def test_symbols_must_be_those_of_the_table(walk):
    frame = pd.concat([walk("AA", 80, 0), walk("BB", 80, 1)])
    one = lambda df: mean_of_three(df[df["symbol"] == "AA"], "close", "date")  # noqa: E731
    with pytest.raises(InputError, match="need a column symbol: the table has 2"):
        gc.audit(one, frame)
    with pytest.raises(InputError, match='no symbol "AB"'):
        gc.audit(lambda df: one(df).assign(symbol="AB"), frame)
    assert gc.audit(lambda df: one(df).assign(symbol="AA"), frame, quick=True).clean


def test_a_y_of_another_column_asks_for_the_right_target(prices):
    with pytest.raises(InputError, match='Say column="Open"'):
        gc.audit(lambda df: mean_of_three(df).assign(y=df["Open"].iloc[60:]), prices, quick=True)


def test_an_error_on_the_unchanged_prices_is_named(prices):
    with pytest.raises(InputError, match="KeyError: 'Close Price' on the unchanged prices"):
        gc.audit(lambda df: df["Close Price"], prices)
    with pytest.raises(InputError, match="SystemExit"):
        gc.audit(lambda df: sys.exit(1), prices)


# pipelines with bad manners ------------------------------------------------------------------------------


def test_a_pipeline_that_spoils_its_input_and_prints_disturbs_nothing(prices, capsys):
    before = prices.copy()

    def pipeline(df):
        answer = mean_of_three(df)
        print("epoch 1, loss 0.3")
        df["Close"] = 0.0
        del df["Open"]
        return answer

    assert gc.audit(pipeline, prices, quick=True).clean
    assert prices.equals(before)
    assert capsys.readouterr().out == ""


def test_errors_on_changed_prices_are_reported_and_not_taken_as_clean(prices):
    def pipeline(df):
        if df["Close"].max() > 300:
            raise ValueError("no price is above 300")
        return mean_of_three(df)

    report = gc.audit(pipeline, prices, quick=True)
    assert not report.clean and not report.faults
    assert {rerun.error for rerun in report.failed} == {"ValueError: no price is above 300"}
    assert all(rerun.moved is None for rerun in report.failed)
    assert "what they would have shown is not known" in " ".join(str(report).split())


def test_forecasts_that_are_not_numbers_are_no_forecasts(prices):
    def pipeline(df):
        answer = mean_of_three(df)
        return answer.assign(forecast=answer["forecast"].where(df["Volume"].shift(1) > 1.5e6))

    report = gc.audit(pipeline, prices, quick=True)
    assert report.clean and 30 < report.forecasts < 110


def test_forecasts_that_come_and_go_with_the_future_are_found(prices):
    def pipeline(df):
        answer = mean_of_three(df)
        return answer[answer["forecast"] > df["Close"].mean()]

    (finding,) = gc.audit(pipeline, prices, quick=True).faults
    assert finding.kind == "future-rows" and "which come and go" in finding.text
    assert finding.as_dict()["size"] is None


# the report ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report(prices: pd.DataFrame) -> Report:
    return gc.audit(same_day, prices[["Date", "High", "Low", "Close"]], seed=1, quick=True)


def test_the_report_shows_itself(report):
    assert str(report).startswith("same_day: 1 fault (140 forecasts, ")
    for text in (str(report), report._repr_html_()):
        text = " ".join(text.split())
        assert "same-day" in text and "High, Low" in text and "Use these columns up to the origin" in text
        assert "choices made outside the function" in text
    assert json.loads(json.dumps(report.as_dict(), allow_nan=False))["findings"][0]["kind"] == "same-day"


def test_text_from_the_data_cannot_break_out_of_the_notebook(report):
    hostile = "</td><img src=x onerror=alert(1)>"
    finding = replace(report.findings[0], text=hostile, remedy=hostile, first=hostile)
    html = replace(report, pipeline=hostile, findings=(finding,))._repr_html_()
    assert "<img" not in html and html.count("&lt;img") == 4


def test_the_same_seed_gives_the_same_report(report, prices):
    again = gc.audit(same_day, prices[["Date", "High", "Low", "Close"]], seed=1, quick=True)
    assert again.as_dict() == report.as_dict()


# the command ---------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, prices: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pipelines_for_audit.py").write_text(PIPELINES)
    prices[["Date", "Open", "Close"]].to_csv(tmp_path / "mine.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "pipelines_for_audit", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def command(*words: str) -> Any:
    return CliRunner().invoke(app, ["audit", *words])


def test_the_command_ends_with_3_only_on_check(folder):
    assert command("pipelines_for_audit:leaking", "mine.csv", "--quick", "--check").exit_code == 3
    assert command("pipelines_for_audit:clean", "mine.csv", "--quick", "--check").exit_code == 0
    assert command("pipelines_for_audit:picky", "mine.csv", "--quick").exit_code == 0


def test_the_command_prints_the_report_or_one_object_and_nothing_else(folder):
    result = command("pipelines_for_audit:leaking", "mine.csv", "--quick")
    assert result.exit_code == 0
    assert result.stdout.startswith("leaking: 1 fault") and "imported" not in result.stdout
    answer = json.loads(command("pipelines_for_audit:leaking", "mine.csv", "--quick", "--json").stdout)
    assert [finding["kind"] for finding in answer["findings"]] == ["answer"] and not answer["clean"]
    assert len(answer["tried"]) <= 12


@pytest.mark.parametrize(
    "words",
    [
        ("pipelines_for_audit", "mine.csv"),
        ("pipelines_for_audit:missing", "mine.csv"),
        ("no_such_module:clean", "mine.csv"),
        ("pipelines_for_audit:clean", "none.csv"),
        ("pipelines_for_audit:clean", "mine.csv", "--column", "Price"),
        ("pipelines_for_audit:forecasts", "mine.csv"),
    ],
)
def test_wrong_input_is_an_input_error(folder, words):
    assert isinstance(command(*words).exception, InputError)


# one forecast per row -------------------------------------------------------------------------------------


def by_row(df: pd.DataFrame, shift: int = 1) -> pd.Series:
    """The mean of three closes, as people write it; with shift=0 it reads the close that it forecasts."""
    return df.groupby("Symbol")["Close"].transform(lambda close: close.rolling(3).mean().shift(shift))


@pytest.fixture(scope="module")
def two_symbols(prices: pd.DataFrame) -> pd.DataFrame:
    """Rows of two symbols by turns; one starts later."""
    other = prices.iloc[40:].assign(Symbol="B", Close=prices["Close"].iloc[40:] * 1.7)
    return pd.concat([prices.assign(Symbol="A"), other]).sort_values(["Date", "Symbol"], ignore_index=True)


def in_a_frame(df: pd.DataFrame) -> pd.DataFrame:
    """The same forecasts with their symbol, origin and time; the names in any case."""
    origin = df.groupby("Symbol")["Date"].shift(1)
    made = pd.DataFrame(
        {"SYMBOL": df["Symbol"], "Origin": origin, "Time": df["Date"], "Forecast": by_row(df)}
    )
    return made.dropna()


FORMS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "series": by_row,
    "array": lambda df: by_row(df).to_numpy(),
    "part of a series": lambda df: by_row(df).dropna().iloc[::-1],
    "frame": in_a_frame,
}


@pytest.mark.parametrize("form", FORMS)
def test_one_forecast_per_row_is_that_of_the_row_before_of_its_symbol(form, two_symbols):
    table = read_table(two_symbols, "close")
    answer, expected = (
        ask(pipeline, two_symbols.copy(), table, quiet=False, seed=0).rows[
            ["symbol", "origin", "date", "forecast"]
        ]
        for pipeline in (FORMS[form], in_a_frame)
    )
    pd.testing.assert_frame_equal(answer, expected)
    assert len(answer) == 197 + 157


@pytest.mark.parametrize("form", ["series", pytest.param("array", marks=IN_FULL)])
def test_a_series_is_audited_like_any_other_answer(form, prices):
    frame = prices.assign(Symbol="A").set_index("Date")
    assert gc.audit(FORMS[form], frame, quick=True).clean
    leaking = gc.audit(lambda df: by_row(df, shift=0), frame, column="CLOSE", quick=True)
    assert not leaking.clean and "Close" in str(leaking)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda df: by_row(df).to_numpy()[5:], "returned 195 numbers, and the table has 200 rows"),
        (lambda df: by_row(df).set_axis(range(1000, 1200)), "a Series whose index is not that of the table"),
        (lambda df: by_row(df).to_numpy()[None], "Expected is a Series or an array"),
    ],
)
def test_numbers_that_belong_to_no_row_are_refused(answer, said, prices):
    with pytest.raises(InputError, match=said):
        gc.audit(answer, prices.assign(Symbol="A"))
