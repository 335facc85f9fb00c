"""What the tutorials print, on the files they had; and the arithmetic of their faults."""

import jax.numpy as jnp
import numpy as np
import pytest
from gatecast.recipes.common import label_of, mae, minmax, read_prices, rmse, run, standard

from gatecast.recipes import california, google, kospi, samsung, tesla

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")


def facts(module, path, epochs=1):
    return run(module.RECIPE, data=path, epochs=epochs, corrected=False).as_written.facts


def test_tesla(real):
    found = facts(tesla, real("tesla"))
    assert found["rows"] == 2541
    assert found["train_rows"] == 2033
    assert found["x_train"] == [2023, 10, 1]
    assert found["x_test"] == [508, 10, 1]
    assert found["scaled_first"] == pytest.approx([0.00497173, 0.00493486, 0.00378564], abs=5e-9)
    assert (found["test_first"], found["test_first_close"]) == ("2018-07-26", 61.330002)
    assert found["printed_rmse"] == pytest.approx(abs(found["mean_error"]))
    assert found["rmse"] > 1.5 * found["printed_rmse"], "errors of both signs cancel in what it prints"
    assert found["naive_rmse"] == pytest.approx(5.506536, abs=1e-6)
    frame = read_prices(real("tesla"))
    arrays = tesla.prepare(frame)
    np.testing.assert_allclose(arrays.x_test[0, :, 0], arrays.scaler.forward(arrays.close)[2023:2033])
    assert arrays.y_train[0] == arrays.x_train[1, -1, 0]


def test_google(real):
    found = facts(google, real("google"), epochs=2)
    assert found["rows"] == 1258
    assert found["x_first"] == pytest.approx([0.08581368, 0.11558367], abs=5e-9)
    assert found["y_first"] == pytest.approx(0.09701243, abs=5e-9)
    assert found["y_last"] == pytest.approx(0.93688146, abs=5e-9)
    assert (found["pairs"], found["train_pairs"], found["test_pairs"]) == (1250, 875, 375)
    assert found["x"] == [1250, 7, 2]
    assert found["last_test_batch"] == 25
    assert found["mae_as_printed"] - found["mae"] == pytest.approx(279.12)
    assert found["mae_from_zero_states"] != found["mae"], "the states left behind matter"
    assert found["loop_to_scan"] < 1e-6
    assert found["scan_to_engine"] < 1e-6


def test_google_is_two_days_ahead_and_its_0_0756_are_40_63_dollars(real):
    arrays = google.prepare(read_prices(real("google")))
    scaler, opens = arrays.scaler, arrays.open
    assert scaler.back(arrays.X[0, -1, 0]) == pytest.approx(opens[6])
    assert scaler.back(arrays.y[0]) == pytest.approx(opens[8])
    assert 0.0756 * scaler.scale == pytest.approx(40.63, abs=0.03)
    assert google.wrongly_turned_back(0.0756, scaler) == pytest.approx(319.75, abs=0.03)


def test_googles_loop_scan_and_the_engine_agree_from_any_state(stand_in):
    arrays = google.prepare(read_prices(stand_in("google")))
    fit = google.train(arrays, 3, 0)
    weights, X = fit.trained[0].params, arrays.X[:40]
    rng = np.random.default_rng(0)
    h, c = (rng.normal(0, 0.5, (40, 4)).astype(np.float32) for _ in range(2))
    loop, loop_state = google.loop_lstm(weights, X, (jnp.asarray(h), jnp.asarray(c)))
    scan, scan_state = google.scan_lstm(weights, X, (jnp.asarray(h), jnp.asarray(c)))
    engine, engine_state = fit.predict(X, state=(h[None, None], c[None, None]), return_state=True)
    np.testing.assert_allclose(loop, scan, atol=1e-6)
    np.testing.assert_allclose(scan, engine, atol=1e-6)
    for ours, scanned, theirs in zip(loop_state, scan_state, engine_state, strict=True):
        np.testing.assert_allclose(ours, scanned, atol=1e-6)
        np.testing.assert_allclose(scanned, np.asarray(theirs)[0, 0], atol=1e-6)
    assert np.abs(np.asarray(scan) - fit.predict(X)).max() > 1e-3, "the state matters"


def test_google_forecasts_depend_on_their_place_in_the_batch(stand_in):
    answer = google.pipeline(read_prices(stand_in("google")), epochs=3)
    whole = answer["forecasts"]
    alone = answer["predict"](whole["origin"].iloc[[5]])
    assert alone["date"].item() == whole["date"].iloc[5]
    assert alone["forecast"].item() != whole["forecast"].iloc[5]
    again = answer["predict"](whole["origin"])
    np.testing.assert_array_equal(again["forecast"], whole["forecast"])


def test_samsung(real):
    frame = read_prices(real("samsung"))
    arrays = samsung.prepare(frame)
    assert (len(arrays.close), arrays.split, len(arrays.close) - arrays.split) == (98, 79, 19)
    assert [label_of(arrays.dates[i]) for i in (0, 78, 79, 97)] == [
        "2022-01-04",
        "2022-04-29",
        "2022-05-02",
        "2022-05-30",
    ]
    assert arrays.X.shape == (98, 1, 5)
    assert set(arrays.columns) == {"Open", "High", "Low", "Adj Close", "Volume"}
    np.testing.assert_allclose(arrays.X.mean(axis=(0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(arrays.X.std(axis=(0, 1)), 1)
    assert (arrays.y.min(), arrays.y.max()) == (0, 1)
    ratio = (frame["Adj Close"] / frame["Close"]).loc["2022-01-04":"2022-05-30"]
    assert ratio.between(0.969, 0.976).all(), "the answer itself"
    without = samsung.prepare(frame.drop(columns="Adj Close"))
    assert without.X.shape == (98, 1, 4), "the text's input_size=4"


def test_kospi(real):
    arrays = kospi.prepare(read_prices(real("kospi")))
    assert arrays.X.shape == (426, 5, 4)
    assert arrays.split == 213
    assert arrays.X.min() == 0
    assert arrays.y.max() == 1
    later = arrays.close[arrays.split + 5 :]
    known = arrays.close[: arrays.split + 5]
    assert later.max() > known.max()
    assert later.min() < known.min(), "what an honest sigmoid could not say"
    assert arrays.scaler.back(arrays.y[0]) == pytest.approx(arrays.close[5])
    np.testing.assert_allclose(arrays.X[1, 0], arrays.X[0, 1])


def test_california(real):
    frame = california.read(real("california"))
    arrays = california.prepare(frame, standard)
    assert len(frame) == 17_000
    assert arrays.x_train.shape == (11_900, 1, 8)
    assert arrays.x_test.shape == (5_100, 1, 8)
    means = [float(scaler.offset) for scaler in (arrays.right, arrays.left)]
    assert means == pytest.approx([198_473, 227_899], abs=0.5)
    both = california.prepare(frame, minmax)
    assert (both.left.offset, both.left.scale) == (both.right.offset, both.right.scale), "harmless by luck"
    assert frame["longitude"].is_monotonic_decreasing, "sorted from east to west"


@pytest.mark.slow
def test_california_trained(real):
    found = facts(california, real("california"))
    assert (found["rows"], found["train_rows"], found["test_rows"]) == (17_000, 11_900, 5_100)
    assert found["x_train"] == [11_900, 1, 8]
    assert found["target_ranges"] == [[14_999, 500_001], [14_999, 500_001]]
    assert found["target_means"] == pytest.approx([198_473, 227_899], abs=0.5)
    right, wrong = (
        [found[name][error] for name in ("minmax", "standard")]
        for error in ("train_rmse", "train_rmse_turned_back_wrongly")
    )
    assert right[0] == pytest.approx(wrong[0]), "harmless by luck"
    assert abs(right[1] - wrong[1]) > 1000
    assert all(found[name]["test_rmse"] > 50_000 for name in ("minmax", "standard"))


def test_california_fits_one_scaler_four_times(stand_in):
    frame = california.read(stand_in("california"))
    arrays = california.prepare(frame, standard)
    value = frame["median_house_value"].to_numpy()
    assert arrays.split == 280
    assert (float(arrays.right.offset), float(arrays.left.offset)) == pytest.approx(
        (value[:280].mean(), value[280:].mean())
    )
    np.testing.assert_allclose(arrays.x_test.mean(axis=0), 0, atol=1e-12)
    assert np.abs(arrays.x_test_right.mean(axis=0)).max() > 0.5


def test_in_advance_moves_every_description_to_the_row_before(stand_in):
    frame = california.read(stand_in("california"))
    moved = california.in_advance(frame)
    assert len(moved) == len(frame) - 1
    np.testing.assert_array_equal(moved["median_income"], frame["median_income"][1:])
    np.testing.assert_array_equal(moved["median_house_value"], frame["median_house_value"][:-1])


def test_linear_regression_finds_a_plane():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3))
    y = x @ [1.0, -2.0, 3.0] + 4
    np.testing.assert_allclose(california.linear_regression(x[:40], y[:40], x[40:]), y[40:])


def test_teslas_formula_is_the_mean_error():
    forecast, actual = np.array([3.0, 1.0, 5.0]), np.array([1.0, 4.0, 3.0])
    assert tesla.wrong_rmse(forecast, actual) == pytest.approx(1 / 3)
    assert rmse(forecast, actual) == pytest.approx(np.sqrt(17 / 3))
    assert mae(forecast, actual) == pytest.approx(7 / 3)


def test_the_scalers_are_scikit_learns():
    x = np.array([[1.0, 5.0, 2.0], [3.0, 5.0, 6.0]])
    np.testing.assert_array_equal(minmax(x).forward(x), [[0, 0, 0], [1, 0, 1]])
    np.testing.assert_array_equal(standard(x).forward(x), [[-1, 0, -1], [1, 0, 1]])
    for scaler in (minmax(x), standard(x)):
        np.testing.assert_allclose(scaler.back(scaler.forward(x)), x)
