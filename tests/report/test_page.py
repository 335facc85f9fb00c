"""The page: whole, by itself, safe, small."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import altair as alt
import pytest

from gatecast.api.result import Result
from gatecast.data.checks import Oddity
from gatecast.report import page as page_module
from gatecast.report import tables
from gatecast.report.html import source
from gatecast.report.page import page, summary_html
from gatecast.settings.toml import to_toml

from .conftest import make_result

LIMIT = 4_000_000
HOSTILE = "</script><img src=x onerror=alert(1)>"


class Elements(HTMLParser):
    """What a browser sees: the start tags with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def specs(text: str) -> dict[str, dict[str, object]]:
    found = re.search(r'<script type="application/json" id="specs">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def places(text: str) -> list[str | None]:
    return [attributes["data-chart"] for _, attributes in Elements(text).tags if "data-chart" in attributes]


@pytest.fixture(scope="session")
def several() -> str:
    return page(make_result(("A", "B"), networks=("lstm",), baselines=("naive",), horizon=5))


def test_it_opens_with_the_verdict_and_names_every_model(result: Result, text: str) -> None:
    body = Elements(text[text.index("<body>") :]).text.replace("\xa0", " ")
    assert body.index(result.verdict.kind.capitalize()) < body.index(result.verdict.sentences[0])
    assert body.index(result.verdict.sentences[0]) < body.index("Forecast and actual price")
    for model in result.outcome.forecast:
        assert f"<th>{model}</th>" in text
    assert "gatecast compare prices.parquet --config experiment.toml" in body
    assert result.prices.sha256 in body
    assert to_toml(result.experiment, result.provenance) in body


def test_it_fetches_nothing(text: str) -> None:
    tags = Elements(text).tags
    assert not [attributes for _, attributes in tags if "src" in attributes or "href" in attributes]
    assert not [tag for tag, _ in tags if tag in ("link", "iframe", "object", "embed", "img")]
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style and "@import" not in style
    assert "default-src 'none'" in text
    data = [spec["data"] for spec in specs(text).values() if "data" in spec]
    assert data and not any("url" in part for part in data)
    assert "{{" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)  # no hole left open


def policy_of(text: str) -> dict[str, list[str]]:
    """Directive → what it allows."""
    (content,) = (
        str(attributes["content"])
        for tag, attributes in Elements(text).tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    return {words[0]: words[1:] for words in (rule.split() for rule in content.split(";"))}


def test_its_policy_allows_its_own_scripts_and_style_by_hash_and_nothing_else(text: str) -> None:
    """The hashes are of the text between the tags, as a browser takes them."""
    policy = policy_of(text)
    inline = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'"
        for part in (*inline, style)
    ]
    assert len(inline) == 2
    assert policy["script-src"] == hashes[:2] and policy["style-src"] == hashes[2:]
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == ["'none'"]
    assert not [attributes for _, attributes in Elements(text).tags if "style" in attributes]
    assert not [name for _, attributes in Elements(text).tags for name in attributes if name.startswith("on")]


def test_every_chart_has_its_place_and_its_data_once(text: str) -> None:
    assert places(text) == ["forecast", "changes", "skill", "loss"] == list(specs(text))
    assert len(specs(text)["forecast"]["datasets"]) == 1


def test_a_longer_horizon_adds_the_steps_and_shows_the_first_and_the_last(several: str) -> None:
    assert places(several) == ["forecast", "changes", "skill", "steps", "loss"]
    (csv,) = specs(several)["forecast"]["datasets"].values()
    assert csv.splitlines()[0] == (
        "symbol,date,actual,test,fold,forecast_1,low_1,high_1,forecast_5,low_5,high_5"
    )
    assert "step 5 of 5" in several


def test_names_cannot_break_out() -> None:
    hostile = make_result(
        (HOSTILE, "B&<b>"),
        networks=(HOSTILE, "'\"x"),
        warnings=(HOSTILE,),
        tested=30,
        distributions={HOSTILE: 1.0},
    )
    text = page(hostile)
    assert HOSTILE not in text and HOSTILE not in summary_html(hostile)
    assert "img" not in [tag for tag, _ in Elements(text).tags]
    assert "<b>x" not in text
    assert HOSTILE in str(specs(text)["forecast"])  # drawn as it is
    assert HOSTILE in unescape(text)


@pytest.mark.slow
@pytest.mark.full
def test_it_stays_small_with_many_symbols_models_and_steps() -> None:
    networks = tuple(f"network-{i}" for i in range(10))
    symbols = tuple(f"S{i:02d}" for i in range(30))
    many = make_result(
        symbols, networks, ("naive", "drift", "ewma", "ar"), folds=5, sessions=1250, tested=310
    )
    text = page(many)
    assert len(text.encode()) < LIMIT
    assert "Charts of all 30 symbols" in text
    far = make_result(networks=networks[:4], horizon=20, seeds=2, sessions=5000, tested=1250)
    assert len(page(far).encode()) < LIMIT


@pytest.mark.parametrize(
    "baselines", [pytest.param(("naive", "drift"), marks=[pytest.mark.slow, pytest.mark.full]), ("naive",)]
)
def test_without_networks_there_is_no_loss(baselines: tuple[str, ...]) -> None:
    text = page(make_result(networks=(), baselines=baselines, folds=1))
    assert "loss" not in places(text)
    assert ("skill" in places(text)) == (len(baselines) > 1)


def test_one_symbol_has_no_choice_and_several_have_one(text: str, several: str) -> None:
    assert "bind" not in str(specs(text)["forecast"])
    assert "'options': ['A', 'B']" in str(specs(several)["forecast"])
    assert "<summary>A</summary>" in several


def test_undefined_scores_say_why() -> None:
    text = page(make_result(broken="gru"))
    assert 'title="a forecast is not a finite number">–</td>' in text
    assert "direction of naive: it forecasts no change" in text
    assert re.search(r"RMSE, MAE, .*of gru: a forecast is not a finite number", text)
    assert "NaN" not in json.dumps(specs(text))
    assert not re.search(r"\bnan\b", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))


@pytest.mark.slow
@pytest.mark.full
def test_constant_prices_are_shown() -> None:
    assert places(page(make_result(constant=True)))[0] == "forecast"


def test_oddities_come_with_their_rows_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "page_charts", lambda _: {})
    oddity = Oddity("split", 1, "AAA: looks like a split", ("2018-02-01: 10 after 100",))
    plain = make_result(warnings=(oddity.text, "ar did not converge in fold 2"))
    text = page(replace(plain, prices=replace(plain.prices, oddities=(oddity,))))
    assert text.count(f"<li>{oddity.text}<pre>{oddity.rows[0]}</pre></li>") == 1
    assert text.count(oddity.text) == 1
    assert "<li>ar did not converge in fold 2</li>" in text


def test_the_notebook_gets_no_script(result: Result) -> None:
    text = summary_html(result)
    assert "<script" not in text and result.verdict.kind.capitalize() in text
    assert all(f"<th>{model}</th>" in text for model in result.outcome.forecast)


def test_the_best_of_a_column_is_bold(result: Result, text: str) -> None:
    scores = tables.headline_scores(result)
    own = scores[scores["metric"] == "rmse"]
    best = own.loc[own["value"].idxmin(), "model"]
    place = [title for title, _ in tables.score_table(scores).heads].index("RMSE")
    row = re.search(rf"<tr><th>{best}</th>(.*?)</tr>", text[text.index("<h2>Scores</h2>") :])
    assert row is not None and row[1].split("<td")[1 + place].startswith("><b>")


def test_the_script_of_the_page_knows_altairs_charts() -> None:
    versions = source("vega.js").partition("*/")[0]
    assert f"Vega-Lite {alt.SCHEMA_VERSION.lstrip('v').split('.')[0]}." in versions


@pytest.mark.slow
@pytest.mark.full
def test_the_script_of_the_page_is_what_vl_convert_makes() -> None:
    spec = importlib.util.spec_from_file_location(
        "vega", Path(__file__).parents[2] / "benchmarks" / "vega.py"
    )
    assert spec is not None and spec.loader is not None
    vega = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(vega)
    made = vega.script()
    versions, ours = (text.partition("*/")[0] for text in (made, source("vega.js")))
    if versions == ours:
        assert made == source("vega.js")


def test_the_command_of_a_page_is_one_that_works(result):
    """Code that a file names needs leave; objects of Python are in no file."""
    own = {"mine": "my_models:ridge"}
    named = replace(result, experiment=result.experiment.changed(foreign=own))
    assert page_module._command(named).endswith("--config experiment.toml --allow-code")
    objects = replace(result, experiment=result.experiment.changed(foreign={**own, "ridge": "Ridge()"}))
    assert page_module._command(objects) == "gatecast.compare(…)  # in Python, where ridge came from"
