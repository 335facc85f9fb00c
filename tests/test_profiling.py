import time
from contextlib import nullcontext

import jax
import jax.numpy as jnp
import pytest

from gatecast.profiling import COMPILING, Profile, profiled, stage


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def test_a_stage_within_another_counts_for_itself_alone(clock):
    with profiled() as spent:
        with stage("outer"):
            clock[0] += 2
            with stage("inner"):
                clock[0] += 3
            clock[0] += 4
        clock[0] += 1
    assert {name: spent.seconds[name] for name in ("outer", "inner")} == {"outer": 6.0, "inner": 3.0}
    assert spent.text.splitlines()[-1].split() == ["in", "all", "10.0", "s"]


def test_a_stage_that_fails_is_left(clock):
    with profiled() as spent:
        with pytest.raises(KeyError), stage("broken"):
            clock[0] += 2
            raise KeyError
        clock[0] += 5
    assert spent.text.split()[-2:] == ["7.0", "s"]
    assert spent.seconds == {"the rest": 5.0, "broken": 2.0}


def test_compiling_is_taken_out_of_the_stage(clock):
    profile = Profile()
    profile.enter("training")
    clock[0] += 10
    profile.compiled(4, program=True)
    profile.compiled(50, program=False)  # more than there is: reported twice
    profile.leave()
    assert profile.seconds == {"the rest": 0.0, "training": 0.0, COMPILING: 10.0}
    assert profile.programs == 1


def test_jax_tells_of_a_new_program():
    def new(x: jax.Array) -> jax.Array:
        return jnp.sin(x) * 1.2345

    with profiled() as spent, stage("work"):
        jax.jit(new)(jnp.ones(3))
    assert spent.programs >= 1
    assert spent.seconds[COMPILING] > 0


def test_nobody_profiles():
    with stage("alone"):
        pass


def test_the_command_says_where_the_seconds_went(walk, tmp_path, command, monkeypatch):
    monkeypatch.setattr("gatecast.report.pictures.saved_pictures", lambda *_: nullcontext())
    walk("A", 160, 0).drop(columns="symbol").to_csv(tmp_path / "a.csv", index=False)
    small = ("--models", "rnn", "--hidden-size", "7", "--epochs", "1", "--seeds", "1", "--folds", "1")
    own = ("--lookback", "11")  # a shape that no other test has compiled in this process
    code, out, err = command("compare", "a.csv", *small, *own, "--profile")
    assert code == 0
    for name in ("loading", "compiling", "training", "baselines", "scoring", "drawing"):
        assert any(line.startswith(name) for line in err.splitlines()), name
    assert "programs" not in out
