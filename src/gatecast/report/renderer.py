"""The process that draws: specifications of charts on its standard input, PNGs on its standard output.

The drawing library runs a browser's engine, which ends its process where memory is short. This file is run
as a script, and needs nothing of gatecast.
"""

from __future__ import annotations

import base64
import json
import sys

import vl_convert


def main() -> None:
    """Read {"version": Vega-Lite's, "scale": pixels, "charts": {name: spec}, "scripts": {name: code}}.

    Writes one line for each chart (as PNG) and script (with the libraries that it needs), made or not.
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
    for name, code in task.get("scripts", {}).items():
        script = vl_convert.javascript_bundle(code).encode()
        print(json.dumps({"name": name, "made": base64.b64encode(script).decode()}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
