"""Average precision, ROC, F1 and the thresholds that make it, calibration."""

import numpy as np


def average_precision(truth, score):
    """Area under the precision-recall steps; tied scores are one step.

    Args:
        truth: (n,) 0/1 with at least one 1.
        score: (n,) higher is more likely.

    >>> float(average_precision(np.array([1, 0, 1]), np.array([0.9, 0.8, 0.7])))
    0.8333333333333333
    """
    hits, called = steps(truth, score)[1:]
    return np.sum(np.diff(np.r_[0, hits]) / hits[-1] * hits / called)


def best_f1(truth, score):
    """Best F1 over all thresholds and a threshold, half-way to the next lower score, that gives it.

    >>> [float(value) for value in best_f1(np.array([1, 0, 1, 0]), np.array([0.9, 0.2, 0.8, 0.1]))]
    [1.0, 0.5]
    """
    values, hits, called = steps(truth, score)
    f1 = 2 * hits / (called + max(1, truth.sum()))
    best = int(f1.argmax())
    below = values[best + 1] if best + 1 < len(values) else values[best] - 1e-6
    return f1[best], (values[best] + below) / 2


def f1(truth, called):
    """F1 of calls; 0 when nothing is true and nothing called.

    >>> f1(np.array([1, 0, 1]), np.array([1, 1, 0]))
    0.5
    """
    return float(2 * (truth * called).sum() / max(1, truth.sum() + called.sum()))


def roc_auc(truth, score):
    """Chance that a positive scores above a negative, ties counting half; nan if there is only one kind.

    >>> float(roc_auc(np.array([1, 0, 1, 0]), np.array([0.9, 0.2, 0.5, 0.5])))
    0.875
    """
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return np.nan
    _, rank, count = np.unique(score, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2
    return (middle[rank][truth > 0].sum() - positives * (positives + 1) / 2) / (
        positives * negatives
    )


def precision_recall(truth, called):
    """Precision and recall of calls; nan where there is nothing to divide by.

    >>> [float(value) for value in precision_recall(np.array([1, 0, 1]), np.array([1, 1, 0]))]
    [0.5, 0.5]
    """
    hits = float((truth * called).sum())
    return tuple(
        hits / total if total else np.nan for total in (float(called.sum()), float(truth.sum()))
    )


def reliability(truth, probability, bins=10):
    """Predicted beside observed, in bins of equal width.

    Returns:
        (bins, 3): number of predictions, their mean, and the share that is true; nan in empty bins.

    >>> reliability(np.array([1, 0, 1]), np.array([0.9, 0.1, 0.3]), bins=2).tolist()
    [[2.0, 0.2, 0.5], [1.0, 0.9, 1.0]]
    """
    place = np.minimum((probability * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [
            np.bincount(place, values, minlength=bins) / count for values in (probability, truth)
        ]
    return np.stack([count, *means], 1)


def calibration_error(truth, probability, bins=10):
    """Expected calibration error: mean distance of predicted and observed over the bins of ``reliability``.

    Guo et al. 2017, 10.48550/arXiv.1706.04599

    >>> round(float(calibration_error(np.array([1, 0]), np.array([0.9, 0.1]))), 6)
    0.1
    """
    count, predicted, observed = reliability(truth, probability, bins).T
    kept = count > 0
    return np.abs(predicted - observed)[kept] @ count[kept] / count.sum()


def macro_f1_adaptive(truth, score):
    """Mean over labels with a positive of the best F1.

    Args:
        truth: (n, labels) 0/1.
        score: (n, labels).
    """
    present = np.flatnonzero(truth.any(0))
    return (
        float(np.mean([best_f1(truth[:, c], score[:, c])[0] for c in present]))
        if len(present)
        else 0.0
    )


def macro_average_precision(truth, score):
    """Mean over labels with a positive of average precision.

    Args:
        truth, score: (n, labels).
    """
    return float(
        np.mean([average_precision(truth[:, c], score[:, c]) for c in np.flatnonzero(truth.any(0))])
    )


def macro(truth, score, thresholds):
    """Mean over labels with a positive of average precision and of F1 at given thresholds.

    Args:
        truth, score: (n, labels).
        thresholds: (labels,).
    """
    present = np.flatnonzero(truth.any(0))
    return {
        "average_precision": macro_average_precision(truth, score),
        "f1": float(np.mean([f1(truth[:, c], score[:, c] >= thresholds[c]) for c in present])),
    }


def steps(truth, score):
    """Distinct scores, highest first, with hits and calls at each."""
    order = np.argsort(-score, kind="stable")
    score, hits = score[order], np.cumsum(truth[order])
    last = np.r_[score[1:] != score[:-1], True]
    return score[last], hits[last], np.flatnonzero(last) + 1
