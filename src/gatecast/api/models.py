"""What the settings of an experiment stand for: its problem, and its models ready to be fitted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module

from gatecast.data.prices import Prices
from gatecast.errors import SettingError
from gatecast.formatting import some
from gatecast.kept import Keeper
from gatecast.language import marked, say
from gatecast.models.baseline import Baseline, ForecastFunction
from gatecast.models.calibration import Calibrated
from gatecast.models.model import Model
from gatecast.models.requirements import require_comparison
from gatecast.problem.covariates import unused_columns
from gatecast.problem.features import FeatureFunction
from gatecast.problem.folds import (
    Fold,
    cut_folds,
    cut_folds_by_position,
    future_fold,
    future_fold_by_position,
)
from gatecast.problem.problem import Problem, first_not_positive, make_problem
from gatecast.problem.split import split_rows
from gatecast.settings.experiment import CalibrationMethod, Experiment
from gatecast.settings.frequency import INDEX
from gatecast.settings.names import BASELINES, season_of


def check_memory(experiment: Experiment, prices: Prices) -> None:
    """Raise InputError if the experiment on these prices does not fit into memory."""
    table = prices.table
    categories = sum(table[name].nunique() for name in prices.texts)
    columns = len(table.columns) + (categories if experiment.static else 0)
    require_comparison(experiment, rows=len(table), symbols=len(prices.symbols), columns=columns)


def problem_of(
    experiment: Experiment,
    prices: Prices,
    *,
    features: str | FeatureFunction | None,
    volatility_features: bool,
    seen: Sequence[str] | None = None,
) -> Problem:
    """The experiment's problem on these prices.

    features             as it is at hand: the function itself, or its name
    volatility_features  whether the default features are those to forecast distributions with
    seen                 the features that were fitted, where this problem is to have the same
    """
    return make_problem(
        prices,
        lookback=experiment.lookback,
        horizon=experiment.horizon,
        target=experiment.target,
        column=experiment.column,
        features=features,
        replace_features=experiment.replace_features,
        volatility_features=volatility_features,
        past=experiment.past,
        future=experiment.future,
        static=experiment.static,
        market=experiment.market,
        seen=seen,
        across_sessions=experiment.across_sessions,
        seasons=experiment.seasons,
        anchored=experiment.anchored if experiment.anchor == "season" else None,
    )


AS_DIFFERENCES = marked(
    "{low}, and a price of zero or below has no log return: differences are forecast, as with "
    'target="difference"'
)
UNUSED = marked("{names}: {which}; networks read the columns named as past, future or static")


def bare_problem(experiment: Experiment, prices: Prices) -> Problem:
    """The experiment's problem on these prices, without what only its networks read."""
    return make_problem(
        prices,
        lookback=experiment.lookback,
        horizon=experiment.horizon,
        target=experiment.target,
        column=experiment.column,
        across_sessions=experiment.across_sessions,
    )


def folds_of(experiment: Experiment, problem: Problem, frequency: str) -> list[Fold]:
    """The experiment's folds of a problem, whose bars have this frequency.

    By date; by the positions of each symbol's own rows where these have no dates, and where the test is given
    by rows.
    """
    if experiment.test_rows is None and experiment.split_column is None and frequency != INDEX:
        return cut_folds(
            problem,
            folds=experiment.folds,
            test_size=experiment.test_size,
            test_start=experiment.test_start,
            validation_size=experiment.validation_size,
            window=experiment.window,
        )
    if experiment.test_start is not None:
        raise SettingError(
            say("these rows have no dates; give test_rows, or test_size"),
            setting="test_start",
            value=experiment.test_start,
        )
    column = experiment.split_column
    return cut_folds_by_position(
        problem,
        folds=experiment.folds,
        test_size=experiment.test_size,
        test_rows=experiment.test_rows if column is None else split_rows(problem, column),
        validation_size=experiment.validation_size,
        window=experiment.window,
    )


def future_fold_of(experiment: Experiment, problem: Problem, frequency: str) -> Fold:
    """The fold whose test is the future: by position where rows have no dates, else by date."""
    cut = future_fold_by_position if frequency == INDEX else future_fold
    return cut(problem, validation_size=experiment.validation_size)


def with_target(experiment: Experiment, prices: Prices) -> tuple[Experiment, tuple[str, ...]]:
    """The experiment with the target that its prices can have, and what is said of that.

    Where nobody chose a target and a price is zero or below: differences, for it has no log return.
    """
    low = None if "target" in experiment.model_fields_set else first_not_positive(prices, experiment.column)
    if low is None:
        return experiment, ()
    said = say(
        AS_DIFFERENCES,
        low=low,
    )
    return experiment.changed(target="difference"), (said,)


def unused_note(prices: Prices, used: Sequence[str], features: object) -> tuple[str, ...]:
    """The columns of the data that nothing reads, in one sentence; () where there are none.

    used: those that settings name; features: the user's function, which may read any column.
    """
    names = () if features is not None else unused_columns(prices, used)
    if not names:
        return ()
    which = (
        say("a column of the data that no setting uses")
        if len(names) == 1
        else say("columns of the data that no setting uses")
    )
    return (
        say(
            UNUSED,
            names=some(names),
            which=which,
        ),
    )


def model_of(experiment: Experiment, name: str, keeper: Keeper | None = None) -> Model:
    """One of the experiment's own models, with the calibration it asks for.

    keeper: keeps the members of a network.
    """
    if name not in experiment.networks:
        return calibrated(Baseline(baseline_function(name)), experiment.calibration)
    from gatecast.models.networks import RecurrentNetwork

    network = RecurrentNetwork(
        experiment.networks[name],
        experiment.training_of(name),
        scaler=experiment.scaler,
        seeds=experiment.seeds,
        seed=experiment.seed,
        refit=experiment.refit,
        pooled=experiment.pooled,
        keep_validation=experiment.calibration != "none",
        keeper=keeper,
    )
    return calibrated(network, experiment.calibration)


def trainings(model: Model, problem: Problem, folds: Sequence[Fold]) -> int:
    """How many members a model trains; 0 where it is no network."""
    from gatecast.models.networks import RecurrentNetwork

    bare = model.model if isinstance(model, Calibrated) else model
    return bare.trainings(problem, folds) if isinstance(bare, RecurrentNetwork) else 0


def calibrated(model: Model, calibration: CalibrationMethod) -> Model:
    """The model with this calibration, which may be "none"."""
    return model if calibration == "none" else Calibrated(model, calibration)


def baseline_function(name: str) -> ForecastFunction:
    """The function that stands for a baseline's name."""
    if season := season_of(name):
        from gatecast.models.baselines.naive import seasonal_naive

        return partial(seasonal_naive, season=season)
    module, _, function = BASELINES[name].function.partition(":")
    found: ForecastFunction = getattr(import_module(module), function)
    return found
