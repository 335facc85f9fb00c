"""What holds for every page: how it opens, and that every public name has its place."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import gatecast as gc

ROOT = Path(__file__).parents[2]
ENGLISH = ROOT / "docs" / "en"
PAGES = [str(page.relative_to(ENGLISH)) for page in sorted(ENGLISH.rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_with_what_its_reader_can_do_after_it(page: str) -> None:
    text = (ENGLISH / page).read_text("utf-8")
    if included := re.fullmatch(r'--8<-- "(.+)"\n', text):
        text = (ROOT / included[1]).read_text("utf-8")
    assert re.match(r"# .+\n\n(After this (page|notebook) you |이 노트북을 마치면 )", text)


def test_every_public_name_is_in_the_reference() -> None:
    named = re.findall(
        r"^::: gatecast\.(\w+)$", (ENGLISH / "reference" / "python.md").read_text("utf-8"), re.M
    )
    assert {*named} - {"errors"} == {*gc.__all__} - {"__version__"}


KOREAN = ROOT / "docs" / "ko"
TRANSLATED = [str(page.relative_to(KOREAN)) for page in sorted(KOREAN.rglob("*.md"))]


@pytest.mark.parametrize("page", TRANSLATED)
def test_a_korean_page_opens_as_the_english_and_has_code_of_that_alone(page: str) -> None:
    text, english = ((folder / page).read_text("utf-8") for folder in (KOREAN, ENGLISH))
    assert re.match(r"# .+\n\n이 글을 읽고 나면 ", text)
    code = re.compile(r"^```python\n.*?^```", re.M | re.S)
    blocks = iter(code.findall(english))
    assert all(block in blocks for block in code.findall(text)), "a block that is not there, or in this order"


@pytest.mark.parametrize("page", [page for page in TRANSLATED if page.startswith("tutorials/")])
def test_a_korean_tutorial_has_the_numbers_of_the_english(page: str) -> None:
    text, english = ((folder / page).read_text("utf-8") for folder in (KOREAN, ENGLISH))
    number = re.compile(r"\d[\d.,]*\d")  # one digit may be a word in the other language
    assert sorted(number.findall(text)) == sorted(number.findall(english))


def test_links_from_the_korean_site_to_the_english_lead_to_pages() -> None:
    """As they are served: docs/ko is the folder ko of the English site."""
    linked = {
        (page, (Path("ko", page).parent / address).as_posix())
        for page in TRANSLATED
        for address in re.findall(r'<a href="([^"#]+)', (KOREAN / page).read_text("utf-8"))
    }
    assert linked
    for page, address in linked:
        target = (ENGLISH / os.path.normpath(address)).with_suffix(".md")
        assert target.is_file(), f"{page} links to {address}"
