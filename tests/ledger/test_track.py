"""The track record: forecasts scored by independent arithmetic; what cannot be scored is reported."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad

from gatecast.data import sources
from gatecast.distributions import LEVELS
from gatecast.formatting import percent
from gatecast.ledger import Entry, Ledger
from gatecast.ledger.outcome import outcomes_of
from gatecast.ledger.track import BACKCASTS, DRIFT, LEAST, Track, drift, track_record

from . import version1  # isort: skip
from ..conftest import parsed  # isort: skip
from .conftest import make_entry  # isort: skip

Z = stats.norm.ppf(LEVELS)


def write(path: Path, closes: np.ndarray, start: str = "2020-01-01", **columns: Any) -> Path:
    """A CSV of daily closes."""
    days = pd.date_range(start, periods=len(closes))
    pd.DataFrame({"date": days, "close": closes, **columns}).to_csv(path, index=False)
    return path


def made(source: Path | str, day: str, step: int = 1, **changes: Any) -> Entry:
    """A forecast of a daily series, normal with 1 % volatility; naive's is twice as wide.

    Made in the morning after its origin, as long as the next day's bar is open.
    """
    origin = dt.date.fromisoformat(day)
    closes = pd.read_csv(source).set_index("date")["close"] if Path(source).exists() else pd.Series()
    fields = {
        "anchor": closes.get(day, 100.0),
        "made": dt.datetime.combine(origin, dt.time(6), dt.UTC) + dt.timedelta(days=1),
        "symbol": Path(source).stem,
        "origin": origin,
        "date": origin + dt.timedelta(days=step),
        "step": step,
        "source": (str(source),),
        "calendar": "daily",
        "forecast": 0.0,
        "quantiles": dict(zip(LEVELS, 0.01 * Z, strict=True)),
        "naive_quantiles": dict(zip(LEVELS, 0.02 * Z, strict=True)),
        **dict.fromkeys(("location", "scale", "df")),
    }
    return make_entry(**fields | changes)


def scored(ledger: Path, *entries: Entry) -> Track:
    Ledger(ledger).append(entries)
    return track_record(Ledger(ledger))


def test_the_return_is_that_of_one_download(own_ledger: Path, tmp_path: Path) -> None:
    """A split in between halves both prices of the new data; what was stored is only shown."""
    old = np.array([100.0, 102.0, 101.0])
    file = write(tmp_path / "a.csv", old)
    track = scored(
        own_ledger, made(file, "2020-01-02", 2, anchor=102.0), made(file, "2020-01-03", anchor=101.0)
    )
    assert (len(track.scores), len(track.pending)) == (0, 2)
    write(file, np.array([50.0, 51.0, 50.5, 50.0]))
    track = track_record(Ledger(own_ledger))
    assert (len(track.scores), len(track.pending), track.missed) == (2, 0, 0)
    np.testing.assert_allclose(track.scores["realised"], np.log([50 / 51, 50 / 50.5]), rtol=1e-12)
    assert list(track.scores["anchor"]) == [102.0, 101.0]
    assert list(track.scores["date"]) == [dt.date(2020, 1, 4)] * 2
    assert track.notes == (
        "a: the price at the origin is another than when 2 forecasts were made (the first: at 2020-01-02 it "
        "was 102.00, now 51.00): a split, or a revision; the score is that of the new prices",
    )
    assert list(track.scores["revised"]) == ["anchor"] * 2


def test_scores_by_independent_arithmetic(own_ledger: Path, tmp_path: Path) -> None:
    closes = 100 * np.exp(np.cumsum([0, 0.004, -0.012, 0.021, -0.002]))
    file = write(tmp_path / "a.csv", closes)
    student = {"location": 0.001, "scale": 0.01, "df": 4.0}
    days = [f"2020-01-0{day}" for day in (1, 2, 3, 4)]
    entries = [
        made(file, day, forecast=0.001, **student, quantiles=dict(zip(LEVELS, _t(LEVELS), strict=True)))
        for day in days
    ]
    track = scored(own_ledger, *entries)
    y = np.diff(np.log(closes))
    scores = track.scores
    np.testing.assert_allclose(scores["pit"], stats.t.cdf((y - 0.001) / 0.01, 4), rtol=1e-10)
    np.testing.assert_allclose(scores["crps"], [100 * _crps(value) for value in y], rtol=1e-6)
    np.testing.assert_allclose(scores["error"], 100 * np.abs(y - 0.001))
    np.testing.assert_allclose(scores["naive_error"], 100 * np.abs(y))
    # naive's is known by 17 quantiles of a normal: near the closed form of Gneiting and Raftery (2007)
    z = y / 0.02
    normal = 0.02 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    np.testing.assert_allclose(scores["naive_crps"], 100 * normal, rtol=0.02)
    (record,) = track.records
    for level in (50, 80, 95):
        half = stats.t.ppf(0.5 + level / 200, 4) * 0.01
        assert record.coverage[level] == np.mean(np.abs(y - 0.001) <= half)
    assert 0 < record.coverage[80] < 1
    assert record.skill == pytest.approx(1 - scores["crps"].mean() / scores["naive_crps"].mean())
    assert record.mae_skill == pytest.approx(1 - np.abs(y - 0.001).mean() / np.abs(y).mean())


def _t(levels: Any) -> np.ndarray:
    return 0.001 + 0.01 * stats.t.ppf(levels, 4)


def _crps(y: float) -> float:
    """The integral of (F(x) - 1{y <= x})²."""
    low = quad(lambda x: stats.t.cdf(x, 4, 0.001, 0.01) ** 2, -np.inf, y, epsabs=1e-12)[0]
    return low + quad(lambda x: stats.t.sf(x, 4, 0.001, 0.01) ** 2, y, np.inf, epsabs=1e-12)[0]


def test_a_distribution_without_parameters_is_scored_by_its_quantiles(
    own_ledger: Path, tmp_path: Path
) -> None:
    """PIT of a normal known by 17 quantiles, and the coverage of levels that were stored."""
    rng = np.random.default_rng(5)
    y = rng.normal(0, 0.01, 300)
    file = write(tmp_path / "a.csv", 100 * np.exp(np.cumsum(np.r_[0, y])))
    days = pd.date_range("2020-01-01", periods=300).strftime("%Y-%m-%d")
    track = scored(own_ledger, *(made(file, day) for day in days))
    np.testing.assert_allclose(track.scores["pit"], stats.norm.cdf(y / 0.01), atol=0.012)
    (record,) = track.records
    for level in (50, 80, 95):
        assert record.coverage[level] == np.mean(np.abs(y / 0.01) <= stats.norm.ppf(0.5 + level / 200))
    assert record.skill > 0
    assert record.text is not None
    assert record.text.startswith(
        f"gru (01234567) on a: its 80 % interval held {percent(record.coverage[80], 1)} of the"
    )
    assert "chance may explain it" in record.text


def test_point_forecasts_have_errors_and_no_interval(own_ledger: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", np.array([100.0, 101.0, 99.0]))
    none = {"quantiles": None, "naive_quantiles": None}
    track = scored(
        own_ledger,
        made(file, "2020-01-01", forecast=np.log(1.01), **none),
        made(file, "2020-01-02", forecast=0.0, **none),
    )
    (record,) = track.records
    assert record.coverage == {}
    assert record.text is None
    moves = np.abs(np.diff(np.log([100, 101, 99])))
    assert (record.mae, record.naive_mae) == pytest.approx((100 * moves[1] / 2, 100 * moves.mean()))
    assert record.mae_skill == pytest.approx(1 - moves[1] / moves.sum())
    assert "Points (mean absolute error" in track.text
    assert "Intervals" not in track.text


def test_symbols_and_steps_apart_and_together(own_ledger: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    files = [write(tmp_path / f"{name}.csv", 100 * np.exp(rng.normal(0, 0.01, 6))) for name in "ab"]
    entries = [made(file, f"2020-01-0{day}", step) for file in files for day in (3, 4, 5) for step in (1, 2)]
    other = made(files[0], "2020-01-03", experiment="f" * 16, model="lstm")
    track = scored(own_ledger, *entries, other)
    found = {
        (record.model, record.symbol, record.step): (record.due, record.pending) for record in track.records
    }
    assert found == {
        **{("gru", name, "all"): (5, 1) for name in "ab"},
        **{("gru", name, 1): (3, 0) for name in "ab"},
        **{("gru", name, 2): (2, 1) for name in "ab"},
        ("gru", "all", "all"): (10, 2),
        ("gru", "all", 1): (6, 0),
        ("gru", "all", 2): (4, 2),
        ("lstm", "a", "all"): (1, 0),
    }
    of = {(record.model, record.symbol, record.step): record for record in track.records}
    parts = [of["gru", name, "all"].crps for name in "ab"]
    assert of["gru", "all", "all"].crps == pytest.approx(np.mean(parts))
    lines = [line.split() for line in track.text.splitlines()]
    shown = [words[:6] for words in lines if words[:1] in (["gru"], ["lstm"]) and "/" in words[2]]
    assert [words[2:] for words in shown] == [
        ["1/1", "a", "5", "1"],
        ["1/1", "b", "5", "1"],
        ["1/1", "all", "10", "2"],
        ["1/1", "a", "1", "0"],
    ]


def test_each_source_is_read_once(own_ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [str(write(tmp_path / f"{name}.csv", np.linspace(100, 110, 9))) for name in "ab"]
    read: list[object] = []
    load = sources.load
    monkeypatch.setattr(sources, "load", lambda word, **how: (read.append(word), load(word, **how))[1])
    track = scored(
        own_ledger,
        *(made(file, f"2020-01-0{day}") for file in files for day in (2, 3, 4)),
        *(replace(made(file, "2020-01-05"), source=tuple(files)) for file in files),
    )
    assert (len(track.scores), track.notes) == (8, ())
    assert sorted(map(str, read)) == files


def test_what_cannot_be_scored_is_reported_and_the_rest_is_scored(own_ledger: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", np.array([100.0, 101, 102, 103]), open=[99.0, "", 101, 102])
    gap = pd.read_csv(file).drop(index=1)
    gap.to_csv(tmp_path / "gap.csv", index=False)
    gone = tmp_path / "gone.csv"
    track = scored(
        own_ledger,
        made(file, "2020-01-01"),
        made(gone, "2020-01-01"),
        made(gone, "2020-01-02"),
        made(file, "2020-01-01", symbol="b"),
        made(file, "2020-01-01", column="high", experiment="e" * 16),
        made(file, "2020-01-01", column="open", experiment="f" * 16),
        made(tmp_path / "gap.csv", "2020-01-02"),
        made(file, "2020-01-03", adjust=True),
        made(file, "2030-01-01"),
    )
    assert (len(track.scores), len(track.pending), track.missed) == (1, 1, 7)
    notes = "\n".join(track.notes)
    for note in (
        "gone.csv cannot be read (",
        "): 2 forecasts skipped, made 2020-01-01 to 2020-01-02",
        "a.csv: there is no b: 1 forecast skipped, made 2020-01-01",
        'a.csv: there is no column "high": 1 forecast skipped',
        "a: the new data have no open at one of the two sessions: 1 forecast skipped",
        "gap: the new data have no session at the forecast's origin: 1 forecast skipped, made 2020-01-02",
        "adjust=True needs the adjusted close",
    ):
        assert note in notes
    assert "7 not scored" in track.text
    assert all(note in track.text for note in track.notes)


def test_a_session_counts_not_the_date_the_calendar_expected(own_ledger: Path, tmp_path: Path) -> None:
    """After a closure that the calendar did not know, the step-th session is later."""
    file = write(tmp_path / "a.csv", np.array([100.0, 110, 120, 130]))
    pd.read_csv(file).drop(index=2).to_csv(file, index=False)
    track = scored(own_ledger, made(file, "2020-01-02"))
    assert track.scores["realised"].iloc[0] == pytest.approx(np.log(130 / 110))
    assert track.notes == (
        "1 forecast on another date than the calendar had said (the first: a at 2020-01-02, "
        "2020-01-04 instead of 2020-01-03): the session counts",
    )


def test_adjusted_prices_are_read_adjusted(tmp_path: Path) -> None:
    """A dividend between does not count where the forecast was of adjusted prices."""
    file = write(tmp_path / "a.csv", np.array([100.0, 98.0]), adj_close=[98.0, 98.0])
    plain, adjusted = (made(file, "2020-01-01", adjust=adjust) for adjust in (False, True))
    found = outcomes_of([plain, adjusted]).due
    assert [outcome.realised for outcome in found] == pytest.approx([np.log(0.98), 0])


def test_drift_is_found_and_chance_is_not() -> None:
    """80 % intervals: 400 records whose calibration is constant, and those that turn from 80 to 60 %."""
    rng = np.random.default_rng(0)
    days = np.arange(200)
    steady = [drift(pd.Series(rng.random(200) < 0.8), days, 1).p for _ in range(400)]
    assert np.mean(np.array(steady) < 0.05) < 0.09
    turning = np.where(days < 100, 0.8, 0.6)
    turned = [drift(pd.Series(rng.random(200) < turning), days, 1).p for _ in range(100)]
    assert np.mean(np.array(turned) < 0.05) > 0.8


def test_overlapping_forecasts_are_not_taken_for_independent() -> None:
    """Of h = 5 sessions, every day: the hits of neighbours are alike; as if independent, too many drift."""
    rng = np.random.default_rng(1)
    days, p = np.arange(400), []
    for horizon in (5, 1):
        paths = rng.normal(size=(300, 404))
        sums = np.lib.stride_tricks.sliding_window_view(paths, 5, axis=1).sum(axis=2)
        inside = np.abs(sums) < stats.norm.ppf(0.9) * np.sqrt(5)
        p.append(np.mean([drift(pd.Series(row), days, horizon).p < 0.05 for row in inside]))
    assert p[0] < 0.11
    assert p[1] > 0.2


def test_drift_of_few_and_of_constant_hits() -> None:
    few = drift(pd.Series([True] * (LEAST - 1)), range(LEAST - 1), 1)
    assert few.text == f"too few to speak of drift ({LEAST - 1} origins; it takes {LEAST})"
    assert drift(pd.Series([True] * LEAST), range(LEAST), 1).p == 1
    halves = drift(pd.Series(np.arange(LEAST) < LEAST // 2), range(LEAST), 1)
    assert (halves.earlier, halves.later, halves.p) == (1, 0, 0)
    assert "has drifted" in halves.text
    assert 0 < DRIFT < 0.05
    twice = drift(pd.Series([True] * LEAST), [*range(LEAST // 2)] * 2, 1)
    assert twice.origins == LEAST // 2


def test_the_command_on_an_empty_ledger(own_ledger: Path, command: Callable[..., Any]) -> None:
    code, out, err = command("score")
    assert (code, err) == (0, "")
    assert out == f"No forecast is recorded in {own_ledger} yet; gatecast forecast records them.\n"
    answer = parsed(command("score", "--json").out)
    counts, tables = dict.fromkeys(("due", "pending", "not_scored"), 0), {"records": [], "scores": []}
    assert answer == {
        **{"ledger": str(own_ledger), "rows": 0, "selected": 0, "chain": None, "notes": [], "findings": []},
        **counts,
        **tables,
        "backcasts": {"meaning": BACKCASTS, **counts, **tables},
    }
    assert not own_ledger.exists()


def test_the_command(tmp_path: Path, command: Callable[..., Any]) -> None:
    file = write(tmp_path / "a.csv", np.array([100.0, 101, 102]))
    Ledger(tmp_path / "other.db").append([made(file, f"2020-01-0{day}") for day in (1, 2, 3)])
    code, out, err = command("score", "--ledger", "other.db")
    assert (code, err) == (0, "")
    assert out == track_record(Ledger(tmp_path / "other.db")).text + "\n"
    assert out.splitlines()[0] == f"{tmp_path / 'other.db'}: 3 forecasts, 2 due, 1 pending"
    answer = parsed(command("score", "--ledger", "other.db", "--json").out)
    assert (answer["due"], answer["pending"], answer["not_scored"]) == (2, 1, 0)
    (record,) = answer["records"]
    assert (record["coverage"]["80"], record["drift"]["p"]) == (1.0, None)
    assert [row["date"] for row in answer["scores"]] == ["2020-01-02", "2020-01-03"]
    assert [row["realised"] for row in answer["scores"]] == pytest.approx(np.diff(np.log([100, 101, 102])))


def test_a_selection_is_scored_alone_and_the_chain_as_a_whole(
    tmp_path: Path, command: Callable[..., Any]
) -> None:
    files = [write(tmp_path / f"{name}.csv", np.array([100.0, 101, 102, 103])) for name in "ab"]
    ledger = Ledger(tmp_path / "other.db")
    ledger.append([made(file, f"2020-01-0{day}") for file in files for day in (1, 2, 3)])
    whole, part = track_record(ledger), track_record(ledger, symbols=["b"], since="2020-01-02")
    assert (whole.total, part.total, part.rows) == (6, 2, 6)
    expected = whole.scores[(whole.scores["symbol"] == "b") & (whole.scores["origin"] >= dt.date(2020, 1, 2))]
    pd.testing.assert_frame_equal(part.scores, expected.reset_index(drop=True))
    assert "2 forecasts, 2 due, 0 pending; selected from 6" in part.text
    assert "All 6 rows fit their chain" in part.text
    out = command("score", "--ledger", "other.db", "--symbol", "b", "--since", "2020-01-02").out
    assert out == part.text + "\n"
    assert parsed(command("score", "--ledger", "other.db", "--symbol", "b", "--json").out)["selected"] == 3
    for wrong, said in (
        (("--symbol", "bb"), "symbol = 'bb': no forecast of it is recorded. Did you mean \"b\"?"),
        (("--since", "2020-13-01"), "is not a date"),
        (("--check", "coverage81<0.7"), 'Did you mean "coverage80"'),
        (("--check", "coverage80 is low"), "as coverage80<0.7"),
    ):
        code, out, err = command("score", "--ledger", "other.db", *wrong)
        assert (code, out) == (2, "") and said in err


def test_a_check_that_is_true_ends_with_3_and_says_of_what(
    tmp_path: Path, command: Callable[..., Any]
) -> None:
    """Over all symbols: of 4 returns 3 lie within 1.28 %."""
    calm = write(tmp_path / "a.csv", np.array([100.0, 100.5, 101]))
    wild = write(tmp_path / "b.csv", np.array([100.0, 101, 120]))
    Ledger(tmp_path / "x.db").append(
        [made(file, f"2020-01-0{day}") for file in (calm, wild) for day in (1, 2)]
    )
    for condition, code in (
        ("coverage80<0.8", 3),
        ("coverage80<0.75", 0),
        ("coverage80<=0.75", 3),
        ("crps>9", 0),
    ):
        ended = command("score", "--ledger", "x.db", "--check", condition)
        assert ended.code == code, condition
        assert (ended.err == "") == (code == 0)
    ended = command("score", "--ledger", "x.db", "--check", "coverage80<0.8", "--json")
    (finding,) = parsed(ended.out)["findings"]
    assert ended.err == f"gatecast: {finding}\n" and finding.endswith("on all is 0.75, < 0.8")


def test_a_figure_that_is_undefined_is_no_finding(
    own_ledger: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    file = write(tmp_path / "a.csv", np.array([100.0, 101]))
    Ledger(own_ledger).append([made(file, "2020-01-02")])
    assert command("score", "--check", "coverage80<0.7").code == 0
    assert command("score", "--check", "due<1").code == 3


def test_nothing_due_yet(own_ledger: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    file = write(tmp_path / "a.csv", np.array([100.0, 101]))
    Ledger(own_ledger).append([made(file, "2020-01-02", step) for step in (1, 2)])
    code, out, _ = command("score")
    assert (code, out.splitlines()[0]) == (0, f"{own_ledger}: 2 forecasts, 0 due, 2 pending")
    assert out.splitlines()[2] == "Nothing scored yet:"
    assert "Points" not in out
    assert parsed(command("score", "--json").out)["records"][0]["crps"] is None


def test_a_ledger_that_cannot_be_read_ends_with_2(tmp_path: Path, command: Callable[..., Any]) -> None:
    (tmp_path / "x.db").write_text("no database" * 100)
    code, out, err = command("score", "--ledger", "x.db")
    assert (code, out) == (2, "")
    assert err.startswith(f"gatecast: {tmp_path / 'x.db'}: this is no ledger")
    assert command("forecast", "sample:sp500", "--ledger", "x.db") == (2, "", err)


def late(entry: Entry) -> Entry:
    """The same, made when the bar had closed: another experiment, for there is one answer to each."""
    return replace(entry, made=dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC), experiment="b" * 16)


def test_backcasts_are_scored_apart_and_count_in_no_record(own_ledger: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    file = write(tmp_path / "a.csv", 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 60))))
    days = pd.date_range("2020-01-01", periods=60).strftime("%Y-%m-%d")
    held = [made(file, day) for day in days]
    alone = scored(own_ledger, *held)
    assert (len(alone.backcasts), alone.backcast_records) == (0, ())
    assert "ackcast" not in alone.text
    both = scored(own_ledger, *map(late, held))
    assert (len(both.scores), len(both.pending)) == (len(alone.scores), len(alone.pending)) == (59, 1)
    assert both.scores.equals(alone.scores)
    assert len(both.backcasts) == 59
    (mine,), (record,), (apart,) = alone.records, both.records, both.backcast_records
    assert record == replace(mine, experiments=2)
    assert (apart.due, apart.pending, apart.experiment) == (59, 1, "b" * 16)
    assert both.text.startswith(f"{own_ledger}: 120 forecasts, 59 due, 1 pending, 60 backcasts\n")
    table, backcasts = both.text.split(f"Backcasts: {BACKCASTS}.")
    assert "bbbbbbbb" not in table
    assert "bbbbbbbb" in backcasts
    assert "drift" not in backcasts
    summary = both.summary()
    assert [row["experiment"] for row in summary["records"]] == ["0123456789abcdef"]
    assert {row["experiment"] for row in summary["scores"]} == {"0123456789abcdef"}
    assert {row["experiment"] for row in summary["backcasts"]["scores"]} == {"b" * 16}
    assert [summary["backcasts"][name] for name in ("due", "pending", "not_scored")] == [59, 1, 0]


def test_a_session_before_the_date_that_was_foreseen_may_make_a_backcast(
    own_ledger: Path, tmp_path: Path
) -> None:
    """The calendar foresaw the 4th, and there was a session on the 3rd, closed when the forecast was made."""
    file = write(tmp_path / "a.csv", np.array([100.0, 101, 102, 103]))
    entry = made(file, "2020-01-02", date=dt.date(2020, 1, 4), made=dt.datetime(2020, 1, 4, 6, tzinfo=dt.UTC))
    assert not entry.backcast
    track = scored(own_ledger, entry)
    assert (len(track.scores), len(track.backcasts)) == (0, 1)


def test_what_only_doubt_makes_a_backcast_is_said(own_ledger: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", np.array([100.0, 101, 102, 103]))
    entries = [made(file, f"2020-01-0{day}", calendar=None) for day in (2, 3)]
    track = scored(own_ledger, *entries, late(entries[0]))
    assert (len(track.scores), len(track.backcasts)) == (0, 3)
    assert track.notes[0] == (
        "backcasts only by doubt: 2 forecasts of a; the exchange is not known, and so a bar counts as closed "
        "an hour before its date begins in UTC. Give the calendar (such as --calendar XNYS) when forecasting"
    )


def test_every_experiment_is_shown_with_its_number(own_ledger: Path, tmp_path: Path) -> None:
    """Whether it is due, cannot be scored, or is a backcast: none of the seeds can be left out."""
    file = write(tmp_path / "a.csv", np.array([100.0, 101, 102, 103]))
    first = made(file, "2020-01-01", experiment="c" * 16)
    for entry in (
        first,
        made(file, "2020-01-02", experiment="a" * 16),
        late(first),
        made(file, "2020-01-02", experiment="d" * 16, column="high"),
        made(file, "2020-01-02", experiment="e" * 16, model="lstm"),
    ):
        track = scored(own_ledger, entry)
    numbers = {
        record.experiment[0]: (record.number, record.experiments, record.due, record.missed)
        for record in (*track.records, *track.backcast_records)
    }
    assert numbers == {
        "c": (1, 4, 1, 0),
        "a": (2, 4, 1, 0),
        "b": (3, 4, 1, 0),
        "d": (4, 4, 0, 1),
        "e": (1, 1, 1, 0),
    }
    for experiment, (number, of, *_) in numbers.items():
        assert re.search(rf"(?m)^(gru|lstm) +{experiment * 8} +{number}/{of} +a ", track.text)
    assert "gru (aaaaaaaa, 2 of 4 experiments) on a: its 80 %" in track.text
    several = [note for note in track.notes if "experiments" in note]
    assert several == [
        "gru on a: 4 experiments (settings or seeds) are recorded, and all are shown, each with its number: "
        "the best of several looks better than it is"
    ]


def test_the_age_of_rows_before_the_chain_is_said(own_ledger: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", np.array([100.0, 101, 102, 103]))
    version1.make(str(own_ledger), [made(file, f"2020-01-0{day}") for day in (1, 2)])
    track = scored(own_ledger, made(file, "2020-01-03"))
    assert (len(track.scores), len(track.backcasts)) == (3, 0)
    today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    assert track.notes == (
        f"rows 1 to 2 are older than the ledger's chain, which was made on {today}: it does not show what "
        "was changed before",
    )
    assert track.text.endswith(
        f"\nAll 3 rows fit their chain, which ends with {Ledger(own_ledger).read().head}."
    )
