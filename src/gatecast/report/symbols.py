"""A comparison of many symbols: the distribution of skill over them, and what the page holds of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import altair as alt
import numpy as np
import pandas as pd

from gatecast.evaluation.metrics import metrics_of
from gatecast.formatting import change, signed, typeset
from gatecast.language import plural, say
from gatecast.report import distribution_frames, frames
from gatecast.report.frames import Label
from gatecast.report.marks import BLUE, GREY, INK, Drawn, inline, layered, styled
from gatecast.report.packing import Packed, packed

if TYPE_CHECKING:
    from gatecast.run import Run

WIDTH = 680
MOST_BARS = 40
MOST_NUMBERS = 900_000  # of all symbols on a page: 2.4 MB
STRIP = 150  # earlier sessions of a symbol, evenly chosen
LEAST_SESSIONS = 60  # of a symbol; where there is no room for them, fewer symbols


@dataclass(frozen=True)
class SkillBySymbol:
    """Skill by symbol of one model in one loss.

    skill: symbol → per cent, NaN where there is none
    """

    name: str
    loss: str
    model: str
    benchmark: str
    skill: pd.Series[float]

    @property
    def column(self) -> str:
        """Its column in `table`."""
        return self.name.replace("symbols", "skill")

    @property
    def better(self) -> int:
        """Symbols with a smaller loss than the benchmark."""
        return int((self.skill > 0).sum())

    @property
    def known(self) -> int:
        """Symbols that have a skill."""
        return int(self.skill.notna().sum())

    @property
    def finding(self) -> str:
        """'lstm: smaller squared error than naive on 187 of 498 symbols'."""
        return say(
            "{model}: smaller {loss} than {benchmark} on {better:,} of {symbols}",
            model=self.model,
            loss=say(self.loss),
            benchmark=self.benchmark,
            better=self.better,
            symbols=plural("{n:,} symbol", "{n:,} symbols", self.known),
        )


@dataclass(frozen=True)
class Held:
    """What the page holds of single symbols: their names, best skill first, and how many test sessions."""

    symbols: list[str]
    sessions: int


def skills_by_symbol(result: Run) -> list[SkillBySymbol]:
    """Skill by symbol of the best network: of the squared error, and of the CRPS where there is one."""
    found = []
    if result.significance.models:
        model = frames.leading_model(result)
        skill = 100 * frames.skill_of_symbols(result, model)
        found.append(SkillBySymbol("symbols", "squared error", model, result.outcome.benchmark, skill))
    for model in distribution_frames.shown_models(result)[:1]:
        tests = result.significances["crps"]
        known = {
            pair.symbol: 100 * pair.skill.value
            for pair in tests.pairs
            if (pair.model, pair.benchmark) == (model, tests.benchmark) and pair.symbol != "all"
        }
        skill = pd.Series(known, dtype=float).reindex(frames.tested_symbols(result))
        found.append(SkillBySymbol("symbols_crps", "CRPS", model, str(tests.benchmark), skill))
    return [by_symbol for by_symbol in found if by_symbol.known]


def table(result: Run) -> pd.DataFrame:
    """One row per tested symbol, highest skill first.

    symbol, sessions (of the test), skill and skill_crps (per cent, where there are any), rmse and naive_rmse
    (of the return, per cent; of the difference, in price; naive's, or that of the benchmark in its place),
    direction (per cent right), of the model shown
    """
    model, symbols = frames.leading_model(result), frames.tested_symbols(result)
    scores = result.scores[result.scores["step"] == "all"]

    def values(name: str, of: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        own = scores[(scores["model"] == of) & (scores["metric"] == name)]
        factor = metrics_of(result.outcome.move)[name].factor
        return factor * own.set_index("symbol")["value"].reindex(symbols).to_numpy(np.float64)

    sessions = np.bincount(result.outcome.symbol, minlength=len(result.outcome.symbols))
    skills = {by_symbol.column: by_symbol.skill for by_symbol in skills_by_symbol(result)}
    made = pd.DataFrame(
        {
            "symbol": symbols,
            "sessions": sessions[sessions > 0],
            **{name: skill.to_numpy() for name, skill in skills.items()},
            "rmse": values("rmse_return", model),
            "naive_rmse": values("rmse_return", result.outcome.benchmark),
            "direction": values("directional_accuracy", model),
        }
    )
    by = next(iter(skills), None)
    return made if by is None else made.sort_values(by, ascending=False, kind="stable", ignore_index=True)


def held(result: Run) -> Held:
    """What there is room for. Of too many symbols a third are the best, a third the worst, and the others
    lie evenly between them."""
    names = list(table(result)["symbol"])
    each = _numbers_each(result)
    room = MOST_NUMBERS // (STRIP + LEAST_SESSIONS * each)
    if len(names) > room:
        ends, typical = room // 3, frames.typical_symbol(result)
        between = names[ends:-ends]
        chosen = np.linspace(0, len(between) - 1, room - 2 * ends).round().astype(int)
        wanted = {*names[:ends], *names[-ends:], *(between[i] for i in chosen), typical}
        names = [name for name in names if name in wanted]
    sessions = max((MOST_NUMBERS // len(names) - STRIP) // each, LEAST_SESSIONS)
    longest = int(np.bincount(result.outcome.symbol).max()) + result.outcome.horizon - 1
    return Held(names, min(sessions, longest))


def tables(result: Run, what: Held) -> dict[str, Packed]:
    """Name of a chart of single symbols → its table of every symbol held."""
    parts = prices_of(result, what)
    made = {"forecast": packed(parts)}
    for model in distribution_frames.shown_models(result)[:1]:
        fan = distribution_frames.recent_intervals(result, model, what.symbols).drop(columns="median")
        made["fan"] = packed(_last(fan, what.sessions))
        risk = distribution_frames.values_at_risk(result, model, what.symbols)
        made["var"] = packed(_last(risk, what.sessions))
    return made


def prices_of(result: Run, what: Held) -> pd.DataFrame:
    """`frames.prices_and_forecasts` of every symbol held: its last test sessions, and STRIP before."""
    model, everything = frames.leading_model(result), len(result.prices.table)
    whole = frames.prices_and_forecasts(result, model, what.symbols, most=everything)
    after = whole.groupby("symbol", sort=False).cumcount(ascending=False)
    before = whole.groupby("symbol", sort=False)["date"].transform("size") - what.sessions
    every = np.maximum(1, np.ceil(before / STRIP)).astype(int)
    recent = after < what.sessions
    kept = whole[recent | ((after - what.sessions) % every == 0) | (whole["fold"] > 0)]
    forecasts = [name for name in kept if str(name).startswith(("forecast_", "low_", "high_"))]
    return kept.assign(**{name: kept[name].where(recent) for name in forecasts})


def symbol_charts(result: Run) -> dict[str, Drawn]:
    """Name → histogram: symbols, and symbols_crps where there are distributions."""
    return {by_symbol.name: histogram(by_symbol) for by_symbol in skills_by_symbol(result)}


def histogram(by_symbol: SkillBySymbol, label: Label = str) -> alt.LayerChart:
    """Histogram of skill over symbols: blue where the model is better than the benchmark, else grey."""
    bars, middle = histogram_bars(by_symbol), float(by_symbol.skill.median())
    left, right = float(bars["left"].min()), float(bars["right"].max())
    title = say(
        "{loss} saved against {benchmark}, %", loss=say(by_symbol.loss), benchmark=label(by_symbol.benchmark)
    )
    scale = alt.Scale(domain=[left, right], nice=False)
    colours = alt.Scale(domain=[True, False], range=[BLUE, GREY])
    across = alt.X("left:Q", title=title, scale=scale, axis=alt.Axis(tickCount=10))
    tips = [
        alt.Tooltip("from:N", title=say("from")),
        alt.Tooltip("to:N", title=say("to")),
        alt.Tooltip("symbols:Q", title=say("symbols")),
    ]
    up = alt.Y("symbols:Q", title=say("number of symbols"), axis=alt.Axis(tickMinStep=1))
    place = alt.Chart(alt.InlineData(values=[{}]))
    above, worse = place.encode(y=alt.value(-10)), by_symbol.known - by_symbol.better
    return styled(
        layered(
            alt.Chart(inline(bars))
            .mark_bar(stroke="white", strokeWidth=0.6)
            .encode(
                across,
                alt.X2("right:Q"),
                up,
                alt.Y2(datum=0),
                color=alt.Color("better:N", scale=colours, legend=None),
                tooltip=tips,
            )
            .transform_calculate(better="datum.above == 1"),
            place.mark_rule(color=INK, strokeWidth=1.4).encode(x=alt.datum(0)),
            place.mark_rule(color=INK, strokeDash=[5, 4], strokeWidth=1.2).encode(x=alt.datum(middle)),
            above.mark_text(text=say("← {n:,} worse", n=worse), align="left", color="#666666").encode(
                x=alt.value(0)
            ),
            above.mark_text(text=say("{n:,} better →", n=by_symbol.better), align="right", color=BLUE).encode(
                x=alt.value("width")
            ),
            above.mark_text(
                text=say("median {change}", change=typeset(change(middle / 100))), color=INK
            ).encode(x=alt.datum(middle), y=alt.value(-26)),
        ).properties(width=WIDTH, height=220)
    )


def histogram_bars(by_symbol: SkillBySymbol) -> pd.DataFrame:
    """left, right, symbols, above (0), from, to: bars of equal width, none of which crosses 0.

    What lies far from the rest is in the first or the last bar.
    """
    skill = by_symbol.skill.dropna().to_numpy()
    low, high = np.quantile(skill, [0.01, 0.99]) if len(skill) > 50 else (skill.min(), skill.max())
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    wide = _round_width((high - low) / MOST_BARS)
    first, last = int(np.floor(low / wide)), max(int(np.ceil(high / wide)), 1)
    first = min(first, -1)
    edges = wide * np.arange(first, last + 1)
    place = np.clip(np.ceil(skill / wide).astype(int) - 1, first, last - 1)  # 0 itself is not better
    number = np.bincount(place - first, minlength=last - first)
    decimals = max(2, -int(np.floor(np.log10(wide))))
    ends = [f"{signed(edge, decimals)} %" for edge in edges]
    return pd.DataFrame(
        {
            "left": edges[:-1],
            "right": edges[1:],
            "symbols": number,
            "above": edges[:-1] > -wide / 2,
            "from": ["below", *ends[1:-1]] if skill.min() < edges[0] else ends[:-1],
            "to": [*ends[1:-1], "beyond"] if skill.max() > edges[-1] else ends[1:],
        }
    )


def _round_width(least: float) -> float:
    """The round number at or above this width of a bar: 1, 2 or 5 times a power of ten."""
    if least <= 0:
        return 0.01
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * (1 - 1e-9)))


def _numbers_each(result: Run) -> int:
    """Numbers of a symbol and session, in all charts."""
    model = frames.leading_model(result)
    seeds = len(result.outcome.seeds.get(model, ())) > 1
    steps = len(frames.shown_steps(result))
    intervals = 10 if distribution_frames.shown_models(result) else 0  # 7 of the fan, 3 of the VaR
    return 1 + steps * (3 if seeds else 1) + intervals


def _last(table: pd.DataFrame, sessions: int) -> pd.DataFrame:
    return table.groupby("symbol", sort=False).tail(sessions)
