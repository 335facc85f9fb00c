import math

import pytest

import gatecast as gc
from gatecast.errors import SettingError
from gatecast.settings.training import Pace


@pytest.mark.parametrize(
    ("rows", "batch", "steps"),
    [
        (1, 128, 200),
        (25_600, 128, 200),
        (25_601, 256, 100),
        (51_200, 256, 100),
        (51_201, 512, 50),
        (10**8, 512, 50),
    ],
)
def test_the_automatic_batch_grows_with_the_rows_and_the_rate_with_its_root(rows, batch, steps):
    pace = gc.Training(learning_rate=0.01).pace(rows)
    assert pace == Pace(batch, pytest.approx(0.01 * math.sqrt(batch / 128), rel=1e-12), steps)
    assert batch * steps == 25_600


@pytest.mark.parametrize(
    ("settings", "pace"),
    [
        ({"batch_size": 64}, Pace(64, 2e-3, None)),
        ({"batch_size": None}, Pace(None, 2e-3, None)),
        ({"batch_size": 64, "steps_per_epoch": 7}, Pace(64, 2e-3, 7)),
        ({"steps_per_epoch": 7}, Pace(512, 4e-3, 7)),
        ({"steps_per_epoch": "none"}, Pace(512, 4e-3, None)),
    ],
)
def test_what_is_given_stays(settings, pace):
    assert gc.Training(**settings).pace(10**6) == pace


def test_up_to_the_usual_batch_the_rate_is_the_very_number_given():
    assert gc.Training(learning_rate=1e-3).pace(25_600).learning_rate == 1e-3


@pytest.mark.parametrize("wrong", ["many", 0, 1.5, True])
def test_other_batches_are_refused(wrong):
    with pytest.raises(SettingError, match=r"batch_size.*auto"):
        gc.Training(batch_size=wrong)
