"""Progress: a bar where somebody sees it, and nowhere else."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from gatecast import progress
from gatecast.progress import Bar, report


class Notebook:
    """A stand-in for the display of a running kernel."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []

    def display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Notebook:
        assert raw and display_id
        self.seen.append(data)
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.seen.append(data)

    @property
    def texts(self) -> list[str]:
        return [data["text/plain"] for data in self.seen]


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    shell: Any = SimpleNamespace(kernel=object())
    shown = Notebook()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=shown.display))
    return shown


def test_a_bar_in_a_notebook_says_what_is_done_and_how_long_it_took(notebook: Notebook) -> None:
    with Bar() as bar:
        with bar.part(0, 2, "<lstm>"):
            report(0.0, "compiling …")
            report(0.5, "5 of 10 trained")
        with bar.part(1, 2, "naive"):
            pass
    assert notebook.texts[1].startswith("0% <lstm> (0 s")
    assert "compiling …" in notebook.texts[2]
    assert "naive" in notebook.texts[-2] and notebook.texts[-2].startswith("50%")
    assert notebook.texts[-1].startswith("100% done after")
    assert "&lt;lstm&gt;" in notebook.seen[1]["text/html"]


def test_work_that_fails_leaves_its_bar_where_it_was(notebook: Notebook) -> None:
    with pytest.raises(ValueError, match="oh"), Bar() as bar, bar.part(1, 4, "lstm"):
        raise ValueError("oh")
    assert notebook.texts[-1].startswith("25% stopped after")


def test_many_reports_are_few_messages(notebook: Notebook) -> None:
    with Bar() as bar:
        for done in range(10_000):
            bar.show(done, 10_000, "training")
    assert len(notebook.seen) < 50


def test_nothing_is_shown_when_asked_to_be_quiet(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    token = progress._quiet.set(True)
    try:
        with Bar() as bar:
            bar.show(1, 2, "training")
    finally:
        progress._quiet.reset(token)
    assert notebook.seen == []


def test_without_a_terminal_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar() as bar:
        bar.show(1, 2, "training", "1 of 2")
    assert capsys.readouterr() == ("", "")
