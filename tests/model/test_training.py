import numpy as np
import pytest
import torch

from tpspred.model import metrics, training


def test_members_leave_their_fold_out(small):
    trained = small.predictor.trained
    assert trained.member_folds == [0, 1, 2] and set(trained.sequence_folds) == {0, 1, 2}
    assert len(trained.history) == 3 * small.config.epochs
    assert {"member", "epoch", "loss", "macro_f1", "learning_rate"} == set(trained.history[0])


def test_training_learns(small):
    losses_of = [row["loss"] for row in small.predictor.trained.history if row["member"] == 0]
    assert losses_of[-1] < losses_of[0]


def test_same_seed_same_weights_other_seed_others(train_small):
    def members(**changes):
        return train_small(members=1, epochs=1, **changes).trained.weights

    first, again, other = members(), members(), members(seed=1)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert any(not np.array_equal(first[name], other[name]) for name in first)


@pytest.mark.slow
def test_networks_that_are_trained_side_by_side_are_the_same(train_small, monkeypatch):
    alone = train_small(members=2, epochs=2).trained
    monkeypatch.setattr(training, "SHORT_TRAINING", 0)
    epochs = []
    side_by_side = train_small(members=2, epochs=2, threads=2, progress=epochs.append).trained
    assert epochs == [2, 2] and side_by_side.history == alone.history
    for name, weights in alone.weights.items():
        assert np.array_equal(weights, side_by_side.weights[name])


@pytest.fixture(scope="module")
def weights_with(train_small):
    """Train two epochs and return all weights and folds in one array."""

    def train(**changes):
        trained = train_small(members=1, epochs=2, **changes).trained
        return np.concatenate(
            [array.ravel() for array in trained.weights.values()] + [trained.sequence_folds]
        )

    return train


@pytest.fixture(scope="module")
def default_weights(weights_with):
    return weights_with()


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 4},
        {"accumulation": 4},
        {"learning_rate": 1e-4},
        {"weight_decay": 0.5},
        {"dropout": 0.0},
        {"alpha": 0.25},
        {"gamma": 0.0},
        {"label_smoothing": 0.1},
        {"weight_smoothing": 100.0},
        {"folds": 4},
        {"fold_identity": 0.3},
    ],
)
def test_every_hyperparameter_changes_the_weights(weights_with, default_weights, change):
    assert not np.array_equal(default_weights, weights_with(**change))


def test_patience_and_tolerance_stop_early(train_small, monkeypatch):
    def epochs(**changes):
        scores = iter([0.5, 0.4, 0.4] + [0.3] * 20)
        monkeypatch.setattr(metrics, "macro_f1_adaptive", lambda truth, score: next(scores))
        return len(train_small(members=1, epochs=20, **changes).trained.history)

    assert epochs(patience=2, tolerance=0.15) == 5
    assert epochs(patience=2, tolerance=0.0) == 3
    assert epochs(patience=30, tolerance=0.0) == 20


def test_the_last_epoch_that_is_not_worse_is_kept(train_small, monkeypatch):
    def weights(epochs, scores):
        scores = iter(scores)
        monkeypatch.setattr(metrics, "macro_f1_adaptive", lambda truth, score: next(scores))
        return train_small(members=1, epochs=epochs, tolerance=0.1).trained.weights

    first_is_best = weights(3, [0.5, 0.3, 0.3])
    second_is_close = weights(3, [0.5, 0.45, 0.3])
    name = "fusion.0.weight"
    assert not np.array_equal(first_is_best[name], second_is_close[name])
    assert np.array_equal(second_is_close[name], weights(3, [0.3, 0.5, 0.3])[name])


def test_progress_counts_epochs(small):
    counts = []
    trained = training.train_networks(
        small.examples,
        small.labels,
        small.predictor.encoder.parts,
        small.config,
        torch.device("cpu"),
        counts.append,
    )
    assert len(counts) == small.config.members and sum(counts) == len(trained.history)


def test_a_network_keeps_no_head_for_single_products(small):
    assert small.examples.products.shape[1] > 0
    heads = {name.split(".")[1] for name in small.predictor.trained.weights if "heads" in name}
    assert heads == {"ensemble", "is_tps", "product_type", "substrate"}
