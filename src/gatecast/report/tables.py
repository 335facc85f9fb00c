"""The tables of pages and notebooks, as text that the templates set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gatecast.evaluation.metrics import PRICE, Metric, metrics_of
from gatecast.evaluation.scores import IN_PRICE, headline_symbol, wide
from gatecast.evaluation.verdict import AGAINST
from gatecast.formatting import (
    UNDEFINED,
    interval,
    number,
    p_cell,
    percent,
    price_decimals,
    signed,
)
from gatecast.language import marked, means, say
from gatecast.problem.moves import DIFFERENCE, LOG_RETURN, Move
from gatecast.report import frames, symbols
from gatecast.settings.frequency import session_noun, session_nouns

if TYPE_CHECKING:
    from gatecast.evaluation.significance import Significance
    from gatecast.run import Run

OF_TESTS = {
    marked("skill"): marked(
        "1 − mean {loss} / that of {benchmark}, with its 90 % interval; above 0 is better."
    ),
    "DM": marked(
        "Diebold-Mariano test, one-sided, with the long-run variance of Lazarus, Lewis, Stock and Watson: p "
        "is the probability of so much smaller a {loss} if {benchmark} were as good. One model at a time."
    ),
    "in the set": marked(
        "Model confidence set: the models that may be the best, with 90 % certainty; p is the size at which "
        "a model drops out."
    ),
}
DIRECTION = {
    marked("direction"): marked(
        "Pesaran-Timmermann test, one-sided: are the signs of the next change better than chance?"
    )
}
OF_DISTRIBUTIONS = {
    "CRPS": marked(
        "Continuous ranked probability score: how far the distribution is from the actual {move}, width and "
        "place together. Small is good."
    ),
    marked("log score"): marked(
        "− log density at the actual {move}; small is good, and thin tails are punished."
    ),
    marked("held"): marked(
        "How often the central 50, 80 and 95 % intervals held. Near these numbers is right."
    ),
    marked("width"): marked("Mean width of the 80 % interval. Narrow is good as long as it holds."),
    "VaR": marked(
        "Value at risk: how often the {move} was below it. Kupiec’s test, one {session} ahead and per "
        "symbol: is that as often as it should be? p below 0.05: hardly."
    ),
}
POINT = ("skill", "rmse", "mae", "mase", "directional_accuracy", "mape", "smape", "rmse_return", "mae_return")
DISTRIBUTION = (
    "crps", "log_score", "pinball", "coverage_50", "coverage_80", "coverage_95", "width_80",
    "var_1", "kupiec_p_1", "var_5", "kupiec_p_5",
)  # fmt: skip
OF_RETURNS = ("mape", "smape", "rmse_return", "mae_return")  # nothing, or the same again, of differences
BRIEF = {
    "squared_error": ("skill", "rmse_return", "directional_accuracy"),
    "crps": ("crps", "log_score", "coverage_80"),
}
KINDS = {
    "better": marked("better"),
    "no evidence": marked("no evidence"),
    "worse": marked("worse"),
}
TEST_COLUMNS = (
    (marked("against {benchmark}"), ""), (marked("skill"), "%"), (marked("90 % interval"), "%"), ("DM", "t"),
    ("DM", "p"), (marked("in the set"), "90 %"), (marked("set"), "p"), (marked("direction"), "p"),
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    reason  why it is not defined; std  over the seeds, "" where there is none; best  of its column;
    word    text, not a number
    """

    text: str
    reason: str = ""
    std: str = ""
    best: bool = False
    word: bool = False


@dataclass(frozen=True)
class Table:
    """heads: title and unit of every column; rows: name → cells; corner: what the names are of."""

    heads: Sequence[tuple[str, str]]
    rows: dict[str, list[Cell]]
    corner: str = "model"


@dataclass(frozen=True)
class LossTables:
    """What a page shows of one loss.

    scores     over all steps and symbols; undefined: which are not, and why; further: title → those of some
    joint      the tests over all models at once; tests: those of each; terms: word → its meaning
    """

    scores: Table
    undefined: list[str]
    further: dict[str, Table]
    joint: list[str]
    tests: Table
    terms: dict[str, str]


def loss_tables(result: Run, tests: Significance) -> LossTables:
    """Scores and tests of one loss."""
    scores, move = headline_scores(result), result.outcome.move
    metrics: Sequence[str] = POINT if tests.loss.point else DISTRIBUTION
    if move.name == DIFFERENCE.name:
        metrics = [name for name in metrics if name not in OF_RETURNS]
    places = {"loss": say(tests.loss.name), "benchmark": tests.benchmark or say("the benchmark")}
    places["move"] = say(move.noun)
    places["session"] = session_noun(result.outcome.frequency)
    words = OF_TESTS | (DIRECTION if tests.loss.point else OF_DISTRIBUTIONS)
    return LossTables(
        scores=score_table(scores, metrics, move),
        undefined=why_undefined(scores, metrics, move),
        further=further_scores(result, metrics),
        joint=joint_tests(tests),
        tests=significance_table(result, tests),
        terms={say(word): say(text, **places) for word, text in words.items()},
    )


def score_table(scores: pd.DataFrame, metrics: Sequence[str] = POINT, move: Move = LOG_RETURN) -> Table:
    """One row per model of `scores` (rows of one symbol and step), the best value of each metric marked.

    Models that have none of the metrics are left out; so are prices over several symbols.
    """
    pooled = (scores["symbol"] == "all").all()
    values, stds, reasons = (_shown(scores, metrics, column) for column in ("value", "std", "reason"))
    known = metrics_of(move)
    columns = [known[name] for name in metrics if not (pooled and PRICE in known[name].unit)]
    cells = [_score_cells(one, values[one.name], stds[one.name], reasons[one.name]) for one in columns]
    rows = dict(zip(map(str, values.index), map(list, zip(*cells, strict=True)), strict=True))
    return Table([(column.heading, column.unit_shown) for column in columns], rows, say("model"))


def why_undefined(scores: pd.DataFrame, metrics: Sequence[str] = POINT, move: Move = LOG_RETURN) -> list[str]:
    """Which scores are not defined, and why: what a finger cannot point at."""
    pooled = scores["reason"].map(lambda reason: means(reason, IN_PRICE))
    rows = scores[scores["metric"].isin(metrics) & scores["value"].isna() & ~pooled]
    titles: dict[tuple[str, str], list[str]] = {}
    for name in metrics:
        for why, models in rows[rows["metric"] == name].groupby("reason", sort=False)["model"]:
            titles.setdefault((", ".join(models), str(why)), []).append(metrics_of(move)[name].heading)
    return [
        say("{scores} of {models}: {why}", scores=", ".join(undefined), models=models, why=why)
        for (models, why), undefined in titles.items()
    ]


def symbol_table(result: Run) -> Table:
    """One row per symbol, highest skill of the model shown first."""
    model, rows = frames.leading_model(result), symbols.table(result)
    skills = symbols.skills_by_symbol(result)
    rmse = metrics_of(result.outcome.move)["rmse_return"]
    heads = [(say("test {sessions}", sessions=session_nouns(result.outcome.frequency)), "")]
    heads += [
        (
            say("skill of {model}", model=by_symbol.model),
            say(
                "{loss} saved against {benchmark}, %",
                loss=say(by_symbol.loss),
                benchmark=by_symbol.benchmark,
            ),
        )
        for by_symbol in skills
    ]
    heads += [
        *((f"{rmse.heading}, {name}", rmse.unit_shown) for name in (model, result.outcome.benchmark)),
        (say("direction, {model}", model=model), say("% right")),
    ]
    cells = [
        [f"{value:,}" for value in rows["sessions"]],
        *([signed(value) for value in rows[by_symbol.column]] for by_symbol in skills),
        *(
            [number(value, price_decimals([value]) if rmse.unit == PRICE else 3) for value in rows[name]]
            for name in ("rmse", "naive_rmse")
        ),
        [number(value, 1) for value in rows["direction"]],
    ]
    texts = ([Cell(text) for text in row] for row in zip(*cells, strict=True))
    return Table(heads, dict(zip(rows["symbol"], texts, strict=True)), corner=say("symbol"))


def significance_table(result: Run, tests: Significance) -> Table:
    """What the tests of one loss say of every model."""
    point, best = tests.loss.point, tests.confidence_set
    kinds, words = result.verdict.findings[tests.loss.key].kinds, AGAINST if point else KINDS
    rows = {}
    for name, model in tests.models.items():
        test, skill, p = model.diebold_mariano, model.skill, best.p.get(name, float("nan"))
        rows[name] = [
            Cell(
                say(words[kinds[name]], benchmark=tests.benchmark) if name in kinds else UNDEFINED, word=True
            ),
            _cell(signed(100 * skill.value), test.reason),
            _cell(interval(100 * skill.low, 100 * skill.high, signed), test.reason),
            _cell(signed(test.statistic), test.reason),
            _cell(p_cell(test.p_better), test.reason),
            Cell((say("yes") if name in best.members else say("no")) if np.isfinite(p) else UNDEFINED),
            _cell(p_cell(p), best.reason),
        ]
        if model.direction is not None:
            rows[name].append(_cell(p_cell(model.direction.p), model.direction.reason))
    columns = TEST_COLUMNS if point else TEST_COLUMNS[:-1]
    heads = [(say(title, benchmark=tests.benchmark), unit) for title, unit in columns]
    return Table(heads, rows, say("model"))


def joint_tests(tests: Significance) -> list[str]:
    """The tests over all models at once, one plain sentence each."""
    spa, best, p = tests.spa, tests.confidence_set, p_cell(tests.spa.p)
    if np.isfinite(spa.p):
        result = f"p {p if '<' in p else f'= {p}'}"
    else:
        result = say("not defined: {reason}", reason=spa.reason)
    joint = say(
        "SPA (superior predictive ability) of the {loss}: {result}.", loss=say(tests.loss.name), result=result
    )
    if tests.benchmark is not None:
        joint += say(
            " Is the best of the {n} models tried better than {benchmark}? Below 0.05: yes.",
            n=len(tests.tried),
            benchmark=tests.benchmark,
        )
    if best.reason:
        return [joint, say("Model confidence set: not defined: {reason}.", reason=best.reason)]
    sure, members = percent(1 - best.size, 0), ", ".join(best.members)
    if len(best.members) == 1:
        one = say(
            "Model confidence set: with {sure} certainty the best is {members}.", sure=sure, members=members
        )
    else:
        one = say(
            "Model confidence set: with {sure} certainty the best is one of {members}.",
            sure=sure,
            members=members,
        )
    return [joint, one]


def headline_scores(result: Run) -> pd.DataFrame:
    """The scores over all steps and symbols."""
    return _rows(result, headline_symbol(result.scores), "all")


def further_scores(result: Run, metrics: Sequence[str] = POINT) -> dict[str, Table]:
    """Title → table, for the first and last step, and for each symbol; for many see `symbol_table`."""
    horizon, overall = result.outcome.horizon, headline_symbol(result.scores)
    steps = (1, horizon) if horizon > 1 else ()
    parts = [
        (say("step {step} of {horizon}", step=step, horizon=horizon), _rows(result, overall, str(step)))
        for step in steps
    ]
    if overall == "all":
        names = [] if frames.are_many(result) else frames.tested_symbols(result)
        parts += [(name, _rows(result, name, "all")) for name in names]
    return {title: score_table(rows, metrics, result.outcome.move) for title, rows in parts}


def _rows(result: Run, symbol: str, step: str) -> pd.DataFrame:
    scores = result.scores
    return scores[(scores["symbol"] == symbol) & (scores["step"] == step)]


def _shown(scores: pd.DataFrame, metrics: Sequence[str], column: str) -> pd.DataFrame:
    """Models x metrics; the last of these metrics is had by every model that is shown."""
    having = scores.loc[scores["metric"] == metrics[-1], "model"]
    return wide(scores[scores["model"].isin(having)], column).set_index("model")


def _score_cells(metric: Metric, values: pd.Series, stds: pd.Series, reasons: pd.Series) -> list[Cell]:
    shown, around = (metric.factor * column.to_numpy(np.float64) for column in (values, stds))
    decimals = price_decimals(shown) if metric.unit == PRICE else metric.decimals
    texts = [p_cell(value) if metric.unit == "p" else number(value, decimals) for value in shown]
    finite = shown[np.isfinite(shown)]
    best = None
    if len(texts) > 1 and len(finite) and metric.higher is not None:
        best = number(finite.max() if metric.higher else finite.min(), decimals)
    return [
        _cell(text, reason)
        if text == UNDEFINED
        else Cell(text, std=number(std, decimals) if np.isfinite(std) else "", best=text == best)
        for text, std, reason in zip(texts, around, reasons, strict=True)
    ]


def _cell(text: str, reason: str) -> Cell:
    """A cell; one that is undefined says why to who points at it."""
    return Cell(text, reason if text == UNDEFINED else "")
