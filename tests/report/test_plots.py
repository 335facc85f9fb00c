"""Charts that users ask for by name: of everything, of some models, of a symbol, of some days."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import gatecast as gc
from gatecast.api.result import Result
from gatecast.errors import DrawingWarning, RunError, SettingError
from gatecast.report import plots, rendering
from gatecast.report.display import VEGA_LITE, Plot
from gatecast.report.plots import outlook_plot

from .conftest import make_result

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def two() -> Result:
    return make_result(("AAA", "BBB"), distributions={"lstm": 1.0, "gru": 1.2, "drift": 1.6})


def tables(plot: Plot) -> list[pd.DataFrame]:
    """The tables that a chart holds."""
    found = plot.chart.to_dict(validate=False)["datasets"].values()
    return [pd.read_csv(io.StringIO(text)) for text in found if isinstance(text, str)]


def test_the_forecast_is_that_of_the_best_network_unless_another_is_asked_for(two: Result) -> None:
    (table,) = tables(two.plot())
    assert set(table["symbol"]) == {"AAA", "BBB"}
    (drift,) = tables(two.plot(models="drift", symbol="BBB"))
    shown = drift.dropna(subset="forecast_1")
    own = two.outcome.forecast["drift"][two.outcome.symbol == 1, 0]
    assert shown.loc[shown["symbol"] == "BBB", "forecast_1"].to_numpy() == pytest.approx(own, rel=1e-5)


def test_a_part_of_the_days(two: Result) -> None:
    days = two.outcome.time[:, 0]
    (whole,) = tables(two.plot("changes", models="lstm"))
    (part,) = tables(two.plot("changes", models="lstm", start=str(days[10]), end=str(days[19])))
    digits = {"start": int(str(days[10])[:10].replace("-", "")), "end": str(days[19])[:10]}
    pd.testing.assert_frame_equal(tables(two.plot("changes", models="lstm", **digits))[0], part)
    assert (len(whole), len(part)) == (2 * 60, 2 * 10)


def test_the_skill_of_a_part_is_that_of_its_forecasts(two: Result) -> None:
    (table,) = tables(two.plot("skill", models=["lstm"], symbol="BBB"))
    rows = two.outcome.symbol == 1
    (expected,) = make_result(("BBB",)).outcome.symbols
    outcome = two.outcome.of_origins(rows).without(["gru", "drift"])
    loss = ((outcome.forecast["lstm"] - outcome.actual) / outcome.anchor[:, None]) ** 2
    naive = ((outcome.anchor[:, None] - outcome.actual) / outcome.anchor[:, None]) ** 2
    assert expected == "BBB"
    assert table["skill"].tolist() == pytest.approx([100 * (1 - loss.mean() / naive.mean())], rel=1e-4)


@pytest.mark.parametrize(
    "models", [None, pytest.param("gru", marks=[pytest.mark.slow, pytest.mark.full]), ["lstm", "drift"]]
)
def test_intervals(two: Result, models: Any) -> None:
    (table, *_) = tables(two.plot("intervals", models=models, symbol="AAA"))
    assert set(table["symbol"]) == {"AAA"}
    assert {"low_80", "high_80"} <= set(table.columns)


def test_the_loss_of_one_network(two: Result) -> None:
    (table,) = tables(two.plot("loss", models="gru"))
    assert set(table["model"]) == {"gru"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "forcast"}, 'kind = "forcast": choose forecast'),
        ({"kind": ["lstm", "gru"]}, "give models as models="),
        ({"kind": "lstm"}, "give models as models="),
        ({"models": "gruu"}, '"gruu" is no model of this run. Did you mean "gru"'),
        ({"symbol": "AAB"}, '"AAB" is no symbol that was tested. Did you mean "AAA"'),
        ({"start": "someday"}, "start = .*someday.*is no date"),
        ({"start": 2018.0}, "start = 2018.0: is no date"),
        ({"start": "2030-01-01"}, "no session between start"),
        ({"kind": "skill", "start": "2030-01-01"}, "no forecast in that part: the test is 2018"),
        ({"kind": "loss", "start": "2018-02-01"}, "symbol, start and end do not apply"),
        ({"kind": "loss", "models": "drift"}, "there is no loss to show"),
        ({"kind": "skill", "models": "naive"}, "needs a model beside naive"),
        ({"kind": "intervals"}, "a point forecast has no intervals"),
    ],
)
def test_what_cannot_be_shown_is_said(result: Result, arguments: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError, match=said.replace("(", r"\(")):
        result.plot(**arguments)


def test_a_plot_is_a_chart_and_a_picture(result: Result, tmp_path: Path) -> None:
    plot = result.plot("skill")
    bundle, about = plot._repr_mimebundle_()
    assert set(bundle) == {VEGA_LITE, "image/png", "text/plain"}
    assert bundle["image/png"].startswith(PNG)
    assert about["image/png"]["width"] * 2 == int.from_bytes(bundle["image/png"][16:20], "big")
    assert plot.save(tmp_path / "skill.png").read_bytes() == bundle["image/png"]
    assert json.loads(plot.save(tmp_path / "skill.json").read_text())["$schema"].endswith(".json")
    with pytest.raises(RunError, match=r"ends in \.png or \.json"):
        plot.save(tmp_path / "skill.gif")
    with pytest.raises(RunError, match="is there already"):
        plot.save(tmp_path / "skill.png")
    assert len(repr(plot)) < 100


def test_a_forecast_of_several_symbols(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "DRAWN", 2)
    day = pd.Timestamp("2020-03-02")
    names = {"q02_5": 94, "q10": 96, "q25": 98, "q50": 100, "q75": 102, "q90": 104, "q97_5": 106}
    rows = [
        {
            "symbol": symbol,
            "origin": day,
            "time": day + pd.Timedelta(days=step),
            "step": step,
            "anchor": 100.0,
        }
        | names
        for symbol in "ABC"  # one more than there is room for
        for step in (1, 2)
    ]
    days = pd.date_range(end=day, periods=40)
    closes = pd.concat([pd.DataFrame({"symbol": s, "session": days, "close": 100.0}) for s in "ABC"])
    plot = outlook_plot(pd.DataFrame(rows), closes)
    assert len(plot.chart.to_dict(validate=False)["vconcat"]) == 2
    with pytest.raises(RunError, match="point forecasts"):
        outlook_plot(pd.DataFrame(rows).drop(columns="q50"), closes)


def test_public_kinds() -> None:
    assert gc.Result.plot.__doc__ is not None and '"intervals"' in gc.Result.plot.__doc__


def test_a_picture_that_cannot_be_drawn_says_why_and_leaves_no_file(
    two: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "needed", lambda *_: "install it")
    plot = two.plot()
    with pytest.raises(RunError, match=r"a\.png could not be drawn: install it$"):
        plot.save(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
    with pytest.warns(DrawingWarning, match="^the picture could not be drawn: install it$"):
        assert plot.png() is None


def test_a_file_that_is_there_stays_unless_overwritten(two: Result, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("mine")
    with pytest.raises(RunError, match=r"is there already.*\(overwrite=True\)$"):
        two.plot().save(file)
    assert file.read_text() == "mine"
    assert json.loads(two.plot().save(file, overwrite=True).read_text())
