"""The next sessions, and the record of the model that forecasts them."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gatecast.api.comparison import run as run_comparison
from gatecast.api.forecaster import Forecaster
from gatecast.api.models import AS_DIFFERENCES, UNUSED, bare_problem, future_fold_of, with_target
from gatecast.api.result import Result
from gatecast.data.prices import Prices
from gatecast.distributions import LEVELS
from gatecast.errors import DataWarning, RunError, SettingError, did_you_mean
from gatecast.files import WRITTEN, new_file
from gatecast.folders import check_not_a_part
from gatecast.forecasts import QUANTILE_COLUMNS
from gatecast.formatting import (
    change_of,
    csv_safe,
    interval,
    percent,
    plain,
    plus_minus,
    price,
    some,
    text_table,
)
from gatecast.language import marked, pattern, plural, say
from gatecast.models.baselines.volatility import historical
from gatecast.nn.engine import warn_of_another
from gatecast.problem.folds import MIN_TRAINING_ORIGINS
from gatecast.problem.moves import LOG_RETURN, Move
from gatecast.settings.experiment import Experiment
from gatecast.settings.frequency import INDEX, at_close, is_intraday, plain_time, spanned, stamp

if TYPE_CHECKING:
    from gatecast.ledger.entry import Entry
    from gatecast.report.display import Plot

COVERAGES = (0.5, 0.8, 0.95)
BOUNDS = (("q25", "q75"), ("q10", "q90"), ("q02_5", "q97_5"))
ENDINGS = (".csv", ".parquet", ".png")


@dataclass(frozen=True)
class Outlook:
    """The forecast of the next sessions, and what such forecasts were worth so far.

    forecast: see `Forecaster.forecast`; naive: the naive quantiles (historical) of the same sessions,
    naive_q01 … naive_q99 in price, row by row, NaN for a symbol that had too few training windows; record:
    the walk-forward comparison of the same model; prices: what was read, up to the origins. left_out: symbol
    → why there is no forecast of it; scaled_by_pool: see `Forecaster`.
    """

    model: str
    prices: Prices
    forecast: pd.DataFrame
    naive: pd.DataFrame
    record: Result
    left_out: dict[str, str] = field(default_factory=dict)
    scaled_by_pool: tuple[str, ...] = ()

    @property
    def has_distribution(self) -> bool:
        """Whether the model forecasts a distribution."""
        return "q50" in self.forecast

    @property
    def move(self) -> Move:
        """What the forecast is measured by: log returns, or differences."""
        return self.record.outcome.move

    @property
    def errors(self) -> pd.DataFrame:
        """Per symbol and step: the model's and naive's typical (root mean square) error in the record.

        symbol, step, rmse_return and naive_rmse_return: fractions of the last price; of differences in price.
        """
        scores = self.record.scores
        scores = scores[scores["metric"] == "rmse_return"]
        steps = scores[scores["step"] != "all"] if self.record.outcome.horizon > 1 else scores.assign(step=1)
        steps = steps.astype({"step": int})
        own, naive = (
            steps[steps["model"] == model].set_index(["symbol", "step"])["value"]
            for model in (self.model, "naive")
        )
        return pd.DataFrame({"rmse_return": own, "naive_rmse_return": naive}).reset_index()

    @property
    def held(self) -> dict[str, float] | None:
        """How often the record's 50, 80 and 95 % intervals held, over all steps; None where it has none."""
        known = self.record.outcome.distributions.get(self.model)
        if known is None:
            return None
        return {
            f"{coverage:.0%}": float((np.abs(known.pit - 0.5) <= coverage / 2).mean())
            for coverage in COVERAGES
        }

    @property
    def table(self) -> pd.DataFrame:
        """The forecast with its typical error beside every step."""
        return self.forecast.merge(self.errors, on=["symbol", "step"], how="left")

    @property
    def text(self) -> str:
        """What the command line prints."""
        lines = []
        for symbol, rows in self.table.groupby("symbol", sort=False):
            first = rows.iloc[0]
            tabled = _interval_table if self.has_distribution else _point_table
            table = tabled(rows, self.prices.frequency, self.move)
            where = at_close(first.origin, self.prices.frequency)
            lines += [f"{symbol}: {price(first.anchor)} {where}", table, ""]
        lines += self._remarks
        lines.append(self._record_line)
        if (held := self.held) is not None:
            names = " / ".join(percent(coverage) for coverage in COVERAGES)
            shares = " / ".join(percent(share, 1) for share in held.values())
            origins = plural("{n:,} origin", "{n:,} origins", len(self.record.outcome.origin))
            lines.append(
                say(
                    "Its {names} prediction intervals held {shares} of the time ({origins}).",
                    names=names,
                    shares=shares,
                    origins=origins,
                )
            )
        return "\n".join([*lines, self.record.verdict.text])

    @property
    def _record_line(self) -> str:
        outcome = self.record.outcome
        tested = [outcome.symbols[symbol] for symbol in np.unique(outcome.symbol)]
        span = spanned(outcome.time, outcome.frequency)
        return say(
            "The record of {model} on {symbols}, {span}:",
            model=self.model,
            symbols=some(tested, most=8),
            span=span,
        )

    @property
    def _remarks(self) -> list[str]:
        """The symbols without a forecast, and those without a scale of their own, one a line."""
        lines = [
            say("{symbol}: no forecast: {reason}", symbol=symbol, reason=reason)
            for symbol, reason in self.left_out.items()
        ]
        lines += [
            say(
                "{symbol}: scaled by the mean scale of the others (fewer than {least} training windows)",
                symbol=symbol,
                least=MIN_TRAINING_ORIGINS,
            )
            for symbol in self.scaled_by_pool
        ]
        return [*lines, ""] if lines else []

    @property
    def is_recorded(self) -> bool:
        """Whether the ledger can keep the forecast, which is one of log returns then."""
        return self.move.name == LOG_RETURN.name

    def entries(self, experiment: Experiment) -> list[Entry]:
        """The forecast as rows of the ledger, beside the naive quantiles.

        Raises
            RunError: the forecast is of differences.
        """
        from gatecast.ledger import entries_of

        if not self.is_recorded:
            raise RunError(
                say(
                    "the ledger keeps and scores log returns, and this is a forecast of differences: "
                    "it cannot be recorded there. Write it as a table instead"
                )
            )
        table = pd.concat([self.forecast, self.naive], axis=1)
        return entries_of(
            table,
            model=self.model,
            experiment=experiment,
            prices=self.prices,
        )

    def plot(self) -> Plot:
        """The last closes and the prediction intervals of the next sessions, for up to six symbols.

        Raises
            RunError: the model forecasts points.
        """
        from gatecast.report.plots import outlook_plot

        table = self.prices.table
        closes = table[["symbol", "session"]].assign(close=table[self.record.experiment.column])
        column, frequency = self.record.experiment.column, self.prices.frequency
        return outlook_plot(self.forecast, closes, column=column, frequency=frequency, move=self.move)

    def write(self, path: Path, *, overwrite: bool = False) -> None:
        """The forecast with the naive quantiles beside it as one table, .csv or .parquet, or drawn, .png.

        Raises
            RunError: another ending, a place that is taken (unless `overwrite`), is part of a folder that
            gatecast wrote, or cannot be written; no interval to draw.
        """
        check_not_a_part(path)
        table = pd.concat([self.table, self.naive], axis=1)
        with new_file(path, ENDINGS, overwrite=overwrite) as place:
            if path.suffix == ".png":
                png = self.plot().png()
                if png is None:
                    raise RunError(
                        say("{path} could not be drawn; choose .csv or .parquet for a table", path=path)
                    )
                place.write_bytes(png)
            elif path.suffix == ".parquet":
                table.to_parquet(place, index=False)
            else:
                csv_safe(table).to_csv(place, index=False)
        WRITTEN.append(path)

    def summary(self) -> dict[str, Any]:
        """The same as plain data for JSON; times as YYYY-MM-DD, YYYY-MM-DDTHH:MM within days, or numbers."""
        table = self.table
        for name in ("origin", "time"):
            table[name] = [plain_time(time, self.prices.frequency) for time in table[name]]
        record = self.record.summary()
        kept = {name: record[name] for name in ("verdict", "source", "sha256", "scores", "warnings")}
        return plain(
            {
                "model": self.model,
                "forecast": table.to_dict(orient="records"),
                "left_out": self.left_out,
                "scaled_by_pool": self.scaled_by_pool,
                "held": self.held,
                "record": kept,
            }
        )


NO_NETWORK = marked('"{model}" is no network that could be trained.{hint} Known: {known}')
NO_NETWORK_OF_RUN = marked(
    '"{model}" is no network that could be trained as in the run.{hint} Known: {known}'
)


def check_network(model: str, networks: Collection[str], *, of_run: bool) -> None:
    """Raise SettingError if `model` is none of these networks."""
    if model not in networks:
        what = NO_NETWORK_OF_RUN if of_run else NO_NETWORK
        raise SettingError(
            say(
                what,
                model=model,
                hint=did_you_mean(model, networks),
                known=", ".join(networks) or say("none"),
            )
        )


def outlook(
    experiment: Experiment, prices: Prices, model: str, record: Result | None = None, future: Any = None
) -> Outlook:
    """Fit `model` on all of `prices` and forecast the sessions after them.

    record: a run with this model; its experiment is then used throughout, on those of its symbols that are
    in `prices`; others are left out, and named. Without it the walk-forward comparison of `experiment` is
    made first. future: what is known of the sessions that are forecast, see `Forecaster.fit`.

    Raises
        SettingError: `model` is no network, or not one of the record's.
    """
    settings = experiment if record is None else record.compared
    check_network(model, settings.networks, of_run=record is not None)
    forecaster = Forecaster.of(settings, model)
    if record is None:
        forecaster.check_future(prices, future)  # before the long work
        record = run_comparison(experiment, prices)
    else:
        warn_of_another(record.provenance.engine, say("the run"))
    prices, strangers = _of_record(prices, record)
    with warnings.catch_warnings():  # the record has said it
        warnings.filterwarnings("ignore", pattern(UNUSED), DataWarning)
        warnings.filterwarnings("ignore", pattern(AS_DIFFERENCES), DataWarning)
        forecaster.fit(prices, future=future)
    forecast = forecaster.forecast()
    return Outlook(
        model=model,
        prices=prices,
        forecast=forecast,
        naive=_naive_quantiles(settings, prices, forecast),
        record=record,
        left_out={**forecaster.left_out, **strangers},
        scaled_by_pool=forecaster.scaled_by_pool,
    )


def _of_record(prices: Prices, record: Result) -> tuple[Prices, dict[str, str]]:
    """The prices of the symbols that the record has, and why the others are left out.

    Where it has none of them, all are forecast: with the settings of a record that is another symbol's.
    """
    known = [symbol for symbol in prices.symbols if symbol in record.prices.symbols]
    strangers = [symbol for symbol in prices.symbols if symbol not in known]
    if not (known and strangers):
        return prices, {}
    warnings.warn(
        say("no forecast of {symbols}: not in the run", symbols=some(strangers)), DataWarning, stacklevel=3
    )
    return prices.select(known), dict.fromkeys(strangers, say("not in the run"))


def _naive_quantiles(settings: Experiment, prices: Prices, forecast: pd.DataFrame) -> pd.DataFrame:
    """The quantiles of past returns for each row of `forecast`: naive_q01 … naive_q99 in price, or NaN."""
    problem = bare_problem(with_target(settings, prices)[0], prices)
    fold = future_fold_of(settings, problem, prices.frequency)
    quantiles = historical(problem, fold).quantile(LEVELS)
    symbols = [problem.symbols[symbol] for symbol in problem.symbol[fold.test]]
    index = pd.MultiIndex.from_product([symbols, range(1, problem.horizon + 1)])
    names = [f"naive_{name}" for name in QUANTILE_COLUMNS]
    table = pd.DataFrame(quantiles.reshape(len(index), -1), index, names)
    rows = pd.MultiIndex.from_frame(forecast[["symbol", "step"]])
    prices_of_rows = problem.move.to_price(
        table.reindex(rows).to_numpy(), forecast["anchor"].to_numpy()[:, None]
    )
    return pd.DataFrame(prices_of_rows, columns=names)


def _point_table(rows: pd.DataFrame, frequency: str, move: Move) -> str:
    form = change_of(move.in_change)
    error = (lambda value: percent(value, 2)) if move.in_change == "%" else price
    lines = [
        [stamp(row["time"], frequency), price(row["forecast"]), form(row["change"])]
        + [plus_minus(error(row[name])) for name in ("rmse_return", "naive_rmse_return")]
        for _, row in rows.iterrows()
    ]
    return text_table(
        [
            *(_time_head(frequency), say("forecast"), say("change")),
            *(say("typical error"), say("of naive")),
        ],
        lines,
    )


def _time_head(frequency: str) -> str:
    """What a column of times is called."""
    if frequency == INDEX:
        return say("position")
    return say("time") if is_intraday(frequency) else say("date")


def _interval_table(rows: pd.DataFrame, frequency: str, move: Move) -> str:
    """Two lines a bar: intervals in price, and below them the same as changes from the last price."""
    lines, form = [], change_of(move.in_change)
    for _, row in rows.iterrows():
        ends = [(row[low], row[high]) for low, high in BOUNDS]
        median, anchor = row["q50"], row["anchor"]
        lines += [
            [
                stamp(row["time"], frequency),
                price(median),
                *(interval(low, high, price) for low, high in ends),
            ],
            ["", form(move.change(median, anchor))]
            + [interval(move.change(low, anchor), move.change(high, anchor), form) for low, high in ends],
        ]
    return text_table([_time_head(frequency), say("median"), *map(percent, COVERAGES)], lines)
