"""gatecast forecast."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatecast.cli.compare import NETWORK
from gatecast.cli.experiments import check_code, experiment_of, load_prices
from gatecast.cli.flags import flag_name, with_settings
from gatecast.cli.options import AllowCode, AsJson, LedgerPlace, NoLedger, Quiet
from gatecast.cli.output import choices, echo, print_json
from gatecast.errors import SettingError
from gatecast.language import say
from gatecast.models.requirements import require_comparison
from gatecast.settings.experiment import Experiment, ForecastSettings, forecast_settings
from gatecast.settings.frequency import INDEX
from gatecast.settings.names import NETWORKS
from gatecast.settings.network import Network
from gatecast.settings.reading import Reading
from gatecast.settings.training import Training

if TYPE_CHECKING:
    from gatecast.api.result import Result

FORECAST = ("features", *ForecastSettings.__annotations__)


@with_settings(
    (Experiment(), "Forecast", FORECAST),
    (Reading(), "Data", Reading.model_fields),
    (Network(), "Network", NETWORK),
    (Training(), "Training", Training.model_fields),
)
def forecast(
    source: Annotated[list[str], typer.Argument(help=say("as in compare"))],
    model: Annotated[str, typer.Option("--model", "--models", help=choices(NETWORKS))] = "gru",
    run: Annotated[
        Path | None, typer.Option(help=say("run folder with this model's record; else it is made"))
    ] = None,
    future_table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help=say("what is known of the next sessions: dates, and the columns of --future")
        ),
    ] = None,
    ledger: LedgerPlace = None,
    no_ledger: NoLedger = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=say("also write it as .csv or .parquet, or draw it: .png")),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help=say("replace FILE if it is there"))] = False,
    allow_code: AllowCode = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    **settings: Any,
) -> None:
    """The command; `gatecast.cli.app.HELP` says what it does."""
    from gatecast.api.outlook import ENDINGS, check_network, outlook
    from gatecast.errors import LedgerError, LedgerWarning, RunError
    from gatecast.extras import needed
    from gatecast.files import check_file
    from gatecast.folders import check_not_a_part, check_not_a_source
    from gatecast.ledger import NUMBERED

    if out is not None:
        check_file(out, ENDINGS, overwrite=overwrite)
        check_not_a_source(out, source)
        check_not_a_part(out)
        if out.suffix == ".png" and (without := needed("vl_convert", say("Pictures (PNG)"))):
            raise RunError(f"{out}: {without}")
    if not no_ledger:
        if without := needed("sqlalchemy", say("Records of forecasts")):
            raise LedgerError(say("{without}, or leave the record out (--no-ledger)", without=without))
        from gatecast.ledger import Ledger

        Ledger(ledger).prepare()  # what is wrong with it shows before the training
    record = None if run is None else _record_in(run, settings)
    if record is None:
        experiment = experiment_of(None, source, {"models": model, **forecast_settings(settings)})
    else:
        experiment = experiment_of(None, source, {"adjust": record.compared.adjust, **settings})
    settled = experiment if record is None else record.compared
    known = settled.networks or ({} if record else NETWORKS)
    check_network(model, known, of_run=record is not None)
    check_code(settled, run, settings, allow_code, models=False)
    require_comparison(settled, rows=1, symbols=1, columns=1)
    prices = load_prices(experiment.source, experiment.reading)
    if prices.frequency == INDEX and not no_ledger:
        no_ledger = True
        warnings.warn(say("not recorded: {numbered}", numbered=NUMBERED), LedgerWarning, stacklevel=2)
    answer = outlook(experiment, prices, model, record, future_table)
    if as_json:
        print_json(answer.summary())
    else:
        echo(answer.text)
    sys.stdout.flush()
    try:
        if out is not None:
            answer.write(out, overwrite=overwrite)
    finally:  # after all is printed: what the file or the ledger refuses is still to be read
        if not no_ledger:
            read = settled if experiment.calendar is None else settled.changed(calendar=experiment.calendar)
            records = Ledger(ledger)
            note: str | None = "not recorded: the ledger keeps log returns, and this is a difference"
            if answer.is_recorded:
                note = records.append(answer.entries(read)).note
            if note:
                warnings.warn(note, LedgerWarning, stacklevel=2)
            if answer.is_recorded and not (quiet or as_json):
                echo(say("gatecast: recorded in {place}; gatecast score", place=records.place), err=True)


def _record_in(folder: Path, settings: Iterable[str]) -> Result:
    """The run in `folder`; `settings`, given beside it, may only choose the data.

    Raises
        SettingError: another setting, which comes from the run. RunError: no run folder.
    """
    wrong = [flag_name(name) for name in settings if name not in ("symbols", "start", "end", "calendar")]
    if wrong:
        raise SettingError(
            say("with --run the settings come from the run: drop {wrong}", wrong=", ".join(wrong))
        )
    from gatecast.api.opening import open_run

    return open_run(folder)
