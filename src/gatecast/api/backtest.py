"""Backtests, as users hold them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, ParamSpec

from gatecast.backtesting import report
from gatecast.backtesting.strategies import Backtest
from gatecast.backtesting.trading import trade
from gatecast.backtesting.verdict import Verdict, verdict
from gatecast.folders import BACKTEST, added_files, new_folder
from gatecast.report.rendering import drawing

P = ParamSpec("P")


@dataclass(frozen=True, repr=False)
class BacktestResult(Backtest):
    """A backtest that judges, saves and draws itself; see `Backtest` for what it holds."""

    @cached_property
    def verdict(self) -> Verdict:
        """One to three plain sentences."""
        return verdict(self)

    def table(self) -> str:
        """Every strategy and buy-and-hold as text."""
        return report.table(self)

    @property
    def text(self) -> str:
        """What the command line prints."""
        return "\n".join([self.verdict.text, "", self.table(), "", *report.conditions(self)])

    def summary(self) -> dict[str, Any]:
        """The same as plain data for JSON; undefined numbers are None, with their reasons."""
        return report.summary(self)

    def save(self, folder: str | Path, *, overwrite: bool = False, charts: bool = True) -> Path:
        """Write backtest.json and daily.csv, whole or not at all; then, with `charts`, `draw` beside them.

        overwrite: replace a backtest that gatecast wrote.

        Raises
            RunError: the folder is there and not empty (unless `overwrite`), holds anything that gatecast did
            not write as a backtest, or cannot be written.
        """
        with new_folder(folder, BACKTEST, overwrite=overwrite) as partial:
            report.write(self, partial)
        if charts:
            self.draw(folder)
        return Path(folder)

    def draw(self, folder: str | Path) -> bool:
        """Whether backtest.html could be drawn into this backtest's folder; with money.png and sharpe.png.

        What cannot be drawn or written is a DrawingWarning.
        """
        with drawing("the pictures and the page"), added_files(folder, BACKTEST) as partial:
            report.draw(self, partial)
            return (partial / "backtest.html").is_file()
        return False

    def __repr__(self) -> str:
        return f"Backtest: {self.verdict.text}"


def _shown(function: Callable[P, Backtest]) -> Callable[P, BacktestResult]:
    """The same function, its plain data as users hold them."""

    @wraps(function)
    def backtest(*arguments: P.args, **settings: P.kwargs) -> BacktestResult:
        return BacktestResult(**vars(function(*arguments, **settings)))

    return backtest


backtest = _shown(trade)
backtest.__name__ = backtest.__qualname__ = "backtest"
