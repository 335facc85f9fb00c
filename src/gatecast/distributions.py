"""Distributions of a move from the origin: a log return, or a difference (`gatecast.problem.moves`).

That of a log return is meant below wherever nothing else is said; a difference is treated alike.

A distribution stands for N origins and h steps at once. All its methods are exact but for `Mixture`, whose
quantiles and CRPS are solved numerically. The scores of Student's t are our own: those of scoringrules are
equal and as fast, but lose digits where df is large (4e-10 at 1e6), and have no skewed t.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeGuard, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatecast._typing import Floats

Kind = TypeVar("Kind")

LEVELS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.975, 0.99)
FINE_LEVELS = (np.arange(200) + 0.5) / 200  # of a distribution that is known by its quantiles alone
FARTHEST = 50.0  # log return: a forecast farther from the last price is put there


class Distribution(Protocol):
    """N origins x h steps; every method works on all of them."""

    @property
    def shape(self) -> tuple[int, int]:
        """(N, h)."""

    def quantile(self, levels: ArrayLike) -> Floats:
        """Levels (L,), or (N, h, L) where every origin has its own, in (0, 1) → log returns (N, h, L)."""

    def cdf(self, y: Floats) -> Floats:
        """Probability of a log return up to y; (N, h) → (N, h). Of the actual return: the PIT."""

    def crps(self, y: Floats) -> Floats:
        """Continuous ranked probability score of y, in log return; (N, h) → (N, h). Small is good.

        The integral of (F(x) - 1{y <= x})² dx; Gneiting and Raftery (2007), eq. 20.
        """

    def log_score(self, y: Floats) -> Floats:
        """- log density of y; (N, h) → (N, h). Small is good; NaN where there is no density."""

    def take(self, origins: NDArray[np.int64] | slice) -> Distribution:
        """The same for some of the N origins."""


@dataclass(frozen=True)
class Point:
    """A point forecast, (N, h) in log return, as the distribution that is certain of it."""

    location: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """(N, h)."""
        rows, steps = self.location.shape
        return rows, steps

    def quantile(self, levels: ArrayLike) -> Floats:
        """Levels (L,) or (N, h, L) → the point itself, (N, h, L)."""
        count = np.asarray(levels).shape[-1]
        return np.repeat(self.location[..., None], count, axis=-1)

    def cdf(self, y: Floats) -> Floats:
        """P(return <= y), (N, h): 0 below the point, 1 from it on."""
        return np.where(np.isnan(self.location + y), np.nan, self.location <= y)

    def crps(self, y: Floats) -> Floats:
        """(N, h), in log return: the absolute error."""
        return np.abs(y - self.location)

    def log_score(self, y: Floats) -> Floats:
        """NaN: a point has no density."""
        return np.full(self.shape, np.nan)

    def take(self, origins: NDArray[np.int64] | slice) -> Point:
        """The same for some of the N origins."""
        return Point(self.location[origins])


@dataclass(frozen=True)
class StudentT:
    """Student's t: location, scale > 0 and degrees of freedom df > 1, each (N, h), in log return."""

    location: Floats
    scale: Floats
    df: Floats

    def __post_init__(self) -> None:
        _require_alike(location=self.location, scale=self.scale, df=self.df)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, h)."""
        rows, steps = self.location.shape
        return rows, steps

    def quantile(self, levels: ArrayLike) -> Floats:
        """Levels (L,) or (N, h, L) → log returns (N, h, L)."""
        from scipy.special import stdtrit

        z = stdtrit(self.df[..., None], np.asarray(levels, dtype=np.float64))
        return self.location[..., None] + self.scale[..., None] * z

    def cdf(self, y: Floats) -> Floats:
        """P(return <= y), (N, h)."""
        from scipy.special import stdtr

        return stdtr(self.df, self._z(y))

    def crps(self, y: Floats) -> Floats:
        """(N, h), in log return; Jordan, Krüger and Lerch (2019), Evaluating Probabilistic Forecasts with
        scoringRules, appendix A.
        """
        return self.mean_distance(y) - self.scale * _mean_apart(self.df) / 2

    def mean_distance(self, y: Floats) -> Floats:
        """E|X - y|, (N, h), in log return."""
        return self.scale * _mean_distance(self._z(y), self.df)

    def log_score(self, y: Floats) -> Floats:
        """- log density, (N, h)."""
        return _log_shape(self._z(y), self.df) + np.log(self.scale)

    def take(self, origins: NDArray[np.int64] | slice) -> StudentT:
        """The same for some of the N origins."""
        return StudentT(self.location[origins], self.scale[origins], self.df[origins])

    def _z(self, y: Floats) -> Floats:
        return (y - self.location) / self.scale


@dataclass(frozen=True)
class SkewedT:
    """Student's t with another scale on each side of its mode; parameters (N, h), in log return.

    Location (the mode), scale > 0, df > 1 and skew > 0: the scale is scale / skew below the location and
    scale · skew above it, the probability above it skew² / (1 + skew²). Skew 1 is `StudentT`. Fernández and
    Steel (1998), On Bayesian Modeling of Fat Tails and Skewness, eq. 1.
    """

    location: Floats
    scale: Floats
    df: Floats
    skew: Floats

    def __post_init__(self) -> None:
        _require_alike(location=self.location, scale=self.scale, df=self.df, skew=self.skew)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, h)."""
        rows, steps = self.location.shape
        return rows, steps

    def quantile(self, levels: ArrayLike) -> Floats:
        """Levels (L,) or (N, h, L) → log returns (N, h, L)."""
        from scipy.special import stdtrit

        p, skew, df = np.asarray(levels, dtype=np.float64), self.skew[..., None], self.df[..., None]
        both = 1 + skew**2
        below = stdtrit(df, np.minimum(p * both / 2, 0.5)) / skew
        above = -stdtrit(df, np.minimum((1 - p) * both / (2 * skew**2), 0.5)) * skew
        return self.location[..., None] + self.scale[..., None] * (below + above)

    def cdf(self, y: Floats) -> Floats:
        """P(return <= y), (N, h)."""
        from scipy.special import stdtr

        z, both = self._z(y), 1 + self.skew**2
        below = 2 / both * stdtr(self.df, np.minimum(z, 0) * self.skew)
        above = self.skew**2 / both * (1 - 2 * stdtr(self.df, -np.maximum(z, 0) / self.skew))
        return below + above

    def crps(self, y: Floats) -> Floats:
        """(N, h), in log return: E|X - y| - E|X - X'| / 2 (Gneiting and Raftery 2007, eq. 21).

        Both sides are halves of a standard t, T: E||T| - |T'|| = 2 E|T - T'| - 2 E|T|, for T and T' have
        equal signs half of the time, and else |T - T'| = |T| + |T'|.
        """
        z = self._z(y)
        left, right = 1 / self.skew, self.skew
        below, above = 1 / (1 + self.skew**2), self.skew**2 / (1 + self.skew**2)
        size = _mean_size(self.df)
        to_left = np.where(
            z < 0, left * self._from_half(-z / left, size), left * size + z
        )  # E|X - y| of an X below the location
        to_right = np.where(z < 0, right * size - z, right * self._from_half(z / right, size))
        apart = (below**2 * left + above**2 * right) * (
            2 * _mean_apart(self.df) - 2 * size
        ) + 2 * below * above * (left + right) * size
        return self.scale * (below * to_left + above * to_right - apart / 2)

    def log_score(self, y: Floats) -> Floats:
        """- log density, (N, h)."""
        z = self._z(y)
        both = np.log((self.skew + 1 / self.skew) / 2)
        return _log_shape(np.where(z < 0, z * self.skew, z / self.skew), self.df) + both + np.log(self.scale)

    def take(self, origins: NDArray[np.int64] | slice) -> SkewedT:
        """The same for some of the N origins."""
        return SkewedT(self.location[origins], self.scale[origins], self.df[origins], self.skew[origins])

    def _z(self, y: Floats) -> Floats:
        return (y - self.location) / self.scale

    def _from_half(self, c: Floats, size: Floats) -> Floats:
        """E||T| - c|, T a standard t, for c >= 0: E|T - c| is the mean of it and of E|T| + c."""
        c = np.maximum(c, 0)
        return 2 * _mean_distance(c, self.df) - size - c


@dataclass(frozen=True)
class Mixture:
    """Equal parts of several Student t's; quantiles and CRPS are solved numerically."""

    parts: tuple[StudentT, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(N, h)."""
        return self.parts[0].shape

    def quantile(self, levels: ArrayLike) -> Floats:
        """Levels (L,) or (N, h, L) → log returns (N, h, L), by bisection between the parts' quantiles."""
        of_parts = np.stack([part.quantile(levels) for part in self.parts])
        low, high = of_parts.min(axis=0), of_parts.max(axis=0)
        levels = np.broadcast_to(np.asarray(levels, dtype=np.float64), low.shape)
        for _ in range(50):
            middle = 0.5 * (low + high)
            below = self._cdf(middle) < levels
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return 0.5 * (low + high)

    def cdf(self, y: Floats) -> Floats:
        """P(return <= y), (N, h)."""
        return np.mean([part.cdf(y) for part in self.parts], axis=0)

    def crps(self, y: Floats) -> Floats:
        """(N, h), in log return: E|X - y| - E|X - X'| / 2 (Gneiting and Raftery 2007, eq. 21).

        The first is exact; the second is the integral of F (1 - F), by the trapezoidal rule on x = centre +
        width sinh(t), which converges faster than any power of its step (Trefethen and Weideman 2014): to
        five digits where no part is five times narrower than the parts together.
        """
        step, t = 0.2, 0.2 * np.arange(-64, 65)
        centre = np.mean([part.location for part in self.parts], axis=0)
        width = np.mean([part.scale + np.abs(part.location - centre) for part in self.parts], axis=0)
        below = self._cdf(centre[..., None] + width[..., None] * np.sinh(t))
        apart = width * np.sum(below * (1 - below) * np.cosh(t), axis=-1) * step
        return np.mean([part.mean_distance(y) for part in self.parts], axis=0) - apart

    def log_score(self, y: Floats) -> Floats:
        """- log of the mean density, (N, h)."""
        scores = np.stack([part.log_score(y) for part in self.parts])
        return -(np.logaddexp.reduce(-scores, axis=0) - np.log(len(self.parts)))

    def take(self, origins: NDArray[np.int64] | slice) -> Mixture:
        """The same for some of the N origins."""
        return Mixture(tuple(part.take(origins) for part in self.parts))

    def _cdf(self, x: Floats) -> Floats:
        """(N, h, L) → (N, h, L)."""
        from scipy.special import stdtr

        total = np.zeros_like(x)
        for part in self.parts:
            z = (x - part.location[..., None]) / part.scale[..., None]
            total += stdtr(part.df[..., None], z)
        return total / len(self.parts)


@dataclass(frozen=True)
class Quantiles:
    """Known by its quantiles: `values` (N, h, Q) in log return at `levels` (Q,), both rising.

    Between two levels the quantile function is a straight line; beyond the outermost it is an exponential
    tail through the last two, as Park et al. (2022, Learning Quantile Functions without Quantile Crossing)
    close theirs: Q(p) = q1 + b log(p / p1) below the first level, with Q(p2) = q2.
    """

    levels: Floats
    values: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """(N, h)."""
        rows, steps, _ = self.values.shape
        return rows, steps

    def quantile(self, levels: ArrayLike) -> Floats:
        """Levels (L,) or (N, h, L) → log returns (N, h, L)."""
        wanted = np.asarray(levels, dtype=np.float64)
        wanted = np.broadcast_to(wanted, (*self.shape, wanted.shape[-1]))
        place = np.clip(np.searchsorted(self.levels, wanted) - 1, 0, len(self.levels) - 2)
        lower, upper = (np.take_along_axis(self.values, place + one, axis=-1) for one in (0, 1))
        share = (wanted - self.levels[place]) / (self.levels[place + 1] - self.levels[place])
        inside = lower + np.clip(share, 0, 1) * (upper - lower)
        left, right = self._tails()
        below = np.minimum(np.log(wanted / self.levels[0]), 0)
        above = np.minimum(np.log((1 - wanted) / (1 - self.levels[-1])), 0)
        return inside + left * below - right * above

    def cdf(self, y: Floats) -> Floats:
        """P(return <= y), (N, h); where several levels have the same quantile, the middle of them."""
        levels, values, at = self.levels, self.values, y[..., None]
        first, last = np.sum(values < at, axis=-1), np.sum(values <= at, axis=-1)
        place = np.clip(first - 1, 0, len(levels) - 2)
        lower, upper = (np.take_along_axis(values, (place + one)[..., None], -1)[..., 0] for one in (0, 1))
        share = np.clip((y - lower) / np.where(upper > lower, upper - lower, 1), 0, 1)
        inside = levels[place] + share * (levels[place + 1] - levels[place])
        tied = (levels[np.minimum(first, len(levels) - 1)] + levels[np.maximum(last - 1, 0)]) / 2
        inside = np.where(last > first, tied, inside)
        left, right = (np.maximum(tail[..., 0], 1e-300) for tail in self._tails())
        below = levels[0] * np.exp(np.minimum((y - values[..., 0]) / left, 0))
        above = (1 - levels[-1]) * np.exp(np.minimum((values[..., -1] - y) / right, 0))
        return np.where(
            first == 0, np.where(last == 0, below, inside), np.where(first == len(levels), 1 - above, inside)
        )

    def crps(self, y: Floats) -> Floats:
        """(N, h), in log return: twice the integral of the pinball loss over all levels.

        On a straight piece and in a tail the integral is known; the piece that holds y is cut there.
        """
        p, q, at = self.levels, self.values, y[..., None]
        level = self.cdf(y)
        # pieces between levels: the pinball loss of a line, integrated on both sides of the cut
        cut = np.clip(level[..., None], p[:-1], p[1:])
        slope = np.diff(q, axis=-1) / np.diff(p)
        middle = q[..., :-1] + slope * (cut - p[:-1])
        total = np.sum(
            _pinball_integral(p[:-1], cut, q[..., :-1], middle, at)
            + _pinball_integral(cut, p[1:], middle, q[..., 1:], at),
            axis=-1,
        )
        left, right = (tail[..., 0] for tail in self._tails())
        total += _tail_integral(p[0], np.minimum(level, p[0]), q[..., 0] - y, left)
        total += _tail_integral(1 - p[-1], np.minimum(1 - level, 1 - p[-1]), y - q[..., -1], right)
        return 2 * total

    def log_score(self, y: Floats) -> Floats:
        """NaN: quantiles alone give no density."""
        return np.full(self.shape, np.nan)

    def take(self, origins: NDArray[np.int64] | slice) -> Quantiles:
        """The same for some of the N origins."""
        return Quantiles(self.levels, self.values[origins])

    def _tails(self) -> tuple[Floats, Floats]:
        """The lengths b >= 0 of both tails, (N, h, 1)."""
        p, q = self.levels, self.values
        left = (q[..., 1] - q[..., 0]) / np.log(p[1] / p[0])
        right = (q[..., -1] - q[..., -2]) / np.log((1 - p[-2]) / (1 - p[-1]))
        return left[..., None], right[..., None]


def bounded(moves: Floats, farthest: float | Floats = FARTHEST) -> Floats:
    """Moves within ±farthest, so that a network that diverged forecasts prices that are finite."""
    return np.clip(moves, np.negative(farthest), farthest)


def concatenated(parts: Sequence[Distribution]) -> Distribution:
    """Distributions of one kind, their origins one after the other.

    Raises
        TypeError: they are of different kinds.
    """
    if _all(parts, Point):
        return Point(np.concatenate([part.location for part in parts]))
    if _all(parts, StudentT):
        return _joined(parts)
    if _all(parts, SkewedT):
        columns_of = ("location", "scale", "df", "skew")
        return SkewedT(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns_of))
    if _all(parts, Quantiles):
        return Quantiles(parts[0].levels, np.concatenate([part.values for part in parts]))
    if _all(parts, Mixture):
        columns = zip(*(part.parts for part in parts), strict=True)
        return Mixture(tuple(_joined(column) for column in columns))
    raise TypeError(f"not of one kind: {', '.join(sorted({type(part).__name__ for part in parts}))}")


def _require_alike(**parameters: Floats) -> None:
    if len({values.shape for values in parameters.values()}) > 1:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in parameters.items())
        raise ValueError(f"{shapes} must be alike")


def _log_shape(z: Floats, df: Floats) -> Floats:
    """- log density of the standard t."""
    from scipy.special import betaln

    return 0.5 * np.log(df) + betaln(0.5, df / 2) + (df + 1) / 2 * np.log1p(z**2 / df)


def _mean_distance(z: Floats, df: Floats) -> Floats:
    """E|T - z|, T a standard t."""
    from scipy.special import stdtr

    tail = 2 * np.exp(-_log_shape(z, df)) * (df + z**2) / (df - 1)
    return z * (2 * stdtr(df, z) - 1) + tail


def _mean_size(df: Floats) -> Floats:
    """E|T|, T a standard t."""
    return _mean_distance(np.zeros_like(df), df)


def _mean_apart(df: Floats) -> Floats:
    """E|T - T'| of two independent standard t's."""
    from scipy.special import betaln

    return 4 * np.sqrt(df) / (df - 1) * np.exp(betaln(0.5, df - 0.5) - 2 * betaln(0.5, df / 2))


def _all(parts: Sequence[Distribution], kind: type[Kind]) -> TypeGuard[Sequence[Kind]]:
    return all(isinstance(part, kind) for part in parts)


def _joined(parts: Sequence[StudentT]) -> StudentT:
    return StudentT(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("location", "scale", "df"))
    )


def _pinball_integral(start: Floats, end: Floats, low: Floats, high: Floats, y: Floats) -> Floats:
    """The pinball loss of a quantile function that is a line from (start, low) to (end, high), y not inside.

    With y above the line the loss at p is p (y - Q(p)), below it (1 - p) (Q(p) - y); Simpson's rule is exact
    for the product of two lines.
    """
    middle, value = (start + end) / 2, (low + high) / 2

    def loss(p: Floats, q: Floats) -> Floats:
        return np.where(value <= y, p * (y - q), (1 - p) * (q - y))

    return (end - start) / 6 * (loss(start, low) + 4 * loss(middle, value) + loss(end, high))


def _tail_integral(p: float, cut: Floats, out: Floats, length: Floats) -> Floats:
    """The pinball loss over the levels (0, p] of a tail Q(u) = q + length log(u / p), `out` = q - y.

    cut: the level at which Q is y (p where y lies inside). Above the cut Q > y and the loss is
    (1 - u) (Q(u) - y), below it u (y - Q(u)); ∫ log(u/p) du = u log(u/p) - u, ∫ u log(u/p) du =
    u² (log(u/p) / 2 - 1/4).
    """
    share = np.log(np.maximum(cut, 1e-300) / p)
    first = cut * share - cut  # ∫₀^cut log(u / p) du
    second = cut**2 * (share / 2 - 0.25)
    below = -out * cut**2 / 2 - length * second
    above = out * ((p - cut) - (p**2 - cut**2) / 2) + length * ((-p - first) - (-(p**2) / 4 - second))
    return below + above
