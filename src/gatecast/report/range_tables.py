"""The tables and sentences of the page's section on ranges, as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gatecast.evaluation.coverage import COVERAGES, VAR_LEVELS
from gatecast.report import range_frames, tables
from gatecast.report.tables import UNDEFINED, cell, html_table, number, p_value, signed

if TYPE_CHECKING:
    from gatecast.evaluation.range_significance import RangeSignificance
    from gatecast.run import Run

EXPLANATIONS = (
    (
        "CRPS",
        "Continuous ranked probability score of the log return × 100: how far the forecast distribution was "
        "from what came, width and place together. Small is good.",
    ),
    (
        "saved",
        "CRPS saved against the strongest baseline, %; p of the one-sided Diebold-Mariano test of that "
        "difference, one loss per date: the chance of so much less if the baseline were as good.",
    ),
    ("log score", "− log density at what came; small is good, and it punishes tails that are too thin."),
    ("held", "How often the central 50, 80 and 95 % ranges held. Near these numbers is right."),
    ("width", "Mean width of the 80 % range in log return × 100. Narrow is good as long as it holds."),
    (
        "VaR",
        "Value at risk: how often the return fell below it. Kupiec’s test, one session ahead and per symbol: "
        "is that as often as it should be? p below 0.05: hardly.",
    ),
)


_TITLES = {
    "crps": "CRPS",
    "log_score": "log score",
    **{f"coverage_{100 * coverage:.0f}": "held" for coverage in COVERAGES},
    "width_80": "width",
    **{f"var_{100 * level:.0f}": "VaR" for level in VAR_LEVELS},
    **{f"kupiec_p_{100 * level:.0f}": "Kupiec’s p" for level in VAR_LEVELS},
}


def score_table(result: Run, symbol: str, step: str) -> str:
    """One row per model that has a range, for one symbol (or "all") and step ("1" … "h", or "all").

    Against the strongest baseline where step is "all"; the lowest CRPS and log score are bold.
    """
    scores = result.range_scores
    scores = scores[(scores["symbol"] == symbol) & (scores["step"] == step)]
    tests = result.range_significance
    compared = tests is not None and tests.benchmark is not None and step == "all"
    heads = "<th>model</th><th>CRPS</th>"
    heads += "<th>saved<small>%</small></th><th>DM<small>p</small></th>" if compared else ""
    heads += "<th>log score</th>"
    heads += "".join(f"<th>held<small>of {100 * coverage:.0f} %</small></th>" for coverage in COVERAGES)
    heads += "<th>width<small>80 %</small></th>"
    heads += "".join(
        f"<th>VaR {100 * level:.0f} %<small>% below</small></th><th>Kupiec<small>p</small></th>"
        for level in VAR_LEVELS
    )
    lowest = {name: _shown(scores[name], 4).min() for name in ("crps", "log_score")}
    rows = []
    for _, row in scores.iterrows():
        cells = [_small(row, "crps", lowest["crps"])]
        if compared and tests is not None:
            cells += _against(tests, str(row["model"]), symbol)
        cells.append(_small(row, "log_score", lowest["log_score"]))
        cells += [_plain(row, f"coverage_{100 * coverage:.0f}", 1, 100) for coverage in COVERAGES]
        cells.append(_plain(row, "width_80", 2))
        for level in VAR_LEVELS:
            name = f"{100 * level:.0f}"
            p = row[f"kupiec_p_{name}"]
            cells += [
                _plain(row, f"var_{name}", 2, 100),
                cell(p_value(p), _why(row["reason"], f"kupiec_p_{name}")),
            ]
        rows.append(f"<th>{escape(str(row['model']))}</th>{''.join(cells)}")
    return html_table(heads, rows)


def headline_table(result: Run) -> str:
    """Over all steps and symbols."""
    return score_table(result, range_frames.overall_symbol(result), "all")


def further_tables(result: Run) -> list[tuple[str, str]]:
    """Title and table for the first and last step, and for each of the first symbols."""
    horizon, overall = result.outcome.horizon, range_frames.overall_symbol(result)
    steps = (1, horizon) if horizon > 1 else ()
    parts = [(f"step {step} of {horizon}", score_table(result, overall, str(step))) for step in steps]
    if overall == "all":
        symbols = [name for name in dict.fromkeys(result.range_scores["symbol"]) if name != "all"]
        parts += [(name, score_table(result, name, "all")) for name in symbols[: tables.MOST_SYMBOLS]]
    return parts


def why_undefined(result: Run) -> list[str]:
    """Why cells of `headline_table` hold no number: what a finger cannot point at (text, not HTML)."""
    scores = result.range_scores
    scores = scores[(scores["symbol"] == range_frames.overall_symbol(result)) & (scores["step"] == "all")]
    causes: dict[str, dict[str, list[str]]] = {}
    for _, row in scores.iterrows():
        for score, title in _TITLES.items():
            if not np.isfinite(row[score]):
                of_models = causes.setdefault(_why(row["reason"], score), {})
                of_models.setdefault(title, []).append(str(row["model"]))
    said = []
    for why, titles in causes.items():
        models = {tuple(dict.fromkeys(names)) for names in titles.values()}
        some = models - {tuple(scores["model"])}
        who = f" of {', '.join(dict.fromkeys(name for names in models for name in names))}" if some else ""
        said.append(f"{', '.join(titles)}{who}: {why}")
    return said


def joint_tests(result: Run) -> list[str]:
    """The tests over all ranges at once, one plain sentence each (text, not HTML)."""
    tests = result.range_significance
    if tests is None:
        return []
    spa, best = tests.spa, tests.confidence_set
    p = p_value(spa.p)
    said = f"p {p if '<' in p else f'= {p}'}" if np.isfinite(spa.p) else f"not defined: {spa.reason}"
    sentences = [f"SPA of the CRPS: {said}."]
    if tests.benchmark is not None:
        sentences[0] += (
            f" Is the best network better than {tests.benchmark}, the strongest baseline, by more than luck? "
            "Below 0.05: yes."
        )
    if best.reason:
        return [*sentences, f"Model confidence set of the CRPS: not defined: {best.reason}."]
    sentences.append(
        f"Model confidence set of the CRPS: with {100 * (1 - best.size):.0f} % certainty the best is "
        f"{'one of ' if len(best.members) > 1 else ''}{', '.join(best.members)}."
    )
    return sentences


def _against(tests: RangeSignificance, model: str, symbol: str) -> list[str]:
    if model == tests.benchmark:
        return ["<td class=word colspan=2>strongest baseline</td>"]
    pair = tests.pair(model, symbol=symbol) or tests.pair(model)
    if pair is None:
        return [cell(UNDEFINED), cell(UNDEFINED)]
    reason = pair.diebold_mariano.reason
    return [
        cell(signed(100 * pair.skill.value), reason),
        cell(p_value(pair.diebold_mariano.p_better), reason),
    ]


def _small(row: pd.Series, score: str, lowest: float) -> str:
    """A score of which the smallest is bold, with its spread over the seeds where it is known."""
    if not np.isfinite(row[score]):
        return cell(UNDEFINED, _why(row["reason"], score))
    text = number(row[score], 4)
    text = f"<b>{text}</b>" if round(row[score], 4) == lowest else text
    spread = row.get(f"{score}_spread", np.nan)
    around = f" <span class=spread>± {number(spread, 4)}</span>" if np.isfinite(spread) else ""
    return f"<td>{text}{around}</td>"


def _plain(row: pd.Series, score: str, decimals: int, factor: float = 1) -> str:
    return cell(number(factor * row[score], decimals), _why(row["reason"], score))


def _shown(scores: pd.Series, decimals: int) -> pd.Series:
    return scores[np.isfinite(scores)].round(decimals)


def _why(reasons: str, score: str) -> str:
    """Why a score is undefined, from the column `reason` of the range scores."""
    for part in reasons.split("; "):
        names, _, why = part.partition(": ")
        if score in names.split(", "):
            return why
    return reasons.partition("tests of coverage and PIT: ")[2]
