"""What all settings share: they are frozen, checked, and say in plain words what is wrong."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from numbers import Integral, Real
from typing import TYPE_CHECKING, Annotated, Any, Self, get_args, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from gatecast.errors import SettingError, did_you_mean
from gatecast.language import say


def none_of(value: object) -> object:
    """TOML and the command line have no None: they say "none"."""
    return None if isinstance(value, str) and value.lower() == "none" else value


def _iso(value: object) -> object:
    """TOML has dates without quotes; a datetime at midnight is a date."""
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    return value.isoformat() if isinstance(value, date) else value


Date = Annotated[str | None, BeforeValidator(_iso)]

# What PyTorch, Keras, scikit-learn, darts and neuralforecast call a setting.
ELSEWHERE = {
    **dict.fromkeys(("units", "hidden_dim", "hidden", "num_units", "n_hidden"), "hidden_size"),
    **dict.fromkeys(("lr", "eta", "learning_rate_init"), "learning_rate"),
    **dict.fromkeys(("dropout_rate", "dropout_prob"), "dropout"),
    **dict.fromkeys(("layers", "n_layers", "n_rnn_layers", "encoder_n_layers"), "num_layers"),
    **dict.fromkeys(("n_epochs", "num_epochs", "max_epochs", "max_steps", "max_iter"), "epochs"),
    **dict.fromkeys(("bs", "batch"), "batch_size"),
    **dict.fromkeys(("early_stopping", "early_stop_patience_steps", "n_iter_no_change"), "patience"),
    **dict.fromkeys(("clip_grad_norm", "clipnorm", "gradient_clip_val", "max_norm"), "clip_norm"),
    **dict.fromkeys(
        ("seq_len", "seq_length", "sequence_length", "window_size", "time_steps", "timesteps", "n_steps",
         "input_size", "input_chunk_length", "look_back"), "lookback"
    ),
    **dict.fromkeys(("h", "steps", "output_chunk_length", "forecast_horizon", "pred_len"), "horizon"),
    **dict.fromkeys(("n_splits", "n_windows"), "folds"),
    **dict.fromkeys(("validation_split", "validation_fraction", "val_size"), "validation_size"),
    **dict.fromkeys(("random_state", "random_seed"), "seed"),
    **dict.fromkeys(("n_seeds", "repeats"), "seeds"),
    **dict.fromkeys(("criterion", "loss_fn", "objective"), "loss"),
    **dict.fromkeys(("rnn_type", "cell_type"), "cell"),
    **dict.fromkeys(("past_covariates", "hist_exog_list"), "past"),
    **dict.fromkeys(("future_covariates", "futr_exog_list"), "future"),
    **dict.fromkeys(("static_covariates", "stat_exog_list"), "static"),
}  # fmt: skip


def documented(
    text: str | None, heading: str, fields: Mapping[str, FieldInfo], defaults: Mapping[str, object]
) -> str:
    """A docstring with a section, in NumPy's form, on each setting; `defaults` are those that differ."""
    annotations = {"__annotations__": {name: field.annotation for name, field in fields.items()}}
    types = get_type_hints(type("settings", (), annotations))  # without the limits that pydantic reads
    lines = []
    for name, field in fields.items():
        if field.description:
            default = defaults.get(name, field.get_default(call_default_factory=True))
            lines.append(f"{name} : {inspect.formatannotation(types[name])}, default {default!r}")
            lines.append(f"    {field.description}")
    whole = [inspect.cleandoc(text or ""), "", heading, "-" * len(heading), *lines]
    return "\n".join(whole) if lines else whole[0]


class Checked(BaseModel):
    """A frozen set of settings; a wrong one is a SettingError that names the field and the remedy."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """What its settings are stands at the end of its docstring."""
        cls.__doc__ = documented(cls.__doc__, "Parameters", cls.model_fields, {})

    if not TYPE_CHECKING:  # checkers see the fields

        def __init__(self, *values: Any, **settings: Any) -> None:
            if values:
                fields = zip(type(self).model_fields, values, strict=False)
                by_name = ", ".join(f"{name}={value!r}" for name, value in fields)
                raise SettingError(
                    say(
                        "settings are given by their names: {name}({by_name})",
                        name=type(self).__name__,
                        by_name=by_name,
                    )
                )
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

    @classmethod
    def hint(cls, name: str) -> str:
        """' Did you mean "hidden_size"?' for a setting that there is not, or ''."""
        if ELSEWHERE.get(name) in cls.model_fields:
            return f' Did you mean "{ELSEWHERE[name]}"?'
        return did_you_mean(name, cls.model_fields)

    @classmethod
    def instance(cls, name: str, value: object) -> Self:
        """`value`, the argument `name` of a function, which must be one of these."""
        if isinstance(value, cls):
            return value
        raise SettingError(say("must be a gatecast.{kind}(…)", kind=cls.__name__), setting=name, value=value)

    def changed(self, **settings: Any) -> Self:
        """A copy with some settings replaced, checked again; what nobody chose stays unchosen."""
        chosen = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**{**chosen, **settings})


def check_whole(least: int, **arguments: object) -> None:
    """Raise SettingError for an argument of a function that is no whole number of at least `least`."""
    for name, value in arguments.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise SettingError(
                say("must be a whole number of at least {least}", least=least), setting=name, value=value
            )


def check_seeds(seed: int, seeds: int) -> None:
    """Raise SettingError where the last of `seeds` from `seed` on is beyond the limit."""
    if seed > 2**31 - seeds:
        raise SettingError(
            say("the seeds of all networks must lie between 0 and 2**31 - 1"), setting="seed", value=seed
        )


def check_number(**arguments: object) -> None:
    """Raise SettingError for an argument of a function that is no finite number."""
    for name, value in arguments.items():
        if not isinstance(value, Real) or isinstance(value, bool) or not math.isfinite(value):
            raise SettingError(say("must be a number that is finite"), setting=name, value=value)


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


def _setting_error(error: ValidationError, model: type[Checked]) -> SettingError:
    first = error.errors()[0]
    if first["type"] == "value_error":
        cause = first["ctx"]["error"]
        return cause if isinstance(cause, SettingError) else SettingError(str(cause))
    name, value = str(first["loc"][0]), first["input"]
    if first["type"] == "extra_forbidden":
        return SettingError(
            say("there is no such setting.{hint}", hint=model.hint(name)), setting=name, value=value
        )
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
