"""The engine that a run says it was made with, and what is said where it is another."""

import hashlib
import json
import subprocess
import sys
import tomllib
import warnings

import numpy as np
import pytest

from gatecast.errors import EngineWarning
from gatecast.nn.engine import this_engine, warn_of_another
from gatecast.nn.kernel import library
from gatecast.settings.experiment import Experiment, Provenance
from gatecast.settings.toml import read_experiment, read_provenance, to_toml

PARTS = ["gatecast", "layers", "device", "processor", "jax", "jaxlib", "numpy"]


def test_it_names_everything_that_decides_the_bits():
    engine = this_engine()
    assert list(engine) == PARTS and all(engine.values())
    kernel = library(np.dtype("float32"))
    assert engine["layers"] == (f"C kernel {kernel.variant} {kernel.digest[:12]}" if kernel else "JAX")


def test_without_the_kernel_it_is_another_one(environment):
    command = [
        sys.executable,
        "-c",
        "from gatecast.nn.engine import this_engine; print(this_engine()['layers'])",
    ]
    ended = subprocess.run(
        command, env={**environment, "GATECAST_KERNEL": "off"}, capture_output=True, text=True
    )
    assert ended.stdout == "JAX\n", ended.stderr


def test_an_experiment_file_keeps_it_and_is_the_same_experiment(tmp_path):
    experiment, file = Experiment(source=("sample:sp500",)), tmp_path / "experiment.toml"
    found = Provenance(
        gatecast="0.1.0", source=(), sha256="a", symbols=(), first="", last="", engine=this_engine()
    )
    file.write_text(to_toml(experiment, found))
    assert read_provenance(file) == found
    assert read_experiment(file) == experiment
    file.write_text(to_toml(experiment))
    assert read_provenance(file) is None and "provenance" not in tomllib.loads(file.read_text())


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_differs_is_said(part):
    with pytest.warns(EngineWarning, match=f"made with another engine \\({part} old, here "):
        warn_of_another(this_engine() | {part: "old"}, "r")


@pytest.mark.parametrize("recorded", ["the same", "nothing"])
def test_nothing_is_said_of_the_same_engine_or_of_a_run_that_names_none(recorded):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_another(this_engine() if recorded == "the same" else {}, "r")


def test_the_commands_say_it(command, tmp_path, walk):
    walk("A", 160, 0).drop(columns="symbol").to_csv(tmp_path / "a.csv", index=False)
    small = (
        "--models",
        "gru",
        "--hidden-size",
        "2",
        "--epochs",
        "1",
        "--seeds",
        "1",
        "--folds",
        "1",
        "--lookback",
        "4",
        "--no-charts",
    )
    assert command("compare", "a.csv", *small, "--out", "r").code == 0
    file = tmp_path / "r" / "experiment.toml"
    found = read_provenance(file)
    assert found is not None and found.engine == this_engine()
    file.write_text(file.read_text().replace(f'jax = "{this_engine()["jax"]}"', 'jax = "0.4.1"'))
    ended = command("compare", "--config", file, "--no-charts", "--out", "t")
    assert (ended.code, ended.err.count("another engine (jax 0.4.1, here ")) == (0, 1)
    summary = tmp_path / "r" / "verdict.json"
    saved = json.loads(summary.read_text())
    saved["files"]["experiment.toml"] = hashlib.sha256(file.read_bytes()).hexdigest()
    summary.write_text(json.dumps(saved))
    answer = command("forecast", "a.csv", "--run", "r", "--no-ledger")
    assert (answer.code, answer.err.count("another engine (jax 0.4.1, here ")) == (0, 1)
