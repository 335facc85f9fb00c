"""Whatever a user gives as a model → a model that can be trained on folds."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from gatecast.errors import SettingError
from gatecast.formatting import MOST_LETTERS, printable
from gatecast.language import say
from gatecast.models.foreign.answers import Answers
from gatecast.models.foreign.estimators import Estimator, EstimatorModel, Quantile
from gatecast.models.foreign.functions import Function, FunctionModel
from gatecast.models.foreign.torch_modules import TorchModuleModel
from gatecast.models.foreign.torch_settings import TorchModel
from gatecast.settings.experiment import Experiment
from gatecast.settings.names import IMPORTED
from gatecast.user_functions import named_object

MODULE = "torch.nn.modules.module.Module"
ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # in memory: another one in every process
WHAT = (
    "a regressor with fit and predict, a function of (history, horizon), or one of gatecast's Estimator, "
    'Quantile, TorchModel and Function (the guide "Any model")'
)


def object_of(name: str, given: Any) -> Any:
    """The object that a model's name stands for: itself, or what its text "module:object" names."""
    if isinstance(given, str):
        if not IMPORTED.fullmatch(given):
            raise SettingError(
                say(
                    'model "{name}" was an object of Python, {given}, which a file cannot hold. '
                    "Compare from Python, or put it into a module and name it as module:object",
                    name=name,
                    given=printable(given, MOST_LETTERS),
                )
            )
        given = named_object(given, f'model "{given}"')
    if _is_module(given):
        raise SettingError(
            say(
                'model "{name}" is a module of PyTorch, which is trained anew for every fold and '
                "seed: write gatecast.TorchModel(make_module), where make_module(features, "
                "horizon) returns a fresh one",
                name=name,
            )
        )
    if inspect.isclass(given):
        try:
            given = given()
        except TypeError as error:
            raise SettingError(
                say(
                    'model "{name}": {name_2}() failed ({error})',
                    name=name,
                    name_2=given.__name__,
                    error=error,
                )
            ) from None
    if isinstance(given, (Estimator, Quantile, Function, TorchModel)):
        return given
    if _reads_the_test(given):
        raise SettingError(
            say(
                'model "{name}" is fitted to a problem and its folds, which hold the test as well; compare '
                "hands a model its training rows alone: give {what}",
                name=name,
                what=WHAT,
            )
        )
    if hasattr(given, "fit") and hasattr(given, "predict"):
        return Estimator(given)
    if callable(given):
        own = {key: getattr(given, key) for key in ("batched", "trained_until") if hasattr(given, key)}
        return Function(given, **own)
    raise SettingError(
        say('model "{name}" must be {what}, not {name_2}', name=name, what=WHAT, name_2=type(given).__name__)
    )


def foreign_model(
    name: str,
    given: Any,
    experiment: Experiment,
    answers: Path | None = None,
    kept: Path | None = None,
) -> EstimatorModel | FunctionModel | TorchModuleModel:
    """A model of the user's own, with the experiment's folds, scaler, seeds and refit.

    answers: the folder of what functions answered in an earlier run; kept: that of what they answer in this
    one, where nobody chose a file for it.
    """
    asked = object_of(name, given)
    if isinstance(asked, Function):
        known = Answers(asked.answers or (kept and kept / f"{name}.parquet"))
        if answers is not None:
            known.known |= Answers(answers / f"{name}.parquet").known
            known.write()
        return FunctionModel(name, asked, experiment.column, known)
    settings = {key: getattr(experiment, key) for key in ("scaler", "seeds", "seed", "refit", "pooled")}
    if isinstance(asked, TorchModel):
        keep = experiment.calibration != "none"
        return TorchModuleModel.of(name, asked, keep_validation=keep, **settings)
    return EstimatorModel(name, asked, **settings)


def described(given: Any) -> str:
    """What an experiment file says of a model: "module:object" if it can be found again, else what it is."""
    if isinstance(given, str):
        return given
    if inspect.isroutine(given):
        name, module = given.__qualname__, given.__module__
        found = name.isidentifier() and module != "__main__"
        return f"{module}:{name}" if found else f"the function {name}"
    return printable(ADDRESS.sub("", repr(given)), MOST_LETTERS)


def _reads_the_test(given: Any) -> bool:
    """Whether it is a `models.model.Model`, as those of this package."""
    try:
        return [*inspect.signature(given.fit).parameters][:2] == ["problem", "folds"]
    except (AttributeError, TypeError, ValueError):  # no fit, or one that does not say what it takes
        return False


def _is_module(given: Any) -> bool:
    """Whether it is a module of PyTorch, or a class of such modules; PyTorch is not imported for it."""
    kind = given if inspect.isclass(given) else type(given)
    return any(f"{base.__module__}.{base.__name__}" == MODULE for base in kind.__mro__)
