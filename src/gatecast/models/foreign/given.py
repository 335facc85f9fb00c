"""Whatever a user gives as a model → a model that can be trained on folds."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from gatecast.errors import SettingError
from gatecast.formatting import MOST_LETTERS, printable
from gatecast.models.foreign.answers import Answers
from gatecast.models.foreign.estimators import Estimator, EstimatorModel, Quantile
from gatecast.models.foreign.functions import Function, FunctionModel
from gatecast.settings.experiment import Experiment
from gatecast.settings.names import IMPORTED
from gatecast.user_functions import named_object

WHAT = (
    "a regressor with fit and predict, a function of (history, horizon), or one of gatecast's Estimator, "
    "Quantile, TorchModel and Function (docs/models.md)"
)


def object_of(name: str, given: Any) -> Any:
    """The object that a model's name stands for: itself, or what its text "module:object" names."""
    if isinstance(given, str):
        if not IMPORTED.fullmatch(given):
            raise SettingError(
                f'model "{name}" was an object of Python, {printable(given, MOST_LETTERS)}, which a file '
                "cannot hold. Compare from Python, or put it into a module and name it as module:object"
            )
        given = named_object(given, f'model "{given}"')
    if inspect.isclass(given):
        try:
            given = given()
        except TypeError as error:
            raise SettingError(f'model "{name}": {given.__name__}() failed ({error})') from None
    if isinstance(given, (Estimator, Quantile, Function)):
        return given
    if hasattr(given, "fit") and hasattr(given, "predict"):
        return Estimator(given)
    if callable(given):
        own = {key: getattr(given, key) for key in ("batched", "trained_until") if hasattr(given, key)}
        return Function(given, **own)
    raise SettingError(f'model "{name}" must be {WHAT}, not {type(given).__name__}')


def foreign_model(
    name: str, given: Any, experiment: Experiment, answers: Path | None = None
) -> EstimatorModel | FunctionModel:
    """A model of the user's own, with the experiment's folds, scaler, seeds and refit.

    answers: the folder of what functions answered in an earlier run.
    """
    asked = object_of(name, given)
    if isinstance(asked, Function):
        known = Answers(asked.answers)
        if answers is not None:
            known.known |= Answers(answers / f"{name}.parquet").known
        return FunctionModel(name, asked, experiment.column, known)
    return EstimatorModel(
        name,
        asked,
        scaler=experiment.scaler,
        seeds=experiment.seeds,
        seed=experiment.seed,
        refit=experiment.refit,
        pooled=experiment.pooled,
    )


def described(given: Any) -> str:
    """What an experiment file says of a model: "module:object" if it can be found again, else what it is."""
    if isinstance(given, str):
        return given
    if inspect.isroutine(given):
        name, module = given.__qualname__, given.__module__
        found = name.isidentifier() and module != "__main__"
        return f"{module}:{name}" if found else f"the function {name}"
    return printable(repr(given), MOST_LETTERS)
