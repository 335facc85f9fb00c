"""The command line's entry: clears the path, sets up JAX before it starts, turns errors into exit codes."""

# ruff: noqa: E402 - nothing else is imported before the path is cleared

from __future__ import annotations

import os
import sys


def _without_current_folder(path: list[str]) -> list[str]:
    """`path` without the current folder, which `python -m` and empty parts of PYTHONPATH put first.

    A stray queue.py or arch.py there would be run instead of Python's or a library's. Where gatecast itself
    lies there, as in a copy of its sources, the folder goes to the end.
    """
    try:
        here, library, package = map(os.path.realpath, ("", os.__file__ + "/..", __file__ + "/.."))
    except OSError:  # the current folder was deleted
        return path
    real = [os.path.realpath(part) for part in path]
    before = real.index(library) if library in real else len(real)
    kept = [part for place, part in enumerate(path) if place >= before or real[place] != here]
    return [*kept, here] if package == f"{here}/gatecast" and len(kept) < len(path) else kept


sys.path[:] = _without_current_folder(sys.path)

import contextlib
import io
import shlex
import signal
import threading
import warnings
from types import FrameType

from gatecast.errors import GatecastWarning, InputError
from gatecast.language import VARIABLE, language, say

WRONG_INPUT = 2
LATER, PATIENCE = 0.05, 2.0  # seconds
STOPS = ("SIGINT", "SIGTERM", "SIGHUP")  # Ctrl-C, `kill`, and a terminal that is closed


def main() -> None:
    """Run the command line; exit 0: done, 2: wrong input, 1: our fault, 130: Ctrl-C, 143: terminated."""
    _choose_language(sys.argv[1:])
    _prepare_jax()
    warnings.showwarning = _show_warning
    sys.unraisablehook = _unraisable
    for name in STOPS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and (number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN):
            signal.signal(number, _interrupt)  # what is ignored, as under nohup, stays so
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # for a terminal without our letters
    try:
        from gatecast.cli.app import app

        app()
    except BaseException as error:
        if _received:  # whatever an interrupted library has made of it, an ImportError for one
            _leave()
        if not isinstance(error, InputError):
            raise
        _say(f"gatecast: {_by_flags(error)}")
        if how := _how_to_go_on():
            _say(f"gatecast: {how}")
        sys.exit(WRONG_INPUT)


def _choose_language(arguments: list[str]) -> None:
    """Speak the language that --lang names, wherever it stands: commands write their help when imported."""
    for place, word in enumerate(arguments):
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if name == "--lang" and (equals or arguments[place + 1 :]):
            os.environ[VARIABLE] = value if equals else arguments[place + 1]
    try:
        language()
    except ValueError as error:
        _say(f"gatecast: {error}")
        sys.exit(WRONG_INPUT)


_received: list[int] = []  # the signals that asked to stop


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Stop; amid an import, which would turn the exception into an ImportError, a moment later.

    A module of the user's may work while it is imported: that has two seconds.
    """
    _received.append(number)
    if _importing(frame) and len(_received) < PATIENCE / LATER:
        _send_again(number)
    else:
        raise KeyboardInterrupt


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """Ask once more to stop where Python could not: in a finalizer, or a callback of the collector."""
    if lost.exc_type is KeyboardInterrupt and _received:
        _send_again(_received[-1])
    else:
        sys.__unraisablehook__(lost)


def _send_again(number: int) -> None:
    again = threading.Timer(LATER, signal.pthread_kill, [threading.main_thread().ident, number])
    again.daemon = True
    again.start()


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _leave() -> None:
    """End at once, all folders being cleaned up: JAX, torn down amid its work, would now and then crash."""
    from gatecast.files import WRITTEN

    if WRITTEN:
        done = say("{file} was written before", file=WRITTEN[0])
    else:
        done = _how_to_go_on() or say("nothing was written")
    with contextlib.suppress(OSError):  # nobody may be reading any more
        sys.stdout.flush()
        _say(say("gatecast: interrupted; {done}", done=done))
        sys.stderr.flush()
    os._exit(128 + _received[0])


def _how_to_go_on() -> str:
    """What to do with a run that was left unfinished, if one was."""
    from gatecast.files import UNFINISHED

    if not UNFINISHED:
        return ""
    return say(
        "what was finished is kept; gatecast compare --resume {folder} goes on",
        folder=shlex.quote(str(UNFINISHED[0])),
    )


def _prepare_jax() -> None:
    """Compiled programs are kept between runs, in a folder of this user alone."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        from gatecast.cache import private_folder

        try:
            folder = private_folder("jax")
            if folder is not None:
                os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        except OSError as error:
            _say(
                say(
                    "warning: {error}, so compiled programs are not kept, and every start takes longer. "
                    "Delete that folder, or set GATECAST_CACHE to one that only you can write to",
                    error=error,
                )
            )
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")


def _show_warning(message: Warning | str, category: type[Warning], *place: object, **_: object) -> None:
    """Warnings as one line without the code that raised them; whose they are where they are not ours."""
    if issubclass(category, GatecastWarning):
        _say(say("warning: {message}", message=_by_flags(message)))
    else:
        _say(f"{category.__name__}: {message}")


def _by_flags(message: object) -> str:
    from gatecast.cli.wording import as_flags

    return as_flags(str(message))


def _say(text: str) -> None:
    from gatecast.formatting import printable_lines

    print(printable_lines(text), file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
