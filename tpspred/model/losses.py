"""Class weights, and the weighted focal loss that the networks are trained with."""

import torch
from torch import Tensor
from torch.nn import functional


def class_weights(positives: Tensor, total: int, smoothing: float) -> Tensor:
    """Return inverse-frequency weights: total / (2 · positives + smoothing), scaled to mean 1.

    A class without positives has weight 1 and does not take part in the mean.

    Args:
        positives: (labels,) number of positives.
        total: Number of examples.
        smoothing: Added to the denominator, so that rare classes do not get huge weights.

    >>> class_weights(torch.tensor([1., 3., 0.]), 8, 0.)
    tensor([1.5000, 0.5000, 1.0000])
    """
    weights = total / (2 * positives + smoothing).clamp(min=1)
    present = positives > 0
    mean = weights[present].mean() if present.any() else weights.new_ones(())
    return torch.where(present, weights / mean, torch.ones_like(weights))


def focal_loss(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor,
    weights: Tensor,
    alpha: float,
    gamma: float,
    label_smoothing: float,
) -> Tensor:
    """Return the weighted focal loss.

    Lin et al. 2017, 10.1109/ICCV.2017.324

    Args:
        logits: (proteins, labels).
        targets: (proteins, labels) 0/1.
        mask: (proteins, labels) 1 where the target is known.
        weights: (labels,) class weights.
        alpha: Weight of positives, 0–1; negatives get 1 - alpha.
        gamma: Focusing exponent; larger values give less weight to easy examples.
        label_smoothing: Share of each target that is replaced by 1/2, 0–1.

    Returns:
        () mean over proteins of the sum over labels.

    >>> one = torch.ones(1, 1)
    >>> round(float(focal_loss(0 * one, one, one, torch.ones(1), 0.5, 2.0, 0.0)), 4)
    0.0866
    """
    smoothed = targets * (1 - label_smoothing) + label_smoothing / 2
    entropy = functional.binary_cross_entropy_with_logits(logits, smoothed, reduction="none")
    probability = torch.sigmoid(logits)
    correct = probability * targets + (1 - probability) * (1 - targets)
    balance = alpha * targets + (1 - alpha) * (1 - targets)
    return (mask * weights * balance * (1 - correct) ** gamma * entropy).sum(1).mean()
