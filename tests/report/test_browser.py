"""The page in a browser, where there is one: every chart is drawn under the page's own policy."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from gatecast.report.page import page

from .conftest import make_result

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium to look at the page with")

# Written into the page, allowed by its hash: uses every chart, then leaves what was seen in the title.
WITNESS = """
const seen = { refused: [], errors: [], drawn: {}, menu: [] };
addEventListener("securitypolicyviolation", event => seen.refused.push(event.violatedDirective));
addEventListener("error", event => seen.errors.push(event.message));
addEventListener("unhandledrejection", event => seen.errors.push(String(event.reason)));

function at(place, type) {
  const box = place.getBoundingClientRect();
  place.dispatchEvent(new MouseEvent(type, { bubbles: true, view: window,
    clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 }));
}

function when(ready, then, tries = 100) {
  if (tries === 0 || ready()) then();
  else setTimeout(when, 200, ready, then, tries - 1);
}

addEventListener("load", () => {
  const charts = [...document.querySelectorAll("[data-chart]")];
  const links = () => [...document.querySelectorAll(".vega-actions a")];
  when(() => links().length === 2 * charts.length, () => {
    for (const chart of charts) {
      for (const mark of chart.querySelectorAll("svg path, svg text, canvas"))
        for (const type of ["pointermove", "mousemove", "mouseover", "mouseout"]) at(mark, type);
      chart.querySelector("summary")?.click();
    }
    for (const chart of charts)
      seen.drawn[chart.dataset.chart] = chart.querySelectorAll("svg path, svg text").length
        || (chart.querySelector("canvas")?.toDataURL().length ?? 0);
    seen.menu = links().map(link => link.text);
    document.title = JSON.stringify(seen);
  });
});
"""


def looked_at(text: str, folder: Path, witness: str = WITNESS) -> dict:
    """What the witness saw of a page."""
    digest = base64.b64encode(hashlib.sha256(witness.encode()).digest()).decode()
    text = text.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    text = text.replace("<body>", f"<body><script>{witness}</script>", 1)
    (folder / "page.html").write_text(text, encoding="utf-8")
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1100,800",
               f"--user-data-dir={folder}/profile", "--virtual-time-budget=60000", "--dump-dom",
               f"file://{folder}/page.html"]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=180).stdout
    found = re.search(r"<title>(\{.*?\})</title>", dom, re.DOTALL)
    assert found is not None, "the page ended before the witness did"
    return json.loads(unescape(found[1]))


def test_every_chart_is_drawn_and_used_under_the_pages_policy(tmp_path: Path) -> None:
    scales = {"lstm": 1.0, "drift": 1.6}
    text = page(
        make_result(
            ('A "x", b', "B"), networks=("lstm",), horizon=3, tested=30, seeds=1, distributions=scales
        )
    )
    seen = looked_at(text, tmp_path)
    assert seen["refused"] == [] and seen["errors"] == []
    assert set(seen["drawn"]) == set(re.findall(r'data-chart="(\w+)"', text))
    assert {name: marks for name, marks in seen["drawn"].items() if marks < 10} == {}
    assert seen["menu"] == ["Save as SVG", "Save as PNG"] * len(seen["drawn"])


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("    ast: true,\n", "script-src"),
        pytest.param("    defaultStyle: false", "style-src-elem", marks=[pytest.mark.slow, pytest.mark.full]),
    ],
)
def test_broken_twin_what_the_policy_forbids_is_seen(
    line: str, refused: str, text: str, tmp_path: Path
) -> None:
    from gatecast.report.html import source
    from gatecast.report.policy import policy

    style, library, script = (
        source("page.css"),
        source("vega.js"),
        source("page.js"),
    )
    assert line in script
    wrong = script.replace(line, line.replace("false", "true") if "false" in line else "")
    right, other = (
        policy(style=style, scripts=(library, one), images="data: blob:") for one in (script, wrong)
    )
    assert right in text
    seen = looked_at(text.replace(script, wrong).replace(right, other), tmp_path)
    assert refused in seen["refused"]
