"""The experiment file: everything that decides a result, there and back."""

import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gatecast as gc
from gatecast.errors import SettingError
from gatecast.settings.base import ELSEWHERE
from gatecast.settings.experiment import Experiment, Settings
from gatecast.settings.names import (
    BASELINES,
    DEFAULT_MODELS,
    DISTRIBUTION_RIVALS,
    NETWORKS,
    POINT_RIVALS,
    WITH_DISTRIBUTION,
    Mean,
    resolve_models,
)
from gatecast.settings.network import Network
from gatecast.settings.reading import Reading, ReadingOptions
from gatecast.settings.toml import read_experiment, to_toml
from gatecast.settings.training import LOSSES, Training

from ..conftest import FULL  # isort: skip

ACTIVATIONS = st.sampled_from(["relu", "tanh", "sigmoid", "linear"])
POSITIVE = st.floats(1e-9, 1e6)
DATES = st.none() | st.dates().map(lambda day: day.isoformat())
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.+ -]{0,20}", fullmatch=True).filter(
    lambda n: n not in BASELINES
)

networks = st.builds(
    lambda layers, dropout, output, output_activation, **fields: Network(
        num_layers=layers,
        dropout=dropout if layers > 1 else 0,
        output=output,
        output_activation=output_activation if output == "point" else "linear",
        **fields,
    ),
    layers=st.integers(1, 4),
    dropout=st.floats(0, 0.9),
    cell=st.sampled_from(["rnn", "lstm", "gru"]),
    hidden_size=st.integers(1, 64),
    bidirectional=st.booleans(),
    head=st.sampled_from(["last", "flatten"]),
    mlp=st.lists(st.integers(1, 64), max_size=3).map(tuple),
    activation=ACTIVATIONS,
    state_activation=ACTIVATIONS,
    output=st.sampled_from(list(LOSSES)),
    output_activation=ACTIVATIONS,
    reset_after=st.booleans(),
    init=st.sampled_from(["pytorch", "keras", "glorot"]),
)
trainings = st.builds(
    Training,
    epochs=st.integers(1, 1000),
    batch_size=st.none() | st.integers(1, 1000),
    shuffle=st.booleans(),
    optimizer=st.sampled_from(["adam", "adamw", "sgd", "rmsprop"]),
    learning_rate=POSITIVE,
    weight_decay=st.floats(0, 1),
    patience=st.none() | st.integers(1, 100),
    clip_norm=st.none() | POSITIVE,
)


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    own = draw(st.dictionaries(NAMES, networks, max_size=3))
    rivals = draw(st.lists(st.sampled_from(list(BASELINES)), unique=True, min_size=0 if own else 1))
    models, chosen, *_ = resolve_models([*rivals, own], None)
    outputs = {network.output for network in own.values()} or {"point"}
    losses = set.intersection(*({"auto", *LOSSES[output]} for output in outputs))
    return Experiment(
        source=draw(st.lists(st.text(max_size=9), max_size=3).map(tuple)),
        symbols=draw(st.none() | st.lists(st.text(max_size=9), max_size=3).map(tuple)),
        start=draw(DATES),
        end=draw(DATES),
        adjust=draw(st.booleans()),
        calendar=draw(st.none() | st.just("XKRX")),
        models=models,
        networks=chosen,
        training=draw(trainings).changed(loss=draw(st.sampled_from(sorted(losses)))),
        trainings={name: draw(trainings) for name in own if draw(st.booleans())},
        column=draw(st.text(min_size=1, max_size=9)),
        target=draw(st.sampled_from(["return", "close"] if outputs == {"point"} else ["return"])),
        horizon=draw(st.integers(1, 20)),
        past=draw(st.lists(st.text(max_size=9), max_size=2).map(tuple)),
        future=draw(st.sampled_from([(), ("weekday", "earnings")])),
        static=draw(st.sampled_from([(), ("sector",)])),
        market=draw(st.booleans()),
        features=draw(st.none() | st.just("mine:features")),
        replace_features=draw(st.booleans()),
        test_size=draw(st.floats(0.01, 0.99)),
        test_start=draw(DATES),
        window=draw(st.sampled_from(["expanding", "sliding"])),
        refit=draw(st.booleans()),
        calibration=draw(st.sampled_from(["none", "conformal", "adaptive"])),
        seed=draw(st.integers(0, 2**31 - 5)),  # the first of five: later ones are refused
    )


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=60 if FULL else 15,
)
@given(experiments())
def test_an_experiment_survives_its_file(tmp_path: Path, experiment: Experiment) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text(to_toml(experiment), encoding="utf-8")
    assert read_experiment(file) == experiment


def test_one_column_needs_no_list(tmp_path: Path) -> None:
    assert Experiment(past="vix", static=["sector"]) == Experiment(past=("vix",), static=("sector",))
    assert read(tmp_path, 'past = "vix"\nfuture = ["weekday"]').past == ("vix",)


def test_none_is_written_as_a_word() -> None:
    text = to_toml(Experiment(training=Training(patience=None, batch_size=None, clip_norm=None)))
    for name in ("patience", "batch_size", "clip_norm"):
        assert f'{name} = "none"' in text


def read(tmp_path: Path, text: str) -> Experiment:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return read_experiment(file)


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Experiment()
    assert Experiment().models == (*POINT_RIVALS, *DEFAULT_MODELS)


def test_a_file_written_by_hand(tmp_path: Path) -> None:
    """Models by name, dates without quotes, the word none, networks of one's own."""
    experiment = read(
        tmp_path,
        """
        models = ["gru", "mine", "bigru"]
        start = 2015-01-05
        [training]
        patience = "none"
        [networks.mine]
        hidden_size = 3
        [networks.bigru]
        hidden_size = 4
        """,
    )
    assert experiment.models == (*POINT_RIVALS, "gru", "mine", "bigru")
    assert experiment.networks == {
        "gru": Network(cell="gru"),
        "mine": Network(hidden_size=3),
        "bigru": Network(cell="gru", bidirectional=True, hidden_size=4),
    }
    assert experiment.start == "2015-01-05"
    assert experiment.training == Training(patience=None)


def test_networks_without_a_list_of_models(tmp_path: Path) -> None:
    assert read(tmp_path, "[networks.mine]\nhidden_size = 3").models == (*POINT_RIVALS, "mine")


def test_names_become_networks_of_the_base() -> None:
    base = Network(hidden_size=7, cell="rnn", bidirectional=True)
    models, chosen, *_ = resolve_models(list(NETWORKS), base)
    assert models == (*POINT_RIVALS, *NETWORKS)
    for name, network in chosen.items():
        assert network.hidden_size == 7
        assert network.cell == name.removeprefix("bi")
        assert network.bidirectional == name.startswith("bi")


@pytest.mark.parametrize(
    ("models", "column", "expected"),
    [
        (["gru"], "close", (*POINT_RIVALS, "gru")),
        ("gru", "close", (*POINT_RIVALS, "gru")),
        (["gru"], "high", (*POINT_RIVALS, "last-close", "gru")),
        (["gru", "ar"], "high", ("naive", "ar", "gru")),
        (["drift", "gru", "naive"], "close", ("drift", "naive", "gru")),
        ({"mine": Network()}, "close", (*POINT_RIVALS, "mine")),
    ],
)
def test_naive_is_always_a_rival(models: object, column: str, expected: tuple[str, ...]) -> None:
    assert resolve_models(models, None, column)[0] == expected


STUDENT_T = {"mine": Network(output="student_t")}


@pytest.mark.parametrize(
    ("models", "network", "column", "expected"),
    [
        (["gru"], "student_t", "close", ("naive", *DISTRIBUTION_RIVALS, "gru")),
        (["gru"], "quantiles", "high", ("naive", *DISTRIBUTION_RIVALS, "last-close", "gru")),
        (["gru", STUDENT_T], "point", "close", ("naive", *DISTRIBUTION_RIVALS, "gru", "mine")),
        # those named are kept; without a distribution among them, some are added
        (["gru", "ar"], "student_t", "close", ("naive", "ar", *DISTRIBUTION_RIVALS, "gru")),
        (["gru", "har"], "student_t", "close", ("naive", "har", "gru")),
        (["gru", "ar", "garch-t"], "student_t", "close", ("naive", "ar", "garch-t", "gru")),
        (["gru", "ar"], "point", "close", ("naive", "ar", "gru")),
        (["ewma-t"], "point", "close", ("naive", "ewma-t")),
    ],
)
def test_distributions_have_rivals_with_distributions(models, network, column, expected) -> None:
    base = Network(output=network)
    names, networks, *_ = resolve_models(models, base, column)
    assert names == expected
    assert all(name not in networks for name in BASELINES)
    assert Experiment(models=names, networks=networks, column=column).has_distributions == any(
        one.output != "point" for one in networks.values()
    )


def test_the_baselines_with_distributions_are_baselines() -> None:
    assert set(WITH_DISTRIBUTION) < set(BASELINES)
    assert set(DISTRIBUTION_RIVALS) < set(WITH_DISTRIBUTION)
    assert set(LOSSES) == {"point", "student_t", "quantiles"}


@pytest.mark.parametrize("output", ["student_t", "quantiles"])
def test_a_distribution_is_one_of_the_return(output: str) -> None:
    with pytest.raises(
        SettingError,
        match=rf"output = '{output}': that of mine is a distribution of the return or the difference: choose",
    ) as caught:
        Experiment(models=("naive", "mine"), networks={"mine": Network(output=output)}, target="close")
    assert caught.value.setting == "output"


@pytest.mark.parametrize("output", ["student_t", "quantiles"])
def test_a_distribution_has_no_activation(output: str) -> None:
    with pytest.raises(SettingError, match=f'output "{output}" needs output_activation "linear"'):
        Network(output=output, output_activation="relu")


def test_a_loss_must_fit_every_network() -> None:
    """A point beside a distribution: only the loss chosen by itself fits both."""
    networks = {"mine": Network(output="student_t"), "other": Network()}
    made = {"models": ("naive", "mine", "other"), "networks": networks}
    assert Experiment(**made).training.loss == "auto"
    with pytest.raises(SettingError, match=r"does not fit the output \"point\" of other"):
        Experiment(**made, training=Training(loss="crps"))


def test_the_file_of_a_distribution_with_its_loss_and_calibration(tmp_path: Path) -> None:
    experiment = read(
        tmp_path,
        """
        models = ["mine"]
        calibration = "adaptive"
        [training]
        loss = "crps"
        [networks.mine]
        output = "student_t"
        """,
    )
    assert experiment.models == ("naive", *DISTRIBUTION_RIVALS, "mine")
    assert (experiment.calibration, experiment.training.loss, experiment.has_distributions) == (
        "adaptive",
        "crps",
        True,
    )
    assert read(tmp_path, to_toml(experiment)) == experiment
    with pytest.raises(SettingError, match=r"mine.toml: loss = 'crps': does not fit the output \"point\""):
        read(tmp_path, 'models = ["gru"]\n[training]\nloss = "crps"')
    with pytest.raises(SettingError, match=r"calibration = 'conformall'.*Did you mean \"conformal\""):
        read(tmp_path, 'calibration = "conformall"')


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (["gruu"], 'Did you mean "gru"'),
        (["gru", "gru"], "listed twice"),
        (["gru", {"gru": Network()}], "listed twice"),
        ([], "models is empty"),
        ([{"naive": Network()}], '"naive" cannot name a model of yours'),
        ([{"../up": Network()}], "cannot name a model of yours"),
        (
            [{"mine": {"hidden_size": 3}}],
            '"mine" must be a Network, a pair .Network, Training., or a model of your own .*, not dict',
        ),
        ([{"mine": (1, 2)}], "not tuple"),
        ([object()], "a model of your own needs a name"),
        (["gru", "mean"], '"mean" is a mean of fewer than two models'),
        (
            ["gru", {"both": Mean("gru", "lhar")}],
            '"both" is a mean of "lhar", which is no model that is listed',
        ),
    ],
)
def test_wrong_models(models: list[object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        resolve_models(models, None)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"hidden_size": 0}, r"hidden_size = 0: must be at least 1 \(units"),
        ({"hidden": 3}, r'hidden = 3: there is no such setting. Did you mean "hidden_size"\?'),
        ({"cell": "grru"}, r"""'gru'\. Did you mean "gru"\?"""),
        ({"cell": "LSTM"}, r"""'gru'\. Did you mean "lstm"\?"""),
        ({"units": 64}, r'Did you mean "hidden_size"\?'),
        ({"dropout_rate": 0.1}, r'Did you mean "dropout"\?'),
        ({"dropout": 1.0, "num_layers": 2}, "dropout = 1.0: must be less than 1"),
        ({"dropout": 0.1}, "num_layers=2 or more"),
        ({"mlp": (0,)}, "mlp = 0: must be at least 1"),
        ({"bidirectional": "perhaps"}, "must be true or false"),
        ({"dropout": float("inf")}, "finite"),
    ],
)
def test_a_wrong_setting_names_itself_and_the_remedy(setting: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Network(**setting)


def test_settings_are_frozen_and_changed_in_copies() -> None:
    network = Network()
    with pytest.raises(ValueError, match="frozen"):
        network.hidden_size = 3
    assert network.changed(hidden_size=3) == Network(hidden_size=3)
    assert network == Network()
    with pytest.raises(SettingError):
        network.changed(hidden_size=-3)


def test_the_tag_tells_networks_apart() -> None:
    assert Network().tag == Network().tag
    assert len({Network(hidden_size=size).tag for size in range(1, 50)}) == 49


def test_a_network_may_have_a_training_of_its_own(tmp_path: Path) -> None:
    own = Training(epochs=3, learning_rate=0.1)
    names, networks, trainings, *_ = resolve_models(["gru", {"fast": (Network(cell="gru"), own)}])
    experiment = Experiment(models=names, networks=networks, trainings=trainings)
    assert (experiment.training_of("gru"), experiment.training_of("fast")) == (Training(), own)
    assert read(tmp_path, to_toml(experiment)) == experiment
    with pytest.raises(SettingError, match=r"trainings\.other: there is no network of this name"):
        read(tmp_path, "[trainings.other]\nepochs = 3")


def test_the_names_that_functions_take_are_fields_with_their_types() -> None:
    """mypy holds that `Experiment` takes them; here, that none is forgotten."""
    own = {"models", "networks", "features", "training", "trainings", "foreign", "means"}
    beside = {"source", *own, *Reading.model_fields}
    assert set(Settings.__annotations__) == set(Experiment.model_fields) - beside
    assert list(ReadingOptions.__annotations__) == list(Reading.model_fields)


@pytest.mark.parametrize(("function", "own"), [(gc.compare, {"models", "prices"}), (gc.Forecaster, set())])
def test_names_and_defaults_are_in_the_signature_and_the_docstring(function, own) -> None:
    shown = inspect.signature(function).parameters
    made = function.__init__ if inspect.isclass(function) else function
    assert own | {"network", "training", "features"} < set(shown)
    for name, parameter in shown.items():
        if name in Experiment.model_fields and name not in ("models", "training", "features"):
            default = Experiment.model_fields[name].default
            assert parameter.default in (default, None if name == "calibration" else default)
            assert (
                f", default {parameter.default!r}\n    {Experiment.model_fields[name].description}"
                in made.__doc__
            )


def test_the_settings_of_a_class_are_in_its_docstring() -> None:
    assert "\nhidden_size : int, default 16\n    units per layer and direction\n" in (Network.__doc__ or "")
    assert "\nmlp : tuple[int, ...], default ()\n" in (Network.__doc__ or ""), "without pydantic's limits"


def test_settings_are_given_by_their_names():
    with pytest.raises(SettingError, match=r"by their names: Network\(cell='gru', hidden_size=64\)"):
        Network("gru", 64)


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("seq_len", 'Did you mean "lookback"'),
        ("random_state", 'Did you mean "seed"'),
        ("lr", r"Did you mean training=gatecast.Training\(learning_rate=…\)"),
        ("hidden_size", r"Did you mean network=gatecast.Network\(hidden_size=…\)"),
    ],
)
def test_a_setting_under_another_librarys_name_or_in_another_place_is_pointed_to(setting, hint):
    with pytest.raises(SettingError, match=hint):
        gc.compare("sample:sp500", **{setting: 1})


def test_every_hint_leads_to_a_setting():
    places = (Network, Training, Experiment)
    for name, setting in ELSEWHERE.items():
        assert any(setting in place.model_fields for place in places), setting
        assert not any(name in place.model_fields for place in places), name


def test_there_is_one_set_of_defaults():
    experiment = Experiment()
    assert experiment.networks["lstm"] == gc.Network() and experiment.training == gc.Training()
    forecaster = gc.Forecaster()
    assert forecaster.network == gc.Network(output="student_t") and forecaster.training == gc.Training()


@pytest.mark.parametrize(
    ("given", "season"),
    [
        ("auto", "auto"),
        (("auto",), "auto"),
        (24, (24,)),
        ("24", (24,)),
        ("24, 168", (24, 168)),
        ([12], (12,)),
    ],
)
def test_a_season_is_auto_a_number_or_several(given, season, tmp_path):
    experiment = Experiment(season=given)
    assert experiment.season == season
    (tmp_path / "experiment.toml").write_text(to_toml(experiment))
    assert read_experiment(tmp_path / "experiment.toml").season == season


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: gc.compare("sample:sp500", ["naive"], end="2015-01-01"), "gatecast.load(…, end=…)"),  # type: ignore[call-arg]
        (lambda: gc.compare("sample:sp500", ["naive"], source=("x",)), "no such setting here"),  # type: ignore[call-arg]
        (lambda: gc.Forecaster(folds=3), "folds = 3: there is no such setting here"),  # type: ignore[call-arg]
        (lambda: gc.Forecaster(strict=True), "gatecast.load(…, strict=…)"),  # type: ignore[call-arg]
    ],
)
def test_a_setting_that_would_not_be_heeded_is_refused(call, says) -> None:
    """Fields of an experiment that a function does not take: they were written down, and ignored."""
    with pytest.raises(SettingError) as refused:
        call()
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: gc.compare("sample:sp500", ["naive"], network="gru"),  # type: ignore[arg-type]
        lambda: gc.compare("sample:sp500", ["naive"], training={"epochs": 2}),  # type: ignore[arg-type]
        lambda: gc.Forecaster("gru"),  # type: ignore[arg-type]
        lambda: gc.Forecaster(training=3),  # type: ignore[arg-type]
        lambda: gc.fit_windows("gru", Training(), [[[0.0]]], [0.0]),  # type: ignore[arg-type]
        lambda: gc.fit_windows(Network(), None, [[[0.0]]], [0.0]),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_network_and_no_training_is_refused_by_its_name(call) -> None:
    with pytest.raises(
        SettingError, match=r"^(network|training) = .*: must be a gatecast\.(Network|Training)"
    ):
        call()


@pytest.mark.parametrize("models", [None, 3, "lstm,naive"])
def test_models_are_a_list(models) -> None:
    with pytest.raises(SettingError, match="several models are a list"):
        resolve_models(models)


@pytest.mark.parametrize("test", [{"test_rows": 20}, {"test_start": "2018-06-01"}])
def test_a_size_of_the_test_beside_what_says_what_it_is_is_refused(test) -> None:
    with pytest.raises(SettingError, match="both say what the test is"):
        gc.compare("sample:sp500", ["naive"], test_size=0.1, **test)


def test_the_last_seed_is_below_the_limit() -> None:
    assert Experiment(seeds=2, seed=2**31 - 2).seeds == 2
    with pytest.raises(SettingError, match="the seeds of all networks must lie"):
        Experiment(seeds=2, seed=2**31 - 1)


def test_numbers_of_numpy_and_datetimes_at_midnight_are_taken() -> None:
    assert Experiment(season=np.int64(5)).season == (5,)
    assert Experiment(test_start=pd.Timestamp("2018-06-01")).test_start == "2018-06-01"
    with pytest.raises(SettingError, match="is not a date"):
        Experiment(test_start=pd.Timestamp("2018-06-01 12:00"))
