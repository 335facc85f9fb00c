"""The pictures of a look inside: they fit the schema, and hold what they are given."""

import numpy as np
import pandas as pd

from gatecast.report.inside import gates_chart, importance_chart, saliency_chart

RNG = np.random.default_rng(0)
WINDOW = RNG.normal(size=(4, 2))


def data_of(spec: dict, place: int) -> list[str]:
    return spec["datasets"][spec["vconcat"][place]["data"]["name"]].splitlines()


def test_gates_have_a_strip_each_in_the_order_of_the_trace() -> None:
    values = {"forget_l0": RNG.uniform(size=(4, 3)), "cell_l0": 5 * WINDOW, "hidden_l0_reverse": WINDOW / 9}
    spec = gates_chart(WINDOW, values, ["return", "volume <b>"]).to_dict()
    titles = [strip["title"]["text"] for strip in spec["vconcat"]]
    assert [title.split(":")[0] for title in titles] == [
        "what it reads", "forget gate", "cell state", "hidden state",
    ]  # fmt: skip
    assert titles[-1].endswith("layer 1, backward")
    domains = [strip["encoding"]["color"]["scale"]["domain"] for strip in spec["vconcat"]]
    most = 5 * np.abs(WINDOW).max()
    np.testing.assert_allclose(domains[1:], [[0, 1], [-most, most], [-1, 1]])
    first = data_of(spec, 0)
    assert first[0] == "bar,row,value" and len(first) == 1 + 8
    assert first[2].split(",")[:2] == ["-3", "volume <b>"]


def test_saliency_adds_up_the_features_of_a_bar() -> None:
    spec = saliency_chart(WINDOW, ["a", "b"]).to_dict()
    bars = spec["vconcat"][0]["layer"][1]["data"]["name"]
    newest = spec["datasets"][bars].splitlines()[-1].split(",")
    assert newest[0] == "0" and abs(float(newest[1]) - WINDOW[-1].sum()) < 1e-5
    several = saliency_chart(np.abs(WINDOW), ["a", "b"], windows=50).to_dict()
    assert "over 50 windows" in several["title"]["subtitle"]


def test_importance_has_a_panel_for_each_model() -> None:
    table = pd.DataFrame(
        {"model": ["gru", "gru", "lstm"], "input": ["a", "b", "a"], "metric": "skill",
         "value": [0.01, 0.03, np.nan], "low": [-0.01, 0.02, np.nan], "high": [0.02, 0.04, np.nan]}
    )  # fmt: skip
    spec = importance_chart(table).to_dict()
    assert spec["facet"]["sort"] == ["gru"]  # what has no value is not drawn
    assert spec["datasets"][spec["data"]["name"]].splitlines()[2] == "gru,b,3,2,4"  # points of skill
    assert spec["spec"]["layer"][1]["encoding"]["y"]["sort"] == ["b", "a"]
