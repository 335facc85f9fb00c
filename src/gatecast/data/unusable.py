"""What is said of a source that cannot be used: every problem, how it was read, and what else is odd."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gatecast.data.tables import Tidy
from gatecast.errors import DataError
from gatecast.language import say


def unusable(source: object, problem: DataError) -> Tidy:
    """A source of which nothing but this problem is known."""
    return Tidy(pd.DataFrame(), (str(problem.file or source),), {}, problems=problem.problems)


def report(part: Tidy) -> str:
    """The text of it, as `gatecast data check` prints it."""
    lines = [
        say("source    {source}", source=", ".join(part.source)),
        say("cannot be used:"),
        *(f"    {problem.text}" for problem in part.problems),
        *(
            say("read      {about}: {taken}", about=about, taken=choice)
            for about, choice in part.choices.items()
        ),
    ]
    for oddity in part.oddities:
        lines += [f"{oddity.kind}: {oddity.text}", *(f"    {row}" for row in oddity.rows)]
    return "\n".join(lines)


def summary(part: Tidy) -> dict[str, Any]:
    """The same as plain data for JSON."""
    return {
        "source": list(part.source),
        "usable": False,
        "problems": [
            {
                "what": problem.what,
                "row": problem.row,
                "column": problem.column,
                "value": None if problem.value is None else str(problem.value),
                "count": problem.count,
                "remedy": problem.remedy,
            }
            for problem in part.problems
        ],
        "read": {about: [choice] for about, choice in part.choices.items()},
        "oddities": [oddity.summary() for oddity in part.oddities],
    }
