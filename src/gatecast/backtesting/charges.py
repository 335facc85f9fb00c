"""What a trade costs, to be read: the formula, and the rates of every market by date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gatecast.backtesting.costs import FREE, PRESETS, Costs
from gatecast.formatting import capitalised
from gatecast.language import marked, say
from gatecast.report.tables import Cell, Table

FORMULA = (
    marked(
        "A trade costs the value that is bought or sold, times the rate of its side: a purchase of 10,000 at "
        "2 bp costs 2. Selling short is a sale, and buying back a purchase."
    ),
    marked(
        "The cost is paid out of the account at once, so that the position is the wanted share of the money "
        "that is left. From a share d of the money M to a share q, a purchase (q above d) at the rate b "
        "leaves M (1 + b d) / (1 + b q), and a sale at the rate s leaves M (1 - s d) / (1 - s q)."
    ),
)
HERE, ELSEWHERE = marked("{costs}, as paid here"), marked("{costs}, not paid here")


@dataclass(frozen=True)
class Charges:
    """The costs of one market: whose they are, rates by the day they begin on, and notes that are not yet
    among the conditions.
    """

    title: str
    rates: Table
    notes: Sequence[str]


def charges(used: Iterable[Costs]) -> list[Charges]:
    """The costs of these trades first, then those of the other presets."""
    here = {costs.name: costs for costs in used}
    presets = (preset() for preset in PRESETS.values())
    others = {costs.name: costs for costs in presets if costs.name not in (*here, FREE)}
    return [
        Charges(
            capitalised(say(HERE if name in here else ELSEWHERE, costs=costs.said)),
            rates(costs),
            [] if name in here else [say(note) for note in costs.notes],
        )
        for name, costs in (here | others).items()
    ]


def rates(costs: Costs) -> Table:
    """Day → basis points of a purchase and of a sale from it on; the first step holds before its day too."""
    first, *later = costs.steps
    names = [say("before {day}", day=later[0][0]) if later else say("always"), *(day for day, *_ in later)]
    cells = [[Cell(f"{rate:.4g}") for rate in both] for _, *both in (first, *later)]
    bp = say("bp")
    return Table(
        [(say("purchase"), bp), (say("sale"), bp)],
        dict(zip(names, cells, strict=True)),
        corner=say("from"),
    )
