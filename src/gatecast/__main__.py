"""The command line's entry: sets up JAX before it starts, turns errors into exit codes."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import threading
import warnings
from types import FrameType

from gatecast.errors import GatecastWarning, InputError

WRONG_INPUT, INTERRUPTED = 2, 130


def main() -> None:
    """Run the command line; exit 0: done, 2: the input is wrong, 1: our fault, 130: Ctrl-C."""
    _prepare_jax()
    warnings.showwarning = _show_warning
    signal.signal(signal.SIGINT, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # for a terminal without our letters
    try:
        from gatecast.cli import app

        app()
    except InputError as error:
        _say(f"gatecast: {error}")
        sys.exit(WRONG_INPUT)
    except KeyboardInterrupt:
        _leave()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _leave()
        raise


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ctrl-C. What is raised in a callback of the garbage collector (JAX has one) is lost: again, then."""
    codes = [getattr(callback, "__code__", None) for callback in gc.callbacks]
    if frame is not None and frame.f_code in codes:
        threading.Timer(0.05, signal.raise_signal, [number]).start()
    else:
        raise KeyboardInterrupt


def _leave() -> None:
    """End at once, all folders being cleaned up: JAX, torn down amid its work, would now and then crash."""
    _say("gatecast: interrupted; nothing was written")
    os._exit(INTERRUPTED)


def _prepare_jax() -> None:
    """One thread per network instead of many per product; compiled programs are kept between runs."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "multi_thread_eigen" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        from gatecast.cache import private_folder

        try:
            os.environ["JAX_COMPILATION_CACHE_DIR"] = str(private_folder("jax"))
        except OSError as error:
            _say(
                f"warning: {error}, so compiled programs are not kept, and every start takes longer. Delete "
                "that folder, or set GATECAST_CACHE to one that only you can write to"
            )
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")


def _show_warning(message: Warning | str, category: type[Warning], *place: object, **_: object) -> None:
    """Warnings as one line without the code that raised them; whose they are where they are not ours."""
    _say(f"{'warning' if issubclass(category, GatecastWarning) else category.__name__}: {message}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
