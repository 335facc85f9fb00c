"""Run: everything about a comparison, in memory and on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gatecast.data.prices import Prices
from gatecast.errors import RunError
from gatecast.evaluation.findings import Noun
from gatecast.evaluation.lag import Lag, lags
from gatecast.evaluation.losses import DEFAULT_LOSSES, Loss
from gatecast.evaluation.metrics import PRICE, Metric, metrics_of
from gatecast.evaluation.scores import headline_symbol, scores, unscored, wide
from gatecast.evaluation.significance import ModelSignificance, Significance, significance
from gatecast.evaluation.untrained import untrained
from gatecast.evaluation.verdict import Verdict, verdict
from gatecast.files import sha256_of
from gatecast.forecasts import Forecasts
from gatecast.formatting import (
    UNDEFINED,
    change,
    interval,
    number,
    p_cell,
    percent,
    plain,
    price_decimals,
    text_table,
)
from gatecast.language import marked, say
from gatecast.models.fitted_files import save_fitted
from gatecast.models.model import Fitted
from gatecast.profiling import stage
from gatecast.settings.experiment import Experiment, Provenance
from gatecast.settings.judged import Judged
from gatecast.settings.toml import to_toml

FORMAT = 2  # of a run folder
POINT_COLUMNS = ("rmse_return", "directional_accuracy")  # metrics of the printed table
SKILL_NOTE = marked("skill: {loss} saved against {benchmark}; p: one-sided, of the Diebold-Mariano test")
DISTRIBUTION_SKILL_NOTE = marked(
    "skill: {loss} saved against {benchmark}, the best baseline with a distribution; p: one-sided, of the "
    "Diebold-Mariano test"
)
DISTRIBUTION_COLUMNS = ("crps", "log_score", "coverage_50", "coverage_80", "coverage_95", "var_1")


@dataclass(frozen=True)
class Run:
    """What a comparison found.

    Scores and verdict are computed from `outcome` when asked for.

    Attributes
    ----------
    experiment
        What was asked.
    provenance
        What was found.
    prices
        Of which.
    outcome
        Every forecast, as arrays.
    training
        The loss of every member and epoch.
    warnings
        What was odd in the data and the fits.
    notes
        What the verdict must add.
    fitted
        Every network, fitted, one per fold; in a run that was opened from its folder they are read when asked
        for.
    answers
        Of functions of the user's, so that they need not be asked again (not in a run that was opened).
    """

    experiment: Experiment | Judged
    provenance: Provenance
    prices: Prices
    outcome: Forecasts
    training: pd.DataFrame
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    fitted: Mapping[str, Sequence[Fitted]]
    answers: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def noun(self) -> Noun:
        """What the models are that are no baselines."""
        if isinstance(self.experiment, Judged):
            return "given model"
        return "candidate" if self.experiment.foreign or self.experiment.means else "network"

    @property
    def compared(self) -> Experiment:
        """The experiment of a run that trained its models.

        Raises
            RunError: the run judged forecasts that were made elsewhere.
        """
        if isinstance(self.experiment, Judged):
            raise RunError(
                say(
                    "this run judged forecasts that were made elsewhere and trained nothing. Give "
                    "one of compare"
                )
            )
        return self.experiment

    @property
    def forecasts(self) -> pd.DataFrame:
        """One row per symbol, model, fold, seed (null: the ensemble), origin and step; in price units."""
        return self.outcome.frame

    @cached_property
    def untrained(self) -> dict[str, str]:
        """Networks that did not train, and why; they are not judged."""
        if isinstance(self.experiment, Judged):
            return {}
        others = {*self.experiment.foreign, *self.experiment.means}
        return untrained(self.outcome, self.training, others)

    @cached_property
    def judged(self) -> Forecasts:
        """`outcome` without the networks that did not train."""
        return self.outcome.without(self.untrained)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row per model, symbol, step and metric; see `gatecast.evaluation.scores.scores`. NaN for
        networks that did not train."""
        return unscored(scores(self.outcome), self.untrained)

    @cached_property
    def significances(self) -> dict[str, Significance]:
        """Key of a loss → its tests: the squared error, and the CRPS where a model has a distribution."""
        losses = [loss for loss in DEFAULT_LOSSES if loss.models(self.judged)]
        return {loss.key: self.significance_of(loss) for loss in losses}

    @property
    def significance(self) -> Significance:
        """The tests of the squared error against naive."""
        return self.significances["squared_error"]

    def significance_of(self, loss: Loss) -> Significance:
        """The tests of any loss of `gatecast.evaluation.losses`."""
        return significance(self.judged, loss, seed=self.experiment.seed)

    @cached_property
    def lag(self) -> dict[str, Lag]:
        """Per model: is the forecast an old price, shifted?"""
        return lags(self.judged, self._history())

    @cached_property
    def verdict(self) -> Verdict:
        """A few plain sentences on the point forecasts, and on the distributions where a model has one."""
        given = isinstance(self.experiment, Judged)
        return verdict(
            self.judged,
            self.significances,
            self.lag,
            seeds=0 if given else self.compared.seeds,
            noun=self.noun,
            folds=len(np.unique(self.outcome.fold)),
            untrained=self.untrained,
            notes=self.notes,
        )

    def table(self) -> str:
        """The scores over all steps as text, one block per loss, as the command line prints them."""
        scores = wide(self.scores)
        overall = (scores["step"] == "all") & (scores["symbol"] == headline_symbol(scores))
        values = scores[overall].set_index("model").to_dict()
        blocks = []
        for tests in self.significances.values():
            columns = [
                metrics_of(self.outcome.move)[name]
                for name in (POINT_COLUMNS if tests.loss.point else DISTRIBUTION_COLUMNS)
            ]
            heads = [
                *(say("model"), say("skill"), say("90 % interval"), "p"),
                *(column.heading for column in columns),
            ]
            rows = [
                [name, *_skill_cells(tests.models.get(name))]
                + [_score_cell(column, values[column.name][name]) for column in columns]
                for name in tests.loss.models(self.outcome)
            ]
            lines = [text_table(heads, rows)]
            if tests.benchmark is not None:
                note = SKILL_NOTE if tests.loss.point else DISTRIBUTION_SKILL_NOTE
                lines.append(say(note, loss=say(tests.loss.name), benchmark=tests.benchmark))
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)

    def summary(self) -> dict[str, Any]:
        """Verdict, scores and tests as plain data for JSON; undefined numbers are None."""
        return plain({**self._judgement(), "scores": self.scores.to_dict(orient="records")})

    def _judgement(self) -> dict[str, Any]:
        """What verdict.json holds."""
        return {
            "verdict": self.verdict.as_dict(),
            "source": list(self.prices.source),
            "sha256": self.prices.sha256,
            "significance": {key: tests.as_dict() for key, tests in self.significances.items()},
            "untrained": self.untrained,
            "lag": {name: lag.as_dict() for name, lag in self.lag.items()},
            "scales": self.outcome.scales.to_dict(orient="records"),
            "warnings": list(self.warnings),
            "notes": list(self.notes),
        }

    def _history(self) -> dict[str, pd.Series]:
        """Every symbol's own prices of the forecast column, by session."""
        prices = self.prices
        column = prices.table.set_index("session")[self.experiment.column]
        ends = np.append(prices.first[1:], len(column))
        return {
            symbol: column.iloc[start:end]
            for symbol, start, end in zip(prices.symbols, prices.first, ends, strict=True)
        }

    def write(self, folder: Path) -> None:
        """Write every file but the page and its pictures into an empty folder."""
        with stage("scoring"):
            judgement, scores = self._judgement(), self.scores
        (folder / "experiment.toml").write_text(to_toml(self.experiment, self.provenance), encoding="utf-8")
        self.prices.to_parquet(folder / "prices.parquet")
        self.outcome.to_parquet(folder / "forecasts.parquet")
        scores.to_parquet(folder / "scores.parquet", index=False)
        self.training.to_parquet(folder / "training.parquet", index=False)
        for name, fitted in self.fitted.items():
            save_fitted(fitted, folder / "models" / name)
        for name, answers in self.answers.items():
            (folder / "answers").mkdir(exist_ok=True)
            answers.to_parquet(folder / "answers" / f"{name}.parquet", index=False)
        files = {
            str(path.relative_to(folder)): sha256_of(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        content = plain({"format": FORMAT, **judgement, "files": files})
        text = json.dumps(content, indent=1, allow_nan=False)
        (folder / "verdict.json").write_text(text, encoding="utf-8")


def _skill_cells(model: ModelSignificance | None) -> tuple[str, str, str]:
    """A skill, its interval and the one-sided p; dashes where there is none."""
    if model is None:
        return UNDEFINED, UNDEFINED, UNDEFINED
    skill = model.skill
    return (
        change(skill.value),
        interval(skill.low, skill.high, change),
        p_cell(model.diebold_mariano.p_better),
    )


def _score_cell(metric: Metric, value: float) -> str:
    """A score with the sign for per cent where its metric is one."""
    if metric.unit == PRICE:
        return number(value, price_decimals([value]))
    return (percent if metric.factor == 100 else number)(value, metric.decimals)
