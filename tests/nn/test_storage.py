import json
import pickle

import numpy as np
import pytest

import gatecast as gc
from gatecast.errors import RunError
from gatecast.nn.fitting import fit_network
from gatecast.nn.storage import load_network, save_network
from gatecast.problem.folds import walk_forward
from gatecast.problem.problem import make_problem


@pytest.fixture(scope="module")
def road(prices):
    problem = make_problem(prices, lookback=5, horizon=2)
    folds = walk_forward(problem, folds=2)
    how = gc.Training(epochs=2, batch_size=64)
    return problem, folds, fit_network(gc.Network(cell="lstm", hidden_size=3), how, problem, folds, seeds=2)


@pytest.fixture
def saved(road, tmp_path):
    save_network(road[2], tmp_path / "lstm", arrays={"more": np.arange(3)}, extra={"note": "x"})
    return tmp_path / "lstm"


def test_saved_and_loaded_forecasts_are_equal_bit_for_bit(road, saved):
    problem, folds, fitted = road
    loaded, content, arrays = load_network(saved)
    assert content["note"] == "x"
    assert arrays["more"].tolist() == [0, 1, 2]
    for ours, theirs in zip(fitted.forecast(problem, folds), loaded.forecast(problem, folds), strict=True):
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

    from gatecast.nn.storage import _digest

    bomb = pickle.dumps(Bomb())
    saved.with_name("lstm.safetensors").write_bytes(bomb)
    file = saved.with_name("lstm.json")
    content = json.loads(file.read_text())
    content.pop("sha256")
    content["weights_sha256"] = hashlib.sha256(bomb).hexdigest()
    file.write_text(json.dumps({"sha256": _digest(content), **content}))
    with pytest.raises(RunError, match="not a model"):
        load_network(saved)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RunError, match=r"gone\.json"):
        load_network(tmp_path / "gone")
