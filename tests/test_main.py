"""The program as a process: exit codes, streams and Ctrl-C."""

import gc as garbage
import json
import os
import signal
import subprocess
import sys
import time
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from gatecast import __main__ as entry
from gatecast.errors import FitWarning

from .conftest import walk_frame  # isort: skip

PROGRAM = [sys.executable, "-m", "gatecast"]

# The real program, but its bar writes a line to stderr whenever training goes on.
NOISY = """
import sys
from gatecast import progress
progress.Bar.show = lambda self, done, of, doing, detail="": print(doing, detail, file=sys.stderr, flush=True)
from gatecast.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=[pytest.mark.slow, pytest.mark.full])],
)
def test_a_signal_in_mid_training_ends_soon_and_leaves_what_can_go_on(
    tmp_path: Path, environment: dict[str, str], number: signal.Signals, code: int
) -> None:
    walk_frame("A", 120, 0).to_csv(tmp_path / "a.csv", index=False)
    flags = "--models gru --epochs 1000000 --patience none --seeds 8 --folds 1 --hidden-size 2 --lookback 5"
    process = subprocess.Popen(
        [sys.executable, "-c", NOISY, "compare", "a.csv", *flags.split(), "--out", "deep/run"],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "trained" in line and " 0 epochs" not in line:
                break
        process.send_signal(number)
        began = time.perf_counter()
        out, err = process.communicate(timeout=60)
        assert time.perf_counter() - began < 6  # two, and what a busy machine adds
    finally:
        process.kill()
    assert process.returncode == code
    assert out == ""
    assert err.splitlines()[-1] == (
        "gatecast: interrupted; what was finished is kept; gatecast compare --resume deep/run goes on"
    )
    assert "Traceback" not in err
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "deep"}
    assert {path.name for path in (tmp_path / "deep" / "run").iterdir()} == {"progress.json", "work"}
    said = json.loads((tmp_path / "deep" / "run" / "progress.json").read_text())
    assert said["state"] == "stopped" and said["members"] == {"done": 0, "total": 16}


def _in_a_callback_of_the_collector(stop: Callable[[], None]) -> None:
    def callback(phase: str, _: object) -> None:
        if phase == "start":
            garbage.callbacks.remove(callback)
            stop()

    garbage.callbacks.append(callback)
    garbage.collect()


def _in_a_callback_of_a_weak_reference(stop: Callable[[], None]) -> None:
    class Referred: ...

    referred = Referred()
    reference = weakref.ref(referred, lambda _: stop())
    del referred
    assert reference() is None


def _in_a_finalizer(stop: Callable[[], None]) -> None:
    class Finalized:
        def __del__(self) -> None:
            stop()

    Finalized()


@pytest.mark.parametrize(
    "where", [_in_a_callback_of_the_collector, _in_a_callback_of_a_weak_reference, _in_a_finalizer]
)
def test_ctrl_c_is_not_lost_where_python_cannot_raise(
    where: Callable[[Callable[[], None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "_received", [])  # or the next command in this process would leave it
    monkeypatch.setattr(sys, "unraisablehook", entry._unraisable)
    before = signal.signal(signal.SIGINT, entry._interrupt)
    began = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            where(lambda: signal.raise_signal(signal.SIGINT))
            while time.perf_counter() - began < 60:  # one that came later would end the tests
                time.sleep(0.01)
    finally:
        signal.signal(signal.SIGINT, before)


# The real program, whose command says that it runs, and waits.
WAITING = """
import signal, sys
from gatecast import __main__ as entry
from gatecast.cli import app as cli
from gatecast.files import WRITTEN
def wait():
    print("verdict")
    WRITTEN.extend(sys.argv[1:])
    print("ready", file=sys.stderr, flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:  # as a library does where it is imported just then
        raise ImportError("numpy failed to import")
cli.app = wait
entry.main()
"""


@pytest.mark.parametrize(
    ("sent", "code", "written", "last_words"),
    [
        (signal.SIGTERM, 143, [], "interrupted; nothing was written"),
        (signal.SIGHUP, 129, ["run"], "interrupted; run was written before"),
    ],
)
def test_other_ways_to_be_stopped_are_like_ctrl_c(
    sent: int, code: int, written: list[str], last_words: str
) -> None:
    """What was printed by then, into a file or a pipe, is not lost."""
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, *written], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None and process.stderr.readline() == "ready\n"
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, "verdict\n", f"gatecast: {last_words}\n")


IMPORTING = """
import sys, time
from gatecast import __main__ as entry
from gatecast.cli import app as cli
def wait():
    import slow
    time.sleep(60)
cli.app = wait
entry.main()
"""


@pytest.mark.parametrize(("seconds", "imported"), [(0.4, True), (30, False)])
def test_an_import_is_finished_before_it_is_stopped_unless_it_takes_long(
    tmp_path: Path, seconds: float, imported: bool
) -> None:
    (tmp_path / "slow.py").write_text(
        "import sys, time\nprint('ready', file=sys.stderr, flush=True)\n"
        f"for _ in range({int(100 * seconds)}): time.sleep(0.01)\nprint('imported')\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", IMPORTING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert process.stderr is not None and process.stderr.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "imported\n" if imported else "")
    assert err == "gatecast: interrupted; nothing was written\n"


def test_nohup_stays_nohup() -> None:
    process = subprocess.Popen(
        ["nohup", sys.executable, "-c", WAITING], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert "ready\n" in iter(process.stderr.readline, "")
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143


def test_the_current_folder_is_taken_off_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = str(Path(os.__file__).parent)
    monkeypatch.chdir(tmp_path)
    for here in (str(tmp_path), "", ".", f"{tmp_path}/../{tmp_path.name}"):
        assert entry._without_current_folder([here, "/a", here, library, "/b"]) == ["/a", library, "/b"]
    assert entry._without_current_folder(["/a", library, str(tmp_path)]) == ["/a", library, str(tmp_path)]
    monkeypatch.chdir(library)
    assert entry._without_current_folder(["/a", library, "/b"]) == ["/a", library, "/b"]
    sources = Path(entry.__file__).parents[1]
    monkeypatch.chdir(sources)  # gatecast itself lies there
    assert entry._without_current_folder(["", library, "/b"]) == [library, "/b", str(sources)]


def test_our_own_bug_is_not_caught(command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr("gatecast.data.sources.examine", broken)
    with pytest.raises(RuntimeError, match="a bug of ours"):
        command("data", "check", "a.csv")


@pytest.mark.slow
@pytest.mark.full
def test_our_own_bug_ends_with_1(tmp_path: Path) -> None:
    code = (
        "from gatecast.data import sources\n"
        "def broken(*_, **__): raise RuntimeError('a bug of ours')\n"
        "sources.examine = broken\n"
        "from gatecast.__main__ import main\n"
        "main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "data", "check", "a.csv"], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "RuntimeError: a bug of ours" in ended.stderr


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize("words", [["--version"], ["data", "check", "--help"]])
def test_help_and_version_end_with_0(words: list[str]) -> None:
    ended = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=True)
    assert ended.stdout
    assert ended.stderr == ""


def test_a_terminal_without_our_letters_is_no_trouble(tmp_path: Path) -> None:
    """Tables have a dash for what is undefined; an old terminal shows a question mark."""
    walk_frame("A", 30, 0).rename(columns={"volume": "Umsatz–€"}).to_csv(tmp_path / "a.csv", index=False)
    ended = subprocess.run(
        [*PROGRAM, "data", "check", "a.csv"], cwd=tmp_path, capture_output=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )  # fmt: skip
    assert b"umsatz??" in ended.stdout


def test_warnings_are_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = entry._show_warning
        warnings.warn("a fit stood still", FitWarning, stacklevel=1)
        warnings.warn("of another library", DeprecationWarning, stacklevel=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "warning: a fit stood still\nDeprecationWarning: of another library\n"


def test_jax_is_configured_before_it_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
             "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES")  # fmt: skip
    for name in names:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("GATECAST_CACHE", str(tmp_path))
    entry._prepare_jax()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "jax")
    assert (tmp_path / "jax").stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "mine")
    entry._prepare_jax()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "mine"
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("GATECAST_CACHE", "off")
    entry._prepare_jax()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners and modes are those of POSIX")
def test_compiled_programs_are_not_taken_from_where_others_can_write(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("GATECAST_CACHE", str(tmp_path))
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax").chmod(0o777)
    entry._prepare_jax()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and f"{tmp_path / 'jax'} can be written by other users" in err
