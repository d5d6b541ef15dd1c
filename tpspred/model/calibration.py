"""Logits to probabilities, thresholds and sets of labels, from data that the weights have not seen.

Per label a line on the logit scale (Platt 1999), drawn towards the line of all labels together, so that six positives
move it little; then a threshold for the best F1, drawn towards the one that serves all labels. The enzymes that this was
fitted on stay with the model, as numbers: they say how often calls were right, and how much a set must hold.
"""

import dataclasses
import functools

import numpy as np

from . import metrics

SLOPE_PRIOR, OFFSET_PRIOR = 20.0, 10.0  # precision of the prior around the common line
THRESHOLD_PRIOR = 20  # positives at which a label's own threshold weighs half
TPS_PRECISION = 0.99  # of calls on held-out look-alikes
TPS_RECALL = 0.99  # of status tps or uncertain
FEWEST_CALLS = 5  # that show a precision
NEVER = 2.0  # a threshold that no probability reaches
BANDS = 4  # of similarity, each with sets of its own
UNLIKE = 0.01  # share of held-out enzymes that are less similar to any other than this


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Characterised enzymes, scored by what had not seen them.

    Attributes:
        probabilities: (enzymes, labels) float32.
        targets: (enzymes, labels) uint8 of 0 and 1.
        similarity: (enzymes,) float32, to the nearest enzyme outside the fold that was left out.
    """

    probabilities: np.ndarray
    targets: np.ndarray
    similarity: np.ndarray


@dataclasses.dataclass(frozen=True)
class LabelSets:
    """Sets of labels that hold a promised share of an enzyme's own, by similarity to the nearest known enzyme.

    Attributes:
        edges: (bands - 1,) similarities between bands.
        thresholds: (bands,) probability from which on a label is in the set.
    """

    edges: np.ndarray
    thresholds: np.ndarray

    def contains(self, probabilities, similarity):
        """Which labels are in the sets.

        Args:
            probabilities: (…, labels), NaN for labels without training data, which are in no set.
            similarity: (…,).

        Returns:
            (…, labels) bool.
        """
        return (
            probabilities
            >= self.thresholds[np.searchsorted(self.edges, similarity, "right")][..., None]
        )


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Probability = sigmoid(slope · logit + offset); called at threshold (0–1).

    Attributes:
        slopes, offsets, thresholds: (labels,).
        tps_threshold: Probability of being a terpene synthase from which on the status is ``tps``.
        uncertain_threshold: The one from which on it is ``uncertain``.
        sequences: How many held-out sequences made it; 0 before ``calibrate``.
        held_out: HeldOut, the enzymes among them.
    """

    slopes: np.ndarray
    offsets: np.ndarray
    thresholds: np.ndarray
    tps_threshold: float
    uncertain_threshold: float
    sequences: int
    held_out: HeldOut

    def probabilities(self, logits):
        """(…, labels) logits → probabilities."""
        return sigmoid(self.slopes * logits + self.offsets)

    @functools.cached_property
    def precision(self):
        """(labels,) share of the held-out calls at the thresholds that were right; NaN where nothing was called."""
        called = self.held_out.probabilities >= self.thresholds
        right = (called & (self.held_out.targets > 0)).sum(0)
        return np.where(called.any(0), right / np.maximum(1, called.sum(0)), np.nan)

    @functools.cached_property
    def min_similarity(self):
        """Similarity to the nearest enzyme that all but one in a hundred held-out enzymes reach; 0 before ``calibrate``."""
        similarity = self.held_out.similarity
        return float(np.quantile(similarity, UNLIKE)) if len(similarity) else 0.0

    def at_precision(self, target, columns):
        """The same with, for some labels, the lowest threshold at which this share of the held-out calls was right.

        A label that never reaches it, or with fewer than five calls, gets a threshold above 1 and is never called.

        Args:
            target: 0–1.
            columns: Indices of the labels.
        """
        order = np.argsort(-self.held_out.probabilities[:, columns], axis=0, kind="stable")
        scores, hits = (
            np.take_along_axis(table[:, columns], order, 0)
            for table in (self.held_out.probabilities, self.held_out.targets)
        )
        calls = np.arange(1, len(scores) + 1)[:, None]
        enough = (np.cumsum(hits, 0) / calls >= target) & (calls >= FEWEST_CALLS)
        last = len(scores) - 1 - enough[::-1].argmax(0)
        thresholds = self.thresholds.copy()
        thresholds[columns] = np.where(enough.any(0), scores[last, np.arange(len(columns))], NEVER)
        return dataclasses.replace(self, thresholds=thresholds)

    def sets(self, coverage, columns):
        """Sets that miss on average at most 1 - coverage of an enzyme's labels. Angelopoulos et al. 2022,
        10.48550/arXiv.2208.02814 (conformal risk control), in bands of similarity.

        It holds for enzymes that are drawn like the characterised ones, given how similar they are to a known one.

        Args:
            coverage: 0–1.
            columns: Labels that belong together, as indices.

        Returns:
            LabelSets.
        """
        labelled = self.held_out.targets[:, columns].any(1)
        targets, scores = (
            table[np.ix_(labelled, columns)]
            for table in (self.held_out.targets, self.held_out.probabilities)
        )
        similarity = self.held_out.similarity[labelled]
        edges = (
            np.quantile(similarity, np.arange(1, BANDS) / BANDS)
            if len(similarity)
            else np.zeros(BANDS - 1)
        )
        band = np.searchsorted(edges, similarity, "right")
        return LabelSets(
            edges,
            np.array(
                [
                    _set_threshold(scores[band == k], targets[band == k], coverage)
                    for k in range(BANDS)
                ]
            ),
        )


def sigmoid(values):
    """The logistic function, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(values, np.float64)))


def log_odds(probability):
    """The inverse of the logistic function, within ±16."""
    probability = np.clip(probability, 1e-7, 1 - 1e-7)
    return np.log(probability / (1 - probability))


def uncalibrated(labels):
    """What a model has before calibration: raw probabilities, thresholds 0.5."""
    nothing = HeldOut(
        np.zeros((0, labels), np.float32), np.zeros((0, labels), np.uint8), np.zeros(0, np.float32)
    )
    return Calibration(
        np.ones(labels), np.zeros(labels), np.full(labels, 0.5), 0.5, 0.5, 0, nothing
    )


def fit(logits, targets, mask, is_tps, similarity):
    """Fit lines and thresholds.

    Args:
        logits: (n, labels) of networks that did not see these n proteins.
        targets, mask: (n, labels); mask is 1 where the target is known.
        is_tps: Index of the label is-a-terpene-synthase.
        similarity: (n,) to the nearest enzyme outside the fold that was left out.

    Returns:
        Calibration.
    """
    known = mask > 0
    common = _platt(logits[known], targets[known], np.array([1.0, 0.0]), np.array([1e-3, 1e-3]))
    prior = np.array([SLOPE_PRIOR, OFFSET_PRIOR])
    lines = np.array(
        [
            _platt(logits[known[:, c], c], targets[known[:, c], c], common, prior)
            if targets[known[:, c], c].any()
            else common
            for c in range(targets.shape[1])
        ]
    )
    probabilities = sigmoid(lines[:, 0] * logits + lines[:, 1])
    tps, uncertain = _status_thresholds(
        probabilities[known[:, is_tps], is_tps], targets[known[:, is_tps], is_tps]
    )
    labelled = known.all(1)
    enzymes = HeldOut(
        probabilities[labelled].astype(np.float32),
        targets[labelled].astype(np.uint8),
        similarity[labelled].astype(np.float32),
    )
    return Calibration(
        lines[:, 0],
        lines[:, 1],
        _thresholds(probabilities, targets, known),
        tps,
        uncertain,
        len(logits),
        enzymes,
    )


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
    return np.array(
        [max(0.05, line[0]), line[1]]
    )  # a slope below zero would turn the ranking round


def _thresholds(probabilities, targets, known):
    """Threshold of best F1 per label, drawn towards the common one on the logit scale."""
    rows = known.all(1)
    targets, scores = targets[rows], log_odds(probabilities[rows])
    present = targets.any(0)
    grid = np.linspace(-4, 2, 61)
    common = grid[
        int(
            np.argmax(
                [
                    np.mean(
                        [
                            metrics.f1(targets[:, c], scores[:, c] >= level)
                            for c in np.flatnonzero(present)
                        ]
                    )
                    for level in grid
                ]
            )
        )
    ]
    own = np.array(
        [
            metrics.best_f1(targets[:, c], scores[:, c])[1] if present[c] else common
            for c in range(targets.shape[1])
        ]
    )
    weight = targets.sum(0) / (targets.sum(0) + THRESHOLD_PRIOR)
    return sigmoid(weight * own + (1 - weight) * common)


def _set_threshold(scores, targets, coverage):
    """Highest threshold below which lies at most 1 - coverage of an enzyme's labels, an unseen enzyme counted as all missed.

    Args:
        scores, targets: (enzymes, labels), each enzyme with a label.
    """
    rows, columns = np.nonzero(targets)
    order = np.argsort(scores[rows, columns], kind="stable")
    share = (1 / targets.sum(1, dtype=float))[rows][order]
    missed = np.cumsum(share) - share  # at the threshold of each label that is held
    allowed = np.flatnonzero(missed + 1 <= (1 - coverage) * (len(scores) + 1))
    return float(scores[rows, columns][order][allowed[-1]]) if len(allowed) else 0.0


def _status_thresholds(probability, is_tps):
    """Lowest probability with the wanted precision, and the one that leaves out one terpene synthase in a hundred."""
    order = np.argsort(-probability, kind="stable")
    precision = np.cumsum(is_tps[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= TPS_PRECISION)
    tps = max(0.5, float(probability[order][enough[-1]])) if len(enough) else 1.0
    missed = float(np.quantile(probability[is_tps > 0], 1 - TPS_RECALL)) if is_tps.any() else tps
    return tps, min(tps, missed)
