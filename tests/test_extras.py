"""What works without the packages of the extras, and what is said where one is needed."""

import importlib.util
import warnings

import pandas as pd
import pytest

from gatecast import extras
from gatecast.data.yahoo import read_yahoo
from gatecast.errors import DataError, DrawingWarning, LedgerError


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """As `pip install gatecast` leaves it."""
    known = importlib.util.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name in extras.EXTRAS else known(name))
    monkeypatch.setenv("GATECAST_CACHE", str(tmp_path / "cache"))


SMALL = (
    *("--models", "gru", "--hidden-size", "2", "--epochs", "1", "--seeds", "1", "--folds", "1"),
    *("--lookback", "5"),
)


@pytest.fixture
def file(walk, tmp_path):
    walk("Å", 120, 0).drop(columns="symbol").to_csv(tmp_path / "a.csv", index=False)


@pytest.mark.usefixtures("file")
def test_a_comparison_has_its_verdict_tables_and_page_and_says_once_what_is_not_drawn(command, tmp_path):
    answer = command("compare", "a.csv", *SMALL, "--out", "r")
    assert answer.code == 0 and "naive" in answer.out
    assert answer.err.count("warning: ") == 1 and 'pip install "gatecast[png]"; all else' in answer.err
    assert {"report.html", "forecasts.parquet"} <= {path.name for path in (tmp_path / "r").iterdir()}
    assert not list((tmp_path / "r").rglob("*.png"))


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("forecast", "a.csv"), 'pip install "gatecast[ledger]", or leave the record out (--no-ledger)'),
        (("forecast", "a.csv", "--no-ledger", "--out", "a.png"), 'pip install "gatecast[png]"'),
        (("score",), 'pip install "gatecast[ledger]"'),
        (("compare", "yahoo:TSLA"), 'pip install "gatecast[yahoo]"'),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_a_command_that_needs_one_says_what_to_install(words, said, command):
    answer = command(*words)
    assert (answer.code, answer.err.count("\n")) == (2, 1) and said in answer.err


@pytest.mark.usefixtures("file")
def test_a_forecast_needs_no_record(command):
    few = ("--hidden-size", "2", "--epochs", "1", "--seeds", "1", "--lookback", "5", "--horizon", "2")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DrawingWarning)
        assert command("forecast", "a.csv", *few, "--no-ledger", "--quiet").code == 0


def test_in_python_they_say_it_too():
    with pytest.raises(LedgerError, match=r"pip install \"gatecast\[ledger\]\""):
        from gatecast.ledger import Ledger  # noqa: F401
    with pytest.raises(DataError, match=r"pip install \"gatecast\[yahoo\]\""):
        read_yahoo("TSLA", now=pd.Timestamp("2020-03-12", tz="UTC"))
