import pytest

import gatecast as gc
from gatecast import memory
from gatecast.errors import InputError
from gatecast.experiment import Experiment

SIXTEEN = 16 * memory.GIB


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: SIXTEEN)


def job(network: gc.Network | None = None, **settings: object) -> Experiment:
    return Experiment(models=("m",), networks={"m": network or gc.Network(hidden_size=16)}, **settings)


@pytest.mark.parametrize(
    ("experiment", "rows", "symbols"),
    [
        (job(), 5_000, 1),
        (job(seeds=5, folds=5), 30 * 1259, 30),
        (job(), 470 * 1259, 470),
        (job(lookback=200), 470 * 1259, 470),
        (job(), 1_000_000, 1),
        (job(gc.Network(hidden_size=512, num_layers=2), lookback=60), 5_000, 1),
        (job(gc.Network(hidden_size=16, output="student_t"), horizon=20), 2 * 5_000, 2),
    ],
)
def test_ordinary_jobs_are_not_refused(experiment: Experiment, rows: int, symbols: int) -> None:
    memory.require_comparison(experiment, rows=rows, symbols=symbols, columns=8)


@pytest.mark.parametrize(
    ("experiment", "rows", "what"),
    [
        (job(gc.Network(hidden_size=4096, num_layers=16)), 5_000, "training m .hidden_size=4096"),
        (job(lookback=10_000, training=gc.Training(batch_size=None)), 1_000_000, "batch of 1,000,000"),
        (
            job(gc.Network(hidden_size=1024), seeds=1000, folds=100),
            50_000,
            "keeping 100,000 trained networks",
        ),
        (job(horizon=1000, seeds=100), 1_000_000, "forecasts of"),
    ],
)
def test_absurd_jobs_are_refused_with_the_figure_and_a_remedy(
    experiment: Experiment, rows: int, what: str
) -> None:
    with pytest.raises(InputError, match=rf"{what}.* GiB of memory, and 16\.0 GiB are available\. Take"):
        memory.require_comparison(experiment, rows=rows, symbols=1, columns=8)


def test_a_system_that_does_not_tell_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: None)
    memory.require_table(10**15, 10, "a.parquet")


def test_tables_too_large_to_read_are_refused() -> None:
    with pytest.raises(InputError, match=r"a\.parquet: reading 200,000,000 rows of 7 columns would need"):
        memory.require_table(200_000_000, 7, "a.parquet")
