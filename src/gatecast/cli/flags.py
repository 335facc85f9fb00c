"""Flags of the command line, made from the settings they stand for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic import BaseModel

from gatecast.errors import SettingError
from gatecast.formatting import MOST_LETTERS, printable
from gatecast.settings.experiment import (
    DEFAULT_MODELS,
    DEFAULT_NETWORK,
    Experiment,
    Network,
    Training,
    read_experiment,
    resolve_models,
)

KINDS = (Experiment, Network, Training)


def with_settings(*defaults: tuple[BaseModel, str, Iterable[str]]) -> Callable[..., Any]:
    """Give a command one flag for each named field of (defaults, title, fields); it gets them as **settings.

    Only flags that were given are in `settings`, as text where they are not switches: the models check them.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        flags = [_flag(model, name, title) for model, title, names in defaults for name in names]

        def wrapped(**arguments: Any) -> None:
            given = {flag.name: arguments.pop(flag.name) for flag in flags}
            command(**arguments, **{name: value for name, value in given.items() if value is not None})

        own = [
            parameter
            for parameter in inspect.signature(command, eval_str=True).parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        wrapped.__signature__ = inspect.Signature([*own, *flags])  # type: ignore[attr-defined]
        wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
        return wrapped

    return decorate


def experiment_of(config: Path | None, source: list[str] | None, settings: dict[str, Any]) -> Experiment:
    """The experiment of a config file or of the defaults, with the flags that were given on top."""
    base = read_experiment(config) if config else Experiment(source=("sample:sp500",))
    given = {name: _split(name, value) for name, value in settings.items()}
    network = {name: given.pop(name) for name in Network.model_fields if name in given}
    training = {name: given.pop(name) for name in Training.model_fields if name in given}
    if source:
        given["source"] = tuple(source)
    elif config and "DataFrame" in base.source:
        raise SettingError(
            f"{config}: its prices came from a DataFrame. Give those of the run as the source: "
            f"gatecast compare {config.parent / 'prices.parquet'} --config {config}"
        )
    try:
        given["training"] = base.training.changed(**training)
        chosen = DEFAULT_NETWORK.changed(**network)
        networks = {name: own.changed(**network) for name, own in base.networks.items()}
        names = given.pop("models", base.models if config else DEFAULT_MODELS)
        models = [{name: networks[name]} if name in networks else name for name in names]
        column = given.get("column", base.column)
        given["models"], given["networks"] = resolve_models(models, chosen, column)
        return base.changed(**given)
    except SettingError as error:
        if error.setting in settings:
            raise SettingError(
                f"{flag_name(error.setting)} {printable(error.value, MOST_LETTERS)}: {error.what}"
            ) from None
        raise


def _flag(defaults: BaseModel, name: str, title: str) -> inspect.Parameter:
    """One optional flag for a field, with its description and default in the help."""
    field, default = type(defaults).model_fields[name], getattr(defaults, name)
    switch = field.annotation is bool
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    text = field.description or ""
    if not switch and shown not in (None, ""):
        text += f" (default {shown})"
    flag = flag_name(name)
    names = [f"{flag}/--no-{flag.removeprefix('--')}"] if switch else [flag]
    option = typer.Option(*names, help=text, rich_help_panel=title, metavar=None if switch else "VALUE")
    kind = bool if switch else str
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def flag_name(setting: str) -> str:
    """The flag of a setting: "hidden_size" is --hidden-size."""
    return "--" + setting.replace("_", "-")


def _split(name: str, value: Any) -> Any:
    """A comma-separated list for a field that holds several values."""
    field = next(kind.model_fields[name] for kind in KINDS if name in kind.model_fields)
    several = any(get_origin(kind) is tuple for kind in (field.annotation, *get_args(field.annotation)))
    if not (several and isinstance(value, str)):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())
