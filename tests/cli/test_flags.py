"""Flags: one for every setting, on top of an experiment file."""

from pathlib import Path

import pytest

from gatecast.cli.compare import COMPARE, NETWORK
from gatecast.cli.experiments import experiment_of
from gatecast.cli.flags import flag_name
from gatecast.errors import SettingError
from gatecast.settings.experiment import Experiment
from gatecast.settings.names import (
    DEFAULT_MODELS,
    DISTRIBUTION_RIVALS,
    POINT_RIVALS,
)
from gatecast.settings.network import Network
from gatecast.settings.reading import Reading
from gatecast.settings.training import Training


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "experiment.toml"
    file.write_text(
        """
        source = ["a.csv"]
        models = ["naive", "gru", "mine"]
        horizon = 3
        [networks.gru]
        cell = "gru"
        hidden_size = 5
        [networks.mine]
        cell = "rnn"
        hidden_size = 6
        [training]
        epochs = 7
        """
    )
    return file


def test_without_flags_it_is_the_default() -> None:
    assert experiment_of(None, None, {}) == Experiment(source=("sample:sp500",))


def test_every_setting_is_a_flag(command) -> None:
    help_text = " ".join(command("compare", "--help").out.split())
    for name in (*COMPARE, *Reading.model_fields, *NETWORK, *Training.model_fields):
        assert f"{flag_name(name)} " in help_text
    assert set(Network.model_fields) - set(NETWORK) == {"cell", "bidirectional"}
    beside = {"source", "networks", "training", "trainings", "foreign", "means", *Reading.model_fields}
    assert set(Experiment.model_fields) - set(COMPARE) == beside


def test_flags_reach_their_settings() -> None:
    given = {
        "models": "gru, bilstm", "hidden_size": "4", "mlp": "8,4", "epochs": "9", "patience": "none",
        "symbols": "A,B", "horizon": "2", "refit": False, "learning_rate": "1e-2",
        "past": "vix, oil", "static": "sector", "market": True,
    }  # fmt: skip
    experiment = experiment_of(None, ["a.csv", "b.csv"], given)
    assert experiment.models == (*POINT_RIVALS, "gru", "bilstm")
    expected = Network(hidden_size=4, mlp=(8, 4))
    assert experiment.networks == {
        "gru": expected.changed(cell="gru"),
        "bilstm": expected.changed(bidirectional=True),
    }
    assert (experiment.training.epochs, experiment.training.patience) == (9, None)
    assert (experiment.training.learning_rate, experiment.horizon, experiment.refit) == (0.01, 2, False)
    assert (experiment.symbols, experiment.source) == (("A", "B"), ("a.csv", "b.csv"))
    assert (experiment.past, experiment.static, experiment.market) == (("vix", "oil"), ("sector",), True)


def test_another_column_has_the_last_close_as_a_rival() -> None:
    models = experiment_of(None, None, {"column": "high"}).models
    assert models == (*POINT_RIVALS, "last-close", *DEFAULT_MODELS)


def test_flags_lie_on_top_of_a_file(config: Path) -> None:
    experiment = experiment_of(config, None, {"horizon": "4", "hidden_size": "9", "epochs": "1"})
    assert (experiment.source, experiment.horizon, experiment.training.epochs) == (("a.csv",), 4, 1)
    assert experiment.models == ("naive", "gru", "mine")
    assert experiment.networks == {
        "gru": Network(cell="gru", hidden_size=9),
        "mine": Network(cell="rnn", hidden_size=9),
    }


def test_a_file_without_flags_stays_as_it_is(config: Path) -> None:
    experiment = experiment_of(config, None, {})
    assert [network.hidden_size for network in experiment.networks.values()] == [5, 6]
    assert experiment.training == Training(epochs=7)
    assert experiment_of(config, ["b.csv"], {}) == experiment.changed(source=("b.csv",))


def test_models_chosen_beside_a_file_keep_its_settings(config: Path) -> None:
    experiment = experiment_of(config, None, {"models": "mine,lstm"})
    assert experiment.networks == {"mine": Network(cell="rnn", hidden_size=6), "lstm": Network()}


def test_the_flags_given_are_not_changed() -> None:
    given = {"hidden_size": "4", "horizon": "2"}
    experiment_of(None, None, given)
    assert given == {"hidden_size": "4", "horizon": "2"}


def test_an_output_brings_its_rivals() -> None:
    experiment = experiment_of(None, None, {"models": "gru", "output": "student_t", "loss": "crps"})
    assert experiment.models == (*("naive", *DISTRIBUTION_RIVALS), "gru")
    assert experiment.networks["gru"] == Network(cell="gru", output="student_t")
    assert experiment.training.loss == "crps"
    given = experiment_of(None, None, {"models": "gru,naive", "calibration": "adaptive"})
    assert (given.models, given.calibration) == (("naive", "gru"), "adaptive")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"loss": "nll"},
            r'--loss nll: does not fit the output "point" of rnn; choose auto, mse, mae or huber',
        ),
        (
            {"output": "quantiles", "loss": "nll", "models": "gru"},
            '--loss nll: does not fit the output "quantiles" of gru; choose auto or pinball',
        ),
        (
            {"output": "student_t", "target": "close"},
            "--output student_t: that of rnn is a distribution of the return or the difference",
        ),
        ({"output": "studentt"}, r'--output studentt: must be .* Did you mean "student_t"'),
        ({"calibration": "conform"}, r'--calibration conform: must be .* Did you mean "conformal"'),
    ],
)
def test_what_does_not_fit_names_its_flag(given: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=f"^{message}"):
        experiment_of(None, None, given)


def test_a_loss_of_the_file_that_no_longer_fits(config: Path) -> None:
    """The flag that made it so is the output; the message says which loss."""
    config.write_text(config.read_text().replace("epochs = 7", 'epochs = 7\n        loss = "mae"'))
    with pytest.raises(SettingError, match=r"loss = 'mae': does not fit the output \"student_t\" of gru"):
        experiment_of(config, None, {"output": "student_t"})
