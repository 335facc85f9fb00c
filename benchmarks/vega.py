"""The script of the pages, src/gatecast/report/templates/vega.js: Vega, Vega-Lite and Vega-Embed in one.

    python benchmarks/vega.py

vl-convert puts it together. Run it again when Altair writes a newer Vega-Lite than the script's, whose first
line names the versions; tests/report/test_page.py compares it with what the same version of vl-convert makes.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import vl_convert

FILE = Path(__file__).parents[1] / "src" / "gatecast" / "report" / "templates" / "vega.js"


def script() -> str:
    """The script, safe within a <script> element."""
    libraries = {
        "Vega": vl_convert.get_vega_version(),
        "Vega-Lite": vl_convert.get_vegalite_versions()[-1],
        "Vega-Embed": vl_convert.get_vega_embed_version(),
        "vl-convert": version("vl-convert-python"),
    }
    named = ", ".join(f"{name} {number}" for name, number in libraries.items())
    code = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return f"/* {named}; see licenses/Vega.txt */\n" + code.replace("</script", "<\\/script").replace(
        "<!--", "<\\!--"
    )


if __name__ == "__main__":
    FILE.write_text(script(), encoding="utf-8")
