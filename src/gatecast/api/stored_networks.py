"""The networks in a run folder, read when they are asked for and held against the rest of the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gatecast.errors import RunError
from gatecast.files import sha256_of
from gatecast.forecasts import Forecasts
from gatecast.language import say
from gatecast.models.calibration import CalibratedFit
from gatecast.models.fitted_files import load_fitted
from gatecast.models.model import Fitted
from gatecast.models.networks import ensembles_of
from gatecast.settings.experiment import Experiment


class StoredNetworks(Mapping[str, Sequence[Fitted]]):
    """The networks of a run folder by the name of their model, fitted, one per fold.

    Parameters
    ----------
    files
        Name of every file of the folder → its SHA-256, as the run noted it.
    symbols
        Those of the run's prices.
    """

    def __init__(
        self,
        folder: Path,
        files: Mapping[str, Any],
        experiment: Experiment,
        outcome: Forecasts,
        symbols: tuple[str, ...],
    ) -> None:
        self._folder, self._files = folder, files
        self._experiment, self._outcome, self._symbols = experiment, outcome, symbols
        self._read: dict[str, Sequence[Fitted]] = {}

    def __getitem__(self, name: str) -> Sequence[Fitted]:
        if name not in self._experiment.networks:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = self._checked(name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._experiment.networks)

    def __len__(self) -> int:
        return len(self._experiment.networks)

    def __repr__(self) -> str:
        return f"StoredNetworks({self._folder})"

    def _checked(self, name: str) -> Sequence[Fitted]:
        """The networks of one model.

        Raises
        ------
        RunError
            A file is missing, was changed, or does not belong to the run.
        """
        for file in (f"models/{name}.json", f"models/{name}.safetensors"):
            path = self._folder / file
            if not path.is_file() or sha256_of(path) != self._files.get(file):
                raise RunError(
                    say("{path}: missing, or changed after the run; run the experiment again", path=path)
                )
        stem = self._folder / "models" / name
        fitted = load_fitted(stem)
        try:
            _check_settings(fitted, name, self._experiment, self._symbols)
            _check_folds(fitted, self._experiment, self._outcome, self._symbols)
        except ValueError as error:
            raise RunError(
                say("{stem}: not the networks of this run ({error})", stem=stem, error=error)
            ) from None
        return fitted


def _check_settings(
    fitted: Sequence[Fitted], name: str, experiment: Experiment, symbols: tuple[str, ...]
) -> None:
    """Raise ValueError where networks are not those that the experiment asks for."""
    population = ensembles_of(fitted)[0].population
    seeds = range(experiment.seed, experiment.seed + experiment.seeds)
    found = {
        "network": population.network,
        "training": population.training,
        "lookback": population.lookback,
        "number of symbols, and horizon": population.scales[0].y_offset.shape,
        "seeds": {member.seed for member in population.members},
    }
    asked = {
        "network": experiment.networks[name],
        "training": experiment.training_of(name),
        "lookback": experiment.lookback,
        "number of symbols, and horizon": (len(symbols), experiment.horizon),
        "seeds": set(seeds),
    }
    for what, value in found.items():
        if value != asked[what]:
            raise ValueError(f"another {what}" if what != "seeds" else "other seeds")


def _check_folds(
    fitted: Sequence[Fitted], experiment: Experiment, outcome: Forecasts, symbols: tuple[str, ...]
) -> None:
    """Raise ValueError where networks are not those of the folds that were forecast."""
    if set(outcome.fold) != set(range(len(fitted))):
        raise ValueError("other folds")
    starts = outcome.test_starts
    if not (np.diff(starts) > np.timedelta64(0)).all():
        raise ValueError("the tests of its folds do not follow each other")
    for one, ensemble, start in zip(fitted, ensembles_of(fitted), starts, strict=True):
        method = "none"
        if isinstance(one, CalibratedFit):
            method = "adaptive" if one.calibration.online else "conformal"
            if one.since != start:
                raise ValueError(f"the calibration of fold {ensemble.fold} begins at another session")
        if method != experiment.calibration:
            raise ValueError(f"another calibration of fold {ensemble.fold}")
        if set(ensemble.left_out) - set(symbols):
            raise ValueError(f"fold {ensemble.fold} leaves out a symbol without prices")
        own = {number for number, symbol in enumerate(symbols) if symbol not in ensemble.left_out}
        members = zip(ensemble.population.members, ensemble.population.owner, strict=True)
        owners = {owner for member, owner in members if member.scale == ensemble.fold}
        if owners != ({None} if experiment.pooled else own):
            raise ValueError(f"the networks of fold {ensemble.fold} are of other symbols")
