import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tpspred.model import losses


def test_class_weights_are_inverse_frequencies_of_mean_one():
    weights = losses.class_weights(torch.tensor([6.0, 600.0, 0.0]), 1345, 10.0)
    assert weights[0] / weights[1] == pytest.approx(1210 / 22)
    assert weights[:2].mean() == pytest.approx(1) and weights[2] == 1


@settings(deadline=None)  # torch takes its time at the first call
@given(st.lists(st.integers(0, 500), min_size=1, max_size=20), st.floats(0, 100))
def test_rarer_classes_never_weigh_less(positives, smoothing):
    counts = torch.tensor(positives, dtype=torch.float32)
    weights = losses.class_weights(counts, 500, smoothing)
    present = counts > 0
    assert (weights[~present] == 1).all()
    if present.any():
        assert weights[present].mean() == pytest.approx(1, abs=1e-5)
    by_rarity = weights[present][counts[present].argsort()]
    assert (by_rarity.diff() <= 1e-6).all()


def test_focal_loss_without_focus_is_cross_entropy():
    logits, targets = torch.randn(4, 3), torch.randint(0, 2, (4, 3)).float()
    plain = (
        torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        .sum(1)
        .mean()
    )
    ones = torch.ones(3)
    assert losses.focal_loss(
        logits, targets, torch.ones(4, 3), ones, 0.5, 0.0, 0.0
    ) == pytest.approx(float(plain) / 2)
    focused = losses.focal_loss(logits, targets, torch.ones(4, 3), ones, 0.5, 2.0, 0.0)
    assert focused < plain / 2


def test_masked_targets_teach_nothing():
    logits = torch.randn(4, 3, requires_grad=True)
    mask = torch.zeros(4, 3)
    mask[:, 1] = 1
    losses.focal_loss(logits, torch.zeros(4, 3), mask, torch.ones(3), 0.5, 2.0, 0.1).backward()
    assert (logits.grad[:, [0, 2]] == 0).all() and (logits.grad[:, 1] != 0).all()


def test_alpha_weighs_positives_against_negatives():
    logits, mask, ones = torch.zeros(1, 2), torch.ones(1, 2), torch.ones(2)
    targets = torch.tensor([[1.0, 0.0]])
    parts = [
        losses.focal_loss(logits, targets, mask * own, ones, 0.9, 0.0, 0.0)
        for own in (targets, 1 - targets)
    ]
    assert parts[0] / parts[1] == pytest.approx(9)
