"""The main road: prices → problem → folds → forecasts → scores → verdict."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gatecast.api.result import Result
from gatecast.data.prices import Prices
from gatecast.errors import DataError, DataWarning, FitWarning, SettingError
from gatecast.formatting import some
from gatecast.models.networks import FittedNetwork
from gatecast.models.requirements import require_comparison
from gatecast.models.walk_forward import forecast_all
from gatecast.nn.engine import this_engine
from gatecast.problem.features import FeatureFunction
from gatecast.problem.folds import MIN_TRAINING_ORIGINS, Fold, walk_forward
from gatecast.problem.problem import Problem, make_problem
from gatecast.progress import Bar
from gatecast.settings.experiment import (
    DEFAULT_MODELS,
    DEFAULT_TRAINING,
    Experiment,
    Network,
    Training,
    resolve_models,
)


def compare(
    prices: Prices,
    models: Sequence[str | Mapping[str, Network]] | Mapping[str, Network] = DEFAULT_MODELS,
    *,
    column: str = "close",
    target: str = "return",
    horizon: int = 1,
    lookback: int = 20,
    features: str | FeatureFunction | None = None,
    scaler: str = "standard",
    network: Network | None = None,
    training: Training | None = None,
    folds: int = 5,
    test_size: float = 0.25,
    test_start: str | None = None,
    validation_size: float = 0.15,
    window: str = "expanding",
    refit: bool = True,
    calibration: str = "none",
    pooled: bool = True,
    seeds: int = 5,
    seed: int = 0,
) -> Result:
    """Train every model walk-forward, forecast the test sessions, and judge whether anything was learned.

    prices: from `gatecast.load`. models: networks ("rnn", "lstm", "gru", "birnn", "bilstm", "bigru",
    {"a name of yours": Network(...)}) and baselines ("naive", "drift", "ewma", "ar", "seasonal-naive",
    "last-close"; of ranges: "historical", "ewma-t", "garch-t", "gjr-garch-t", "har", "lhar"); a list
    without a baseline gets naive, drift, ewma and ar, with networks of ranges historical, ewma-t, gjr-garch-t
    and lhar. network: the base of the named networks (their cell and direction replaced). column: the price
    to forecast. target: "return" (log return from the origin) or "close" (the scaled price, as the tutorials
    do). horizon, lookback: sessions.
    features: a function (one symbol's table → DataFrame) or "module:function"; None: see
    `gatecast.problem.features`. test_size: the last share of the sessions, cut into `folds` equal stretches,
    each with its own training; validation_size: share of the sessions before it. refit: train once more on
    train and validation for the epochs chosen. calibration: "conformal" gives every model a range that held
    on validation, a point forecast too; "adaptive" goes on with each target that comes
    (gatecast.models.calibration). pooled: one network for all symbols. seeds: how many, seed: the first.

    Returns a Result: verdict, scores, forecasts, plot(), save(folder).

    Raises
        SettingError: a setting that is wrong; DataError: too few sessions for the job.
    """
    names, networks = resolve_models(models, network, column)
    experiment = Experiment(
        models=names,
        networks=networks,
        training=training or DEFAULT_TRAINING,
        column=column,
        target=target,
        horizon=horizon,
        lookback=lookback,
        features=_name_of(features),
        scaler=scaler,
        folds=folds,
        test_size=test_size,
        test_start=test_start,
        validation_size=validation_size,
        window=window,
        refit=refit,
        calibration=calibration,
        pooled=pooled,
        seeds=seeds,
        seed=seed,
    )
    return run(experiment, prices, features if callable(features) else None)


def run(experiment: Experiment, prices: Prices, features: FeatureFunction | None = None) -> Result:
    """`compare` for an experiment that is written down already.

    Raises
        DataError: `experiment.sha256` names other data than `prices`.
    """
    if experiment.sha256 not in (None, prices.sha256):
        raise DataError(
            "these are not the data of the experiment",
            file=", ".join(prices.source),
            column="sha256",
            value=f"{prices.sha256[:12]}… instead of {str(experiment.sha256)[:12]}…",
            remedy="Give the run's own prices.parquet as the source, or remove sha256 from the experiment",
        )
    experiment = _with_data(experiment, prices)
    require_comparison(
        experiment,
        rows=len(prices.table),
        symbols=len(prices.symbols),
        columns=len(prices.table.columns),
    )
    problem = make_problem(
        prices,
        lookback=experiment.lookback,
        horizon=experiment.horizon,
        target=experiment.target,
        column=experiment.column,
        features=features or experiment.features,
        ranged=experiment.ranged,
    )
    folds = walk_forward(
        problem,
        folds=experiment.folds,
        test_size=experiment.test_size,
        test_start=experiment.test_start,
        validation_size=experiment.validation_size,
        window=experiment.window,
    )
    with warnings.catch_warnings(record=True) as caught, Bar() as bar:
        warnings.simplefilter("always", FitWarning)
        outcome, fitted, joined = forecast_all(experiment, problem, folds, bar)
    once = {str(warning.message): warning for warning in caught}.values()  # a baseline says it in every fold
    for warning in once:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    for text in _left_out(problem, folds, most=20):
        warnings.warn(text, DataWarning, stacklevel=2)
    fits = tuple(str(warning.message) for warning in once if issubclass(warning.category, FitWarning))
    return Result(
        experiment=experiment,
        prices=prices,
        outcome=outcome,
        training=_training(fitted),
        warnings=(*(oddity.text for oddity in prices.oddities), *fits, *_left_out(problem, folds)),
        notes=(*_level_note(problem, folds), *joined),
        networks=fitted,
        engine=this_engine(),
    )


def _with_data(experiment: Experiment, prices: Prices) -> Experiment:
    """The experiment with the data it was made for: source, dates, symbols and hash."""
    sessions = prices.table["session"]
    return experiment.changed(
        source=prices.source,
        sha256=prices.sha256,
        symbols=prices.symbols,
        start=f"{sessions.min():%Y-%m-%d}",
        end=f"{sessions.max():%Y-%m-%d}",
    )


def _training(fitted: Mapping[str, FittedNetwork]) -> pd.DataFrame:
    histories = [network.history.assign(model=name) for name, network in fitted.items()]
    return pd.concat(histories, ignore_index=True) if histories else pd.DataFrame()


def _left_out(problem: Problem, folds: Sequence[Fold], most: int = sys.maxsize) -> tuple[str, ...]:
    """Which symbols are missing in which folds, and which are nowhere tested; the first `most` by name."""
    short: dict[str, list[int]] = {}
    for fold in folds:
        for symbol in fold.left_out:
            short.setdefault(symbol, []).append(fold.number)
    tested = {problem.symbols[s] for fold in folds for s in np.unique(problem.symbol[fold.test])}
    untested = [
        symbol
        for symbol in problem.symbols
        if symbol not in tested and len(short.get(symbol, [])) < len(folds)
    ]
    said = []
    if short:
        names = [f"{symbol} (fold {', '.join(map(str, numbers))})" for symbol, numbers in short.items()]
        why = f"fewer than {MIN_TRAINING_ORIGINS} training windows, left out of these folds"
        said.append(f"{why}: {some(names, most=most)}")
    if untested:
        ends = dict(zip(problem.symbols, problem.session[np.unique(problem.last)], strict=True))
        names = [f"{symbol} (last session {ends[symbol]})" for symbol in untested]
        why = "trained on, but without a forecast that could be scored in the test"
        said.append(f"{why}: {some(names, most=most)}")
    return tuple(said)


def _level_note(problem: Problem, folds: Sequence[Fold]) -> tuple[str, ...]:
    """Why a network on price levels fails where prices trend: it never saw them."""
    if problem.target != "close":
        return ()
    outside = total = 0
    for fold in folds:
        for symbol in np.unique(problem.symbol[fold.test]):
            known = problem.anchor[fold.known[problem.symbol[fold.known] == symbol]]
            tested = problem.anchor[fold.test[problem.symbol[fold.test] == symbol]]
            outside += int(((tested < known.min()) | (tested > known.max())).sum())
            total += len(tested)
    if outside == 0:
        return ()
    return (
        f"The networks forecast the price level, and in {100 * outside / total:.0f} % of the test sessions "
        "the price lies outside the range they were trained on",
    )


def _name_of(features: str | FeatureFunction | None) -> str | None:
    """The name under which an experiment file can find the function again."""
    if features is None or isinstance(features, str):
        return features
    name = getattr(features, "__qualname__", "")
    if not name or "<" in name:
        raise SettingError(
            "features must be a function with a name at the top of a module, so that the experiment can be "
            "run again: def my_features(prices): …"
        )
    return f"{features.__module__}:{name}"
