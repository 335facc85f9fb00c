"""The audit finds what is wrong with every tutorial, all of it and nothing else."""

import pytest
from gatecast.recipes.common import read_prices

import gatecast as gc
from gatecast.recipes import california, recipe_of, samsung

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


def frame_of(name, path):
    recipe = recipe_of(name)
    frame = recipe.read(path) if recipe.read else read_prices(path)
    return samsung.download(frame) if name == "samsung" else frame


def faults(report):
    return {finding.kind for finding in report.findings if finding.severity == "fault"}


@pytest.mark.parametrize("name", FAULTS)
def test_the_page_names_what_the_audit_finds(name):
    assert recipe_of(name).faults == FAULTS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_as_written(name, real):
    recipe = recipe_of(name)
    report = gc.audit(recipe.pipeline, frame_of(name, real(name)), target=recipe.target)
    assert faults(report) == FAULTS[name]
    for finding in report.findings:
        if finding.kind == "same-day":
            assert all(column in finding.text for column in INPUTS[name])
            assert recipe.target not in finding.text.replace("Adj Close", "")


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_corrected(name, real):
    recipe = recipe_of(name)
    frame = recipe.read(real(name)) if recipe.read else read_prices(real(name))
    if name == "california":
        frame = california.in_advance(frame)
    assert gc.audit(recipe.corrected_pipeline, frame, target=recipe.target).clean


def test_a_file_as_pandas_reads_it(stand_in):
    report = gc.audit(recipe_of("kospi").pipeline, stand_in("kospi"), quick=True)
    assert faults(report) == FAULTS["kospi"]
