"""Permutation importance: what is planted is found, what is moved, and what is refused."""

import runpy
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.api.importance import _Test
from gatecast.errors import RunError, SettingError
from gatecast.evaluation.losses import SQUARED_ERROR
from gatecast.evaluation.significance import losses_by_date
from gatecast.models.networks import ensembles_of

from ..conftest import walk_frame  # isort: skip

STUDY = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "importance.py"))
BOTH = {output: gc.Network(cell="rnn", hidden_size=2, output=output) for output in ("point", "student_t")}


@pytest.fixture(scope="module")
def run() -> gc.Result:
    """Two symbols, what is known in advance, a static column, two folds and seeds."""
    rng, table = np.random.default_rng(0), []
    for number, symbol in enumerate("AB"):
        frame = walk_frame(symbol, 220 - 10 * number, number)
        table.append(frame.assign(planned=rng.normal(size=len(frame)), sector="xy"[number]))
    return gc.compare(
        gc.Prices.from_frame(pd.concat(table, ignore_index=True), calendar="daily"),
        ["ewma-t", BOTH], future=["planned"], static=["sector"], folds=2, horizon=2, lookback=4, seeds=2,
        training=gc.Training(epochs=2, batch_size=32, learning_rate=0.05),
    )  # fmt: skip


@pytest.fixture(scope="module")
def test(run: gc.Result) -> _Test:
    return _Test.of(run.outcome, run.models.problem)


def test_nothing_moved_is_what_the_run_forecast(run: gc.Result, test: _Test) -> None:
    found = test.losses(ensembles_of(run.fitted["point"]), test.origins, None, SQUARED_ERROR)
    np.testing.assert_allclose(found, losses_by_date(run.outcome, SQUARED_ERROR)["point"], rtol=1e-12)


def test_inputs_come_from_other_origins_of_the_same_fold_and_symbol(test: _Test) -> None:
    """And never of a window that shares a bar with the own one or its targets."""
    problem, sources = test.problem, test.moved((0, 0))
    assert np.array_equal(problem.symbol[sources], problem.symbol[test.origins])
    fold_of = dict(zip(test.origins, test.outcome.fold, strict=True))
    assert all(fold_of[row] == fold for row, fold in zip(sources, test.outcome.fold, strict=True))
    assert np.abs(sources - test.origins).min() >= problem.lookback + problem.horizon
    assert sorted(sources) == sorted(test.origins)
    swapped = test.swapped((0, 0))
    assert (problem.symbol[swapped] != problem.symbol[test.origins]).all()


def test_the_table_has_every_input_and_is_drawn(run: gc.Result) -> None:
    table = run.importance(permutations=2)
    names = list(run.models.problem.names)
    assert {"planned", "log_volatility"} <= set(names)
    assert list(table["input"]) == 2 * names and set(table["model"]) == set(BOTH)
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()
    assert table["value"].abs().max() > 0
    crps = run.importance("crps", permutations=1)
    assert set(crps["model"]) == {"student_t"} and crps["value"].notna().all()
    assert run.plot_importance(table).chart.to_dict()["facet"]["sort"] == list(BOTH)


def test_an_opened_run_finds_the_same_and_one_without_its_networks_says_so(
    run: gc.Result, tmp_path: Path
) -> None:
    folder = run.save(tmp_path / "run", charts=False)
    again = gc.open_run(folder).importance(models="point", permutations=1)
    pd.testing.assert_frame_equal(again, run.importance(models="point", permutations=1))
    shutil.rmtree(folder / "models")
    with pytest.raises(RunError, match="missing, or changed after the run; run the experiment again"):
        gc.open_run(folder).importance()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"metric": "skil"}, 'choose skill or crps. Did you mean "skill"'),
        ({"models": "ewma-t"}, "choose of point, student_t"),
        ({"metric": "crps", "models": "point"}, "choose of student_t"),
        ({"permutations": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_asked_is_refused(run: gc.Result, how: dict, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        run.importance(**how)
    assert message in str(caught.value)


def test_a_test_too_short_for_blocks_is_refused() -> None:
    prices = gc.Prices.from_frame(walk_frame("A", 160, 0), calendar="daily")
    short = gc.compare(
        prices, [{"point": BOTH["point"]}], lookback=4, horizon=2, test_size=0.1, folds=2, seeds=1,
        training=gc.Training(epochs=1, batch_size=32),
    )  # fmt: skip
    with pytest.raises(SettingError, match=r"fewer than 12 origins .* take fewer folds"):
        short.importance()


@pytest.mark.slow
def test_a_planted_input_is_found_and_noise_is_not() -> None:
    """The long run, whose figures stand in benchmarks/acceptance.md, is benchmarks/importance.py."""
    found = pd.concat([STUDY["importance_of"](draw) for draw in (1000, 1001)]).set_index("input")
    assert (found.loc["planted", "low"] > 0.05).all()
    noise = found.drop(index="planted")
    assert ((noise["low"] <= 0) & (noise["high"] >= 0)).sum() >= len(noise) - 1
    assert noise["value"].abs().max() < found.loc["planted", "value"].min() / 3
