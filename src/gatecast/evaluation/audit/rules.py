"""From what moved to what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from gatecast.evaluation.audit.answers import KEYS
from gatecast.evaluation.audit.findings import Finding, Kind, Severity
from gatecast.evaluation.audit.reruns import Reruns, Trial
from gatecast.evaluation.audit.table import Table

LOCAL = 3  # a forecast answers one session when it moves this many times as much as the median before it
QUANTILE = 0.95  # and more than this share of those before it
NEIGHBOURS = 10  # and LOCAL times as much as the median of so many sessions just before it
ALIKE = 0.5  # a change moves "all alike" when it moves at least this share
SEASON = 5  # sessions: the shortest season of daily prices, a week


def at_date(trial: Trial) -> pd.Series:
    """The forecasts for the one session that was changed."""
    return trial.moves["date"] == trial.until


def stands_out(trial: Trial, reruns: Reruns) -> pd.Series:
    """Which forecasts answer the changed session itself, and do not only move with the earlier ones.

    A row that a model is trained on moves all its forecasts, those of unusual inputs most: hence more than
    most of them, and more than those just before it, whose inputs are alike.
    """
    moves = trial.moves
    before = moves[moves["date"] <= trial.after]
    level = reruns.unchanged.threshold
    if len(before):
        size, near = before["size"], before["size"][before["date"] > trial.after - NEIGHBOURS]
        level = max(level, LOCAL * size.median(), float(np.quantile(size, QUANTILE, method="lower")))
        level = max(level, LOCAL * near.median()) if len(near) else level
    return moves["size"] > level


def answer_of(trial: Trial, reruns: Reruns) -> float:
    """The largest move among the forecasts for the changed session that answer it; 0 where none does."""
    return float(trial.moves["size"][stands_out(trial, reruns) & at_date(trial)].to_numpy().max(initial=0.0))


def chance(reruns: Reruns) -> list[Finding]:
    """Runs on the same prices that differ."""
    unchanged = reruns.unchanged
    if not unchanged.by_chance:
        return []
    bounds = unchanged.bounds.reset_index()
    width = (bounds["high"] - bounds["low"]).to_numpy() / unchanged.unit[bounds["symbol"].to_numpy(np.int64)]
    moves = bounds[KEYS].assign(size=width)[width > 0]
    sometimes = unchanged.sometimes.to_frame(index=False).assign(size=np.inf)
    moves = pd.concat([part for part in (moves, sometimes) if len(part)])
    return [
        _finding(
            reruns.table, "chance", moves,
            "Runs on the same prices differ: {count}, the first for {first}, {size}. "
            "All else was judged against that spread; a leak smaller than three times it stays unseen.",
            "Usually a random start without a seed. Set the seed of every library that is used.",
            severity="note",
        )
    ]  # fmt: skip


def deaf(reruns: Reruns) -> Finding:
    """A pipeline that does not read the table."""
    moves = reruns.answer.rows[KEYS].assign(size=0.0)
    return _finding(
        reruns.table, "deaf", moves,
        "Every row up to the last origin was changed, and no forecast moved ({count}, the first for "
        "{first}). The pipeline reads other data, or none; nothing else can be said about it.",
        "It should use the frame that it is given: not load a file, and not return what an earlier run kept.",
    )  # fmt: skip


def future(reruns: Reruns, trials: Iterable[Trial], *, explained: bool) -> list[Finding]:
    """`future-rows` and `training-rows`: forecasts moved by rows after their origin.

    explained  some forecasts read the row of their own date or one on the way to it: then a cut between
               origin and date moves them without any other leak
    """
    leaks: list[pd.DataFrame] = []
    learned: list[pd.DataFrame] = []
    few: list[pd.DataFrame] = []
    unclear: list[pd.DataFrame] = []
    trained = reruns.answer.trained_until
    for trial in trials:
        moves = trial.moves.assign(moved=reruns.moved(trial.moves))
        moves = moves[moves["origin"] <= trial.after]
        if trained is None or trial.until > trained:
            inside = pd.Series(False, index=moves.index)
        else:
            inside = moves["origin"] < trained
        clear = moves["date"] <= trial.after
        moved = moves["moved"]
        in_training = moves[inside & clear]
        alike = len(in_training) > 0 and in_training["moved"].mean() >= ALIKE
        (learned if alike else few).append(moves[inside & clear & moved])
        leaks.append(moves[~inside & clear & moved])
        unclear.append(moves[~clear & moved & ~inside])
    if not _any(learned):
        leaks += few
    if _any(leaks) or not explained:
        leaks += unclear
    findings = []
    if _any(leaks):
        findings.append(_future_rows(reruns.table, pd.concat(leaks)))
    if _any(learned):
        findings.append(_training_rows(reruns.table, pd.concat([*learned, *few])))
    return findings


def local(
    reruns: Reruns, rows: Mapping[int, Trial], columns: Mapping[tuple[str, ...], Mapping[int, Trial]]
) -> list[Finding]:
    """`between`, `same-day` and `answer`: forecasts that read the way to their date, or the date itself."""
    table, findings = reruns.table, []
    on_the_way = [
        trial.moves[stands_out(trial, reruns) & (trial.moves["origin"] < day) & (day < trial.moves["date"])]
        for day, trial in rows.items()
    ]
    if _any(on_the_way):
        findings.append(_between(table, pd.concat(on_the_way)))
    on_date = {
        names: pd.concat([trial.moves[stands_out(trial, reruns) & at_date(trial)] for trial in seen.values()])
        for names, seen in columns.items()
        if seen
    }
    answered = {names: moves for names, moves in on_date.items() if len(moves)}
    own = answered.pop((table.target,), None)
    if own is not None:
        findings.append(_answer(table, own))
    if not answered and own is None:  # the columns speak only together, or the budget left none
        moves = [trial.moves[stands_out(trial, reruns) & at_date(trial)] for trial in rows.values()]
        if _any(moves):
            answered = {tuple(table.values): pd.concat(moves)}
    if answered:
        findings.append(_same_day(table, answered))
    return findings


def stale_steps(reruns: Reruns, trials: Mapping[int, Trial]) -> dict[int, int]:
    """Step → how many sessions older than the origin the newest row is that moves it; only where above 0.

    Where a row moves all earlier forecasts, too, nothing can be said about which one it moves first.
    """
    behind: dict[int, list[int]] = {}
    for day, trial in trials.items():
        before = trial.moves[trial.moves["date"] <= trial.after]
        if len(before) and reruns.moved(before).mean() > 1 - QUANTILE:
            continue
        out = stands_out(trial, reruns).to_numpy()
        origin, date = (trial.moves[name].to_numpy(np.int64) for name in ("origin", "date"))
        for step in np.unique((date - origin)[origin == day]):
            answering = origin[out & (origin >= day) & (date - origin == step)]
            if len(answering):
                behind.setdefault(int(step), []).append(int(answering.min()) - day)
    newest = {step: min(sessions) for step, sessions in behind.items()}
    return {step: sessions for step, sessions in newest.items() if sessions > 0}


def stale(reruns: Reruns, steps: Mapping[int, int], confirmation: Trial | None) -> list[Finding]:
    """`stale-input`, for the steps that did not answer the confirming rerun either."""
    rows = reruns.answer.rows
    if confirmation is not None:
        moves = confirmation.moves[stands_out(confirmation, reruns)]
        fresh = moves[moves["origin"] == confirmation.until]
        steps = {step: k for step, k in steps.items() if not (fresh["date"] - fresh["origin"] == step).any()}
    concerned = rows[(rows["date"] - rows["origin"]).isin(list(steps))]
    if concerned.empty:
        return []
    oldest = max(steps.values())
    which = "" if len(steps) == 1 and min(steps) == 1 else f" (steps {', '.join(map(str, sorted(steps)))})"
    severity: Severity = "note" if (_season(reruns) or 0) >= SEASON else "fault"
    return [
        _finding(
            reruns.table, "stale-input", concerned.assign(size=float(oldest)),
            f"The newest row that moves the forecast{which} is {_sessions(oldest)} older than its origin: "
            "{count} that could know more, the first for {first}.",
            "Usually a shift too many, or step k of a recurrent network read from an earlier state. Let the "
            "last input of the window be the origin. A seasonal naive forecast is meant to be like this.",
            severity=severity,
        )
    ]  # fmt: skip


def order(reruns: Reruns) -> list[Finding]:
    """`order`: `predict` for one origin alone, and in reverse order, against the whole."""
    answer = reruns.answer
    if answer.predict is None:
        return []
    asked = answer.rows.drop_duplicates("origin")
    alone = asked.iloc[[len(asked) * 2 // 3]]
    label = reruns.table.label(int(alone["origin"].iloc[0]))
    trials = [
        reruns.predicted(f"predict for {label} alone", alone),
        reruns.predicted("predict for all origins in reverse order", asked.sort_values("origin")[::-1]),
    ]
    moved = [moves for moves in trials if moves is not None]
    if not _any(moved):
        return []
    return [
        _finding(
            reruns.table, "order", pd.concat(moved),
            "A forecast depends on which others are made with it: asked for one origin alone, or in reverse "
            "order, predict answers otherwise. {count} differ, the first for {first}, {size}.",
            "Usually a state that is carried from one batch to the next, or statistics of the batch. Start "
            "every window from the same state.",
        )
    ]  # fmt: skip


def _future_rows(table: Table, moves: pd.DataFrame) -> Finding:
    return _finding(
        table, "future-rows", moves,
        "Rows after the origin were changed, and forecasts moved that cannot know them: {count}, the first "
        "for {first}, {size}.",
        "Usually a scaler, a mean or a model that is fitted on all rows, or a filter that looks both ways. "
        "Fit on the rows up to the end of training only, and apply that to the rest.",
    )  # fmt: skip


def _training_rows(table: Table, moves: pd.DataFrame) -> Finding:
    return _finding(
        table, "training-rows", moves,
        "Some forecasts lie in the rows that the model was trained on: {count} moved with them, the first "
        "for {first}, {size}. They show how well it remembers, not how well it forecasts.",
        "Leave the rows up to trained_until out of the picture and of the scores.",
    )  # fmt: skip


def _between(table: Table, moves: pd.DataFrame) -> Finding:
    return _finding(
        table, "between", moves,
        "A row after the origin and before the date was changed, and the forecast moved: {count}, the first "
        "for {first}, {size}.",
        "Usually later steps are made from the actual prices of the steps before. Use the forecasts of those "
        "steps, or say that this is a one-step forecast.",
    )  # fmt: skip


def _answer(table: Table, moves: pd.DataFrame) -> Finding:
    return _finding(
        table, "answer", moves,
        f"The forecast for a date moves with {table.written(table.target)} of that date, which is what it "
        "should forecast: {count} of those probed, the first for {first}, {size}.",
        "Usually a rolling mean, a return or a scaler that includes the row itself. Shift it by one session.",
    )  # fmt: skip


def _same_day(table: Table, answered: Mapping[tuple[str, ...], pd.DataFrame]) -> Finding:
    alone = [table.written(names[0]) for names in answered if len(names) == 1]
    some = [f"one or more of {', '.join(map(table.written, names))}" for names in answered if len(names) > 1]
    return _finding(
        table, "same-day", pd.concat(answered.values()),
        f"The forecast for a date moves with other columns of that date ({', '.join([*alone, *some])}), "
        "which are not known before it is over: {count} of those probed, the first for {first}, {size}.",
        "Use these columns up to the origin: shift the inputs by one session, or more for later steps.",
    )  # fmt: skip


def _season(reruns: Reruns) -> int | None:
    """m, where every forecast is exactly the target m sessions before its date."""
    answer, table = reruns.answer, reruns.table
    for back in range(1, 400):
        same = np.isclose(table.at(answer.symbol, answer.date - back), answer.forecast, rtol=1e-9, atol=0)
        if same.all():
            return back
    return None


def _any(parts: Iterable[pd.DataFrame]) -> bool:
    return any(len(part) > 0 for part in parts)


def _finding(
    table: Table, kind: Kind, moves: pd.DataFrame, text: str, remedy: str, *, severity: Severity = "fault"
) -> Finding:
    """A finding about some forecasts; {count}, {first} and {size} in its text are filled in."""
    largest = moves.groupby(KEYS)["size"].max()
    finite = largest[np.isfinite(largest)]
    size = float(finite.median()) if len(finite) else float("nan")
    first = table.label(int(moves["date"].min()))
    count = f"{len(largest):,} forecast{'s' if len(largest) > 1 else ''}"
    for word, value in (("{count}", count), ("{first}", first), ("{size}", _moved_by(size))):
        text = text.replace(word, value)
    return Finding(kind, severity, first, len(largest), size, text, remedy)


def _moved_by(size: float) -> str:
    if np.isnan(size):
        return "which come and go"
    return f"by {size:.2g} typical one-session moves (median)"


def _sessions(count: int) -> str:
    return "1 session" if count == 1 else f"{count} sessions"
