"""The charts of a result that users ask for by name, of all of it or of a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import altair as alt
import numpy as np
import pandas as pd

from gatecast.errors import RunError, SettingError, did_you_mean
from gatecast.language import say
from gatecast.problem.moves import LOG_RETURN, Move
from gatecast.report import charts, distribution_charts, distribution_frames, frames, pictures
from gatecast.report.choices import known_date, known_models, known_symbol
from gatecast.report.display import Plot
from gatecast.report.distribution_pictures import fan_picture
from gatecast.report.frames import Label
from gatecast.report.marks import Drawn, styled
from gatecast.settings.frequency import DAILY, spanned

if TYPE_CHECKING:
    from gatecast.run import Run

DRAWN = 6  # symbols of a forecast in one picture

Kind = Literal["forecast", "changes", "skill", "loss", "intervals"]


def plot(
    run: Run,
    kind: Kind,
    *,
    models: str | Sequence[str] | None,
    symbol: str | None,
    start: str | None,
    end: str | None,
) -> Plot:
    """A chart of a run; see `gatecast.api.result.Result.plot`."""
    if kind not in get_args(Kind):
        known = get_args(Kind)
        if not isinstance(kind, str) or kind in run.outcome.forecast:
            raise SettingError(
                say(
                    "the first argument is the kind ({known}): give models as models=…",
                    known=", ".join(known),
                )
            )
        raise SettingError(
            say(
                'kind = "{kind}": choose {known}.{did_you_mean}',
                kind=kind,
                known=", ".join(known),
                did_you_mean=did_you_mean(kind, known),
            )
        )
    chosen = None if models is None else known_models(run, models)
    whole = (symbol, start, end) == (None, None, None)
    if kind == "loss":
        if not whole:
            raise SettingError(say('kind "loss" shows whole trainings: symbol, start and end do not apply'))
        return _loss(run, chosen)
    if kind == "forecast":
        chart = charts.forecast_chart(run, models=chosen, symbol=symbol, start=start, end=end)
        best = whole and chosen is None
        return Plot(chart, pictures.forecast_picture(run, pictures.labels_of(run)) if best else None)
    part = run if whole else _part(run, symbol, start, end)
    if kind == "intervals":
        return _intervals(part, chosen, symbol)
    if chosen is not None:
        dropped = [name for name in run.outcome.forecast if name not in (*chosen, "naive")]
        part = replace(part, outcome=part.outcome.without(dropped))
    if not part.significance.models:
        raise SettingError(say('kind "{kind}" needs a model beside naive', kind=kind))
    if kind == "changes":
        return Plot(charts.changes_chart(part))
    return Plot(charts.skill_chart(part.significance, noun=run.noun))


def _part(run: Run, symbol: str | None, start: str | None, end: str | None) -> Run:
    """The run with those of its forecasts alone that are of `symbol` and of days from `start` to `end`."""
    outcome = run.outcome
    rows = np.ones(len(outcome.origin), bool)
    if symbol is not None:
        rows &= outcome.symbol == outcome.symbols.index(known_symbol(run, symbol))
    if (first := known_date("start", start)) is not None:
        rows &= outcome.time[:, 0] >= first.to_datetime64()
    if (last := known_date("end", end)) is not None:
        rows &= outcome.time[:, -1] <= last.to_datetime64()
    if not rows.any():
        raise SettingError(
            say("no forecast in that part: the test is {time}", time=spanned(outcome.time, outcome.frequency))
        )
    return replace(run, outcome=outcome.of_origins(rows))


def _intervals(run: Run, models: list[str] | None, symbol: str | None) -> Plot:
    """The fan of each model, one below the other."""
    known = run.outcome.distributions
    models = models or distribution_frames.shown_models(run)[:1]
    points = [name for name in models if name not in known]
    if points or not models:
        raise SettingError(
            say(
                "{points}: a point forecast has no intervals; compare networks of output "
                '"student_t" or "quantiles", or add a calibration',
                points=", ".join(points) or say("every model here"),
            )
        )
    symbol = symbol or frames.shown_symbols(run)[0]
    fans = [distribution_charts.fan_chart(run, name, symbol) for name in models]
    if len(fans) == 1:
        picture = fan_picture(run, models[0], pictures.labels_of(run))
        return Plot(fans[0], picture if symbol == frames.shown_symbols(run)[0] else None)
    return Plot(_stacked(fans, models))


def _loss(run: Run, models: list[str] | None) -> Plot:
    trained = list(dict.fromkeys(run.training["model"])) if len(run.training) else []
    asked = trained if models is None else [name for name in models if name in trained]
    if not asked:
        raise SettingError(
            say("none of these models was trained by gradient descent: there is no loss to show")
        )
    training = run.training[run.training["model"].isin(asked)]
    return Plot(charts.loss_chart(replace(run, training=training)))


def outlook_plot(
    forecast: pd.DataFrame,
    closes: pd.DataFrame,
    *,
    column: str = "close",
    frequency: str = DAILY,
    move: Move = LOG_RETURN,
) -> Plot:
    """The last closes and the prediction intervals of the next sessions, for up to DRAWN symbols.

    forecast: see `gatecast.Forecaster.forecast`; closes: symbol, session, close; column: what the prices are;
    frequency: of the bars; move: what changes are measured by.

    Raises
        RunError: the forecast has no distribution.
    """
    if "q50" not in forecast:
        raise RunError(say("these are point forecasts: there is no interval to draw; add a calibration"))
    symbols = list(dict.fromkeys(forecast["symbol"]))[:DRAWN]

    def drawn(label: Label) -> Drawn:
        fans = [
            distribution_charts.outlook_chart(
                forecast[forecast["symbol"] == symbol],
                closes[closes["symbol"] == symbol],
                label,
                column=column,
                frequency=frequency,
                move=move,
            )
            for symbol in symbols
        ]
        return fans[0] if len(fans) == 1 else _stacked(fans)

    return Plot(drawn(str), drawn(pictures.labels(symbols)))


def _stacked(parts: Sequence[Drawn], titles: Sequence[str] = ()) -> Drawn:
    """Charts one below the other, with one configuration for all."""
    for chart, title in zip(parts, titles, strict=False):
        chart.title = title
    for chart in parts:
        chart.config = alt.Undefined
    return styled(alt.vconcat(*parts))
