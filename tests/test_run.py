"""The table that a run prints."""

import pytest

from gatecast.formatting import change, interval, p_cell, percent
from gatecast.report.tables import headline_scores

from .report.conftest import make_result  # isort: skip

LONG = "a network with a name of " + "many " * 30 + "words"


@pytest.fixture(scope="module")
def run():
    return make_result(networks=(LONG, "gru"), distributions={LONG: 1.0, "drift": 1.6})


def test_every_model_has_its_line_with_the_figures_of_the_run(run) -> None:
    points, distributions = run.table().split("\n\n")
    lines = points.splitlines()
    scores = headline_scores(run).set_index(["model", "metric"])["value"]
    assert " ".join(lines[0].split()) == "model skill 90 % interval p RMSE of return direction"
    assert [line[: len(LONG)].rstrip() for line in lines[1:-1]] == ["naive", "drift", LONG, "gru"]
    for line in lines[2:-1]:
        name = line[: len(LONG)].rstrip()
        tests = run.significance.models[name]
        assert " ".join(line[len(LONG) :].split()) == " ".join(
            [
                change(tests.skill.value),
                interval(tests.skill.low, tests.skill.high, change),
                p_cell(tests.diebold_mariano.p_better),
                percent(scores[name, "rmse_return"], 3),
                percent(scores[name, "directional_accuracy"], 1),
            ]
        )
        assert len(line) == len(lines[0])
    assert lines[1].split()[1:4] == ["–", "–", "–"]
    assert distributions.splitlines()[-1].startswith(
        "skill: CRPS saved against drift, the best baseline with"
    )


def test_a_model_that_did_not_train_has_dashes() -> None:
    (line,) = (line for line in make_result(broken="gru").table().splitlines() if line.startswith("gru"))
    assert line.split() == ["gru", *"–––––"]
