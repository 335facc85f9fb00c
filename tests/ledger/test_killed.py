"""Nothing that was acknowledged is lost or doubled: not when the writer is killed, not beside another one."""

import contextlib
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from sqlalchemy import select

from gatecast.ledger import Ledger
from gatecast.ledger.place import engine_of, url_of
from gatecast.ledger.schema import forecasts, versions_of

from .writer import STEPS, forecast  # isort: skip

WRITER = str(Path(__file__).with_name("writer.py"))
ENDLESS = 100_000


def start(where: str, symbol: str, count: int = ENDLESS, *words: str) -> subprocess.Popen[str]:
    """A writer that waits for `go`."""
    command = [sys.executable, WRITER, where, symbol, str(count), *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wait(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


class Moment(NamedTuple):
    """When a writer is killed: so many seconds after so many acknowledgements."""

    acknowledged: int
    seconds: float


def killed(process: subprocess.Popen[str], moment: Moment) -> list[int]:
    """The numbers it acknowledged before it was killed."""
    wait(process)
    go(process)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(moment.acknowledged)]
    time.sleep(moment.seconds)
    process.kill()
    lines += process.stdout.readlines()
    assert process.wait() == -signal.SIGKILL
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        stream.close()
    return [int(line.split()[0]) for line in lines if line.endswith("\n")]  # the last may be half a line


def check(where: str, symbol: str, acknowledged: list[int]) -> None:
    """A killed writer's ledger: all it acknowledged, at most one forecast more, none in part or twice."""
    engine = engine_of(url_of(where))
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        if versions_of(connection) is None:
            assert not acknowledged
            return
        columns = forecasts.c.origin, forecasts.c.step
        rows = connection.execute(select(*columns).where(forecasts.c.symbol == symbol)).all()
    assert max(Counter(rows).values(), default=1) == 1
    numbers = Counter((origin - forecast(symbol, 0)[0].origin).days for origin, _ in rows)
    assert set(numbers.values()) <= {STEPS}
    assert set(acknowledged) <= set(numbers)
    assert len(numbers) - len(acknowledged) <= 1
    Ledger(where).read()  # the chain is whole


def writers(addresses: list[str], *words: str) -> Generator[tuple[str, str, subprocess.Popen[str]]]:
    """(ledger, symbol, process) for each address; the next one starts while this one is at work."""
    places = [(where, f"S{number}") for number, where in enumerate(addresses)]
    following = (start(where, symbol, ENDLESS, *words) for where, symbol in places)
    ahead: list[subprocess.Popen[str]] = []
    try:
        for where, symbol in places:
            ahead += [
                process for process in (next(following, None) for _ in range(2 - len(ahead))) if process
            ]
            yield where, symbol, ahead.pop(0)
    finally:
        for process in ahead:
            process.kill()
            process.communicate()


def kill_all(addresses: list[str], moments: list[Moment], *words: str) -> dict[tuple[str, str], list[int]]:
    """What each writer acknowledged; the ledger is checked after every kill."""
    acknowledged: dict[tuple[str, str], list[int]] = {}
    with contextlib.closing(writers(addresses, *words)) as started:
        for (where, symbol, process), moment in zip(started, moments, strict=True):
            acknowledged[where, symbol] = killed(process, moment)
            check(where, symbol, acknowledged[where, symbol])
    return acknowledged


@pytest.mark.parametrize("kills", [3, pytest.param(15, marks=[pytest.mark.slow, pytest.mark.full])])
def test_a_killed_writer_loses_nothing_it_acknowledged(kills: int, new_ledger: Callable[[], str]) -> None:
    """One in five on a ledger of its own, which it may not live to see made; the others on a common one."""
    rng = np.random.default_rng(kills)
    common = new_ledger()
    fresh = [number % 5 == 0 for number in range(kills)]
    addresses = [new_ledger() if alone else common for alone in fresh]
    moments = [
        Moment(0 if alone else int(rng.integers(0, 20)), rng.uniform(0, 0.08 if alone else 0.05))
        for alone in fresh
    ]
    acknowledged = kill_all(addresses, moments)
    numbers = {symbol: list(given) for (where, symbol), given in acknowledged.items() if where == common}
    assert sum(map(len, numbers.values())) >= sum(moment.acknowledged for moment in moments) > kills
    found = {entry.key: entry for entry in Ledger(common).entries()}
    for symbol, given in numbers.items():
        assert all(found[entry.key] == entry for number in given for entry in forecast(symbol, number))
    again = Ledger(common).append(forecast("S1", 0) + forecast("after", 0))
    assert len(again.known) in (0, STEPS)
    assert {entry.symbol for entry in again.stored} >= {"after"}


def test_a_writer_that_acknowledges_too_early_is_found_out(tmp_path: Path) -> None:
    """The broken twin of the test above."""
    rng = np.random.default_rng(0)
    moments = [Moment(int(rng.integers(1, 20)), rng.uniform(0, 0.02)) for _ in range(20)]
    with pytest.raises(AssertionError):
        kill_all([str(tmp_path / "ledger.db")] * len(moments), moments, "early")


@pytest.mark.parametrize("count", [15, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.full])])
def test_writers_at_once(count: int, where: str) -> None:
    """Two of the same forecasts and one of others; the ledger is new, and all try to make it.

    Each forecast is stored once, by whoever comes first, and the other one learns that it is there.
    """
    first, second, other = together([start(where, symbol, count) for symbol in "AAB"])
    assert [sum(pair) for pair in zip(first, second, strict=True)] == [STEPS] * count
    assert other == [STEPS] * count
    stored = Ledger(where).entries()
    assert sorted(stored, key=lambda entry: entry.key) == [
        entry for symbol in "AB" for number in range(count) for entry in forecast(symbol, number)
    ]


def together(processes: list[subprocess.Popen[str]]) -> list[list[int]]:
    """How many steps of each forecast were new, per writer."""
    for process in processes:
        wait(process)
    for process in processes:
        go(process)
    answers = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return [[int(line.split()[1]) for line in out.splitlines()] for out in answers]
