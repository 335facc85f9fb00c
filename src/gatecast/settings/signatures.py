"""Signatures of functions that take settings by name, as `help` and an editor show them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TypeVar

from gatecast.errors import SettingError
from gatecast.language import say
from gatecast.settings.base import Checked, documented
from gatecast.settings.reading import Reading

Function = TypeVar("Function", bound=Callable[..., object])


def takes_settings(
    settings: type, model: type[Checked], **defaults: object
) -> Callable[[Function], Function]:
    """A decorator for a function with `**settings: Unpack[settings]`, fields of `model`.

    Their names and defaults stand in its signature, what they mean at the end of its docstring; `defaults`
    are those that differ from the model's.
    """
    fields = {name: model.model_fields[name] for name in settings.__annotations__}

    def decorate(function: Function) -> Function:
        own = [
            parameter
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        named = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults.get(name, field.default),
                annotation=field.annotation,
            )
            for name, field in fields.items()
        ]
        function.__signature__ = inspect.Signature([*own, *named])  # type: ignore[attr-defined]
        function.__doc__ = documented(function.__doc__, "Other Parameters", fields, defaults)
        return function

    return decorate


def refuse_others(given: Mapping[str, object], settings: type, model: type[Checked]) -> None:
    """Refuse what is given by name, is a field of `model` and none of `settings`: it would have no effect.

    Raises
    ------
    SettingError
        It names the first of them, and where it belongs.
    """
    for name, value in given.items():
        if name in Reading.model_fields:
            raise SettingError(
                say("prices are read with it: gatecast.load(…, {name}=…)", name=name),
                setting=name,
                value=value,
            )
        if name in model.model_fields.keys() - settings.__annotations__.keys():
            raise SettingError(say("there is no such setting here"), setting=name, value=value)
