"""The verdict: a few plain sentences about a comparison, to be read aloud to somebody who trades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gatecast.evaluation.findings import Finding, Noun, find
from gatecast.evaluation.lag import Lag
from gatecast.evaluation.sentences import UNTRAINED, sentences
from gatecast.evaluation.significance import Significance
from gatecast.forecasts import Forecasts
from gatecast.formatting import listed, sentence
from gatecast.language import marked, say

AGAINST = {
    "better": marked("beats {benchmark}"),
    "no evidence": marked("no evidence"),
    "worse": marked("worse than {benchmark}"),
}


@dataclass(frozen=True)
class Verdict:
    """What a comparison shows.

    findings   key of a loss → what its tests show; that of the point forecast first
    lag        what the best network's forecast resembles; "" without one
    untrained  network → why it did not train
    notes      what the caller knows besides, one sentence each
    """

    findings: dict[str, Finding]
    lag: str
    untrained: dict[str, str]
    notes: tuple[str, ...]

    @property
    def point(self) -> Finding:
        """What the tests of the point forecast show."""
        return next(iter(self.findings.values()))

    @property
    def kind(self) -> str:
        """Of the point forecasts: "beats naive", "no evidence" or "worse than naive" (or than another)."""
        return AGAINST[self.point.kind or "no evidence"].format(benchmark=self.point.benchmark)

    @property
    def kind_said(self) -> str:
        """The kind in the language in use."""
        return say(AGAINST[self.point.kind or "no evidence"], benchmark=self.point.benchmark)

    @property
    def kinds(self) -> dict[str, str]:
        """Every model but the benchmark → its kind."""
        benchmark = self.point.benchmark
        return {name: AGAINST[kind].format(benchmark=benchmark) for name, kind in self.point.kinds.items()}

    @property
    def sentences(self) -> tuple[str, ...]:
        """Without the spaces between them: of the point forecast, then of the distribution."""
        point, *others = self.findings.values()
        did_not = [f"{name} ({why})" for name, why in self.untrained.items()]
        return (
            *sentences(point),
            *([self.lag] if self.lag else []),
            *([say(UNTRAINED, models=listed(did_not))] if did_not else []),
            *(text for finding in others for text in sentences(finding)),
            *(sentence(note.rstrip(". ")) for note in self.notes),
        )

    @property
    def text(self) -> str:
        """The sentences as one paragraph."""
        return " ".join(self.sentences)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "text": self.text,
            "kind": self.kind,
            "findings": {key: asdict(finding) for key, finding in self.findings.items()},
        }

    def __str__(self) -> str:
        return self.text


def verdict(
    forecasts: Forecasts,
    significances: Mapping[str, Significance],
    lags: Mapping[str, Lag],
    *,
    seeds: int,
    folds: int,
    settings: int = 1,
    noun: Noun = "network",
    untrained: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Verdict:
    """Judge a comparison; see `gatecast.evaluation.findings.find` for the rule.

    significances  key of a loss → its tests; that of a point loss first
    seeds, folds   how many
    noun           what the models are that are no baselines; see `Finding`
    settings       how many settings of each network were tried
    untrained      network → why it did not train; such networks are in none of the other arguments
    notes          what the caller knows besides, one sentence each
    """
    findings = {
        key: find(forecasts, tests, seeds=seeds, folds=folds, settings=settings, noun=noun)
        for key, tests in significances.items()
    }
    lag = lags.get(next(iter(findings.values())).network or "")
    return Verdict(findings, lag.sentence if lag else "", dict(untrained or {}), tuple(notes))
