"""`gatecast.audit`: does any forecast depend on what was not yet known?

A pipeline is run again and again on prices that were changed in one place, and which forecasts move says what
they read. Nothing of its code is looked at, so it may use any library.

    table.py     what the columns mean, and how values are written into them
    changes.py   other prices that could have been
    answers.py   what a pipeline returns, in one form
    reruns.py    running it, within a budget
    plan.py      which rows are changed
    rules.py     from what moved to what is wrong
    outcome.py, scores.py    what needs no rerun
    report.py    what was found
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gatecast.errors import SettingError
from gatecast.evaluation.audit import rules
from gatecast.evaluation.audit.answers import Pipeline, named_pipeline
from gatecast.evaluation.audit.findings import KINDS, Finding
from gatecast.evaluation.audit.outcome import Outcome
from gatecast.evaluation.audit.plan import confirm_stale, gather
from gatecast.evaluation.audit.report import Report
from gatecast.evaluation.audit.reruns import FULL, QUICK, Rerun, Reruns
from gatecast.evaluation.audit.scores import metric
from gatecast.evaluation.audit.table import read_table
from gatecast.progress import Bar

__all__ = ["Finding", "Report", "Rerun", "audit", "named_pipeline"]


def audit(
    pipeline: Pipeline, prices: Any, *, target: str = "Close", quick: bool = False, seed: int = 0
) -> Report:
    """Whether any forecast of a pipeline depends on what was not yet known, and what else is wrong with it.

    pipeline  function of a DataFrame, which has the column names and the index of `prices`. It returns a
              DataFrame with the columns origin, date, forecast (and symbol, where there are several), or a
              dict {"forecasts": that frame, "scores": {"rmse": 1.14}, "trained_until": date, "predict":
              function(origins) → the same columns}. A forecast may know the rows up to its origin, which lies
              before its date; both are dates of rows, or row numbers. An optional column y holds what the
              pipeline itself took as the truth. Its standard output is dropped.
    prices    a DataFrame, a `Prices`, or a source as in `gatecast.load`; without dates a row is a session,
              numbered from 0
    target    the column that is forecast
    quick     at most 12 runs of the pipeline instead of 35: fewer dates are probed
    seed      of the changes

    Raises InputError for an answer that breaks this contract, or a pipeline that fails on these prices.
    """
    if not callable(pipeline):
        raise SettingError(f"the pipeline is no function: {pipeline!r}")
    table = read_table(prices, target)
    with Bar() as bar:
        rng = np.random.default_rng(seed)
        reruns = Reruns(pipeline, table, QUICK if quick else FULL, bar, rng)
        findings = _findings(reruns)
    findings.sort(key=lambda finding: (finding.severity != "fault", KINDS.index(finding.kind)))
    name = getattr(pipeline, "__name__", type(pipeline).__name__)
    return Report(name, len(reruns.answer.rows), tuple(findings), tuple(reruns.tried))


def _findings(reruns: Reruns) -> list[Finding]:
    evidence = gather(reruns)
    found = rules.chance(reruns)
    if evidence.deaf:
        return [*found, rules.deaf(reruns)]
    local = rules.local(reruns, evidence.rows, evidence.columns)
    trials = [*evidence.future, *evidence.rows.values()]
    found += local + rules.future(reruns, trials, explained=bool(local))
    if steps := rules.stale_steps(reruns, evidence.rows):
        found += rules.stale(reruns, steps, confirm_stale(reruns, min(steps.values())))
    outcome = Outcome(reruns.answer, reruns.table)
    return found + outcome.findings() + metric(outcome) + rules.order(reruns)
