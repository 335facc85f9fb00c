"""Models of the user's own: what they cost, a GRU of PyTorch beside ours, and libraries run for real.

python benchmarks/foreign.py ridge | function | lightgbm | torch        needs ".[dev,torch]"
python benchmarks/foreign.py statsforecast | darts | neuralforecast [--python PATH]

A library runs in an environment of its own, made in a temporary folder and removed again, for some of them
need other versions than gatecast's own tests (statsforecast: pandas < 3); --python names one that there is
already. Times are medians of alternating repeats, in seconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from unittest import mock

import numpy as np
import pandas as pd

import gatecast as gc

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 5
LIBRARIES = ("statsforecast", "darts", "neuralforecast")


def alternating(*works: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    """The median seconds of each work."""
    for work in works:
        work()
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, own in zip(works, seconds, strict=True):
            began = time.perf_counter()
            work()
            own.append(time.perf_counter() - began)
    return [median(own) for own in seconds]


def fitted_and_forecast(given: object, folds: int = 5) -> Callable[[], object]:
    """What fits a model to the folds of the sample and forecasts their tests: its part of `compare`."""
    from gatecast.models.foreign.given import foreign_model
    from gatecast.problem.folds import cut_folds
    from gatecast.problem.problem import make_problem
    from gatecast.settings.experiment import Experiment

    problem = make_problem(gc.load("sample:sp500"), lookback=20, horizon=1)
    parts = cut_folds(problem, folds=folds)

    def work() -> object:
        model = foreign_model("mine", given, Experiment(models=("naive",)))
        fitted = model.fit(problem, parts)
        return [one.predict(problem, fold.test) for one, fold in zip(fitted, parts, strict=True)]

    return work


def ridge() -> None:
    from sklearn.linear_model import Ridge

    prices = gc.load("sample:sp500")
    models, whole, naive = alternating(
        fitted_and_forecast(Ridge()),
        lambda: gc.compare(prices, ["naive", {"ridge": Ridge()}]),
        lambda: gc.compare(prices, ["naive", "drift"]),
    )
    print(
        f"Ridge, 5 folds of the sample: {models:.2f} s; compare with it {whole:.2f} s, without {naive:.2f} s"
    )


class Slow:
    """A function that takes 5 ms, and how long it really took in all."""

    def __init__(self) -> None:
        self.spent = 0.0

    def __call__(self, history: pd.DataFrame, horizon: int) -> float:
        began = time.perf_counter()
        while time.perf_counter() - began < 0.005:
            pass
        last = float(history["close"].iloc[-1])
        self.spent += time.perf_counter() - began
        return last


def function() -> None:
    slow, shares = Slow(), []
    work = fitted_and_forecast(slow)
    for _ in range(REPEATS):
        slow.spent, began = 0.0, time.perf_counter()
        work()
        whole = time.perf_counter() - began
        shares.append((whole - slow.spent) / slow.spent)
    print(f"A function of 5 ms at every origin: {whole:.2f} s, {median(shares):.1%} beside its own time")


def lightgbm() -> None:
    from lightgbm import LGBMRegressor

    given = LGBMRegressor(n_estimators=20, verbose=-1, n_jobs=1)
    work = fitted_and_forecast(given)

    def alone() -> None:
        with mock.patch("os.cpu_count", return_value=1):
            work()

    side_by_side, one_by_one = alternating(work, alone, repeats=3)
    print(
        f"LightGBM, 5 folds x 5 seeds, {os.cpu_count()} cores: {side_by_side:.1f} s side by side, "
        f"{one_by_one:.1f} s one after the other ({one_by_one / side_by_side:.2f} times)"
    )


def planted(share: float = 0.1, rows: int = 5000) -> pd.DataFrame:
    """A series: the sign of the sum of the last two returns explains a share of the variance of the next."""
    rng = np.random.default_rng(11)
    returns, noise = np.zeros(rows), rng.normal(0, 0.01, rows)
    size = 0.01 * np.sqrt(share / (1 - share))
    for row in range(2, rows):
        returns[row] = noise[row] - size * np.sign(returns[row - 1] + returns[row - 2])
    return pd.DataFrame(
        {"date": pd.bdate_range("2000-01-03", periods=rows), "close": 100 * np.exp(returns.cumsum())}
    )


def skills(result: gc.Result, name: str) -> np.ndarray:
    """Of each seed, in the squared error of log returns."""
    outcome = result.outcome
    actual = np.log(outcome.actual / outcome.anchor[:, None])
    errors = np.log(outcome.seeds[name] / outcome.anchor[:, None]) - actual
    return 1 - (errors**2).mean(axis=(1, 2)) / (actual**2).mean()


def torch() -> None:
    from torch import nn

    class GRU(nn.Module):
        def __init__(self, features: int, horizon: int) -> None:
            super().__init__()
            self.cell, self.out = nn.GRU(features, 16, batch_first=True), nn.Linear(16, horizon)

        def forward(self, windows):
            return self.out(self.cell(windows)[1][-1])

    share = 0.1
    prices = gc.load(planted(share))
    seconds = {}
    results = {}
    models = {
        "ours": ["naive", {"gru": gc.Network(cell="gru")}],
        "torch": ["naive", {"gru": gc.TorchModel(GRU)}],
    }
    for name, asked in models.items():
        began = time.perf_counter()
        results[name] = skills(gc.compare(prices, asked, folds=2), "gru")
        seconds[name] = time.perf_counter() - began
    ours, theirs = results["ours"], results["torch"]
    error = np.sqrt((ours.var(ddof=1) + theirs.var(ddof=1)) / len(ours))
    for name, found in results.items():
        print(
            f"{name}: skill of 5 seeds {found.mean():.2%} ± {found.std(ddof=1) / np.sqrt(5):.2%} "
            f"({', '.join(f'{one:.2%}' for one in found)}), {seconds[name]:.0f} s"
        )
    apart = abs(ours.mean() - theirs.mean()) / error
    print(f"an oracle's is {share:.0%}; the means are {apart:.1f} standard errors of their difference apart")


def library(name: str, python: str | None) -> None:
    """Run `inside` in an environment that has the library."""
    with tempfile.TemporaryDirectory() as folder:
        if python is None:
            python = str(Path(folder) / "bin" / "python")
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", str(ROOT), name], check=True)
        subprocess.run([python, __file__, "inside", name], check=True)


def inside(name: str) -> None:
    """A comparison with models of a library."""
    models: dict[str, object]
    if name == "statsforecast":
        from gatecast.models.foreign.statsforecast import AutoARIMA, AutoETS, Theta

        models = {"arima": AutoARIMA(), "ets": AutoETS(), "theta": Theta(), "theta-refit": Theta(refit=True)}
    elif name == "darts":
        from darts.models import ExponentialSmoothing, LinearRegressionModel

        from gatecast.models.foreign.darts import Darts

        def quantiles(horizon: int) -> object:
            levels = [0.05, 0.25, 0.5, 0.75, 0.95]
            how = {"likelihood": "quantile", "quantiles": levels, "alpha": 0.0}
            return LinearRegressionModel(lags=5, output_chunk_length=horizon, **how)

        models = {"linear": Darts(), "quantiles": Darts(quantiles, samples=100)}
        models["smoothing"] = Darts(lambda horizon: ExponentialSmoothing())
    else:
        from neuralforecast.losses.pytorch import MQLoss
        from neuralforecast.models import NHITS

        from gatecast.models.foreign.neuralforecast import NeuralForecast

        quiet = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False}
        small = {"mlp_units": [[16, 16]] * 3, "windows_batch_size": 64, "input_size": 20, "max_steps": 50}
        how = {**quiet, **small, "accelerator": "cpu", "enable_model_summary": False}
        models = {
            "nhits": NeuralForecast(lambda horizon: NHITS(h=horizon, **how)),
            "quantiles": NeuralForecast(lambda horizon: NHITS(h=horizon, loss=MQLoss(level=[50, 80]), **how)),
        }
    warnings.simplefilter("ignore")
    from importlib.metadata import version

    prices = gc.load("sample:sp500", start="2017-01-01")
    for own, model in models.items():
        began = time.perf_counter()
        result = gc.compare(prices, ["naive", "ewma-t", {own: model}], horizon=2, folds=2, test_size=0.1)
        spent = time.perf_counter() - began
        scores = result.scores.set_index(["model", "step", "metric"])["value"]
        kind = "a distribution" if own in result.outcome.distributions else "a point"
        skill = scores[(own, "all", "skill")]
        print(f"{name} {version(name)}, {own}: {kind}, skill {skill:.1%}, {spent:.1f} s")


def main() -> None:
    parts = {"ridge": ridge, "function": function, "lightgbm": lightgbm, "torch": torch}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("part", choices=[*parts, *LIBRARIES, "inside"], nargs="+")
    parser.add_argument("--python")
    named, _ = parser.parse_known_args()
    if named.part[0] == "inside":
        inside(named.part[1])
        return
    for part in named.part:
        if part in LIBRARIES:
            library(part, named.python)
        else:
            parts[part]()


if __name__ == "__main__":
    main()
