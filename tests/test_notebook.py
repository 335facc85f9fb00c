"""A notebook in a real kernel without a network: what its reader sees."""

import ast
import base64
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
OFFLINE = """\
import socket
connect = socket.socket.connect
def only_this_machine(self, address):
    if isinstance(address, tuple) and not address[0].startswith(("127.", "localhost", "::1")):
        raise OSError(f"no network: {address}")
    return connect(self, address)
socket.socket.connect = only_this_machine
"""
Outputs = list[dict[str, Any]]


def outputs_of(cells: list[str], folder: Path) -> list[Outputs]:
    """The outputs of every cell; an error in one is an error of the test."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    notebook = new_notebook(cells=[new_code_cell(cell) for cell in (OFFLINE, *cells)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the client's own libraries
        client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}})
        client.execute()
    return [cell.outputs for cell in notebook.cells[1:]]


def shown(outputs: Outputs) -> list[dict[str, Any]]:
    """The MIME bundles of a cell, in order."""
    return [output["data"] for output in outputs if "data" in output]


def size_of(png: str) -> tuple[int, int]:
    """Width and height of a PNG in base64, in pixels."""
    content = base64.b64decode(png)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


def assert_a_bar(bundles: list[dict[str, Any]]) -> None:
    (bar,) = bundles
    assert re.fullmatch(r"100% done after \d+\.\d s", bar["text/plain"])
    assert "<progress" in bar["text/html"]


def assert_a_picture(bundles: list[dict[str, Any]]) -> None:
    (plot,) = bundles
    assert size_of(plot["image/png"])[0] > 1000
    assert plot["application/vnd.vegalite.v5+json"]["$schema"].endswith("v5.json")


(README,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.M | re.S)
EXAMPLE = ["import gatecast as gc; SHORT = gc.Training(epochs=2)"]
EXAMPLE += [ast.unparse(statement) for statement in ast.parse(README).body] + ["result", "forecaster.plot()"]
# What is shown is the same of fewer networks.
EXAMPLE = [
    cell.replace("horizon=5", f"horizon=5, seeds=1{', folds=2' if 'compare' in cell else ''}, training=SHORT")
    for cell in EXAMPLE
]
ODD = [
    'import gatecast as gc; r = gc.compare("odd.csv", ["rnn", "naive"], seeds=1, folds=2, lookback=5, '
    "training=gc.Training(epochs=1))",
    "r",
    "r.plot()",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the notebook runs, beside prices with something odd about them."""
    place = tmp_path_factory.mktemp("notebook")
    lines = ["date,close"]
    days = [f"2020-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 29)]
    lines += [f"{day},{100 + number % 7}" for number, day in enumerate(days)]
    (place / "odd.csv").write_text("\n".join(lines), encoding="utf-8")
    return place


@pytest.mark.slow
@pytest.mark.full
def test_the_example_of_the_readme(folder: Path) -> None:
    cells, answers = EXAMPLE, outputs_of(EXAMPLE, folder)
    seen = dict(zip(cells, map(shown, answers), strict=True))

    for training in (cell for cell in cells if "gc.compare" in cell or "fit" in cell):
        assert_a_bar(seen[training])
    for drawing in ("result.plot()", "forecaster.plot()"):
        assert_a_picture(seen[drawing])
    summary, picture = seen["result"]
    assert "<table" in summary["text/html"] and "naive" in summary["text/html"]
    assert summary["text/html"].count("No evidence") == 1
    assert size_of(picture["image/png"])[0] > 1000
    assert (folder / "runs" / "sp500" / "report.html").is_file()
    assert not [output for cell in answers for output in cell if output.get("name") == "stderr"]


@pytest.mark.slow
def test_a_comparison_of_odd_prices(folder: Path) -> None:
    """A bar, the verdict with its table, a picture; and a warning of the data comes once."""
    answers = outputs_of(ODD, folder)
    compared, summary, plot = map(shown, answers)
    assert_a_bar(compared)
    assert "<table" in summary[0]["text/html"] and "naive" in summary[0]["text/html"]
    assert_a_picture(plot)
    said = "".join(output["text"] for output in answers[0] if output.get("name") == "stderr")
    texts = re.findall(r"DataWarning: (.*)", said)
    assert texts and len(texts) == len(set(texts)), said
