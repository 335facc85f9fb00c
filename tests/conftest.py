"""Prices for the tests: random walks of any shape.

pytest imports this module before it starts its workers: what is heavy is imported where it is used, and
annotations are text.
"""

from __future__ import annotations

import gc as garbage
import json
import os
import signal
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

import hatch_build  # noqa: F401 - now: importing gatecast.__main__ takes the current folder from the path
import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

import gatecast as gc

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
# Compiling is most of the time of the tests: it optimises little, and a program in one piece. GATECAST_TESTS=
# full compiles as users do, and so does test_the_engines_as_users_have_them in nn/test_recurrent.py.
FULL = os.environ.get("GATECAST_TESTS") == "full"
COMPILE_QUICKLY = {
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "XLA_FLAGS": "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1",
}
KEEP_PROGRAMS = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    "JAX_COMPILATION_CACHE_MAX_SIZE": str(2**31),  # with a limit there is a lock: several processes may write
    "JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES": "none",  # else a program is found in the same folder only
}
# Before JAX is imported, which reads them once; other processes have them too.
for _name, _value in (KEEP_PROGRAMS | ({} if FULL else COMPILE_QUICKLY)).items():
    os.environ.setdefault(_name, _value)


def walk_frame(symbol: str, sessions: int, seed: int, start: str = "2015-01-01") -> pd.DataFrame:
    """date, open, high, low, close, volume of a geometric random walk on weekdays."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, sessions)))
    opened = close * np.exp(rng.normal(0, 0.003, sessions))
    return pd.DataFrame(
        {
            "symbol": symbol,
            "date": pd.bdate_range(start, periods=sessions),
            "open": opened,
            "high": np.maximum(opened, close) * 1.002,
            "low": np.minimum(opened, close) / 1.002,
            "close": close,
            "volume": rng.uniform(1e6, 2e6, sessions).round(),
        }
    )


def parsed(text: str) -> dict[str, Any]:
    """One JSON object in strict JSON, and nothing else."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    value = json.loads(text, parse_constant=refuse)
    assert isinstance(value, dict)
    return value


@pytest.fixture(scope="session")
def walk() -> Callable[..., pd.DataFrame]:
    return walk_frame


@pytest.fixture(scope="session")
def prices() -> gc.Prices:
    """One symbol, 300 sessions."""
    return gc.Prices.from_frame(walk_frame("A", 300, 0), calendar="daily")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs in full only; simulations and corpora look at `FULL` for their length."""
    if FULL:
        return
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("full")])
    items[:] = [item for item in items if not item.get_closest_marker("full")]


def pytest_configure() -> None:
    """No test is timed: a busy machine must not fail one."""
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what the tests have imported, and look at the rest less often."""
    garbage.freeze()
    garbage.set_threshold(50_000, 10, 10)


@pytest.fixture
def shapes_checked(pytestconfig: pytest.Config) -> None:
    """Shapes are checked where they are annotated; the slow tests of .ci/run ask for that."""
    if not pytestconfig.getoption("jaxtyping_packages"):
        pytest.skip("shapes are not checked: see --jaxtyping-packages in .ci/run")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the project; tests that need it skip where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("the folder shared/data with real price files is not beside the project")
    return SHARED


@pytest.fixture(autouse=True, scope="session")
def compiled_programs_are_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Programs compiled by one test serve all; with GATECAST_TEST_PROGRAMS, a folder, other runs too."""
    import jax

    asked = os.environ.get("JAX_DISABLE_MOST_OPTIMIZATIONS") == "1"
    assert jax.config.read("jax_disable_most_optimizations") == asked, "JAX was imported before this module"
    own = tmp_path_factory.getbasetemp()
    run = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    jax.config.update(
        "jax_compilation_cache_dir", os.environ.get("GATECAST_TEST_PROGRAMS", str(run / "programs"))
    )


@pytest.fixture(autouse=True, scope="session")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the records of the tests: none may touch the user's own, in other processes neither."""
    folder = tmp_path_factory.mktemp("ledgers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATECAST_LEDGER", str(folder / "ledger.db"))
        yield folder


@pytest.fixture(autouse=True)
def own_ledger(ledgers: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a record of its own, empty at first."""
    place = ledgers / f"{uuid.uuid4()}.db"
    monkeypatch.setenv("GATECAST_LEDGER", str(place))
    return place


@pytest.fixture(autouse=True)
def as_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins in English and with bars, whatever --lang and --quiet said before."""
    from gatecast import progress

    monkeypatch.setenv("GATECAST_LANG", "en")
    monkeypatch.setattr(progress, "_quiet", ContextVar("quiet", default=False))


class Answer(NamedTuple):
    """What a command ended with, and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """command("compare", "a.csv", …) runs the command line in `tmp_path`, as the shell does."""
    from gatecast.__main__ import main
    from gatecast.errors import GatecastWarning
    from gatecast.files import UNFINISHED

    UNFINISHED.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "set before")
    import gatecast.cli.app  # noqa: F401 - help is written when it is imported: here in English

    def run(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["gatecast", *map(str, words)])
        capsys.readouterr()
        code = 0
        with warnings.catch_warnings():
            warnings.filterwarnings("always", category=GatecastWarning)
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """For other processes: they find the programs that are compiled already."""
    import jax

    return {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir)}


@pytest.fixture(scope="session")
def result() -> gc.Result:
    """A small comparison of two symbols, two steps ahead."""
    table = pd.concat([walk_frame("A", 160, 0), walk_frame("B", 150, 1)], ignore_index=True)
    return gc.compare(
        gc.Prices.from_frame(table, calendar="daily"),
        ["gru", "naive", "ar", {"mine": gc.Network(cell="rnn", hidden_size=2, mlp=(3,))}],
        horizon=2,
        lookback=4,
        folds=2,
        seeds=2,
        network=gc.Network(hidden_size=2),
        training=gc.Training(epochs=2, patience=None, batch_size=32),
    )


@pytest.fixture(scope="session")
def run_folder(result: gc.Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of `result`; not to be changed."""
    return result.save(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture
def market() -> type:
    """See `markets.Market`."""
    from .markets import Market

    return Market
