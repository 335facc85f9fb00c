"""The charts and the pictures: there, right, and nothing of altair's touched."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest

from gatecast.api.opening import open_run
from gatecast.api.result import Result
from gatecast.errors import DrawingWarning, SettingError
from gatecast.report import charts, frames, marks, pictures, rendering
from gatecast.report.marks import Drawn
from gatecast.report.pictures import saved_pictures

from .conftest import TESTED, make_result

PNG = b"\x89PNG\r\n\x1a\n"


def names(folder: Path) -> list[str]:
    files = sorted(folder.glob("*"))
    assert all(path.read_bytes().startswith(PNG) for path in files)
    return [path.name for path in files]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"networks": (), "baselines": ("naive",)}, ["forecast"]),
        pytest.param({"broken": "gru"}, ["changes", "forecast", "loss", "skill"], marks=pytest.mark.full),
        pytest.param(
            {"constant": True, "seeds": 1}, ["changes", "forecast", "loss", "skill"], marks=pytest.mark.full
        ),
        pytest.param(
            {"tested": 10, "horizon": 3},
            ["changes", "forecast", "loss", "skill", "steps"],
            marks=pytest.mark.full,
        ),
    ],
)
def test_the_pictures_of_odd_results(
    settings: dict[str, object], expected: list[str], tmp_path: Path
) -> None:
    with rendering.Renderer() as renderer, saved_pictures(make_result(**settings), tmp_path, renderer):
        pass
    assert names(tmp_path) == [f"{name}.png" for name in expected]


@pytest.mark.slow
@pytest.mark.full
def test_a_run_that_was_saved_and_opened_has_the_same_charts(result: Result, tmp_path: Path) -> None:
    opened = open_run(result.save(tmp_path / "run"))
    assert names(tmp_path / "run" / "charts") == ["changes.png", "forecast.png", "loss.png", "skill.png"]
    before, after = charts.page_charts(result), charts.page_charts(opened)
    assert {name: chart.to_dict(validate=False) for name, chart in before.items()} == {
        name: chart.to_dict(validate=False) for name, chart in after.items()
    }


def test_every_chart_obeys_vega_lites_schema_and_altair_is_left_as_it_was(result: Result) -> None:
    before = alt.data_transformers.active, dict(alt.data_transformers.options)
    shown, drawn = charts.page_charts(result), dict(pictures.pictures(result))
    assert list(shown) == list(drawn) == ["forecast", "changes", "skill", "loss"]  # and none of distributions
    assert (alt.data_transformers.active, dict(alt.data_transformers.options)) == before
    for chart in (*shown.values(), *drawn.values()):
        chart.to_dict(validate=True)  # raises where it does not


def test_the_forecast_stands_at_the_session_it_speaks_of(result: Result) -> None:
    table = frames.prices_and_forecasts(result, "lstm")
    outcome = result.outcome
    tested = table[table["test"]].set_index("date")
    assert len(tested) == TESTED
    assert np.array_equal(tested.index, pd.DatetimeIndex(outcome.time[:, 0]))
    assert np.array_equal(tested["forecast_1"], outcome.forecast["lstm"][:, 0])
    assert np.array_equal(tested["actual"], outcome.actual[:, 0])
    assert (tested["low_1"] <= tested["forecast_1"]).all()
    assert (tested["forecast_1"] <= tested["high_1"]).all()
    assert table.loc[~table["test"], "forecast_1"].isna().all()


def test_each_fold_is_marked_once_where_it_begins(result: Result) -> None:
    marked = frames.prices_and_forecasts(result, "lstm").query("fold > 0")
    first = [result.outcome.time[result.outcome.fold == fold, 0].min() for fold in (0, 1)]
    assert list(marked["fold"]) == [1, 2]
    assert np.array_equal(marked["date"], pd.DatetimeIndex(first))


def test_only_sessions_before_the_test_are_thinned(monkeypatch: pytest.MonkeyPatch, result: Result) -> None:
    monkeypatch.setattr(frames, "MOST_PRICES", 100)
    whole = make_result(sessions=5000)
    table = frames.prices_and_forecasts(whole, "lstm")
    assert table["test"].sum() == TESTED
    assert len(table) <= 1100


def test_changes_are_in_per_cent_of_the_last_known_price(result: Result) -> None:
    table = frames.changes(result)
    assert set(table["model"]) == {"drift", "lstm", "gru"}
    mine = table[table["model"] == "gru"]
    outcome = result.outcome
    assert mine["actual"].to_numpy() == pytest.approx(100 * (outcome.actual[:, 0] / outcome.anchor - 1))
    assert len(frames.changes(result, most=30)) == 30


def test_a_model_without_a_finite_forecast_has_no_changes_and_no_skill() -> None:
    broken = make_result(broken="gru")
    assert "gru" not in set(frames.changes(broken)["model"])
    assert frames.skills(broken.significance).iloc[-1]["model"] == "gru"
    assert frames.leading_model(broken) == "lstm"


@pytest.mark.parametrize(
    ("networks", "baselines", "expected"),
    [(("lstm",), ("naive", "drift"), "lstm"), ((), ("naive", "drift"), "drift"), ((), ("naive",), "naive")],
)
def test_the_model_shown(networks: tuple[str, ...], baselines: tuple[str, ...], expected: str) -> None:
    assert frames.leading_model(make_result(networks=networks, baselines=baselines)) == expected


def test_one_wild_model_does_not_squeeze_the_others() -> None:
    table = pd.DataFrame({"low": [-2.0, -1, -90_000], "high": [1.0, 1, -80_000]})
    left, right = frames.skill_frame(table)
    assert -15 < left < -2 and 1 < right < 2
    wild = pd.DataFrame({"actual": [-1.0, 1] * 50, "forecast": [-30.0, 0] * 50})
    assert frames.symmetric_limit(wild) == 3


def test_many_networks_are_thinned_and_losses_start_at_one() -> None:
    training = make_result(folds=20, seeds=10).training
    table = frames.losses(training)
    assert table.groupby("model")["line"].nunique().max() <= frames.MOST_LINES
    relative = frames.relative_losses(training)
    assert (relative.loc[relative["epoch"] == 1, ["loss", "validation_loss"]] == 1).all(axis=None)
    assert (relative.loc[relative["median"] == 1, "line"] == -1).all()


def test_names_without_a_font_stay_out_of_pictures_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "missing_letters", frozenset)
    korean = make_result(("삼성전자",), networks=("모형",))
    with pytest.warns(DrawingWarning, match="no font .* letters of 삼성전자, 모형: .*symbol 1") as said:
        label = pictures.labels_of(korean)
    assert len(said) == 1
    assert (label("삼성전자"), label("모형"), label("drift")) == ("symbol 1", "model 3", "drift")
    with pytest.warns(DrawingWarning, match="no font"):
        drawn = dict(pictures.pictures(korean))
    for picture in drawn.values():
        text = picture.to_json(validate=False, ensure_ascii=False)
        assert "삼" not in text and "모" not in text
    assert "삼성전자" in charts.forecast_chart(korean).to_json(validate=False, ensure_ascii=False)


def test_names_with_a_font_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "missing_letters", lambda letters: frozenset())
    label = pictures.labels(("삼성전자", "a\u202eb"))
    assert (label("삼성전자"), label("a\u202eb")) == ("삼성전자", "symbol 2")


def test_a_letter_without_a_font_is_seen() -> None:
    """Greek is in the font that the drawing library brings; no font has a letter of the private plane."""
    assert pictures.missing_letters("αé\U0010f123") == {"\U0010f123"}


def test_where_letters_cannot_be_looked_at_all_count_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "renderer.py").write_text("raise MemoryError")
    monkeypatch.setattr(rendering, "__file__", str(tmp_path / "rendering.py"))
    assert pictures.missing_letters.__wrapped__("é") == {"é"}


def test_charts_and_page_name_the_same_fonts(text: str) -> None:
    named = [name.strip("'") for name in marks.fonts().split(", ")]
    (style,) = re.findall(r"font: 16px/1.5 (.*?);", text, re.DOTALL)
    assert [name.strip().strip('"') for name in style.split(",")] == named
    assert {"Noto Sans KR", "Malgun Gothic", "Apple SD Gothic Neo"} < set(named) and named[-1] == "sans-serif"
    assert charts.forecast_chart(make_result()).to_dict(validate=False)["config"]["font"] == marks.fonts()


def series_of(chart: alt.VConcatChart) -> tuple[list[str], list[str]]:
    """The legend of the close-up: names and colours."""
    scales = re.findall(r'"scale": (\{"domain": \["actual".*?\})', json.dumps(chart.to_dict(validate=False)))
    scale = json.loads(scales[0])
    return scale["domain"], scale["range"]


def test_several_models_are_drawn_in_colours_of_their_own() -> None:
    ahead = make_result(("AAA", "BBB"), horizon=3)
    chart = charts.forecast_chart(ahead, models=["gru", "naive"], symbol="BBB")
    names, colours = series_of(chart)
    assert names == ["actual", "gru, 1 session ahead", "naive, 1 session ahead"]
    assert colours == [marks.INK, *marks.LINES[:2]] and len(set(marks.LINES)) == len(marks.LINES)
    assert (
        json.dumps(chart.to_dict(validate=True)).count('"strokeDash": [7, 4]') == 1
    )  # where both coincide, both are seen
    (csv,) = chart.to_dict(validate=False)["datasets"].values()
    rows = pd.read_csv(io.StringIO(csv))
    assert set(rows["symbol"]) == {"BBB"} and "low_1" not in rows
    own = ahead.outcome.symbol == 1
    tested = rows[rows["test"] == 1].iloc[:TESTED]
    for field, model in (("forecast_1", "gru"), ("forecast_1_1", "naive")):
        assert tested[field].to_numpy() == pytest.approx(ahead.outcome.forecast[model][own, 0], rel=1e-5)


def test_dates_bound_the_forecast_chart(result: Result) -> None:
    chart = charts.forecast_chart(result, start="2018-06-01", end="2018-06-30")
    (csv,) = chart.to_dict(validate=False)["datasets"].values()
    rows = pd.read_csv(io.StringIO(csv))
    assert (rows["date"].iloc[0], rows["date"].iloc[-1]) == ("2018-06-01", "2018-06-30")
    assert charts.forecast_chart(result).to_dict(validate=False) == charts.forecast_chart(
        result, models=["lstm"]
    ).to_dict(validate=False)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"models": ["lsmt"]}, '"lsmt" is no model of this run. Did you mean "lstm"'),
        ({"models": []}, "0 models: between 1 and 6"),
        ({"symbol": "AAB"}, 'Did you mean "AAA"'),
        ({"start": "soon"}, "start = 'soon': is no date"),
        ({"start": "2030-01-01"}, "no session between"),
    ],
)
def test_what_the_forecast_chart_refuses(wrong: dict[str, object], said: str, result: Result) -> None:
    with pytest.raises(SettingError, match=re.escape(said)):
        charts.forecast_chart(result, **wrong)


def test_every_axis_of_prices_has_its_unit(result: Result) -> None:
    titles = set(
        re.findall(r'"title": "([^"]*)"', json.dumps(charts.forecast_chart(result).to_dict(validate=False)))
    )
    assert titles >= {"close (price)", "price"}


def test_text_that_looks_like_a_number_stays_text(result: Result) -> None:
    (dataset,) = charts.forecast_chart(make_result(("005930",))).to_dict(validate=False)["datasets"].values()
    assert dataset.splitlines()[1].startswith("005930,2018-")


@pytest.mark.parametrize("validated", [True, pytest.param(False, marks=[pytest.mark.slow, pytest.mark.full])])
def test_the_history_of_bare_windows(validated: bool) -> None:
    epochs = np.tile(np.arange(1, 5), 2)
    history = pd.DataFrame(
        {
            "seed": np.repeat([0, 1], 4),
            "epoch": epochs,
            "loss": 1 / epochs,
            "validation_loss": 1.1 / epochs if validated else np.nan,
            "kept": epochs == 4,
        }
    )
    assert pictures.to_pngs({"loss": charts.history_chart(history)})["loss"].startswith(PNG)


@pytest.fixture
def loss() -> Drawn:
    table = {"seed": [0], "epoch": [1], "loss": [1.0], "validation_loss": [1.0], "kept": [True]}
    return charts.history_chart(pd.DataFrame(table))


def test_what_cannot_be_drawn_is_a_warning_and_the_rest_is_drawn(loss: Drawn) -> None:
    class Broken:
        def to_dict(self, *, validate: bool) -> dict[str, object]:
            return {**loss.to_dict(validate=validate), "layer": 3}

    with pytest.warns(DrawingWarning, match=r"could not draw bad \(.+\)"):
        assert list(pictures.to_pngs({"bad": Broken(), "loss": loss})) == ["loss"]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGABRT)", "the drawing library crashed, SIGABRT"),
        ('print(\'{"name": "loss", "pn\')\nraise MemoryError', "MemoryError"),
        ("", "the drawing process ended with 0"),
    ],
)
def test_a_drawing_library_that_crashes_is_a_warning(
    script: str, said: str, loss: Drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "renderer.py").write_text(script)
    monkeypatch.setattr(rendering, "__file__", str(tmp_path / "rendering.py"))
    with pytest.warns(DrawingWarning, match=f"could not draw loss .{said}"):
        assert pictures.to_pngs({"loss": loss}) == {}


@pytest.mark.parametrize("seeds", [1, 2])
def test_the_picture_names_the_band_of_the_seeds_where_there_is_one(seeds: int) -> None:
    drawn = dict(pictures.pictures(make_result(seeds=seeds)))["forecast"].to_dict(validate=False)
    said = drawn["vconcat"][1]["title"]["text"]
    assert said.endswith("; band: from the lowest of its seeds to the highest") == (seeds > 1)
