"""Models by their names: the networks and baselines of an experiment, ready to be fitted."""

from __future__ import annotations

from importlib import import_module

from gatecast.models.baseline import Baseline, ForecastFunction
from gatecast.models.calibration import Calibrated
from gatecast.models.model import Model
from gatecast.settings.experiment import Experiment
from gatecast.settings.names import BASELINES


def model_of(experiment: Experiment, name: str) -> Model:
    """One of the experiment's models, with the calibration it asks for."""
    model = _uncalibrated(experiment, name)
    return model if experiment.calibration == "none" else Calibrated(model, experiment.calibration)


def _uncalibrated(experiment: Experiment, name: str) -> Model:
    if name not in experiment.networks:
        return Baseline(baseline_function(name))
    from gatecast.models.networks import RecurrentNetwork

    return RecurrentNetwork(
        experiment.networks[name],
        experiment.training_of(name),
        scaler=experiment.scaler,
        seeds=experiment.seeds,
        seed=experiment.seed,
        refit=experiment.refit,
        pooled=experiment.pooled,
        keep_validation=experiment.calibration != "none",
    )


def baseline_function(name: str) -> ForecastFunction:
    """The function that stands for a baseline's name."""
    module, _, function = BASELINES[name].function.partition(":")
    found: ForecastFunction = getattr(import_module(module), function)
    return found
