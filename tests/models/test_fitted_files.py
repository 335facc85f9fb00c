"""Fitted networks on disk: what comes back forecasts the same, and what does not fit is refused."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

import gatecast as gc
from gatecast.errors import RunError
from gatecast.models.calibration import Calibrated, CalibratedFit
from gatecast.models.fitted_files import load_fitted, save_fitted
from gatecast.models.networks import RecurrentNetwork
from gatecast.models.storage import _digest
from gatecast.problem.folds import cut_folds
from gatecast.problem.problem import make_problem

QUICK = gc.Training(epochs=1, batch_size=32)


@pytest.fixture(scope="module")
def road(prices):
    problem = make_problem(prices, lookback=4, horizon=2)
    return problem, cut_folds(problem, folds=2)


@pytest.fixture(scope="module")
def points(road):
    """Fitted points with an adaptive calibration."""
    network = gc.Network(cell="rnn", hidden_size=2)
    model = RecurrentNetwork(network, QUICK, seeds=2, keep_validation=True)
    return Calibrated(model, "adaptive").fit(*road)


@pytest.fixture(scope="module")
def students(road):
    """Fitted Student t's, which the folds combine each in its way."""
    network = gc.Network(cell="rnn", hidden_size=2, output="student_t")
    fitted = RecurrentNetwork(network, QUICK, seeds=2).fit(*road)
    return [replace(fitted[0], combination="mixture"), replace(fitted[1], combination="parameter mean")]


@pytest.fixture
def saved(points, tmp_path):
    save_fitted(points, tmp_path / "rnn")
    return tmp_path / "rnn"


@pytest.mark.parametrize("which", ["points", "students"])
def test_what_is_read_forecasts_the_same_bit_for_bit(road, which, tmp_path, request):
    problem, folds = road
    fitted = request.getfixturevalue(which)
    save_fitted(fitted, tmp_path / "m")
    for ours, theirs, fold in zip(fitted, load_fitted(tmp_path / "m"), folds, strict=True):
        here, there = (one.predict(problem, fold.test) for one in (ours, theirs))
        assert type(here.distribution) is type(there.distribution)
        np.testing.assert_array_equal(here.median, there.median)
        levels = np.array([0.05, 0.5, 0.9])
        np.testing.assert_array_equal(here.distribution.quantile(levels), there.distribution.quantile(levels))
        assert len(here.members) == len(there.members) == 2


def test_who_was_left_out_comes_back(students, tmp_path):
    save_fitted([replace(students[0], left_out=("B",)), students[1]], tmp_path / "m")
    assert [one.left_out for one in load_fitted(tmp_path / "m")] == [("B",), ()]


def test_adaptive_levels_may_cross(points, tmp_path):
    levels = points[0].calibration.levels.copy()
    levels[..., 1] = levels[..., 0] - 1e-3
    crossed = [
        CalibratedFit(one.fitted, replace(one.calibration, levels=levels), one.since) for one in points
    ]
    save_fitted(crossed, tmp_path / "m")
    np.testing.assert_array_equal(load_fitted(tmp_path / "m")[0].calibration.levels, levels)


def changed(stem, change=None, arrays=None):
    """The files with another JSON and other arrays, and with hashes that fit."""
    from safetensors.numpy import load, save

    weights, file = stem.with_name(stem.name + ".safetensors"), stem.with_name(stem.name + ".json")
    kept = load(weights.read_bytes())
    for name, new in (arrays or {}).items():
        value = new(kept.pop(name))
        if value is not None:
            kept[name] = np.ascontiguousarray(value)
    weights.write_bytes(save(kept))
    content = json.loads(file.read_text())
    content.pop("sha256")
    (change or (lambda _: None))(content)
    content["weights_sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    file.write_text(json.dumps({"sha256": _digest(content), **content}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["folds"].pop(), "scales of 2 folds, not of 1"),
        (lambda c: c["folds"].append(c["folds"][0]), "scales of 2 folds, not of 3"),
        (lambda c: c.update(folds=[]), "folds"),
        (lambda c: c["folds"][0].update(combination="median"), "combination"),
        (lambda c: c["folds"][0].update(combination="mixture"), "what is no Student t"),
        (lambda c: c["folds"][0].update(since="tomorrow"), "not a model"),
        (lambda c: c["folds"][0].update(since="0001-01-01"), "no date of a session"),
        (lambda c: c["folds"][0].update(since="9" * 30), "not a model"),
        (lambda c: c["folds"][0].update(since=3), "since"),
        (lambda c: c["folds"][0].update(left_out=[1]), "left_out"),
        (lambda c: c["members"].pop(), "a seed has no network in a fold, or two"),
        (lambda c: c["members"][1].update(seed=0), "a seed has no network in a fold, or two"),
        (lambda c: c["members"][1].update(fold=1), "a network's scale is not that of its fold"),
        (lambda c: [one.update(scale=0, fold=0) for one in c["members"]], "scales of 1"),
        (lambda c: [c["members"][n].update(owner=0) for n in (0, 1)], "some networks are of one symbol"),
    ],
)  # fmt: skip
def test_a_json_that_does_not_fit_is_refused(saved, change, message):
    changed(saved, change)
    with pytest.raises(RunError, match=message):
        load_fitted(saved)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("calibration", lambda values: values[..., :-1]),
        ("calibration", lambda values: values * np.nan),
        ("calibration", lambda values: values.astype(bool)),
        ("calibration", lambda _: None),
        ("residuals", lambda values: values[..., ::-1]),
        ("residuals", lambda _: None),
    ],
)
def test_a_calibration_of_another_shape_type_or_order_is_refused(saved, name, change):
    changed(saved, arrays={f"extra/1/{name}": change})
    with pytest.raises(RunError, match=rf"not a model .*{name}"):
        load_fitted(saved)


def test_files_of_an_earlier_version_are_refused_in_one_sentence(saved):
    changed(saved, lambda content: content.pop("folds"))
    with pytest.raises(
        RunError, match=r"rnn\.json: written by an earlier version .* Run the experiment again"
    ):
        load_fitted(saved)
