"""Compiles the kernel when the package is built, one library for each level of processor and type of numbers.

And the catalogues of messages, for Python's gettext; without Babel the package speaks English alone.
A wheel gets every level of its architecture; an editable install, and `python hatch_build.py` in a source
tree, this machine's level alone. Without a C compiler the package is pure Python, and JAX does the kernel's
work. GATECAST_REQUIRE_KERNEL=1 makes that, or a variant that cannot be compiled, an error.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path(__file__).parent / "src" / "gatecast"
CATALOGUES = PACKAGE / "locale"  # as in gatecast.language
SOURCE = PACKAGE / "nn" / "kernel"
BUILT = SOURCE / "built"  # as in gatecast.nn.kernel.variants
WINDOWS = sys.platform == "win32"
ENDING = ".dll" if WINDOWS else ".so"
OPTIONS = (
    *("-O3", "-std=gnu11", "-shared", "-fvisibility=hidden"),
    *("-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros"),
    *(() if WINDOWS else ("-fPIC",)),
)
VARIANTS = {
    "x86-64-v2": ("-march=x86-64-v2",),
    "x86-64-v3": ("-march=x86-64-v3",),
    "x86-64-v4": ("-march=x86-64-v4", "-mprefer-vector-width=512"),
    "arm64": (),
}
TYPES: Mapping[str, tuple[str, ...]] = {"float32": (), "float64": ("-DDOUBLE_PRECISION",)}
COMPILERS = ("clang",) if WINDOWS else ("cc", "gcc", "clang")  # Microsoft's has no vectors


class KernelHook(BuildHookInterface):
    """Hatchling's side: a wheel with libraries in it is of one platform, and of every Python."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the libraries and the catalogues; version: "editable" or "standard"."""
        said = build(BUILT, every_level=version != "editable") + compile_catalogues(CATALOGUES)
        for problem in said:
            self.app.display_warning(problem)
        if any(BUILT.glob(f"*.float32{ENDING}")):
            tag = self.build_config.builder.get_best_matching_tag()
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{tag.rpartition('-')[2]}"


def build(folder: Path, *, every_level: bool) -> list[str]:
    """Compile the variants into `folder`, which then holds nothing else; returns what could not be done.

    Raises
        SystemExit: something could not be done, and GATECAST_REQUIRE_KERNEL asks for all of it.
    """
    with tempfile.TemporaryDirectory() as place:
        said = compiled(Path(place), every_level=every_level)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for library in Path(place).glob(f"*{ENDING}"):
            shutil.copy(library, folder)
    if said and os.environ.get("GATECAST_REQUIRE_KERNEL"):
        sys.exit("\n".join(said))
    return said


def compiled(folder: Path, *, every_level: bool) -> list[str]:
    """Compile the variants into `folder`; returns what could not be done."""
    compiler = find_compiler()
    if compiler is None:
        looked = " or ".join(COMPILERS)
        return [f"no C compiler ({looked}) was found: gatecast is built without its kernel, and is slower"]
    processor = folder / f"processor{ENDING}"
    if problem := compile_library(compiler, (), SOURCE / "processor.c", processor):
        return [problem]
    if level := ctypes.CDLL(str(processor)).gatecast_level():
        names = [name for name in VARIANTS if name == f"x86-64-v{level}" or (every_level and name != "arm64")]
    elif platform.machine().lower() in ("arm64", "aarch64"):
        names = ["arm64"]
    else:
        return [f"there is no kernel for processors of the kind {platform.machine()}: JAX does its work"]
    jobs = {
        f"{name}.{number}{ENDING}": (*VARIANTS[name], *options)
        for name in names
        for number, options in TYPES.items()
    }
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = [
            pool.submit(compile_library, compiler, options, SOURCE / "kernel.c", folder / name)
            for name, options in jobs.items()
        ]
    return [problem for answer in answers if (problem := answer.result())]


def find_compiler() -> list[str] | None:
    """The command of the C compiler: CC, or the first one that is there."""
    if asked := shlex.split(os.environ.get("CC", ""), posix=not WINDOWS):
        return asked
    return next(([name] for name in COMPILERS if shutil.which(name)), None)


def compile_library(compiler: list[str], options: tuple[str, ...], source: Path, library: Path) -> str:
    """Compile one library; returns why it could not be done, or nothing."""
    command = [*compiler, *OPTIONS, f'-DSOURCE="{source_hash()}"', *options, "-I", str(SOURCE), str(source)]
    try:
        ended = subprocess.run(
            [*command, "-o", str(library), *(() if WINDOWS else ("-lm",))], capture_output=True, text=True
        )
    except OSError as error:
        return f"{compiler[0]} cannot be run: {error.strerror}"
    if ended.returncode == 0:
        return ""
    library.unlink(missing_ok=True)
    last = ended.stderr.strip().splitlines()[-1:]
    return f"{compiler[0]} could not compile {library.name}: {last[0] if last else ended.returncode}"


def source_hash() -> str:
    """What tells a library of these sources from one of others."""
    files = sorted(path for path in SOURCE.rglob("*.[ch]"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]


def compile_catalogues(folder: Path) -> list[str]:
    """Compile every .po of a folder into the .mo beside it; returns what could not be done."""
    try:
        from babel.messages.mofile import write_mo
        from babel.messages.pofile import read_po
    except ImportError:
        return ["Babel was not found: gatecast is built without its catalogues, and speaks English"]
    for source in folder.rglob("*.po"):
        with source.open("rb") as text, source.with_suffix(".mo").open("wb") as compiled:
            write_mo(compiled, read_po(text))
    return []


if __name__ == "__main__":
    done = build(BUILT, every_level="--every-level" in sys.argv) + compile_catalogues(CATALOGUES)
    sys.exit("\n".join(done) or None)
