"""The audit finds what is wrong with every tutorial, all of it and nothing else."""

from typing import Any

import pytest

import gatecast as gc
from gatecast.recipes import california, recipe_of, samsung

from ..conftest import FULL  # isort: skip

pytestmark = [
    pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning"),
    pytest.mark.filterwarnings("ignore::gatecast.errors.FitWarning"),
]

FAULTS = {
    "samsung": {"future-rows", "same-day", "training-rows"},
    "kospi": {"future-rows"},
    "tesla": {"future-rows", "metric"},
    "california": {"same-day", "training-rows", "future-rows"},
    "google": {"future-rows", "shift", "metric", "order"},
}
INPUTS = {
    "samsung": ["Open", "High", "Low", "Volume", "Adj Close"],
    "california": list(california.INPUTS),
}
PROBED = {  # rows of a tutorial's file that are enough to find its faults, and to see that it has none
    "samsung": (samsung.download, lambda frame: frame[-900:]),
    "kospi": (lambda frame: frame, lambda frame: frame),
    "tesla": (lambda frame: frame[-200:], lambda frame: frame[-120:]),
    "california": (
        lambda frame: frame[::10].reset_index(drop=True),
        lambda frame: california.in_advance(frame[::10].reset_index(drop=True)),
    ),
    "google": (lambda frame: frame, lambda frame: frame[-500:]),
}


@pytest.fixture(scope="module")
def frame_of(real):
    """Name of a tutorial, and whether it is corrected → the rows that are audited."""
    return lambda name, corrected: PROBED[name][corrected](recipe_of(name).read(real(name)))


def faults(report):
    return {finding.kind for finding in report.findings if finding.severity == "fault"}


@pytest.mark.parametrize("name", FAULTS)
def test_the_page_names_what_the_audit_finds(name):
    assert recipe_of(name).faults == FAULTS[name]


def some(*names: str) -> list[Any]:
    """Names of tutorials; the others run in full only."""
    return [pytest.param(one, marks=() if one in names else pytest.mark.full) for one in FAULTS]


@pytest.mark.slow
@pytest.mark.parametrize("name", some("kospi", "samsung"))
def test_as_written(name, frame_of):
    tutorial = recipe_of(name)
    quick = name not in (*INPUTS, "google")  # it would not name every column, nor be sure of the order
    report = gc.audit(tutorial.pipeline, frame_of(name, False), column=tutorial.target, quick=quick)
    assert faults(report) == FAULTS[name]
    for finding in report.findings:
        if finding.kind == "same-day":
            assert all(column in finding.text for column in INPUTS[name])
            assert tutorial.target not in finding.text.replace("Adj Close", "")


@pytest.mark.slow
@pytest.mark.parametrize("name", some("kospi"))
def test_corrected(name, frame_of):
    tutorial, quick = recipe_of(name), name != "california" and not FULL
    report = gc.audit(tutorial.corrected_pipeline, frame_of(name, True), column=tutorial.target, quick=quick)
    assert report.clean, report


def test_a_file_as_pandas_reads_it(stand_in):
    report = gc.audit(recipe_of("kospi").pipeline, stand_in("kospi"), quick=True)
    assert faults(report) == FAULTS["kospi"]
