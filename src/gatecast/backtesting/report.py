"""A backtest as text, pictures and one page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gatecast.backtesting.charges import FORMULA, charges
from gatecast.backtesting.courses import course
from gatecast.backtesting.strategies import HOLD, Backtest, Strategy
from gatecast.backtesting.verdict import verdict
from gatecast.backtesting.words import MEANINGS, of_strategy
from gatecast.formatting import (
    basis_points,
    capitalised,
    csv_safe,
    estimate,
    number,
    percent,
    plain,
    some,
    text_table,
)
from gatecast.language import marked, say
from gatecast.report.html import rendered_page, source
from gatecast.report.marks import specifications
from gatecast.report.tables import Cell, Table
from gatecast.settings.frequency import count_sessions, is_intraday, plain_time, session_nouns, stamp

MOST_STRATEGIES = 12  # whose course the page holds
COLUMNS: dict[str, Callable[[Strategy], str]] = {
    "a year": lambda one: percent(one.net.annual_return, 1),
    "before costs": lambda one: percent(one.gross.annual_return, 1),
    "volatility": lambda one: percent(one.net.volatility, 1),
    "Sharpe": lambda one: estimate(one.net.sharpe, one.net.sharpe_error),
    "deflated": lambda one: number(one.deflated),
    "luck": lambda one: percent(one.luck.reached, 0),
    "drawdown": lambda one: percent(one.net.max_drawdown, 1),
    "turnover": lambda one: number(one.net.turnover, 1),
    "costs a year": lambda one: percent(one.net.cost_per_year, 2),
    "breaks even": lambda one: basis_points(one.break_even[0]),
}
HEADS = marked(  # of COLUMNS
    "a year|before costs|volatility|Sharpe|deflated|luck|drawdown|turnover|costs a year|breaks even"
)
EXECUTIONS = {"next-open": marked("next open"), "next-close": marked("next close")}
TERMS = {
    "a year": marked("return after costs, compounded"),
    "Sharpe": marked("of a year after costs, over a riskless rate of zero, ± its standard error"),
    "deflated": marked(
        "probability that the best of so many, if none were worth anything, would have a lower Sharpe ratio; "
        "over 0.95 would do"
    ),
    "luck": marked("share of the same positions, moved to random other times, whose Sharpe ratio is as high"),
    "turnover": marked("bought and sold per year, in times the money"),
    "breaks even": marked("cost per side, in basis points, at which nothing is left"),
}


def table(tested: Backtest) -> str:
    """Every strategy and buy-and-hold as text, one line each."""
    return text_table(["", *_heads().values()], [[name, *figures] for name, figures in _rows(tested).items()])


def conditions(tested: Backtest) -> list[str]:
    """What was assumed, one sentence each."""
    first, last = tested.hold.money.session[[0, -1]]
    symbols = [account.symbol for account in tested.accounts]
    sides, frequency = say("long and short") if tested.sizing.short else say("long or flat"), tested.frequency
    year = f"{tested.per_year:,}" if is_intraday(frequency) else tested.per_year
    lines = [
        say(
            "{symbols}, {first} to {last}: {sessions}, {year} a year.",
            symbols=some(symbols, most=3),
            first=stamp(first, frequency),
            last=stamp(last, frequency),
            sessions=count_sessions(tested.hold.net.sessions, frequency),
            year=year,
        ),
        say(
            "Traded at the {execution} after each forecast, {sides}. The volatility rule aims at {target:g} "
            "% a year, with at most {cap:g} times the money.",
            execution=say(EXECUTIONS[tested.execution]),
            sides=sides,
            target=100 * tested.sizing.target,
            cap=tested.sizing.cap,
        ),
        say(
            "Costs: {costs}. Borrowed shares cost nothing, and idle money earns nothing.",
            costs=", ".join(dict.fromkeys(costs.said for costs in tested.costs)),
        ),
    ]
    if len(symbols) > 1:
        lines.append(say("Every symbol is an account with the same money at the start."))
    for costs in {costs.name: costs for costs in tested.costs}.values():
        lines += map(say, costs.notes)
    return lines


def summary(tested: Backtest) -> dict[str, Any]:
    """A backtest as plain data for JSON; undefined numbers are None, with their reasons."""
    first, last = tested.hold.money.session[[0, -1]]
    return plain(
        {
            "verdict": {"text": verdict(tested).text, "kind": verdict(tested).kind},
            "execution": tested.execution,
            "frequency": tested.frequency,
            "first_session": plain_time(first, tested.frequency),
            "last_session": plain_time(last, tested.frequency),
            "sessions": tested.hold.net.sessions,
            "sessions_per_year": tested.per_year,
            "symbols": [account.symbol for account in tested.accounts],
            "short": tested.sizing.short,
            "target_volatility": tested.sizing.target,
            "cap": tested.sizing.cap,
            "costs": [
                {"name": costs.name, "since_buy_sell_bp": costs.steps, "notes": costs.notes}
                for costs in {costs.name: costs for costs in tested.costs}.values()
            ],
            "trials": tested.trials,
            "sharpe_expected_of_luck": tested.lucky,
            "strategies": [one.figures() for one in tested.strategies],
            "buy_and_hold": tested.hold.figures(),
        }
    )


def write(tested: Backtest, folder: Path) -> None:
    """Write backtest.json and daily.csv, whose rows are bars of any length."""
    (folder / "backtest.json").write_text(
        json.dumps(summary(tested), indent=1, allow_nan=False), encoding="utf-8"
    )
    form = "%Y-%m-%d %H:%M" if is_intraday(tested.frequency) else "%Y-%m-%d"
    written: dict[str, Any] = {"float_format": "%.10g", "date_format": form, "lineterminator": "\n"}
    csv_safe(tested.frame).to_csv(folder / "daily.csv", index=False, **written)


def draw(tested: Backtest, folder: Path) -> None:
    """Draw the pictures, and the page with those that could be drawn."""
    from gatecast.backtesting.pictures import pictures
    from gatecast.report.pictures import to_pngs
    from gatecast.report.rendering import drawing

    with drawing("the pictures"):
        for name, png in to_pngs(pictures(tested)).items():
            (folder / f"{name}.png").write_bytes(png)
    with drawing("the page"):
        (folder / "backtest.html").write_text(page(tested), encoding="utf-8")


def page(tested: Backtest) -> str:
    """One HTML file that needs nothing else: the verdict, what it means, charts, figures and assumptions."""
    from gatecast.backtesting.charts import MOST_POINTS, page_charts
    from gatecast.backtesting.pictures import sharpe_chart

    shown, hold = shown_strategies(tested), course(tested, tested.hold)
    courses = [course(tested, one) for one in shown]
    charts = page_charts(tested, shown, courses, hold)
    if tested.best is not None:
        charts["sharpe"] = sharpe_chart(tested)
    rows = {name: [Cell(text) for text in figures] for name, figures in _rows(tested).items()}
    frequency, judged = tested.frequency, verdict(tested)
    return rendered_page(
        "backtest.html",
        scripts=(source("vega.js"), source("page.js")),
        images="data: blob:",
        title=some([account.symbol for account in tested.accounts], most=3),
        scope=_scope(tested),
        verdict=judged,
        kind_said=capitalised(say(judged.kind)),
        meaning=say(MEANINGS[judged.kind]),
        stories={
            one.name: of_strategy(one, own, hold, frequency) for one, own in zip(shown, courses, strict=True)
        },
        left_out=len(tested.strategies) - len(shown),
        charts=charts.keys(),
        band=any(one.luck.band.shape[1] for one in shown),
        lucky=tested.lucky > 0,
        trials=tested.trials,
        nouns=session_nouns(frequency),
        thinned=len(hold.session) > MOST_POINTS,
        figures=Table([(head, "") for head in _heads().values()], rows, corner=""),
        terms={_heads()[head]: say(meaning) for head, meaning in TERMS.items()},
        conditions=conditions(tested),
        formula=[say(sentence) for sentence in FORMULA],
        charges=charges(tested.costs),
        specs=specifications(charts),
    )


def shown_strategies(tested: Backtest) -> list[Strategy]:
    """Those whose course the page holds: that of the verdict, then by their Sharpe ratio."""
    best = tested.second if tested.best is not None and tested.is_hold(tested.best) else tested.best
    order = sorted(
        tested.strategies,
        key=lambda one: (one is not best, -one.net.sharpe if np.isfinite(one.net.sharpe) else np.inf),
    )
    return order[:MOST_STRATEGIES]


def _scope(tested: Backtest) -> str:
    first, last = tested.hold.money.session[[0, -1]]
    return say(
        "backtest, traded at the {execution} after each forecast, {first} to {last}",
        execution=say(EXECUTIONS[tested.execution]),
        first=stamp(first, tested.frequency),
        last=stamp(last, tested.frequency),
    )


def _heads() -> dict[str, str]:
    """The heads of COLUMNS in the language in use."""
    return dict(zip(COLUMNS, say(HEADS).split("|"), strict=True))


def _rows(tested: Backtest) -> dict[str, list[str]]:
    """Every strategy and buy-and-hold → its figures."""
    named = {one.name: one for one in tested.strategies} | {say(HOLD): tested.hold}
    return {name: [form(one) for form in COLUMNS.values()] for name, one in named.items()}
