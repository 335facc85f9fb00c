"""What a command line asks for, as an experiment."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from gatecast.cli.flags import flag_name
from gatecast.errors import SettingError
from gatecast.formatting import MOST_LETTERS, printable
from gatecast.language import say
from gatecast.settings.experiment import Experiment
from gatecast.settings.names import DEFAULT_MODELS, Mean, resolve_models
from gatecast.settings.network import Network
from gatecast.settings.reading import Reading
from gatecast.settings.toml import read_experiment, read_provenance
from gatecast.settings.training import Training

if TYPE_CHECKING:
    from gatecast.data.prices import Prices

KINDS = (Experiment, Network, Training)


def experiment_of(config: Path | None, source: list[str] | None, settings: dict[str, Any]) -> Experiment:
    """The experiment of a config file or of the defaults, with the flags that were given on top."""
    base = _base(config)
    given = {name: _split(name, value) for name, value in settings.items()}
    network = {name: given.pop(name) for name in Network.model_fields if name in given}
    training = {name: given.pop(name) for name in Training.model_fields if name in given}
    if source:
        given["source"] = tuple(source)
    elif config and "DataFrame" in base.source:
        raise SettingError(
            say(
                "{config}: its prices came from a DataFrame. Give those of the run as the "
                "source: gatecast compare {parent} --config {config}",
                config=config,
                parent=config.parent / "prices.parquet",
            )
        )
    with _errors_by_flags(settings):
        given["training"] = base.training.changed(**training)
        chosen = Network(**network)
        networks = {name: own.changed(**network) for name, own in base.networks.items()}
        names = given.pop("models", base.models if config else DEFAULT_MODELS)
        own = {**networks, **base.foreign, **{name: Mean(*parts) for name, parts in base.means.items()}}
        models = [{name: own[name]} if name in own else name for name in names]
        column = given.get("column", base.column)
        asked = resolve_models(models, chosen, column, given.get("anchor", base.anchor))
        given |= {name: getattr(asked, name) for name in ("models", "networks", "foreign", "means")}
        given["trainings"] = {
            name: own.changed(**training) for name, own in base.trainings.items() if name in given["networks"]
        }
        experiment = base.changed(**given)
        experiment.check_test_size(settings)
        return experiment


def reading_of(settings: dict[str, Any]) -> Reading:
    """How the flags that were given ask for prices to be read."""
    with _errors_by_flags(settings):
        return Reading(**{name: _split(name, value) for name, value in settings.items()})


@contextmanager
def _errors_by_flags(settings: dict[str, Any]) -> Iterator[None]:
    """What is wrong with a setting is said of its flag, where that was given."""
    try:
        yield
    except SettingError as error:
        if error.setting in settings:
            raise SettingError(
                f"{flag_name(error.setting)} {printable(error.value, MOST_LETTERS)}: {error.what}"
            ) from None
        raise


def _base(config: Path | None) -> Experiment:
    """The experiment of a config file, which reads the data again that it found; without one the default."""
    if config is None:
        return Experiment(source=("sample:sp500",))
    experiment, found = read_experiment(config), read_provenance(config)
    return experiment if found is None else found.asked_again(experiment)


def _split(name: str, value: Any) -> Any:
    """A comma-separated list for a field that holds several values."""
    field = next(kind.model_fields[name] for kind in KINDS if name in kind.model_fields)
    several = any(get_origin(kind) is tuple for kind in (field.annotation, *get_args(field.annotation)))
    if not (several and isinstance(value, str)):
        return value
    return tuple(names(value))


def load_prices(source: Sequence[str], reading: Reading) -> Prices:
    """The prices of a source, as an experiment reads it."""
    from gatecast.data.sources import load

    return load(list(source), **reading.options)


def check_code(
    experiment: Experiment,
    file: Path | None,
    settings: dict[str, Any],
    allow_code: bool,
    *,
    models: bool = True,
) -> None:
    """Let the user's own functions and models be found; what only a file names needs the user's leave.

    models: whether the models are run, and not the features alone.
    """
    named = {} if experiment.features is None else {"features": experiment.features}
    named |= experiment.foreign if models else {}
    if not named:
        return
    own = [word.rpartition("=")[2] for word in names(settings.get("models") or "")]
    given = [settings.get("features"), *own]
    for role, text in named.items():
        if text not in given and not allow_code:
            raise SettingError(
                say(
                    "{file} names code: {role} = {text!r}, which would be imported and run. If you "
                    "trust it, add --allow-code",
                    file=file,
                    role=role,
                    text=text,
                )
            )
    make_current_folder_importable()


def make_current_folder_importable() -> None:
    """Modules of the current folder are found, after all others: none can take the place of a library's."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)


def names(text: str) -> list[str]:
    """The parts of a comma-separated list."""
    return [part.strip() for part in text.split(",") if part.strip()]
