"""The next sessions, and the record of the model that forecasts them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gatecast.comparison import run as run_comparison
from gatecast.data.prices import Prices
from gatecast.errors import SettingError, did_you_mean
from gatecast.experiment import NETWORKS, Experiment
from gatecast.forecaster import Forecaster
from gatecast.options import flag_name
from gatecast.runs import Result, open_run, plain


@dataclass(frozen=True)
class Outlook:
    """forecast: see `Forecaster.forecast`; record: the walk-forward comparison of the same model."""

    model: str
    forecast: pd.DataFrame
    record: Result

    @property
    def errors(self) -> pd.DataFrame:
        """Per symbol and step: the model's and naive's typical (root mean square) error in the record.

        symbol, step, rmse_return and naive_rmse_return: fractions of the last price.
        """
        scores = self.record.scores
        steps = scores[scores["step"] != "all"].astype({"step": int})
        own, naive = (
            steps[steps["model"] == model].set_index(["symbol", "step"])["rmse_return"]
            for model in (self.model, "naive")
        )
        return pd.DataFrame({"rmse_return": own, "naive_rmse_return": naive}).reset_index()

    @property
    def table(self) -> pd.DataFrame:
        """The forecast with its typical error beside every step."""
        return self.forecast.merge(self.errors, on=["symbol", "step"], how="left")

    @property
    def text(self) -> str:
        """What the command line prints."""
        lines = []
        for symbol, rows in self.table.groupby("symbol", sort=False):
            first = rows.iloc[0]
            lines += [
                f"{symbol}: {first.anchor:,.2f} at the close of {first.origin:%Y-%m-%d}",
                f"{'date':<12}{'forecast':>14}{'change':>10}{'typical error':>16}{'of naive':>11}",
            ]
            lines += [
                f"{row['date']:%Y-%m-%d}  {row['forecast']:>14,.2f}{row['change']:>+10.2%}"
                f"{_percent(row['rmse_return']):>16}{_percent(row['naive_rmse_return']):>11}"
                for _, row in rows.iterrows()
            ]
            lines.append("")
        return "\n".join([*lines, f"The record of {self.model} on these data:", self.record.verdict.text])

    def summary(self) -> dict[str, Any]:
        """The same as plain data for JSON; dates as YYYY-MM-DD."""
        table = self.table
        for name in ("origin", "date"):
            table[name] = pd.to_datetime(table[name]).dt.strftime("%Y-%m-%d")
        record = self.record.summary()
        kept = {name: record[name] for name in ("verdict", "source", "sha256", "scores", "warnings")}
        return plain({"model": self.model, "forecast": table.to_dict(orient="records"), "record": kept})


def with_run(folder: Path, settings: Iterable[str]) -> Result:
    """The run in `folder`; `settings`, given beside it, may only choose the data.

    Raises
        SettingError: another setting, which comes from the run. RunError: no run folder.
    """
    wrong = [flag_name(name) for name in settings if name not in ("symbols", "start", "end", "calendar")]
    if wrong:
        raise SettingError(f"with --run the settings come from the run: drop {', '.join(wrong)}")
    return open_run(folder)


def outlook(experiment: Experiment, prices: Prices, model: str, record: Result | None = None) -> Outlook:
    """Fit `model` on all of `prices` and forecast the sessions after them.

    record: a run with this model; its experiment is then used throughout, on those of its symbols that are
    in `prices`. Without it the walk-forward comparison of `experiment` is made first.

    Raises
        SettingError: `model` is no network, or not one of the record's.
    """
    settings = experiment if record is None else record.experiment
    if model not in settings.networks:
        known = NETWORKS if record is None else settings.networks
        raise SettingError(
            f'"{model}" is no network that could be trained{" as in the run" if record else ""}.'
            f"{did_you_mean(model, known)} Known: {', '.join(known) or 'none'}"
        )
    if record is None:
        record = run_comparison(experiment, prices)
    elif tested := [symbol for symbol in prices.symbols if symbol in record.prices.symbols]:
        prices = prices.select(tested)
    forecaster = Forecaster(
        settings.networks[model],
        settings.training,
        lookback=settings.lookback,
        horizon=settings.horizon,
        column=settings.column,
        target=settings.target,
        features=settings.features,
        scaler=settings.scaler,
        validation_size=settings.validation_size,
        refit=settings.refit,
        pooled=settings.pooled,
        seeds=settings.seeds,
        seed=settings.seed,
    )
    return Outlook(model, forecaster.fit(prices).forecast(), record)


def _percent(fraction: float) -> str:
    return "–" if not np.isfinite(fraction) else f"± {fraction:.2%}"
