"""Experiments as TOML files: experiment.toml of a run, or written by hand."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from gatecast.errors import SettingError
from gatecast.language import say
from gatecast.settings.base import Checked
from gatecast.settings.experiment import Experiment, Provenance
from gatecast.settings.judged import Judged
from gatecast.settings.names import DEFAULT_MODELS, Mean, named_network, resolve_models
from gatecast.settings.network import Network
from gatecast.settings.training import Training

Given = TypeVar("Given", bound=Checked)


def to_toml(
    experiment: Experiment | Judged, provenance: Provenance | None = None, *, leave_out: Iterable[str] = ()
) -> str:
    """An experiment, and what it found, as TOML; `read_experiment` and `read_provenance` give them back.

    leave_out: settings that are not written, to be as by default.
    """
    import tomli_w

    tables = {"training", "networks", "trainings"}
    content = experiment.model_dump(mode="json", exclude_none=True, exclude={*tables, *leave_out})
    if isinstance(experiment, Experiment):
        content["training"] = _explicit_none(experiment.training)
        content["networks"] = {name: _explicit_none(own) for name, own in experiment.networks.items()}
        if experiment.trainings:
            content["trainings"] = {name: _explicit_none(own) for name, own in experiment.trainings.items()}
    if provenance is not None:
        content["provenance"] = provenance.model_dump(mode="json")
    return tomli_w.dumps(content)


def read_experiment(path: str | Path) -> Experiment:
    """What an experiment file asks for; what it leaves out is as in `gatecast compare`.

    Raises
    ------
    SettingError
        No such file, not TOML, or a setting that is wrong; names the file and the setting.
    """
    settings = _read(path)
    if _is_judged(settings):
        raise SettingError(
            say(
                "{path}: is of forecasts that were made elsewhere and judged; there is nothing "
                "to train in it. Judge their table again instead",
                path=path,
            )
        )
    if settings.keys() & {"provenance", *OLD} and "features" in settings:
        settings.setdefault("replace_features", True)  # what runs of earlier versions did
    for found in ("provenance", *OLD):
        settings.pop(found, None)
    try:
        networks = {
            name: _table(named_network(name, Network()), fields, f"networks.{name}")
            for name, fields in _mapping(settings.pop("networks", {}), "networks").items()
        }
        training = _table(Training(), settings.pop("training", {}), "training")
        trainings = {
            name: _table(training, fields, f"trainings.{name}")
            for name, fields in _mapping(settings.pop("trainings", {}), "trainings").items()
        }
        names = settings.pop("models", list(networks) or list(DEFAULT_MODELS))
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SettingError(say("must be a list of names"), setting="models", value=names)
        if strangers := [name for name in trainings if name not in networks]:
            raise SettingError(
                say("trainings.{strangers}: there is no network of this name", strangers=strangers[0])
            )
        own = {
            **networks,
            **_mapping(settings.pop("foreign", {}), "foreign"),
            **{name: Mean(*parts) for name, parts in _mapping(settings.pop("means", {}), "means").items()},
        }
        wanted = [{name: own[name]} if name in own else name for name in names]
        resolved = resolve_models(
            wanted, None, settings.get("column", "close"), settings.get("anchor", "last")
        )
        return Experiment(
            **settings,
            models=resolved.models,
            networks=resolved.networks,
            training=training,
            trainings=trainings,
            foreign=resolved.foreign,
            means=resolved.means,
        )
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from None


def read_asked(path: str | Path) -> Experiment | Judged:
    """What the run of an experiment file was asked: a comparison, or a judgement of given forecasts.

    Raises
    ------
    SettingError
        As `read_experiment`.
    """
    settings = _read(path)
    if not _is_judged(settings):
        return read_experiment(path)
    settings.pop("provenance", None)
    try:
        return Judged(**settings)
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from None


def _is_judged(settings: dict[str, Any]) -> bool:
    return settings.get("kind") == "judged"


def read_provenance(path: str | Path) -> Provenance | None:
    """What the run of an experiment file found; None where the file was written by hand.

    Raises
    ------
    SettingError
        No such file, not TOML, or a table of provenance that is none.
    """
    content = _read(path)
    try:
        if "provenance" in content:
            return Provenance(**_mapping(content["provenance"], "provenance"))
        if "sha256" not in content:
            return None
        engine = content.get("engine", {})
        return Provenance(
            gatecast=content.get("gatecast", "0.1.0"),
            sha256=content["sha256"],
            source=content.get("source", ()),
            symbols=content.get("symbols", ()),
            first=content.get("start", ""),
            last=content.get("end", ""),
            engine={name: str(value) for name, value in engine.items()} if isinstance(engine, dict) else {},
        )
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from None


OLD = ("gatecast", "engine", "sha256")  # what runs of format 1 found stood beside what was asked


def _read(path: str | Path) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(
            say(
                "{path}: cannot be read ({strerror}). Give the experiment.toml of a run",
                path=path,
                strerror=error.strerror,
            )
        ) from None
    # not TOML, not UTF-8, a number of 5,000 digits, 2,000 brackets
    except (ValueError, RecursionError) as error:
        raise SettingError(say("{path}: not a TOML file ({error})", path=path, error=error)) from None


def _table(defaults: Given, fields: object, name: str) -> Given:
    """The settings of one table of an experiment file, on top of `defaults`; errors name the table."""
    known = _mapping(fields, name)
    try:
        return defaults.changed(**known)
    except SettingError as error:
        if error.setting is None:
            raise SettingError(f"{name}: {error}") from None
        raise SettingError(error.what, setting=f"{name}.{error.setting}", value=error.value) from None


def _mapping(fields: object, name: str) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise SettingError(say("must be a table, [{name}]", name=name), setting=name, value=fields)
    return fields


def _explicit_none(settings: Checked) -> dict[str, Any]:
    return {
        name: "none" if value is None else value for name, value in settings.model_dump(mode="json").items()
    }
