"""gatecast score."""

from __future__ import annotations

from gatecast.cli.options import AsJson, LedgerPlace
from gatecast.cli.output import echo, print_json


def score(ledger: LedgerPlace = None, as_json: AsJson = False) -> None:
    """Fetch the sessions since, and score every recorded forecast that is due."""
    from gatecast.ledger import Ledger
    from gatecast.ledger.track import track_record

    track = track_record(Ledger(ledger))
    if as_json:
        print_json(track.summary())
    else:
        echo(track.text)
