"""Run: everything about a comparison, in memory and on disk."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gatecast.data.prices import Prices
from gatecast.evaluation.lag import Lag, lags
from gatecast.evaluation.metrics import scores
from gatecast.evaluation.range_scores import range_scores
from gatecast.evaluation.range_significance import RangeSignificance, range_significance
from gatecast.evaluation.range_verdict import range_verdict
from gatecast.evaluation.significance import DieboldMariano, Significance, Skill, significance
from gatecast.evaluation.untrained import unscored, untrained
from gatecast.evaluation.verdict import Verdict, verdict
from gatecast.files import sha256_of
from gatecast.forecasts import Forecasts
from gatecast.formatting import plain
from gatecast.models.networks import FittedNetwork
from gatecast.models.storage import save_network
from gatecast.profiling import stage
from gatecast.settings.experiment import Experiment, Provenance
from gatecast.settings.toml import to_toml


@dataclass(frozen=True)
class Run:
    """What a comparison found.

    experiment: what was asked; provenance: what was found; outcome: every forecast, as arrays; training: the
    loss of every member and epoch; warnings: what was odd in the data and the fits; notes: what the verdict
    must add; networks: the trained networks (empty in a run that was opened from its folder). Scores and
    verdict are computed from `outcome` when asked for.
    """

    experiment: Experiment
    provenance: Provenance
    prices: Prices
    outcome: Forecasts
    training: pd.DataFrame
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    networks: dict[str, FittedNetwork]

    @property
    def forecasts(self) -> pd.DataFrame:
        """One row per symbol, model, fold, seed (null: the ensemble), origin and step; in price units."""
        return self.outcome.frame

    @cached_property
    def untrained(self) -> dict[str, str]:
        """Networks that did not train, and why; they are not judged."""
        return untrained(self.outcome, self.training)

    @cached_property
    def judged(self) -> Forecasts:
        """`outcome` without the networks that did not train."""
        return self.outcome.without(self.untrained)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row per model, symbol and step; see `gatecast.evaluation.metrics.scores`. NaN for
        networks that did not train."""
        return unscored(scores(self.outcome), self.untrained)

    @cached_property
    def significance(self) -> Significance:
        """Diebold-Mariano, SPA and the model confidence set against naive."""
        return significance(self.judged, seed=self.experiment.seed)

    @cached_property
    def range_scores(self) -> pd.DataFrame:
        """One row per model that has a range, symbol and step; empty where none has. See
        `gatecast.evaluation.range_scores.range_scores`."""
        return unscored(range_scores(self.outcome), self.untrained)

    @cached_property
    def range_significance(self) -> RangeSignificance | None:
        """The same tests of the CRPS against the baselines that have a range; None where no model has."""
        return range_significance(self.judged, seed=self.experiment.seed)

    @cached_property
    def lag(self) -> dict[str, Lag]:
        """Per model: is the forecast an old price, shifted?"""
        return lags(self.judged, self._history())

    @cached_property
    def verdict(self) -> Verdict:
        """Two to five plain sentences on the point, and one to three on the range where a model has one."""
        tests = self.range_significance
        return verdict(
            self.judged,
            self.significance,
            self.lag,
            seeds=self.experiment.seeds,
            folds=self.experiment.folds,
            ranges=None if tests is None else range_verdict(self.judged, tests),
            untrained=self.untrained,
            notes=self.notes,
        )

    def table(self) -> str:
        """The scores over all steps as text, as the command line prints them."""
        scores = self.scores
        symbol = "all" if "all" in set(scores["symbol"]) else scores["symbol"].iloc[0]
        shown = scores[(scores["step"] == "all") & (scores["symbol"] == symbol)].set_index("model")
        lines = [f"{'model':<16}{'skill':>9}{'90 % interval':>21}{'p':>8}{'RMSE':>9}{'direction':>11}"]
        for name, row in shown.iterrows():
            judged = self.significance.models.get(str(name))
            cells = _skill_cells(judged.skill, judged.diebold_mariano) if judged else _skill_cells()
            cells += _cell(row["rmse_return"], 9, ".3%") + _cell(row["directional_accuracy"], 11, ".1%")
            lines.append(f"{name:<16}{cells}")
        lines.append("skill: squared error saved against naive; p: one-sided, of the Diebold-Mariano test")
        return "\n".join(lines + self._range_lines())

    def _range_lines(self) -> list[str]:
        """The second block of `table`, of the models that have a range."""
        tests, scores = self.range_significance, self.range_scores
        if tests is None:
            return []
        symbol = "all" if "all" in set(scores["symbol"]) else scores["symbol"].iloc[0]
        shown = scores[(scores["step"] == "all") & (scores["symbol"] == symbol)].set_index("model")
        lines = [
            "",
            f"{'range':<16}{'CRPS':>8}{'skill':>9}{'90 % interval':>21}{'p':>8}{'log score':>11}"
            f"{'50 %':>8}{'80 %':>8}{'95 %':>8}{'VaR 1 %':>9}",
        ]
        for name, row in shown.iterrows():
            pair = tests.pair(str(name))
            skill = _skill_cells(pair.skill, pair.diebold_mariano) if pair else _skill_cells()
            cells = (
                (row["log_score"], 11, ".4f"), (row["coverage_50"], 8, ".1%"), (row["coverage_80"], 8, ".1%"),
                (row["coverage_95"], 8, ".1%"), (row["var_1"], 9, ".2%"),
            )  # fmt: skip
            lines.append(
                f"{name:<16}{_cell(row['crps'], 8, '.4f')}{skill}" + "".join(_cell(*cell) for cell in cells)
            )
        if tests.benchmark is not None:
            lines.append(f"skill: CRPS saved against {tests.benchmark}, the best baseline that has a range")
        return lines

    def summary(self) -> dict[str, Any]:
        """Verdict, scores and tests as plain data for JSON; undefined numbers are None."""
        return plain(
            {
                "verdict": {
                    "text": self.verdict.text,
                    "kind": self.verdict.kind,
                    "range_kind": self.verdict.range_kind,
                },
                "source": list(self.prices.source),
                "sha256": self.prices.sha256,
                "scores": self.scores.to_dict(orient="records"),
                "significance": self.significance.as_dict(),
                "range_scores": self.range_scores.to_dict(orient="records"),
                "range_significance": self.range_significance and self.range_significance.as_dict(),
                "untrained": self.untrained,
                "lag": {name: lag.as_dict() for name, lag in self.lag.items()},
                "scales": self.outcome.scales.to_dict(orient="records"),
                "warnings": list(self.warnings),
                "notes": list(self.notes),
            }
        )

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
            summary = self.summary()
        (folder / "experiment.toml").write_text(to_toml(self.experiment, self.provenance), encoding="utf-8")
        self.prices.to_parquet(folder / "prices.parquet")
        self.forecasts.to_parquet(folder / "forecasts.parquet", index=False)
        self.training.to_parquet(folder / "training.parquet", index=False)
        (folder / "verdict.txt").write_text(self.verdict.text + "\n", encoding="utf-8")
        for name, fitted in self.networks.items():
            save_network(fitted, folder / "models" / name)
        files = {
            str(path.relative_to(folder)): sha256_of(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        text = json.dumps({**summary, "files": files}, indent=1, allow_nan=False)
        (folder / "scores.json").write_text(text, encoding="utf-8")


def _skill_cells(skill: Skill | None = None, test: DieboldMariano | None = None) -> str:
    """A skill, its interval and the one-sided p in columns of 9, 21 and 8; dashes where there is none."""
    if skill is None or test is None:
        return "–".rjust(9) + "–".rjust(21) + "–".rjust(8)
    known = math.isfinite(skill.low)
    interval = f"{skill.low:+.2%} … {skill.high:+.2%}" if known else "–"
    return _cell(skill.value, 9, "+.2%") + interval.rjust(21) + _cell(test.p_better, 8, ".3f")


def _cell(value: float, width: int, form: str) -> str:
    return (format(value, form) if math.isfinite(value) else "–").rjust(width)
