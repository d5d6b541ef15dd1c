"""Class weights and the weighted focal loss."""

import torch
from torch.nn import functional


def class_weights(positives, total, smoothing):
    """Inverse-frequency weights: total / (2 · positives + smoothing), scaled to mean 1.

    A class without positives has weight 1 and does not take part in the mean.

    Args:
        positives: (labels,) number of positives.
        total: Number of examples.

    >>> class_weights(torch.tensor([1., 3., 0.]), 8, 0.)
    tensor([1.5000, 0.5000, 1.0000])
    """
    weights = total / (2 * positives + smoothing).clamp(min=1)
    present = positives > 0
    mean = weights[present].mean() if present.any() else 1.0
    return torch.where(present, weights / mean, torch.ones_like(weights))


def focal_loss(logits, targets, mask, weights, alpha, gamma, label_smoothing):
    """Weighted focal loss. Lin et al. 2017, 10.1109/ICCV.2017.324

    Args:
        logits, targets: (proteins, labels).
        mask: (proteins, labels), 1 where the target is known.
        weights: (labels,) class weights.
        alpha: Weight of positives, 0–1; negatives get 1 - alpha.
        gamma: How much easy examples are faded out.
        label_smoothing: Share of the target moved to the other answer's side.

    Returns:
        Mean over proteins of the sum over labels.

    >>> one = torch.ones(1, 1)
    >>> round(float(focal_loss(0 * one, one, one, torch.ones(1), 0.5, 2.0, 0.0)), 4)
    0.0866
    """
    soft = targets * (1 - label_smoothing) + label_smoothing / 2
    entropy = functional.binary_cross_entropy_with_logits(logits, soft, reduction="none")
    probability = torch.sigmoid(logits)
    correct = probability * targets + (1 - probability) * (1 - targets)
    balance = alpha * targets + (1 - alpha) * (1 - targets)
    return (mask * weights * balance * (1 - correct) ** gamma * entropy).sum(1).mean()
