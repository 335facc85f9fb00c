"""What can be said without another run: forecasts and the returned truth against the actual prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatecast._typing import Floats
from gatecast.auditing.answers import Answer
from gatecast.auditing.findings import Finding, Kind, Severity
from gatecast.auditing.table import Table
from gatecast.errors import InputError
from gatecast.evaluation.significance import diebold_mariano
from gatecast.formatting import percent
from gatecast.language import marked, plural, say

Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

REACH = 10  # sessions before and after the date at which a shifted truth is looked for
LATER = 5  # sessions after the date whose price a forecast may fit better
MOSTLY = 0.95  # the share of rows that makes a match
TOO_FAR = 0.1  # the share of forecasts outside any range of prices that is no accident
COPY = 0.8  # a forecast repeats the last price when that is so much of it (as in evaluation/lag.py)
FEW = 20  # forecasts: below it nothing is said about fit
ANOTHER_DAY = {
    "later": marked(
        "The returned y is the target {sessions} later than its date: {count}, the first for {first}. The "
        "forecast is judged against another day than it claims, and perhaps trained on it."
    ),
    "earlier": marked(
        "The returned y is the target {sessions} earlier than its date: {count}, the first for {first}. The "
        "forecast is judged against another day than it claims, and perhaps trained on it."
    ),
}
REPEATS = {
    "last": marked(
        "The forecasts lie {share} as far from the last known value as the target itself moves from there "
        "(root mean square): two lines that look alike in a picture ({count}, the first for {first})."
    ),
    "older": marked(
        "Of the values up to {reach} sessions before a date, its forecast is nearest to the one {nearest} "
        "sessions before (root mean square): two lines that look alike in a picture ({count}, the first for "
        "{first})."
    ),
}


@dataclass(frozen=True)
class Outcome:
    """The forecasts of one run beside the actual prices."""

    answer: Answer
    table: Table

    def findings(self) -> list[Finding]:
        """`shift`, `scale`, `repeats-yesterday`."""
        shift = self._shifted_truth() or self._fits_later()
        scale = self._scaled_truth() or self._far_off() or self._wrong_slope()
        notes = [] if shift or scale else [self._repeats()]
        return [finding for finding in (shift, scale, *notes) if finding is not None]

    def actual(self, later: int = 0) -> Floats:
        """(n,) the target on the date of each forecast, or some sessions later; NaN where there is none."""
        return self.table.at(self.answer.symbol, self.answer.date + later)

    @property
    def _unit(self) -> Floats:
        return self.table.unit[self.answer.symbol]

    @property
    def _returned(self) -> Floats:
        return self.answer.rows["y"].to_numpy(np.float64)

    def _shifted_truth(self) -> Finding | None:
        """The returned y is the target of another date."""
        y = self._returned
        if not np.isfinite(y).any() or self._is_target(y, 0) or self._affine(y, 0) is not None:
            return None
        nearest = sorted(range(-REACH, REACH + 1), key=abs)
        fits = [k for k in nearest if self._is_target(y, k)] or [k for k in nearest if self._affine(y, k)]
        if not fits:
            self._refuse_other_column(y)
            text = marked(
                "The returned y is not the target on its date, nor on any within 10 sessions: "
                "{count}, the first for {first}."
            )
            remedy = say("Return the target itself as y.")
            return self._finding("shift", self._differs(y), np.nan, text, remedy)
        later = fits[0]
        return self._finding(
            "shift", self._differs(y), float(later),
            ANOTHER_DAY["later" if later > 0 else "earlier"],
            say(
                "What fits: a target that was already shifted is shifted again when windows are cut. Check "
                "one window by hand: its last input, and the date of its y."
            ),
            sessions=plural("{n:,} session", "{n:,} sessions", abs(later)),
        )  # fmt: skip

    def _fits_later(self) -> Finding | None:
        """The forecasts fit a later date than they claim, by more than chance."""
        better = {}
        for later in range(1, LATER + 1):
            error, p = self._fit_against(later)
            if p < 0.01 / LATER:
                better[later] = error
        if not better:
            return None
        later = min(better, key=lambda k: better[k])
        known = np.isfinite(self._squared_errors(later))
        return self._finding(
            "shift", known, float(later),
            marked(
                "The forecasts fit the target {later} session(s) after their date better than on it "
                "(Diebold-Mariano, p < 0.01): {count}, the first for {first}."
            ),
            say("What fits: date is written some rows too early, or the target was shifted twice."),
            later=later,
        )  # fmt: skip

    def _fit_against(self, later: int) -> tuple[float, float]:
        """Mean squared error against a later target, and the p-value of its being no smaller."""
        horizon = int((self.answer.date - self.answer.origin).max())
        errors = self._squared_errors(later)
        difference = self._squared_errors(0) - errors
        known = np.isfinite(difference)
        dates, number = np.unique(self.answer.date[known], return_inverse=True)
        if len(dates) < max(FEW, 4 * (horizon + later)):
            return np.nan, 1.0
        by_date = np.bincount(number, weights=difference[known]) / np.bincount(number)
        test = diebold_mariano(by_date, horizon + later)
        return float(errors[known].mean()), 1.0 if np.isnan(test.p_better) else test.p_better

    def _scaled_truth(self) -> Finding | None:
        """The returned y follows the target, in other units."""
        y = self._returned
        if not np.isfinite(y).any() or self._is_target(y, 0):
            return None
        slope = self._affine(y, 0)
        if slope is None:
            return None
        return self._finding(
            "scale", self._differs(y), slope,
            marked(
                "The returned y is {slope:.3g} times the target, plus a constant: not in the target's unit. "
                "{count}, the first for {first}."
            ),
            say("What fits: scaled values that were not turned back, or were by another scaler."),
            slope=slope,
        )  # fmt: skip

    def _far_off(self) -> Finding | None:
        """Forecasts that no price known at their origin comes near."""
        lowest, highest = self._known_range()
        if self.table.has_prices and (lowest > 0).all():
            low, high = lowest / 3, 3 * highest
        else:
            low, high = lowest - 2 * (highest - lowest), highest + 2 * (highest - lowest)
        forecast = self.answer.forecast
        far = (forecast < low) | (forecast > high)
        if far.mean() < TOO_FAR:
            return None
        ratio = float(np.median(forecast[far] / self.table.at(self.answer.symbol, self.answer.origin)[far]))
        return self._finding(
            "scale", far, ratio,
            marked(
                "{count} lie outside a third of the lowest and three times the highest target known at their "
                "origin, the first for {first}; typical is {ratio:.2g} times the last known value."
            ),
            say(
                "What fits: scaled values or returns that were not turned back into prices, or turned back "
                "with the scaler of another column."
            ),
            ratio=ratio,
        )  # fmt: skip

    def _wrong_slope(self) -> Finding | None:
        """Changes of the forecast follow the last known change, too far or not far enough."""
        rows = self.answer.rows.assign(unit=self._unit, step=self.answer.date - self.answer.origin)
        rows["known"] = self.table.at(self.answer.symbol, self.answer.origin)
        rows["actual"] = self.actual()
        rows = rows[rows["step"] == rows["step"].min()]
        change = rows.groupby("symbol")[["forecast", "known", "origin"]].diff()
        next_to = (change["origin"] == 1).to_numpy() & np.isfinite(change).all(axis=1).to_numpy()
        if next_to.sum() < FEW or not self.table.has_prices:
            return None
        unit = rows["unit"].to_numpy()[next_to]
        x, y = change["known"].to_numpy()[next_to] / unit, change["forecast"].to_numpy()[next_to] / unit
        slope, fit = _regression(x, y)
        usual = _slope_of_levels(rows["known"].to_numpy(), rows["actual"].to_numpy())
        if not fit > 0.9 or 0.5 * min(1, usual) <= slope <= 2 * max(1, usual):
            return None
        moved = np.isin(self.answer.rows.index, rows.index)
        return self._finding(
            "scale", moved, slope,
            marked(
                "When the last known value changes by 1, the forecast changes by {slope:.2g} (R2 {fit:.2f}): "
                "{count}, the first for {first}."
            ),
            say(
                "What fits: forecasts were turned back by another scaler than the one that scaled the target."
            ),
            slope=slope,
            fit=fit,
        )  # fmt: skip

    def _repeats(self) -> Finding | None:
        """The forecast is the last known price, or an older one; a note."""
        horizon = int((self.answer.date - self.answer.origin).max())
        far = (self.answer.date - self.answer.origin) == horizon
        unit, forecast = self._unit[far], self.answer.forecast[far]
        past = [self.actual(-k)[far] for k in range(horizon + REACH + 1)]
        known = np.isfinite(past).all(axis=0)
        if known.sum() < FEW:
            return None
        distance = [_rms(((forecast - one) / unit)[known]) for one in past]
        nearest = int(np.argmin(distance))
        still = _rms(((past[0] - past[horizon]) / unit)[known])
        copied = 1 - distance[horizon] / still if still > 0 else 0.0
        alike = distance[nearest] < still and (nearest > horizon or copied >= COPY)
        if not alike or not horizon <= nearest < horizon + REACH:
            return None
        rows = far.copy()
        rows[far] = known
        return self._finding(
            "repeats-yesterday", rows, float(copied),
            REPEATS["last" if nearest == horizon else "older"],
            say('Compare it with "tomorrow = today" before believing it: gatecast compare does.'),
            severity="note",
            share=percent(1 - copied, 0),
            reach=horizon + REACH,
            nearest=nearest,
        )  # fmt: skip

    def _is_target(self, y: Floats, later: int) -> bool:
        actual = self.actual(later)
        both = np.isfinite(y) & np.isfinite(actual)
        near = np.abs(y - actual) <= np.maximum(1e-2 * self._unit, 1e-6 * np.abs(actual))
        return bool(both.sum() >= MOSTLY * np.isfinite(y).sum() and near[both].mean() >= MOSTLY)

    def _affine(self, y: Floats, later: int) -> float | None:
        """The slope, where y is the target times a positive number plus a constant."""
        actual = self.actual(later)
        both = np.isfinite(y) & np.isfinite(actual)
        if both.sum() < 3:
            return None
        slope, fit = _regression(actual[both], y[both])
        return slope if fit > 1 - 1e-6 and slope > 0 else None

    def _refuse_other_column(self, y: Floats) -> None:
        """InputError where y is another column: then the audit was asked about the wrong target."""
        for name in self.table.values:
            other = Outcome(self.answer, self.table.aimed_at(name))
            if other._is_target(y, 0):
                column, target = self.table.written(name), self.table.written(self.table.target)
                raise InputError(
                    f'the returned y is the column "{column}", and the audit is about "{target}". '
                    f'Say column="{column}" (--column "{column}")'
                )

    def _differs(self, y: Floats) -> Mask:
        return np.isfinite(y) & ~(np.abs(y - self.actual()) <= 1e-2 * self._unit)

    def _squared_errors(self, later: int) -> Floats:
        """Without their mean: in a rising market a forecast that is too high is not one of a later day."""
        error = (self.answer.forecast - self.actual(later)) / self._unit
        known = np.isfinite(error)
        return (error - error[known].mean()) ** 2 if known.any() else error

    def _known_range(self) -> tuple[Floats, Floats]:
        """(n,), (n,) lowest and highest target of its symbol up to each forecast's origin."""
        truth = self.table.truth
        where = (self.answer.symbol, self.answer.origin)
        return np.fmin.accumulate(truth, axis=1)[where], np.fmax.accumulate(truth, axis=1)[where]

    def _finding(
        self,
        kind: Kind,
        rows: Mask,
        size: float,
        message: str,
        remedy: str,
        *,
        severity: Severity = "fault",
        **places: object,
    ) -> Finding:
        """The message has the places {count} and {first} besides."""
        first = self.table.label(int(self.answer.date[rows].min()))
        count = plural("{n:,} forecast", "{n:,} forecasts", int(rows.sum()))
        text = say(message, count=count, first=first, **places)
        return Finding(kind, severity, first, int(rows.sum()), size, text, remedy)


def _regression(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope and R2 of y on x; NaN where one of them never varies."""
    x, y = x - x.mean(), y - y.mean()
    varies = x @ x > 0 and y @ y > 0
    return (float(x @ y / (x @ x)), float((x @ y) ** 2 / (x @ x) / (y @ y))) if varies else (np.nan, np.nan)


def _slope_of_levels(known: Floats, actual: Floats) -> float:
    """What least squares would make of the last known value; below 1 where the target returns to a mean."""
    both = np.isfinite(known) & np.isfinite(actual)
    slope, _ = _regression(known[both], actual[both])
    return max(slope, 0.0) if np.isfinite(slope) else 1.0


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
