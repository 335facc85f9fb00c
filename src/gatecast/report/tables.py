"""The tables of the page and of notebooks, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gatecast.evaluation.metrics import METRICS, Metric
from gatecast.evaluation.scores import IN_PRICE, headline_symbol, wide

if TYPE_CHECKING:
    from gatecast.evaluation.significance import Significance
    from gatecast.run import Run

UNDEFINED = "–"
MOST_SYMBOLS = 30

OF_TESTS = {
    "skill": "1 − mean {loss} / that of {benchmark}, with its 90 % interval; above 0 is better.",
    "DM": (
        "Diebold-Mariano test, one-sided, with the long-run variance of Lazarus, Lewis, Stock and Watson: p "
        "is the probability of so much smaller a {loss} if {benchmark} were as good. One model at a time."
    ),
    "in the set": (
        "Model confidence set: the models that may be the best, with 90 % certainty; p is the size at which "
        "a model drops out."
    ),
}
DIRECTION = {
    "direction": "Pesaran-Timmermann test, one-sided: are the signs of the next change better than chance?"
}
OF_DISTRIBUTIONS = {
    "CRPS": (
        "Continuous ranked probability score: how far the distribution is from the actual return, width and "
        "place together. Small is good."
    ),
    "log score": "− log density at the actual return; small is good, and thin tails are punished.",
    "held": "How often the central 50, 80 and 95 % intervals held. Near these numbers is right.",
    "width": "Mean width of the 80 % interval. Narrow is good as long as it holds.",
    "VaR": (
        "Value at risk: how often the return was below it. Kupiec’s test, one session ahead and per symbol: "
        "is that as often as it should be? p below 0.05: hardly."
    ),
}
POINT = ("skill", "rmse", "mae", "mase", "directional_accuracy", "mape", "smape", "rmse_return", "mae_return")
DISTRIBUTION = (
    "crps", "log_score", "pinball", "coverage_50", "coverage_80", "coverage_95", "width_80",
    "var_1", "kupiec_p_1", "var_5", "kupiec_p_5",
)  # fmt: skip
BRIEF = {
    "squared_error": ("skill", "rmse_return", "directional_accuracy"),
    "crps": ("crps", "log_score", "coverage_80"),
}
TEST_COLUMNS = (
    ("model", ""), ("against {benchmark}", ""), ("skill", "%"), ("90 % interval", "%"), ("DM", "t"),
    ("DM", "p"), ("in the set", "90 %"), ("set", "p"), ("direction", "p"),
)  # fmt: skip


def explanations(tests: Significance) -> dict[str, str]:
    """Word → its meaning (text, not HTML), of the tables of a loss."""
    places = {"loss": tests.loss.name, "benchmark": tests.benchmark or "the benchmark"}
    words = {word: text.format(**places) for word, text in OF_TESTS.items()}
    return words | (DIRECTION if tests.loss.point else OF_DISTRIBUTIONS)


def metrics_of(tests: Significance) -> tuple[str, ...]:
    """The metrics that are shown beside the tests of a loss."""
    return POINT if tests.loss.point else DISTRIBUTION


def score_table(scores: pd.DataFrame, metrics: Sequence[str] = POINT, *, row: str = "model") -> str:
    """One row per model of `scores` (rows of one symbol and step), the best value of each metric bold.

    Models that have none of the metrics are left out; so are prices over several symbols.
    """
    pooled = (scores["symbol"] == "all").all()
    values, stds, reasons = (_shown(scores, metrics, column) for column in ("value", "std", "reason"))
    columns = [METRICS[name] for name in metrics if not (pooled and METRICS[name].unit == "price")]
    heads = "".join(f"<th>{column.title}<small>{column.unit}</small></th>" for column in columns)
    cells = [
        _score_cells(column, values[column.name], stds[column.name], reasons[column.name])
        for column in columns
    ]
    names = [escape(str(name)) for name in values.index]
    rows = [
        f"<th>{name}</th>{''.join(row)}" for name, row in zip(names, zip(*cells, strict=True), strict=True)
    ]
    return html_table(f"<th>{row}</th>{heads}", rows)


def why_undefined(scores: pd.DataFrame, metrics: Sequence[str] = POINT) -> list[str]:
    """Which scores are not defined, and why: what a finger cannot point at (text, not HTML)."""
    rows = scores[scores["metric"].isin(metrics) & scores["value"].isna() & (scores["reason"] != IN_PRICE)]
    titles: dict[tuple[str, str], list[str]] = {}
    for name in metrics:
        for why, models in rows[rows["metric"] == name].groupby("reason", sort=False)["model"]:
            titles.setdefault((", ".join(models), str(why)), []).append(METRICS[name].title)
    return [f"{', '.join(undefined)} of {models}: {why}" for (models, why), undefined in titles.items()]


def significance_table(tests: Significance, kinds: Mapping[str, str]) -> str:
    """What the tests of one loss say of every model. kinds: model → what they show of it."""
    members, rows = tests.confidence_set.members, []
    columns = TEST_COLUMNS if tests.loss.point else TEST_COLUMNS[:-1]
    for name, model in tests.models.items():
        test, direction = model.diebold_mariano, model.direction
        p = tests.confidence_set.p.get(name, float("nan"))
        interval = f"{signed(100 * model.skill.low)} … {signed(100 * model.skill.high)}"
        cells = [
            f"<td class=word>{kinds.get(name, UNDEFINED)}</td>",
            cell(signed(100 * model.skill.value), test.reason),
            cell(interval if np.isfinite(model.skill.low) else UNDEFINED, test.reason),
            cell(signed(test.statistic), test.reason),
            cell(p_value(test.p_better), test.reason),
            cell(("yes" if name in members else "no") if np.isfinite(p) else UNDEFINED, ""),
            cell(p_value(p), tests.confidence_set.reason),
        ]
        if direction is not None:
            cells.append(cell(p_value(direction.p), direction.reason))
        rows.append(f"<th>{escape(name)}</th>{''.join(cells)}")
    benchmark = escape(tests.benchmark or "")
    heads = "".join(
        f"<th>{title.format(benchmark=benchmark)}<small>{unit}</small></th>" for title, unit in columns
    )
    return html_table(heads, rows)


def joint_tests(tests: Significance) -> list[str]:
    """The tests over all models at once, one plain sentence each (text, not HTML)."""
    spa, best = tests.spa, tests.confidence_set
    p = p_value(spa.p)
    result = f"p {p if '<' in p else f'= {p}'}" if np.isfinite(spa.p) else f"not defined: {spa.reason}"
    sentences = [f"SPA (superior predictive ability) of the {tests.loss.name}: {result}."]
    if tests.benchmark is not None:
        sentences[0] += (
            f" Is the best of the {len(tests.tried)} models tried better than {tests.benchmark}? "
            "Below 0.05: yes."
        )
    if best.reason:
        return [*sentences, f"Model confidence set: not defined: {best.reason}."]
    certainty = f"{100 * (1 - best.size):.0f} %"
    one = "is" if len(best.members) == 1 else "is one of"
    return [
        *sentences,
        f"Model confidence set: with {certainty} certainty the best {one} {', '.join(best.members)}.",
    ]


def headline_scores(result: Run) -> pd.DataFrame:
    """The scores over all steps and symbols."""
    return _rows(result, headline_symbol(result.scores), "all")


def further_scores(result: Run, metrics: Sequence[str] = POINT) -> list[tuple[str, str]]:
    """Title and table for the first and last step, and for each of the first symbols."""
    horizon, overall = result.outcome.horizon, headline_symbol(result.scores)
    steps = (1, horizon) if horizon > 1 else ()
    parts = [(f"step {step} of {horizon}", _rows(result, overall, str(step))) for step in steps]
    if overall == "all":
        symbols = [name for name in dict.fromkeys(result.scores["symbol"]) if name != "all"]
        parts += [(name, _rows(result, name, "all")) for name in symbols[:MOST_SYMBOLS]]
    return [(title, score_table(rows, metrics)) for title, rows in parts]


def _rows(result: Run, symbol: str, step: str) -> pd.DataFrame:
    scores = result.scores
    return scores[(scores["symbol"] == symbol) & (scores["step"] == step)]


def _shown(scores: pd.DataFrame, metrics: Sequence[str], column: str) -> pd.DataFrame:
    """Models x metrics; the last of these metrics is had by every model that is shown."""
    having = scores.loc[scores["metric"] == metrics[-1], "model"]
    return wide(scores[scores["model"].isin(having)], column).set_index("model")


def number(value: float, decimals: int) -> str:
    """Thousands apart, fewer decimals where the number is large, a true minus; '–' where undefined."""
    if not np.isfinite(value):
        return UNDEFINED
    if abs(value) >= 100:
        decimals = min(decimals, 1 if abs(value) < 10_000 else 0)
    text = f"{value:,.{decimals}f}"
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("-")
    return text.replace("-", "−")


def signed(value: float) -> str:
    """Two decimals, with a plus where it is above 0."""
    text = number(value, 2)
    return f"+{text}" if value > 0 and text != "0.00" else text


def p_value(p: float) -> str:
    """Three decimals, '< 0.001' below."""
    return UNDEFINED if not np.isfinite(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def cell(text: str, reason: str = "") -> str:
    """A cell; one that is undefined says why to who points at it."""
    title = f' title="{escape(reason)}"' if reason and text == UNDEFINED else ""
    return f"<td{title}>{escape(text)}</td>"


def html_table(heads: str, rows: Sequence[str]) -> str:
    """Cells of the head and of each row → a table that scrolls where it is too wide."""
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<div class=wide><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"


def _score_cells(metric: Metric, values: pd.Series, stds: pd.Series, reasons: pd.Series) -> list[str]:
    shown, around = (metric.factor * column.to_numpy(np.float64) for column in (values, stds))
    decimals = _price_decimals(shown) if metric.unit == "price" else metric.decimals
    texts = [p_value(value) if metric.unit == "p" else number(value, decimals) for value in shown]
    finite = shown[np.isfinite(shown)]
    best = None
    if len(finite) and metric.higher is not None:
        best = number(finite.max() if metric.higher else finite.min(), decimals)
    cells = []
    for text, std, reason in zip(texts, around, reasons, strict=True):
        if text == UNDEFINED:
            cells.append(cell(text, reason))
            continue
        bold = f"<b>{text}</b>" if text == best and len(texts) > 1 else text
        beside = f" <span class=spread>± {number(std, decimals)}</span>" if np.isfinite(std) else ""
        cells.append(f"<td>{bold}{beside}</td>")
    return cells


def _price_decimals(values: np.ndarray) -> int:
    """Four digits of the smallest."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    return int(np.clip(3 - np.floor(np.log10(sizes.min())), 0, 8)) if len(sizes) else 2
