"""Costs by date."""

import numpy as np
import pytest

from gatecast.backtesting.costs import PRESETS, costs_of, flat, korea, us
from gatecast.errors import SettingError


def of(costs, day):
    buy, sell = costs.at(np.array([day], dtype="datetime64[D]"))
    return 1e4 * buy[0], 1e4 * sell[0]


@pytest.mark.parametrize(
    ("day", "tax"),
    [
        ("1990-01-01", 30), ("2019-06-02", 30), ("2019-06-03", 25), ("2020-12-31", 25), ("2021-01-01", 23),
        ("2022-12-31", 23), ("2023-01-01", 20), ("2024-01-01", 18), ("2025-01-01", 15), ("2025-12-31", 15),
        ("2026-01-01", 20), ("2040-01-01", 20),
    ],
)  # fmt: skip
def test_korea_taxes_the_sale_only(day, tax):
    buy, sell = of(korea(), day)
    assert sell - buy == pytest.approx(tax)
    assert buy == of(korea(), "2000-01-01")[0]


def test_the_us_charge_fees_on_the_sale():
    """22.10 dollars per million sold, and 0.03 bp, from 2014-03-18; nothing of the first from 2025-05-14."""
    buy, sell = of(us(), "2014-03-18")
    assert sell - buy == pytest.approx(0.221 + 0.03)
    buy, sell = of(us(), "2025-05-14")
    assert sell - buy == pytest.approx(0.03)
    assert of(us(), "2001-04-06")[0] > 4 * of(us(), "2001-04-09")[0]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_dated_and_name_their_source(name):
    costs = PRESETS[name]()
    days = [step[0] for step in costs.steps]
    assert days == sorted(set(days))
    assert all(0 <= rate <= 100 for step in costs.steps for rate in step[1:])
    assert name == "none" or any("Act" in note for note in costs.notes)


def test_what_is_asked_for_and_what_is_meant():
    assert of(costs_of(None, 7.5, "XKRX"), "2020-01-01") == pytest.approx((7.5, 7.5))
    assert costs_of(None, None, "XKRX") == korea() == costs_of("korea", None, "XNYS")
    assert costs_of(None, None, "XNYS") == us()
    assert costs_of(None, None, "daily") == flat(5)
    assert of(costs_of("none", None, "XNYS"), "2020-01-01") == (0, 0)


@pytest.mark.parametrize(
    ("preset", "basis_points", "message"),
    [
        ("us", 2.0, "not both"),
        ("kora", None, 'Did you mean "korea"?'),
        (None, -1.0, "0 to 1000 basis points"),
        (None, float("nan"), "0 to 1000 basis points"),
        (None, 1001.0, "0 to 1000 basis points"),
    ],
)
def test_wrong_costs(preset, basis_points, message):
    with pytest.raises(SettingError, match=message.replace("?", r"\?")):
        costs_of(preset, basis_points, "XNYS")
