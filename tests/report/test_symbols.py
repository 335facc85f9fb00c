"""Many symbols: skill over them is right, and the page holds and says what it can."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatecast.api.result import Result
from gatecast.report import frames, pictures, symbols
from gatecast.report.marks import BLUE
from gatecast.report.page import page

from .conftest import make_result
from .test_browser import CHROMIUM, looked_at
from .test_page import HOSTILE, Elements, places, specs

NAMES = tuple(f"S{i:02d}" for i in range(24))


@pytest.fixture(scope="module")
def many() -> Result:
    return make_result(NAMES, distributions={"lstm": 1.0, "drift": 1.6}, tested=70)


@pytest.fixture(scope="module")
def text(many: Result) -> str:
    return page(many)


def packs(text: str) -> dict[str, dict[str, object]]:
    found = re.search(r'<script type="application/json" id="packs">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_skill_by_symbol_is_that_of_the_scores_and_of_the_tests(many: Result) -> None:
    squared, crps = symbols.skills_by_symbol(many)
    own = many.scores.query("model == @squared.model and metric == 'skill' and step == 'all'")
    expected = own.set_index("symbol")["value"].drop("all")
    assert squared.skill.to_numpy() == pytest.approx(100 * expected.reindex(squared.skill.index).to_numpy())
    assert (crps.model, crps.benchmark) == ("lstm", "drift")
    pair = many.significances["crps"].pair("lstm", "drift", "S03")
    assert pair is not None and crps.skill["S03"] == 100 * pair.skill.value
    assert squared.better == (expected > 0).sum() and squared.known == 24
    assert squared.finding == (
        f"{squared.model}: smaller squared error than naive on {squared.better} of 24 symbols"
    )


@pytest.mark.parametrize(
    "skill",
    [
        np.linspace(-3, 2, 101),
        np.append(np.random.default_rng(0).normal(size=400), [90.0, -90.0]),
        np.zeros(5),
        np.array([-0.002, -0.001]),
        np.array([4.0]),
    ],
)
def test_every_symbol_is_in_one_bar_on_its_side_of_zero(skill: np.ndarray) -> None:
    by_symbol = symbols.SkillBySymbol("symbols", "squared error", "lstm", "naive", pd.Series(skill))
    bars = symbols.histogram_bars(by_symbol)
    assert bars["symbols"].sum() == len(skill) == by_symbol.known
    assert bars.loc[bars["above"], "symbols"].sum() == (skill > 0).sum() == by_symbol.better
    edges = np.append(bars["left"], bars["right"].iloc[-1])
    assert np.abs(edges).min() < 1e-12 and len(bars) <= symbols.MOST_BARS + 4
    assert np.diff(edges) == pytest.approx(np.diff(edges)[0])
    symbols.histogram(by_symbol).to_dict(validate=True)


def test_blue_is_better_and_grey_worse_and_words_say_how_many(many: Result) -> None:
    (by_symbol, *_) = symbols.skills_by_symbol(many)
    spec = json.dumps(symbols.histogram(by_symbol).to_dict(validate=False), ensure_ascii=False)
    assert f"{by_symbol.better} better →" in spec and f"← {24 - by_symbol.better} worse" in spec
    assert '"domain": [true, false], "range": ["' + BLUE in spec
    assert "squared error saved against naive, %" in spec and "number of symbols" in spec


def test_the_page_opens_with_the_symbols_after_the_verdict(many: Result, text: str) -> None:
    assert places(text)[:4] == ["symbols", "symbols_crps", "forecast", "changes"]
    assert text.index("class=headline") < text.index("<h2>Symbols</h2>") < text.index("data-chart")
    rows = re.findall(r"<tr><th><button type=button>(S\d+)</button>", text)
    expected = symbols.skills_by_symbol(many)[0].skill.sort_values(ascending=False, kind="stable").index
    assert rows == list(expected)
    assert "<summary>S00</summary>" not in text and "bind" not in str(specs(text)["forecast"])
    assert "Charts of all 24 symbols are on this page" in text


def test_what_is_drawn_first_is_the_symbol_in_the_middle(many: Result, text: str) -> None:
    skill = symbols.skills_by_symbol(many)[0].skill
    typical = frames.typical_symbol(many)
    assert (skill < skill[typical]).sum() == 11
    assert text.count(f"<b data-shown>{typical}</b>") == 3
    (csv,) = specs(text)["forecast"]["datasets"].values()
    assert {line.split(",")[0] for line in csv.splitlines()[1:]} == {typical}


def test_the_table_of_a_symbol_has_its_scores(many: Result) -> None:
    rows = symbols.table(many).set_index("symbol")
    own = many.scores.query("symbol == 'S05' and metric == 'rmse_return' and step == 'all'")
    values = own.set_index("model")["value"]
    assert rows.loc["S05", "naive_rmse"] == 100 * values["naive"]
    assert rows.loc["S05", "rmse"] == 100 * values[frames.leading_model(many)]
    assert (rows["sessions"] == 70).all()


@pytest.mark.slow
@pytest.mark.full
def test_few_symbols_keep_their_page() -> None:
    names = tuple(f"S{i:02d}" for i in range(frames.MOST_SYMBOLS))
    few = page(make_result(names, networks=(), baselines=("naive",), tested=20))
    assert places(few)[0] == "forecast" and 'id="packs"' not in few and "id=symbols" not in few
    assert "<summary>S11</summary>" in few


def test_where_there_is_no_room_the_best_the_worst_and_some_between_have_charts(
    many: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, each = list(symbols.table(many)["symbol"]), symbols._numbers_each(many)
    monkeypatch.setattr(symbols, "MOST_NUMBERS", 12 * (symbols.STRIP + symbols.LEAST_SESSIONS * each) + each)
    what = symbols.held(many)
    assert what.symbols[:4] == order[:4] and what.symbols[-4:] == order[-4:]
    assert 12 <= len(what.symbols) <= 13 and frames.typical_symbol(many) in what.symbols
    assert what.sessions == symbols.LEAST_SESSIONS
    monkeypatch.setattr("gatecast.report.page.distribution_charts", lambda _: {})
    monkeypatch.setattr("gatecast.report.page.symbols.symbol_charts", lambda _: {})
    text = page(many)
    assert f"Charts of {len(what.symbols)} of the 24 symbols are on this page: a third the best" in text
    assert f"with the last {what.sessions} of 70 test sessions" in text
    assert set(packs(text)["forecast"]["symbols"]) == set(what.symbols)
    left_out = next(name for name in order if name not in what.symbols)
    assert f"<tr><th>{left_out}</th>" in text


def test_earlier_sessions_are_thinned_and_have_no_forecast(many: Result) -> None:
    table = symbols.prices_of(many, symbols.Held(["S07"], 30))
    recent = table.iloc[-30:]
    assert np.array_equal(recent["date"], np.sort(np.unique(many.outcome.time[:, 0]))[-30:])
    assert recent["forecast_1"].notna().all() and table["forecast_1"].iloc[:-30].isna().all()
    assert symbols.STRIP / 2 <= len(table) - 30 <= symbols.STRIP + 4
    assert list(table.loc[table["fold"] > 0, "fold"]) == [1, 2]


def test_names_of_many_symbols_cannot_break_out() -> None:
    symbols = (HOSTILE, "B&<b>", *NAMES)
    hostile = page(make_result(symbols, networks=(), baselines=("naive",), tested=20))
    assert HOSTILE not in hostile and "img" not in [tag for tag, _ in Elements(hostile).tags]
    assert HOSTILE in unescape(hostile) and HOSTILE in packs(hostile)["forecast"]["symbols"]


def test_without_a_skill_there_is_a_table_and_no_histogram() -> None:
    alone = page(make_result(NAMES, networks=(), baselines=("naive",), tested=20))
    assert places(alone)[0] == "forecast" and "id=symbols" in alone


@pytest.mark.slow
@pytest.mark.full
def test_pictures_have_the_skill_of_symbols(many: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "distribution_pictures", lambda *_: {})
    drawn = dict(pictures.pictures(many))
    assert {"symbols", "symbols_crps"} < set(drawn)
    for by_symbol in symbols.skills_by_symbol(many):
        assert by_symbol.finding in drawn[by_symbol.name].to_json(validate=False)
    assert frames.typical_symbol(many) in drawn["forecast"].to_json(validate=False)


USES = """
const seen = { refused: [], errors: [], rows: [] };
addEventListener("securitypolicyviolation", event => seen.refused.push(event.violatedDirective));
addEventListener("error", event => seen.errors.push(event.message));
const named = () => [...document.querySelectorAll("#symbols tbody th")].map(cell => cell.textContent);
addEventListener("load", () => setTimeout(async () => {
  seen.rows.push(named());
  document.querySelector("#symbols td button")?.click();
  seen.rows.push(named());
  document.querySelector("#symbols thead button").click();
  seen.rows.push(named());
  const find = document.querySelector("#finder input");
  find.value = "s1";
  find.dispatchEvent(new Event("input"));
  seen.rows.push(named());
  find.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  seen.found = document.querySelector("#finder [role=status]").textContent;
  seen.shown = [...document.querySelectorAll("[data-shown]")].map(place => place.textContent);
  const last = ([name, pack]) => [name, unpacked(pack, "S10").at(-1)];
  seen.unpacked = Object.fromEntries(Object.entries(packs).map(last));
  await new Promise(done => setTimeout(done, 2000));
  seen.drawn = [...document.querySelectorAll("[data-chart]")].map(
    chart => chart.querySelectorAll("svg path").length + chart.querySelectorAll("canvas").length);
  document.title = JSON.stringify(seen);
}, 3000));
"""


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to look at the page with")
def test_symbols_are_sorted_searched_and_drawn_in_a_browser(many: Result, text: str, tmp_path: Path) -> None:
    seen = looked_at(text, tmp_path, USES)
    order = list(symbols.table(many)["symbol"])
    assert seen["refused"] == [] and seen["errors"] == []
    assert seen["rows"][0] == order  # all: no more than a screen
    assert seen["rows"][2] == sorted(order)
    assert seen["rows"][3] == [f"S1{i}" for i in range(10)]
    assert seen["found"] == "10 of 24 symbols" and seen["shown"] == ["S10"] * 3
    last = symbols.prices_of(many, symbols.held(many)).query("symbol == 'S10'").iloc[-1]
    drawn = seen["unpacked"]["forecast"]
    assert drawn["date"] == f"{last['date']:%Y-%m-%d}" and drawn["test"] == 1
    for name in ("actual", "forecast_1", "low_1", "high_1"):
        assert drawn[name] == pytest.approx(last[name], rel=1e-4)
    assert min(seen["drawn"]) > 0


@pytest.mark.slow
@pytest.mark.full
def test_the_page_of_five_hundred_symbols_stays_below_five_megabytes() -> None:
    names = tuple(f"S{i:03d}" for i in range(500))
    large = make_result(names, sessions=300, tested=60, distributions={"lstm": 1.0, "drift": 1.6}, seeds=2)
    text = page(large)
    assert len(text.encode()) < 5_000_000
    assert len(packs(text)["forecast"]["symbols"]) == 500


@pytest.mark.slow
@pytest.mark.full
def test_so_does_that_of_many_sessions() -> None:
    names = tuple(f"S{i:03d}" for i in range(500))
    long = make_result(names, sessions=1300, tested=600, seeds=2)
    assert len(page(replace(long, warnings=("w" * 100,) * 50)).encode()) < 5_000_000
