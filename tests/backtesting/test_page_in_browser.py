"""The page of a backtest in a browser, where there is one: its charts are drawn, and follow the list."""

import numpy as np
import pandas as pd
import pytest

from gatecast.api.backtest import backtest
from gatecast.backtesting.report import page, shown_strategies

from ..report.test_browser import CHROMIUM, looked_at  # isort: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium to look at the page with")
WITNESS = """
const seen = { refused: [], errors: [], drawn: {} };
addEventListener("securitypolicyviolation", event => seen.refused.push(event.violatedDirective));
addEventListener("error", event => seen.errors.push(event.message));
addEventListener("unhandledrejection", event => seen.errors.push(String(event.reason)));
function when(ready, then, tries = 100) {
  if (tries === 0 || ready()) then();
  else setTimeout(when, 200, ready, then, tries - 1);
}
addEventListener("load", () => {
  const charts = [...document.querySelectorAll("[data-chart]")];
  const look = () => charts.map(chart => chart.querySelector("svg.marks")?.outerHTML ?? "");
  when(() => look().every(text => text.length), () => {
    const first = look(), list = document.querySelector("select");
    list.selectedIndex = 1;
    list.dispatchEvent(new Event("change"));
    setTimeout(() => {
      const second = look();
      charts.forEach((chart, n) => { seen.drawn[chart.dataset.chart] = first[n] !== second[n]; });
      const said = [...document.querySelectorAll("[data-said-of]")].filter(one => !one.hidden);
      seen.said = said.map(one => one.dataset.name);
      seen.wide = document.documentElement.scrollWidth > innerWidth;
      document.title = JSON.stringify(seen);
    }, 1000);
  });
});
"""


@pytest.mark.slow
@pytest.mark.full
def test_charts_follow_the_strategy_that_is_chosen(run_of, walk, tmp_path) -> None:
    table = walk("A", 260, 0)
    moves = {"gru": np.random.default_rng(3).normal(0, 0.004, 159), "drift": np.full(159, 3e-4)}
    tested = backtest(run_of(pd.DataFrame(table), moves, 100, networks=("gru",)), cost=2, draws=20)
    seen = looked_at(page(tested), tmp_path, WITNESS)
    assert seen["refused"] == [] and seen["errors"] == []
    assert seen["drawn"] == {"account": True, "months": True, "sharpe": False}
    assert seen["said"] == [shown_strategies(tested)[1].name]
    assert not seen["wide"]
