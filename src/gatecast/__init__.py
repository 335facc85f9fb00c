"""gatecast: recurrent networks for price forecasting, compared honestly with "tomorrow = today"."""

from __future__ import annotations

import importlib

from gatecast._version import __version__

TYPE_CHECKING = False  # as typing has it: `python -m gatecast` imports this before it clears its path
if TYPE_CHECKING:
    from typing import Any

    from gatecast.api.backtest import backtest as backtest
    from gatecast.api.comparison import compare as compare
    from gatecast.api.forecaster import Forecaster as Forecaster
    from gatecast.api.judgement import judge as judge
    from gatecast.api.result import Result as Result
    from gatecast.api.windows import fit_windows as fit_windows
    from gatecast.auditing import audit as audit
    from gatecast.data.prices import Prices as Prices
    from gatecast.data.side_tables import join as join
    from gatecast.data.sources import load as load
    from gatecast.models.foreign.estimators import Estimator as Estimator
    from gatecast.models.foreign.estimators import Quantile as Quantile
    from gatecast.models.foreign.functions import Function as Function
    from gatecast.models.foreign.torch_settings import TorchModel as TorchModel
    from gatecast.settings.names import Mean as Mean
    from gatecast.settings.network import Network as Network
    from gatecast.settings.training import Training as Training

_HOMES = {
    "Estimator": "gatecast.models.foreign.estimators",
    "Forecaster": "gatecast.api.forecaster",
    "Function": "gatecast.models.foreign.functions",
    "Mean": "gatecast.settings.names",
    "Network": "gatecast.settings.network",
    "Prices": "gatecast.data.prices",
    "Quantile": "gatecast.models.foreign.estimators",
    "Result": "gatecast.api.result",
    "TorchModel": "gatecast.models.foreign.torch_settings",
    "Training": "gatecast.settings.training",
    "audit": "gatecast.auditing",
    "backtest": "gatecast.api.backtest",
    "compare": "gatecast.api.comparison",
    "fit_windows": "gatecast.api.windows",
    "join": "gatecast.data.side_tables",
    "judge": "gatecast.api.judgement",
    "load": "gatecast.data.sources",
    "open_run": "gatecast.api.opening",
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
