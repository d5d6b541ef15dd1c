"""Calibration: from logits to probabilities, thresholds and label sets that keep a promise.

It is fitted on proteins that the weights have not seen. Each label gets a slope and an offset on
the logit scale (Platt 1999). They are shrunk towards values that all labels have in common, so that
a label with six positives stays close to these. Its threshold is that of the best F1, shrunk in the
same way. The held-out scores of the enzymes stay with the model: the precision of its calls and its
sets of labels are computed from them later.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import metrics

SLOPE_PRIOR, OFFSET_PRIOR = 20.0, 10.0  # precision of the prior around the common values
COMMON_PRIOR = 1e-3  # precision of the prior around slope 1 and offset 0 for all labels together
MIN_SLOPE = 0.05  # a slope below zero would turn the ranking round
THRESHOLD_PRIOR = 20  # positives at which a label's own threshold weighs half
TPS_PRECISION = 0.99  # share of the held-out proteins with status tps that are terpene synthases
TPS_RECALL = 0.99  # share of the held-out terpene synthases with status tps or uncertain
MIN_CALLS = 5  # fewer calls do not show a precision
NEVER = 2.0  # a threshold that no probability reaches
BANDS = 4  # bands of similarity, each with its own threshold for sets
UNLIKE = 0.01  # share of held-out enzymes whose nearest enzyme is below min_similarity


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Scores of characterised enzymes by networks and enzymes that had not seen them.

    Attributes:
        probabilities: (enzymes, labels) calibrated probabilities.
        targets: (enzymes, labels) 0/1.
        similarity: (enzymes,) similarity to the nearest enzyme outside the left-out fold.
    """

    probabilities: NDArray[np.float32]
    targets: NDArray[np.uint8]
    similarity: NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class LabelSets:
    """Thresholds for sets that contain a promised share of an enzyme's labels.

    The thresholds depend on how similar the nearest characterised enzyme is.

    Attributes:
        edges: (bands - 1,) similarities between the bands, increasing.
        thresholds: (bands,) probability from which a label is in the set.
    """

    edges: NDArray[np.float64]
    thresholds: NDArray[np.float64]

    def contains(
        self, probabilities: NDArray[np.floating], similarity: NDArray[np.floating]
    ) -> NDArray[np.bool_]:
        """Return which labels are in the sets.

        Args:
            probabilities: (…, labels); NaN for labels without training data, which are in no set.
            similarity: (…,) similarity to the nearest characterised enzyme.

        Returns:
            (…, labels) booleans.
        """
        band = np.searchsorted(self.edges, similarity, "right")
        return probabilities >= self.thresholds[band][..., None]


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What turns logits into probabilities and calls.

    A probability is sigmoid(slope · logit + offset). A label is called if its probability is at or
    above its threshold.

    Attributes:
        slopes, offsets: (labels,).
        thresholds: (labels,) probabilities, 0–1.
        tps_threshold: Probability of being a terpene synthase from which the status is ``tps``.
        uncertain_threshold: Probability from which the status is ``uncertain``.
        sequences: Number of held-out proteins that it was fitted on; 0 before calibration.
        held_out: Scores of the enzymes among them.
    """

    slopes: NDArray[np.float64]
    offsets: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    tps_threshold: float
    uncertain_threshold: float
    sequences: int
    held_out: HeldOut

    def probabilities(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities of logits, both (…, labels)."""
        return sigmoid(self.slopes * logits + self.offsets)

    @functools.cached_property
    def precision(self) -> NDArray[np.float64]:
        """(labels,) share of the held-out calls that were right; NaN without a call."""
        called = self.held_out.probabilities >= self.thresholds
        right = (called & (self.held_out.targets > 0)).sum(0)
        return np.where(called.any(0), right / np.maximum(1, called.sum(0)), np.nan)

    @functools.cached_property
    def min_similarity(self) -> float:
        """Similarity to the nearest enzyme that 99 % of the held-out enzymes reach, or 0.

        It is 0 before calibration.
        """
        similarity = np.sort(self.held_out.similarity)
        shares = np.linspace(0, 1, len(similarity))
        return float(np.interp(UNLIKE, shares, similarity)) if len(similarity) else 0.0

    def at_precision(self, target: float, columns: Sequence[int]) -> "Calibration":
        """Return the same calibration with thresholds of some labels that promise a precision.

        A threshold is the lowest at which this share of the held-out calls was right. A label that
        never reaches the share with at least five calls gets a threshold above 1 and is never
        called.

        Args:
            target: Wanted precision, 0–1.
            columns: Indices of the labels.
        """
        probabilities = self.held_out.probabilities[:, columns]
        order = np.argsort(-probabilities, axis=0, kind="stable")
        scores = np.take_along_axis(probabilities, order, 0)  # (enzymes, columns), highest first
        hits = np.take_along_axis(self.held_out.targets[:, columns], order, 0)
        calls = np.arange(1, len(scores) + 1)[:, None]
        enough = (np.cumsum(hits, 0) / calls >= target) & (calls >= MIN_CALLS)
        last = len(scores) - 1 - enough[::-1].argmax(0)
        thresholds = self.thresholds.copy()
        thresholds[columns] = np.where(enough.any(0), scores[last, np.arange(len(columns))], NEVER)
        return dataclasses.replace(self, thresholds=thresholds)

    def sets(self, coverage: float, columns: Sequence[int]) -> LabelSets:
        """Return sets that miss on average at most 1 - coverage of an enzyme's labels.

        The method is conformal risk control (Angelopoulos et al. 2022, 10.48550/arXiv.2208.02814),
        within bands of similarity. The promise holds for new enzymes that resemble the
        characterised ones, within each band of similarity to the nearest.

        Args:
            coverage: Promised share, 0–1.
            columns: Indices of the labels that the sets are made of.
        """
        labelled = self.held_out.targets[:, columns].any(1)
        part = np.ix_(labelled, np.asarray(columns, int))
        targets = self.held_out.targets[part]
        scores = self.held_out.probabilities[part]
        similarity = self.held_out.similarity[labelled]
        edges = np.zeros(BANDS - 1)
        if len(similarity):
            edges = np.quantile(similarity, np.arange(1, BANDS) / BANDS)
        band = np.searchsorted(edges, similarity, "right")
        thresholds = [
            _set_threshold(scores[band == k], targets[band == k], coverage) for k in range(BANDS)
        ]
        return LabelSets(edges, np.array(thresholds))


def sigmoid(values: ArrayLike) -> NDArray[np.float64]:
    """Return the logistic function of numbers, without overflow.

    >>> float(sigmoid(0.0))
    0.5
    """
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(values, np.float64)))


def log_odds(probability: ArrayLike) -> NDArray[np.float64]:
    """Return the inverse of the logistic function, clipped to ±16.1.

    >>> float(log_odds(0.5))
    0.0
    """
    probability = np.clip(probability, 1e-7, 1 - 1e-7)
    return np.log(probability / (1 - probability))


def uncalibrated(labels: int) -> Calibration:
    """Return what a model has before calibration: raw probabilities and thresholds of 0.5."""
    no_enzymes = HeldOut(
        np.zeros((0, labels), np.float32), np.zeros((0, labels), np.uint8), np.zeros(0, np.float32)
    )
    return Calibration(
        slopes=np.ones(labels),
        offsets=np.zeros(labels),
        thresholds=np.full(labels, 0.5),
        tps_threshold=0.5,
        uncertain_threshold=0.5,
        sequences=0,
        held_out=no_enzymes,
    )


def fit(
    logits: NDArray[np.float64],
    targets: NDArray[np.floating],
    mask: NDArray[np.floating],
    tps_column: int,
    similarity: NDArray[np.float64],
) -> Calibration:
    """Fit slopes, offsets and thresholds on n held-out proteins.

    Args:
        logits: (n, labels) of networks that did not see these proteins.
        targets: (n, labels) 0/1.
        mask: (n, labels) 1 where the target is known.
        tps_column: Index of the label is-a-terpene-synthase.
        similarity: (n,) similarity to the nearest enzyme outside the left-out fold.
    """
    # Slope and offset of all labels together, then of each label.
    known = mask > 0
    start = np.array([1.0, 0.0])
    common = _fit_platt(
        logits[known], targets[known], start, np.array([COMMON_PRIOR, COMMON_PRIOR])
    )
    prior = np.array([SLOPE_PRIOR, OFFSET_PRIOR])
    rows = []
    for c in range(targets.shape[1]):
        own_logits = logits[known[:, c], c]
        own_targets = targets[known[:, c], c]
        own = _fit_platt(own_logits, own_targets, common, prior) if own_targets.any() else common
        rows.append(own)
    platt = np.array(rows)  # (labels, 2)
    slopes = platt[:, 0]
    offsets = platt[:, 1]

    # Thresholds of the status and of each label, and the enzymes that stay with the model.
    probabilities = sigmoid(slopes * logits + offsets)
    asked_tps = known[:, tps_column]
    tps, uncertain = _status_thresholds(
        probabilities[asked_tps, tps_column], targets[asked_tps, tps_column]
    )
    enzymes = known.all(1)
    return Calibration(
        slopes=slopes,
        offsets=offsets,
        thresholds=_label_thresholds(probabilities[enzymes], targets[enzymes]),
        tps_threshold=tps,
        uncertain_threshold=uncertain,
        sequences=len(logits),
        held_out=HeldOut(
            probabilities[enzymes].astype(np.float32),
            targets[enzymes].astype(np.uint8),
            similarity[enzymes].astype(np.float32),
        ),
    )


def _fit_platt(
    logits: NDArray[np.float64],
    targets: NDArray[np.floating],
    centre: NDArray[np.float64],
    precision: NDArray[np.float64],
    steps: int = 50,
) -> NDArray[np.float64]:
    """Fit a logistic regression with a Gaussian prior by Newton's method.

    Args:
        logits: (n,).
        targets: (n,) 0/1.
        centre: (2,) slope and offset that the prior is centred on.
        precision: (2,) precision of the prior.
        steps: Newton steps at most.

    Returns:
        (2,) slope and offset.
    """
    fitted = centre.copy()
    inputs = np.stack([logits, np.ones_like(logits)], 1).astype(np.float64)  # (n, 2)
    for _ in range(steps):
        expected = sigmoid(inputs @ fitted)
        gradient = inputs.T @ (expected - targets) + precision * (fitted - centre)
        curvature = (inputs * (expected * (1 - expected))[:, None]).T @ inputs + np.diag(precision)
        step = np.linalg.solve(curvature, gradient)
        fitted = fitted - step * min(1.0, 2.0 / max(1e-9, np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    return np.array([max(MIN_SLOPE, fitted[0]), fitted[1]])


def _label_thresholds(
    probabilities: NDArray[np.float64], targets: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Choose the threshold of the best F1 per label, drawn towards a common one.

    The mean of a label's own threshold and the common one is taken on the logit scale.

    Args:
        probabilities: (enzymes, labels).
        targets: (enzymes, labels) 0/1.

    Returns:
        (labels,) probabilities.
    """
    scores = log_odds(probabilities)
    present = targets.any(0)
    grid = np.linspace(-4, 2, 61)
    macro_f1 = []
    for level in grid:
        called = scores >= level
        f1_of = [metrics.f1(targets[:, c], called[:, c]) for c in np.flatnonzero(present)]
        macro_f1.append(np.mean(f1_of))
    common = grid[int(np.argmax(macro_f1))]
    own = np.full(targets.shape[1], common)
    for c in np.flatnonzero(present):
        own[c] = metrics.best_f1(targets[:, c], scores[:, c])[1]
    positives = targets.sum(0)
    weight = positives / (positives + THRESHOLD_PRIOR)
    return sigmoid(weight * own + (1 - weight) * common)


def _set_threshold(
    scores: NDArray[np.float32], targets: NDArray[np.uint8], coverage: float
) -> float:
    """Choose the highest threshold of sets that miss at most 1 - coverage of the labels.

    One more enzyme with all labels missed is counted for the new protein, as conformal risk control
    requires.

    Args:
        scores: (enzymes, labels) probabilities.
        targets: (enzymes, labels) 0/1, each enzyme with a label.
        coverage: Promised share, 0–1.

    Returns:
        Probability; 0 if there are too few enzymes to promise anything.
    """
    rows, columns = np.nonzero(targets)
    order = np.argsort(scores[rows, columns], kind="stable")
    share = (1 / targets.sum(1, dtype=float))[rows][order]  # each label's share of its enzyme
    missed = np.cumsum(share) - share  # enzymes missed at the score of each label
    allowed = np.flatnonzero(missed + 1 <= (1 - coverage) * (len(scores) + 1))
    return float(scores[rows, columns][order][allowed[-1]]) if len(allowed) else 0.0


def _status_thresholds(
    probability: NDArray[np.float64], is_tps: NDArray[np.floating]
) -> tuple[float, float]:
    """Choose the thresholds of the statuses tps and uncertain.

    Args:
        probability: (n,) probability of being a terpene synthase.
        is_tps: (n,) 0/1.

    Returns:
        (the lowest probability, at least 0.5, from which 99 % are terpene synthases; the
        probability that 99 % of the terpene synthases reach, or the first if that is lower).
    """
    order = np.argsort(-probability, kind="stable")
    precision = np.cumsum(is_tps[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= TPS_PRECISION)
    tps = max(0.5, float(probability[order][enough[-1]])) if len(enough) else 1.0
    reached = float(np.quantile(probability[is_tps > 0], 1 - TPS_RECALL)) if is_tps.any() else tps
    return tps, min(tps, reached)
