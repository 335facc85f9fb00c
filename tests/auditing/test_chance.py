"""Chance in an audited pipeline: seeded where it can be, else measured, said, and never taken for a fault."""

from __future__ import annotations

import random
import sys
import types
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.auditing.answers import KEYS
from gatecast.auditing.noise import Unchanged, apart
from gatecast.auditing.seeds import position, seedable, seeded
from gatecast.errors import InputError

pytestmark = pytest.mark.usefixtures("chance_of_its_own")

FIRST = 100
QUICK_AND_FULL = [True, pytest.param(False, marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def prices(walk: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return walk("A", 260, 6).drop(columns="symbol").rename(columns=str.title)


def one_step(df: pd.DataFrame, forecast: np.ndarray | pd.Series) -> pd.DataFrame:
    """forecast[i] is made at the close of row i for row i + 1."""
    made, day, rows = np.asarray(forecast), df["Date"].to_numpy(), np.arange(FIRST, len(df) - 1)
    return pd.DataFrame({"origin": day[rows], "date": day[rows + 1], "forecast": made[rows]})


# seeds ---------------------------------------------------------------------------------------------------


def test_the_generators_start_alike_and_continue_where_they_were():
    def draw() -> tuple[float, float]:
        return random.random(), np.random.random()  # noqa: NPY002

    random.seed(3)
    np.random.seed(4)  # noqa: NPY002
    undisturbed = [draw(), draw()]
    random.seed(3)
    np.random.seed(4)  # noqa: NPY002
    disturbed = [draw()]
    inside = []
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), seeded(7):
            inside.append(draw())
            1 / 0  # noqa: B018
    disturbed.append(draw())
    assert disturbed == undisturbed
    assert inside[0] == inside[1]


def test_an_audit_leaves_the_callers_generators_alone_also_when_the_pipeline_fails(prices):
    def failing(df):
        raise ValueError(np.random.random())  # noqa: NPY002

    before = position()
    gc.audit(lambda df: one_step(df, df["Close"] + random.random()), prices, quick=True)
    with pytest.raises(InputError, match="ValueError"):
        gc.audit(failing, prices)
    assert position() == before


class Torch(types.ModuleType):
    """The part of PyTorch that holds random numbers, with one generator that starts anywhere."""

    class State:
        def __init__(self, state: int) -> None:
            self.state = state

        def numpy(self) -> np.ndarray:
            return np.array([self.state])

    def __init__(self) -> None:
        super().__init__("torch")
        self.state = int(np.random.default_rng().integers(2**30))
        self.cuda = types.SimpleNamespace(is_available=lambda: False, is_initialized=lambda: False)

    def manual_seed(self, seed: int) -> None:
        self.state = seed

    def get_rng_state(self) -> State:
        return Torch.State(self.state)

    def set_rng_state(self, state: State) -> None:
        self.state = state.state

    def rand(self) -> float:
        self.state = (1_103_515_245 * self.state + 12_345) % 2**31
        return self.state / 2**31


def test_pytorch_is_seeded_where_it_is_imported_also_by_the_first_run(prices, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed

    def pipeline(df):
        if sys.modules["torch"] is None:
            sys.modules["torch"] = Torch()
        return one_step(df, df["Close"] * (1 + 0.01 * sys.modules["torch"].rand()))

    assert "PyTorch" not in seedable()
    report = gc.audit(pipeline, prices, quick=True)
    assert "PyTorch" in seedable()
    assert report.clean and "chance" not in {finding.kind for finding in report.findings}
    assert [rerun.change for rerun in report.tried[:3]] == ["nothing", "nothing", "nothing, again"]
    torch = sys.modules["torch"]
    before = torch.state
    gc.audit(pipeline, prices, quick=True)
    assert torch.state == before


def test_keras_and_tensorflow_are_seeded_where_they_are_imported(monkeypatch):
    seeds = []
    keras, tensorflow = types.ModuleType("keras"), types.ModuleType("tensorflow")
    keras.utils = types.SimpleNamespace(set_random_seed=seeds.append)
    tensorflow.random = types.SimpleNamespace(set_seed=seeds.append)
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    with seeded(5):
        assert seeds == [5, 5]


# a number of draws that depends on the prices ------------------------------------------------------------


def two_members(df):
    """Each member draws while it fits, as often as the later rows want: the second then draws others."""
    close, members = df["Close"].to_numpy(), []
    for _ in range(2):
        noise = 0.003 * np.random.normal()  # noqa: NPY002
        made = close * (1 + noise)
        for level in close[200:]:
            np.random.normal(size=int(level) % 3)  # noqa: NPY002
        members.append(made)
    return one_step(df, np.mean(members, axis=0))


@pytest.mark.parametrize("quick", QUICK_AND_FULL)
def test_other_draws_are_not_taken_for_a_leak(quick, prices):
    report = gc.audit(two_members, prices, quick=quick)
    assert not report.faults
    (note,) = [finding for finding in report.findings if finding.kind == "chance"]
    assert "agree when the generators of Python and NumPy are seeded alike" in note.text


@pytest.mark.parametrize("quick", QUICK_AND_FULL)
def test_a_leak_larger_than_other_draws_is_found(quick, prices):
    def pipeline(df):
        low, high = df["Close"].min(), df["Close"].max()
        scaled = np.tanh((df["Close"] - low) / (high - low))
        return two_members(df.assign(Close=low + (high - low) * scaled))

    assert {finding.kind for finding in gc.audit(pipeline, prices, quick=quick).faults} == {"future-rows"}


# chance that no seed reaches -----------------------------------------------------------------------------


def noisy(scale: float, made: Callable[[pd.DataFrame], pd.Series]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Every forecast with noise of its own: `scale` times about a typical move."""

    def pipeline(df):
        return one_step(df, made(df) + 0.7 * scale * np.random.default_rng().normal(size=len(df)))

    return pipeline


def test_the_note_says_by_how_much_runs_differ(prices):
    report = gc.audit(noisy(1.0, lambda df: df["Close"]), prices, quick=True)
    assert report.clean
    (note,) = [finding for finding in report.findings if finding.kind == "chance"]
    assert note.severity == "note" and "by up to" in note.text
    assert 1.5 < note.size < 3.5  # the range of five draws of one normal variable, in the median


def scaled_by_extremes_of_all_rows(df):
    low, high = df["Close"].min(), df["Close"].max()
    return low + (high - low) * np.tanh((df["Close"] - low) / (high - low))


@pytest.mark.parametrize("quick", QUICK_AND_FULL)
@pytest.mark.parametrize(
    ("made", "kind"),
    [
        pytest.param(
            scaled_by_extremes_of_all_rows, "future-rows", marks=[pytest.mark.slow, pytest.mark.full]
        ),
        (lambda df: df["Close"].shift(-3).ffill(), "future-rows"),
    ],
)
def test_a_leak_larger_than_chance_is_found(made, kind, quick, prices):
    assert kind in {finding.kind for finding in gc.audit(noisy(0.3, made), prices, quick=quick).faults}


def test_what_chance_hides_is_not_decided_and_so_not_clean(prices):
    """The noise is larger than any change of the prices."""
    report = gc.audit(noisy(5000.0, lambda df: df["Close"]), prices, quick=True)
    assert "deaf" not in {finding.kind for finding in report.findings}
    assert {"deaf", "future-rows", "same-day"} <= set(report.undecided)
    assert not report.clean
    assert "Not decided" in str(report) and report.as_dict()["undecided"] == list(report.undecided)


def test_forecasts_that_move_together_are_distinguished_from_chance():
    """Level and power of the permutation test: 5 runs on unchanged prices, 6 on changed."""
    rng = np.random.default_rng(0)
    keys = pd.MultiIndex.from_arrays([[0] * 60, range(60), range(1, 61)], names=KEYS)

    def run(shift: float) -> pd.Series:
        common = rng.normal(0, 1)  # one half of the noise moves all forecasts together
        return pd.Series(shift + common + rng.normal(0, 1, 60), keys)

    def found(shift: float, trials: int) -> float:
        hits = 0
        for _ in range(trials):
            unchanged = Unchanged(pd.concat([run(0) for _ in range(5)], axis=1), np.ones(1))
            together = apart(unchanged, [run(shift) for _ in range(6)], 60)
            hits += together is not None and together.by_more_than_chance
        return hits / trials

    assert found(0.0, 150) <= 0.04  # 0.02 and what 150 trials leave open
    assert found(5.0, 40) >= 0.9


def test_a_predict_that_draws_is_not_decided(prices):
    place = {day: row for row, day in enumerate(prices["Date"])}

    def pipeline(df):
        close = df["Close"].to_numpy()

        def predict(origins):
            rows = np.array([place[pd.Timestamp(day)] for day in origins])
            kept = np.random.random(len(rows)) > 0.2  # noqa: NPY002
            return (
                one_step(df, close)
                .set_index("origin")
                .loc[list(origins)]
                .reset_index()
                .assign(forecast=close[rows] * np.where(kept, 1, 1.01))
            )

        return {"forecasts": predict(list(df["Date"][FIRST:-1])), "predict": predict}

    report = gc.audit(pipeline, prices, quick=True)
    assert not report.faults and report.undecided == ("order",)


# forecasts much smaller than the target ------------------------------------------------------------------


def test_forecasts_of_returns_beside_a_large_price_are_not_deaf(prices):
    large = prices.assign(**{name: 1000 * prices[name] for name in ("Open", "High", "Low", "Close")})
    report = gc.audit(lambda df: one_step(df, 0.05 * df["Close"].pct_change().fillna(0)), large, quick=True)
    assert {finding.kind for finding in report.faults} == {"scale"}
