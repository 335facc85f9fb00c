"""The process that draws: lines of JSON, a chart each, on its standard input, PNGs on its standard output.

The drawing library runs a browser's engine, which ends its process where memory is short. This file is run
as a script, and needs nothing of gatecast.
"""

from __future__ import annotations

import base64
import json
import sys
from html import escape
from typing import Any

import vl_convert

NO_LETTER = "\U0010fffd"  # of the last private plane: no font has it


def main() -> None:
    """Answer every line, as {"name", "made" or "error"}.

    A line has a "name", and a "chart" with "version" (Vega-Lite's) and "scale" (pixels), of which a PNG is
    made, or "letters", of which those are found that no font here has.
    """
    for line in sys.stdin:
        task = json.loads(line)
        answer = {"name": task["name"]}
        try:
            answer["made"] = base64.b64encode(_png(**task) if "chart" in task else _missing(**task)).decode()
        except Exception as error:
            answer["error"] = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), flush=True)  # noqa: T201


def _png(name: str, chart: dict[str, Any], version: str, scale: float) -> bytes:
    return vl_convert.vegalite_to_png(chart, vl_version=version, scale=scale, allowed_base_urls=[])


def _missing(name: str, letters: str) -> bytes:
    return "".join(letter for letter in letters if _drawn(letter) == _drawn(NO_LETTER)).encode()


def _drawn(letter: str) -> bytes:
    """The picture of one letter. Without a font for it that is the same empty box for all of them."""
    text = f'<text x="4" y="24" font-size="20" font-family="sans-serif">{escape(letter)}</text>'
    return vl_convert.svg_to_png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="32">{text}</svg>'
    )


if __name__ == "__main__":
    main()
