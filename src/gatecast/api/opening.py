"""Run folders read again; a folder may come from anybody, so nothing in it is believed unseen."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gatecast.api.judgement import judged_as_given
from gatecast.api.result import Result
from gatecast.api.stored_networks import StoredNetworks
from gatecast.data.columnar import parquet_table
from gatecast.data.prices import Prices
from gatecast.data.sources import load
from gatecast.errors import DataWarning, InputError, RunError
from gatecast.files import sha256_of
from gatecast.folders import is_unfinished
from gatecast.forecasts import COLUMNS, DISTRIBUTION_COLUMNS, QUANTILE_COLUMNS, Forecasts, move_of
from gatecast.forecasts import SCALES as SCALE_COLUMNS
from gatecast.formatting import printable
from gatecast.language import say
from gatecast.models.model import Fitted
from gatecast.problem.moves import Move
from gatecast.run import FORMAT
from gatecast.settings.experiment import Experiment
from gatecast.settings.judged import Judged
from gatecast.settings.toml import read_asked, read_provenance

TABLES = ("prices.parquet", "forecasts.parquet", "training.parquet")
TRAINING = {
    **dict.fromkeys(("model", "stage"), "text"),
    **dict.fromkeys(("fold", "epoch", "loss"), "number"),
}
SCALES = {"symbol": "text", "fold": "number", "naive_mae": "number", "naive_mse": "number"}
FORECASTS = {
    **dict.fromkeys(COLUMNS, "number"),
    **dict.fromkeys(("symbol", "model"), "text"),
    **dict.fromkeys(("origin", "time"), "date"),
}
KINDS = {
    "text": pd.api.types.is_string_dtype,
    "number": pd.api.types.is_numeric_dtype,
    "date": pd.api.types.is_datetime64_dtype,
}
ROUNDING = 1e-9  # of a price
OLD_NAMES = {"y": "actual", "date": "time"}  # of format 1, which has scores.json for verdict.json


def open_run(folder: str | Path, *, allow_code: bool = False) -> Result:
    """The run in a folder, as `gatecast.compare` returned it; no code of the folder is run.

    Its networks are read when `models` is asked for one.

    Parameters
    ----------
    allow_code
        Whether its networks, asked for a forecast, may import and run the function that the experiment names
        as its features, if it does.

    Raises
    ------
    RunError
        No run folder, a file in it that was changed after the run, or parts that do not fit.
    """
    folder = Path(folder)
    name, renamed = ("verdict.json", {}) if (folder / "verdict.json").exists() else ("scores.json", OLD_NAMES)
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        version = content["format"] if not renamed else 1
        files, scales = dict(content["files"]), _table(content["scales"], SCALES)
        warned, notes = _texts(content["warnings"]), _texts(content["notes"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        if is_unfinished(folder):
            raise RunError(
                say(
                    "{folder}: its run is not finished. Start the same comparison again with this "
                    "folder: it goes on where it was stopped",
                    folder=folder,
                )
            ) from None
        raise RunError(
            say(
                "{folder}: no run folder (its verdict.json is missing or unreadable). Give a "
                "folder that gatecast compare or judge has written",
                folder=folder,
            )
        ) from None
    if version not in (1, FORMAT):
        raise RunError(
            say(
                "{folder}: a run of format {version}, which this version cannot read; run the "
                "experiment in {folder_2} again",
                folder=folder,
                version=printable(version, 20),
                folder_2=folder / "experiment.toml",
            )
        )
    for name in ("experiment.toml", *TABLES):
        if not (folder / name).is_file() or sha256_of(folder / name) != files.get(name):
            raise RunError(
                say(
                    "{folder}: missing, or changed after the run; run the experiment again",
                    folder=folder / name,
                )
            )
    experiment = read_asked(folder / "experiment.toml")
    provenance = read_provenance(folder / "experiment.toml")
    if provenance is None:
        raise RunError(
            say("{folder}: does not say which data it found; run it again", folder=folder / "experiment.toml")
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # given when the run was made
        prices = load(folder / "prices.parquet")
    outcome = _outcome(folder / "forecasts.parquet", renamed, scales, experiment, prices)
    fitted: Mapping[str, Sequence[Fitted]] = {}
    if isinstance(experiment, Judged):
        outcome, features = judged_as_given(outcome, experiment.given), None
    else:
        fitted = StoredNetworks(folder, files, experiment, outcome, prices.symbols)
        features = experiment.features if allow_code else None
    return Result(
        experiment=experiment,
        provenance=provenance,
        prices=prices,
        outcome=outcome,
        training=_read(folder / "training.parquet", TRAINING),
        warnings=warned,
        notes=notes,
        fitted=fitted,
        features=features,
    )


def _outcome(
    file: Path, renamed: dict[str, str], scales: pd.DataFrame, experiment: Experiment | Judged, prices: Prices
) -> Forecasts:
    """The forecasts in `file`, which are of these models and steps, and of sessions of these prices.

    renamed: names of columns of an older format → today's
    """
    frame = _read(file, FORECASTS, renamed)
    try:
        horizon, steps = experiment.horizon, frame["step"]
        if set(steps.unique()) != set(range(1, horizon + 1)):
            raise ValueError(f"its steps are not 1 to {horizon}")
        if set(frame["model"]) != set(experiment.models):
            raise ValueError("its models are not those of experiment.toml")
        if set(frame["symbol"]) - set(prices.symbols):
            raise ValueError("it has symbols without prices")
        _check_numbers(frame, move_of(frame))
        own = [name for name in SCALE_COLUMNS if name in frame]
        if (scales[["naive_mae", "naive_mse"]] < 0).any(axis=None) or (frame[own] < 0).any(axis=None):
            raise ValueError("a scale is below 0")
        season = 1 if isinstance(experiment, Judged) else experiment.anchored
        outcome = Forecasts.from_frame(frame, scales, prices.frequency, season)
        _check_prices(outcome, prices, experiment.column)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, RunError):
            raise
        raise RunError(
            say("{file}: not the forecasts of this run ({error})", file=file, error=error)
        ) from None
    return outcome


def _check_numbers(frame: pd.DataFrame, move: Move) -> None:
    """Raise ValueError where a forecast is no finite number, or a distribution none of prices."""
    present = [name for name in DISTRIBUTION_COLUMNS if name in frame]
    if not all(KINDS["number"](frame[name]) for name in present):
        raise ValueError("a quantile or score is no number")
    if not np.isfinite(frame[["actual", "forecast"]].to_numpy(np.float64)).all():
        raise ValueError("a forecast or a target is no finite number")
    if "q50" in frame:
        known = frame.loc[frame["q50"].notna(), [*QUANTILE_COLUMNS]].to_numpy(np.float64)
        if not move.is_price(known).all():
            raise ValueError("a quantile is no price")


def _check_prices(outcome: Forecasts, prices: Prices, column: str) -> None:
    """Raise ValueError where an anchor, a target or a date is not that of the prices."""
    table = prices.table
    rows = pd.MultiIndex.from_arrays([table["symbol"].astype(str), table["session"]])
    names = np.asarray(outcome.symbols, dtype=object)[outcome.symbol]
    at = rows.get_indexer(pd.MultiIndex.from_arrays([names.astype(str), pd.DatetimeIndex(outcome.origin)]))
    last = np.append(prices.first[1:], len(table))[np.searchsorted(prices.first, at, side="right") - 1]
    if (at < 0).any() or (at + outcome.horizon >= last).any():
        raise ValueError("an origin is no session of the prices, or has no later ones")
    targets = at[:, None] + np.arange(1, outcome.horizon + 1)
    price, session = table[column].to_numpy(np.float64), prices.times
    if not (session[targets] == outcome.time).all():
        raise ValueError("a forecast is not of the sessions after its origin")
    for known, actual in ((outcome.anchor, price[at]), (outcome.actual, price[targets])):
        if not np.allclose(known, actual, rtol=ROUNDING, atol=0):
            raise ValueError("an anchor or a target is not the price of its session")


def _read(file: Path, columns: dict[str, str], renamed: dict[str, str] | None = None) -> pd.DataFrame:
    """The table in a Parquet file, which has these columns, some perhaps under older names."""
    try:
        return _table(parquet_table(file.read_bytes(), str(file))[1].rename(columns=renamed or {}), columns)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise RunError(say("{file}: not a table of a run ({error})", file=file, error=error)) from None


def _table(rows: Any, columns: dict[str, str]) -> pd.DataFrame:
    """`rows` as a table, if it has these columns; a column may miss only where there are no rows."""
    frame = pd.DataFrame(rows, columns=None if len(rows) else list(columns))
    for name, kind in columns.items():
        if len(frame) and not KINDS[kind](frame[name]):
            raise ValueError(f"{name} is no {kind}")
    return frame


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("not a list of texts")
    return tuple(values)
