"""Charts and results as they show themselves in a notebook."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatecast.errors import DrawingWarning, RunError
from gatecast.files import new_file
from gatecast.language import say
from gatecast.report.marks import Drawn
from gatecast.report.pictures import PIXELS, to_png

# Front ends draw Vega-Lite 5 (JupyterLab 4, VS Code); the charts need nothing of a later version.
VEGA_LITE = "application/vnd.vegalite.v5+json"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
ENDINGS = (".png", ".json")


@dataclass(frozen=True, repr=False)
class Plot:
    """A chart that shows itself in a notebook, also without a network.

    Where the notebook draws Vega-Lite (JupyterLab, VS Code) it can be zoomed; everywhere else, as on GitHub
    and in a PDF, it is a picture.

    Parameters
    ----------
    chart
        The altair chart, to go on with.
    picture
        What is drawn for those who cannot zoom; by default the chart.
    """

    chart: Drawn
    picture: Drawn | None = None

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """The file, written: .png (the picture) or .json (the chart's Vega-Lite specification).

        Raises
        ------
        RunError
            Another ending, a file that is there (unless `overwrite`), or a picture that cannot be drawn.
        """
        path = Path(path)
        with new_file(path, ENDINGS, overwrite=overwrite) as place:
            if path.suffix == ".json":
                place.write_text(self.chart.to_json(validate=False), encoding="utf-8")
            else:
                png, why = to_png(self.picture or self.chart)
                if png is None:
                    raise RunError(say("{path} could not be drawn: {why}", path=path, why=why))
                place.write_bytes(png)
        return path

    def png(self) -> bytes | None:
        """The picture; None, with a DrawingWarning, where it cannot be drawn."""
        png, why = to_png(self.picture or self.chart)
        if png is None:
            warnings.warn(say("the picture could not be drawn: {why}", why=why), DrawingWarning, stacklevel=2)
        return png

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        chart = self.chart.to_dict(validate=False) | {"$schema": SCHEMA}
        bundle: dict[str, Any] = {VEGA_LITE: chart, "text/plain": repr(self)}
        about: dict[str, Any] = {}
        if (png := self.png()) is not None:
            bundle["image/png"] = png
            width = int.from_bytes(png[16:20], "big")  # of the header: PNG specification, 11.2.2
            about["image/png"] = {"width": width // PIXELS}
        return bundle, about

    def __repr__(self) -> str:
        return 'Plot: shown in a notebook; .save("….png") writes it, .chart is the altair chart'
