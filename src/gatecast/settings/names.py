"""The models that have a name: networks by their cell, baselines by the function that stands for each.

The function is named "module:function", so that help imports no model; `gatecast.api.models` finds it. A
model of the user's own is named in the same way, or given as an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gatecast.errors import SettingError, did_you_mean
from gatecast.formatting import MOST_LETTERS, printable
from gatecast.language import say
from gatecast.settings.network import Network
from gatecast.settings.training import Training


class Baseline(NamedTuple):
    """Where its function is found, and whether it forecasts a distribution or a point."""

    function: str
    distribution: bool = False


SEASONAL_NAIVE = "seasonal-naive"
_BASELINES = "gatecast.models.baselines"
BASELINES = {
    "naive": Baseline(f"{_BASELINES}.naive:naive"),
    "drift": Baseline(f"{_BASELINES}.naive:drift"),
    "ewma": Baseline(f"{_BASELINES}.statistical:ewma"),
    "ar": Baseline(f"{_BASELINES}.statistical:ar"),
    SEASONAL_NAIVE: Baseline(f"{_BASELINES}.naive:seasonal_naive"),
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

OWN_SEASON = re.compile(rf"{SEASONAL_NAIVE}-([1-9]\d{{0,4}})")
POINT_RIVALS = ("naive", "drift", "ewma", "ar")  # the rivals when a list of models names none
DISTRIBUTION_RIVALS = ("historical", "ewma-t", "gjr-garch-t", "lhar")  # of networks of distributions

DEFAULT_MODELS = ("rnn", "lstm", "gru", "bilstm")

UNKNOWN = "unknown"  # until when a model was trained elsewhere
MEAN = "mean"  # of the other models that are listed
PLAIN = (tuple, list, dict, set, int, float, bytes)  # values that stand for no model
IMPORTED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")  # module:object
NAMED = re.compile(rf"(?:(?P<name>[^=]+)=)?(?P<text>{IMPORTED.pattern})")  # the same, under another name


@dataclass(frozen=True, init=False)
class Mean:
    """The equal-weight combination of other models, as a model of its own: `Mean("gru", "lhar")`.

    Distributions are combined quantile by quantile, points by their mean. Where two or more of the models
    forecast a distribution, those that forecast a point are left out of it, and that is said.
    """

    models: tuple[str, ...]

    def __init__(self, *models: str) -> None:
        object.__setattr__(self, "models", models)


Named = Mapping[str, Any]  # a Network, (Network, Training), Mean, or a model of the user's own
Models = Sequence[str | Named] | Named


class Resolved(NamedTuple):
    """All models in the order of the tables, the networks among them, and trainings of their own.

    foreign: models of the user's own, as objects or as the text that names one; means: combinations.
    """

    models: tuple[str, ...]
    networks: dict[str, Network]
    trainings: dict[str, Training]
    foreign: dict[str, Any]
    means: dict[str, tuple[str, ...]]


def resolve_models(
    models: str | Models, network: Network | None = None, column: str = "close", anchor: str = "last"
) -> Resolved:
    """The names of all models, baselines first, and the settings of those that are networks.

    A name of NETWORKS is `network` (its cell and direction replaced), a name of BASELINES a baseline, a
    mapping {name: Network} or {name: (Network, Training)} a network of the user's, {name: Mean(…)} or "mean"
    a combination (of all others that are listed), and {name: any other object} or "module:object" a model of
    the user's own. Naive is always there; a list without any baseline gets naive, drift, ewma and ar; one
    whose networks forecast distributions, without a baseline that does, gets historical, ewma-t, gjr-garch-t
    and lhar; another column than close gets the last close, and the anchor "season" seasonal naive.

    Raises
    ------
    SettingError
        An unknown name, a name twice, an empty list, or no list.
    """
    if not isinstance(models, Iterable) or (isinstance(models, str) and "," in models):
        raise SettingError(
            say('several models are a list, as ["lstm", "naive"]'), setting="models", value=models
        )
    listed: dict[str, Any] = {}
    for model in [models] if isinstance(models, (str, Mapping)) else models:
        for name, own in _entries(model, network or Network()):
            if name in listed:
                raise SettingError(
                    say('model "{name}" is listed twice; leave one out, or give it another name', name=name)
                )
            listed[name] = own
    if not listed:
        raise SettingError(
            say("models is empty; choose from {value}", value=", ".join([*NETWORKS, *BASELINES]))
        )
    settled = {name: own for name, own in listed.items() if _is_network(own)}
    networks: dict[str, Network] = {name: own[0] for name, own in settled.items()}
    trainings = {name: own[1] for name, own in settled.items() if own[1] is not None}
    means = {name: _combined(name, own, listed) for name, own in listed.items() if isinstance(own, Mean)}
    rivals = [name for name in listed if listed[name] is None]
    foreign = {name: own for name, own in listed.items() if name not in {*rivals, *networks, *means}}
    distributions = any(settings.output != "point" for settings in networks.values())
    if not rivals:
        rivals = ["naive", *DISTRIBUTION_RIVALS] if distributions else [*POINT_RIVALS]
        rivals += ["last-close"] if column != "close" else []
    if distributions and not set(rivals) & set(WITH_DISTRIBUTION):
        rivals += DISTRIBUTION_RIVALS
    if "naive" not in rivals:
        rivals = ["naive", *rivals]
    if anchor == "season" and SEASONAL_NAIVE not in rivals:
        rivals.insert(rivals.index("naive") + 1, SEASONAL_NAIVE)
    others = [name for name in listed if name not in rivals and name not in means]
    return Resolved((*rivals, *others, *means), networks, trainings, foreign, means)


def season_of(name: object) -> int | None:
    """The season of a baseline with one of its own, 168 of "seasonal-naive-168"; None of any other model."""
    found = isinstance(name, str) and OWN_SEASON.fullmatch(name)
    return int(found[1]) if found else None


def named_network(name: str, network: Network) -> Network:
    """`network` with the cell and direction of a known name."""
    return network.changed(**({"bidirectional": False, **NETWORKS[name]} if name in NETWORKS else {}))


def _entries(model: str | Named, network: Network) -> list[tuple[str, Any]]:
    """(name, what it stands for) of each model in one entry of a list; None where it is a baseline."""
    if isinstance(model, Mapping):
        return [(name, _checked(name, own)) for name, own in model.items()]
    if model in NETWORKS:
        return [(model, (named_network(model, network), None))]
    if model in BASELINES or season_of(model):
        return [(str(model), None)]
    if model == MEAN:
        return [(model, Mean())]
    if isinstance(model, str) and (found := NAMED.fullmatch(model)):
        name, text = found["name"], found["text"]
        if name is None and (name := text.partition(":")[2]) in (*NETWORKS, *BASELINES, MEAN):
            raise SettingError(
                say(
                    '"{name}" is another model; give {text} a name of its own: my-{name}={text}',
                    name=name,
                    text=text,
                )
            )
        return [(name, _checked(name, text))]
    known = [*NETWORKS, *BASELINES, MEAN]
    if not isinstance(model, str):
        raise SettingError(
            say(
                "a model of your own needs a name: write {{'mine': …}} for {model}",
                model=printable(repr(model), MOST_LETTERS),
            )
        )
    raise SettingError(
        say(
            'unknown model "{model}".{did_you_mean} Known: {known}; one of your own is named '
            "as module:object",
            model=model,
            did_you_mean=did_you_mean(model, known),
            known=", ".join(known),
        )
    )


def _checked(name: str, own: object) -> Any:
    if not re.fullmatch(r"[A-Za-z0-9][\w.+ -]{0,60}", name) or name in BASELINES or season_of(name):
        raise SettingError(
            say('"{name}" cannot name a model of yours; use letters, digits, - and _', name=name)
        )
    if isinstance(own, Network):
        return own, None
    if own is None or (isinstance(own, PLAIN) and not _is_network(own)):
        kind = type(own).__name__
        raise SettingError(
            say(
                'model "{name}" must be a Network, a pair (Network, Training), or a model of '
                'your own (the guide "Any model"), not {kind}',
                name=name,
                kind=kind,
            )
        )
    return own


def _is_network(own: object) -> bool:
    return (
        isinstance(own, tuple)
        and len(own) == 2
        and isinstance(own[0], Network)
        and isinstance(own[1], Training | None)
    )


def _combined(name: str, mean: Mean, listed: Mapping[str, Any]) -> tuple[str, ...]:
    """The models that a mean is of: those it names, else all that are listed beside it but naive."""
    others = [other for other, own in listed.items() if not isinstance(own, Mean)]
    parts = mean.models or tuple(other for other in others if other != "naive")
    for part in parts:
        if part not in others:
            raise SettingError(
                say(
                    'model "{name}" is a mean of "{part}", which is no model that is listed beside '
                    "it.{did_you_mean}",
                    name=name,
                    part=part,
                    did_you_mean=did_you_mean(part, others),
                )
            )
    if len(set(parts)) < 2:
        raise SettingError(
            say('model "{name}" is a mean of fewer than two models; list them beside it', name=name)
        )
    return parts
