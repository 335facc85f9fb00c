"""The process that draws: specifications of charts on its standard input, PNGs on its standard output.

The drawing library runs a browser's engine, which ends its process where memory is short. This file is run
as a script, and needs nothing of gatecast.
"""

from __future__ import annotations

import base64
import json
import sys
from html import escape

import vl_convert

NO_LETTER = "\U0010fffd"  # of the last private plane: no font has it


def main() -> None:
    """Read a task: Vega-Lite's "version", pixels as "scale", and by name "charts" and "letters".

    Writes one line for each chart (as PNG) and text of letters (those of them that no font here has), made or
    not.
    """
    task = json.load(sys.stdin)
    how = {"vl_version": task.get("version"), "scale": task.get("scale", 1), "allowed_base_urls": []}
    for name, spec in task.get("charts", {}).items():
        answer = {"name": name}
        try:
            png = vl_convert.vegalite_to_png(spec, **how)
            answer["made"] = base64.b64encode(png).decode()
        except Exception as error:
            answer["error"] = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), flush=True)  # noqa: T201
    for name, text in task.get("letters", {}).items():
        missing = "".join(letter for letter in text if _drawn(letter) == _drawn(NO_LETTER)).encode()
        print(json.dumps({"name": name, "made": base64.b64encode(missing).decode()}), flush=True)  # noqa: T201


def _drawn(letter: str) -> bytes:
    """The picture of one letter. Without a font for it that is the same empty box for all of them."""
    text = f'<text x="4" y="24" font-size="20" font-family="sans-serif">{escape(letter)}</text>'
    return vl_convert.svg_to_png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="32">{text}</svg>'
    )


if __name__ == "__main__":
    main()
