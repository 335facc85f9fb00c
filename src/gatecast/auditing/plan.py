"""Which rows are changed, in which order, within the budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gatecast._typing import Integers
from gatecast.auditing.changes import Change, above, below, disturbed, inside, row_inside, shuffled
from gatecast.auditing.evidence import Evidence, answer_of
from gatecast.auditing.reruns import FULL, ChangeOf, Reruns, Trial
from gatecast.formatting import listed
from gatecast.language import marked, plural, say

FUTURES: tuple[tuple[str, Change, ChangeOf], ...] = (
    (marked("above three times the former maximum"), above, "rows"),
    (marked("below a third of the former minimum"), below, "rows"),
    (marked("shuffled"), shuffled, "order"),
)
QUICK_FUTURES = 4
NOISY_FUTURES = 6  # changed rows after a cut, where chance moves forecasts, too
MANY = (0.1, 0.22, 0.33, 0.41, 0.55, 0.68, 0.77, 0.93)  # places of sessions changed at once


def gather(reruns: Reruns) -> Evidence:
    """All reruns that change the table, but for what a suspicion needs later."""
    rows = dict(_rows(reruns))
    future = list(_future(reruns))
    known = not reruns.unchanged.by_chance
    if known and any(_moved_early_by_draws(trial) for trial in [*rows.values(), *future]):
        reruns.measure_seeds()
        rows = {day: reruns.judged_again(trial) for day, trial in rows.items()}
        future = [reruns.judged_again(trial) for trial in future]
    answering = sorted(rows, key=lambda day: answer_of(rows[day]), reverse=True)
    reads_date = bool(rows) and answer_of(rows[answering[0]]) > 0
    columns = _columns(reruns, answering) if reads_date else {}
    moved = any(trial.moves["moved"].any() for trial in [*rows.values(), *future])
    if not moved and _is_silent(reruns):
        return Evidence(True, rows, future, columns)
    future += _more_for_a_noisy_pipeline(reruns, future)
    return Evidence(False, rows, future, columns)


def confirm_stale(reruns: Reruns, sessions: int) -> Trial | None:
    """Change all of the newest `sessions` rows before and at some origin, far outside their range."""
    table, origins = reruns.table, np.unique(reruns.answer.origin)
    origin = int(origins[len(origins) * 3 // 4])
    rows = (table.day > origin - sessions) & (table.day <= origin)
    what = say("the {n} rows up to {date} at random", n=sessions, date=table.label(origin))
    return reruns.changed(what, disturbed(table, rows, reruns.rng), origin - sessions, origin, "rows")


def _is_silent(reruns: Reruns) -> bool:
    table, last = reruns.table, int(reruns.answer.origin.max())
    values = disturbed(table, table.day <= last, reruns.rng)
    what = say("all rows up to {date} at random", date=table.label(last))
    trial = reruns.changed(what, values, -1, last, "rows")
    return trial is not None and not trial.moves["moved"].any()


def _moved_early_by_draws(trial: Trial) -> bool:
    """Whether forecasts moved that cannot know the change, in a run that drew more or fewer random numbers.

    Then other numbers may have moved them, and not the change.
    """
    early = trial.moves["origin"] <= trial.after
    return trial.drew_otherwise and bool(trial.moves["moved"][early].any())


def _rows(reruns: Reruns) -> Iterator[tuple[int, Trial]]:
    """Single rows inside the old range; far above it where chance would hide what so small a change does."""
    table = reruns.table
    for day in _probed_sessions(reruns):
        if reruns.unchanged.by_chance:
            what, values = FUTURES[0][0], above(table, table.day == day, reruns.rng)
        else:
            what, values = marked("inside the old range"), row_inside(table, day)
        text = say("the row {date} {what}", date=table.label(day), what=say(what))
        trial = reruns.changed(text, values, day - 1, day, "row")
        if trial is not None:
            yield day, trial


def _probed_sessions(reruns: Reruns) -> list[int]:
    """Three sessions (one in a quick audit) that some forecasts are for, and others are made at."""
    answer, table = reruns.answer, reruns.table
    dates = np.intersect1d(answer.date, table.day)
    origins = np.unique(answer.origin)
    both = np.intersect1d(dates, origins)
    places = (0.3, 0.6, 0.85) if reruns.budget == FULL else (0.6,)
    if len(both):
        return _sessions_at(both, places)
    return sorted({*_sessions_at(dates, places), *_sessions_at(origins, places[-2:])})


def _future(reruns: Reruns) -> Iterator[Trial]:
    """Rows after each cut above, below and in another order.

    The order is changed at every cut where nothing moved so far. Else once, where most moved: it tells a
    statistic of the values from what learns how they follow each other.
    """
    cuts = _cuts(reruns)
    found: dict[tuple[int, int], int] = {}
    jobs = [(future, cut) for future in FUTURES for cut in cuts]
    if reruns.budget != FULL and len(cuts) > 1:
        jobs = [jobs[0], *[job for job in jobs if job[1] == cuts[-1]]][:QUICK_FUTURES]
    for future, cut in jobs:
        if future[2] == "order" and found:
            if reruns.unchanged.by_chance:
                return
            cut = max(found, key=lambda one: found[one])
        trial = _changed_future(reruns, future, cut)
        if trial is None:
            continue
        moved = int((trial.known & trial.moves["moved"]).sum())
        if future[2] == "order" and found:
            yield trial
            return
        if moved:
            found[cut] = found.get(cut, 0) + moved
        yield trial


def _more_for_a_noisy_pipeline(reruns: Reruns, future: list[Trial]) -> list[Trial]:
    """Where chance moves forecasts: later rows changed once more after the last cut, while runs are left."""
    noisy = [trial for trial in future if trial.noisy and trial.change == "rows"]
    cuts = _cuts(reruns)
    reserved = 3 if reruns.answer.predict else 0
    more: list[Trial] = []
    while noisy and cuts and len(noisy) + len(more) < NOISY_FUTURES and reruns.left > reserved:
        trial = _changed_future(reruns, FUTURES[len(more) % 2], cuts[-1])
        if trial is None:
            break
        more.append(trial)
    return more


def _changed_future(
    reruns: Reruns, future: tuple[str, Change, ChangeOf], cut: tuple[int, int]
) -> Trial | None:
    table, (what, change, of), (after, until) = reruns.table, future, cut
    rows = (table.day > after) & (table.day <= until)
    text = say("the rows after {date} {what}", date=table.label(after), what=say(what))
    if until < table.last:
        text = say(
            "the rows after {date} up to {until} {what}",
            date=table.label(after),
            until=table.label(until),
            what=say(what),
        )
    return reruns.changed(text, change(table, rows, reruns.rng), after, until, of)


def _cuts(reruns: Reruns) -> list[tuple[int, int]]:
    """(after, until): five cuts over the origins (two in a quick audit), later rows up to the end.

    Where forecasts lie in training, the rows of training and those after it are changed apart: a cut before
    the end of training changes only rows up to that end, and one cut is the end itself.
    """
    answer, last = reruns.answer, reruns.table.last
    full = reruns.budget == FULL
    origins, trained = np.unique(answer.origin), answer.trained_until
    inside = origins[origins < trained] if trained is not None else origins[:0]
    if not len(inside) or trained is None:
        places = (0.05, 0.275, 0.5, 0.725, 0.95) if full else (0.05, 0.95)
        return [(cut, last) for cut in _sessions_at(origins, places) if cut < last]
    end = min(trained, last)
    early = [(cut, end) for cut in _sessions_at(inside, (0.05, 0.6) if full else (0.5,)) if cut < end]
    outside = origins[origins > end]
    late = [end, *_sessions_at(outside, (0.4, 0.95))] if full else [end]
    return early + [(cut, last) for cut in late if cut < last]


def _columns(reruns: Reruns, answering: list[int]) -> dict[tuple[str, ...], dict[int, Trial]]:
    """The target alone, then each other column, until the forecasts for a changed session answer.

    First on many sessions at once: there only the first is free of what the others may do to it. What does
    not answer there is changed on one session alone: where it answered beside others, or else where the whole
    row did most (`answering`, that one first).
    """
    table = reruns.table
    others = [name for name in table.values if name != table.target]
    reserved = 3 if reruns.answer.predict else 0
    groups = max(1, min(len(others), reruns.left - reserved - 2))
    parts = [(table.target,)] + [tuple(map(str, part)) for part in np.array_split(others, groups)]
    dates = np.intersect1d(reruns.answer.date, table.day)
    days = sorted({*answering, *_sessions_at(dates, MANY)})
    found: dict[tuple[str, ...], dict[int, Trial]] = {}
    unsure: list[tuple[tuple[str, ...], int]] = []
    for names in filter(None, parts):
        trials = _changed_columns(reruns, names, days, reserved)
        found[names] = {day: trials[day] for day in days[:1] if day in trials}
        if not any(answer_of(trial) for trial in found[names].values()):
            best = max(trials, key=lambda day: answer_of(trials[day]), default=answering[0])
            unsure += [(names, best if trials and answer_of(trials[best]) else answering[0])]
    for names, day in unsure:
        found[names] |= _changed_columns(reruns, names, [day], reserved)
    return found


def _changed_columns(
    reruns: Reruns, names: tuple[str, ...], days: list[int], reserved: int
) -> dict[int, Trial]:
    """Session → what moved when these columns were changed on these sessions, inside their old range."""
    table = reruns.table
    if reruns.left <= reserved:
        return {}
    columns = listed([table.written(name) for name in names])
    where = table.label(days[0]) if len(days) == 1 else plural("{n:,} session", "{n:,} sessions", len(days))
    what = say("{columns} of {where} inside the old range", columns=columns, where=where)
    trial = reruns.changed(what, inside(table, days, names), days[0] - 1, days[-1], "columns")
    return {} if trial is None else {day: replace(trial, after=day - 1, until=day) for day in days}


def _sessions_at(days: Integers, places: tuple[float, ...]) -> list[int]:
    """The sessions at these places of a sorted list, each once."""
    if not len(days):
        return []
    return sorted({int(days[round(place * (len(days) - 1))]) for place in places})
