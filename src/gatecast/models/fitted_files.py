"""Fitted networks on disk: a population, and how each fold forecasts with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from gatecast.distributions import FINE_LEVELS
from gatecast.errors import RunError
from gatecast.language import say
from gatecast.models.calibration import CalibratedFit, Calibration
from gatecast.models.ensembles import Combination
from gatecast.models.model import Fitted
from gatecast.models.networks import FittedNetwork, FoldEnsemble, ensembles_of
from gatecast.models.storage import check_array, load_network, not_a_model, save_network

NUMBERS = "fi"  # NumPy's kinds: floats and whole numbers
EARLIEST, LATEST = np.datetime64("1700-01-01"), np.datetime64("2200-01-01")


class SavedFold(BaseModel):
    """What the JSON says of one fold.

    left_out: symbols that it was not fitted on; since: the first session that it may forecast, None without a
    calibration; online: whether the calibration is adaptive.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    combination: Combination
    left_out: list[str]
    since: str | None
    online: bool


class SavedFolds(BaseModel):
    """What the JSON says of all folds, beside the network's settings."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    folds: Annotated[list[SavedFold], Field(min_length=1)]


def save_fitted(fitted: Sequence[Fitted], stem: Path) -> None:
    """Write a network's folds, as `walk_forward` returns them: `stem`.safetensors and `stem`.json."""
    ensembles = ensembles_of(fitted)
    folds: list[SavedFold] = []
    arrays: dict[str, NDArray[Any]] = {}
    for number, (one, ensemble) in enumerate(zip(fitted, ensembles, strict=True)):
        calibrated = one if isinstance(one, CalibratedFit) else None
        folds.append(
            SavedFold(
                combination=ensemble.combination,
                left_out=list(ensemble.left_out),
                since=None if calibrated is None else str(calibrated.since),
                online=calibrated is not None and calibrated.calibration.online,
            )
        )
        if calibrated is not None:
            arrays |= calibration_arrays(calibrated.calibration, f"{number}/")
    extra = SavedFolds(folds=folds).model_dump(mode="json")
    save_network(ensembles[0].population, stem, arrays=arrays, extra=extra)


def load_fitted(stem: Path) -> list[Fitted]:
    """Read what `save_fitted` wrote: the network's folds.

    Raises
    ------
    RunError
        A file is missing, was changed, or is something else; an earlier version wrote it.
    """
    population, content, arrays = load_network(stem)
    if "folds" not in content:
        raise RunError(
            say(
                "{stem}.json: written by an earlier version of gatecast, which did not note how "
                "each fold forecasts with these networks. Run the experiment again",
                stem=stem,
            )
        )
    try:
        saved = SavedFolds.model_validate(content).folds
        _check_members(population, len(saved))
        return [_fold(population, number, fold, arrays) for number, fold in enumerate(saved)]
    except (KeyError, TypeError, ValueError) as error:
        raise not_a_model(stem, error) from None


def calibration_arrays(calibration: Calibration, prefix: str = "") -> dict[str, NDArray[Any]]:
    """Name → array of a calibration, for `read_calibration`."""
    arrays = {f"{prefix}calibration": calibration.levels}
    if calibration.residuals is not None:
        arrays[f"{prefix}residuals"] = calibration.residuals
    return arrays


def read_calibration(
    arrays: Mapping[str, NDArray[Any]], population: FittedNetwork, *, online: bool, prefix: str = ""
) -> Calibration:
    """The calibration of a population's forecasts, its arrays checked.

    The working levels of an adaptive one move each by itself, and may cross.

    Raises
    ------
    KeyError, ValueError
        An array is missing, has another shape or type, or falls.
    """
    symbols, horizon = population.scales[0].y_offset.shape
    wanted = ["calibration", *(["residuals"] if population.network.output == "point" else [])]
    for name in (prefix + one for one in wanted):
        check_array(name, arrays[name], (symbols, horizon, len(FINE_LEVELS)), NUMBERS)
        may_cross = online and name.endswith("calibration")
        if not may_cross and (np.diff(arrays[name], axis=-1) < 0).any():
            raise ValueError(f"{name} falls")
    residuals = arrays[f"{prefix}residuals"] if "residuals" in wanted else None
    return Calibration(arrays[f"{prefix}calibration"], residuals, online)


def session_of(text: str) -> np.datetime64:
    """A date, or a date and time, as the time of a bar.

    Raises
    ------
    ValueError
        No date, or one of no market's.
    """
    session = np.datetime64(text, "s" if "T" in text else "D")
    if not EARLIEST <= session <= LATEST:
        raise ValueError(f"{session} is no date of a session")
    return session


def _fold(
    population: FittedNetwork, number: int, saved: SavedFold, arrays: Mapping[str, NDArray[Any]]
) -> Fitted:
    ensemble = FoldEnsemble(population, number, saved.combination, left_out=tuple(saved.left_out))
    if population.network.output != "student_t" and saved.combination != "parameter mean":
        raise ValueError(f'fold {number} combines by "{saved.combination}" what is no Student t')
    if saved.since is None:
        return ensemble
    calibration = read_calibration(arrays, population, online=saved.online, prefix=f"{number}/")
    return CalibratedFit(ensemble, calibration, session_of(saved.since))


def _check_members(population: FittedNetwork, folds: int) -> None:
    """Raise ValueError where the networks are not each seed's in each fold, once."""
    if len(population.scales) != folds:
        raise ValueError(f"it has scales of {len(population.scales)} folds, not of {folds}")
    keys = [
        (member.scale, owner, member.seed)
        for member, owner in zip(population.members, population.owner, strict=True)
    ]
    seeds = {seed for _, _, seed in keys}
    owners = {(scale, owner) for scale, owner, _ in keys}
    if len(set(keys)) < len(keys) or len(keys) != len(seeds) * len(owners):
        raise ValueError("a seed has no network in a fold, or two")
    if {scale for scale, _ in owners} != set(range(folds)):
        raise ValueError("a fold has no network")
    if any(member.fold != member.scale for member in population.members):
        raise ValueError("a network's scale is not that of its fold")
    if len({owner is None for _, owner in owners}) > 1:
        raise ValueError("some networks are of one symbol, some of all")
