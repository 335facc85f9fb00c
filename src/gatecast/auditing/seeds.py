"""The global random generators: seeded before every run of a pipeline, and given back as they were."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import numpy as np

LIBRARIES = {"torch": "PyTorch", "tensorflow": "TensorFlow", "keras": "Keras"}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the generators of Python, NumPy and, where imported, PyTorch, TensorFlow and Keras.

    Those of Python, NumPy and PyTorch are restored afterwards. TensorFlow and Keras offer no way to do that:
    theirs stay seeded.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    torch = sys.modules.get("torch")
    cpu, gpus = _states_of(torch)
    _seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if torch is not None:
            torch.set_rng_state(cpu)
            if gpus:
                torch.cuda.set_rng_state_all(gpus)


def seedable() -> tuple[str, ...]:
    """The generators that `seeded` reaches now, by the names of their libraries."""
    return ("Python", "NumPy", *(name for module, name in LIBRARIES.items() if sys.modules.get(module)))


def position() -> str:
    """A fingerprint of where the generators of Python, NumPy and PyTorch stand.

    Two runs from one seed that end at the same position drew equally many numbers.
    """
    _, keys, place, *_ = np.random.get_state(legacy=True)  # noqa: NPY002
    parts = [repr(random.getstate()).encode(), np.asarray(keys).tobytes(), str(place).encode()]
    cpu, gpus = _states_of(sys.modules.get("torch"))
    parts += [state.numpy().tobytes() for state in (cpu, *gpus) if state is not None]
    return blake2b(b"".join(parts), digest_size=16).hexdigest()


def _states_of(torch: Any) -> tuple[Any, list[Any]]:
    """PyTorch's states, of the CPU and of every GPU in use; nothing where it is not imported."""
    if torch is None:
        return None, []
    on_gpu = torch.cuda.is_available() and torch.cuda.is_initialized()
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if on_gpu else []


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    for name in LIBRARIES:
        library = sys.modules.get(name)
        if library is None:
            continue
        if name == "torch":
            library.manual_seed(seed)  # of the CPU and every GPU
        elif name == "tensorflow":
            library.random.set_seed(seed)
        else:
            library.utils.set_random_seed(seed % 2**32)
