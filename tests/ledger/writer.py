"""A process that appends forecasts and acknowledges each: the tests kill it.

    python writer.py LEDGER SYMBOL COUNT [early]

It says "ready", waits for a line, and then prints the number of each forecast once it is stored, and how many
of its steps were new. "early" is the broken twin: it acknowledges first and stores then.
"""

import datetime as dt
import sys

from gatecast.ledger import Entry, Ledger

STEPS = 3
FIRST = dt.date(2000, 1, 1)


def forecast(symbol: str, number: int) -> list[Entry]:
    """The same at every call, the moment included."""
    origin = FIRST + dt.timedelta(days=number)
    return [
        Entry(
            symbol=symbol,
            origin=origin,
            step=step,
            experiment="0123456789abcdef",
            date=origin + dt.timedelta(days=step),
            source=("nowhere.csv",),
            column="close",
            model="gru",
            anchor=100.0 + number,
            forecast=1e-4 * step,
            data=f"{number:064x}",
            made=dt.datetime(2026, 1, 2, 3, 4, 5, 678901, dt.UTC),
            version="0.1.0",
            quantiles={level: (level - 0.5) * step / 30 for level in (0.1, 0.25, 0.5, 0.75, 0.9)},
        )
        for step in range(1, STEPS + 1)
    ]


def main() -> None:
    """Write until done, or killed."""
    where, symbol, count = sys.argv[1:4]
    early = "early" in sys.argv[4:]
    ledger = Ledger(where)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        entries = forecast(symbol, number)
        if early:
            print(number, STEPS, flush=True)
            ledger.append(entries)
        else:
            stored = ledger.append(entries).stored
            print(number, len(stored), flush=True)


if __name__ == "__main__":
    main()
