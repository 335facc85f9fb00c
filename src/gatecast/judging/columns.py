"""What the columns of a table of forecasts mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gatecast.data.names import DATE_NAMES, STANDARD, SYMBOL_NAMES, normal_name
from gatecast.forecasts import PARAMETERS, SCALES, level_of

TIMES = ("time", "target_date", "target_time", "valid_time", "timestamps", *DATE_NAMES)
SYMBOLS = (*SYMBOL_NAMES, "item_id", "series_id", "series")
ORIGINS = (
    "origin", "cutoff", "forecast_origin", "origin_date", "origin_time", "as_of", "asof", "issued",
    "issue_date", "made_at", "forecast_date", "last_date",
)  # fmt: skip
STEPS = ("step", "steps_ahead", "h", "lead")
MODELS = ("model", "model_name", "method")
SAMPLES = ("sample", "sample_id", "draw", "path")
ACTUALS = ("actual", "y", "y_true", "observed")
FORECASTS = (
    "forecast", "yhat", "y_hat", "y_pred", "prediction", "predictions", "predicted", "pred", "mean", "point",
    "samples", "forecast_price", "predicted_close", "predicted_price",
)  # fmt: skip
OTHERS = {"fold", "seed", "crps", "log_score", "pit", "index", "amount", *STANDARD, *ACTUALS}

BOUND = re.compile(
    r"(?P<base>.*?)(?:^|[-_ ])(?P<side>lo|hi|low|high|lower|upper)[-_ ](?P<coverage>\d+(?:\.\d+)?)"
)
LEVEL = re.compile(
    r"(?P<base>.*?)(?:(?:^|[-_ ])(?:ql?|p|quantile)[-_ ]?(?P<level>\d+(?:[._]\d+)?)|^(?P<bare>0?\.\d+))"
)
MEDIAN = re.compile(r"(?P<base>.*?)(?:^|[-_ ])median")


@dataclass
class Own:
    """The columns of one model: its point forecast, level → quantile, and parameters of a Student t."""

    point: str | None = None
    quantiles: dict[float, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Columns:
    """Role → column of the table; None where there is none.

    unread: columns that hold no numbers; models: "" is the one that no column names.
    """

    time: str | None
    symbol: str | None
    origin: str | None
    step: str | None
    model: str | None
    sample: str | None
    actual: str | None
    unread: tuple[str, ...]
    scales: dict[str, str]
    models: dict[str, Own]


def columns_of(names: Sequence[str], numeric: Sequence[str], column: str) -> Columns:
    """What the columns mean.

    Parameters
    ----------
    names, numeric
        All columns, and those that hold numbers or lists of them.
    column
        The price that is forecast: where no other column holds forecasts, that of its name does.
    """
    by_name = {normal_name(name): name for name in reversed(names)}

    def first(known: Sequence[str]) -> str | None:
        return next((by_name[name] for name in known if name in by_name), None)

    roles = {
        "time": first(TIMES),
        "symbol": first(SYMBOLS),
        "origin": first(ORIGINS),
        "step": first(STEPS),
        "model": first(MODELS),
        "sample": first(SAMPLES),
    }
    used = {name for name in roles.values() if name is not None}
    models: dict[str, Own] = {}
    for name in numeric:
        if name not in used and normal_name(name) not in {*OTHERS, *SCALES, ""}:
            _add(models, name)
    if not models:
        own = first((column, *ACTUALS, "close"))
        if own in numeric:
            models[""] = Own(point=own)
    actual = first(ACTUALS)
    forecasts = {own.point for own in models.values()}
    of_text = [name for name in names if name not in numeric and name not in used]
    return Columns(
        **roles,
        unread=tuple(name for name in of_text if normal_name(name) not in {*OTHERS, ""}),
        actual=None if actual in forecasts or actual not in numeric else actual,
        scales={name: by_name[name] for name in SCALES if name in by_name},
        models=models,
    )


def _add(models: dict[str, Own], name: str) -> None:
    """Give a column to its model."""
    text, plain = name.strip(), normal_name(name)
    if plain in PARAMETERS:
        models.setdefault("", Own()).parameters[plain] = name
    elif plain in FORECASTS:
        own = models.setdefault("", Own())
        own.point = own.point or name
    elif found := BOUND.fullmatch(text):
        coverage = float(found["coverage"]) / (1 if float(found["coverage"]) < 1 else 100)
        tail = round((1 - coverage) / 2, 9)
        low = found["side"].startswith("lo")
        _model(models, found["base"]).quantiles[tail if low else round(1 - tail, 9)] = name
    elif found := MEDIAN.fullmatch(text):
        _model(models, found["base"]).quantiles[0.5] = name
    elif (found := LEVEL.fullmatch(text)) and 0 < (level := level_of(found["level"] or found["bare"])) < 1:
        _model(models, found["base"]).quantiles[level] = name
    else:
        models.setdefault(text, Own()).point = name


def _model(models: dict[str, Own], base: str) -> Own:
    base = base.strip("-_ ")
    return models.setdefault("" if normal_name(base) in FORECASTS else base, Own())
