"""What a function of a history answers: prices, quantiles or samples; kept, so that it is asked once."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from gatecast._typing import Floats
from gatecast.data.columnar import parquet_table
from gatecast.distributions import FINE_LEVELS
from gatecast.errors import SettingError
from gatecast.files import new_file
from gatecast.forecasts import level_of
from gatecast.formatting import printable
from gatecast.language import say
from gatecast.problem.moves import LOG_RETURN, Move

LEVEL = re.compile(r"(?:q|p|quantile_?)?(\d+(?:[._]\d+)?)", re.IGNORECASE)
FEWEST_SAMPLES = 20


@dataclass(frozen=True)
class Answer:
    """Prices (h, L) at L levels; a point, (h, 1), has no levels."""

    levels: tuple[float, ...]
    prices: Floats


def answer_of(answer: Any, horizon: int, move: Move = LOG_RETURN) -> Answer:
    """An answer in the one form that is kept.

    Raises
    ------
    SettingError
        It is neither h prices, nor quantiles of them, nor samples; or a price has no such move.
    """
    if isinstance(answer, pd.DataFrame):
        answer = {name: answer[name].to_numpy() for name in answer.columns}
    if isinstance(answer, Mapping):
        levels = sorted((_level(name), name) for name in answer)
        values = np.stack([_numbers(answer[name]).reshape(-1) for _, name in levels], axis=-1)
        if len(levels) < 2:
            raise SettingError(
                say("a distribution needs at least two quantiles, not {count}", count=len(levels))
            )
        found = Answer(tuple(level for level, _ in levels), np.sort(values, axis=-1))
    else:
        values = _numbers(answer)
        if values.ndim == 2 and len(values) >= FEWEST_SAMPLES:
            found = Answer(tuple(FINE_LEVELS), np.quantile(values, FINE_LEVELS, axis=0).T)
        else:
            found = Answer((), values.reshape(-1, 1) if values.ndim < 2 else values)
    wanted = (horizon, max(len(found.levels), 1))
    if found.prices.shape != wanted:
        raise SettingError(
            say(
                "returned {shape}. Return {horizon} prices; or quantiles, level → {horizon} "
                "prices; or samples, ({fewest_samples} or more, {horizon})",
                shape=np.shape(values),
                horizon=horizon,
                fewest_samples=FEWEST_SAMPLES,
            )
        )
    # Not by NumPy: a forecast is a few numbers, and after a long call its functions take five times as long.
    for place, price in enumerate(found.prices.ravel().tolist()):
        if not move.above < price < math.inf:
            raise SettingError(
                say(
                    "step {place} is {price:g}, not a {wanted}. Forecasts are prices, not returns",
                    place=place // wanted[1] + 1,
                    price=price,
                    wanted=say(move.price),
                )
            )
    return found


class Answers:
    """Answers by their key, in memory and, with a file, on disk.

    Parameters
    ----------
    file
        Parquet; read if it is there, written by `write`.
    """

    def __init__(self, file: str | Path | None = None) -> None:
        self.file = None if file is None else Path(file)
        self.known = {} if self.file is None or not self.file.is_file() else _read(self.file)
        self.written = len(self.known)

    def __contains__(self, key: str) -> bool:
        return key in self.known

    def __getitem__(self, key: str) -> Answer:
        return self.known[key]

    def add(self, key: str, answer: Answer) -> None:
        """Keep an answer."""
        self.known[key] = answer

    def write(self) -> None:
        """Write the file anew where answers were added; it is always whole."""
        if self.file is not None and len(self.known) > self.written:
            with new_file(self.file, (".parquet",)) as partial:
                self.frame.to_parquet(partial, index=False)
            self.written = len(self.known)

    @property
    def frame(self) -> pd.DataFrame:
        """One row per key, step and level (NaN: a point): the price."""
        answers = list(self.known.values())
        shapes = np.array([answer.prices.shape for answer in answers], dtype=int).reshape(-1, 2)
        parts: dict[str, list[Floats]] = {
            "step": [np.repeat(np.arange(1, steps + 1), levels) for steps, levels in shapes],
            "level": [np.tile(one.levels or (np.nan,), len(one.prices)) for one in answers],
            "price": [answer.prices.ravel() for answer in answers],
        }
        columns = {name: np.concatenate([*values, np.empty(0)]) for name, values in parts.items()}
        return pd.DataFrame({"key": np.repeat(list(self.known), shapes.prod(axis=1)), **columns})


def _read(file: Path) -> dict[str, Answer]:
    """The answers in a file that `Answers.write` wrote."""
    _, frame = parquet_table(file.read_bytes(), str(file))
    numbers = ("step", "level", "price")
    if list(frame.columns) != ["key", *numbers] or not all(is_numeric_dtype(frame[name]) for name in numbers):
        raise SettingError(
            say("{file}: no file of answers (key, step, level, price). Give it another name", file=file)
        )
    found = {}
    for key, rows in frame.groupby("key", sort=False):
        steps = int(rows["step"].max())
        if len(rows) % steps or not np.isfinite(rows["price"]).all():
            raise SettingError(
                say(
                    "{file}: the answers of {key}… are not whole. Delete the file",
                    file=file,
                    key=str(key)[:12],
                )
            )
        levels = tuple(rows["level"].to_numpy()[: len(rows) // steps].tolist())
        prices = rows["price"].to_numpy(dtype=np.float64).reshape(steps, -1)
        found[str(key)] = Answer(() if np.isnan(levels[0]) else levels, prices)
    return found


def _level(name: object) -> float:
    """0.1 of 0.1, "0.1", "q10", "p10" or "q0.1"."""
    match = LEVEL.fullmatch(str(name).strip())
    level = level_of(match[1]) if match else np.nan
    if not 0 < level < 1:
        raise SettingError(say('"{name}" is no level; write 0.1 or "q10"', name=printable(name, 40)))
    return level


def _numbers(values: Any) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise SettingError(say("returned {name}, not numbers", name=type(values).__name__)) from None
