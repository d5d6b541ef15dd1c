"""Logits to probabilities, and thresholds, from data that the weights have not seen.

Per label a line on the logit scale (Platt 1999), drawn towards the line of all labels together, so that six positives
move it little; then a threshold for the best F1, drawn towards the one that serves all labels.
"""

import dataclasses

import numpy as np

from . import metrics

SLOPE_PRIOR, OFFSET_PRIOR = 20.0, 1.0      # precision of the prior around the common line
THRESHOLD_PRIOR = 20                      # positives at which a label's own threshold weighs half
TPS_PRECISION = 0.99                      # of calls on held-out look-alikes
TPS_RECALL = 0.99                         # of status tps or uncertain


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Probability = sigmoid(slope · logit + offset); called at threshold (0–1).

    Attributes:
        slopes, offsets, thresholds: (labels,).
        tps_threshold: Probability of being a terpene synthase from which on the status is ``tps``.
        uncertain_threshold: The one from which on it is ``uncertain``.
        sequences: How many held-out sequences made it; 0 before ``calibrate``.
    """

    slopes: np.ndarray
    offsets: np.ndarray
    thresholds: np.ndarray
    tps_threshold: float
    uncertain_threshold: float
    sequences: int

    def probabilities(self, logits):
        """(…, labels) logits → probabilities."""
        return sigmoid(self.slopes * logits + self.offsets)


def sigmoid(values):
    """The logistic function, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(values, np.float64)))


def none(labels):
    """What a model has before calibration: raw probabilities, thresholds 0.5."""
    return Calibration(np.ones(labels), np.zeros(labels), np.full(labels, 0.5), 0.5, 0.5, 0)


def fit(logits, targets, mask, is_tps):
    """Fit lines and thresholds.

    Args:
        logits: (n, labels) of networks that did not see these n proteins.
        targets, mask: (n, labels); mask is 1 where the target is known.
        is_tps: Index of the label is-a-terpene-synthase.

    Returns:
        Calibration.
    """
    known = mask > 0
    common = _platt(logits[known], targets[known], np.array([1.0, 0.0]), np.array([1e-3, 1e-3]))
    prior = np.array([SLOPE_PRIOR, OFFSET_PRIOR])
    lines = np.array([_platt(logits[known[:, c], c], targets[known[:, c], c], common, prior)
                      if targets[known[:, c], c].any() else common for c in range(targets.shape[1])])
    probabilities = sigmoid(lines[:, 0] * logits + lines[:, 1])
    tps, uncertain = _status_thresholds(probabilities[known[:, is_tps], is_tps], targets[known[:, is_tps], is_tps])
    return Calibration(lines[:, 0], lines[:, 1], _thresholds(probabilities, targets, known), tps, uncertain,
                       len(logits))


def _platt(logits, targets, centre, precision, steps=50):
    """Slope and offset of a logistic regression with a Gaussian prior, by Newton's method."""
    line = centre.copy()
    inputs = np.stack([logits, np.ones_like(logits)], 1).astype(np.float64)
    for _ in range(steps):
        expected = sigmoid(inputs @ line)
        gradient = inputs.T @ (expected - targets) + precision * (line - centre)
        curvature = (inputs * (expected * (1 - expected))[:, None]).T @ inputs + np.diag(precision)
        step = np.linalg.solve(curvature, gradient)
        line = line - step * min(1.0, 2.0 / max(1e-9, np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    return np.array([max(0.05, line[0]), line[1]])      # a slope below zero would turn the ranking round


def _thresholds(probabilities, targets, known):
    """Threshold of best F1 per label, drawn towards the common one on the logit scale."""
    rows = known.all(1)
    targets, scores = targets[rows], np.log(probabilities[rows] / (1 - probabilities[rows]).clip(1e-12))
    present = targets.any(0)
    grid = np.linspace(-4, 2, 61)
    common = grid[int(np.argmax([np.mean([metrics.f1(targets[:, c], scores[:, c] >= level)
                                          for c in np.flatnonzero(present)]) for level in grid]))]
    own = np.array([metrics.best_f1(targets[:, c], scores[:, c])[1] if present[c] else common
                    for c in range(targets.shape[1])])
    weight = targets.sum(0) / (targets.sum(0) + THRESHOLD_PRIOR)
    return sigmoid(weight * own + (1 - weight) * common)


def _status_thresholds(probability, is_tps):
    """Lowest probability with the wanted precision, and the one that leaves out one terpene synthase in a hundred."""
    order = np.argsort(-probability, kind="stable")
    precision = np.cumsum(is_tps[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= TPS_PRECISION)
    tps = max(0.5, float(probability[order][enough[-1]])) if len(enough) else 1.0
    missed = float(np.quantile(probability[is_tps > 0], 1 - TPS_RECALL)) if is_tps.any() else tps
    return tps, min(tps, missed)
