"""The command line: one function per command, no logic of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatecast._version import __version__
from gatecast.cli.flags import experiment_of, flag_name, with_settings
from gatecast.errors import RunError, SettingError
from gatecast.formatting import printable_lines
from gatecast.models.requirements import require_comparison
from gatecast.settings.experiment import (
    DEFAULT_NETWORK,
    DEFAULT_TRAINING,
    Experiment,
    Network,
    Training,
    forecast_settings,
    read_engine,
)

if TYPE_CHECKING:
    from gatecast.api.result import Result
    from gatecast.data.prices import Prices

FAULT = 3  # what `audit --check` ends with

DATA = ("start", "end", "symbols", "adjust", "calendar")
COMPARE = tuple(
    name for name in Experiment.model_fields if name not in ("source", "sha256", "networks", "training")
)
NETWORK = tuple(name for name in Network.model_fields if name not in ("cell", "bidirectional"))  # by --models
FORECAST = (*DATA, "column", "target", "horizon", "lookback", "features", "scaler", "validation_size",
            "refit", "calibration", "pooled", "seeds", "seed")  # fmt: skip

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        help="sample:sp500, sample:nasdaq, yahoo:SYMBOL, a CSV or Parquet file; several are pooled"
    ),
]
Out = Annotated[Path | None, typer.Option(help="run folder; default runs/<time>-<source>")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace what gatecast wrote there before")]
NoCharts = Annotated[bool, typer.Option("--no-charts", help="no pictures and no page")]
AllowCode = Annotated[
    bool, typer.Option("--allow-code", help="run the function that an experiment file names as its features")
]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on stdout and nothing else")]
LedgerPlace = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="the record of forecasts: a file or postgresql://…; default GATECAST_LEDGER, else your own",
    ),
]
NoLedger = Annotated[bool, typer.Option("--no-ledger", help="do not record this forecast")]

app = typer.Typer(
    name="gatecast",
    help='Forecast prices with recurrent networks and say whether they beat "tomorrow = today".',
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data = typer.Typer(help="Look at price data.", no_args_is_help=True)
app.add_typer(data, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gatecast {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="print the version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command()
@with_settings(
    (Experiment(), "Comparison", COMPARE),
    (DEFAULT_NETWORK, "Network", NETWORK),
    (DEFAULT_TRAINING, "Training", Training.model_fields),
)
def compare(
    source: Sources = None,
    out: Out = None,
    config: Annotated[Path | None, typer.Option(help="experiment.toml of an earlier run")] = None,
    overwrite: Overwrite = False,
    no_charts: NoCharts = False,
    allow_code: AllowCode = False,
    profile: Annotated[bool, typer.Option("--profile", help="say on stderr where the seconds went")] = False,
    as_json: AsJson = False,
    **settings: Any,
) -> None:
    """Train every model over many seeds and refits, beside naive, and say whether anything was learned."""
    experiment = experiment_of(config, source, settings)
    _check_code(experiment, config, settings, allow_code)
    require_comparison(experiment, rows=1, symbols=1, columns=1)  # the least; the prices tell the rest
    from gatecast.folders import RUN, check_folder, check_not_a_source

    folder = out or _default_folder(experiment.source)
    check_folder(folder, RUN, overwrite=overwrite)
    check_not_a_source(folder, experiment.source)
    from gatecast.profiling import profiled, stage

    with profiled() as spent:
        with stage("importing"):
            from gatecast.api.comparison import run
            from gatecast.nn.engine import warn_of_another
        with stage("loading"):
            prices = _load(experiment)
        if config:
            warn_of_another(read_engine(config), config)
        result = run(experiment, prices)
        try:
            result.save(folder, overwrite=overwrite, charts=False)
        except RunError:  # the folder has changed since it was checked, or the disk is full
            _print_result(result, None, as_json)
            raise
        _print_result(result, folder, as_json)
        page = not no_charts and result.draw(folder)
    if not as_json:
        _echo(f"\nThe page: {folder / 'report.html'}" if page else f"\nThe run: {folder}")
    if profile:
        typer.echo(spent.text, err=True)


@app.command()
@with_settings(
    (Experiment(), "Forecast", FORECAST),
    (DEFAULT_NETWORK, "Network", NETWORK),
    (DEFAULT_TRAINING, "Training", Training.model_fields),
)
def forecast(
    source: Annotated[list[str], typer.Argument(help="as in compare")],
    model: Annotated[str, typer.Option(help="rnn, lstm, gru, birnn, bilstm or bigru")] = "gru",
    run: Annotated[
        Path | None, typer.Option(help="run folder with this model's record; else it is made")
    ] = None,
    ledger: LedgerPlace = None,
    no_ledger: NoLedger = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="also write it as .csv or .parquet, or draw it: .png")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace FILE if it is there")] = False,
    allow_code: AllowCode = False,
    as_json: AsJson = False,
    **settings: Any,
) -> None:
    """Forecast the next sessions with prediction intervals, and the model's record beside them."""
    import warnings

    from gatecast.api.outlook import ENDINGS, outlook
    from gatecast.errors import LedgerWarning
    from gatecast.files import check_file
    from gatecast.folders import check_not_a_part, check_not_a_source
    from gatecast.ledger import Ledger

    if out is not None:
        check_file(out, ENDINGS, overwrite=overwrite)
        check_not_a_source(out, source)
        check_not_a_part(out)
    if not no_ledger:
        Ledger(ledger).prepare()  # what is wrong with it shows before the training
    record = None if run is None else _record_in(run, settings)
    if record is None:
        experiment = experiment_of(None, source, {"models": model, **forecast_settings(settings)})
    else:
        experiment = experiment_of(None, source, {"adjust": record.experiment.adjust, **settings})
    settled = experiment if record is None else record.experiment
    _check_code(settled, run, settings, allow_code)
    require_comparison(settled, rows=1, symbols=1, columns=1)
    prices = _load(experiment)
    answer = outlook(experiment, prices, model, record)
    if as_json:
        _print_json(answer.summary())
    else:
        _echo(answer.text)
    sys.stdout.flush()
    try:
        if out is not None:
            answer.write(out, overwrite=overwrite)
    finally:  # after all is printed: what the file or the ledger refuses is still to be read
        if not no_ledger:
            read = settled if experiment.calendar is None else settled.changed(calendar=experiment.calendar)
            appended = Ledger(ledger).append(answer.entries(read))
            if appended.note:
                warnings.warn(appended.note, LedgerWarning, stacklevel=2)


@app.command()
def score(ledger: LedgerPlace = None, as_json: AsJson = False) -> None:
    """Fetch the sessions that came since, and score every recorded forecast that is due."""
    from gatecast.ledger import Ledger
    from gatecast.ledger.track import track_record

    track = track_record(Ledger(ledger))
    if as_json:
        _print_json(track.summary())
    else:
        _echo(track.text)


@data.command()
def check(
    file: Annotated[str, typer.Argument(help="a source, as in compare")],
    calendar: Annotated[str | None, typer.Option(help="exchange calendar (XNYS, XKRX, …) or daily")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what is in a price file and what is odd about it."""
    import warnings

    from gatecast.data.sources import load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the report holds them
        prices = load(file, calendar=calendar)
    if as_json:
        _print_json(prices.summary())
    else:
        _echo(prices.report())


@app.command()
def recipe(
    name: Annotated[str | None, typer.Argument(help="which; none: list them")] = None,
    as_written: Annotated[bool, typer.Option("--as-written", help="only with its faults")] = False,
    corrected: Annotated[bool, typer.Option("--corrected", help="only done right")] = False,
    both: Annotated[bool, typer.Option("--both", help="the default")] = False,
    data: Annotated[str | None, typer.Option(metavar="FILE", help="instead of the recipe's download")] = None,
    epochs: Annotated[int | None, typer.Option(help="of every training; default: the recipe's own")] = None,
    seed: Annotated[int, typer.Option(help="the first")] = 0,
    out: Annotated[Path | None, typer.Option(help="folder for the page and its pictures")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a tutorial that many people copy: as it is written, and done right."""
    from gatecast.recipes import NAMES, recipe_of
    from gatecast.recipes.page import check_page, command_of, text, write_page
    from gatecast.recipes.running import run

    if name is None:
        titles = {known: recipe_of(known).title for known in NAMES}
        if as_json:
            _print_json({"recipes": titles})
        else:
            typer.echo("\n".join(f"{known:<12}{title}" for known, title in titles.items()))
        return
    one = as_written != corrected and not both
    chosen = recipe_of(name)
    if out is not None:
        check_page(name, out)
    result = run(
        chosen,
        data=data,
        as_written=as_written or not one,
        corrected=corrected or not one,
        epochs=epochs,
        seed=seed,
    )
    page: Path | None = None
    try:
        if out is not None:
            page = write_page(result, out, command_of(result, out, epochs, seed))
    finally:  # also where the page cannot be written
        if as_json:
            _print_json(result.summary() | ({"page": str(page)} if page else {}))
        else:
            _echo(text(result) + (f"\n\nThe page: {page}" if page else ""))


@app.command()
def backtest(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="a run folder, written by gatecast compare")],
    models: Annotated[str | None, typer.Option(help="of the run, comma-separated; default: all")] = None,
    rules: Annotated[str, typer.Option(help="comma-separated")] = "sign,threshold,volatility",
    execution: Annotated[
        str | None,
        typer.Option(help="next-open or next-close; default: the open where the data have one to trade at"),
    ] = None,
    cost: Annotated[float | None, typer.Option(metavar="BPS", help="basis points a side")] = None,
    costs: Annotated[
        str | None, typer.Option(help="us, korea (dated, with their source) or none; default: by exchange")
    ] = None,
    short: Annotated[
        bool, typer.Option("--short/--no-short", help="long and short, or long and flat")
    ] = True,
    target_volatility: Annotated[float, typer.Option(help="of a year, for the volatility rule")] = 0.1,
    cap: Annotated[float, typer.Option(help="its largest position, in times the money")] = 1.0,
    trials: Annotated[int | None, typer.Option(help="strategies tried in all, where more than these")] = None,
    draws: Annotated[int, typer.Option(help="random times the positions are moved to")] = 500,
    seed: Annotated[int, typer.Option(help="of the random times")] = 0,
    out: Annotated[Path | None, typer.Option(help="folder for the page, pictures and daily.csv")] = None,
    overwrite: Overwrite = False,
    no_charts: NoCharts = False,
    as_json: AsJson = False,
) -> None:
    """Trade on the forecasts of a run: what would it have earned after costs, and is that luck?"""
    from gatecast.api.backtest import backtest
    from gatecast.api.opening import open_run
    from gatecast.folders import BACKTEST, check_folder

    if out is not None:
        check_folder(out, BACKTEST, overwrite=overwrite)
    tested = backtest(
        open_run(run),
        _names(models),
        rules=_names(rules) or (),
        execution=execution,
        cost=cost,
        costs=costs,
        short=short,
        target_volatility=target_volatility,
        cap=cap,
        trials=trials,
        draws=draws,
        seed=seed,
    )
    if out is not None:
        tested.save(out, overwrite=overwrite, charts=False)
    if as_json:
        _print_json(tested.summary() | ({"folder": str(out)} if out is not None else {}))
    else:
        _echo(tested.text)
    sys.stdout.flush()
    page = out is not None and not no_charts and tested.draw(out)
    if out is not None and not as_json:
        _echo(f"\nThe page: {out / 'backtest.html'}" if page else f"\nThe backtest: {out}")


@app.command()
def audit(
    pipeline: Annotated[str, typer.Argument(metavar="MODULE:FUNCTION", help="importable from this folder")],
    source: Annotated[
        str, typer.Argument(help="what it is given: a file, sample:… or yahoo:…")
    ] = "sample:sp500",
    target: Annotated[str, typer.Option(help="the column that is forecast")] = "Close",
    quick: Annotated[bool, typer.Option("--quick", help="12 runs of the pipeline instead of 35")] = False,
    seed: Annotated[int, typer.Option(help="of the changes")] = 0,
    check: Annotated[bool, typer.Option("--check", help="end with 3 unless clean and decided")] = False,
    as_json: AsJson = False,
) -> None:
    """Change the prices and see which forecasts move: does any depend on what was not yet known?"""
    _make_current_folder_importable()
    from gatecast.auditing import audit, named_pipeline

    report = audit(named_pipeline(pipeline), source, target=target, quick=quick, seed=seed)
    if as_json:
        _print_json(report.as_dict())
    else:
        _echo(report)
    if check and not report.clean:
        raise typer.Exit(FAULT)


def _record_in(folder: Path, settings: Iterable[str]) -> Result:
    """The run in `folder`; `settings`, given beside it, may only choose the data.

    Raises
        SettingError: another setting, which comes from the run. RunError: no run folder.
    """
    wrong = [flag_name(name) for name in settings if name not in ("symbols", "start", "end", "calendar")]
    if wrong:
        raise SettingError(f"with --run the settings come from the run: drop {', '.join(wrong)}")
    from gatecast.api.opening import open_run

    return open_run(folder)


def _names(text: str | None) -> list[str] | None:
    """The parts of a comma-separated list."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _load(experiment: Experiment) -> Prices:
    from gatecast.data.sources import load

    return load(
        list(experiment.source),
        start=experiment.start,
        end=experiment.end,
        symbols=experiment.symbols,
        adjust=experiment.adjust,
        calendar=experiment.calendar,
    )


def _default_folder(source: tuple[str, ...]) -> Path:
    name = "-".join(Path(part.replace(":", "-")).stem for part in source)[:60]
    return Path("runs") / f"{datetime.now():%Y-%m-%dT%H%M%S}-{name}"


def _check_code(
    experiment: Experiment, file: Path | None, settings: dict[str, Any], allow_code: bool
) -> None:
    """Let the function of the features be found; one that only a file names needs the user's leave."""
    if experiment.features is None:
        return
    if "features" not in settings and not allow_code:
        raise SettingError(
            f"{file} names code: features = {experiment.features!r}, a function that would be imported and "
            "run. If you trust it, add --allow-code"
        )
    _make_current_folder_importable()


def _make_current_folder_importable() -> None:
    """Modules of the current folder are found, after all others: none can take the place of a library's."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)


def _print_result(result: Result, folder: Path | None, as_json: bool) -> None:
    if as_json:
        _print_json({**result.summary(), "run": folder and str(folder)})
    else:
        _echo(f"{result.verdict.text}\n\n{result.table()}")
    sys.stdout.flush()  # before anything is drawn


def _echo(text: object) -> None:
    """Print text in which names and cells of the data may stand."""
    typer.echo(printable_lines(str(text)))


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, allow_nan=False))
