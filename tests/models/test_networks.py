from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import gatecast as gc
from gatecast.models import networks
from gatecast.nn.population import Member
from gatecast.problem.folds import cut_folds
from gatecast.problem.problem import make_problem

from ..populations import outputs_of, trained  # isort: skip

TINY = gc.Network(cell="rnn", hidden_size=2)
QUICK = gc.Training(epochs=8, batch_size=32, patience=2, learning_rate=0.02)


@pytest.fixture(scope="module")
def road(walk):
    frame = pd.concat([walk("A", 200, 0), walk("B", 150, 1, "2015-03-12")], ignore_index=True)
    problem = make_problem(gc.Prices.from_frame(frame, calendar="daily"), lookback=5, horizon=2)
    return problem, cut_folds(problem, folds=2)


def test_refit_trains_once_more_on_train_and_validation_for_the_chosen_epochs(road):
    problem, folds = road
    fitted = trained(TINY, QUICK, problem, folds, seeds=2)
    search, refit = (fitted.history[fitted.history["stage"] == stage] for stage in ("search", "refit"))
    chosen = search[search["kept"]].set_index(["fold", "seed"])["epoch"]
    run = refit.groupby(["fold", "seed"])["epoch"].max()
    pd.testing.assert_series_equal(chosen, run, check_names=False)
    assert len(chosen) == 4
    for member in fitted.members:
        np.testing.assert_array_equal(member.train, folds[member.fold].train_validation)
        assert len(member.validation) == 0


def test_without_refit_the_searched_weights_forecast(road):
    problem, folds = road
    fitted = trained(TINY, QUICK, problem, folds, seeds=1, refit=False)
    assert set(fitted.history["stage"]) == {"search"}
    assert [member.best_epoch for member in fitted.trained] == fitted.history[fitted.history["kept"]][
        "epoch"
    ].tolist()


def test_what_many_rows_change_is_noted_once_for_all_networks():
    auto = QUICK.changed(batch_size="auto")

    def ensembles(rows, training=auto):
        member = Member(0, 0, 0, 0, np.arange(rows - 10), np.arange(10), 1)
        return [networks.FoldEnsemble(SimpleNamespace(training=training, members=(member,)), 0)]

    assert networks.pace_notes({"gru": ensembles(25_600), "rnn": ensembles(10**6, QUICK)}) == []
    (note,) = networks.pace_notes({"gru": ensembles(60_000), "rnn": ensembles(60_000)})
    assert note == (
        "gru, rnn: 60,000 training rows: batches of 512, learning_rate 0.04, "
        "a validation after at most 50 steps"
    )


@pytest.mark.parametrize("pooled", [True, False])
def test_every_seed_forecasts_every_test_origin(road, pooled):
    problem, folds = road
    fitted = trained(TINY, QUICK, problem, folds, seeds=3, pooled=pooled)
    assert len(fitted.members) == (2 if pooled else 4) * 3
    for fold, targets in zip(folds, outputs_of(fitted, problem, folds), strict=True):
        assert targets.shape == (3, len(fold.test), 2)
        assert np.isfinite(targets).all()


def test_a_separate_network_sees_its_own_symbol_only(road):
    problem, folds = road
    fitted = trained(TINY, QUICK, problem, folds, seeds=1, pooled=False)
    for member, owner in zip(fitted.members, fitted.owner, strict=True):
        assert set(problem.symbol[member.train]) == {owner}
    assert len({member.tag for member in fitted.members}) == 2


def test_zero_weights_are_naive_exactly(road):
    problem, folds = road
    fitted = trained(TINY, gc.Training(epochs=1), problem, folds, seeds=1)
    zeroed = [
        replace(member, params={name: np.zeros_like(value) for name, value in member.params.items()})
        for member in fitted.trained
    ]
    naive = replace(fitted, trained=tuple(zeroed))
    for fold, targets in zip(folds, outputs_of(naive, problem, folds), strict=True):
        prices = problem.to_price(problem.to_return(targets[0], fold.test), fold.test)
        np.testing.assert_array_equal(prices, np.repeat(problem.anchor[fold.test][:, None], 2, axis=1))


def test_progress_counts_both_stages_as_one_job(road, monkeypatch):
    problem, folds = road
    seen = []
    monkeypatch.setattr(networks, "report", lambda share, detail: seen.append((share, detail)))
    trained(TINY, QUICK, problem, folds, seeds=1)
    assert seen[-1][0] == 1 and seen[-1][1].startswith("4 of 4 trained")
    assert [share for share, _ in seen] == sorted(share for share, _ in seen)
