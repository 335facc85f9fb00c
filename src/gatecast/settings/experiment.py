"""Everything that decides a result, as one TOML file."""

from __future__ import annotations

import json
import re
import tomllib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from gatecast.errors import SettingError, did_you_mean

Activation = Literal["relu", "tanh", "sigmoid", "linear"]


def _none(value: object) -> object:
    """TOML and the command line have no None: they say "none"."""
    return None if isinstance(value, str) and value.lower() == "none" else value


def _iso(value: object) -> object:
    """TOML has dates without quotes."""
    return value.isoformat() if isinstance(value, date) else value


Date = Annotated[str | None, BeforeValidator(_iso)]


def _kinds(annotation: Any) -> Iterator[type]:
    """The types that a field's annotation is made of."""
    parts = get_args(annotation)
    if not parts and isinstance(annotation, type):
        yield annotation
    for part in parts:
        yield from _kinds(part)


class _Settings(BaseModel):
    """A frozen set of settings; a wrong one is a SettingError that names the field and the remedy."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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

    def changed(self, **settings: Any) -> Any:
        """A copy with some settings replaced, checked again; what nobody chose stays unchosen."""
        chosen = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**{**chosen, **settings})


Settings = TypeVar("Settings", bound=_Settings)


class Network(_Settings):
    """A recurrent network: cell, layers, head. Names and defaults are PyTorch's where it has them.

    A window (B, T, F) goes through `num_layers` recurrent layers (both ways if `bidirectional`); the head
    takes the last state of each direction ("last") or all T states ("flatten"), applies
    `state_activation`, the hidden layers `mlp` with `activation` after each, a linear layer to the h steps
    and `output_activation`.

    output: "point"; "student_t" (location, scale and degrees of freedom of the log return) or "quantiles"
    (17 of them, never crossing), both anchored at naive and the EWMA volatility (gatecast.nn.outputs).
    dropout: probability, between recurrent layers, as in torch.nn.LSTM.
    reset_after: GRU in the form of PyTorch and cuDNN (True) or of Cho et al. 2014 (False).
    init: weights as PyTorch (uniform ± 1/sqrt(hidden_size), two biases per layer), Keras (Glorot uniform
    inputs, orthogonal recurrence, LSTM forget bias 1) or "glorot" (both Glorot uniform); biases are zero
    and single in the last two.
    """

    cell: Literal["rnn", "lstm", "gru"] = Field("lstm", description="rnn, lstm or gru")
    hidden_size: int = Field(32, ge=1, le=4096, description="units per layer and direction")
    num_layers: int = Field(1, ge=1, le=16, description="recurrent layers")
    bidirectional: bool = Field(False, description="also run backwards over the window")
    dropout: float = Field(0.0, ge=0.0, lt=1.0, description="probability, between recurrent layers")
    head: Literal["last", "flatten"] = Field("last", description="read the last state, or flatten all")
    mlp: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        (), description="sizes of hidden layers after the state, as 64,32"
    )
    activation: Activation = Field("relu", description="after each hidden layer")
    state_activation: Activation = Field("linear", description="on the state, before the hidden layers")
    output_activation: Activation = Field("linear", description="on the output")
    reset_after: bool = Field(True, description="GRU in PyTorch's form; else the textbook's")
    init: Literal["pytorch", "keras", "glorot"] = Field("pytorch", description="pytorch, keras or glorot")
    output: Literal["point", "student_t", "quantiles"] = Field(
        "point", description="what is forecast: point, or a range: student_t or quantiles"
    )

    @model_validator(mode="after")
    def _dropout_acts(self) -> Network:
        if self.dropout > 0 and self.num_layers == 1:
            raise ValueError("dropout acts between layers: give num_layers=2 or more, or dropout=0")
        if self.output != "point" and self.output_activation != "linear":
            raise ValueError(f'output "{self.output}" needs output_activation "linear"')
        return self

    @property
    def tag(self) -> int:
        """A number that stands for these settings in random keys; the same in every process."""
        return zlib.crc32(json.dumps(self.model_dump(), sort_keys=True).encode())


class Training(_Settings):
    """How a network is trained. None for batch_size: all rows; for patience or clip_norm: off.

    loss: "auto" is the mean squared error of the scaled targets for points, the negative log likelihood
    ("nll") for student_t, which also takes "crps", and the pinball loss for quantiles. weight_decay: L2 in
    "adam" and "sgd" (as in PyTorch), decoupled in "adamw".
    """

    epochs: int = Field(100, ge=1, le=1_000_000, description="passes over the training origins, at most")
    batch_size: Annotated[int | None, Field(ge=1), BeforeValidator(_none)] = Field(
        64, description="origins per step; none: all"
    )
    shuffle: bool = Field(True, description="shuffle the training origins in every epoch")
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = Field(
        "adam", description="adam, adamw, sgd or rmsprop"
    )
    learning_rate: float = Field(1e-3, gt=0, description="step size of the optimizer")
    weight_decay: float = Field(0.0, ge=0, description="L2; decoupled in adamw")
    loss: Literal["auto", "mse", "mae", "huber", "nll", "crps", "pinball"] = Field(
        "auto", description="mse, mae, huber for points; nll, crps for student_t; pinball for quantiles"
    )
    patience: Annotated[int | None, Field(ge=1), BeforeValidator(_none)] = Field(
        10, description="epochs without a better validation loss before stopping; none: off"
    )
    clip_norm: Annotated[float | None, Field(gt=0), BeforeValidator(_none)] = Field(
        1.0, description="largest norm of a gradient; none: off"
    )


NETWORKS: dict[str, dict[str, Any]] = {
    "rnn": {"cell": "rnn"},
    "lstm": {"cell": "lstm"},
    "gru": {"cell": "gru"},
    "birnn": {"cell": "rnn", "bidirectional": True},
    "bilstm": {"cell": "lstm", "bidirectional": True},
    "bigru": {"cell": "gru", "bidirectional": True},
}
LOSSES = {"point": ("mse", "mae", "huber"), "student_t": ("nll", "crps"), "quantiles": ("pinball",)}
RANGE_BASELINES = ("historical", "ewma-t", "garch-t", "gjr-garch-t", "har", "lhar")
BASELINES = ("naive", "drift", "ewma", "ar", "seasonal-naive", "last-close", *RANGE_BASELINES)
ALWAYS = ("naive", "drift", "ewma", "ar")  # the rivals when a list of models names none
ALWAYS_RANGE = (
    "naive",
    "historical",
    "ewma-t",
    "gjr-garch-t",
    "lhar",
)  # the same where a network forecasts ranges

DEFAULT_MODELS = ("rnn", "lstm", "gru", "bilstm")
DEFAULT_NETWORK = Network(hidden_size=16)
DEFAULT_TRAINING = Training(epochs=50, batch_size=128, patience=5, learning_rate=2e-3)


class Experiment(_Settings):
    """Every argument of `compare`, and the data it was made for.

    networks: the settings of each model that is a network; models: all names, in the order of the tables.
    """

    source: tuple[str, ...] = ()
    sha256: str | None = None
    symbols: tuple[str, ...] | None = Field(None, description="of a table with many symbols, these only")
    start: Date = Field(None, description="first date to read, YYYY-MM-DD")
    end: Date = Field(None, description="last date to read")
    adjust: bool = Field(False, description="scale prices by adj_close / close")
    calendar: str | None = Field(None, description="exchange calendar (XNYS, XKRX, …) or daily")
    models: tuple[str, ...] = Field(
        (*ALWAYS, *DEFAULT_MODELS), description="networks and baselines, as gru,lstm,lhar,naive"
    )
    networks: dict[str, Network] = Field(
        default_factory=lambda: {name: _named(name, DEFAULT_NETWORK) for name in DEFAULT_MODELS}
    )
    training: Training = DEFAULT_TRAINING
    column: str = Field("close", description="the price to forecast")
    target: Literal["return", "close"] = Field("return", description="return, or close: the scaled price")
    horizon: int = Field(1, ge=1, le=1000, description="sessions ahead")
    lookback: int = Field(20, ge=1, le=10_000, description="sessions in a window")
    features: str | None = Field(None, description="module:function, prices → DataFrame")
    scaler: Literal["standard", "minmax", "none"] = Field(
        "standard", description="standard, minmax or none; fitted on training rows"
    )
    folds: int = Field(5, ge=1, le=1000, description="stretches of the test, each with its own training")
    test_size: float = Field(0.25, gt=0, lt=1, description="share of the sessions, the last ones")
    test_start: Date = Field(None, description="first session forecast; instead of test_size")
    validation_size: float = Field(0.15, gt=0, lt=1, description="share of the sessions before the test")
    window: Literal["expanding", "sliding"] = Field("expanding", description="expanding or sliding")
    refit: bool = Field(True, description="train once more on train and validation")
    calibration: Literal["none", "conformal", "adaptive"] = Field(
        "none", description="of ranges, a point's too: none, conformal, or adaptive (also online)"
    )
    pooled: bool = Field(True, description="one network for all symbols; else one each")
    seeds: int = Field(5, ge=1, le=1000, description="networks per model and fold")
    seed: int = Field(0, ge=0, lt=2**31, description="the first of them")

    @model_validator(mode="after")
    def _dates(self) -> Experiment:
        for name in ("start", "end", "test_start"):
            value = getattr(self, name)
            if value is not None and not _is_date(value):
                raise ValueError(f'{name} "{value}" is not a date; write YYYY-MM-DD')
        return self

    @model_validator(mode="after")
    def _ranges(self) -> Experiment:
        for name, network in self.networks.items():
            fits = LOSSES[network.output]
            if self.training.loss not in ("auto", *fits):
                raise SettingError(
                    f'does not fit the output "{network.output}" of {name}; choose '
                    f"{', '.join(['auto', *fits[:-1]])} or {fits[-1]}",
                    setting="loss",
                    value=self.training.loss,
                )
            if network.output != "point" and self.target != "return":
                raise SettingError(
                    f'that of {name} is a distribution of the return: choose target "return", '
                    'or output "point"',
                    setting="output",
                    value=network.output,
                )
        return self

    @property
    def baselines(self) -> tuple[str, ...]:
        """The models that are no networks."""
        return tuple(name for name in self.models if name not in self.networks)

    @property
    def ranged(self) -> bool:
        """Whether some network forecasts a distribution."""
        return any(network.output != "point" for network in self.networks.values())

    def to_toml(self, engine: Mapping[str, str] | None = None) -> str:
        """This experiment as TOML; `read_experiment` gives it back, and `read_engine` the engine."""
        import tomli_w

        from gatecast._version import __version__

        settings = self.model_dump(mode="json", exclude_none=True, exclude={"training", "networks"})
        tables = {
            "training": _explicit_none(self.training),
            "networks": {name: _explicit_none(network) for name, network in self.networks.items()},
        }
        made_with = {"engine": dict(engine)} if engine else {}
        return tomli_w.dumps({"gatecast": __version__, **settings, **tables, **made_with})


def resolve_models(
    models: Sequence[str | Mapping[str, Network]] | Mapping[str, Network],
    network: Network | None,
    column: str = "close",
) -> tuple[tuple[str, ...], dict[str, Network]]:
    """The names of all models (baselines first) and the settings of those that are networks.

    A name of NETWORKS is `network` (its cell and direction replaced), a name of BASELINES a baseline, a
    mapping {name: Network} a network of the user's. Naive is always there; a list without any baseline
    gets naive, drift, ewma and ar; one whose networks forecast ranges, without a baseline that does, gets
    historical, ewma-t, gjr-garch-t and lhar; another column than close gets the last close.

    Raises
        SettingError: an unknown name, a name twice, or an empty list.
    """
    named: list[str] = []
    networks: dict[str, Network] = {}
    for model in [models] if isinstance(models, (str, Mapping)) else models:
        for name, settings in _entries(model, network or DEFAULT_NETWORK):
            if name in named:
                raise SettingError(f'model "{name}" is listed twice; leave one out, or give it another name')
            named.append(name)
            if settings is not None:
                networks[name] = settings
    if not named:
        raise SettingError(f"models is empty; choose from {', '.join([*NETWORKS, *BASELINES])}")
    rivals = [name for name in named if name not in networks]
    ranged = any(settings.output != "point" for settings in networks.values())
    if not rivals:
        rivals = [*(ALWAYS_RANGE if ranged else ALWAYS)] + (["last-close"] if column != "close" else [])
    if ranged and not set(rivals) & set(RANGE_BASELINES):
        rivals += ALWAYS_RANGE[1:]
    if "naive" not in rivals:
        rivals = ["naive", *rivals]
    return (*rivals, *networks), networks


def forecast_settings(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a forecast, `chosen` and what follows: a distribution, unless `output` says otherwise.

    Returns are forecast as a Student t, or as what the loss is one of; a price level as a point with a
    conformal distribution around it, and so is all that only a point can have (its losses, an activation of
    the output). The default of `gatecast.Forecaster` and of `gatecast forecast`.
    """
    if "output" in chosen:
        return dict(chosen)
    own = [output for output, losses in LOSSES.items() if chosen.get("loss") in losses]
    level = chosen.get("target") == "close" or chosen.get("output_activation", "linear") != "linear"
    output = own[0] if own else "point" if level else "student_t"
    return {"calibration": "conformal", **chosen} if output == "point" else {"output": output, **chosen}


def read_experiment(path: str | Path) -> Experiment:
    """Read an experiment file; what it leaves out is as in `gatecast compare`.

    Raises
        SettingError: no such file, not TOML, or a setting that is wrong; names the file and the setting.
    """
    settings = _read_toml(path)
    settings.pop("gatecast", None)
    settings.pop("engine", None)
    try:
        tables = {
            name: _table(_named(name, DEFAULT_NETWORK), fields, f"networks.{name}")
            for name, fields in _mapping(settings.pop("networks", {}), "networks").items()
        }
        training = _table(DEFAULT_TRAINING, settings.pop("training", {}), "training")
        names = settings.pop("models", list(tables) or list(DEFAULT_MODELS))
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SettingError("must be a list of names", setting="models", value=names)
        wanted = [{name: tables[name]} if name in tables else name for name in names]
        column = settings.get("column", "close")
        settings["models"], settings["networks"] = resolve_models(wanted, None, column)
        return Experiment(**settings, training=training)
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from None


def read_engine(path: str | Path) -> dict[str, str]:
    """The engine that made the run of an experiment file; `gatecast.nn.engine`; {} where none is said.

    Raises
        SettingError: no such file, or not TOML.
    """
    engine = _read_toml(path).get("engine", {})
    return {name: str(value) for name, value in engine.items()} if isinstance(engine, dict) else {}


def _read_toml(path: str | Path) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(
            f"{path}: cannot be read ({error.strerror}). Give the experiment.toml of a run"
        ) from None
    # not TOML, not UTF-8, a number of 5,000 digits, 2,000 brackets
    except (ValueError, RecursionError) as error:
        raise SettingError(f"{path}: not a TOML file ({error})") from None


def _table(defaults: Settings, fields: object, name: str) -> Settings:
    """The settings of one table of an experiment file, on top of `defaults`; errors name the table."""
    known = _mapping(fields, name)
    try:
        table: Settings = defaults.changed(**known)
        return table
    except SettingError as error:
        if error.setting is None:
            raise SettingError(f"{name}: {error}") from None
        raise SettingError(error.what, setting=f"{name}.{error.setting}", value=error.value) from None


def _mapping(fields: object, name: str) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise SettingError(f"must be a table, [{name}]", setting=name, value=fields)
    return fields


def _entries(model: str | Mapping[str, Network], network: Network) -> list[tuple[str, Network | None]]:
    if isinstance(model, Mapping):
        for name, settings in model.items():
            if not re.fullmatch(r"[A-Za-z0-9][\w.+ -]{0,60}", name) or name in BASELINES:
                raise SettingError(f'"{name}" cannot name a network; use letters, digits, - and _')
            if not isinstance(settings, Network):
                raise SettingError(f'model "{name}" must be a Network, not {type(settings).__name__}')
        return list(model.items())
    if model in NETWORKS:
        return [(model, _named(model, network))]
    if model in BASELINES:
        return [(model, None)]
    known = [*NETWORKS, *BASELINES]
    raise SettingError(f'unknown model "{model}".{did_you_mean(str(model), known)} Known: {", ".join(known)}')


def _named(name: str, network: Network) -> Network:
    """`network` with the cell and direction of a known name."""
    known = {"bidirectional": False, **NETWORKS[name]} if name in NETWORKS else {}
    settings: Network = network.changed(**known)
    return settings


def _explicit_none(settings: _Settings) -> dict[str, Any]:
    return {
        name: "none" if value is None else value for name, value in settings.model_dump(mode="json").items()
    }


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


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
