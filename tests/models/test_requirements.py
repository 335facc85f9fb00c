import subprocess
import sys

import numpy as np
import pytest

import gatecast as gc
from gatecast import memory
from gatecast.errors import InputError
from gatecast.models import requirements
from gatecast.models.requirements import require_comparison
from gatecast.settings.experiment import Experiment

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
    require_comparison(experiment, rows=rows, symbols=symbols, columns=8)


@pytest.mark.parametrize(
    ("experiment", "rows", "what"),
    [
        (job(gc.Network(hidden_size=4096, num_layers=16)), 5_000, "training m .hidden_size=4096"),
        (job(lookback=10_000, training=gc.Training(batch_size=None)), 1_000_000, "batch of 1,000,000"),
        (job(gc.Network(hidden_size=4096), lookback=10_000), 5_000, "batch of 128"),
        (job(gc.Network(hidden_size=4096), lookback=10_000), 1_000_000, "batch of 512"),
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
        require_comparison(experiment, rows=rows, symbols=1, columns=8)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("output", ["point", "student_t", "quantiles"])
@pytest.mark.parametrize(
    "settings", [{}, {"bidirectional": True, "num_layers": 3}, {"head": "flatten", "mlp": (8,)}]
)
def test_no_weight_is_forgotten(cell, output, settings):
    """Counted without JAX, so that a job too large is refused at once; a few more than there are."""
    from gatecast.nn.network import shapes

    network = gc.Network(cell=cell, output=output, hidden_size=64, **settings)
    for known in (0, 6):
        weights = shapes(network, features=6, lookback=20, horizon=2, known=known)
        exact = sum(np.prod(shape) for shape in weights.values())
        counted = requirements._weights(network, 6, 20, 2, known)
        assert exact <= counted <= 1.3 * exact + 2 * 17 * (65 * 20 + 2 * known)


def test_a_network_beyond_all_memory_is_refused_before_anything_is_loaded(environment):
    program = """
import sys
from gatecast import memory
memory.available = lambda: 16 << 30
sys.argv = "gatecast compare sample:sp500 --models lstm --hidden-size 4096 --num-layers 16".split()
try:
    from gatecast.__main__ import main
    main()
finally:
    print("jax" in sys.modules, "pandas" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "False False\n"), ended.stderr
    assert "hidden_size=4096, num_layers=16" in ended.stderr and "GiB of memory" in ended.stderr


def test_a_small_file_of_very_many_rows_is_refused(tmp_path, monkeypatch):
    """Repeated rows take no room in a Parquet file: 200 million of them 1.7 MB."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"date": pa.array(["2020-01-01"] * 100_000), "close": pa.array([1.0] * 100_000)})
    pq.write_table(table, tmp_path / "many.parquet", compression="zstd")
    assert (tmp_path / "many.parquet").stat().st_size < 20_000
    monkeypatch.setattr(memory, "available", lambda: 20_000_000)
    with pytest.raises(InputError, match=r"many\.parquet: reading 100,000 rows of 2 columns would need"):
        gc.load(str(tmp_path / "many.parquet"))
