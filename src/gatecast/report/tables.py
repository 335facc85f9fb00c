"""The tables of the page and of notebooks, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from gatecast.evaluation.significance import Significance
    from gatecast.evaluation.verdict import Verdict
    from gatecast.run import Run

UNDEFINED = "–"
MOST_SYMBOLS = 30

EXPLANATIONS = (
    (
        "skill",
        "1 − mean squared error / that of naive, with its 90 % interval; above 0 is better than naive.",
    ),
    (
        "DM",
        "Diebold-Mariano test, one-sided, with the long-run variance of Lazarus, Lewis, Stock and Watson: p "
        "is the chance of so much smaller an error if naive were as good. One model at a time.",
    ),
    (
        "in the set",
        "Model confidence set: the models that may be the best, with 90 % certainty; p is the size at which "
        "a model drops out.",
    ),
    (
        "direction",
        "Pesaran-Timmermann test, one-sided: are the signs of the next change forecast better than by luck?",
    ),
)


@dataclass(frozen=True)
class Column:
    """A column of the score table: `factor` takes the score to the unit of the header."""

    score: str
    title: str
    unit: str
    decimals: int
    factor: float = 1.0
    higher: bool = False


COLUMNS = (
    Column("skill", "skill", "%", 2, 100, True),
    Column("rmse", "RMSE", "price", 0),
    Column("mae", "MAE", "price", 0),
    Column("mase", "MASE", "naive in training = 1", 3),
    Column("directional_accuracy", "direction", "% right", 1, 100, True),
    Column("mape", "MAPE", "%", 3, 100),
    Column("smape", "sMAPE", "%", 3, 100),
    Column("rmse_return", "RMSE of return", "%", 3, 100),
    Column("mae_return", "MAE of return", "%", 3, 100),
)
TEST_COLUMNS = (
    ("model", ""), ("against naive", ""), ("skill", "%"), ("90 % interval", "%"), ("DM", "t"), ("DM", "p"),
    ("in the set", "90 %"), ("set", "p"), ("direction", "p"),
)  # fmt: skip
BRIEF = ("skill", "rmse_return", "directional_accuracy")


def score_table(scores: pd.DataFrame, columns: Sequence[Column] = COLUMNS, *, row: str = "model") -> str:
    """One row per model of `scores` (rows of one symbol and step), the best value of each column bold."""
    pooled = (scores["symbol"] == "all").all()
    columns = [column for column in columns if not (pooled and column.unit == "price")]
    heads = "".join(f"<th>{column.title}<small>{column.unit}</small></th>" for column in columns)
    cells = [_score_cells(scores, column) for column in columns]
    names = [escape(str(name)) for name in scores[row]]
    rows = [
        f"<th>{name}</th>{''.join(row)}" for name, row in zip(names, zip(*cells, strict=True), strict=True)
    ]
    return html_table(f"<th>{row}</th>{heads}", rows)


def why_undefined(scores: pd.DataFrame) -> list[str]:
    """Which scores are not defined, and why: what a finger cannot point at (text, not HTML)."""
    models: dict[tuple[str, str], list[str]] = {}
    for model, reason in zip(scores["model"], scores["reason"], strict=True):
        for score, why in _reasons(reason).items():
            models.setdefault((score, why), []).append(str(model))
    titles: dict[tuple[str, str], list[str]] = {}
    for column in COLUMNS:
        for (score, why), names in models.items():
            if score == column.score and why != "in price, so per symbol only":
                titles.setdefault((", ".join(names), why), []).append(column.title)
    return [f"{', '.join(undefined)} of {names}: {why}" for (names, why), undefined in titles.items()]


def significance_table(significance: Significance, verdict: Verdict) -> str:
    """What the tests say of every model."""
    members = significance.confidence_set.members
    rows = []
    for name, model in significance.models.items():
        test, direction = model.diebold_mariano, model.direction
        p = significance.confidence_set.p.get(name, float("nan"))
        interval = f"{signed(100 * model.skill.low)} … {signed(100 * model.skill.high)}"
        cells = [
            f"<td class=word>{verdict.kinds[name]}</td>",
            cell(signed(100 * model.skill.value), test.reason),
            cell(interval if np.isfinite(model.skill.low) else UNDEFINED, test.reason),
            cell(signed(test.statistic), test.reason),
            cell(p_value(test.p_better), test.reason),
            cell(("yes" if name in members else "no") if np.isfinite(p) else UNDEFINED, ""),
            cell(p_value(p), significance.confidence_set.reason),
            cell(p_value(direction.p), direction.reason),
        ]
        rows.append(f"<th>{escape(name)}</th>{''.join(cells)}")
    heads = "".join(f"<th>{title}<small>{unit}</small></th>" for title, unit in TEST_COLUMNS)
    return html_table(heads, rows)


def joint_tests(significance: Significance) -> list[str]:
    """The tests over all models at once, one plain sentence each (text, not HTML)."""
    spa, best = significance.spa, significance.confidence_set
    said = f"p = {p_value(spa.p)}" if np.isfinite(spa.p) else f"not defined: {spa.reason}"
    meaning = "Is the best of all models tried better than naive by more than luck? Below 0.05: yes."
    sentences = [f"SPA (superior predictive ability): {said}. {meaning}"]
    if best.reason:
        sentences.append(f"Model confidence set: not defined: {best.reason}.")
    else:
        naive = "naive is among them" if "naive" in best.members else "naive is not among them"
        sentences.append(
            f"Model confidence set: with {100 * (1 - best.size):.0f} % certainty the best is one of "
            f"{', '.join(best.members)}; {naive}."
        )
    return sentences


def headline_scores(result: Run) -> pd.DataFrame:
    """The scores over all steps and symbols."""
    scores = result.scores
    symbol = "all" if (scores["symbol"] == "all").any() else scores["symbol"].iloc[0]
    return scores[(scores["step"] == "all") & (scores["symbol"] == symbol)]


def further_scores(result: Run) -> list[tuple[str, str]]:
    """Title and table for the first and last step, and for each of the first symbols."""
    scores, horizon = result.scores, result.outcome.horizon
    over_all = headline_scores(result)["symbol"].iloc[0]
    parts = []
    if horizon > 1:
        for step in (1, horizon):
            rows = scores[(scores["step"] == str(step)) & (scores["symbol"] == over_all)]
            parts.append((f"step {step} of {horizon}", score_table(rows)))
    symbols = [name for name in dict.fromkeys(scores["symbol"]) if name != "all"]
    if len(symbols) > 1:
        for name in symbols[:MOST_SYMBOLS]:
            rows = scores[(scores["step"] == "all") & (scores["symbol"] == name)]
            parts.append((name, score_table(rows)))
    return parts


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


def _score_cells(scores: pd.DataFrame, column: Column) -> list[str]:
    values = column.factor * scores[column.score].to_numpy(np.float64)
    decimals = _price_decimals(values) if column.unit == "price" else column.decimals
    texts = [number(value, decimals) for value in values]
    finite = values[np.isfinite(values)]
    best = number(finite.max() if column.higher else finite.min(), decimals) if len(finite) else None
    spread_name = f"{column.score}_spread"
    spreads = (
        column.factor * scores[spread_name].to_numpy(np.float64) if spread_name in scores else values * np.nan
    )
    cells = []
    for text, spread, reason in zip(texts, spreads, scores["reason"], strict=True):
        if text == UNDEFINED:
            cells.append(cell(text, _reasons(reason).get(column.score, "")))
            continue
        shown = f"<b>{text}</b>" if text == best and len(texts) > 1 else text
        around = f" <span class=spread>± {number(spread, decimals)}</span>" if np.isfinite(spread) else ""
        cells.append(f"<td>{shown}{around}</td>")
    return cells


def _price_decimals(values: np.ndarray) -> int:
    """Four digits of the smallest."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    return int(np.clip(3 - np.floor(np.log10(sizes.min())), 0, 8)) if len(sizes) else 2


def _reasons(text: str) -> dict[str, str]:
    parts = (part.partition(": ") for part in text.split("; ") if part)
    return {score: why for score, _, why in parts}
