"""The main road: prices → problem → folds → forecasts → scores → verdict."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pandas as pd

from gatecast._version import __version__
from gatecast.api.models import (
    calibrated,
    check_memory,
    folds_of,
    model_of,
    problem_of,
    trainings,
    unused_note,
    with_target,
)
from gatecast.api.result import Result
from gatecast.api.seasons import with_season
from gatecast.api.unfinished import FORECASTS, MEMBERS, Unfinished, unfinished
from gatecast.data.prices import Prices
from gatecast.data.sources import prices_of
from gatecast.errors import DataError, DataWarning, FitWarning, SettingError
from gatecast.evaluation.seen import seen_notes
from gatecast.forecasts import Forecasts
from gatecast.formatting import listed, percent, some
from gatecast.kept import key_of
from gatecast.language import plural, say
from gatecast.models.foreign.estimators import EstimatorModel
from gatecast.models.foreign.functions import FunctionModel
from gatecast.models.foreign.given import described, foreign_model
from gatecast.models.kept_forecasts import KeptForecasts, problem_key
from gatecast.models.model import Fitted, Model
from gatecast.models.networks import FittedNetwork, combination_note, ensembles_of, pace_notes
from gatecast.models.walk_forward import walk_forward
from gatecast.nn.engine import this_engine
from gatecast.problem.features import FeatureFunction
from gatecast.problem.folds import MIN_TRAINING_ORIGINS, Fold
from gatecast.problem.problem import Problem
from gatecast.progress import Bar
from gatecast.settings.experiment import Experiment, Provenance, Settings
from gatecast.settings.frequency import session_noun, session_nouns, stamp
from gatecast.settings.names import DEFAULT_MODELS, DISTRIBUTION_RIVALS, Models, resolve_models
from gatecast.settings.network import Network
from gatecast.settings.signatures import refuse_others, takes_settings
from gatecast.settings.training import Training


@takes_settings(Settings, Experiment)
def compare(
    prices: Any,
    models: str | Models = DEFAULT_MODELS,
    *,
    network: Network | None = None,
    training: Training | None = None,
    features: str | FeatureFunction | None = None,
    folder: str | Path | None = None,
    overwrite: bool = False,
    **settings: Unpack[Settings],
) -> Result:
    """The result of training every model walk-forward, forecasting the test sessions and judging them.

    Parameters
    ----------
    prices
        From `gatecast.load`, or what it takes: a path, a DataFrame, "yahoo:TSLA", a list of these.
    models
        Networks ("rnn", "lstm", "gru", "birnn", "bilstm", "bigru", {"a name of yours": Network(...)} or
        {"another": (Network(...), Training(...))}) and baselines ("naive", "drift", "ewma", "ar",
        "seasonal-naive", "last-close"; with a distribution: "historical", "ewma-t", "garch-t",
        "gjr-garch-t", "har", "lhar"). A list without a baseline gets naive, drift, ewma and ar, one with
        networks of distributions historical, ewma-t, gjr-garch-t and lhar. Models of your own by a name,
        {"ridge": Ridge()}, or as "module:object"; "mean", the combination of the models that are listed:
        the guide "Any model".
    network
        The base of the named networks, their cell and direction replaced.
    training
        How networks are trained that have no training of their own.
    features
        A function (one symbol's table → DataFrame), or "module:function", whose columns networks read beside
        the default ones (`gatecast.problem.features`; with replace_features instead of them).
    folder
        Where the run is saved. It grows there while it is computed: the same call goes on where one was
        stopped, to the same bits.
    overwrite
        Replace the run that gatecast wrote there before.

    Raises
    ------
    SettingError
        A setting that is wrong.
    DataError
        Too few sessions for the job.
    RunError
        The folder is not empty (unless `overwrite`), holds an unfinished run of something else, or cannot be
        written.
    """
    refuse_others(settings, Settings, Experiment)
    network = None if network is None else Network.instance("network", network)
    training = Training() if training is None else Training.instance("training", training)
    asked = resolve_models(models, network, settings.get("column", "close"), settings.get("anchor", "last"))
    experiment = Experiment(
        models=asked.models,
        networks=asked.networks,
        training=training,
        trainings=asked.trainings,
        foreign={name: described(given) for name, given in asked.foreign.items()},
        means=asked.means,
        features=_name_of(features),
        **settings,
    )
    experiment.check_test_size(settings)
    function, known = features if callable(features) else None, prices_of(prices)
    if folder is None:
        return run(experiment, known, features=function, foreign=asked.foreign)
    with unfinished(folder, experiment, known, provenance_of(known), overwrite=overwrite) as grown:
        result = run(experiment, known, features=function, foreign=asked.foreign, grown=grown)
        grown.finish(result)
    result.draw(folder)
    return result


def run(
    experiment: Experiment,
    prices: Prices,
    *,
    features: FeatureFunction | None = None,
    foreign: Mapping[str, Any] | None = None,
    answers: Path | None = None,
    grown: Unfinished | None = None,
) -> Result:
    """The result of an experiment that is written down already.

    Parameters
    ----------
    features
        The function that `experiment.features` names, where it is at hand.
    foreign
        The models that `experiment.foreign` names, where they are at hand.
    answers
        The folder of an earlier run's answers, which are not asked for again.
    grown
        The run as far as it was computed and kept; it grows.
    """
    experiment, of_target = with_target(experiment, prices)
    check_memory(experiment, prices)
    experiment, on_season = with_season(
        experiment, prices, lambda problem: folds_of(experiment, problem, prices.frequency)[0]
    )
    problem = problem_of(
        experiment,
        prices,
        features=features or experiment.features,
        volatility_features=experiment.has_distributions,
    )
    folds = folds_of(experiment, problem, prices.frequency)
    kept_answers = None if grown is None else grown.answers
    own = {
        name: foreign_model(name, (foreign or {}).get(name, text), experiment, answers, kept_answers)
        for name, text in experiment.foreign.items()
    }
    keepers = {name: grown.kept.part(f"{MEMBERS}{name}") if grown else None for name in experiment.networks}
    models = {
        name: calibrated(own[name], experiment.calibration)
        if name in own
        else model_of(experiment, name, keepers.get(name))
        for name in experiment.models
        if name not in experiment.means
    }
    identities = dict.fromkeys(experiment.baselines, "") | {
        name: model.identity for name, model in own.items() if isinstance(model, EstimatorModel)
    }
    if grown is not None:
        grown.trainings = sum(trainings(model, problem, folds) for model in models.values())
    outcome, fitted, fits = walked(
        models,
        problem,
        folds,
        experiment.means,
        _kept_forecasts(identities, experiment.calibration, prices, problem, grown),
    )
    named = experiment.baselines if experiment.calibration == "none" else experiment.models
    if rivals := _rivals_of_distributions(named, experiment.foreign, outcome):
        rivalling = {name: model_of(experiment, name) for name in rivals}
        kept = _kept_forecasts(dict.fromkeys(rivals, ""), experiment.calibration, prices, problem, grown)
        others, _, more = walked(rivalling, problem, folds, kept=kept)
        beside = (*experiment.baselines, *rivals)
        candidates = (name for name in experiment.models if name not in beside)
        experiment = experiment.changed(models=(*beside, *candidates))
        outcome, fits = outcome.beside(others, experiment.models), fits + more
    unused = unused_note(prices, experiment.columns_read, features or experiment.features)
    for text in (*of_target, *unused, *_left_out(problem, folds, most=20)):
        warnings.warn(text, DataWarning, stacklevel=2)
    ensembles = {name: of_folds for name in fitted if (of_folds := ensembles_of(fitted[name]))}
    notes = [combination_note(name, of_folds) for name, of_folds in ensembles.items()]
    functions = {name: model for name, model in own.items() if isinstance(model, FunctionModel)}
    trained_until = {name: day for name, model in functions.items() if (day := model.asked.trained_until)}
    seen = seen_notes(outcome, trained_until, seed=experiment.seed)
    return Result(
        experiment=experiment,
        provenance=provenance_of(prices),
        prices=prices,
        outcome=outcome,
        training=_training({name: of_folds[0].population for name, of_folds in ensembles.items()}),
        warnings=(
            *(oddity.text for oddity in prices.oddities),
            *of_target,
            *unused,
            *fits,
            *_left_out(problem, folds),
        ),
        notes=(
            *on_season,
            *_level_note(problem, folds),
            *filter(None, notes),
            *pace_notes(ensembles),
            *_mean_notes(experiment.means, outcome),
            *seen,
        ),
        answers={name: model.answers.frame for name, model in functions.items()},
        fitted={name: fitted[name] for name in experiment.networks},
        features=features or experiment.features,
    )


def check_same_data(prices: Prices, found: Provenance) -> None:
    """Raise a DataError where an earlier run of an experiment found other data than these."""
    if not prices.has_hash(found.sha256):
        raise DataError(
            say("these are not the data of the experiment"),
            file=", ".join(prices.source),
            column="sha256",
            value=say(
                "{sha256}… instead of {sha256_2}…", sha256=prices.sha256[:12], sha256_2=found.sha256[:12]
            ),
            remedy=say(
                "Give the run's own prices.parquet as the source, or remove sha256 from the experiment"
            ),
        )


def walked(
    models: Mapping[str, Model],
    problem: Problem,
    folds: Sequence[Fold],
    means: Mapping[str, Sequence[str]] | None = None,
    kept: Mapping[str, KeptForecasts] | None = None,
) -> tuple[Forecasts, dict[str, Sequence[Fitted]], tuple[str, ...]]:
    """What `walk_forward` gives, and what the fits warned of, each warning given and returned once."""
    with warnings.catch_warnings(record=True) as caught, Bar() as bar:
        warnings.simplefilter("always", FitWarning)
        outcome, fitted = walk_forward(models, problem, folds, bar, means, kept)
    once = {str(warning.message): warning for warning in caught}.values()  # a baseline says it in every fold
    for warning in once:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    fits = tuple(str(warning.message) for warning in once if issubclass(warning.category, FitWarning))
    return outcome, fitted, fits


def _kept_forecasts(
    names: Mapping[str, str | None],
    calibration: str,
    prices: Prices,
    problem: Problem,
    grown: Unfinished | None,
) -> dict[str, KeptForecasts]:
    """Where the forecasts of models are kept that have no keeper of their own, if one can tell what they are.

    names: of the models → what they are.
    """
    if grown is None:
        return {}
    key = problem_key(problem, prices.sha256_with_names, calibration)
    return {
        name: KeptForecasts(grown.kept.part(f"{FORECASTS}{name}"), key_of(key, name, what))
        for name, what in names.items()
        if what is not None
    }


def _mean_notes(means: Mapping[str, Sequence[str]], outcome: Forecasts) -> list[str]:
    """Which models are left out of a mean, because they forecast a point."""
    notes = []
    for mean, parts in means.items():
        points = [name for name in parts if name not in outcome.distributions]
        if points and mean in outcome.distributions:
            combined = [name for name in parts if name not in points]
            notes.append(
                plural(
                    "The model {mean} combines {combined}; {points} forecasts a point and is left out of it",
                    "The model {mean} combines {combined}; {points} forecast points and are left out of it",
                    len(points),
                    mean=mean,
                    combined=listed(combined),
                    points=listed(points),
                )
            )
    return notes


def _rivals_of_distributions(
    named: Sequence[str], foreign: Mapping[str, str], outcome: Forecasts
) -> tuple[str, ...]:
    """Baselines with a distribution, where a model of the user's own has one and none that is named does."""
    if set(named) & set(outcome.distributions) or not set(foreign) & set(outcome.distributions):
        return ()
    return DISTRIBUTION_RIVALS


def provenance_of(prices: Prices) -> Provenance:
    """The data that were read, and the engine that computed."""
    sessions = prices.table["session"]
    return Provenance(
        gatecast=__version__,
        source=prices.source,
        sha256=prices.sha256,
        symbols=prices.symbols,
        first=f"{sessions.min():%Y-%m-%d}",
        last=f"{sessions.max():%Y-%m-%d}",
        engine=this_engine(),
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
        names = [
            say("{symbol} (fold {numbers})", symbol=symbol, numbers=", ".join(map(str, numbers)))
            for symbol, numbers in short.items()
        ]
        said.append(
            say(
                "fewer than {least} training windows, left out of these folds: {symbols}",
                least=MIN_TRAINING_ORIGINS,
                symbols=some(names, most=most),
            )
        )
    if untested:
        bar = session_noun(problem.frequency)
        ends = dict(zip(problem.symbols, problem.session[np.unique(problem.last)], strict=True))
        names = [
            say(
                "{symbol} (last {bar} {time})",
                symbol=symbol,
                bar=bar,
                time=stamp(ends[symbol], problem.frequency),
            )
            for symbol in untested
        ]
        said.append(
            say(
                "trained on, but without a forecast that could be scored in the test: {symbols}",
                symbols=some(names, most=most),
            )
        )
    return tuple(said)


def _level_note(problem: Problem, folds: Sequence[Fold]) -> tuple[str, ...]:
    """Why a network on price levels fails where prices trend: it never saw them."""
    if problem.target != "close":
        return ()
    outside = total = 0
    for fold in folds:
        for symbol in np.unique(problem.symbol[fold.test]):
            known = problem.anchor[fold.train_validation[problem.symbol[fold.train_validation] == symbol]]
            tested = problem.anchor[fold.test[problem.symbol[fold.test] == symbol]]
            outside += int(((tested < known.min()) | (tested > known.max())).sum())
            total += len(tested)
    if outside == 0:
        return ()
    return (
        say(
            "The networks forecast the price level, and in {share} of the test {sessions} the price lies "
            "outside the range they were trained on",
            share=percent(outside / total, 0),
            sessions=session_nouns(problem.frequency),
        ),
    )


def _name_of(features: str | FeatureFunction | None) -> str | None:
    """The name under which an experiment file can find the function again."""
    if features is None or isinstance(features, str):
        return features
    name = getattr(features, "__qualname__", "")
    if not name or "<" in name:
        raise SettingError(
            say(
                "features must be a function with a name at the top of a module, so that the "
                "experiment can be run again: def my_features(prices): …"
            )
        )
    return f"{features.__module__}:{name}"
