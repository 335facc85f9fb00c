"""A backtest as text, pictures and one page."""

from __future__ import annotations

import base64
import json
import math
from html import escape
from pathlib import Path
from typing import Any

from gatecast.backtesting.strategies import Backtest, Strategy
from gatecast.backtesting.verdict import verdict
from gatecast.formatting import csv_safe, plain
from gatecast.report.policy import policy

HEADS = (
    ("a year", 9), ("before costs", 14), ("volatility", 12), ("Sharpe", 16), ("deflated", 10), ("luck", 7),
    ("drawdown", 10), ("turnover", 10), ("costs a year", 14), ("breaks even", 13),
)  # fmt: skip
WORDS = (
    ("a year", "return after costs, compounded"),
    ("Sharpe", "of a year after costs, over a riskless rate of zero, ± its standard error"),
    (
        "deflated",
        "probability that the true Sharpe ratio is above zero, given how many were tried; over 0.95 would do",
    ),
    ("luck", "share of the same positions, moved to random other times, whose Sharpe ratio is as high"),
    ("turnover", "bought and sold per year, in times the money"),
    ("breaks even", "cost per side, in basis points, at which nothing is left"),
)  # fmt: skip
STYLE = """body{margin:0 auto;max-width:1120px;padding:24px 20px 60px;color:#222;background:#fff;
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Noto Sans KR",sans-serif}
.verdict{border-left:8px solid #555;padding:4px 0 4px 20px}
.better{border-color:#00734f}.lost{border-color:#b34700}
.kind{font-size:2rem;font-weight:700;line-height:1.2;margin:0 0 .2em}.soft{color:#666}
img{width:100%;height:auto}h2{font-size:1.25rem;margin:44px 0 .2em}.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:5px 8px;text-align:right;white-space:nowrap;border-bottom:1px solid #ddd}
th:first-child{text-align:left}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;font-size:.9rem}
dt{font-weight:600}dd{margin:0;color:#666}li{overflow-wrap:anywhere}"""


def text_table(tested: Backtest) -> str:
    """Every strategy and buy-and-hold, one line each."""
    rows = [*tested.strategies, tested.hold]
    first = max(len(one.name) for one in rows) + 2
    lines = ["".ljust(first) + "".join(head.rjust(width) for head, width in HEADS)]
    for one in rows:
        cells = zip(_cells(one), HEADS, strict=True)
        lines.append(one.name.ljust(first) + "".join(cell.rjust(width) for cell, (_, width) in cells))
    return "\n".join(lines)


def conditions(tested: Backtest) -> list[str]:
    """What was assumed, one sentence each."""
    first, last = tested.hold.money.session[[0, -1]]
    symbols = [account.symbol for account in tested.accounts]
    named = ", ".join(symbols[:3]) + (f" and {len(symbols) - 3} more" if len(symbols) > 3 else "")
    sides = "long and short" if tested.sizing.short else "long or flat"
    lines = [
        f"{named}, {first} to {last}: {tested.hold.net.sessions:,} sessions, {tested.per_year} a year.",
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
            "first_session": str(first),
            "last_session": str(last),
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
    """Write backtest.json and daily.csv."""
    (folder / "backtest.json").write_text(
        json.dumps(summary(tested), indent=1, allow_nan=False), encoding="utf-8"
    )
    written: dict[str, Any] = {"float_format": "%.10g", "date_format": "%Y-%m-%d", "lineterminator": "\n"}
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
    said = verdict(tested)
    colour = {"better than luck": "better", "lost money": "lost"}.get(said.kind, "")
    images = "".join(
        f'<p><img alt="{name}" src="data:image/png;base64,{base64.b64encode(png).decode()}"></p>'
        for name, png in drawn.items()
    )
    heads = "".join(f"<th>{head}</th>" for head, _ in HEADS)
    rows = "".join(
        f"<tr><th>{escape(one.name)}</th>{''.join(f'<td>{cell}</td>' for cell in _cells(one))}</tr>"
        for one in [*tested.strategies, tested.hold]
    )
    words = "".join(f"<dt>{word}</dt><dd>{escape(meaning)}</dd>" for word, meaning in WORDS)
    assumed = "".join(f"<li>{escape(line)}</li>" for line in conditions(tested))
    prose = escape(said.text).replace(" %", "\u00a0%")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(style=STYLE)}">'
        f"<title>Backtest – gatecast</title><style>{STYLE}</style></head><body>\n"
        f'<div class="verdict {colour}"><p class=kind>{escape(said.kind.capitalize())}</p>'
        f"<p>{prose}</p></div>\n"
        f"{images}\n<h2>Figures</h2><div class=wide><table><thead><tr><th></th>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div><dl>{words}</dl>\n"
        f"<h2>What was assumed</h2><ul>{assumed}</ul></body></html>\n"
    )


def _cells(one: Strategy) -> tuple[str, ...]:
    net = one.net
    ratio = f"{net.sharpe:.2f} ± {net.sharpe_error:.2f}" if math.isfinite(net.sharpe) else "–"
    return (
        _percent(net.annual_return),
        _percent(one.gross.annual_return),
        _percent(net.volatility),
        ratio,
        _number(one.deflated, ".2f"),
        _percent(one.luck.reached, 0),
        _percent(net.max_drawdown),
        _number(net.turnover, ".1f"),
        _percent(net.cost_per_year, 2),
        _number(one.break_even[0], ".1f", " bp"),
    )


def _percent(share: float, decimals: int = 1) -> str:
    return _number(100 * share, f".{decimals}f", " %")


def _number(value: float, form: str, unit: str = "") -> str:
    return format(value, form) + unit if math.isfinite(value) else "–"
