"""The charts and the section of distributions: they show what was forecast, and need a distribution."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatecast.api.opening import open_run
from gatecast.api.result import Result
from gatecast.errors import DrawingWarning
from gatecast.forecasts import QUANTILE_COLUMNS
from gatecast.report import distribution_frames as frames
from gatecast.report import pictures
from gatecast.report.distribution_charts import distribution_charts, outlook_chart
from gatecast.report.distribution_pictures import distribution_pictures
from gatecast.report.marks import Drawn
from gatecast.report.page import page, summary_html

from .conftest import make_result
from .test_page import HOSTILE, LIMIT, Elements, places

PNG = b"\x89PNG\r\n\x1a\n"
BOTH = {"lstm": 1.0, "drift": 1.6}
CHARTS = ["fan", "pit", "coverage", "var"]


def distributed(**settings: object) -> Result:
    return make_result(**{"distributions": BOTH, "tested": 130, "sessions": 400, **settings})


def section_of(text: str) -> str:
    """The part of a page on distributions."""
    return text[text.index("<h2>Prediction intervals</h2>") : text.index("<h2>Scores</h2>")]


@pytest.fixture
def section(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The same of a result, without the charts of its other sections; with its own where they are drawn."""
    monkeypatch.setattr("gatecast.report.page.page_charts", lambda _: {})

    def made(result: Result, drawn: dict[str, Drawn] | None = None) -> str:
        if drawn is not None:
            monkeypatch.setattr("gatecast.report.page.distribution_charts", lambda _: drawn)
        return section_of(page(result))

    return made


@pytest.fixture(scope="module")
def one() -> Result:
    return distributed()


@pytest.fixture(scope="module")
def saved(one: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return one.save(tmp_path_factory.mktemp("distributions") / "run")


@pytest.fixture(scope="module")
def ahead() -> Result:
    return distributed(symbols=("A", "B"), horizon=3)


@pytest.fixture(scope="module")
def charts_ahead(ahead: Result) -> dict[str, Drawn]:
    return distribution_charts(ahead)


@pytest.fixture(scope="module")
def pictures_ahead(ahead: Result) -> dict[str, Drawn]:
    return distribution_pictures(ahead, pictures.labels_of(ahead))


def test_without_distributions_there_is_nothing(result: Result, text: str) -> None:
    assert frames.shown_models(result) == []
    assert distribution_charts(result) == distribution_pictures(result, str) == {}
    assert "<h2>Prediction intervals</h2>" not in text


def test_every_chart_obeys_vega_lites_schema(
    charts_ahead: dict[str, Drawn], pictures_ahead: dict[str, Drawn]
) -> None:
    drawn = {**charts_ahead, **pictures_ahead}
    assert set(drawn) >= set(CHARTS)
    for chart in drawn.values():
        chart.to_dict(validate=True)  # raises where it does not


def test_the_best_network_stands_beside_the_strongest_baseline() -> None:
    scales = {"naive": 1.7, "drift": 1.5, "lstm": 3.0, "gru": 2.0}
    assert frames.shown_models(distributed(distributions=scales)) == ["gru", "drift"]
    assert frames.shown_models(distributed(distributions={"naive": 3.0, "drift": 1.0})) == ["drift"]
    assert frames.shown_models(distributed(distributions={"lstm": 3.0})) == ["lstm"]


def test_a_distribution_that_is_not_finite_is_not_drawn(section: Callable[..., str]) -> None:
    whole = distributed()
    known = whole.outcome.distributions["lstm"]
    quantiles = known.quantiles.copy()
    quantiles[5] = np.nan
    spoiled = whole.outcome.distributions | {
        "lstm": replace(known, quantiles=quantiles, crps=known.crps * np.nan)
    }
    broken = replace(whole, outcome=replace(whole.outcome, distributions=spoiled))
    assert frames.shown_models(broken) == ["drift"]
    drawn = distribution_charts(broken)
    assert list(drawn) == ["skill_crps", *CHARTS] and "NaN" not in json.dumps(
        [chart.to_dict(validate=False) for chart in drawn.values()]
    )
    assert "log score" in (shown := section(broken, drawn)) and "nan" not in shown


def test_the_fan_holds_the_price_where_it_held(one: Result) -> None:
    table = frames.recent_intervals(one, "lstm")
    outcome = one.outcome
    assert len(table) == frames.RECENT
    assert np.array_equal(table["actual"], outcome.actual[-125:, 0])
    assert np.array_equal(table["date"], pd.DatetimeIndex(outcome.time[-125:, 0]))
    quantile = 1.2858  # of Student's t with 200 degrees of freedom at 90 %
    high = outcome.anchor[-125:] * np.exp(0.01 * quantile)
    assert table["high_80"].to_numpy() == pytest.approx(high, rel=1e-5)
    left = (table["actual"] < table["low_80"]) | (table["actual"] > table["high_80"])
    assert np.array_equal(left, table["outside"]) and 10 < left.sum() < 40
    order = ["low_95", "low_80", "low_50", "median", "high_50", "high_80", "high_95"]
    assert all((table[low] < table[high]).all() for low, high in pairwise(order))


def test_a_longer_horizon_ends_in_the_fan_of_the_last_origin(ahead: Result) -> None:
    table = frames.recent_intervals(ahead, "lstm")
    assert list(table["symbol"].unique()) == ["A", "B"]
    own = table[table["symbol"] == "B"]
    days, fan = own[~own["ahead"]], own[own["ahead"]]
    outcome = ahead.outcome
    last = np.flatnonzero(outcome.symbol == 1)[-1]
    assert len(days) == frames.RECENT and len(fan) == 4
    assert days["date"].iloc[-1] == fan["date"].iloc[0] == pd.Timestamp(outcome.origin[last])
    assert (fan.iloc[0][["actual", "low_95", "median", "high_95"]] == outcome.anchor[last]).all()
    assert np.array_equal(fan["actual"].iloc[1:], outcome.actual[last])
    assert np.diff(fan["high_80"] - fan["low_80"]).min() > 0


def test_pit_bars_are_orange_where_the_distribution_is_wrong() -> None:
    wrong = distributed(sessions=3000, tested=2000, folds=1, distributions={"lstm": 1.0, "drift": 2.5})
    bars = frames.pit_bars(wrong, ["lstm", "drift"])
    assert bars.groupby("model")["share"].sum().to_numpy() == pytest.approx(100)
    off = bars.groupby("model")["off"].sum()
    assert off["lstm"] <= 4 and off["drift"] > 14
    assert (bars["low"] < 5).all() and (bars["high"] > 5).all()


def test_symbols_that_move_as_one_widen_the_bands_of_chance() -> None:
    """Twice the same series says no more than once; twice an independent one does."""
    single = distributed(tested=300, sessions=800)
    twin = single.outcome
    again = replace(
        twin,
        symbols=("AAA", "BBB"),
        symbol=np.repeat([0, 1], len(twin.symbol)),
        **{
            name: np.concatenate([getattr(twin, name)] * 2)
            for name in ("fold", "origin", "time", "anchor", "actual", "naive_mae", "naive_mse")
        },
        forecast={name: np.concatenate([rows] * 2) for name, rows in twin.forecast.items()},
        seeds={name: np.concatenate([rows] * 2, axis=1) for name, rows in twin.seeds.items()},
        distributions={name: known.joined([known, known]) for name, known in twin.distributions.items()},
    )
    twins = replace(single, outcome=again)
    apart = distributed(symbols=("AAA", "BBB"), tested=300, sessions=800)

    def width(made: Result) -> tuple[float, float]:
        low, high = frames.chance_of_window(made, "lstm")
        bars = frames.pit_bars(made, ["lstm"])
        return high - low, float((bars["high"] - bars["low"]).iloc[0])

    alone, same, two = width(single), width(twins), width(apart)
    assert alone[0] == pytest.approx(100 * 2 * 1.96 * np.sqrt(0.8 * 0.2 / 125))
    assert same == pytest.approx(alone, rel=0.1)  # the one of a single symbol counts whole forecasts
    assert two == pytest.approx(np.array(alone) / np.sqrt(2), rel=0.15)


def test_the_rolling_coverage_is_the_share_of_the_last_days(one: Result) -> None:
    assert frames.window(one) == 65
    table = frames.rolling_coverage(one, ["lstm"])
    pit = one.outcome.distributions["lstm"].pit[:, 0]
    inside = (pit >= 0.1) & (pit <= 0.9)
    assert len(table) == 130 - 64
    assert table["held"].iloc[-1] == pytest.approx(100 * inside[-65:].mean())
    assert table["date"].iloc[-1] == pd.Timestamp(one.outcome.origin[-1])


def test_breaches_are_days_below_the_quantile(one: Result) -> None:
    table = frames.values_at_risk(one, "lstm")
    pit = one.outcome.distributions["lstm"].pit[:, 0]
    assert np.array_equal(table["breach"], np.select([pit < 0.01, pit < 0.05], [1, 5], 0))
    change = 100 * (one.outcome.actual[:, 0] / one.outcome.anchor - 1)
    assert table["change"].to_numpy() == pytest.approx(change, abs=0.0006)
    counts = frames.breaches(one, "lstm")
    assert counts[5] == (int((pit < 0.05).sum()), pytest.approx(6.5), 130)
    assert counts[1] == (int((pit < 0.01).sum()), pytest.approx(1.3), 130)


def test_steps_have_their_coverage_and_a_width_that_grows(ahead: Result) -> None:
    table = frames.intervals_by_step(ahead, ["lstm", "drift"])
    own = table[table["model"] == "lstm"]
    pit = ahead.outcome.distributions["lstm"].pit
    inside = ((pit >= 0.1) & (pit <= 0.9)).mean(axis=0)
    assert list(own["step"]) == [1, 2, 3]
    assert own["coverage"].to_numpy() == pytest.approx(100 * inside)
    assert own["width"].to_numpy() == pytest.approx(2 * 1.2858 * np.sqrt([1, 2, 3]), rel=1e-4)
    assert (own["low"] < 80).all() and (own["high"] > 80).all()


def test_pictures_say_what_was_found(ahead: Result, pictures_ahead: dict[str, Drawn]) -> None:
    """Those of every run are drawn as PNG in test_odd_results_are_drawn."""
    drawn = pictures_ahead
    assert list(drawn) == [*CHARTS, "interval_steps"]
    pngs = pictures.to_pngs({"interval_steps": drawn["interval_steps"]})
    assert list(pngs) == ["interval_steps"] and pngs["interval_steps"].startswith(PNG)
    table = frames.recent_intervals(ahead, "lstm")
    outside = int(table.loc[table["symbol"] == "A", "outside"].sum())
    assert f"A left the 80 % intervals of lstm on {outside} of 125 days; 25 expected" in drawn["fan"].to_json(
        validate=False
    )


def test_the_page_has_a_section_with_every_chart(
    one: Result, ahead: Result, charts_ahead: dict[str, Drawn], section: Callable[..., str]
) -> None:
    shown = section(one)
    assert places(shown) == ["skill_crps", *CHARTS]
    assert shown.count("<h3>") == 5
    assert "against drift" in shown and "<b>" in shown
    steps = section(ahead, charts_ahead)
    assert "step 3 of 3" in steps and "VaR 1 %, Kupiec, " in steps
    assert places(steps) == ["skill_crps", "steps_crps", *CHARTS, "interval_steps"]
    assert "'options': ['A', 'B']" in str(charts_ahead["fan"].to_dict(validate=False))


@pytest.mark.slow
@pytest.mark.full
def test_a_run_that_was_opened_again_has_the_same_charts(one: Result, saved: Path) -> None:
    opened = open_run(saved)
    pngs = {path.name: path.read_bytes() for path in (saved / "charts").glob("*")}
    assert {f"{name}.png" for name in CHARTS} < set(pngs)
    assert all(png.startswith(PNG) for png in pngs.values())
    before, after = (
        distribution_charts(one),
        distribution_charts(opened),
    )
    assert {name: chart.to_dict(validate=False) for name, chart in before.items()} == {
        name: chart.to_dict(validate=False) for name, chart in after.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({"tested": 1, "folds": 1}, ["fan", "pit", "var"], marks=pytest.mark.full),
        pytest.param({"tested": 39, "folds": 1}, ["fan", "pit", "var"], marks=pytest.mark.full),
        ({"constant": True}, CHARTS),
        pytest.param(
            {"tested": 3, "folds": 1, "horizon": 20},
            ["fan", "pit", "var", "interval_steps"],
            marks=pytest.mark.full,
        ),
        pytest.param({"networks": ()}, CHARTS, marks=pytest.mark.full),
    ],
)
def test_odd_results_are_drawn(
    settings: dict[str, object], expected: list[str], section: Callable[..., str]
) -> None:
    scales = {
        name: scale for name, scale in BOTH.items() if settings.get("networks") != () or name == "drift"
    }
    odd = distributed(**settings, distributions=scales)
    drawn = distribution_pictures(odd, str)
    shown = section(odd)
    known = [name for name in places(shown) if name and not name.endswith("_crps")]
    assert list(drawn) == known == expected and "nan" not in shown
    pngs = pictures.to_pngs(drawn)
    assert list(pngs) == list(drawn) and all(png.startswith(PNG) for png in pngs.values())


@pytest.mark.slow
@pytest.mark.full
def test_names_of_distributions_cannot_break_out_and_need_no_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = distributed(
        networks=(HOSTILE,), baselines=("naive", "모형"), distributions={HOSTILE: 1.0, "모형": 2.0}
    )
    monkeypatch.setattr("gatecast.report.page.page_charts", lambda _: {})  # those are in test_page.py
    text = page(hostile)
    assert HOSTILE not in text and "img" not in [tag for tag, _ in Elements(text).tags]
    monkeypatch.setattr(pictures, "missing_letters", frozenset)
    with pytest.warns(DrawingWarning, match="no font on this machine has the letters of 모형"):
        label = pictures.labels_of(hostile)
    for picture in distribution_pictures(hostile, label).values():
        assert "모" not in picture.to_json(validate=False, ensure_ascii=False)


@pytest.mark.slow
@pytest.mark.full
def test_the_page_stays_small_with_many_symbols_and_steps() -> None:
    many = distributed(symbols=tuple(f"S{i:02d}" for i in range(30)), folds=5, sessions=1250, tested=310)
    far = distributed(horizon=20, seeds=2, sessions=5000, tested=1250)
    both = distributed(symbols=tuple(f"S{i:02d}" for i in range(30)), horizon=20, sessions=700, tested=250)
    for made in (many, far, both):
        text = page(made)
        assert len(text.encode()) < LIMIT
        assert ("Charts of all 30 symbols" in text) == (made is not far)


def outlook(steps: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    sessions = pd.bdate_range("2018-01-01", periods=100 + steps)
    close = 2000 + 10 * np.arange(100.0)
    history = pd.DataFrame({"session": sessions[:100], "close": close})
    table = pd.DataFrame(
        {
            "symbol": "AAA",
            "origin": sessions[99],
            "time": sessions[100:],
            "step": np.arange(1, steps + 1),
            "anchor": close[-1],
            "forecast": close[-1],
        }
    )
    for place, name in enumerate(QUANTILE_COLUMNS):
        table[name] = close[-1] * (1 + 0.01 * (place - 8) * np.sqrt(table["step"]))
    return table, history


@pytest.mark.parametrize(("steps", "closes"), [(1, 30), (2, 30), (20, 30)])
def test_the_outlook_opens_at_the_last_close(steps: int, closes: int) -> None:
    table, history = outlook(steps)
    chart = outlook_chart(table, history)
    (csv,) = (data for data in chart.to_dict(validate=False)["datasets"].values() if isinstance(data, str))
    rows = pd.read_csv(io.StringIO(csv))
    fan = rows[rows["ahead"] == 1]
    assert (rows["ahead"] == 0).sum() == closes
    assert len(fan) == steps + (steps > 1)
    assert fan["high_80"].iloc[-1] == pytest.approx(table["q90"].iloc[-1], rel=1e-5)
    if steps > 1:
        assert fan["low_95"].iloc[0] == 2990
    low, high = (f"{table[name].iloc[-1]:,.2f}" for name in ("q10", "q90"))
    text = chart.to_dict(validate=False)["title"]["text"]
    assert text == f"AAA on {table['time'].iloc[-1]:%Y-%m-%d}: {low} to {high} with 80 % probability"


@pytest.mark.parametrize("steps", [1, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.full])])
def test_the_outlook_of_one_step_or_of_many_is_drawn(steps: int) -> None:
    pngs = pictures.to_pngs({"outlook": outlook_chart(*outlook(steps))})
    assert pngs["outlook"].startswith(PNG)


@pytest.mark.parametrize(("steps", "every"), [(5, 1), (20, 2), (60, 6)])
def test_every_bar_ahead_has_its_tick(steps: int, every: int) -> None:
    table, history = outlook(steps)
    spec = outlook_chart(table, history, column="adj_close").to_dict(validate=False)
    (axis,) = {json.dumps(layer["encoding"]["x"]["axis"]) for layer in spec["layer"] if "axis" in str(layer)}
    ticks = json.loads(axis)["values"]
    assert [bar for bar in ticks if bar > 0] == list(range(1, steps + 1))
    assert min(ticks) == -25 and 0 in ticks
    words = json.loads(json.loads(axis)["labelExpr"].split("[datum")[0])
    assert sum(int(bar) > 0 for bar in words) == steps // every
    assert table["time"].iloc[-1].strftime("%m-%d") in words[str(steps)]
    assert "adj_close (price)" in json.dumps(spec)


def test_the_outlook_refuses_what_it_cannot_draw() -> None:
    table, history = outlook(3)
    with pytest.raises(ValueError, match="columns are missing: q10"):
        outlook_chart(table.drop(columns="q10"), history)
    with pytest.raises(ValueError, match="one symbol at a time, not 2"):
        outlook_chart(pd.concat([table, table.assign(symbol="B")]), history)
    with pytest.raises(ValueError, match="one symbol at a time, not 0"):
        outlook_chart(table.iloc[:0], history)


def test_a_notebook_shows_the_scores_of_distributions(one: Result, result: Result) -> None:
    assert "<th>CRPS <small>" in summary_html(one) and "<th>CRPS <small>" not in summary_html(result)


@pytest.mark.slow
@pytest.mark.full
def test_skill_is_drawn_against_the_benchmark_of_each_loss(
    ahead: Result, charts_ahead: dict[str, Drawn], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(charts_ahead)[:2] == ["skill_crps", "steps_crps"]
    assert "CRPS saved against drift, %" in charts_ahead["skill_crps"].to_json(validate=False)
    monkeypatch.setattr(pictures, "distribution_pictures", lambda *_: {})
    shown = dict(pictures.pictures(ahead))
    assert {"skill", "steps", "skill_crps", "steps_crps"} < set(shown)
    assert "distribution is better than that of drift" in shown["skill_crps"].to_json(validate=False)
