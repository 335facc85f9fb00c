"""Is a model better than naive, or was it lucky?

Everything rests on one loss per model and date (`losses_by_date`), whatever the number of symbols. Stacking
the rows of 30 symbols that move together would count one lucky day 30 times: it rejects a true null in more
than half of all cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gatecast.evaluation.direction import PesaranTimmermann, pesaran_timmermann
from gatecast.evaluation.forecasts import Forecasts
from gatecast.evaluation.hac import Kernel, long_run_variance
from gatecast.evaluation.multiple import SAME, ConfidenceSet, SuperiorAbility, confidence_set, spa, too_few

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DieboldMariano:
    """Test of equal loss.

    statistic    above 0: less loss than the benchmark
    p            two-sided; p_better and p_worse one-sided; all NaN with a `reason`
    n, lags      dates, and lags of the variance
    kernel       "rectangular" (Harvey, Leybourne and Newbold) or, where that is not positive, "bartlett"
    """

    statistic: float
    p: float
    p_better: float
    p_worse: float
    n: int
    lags: int
    kernel: Kernel = "rectangular"
    reason: str = ""


@dataclass(frozen=True)
class Skill:
    """1 - loss / loss of naive, a fraction (0.01: 1 % less squared error), with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ModelSignificance:
    """What the tests say about one model against naive.

    smallest_detectable  the skill that this test would have found with 80 % power, a fraction
    direction            of step 1
    """

    skill: Skill
    diebold_mariano: DieboldMariano
    smallest_detectable: float
    direction: PesaranTimmermann


@dataclass(frozen=True)
class Significance:
    """What the tests say about a comparison; `models` has every model but naive."""

    dates: int
    horizon: int
    models: dict[str, ModelSignificance]
    spa: SuperiorAbility
    confidence_set: ConfidenceSet

    @property
    def frame(self) -> pd.DataFrame:
        """One row per model: skill, Diebold-Mariano (dm, dm_p two-sided), direction (pt, pt_p one-sided)."""
        return pd.DataFrame.from_records(
            [
                {
                    "model": name,
                    "skill": model.skill.value,
                    "skill_low": model.skill.low,
                    "skill_high": model.skill.high,
                    "dm": model.diebold_mariano.statistic,
                    "dm_p": model.diebold_mariano.p,
                    "dm_lags": model.diebold_mariano.lags,
                    "dm_kernel": model.diebold_mariano.kernel,
                    "smallest_detectable": model.smallest_detectable,
                    "pt": model.direction.statistic,
                    "pt_p": model.direction.p,
                    "confidence_set_p": self.confidence_set.p.get(name, np.nan),
                    "reason": model.diebold_mariano.reason,
                }
                for name, model in self.models.items()
            ]
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain data; undefined numbers are NaN."""
        return asdict(self)


def significance(forecasts: Forecasts, *, seed: int, reps: int = 1000) -> Significance:
    """All tests of a comparison against naive; `seed` and `reps` are of the bootstraps.

    Fewer than 20 origin dates (or 4 times the horizon): everything is NaN, with the reason.
    """
    losses, horizon = losses_by_date(forecasts), forecasts.horizon
    naive = losses["naive"].to_numpy()
    models = {}
    for name in forecasts.forecast:
        if name != "naive":
            judged = judge(naive, losses[name].to_numpy(), horizon)
            models[name] = ModelSignificance(*judged, _direction(forecasts, name))
    return Significance(
        dates=len(losses),
        horizon=horizon,
        models=models,
        spa=spa(losses, horizon=horizon, seed=seed, reps=reps),
        confidence_set=confidence_set(losses, horizon=horizon, seed=seed, reps=reps),
    )


def judge(benchmark: Floats, loss: Floats, horizon: int) -> tuple[Skill, DieboldMariano, float]:
    """Skill against a benchmark, the test of it, the smallest detectable skill; from losses (n,) per date.

    All NaN, with the reason in the test, where there are too few dates.
    """
    if reason := too_few(len(loss), horizon):
        return Skill(np.nan, np.nan, np.nan), _no_test(len(loss), horizon, reason), np.nan
    difference = benchmark - loss
    return (
        skill(benchmark, loss, horizon),
        diebold_mariano(difference, horizon),
        smallest_detectable(difference, benchmark, horizon),
    )


@np.errstate(over="ignore", invalid="ignore")
def losses_by_date(forecasts: Forecasts, *, step: int | None = None) -> pd.DataFrame:
    """One loss per origin date and model: dates x models, "naive" first. A number; naive's is about 1.

    Loss of an origin: the mean over its steps (or that of one `step`, from 1) of ((y - forecast) / anchor)²,
    divided by what naive made of it in the training of that symbol and fold. Loss of a date: the mean over
    the symbols with an origin there. Symbols whose price never moved in training cannot be scaled and have no
    say. A loss that is not a finite number, or above 1e100, is NaN.
    """
    steps = slice(None) if step is None else slice(step - 1, step)
    usable = (forecasts.naive_mse > 0) & (forecasts.anchor != 0)
    anchor, scale = forecasts.anchor[usable, None], forecasts.naive_mse[usable]
    y = forecasts.y[usable, steps]

    def loss(forecast: Floats) -> Floats:
        return np.square((y - forecast) / anchor).mean(1) / scale

    losses = {"naive": loss(np.broadcast_to(anchor, y.shape))}
    for name, forecast in forecasts.forecast.items():
        if name != "naive":
            losses[name] = loss(forecast[usable, steps])
    return mean_by_date(forecasts.origin[usable], losses)


def mean_by_date(origin: NDArray[np.datetime64], losses: Mapping[str, Floats]) -> pd.DataFrame:
    """Model → losses (n,) of origins, as dates x models: the mean over the origins of a date.

    A loss that is not a finite number, or above 1e100, is NaN.
    """
    dates, day = np.unique(origin, return_inverse=True)
    count = np.bincount(day, minlength=len(dates))
    of_date = {
        name: np.bincount(day, weights=values, minlength=len(dates)) / count
        for name, values in losses.items()
    }
    return pd.DataFrame(
        {name: np.where(values < 1e100, values, np.nan) for name, values in of_date.items()},
        index=pd.DatetimeIndex(dates, name="origin"),
    )


def loss_differential(
    forecasts: Forecasts, model: str, benchmark: str = "naive", *, step: int | None = None
) -> pd.Series[float]:
    """Loss of the benchmark less that of the model, per date: above 0 where the model was better."""
    losses = losses_by_date(forecasts, step=step)
    return losses[benchmark] - losses[model]


def diebold_mariano(differential: ArrayLike, horizon: int) -> DieboldMariano:
    """Test that a loss differential has mean 0 (Diebold and Mariano 1995), for small samples.

    differential  (n,) in time order: loss of the benchmark less loss of the model
    horizon       steps of the forecast: h-step forecasts overlap, so autocovariances up to lag h - 1 count

    With the correction of Harvey, Leybourne and Newbold (1997): the statistic times
    sqrt((n + 1 - 2 h + h (h - 1) / n) / n), against Student's t with n - 1 degrees of freedom. The variance
    is theirs, with h - 1 lags of weight 1; where that is not positive, the weights fall (Bartlett), as in R's
    forecast::dm.test(varestimator = "bartlett").

    These models nest naive: with all weights 0 they forecast no change. Under the null that nothing can be
    forecast, a fitted model still carries the noise of its fit and has the larger loss in expectation, so the
    statistic leans to the negative side: "better" is found too seldom (conservative), "worse" more often than
    in 5 % of cases. Clark and McCracken (2001) and Clark and West (2007) give tests of the other null, that
    no *true* coefficient helps. The question here is whether this fitted model forecasts better than naive,
    which is the null that Diebold and Mariano, and Giacomini and White (2006), test.
    """
    from scipy.stats import t as student

    d = np.asarray(differential, dtype=np.float64)
    if d.ndim != 1 or horizon < 1:
        raise ValueError(f"differential must be (n,), not {d.shape}, and horizon at least 1, not {horizon}")
    n = len(d)
    if n <= horizon or n < 2:
        return _no_test(n, horizon, f"only {n} dates for a horizon of {horizon}")
    if not np.isfinite(d).all():
        return _no_test(n, horizon, "its loss is not a finite number on some date")
    if not d.any():
        return _no_test(n, horizon, "its losses are those of the benchmark")
    variance, kernel = _variance_of_mean(d, horizon)
    if variance <= (SAME * d.mean()) ** 2:
        return _no_test(n, horizon, "the difference in loss is the same on every date")
    small_sample = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    statistic = float(np.sqrt(small_sample) * d.mean() / np.sqrt(variance))
    better = float(student.sf(statistic, n - 1))
    worse = float(student.cdf(statistic, n - 1))
    return DieboldMariano(statistic, 2 * min(better, worse), better, worse, n, horizon - 1, kernel)


def smallest_detectable(differential: ArrayLike, naive_loss: ArrayLike, horizon: int) -> float:
    """The smallest skill (fraction of naive's squared error saved) that the test would have found.

    With 80 % power at one-sided 5 %: (z.95 + z.80) times the standard error of the mean differential, by the
    mean loss of naive. For one model on its own; to be found among many takes more.
    """
    from scipy.stats import norm

    d, naive = np.asarray(differential, dtype=np.float64), np.asarray(naive_loss, dtype=np.float64)
    if len(d) <= horizon or not np.isfinite(d).all() or not d.any() or not naive.mean() > 0:
        return float("nan")
    variance, _ = _variance_of_mean(d, horizon)
    return float((norm.ppf(0.95) + norm.ppf(0.80)) * np.sqrt(variance) / naive.mean())


def skill(naive_loss: Floats, loss: Floats, horizon: int) -> Skill:
    """1 - mean loss / mean loss of naive, with a 95 % interval (delta method, Student's t with n - 1)."""
    from scipy.stats import t as student

    n, base = len(loss), naive_loss.mean() if len(loss) else 0.0
    if n < 2 or not base > 0 or not np.isfinite(loss).all():
        return Skill(np.nan, np.nan, np.nan)
    value = float(1 - loss.mean() / base)
    variance, _ = _variance_of_mean((1 - value) * naive_loss - loss, horizon)
    half = float(student.ppf(0.975, n - 1) * np.sqrt(variance) / base)
    return Skill(value, value - half, value + half)


def skill_by_step(forecasts: Forecasts) -> pd.DataFrame:
    """Skill of every model but naive at every step: model, step (1 … h), skill, low, high."""
    records = []
    for step in range(1, forecasts.horizon + 1):
        losses = losses_by_date(forecasts, step=step)
        for name in losses.columns.drop("naive"):
            found = skill(losses["naive"].to_numpy(), losses[name].to_numpy(), step)
            records.append((name, step, found.value, found.low, found.high))
    return pd.DataFrame(records, columns=["model", "step", "skill", "low", "high"])


def _variance_of_mean(d: Floats, horizon: int) -> tuple[float, Kernel]:
    variance = long_run_variance(d, horizon - 1, "rectangular") / len(d)
    if variance > 0:
        return variance, "rectangular"
    return long_run_variance(d, horizon - 1, "bartlett") / len(d), "bartlett"


def _no_test(n: int, horizon: int, reason: str) -> DieboldMariano:
    return DieboldMariano(np.nan, np.nan, np.nan, np.nan, n, horizon - 1, reason=reason)


def _direction(forecasts: Forecasts, model: str) -> PesaranTimmermann:
    """Step 1 only: later steps overlap."""
    several = len(np.unique(forecasts.symbol)) > 1
    return pesaran_timmermann(
        forecasts.y[:, 0] - forecasts.anchor,
        forecasts.forecast[model][:, 0] - forecasts.anchor,
        forecasts.origin if several else None,
    )
