"""A Lightning callback that tells training from start-up."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from jobs import LIMIT
from pytorch_lightning import Callback


class Clock(Callback):
    """Seconds between on_train_start and on_train_end, and steps, summed over all trainings of the process.

    On the class, because the libraries copy their callbacks.
    """

    seconds: ClassVar[float] = 0.0
    steps: ClassVar[int] = 0
    trainings: ClassVar[int] = 0
    cpu: ClassVar[float] = 0.0
    began: ClassVar[float] = 0.0
    cpu_began: ClassVar[float] = 0.0
    breaks_off: ClassVar[bool] = True

    def on_train_start(self, trainer: Any, module: Any) -> None:
        Clock.began, Clock.cpu_began = time.perf_counter(), time.process_time()

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if time.perf_counter() - Clock.began > LIMIT / 2 and Clock.breaks_off:
            trainer.should_stop = True

    def on_train_end(self, trainer: Any, module: Any) -> None:
        Clock.seconds += time.perf_counter() - Clock.began
        Clock.cpu += time.process_time() - Clock.cpu_began
        Clock.steps += trainer.global_step
        Clock.trainings += 1

    @classmethod
    def reset(cls) -> None:
        cls.seconds, cls.cpu, cls.steps, cls.trainings = 0.0, 0.0, 0, 0


QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}
