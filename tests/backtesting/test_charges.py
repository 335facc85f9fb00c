"""What a trade costs, as it is said: the formula is that of the simulation, the rates are those paid."""

from pathlib import Path

import numpy as np
import pytest

from gatecast.backtesting.charges import charges, rates
from gatecast.backtesting.costs import flat, korea, us
from gatecast.backtesting.simulation import simulate

GUIDE = Path(__file__).parents[2] / "docs" / "en" / "guides" / "backtest.md"
BUY, SELL = 0.002, 0.003


@pytest.mark.parametrize(
    ("d", "q"), [(0.0, 1.0), (0.5, 0.8), (-0.4, 0.6), (1.0, 0.0), (0.7, -0.7), (-0.2, -0.9)]
)
def test_the_formula_is_that_of_the_simulation(d, q):
    """The price does not move, so that what is held is what was wanted."""
    path = simulate(np.array([d, q]), np.zeros(2), BUY, SELL)
    money, traded = path.before[1], path.traded[1]
    left = (1 + BUY * d) / (1 + BUY * q) if q > d else (1 - SELL * d) / (1 - SELL * q)
    assert path.after[1] == pytest.approx(money * left, rel=1e-14)
    assert path.costs[1] == pytest.approx((BUY if q > d else SELL) * traded, rel=1e-12)


@pytest.mark.parametrize("costs", [us(), korea()], ids=lambda costs: costs.name)
def test_the_guide_has_the_rates(costs):
    lines = [
        f"| {day} | {' | '.join(cell.text for cell in cells)} |" for day, cells in rates(costs).rows.items()
    ]
    assert len(lines) > 5 and "\n".join(["|---|---|---|", *lines, ""]) in GUIDE.read_text("utf-8")


@pytest.mark.parametrize("costs", [us(), korea(), flat(2.5)], ids=lambda costs: costs.name)
def test_what_is_written_is_what_is_paid(costs):
    for day, cells in rates(costs).rows.items():
        when = "1990-01-01" if day.startswith(("before", "always")) else day
        paid = [1e4 * rate[0] for rate in costs.at(np.array([when], dtype="datetime64[D]"))]
        assert [float(cell.text) for cell in cells] == pytest.approx(paid, abs=5e-4)


def test_those_paid_come_first_and_the_presets_follow():
    assert [one.title for one in charges([flat(2), us(), flat(2)])] == [
        "2 bp a side, as paid here",
        "US costs, as paid here",
        "Korean costs, not paid here",
    ]
    assert next(one.title for one in charges([flat(0)])) == "0 bp a side, as paid here"
    assert [bool(one.notes) for one in charges([us()])] == [False, True]
