import json
import pickle

import numpy as np
import pytest

import gatecast as gc
from gatecast.errors import RunError
from gatecast.models.storage import load_network, save_network
from gatecast.problem.folds import cut_folds
from gatecast.problem.problem import make_problem

from ..populations import outputs_of, trained  # isort: skip


@pytest.fixture(scope="module")
def road(prices):
    problem = make_problem(prices, lookback=5, horizon=2)
    folds = cut_folds(problem, folds=2)
    how = gc.Training(epochs=2, batch_size=64)
    return problem, folds, trained(gc.Network(cell="lstm", hidden_size=3), how, problem, folds, seeds=2)


@pytest.fixture
def saved(road, tmp_path):
    save_network(road[2], tmp_path / "lstm", arrays={"more": np.arange(3)}, extra={"note": "x"})
    return tmp_path / "lstm"


def test_saved_and_loaded_forecasts_are_equal_bit_for_bit(road, saved):
    problem, folds, fitted = road
    loaded, content, arrays = load_network(saved)
    assert content["note"] == "x"
    assert arrays["more"].tolist() == [0, 1, 2]
    for ours, theirs in zip(
        outputs_of(fitted, problem, folds), outputs_of(loaded, problem, folds), strict=True
    ):
        assert np.isfinite(ours).all()
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("place", [0, 9, -1])
@pytest.mark.parametrize("ending", [".safetensors", ".json"])
def test_one_changed_byte_is_refused(saved, ending, place):
    file = saved.with_name(saved.name + ending)
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(RunError, match=saved.name):
        load_network(saved)


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle was executed')",)


@pytest.mark.parametrize("ending", [".safetensors", ".json"])
def test_a_pickle_is_refused_and_never_run(saved, ending):
    saved.with_name(saved.name + ending).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(RunError):
        load_network(saved)


def test_a_pickle_with_a_matching_hash_is_refused_too(saved):
    import hashlib

    from gatecast.models.storage import _digest

    bomb = pickle.dumps(Bomb())
    saved.with_name("lstm.safetensors").write_bytes(bomb)
    file = saved.with_name("lstm.json")
    content = json.loads(file.read_text())
    content.pop("sha256")
    content["weights_sha256"] = hashlib.sha256(bomb).hexdigest()
    file.write_text(json.dumps({"sha256": _digest(content), **content}))
    with pytest.raises(RunError, match="not a model"):
        load_network(saved)


def changed(stem, *, settings=None, arrays=None):
    """The model with other settings and arrays, and with hashes that fit."""
    import hashlib

    from safetensors.numpy import load, save

    from gatecast.models.storage import _digest

    weights, file = stem.with_name(stem.name + ".safetensors"), stem.with_name(stem.name + ".json")
    kept = load(weights.read_bytes())
    for name, change in (arrays or {}).items():
        kept[name] = np.ascontiguousarray(change(kept[name]))
    weights.write_bytes(save(kept))
    content = json.loads(file.read_text()) | (settings or {})
    content.pop("sha256")
    content["weights_sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    file.write_text(json.dumps({"sha256": _digest(content), **content}))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("0/weight_hh_l0", lambda values: values[:4]),
        ("1/out.weight", lambda values: values.astype(np.int32)),
        ("0/weight_ih_l0", lambda values: values * np.nan),
        ("scale/0/x_scale", lambda values: values[:, :1]),
        ("scale/1/y_scale", lambda values: values * np.inf),
    ],
)
def test_arrays_of_another_shape_or_type_are_refused(saved, name, change):
    changed(saved, arrays={name: change})
    with pytest.raises(RunError, match=name):
        load_network(saved)


@pytest.mark.parametrize("settings", [{"lookback": 0}, {"lookback": "5"}, {"lookback": 10**4000}])
def test_an_absurd_lookback_is_refused(saved, settings):
    changed(saved, settings=settings)
    with pytest.raises(RunError):
        load_network(saved)


@pytest.mark.parametrize("setting", [{"hidden_size": 4}, {"num_layers": 10**6}, {"cell": "gru"}])
def test_weights_that_do_not_fit_the_settings_are_refused(saved, setting):
    content = json.loads(saved.with_name("lstm.json").read_text())
    changed(saved, settings={"network": content["network"] | setting})
    with pytest.raises(RunError, match="not a model"):
        load_network(saved)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RunError, match=r"gone\.json"):
        load_network(tmp_path / "gone")
