"""Is a model better than naive, or was it lucky?

Everything rests on one loss per model and date (`losses_by_date`), whatever the number of symbols. Stacking
the rows of 30 symbols that move together would count one lucky day 30 times: it rejects a true null in more
than half of all cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gatecast._typing import Floats
from gatecast.evaluation.direction import PesaranTimmermann, pesaran_timmermann
from gatecast.evaluation.longrun import cosine_averages, cosines, too_few, variance_of_mean
from gatecast.evaluation.multiple import REPS, SAME, ConfidenceSet, SuperiorAbility, confidence_set, spa
from gatecast.evaluation.power import detectable_skill, needed, relative_variance
from gatecast.forecasts import Forecasts

LEVEL = 0.05  # of one-sided tests; intervals are the two-sided 90 % ones that match them


@dataclass(frozen=True)
class DieboldMariano:
    """Test of equal loss.

    statistic    above 0: less loss than the benchmark
    p            two-sided; p_better and p_worse one-sided; all NaN with a `reason`
    n, cosines   dates, and cosines of the long-run variance: the degrees of freedom
    """

    statistic: float
    p: float
    p_better: float
    p_worse: float
    n: int
    cosines: int
    reason: str = ""


@dataclass(frozen=True)
class Skill:
    """1 - loss / loss of naive, a fraction (0.01: 1 % less error), with its 90 % interval (see `skill`)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ModelSignificance:
    """What the tests say about one model against naive.

    direction: of step 1
    """

    skill: Skill
    diebold_mariano: DieboldMariano
    direction: PesaranTimmermann


@dataclass(frozen=True)
class Significance:
    """What the tests say about a comparison; `models` has every model but naive.

    detectable  the skill of an oracle that these tests, over as many models, would have found with 80 % power
                (`gatecast.evaluation.power`), a fraction; NaN where there is no test
    """

    dates: int
    horizon: int
    models: dict[str, ModelSignificance]
    detectable: float
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
                    "dm_cosines": model.diebold_mariano.cosines,
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


def significance(forecasts: Forecasts, *, seed: int, reps: int = REPS) -> Significance:
    """All tests of a comparison against naive; `seed` and `reps` are of the Monte Carlo.

    Fewer than 20 origin dates, or than 8 independent periods (dates / horizon): everything is NaN, with the
    reason.
    """
    losses, horizon, pooled = losses_by_date(forecasts), forecasts.horizon, is_pooled(forecasts)
    naive = losses["naive"].to_numpy()
    how: dict[str, Any] = {"horizon": horizon, "pooled": pooled, "seed": seed, "reps": reps}
    tests = spa(losses, **how)
    detectable = _detectable(forecasts, losses, tests.models, seed=seed)
    models = {}
    for name in forecasts.forecast:
        if name != "naive":
            judged = judge(naive, losses[name].to_numpy(), horizon, pooled=pooled)
            models[name] = ModelSignificance(*judged, _direction(forecasts, name))
    return Significance(
        dates=len(losses),
        horizon=horizon,
        models=models,
        detectable=detectable,
        spa=tests,
        confidence_set=confidence_set(losses, **how),
    )


def judge(
    benchmark: Floats, loss: Floats, horizon: int, *, pooled: bool = False
) -> tuple[Skill, DieboldMariano]:
    """Skill against a benchmark and the test of it; from losses (n,) per date.

    All NaN, with the reason in the test, where there are too few dates.
    """
    if reason := too_few(len(loss), horizon):
        return Skill(np.nan, np.nan, np.nan), _no_test(len(loss), horizon, reason, pooled)
    return (
        skill(benchmark, loss, horizon, pooled=pooled),
        diebold_mariano(benchmark - loss, horizon, pooled=pooled),
    )


def is_pooled(forecasts: Forecasts) -> bool:
    """Whether a loss per date is a mean over several symbols."""
    return len(np.unique(forecasts.symbol)) > 1


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
    y = forecasts.actual[usable, steps]

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


def diebold_mariano(differential: ArrayLike, horizon: int, *, pooled: bool = False) -> DieboldMariano:
    """Test that a loss differential has mean 0 (Diebold and Mariano 1995).

    differential  (n,) in time order: loss of the benchmark less loss of the model
    horizon       steps of the forecast: h-step forecasts overlap
    pooled        whether it is a mean over several symbols

    The mean by its long-run standard error against Student's t with as many degrees of freedom as there are
    cosines (`longrun`). With h - 1 lags of weight 1 (Harvey, Leybourne and Newbold 1997) equal models are
    rejected too often where forecasts overlap, and where losses of many symbols have a memory.

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
        return _no_test(n, horizon, f"only {n} dates for a horizon of {horizon}", pooled)
    if not np.isfinite(d).all():
        return _no_test(n, horizon, "its loss is not a finite number on some date", pooled)
    if not d.any():
        return _no_test(n, horizon, "its losses are those of the benchmark", pooled)
    if np.ptp(d) <= SAME * np.abs(d).mean():
        return _no_test(n, horizon, "the difference in loss is the same on every date", pooled)
    count = cosines(n, horizon, pooled=pooled)
    d = d / np.abs(d).max()  # a square of what is tiny would be 0
    variance = variance_of_mean(d, count)
    if variance <= SAME**2:
        return _no_test(n, horizon, "the difference in loss has no variance beyond a pattern", pooled)
    statistic = float(d.mean() / np.sqrt(variance))
    better, worse = float(student.sf(statistic, count)), float(student.cdf(statistic, count))
    return DieboldMariano(statistic, 2 * min(better, worse), better, worse, n, count)


def skill(naive_loss: Floats, loss: Floats, horizon: int, *, pooled: bool = False) -> Skill:
    """1 - mean loss / mean loss of naive, with its 90 % interval (Fieller 1954).

    The interval holds every s for which the mean of (1 - s) naive_loss - loss is within t standard errors of
    0, so it excludes 0 exactly where the Diebold-Mariano test rejects. Undefined where naive's mean loss is
    itself within its error of 0.
    """
    from scipy.stats import t as student

    n, base = len(loss), naive_loss.mean() if len(loss) else 0.0
    if n < 2 or not base > 0 or not np.isfinite(loss).all():
        return Skill(np.nan, np.nan, np.nan)
    count = cosines(n, horizon, pooled=pooled)
    series = np.column_stack([naive_loss - loss, naive_loss])
    averages = cosine_averages(series, count)
    error = student.ppf(1 - LEVEL, count) ** 2 * averages.T @ averages / count / n
    mean = series.mean(axis=0)
    # a s² - 2 b s + c <= 0
    (c, b), (_, a) = np.outer(mean, mean) - error
    value = float(1 - loss.mean() / base)
    if a <= 0:
        return Skill(value, np.nan, np.nan)
    half = np.sqrt(max(b**2 - a * c, 0.0)) / a
    return Skill(value, min(float(b / a - half), value), max(float(b / a + half), value))


def skill_by_step(forecasts: Forecasts) -> pd.DataFrame:
    """Skill of every model but naive at every step: model, step (1 … h), skill, low, high."""
    records, pooled = [], is_pooled(forecasts)
    for step in range(1, forecasts.horizon + 1):
        losses = losses_by_date(forecasts, step=step)
        for name in losses.columns.drop("naive"):
            found = skill(losses["naive"].to_numpy(), losses[name].to_numpy(), step, pooled=pooled)
            records.append((name, step, found.value, found.low, found.high))
    return pd.DataFrame(records, columns=["model", "step", "skill", "low", "high"])


def _no_test(n: int, horizon: int, reason: str, pooled: bool) -> DieboldMariano:
    return DieboldMariano(np.nan, np.nan, np.nan, np.nan, n, cosines(n, horizon, pooled=pooled), reason)


def _detectable(forecasts: Forecasts, losses: pd.DataFrame, tried: Sequence[str], *, seed: int) -> float:
    """The smallest skill that these tests would have found in one of the models tried."""
    if not tried or too_few(len(losses), forecasts.horizon):
        return float("nan")
    noncentrality = needed(
        losses[["naive", *tried]],
        "naive",
        tried,
        horizon=forecasts.horizon,
        pooled=is_pooled(forecasts),
        seed=seed,
    )
    return detectable_skill(relative_variance(forecasts, losses["naive"]), noncentrality)


def _direction(forecasts: Forecasts, model: str) -> PesaranTimmermann:
    """Step 1 only: later steps overlap."""
    several = len(np.unique(forecasts.symbol)) > 1
    return pesaran_timmermann(
        forecasts.actual[:, 0] - forecasts.anchor,
        forecasts.forecast[model][:, 0] - forecasts.anchor,
        forecasts.origin if several else None,
    )
