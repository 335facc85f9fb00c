"""`gatecast.audit`: does any forecast depend on what was not yet known?

A pipeline is run again and again on prices that were changed in one place, and which forecasts move says what
they read. Nothing of its code is looked at, so it may use any library.

    table.py     what the columns mean, and how values are written into them
    changes.py   other prices that could have been
    answers.py   what a pipeline returns, in one form
    seeds.py     the random generators, the same in every run
    noise.py     what chance moves all the same
    reruns.py    running it, within a budget
    evidence.py, plan.py     which rows are changed, and what moved
    rules.py     from what moved to what is wrong
    causes.py    how far ahead it looks, and the causes that fit
    outcome.py, scores.py    what needs no rerun
    report.py    what was found
"""

from __future__ import annotations

from typing import Any

from gatecast.auditing import rules
from gatecast.auditing.answers import Pipeline, named_pipeline
from gatecast.auditing.findings import KINDS, Finding, Kind
from gatecast.auditing.outcome import Outcome
from gatecast.auditing.plan import confirm_stale, gather
from gatecast.auditing.report import Report
from gatecast.auditing.reruns import FULL, QUICK, Rerun, Reruns
from gatecast.auditing.scores import metric
from gatecast.auditing.table import read_table
from gatecast.errors import SettingError
from gatecast.progress import Bar
from gatecast.settings.base import check_whole

__all__ = ["Finding", "Report", "Rerun", "audit", "named_pipeline"]


def audit(
    pipeline: Pipeline, prices: Any, *, column: str = "close", quick: bool = False, seed: int = 0
) -> Report:
    """Whether any forecast of a pipeline depends on what was not yet known, and what else is wrong with it.

    Parameters
    ----------
    pipeline
        A function of a DataFrame, which has the column names and the index of `prices`. It returns a Series
        with the index of the frame, or an array with one number per row: the forecast of each row, made at
        the row before, NaN where there is none; a DataFrame with the columns origin, date (or time), forecast
        (and symbol, where there are several), their names in any case; or a dict {"forecasts": that frame,
        "scores": {"rmse": 1.14}, "trained_until": date, "predict": function(origins) → the same columns}. A
        forecast may know the rows up to its origin, which lies before its date; both are dates of rows, or
        row numbers. An optional column y holds what the pipeline itself took as the truth. Its standard
        output is dropped.
    prices
        A DataFrame, a `Prices`, or a source as in `gatecast.load`; without dates a row is a session, numbered
        from 0.
    column
        The column that is forecast, in any case.
    quick
        At most 12 runs of the pipeline instead of 35: fewer dates are probed.
    seed
        Of the changes, and of the global random generators of Python, NumPy and, where imported, PyTorch,
        TensorFlow and Keras, which are seeded before every run.

    Returns
    -------
    Report
        The findings, faults first; `clean` where there is no fault and every check was decided.

    Raises
    ------
    InputError
        An answer that breaks this contract, or a pipeline that fails on these prices.

    Notes
    -----
    Runs that differ on the same prices all the same (np.random.default_rng(), threads, the clock) are a note,
    not a fault. Every move is then judged against that difference; a check in which not even the forecasts
    that may know a change move by more is listed in `Report.undecided`, and the report is not `clean`.

    Examples
    --------
    >>> def pipeline(frame):  # the mean of the last five closes is the forecast of the next
    ...     return frame["Close"].rolling(5).mean().shift(1)
    >>> print(gatecast.audit(pipeline, "prices.csv"))
    """
    if not callable(pipeline):
        raise SettingError(f"the pipeline is no function: {pipeline!r}")
    check_whole(0, seed=seed)
    table = read_table(prices, column)
    with Bar() as bar:
        reruns = Reruns(pipeline, table, QUICK if quick else FULL, bar, seed)
        findings, undecided = _findings(reruns)
    findings.sort(key=lambda finding: (finding.severity != "fault", KINDS.index(finding.kind)))
    name = getattr(pipeline, "__name__", type(pipeline).__name__)
    return Report(name, len(reruns.answer.rows), tuple(findings), tuple(reruns.tried), undecided)


def _findings(reruns: Reruns) -> tuple[list[Finding], tuple[Kind, ...]]:
    """What was found, and the checks that chance left undecided."""
    evidence = gather(reruns)
    if evidence.silent and not reruns.unchanged.by_chance:
        return [rules.deaf(reruns)], ()
    found = rules.local(reruns, evidence)
    found += rules.future(reruns, evidence, found)
    if steps := rules.stale_steps(evidence.rows):
        found += rules.stale(reruns, steps, confirm_stale(reruns, min(steps.values())))
    outcome = Outcome(reruns.answer, reruns.table)
    found += outcome.findings() + metric(outcome)
    order = rules.order(reruns)
    kinds = {finding.kind for finding in found}
    undecided = tuple(kind for kind in rules.undecided(reruns, evidence) if kind not in kinds)
    if any(finding.kind == "chance" for finding in order):
        undecided += ("order",)
    found += order
    return [*rules.chance(reruns, undecided), *found], undecided
