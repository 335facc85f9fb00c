"""Results: what a comparison found, as users hold it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gatecast.errors import RunError
from gatecast.folders import RUN, added_files, new_folder
from gatecast.language import say
from gatecast.profiling import stage
from gatecast.run import Run
from gatecast.settings.toml import read_asked, read_provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from gatecast.api.importance import Measure
    from gatecast.api.trained import Models
    from gatecast.problem.features import FeatureFunction
    from gatecast.report.display import Plot
    from gatecast.report.plots import Kind


@dataclass(frozen=True, repr=False)
class Result(Run):
    """A run that draws, saves and shows itself; see `Run` for what it holds.

    Attributes
    ----------
    features
        The function, or the name of one that may be run, where the experiment names features.
    """

    features: str | FeatureFunction | None = None

    @cached_property
    def models(self) -> Models:
        """The trained networks by the name of their model, to forecast with; see `TrainedNetworks`."""
        from gatecast.api.trained import Models

        return Models(self, self.features)

    def plot(
        self,
        kind: Kind = "forecast",
        *,
        models: str | Sequence[str] | None = None,
        symbol: str | None = None,
        start: str | None = None,
        end: str | None = None,
    ) -> Plot:
        """A chart that shows itself in a notebook: zoomable where the notebook can, else a picture.

        Parameters
        ----------
        kind
            "forecast": forecast and actual prices; "changes": forecast change against actual change; "skill":
            skill with its 90 % interval; "loss": training and validation loss; "intervals": prediction
            intervals of the last sessions.
        models
            One or several of the run's models; by default all, for "forecast" and "intervals" the best one.
        symbol
            One alone; by default all, for "intervals" the first.
        start, end
            Days of the test, "2024-12-31", both included; by default all. Skill is then that of this part:
            a part chosen by its skill says little.

        Raises
        ------
        SettingError
            An unknown kind, model or symbol, a part without forecasts, or nothing of that kind to show.
        """
        from gatecast.report.plots import plot

        return plot(self, kind, models=models, symbol=symbol, start=start, end=end)

    def importance(
        self,
        metric: Measure = "skill",
        *,
        models: str | Sequence[str] | None = None,
        permutations: int = 10,
    ) -> pd.DataFrame:
        """What each input is worth to the run's networks: the skill lost where its values are wrong.

        Every origin of the test gets the window of one input of another origin of the same fold and symbol;
        all else, the scales too, stays. What the ensemble of the seeds, before any calibration, then loses
        more, over the loss of the benchmark, is the importance: 0.02 means two points of skill. A network
        that is misled loses up to twice what one that never had the input would. It says what these networks
        make of an input, not what the input is worth to a better model; of two inputs that say the same,
        neither may seem to matter.

        Parameters
        ----------
        metric
            "skill": in the squared error of the point forecast, against naive. "crps": in that of the
            distribution, against the best baseline.
        models
            One or several networks; by default all.
        permutations
            How many are averaged; drawn with the seed of the experiment.

        Returns
        -------
        DataFrame
            One row per model and input: model, input (static ones are exchanged between symbols), metric,
            value, low and high (its 95 % interval), fractions; dates; reason, where there is no interval.

        Raises
        ------
        SettingError
            No such metric or network; too few origins in the test to permute them.
        RunError
            A run without networks of its own, or whose folder lost them; features of the user's own that may
            not be run.

        Warns
        -----
        DataWarning
            Symbols that are left out, having too few origins in the test.

        Notes
        -----
        Breiman (2001); model reliance of Fisher, Rudin and Dominici (2019). Origins are permuted in blocks of
        lookback + horizon, or a few more, each moved by at least as many: so the order within a block stays,
        and no window that is put in shares a bar with the origin's own window or its targets. The interval
        holds what n dates can tell of these networks on other dates, by the long-run variance of
        `gatecast.evaluation.longrun`; it knows nothing of other trainings.

        Examples
        --------
        >>> table = gatecast.open_run("runs/sp500").importance()
        >>> result.plot_importance(table)
        """
        from gatecast.api.importance import importance

        problem = self.models.problem
        return importance(self, problem, metric=metric, models=models, permutations=permutations)

    def plot_importance(self, table: pd.DataFrame | None = None) -> Plot:
        """What `importance` found as a picture, the inputs that matter most on top.

        Parameters
        ----------
        table
            As `importance` returned it; None: it is called.
        """
        from gatecast.report.display import Plot
        from gatecast.report.inside import importance_chart

        return Plot(importance_chart(self.importance() if table is None else table))

    def save(self, folder: str | Path, *, overwrite: bool = False, charts: bool = True) -> Path:
        """Write the run folder, whole or not at all; then, with `charts`, `draw` into it.

        Parameters
        ----------
        overwrite
            Replace a run that gatecast wrote.

        Raises
        ------
        RunError
            The folder is there and not empty (unless `overwrite`), holds anything that gatecast did not write
            as a run, or cannot be written.
        """
        with stage("writing"), new_folder(folder, RUN, overwrite=overwrite) as partial:
            self.write(partial)
        if charts:
            self.draw(folder)
        return Path(folder)

    def draw(self, folder: str | Path) -> bool:
        """Whether report.html, and with it charts/*.png, could be drawn into the folder that holds this run.

        What cannot be drawn or written is a DrawingWarning; the rest of the run stays as it is.

        Raises
        ------
        RunError
            The folder holds another run, or none.
        """
        self._find(folder)
        from gatecast.report.rendering import Renderer, drawing

        with (
            stage("drawing"),
            drawing("the charts and the page"),
            added_files(folder, RUN) as partial,
            Renderer() as renderer,
        ):
            with stage("importing"):  # while the renderer starts
                from gatecast.report.page import page
                from gatecast.report.pictures import saved_pictures
            with ExitStack() as charts:
                with drawing("the charts"):
                    charts.enter_context(saved_pictures(self, partial / "charts", renderer))
                with drawing("the page"):  # while another process draws the charts
                    (partial / "report.html").write_text(page(self), encoding="utf-8")
                with drawing("the charts"):
                    charts.close()
            self._find(folder)  # another process may have replaced it
            return (partial / "report.html").is_file()
        return False

    def _find(self, folder: str | Path) -> None:
        """Raise where `folder` does not hold this run."""
        written = Path(folder) / "experiment.toml"
        if not written.is_file() or (read_asked(written), read_provenance(written)) != (
            self.experiment,
            self.provenance,
        ):
            raise RunError(say("{folder} does not hold this run; save the run there first", folder=folder))

    def __repr__(self) -> str:
        return f"Result of {', '.join(self.prices.source)}: {self.verdict.text}"

    def _ipython_display_(self) -> None:
        """Show verdict and scores and, as an output of its own, the picture."""
        from IPython.display import display

        from gatecast.report.page import summary_html

        display({"text/html": summary_html(self), "text/plain": repr(self)}, raw=True)  # type: ignore[no-untyped-call]
        display(self.plot())  # type: ignore[no-untyped-call]
