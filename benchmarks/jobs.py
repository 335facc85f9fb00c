"""What is trained: the same series, windows, batches and networks for every side. Needs only numpy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
LEARNING_RATE = 1e-3
LIMIT = 5.0  # seconds after which a peer may break off a timed call: the steps it made are counted


@dataclass(frozen=True)
class Job:
    """Networks of one shape, trained for `epochs` passes over `batches` batches of `batch` windows each.

    members: networks trained in one timed call. Every window ends one session before its target, the first
    column of the next row; no part of the series is held back.
    """

    name: str
    title: str
    cell: str
    hidden: int
    lookback: int
    features: int
    batch: int
    batches: int
    epochs: int
    layers: int = 1
    mlp: tuple[int, ...] = ()
    members: int = 1

    @property
    def steps(self) -> int:
        """Training steps of one network in one timed call."""
        return self.batches * self.epochs

    @property
    def windows(self) -> int:
        return self.batches * self.batch

    def series(self) -> Floats:
        """(windows + lookback, F): standard normal columns, the first with a little memory to learn."""
        rng = np.random.default_rng(0)
        rows = rng.standard_normal((self.windows + self.lookback, self.features))
        for row in range(1, len(rows)):
            rows[row, 0] += 0.5 * rows[row - 1, 0]
        return rows.astype(np.float32)

    def arrays(self) -> tuple[Floats, Floats]:
        """X (N, T, F) laid out, and y (N,)."""
        rows = self.series()
        windows = np.lib.stride_tricks.sliding_window_view(rows[:-1], self.lookback, axis=0)
        return np.ascontiguousarray(windows.swapaxes(1, 2)), rows[self.lookback :, 0].copy()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Job:
        return cls(**{**fields, "mlp": tuple(fields["mlp"])})


def first_weights(file: str, seeds: list[int]) -> list[dict[str, Floats]]:
    """What gatecast's side wrote: each network's first weights under torch.nn.LSTM's names."""
    with np.load(file) as stored:
        arrays = {name: stored[name] for name in stored.files}
    places = {seed: place for place, seed in enumerate(arrays.pop("seeds").tolist())}
    return [{name: value[places[seed]] for name, value in arrays.items()} for seed in seeds]


GOOGLE = Job("google", "LSTM(4), 7 x 2, batch 35", "lstm", 4, 7, 2, 35, batches=20, epochs=2000)
TESLA = Job(
    "tesla",
    "2 x LSTM(50), Dense(25), 10 x 1, batch 1",
    "lstm",
    50,
    10,
    1,
    1,
    batches=200,
    epochs=50,
    layers=2,
    mlp=(25,),
)
MID = Job("mid", "LSTM(32), 20 x 5, batch 64", "lstm", 32, 20, 5, 64, batches=50, epochs=60)
LARGE = Job(
    "large", "2 x LSTM(128), 60 x 8, batch 256", "lstm", 128, 60, 8, 256, batches=4, epochs=2, layers=2
)


def _population(job: Job) -> Job:
    return replace(job, name=f"{job.name}-16", title=f"{job.title}; 16 networks", members=16, epochs=5)


def _with_cell(job: Job, cell: str) -> Job:
    return replace(job, name=f"{job.name}-{cell}", title=job.title.replace("LSTM", cell.upper()), cell=cell)


JOBS = {
    job.name: job
    for job in (
        GOOGLE,
        TESLA,
        MID,
        _with_cell(MID, "gru"),
        _with_cell(MID, "rnn"),
        _population(MID),
        _population(_with_cell(MID, "gru")),
        _population(_with_cell(MID, "rnn")),
        LARGE,
    )
}
