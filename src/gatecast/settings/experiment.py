"""Experiment: everything that is asked of a comparison; Provenance: what was found when it was made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

from pydantic import BeforeValidator, Field, model_validator

from gatecast.errors import SettingError
from gatecast.language import marked, say
from gatecast.settings.base import ELSEWHERE, Checked, Date, check_seeds
from gatecast.settings.names import (
    BASELINES,
    DEFAULT_MODELS,
    NETWORKS,
    POINT_RIVALS,
    SEASONAL_NAIVE,
    WITH_DISTRIBUTION,
    named_network,
)
from gatecast.settings.network import Network
from gatecast.settings.reading import Reading, check_date
from gatecast.settings.training import LOSSES, Training

Target = Literal["return", "difference", "close"]
Scaler = Literal["standard", "minmax", "none"]
CalibrationMethod = Literal["none", "conformal", "adaptive"]
Anchor = Literal["last", "season"]
TESTS = ("test_start", "test_rows", "split_column")  # what may say what the test is, beside test_size
LONGEST_SEASON = 100_000  # bars


# What a calendar says of any bar, however far ahead: names that `future` takes beside those of columns.
KNOWN_INPUTS = (
    "weekday", "month", "days_to_month_end", "days_to_third_friday",
    "sessions_since_holiday", "sessions_until_holiday",
)  # fmt: skip
TIME_OF_DAY = "time_of_day"  # the same, of bars within days
SEASON_CHANGE = "season_change"  # what `future` takes too: what past seasons say of the bars ahead


def _columns(value: object) -> object:
    """Several columns where one is given."""
    return (value,) if isinstance(value, str) else value


def _season(value: object) -> object:
    """ "auto", or the numbers of one or several seasons, as the command line and files write them."""
    parts = value.split(",") if isinstance(value, str) else value
    parts = list(parts) if isinstance(parts, list | tuple) else [parts]
    words = [part.strip() if isinstance(part, str) else part for part in parts]
    if words == ["auto"]:
        return "auto"
    numbers = [int(word) if isinstance(word, str) and word.isdecimal() else word for word in words]
    fine = [isinstance(number, Integral) and 0 < int(number) <= LONGEST_SEASON for number in numbers]
    if not all(fine) or not numbers or len(set(numbers)) < len(numbers):
        raise SettingError(
            say('must be "auto", a number of bars (1: none), or several, each once (24,168)'),
            setting="season",
            value=value,
        )
    return tuple(int(number) for number in numbers if isinstance(number, Integral))


if TYPE_CHECKING:
    Columns = str | Sequence[str]
    Season = Literal["auto"] | int | Sequence[int]
else:
    Columns = Annotated[tuple[str, ...], BeforeValidator(_columns)]
    Season = Annotated[Literal["auto"] | tuple[int, ...], BeforeValidator(_season)]


class ForecastSettings(TypedDict, total=False):
    """What `gatecast.Forecaster` takes by name: fields of `Experiment`, with its defaults."""

    column: str
    target: Target
    season: Season
    anchor: Anchor
    horizon: int
    lookback: int
    across_sessions: bool
    past: Columns
    future: Columns
    static: Columns
    market: bool
    replace_features: bool
    scaler: Scaler
    validation_size: float
    refit: bool
    calibration: CalibrationMethod
    pooled: bool
    seeds: int
    seed: int


class Settings(ForecastSettings, total=False):
    """What `gatecast.compare` takes by name."""

    folds: int
    test_size: float
    test_start: str | None
    test_rows: int | None
    split_column: str | None
    window: Literal["expanding", "sliding"]


class Experiment(Reading):
    """Everything that is asked of a comparison: what is read and how, forecast, trained and tested.

    networks: the settings of each model that is a network; models: all names, in the order of the tables;
    trainings: of the networks that are not trained as all others, by `training`; foreign: models of the
    user's own, and "module:object" where each can be found again, else what it is; means: combinations → of
    which models.
    """

    source: tuple[str, ...] = ()
    models: tuple[str, ...] = Field(
        default=(*POINT_RIVALS, *DEFAULT_MODELS),
        description=f"networks: {', '.join(NETWORKS)}; baselines: {', '.join(BASELINES)}; as gru,lhar,naive",
    )
    networks: dict[str, Network] = Field(
        default_factory=lambda: {name: named_network(name, Network()) for name in DEFAULT_MODELS}
    )
    training: Training = Training()
    trainings: dict[str, Training] = Field(default_factory=dict)
    foreign: dict[str, str] = Field(default_factory=dict)
    means: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    column: str = Field(default="close", description=marked("the price to forecast"))
    target: Target = Field(
        default="return",
        description=marked(
            "return: the log return, difference: of the price, which may be zero or below, or close: "
            "the scaled price"
        ),
    )
    season: Season = Field(
        default="auto",
        description=marked(
            "bars of a season; several (24,168): the first is that of the anchor; auto: as found in training"
        ),
    )
    anchor: Anchor = Field(
        default="last",
        description=marked(
            "what the target is measured from, and the benchmark: the last price, or that of the "
            "same place of the last known season"
        ),
    )
    horizon: int = Field(default=1, ge=1, le=1000, description=marked("sessions ahead"))
    lookback: int = Field(default=20, ge=1, le=10_000, description=marked("sessions in a window"))
    across_sessions: bool = Field(
        default=False,
        description=marked("windows of bars within days cross the ends of an exchange's sessions"),
    )
    past: Columns = Field(
        default=(),
        description=marked("columns of the data, known up to the origin, that networks read: vix,oil"),
    )
    future: Columns = Field(
        default=(),
        description=f"what is known in advance: columns of the data, or "
        f"{', '.join((*KNOWN_INPUTS, TIME_OF_DAY, SEASON_CHANGE))}",
    )
    static: Columns = Field(default=(), description=marked("columns that are constant per symbol, as sector"))
    market: bool = Field(
        default=False, description=marked("networks also read the mean return and volatility of all symbols")
    )
    features: str | None = Field(default=None, description=marked("module:function, prices → DataFrame"))
    replace_features: bool = Field(
        default=False, description=marked("of features alone, without the default ones")
    )
    scaler: Scaler = Field(
        default="standard", description=marked("standard, minmax or none; fitted on training rows")
    )
    folds: int = Field(
        default=5, ge=1, le=1000, description=marked("stretches of the test, each with its own training")
    )
    test_size: float = Field(
        default=0.25, gt=0, lt=1, description=marked("share of the sessions, the last ones")
    )
    test_start: Date = Field(default=None, description=marked("first session forecast; instead of test_size"))
    test_rows: int | None = Field(
        default=None,
        ge=1,
        description=marked(
            "the last rows of every symbol, whatever their dates, as the test; instead of test_size"
        ),
    )
    split_column: str | None = Field(
        default=None, description=marked("the column that says of every row whether it is train or test")
    )
    validation_size: float = Field(
        default=0.15, gt=0, lt=1, description=marked("share of the sessions before the test")
    )
    window: Literal["expanding", "sliding"] = Field(
        default="expanding", description=marked("expanding or sliding")
    )
    refit: bool = Field(default=True, description=marked("train once more on train and validation"))
    calibration: CalibrationMethod = Field(
        default="none",
        description=marked("of distributions, a point's too: none, conformal, or adaptive (also online)"),
    )
    pooled: bool = Field(default=True, description=marked("one network for all symbols; else one each"))
    seeds: int = Field(default=5, ge=1, le=1000, description=marked("networks per model and fold"))
    seed: int = Field(default=0, ge=0, lt=2**31, description=marked("the first of them"))

    @model_validator(mode="after")
    def _seeds(self) -> Experiment:
        check_seeds(self.seed, self.seeds)
        return self

    @model_validator(mode="after")
    def _test_start(self) -> Experiment:
        check_date("test_start", self.test_start)
        return self

    @model_validator(mode="after")
    def _one_test(self) -> Experiment:
        given = [name for name in TESTS if getattr(self, name) is not None]
        if len(given) > 1:
            raise SettingError(
                say(
                    "{given} and {given_2} both say what the test is; give one of them",
                    given=given[0],
                    given_2=given[1],
                ),
                setting=given[1],
                value=getattr(self, given[1]),
            )
        return self

    @model_validator(mode="after")
    def _anchored(self) -> Experiment:
        if self.anchor == "season" and self.target != "return":
            raise SettingError(
                say('is that of returns: choose target "return", or anchor "last"'),
                setting="anchor",
                value=self.anchor,
            )
        if self.target == "difference" and SEASON_CHANGE in self.future:
            raise SettingError(
                say("is of log returns; leave it out where differences are forecast"),
                setting="future",
                value=SEASON_CHANGE,
            )
        return self

    @model_validator(mode="after")
    def _distributions(self) -> Experiment:
        for name, network in self.networks.items():
            fits, loss = LOSSES[network.output], self.training_of(name).loss
            if loss not in ("auto", *fits):
                raise SettingError(
                    say(
                        'does not fit the output "{output}" of {name}; choose {value} or {fits}',
                        output=network.output,
                        name=name,
                        value=", ".join(["auto", *fits[:-1]]),
                        fits=fits[-1],
                    ),
                    setting="loss",
                    value=loss,
                )
            if network.output != "point" and self.target == "close":
                raise SettingError(
                    say(
                        "that of {name} is a distribution of the return or the difference: choose target "
                        '"return" or "difference", or output "point"',
                        name=name,
                    ),
                    setting="output",
                    value=network.output,
                )
        return self

    @classmethod
    def hint(cls, name: str) -> str:
        """Where a setting belongs that is one of the networks, or of their training."""
        own = ELSEWHERE.get(name, name)
        if own not in cls.model_fields:
            for place, settings in (("network", Network), ("training", Training)):
                if own in settings.model_fields:
                    return f" Did you mean {place}=gatecast.{settings.__name__}({own}=…)?"
        return super().hint(name)

    @property
    def reading(self) -> Reading:
        """How its prices are read."""
        return Reading(**{name: getattr(self, name) for name in Reading.model_fields})

    @property
    def seasons(self) -> tuple[int, ...]:
        """The seasons that are given, in bars; () where they are to be found."""
        return () if isinstance(self.season, str) else tuple(self.season)  # type: ignore[arg-type]

    @property
    def anchored(self) -> int:
        """The season that targets are measured from, in bars; 1: from the last price, or not found yet."""
        return self.seasons[0] if self.anchor == "season" and self.seasons else 1

    @property
    def benchmark(self) -> str:
        """The baseline that an output of zero forecasts, against which skill is measured."""
        return "naive" if self.anchor == "last" else SEASONAL_NAIVE

    @property
    def baselines(self) -> tuple[str, ...]:
        """The models that others are judged beside."""
        own = {*self.networks, *self.foreign, *self.means}
        return tuple(name for name in self.models if name not in own)

    def training_of(self, name: str) -> Training:
        """How a network is trained."""
        return self.trainings.get(name, self.training)

    @property
    def has_distributions(self) -> bool:
        """Whether some network forecasts a distribution."""
        return any(network.output != "point" for network in self.networks.values())

    @property
    def distribution_count(self) -> int:
        """How many of its own models forecast a distribution."""
        if self.calibration != "none":
            return len(self.models)
        networks = sum(network.output != "point" for network in self.networks.values())
        return networks + sum(name in WITH_DISTRIBUTION for name in self.baselines)

    @property
    def columns_read(self) -> tuple[str, ...]:
        """The columns of the data that its settings name."""
        split = () if self.split_column is None else (self.split_column,)
        return (self.column, *self.past, *self.future, *self.static, *split)

    def check_test_size(self, given: Collection[str]) -> None:
        """Raise SettingError where the given settings have a size of the test and what says what it is."""
        for name in TESTS:
            if "test_size" in given and getattr(self, name) is not None:
                raise SettingError(
                    say(
                        "{given} and {given_2} both say what the test is; give one of them",
                        given=name,
                        given_2="test_size",
                    ),
                    setting="test_size",
                    value=self.test_size,
                )


class Provenance(Checked):
    """What an experiment found: the data that were read, and the engine that computed.

    first, last: the first and the last session; engine: see `gatecast.nn.engine`.
    """

    gatecast: str
    source: tuple[str, ...]
    sha256: str
    symbols: tuple[str, ...]
    first: str
    last: str
    engine: dict[str, str] = Field(default_factory=dict)

    def asked_again(self, experiment: Experiment) -> Experiment:
        """The experiment that reads these data, and no later ones, once more."""
        found = {"source": self.source, "symbols": self.symbols, "start": self.first, "end": self.last}
        return experiment.changed(**{name: value for name, value in found.items() if value})


def forecast_settings(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a forecast, `chosen` and what follows: a distribution, unless `output` says otherwise.

    Returns and differences are forecast as a Student t, or as what the loss belongs to; a price level as a
    point with a conformal distribution around it, and so is all that only a point can have (its losses, an
    activation of the output). The default of `gatecast.Forecaster` and of `gatecast forecast`.
    """
    if "output" in chosen:
        return dict(chosen)
    own = [output for output, losses in LOSSES.items() if chosen.get("loss") in losses]
    level = chosen.get("target") == "close" or chosen.get("output_activation", "linear") != "linear"
    output = own[0] if own else "point" if level else "student_t"
    return {"calibration": "conformal", **chosen} if output == "point" else {"output": output, **chosen}
