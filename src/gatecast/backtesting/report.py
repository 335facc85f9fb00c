"""A backtest as text, pictures and one page."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gatecast.backtesting.strategies import Backtest, Strategy
from gatecast.backtesting.verdict import verdict
from gatecast.formatting import (
    basis_points,
    count,
    csv_safe,
    estimate,
    number,
    percent,
    plain,
    some,
    text_table,
)
from gatecast.report.html import rendered_page
from gatecast.report.tables import Cell, Table
from gatecast.settings.frequency import is_intraday, plain_time, session_noun, stamp

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
TERMS = {
    "a year": "return after costs, compounded",
    "Sharpe": "of a year after costs, over a riskless rate of zero, ± its standard error",
    "deflated": (
        "probability that the true Sharpe ratio is above zero, given how many were tried; over 0.95 would do"
    ),
    "luck": "share of the same positions, moved to random other times, whose Sharpe ratio is as high",
    "turnover": "bought and sold per year, in times the money",
    "breaks even": "cost per side, in basis points, at which nothing is left",
}


def table(tested: Backtest) -> str:
    """Every strategy and buy-and-hold as text, one line each."""
    return text_table(["", *COLUMNS], [[name, *figures] for name, figures in _rows(tested).items()])


def conditions(tested: Backtest) -> list[str]:
    """What was assumed, one sentence each."""
    first, last = tested.hold.money.session[[0, -1]]
    symbols = [account.symbol for account in tested.accounts]
    sides, frequency = "long and short" if tested.sizing.short else "long or flat", tested.frequency
    year = f"{tested.per_year:,}" if is_intraday(frequency) else tested.per_year
    lines = [
        f"{some(symbols, most=3)}, {stamp(first, frequency)} to {stamp(last, frequency)}: "
        f"{count(tested.hold.net.sessions, session_noun(frequency))}, {year} a year.",
        f"Traded at the {tested.execution.replace('-', ' ')} after each forecast, {sides}. The volatility "
        f"rule aims at {100 * tested.sizing.target:g} % a year, with at most {tested.sizing.cap:g} times the "
        "money.",
        f"Costs: {', '.join(dict.fromkeys(costs.name for costs in tested.costs))}. Borrowed shares cost "
        "nothing, and idle money earns nothing.",
    ]
    if len(symbols) > 1:
        lines.append("Every symbol is an account with the same money at the start.")
    for costs in {costs.name: costs for costs in tested.costs}.values():
        lines += costs.notes
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
    from gatecast.report.pictures import drawing, to_pngs

    drawn: dict[str, bytes] = {}
    with drawing("the pictures"):
        drawn = to_pngs(pictures(tested))
        for name, png in drawn.items():
            (folder / f"{name}.png").write_bytes(png)
    with drawing("the page"):
        (folder / "backtest.html").write_text(page(tested, drawn), encoding="utf-8")


def page(tested: Backtest, drawn: dict[str, bytes]) -> str:
    """One HTML file that needs nothing else."""
    rows = {name: [Cell(text) for text in figures] for name, figures in _rows(tested).items()}
    return rendered_page(
        "backtest.html",
        title="Backtest",
        verdict=verdict(tested),
        pictures={name: base64.b64encode(png).decode() for name, png in drawn.items()},
        figures=Table([(head, "") for head in COLUMNS], rows, corner=""),
        terms=TERMS,
        conditions=conditions(tested),
    )


def _rows(tested: Backtest) -> dict[str, list[str]]:
    """Every strategy and buy-and-hold → its figures."""
    return {one.name: [form(one) for form in COLUMNS.values()] for one in [*tested.strategies, tested.hold]}
