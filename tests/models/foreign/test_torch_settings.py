"""What is asked of a module of PyTorch: Training's names and defaults, and what is refused."""

import dataclasses

import pytest

import gatecast as gc
from gatecast.errors import SettingError


def make(features, horizon):
    raise NotImplementedError


def test_defaults_are_those_of_our_networks():
    own = {field.name: field.default for field in dataclasses.fields(gc.TorchModel)}
    for name, field in gc.Training.model_fields.items():
        assert own[name] == field.default, name
    assert gc.TorchModel(make).training == gc.Training()
    assert gc.TorchModel(make, loss=lambda *_: 0, optimizer=lambda *_: 0, epochs=3).training.epochs == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs = 0: must be at least 1"),
        ({"optimizer": "adagrad"}, "optimizer = .*adagrad"),
        ({"loss": "nll"}, 'loss = .*: must be auto, mse, mae, huber, or a function, for output "point"'),
        ({"output": "normal"}, "output = .*normal"),
        ({"make_module": 1}, r"make_module = 1: must be a function of \(features, horizon\)"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(SettingError, match=message):
        gc.TorchModel(**{"make_module": make, **settings})
