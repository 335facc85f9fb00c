"""What an audit found, for a terminal, a notebook and a program."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from textwrap import fill
from typing import Any

from gatecast.auditing.findings import Finding, Kind
from gatecast.auditing.reruns import Rerun

WIDTH = 100
UNSEEN = (
    "What an audit cannot see: choices made outside the function (models or settings picked by looking at "
    "the test), data that the function loads itself, revised data, data of survivors only, backfill where "
    "nothing is missing, leaks without effect."
)


@dataclass(frozen=True)
class Report:
    """What an audit found.

    pipeline   its name
    forecasts  how many it made
    findings   faults first
    tried      every run of the pipeline
    undecided  the checks that chance hides: no fault was seen, and none could have been
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
            "unseen": UNSEEN,
        }

    def __str__(self) -> str:
        blocks = [self._headline()]
        for finding in self.findings:
            title = f"{finding.severity.upper()}  {finding.kind}"
            blocks.append("\n".join([title, _indented(finding.text), _indented(finding.remedy)]))
        return "\n\n".join([*blocks, fill(UNSEEN, WIDTH)])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><b>{escape(finding.kind)}</b><br>{finding.severity}</td><td>{escape(finding.first)}</td>"
            f"<td>{finding.count:,}</td><td style='text-align:left'>{escape(finding.text)}<br>"
            f"<i>{escape(finding.remedy)}</i></td></tr>"
            for finding in self.findings
        )
        head = "<tr><th>finding</th><th>first</th><th>forecasts</th><th>what, why and what to do</th></tr>"
        table = f"<table>{head}{rows}</table>" if rows else ""
        headline, unseen = escape(self._headline()), escape(UNSEEN)
        return f"<div><p><b>{headline}</b></p>{table}<p><small>{unseen}</small></p></div>"

    def _headline(self) -> str:
        made = f"{self.forecasts:,} forecasts, {len(self.tried)} runs"
        count = len(self.faults)
        verdict = "no fault found" if not count else "1 fault" if count == 1 else f"{count} faults"
        text = f"{self.pipeline}: {verdict} ({made})."
        if self.undecided:
            text += f" Not decided, because runs on the same prices differ: {', '.join(self.undecided)}."
        if self.failed:
            first = self.failed[0]
            text += (
                f" {len(self.failed)} of the runs on changed prices gave no forecasts, so what they would "
                f"have shown is not known; the first was: {first.change}: {first.error}"
            )
        return fill(text, WIDTH)


def _indented(text: str) -> str:
    return fill(text, WIDTH, initial_indent="    ", subsequent_indent="    ")
