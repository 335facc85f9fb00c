"""The command line's entry: sets up JAX before it starts, turns errors into exit codes."""

from __future__ import annotations

import os
import sys
import warnings

from gatecast.errors import GatecastWarning, InputError

DONE, OUR_FAULT, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130


def main() -> None:
    """Run the command line; exit 0: done, 2: the input is wrong, 1: our fault."""
    _prepare_jax()
    warnings.showwarning = _show_warning
    from gatecast.cli import app

    try:
        app(standalone_mode=True)
    except InputError as error:
        print(f"gatecast: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(WRONG_INPUT)
    except KeyboardInterrupt:
        print("gatecast: interrupted; nothing was written", file=sys.stderr)  # noqa: T201
        sys.exit(INTERRUPTED)


def _prepare_jax() -> None:
    """One thread per network instead of many per product; compiled programs are kept between runs."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "multi_thread_eigen" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        from platformdirs import user_cache_dir

        cache = os.environ.get("GATECAST_CACHE") or user_cache_dir("gatecast")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = os.path.join(cache, "jax")  # noqa: PTH118
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")


def _show_warning(message: Warning | str, category: type[Warning], *place: object, **_: object) -> None:
    """Warnings of ours as one line without the code that raised them; others as Python shows them."""
    if issubclass(category, GatecastWarning):
        print(f"warning: {message}", file=sys.stderr)  # noqa: T201
    else:
        print(f"{category.__name__}: {message}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
