"""Which variant of the kernel is taken."""

import pytest

from gatecast.errors import SettingError
from gatecast.nn.kernel import variants
from gatecast.nn.kernel.variants import choice, runnable


@pytest.fixture
def wheel(monkeypatch, tmp_path):
    """wheel(level, *names): a package with these variants, on a processor of this level."""

    def make(level, *names):
        monkeypatch.setattr(variants, "BUILT", tmp_path)
        monkeypatch.setattr(variants, "_level", lambda: level)
        for name in names:
            for number in ("float32", "float64"):
                variants.file_of(name, number).touch()

    monkeypatch.delenv("GATECAST_KERNEL", raising=False)
    return make


LEVELS = "x86-64-v2", "x86-64-v3", "x86-64-v4"


@pytest.mark.parametrize(
    ("level", "names", "expected"),
    [
        (4, LEVELS, ["x86-64-v4", "x86-64-v3", "x86-64-v2"]),
        (3, LEVELS, ["x86-64-v3", "x86-64-v2"]),
        (2, LEVELS, ["x86-64-v2"]),
        (2, ["x86-64-v3"], []),  # built on another machine
        (4, ["x86-64-v3"], ["x86-64-v3"]),
        (0, ["arm64"], ["arm64"]),
        (0, [], []),
    ],
)
def test_the_best_that_the_processor_runs_comes_first(level, names, expected, wheel):
    wheel(level, *names)
    assert runnable() == expected
    assert choice() == next(iter(expected), None)


@pytest.mark.parametrize(("asked", "chosen"), [("x86-64-v2", "x86-64-v2"), ("off", None), ("", "x86-64-v3")])
def test_the_environment_forces_one(asked, chosen, wheel, monkeypatch):
    wheel(3, *LEVELS)
    monkeypatch.setenv("GATECAST_KERNEL", asked)
    assert choice() == chosen


@pytest.mark.parametrize("asked", ["x86-64-v4", "avx2", "../x86-64-v2"])
def test_one_that_is_not_here_or_does_not_run_is_refused_and_those_that_do_are_named(
    asked, wheel, monkeypatch
):
    wheel(3, *LEVELS)
    monkeypatch.setenv("GATECAST_KERNEL", asked)
    with pytest.raises(
        SettingError, match=f"GATECAST_KERNEL = '{asked}': .*x86-64-v3, x86-64-v2, off, or leave"
    ):
        choice()
