"""Signatures of functions that take settings by name, as `help` and an editor show them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

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
    are those that differ from the model's. Other fields of the model are refused: they would have no effect.
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
        not_taken = model.model_fields.keys() - {parameter.name for parameter in [*own, *named]}

        @functools.wraps(function)
        def checked(*arguments: Any, **by_name: Any) -> object:
            for name in by_name.keys() & not_taken:
                raise _not_taken(name, by_name[name])
            return function(*arguments, **by_name)

        checked.__signature__ = inspect.Signature([*own, *named])  # type: ignore[attr-defined]
        checked.__doc__ = documented(function.__doc__, "Other Parameters", fields, defaults)
        return cast(Function, checked)

    return decorate


def _not_taken(name: str, value: object) -> SettingError:
    """The error of a setting that a function does not take, though a comparison has it."""
    if name in Reading.model_fields:
        remedy = say("prices are read with it: gatecast.load(…, {name}=…)", name=name)
    else:
        remedy = say("there is no such setting here")
    return SettingError(remedy, setting=name, value=value)
