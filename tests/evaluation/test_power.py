from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gatecast.distributions import LEVELS
from gatecast.evaluation.losses import ABSOLUTE_ERROR, CRPS, PINBALL, SQUARED_ERROR
from gatecast.evaluation.power import needed, relative_variance
from gatecast.evaluation.significance import diebold_mariano, losses_by_date


def of_loss(forecasts, loss):
    naive = losses_by_date(forecasts, loss)["naive"]
    return relative_variance(forecasts, naive, loss.slope(forecasts), loss.scale(forecasts))


def variance(world, loss=SQUARED_ERROR):
    return of_loss(world.forecasts({}), loss)


def test_an_oracle_of_independent_normal_returns_has_a_differential_of_variance_4(market):
    """2 y g with y and g independent of variance 1."""
    assert 1000 * variance(market(dates=1000)) == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize(("symbols", "common"), [(1, 0.0), (5, 0.0), (5, 0.5)])
@pytest.mark.parametrize("horizon", [1, 4])
def test_the_variance_is_that_of_signals_drawn_by_lot(market, symbols, common, horizon):
    world = market(symbols=symbols, dates=120, horizon=horizon, common=common)
    naive = losses_by_date(world.forecasts({}), SQUARED_ERROR)["naive"]
    returns = np.diff(world.prices, axis=1) / world.prices[:, :-1]
    steps = np.arange(120)[:, None] + np.arange(horizon)
    drawn = []
    for _ in range(1500):
        away = world.rng.integers(1, 16, returns.shape[1]) * world.rng.choice([-1, 1], returns.shape[1])
        at = np.arange(returns.shape[1])
        away = np.where((at + away < 0) | (at + away >= len(at)), -away, away)
        signal = returns[:, at + away] * world.rng.choice([-1, 1], len(at))
        g = np.cumsum(signal[:, steps], axis=2).reshape(-1, horizon)
        drawn.append(np.mean(2 * world.moves * g) / 1e-4)
    assert np.mean(np.square(drawn)) / naive.mean() ** 2 == pytest.approx(variance(world), rel=0.15)


def noise(models, n=400, seed=0):
    rng = np.random.default_rng(seed)
    naive = rng.chisquare(1, n)
    return pd.DataFrame({"naive": naive} | {f"m{i}": naive + rng.normal(0, 0.3, n) for i in range(models)})


def noncentrality(models, **how):
    losses = noise(models)
    tried = list(losses.columns.drop("naive"))
    return needed(losses, "naive", tried, **({"horizon": 1, "pooled": False, "seed": 0} | how))


def test_one_model_needs_what_a_t_test_needs():
    from scipy.stats import nct, t

    b = 22  # cosines of 400 dates
    power = nct.sf(t.ppf(0.95, b), b, noncentrality(1))
    assert power == pytest.approx(0.8, abs=0.03)


def test_more_models_or_fewer_cosines_need_more():
    alone, four, eight = (noncentrality(models) for models in (1, 4, 8))
    assert alone < four < eight
    assert 1.3 < (four / alone) ** 2 < 1.9 and 1.5 < (eight / alone) ** 2 < 2.4
    assert noncentrality(1, horizon=40) > 1.1 * alone


def test_a_model_that_wins_and_loses_with_another_is_tried_once():
    """As two baselines of which one forecasts half of the other's move."""
    losses = noise(2)
    worse = losses[["m0", "m1"]].mean().idxmax()
    more = losses.assign(half=(losses[worse] + losses["naive"]) / 2, same=losses[worse])
    tried = list(more.columns.drop("naive"))
    assert needed(more, "naive", tried, horizon=1, pooled=False, seed=0) == noncentrality(2)


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(SQUARED_ERROR, id="squared_error"),
        pytest.param(ABSOLUTE_ERROR, id="absolute_error", marks=[pytest.mark.slow, pytest.mark.full]),
    ],
)
def test_an_oracle_with_the_printed_skill_is_found_four_times_in_five(market, loss):
    """It knows a share s of the variance: skill s of the squared error, 1 - √(1 - s) of the absolute."""
    found = 0
    for seed in range(150):
        world = market(dates=300, seed=seed)
        y = world.moves
        k = loss.skill_at(2.55**2 * variance(world, loss))
        s = k if loss is SQUARED_ERROR else 1 - (1 - k) ** 2
        signal = s * y + np.sqrt(s * (1 - s)) * 0.01 * world.rng.normal(size=y.shape)
        losses = losses_by_date(world.forecasts({"oracle": signal}), loss)
        found += diebold_mariano(losses["naive"] - losses["oracle"], 1).p_better < 0.05
    assert 105 <= found <= 138
    assert SQUARED_ERROR.skill_at(2.55**2 * 0.01) == 2.55**2 * 0.01 / (1 + 2.55**2 * 0.01)


def test_the_absolute_error_of_independent_normal_returns(market):
    """sign(y) g with g of variance 1, by (E|y|)² = 2 / π."""
    assert 1000 * variance(market(dates=1000), ABSOLUTE_ERROR) == pytest.approx(np.pi / 2, rel=0.1)


def test_distributions_against_a_normal_baseline(market):
    """CRPS by hand: 1/√π, gain ∫ u² φ² = 1 / (4 √π), noise 1/√π - 2 φ(u) of variance 0.0493.

    Of the pinball loss: means over the 17 levels of gain ½ φ(z) z² and loss φ(z), and the noise as drawn.
    """
    world = market(dates=4000)
    forecasts = world.distributed({"garch-t": world.student()})
    found = 4000 * CRPS.relative_variance(forecasts, "garch-t")
    assert found == pytest.approx(0.0493 / (0.1410 * 0.5642), rel=0.1)
    z, u = stats.norm.ppf(LEVELS), np.random.default_rng(0).normal(size=(200_000, 1))
    noise = np.mean(((u < z) - np.array(LEVELS)) * z, axis=1).var()
    gain, loss = np.mean(stats.norm.pdf(z) * z**2) / 2, np.mean(stats.norm.pdf(z))
    found = 4000 * PINBALL.relative_variance(forecasts, "garch-t")
    assert found == pytest.approx(noise / (gain * loss), rel=0.1)


def test_prices_that_never_move_have_no_power(market):
    world = market(dates=40)
    still = world.forecasts({}, actual=np.full((40, 1), 9.0), anchor=np.full(40, 9.0))
    assert np.isnan(of_loss(still, SQUARED_ERROR)) and np.isnan(of_loss(still, ABSOLUTE_ERROR))
