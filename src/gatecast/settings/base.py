"""What all settings share: they are frozen, checked, and say in plain words what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from gatecast.errors import SettingError, did_you_mean


def none_of(value: object) -> object:
    """TOML and the command line have no None: they say "none"."""
    return None if isinstance(value, str) and value.lower() == "none" else value


def _iso(value: object) -> object:
    """TOML has dates without quotes."""
    return value.isoformat() if isinstance(value, date) else value


Date = Annotated[str | None, BeforeValidator(_iso)]


class Checked(BaseModel):
    """A frozen set of settings; a wrong one is a SettingError that names the field and the remedy."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    if not TYPE_CHECKING:  # checkers see the fields

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise _setting_error(error, type(self)) from None

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        kinds = set(_kinds(cls.model_fields[str(info.field_name)].annotation))
        values = value if isinstance(value, list | tuple) else [value]
        if kinds & {int, float} and any(isinstance(one, bool) for one in values):
            raise PydanticCustomError("int_type" if int in kinds else "float_type", "true is no number")
        return value

    def changed(self, **settings: Any) -> Self:
        """A copy with some settings replaced, checked again; what nobody chose stays unchosen."""
        chosen = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**{**chosen, **settings})


def _kinds(annotation: Any) -> Iterator[type]:
    """The types that a field's annotation is made of."""
    parts = get_args(annotation)
    if not parts and isinstance(annotation, type):
        yield annotation
    for part in parts:
        yield from _kinds(part)


MESSAGES = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "finite_number": "must be a number that is finite",
    "int_from_float": "must be a whole number",
    **dict.fromkeys(("int_parsing", "int_type"), "must be a whole number"),
    **dict.fromkeys(("float_parsing", "float_type"), "must be a number"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "must be true or false"),
    "string_type": "must be text in quotes",
    "tuple_type": "must be a list",
}


def _setting_error(error: ValidationError, model: type[BaseModel]) -> SettingError:
    first = error.errors()[0]
    if first["type"] == "value_error":
        cause = first["ctx"]["error"]
        return cause if isinstance(cause, SettingError) else SettingError(str(cause))
    name, value = str(first["loc"][0]), first["input"]
    if first["type"] == "extra_forbidden":
        near = did_you_mean(name, model.model_fields)
        return SettingError(f"there is no such setting.{near}", setting=name, value=value)
    limits = {
        key: int(limit) if isinstance(limit, float) and limit.is_integer() else limit
        for key, limit in first.get("ctx", {}).items()
    }
    text = MESSAGES.get(first["type"], first["msg"]).format(**limits)
    about = model.model_fields[name].description
    if about and first["type"] != "literal_error":
        text += f" ({about})"
    near = did_you_mean(value, re.findall(r"'([^']+)'", text)) if isinstance(value, str) else ""
    return SettingError(f"{text}.{near}", setting=name, value=value)
