"""Signatures of functions that take settings by name, as `help` and an editor show them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar

from gatecast.settings.base import Checked, documented

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
