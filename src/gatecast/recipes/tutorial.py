"""A tutorial: what each has of its own, and what is done with every one of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

import gatecast as gc
from gatecast._typing import Floats, Integers
from gatecast.formatting import number
from gatecast.language import marked, say
from gatecast.recipes.arithmetic import Scaler, rmse
from gatecast.recipes.errors import amount
from gatecast.recipes.frames import dated, forecasts_frame, label_of, read_prices
from gatecast.recipes.judging import from_result, judged
from gatecast.recipes.pictures import lines_picture
from gatecast.recipes.side import Side
from gatecast.settings.experiment import Target

if TYPE_CHECKING:
    from gatecast.api.windows import Fit
    from gatecast.report.marks import Drawn

Answer = dict[str, Any]  # what gatecast.audit takes: forecasts, scores, trained_until, predict

# With the seed 0 the relu behind the two states of some networks is shut for most rows: they read nothing.
AUDITED_SEED = 1
BASELINES = ("naive", "drift", "ewma", "ar")
QUESTIONS: dict[str, Target] = {marked("the price"): "close", marked("the change"): "return"}  # their targets


class Difference(NamedTuple):
    """What the tutorial does and what is right, a message each; `finds`: the audit's word for it."""

    written: str
    right: str
    finds: str = ""


@dataclass(frozen=True)
class Prepared:
    """What a tutorial feeds a network: N windows, the first `split` of them for training.

    index, price: of the rows of its table; price is the column that it forecasts.
    X (N, T, F), y (N,): windows and targets, in its own scale; scaler: from outputs to prices.
    rows (N,): where the price that each y stands for is found.
    drawn, claimed: the windows whose forecasts it draws, and those that it presents as its test where these
    are others.
    horizon: bars from the last price that is known to the one that is y.
    """

    index: pd.Index
    price: Floats
    X: Floats
    y: Floats
    scaler: Scaler
    rows: Integers
    split: int
    drawn: slice
    claimed: slice | None = None
    horizon: int = 1

    @property
    def dates(self) -> pd.Index:
        """The dates of y, or the numbers of its rows (N,)."""
        return self.index[self.rows]

    @property
    def actual(self) -> Floats:
        """The prices after the training (n,)."""
        return self.price[self.rows[self.split :]]

    @property
    def naive(self) -> Floats:
        """Naive's forecasts of them (n,): the last price known."""
        return self.price[self.rows[self.split :] - self.horizon]

    def date(self, window: int) -> Any:
        """The date of a window's y as text, or the number of its row."""
        return label_of(self.dates[window])


@dataclass(frozen=True)
class Trained:
    """A network of the tutorial after training; forecasts (seeds, D): of the windows drawn, in prices."""

    prepared: Prepared
    fit: Fit
    forecasts: Floats

    @property
    def tested(self) -> Floats:
        """The forecasts (seeds, n) after the training."""
        return self.forecasts[:, self.prepared.split - len(self.prepared.rows) :]

    @property
    def errors(self) -> list[float]:
        """RMSE of each seed after the training."""
        return [rmse(forecast, self.prepared.actual) for forecast in self.tested]


class Tutorial(ABC):
    """A tutorial that many people copy; its texts are messages, which are said where they are shown.

    does: what it does, in a paragraph; found: where its file is found; note: what else there is to say.
    yahoo, start, end: the symbol that it downloads, if it does, and the first and the last date.
    target, unit, decimals: the column that it forecasts, and how its values are printed.
    networks: by name; training: as it trains them, with its epochs; seeds: how many of each.
    audited, audited_epochs: the network that `pipeline` trains, and how little.
    corrected_training: as they are trained for the corrected side.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    does: ClassVar[str]
    found: ClassVar[str]
    note: ClassVar[str] = ""
    yahoo: ClassVar[str | None] = None
    start: ClassVar[str | None] = None
    end: ClassVar[str | None] = None
    target: ClassVar[str] = "Close"
    unit: ClassVar[str] = marked("dollars")
    decimals: ClassVar[int] = 2
    networks: ClassVar[Mapping[str, gc.Network]]
    training: ClassVar[gc.Training]
    seeds: ClassVar[int] = 1
    corrected_training: ClassVar[gc.Training]
    audited: ClassVar[str]
    audited_epochs: ClassVar[int]
    differences: ClassVar[tuple[Difference, ...]]

    @property
    def faults(self) -> frozenset[str]:
        """What the audit finds in the tutorial."""
        return frozenset(difference.finds for difference in self.differences if difference.finds)

    def as_written(self, frame: pd.DataFrame, epochs: int, seed: int) -> Side:
        """The tutorial with its faults: its networks as it trains them, and what it shows of them."""
        networks = {}
        for name, prepared in self.preparations(frame).items():
            fit = self.fit(prepared, name, epochs, seed, self.seeds)
            networks[name] = Trained(prepared, fit, self.forecasts(prepared, fit, prepared.drawn))
        return self.shown(frame, networks)

    def pipeline(self, frame: pd.DataFrame) -> Answer:
        """The forecasts that the tutorial presents as its test, for the audit."""
        prepared = self.prepare(dated(frame))
        return self.answer(prepared, self.fit(prepared, self.audited, self.audited_epochs, AUDITED_SEED))

    @abstractmethod
    def corrected(self, frame: pd.DataFrame, epochs: int, seed: int) -> Side:
        """The tutorial's question, asked without its faults."""

    @abstractmethod
    def corrected_pipeline(self, frame: pd.DataFrame) -> Answer:
        """The forecasts of the corrected side, for the audit."""

    @abstractmethod
    def prepare(self, frame: pd.DataFrame) -> Prepared:
        """What the tutorial makes of its table."""

    @abstractmethod
    def shown(self, frame: pd.DataFrame, networks: Mapping[str, Trained]) -> Side:
        """What the tutorial shows of its networks, and what it leaves out."""

    def read(self, source: str, start: str | None = None, end: str | None = None) -> pd.DataFrame:
        """The table of a file or download."""
        return read_prices(source, start, end)

    def preparations(self, frame: pd.DataFrame) -> Mapping[str, Prepared]:
        """What each network is fed, by its name."""
        return dict.fromkeys(self.networks, self.prepare(frame))

    def fit(self, prepared: Prepared, network: str, epochs: int, seed: int, seeds: int = 1) -> Fit:
        """The network trained as the tutorial does it."""
        X, y = prepared.X[: prepared.split], prepared.y[: prepared.split]
        training = self.training.changed(epochs=epochs)
        return gc.fit_windows(self.networks[network], training, X, y, seeds=seeds, seed=seed)

    def forecasts(self, prepared: Prepared, fit: Fit, windows: slice | Integers) -> Floats:
        """Each seed's forecasts (seeds, n) of `windows`, in prices as the tutorial scales them."""
        return prepared.scaler.inverse(self.outputs(prepared, fit, prepared.X[windows]))

    def outputs(self, prepared: Prepared, fit: Fit, X: Floats) -> Floats:
        """Each seed's outputs (seeds, n) on windows X (n, T, F)."""
        return np.stack([replace(fit, trained=(one,)).predict(X) for one in fit.trained])

    def answer(self, prepared: Prepared, fit: Fit) -> Answer:
        """What the tutorial claims, as `gatecast.audit` takes it."""
        claimed = np.arange(len(prepared.rows))[prepared.claimed or prepared.drawn]
        forecasts = self.claims(prepared, fit, claimed[prepared.rows[claimed] > 0])
        errors = forecasts["forecast"].to_numpy(), forecasts["y"].to_numpy()
        return {
            "forecasts": forecasts,
            "scores": self.scores(prepared, *errors),
            "trained_until": prepared.index[prepared.rows[prepared.split - 1] - prepared.horizon + 1],
        }

    def claims(self, prepared: Prepared, fit: Fit, windows: Integers) -> pd.DataFrame:
        """Forecasts of windows, each as that of the bar after the last one known, which y need not be."""
        rows = prepared.rows[windows]
        forecast = self.forecasts(prepared, fit, windows)[0]
        claimed = rows - prepared.horizon + 1
        return forecasts_frame(prepared.index, claimed, forecast=forecast, y=prepared.price[rows])

    def scores(self, prepared: Prepared, forecast: Floats, actual: Floats) -> dict[str, float]:
        """The error that the tutorial reports, under the name that it gives it."""
        return {"rmse": rmse(forecast, actual)}

    def picture(
        self, networks: Mapping[str, Trained], words: Callable[[], tuple[str, str]]
    ) -> dict[str, Callable[[], Drawn]]:
        """What draws the tutorial's picture: prices and forecasts, dashed where the training ends.

        words: say its title, and what stands below.
        """
        prepared = next(iter(networks.values())).prepared
        drawn, split = prepared.rows[prepared.drawn], prepared.rows[prepared.split]
        forecasts = {name: one.forecasts[0] for name, one in networks.items()}
        dashed = prepared.index[split] if drawn[0] < split <= drawn[-1] else None

        def draw() -> Drawn:
            lines = {say("actual"): prepared.price[drawn]} | forecasts
            return lines_picture(prepared.index[drawn], lines, *words(), unit=self.unit, split=dashed)

        return {"as-written": draw}

    def amount(self, value: float) -> str:
        """A price or an error with its unit."""
        return amount(value, self.unit, self.decimals)

    def against_naive(self, errors: Mapping[str, float], prepared: Prepared) -> dict[str, str]:
        """The numbers of both sides: RMSE by network, that of naive, and their ratio."""
        naive = rmse(prepared.naive, prepared.actual)
        return {
            "RMSE": ", ".join(f"{self.amount(error)} ({name})" for name, error in errors.items()),
            say("RMSE of naive, the same sessions"): self.amount(naive),
            say("RMSE over naive's"): ", ".join(number(error / naive, 2) for error in errors.values()),
        }


class PriceTutorial(Tutorial):
    """A tutorial on one symbol's prices: `gatecast.compare` asks its question without its faults.

    symbol: for the calendar; comparison: the arguments of `compare`, but target and training.
    """

    symbol: ClassVar[str]
    comparison: ClassVar[Mapping[str, Any]]

    def corrected(self, frame: pd.DataFrame, epochs: int, seed: int, **settings: Any) -> Side:
        """The tutorial's networks walk-forward, asked for the price and for its change, beside naive.

        settings: arguments of `compare` that take the place of `comparison`'s.
        """
        results = {
            question: self.compared(frame, target, epochs, seed=seed, **settings)
            for question, target in QUESTIONS.items()
        }
        return judged(results, unit=self.unit, decimals=self.decimals)

    def corrected_pipeline(self, frame: pd.DataFrame) -> Answer:
        """The forecasts of the change by one network, for the audit."""
        frame, epochs = dated(frame), min(self.audited_epochs, 2)
        return from_result(
            self.compared(frame, "return", epochs, only=self.audited, seeds=1, folds=2), self.audited
        )

    def compared(
        self, frame: pd.DataFrame, target: Target, epochs: int, *, only: str | None = None, **settings: Any
    ) -> gc.Result:
        """A comparison of the tutorial's networks, or of one, with the baselines.

        Its test is the tutorial's; settings: arguments of `compare` that differ.
        """
        prepared, models = self.prepare(frame), self.models(target)
        return gc.compare(
            gc.Prices.from_frame(frame, source=self.symbol, symbol=self.symbol),
            [*BASELINES, {only: models[only]} if only else models],
            target=target,
            training=self.corrected_training.changed(epochs=epochs),
            **{"test_start": label_of(prepared.dates[prepared.split]), **self.comparison, **settings},
        )

    def models(self, target: str) -> Mapping[str, gc.Network]:
        """The networks to compare for a target."""
        return self.networks
