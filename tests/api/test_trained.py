"""Networks given back: what a run's networks forecast, and their weights."""

import importlib
import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.errors import DataError, DataWarning, RunError, SettingError
from gatecast.files import sha256_of
from gatecast.models.storage import load_network

from ..conftest import walk_frame  # isort: skip
from ..nn.reference import layer  # isort: skip

KEYS = ["symbol", "fold", "origin", "step"]
EVERY_OUTPUT = {
    output: gc.Network(cell="rnn", hidden_size=2, output=output)
    for output in ("point", "student_t", "quantiles")
}
QUICK = gc.Training(epochs=2, batch_size=32, learning_rate=0.02)
HOW = {"folds": 2, "horizon": 2, "lookback": 4, "seeds": 2, "training": QUICK}


def ragged() -> pd.DataFrame:
    """A symbol with sessions missing, and one with too few windows for the first fold."""
    parts = [
        walk_frame("B", 220, 2).drop(index=[50, 51, 120, 185, 190]),
        walk_frame("S", 110, 1, start="2015-06-04"),
    ]
    return pd.concat(parts, ignore_index=True)


def daily(frame: pd.DataFrame) -> gc.Prices:
    return gc.Prices.from_frame(frame.rename(columns={"session": "date"}), calendar="daily")


def ensemble_rows(run: gc.Result, name: str, seed: int | None = None) -> pd.DataFrame:
    frame = run.forecasts.query("model == @name")
    rows = frame[frame["seed"].isna() if seed is None else frame["seed"] == seed]
    return rows.dropna(axis=1, how="all").set_index(KEYS).sort_index()


def origins_of(run: gc.Result) -> np.ndarray:
    return run.forecasts["origin"].unique()


@pytest.fixture(scope="module")
def opened(result: gc.Result, run_folder: Path) -> gc.Result:
    return gc.open_run(run_folder)


@pytest.fixture
def copy(run_folder: Path, tmp_path: Path) -> Path:
    """A run folder to be spoiled."""
    return shutil.copytree(run_folder, tmp_path / "copy")


# One road -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outputs", "calibration", "settings"),
    [
        pytest.param(["student_t"], "none", {"pooled": True}, id="pooled"),
        pytest.param(
            EVERY_OUTPUT,
            "none",
            {"pooled": True},
            id="pooled, every output",
            marks=[pytest.mark.slow, pytest.mark.full],
        ),
        pytest.param(["point"], "conformal", {"pooled": False}, id="one each, conformal"),
        pytest.param(
            ["student_t"],
            "conformal",
            {"pooled": False},
            id="one each, conformal Student t",
            marks=[pytest.mark.slow, pytest.mark.full],
        ),
        pytest.param(["quantiles"], "adaptive", {"pooled": True, "refit": False}, id="adaptive, not refit"),
        pytest.param(["point"], "conformal", {"target": "close"}, id="price level", marks=pytest.mark.slow),
    ],
)
@pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")
def test_an_opened_run_forecasts_its_test_as_it_did_bit_for_bit(
    outputs: Iterable[str], calibration: str, settings: dict[str, object], tmp_path: Path
) -> None:
    networks = {output: EVERY_OUTPUT[output] for output in outputs}
    run = gc.compare(daily(ragged()), ["ewma-t", networks], calibration=calibration, **HOW, **settings)
    again = gc.open_run(run.save(tmp_path / "run", charts=False))
    for name in networks:
        whole = ensemble_rows(run, name)
        table = again.models[name].forecast(origins=origins_of(run)).set_index(KEYS).sort_index()
        assert list(table.index) == list(whole.index)
        shared = [column for column in table if column in whole]
        assert {"time", "forecast"} <= set(shared)
        assert ("q50" in shared) == (name != "point" or calibration != "none")
        assert ("df" in shared) == (name == "student_t" and calibration == "none" and "df" in whole)
        pd.testing.assert_frame_equal(table[shared], whole[shared], check_exact=True)
        some = again.models[name].forecast(origins=origins_of(run)[5]).set_index(KEYS)
        pd.testing.assert_frame_equal(some, table.loc[some.index], check_exact=True)


def test_networks_in_memory_and_from_the_folder_are_the_same(result: gc.Result, opened: gc.Result) -> None:
    assert list(result.models) == list(opened.models) == ["gru", "mine"]
    for name in result.models:
        ours, theirs = result.models[name], opened.models[name]
        pd.testing.assert_frame_equal(ours.members, theirs.members, check_exact=True)
        pd.testing.assert_frame_equal(ours.forecast(), theirs.forecast(), check_exact=True)
        assert (ours.network, ours.training) == (theirs.network, theirs.training)
        for key, value in ours.state_dict(fold=0, seed=1).items():
            np.testing.assert_array_equal(value, theirs.state_dict(fold=0, seed=1)[key])


def test_one_seed_alone(opened: gc.Result) -> None:
    for seed in (0, 1):
        table = opened.models["gru"].forecast(origins=origins_of(opened), seed=seed).set_index(KEYS)
        whole = ensemble_rows(opened, "gru", seed)
        assert len(whole) < len(table)  # B ends before A: what comes after it was not tested
        np.testing.assert_array_equal(table.loc[whole.index, "forecast"], whole["forecast"])
        assert table["std_over_seeds"].isna().all()


def test_a_later_price_changes_no_forecast(opened: gc.Result) -> None:
    """Asked at an old origin: of all prices, of those up to it, and of those with other later ones."""
    origin, table = origins_of(opened)[3], opened.prices.table
    networks = opened.models["gru"]
    expected = networks.forecast(origins=origin)
    cut = daily(table[table["session"] <= origin])
    other = table.copy()
    other.loc[other["session"] > origin, ["open", "high", "low", "close"]] *= 1.5
    for prices in (cut, daily(other)):
        found = networks.forecast(prices, origins=origin)
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    pd.testing.assert_frame_equal(networks.forecast(cut), expected, check_exact=True)
    broken = other.copy()
    broken.loc[broken["session"] == origin, "close"] *= 1.001
    assert not np.array_equal(networks.forecast(daily(broken), origins=origin)["change"], expected["change"])


# Which origins, which fold --------------------------------------------------------------------------------


def test_the_next_bars_by_the_newest_fold(opened: gc.Result) -> None:
    table = opened.models["gru"].forecast()
    last = opened.prices.table.groupby("symbol").last()
    assert list(zip(table["symbol"], table["step"], strict=True)) == [("A", 1), ("A", 2), ("B", 1), ("B", 2)]
    assert set(table["fold"]) == {1}
    assert np.array_equal(table["anchor"], last["close"].loc[table["symbol"]])
    after = table["time"] - last["session"].loc[table["symbol"]].to_numpy()
    assert (after >= pd.to_timedelta(table["step"], unit="D")).all() and after.max() < pd.Timedelta("5D")


def test_newer_prices_are_forecast_from_their_own_last_bar(opened: gc.Result) -> None:
    networks = opened.models["gru"]
    newer = daily(pd.concat([walk_frame("A", 170, 0), walk_frame("B", 170, 1)]))
    table = networks.forecast(newer)
    assert set(table["symbol"]) == {"A", "B"} and set(table["fold"]) == {1}
    assert (table["origin"] == newer.table["session"].max()).all()
    dates = list(newer.table["session"].iloc[[-5, -1]])
    both = networks.forecast(newer, origins=dates)
    assert sorted(set(both["origin"])) == dates
    at_the_end = both[both["origin"] == dates[1]].reset_index(drop=True)
    pd.testing.assert_frame_equal(at_the_end, table, check_exact=True)
    alone = networks.forecast(newer.select("B"))
    assert set(alone["symbol"]) == {"B"}
    pd.testing.assert_frame_equal(alone, table[table["symbol"] == "B"].reset_index(drop=True), rtol=1e-6)


def test_an_origin_is_forecast_by_a_fold_that_knows_nothing_after_it(opened: gc.Result) -> None:
    networks = opened.models["gru"]
    starts = networks.members.groupby("fold")["test_start"].first()
    origins = opened.prices.table["session"][lambda session: session >= starts[0]].unique()
    table = networks.forecast(origins=origins)
    assert (table["fold"] == np.where(table["origin"] >= starts[1], 1, 0)).all()
    assert set(table["fold"]) == {0, 1}
    with pytest.raises(
        SettingError, match=f"an origin lies before {starts[0]:%Y-%m-%d}.*every fold was trained"
    ):
        networks.forecast(origins=[origins[-1], starts[0] - pd.Timedelta("1D")])


def test_fitted_values_are_called_so(opened: gc.Result) -> None:
    networks = opened.models["gru"]
    origins = opened.prices.table["session"].unique()[[20, 21, -1]]
    with pytest.warns(
        DataWarning, match=r"^4 origins before .* where the test of fold 1 begins: .* fitted values"
    ):
        table = networks.forecast(origins=origins, fold=1)
    assert set(table["fold"]) == {1} and len(set(table["origin"])) == 3
    known = networks.forecast(origins=origins[-1:], fold=0)  # later than its test
    assert set(known["fold"]) == {0}


@pytest.mark.parametrize("pooled", [True, False])
def test_who_was_left_out_of_a_fold_is_left_out_of_its_forecasts(pooled: bool) -> None:
    short = walk_frame("S", 40, 3, start="2015-09-10")
    prices = daily(pd.concat([walk_frame("A", 220, 0), short], ignore_index=True))
    with pytest.warns(DataWarning, match=r"left out of these folds: S \(fold 0, 1\)"):
        run = gc.compare(prices, [{"rnn": EVERY_OUTPUT["point"]}], pooled=pooled, **HOW)
    with pytest.warns(DataWarning) as caught:
        table = run.models["rnn"].forecast()
    assert set(table["symbol"]) == {"A"}
    assert [str(one.message) for one in caught] == [
        "no forecast of S (fewer than 10 training windows in fold 1)"
    ]
    with pytest.warns(DataWarning, match=r"S \(fewer than 10 training windows in fold 0, 1\)"):
        run.models["rnn"].forecast(origins=origins_of(run))
    with pytest.raises(DataError, match=r"no symbol can be forecast: S \(fewer than 10"):
        run.models["rnn"].forecast(prices.select("S"))
    if not pooled:
        assert set(run.models["rnn"].members["symbol"]) == {"A"}
        assert run.models["rnn"].state_dict(symbol="A")["weight_hh_l0"].shape == (2, 2)
        with pytest.raises(SettingError, match=r"symbol = .S.: fewer than 10 training windows in fold 1"):
            run.models["rnn"].state_dict(symbol="S")
        with pytest.raises(SettingError, match="symbol = None: choose one of A, S"):
            run.models["rnn"].state_dict()


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"fold": 2}, SettingError, "fold = 2: there is no such fold; they are 0 to 1"),
        ({"fold": -1}, SettingError, "fold = -1"),
        ({"seed": 7}, SettingError, "seed = 7: there is no such seed; they are 0 to 1"),
        ({"origins": "soon"}, SettingError, "origins = 'soon': no dates; write YYYY-MM-DD"),
        ({"origins": [None]}, SettingError, "origins"),
        ({"origins": []}, SettingError, "origins"),
        ({"origins": "2015-08-08"}, DataError, "no session in these prices: 2015-08-08"),
        ({"origins": "2015-01-02", "fold": 0}, DataError, "too few sessions before 2015-01-02"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_named(
    opened: gc.Result, asked: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        opened.models["gru"].forecast(**asked)


def test_prices_that_do_not_fit(opened: gc.Result) -> None:
    networks = opened.models["gru"]
    with pytest.raises(DataError, match="C was not among the symbols fitted"):
        networks.forecast(daily(walk_frame("C", 60, 3)))
    with pytest.raises(DataError, match="fitted were log_return, log_range, log_body, log_volume_change"):
        networks.forecast(daily(walk_frame("A", 60, 3).drop(columns="volume")))


# Weights --------------------------------------------------------------------------------------------------


def test_weights_windows_and_scales_are_the_forecast(opened: gc.Result) -> None:
    """By hand, in NumPy: what a user does who takes the network elsewhere."""
    networks, origins = opened.models["mine"], origins_of(opened)[:9]
    windows = networks.windows(origins=origins)
    table = networks.forecast(origins=origins, seed=1)
    assert windows.shape == (len(table) // 2, 4, 4) and windows.dtype == np.float32
    assert set(table["fold"]) == {0}
    weights = {
        name.removesuffix("_l0"): value.astype(np.float64)
        for name, value in networks.state_dict(fold=0, seed=1).items()
    }
    zeros = np.zeros((len(windows), 2))
    y = layer(
        "rnn", windows.astype(np.float64), (zeros,), weights, np.zeros((len(windows), 4, 2)), (zeros,)
    ).final[0]
    hidden, out = (networks.state_dict(fold=0, seed=1, layer=name) for name in ("mlp.0", "out"))
    y = np.maximum(y @ hidden["weight"].T + hidden["bias"], 0) @ out["weight"].T + out["bias"]
    for symbol in "AB":
        mine, scale = table["symbol"] == symbol, networks.scale(fold=0, symbol=symbol)
        returns = y[mine[::2]] * scale["y_scale"] + scale["y_offset"]
        expected = table.loc[mine, "anchor"] * np.exp(returns.ravel())
        np.testing.assert_allclose(table.loc[mine, "forecast"], expected, rtol=1e-6)
        assert not np.allclose(table.loc[mine, "change"], 0, atol=1e-5)


def test_pytorch_takes_the_weights_and_forecasts_the_same(opened: gc.Result) -> None:
    torch = pytest.importorskip("torch")
    networks, origins = opened.models["gru"], origins_of(opened)[-9:]
    gru, out = torch.nn.GRU(4, 2, batch_first=True), torch.nn.Linear(2, 2)
    for module, name in ((gru, "recurrent"), (out, "out")):
        weights = networks.state_dict(seed=0, layer=name)
        module.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
    with torch.no_grad():
        _, last = gru(torch.from_numpy(networks.windows(origins=origins)))
        y = out(last[-1]).numpy()
    table = networks.forecast(origins=origins, seed=0)
    scales = {symbol: networks.scale(symbol=symbol)["y_scale"] for symbol in "AB"}
    returns = y * np.stack([scales[symbol] for symbol in table["symbol"][::2]])
    np.testing.assert_allclose(table["forecast"], table["anchor"] * np.exp(returns.ravel()), rtol=1e-6)


def test_the_members_are_those_of_the_training_log(opened: gc.Result) -> None:
    members = opened.models["gru"].members
    assert list(zip(members["fold"], members["seed"], strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert members["symbol"].isna().all() and (members["epochs"] > 0).all()
    starts = opened.forecasts.groupby("fold")["origin"].min()
    assert np.array_equal(members["test_start"], starts[members["fold"]])


def test_scales_are_copies(opened: gc.Result) -> None:
    networks = opened.models["gru"]
    before = networks.forecast()
    networks.scale(symbol="A")["x_scale"][:] = 9
    networks.state_dict()["weight_hh_l0"][:] = 9
    pd.testing.assert_frame_equal(networks.forecast(), before, check_exact=True)


def test_models_are_the_networks_alone(opened: gc.Result) -> None:
    assert "naive" not in opened.models and "gru" in opened.models and len(opened.models) == 2
    assert opened.models.get("naive") is None
    with pytest.raises(KeyError, match="is no network; its networks: gru, mine"):
        opened.models["naive"]
    with pytest.raises(KeyError, match=r"is not in this run.*Did you mean .*gru"):
        opened.models["grü"]
    assert opened.models["gru"] is opened.models["gru"]
    assert repr(opened.models) == "Models(gru, mine)"
    assert repr(opened.models["gru"]) == (
        "TrainedNetworks(gru: gru, hidden_size=2, output=point; 2 folds, 2 seeds)"
    )


# Code that a run names ------------------------------------------------------------------------------------


def test_features_of_a_strangers_run_are_not_run_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves = "def moves(prices):\n    return prices[{}].pct_change()\n"
    (tmp_path / "own_moves.py").write_text(moves.format(["open", "high", "low", "close"]))
    monkeypatch.syspath_prepend(tmp_path)
    networks = {"rnn": EVERY_OUTPUT["point"]}
    how = {**HOW, "seeds": 1, "replace_features": True}
    run = gc.compare(daily(walk_frame("A", 220, 0)), [networks], features="own_moves:moves", **how)
    expected = run.models["rnn"].forecast()
    folder = run.save(tmp_path / "run", charts=False)
    closed = gc.open_run(folder).models["rnn"]
    assert closed.state_dict()["weight_ih_l0"].shape == (2, 4)
    with pytest.raises(RunError, match=r"names code: features = 'own_moves:moves'.*allow_code=True"):
        closed.forecast()
    trusted = gc.open_run(folder, allow_code=True).models["rnn"]
    pd.testing.assert_frame_equal(trusted.forecast(), expected, check_exact=True)
    (tmp_path / "own_moves.py").write_text(moves.format(["high", "low"]))
    monkeypatch.delitem(sys.modules, "own_moves")
    importlib.invalidate_caches()
    with pytest.raises(RunError, match=r"read 4 features, and the prices of this run give 2 \(high, low\)"):
        gc.open_run(folder, allow_code=True).models["rnn"].forecast()


# Files of strangers ---------------------------------------------------------------------------------------


def rehashed(folder: Path) -> Path:
    """The folder with hashes in its verdict that fit, as an author could write them."""
    verdict = json.loads((folder / "verdict.json").read_text())
    for file in verdict["files"]:
        verdict["files"][file] = sha256_of(folder / file)
    (folder / "verdict.json").write_text(json.dumps(verdict))
    return folder


@pytest.mark.parametrize("name", ["gru.json", "gru.safetensors"])
def test_a_changed_or_missing_file_is_found_when_it_is_asked_for(
    copy: Path, opened: gc.Result, name: str
) -> None:
    file = copy / "models" / name
    file.write_bytes(file.read_bytes().replace(b"1", b"2", 1))
    run = gc.open_run(copy)
    assert run.verdict == opened.verdict and list(run.models) == ["gru", "mine"]
    with pytest.raises(RunError, match=rf"{name}: missing, or changed after the run"):
        run.models["gru"]
    assert len(run.models["mine"].forecast())
    file.unlink()
    with pytest.raises(RunError, match=rf"{name}: missing, or changed after the run"):
        gc.open_run(copy).models["gru"]


def test_networks_of_another_model_are_refused(copy: Path) -> None:
    for end in ("json", "safetensors"):
        shutil.copy(copy / "models" / f"mine.{end}", copy / "models" / f"gru.{end}")
    with pytest.raises(RunError, match="gru: not the networks of this run \\(another network\\)"):
        gc.open_run(rehashed(copy)).models["gru"]


def of_population(fitted, **parts):
    return [replace(one, population=replace(one.population, **parts)) for one in fitted]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: of_population(f, training=gc.Training(epochs=9)), "another training"),
        (lambda f: of_population(f, lookback=5), "another lookback"),
        (lambda f: [replace(one, left_out=("Z",)) for one in f], "fold 0 leaves out a symbol without prices"),
        (lambda f: of_population(f, owner=(0,) * 4), "the networks of fold 0 are of other symbols"),
        (
            lambda f: of_population(
                f, members=tuple(replace(m, seed=m.seed + 1) for m in f[0].population.members)
            ),
            "other seeds",
        ),
    ],
)
def test_networks_that_are_not_the_experiments_are_refused(
    result: gc.Result, tmp_path: Path, change, message: str
) -> None:
    changed = replace(result, fitted={name: change(result.fitted[name]) for name in result.fitted})
    folder = changed.save(tmp_path / "run", charts=False)
    with pytest.raises(RunError, match=rf"gru: not the networks of this run \({message}"):
        gc.open_run(folder).models["gru"]


def test_a_run_that_was_opened_is_saved_with_its_networks(
    opened: gc.Result, run_folder: Path, tmp_path: Path
) -> None:
    again = opened.save(tmp_path / "again", charts=False)
    for name in ("gru.json", "gru.safetensors", "mine.json", "mine.safetensors"):
        assert (again / "models" / name).read_bytes() == (run_folder / "models" / name).read_bytes()
    assert load_network(again / "models" / "gru")[0].lookback == 4


# Inside -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gru", "mine"])
def test_the_trace_at_an_origin_gives_its_forecast(opened: gc.Result, name: str) -> None:
    """Its last hidden states through the head, scaled back, are the seed's returns."""
    networks = opened.models[name]
    origins = origins_of(opened)[-3:]
    states = networks.trace(origins=origins, seed=1)["hidden_l0"][:, -1]
    assert networks.trace(origins=origins, seed=1)["hidden_l0"].shape == (len(states), 4, 2)
    table = networks.forecast(origins=origins, seed=1)
    for head in ("mlp.0", "out") if name == "mine" else ("out",):
        weights = networks.state_dict(seed=1, layer=head)
        states = states @ weights["weight"].T + weights["bias"]
        states = np.maximum(states, 0) if head != "out" else states
    symbols = table["symbol"].to_numpy()[::2]
    scales = [networks.scale(symbol=symbol) for symbol in symbols]
    returns = [row * one["y_scale"] + one["y_offset"] for row, one in zip(states, scales, strict=True)]
    np.testing.assert_allclose(np.expm1(np.concatenate(returns)), table["change"], atol=1e-7)


def test_gates_are_drawn_at_an_origin_of_a_symbol(opened: gc.Result) -> None:
    networks = opened.models["gru"]
    plot = networks.plot_gates(origin=origins_of(opened)[-1], symbol="A")
    titles = [strip["title"]["text"] for strip in plot.chart.to_dict()["vconcat"]]
    assert titles[0] == "what it reads" and titles[-1].startswith("hidden state")
    with pytest.raises(SettingError, match="choose one of A, B"):
        networks.plot_gates()
