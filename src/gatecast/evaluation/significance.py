"""Is a model better than its benchmark, or was it chance? The same tests for every loss.

Everything rests on one loss per model and date (`losses_by_date`), whatever the number of symbols. Stacking
the rows of 30 symbols that move together would count one lucky day 30 times: it rejects a true null in more
than half of all cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from gatecast._typing import Floats
from gatecast.evaluation.direction import PesaranTimmermann, pesaran_timmermann
from gatecast.evaluation.longrun import cosine_averages, cosines, too_few, variance_of_mean
from gatecast.evaluation.losses.base import Loss
from gatecast.evaluation.multiple import REPS, SAME, ConfidenceSet, SuperiorAbility, confidence_set, spa
from gatecast.evaluation.power import needed
from gatecast.forecasts import Forecasts
from gatecast.formatting import brief
from gatecast.language import marked, say

LEVEL = 0.05  # of one-sided tests; intervals are the two-sided 90 % ones that match them
LARGEST = 1e100  # a loss above it counts as no finite number
NOT_FINITE = marked("its loss is not a finite number on some date")


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
    """1 - loss / loss of the benchmark, a fraction, with its 90 % interval (see `skill`)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Pair:
    """One model against one benchmark on a symbol, or on "all".

    diebold_mariano  statistic above 0: the model has less loss
    """

    model: str
    benchmark: str
    symbol: str
    skill: Skill
    diebold_mariano: DieboldMariano


@dataclass(frozen=True)
class ModelSignificance:
    """What the tests say about one model against the benchmark, over all symbols.

    direction: of the first step of a point forecast; None for a loss of distributions
    """

    skill: Skill
    diebold_mariano: DieboldMariano
    direction: PesaranTimmermann | None


@dataclass(frozen=True)
class Significance:
    """What the tests of one loss say about a comparison.

    benchmark            the model that others are judged against; None where there is none
    networks, baselines  those that the loss can score; lowest mean loss first, without a finite loss last
    models               every model but the benchmark, against it; {} without a benchmark
    pairs                every network against every baseline, every other baseline against the benchmark; of
                         distributions also per symbol
    tried                the models that are tested jointly
    spa                  is any of them better than the benchmark?
    confidence_set       of all models that the loss can score
    detectable           the skill of an oracle that these tests, over as many models, would have found with
                         80 % power (`gatecast.evaluation.power`), a fraction; NaN where there is no test
    """

    loss: Loss
    dates: int
    horizon: int
    benchmark: str | None
    networks: tuple[str, ...]
    baselines: tuple[str, ...]
    models: dict[str, ModelSignificance]
    pairs: tuple[Pair, ...]
    tried: tuple[str, ...]
    spa: SuperiorAbility
    confidence_set: ConfidenceSet
    detectable: float

    __repr__ = brief

    def pair(self, model: str, benchmark: str | None = None, symbol: str = "all") -> Pair | None:
        """The model against another (without a name: the benchmark); None where there is no such pair."""
        wanted = (model, benchmark or self.benchmark, symbol)
        return next((p for p in self.pairs if (p.model, p.benchmark, p.symbol) == wanted), None)

    @property
    def frame(self) -> pd.DataFrame:
        """One row per model against the benchmark.

        model, skill, low, high; dm, dm_p (two-sided), dm_cosines; pt, pt_p (one-sided, of the direction);
        confidence_set_p; reason
        """
        rows = []
        for name, model in self.models.items():
            direction = model.direction
            rows.append(
                {"model": name}
                | _columns(model.skill, model.diebold_mariano)
                | {
                    "pt": direction.statistic if direction else np.nan,
                    "pt_p": direction.p if direction else np.nan,
                    "confidence_set_p": self.confidence_set.p.get(name, np.nan),
                }
            )
        return pd.DataFrame.from_records(rows)

    @property
    def pair_frame(self) -> pd.DataFrame:
        """One row per pair: model, benchmark, symbol, and the columns of `frame` from skill to reason."""
        return pd.DataFrame.from_records(
            [
                {"model": pair.model, "benchmark": pair.benchmark, "symbol": pair.symbol}
                | _columns(pair.skill, pair.diebold_mariano)
                for pair in self.pairs
            ]
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain data; undefined numbers are NaN."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)} | {"loss": self.loss.key}
        parts["models"] = {name: asdict(model) for name, model in self.models.items()}
        parts["pairs"] = [asdict(pair) for pair in self.pairs]
        return parts | {name: asdict(getattr(self, name)) for name in ("spa", "confidence_set")}


def significance(forecasts: Forecasts, loss: Loss, *, seed: int, reps: int = REPS) -> Significance:
    """All tests of a comparison by one loss; `seed` and `reps` are of the Monte Carlo.

    Fewer than 20 origin dates, or than 8 independent periods (dates / horizon): everything is NaN, with the
    reason.
    """
    losses, horizon, pooled = losses_by_date(forecasts, loss), forecasts.horizon, is_pooled(forecasts)
    order = list(losses.mean(skipna=False).sort_values(kind="stable").index)
    networks = [name for name in order if name in forecasts.seeds]
    baselines = [name for name in order if name not in forecasts.seeds]
    benchmark = loss.benchmark(forecasts, [name for name in baselines if np.isfinite(losses[name]).all()])
    tried = loss.tried(list(losses.columns), networks, benchmark)
    pairs = _pairs(forecasts, loss, losses, networks, baselines, benchmark)
    how: dict[str, Any] = {"horizon": horizon, "pooled": pooled, "seed": seed, "reps": reps}
    if benchmark is None:
        count = cosines(len(losses), horizon, pooled=pooled)
        reason = say("no baseline has a {loss} to compare with", loss=say(loss.name))
        joint, detectable = SuperiorAbility((), np.nan, np.nan, np.nan, count, reason), np.nan
    else:
        joint = spa(losses[[benchmark, *tried]], benchmark, **how)
        detectable = _detectable(forecasts, loss, losses, benchmark, joint.models, seed=seed)
    against = {pair.model: pair for pair in pairs if pair.benchmark == benchmark and pair.symbol == "all"}
    return Significance(
        loss=loss,
        dates=len(losses),
        horizon=horizon,
        benchmark=benchmark,
        networks=tuple(networks),
        baselines=tuple(baselines),
        models={
            name: ModelSignificance(
                against[name].skill,
                against[name].diebold_mariano,
                _direction(forecasts, name) if loss.point else None,
            )
            for name in losses
            if name in against
        },
        pairs=pairs,
        tried=tuple(tried),
        spa=joint,
        confidence_set=confidence_set(losses, **how),
        detectable=detectable,
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
def losses_by_date(
    forecasts: Forecasts, loss: Loss, *, step: int | None = None, symbol: str | None = None
) -> pd.DataFrame:
    """One loss per origin date and model that can be scored: dates x models. A number; naive's is about 1.

    Loss of an origin: the mean over its steps (or that of one `step`, from 1), divided by the scale of the
    loss, so that no symbol outweighs. Loss of a date: the mean over the symbols with an origin there, or that
    of one `symbol`. Symbols whose price never moved in training cannot be scaled and have no say. A loss that
    is not a finite number, or above 1e100, is NaN.
    """
    steps = slice(None) if step is None else slice(step - 1, step)
    scale = loss.scale(forecasts)
    usable = np.isfinite(scale)
    if symbol is not None:
        usable &= forecasts.symbol == forecasts.symbols.index(symbol)
    dates, day = np.unique(forecasts.origin[usable], return_inverse=True)
    count, table = np.bincount(day, minlength=len(dates)), {}
    for name in loss.models(forecasts):
        of_origin = loss.of(forecasts, name)[usable, steps].mean(axis=1) / scale[usable]
        of_date = np.bincount(day, weights=of_origin, minlength=len(dates)) / count
        table[name] = np.where(of_date < LARGEST, of_date, np.nan)
    return pd.DataFrame(table, index=pd.DatetimeIndex(dates, name="origin"))


def loss_differential(
    forecasts: Forecasts, loss: Loss, model: str, benchmark: str, *, step: int | None = None
) -> pd.Series[float]:
    """Loss of the benchmark less that of the model, per date: above 0 where the model was better."""
    losses = losses_by_date(forecasts, loss, step=step)
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
    which is the null that Diebold and Mariano, and Giacomini and White (2006), test. statsmodels has the test
    with their variance only.
    """
    from scipy.special import stdtr

    d = np.asarray(differential, dtype=np.float64)
    if d.ndim != 1 or horizon < 1:
        raise ValueError(f"differential must be (n,), not {d.shape}, and horizon at least 1, not {horizon}")
    n = len(d)
    if n <= horizon or n < 2:
        few = say("only {n} dates for a horizon of {horizon}", n=n, horizon=horizon)
        return _no_test(n, horizon, few, pooled)
    if not np.isfinite(d).all():
        return _no_test(n, horizon, say(NOT_FINITE), pooled)
    if not d.any():
        return _no_test(n, horizon, say("its losses are those of the benchmark"), pooled)
    if np.ptp(d) <= SAME * np.abs(d).mean():
        same = say("the difference in loss is the same on every date")
        return _no_test(n, horizon, same, pooled)
    count = cosines(n, horizon, pooled=pooled)
    d = d / np.abs(d).max()  # a square of what is tiny would be 0
    variance = variance_of_mean(d, count)
    if variance <= SAME**2:
        still = say("the difference in loss has no variance beyond a pattern")
        return _no_test(n, horizon, still, pooled)
    statistic = float(d.mean() / np.sqrt(variance))
    better, worse = float(stdtr(count, -statistic)), float(stdtr(count, statistic))
    return DieboldMariano(statistic, 2 * min(better, worse), better, worse, n, count)


def skill(
    benchmark: Floats, loss: Floats, horizon: int, *, pooled: bool = False, tail: float = LEVEL
) -> Skill:
    """1 - mean loss / mean loss of the benchmark, with its interval (Fieller 1954).

    tail: what the interval leaves out on each side; by default it is that of 90 %.

    The interval holds every s for which the mean of (1 - s) benchmark - loss is within t standard errors of
    0, so it excludes 0 exactly where the Diebold-Mariano test rejects. Undefined where the benchmark's mean
    loss is itself within its error of 0.
    """
    from scipy.special import stdtrit

    n, base = len(loss), benchmark.mean() if len(loss) else 0.0
    if n < 2 or not base > 0 or not np.isfinite(loss).all():
        return Skill(np.nan, np.nan, np.nan)
    count = cosines(n, horizon, pooled=pooled)
    series = np.column_stack([benchmark - loss, benchmark])
    averages = cosine_averages(series, count)
    error = stdtrit(count, 1 - tail) ** 2 * averages.T @ averages / count / n
    mean = series.mean(axis=0)
    # a s² - 2 b s + c <= 0
    (c, b), (_, a) = np.outer(mean, mean) - error
    value = float(1 - loss.mean() / base)
    if a <= 0:
        return Skill(value, np.nan, np.nan)
    half = np.sqrt(max(b**2 - a * c, 0.0)) / a
    return Skill(value, min(float(b / a - half), value), max(float(b / a + half), value))


def skill_by_step(forecasts: Forecasts, loss: Loss, benchmark: str) -> pd.DataFrame:
    """Skill of every model but the benchmark at every step: model, step (1 … h), skill, low, high."""
    records, pooled = [], is_pooled(forecasts)
    for step in range(1, forecasts.horizon + 1):
        losses = losses_by_date(forecasts, loss, step=step)
        for name in losses.columns.drop(benchmark):
            found = skill(losses[benchmark].to_numpy(), losses[name].to_numpy(), step, pooled=pooled)
            records.append((name, step, found.value, found.low, found.high))
    return pd.DataFrame(records, columns=["model", "step", "skill", "low", "high"])


def _pairs(
    forecasts: Forecasts,
    loss: Loss,
    losses: pd.DataFrame,
    networks: Sequence[str],
    baselines: Sequence[str],
    benchmark: str | None,
) -> tuple[Pair, ...]:
    wanted = [(network, baseline) for network in networks for baseline in baselines]
    if benchmark is not None:
        wanted += [(baseline, benchmark) for baseline in baselines if baseline != benchmark]
    pooled, tables = is_pooled(forecasts), {"all": losses}
    if pooled and not loss.point:  # of points there may be ten thousand symbols
        names = [forecasts.symbols[place] for place in np.unique(forecasts.symbol)]
        tables |= {name: losses_by_date(forecasts, loss, symbol=name) for name in names}
    return tuple(
        Pair(
            model,
            rival,
            symbol,
            *judge(
                table[rival].to_numpy(),
                table[model].to_numpy(),
                forecasts.horizon,
                pooled=pooled and symbol == "all",
            ),
        )
        for model, rival in wanted
        for symbol, table in tables.items()
    )


def _columns(skill: Skill, test: DieboldMariano) -> dict[str, Any]:
    return {
        "skill": skill.value, "low": skill.low, "high": skill.high,
        "dm": test.statistic, "dm_p": test.p, "dm_cosines": test.cosines, "reason": test.reason,
    }  # fmt: skip


def _no_test(n: int, horizon: int, reason: str, pooled: bool) -> DieboldMariano:
    return DieboldMariano(np.nan, np.nan, np.nan, np.nan, n, cosines(n, horizon, pooled=pooled), reason)


def _detectable(
    forecasts: Forecasts,
    loss: Loss,
    losses: pd.DataFrame,
    benchmark: str,
    tried: Sequence[str],
    *,
    seed: int,
) -> float:
    """The smallest skill that these tests would have found in one of the models tried."""
    if not tried or too_few(len(losses), forecasts.horizon):
        return float("nan")
    how: dict[str, Any] = {"horizon": forecasts.horizon, "pooled": is_pooled(forecasts), "seed": seed}
    return loss.detectable(forecasts, losses, benchmark, needed(losses, benchmark, tried, **how))


def _direction(forecasts: Forecasts, model: str) -> PesaranTimmermann:
    """Step 1 only: later steps overlap."""
    return pesaran_timmermann(
        forecasts.actual[:, 0] - forecasts.anchor,
        forecasts.forecast[model][:, 0] - forecasts.anchor,
        forecasts.origin if is_pooled(forecasts) else None,
    )
