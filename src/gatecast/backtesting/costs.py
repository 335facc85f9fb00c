"""What it costs to buy and to sell, by date: basis points of the traded value, with their source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatecast._typing import Floats
from gatecast.errors import SettingError, did_you_mean
from gatecast.language import marked, say

MOST = 1000.0  # basis points a side; more is a slip of the keyboard
BASIS_POINT = 1e-4


FREE = "0 bp a side"
NAMES = {"us": marked("US costs"), "korea": marked("Korean costs")}


@dataclass(frozen=True)
class Costs:
    """Costs of one market.

    name   as in "2 bp a side"
    steps  (first day, basis points of a buy, basis points of a sale), the days rising; the first step holds
           before its day as well
    notes  where the numbers come from
    """

    name: str
    steps: tuple[tuple[str, float, float], ...]
    notes: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """The name in the language in use."""
        if self.name in NAMES.values():
            return say(self.name)
        return say("{number} bp a side", number=self.name.split()[0])

    def at(self, sessions: NDArray[np.datetime64]) -> tuple[Floats, Floats]:
        """Cost of a buy and of a sale on each session, (T,) fractions of the traded value."""
        since = np.array([step[0] for step in self.steps], dtype="datetime64[D]")
        place = np.maximum(np.searchsorted(since, sessions, side="right") - 1, 0)
        rates = BASIS_POINT * np.array([step[1:] for step in self.steps])[place]
        return rates[..., 0], rates[..., 1]


def flat(basis_points: float) -> Costs:
    """The same for buys and sales on all days.

    Raises
        SettingError: not between 0 and MOST basis points.
    """
    if not 0 <= basis_points <= MOST:
        raise SettingError(
            say(
                "a cost per side is 0 to {most:.0f} basis points (100 are 1 %), not {basis_points}",
                most=MOST,
                basis_points=basis_points,
            )
        )
    return Costs(f"{basis_points:g} bp a side", (("1970-01-01", basis_points, basis_points),))


def us() -> Costs:
    """Large caps in New York: half the spread on both sides, the fees of SEC and FINRA on sales."""
    # Dollars per million sold: "Fee Rate Advisory" of the SEC for each fiscal year.
    sec = (
        ("2014-03-18", 22.1), ("2015-02-14", 18.4), ("2016-02-16", 21.8), ("2017-07-04", 23.1),
        ("2018-05-22", 13.0), ("2019-04-16", 20.7), ("2020-02-18", 22.1), ("2021-02-25", 5.1),
        ("2022-05-14", 22.9), ("2023-02-27", 8.0), ("2024-05-22", 27.8), ("2025-05-14", 0.0),
    )  # fmt: skip
    fee = 0.03  # FINRA's 0.000119 to 0.000166 dollars per share, on a share of 50 dollars
    old, new = 8.0, 1.5
    steps = [("1970-01-01", old, old + 0.33 + fee), ("2001-04-09", new, new + 0.25 + fee)]
    steps += [(day, new, new + 0.01 * dollars + fee) for day, dollars in sec]
    return Costs(
        NAMES["us"],
        tuple(steps),
        (
            marked(
                "Half the spread of a large cap, an assumption: 1.5 bp since prices are decimal "
                "(2001-04-09), 8 bp before, when the smallest step was 1/16 dollar."
            ),
            marked(
                "On sales the fee under Section 31 of the Securities Exchange Act, from the SEC's Fee Rate "
                "Advisories (0 to 27.80 dollars per million since 2014; 25 taken for 2001 to 2014, 33 "
                "before), and FINRA's Trading Activity Fee (By-Laws, Schedule A, section 1), 0.03 bp on a "
                "share of 50 dollars."
            ),
            marked("No commission, as brokers for private customers have it since October 2019."),
            marked("As known at the time of writing; check them before you rely on them."),
        ),
    )


def korea() -> Costs:
    """KOSPI and KOSDAQ: commission and half the spread on both sides, the transaction tax on sales."""
    # Per cent of a sale: securities transaction tax and special rural tax together.
    tax = (
        ("1996-01-01", 0.30), ("2019-06-03", 0.25), ("2021-01-01", 0.23), ("2023-01-01", 0.20),
        ("2024-01-01", 0.18), ("2025-01-01", 0.15), ("2026-01-01", 0.20),
    )  # fmt: skip
    side = 1.5 + 5.0
    return Costs(
        NAMES["korea"],
        tuple((day, side, side + 100 * percent) for day, percent in tax),
        (
            marked(
                "Tax on sales: Enforcement Decree of the Securities Transaction Tax Act, art. 5, and for "
                "KOSPI the Act on Special Rural Development Tax, art. 5; together 0.30 % until 2019-06-02, "
                "then 0.25 %, 0.23 % from 2021, 0.20 % from 2023, 0.18 % from 2024, 0.15 % from 2025, 0.20 % "
                "from 2026. The days are those of settlement: a trade two sessions earlier has the new rate "
                "already. Before 1996: 0.30 % taken."
            ),
            marked("Assumptions: 1.5 bp commission (brokers on the web) and 5 bp half spread, each side."),
            marked("As known at the time of writing; check them before you rely on them."),
        ),
    )


PRESETS: dict[str, Callable[[], Costs]] = {"us": us, "korea": korea, "none": lambda: flat(0.0)}
BY_CALENDAR = {"XNYS": us, "XNAS": us, "XKRX": korea}
ELSEWHERE = 5.0  # basis points, where no preset fits: stated in the answer


def costs_of(preset: str | None, basis_points: float | None, calendar: str) -> Costs:
    """What was asked for; with neither, the preset of a symbol's exchange calendar, else ELSEWHERE.

    Raises
        SettingError: both, or no such preset.
    """
    if preset is not None and basis_points is not None:
        raise SettingError(say("give a cost per side or a preset of costs, not both"))
    if basis_points is not None:
        return flat(basis_points)
    if preset is None:
        return BY_CALENDAR[calendar]() if calendar in BY_CALENDAR else flat(ELSEWHERE)
    if preset not in PRESETS:
        raise SettingError(
            say(
                'there are no costs "{preset}".{did_you_mean} Known: {presets}',
                preset=preset,
                did_you_mean=did_you_mean(preset, PRESETS),
                presets=", ".join(PRESETS),
            )
        )
    return PRESETS[preset]()
