"""gatecast: recurrent networks for price forecasting, compared honestly with "tomorrow = today"."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # as typing has it: `python -m gatecast` imports this before it clears its path
if TYPE_CHECKING:
    from typing import Any

    from gatecast.comparison import compare as compare
    from gatecast.data.prices import Prices as Prices
    from gatecast.data.sources import load as load
    from gatecast.evaluation.audit import audit as audit
    from gatecast.experiment import Network as Network
    from gatecast.experiment import Training as Training
    from gatecast.forecaster import Forecaster as Forecaster
    from gatecast.nn.windows import fit_windows as fit_windows
    from gatecast.runs import Result as Result

__version__ = "0.1.0"

_HOMES = {
    "Forecaster": "gatecast.forecaster",
    "Network": "gatecast.experiment",
    "Prices": "gatecast.data.prices",
    "Result": "gatecast.runs",
    "Training": "gatecast.experiment",
    "audit": "gatecast.evaluation.audit",
    "compare": "gatecast.comparison",
    "fit_windows": "gatecast.nn.windows",
    "load": "gatecast.data.sources",
    "open_run": "gatecast.opening",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used: `import gatecast` is fast and leaves JAX alone."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gatecast' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
