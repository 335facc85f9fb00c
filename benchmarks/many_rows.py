"""What docs/en/contributing/many-rows.md says of the batch and the epoch of networks with many training rows.

python benchmarks/many_rows.py search PRICES --end 2013-12-31 --cells lstm,gru    # on validation alone
python benchmarks/many_rows.py search PRICES --end 2013-12-31 --output student_t
python benchmarks/many_rows.py compared PRICES --models rnn,lstm,gru,bilstm       # 128 and auto, on the test
python benchmarks/many_rows.py minutes                                            # 500,000 rows of one series
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd

import gatecast as gc
from gatecast.api.models import folds_of, problem_of
from gatecast.models.networks import RecurrentNetwork
from gatecast.problem.folds import Fold
from gatecast.problem.problem import Problem
from gatecast.settings.experiment import Experiment
from gatecast.settings.names import named_network

PLANS = (  # batch, learning rate, steps per epoch (None: a pass)
    (128, 0.002, None), (256, 0.0028, 100), (512, 0.002, 100), (512, 0.004, 50), (512, 0.004, 100),
    (1024, 0.002, 50), (1024, 0.0057, 25), (1024, 0.0057, 50), (2048, 0.008, 25),
)  # fmt: skip
MINUTES = 500_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["search", "compared", "minutes"])
    parser.add_argument("prices", nargs="?")
    parser.add_argument("--end", help="the last session that is read")
    parser.add_argument("--cells", "--models", default="lstm")
    parser.add_argument("--output", default="point")
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=2)
    asked = parser.parse_args()
    names = asked.cells.split(",")
    if asked.what == "search":
        search(gc.load(asked.prices, end=asked.end), names, asked.output, asked.folds, asked.seeds)
    elif asked.what == "compared":
        prices = gc.load(asked.prices, end=asked.end)
        for batch in (128, "auto"):
            compared(prices, names, asked.output, asked.folds, asked.seeds, batch)
    else:
        minutes(names)


def search(prices: gc.Prices, cells: Sequence[str], output: str, count: int, seeds: int) -> None:
    """Validation loss, epochs and passes of every plan; the test is never forecast."""
    experiment = Experiment()
    problem = problem_of(experiment, prices, features=None, volatility_features=output != "point")
    folds = folds_of(experiment, problem, prices.frequency)[::2][:count]
    print("training rows", [len(fold.train) for fold in folds])
    for cell in cells:
        network = named_network(cell, gc.Network(output=output))
        for batch, rate, steps in PLANS:
            training = gc.Training(batch_size=batch, learning_rate=rate, steps_per_epoch=steps)
            print(cell, output, plan(training), tried(problem, folds, network, training, seeds), flush=True)


def plan(training: gc.Training) -> str:
    return f"{training.batch_size:>5} {training.learning_rate:<7} {training.steps_per_epoch!s:>4}"


def tried(
    problem: Problem, folds: Sequence[Fold], network: gc.Network, training: gc.Training, seeds: int
) -> str:
    """What the search for the epoch found, the mean over folds and seeds, and what it cost."""
    began = time.process_time()
    model = RecurrentNetwork(network, training, seeds=seeds, refit=False)
    population = model.fit(problem, folds)[0].population
    seconds = (time.process_time() - began) / len(population.members)
    losses = np.array([one.validation_loss.min() for one in population.trained]).reshape(len(folds), seeds)
    passes = [
        np.array([len(one.loss), one.best_epoch]) / parts(len(member.train), training)
        for one, member in zip(population.trained, population.members, strict=True)
    ]
    searched, best = np.mean(passes, axis=0)
    return (
        f"loss {losses.mean():.5f} (std over seeds {losses.std(axis=1, ddof=1).mean():.5f}), "
        f"passes {searched:.2f}, best after {best:.2f}, {seconds:.1f} core-seconds a network"
    )


def parts(rows: int, training: gc.Training) -> int:
    """The number of epochs of a pass over the training rows."""
    pace = training.pace(rows)
    return 1 if pace.steps_per_epoch is None else -(-rows // (pace.batch or rows) // pace.steps_per_epoch)


def compared(
    prices: gc.Prices, models: Sequence[str], output: str, folds: int, seeds: int, batch: int | str
) -> None:
    """Skill on the test, and the time it took."""
    began, used = time.perf_counter(), time.process_time()
    result = gc.compare(
        prices,
        [*models, "naive"],
        network=gc.Network(output=output),
        training=gc.Training(batch_size=batch),
        folds=folds,
        seeds=seeds,
    )
    print(f"batch_size {batch}: {time.perf_counter() - began:.0f} s, "
          f"{time.process_time() - used:.0f} core-seconds")  # fmt: skip
    scores = result.scores
    wanted = (
        (scores["symbol"] == "all") & (scores["step"] == "all") & scores["metric"].isin(["skill", "crps"])
    )
    print(scores.loc[wanted, ["model", "metric", "value", "std"]].to_string(index=False))


def minutes(models: Sequence[str]) -> None:
    """Half a million bars of one minute, a random walk, with all defaults."""
    rng = np.random.default_rng(0)
    stamps = pd.date_range("2020-01-01", periods=MINUTES, freq="min", tz="UTC")
    frame = pd.DataFrame({"time": stamps, "close": 100 * np.exp(np.cumsum(rng.normal(0, 3e-4, MINUTES)))})
    began, used = time.perf_counter(), time.process_time()
    gc.compare(gc.Prices.from_frame(frame, calendar="24/7"), [*models, "naive"])
    print(f"{time.perf_counter() - began:.0f} s, {time.process_time() - used:.0f} core-seconds")


if __name__ == "__main__":
    main()
