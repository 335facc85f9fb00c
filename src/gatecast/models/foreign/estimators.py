"""Regressors with scikit-learn's interface as models: `fit(X, y)` and `predict(X)` on windows."""

from __future__ import annotations

import contextlib
import copy
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from gatecast._typing import Floats, Integers
from gatecast.distributions import LEVELS, Distribution, Point, Quantiles, bounded
from gatecast.errors import SettingError
from gatecast.formatting import brief
from gatecast.language import say
from gatecast.memory import NUMBER, require
from gatecast.models.ensembles import joined, mean_of_seeds
from gatecast.models.foreign.windows import Inputs, Scaled, check_inputs, require_returns
from gatecast.models.model import Forecast
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.profiling import stage
from gatecast.progress import report
from gatecast.user_functions import source_of


@dataclass(frozen=True)
class Estimator:
    """A regressor with scikit-learn's interface, and what it reads.

    Its targets are scaled as those of a network: returns or differences divided by their standard deviation
    in training, never centred. It is cloned for every fold and seed; each `random_state` of it is the seed. A
    regressor that has `predict_quantiles(X, levels)` → (N, L) or (N, h, L) forecasts a distribution; its
    targets are in units of the volatility known at the origin.

    Parameters
    ----------
    regressor
        With `fit(X, y)` and `predict(X)`. Several steps are fitted as one (N, h) target where scikit-learn's
        tags say that it can; else there is one clone per step.
    inputs
        "windows": X is (N, T · F), the features of all bars of the window, the oldest first; "last": (N, F),
        those of the last bar.
    """

    regressor: Any
    inputs: Inputs = "windows"

    def __post_init__(self) -> None:
        check_inputs(self.inputs)


@dataclass(frozen=True)
class Quantile:
    """Quantile regressors, one per level, as one distribution.

    `Quantile(lambda level: GradientBoostingRegressor(loss="quantile", alpha=level))`. The predicted quantiles
    are sorted, so that none crosses another.

    Parameters
    ----------
    make
        Level → a regressor with `fit(X, y)` and `predict(X)`.
    levels
        Between 0 and 1, rising; at least two.
    inputs
        As of `Estimator`.
    """

    make: Callable[[float], Any]
    levels: tuple[float, ...] = LEVELS
    inputs: Inputs = "windows"

    def __post_init__(self) -> None:
        check_inputs(self.inputs)
        if not callable(self.make):
            raise SettingError(say("must be callable"), setting="make", value=self.make)
        try:
            levels = np.asarray(self.levels, dtype=np.float64)
        except (TypeError, ValueError):
            levels = np.zeros(0)
        inside = levels.ndim == 1 and len(levels) > 1 and (levels > 0).all() and (levels < 1).all()
        if not (inside and (np.diff(levels) > 0).all()):
            raise SettingError(
                say("must be at least two numbers between 0 and 1, rising"),
                setting="levels",
                value=self.levels,
            )


@dataclass(frozen=True)
class EstimatorModel:
    """Clones of a regressor, trained on every fold with every seed.

    Parameters
    ----------
    name
        For messages.
    asked
        What is trained.
    scaler, seeds, seed, refit, pooled
        As of `RecurrentNetwork`; without early stopping `refit` means that validation is trained on too.
    """

    name: str
    asked: Estimator | Quantile
    scaler: str = "standard"
    seeds: int = 5
    seed: int = 0
    refit: bool = True
    pooled: bool = True

    @property
    def identity(self) -> str | None:
        """What its forecasts depend on beside problem and fold; None where a regressor does not show it."""
        asked = self.asked
        every = (
            [asked.make(one) for one in asked.levels] if isinstance(asked, Quantile) else [asked.regressor]
        )
        kinds = dict.fromkeys(map(type, every))
        shown = (
            [_parameters(one) or repr(one) for one in every],
            [(kind.__module__, kind.__qualname__, source_of(kind), _version(kind)) for kind in kinds],
            (type(asked).__name__, asked.inputs, self.levels),
            (self.scaler, self.seeds, self.seed, self.refit, self.pooled),
        )
        text = repr(shown)
        return None if " at 0x" in text else text

    @property
    def distribution(self) -> bool:
        """Whether it forecasts one."""
        return isinstance(self.asked, Quantile) or hasattr(self.asked.regressor, "predict_quantiles")

    @property
    def levels(self) -> tuple[float, ...]:
        """Those of its quantiles; of a point forecast the median's."""
        if isinstance(self.asked, Quantile):
            return self.asked.levels
        return LEVELS if self.distribution else (0.5,)

    def fit(self, problem: Problem, folds: Sequence[Fold]) -> list[FittedEstimators]:
        """The trained clones, one ensemble per fold."""
        if self.distribution:
            require_returns(self.name, problem)
        with stage(f"model {self.name}"):
            scaled = [
                Scaled.fit(problem, self._known(fold), self.scaler, in_volatility=self.distribution)
                for fold in folds
            ]
            example = self._clone(self.seed)
            seeds = range(self.seed, self.seed + (self.seeds if _random_states(example) else 1))
            jobs = [
                (place, seed, owner)
                for (place, fold), seed in product(enumerate(folds), seeds)
                for owner in self._owners(problem, fold)
            ]

            widest = max(len(self._known(fold)) for fold in folds)
            columns = problem.features.shape[1] * (problem.lookback if self.asked.inputs == "windows" else 1)
            require(
                2 * NUMBER * widest * columns * min(os.cpu_count() or 1, len(jobs)),
                f'the windows of "{self.name}" ({widest:,} of {columns:,} numbers)',
                'Take inputs="last", a shorter lookback, or fewer symbols',
            )

            def one(job: tuple[int, int, int | None]) -> list[Any]:
                place, seed, owner = job
                origins = self._known(folds[place])
                own = origins if owner is None else origins[problem.symbol[origins] == owner]
                return self._fitted(problem, scaled[place], own, seed)

            trained: dict[tuple[int, int, int | None], list[Any]] = {}
            with _threads(example, len(jobs)) as run, contextlib.redirect_stdout(sys.stderr):
                for job, fitted in zip(jobs, run(one, jobs), strict=True):
                    trained[job] = fitted
                    report(len(trained) / len(jobs), f"{len(trained)} of {len(jobs)} trained")
        ensembles = [FittedEstimators(self, own, {seed: {} for seed in seeds}) for own in scaled]
        for (place, seed, owner), fitted in trained.items():
            ensembles[place].trained[seed][owner] = fitted
        return ensembles

    def _known(self, fold: Fold) -> Integers:
        return fold.train_validation if self.refit else fold.train

    def _owners(self, problem: Problem, fold: Fold) -> list[int | None]:
        return [None] if self.pooled else [int(s) for s in np.unique(problem.symbol[fold.train])]

    def _clone(self, seed: int, level: float | None = None) -> Any:
        """A fresh regressor that draws by `seed` and works on one thread unless it was told otherwise."""
        asked = self.asked
        regressor = _clone(asked.make(level or 0.5) if isinstance(asked, Quantile) else asked.regressor)
        settings = dict.fromkeys(_random_states(regressor), seed)
        if _parameters(regressor).get("n_jobs", 1) is None:
            settings["n_jobs"] = 1
        if settings:
            regressor.set_params(**settings)
        return regressor

    def _fitted(self, problem: Problem, scaled: Scaled, origins: Integers, seed: int) -> list[Any]:
        """Trained regressors: for each level, where it has levels, one for all steps or one for each."""
        x, y = scaled.flat(problem, origins, self.asked.inputs), scaled.targets(problem, origins)
        fitted = []
        for level in self.asked.levels if isinstance(self.asked, Quantile) else [None]:
            make = partial(self._clone, seed, level)
            whole = y.shape[1] == 1 or _takes_several_targets(make())
            targets = [y[:, 0] if y.shape[1] == 1 else y] if whole else list(y.T)
            fitted.append([self._asked_of("fit", make(), x, target) for target in targets])
        return fitted

    def _asked_of(self, method: str, regressor: Any, *arguments: Any) -> Any:
        try:
            answer = getattr(regressor, method)(*arguments)
        except Exception as error:  # the user's code may raise anything
            raise SettingError(
                say(
                    'model "{name}": {method} failed ({name_2}: {error}) on {arguments}',
                    name=self.name,
                    method=method,
                    name_2=type(error).__name__,
                    error=error,
                    arguments=" and ".join(f"{one.shape}" for one in arguments if hasattr(one, "shape")),
                )
            ) from error
        return regressor if method == "fit" else np.asarray(answer, dtype=np.float64)

    def predicted(self, fitted: Sequence[Sequence[Any]], x: Floats, horizon: int) -> Floats:
        """(N, h), of a distribution (N, h, L) with L rising quantiles, in scaled targets."""
        if not self.distribution:
            return self._steps("predict", fitted[0], x, (horizon,))
        if isinstance(self.asked, Estimator):
            values = self._steps("predict_quantiles", fitted[0], x, (horizon, len(LEVELS)), LEVELS)
        else:
            values = np.stack([self._steps("predict", one, x, (horizon,)) for one in fitted], axis=-1)
        return np.sort(values, axis=-1)

    def _steps(
        self, method: str, regressors: Sequence[Any], x: Floats, shape: tuple[int, ...], *arguments: Any
    ) -> Floats:
        """(N, *shape) what one regressor of all steps, or those of each step, predict."""
        answers = [self._asked_of(method, one, x, *arguments) for one in regressors]
        of_one = (len(x), shape[0] // len(regressors), *shape[1:])
        try:
            values = np.concatenate([np.reshape(answer, of_one) for answer in answers], axis=1)
        except ValueError:
            raise SettingError(
                say(
                    'model "{name}": {method} returned {shape} for X of {shape_2}, not {of_one}',
                    name=self.name,
                    method=method,
                    shape=answers[0].shape,
                    shape_2=x.shape,
                    of_one=of_one,
                )
            ) from None
        if not np.isfinite(values).all():
            row = int(np.argwhere(~np.isfinite(values))[0][0])
            raise SettingError(
                say(
                    'model "{name}": {method} returned a number that is not finite, the first for '
                    "row {row} of X, which has {count}",
                    name=self.name,
                    method=method,
                    row=row,
                    count=len(x),
                )
            )
        return values


@dataclass(frozen=True)
class FittedEstimators:
    """The clones of one fold: seed → symbol (None: all) → what was trained."""

    model: EstimatorModel
    scaled: Scaled
    trained: dict[int, dict[int | None, list[Any]]]

    __repr__ = brief

    def predict(self, problem: Problem, origins: Integers) -> Forecast:
        """The seeds' forecasts of `origins` (N,), and their combination: the mean, of each quantile too."""
        with stage(f"model {self.model.name}"):
            x = self.scaled.flat(problem, origins, self.model.asked.inputs)
            members = [self._of_seed(problem, origins, x, fitted) for fitted in self.trained.values()]
            points = [one for one in members if isinstance(one, Point)]
            whole: Distribution = (
                Point(mean_of_seeds(one.location for one in points))
                if points
                else joined([one for one in members if isinstance(one, Quantiles)], "parameter mean")
            )
            return Forecast(whole, tuple(members))

    def _of_seed(
        self, problem: Problem, origins: Integers, x: Floats, fitted: dict[int | None, list[Any]]
    ) -> Point | Quantiles:
        """The forecast of one seed, each symbol's by its own regressor where each has one."""
        model, horizon = self.model, problem.horizon
        levels = model.levels
        outputs = np.full((len(origins), horizon, len(levels)), np.nan)
        for owner, regressors in fitted.items():
            own = np.full(len(origins), True) if owner is None else problem.symbol[origins] == owner
            if own.any():
                outputs[own] = model.predicted(regressors, x[own], horizon).reshape(-1, horizon, len(levels))
        of_levels = np.moveaxis(outputs, -1, 0)
        farthest = np.expand_dims(problem.farthest(origins), -1)
        returns = bounded(np.moveaxis(self.scaled.returns(problem, origins, of_levels), 0, -1), farthest)
        return Quantiles(np.array(levels), returns) if model.distribution else Point(returns[..., 0])


def _clone(regressor: Any) -> Any:
    """An untrained copy: scikit-learn's clone of what has parameters, else a copy."""
    if hasattr(regressor, "get_params"):
        with contextlib.suppress(ImportError):
            from sklearn.base import clone

            return clone(regressor)  # type: ignore[no-untyped-call]
    return copy.deepcopy(regressor)


def _parameters(regressor: Any) -> dict[str, Any]:
    """Its parameters by name, and those of its parts; none where it does not show them."""
    return regressor.get_params() if hasattr(regressor, "get_params") else {}


def _version(kind: type) -> str:
    """That of the package which a class is of; "" where it does not say."""
    package = sys.modules.get(kind.__module__.partition(".")[0])
    return str(getattr(package, "__version__", ""))


def _random_states(regressor: Any) -> list[str]:
    """The parameters that set its seed; without one all seeds would be the same."""
    names = _parameters(regressor)
    return [name for name in names if name == "random_state" or name.endswith("__random_state")]


def _takes_several_targets(regressor: Any) -> bool:
    """Whether scikit-learn's tags say that y may be (N, h)."""
    try:
        from sklearn.utils import get_tags

        return bool(get_tags(regressor).target_tags.multi_output)
    except (ImportError, AttributeError, TypeError):
        return False


@contextlib.contextmanager
def _threads(example: Any, jobs: int) -> Iterator[Callable[..., Any]]:
    """A `map` on all cores, for regressors that work on one; else one after the other."""
    cores = min(os.cpu_count() or 1, jobs)
    if _parameters(example).get("n_jobs", 1) != 1 or cores == 1:
        yield map
        return
    with ThreadPoolExecutor(cores) as pool, _one_thread_per_product():
        yield pool.map


def _one_thread_per_product() -> contextlib.AbstractContextManager[object]:
    """While all cores train, a product that took all of them too would hold the others up."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return contextlib.nullcontext()
    return threadpool_limits(1)  # type: ignore[no-untyped-call]
