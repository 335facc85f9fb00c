"""gatecast compare."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatecast.cli.experiments import check_code, experiment_of, load_prices
from gatecast.cli.flags import flag_name, with_settings
from gatecast.cli.options import AllowCode, AsJson, NoCharts, Out, Overwrite, Quiet, Sources
from gatecast.cli.output import echo, print_json
from gatecast.errors import RunError, SettingError
from gatecast.folders import RUN, WORK, check_folder, check_not_a_source
from gatecast.formatting import listed
from gatecast.language import say
from gatecast.models.requirements import require_comparison
from gatecast.settings.experiment import Experiment
from gatecast.settings.network import Network
from gatecast.settings.reading import Reading
from gatecast.settings.toml import read_provenance
from gatecast.settings.training import Training

if TYPE_CHECKING:
    from gatecast.api.result import Result

COMPARE = tuple(
    name
    for name in Experiment.model_fields
    if name not in ("source", "networks", "training", "trainings", "foreign", "means", *Reading.model_fields)
)
NETWORK = tuple(name for name in Network.model_fields if name not in ("cell", "bidirectional"))  # by --models


@with_settings(
    (Experiment(), "Comparison", COMPARE),
    (Reading(), "Data", Reading.model_fields),
    (Network(), "Network", NETWORK),
    (Training(), "Training", Training.model_fields),
)
def compare(
    source: Sources = None,
    out: Out = None,
    config: Annotated[Path | None, typer.Option(help=say("experiment.toml of an earlier run"))] = None,
    resume: Annotated[
        Path | None, typer.Option(help=say("go on with the unfinished run in this folder, and nothing else"))
    ] = None,
    overwrite: Overwrite = False,
    no_charts: NoCharts = False,
    allow_code: AllowCode = False,
    profile: Annotated[
        bool, typer.Option("--profile", help=say("say on stderr where the seconds went"))
    ] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    **settings: Any,
) -> None:
    """The command; `gatecast.cli.app.HELP` says what it does."""
    experiment: Experiment | None = None
    file = config  # says what was found before
    if resume is not None:
        _refuse_more(source, out, config, settings)
        folder, file = resume, resume / WORK / "experiment.toml"
    else:
        experiment = experiment_of(config, source, settings)
        check_code(experiment, config, settings, allow_code)
        require_comparison(experiment, rows=1, symbols=1, columns=1)  # the least; the prices tell the rest
        folder = out or _default_folder(experiment.source)
        check_folder(folder, RUN, overwrite=overwrite, finishing=True)
        check_not_a_source(folder, experiment.source)
    from gatecast.profiling import profiled, stage

    with profiled() as spent:
        with stage("importing"):
            from gatecast.api.comparison import check_same_data, provenance_of, run
            from gatecast.api.unfinished import resumed, unfinished
            from gatecast.nn.engine import warn_of_another
        with stage("loading"):
            if experiment is None:
                experiment, prices = resumed(folder)
                check_code(experiment, file, settings, allow_code)
            else:
                prices = load_prices(experiment.source, experiment.reading)
        expected = read_provenance(file) if file else None
        if expected is not None:
            check_same_data(prices, expected)
            warn_of_another(expected.engine, file)
        answers = config and config.parent / "answers"
        found, replaced = provenance_of(prices), overwrite or resume is not None
        with unfinished(folder, experiment, prices, found, overwrite=replaced) as grown:
            if not (out or resume or quiet):
                echo(say("The run grows in {folder}", folder=folder), err=True)
            result = run(experiment, prices, answers=answers, grown=grown)
            try:
                grown.finish(result)
            except RunError:  # the folder has changed since it was checked, or the disk is full
                _print_result(result, None, as_json)
                raise
        _print_result(result, folder, as_json)
        page = not no_charts and result.draw(folder)
    if not as_json:
        echo(
            say("\nThe page: {folder}", folder=folder / "report.html")
            if page
            else say("\nThe run: {folder}", folder=folder)
        )
    if profile:
        typer.echo(spent.text, err=True)


def _refuse_more(
    source: list[str] | None, out: Path | None, config: Path | None, settings: dict[str, Any]
) -> None:
    """Raise where something is asked for beside --resume, which asks for all that the folder holds."""
    flags = {"a source": source, "--out": out, "--config": config, **{flag_name(one): 1 for one in settings}}
    if given := [name for name, value in flags.items() if value]:
        raise SettingError(
            say("--resume goes on with what its folder holds; leave out {given}", given=listed(given))
        )


def _default_folder(source: tuple[str, ...]) -> Path:
    name = "-".join(_stem(part) for part in source)[:60]
    return Path("runs") / f"{datetime.now():%Y-%m-%dT%H%M%S}-{name}"


def _stem(source: str) -> str:
    """The name of a source without what stands for other letters: of "data/*.csv" that of the folder."""
    name = Path(re.sub(r"[:*?\[\]]", "-", source)).stem.strip("-")
    return name or Path(source).parent.name


def _print_result(result: Result, folder: Path | None, as_json: bool) -> None:
    if as_json:
        print_json({**result.summary(), "run": folder and str(folder)})
    else:
        echo(f"{result.verdict.text}\n\n{result.table()}")
    sys.stdout.flush()  # before anything is drawn
