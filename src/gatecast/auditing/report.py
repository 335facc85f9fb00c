"""What an audit found, for a terminal, a notebook and a program."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from textwrap import fill
from typing import Any

from gatecast.auditing.findings import Finding, Kind
from gatecast.auditing.reruns import Rerun
from gatecast.language import ENGLISH, language, marked, plural, say

WIDTH = 100  # columns of a terminal; a Korean letter takes two of them
UNSEEN = marked(
    "What an audit cannot see: choices made outside the function (models or settings picked by looking at "
    "the test), data that the function loads itself, revised data, data of survivors only, backfill where "
    "nothing is missing, leaks without effect."
)


SEVERITIES = {"fault": marked("fault"), "note": marked("note")}


@dataclass(frozen=True)
class Report:
    """What an audit found.

    Attributes
    ----------
    pipeline
        Its name.
    forecasts
        How many it made.
    findings
        Faults first.
    tried
        Every run of the pipeline.
    undecided
        The checks that chance hides: no fault was seen, and none could have been.
    """

    pipeline: str
    forecasts: int
    findings: tuple[Finding, ...]
    tried: tuple[Rerun, ...]
    undecided: tuple[Kind, ...] = ()

    @property
    def failed(self) -> tuple[Rerun, ...]:
        """The runs on changed prices that gave no forecasts: what they should show is not known."""
        return tuple(rerun for rerun in self.tried if rerun.error)

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that are faults."""
        return tuple(finding for finding in self.findings if finding.severity == "fault")

    @property
    def clean(self) -> bool:
        """No fault, every run ended well, and every check was decided."""
        return not self.faults and not self.failed and not self.undecided

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "pipeline": self.pipeline,
            "clean": self.clean,
            "forecasts": self.forecasts,
            "findings": [finding.as_dict() for finding in self.findings],
            "undecided": list(self.undecided),
            "tried": [asdict(rerun) for rerun in self.tried],
            "unseen": say(UNSEEN),
        }

    def __str__(self) -> str:
        blocks = [self._headline()]
        for finding in self.findings:
            title = f"{say(SEVERITIES[finding.severity]).upper()}  {finding.kind}"
            blocks.append("\n".join([title, _indented(finding.text), _indented(finding.remedy)]))
        return "\n\n".join([*blocks, _filled(say(UNSEEN))])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from gatecast.report.html import rendered

        return rendered("audit.html", headline=self._headline(), findings=self.findings, unseen=say(UNSEEN))

    def _headline(self) -> str:
        forecasts = plural("{n:,} forecast", "{n:,} forecasts", self.forecasts)
        made = f"{forecasts}, {plural('{n:,} run', '{n:,} runs', len(self.tried))}"
        verdict = say("no fault found")
        if self.faults:
            verdict = plural("{n:,} fault", "{n:,} faults", len(self.faults))
        text = f"{self.pipeline}: {verdict} ({made})."
        if self.undecided:
            kinds = ", ".join(self.undecided)
            text += " " + say("Not decided, because runs on the same prices differ: {kinds}.", kinds=kinds)
        if self.failed:
            first = self.failed[0]
            text += " " + say(
                "{n} of the runs on changed prices gave no forecasts, so what they would have shown is not "
                "known; the first was: {change}: {error}",
                n=len(self.failed),
                change=first.change,
                error=first.error,
            )
        return _filled(text)


def _indented(text: str) -> str:
    return _filled(text, "    ")


def _filled(text: str, indent: str = "") -> str:
    width = WIDTH if language() == ENGLISH else WIDTH * 2 // 3
    return fill(text, width, initial_indent=indent, subsequent_indent=indent)
