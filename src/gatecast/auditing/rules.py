"""From what moved to what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from gatecast.auditing.answers import KEYS, Answer
from gatecast.auditing.causes import SEVERAL, TRAIN_ONLY, Leak, described, leak_of, scope_of
from gatecast.auditing.evidence import QUANTILE, Evidence, answer_of, at_date, stands_out
from gatecast.auditing.findings import Finding, Kind, Severity
from gatecast.auditing.noise import Apart, Unchanged, apart, series_of
from gatecast.auditing.reruns import Reruns, Trial
from gatecast.auditing.seeds import seedable
from gatecast.auditing.table import Table
from gatecast.formatting import listed
from gatecast.language import marked, plural, say

ALIKE = 0.5  # a change moves "all alike" when it moves at least this share
SEASON = 5  # sessions: the shortest season of daily prices, a week
FAR = 20  # sessions before a change: what moves there does not look ahead by a few bars
Repeated = Literal["as returned", "with a state", "otherwise", "perhaps random"]
ANSWER = {
    "alone": marked(
        "The forecast for a date moves with {target} of that date, which is what it should forecast: {count} "
        "of those probed, the first for {first}, {size}."
    ),
    "by elimination": marked(
        "The forecast for a date moves with the row of that date, and with none of its other columns alone: "
        "with {target}, which is what it should forecast, or with several columns at once: {count} of those "
        "probed, the first for {first}, {size}."
    ),
}
ORDER = {
    "as returned": marked(
        "A forecast depends on which others are made with it: asked {asked}, predict gives other forecasts "
        "than those returned: {count} differ, from {first} on, {size}."
    ),
    "with a state": marked(
        "A forecast depends on those made before: asked again in order, predict gives other forecasts than "
        "those returned: {count} differ, from {first} on, {size}."
    ),
    "otherwise": marked(
        "Asked for the origins of the forecasts returned, in their order, predict gives other forecasts than "
        "those returned: {count} differ, from {first} on, {size}."
    ),
}
OVER = ("high", "low", "close", "adj_close", "volume")  # known when their bar is over


def chance(reruns: Reruns, undecided: Sequence[Kind]) -> list[Finding]:
    """Runs on the same prices that differ, by how much, and what therefore was not seen."""
    unchanged = reruns.over_seeds or reruns.unchanged
    if not unchanged.by_chance:
        return []
    bounds = unchanged.bounds.reset_index()
    moves = bounds[KEYS].assign(size=bounds["width"])[bounds["width"] > 0]
    sometimes = unchanged.sometimes.to_frame(index=False).assign(size=np.inf)
    moves = pd.concat([part for part in (moves, sometimes) if len(part)])
    generators = listed(seedable())
    if reruns.over_seeds is None:
        what = say(
            "Runs on the same prices differ although the generators of {generators} were seeded alike",
            generators=generators,
        )
        remedy = say(
            "What fits: a generator without a seed (np.random.default_rng(), RandomState()), threads that "
            "finish in any order, or the clock. Give every generator a seed and audit again."
        )
    else:
        what = say(
            "Runs on the same prices agree when the generators of {generators} are seeded alike, and differ "
            "with other seeds; some changes of the prices also changed how many random numbers were drawn, "
            "which does as much as another seed",
            generators=generators,
        )
        remedy = say(
            "Give every model a seed of its own (random_state=0) and audit again: then nothing is hidden."
        )
    largest = unchanged.largest_distance
    most = say(", by up to {size}", size=_short(largest)) if largest > 0 else ""
    hidden = say("A smaller leak stays unseen.")
    if undecided:
        hidden = say(
            "Not decided: {kinds}; what was changed to see them moved no forecast by more than chance, not "
            "even one that may know it.",
            kinds=listed(undecided),
        )
    return [
        _finding(
            reruns.table, "chance", moves,
            marked(
                "{what}: {count}, the first for {first}, {size}{most}. There a forecast counts as moved when "
                "it leaves the bounds of these runs by more than {threshold}. {hidden}"
            ),
            remedy,
            severity="note",
            what=what,
            most=most,
            threshold=_short(unchanged.threshold),
            hidden=hidden,
        )
    ]  # fmt: skip


def deaf(reruns: Reruns) -> Finding:
    """A pipeline that does not read the table."""
    moves = reruns.answer.rows[KEYS].assign(size=0.0)
    return _finding(
        reruns.table, "deaf", moves,
        marked(
            "Every number in every row up to the last origin was changed, and no forecast moved ({count}, "
            "the first for {first}). They do not depend on these numbers; nothing else can be said about "
            "them."
        ),
        say(
            "Use the frame that the function is given: do not load a file, and do not return what an earlier "
            "run kept."
        ),
    )  # fmt: skip


def undecided(reruns: Reruns, evidence: Evidence) -> list[Kind]:
    """The checks whose changes did not move, by more than chance, even forecasts that may know them.

    Without chance a forecast that does not move does not read the change, and nothing is undecided.
    """
    kinds: list[Kind] = ["deaf"] if evidence.silent else []
    noisy = [trial for trial in evidence.future if trial.noisy]
    if _hidden(noisy, evidence.future):
        kinds.append("future-rows")
    rows = list(evidence.rows.values())
    if _hidden([trial for trial in rows if trial.noisy], rows):
        kinds += ["between", "same-day", "answer", "stale-input"]
    return kinds


def _hidden(noisy: Sequence[Trial], trials: Sequence[Trial]) -> bool:
    """Whether a noisy run is there, and none moved the forecasts that may know the change."""
    may_know = [trial.moves["moved"] & (trial.moves["origin"] > trial.after) for trial in trials]
    return bool(noisy) and not any(moved.any() for moved in may_know)


def future(reruns: Reruns, evidence: Evidence, found: Sequence[Finding]) -> list[Finding]:
    """`future-rows` and `training-rows`: forecasts moved by rows after their origin.

    found  what is wrong with the way to the date: where forecasts read the row of their own date or one on
           the way to it, a cut between origin and date moves them without any other leak
    """
    trials = [*evidence.future, *evidence.rows.values()]
    leaks: list[Leak] = []
    learned: list[pd.DataFrame] = []
    few: list[Leak] = []
    unclear: list[Leak] = []
    for trial in trials:
        moves = trial.moves[trial.moves["origin"] <= trial.after]
        inside = _inside_training(reruns, trial, moves)
        clear = moves["date"] <= trial.after
        in_training = moves[inside & clear]
        if _alike(in_training):
            learned.append(in_training[in_training["moved"]])
        elif len(in_training):
            few.append(leak_of(trial, in_training))
        leaks.append(leak_of(trial, moves[~inside & clear]))
        unclear.append(leak_of(trial, moves[~inside]))
    if not _any(learned):
        leaks += few
    if not found and not any(len(leak.moved) for leak in leaks):
        leaks = unclear
    findings = []
    moved = any(len(leak.moved) for leak in leaks)
    together = _moved_together(evidence.future)
    if together is not None and (not moved or scope_of(leaks) == "some"):
        findings.append(_future_rows_together(reruns, *together))
    elif moved:
        findings.append(_future_rows(reruns, leaks, _on_some_dates(evidence)))
    if _any(learned):
        findings.append(_training_rows(reruns.table, pd.concat([*learned, *(leak.moved for leak in few)])))
    return findings


def local(reruns: Reruns, evidence: Evidence) -> list[Finding]:
    """`between`, `same-day` and `answer`: forecasts that read the way to their date, or the date itself.

    A forecast inside training moves with its own date because that date is trained on: where all those move
    with the rows of training, `training-rows` says so.
    """
    table, findings = reruns.table, []
    on_the_way = [
        trial.moves[stands_out(trial) & (trial.moves["origin"] < day) & (day < trial.moves["date"])]
        for day, trial in evidence.rows.items()
    ]
    if _any(on_the_way):
        findings.append(_between(table, pd.concat(on_the_way)))
    learned = any(_learns(reruns, trial) for trial in [*evidence.future, *evidence.rows.values()])

    def answering(trials: Iterable[Trial], *, own: bool) -> pd.DataFrame:
        parts = []
        for trial in trials:
            trained = _inside_training(reruns, trial, trial.moves) if own and learned else False
            parts.append(trial.moves[stands_out(trial) & at_date(trial) & ~np.asarray(trained)])
        return pd.concat(parts)

    target = (table.target,)
    tried = {names: seen.values() for names, seen in evidence.columns.items() if seen}
    answered = {names: answering(trials, own=names == target) for names, trials in tried.items()}
    answered = {names: moves for names, moves in answered.items() if len(moves)}
    own = answered.pop(target, None)
    if own is not None:
        findings.append(_answer(table, own, _on_some_dates(evidence)))
    if not answered and own is None and evidence.rows:
        rows = list(evidence.rows.values())
        decided = len(tried) == len(evidence.columns) and not any(trial.noisy for trial in rows)
        moves = answering(rows, own=decided)
        if len(moves) and decided:
            findings.append(_answer(table, moves, _on_some_dates(evidence), by_elimination=True))
        elif len(moves):  # the columns speak only together, or chance hides them, or the budget left none
            answered = {tuple(table.values): moves}
    if answered:
        findings.append(_same_day(table, answered))
    return findings


def _inside_training(reruns: Reruns, trial: Trial, moves: pd.DataFrame) -> pd.Series:
    """Which forecasts lie in the rows of training, where only such rows were changed."""
    trained = reruns.answer.trained_until
    if trained is None or trial.until > trained:
        return pd.Series(False, index=moves.index)
    return moves["origin"] < trained


def _alike(in_training: pd.DataFrame) -> bool:
    return len(in_training) > 0 and bool(in_training["moved"].mean() >= ALIKE)


def _learns(reruns: Reruns, trial: Trial) -> bool:
    """Whether the forecasts of training move all alike when other rows of training change."""
    return _alike(trial.moves[_inside_training(reruns, trial, trial.moves) & trial.known])


def stale_steps(trials: Mapping[int, Trial]) -> dict[int, int]:
    """Step → how many sessions older than the origin the newest row is that moves it; only where above 0.

    Where a row moves all earlier forecasts, too, nothing can be said about which one it moves first.
    """
    behind: dict[int, list[int]] = {}
    for day, trial in trials.items():
        before = trial.moves[trial.known]
        if len(before) and before["moved"].mean() > 1 - QUANTILE:
            continue
        out = stands_out(trial).to_numpy()
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
        moves = confirmation.moves[stands_out(confirmation)]
        fresh = moves[moves["origin"] == confirmation.until]
        steps = {step: k for step, k in steps.items() if not (fresh["date"] - fresh["origin"] == step).any()}
    concerned = rows[(rows["date"] - rows["origin"]).isin(list(steps))]
    if concerned.empty:
        return []
    oldest = max(steps.values())
    only_first = len(steps) == 1 and min(steps) == 1
    which = "" if only_first else say(" (steps {steps})", steps=", ".join(map(str, sorted(steps))))
    severity: Severity = "note" if (_season(reruns) or 0) >= SEASON else "fault"
    return [
        _finding(
            reruns.table, "stale-input", concerned.assign(size=float(oldest)),
            marked(
                "The newest row that moves the forecast{which} is {sessions} older than its origin: {count} "
                "that could know more, the first for {first}."
            ),
            say(
                "Causes that fit: a shift too many, or step k of a recurrent network read from an earlier "
                "state. Let the last input of the window be the origin. A seasonal naive forecast is like "
                "this."
            ),
            severity=severity,
            which=which,
            sessions=plural("{n:,} session", "{n:,} sessions", oldest),
        )
    ]  # fmt: skip


def order(reruns: Reruns) -> list[Finding]:
    """`order`: `predict` for one origin alone, and in reverse order, against the whole.

    A note of `chance` where random numbers may make the difference: then it is not decided.
    """
    answer = reruns.answer
    if answer.predict is None:
        return []
    asked = answer.rows.drop_duplicates("origin")
    alone = asked.iloc[[len(asked) * 2 // 3]]
    label = reruns.table.label(int(alone["origin"].iloc[0]))
    backwards = asked.sort_values("origin")[::-1]
    questions = {
        say("for {date} alone", date=label): alone,
        say("in reverse order"): backwards,
    }
    moved = {}
    for how, origins in questions.items():
        what = say("predict {how}", how=how)
        if origins is not alone:
            what = say("predict for all origins {how}", how=how)
        given = reruns.predicted(what, origins, reruns.seed)
        moves = _moved_among(reruns.unchanged, given, origins)
        if len(moves):
            moved[how] = moves
    if not moved:
        return []
    repeated, moves = _predict_repeats(reruns, asked)
    if repeated == "perhaps random":
        return [_random_predict(reruns, pd.concat(moved.values()))]
    if repeated == "as returned":
        moves = pd.concat(moved.values())
    remedy = say(
        "Causes that fit: a state that is carried from one batch to the next, or statistics of the batch. "
        "Start every window from the same state."
    )
    if repeated == "otherwise":
        remedy = say("Return what predict makes, for any origins in any order.")
    return [
        _finding(
            reruns.table, "order", moves, ORDER[repeated], remedy, asked=listed(list(moved))
        )
    ]  # fmt: skip


def _predict_repeats(reruns: Reruns, asked: pd.DataFrame) -> tuple[Repeated, pd.DataFrame]:
    """Whether `predict`, asked for all origins in order, gives the forecasts returned; else why, and which.

    It may be random where another seed gives other forecasts, and the same seed the same; or where chance
    moves the whole pipeline; or where no run is left to find out.
    """
    what = say("predict for all origins in order")
    other_seed = reruns.predicted(what, asked, reruns.seed + 1)
    moves = _moved_among(reruns.unchanged, other_seed, asked)
    if other_seed is not None and not len(moves):
        return "as returned", moves
    twice = [reruns.predicted(say("{what}, again", what=what), asked, reruns.seed) for _ in range(2)]
    answers = [answer for answer in (other_seed, *twice) if answer is not None]
    if len(answers) < 3 or reruns.unchanged.by_chance:
        return "perhaps random", moves
    if Unchanged.of(answers[1:], reruns.table.unit).by_chance:
        return "with a state", moves
    alike = not Unchanged.of(answers, reruns.table.unit).by_chance
    return "otherwise" if alike else "perhaps random", moves


def _moved_among(unchanged: Unchanged, given: Answer | None, origins: pd.DataFrame) -> pd.DataFrame:
    if given is None:
        return origins[:0]
    moves = unchanged.moves(given)
    return moves[moves["moved"] & moves["origin"].isin(origins["origin"])]


def _random_predict(reruns: Reruns, moves: pd.DataFrame) -> Finding:
    return _finding(
        reruns.table, "chance", moves,
        marked(
            "Asked for other origins or in another order, predict gives other forecasts ({count}, the first "
            "for {first}, {size}), and random numbers may be the reason: not decided is order."
        ),
        say("Switch off what is random when forecasts are made (dropout) or seed it, then audit again."),
        severity="note",
    )  # fmt: skip


def _future_rows(reruns: Reruns, leaks: Sequence[Leak], answered: str) -> Finding:
    where, remedy = described(leaks, reruns, answered)
    return _finding(
        reruns.table, "future-rows", pd.concat([leak.moved for leak in leaks]),
        marked(
            "Rows after the origin were changed, and forecasts moved that cannot know them: {count}, the "
            "first for {first}, {size}. {where}"
        ),
        remedy,
        where=where,
    )  # fmt: skip


def _future_rows_together(reruns: Reruns, apart: Apart, moves: pd.DataFrame, until: int) -> Finding:
    return _finding(
        reruns.table, "future-rows", moves,
        marked(
            "Rows after the origin were changed, and forecasts moved that cannot know them, not each by more "
            "than chance, but all together: {count} for dates up to {until}, the first for {first}, lie "
            "{between} typical one-bar moves from those on unchanged prices, and runs on these {within} from "
            "each other (root mean square; permutation test, p = {p:.2g}). Something is fitted on, or "
            "computed from, later rows."
        ),
        f"{say(SEVERAL)} {say(TRAIN_ONLY)}",
        until=reruns.table.label(until),
        between=_short(apart.between),
        within=_short(apart.within),
        p=apart.p,
    )  # fmt: skip


def _moved_together(future: Sequence[Trial]) -> tuple[Apart, pd.DataFrame, int] | None:
    """Whether forecasts long before the changed rows differ by more than chance, taken together."""
    noisy = [trial for trial in future if trial.noisy and trial.change == "rows"]
    if not noisy:
        return None
    after = max(trial.after for trial in noisy)
    if len({trial.after for trial in noisy}) > 2:
        after = int(np.median([trial.after for trial in noisy]))
    used = [trial for trial in noisy if trial.after >= after]
    found = apart(noisy[0].against, [series_of(trial.answer) for trial in used], after - FAR)
    if found is None or not found.by_more_than_chance:
        return None
    moves = used[0].moves
    return found, moves[moves["date"] <= after - FAR], after - FAR


def _on_some_dates(evidence: Evidence) -> str:
    """A sentence where the forecasts of some probed dates answer their own row, and others do not."""
    answering = [answer_of(trial) > 0 for trial in evidence.rows.values()]
    if not any(answering) or all(answering):
        return ""
    return say(
        "Of {n} rows changed alone, {answering} moved the forecast for their own date.",
        n=len(answering),
        answering=sum(answering),
    )


def _training_rows(table: Table, moves: pd.DataFrame) -> Finding:
    return _finding(
        table, "training-rows", moves,
        marked(
            "Some forecasts lie in the rows that the model was trained on: {count} moved with them, the "
            "first for {first}, {size}. They show how well it remembers, not how well it forecasts."
        ),
        say("Leave the rows up to trained_until out of the picture and of the scores."),
    )  # fmt: skip


def _between(table: Table, moves: pd.DataFrame) -> Finding:
    return _finding(
        table, "between", moves,
        marked(
            "A row after the origin and before the date was changed, and the forecast moved: {count}, the "
            "first for {first}, {size}."
        ),
        say(
            "What fits: later steps are made from the actual prices of the steps before. Use the forecasts "
            "of those steps, or say that this is a one-step forecast."
        ),
    )  # fmt: skip


def _answer(table: Table, moves: pd.DataFrame, some: str, *, by_elimination: bool = False) -> Finding:
    if some:
        remedy = say(
            "{some} What fits: the model is trained on some of the rows that it forecasts, as after a random "
            "split. Split by time.",
            some=some,
        )
    else:
        remedy = say(
            "Causes that fit: a rolling mean, a return or a scaler that includes the row itself, or a model "
            "trained on it. Shift the inputs by one bar, and train on earlier rows only."
        )
    return _finding(
        table, "answer", moves,
        ANSWER["by elimination" if by_elimination else "alone"],
        remedy,
        target=table.written(table.target),
    )  # fmt: skip


def _same_day(table: Table, answered: Mapping[tuple[str, ...], pd.DataFrame]) -> Finding:
    alone = [table.written(names[0]) for names in answered if len(names) == 1]
    some = [
        say("one or more of {names}", names=", ".join(map(table.written, names)))
        for names in answered
        if len(names) > 1
    ]
    named = [name for names in answered for name in names]
    return _finding(
        table, "same-day", pd.concat(answered.values()),
        marked(
            "The forecast for a date moves with columns of that date ({columns}), which lies after its "
            "origin: {count} of those probed, the first for {first}, {size}. {when}"
        ),
        say("Use these columns up to the origin: shift the inputs by one bar, or more for later steps."),
        columns=", ".join([*alone, *some]),
        when=_when_known(table, named),
    )  # fmt: skip


def _when_known(table: Table, named: Sequence[str]) -> str:
    """When the values of these columns become known."""
    late = [table.written(name) for name in named if name in OVER]
    others = [table.written(name) for name in named if name not in OVER and name != "open"]
    sentences = []
    if "open" in named:
        sentences.append(
            say(
                "{name} of that bar is known once it opens, but not at the close of the bar before.",
                name=table.written("open"),
            )
        )
    if late:
        sentences.append(
            plural(
                "{names} of that bar is known only when it is over.",
                "{names} of that bar are known only when it is over.",
                len(late),
                names=listed(late),
            )
        )
    if others:
        sentences.append(
            plural(
                "When {names} becomes known the audit cannot tell; what is known in advance may stand in the "
                "row of the origin.",
                "When {names} become known the audit cannot tell; what is known in advance may stand in the "
                "row of the origin.",
                len(others),
                names=listed(others),
            )
        )
    return " ".join(sentences)


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
    table: Table,
    kind: Kind,
    moves: pd.DataFrame,
    message: str,
    remedy: str,
    *,
    severity: Severity = "fault",
    **places: object,
) -> Finding:
    """A finding about some forecasts; its message has the places {count}, {first} and {size} besides."""
    largest = moves.groupby(KEYS)["size"].max()
    finite = largest[np.isfinite(largest)]
    size = float(finite.median()) if len(finite) else float("nan")
    first = table.label(int(moves["date"].min()))
    text = say(
        message,
        count=plural("{n:,} forecast", "{n:,} forecasts", len(largest)),
        first=first,
        size=_moved_by(size),
        **places,
    )
    return Finding(kind, severity, first, len(largest), size, text, remedy)


def _moved_by(size: float) -> str:
    if np.isnan(size):
        return say("which come and go")
    return say("by {size} typical one-bar moves (median)", size=_short(size))


def _short(size: float) -> str:
    """Two digits, and no exponent for what is large."""
    return f"{size:.2g}" if size < 100 else f"{size:,.0f}"
