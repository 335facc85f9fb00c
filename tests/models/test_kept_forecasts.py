import warnings
from pathlib import Path

import numpy as np
import pytest

from gatecast.distributions import Mixture, Point, Quantiles, SkewedT, StudentT
from gatecast.errors import FitWarning
from gatecast.kept import Kept
from gatecast.models.kept_forecasts import KeptForecasts, contiguous, forecasts_of, problem_key
from gatecast.models.model import Forecast
from gatecast.problem.folds import cut_folds
from gatecast.problem.problem import make_problem

FOLDED = np.arange(10.0).reshape(2, 5).T  # (N, h), not as a file has it
STUDENT = StudentT(FOLDED, FOLDED + 1, FOLDED + 2)


@pytest.fixture(scope="module")
def problem(prices):
    return make_problem(prices, lookback=5, horizon=2)


@pytest.fixture
def kept(tmp_path: Path) -> KeptForecasts:
    return KeptForecasts(Kept(tmp_path).part("mine"), "key")


class Counting:
    """Forecasts of the size of a fold, and how often they were asked for; the first fold warns."""

    def __init__(self) -> None:
        self.fits, self.asked = 0, []

    def fit(self, problem, folds):
        self.fits += 1
        warnings.warn("the fit did not converge", FitWarning, stacklevel=1)
        return [self for _ in folds]

    def predict(self, problem, origins):
        self.asked.append(int(origins[0]))
        warnings.warn(f"nor at {origins[0]}", FitWarning, stacklevel=1)
        return Forecast(Point(np.repeat(origins[:, None] / 7, problem.horizon, axis=1)))


def asked(problem, folds, kept) -> tuple[Counting, list[Forecast], list[str]]:
    model = Counting()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forecasts = forecasts_of(model, problem, folds, kept)
    return model, forecasts, list(dict.fromkeys(str(one.message) for one in caught))


def test_forecasts_that_are_kept_are_not_computed_again_and_warn_as_before(problem, kept) -> None:
    folds = cut_folds(problem, folds=3)
    first, forecasts, said = asked(problem, folds, kept)
    again, kept_ones, said_again = asked(problem, folds, kept)
    assert (first.fits, len(first.asked), again.fits, again.asked) == (1, 3, 0, [])
    assert said == said_again and len(said) == 4
    for one, other in zip(forecasts, kept_ones, strict=True):
        np.testing.assert_array_equal(one.median, other.median)


def test_only_the_fold_that_is_missing_is_computed(problem, kept) -> None:
    folds = cut_folds(problem, folds=3)
    _, _, said = asked(problem, folds, kept)
    (kept.keeper.folder / "mine" / "fold-1.safetensors").unlink()
    model, forecasts, said_again = asked(problem, folds, kept)
    assert model.asked == [folds[1].test[0]] and len(forecasts) == 3 and said_again == said


@pytest.mark.parametrize(
    "forecast",
    [
        Forecast(Point(FOLDED)),
        Forecast(STUDENT, (STUDENT, STUDENT)),
        Forecast(SkewedT(FOLDED, FOLDED + 1, FOLDED + 2, FOLDED + 1)),
        Forecast(Quantiles(np.array([0.1, 0.9]), np.stack([FOLDED, FOLDED + 1], axis=-1)), (), FOLDED),
    ],
)
def test_every_distribution_comes_back(problem, kept, forecast: Forecast) -> None:
    (fold,) = cut_folds(problem, folds=1)
    fold = type(fold)(0, fold.train, fold.validation, fold.test[:5])
    kept.keep(fold, forecast, ["it warned"])
    found, said = kept.find(fold, 2)
    assert said == ["it warned"] and len(found.members) == len(forecast.members)
    np.testing.assert_array_equal(found.median, forecast.median)
    np.testing.assert_array_equal(found.distribution.quantile([0.3]), forecast.distribution.quantile([0.3]))
    assert kept.find(fold, 3) is None
    other = KeptForecasts(kept.keeper, "another key")
    assert other.find(fold, 2) is None


def test_arrays_lie_as_a_file_gives_them_back(problem) -> None:
    mixed = contiguous(Forecast(Mixture((STUDENT, STUDENT)))).distribution
    assert all(part.location.flags.c_contiguous for part in mixed.parts)


def test_the_key_of_a_problem_is_of_all_that_it_holds(prices, problem) -> None:
    keys = {
        problem_key(problem),
        problem_key(problem, "more"),
        problem_key(make_problem(prices, lookback=6, horizon=2)),
        problem_key(make_problem(prices, lookback=5, horizon=2, target="difference")),
    }
    assert len(keys) == 4 and problem_key(make_problem(prices, lookback=5, horizon=2)) in keys
