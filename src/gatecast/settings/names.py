"""The models that have a name: networks by their cell, baselines by the function that stands for each.

The function is named "module:function", so that help imports no model; `gatecast.api.models` finds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gatecast.errors import SettingError, did_you_mean
from gatecast.settings.network import Network
from gatecast.settings.training import Training


class Baseline(NamedTuple):
    """Where its function is found, and whether it forecasts a distribution or a point."""

    function: str
    distribution: bool = False


_BASELINES = "gatecast.models.baselines"
BASELINES = {
    "naive": Baseline(f"{_BASELINES}.naive:naive"),
    "drift": Baseline(f"{_BASELINES}.naive:drift"),
    "ewma": Baseline(f"{_BASELINES}.statistical:ewma"),
    "ar": Baseline(f"{_BASELINES}.statistical:ar"),
    "seasonal-naive": Baseline(f"{_BASELINES}.naive:seasonal_naive"),
    "last-close": Baseline(f"{_BASELINES}.naive:last_close"),
    "historical": Baseline(f"{_BASELINES}.volatility:historical", distribution=True),
    "ewma-t": Baseline(f"{_BASELINES}.volatility:ewma_t", distribution=True),
    "garch-t": Baseline(f"{_BASELINES}.garch:garch_t", distribution=True),
    "gjr-garch-t": Baseline(f"{_BASELINES}.garch:gjr_garch_t", distribution=True),
    "har": Baseline(f"{_BASELINES}.har:har", distribution=True),
    "lhar": Baseline(f"{_BASELINES}.lhar:lhar", distribution=True),
}
WITH_DISTRIBUTION = tuple(name for name, baseline in BASELINES.items() if baseline.distribution)
NETWORKS: dict[str, dict[str, Any]] = {
    "rnn": {"cell": "rnn"},
    "lstm": {"cell": "lstm"},
    "gru": {"cell": "gru"},
    "birnn": {"cell": "rnn", "bidirectional": True},
    "bilstm": {"cell": "lstm", "bidirectional": True},
    "bigru": {"cell": "gru", "bidirectional": True},
}

POINT_RIVALS = ("naive", "drift", "ewma", "ar")  # the rivals when a list of models names none
DISTRIBUTION_RIVALS = ("historical", "ewma-t", "gjr-garch-t", "lhar")  # of networks of distributions

DEFAULT_MODELS = ("rnn", "lstm", "gru", "bilstm")

Settled = tuple[Network, Training | None]  # of one network; None: trained as all others
Named = Mapping[str, Network | tuple[Network, Training]]
Models = Sequence[str | Named] | Named


class Resolved(NamedTuple):
    """All models in the order of the tables, the networks among them, and trainings of their own."""

    models: tuple[str, ...]
    networks: dict[str, Network]
    trainings: dict[str, Training]


def resolve_models(models: str | Models, network: Network | None = None, column: str = "close") -> Resolved:
    """The names of all models, baselines first, and the settings of those that are networks.

    A name of NETWORKS is `network` (its cell and direction replaced), a name of BASELINES a baseline, a
    mapping {name: Network} or {name: (Network, Training)} a network of the user's. Naive is always there; a
    list without any baseline gets naive, drift, ewma and ar; one whose networks forecast distributions,
    without a baseline that does, gets historical, ewma-t, gjr-garch-t and lhar; another column than close
    gets the last close.

    Raises
    ------
    SettingError
        An unknown name, a name twice, or an empty list.
    """
    named: list[str] = []
    networks: dict[str, Network] = {}
    trainings: dict[str, Training] = {}
    for model in [models] if isinstance(models, (str, Mapping)) else models:
        for name, settled in _entries(model, network or Network()):
            if name in named:
                raise SettingError(f'model "{name}" is listed twice; leave one out, or give it another name')
            named.append(name)
            if settled is not None:
                networks[name], own = settled
                if own is not None:
                    trainings[name] = own
    if not named:
        raise SettingError(f"models is empty; choose from {', '.join([*NETWORKS, *BASELINES])}")
    rivals = [name for name in named if name not in networks]
    distributions = any(settings.output != "point" for settings in networks.values())
    if not rivals:
        rivals = ["naive", *DISTRIBUTION_RIVALS] if distributions else [*POINT_RIVALS]
        rivals += ["last-close"] if column != "close" else []
    if distributions and not set(rivals) & set(WITH_DISTRIBUTION):
        rivals += DISTRIBUTION_RIVALS
    if "naive" not in rivals:
        rivals = ["naive", *rivals]
    return Resolved((*rivals, *networks), networks, trainings)


def named_network(name: str, network: Network) -> Network:
    """`network` with the cell and direction of a known name."""
    return network.changed(**({"bidirectional": False, **NETWORKS[name]} if name in NETWORKS else {}))


def _entries(model: str | Named, network: Network) -> list[tuple[str, Settled | None]]:
    """(name, settings) of each model in one entry of a list; None where it is a baseline."""
    if isinstance(model, Mapping):
        return [(name, _checked(name, settings)) for name, settings in model.items()]
    if model in NETWORKS:
        return [(model, (named_network(model, network), None))]
    if model in BASELINES:
        return [(model, None)]
    known = [*NETWORKS, *BASELINES]
    raise SettingError(f'unknown model "{model}".{did_you_mean(str(model), known)} Known: {", ".join(known)}')


def _checked(name: str, settings: object) -> Settled:
    if not re.fullmatch(r"[A-Za-z0-9][\w.+ -]{0,60}", name) or name in BASELINES:
        raise SettingError(f'"{name}" cannot name a network; use letters, digits, - and _')
    if isinstance(settings, Network):
        return settings, None
    if isinstance(settings, tuple) and list(map(type, settings)) == [Network, Training]:
        return settings
    kind = type(settings).__name__
    raise SettingError(f'model "{name}" must be a Network or a pair (Network, Training), not {kind}')
