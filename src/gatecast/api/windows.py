"""The engine on bare arrays, at the tutorials' level: windows in, networks out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gatecast.api.choices import known_seed
from gatecast.errors import SettingError
from gatecast.formatting import brief
from gatecast.language import say
from gatecast.nn.cells import cell_of
from gatecast.nn.inside import gradient_times_input, trace
from gatecast.nn.network import ONE_THREAD, apply, exact_products
from gatecast.nn.population import Member, Trained, history, train
from gatecast.nn.program import Dataset
from gatecast.nn.recurrent import Params, States
from gatecast.progress import Bar
from gatecast.settings.base import check_seeds, check_whole
from gatecast.settings.network import Network
from gatecast.settings.training import LOSSES, Training

if TYPE_CHECKING:
    from gatecast.report.display import Plot

NO_VALIDATION = "epochs: without validation the last epoch is kept and patience has no effect"


@dataclass(frozen=True)
class Fit:
    """Networks fitted by `fit_windows`, one per seed.

    history: one row per seed and epoch with loss and validation_loss (in the units of y, squared for mse),
    `kept`, and `stopping`: what ends the training.
    """

    network: Network
    trained: tuple[Trained, ...]
    history: pd.DataFrame
    one_step: bool

    __repr__ = brief

    def predict(self, X: ArrayLike, *, state: States | None = None, return_state: bool = False) -> Any:
        """Forecasts of windows X (N, T, F): (N,) where y was (N,), else (N, h); the mean over the seeds.

        state: what an earlier call returned with return_state=True, to go on where it ended; its arrays are
        (seeds, layers x directions, N, hidden_size). With return_state also the state after the windows.

        Raises
            SettingError: X is not (N, T, F) with the F of the fit; a state of other networks or windows.
        """
        windows = self._read(X)
        self._check_state(state, len(windows))
        params = {
            name: np.stack([member.params[name] for member in self.trained])
            for name in self.trained[0].params
        }
        outputs, final = _apply(self.network, params, windows, state)
        forecast = np.asarray(outputs, dtype=np.float64).mean(axis=0)
        forecast = forecast[:, 0] if self.one_step else forecast
        return (forecast, final) if return_state else forecast

    def _check_state(self, state: States | None, windows: int) -> None:
        """Raise SettingError for what is no state of these networks over as many windows."""
        layers = self.network.num_layers * (2 if self.network.bidirectional else 1)
        one = (len(self.trained), layers, windows, self.network.hidden_size)
        names = cell_of(self.network.cell).states
        try:
            fine = state is None or [np.shape(part) for part in state] == [one] * len(names)
        except (TypeError, ValueError):
            fine = False
        if not fine:
            raise SettingError(
                say(
                    "state must be what predict(X, return_state=True) gave for as many windows: {shape} for "
                    "each of {names}",
                    shape=one,
                    names=", ".join(names),
                )
            )

    def trace(self, X: ArrayLike, *, seed: int | None = None) -> dict[str, NDArray[np.float32]]:
        """Every gate and state of one network at every bar of windows X (N, T, F): name → (N, T, H).

        The names are the textbook's, with the place of the layer as PyTorch writes it: "forget_l0",
        "hidden_l1", "hidden_l0_reverse". LSTM: input, forget, candidate (g, or c with a tilde), output, cell,
        hidden. GRU: reset, update, candidate (n), hidden. RNN: hidden. Gates lie between 0 and 1, candidates
        and hidden states between -1 and 1. Every window starts from a state of zero. A backward layer's
        values stand at the bar that it reads, so its last state is at the first bar.

        Parameters
        ----------
        seed
            Of which network; None: the first. A mean over several networks would be nobody's state.

        Raises
        ------
        SettingError
            X is not (N, T, F) with the F of the fit; no such seed.

        Notes
        -----
        The equations are those of `gatecast.nn.cells` (Elman 1990; Gers, Schmidhuber and Cummins 2000; Cho et
        al. 2014), and equal PyTorch's.

        Examples
        --------
        >>> fit.trace(X)["forget_l0"].mean(axis=(0, 1))  # how much each unit keeps of its state, on average
        """
        found = trace(self.network, self._member(seed).params, self._read(X))
        return {name: np.asarray(values) for name, values in found.items()}

    def saliency(self, X: ArrayLike, *, step: int = 1) -> NDArray[np.float64]:
        """Gradient times input of the forecast, (N, T, F), in the units of y: what each input does to it.

        To first order, by how much the forecast would be lower if that input were 0. Where a network is
        linear, the sum over a window is the forecast less that of a window of zeros. It shows what this
        network reads, not what moves prices, and inputs that act together share what they do by chance (see
        docs/en/guides/inside.md).

        Parameters
        ----------
        step
            Of which step ahead, from 1.

        Raises
        ------
        SettingError
            X is not (N, T, F) with the F of the fit; no such step.

        Notes
        -----
        Gradients: Simonyan, Vedaldi and Zisserman (2014); times the input: Shrikumar, Greenside and Kundaje
        (2017). Of the mean over the seeds, as `predict`.
        """
        windows, steps = self._read(X), len(self.trained[0].params["out.bias"])
        if step not in range(1, steps + 1):
            raise SettingError(
                say("step = {step}: the fit forecasts steps 1 to {steps}", step=step, steps=steps)
            )
        parts = [gradient_times_input(self.network, one.params, windows, step - 1) for one in self.trained]
        return np.mean([np.asarray(part, dtype=np.float64) for part in parts], axis=0)

    def plot_gates(
        self, window: ArrayLike, *, seed: int | None = None, names: Sequence[str] | None = None
    ) -> Plot:
        """One window (T, F) in a network as a picture: inputs, gates and states, unit by unit, bar by bar.

        Parameters
        ----------
        seed
            Of which network; None: the first.
        names
            Of the F features.

        Raises
        ------
        SettingError
            No single window with the F of the fit; no such seed; other than F names.
        """
        from gatecast.report.display import Plot
        from gatecast.report.inside import gates_chart

        windows = self._one(window)
        found = {name: values[0] for name, values in self.trace(windows, seed=seed).items()}
        return Plot(gates_chart(windows[0], found, self._names(names)))

    def plot_saliency(self, X: ArrayLike, *, step: int = 1, names: Sequence[str] | None = None) -> Plot:
        """`saliency` of one window (T, F) as a picture; of several (N, T, F), the mean of its size.

        Parameters
        ----------
        step
            Of which step ahead, from 1.
        names
            Of the F features.

        Raises
        ------
        SettingError
            As `saliency`; other than F names.
        """
        from gatecast.report.display import Plot
        from gatecast.report.inside import saliency_chart

        given = np.asarray(X, dtype=np.float32)
        one = given.ndim == 2
        found = self.saliency(given[None] if one else given, step=step)
        shown = found[0] if one else np.abs(found).mean(axis=0)
        return Plot(saliency_chart(shown, self._names(names), windows=1 if one else len(found)))

    def plot_history(self) -> Plot:
        """Loss per epoch of every seed, the kept epoch marked."""
        from gatecast.report.charts import history_chart
        from gatecast.report.display import Plot

        return Plot(history_chart(self.history))

    def _read(self, X: ArrayLike) -> NDArray[np.float32]:
        """Windows (N, T, F) with the F of the fit."""
        windows = _windows(X)
        expected = self.trained[0].params["weight_ih_l0"].shape[1]
        if windows.shape[2] != expected:
            raise SettingError(
                say(
                    "X has {given} features, the networks were fitted on {expected}",
                    given=windows.shape[2],
                    expected=expected,
                )
            )
        return windows

    def _one(self, window: ArrayLike) -> NDArray[np.float32]:
        """One window (T, F), or (1, T, F), as (1, T, F)."""
        given = np.asarray(window, dtype=np.float32)
        given = given[None] if given.ndim == 2 else given
        if given.ndim != 3 or len(given) != 1:
            raise SettingError(
                say(
                    "window has shape {shape}; one window is (T, F), such as X[0] of X (N, T, F)",
                    shape=np.shape(window),
                )
            )
        return self._read(given)

    def _member(self, seed: int | None) -> Trained:
        """The network of a seed; None: the first."""
        seeds = [int(known) for known in self.history["seed"].unique()]
        return self.trained[seeds.index(known_seed(seeds, seed))]

    def _names(self, names: Sequence[str] | None) -> list[str]:
        """Those of the features."""
        count = int(self.trained[0].params["weight_ih_l0"].shape[1])
        given = (
            [say("feature {number}", number=place + 1) for place in range(count)]
            if names is None
            else list(map(str, names))
        )
        if len(given) != count or len(set(given)) != count:
            raise SettingError(
                say(
                    "names = {given}: give {count} different ones, one for each feature",
                    given=given,
                    count=count,
                )
            )
        return given


def fit_windows(
    network: Network,
    training: Training,
    X: ArrayLike,
    y: ArrayLike,
    *,
    validation: float | tuple[ArrayLike, ArrayLike] | None = None,
    seeds: int = 1,
    seed: int = 0,
) -> Fit:
    """Fit networks on every window given, as they are: nothing is scaled, split or dropped.

    Parameters
    ----------
    network, training
        What is trained, and how.
    X
        (N, T, F) windows, the oldest bar of each first.
    y
        (N,) or (N, h) targets, in any unit.
    validation
        (X, y) of the same shapes, for the epoch to keep and for patience; or the share of the windows, the
        last ones in the order given, that is taken for it, without the h windows before, whose targets may
        reach into them. Without it the last epoch is kept.
    seeds, seed
        How many networks, and the seed of the first.

    Returns
    -------
    Fit
        The networks; its `predict` is their mean.

    Raises
    ------
    SettingError
        Shapes that do not fit, numbers that are not finite, an output that is no point, a seed below 0 or
        above 2**31 - 1.
    """
    network, training = Network.instance("network", network), Training.instance("training", training)
    windows, targets = _windows(X), np.atleast_1d(np.asarray(y, dtype=np.float32))
    one_step = targets.ndim == 1
    held_windows, held_targets = windows[:0], targets[:0]
    if isinstance(validation, Real):
        windows, targets, held_windows, held_targets = _split(windows, targets, validation)
    elif validation is not None and not (isinstance(validation, tuple | list) and len(validation) == 2):
        raise SettingError(
            say("must be a share between 0 and 1, or a pair (X, y)"), setting="validation", value=validation
        )
    elif validation is not None:
        held_windows, held_targets = _windows(validation[0]), np.asarray(validation[1], dtype=np.float32)
    _check(windows, targets, held_windows, held_targets)
    if network.output != "point":
        raise SettingError(
            say(
                'fit_windows fits points; output "{output}" needs prices: use compare or Forecaster',
                output=network.output,
            )
        )
    if training.loss not in ("auto", *LOSSES["point"]):
        raise SettingError(
            say("fits no points: {losses} do", losses=", ".join(LOSSES["point"])),
            setting="loss",
            value=training.loss,
        )
    check_whole(1, seeds=seeds)
    check_whole(0, seed=seed)
    check_seeds(seed, seeds)
    lookback = windows.shape[1]
    rows = _rows(np.concatenate([windows, held_windows]), np.concatenate([targets, held_targets]))
    origins = (np.arange(len(windows) + len(held_windows)) + 1) * lookback - 1
    members = [
        Member(number, 0, network.tag, 0, origins[: len(windows)], origins[len(windows) :], training.epochs)
        for number in range(seed, seed + seeds)
    ]
    with Bar() as bar:
        bar.show(0, 1, network.cell, say("compiling …"))
        trained = train(
            network,
            training,
            rows,
            members,
            lookback=lookback,
            progress=lambda done, of, epochs: bar.show(
                epochs, of * training.epochs, network.cell, _so_far(done, of, epochs)
            ),
        )
    stopping = NO_VALIDATION if validation is None else "patience on validation"
    losses = history(members, trained).drop(columns="fold").assign(stopping=stopping)
    return Fit(network, tuple(trained), losses, one_step)


@partial(jax.jit, static_argnums=0, compiler_options=ONE_THREAD)
def _apply(
    network: Network, params: Params, windows: jax.Array, state: States | None
) -> tuple[jax.Array, States]:
    """Outputs (seeds, N, h) and final states of every seed's network."""

    def one(params: Params, state: States | None) -> tuple[jax.Array, States]:
        return apply(network, params, windows, state=state)

    with exact_products():
        return jax.vmap(one)(params, state)


def _so_far(done: int, of: int, epochs: int) -> str:
    """What the bar says of the training."""
    return say("{done} of {of} trained, {epochs} epochs", done=done, of=of, epochs=epochs)


def _windows(X: ArrayLike) -> NDArray[np.float32]:
    windows = np.asarray(X, dtype=np.float32)
    if windows.ndim != 3 or 0 in windows.shape:
        raise SettingError(
            say(
                "X has shape {shape}; windows are (N, T, F): N windows of T sessions with F features. "
                "One feature: X[:, :, None]",
                shape=windows.shape,
            )
        )
    return windows


def _split(
    windows: NDArray[np.float32], targets: NDArray[np.float32], share: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Windows and targets to train on, and the last `share` of them, for validation."""
    embargo = targets.shape[-1] if targets.ndim > 1 else 1
    start = len(windows) - max(round(share * len(windows)), 1)
    if not 0 < share < 1 or start <= embargo:
        raise SettingError(
            say(
                "validation = {share:g}: must be a share between 0 and 1 that leaves some of the {count} "
                "windows to train on; {embargo} between the two are left out",
                share=share,
                count=len(windows),
                embargo=embargo,
            )
        )
    return windows[: start - embargo], targets[: start - embargo], windows[start:], targets[start:]


def _check(
    windows: NDArray[np.float32],
    targets: NDArray[np.float32],
    held_windows: NDArray[np.float32],
    held_targets: NDArray[np.float32],
) -> None:
    for name, X, y in (("", windows, targets), (say("validation "), held_windows, held_targets)):
        if y.ndim not in (1, 2) or len(X) != len(y):
            raise SettingError(
                say(
                    "{name}y has shape {shape}; with {count} windows it is ({count},) or ({count}, h)",
                    name=name,
                    shape=y.shape,
                    count=len(X),
                )
            )
        if not (np.isfinite(X).all() and np.isfinite(y).all()):
            raise SettingError(
                say("{name}X or y holds numbers that are not finite; fill or drop them first", name=name)
            )
    if held_windows.shape[1:] != windows.shape[1:] or held_targets.shape[1:] != targets.shape[1:]:
        raise SettingError(
            say(
                "validation has shapes {held_X} and {held_y}, not those of X and y {X} and {y}",
                held_X=held_windows.shape,
                held_y=held_targets.shape,
                X=windows.shape,
                y=targets.shape,
            )
        )


def _rows(windows: NDArray[np.float32], targets: NDArray[np.float32]) -> Dataset:
    """Windows as rows: window n ends at row (n + 1)·T - 1, where its targets stand."""
    count, lookback, features = windows.shape
    steps = targets.reshape(count, -1)
    at_rows = np.zeros((count * lookback, steps.shape[1]), np.float32)
    at_rows[lookback - 1 :: lookback] = steps
    x_zero, y_zero = (np.zeros((1, 1, width), np.float32) for width in (features, steps.shape[1]))
    return Dataset(
        features=windows.reshape(count * lookback, features),
        targets=at_rows,
        symbol=np.zeros(count * lookback, np.int32),
        x_offset=x_zero,
        x_scale=x_zero + 1,
        y_offset=y_zero,
        y_scale=y_zero + 1,
    )
