"""Modules of PyTorch as models: trained as our networks are, and nothing of PyTorch is left changed."""

import sys

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.distributions import LEVELS
from gatecast.errors import FitWarning, SettingError
from gatecast.problem.folds import cut_folds
from gatecast.problem.problem import make_problem
from gatecast.problem.scaling import fit_scale
from gatecast.profiling import profiled

from ...conftest import walk_frame  # isort: skip

SMALL = {"lookback": 5, "folds": 2, "seeds": 2}
SKIPPED = "PyTorch is not installed: pip install 'gatecast[torch]'"


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason=SKIPPED)


@pytest.fixture(scope="module")
def prices() -> gc.Prices:
    table = pd.concat([walk_frame("A", 260, 0), walk_frame("B", 220, 1)], ignore_index=True)
    return gc.Prices.from_frame(table, calendar="daily")


def linear(features, horizon, numbers=1):
    """A linear layer on the whole window."""
    import torch

    steps = torch.nn.Unflatten(1, (horizon, numbers)) if numbers > 1 else torch.nn.Identity()
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(5 * features, numbers * horizon), torch.nn.Dropout(0.1), steps
    )


def zeros(numbers=1):
    """Modules whose output is zero, whatever is trained."""

    def make(features, horizon):
        import torch

        class Zero(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.ones(1))

            def forward(self, windows):
                shape = (len(windows), horizon) + ((numbers,) if numbers > 1 else ())
                return 0 * self.weight * windows.new_ones(shape)

        return Zero()

    return make


def test_plain_gradient_descent_is_that_written_out_by_hand(torch, prices):
    """Without shuffling, dropout and batches: the epochs, the choice of the best and the refit in NumPy."""

    def still(features, horizon):
        layer = torch.nn.Linear(5 * features, horizon)
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        return torch.nn.Sequential(torch.nn.Flatten(), layer)

    rate = 0.05
    asked = gc.TorchModel(
        still, epochs=20, batch_size=None, shuffle=False, optimizer="sgd", learning_rate=rate,
        patience=3, clip_norm=None,
    )  # fmt: skip
    result = gc.compare(prices, [{"mine": asked}], horizon=2, **{**SMALL, "seeds": 1})
    problem = make_problem(prices, lookback=5, horizon=2)
    expected = []
    for fold in cut_folds(problem, folds=2):

        def read(origins, scale):
            symbol = problem.symbol[origins]
            rows = problem.features[origins[:, None] + np.arange(-4, 1)].astype(float)
            x = (rows - scale.x_offset[symbol][:, None]) / scale.x_scale[symbol][:, None]
            return x.reshape(len(origins), -1), problem.targets[origins] / scale.y_scale[symbol]

        def epoch(weights, bias, x, y):
            error = 2 * (x @ weights + bias - y) / y.size
            return weights - rate * x.T @ error, bias - rate * error.sum(axis=0)

        scale = fit_scale(problem, fold.train)
        (x, y), (vx, vy) = read(fold.train, scale), read(fold.validation, scale)
        fresh = np.zeros((x.shape[1], 2)), np.zeros(2)
        now, losses = fresh, []
        while len(losses) < 20 and len(losses) - (np.argmin(losses) + 1 if losses else 0) < 3:
            now = epoch(*now, x, y)
            losses.append(np.mean((vx @ now[0] + now[1] - vy) ** 2))
        scale = fit_scale(problem, fold.train_validation)
        x, y = read(fold.train_validation, scale)
        now = fresh
        for _ in range(np.argmin(losses) + 1):
            now = epoch(*now, x, y)
        tested, _ = read(fold.test, scale)
        change = (tested @ now[0] + now[1]) * scale.y_scale[problem.symbol[fold.test]]
        expected.append(problem.anchor[fold.test, None] * np.exp(change))
        history = result.training[result.training["fold"] == fold.number]
        searched = history[history["stage"] == "search"]
        np.testing.assert_allclose(searched["validation_loss"], losses, rtol=1e-5)
        assert searched.loc[searched["kept"], "epoch"].tolist() == [np.argmin(losses) + 1]
        assert (history["stage"] == "refit").sum() == np.argmin(losses) + 1
    np.testing.assert_allclose(result.outcome.forecast["mine"], np.concatenate(expected), rtol=1e-6)


def test_seeds_differ_are_the_same_again_and_leave_pytorch_as_it_was(torch, prices):
    asked = {"mine": gc.TorchModel(linear, epochs=2)}
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    first = gc.compare(prices, [asked], seed=1, **SMALL)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    torch.rand(7)
    second = gc.compare(prices, [asked, {"other": gc.TorchModel(linear, epochs=1)}], seed=1, **SMALL)
    later = gc.compare(prices, [asked], seed=2, **{**SMALL, "seeds": 1})
    np.testing.assert_array_equal(first.outcome.seeds["mine"], second.outcome.seeds["mine"])
    np.testing.assert_array_equal(first.outcome.seeds["mine"][1], later.outcome.seeds["mine"][0])
    assert not np.array_equal(*first.outcome.seeds["mine"])
    assert set(first.training["model"]) == {"mine"}
    assert set(first.training["seed"]) == {1, 2}


def test_separate_modules_per_symbol_are_those_of_a_symbol_alone(torch, prices):
    asked = [{"mine": gc.TorchModel(linear, epochs=2)}]
    both = gc.compare(prices, asked, pooled=False, **{**SMALL, "folds": 1})
    assert set(both.training["symbol"]) == {"A", "B"}
    table = prices.table[prices.table["symbol"] == "A"]
    pooled = gc.compare(prices, asked, **{**SMALL, "folds": 1})
    assert pooled.training["symbol"].isna().all()
    alone = gc.compare(gc.Prices.from_frame(table, calendar="daily"), asked, **{**SMALL, "folds": 1})
    own = both.training[both.training["symbol"] == "A"]
    assert len(own[own["epoch"] == 1]) == len(alone.training[alone.training["epoch"] == 1])


@pytest.mark.parametrize("output", ["student_t", "quantiles"])
def test_zeros_are_naives_point_with_the_ewmas_interval(torch, prices, output):
    numbers = {"student_t": 3, "quantiles": len(LEVELS)}[output]
    asked = {
        "zero": gc.TorchModel(zeros(numbers), epochs=1, output=output),
        "mine": gc.TorchModel(lambda f, h: linear(f, h, numbers), epochs=2, output=output),
    }
    result = gc.compare(prices, [asked, "naive", "ewma-t"], horizon=2, **SMALL)
    known = result.outcome.distributions
    problem = make_problem(prices, lookback=5, horizon=2)
    unit = np.concatenate([problem.unit(fold.test) for fold in cut_folds(problem, folds=2)])
    upper = known["zero"].quantiles[..., LEVELS.index(0.9)] / unit
    from scipy.special import stdtrit

    df = 5.0 if output == "quantiles" else 2.1 + 3 * np.log(2)
    np.testing.assert_allclose(upper, stdtrit(df, 0.9), rtol=1e-5)
    np.testing.assert_allclose(result.outcome.forecast["zero"], result.outcome.anchor[:, None] * np.ones(2))
    assert (np.diff(known["mine"].quantiles, axis=-1) > 0).all()
    assert any("the seeds of mine are combined by" in note for note in result.notes)


def test_what_is_made_or_called_may_be_the_users_own(torch, prices):
    def ours(output, target):
        return (output - target).abs()

    def rate(parameters):
        return torch.optim.Adam(parameters, lr=2e-3)

    asked = {
        "named": gc.TorchModel(linear, epochs=2, loss="mae"),
        "own": gc.TorchModel(linear, epochs=2, loss=ours, optimizer=rate),
    }
    forecast = gc.compare(prices, [asked], **SMALL).outcome.forecast
    np.testing.assert_allclose(forecast["named"], forecast["own"], rtol=1e-6)


def test_a_module_that_diverges_is_not_judged(torch, prices):
    asked = {"wild": gc.TorchModel(linear, epochs=2, learning_rate=1e30, clip_norm=None)}
    with pytest.warns(FitWarning, match=r'\d of 4 modules of model "wild" diverged in their first epoch'):
        result = gc.compare(prices, [asked], **SMALL)
    assert "diverged in the first epoch" in result.untrained["wild"]


def test_columns_known_in_advance_reach_it_up_to_the_origin(torch, prices):
    asked = {"mine": gc.TorchModel(linear, epochs=1)}
    result = gc.compare(prices, [asked], future="weekday", **SMALL)
    assert len(result.outcome.seeds["mine"]) == 2
    assert np.isfinite(result.outcome.forecast["mine"]).all()


def test_its_time_is_its_own_in_the_profile(torch, prices):
    with profiled() as spent:
        gc.compare(prices, [{"mine": gc.TorchModel(linear, epochs=3)}], **SMALL)
    assert spent.seconds["model mine"] > 0
    assert "model mine" in spent.text


@pytest.mark.parametrize(
    ("make", "settings", "message"),
    [
        (lambda f, h: 1, {}, "make_module must return a torch.nn.Module, not int"),
        (
            lambda f, h: linear(f + 1, h),
            {},
            r"the module failed \(RuntimeError: .*\) on windows of \(128, 5, 4\)",
        ),
        (
            lambda f, h: linear(f, h + 1),
            {},
            r"the module returned \(128, 2\) for windows of .*, not \(128, 1\), as outp",
        ),
        (linear, {"loss": lambda output, target: 1 / 0}, r"loss failed \(ZeroDivisionError"),
        (linear, {"optimizer": lambda parameters: 1 / 0}, r"optimizer failed \(ZeroDivisionError"),
    ],
)
def test_what_goes_wrong_in_it_is_said(torch, prices, make, settings, message):
    with pytest.raises(SettingError, match=f'model "mine": {message}'):
        gc.compare(prices, [{"mine": gc.TorchModel(make, **settings)}], **SMALL)


def test_a_bare_module_is_refused_with_the_way_to_do_it(torch, prices):
    for given in (torch.nn.Linear(4, 1), torch.nn.Identity):
        with pytest.raises(SettingError, match=r"write gatecast\.TorchModel\(make_module\)"):
            gc.compare(prices, [{"mine": given}], **SMALL)
    with pytest.raises(SettingError, match="must be a function of"):
        gc.TorchModel(torch.nn.Linear(4, 1))


def test_a_distribution_needs_the_target_return(torch, prices):
    asked = gc.TorchModel(linear, output="quantiles")
    with pytest.raises(SettingError, match='choose target "return"'):
        gc.compare(prices, [{"q": asked}], target="close", **SMALL)


def test_without_pytorch_one_sentence_says_what_to_install(prices, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SettingError, match=r"model \"mine\" needs torch .*: pip install 'gatecast\[torch\]'"):
        gc.compare(prices, [{"mine": gc.TorchModel(linear)}], **SMALL)
