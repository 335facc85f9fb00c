"""The charts and the pictures: there, right, and nothing of altair's touched."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest

from gatecast.api.opening import open_run
from gatecast.api.result import Result
from gatecast.errors import DrawingWarning
from gatecast.report import charts, frames, pictures
from gatecast.report.marks import Drawn
from gatecast.report.pictures import save_pictures

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
        ({"broken": "gru"}, ["changes", "forecast", "loss", "skill"]),
        ({"constant": True, "seeds": 1}, ["changes", "forecast", "loss", "skill"]),
        ({"tested": 10, "horizon": 3}, ["changes", "forecast", "loss", "skill", "steps"]),
    ],
)
def test_the_pictures_of_odd_results(
    settings: dict[str, object], expected: list[str], tmp_path: Path
) -> None:
    save_pictures(make_result(**settings), tmp_path)
    assert names(tmp_path) == [f"{name}.png" for name in expected]


@pytest.mark.slow
def test_a_run_that_was_saved_and_opened_has_the_same_charts(result: Result, tmp_path: Path) -> None:
    opened = open_run(result.save(tmp_path / "run"))
    assert names(tmp_path / "run" / "charts") == ["changes.png", "forecast.png", "loss.png", "skill.png"]
    before, after = charts.page_charts(result), charts.page_charts(opened)
    assert {name: chart.to_dict() for name, chart in before.items()} == {
        name: chart.to_dict() for name, chart in after.items()
    }


def test_every_chart_obeys_vega_lites_schema(result: Result) -> None:
    drawn = {**charts.page_charts(result), **pictures.pictures(result)}
    assert set(drawn) >= {"forecast", "changes", "skill", "loss"}
    for chart in drawn.values():
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


def test_names_that_need_other_fonts_stay_out_of_pictures() -> None:
    korean = make_result(("삼성전자",), networks=("모형",))
    label = pictures.latin_labels(korean)
    assert (label("삼성전자"), label("모형"), label("drift")) == ("symbol 1", "model 3", "drift")
    for picture in pictures.pictures(korean).values():
        text = picture.to_json(ensure_ascii=False)
        assert "삼" not in text and "모" not in text
    assert "삼성전자" in charts.forecast_chart(korean).to_json(ensure_ascii=False)


def test_text_that_looks_like_a_number_stays_text(result: Result) -> None:
    (dataset,) = charts.forecast_chart(make_result(("005930",))).to_dict()["datasets"].values()
    assert dataset.splitlines()[1].startswith("005930,2018-")


def test_altair_is_left_as_it_was(result: Result) -> None:
    before = alt.data_transformers.active, dict(alt.data_transformers.options)
    charts.page_charts(result)
    assert (alt.data_transformers.active, dict(alt.data_transformers.options)) == before


@pytest.mark.parametrize("validated", [True, False])
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
    monkeypatch.setattr(pictures, "__file__", str(tmp_path / "pictures.py"))
    with pytest.warns(DrawingWarning, match=f"could not draw loss .{said}"):
        assert pictures.to_pngs({"loss": loss}) == {}
    with pytest.raises(RuntimeError, match=f"the page's script could not be made: {said}"):
        pictures.bundled("window.vegaEmbed = vegaEmbed;")
