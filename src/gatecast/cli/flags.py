"""Flags of the command line, made from the settings they stand for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from gatecast.cli.options import Language
from gatecast.language import say

ALIASES = {"--models": ["--model"]}


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


def with_language(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flag --lang, whose callback sets the language."""

    def wrapped(lang: Language = None, **arguments: Any) -> None:
        command(**arguments)

    language = inspect.signature(wrapped, eval_str=True).parameters["lang"]
    own = inspect.signature(command, eval_str=True).parameters.values()
    wrapped.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*own, language.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
    )
    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    return wrapped


def _flag(defaults: BaseModel, name: str, title: str) -> inspect.Parameter:
    """One optional flag for a field, with its description and default in the help."""
    field, default = type(defaults).model_fields[name], getattr(defaults, name)
    switch = field.annotation in (bool, bool | None)
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    text = say(field.description) if field.description else ""
    if not switch and shown not in (None, ""):
        text = say("{text} (default {default})", text=text, default=shown)
    flag = flag_name(name)
    names = [f"{flag}/--no-{flag.removeprefix('--')}"] if switch else [flag, *ALIASES.get(flag, ())]
    option = typer.Option(*names, help=text, rich_help_panel=say(title), metavar=None if switch else "VALUE")
    kind = bool if switch else str
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def flag_name(setting: str) -> str:
    """The flag of a setting: "hidden_size" is --hidden-size."""
    return "--" + setting.replace("_", "-")
