from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gatecast.errors import FitWarning
from gatecast.kept import Kept
from gatecast.nn import kernel, population, program
from gatecast.nn.network import apply, exact_products
from gatecast.nn.population import Member, predict, train
from gatecast.nn.program import Dataset
from gatecast.settings.network import Network
from gatecast.settings.training import Training

from .programs import applied, drawn  # isort: skip

T, F, H = 4, 2, 2
NETWORK = Network(cell="gru", hidden_size=3)
TRAIN, VALIDATION, NOISE = np.arange(3, 44), np.arange(50, 63), np.arange(600, 613)
# one compiled program for most tests: how long a member trains is its own affair
HOW = Training(epochs=60, batch_size=8, patience=None, learning_rate=0.05)
NUMBERS = program.hyperparameters_of(HOW, HOW.pace(len(TRAIN)))


@pytest.fixture(scope="module")
def rows() -> Dataset:
    """Targets that can be learned up to row 600, noise after it; the second scale halves everything."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((700, F)).astype(np.float32)
    targets = np.stack([features[:, 0], features.sum(axis=1)], axis=1)
    targets[600:] = rng.standard_normal((100, H))
    one, half = np.ones((1, 1, 1), np.float32), np.full((1, 1, 1), 2, np.float32)
    scale = np.concatenate([one, half])
    shift = np.zeros((2, 1, 1), np.float32)
    return Dataset(
        features,
        targets,
        np.zeros(700, np.int32),
        *(np.repeat(part, width, axis=2) for width in (F, H) for part in (shift, scale)),
    )


def member(seed: int = 0, epochs: int = 6, scale: int = 0, validation=VALIDATION) -> Member:
    return Member(seed, 0, NETWORK.tag, scale, TRAIN, validation, epochs)


def windows(rows: Dataset, origins):
    return np.stack([rows.features[o - T + 1 : o + 1] for o in origins])


def equal(one, other) -> bool:
    return all(np.array_equal(one.params[name], other.params[name]) for name in one.params)


def test_equals_a_plain_loop_over_sliced_windows(rows):
    """Batches in order, the last one short; Adam; the loss is the mean over the rows of the epoch."""
    how = Training(epochs=3, batch_size=16, shuffle=False, patience=None, clip_norm=0.1, learning_rate=0.01)
    (ours,) = train(NETWORK, how, rows, [member(epochs=3, validation=TRAIN[:0])], lookback=T)
    params = drawn(NETWORK, member().key, features=F, lookback=T, horizon=H)
    optimizer = optax.chain(optax.clip_by_global_norm(0.1), optax.adam(0.01))
    state, losses = optimizer.init(params), []

    def loss(params, x, y):
        return jnp.mean((apply(NETWORK, params, x)[0] - y) ** 2)

    @jax.jit
    def step(params, state, x, y):
        value, gradient = jax.value_and_grad(loss)(params, x, y)
        update, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, update), state, value

    exactly = exact_products()(step)
    for _ in range(3):
        total = 0.0
        for start in range(0, len(TRAIN), 16):
            batch = TRAIN[start : start + 16]
            params, state, value = exactly(params, state, windows(rows, batch), rows.targets[batch])
            total += float(value) * len(batch)
        losses.append(total / len(TRAIN))
    np.testing.assert_allclose(ours.loss, losses, rtol=1e-5)
    for name in params:
        np.testing.assert_allclose(ours.params[name], params[name], atol=1e-5, err_msg=name)


def test_the_best_validation_epoch_is_kept(rows):
    (ours,) = train(NETWORK, HOW, rows, [member(epochs=40, validation=NOISE)], lookback=T)
    assert len(ours.validation_loss) == 40
    assert ours.best_epoch == 1 + np.argmin(ours.validation_loss) < 40
    (forecast,) = predict(NETWORK, rows, [(ours.params, 0, NOISE)], lookback=T)
    loss = ((forecast - rows.targets[NOISE]) ** 2).mean()
    np.testing.assert_allclose(loss, ours.validation_loss.min(), rtol=1e-5)


def test_patience_ends_the_training(rows):
    how = HOW.changed(patience=3)
    (ours,) = train(NETWORK, how, rows, [member(epochs=60, validation=NOISE)], lookback=T)
    assert len(ours.loss) == ours.best_epoch + 3 < 60


def test_without_validation_the_last_epoch_is_kept_and_patience_has_no_effect(rows):
    how = HOW.changed(patience=3)
    (ours,) = train(
        NETWORK, how, rows, [member(epochs=20, validation=TRAIN[:0])], lookback=T, room=(len(TRAIN), 13)
    )
    assert ours.best_epoch == len(ours.loss) == 20
    assert np.isnan(ours.validation_loss).all()


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="side by side, sums may round differently")
def test_a_member_depends_on_nobody_beside_it(rows):
    everyone = [member(seed, epochs=5, scale=seed % 2) for seed in range(4)]
    together = train(NETWORK, HOW, rows, everyone, lookback=T)
    backwards = train(NETWORK, HOW, rows, everyone[::-1], lookback=T)[::-1]
    (alone,) = train(NETWORK, HOW, rows, everyone[2:3], lookback=T)
    assert all(equal(one, other) for one, other in zip(together, backwards, strict=True))
    assert equal(together[2], alone)
    assert not equal(together[0], together[2])


@pytest.fixture(params=["kernel", pytest.param("jax", marks=pytest.mark.full)])
def engine(request, monkeypatch):
    if request.param == "jax":
        monkeypatch.setattr(kernel, "available", lambda dtype: False)
    jax.clear_caches()
    yield request.param
    jax.clear_caches()


@pytest.mark.slow
@pytest.mark.usefixtures("engine")
def test_members_side_by_side_as_on_a_gpu_equal_those_alone(rows, monkeypatch):
    """Other lengths, epochs, scales and stops beside each other; the last group is filled up."""
    how = HOW.changed(patience=2)
    everyone = [
        member(0),
        replace(member(1, epochs=4, scale=1), train=TRAIN[:17]),
        member(2, epochs=30, validation=NOISE),
        replace(member(3, epochs=3), train=TRAIN[:9], validation=NOISE[:4]),
        member(4, epochs=5),
        member(5, epochs=5, validation=TRAIN[:0]),
        member(6, epochs=5),
    ]
    jobs = [(np.arange(3, 40), 0), (np.arange(50, 53), 1), (TRAIN[:0], 0)]

    def results():
        trained = train(NETWORK, how, rows, everyone, lookback=T)
        asked = [(one.params, scale, at) for one, (at, scale) in zip(trained, jobs, strict=False)]
        return trained, predict(NETWORK, rows, asked, lookback=T)

    alone, forecast_alone = results()
    assert alone[2].best_epoch + 2 == len(alone[2].loss) < 30  # stopped early
    monkeypatch.setattr(population, "_side_by_side", lambda *shapes: 2)
    beside, forecast_beside = results()
    for one, other in zip(alone, beside, strict=True):
        assert one.best_epoch == other.best_epoch
        np.testing.assert_allclose(one.loss, other.loss, rtol=1e-4)
        np.testing.assert_allclose(one.validation_loss, other.validation_loss, rtol=1e-4)
        for name in one.params:
            np.testing.assert_allclose(one.params[name], other.params[name], atol=1e-4, err_msg=name)
    for one, other in zip(forecast_alone, forecast_beside, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_gpu_trains_as_many_side_by_side_as_fit(rows, monkeypatch):
    class Device:
        platform = "gpu"

        def memory_stats(self):
            return {"bytes_limit": 2**30}

    monkeypatch.setattr(jax, "devices", lambda: [Device()])
    few, many, large = (
        population._side_by_side(net, rows, 20, 64, members)
        for net, members in ((NETWORK, 7), (NETWORK, 100_000), (NETWORK.changed(hidden_size=512), 64))
    )
    assert few == 7
    groups = -(-100_000 // many)
    assert 100 < many < 100_000
    assert many * groups - 100_000 < groups  # of one size, hardly any place left empty
    assert 1 <= large < 64


def test_keys_of_many_members_are_their_own():
    everyone = [member(seed) for seed in (0, 5, 2**31 - 1)]
    keys = jax.vmap(lambda one: one.key)(population._on_device(everyone, 48, 13, NUMBERS))
    for one, key in zip(everyone, keys, strict=True):
        assert one.key == key


def test_how_often_the_host_looks_in_changes_nothing(rows, monkeypatch):
    (usual,) = train(NETWORK, HOW, rows, [member(epochs=5)], lookback=T)
    monkeypatch.setattr(population, "LOOK_SECONDS", 0.0)
    (step_by_step,) = train(NETWORK, HOW, rows, [member(epochs=5)], lookback=T)
    assert equal(usual, step_by_step)
    np.testing.assert_array_equal(usual.loss, step_by_step.loss)


def test_an_epoch_visits_every_origin_once(rows):
    (padded,) = jax.tree.map(lambda part: part[0], [population._on_device([member()], 48, 13, NUMBERS)])
    one = program.program_of(NETWORK, Training(), lookback=T, batch=16)
    first, second = (np.asarray(one.order(jax.random.key(seed), padded)) for seed in (1, 2))
    assert sorted(first[: len(TRAIN)]) == sorted(second[: len(TRAIN)]) == list(TRAIN)
    assert not np.array_equal(first, second)


def test_scales_apply_to_inputs_and_back_to_outputs(rows):
    (one,) = train(NETWORK, HOW, rows, [member(epochs=1)], lookback=T)
    (forecast,) = predict(NETWORK, rows, [(one.params, 1, VALIDATION)], lookback=T)
    with exact_products():
        expected = 2 * np.asarray(applied(NETWORK, one.params, windows(rows, VALIDATION) / 2)[0])
    np.testing.assert_allclose(forecast, expected, rtol=1e-5)


def test_predictions_in_several_chunks_equal_those_at_once(rows, monkeypatch):
    (one,) = train(NETWORK, HOW, rows, [member(epochs=1)], lookback=T)
    jobs = [(one.params, 0, np.arange(3, 699)), (one.params, 0, np.arange(3, 40))]
    small, few = predict(NETWORK, rows, jobs, lookback=T)
    monkeypatch.setattr(program, "CHUNK", 10_000)
    large, _ = predict(NETWORK, rows, jobs, lookback=T)
    np.testing.assert_allclose(small, large, atol=1e-6)
    np.testing.assert_allclose(few, large[:37], atol=1e-6)


def test_no_batch_size_means_all_rows_in_one_step(rows):
    whole = Training(epochs=4, batch_size=None, shuffle=False)
    large = Training(epochs=4, batch_size=10_000, shuffle=False)
    one, other = (train(NETWORK, how, rows, [member(epochs=4)], lookback=T)[0] for how in (whole, large))
    assert equal(one, other)


def test_the_epochs_of_a_pass_are_the_pass(rows):
    """41 rows in batches of 8 are 6 steps: at most 4 to an epoch, two of 3."""
    whole, cut = (HOW.changed(steps_per_epoch=steps) for steps in (None, 4))
    (one,) = train(NETWORK, whole, rows, [member(epochs=1)], lookback=T)
    (other,) = train(NETWORK, cut, rows, [member(epochs=2)], lookback=T)
    np.testing.assert_allclose(other.loss @ [24, 17] / 41, one.loss[0], rtol=1e-6)
    assert other.validation_loss[1] == one.validation_loss[0] != other.validation_loss[0]
    assert other.best_epoch != 2 or equal(one, other)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_passes_follow_each_other(rows, steps):
    """In order, two passes are the same steps however they are cut into epochs."""
    how = HOW.changed(shuffle=False)
    epochs = 2 * (-(-6 // steps))
    (one,) = train(NETWORK, how, rows, [member(epochs=2, validation=TRAIN[:0])], lookback=T)
    cut = how.changed(steps_per_epoch=steps)
    (other,) = train(NETWORK, cut, rows, [member(epochs=epochs, validation=TRAIN[:0])], lookback=T)
    assert len(other.loss) == epochs
    assert equal(one, other)


def test_few_rows_are_trained_as_in_batches_of_128(rows):
    usual = Training(epochs=3, batch_size=128)
    one, other = (train(NETWORK, how, rows, [member()], lookback=T)[0] for how in (Training(epochs=3), usual))
    assert equal(one, other)
    assert np.array_equal(one.validation_loss, other.validation_loss)


def test_the_pace_is_that_of_the_first_fold_whatever_comes_later():
    """Search and refit have the same number of rows; later folds have more."""
    search = [replace(member(), fold=fold, train=np.arange(3, 3 + n)) for fold, n in ((1, 40), (0, 20))]
    refit = [replace(one, train=np.r_[one.train, VALIDATION], validation=VALIDATION[:0]) for one in search]
    assert population.training_rows(search) == population.training_rows(refit) == 33


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "weight_decay"),
    [
        ("adam", 0.01),
        pytest.param("adamw", 0.01, marks=pytest.mark.full),
        ("sgd", 0.0),
        pytest.param("rmsprop", 0.0, marks=pytest.mark.full),
    ],
)
def test_every_optimizer_learns(rows, optimizer, weight_decay):
    rate = 0.3 if optimizer == "sgd" else 0.02
    how = Training(
        epochs=60, optimizer=optimizer, weight_decay=weight_decay, learning_rate=rate, patience=None
    )
    (ours,) = train(NETWORK, how, rows, [member(epochs=60)], lookback=T)
    assert ours.loss[-1] < 0.7 * ours.loss[0]


def test_a_network_that_diverges_is_named(rows):
    wild = rows._replace(targets=rows.targets * np.float32(1e30))
    with pytest.warns(FitWarning, match="1 of 1 networks .* diverged"):
        (ours,) = train(NETWORK, HOW, wild, [member(epochs=3)], lookback=T)
    assert ours.best_epoch == 0
    assert all(np.isfinite(value).all() for value in ours.params.values())


def test_ctrl_c_ends_the_training(rows):
    def interrupt(done, members, epochs):
        raise KeyboardInterrupt

    many = [member(seed, epochs=60) for seed in range(200)]
    with pytest.raises(KeyboardInterrupt):
        train(NETWORK, HOW, rows, many, lookback=T, progress=interrupt)


def test_progress_ends_with_everyone_done(rows):
    seen = []
    train(
        NETWORK,
        HOW,
        rows,
        [member(s, epochs=2) for s in range(3)],
        lookback=T,
        progress=lambda *state: seen.append(state),
    )
    assert seen[-1] == (3, 3, 6)


def test_every_product_is_asked_for_in_single_precision(rows, monkeypatch):
    """A GPU would take fewer bits otherwise; the processor always has them."""
    monkeypatch.setattr(kernel, "available", lambda dtype: False)
    one = program.program_of(NETWORK, HOW, lookback=T, batch=7)
    group = population._on_device([member()], 42, len(VALIDATION), NUMBERS)
    states = program.init(one, group, rows)
    text = program.run.lower(one, states, group, rows, np.int32(1)).as_text()
    products = [line for line in text.splitlines() if "dot_general" in line]
    assert len(products) > 5
    assert all("precision = [HIGHEST, HIGHEST]" in line for line in products)


# what is kept -------------------------------------------------------------------------------------------


class Stopped(Exception):
    pass


class Stopping(Kept):
    """A keeper that is killed after it has kept so much."""

    left = 3

    def keep(self, *what, **how):
        super().keep(*what, **how)
        self.left -= 1
        if not self.left:
            raise Stopped


@pytest.fixture
def keeps_at_once(monkeypatch):
    monkeypatch.setattr(population, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(population, "LOOK_SECONDS", 1e-9)


@pytest.mark.parametrize(
    "optimizer", ["adam", pytest.param("sgd", marks=[pytest.mark.slow, pytest.mark.full])]
)
def test_a_training_that_is_stopped_again_and_again_has_the_bits_of_one_that_is_not(
    rows, tmp_path, keeps_at_once, optimizer
):
    how, members = HOW.changed(optimizer=optimizer), [member(seed) for seed in range(3)]
    whole = train(NETWORK, how, rows, members, lookback=T)
    stops, resumed = 0, None
    while resumed is None:
        try:
            resumed = train(NETWORK, how, rows, members, lookback=T, keeper=Stopping(tmp_path))
        except Stopped:
            stops += 1
    assert stops > 3
    for one, other in zip(whole, resumed, strict=True):
        assert equal(one, other) and one.best_epoch == other.best_epoch
        np.testing.assert_array_equal(one.loss, other.loss)
        np.testing.assert_array_equal(one.validation_loss, other.validation_loss)
    assert len(list(tmp_path.iterdir())) == 3  # one file each, finished


def test_a_finished_member_is_not_trained_again(rows, tmp_path, monkeypatch):
    kept = Kept(tmp_path)
    (first,) = train(NETWORK, HOW, rows, [member()], lookback=T, keeper=kept)
    assert kept.done == {path.stem for path in tmp_path.iterdir()}
    monkeypatch.setattr(program, "run", None)
    (again,) = train(NETWORK, HOW, rows, [member()], lookback=T, keeper=Kept(tmp_path))
    assert equal(first, again)


@pytest.mark.parametrize("what", ["seed", "epochs", "data", "rate"])
def test_what_was_kept_of_anything_else_is_not_used(rows, tmp_path, what):
    kept = Kept(tmp_path)
    train(NETWORK, HOW, rows, [member(epochs=2)], lookback=T, keeper=kept)
    other, data, how = member(epochs=2), rows, HOW
    if what == "seed":
        other = member(seed=1, epochs=2)
        (file,) = tmp_path.iterdir()
        file.rename(file.with_name(file.name.replace("seed-0", "seed-1")))
    elif what == "epochs":
        other = member(epochs=3)
    elif what == "data":
        data = rows._replace(targets=rows.targets * 2)
    else:
        how = HOW.changed(learning_rate=0.01)
    alone = train(NETWORK, how, data, [other], lookback=T)
    beside = train(NETWORK, how, data, [other], lookback=T, keeper=Kept(tmp_path))
    assert equal(alone[0], beside[0]) and len(alone[0].loss) == len(beside[0].loss)


@pytest.mark.parametrize(("name", "value"), [(".order", 700), (".order", -1), (".epoch", 65), (".step", -1)])
def test_a_half_trained_member_that_points_outside_the_rows_is_not_believed(
    rows, tmp_path, keeps_at_once, name, value
):
    """Compiled code reads the rows that it names."""
    spoiled = {}

    class Spoiling(Kept):
        def keep(self, of, key, arrays, *, finished=True):
            arrays = {**arrays, name: np.full_like(arrays[name], value)}
            super().keep(of, key, arrays, finished=finished)
            spoiled[of] = arrays
            raise Stopped

    with pytest.raises(Stopped):
        train(NETWORK, HOW, rows, [member()], lookback=T, keeper=Spoiling(tmp_path))
    assert len(spoiled) == 1
    (whole,) = train(NETWORK, HOW, rows, [member()], lookback=T)
    (anew,) = train(NETWORK, HOW, rows, [member()], lookback=T, keeper=Kept(tmp_path))
    assert equal(whole, anew)
