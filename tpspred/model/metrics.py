"""How good scores and calls are: average precision, ROC, F1 with its thresholds, calibration."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Binary = NDArray[Any]  # 0 and 1, as any type of number or as booleans
Scores = NDArray[np.floating]


def average_precision(truth: Binary, score: Scores) -> float:
    """Return the area under the precision-recall steps; tied scores are one step.

    Args:
        truth: (n,) 0/1 with at least one 1.
        score: (n,) the higher, the more likely.

    >>> float(average_precision(np.array([1, 0, 1]), np.array([0.9, 0.8, 0.7])))
    0.8333333333333333
    """
    _, hits, called = steps(truth, score)
    return np.sum(np.diff(np.r_[0, hits]) / hits[-1] * hits / called)


def best_f1(truth: Binary, score: Scores) -> tuple[np.floating, np.floating]:
    """Return the best F1 over all thresholds, and a threshold that gives it.

    The threshold lies half-way between the lowest called score and the next lower one.

    Args:
        truth: (n,) 0/1.
        score: (n,) the higher, the more likely.

    >>> [float(value) for value in best_f1(np.array([1, 0, 1, 0]), np.array([0.9, 0.2, 0.8, 0.1]))]
    [1.0, 0.5]
    """
    values, hits, called = steps(truth, score)
    f1_values = 2 * hits / (called + max(1, truth.sum()))
    best = int(f1_values.argmax())
    below = values[best + 1] if best + 1 < len(values) else values[best] - 1e-6
    return f1_values[best], (values[best] + below) / 2


def f1(truth: Binary, called: Binary) -> float:
    """Return the F1 of calls; 0 when nothing is true and nothing is called.

    Args:
        truth: (n,) 0/1.
        called: (n,) 0/1.

    >>> f1(np.array([1, 0, 1]), np.array([1, 1, 0]))
    0.5
    """
    return float(2 * (truth * called).sum() / max(1, truth.sum() + called.sum()))


def roc_auc(truth: Binary, score: Scores) -> float:
    """Return the chance that a positive scores above a negative; ties count half.

    Args:
        truth: (n,) 0/1.
        score: (n,) the higher, the more likely.

    Returns:
        0–1; NaN if all n are positives or all are negatives.

    >>> float(roc_auc(np.array([1, 0, 1, 0]), np.array([0.9, 0.2, 0.5, 0.5])))
    0.875
    """
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return np.nan
    _, rank, count = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(count) - (count - 1) / 2  # mean rank of each distinct score, from 1
    rank_sum = mean_rank[rank][truth > 0].sum()
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def precision_recall(truth: Binary, called: Binary) -> tuple[float, float]:
    """Return precision and recall of calls; NaN where there is nothing to divide by.

    Args:
        truth: (n,) or (n, labels) 0/1.
        called: Calls, of the same shape.

    >>> precision_recall(np.array([1, 0, 1]), np.array([1, 1, 0]))
    (0.5, 0.5)
    """
    hits, calls, positives = (float(part.sum()) for part in (truth * called, called, truth))
    precision = hits / calls if calls else np.nan
    recall = hits / positives if positives else np.nan
    return precision, recall


def reliability(truth: Binary, probability: Scores, bins: int = 10) -> NDArray[np.float64]:
    """Compare predicted with observed frequencies in bins of equal width.

    Args:
        truth: (n,) 0/1.
        probability: (n,) 0–1.
        bins: Number of bins.

    Returns:
        (bins, 3): number of predictions, their mean, and the share that is true; NaN in empty bins.

    >>> reliability(np.array([1, 0, 1]), np.array([0.9, 0.1, 0.3]), bins=2).tolist()
    [[2.0, 0.2, 0.5], [1.0, 0.9, 1.0]]
    """
    bin_of = np.minimum((probability * bins).astype(int), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):
        predicted = np.bincount(bin_of, probability, minlength=bins) / count
        observed = np.bincount(bin_of, truth, minlength=bins) / count
    return np.stack([count, predicted, observed], 1)


def calibration_error(truth: Binary, probability: Scores, bins: int = 10) -> float:
    """Return the expected calibration error.

    It is the mean distance of predicted and observed frequency over the bins of
    :func:`reliability`, weighted by the number of predictions.
    Guo et al. 2017, 10.48550/arXiv.1706.04599

    Args:
        truth: (n,) 0/1.
        probability: (n,) 0–1.
        bins: Number of bins.

    >>> round(float(calibration_error(np.array([1, 0]), np.array([0.9, 0.1]))), 6)
    0.1
    """
    count, predicted, observed = reliability(truth, probability, bins).T
    filled = count > 0
    return np.abs(predicted - observed)[filled] @ count[filled] / count.sum()


def macro_f1_adaptive(truth: Binary, score: Scores) -> float:
    """Return the mean over labels of the best F1; labels without a positive do not count.

    Args:
        truth: (n, labels) 0/1.
        score: (n, labels).

    >>> macro_f1_adaptive(np.array([[1, 0], [0, 0]]), np.array([[0.9, 0.5], [0.2, 0.5]]))
    1.0
    """
    present = np.flatnonzero(truth.any(0))
    if not len(present):
        return 0.0
    return float(np.mean([best_f1(truth[:, c], score[:, c])[0] for c in present]))


def macro_average_precision(truth: Binary, score: Scores) -> float:
    """Return the mean over labels of average precision; labels without a positive do not count.

    Args:
        truth: (n, labels) 0/1.
        score: (n, labels).
    """
    present = np.flatnonzero(truth.any(0))
    return float(np.mean([average_precision(truth[:, c], score[:, c]) for c in present]))


def macro(truth: Binary, score: Scores, thresholds: Scores) -> dict[str, float]:
    """Return the means over labels of average precision and of F1.

    Labels without a positive do not count.

    Args:
        truth: (n, labels) 0/1.
        score: (n, labels).
        thresholds: (labels,) scores from which a label is called.
    """
    present = np.flatnonzero(truth.any(0))
    return {
        "average_precision": macro_average_precision(truth, score),
        "f1": float(np.mean([f1(truth[:, c], score[:, c] >= thresholds[c]) for c in present])),
    }


def steps(truth: Binary, score: Scores) -> tuple[Scores, NDArray[np.floating], NDArray[np.int64]]:
    """Count hits and calls at every threshold.

    Args:
        truth: (n,) 0/1.
        score: (n,) the higher, the more likely.

    Returns:
        (distinct scores, highest first; positives at or above each; proteins at or above each).

    >>> [part.tolist() for part in steps(np.array([1, 0, 1]), np.array([0.9, 0.5, 0.5]))]
    [[0.9, 0.5], [1, 2], [1, 3]]
    """
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    hits = np.cumsum(truth[order])
    last = np.r_[ordered[1:] != ordered[:-1], True]  # whether it is the last one with its score
    return ordered[last], hits[last], np.flatnonzero(last) + 1
