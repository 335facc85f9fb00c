"""The built site: it asks nothing of other servers, and every public name has its anchor.

`mkdocs build --strict` itself fails at a link or an anchor that is not there.
"""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import gatecast as gc

SITE = Path(os.environ.get("GATECAST_TEST_SITE", Path(__file__).parents[2] / "site"))
pytestmark = pytest.mark.skipif(not SITE.is_dir(), reason="no site is built: mkdocs build --strict")
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
FOREIGN = re.compile(r"(https?:)?//")


class Requests(HTMLParser):
    """What a browser fetches for a page, beside the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in LOADED and values.get("rel") != "canonical":
            self.addresses.append(values.get(LOADED[tag]) or "")


def test_a_page_asks_nothing_of_another_server() -> None:
    foreign = {
        (str(page.relative_to(SITE)), address)
        for page in SITE.rglob("*.html")
        for address in Requests(page.read_text("utf-8")).addresses
        if FOREIGN.match(address)
    }
    assert foreign == set()
    assert Requests('<script src="//a.b/c.js"></script>').addresses == ["//a.b/c.js"]


def test_no_style_asks_for_one_either() -> None:
    styles = [*SITE.rglob("*.css")]
    assert styles
    for style in styles:
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", style.read_text("utf-8")), style


def test_no_page_has_a_diagram_or_formula_whose_script_would_be_fetched() -> None:
    for page in SITE.rglob("*.html"):
        assert not re.search(r'class="(mermaid|arithmatex)', page.read_text("utf-8")), page


def test_every_public_name_has_its_anchor() -> None:
    references = [page.read_text("utf-8") for page in SITE.rglob("reference/python.html")]
    assert references
    for name in {*gc.__all__} - {"__version__"}:
        assert all(f'id="gatecast.{name}"' in text for text in references)
