"""Calibration: from logits to probabilities, thresholds and label sets that keep a promise.

It is fitted on proteins that the weights have not seen. Each label gets a slope and an offset on
the logit scale (Platt 1999), which change with the similarity to the nearest characterised enzyme:
the same score is worth less far from all that is known. They are shrunk towards values that all
labels of a group have in common, so that a label with six positives stays close to these. An
ensemble is called from one probability on, which is the same for all; other labels have thresholds
of best F1, shrunk in the same way. The held-out scores of the enzymes stay with the model: the
precision of its calls and its sets of labels are computed from them later.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..dataset.labels import IS_TPS, Label
from . import metrics

SLOPE_PRIOR, OFFSET_PRIOR = 20.0, 30.0  # precision of the prior around the common values
# Precision of the prior around slope 1 and offset 0 for a group of labels, and of that around no
# change with the similarity. What is no enzyme is not judged by its similarity to enzymes.
COMMON_PRIOR, CHANGE_PRIOR, NO_CHANGE = 1e-2, 10.0, 1e9
MIN_SLOPE = 0.05  # a slope below zero would turn the ranking round
# The column weights of the encoder have seen the labels of held-out enzymes, whose scores are a
# little too good for that. These two numbers are from cross-validations, which fit the weights too.
OPTIMISM_SLOPE, OPTIMISM_OFFSET = 0.9, -0.2
THRESHOLD_PRIOR = 20  # positives at which a label's own threshold weighs half
TPS_PRECISION = 0.99  # share of the held-out proteins with status tps that are terpene synthases
TPS_RECALL = 0.99  # share of the held-out terpene synthases with status tps or uncertain
POSSIBLE = 0.2  # probability from which an ensemble is called
MIN_SHARE = 0.01  # votes and regressions are never surer of a label than 1 % or 99 %
MIN_PRODUCT_SHARE = 0.002  # nor of a single product, of which there are many
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

    probabilities: NDArray[np.float16]
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

    A probability is sigmoid(slope · logit + offset), where slope and offset are linear functions
    of the similarity to the nearest characterised enzyme. A label is called if its probability is
    at or above its threshold.

    Attributes:
        slopes, offsets: (labels, 2) value at similarity 0, and what is added until similarity 1.
        product_line: (4,) slope and offset that all single products have in common: value at
            similarity 0, and what is added until similarity 1, of the slope, then of the offset.
        thresholds: (labels,) probabilities, 0–1.
        tps_threshold: Probability of being a terpene synthase from which the status is ``tps``.
        uncertain_threshold: Probability from which the status is ``uncertain``.
        sequences: Number of held-out proteins that it was fitted on; 0 before calibration.
        held_out: Scores of the enzymes among them.
    """

    slopes: NDArray[np.float64]
    offsets: NDArray[np.float64]
    product_line: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    tps_threshold: float
    uncertain_threshold: float
    sequences: int
    held_out: HeldOut

    def probabilities(
        self, logits: NDArray[np.float64], similarity: ArrayLike
    ) -> NDArray[np.float64]:
        """Return the probabilities of logits.

        Args:
            logits: (…, labels).
            similarity: (…,) similarity to the nearest characterised enzyme.

        Returns:
            (…, labels) probabilities.
        """
        return _probabilities(logits, self.slopes, self.offsets, similarity)

    def product_probabilities(
        self, shares: NDArray[np.float64], similarity: ArrayLike
    ) -> NDArray[np.float64]:
        """Return the probabilities of single products.

        Args:
            shares: (…, products) shares of them among the enzymes that are like a protein.
            similarity: (…,) similarity to the nearest characterised enzyme.

        Returns:
            (…, products) probabilities.
        """
        return sigmoid(_product_inputs(shares, np.asarray(similarity)) @ self.product_line)

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
        # A threshold calls all enzymes of one score.
        is_last = np.ones(scores.shape, bool)
        is_last[:-1] = scores[1:] < scores[:-1]
        enough = (np.cumsum(hits, 0) / calls >= target) & (calls >= MIN_CALLS) & is_last
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
        np.zeros((0, labels), np.float16), np.zeros((0, labels), np.uint8), np.zeros(0, np.float32)
    )
    return Calibration(
        slopes=np.tile([1.0, 0.0], (labels, 1)),
        offsets=np.zeros((labels, 2)),
        product_line=_line_prior(CHANGE_PRIOR)[0],
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
    labels: Sequence[Label],
    similarity: NDArray[np.float64],
) -> Calibration:
    """Fit slopes, offsets and thresholds of labels on n held-out proteins.

    Args:
        logits: (n, labels) of networks that did not see these proteins.
        targets: (n, labels) 0/1.
        mask: (n, labels) 1 where the target is known.
        labels: The labels, among them is-a-terpene-synthase.
        similarity: (n,) similarity to the nearest enzyme outside the left-out fold.
    """
    known = mask > 0
    groups = np.array([label.group for label in labels])
    slopes, offsets = _fit_lines(logits, targets, known, groups, similarity)
    probabilities = _probabilities(logits, slopes, offsets, similarity)

    # Thresholds of the status and of each label, and the enzymes that stay with the model.
    tps = labels.index(IS_TPS)
    asked = known[:, tps]
    tps_threshold, uncertain_threshold = _status_thresholds(
        probabilities[asked, tps], targets[asked, tps]
    )
    enzymes = known.sum(1) > 1
    thresholds = _label_thresholds(probabilities[enzymes], targets[enzymes], known[enzymes])
    ensembles = np.flatnonzero(groups == "ensemble")
    cells = np.ix_(enzymes, ensembles)
    thresholds[ensembles] = _ensemble_thresholds(probabilities[cells], targets[cells])
    return Calibration(
        slopes=slopes,
        offsets=offsets,
        product_line=_line_prior(CHANGE_PRIOR)[0],
        thresholds=thresholds,
        tps_threshold=tps_threshold,
        uncertain_threshold=uncertain_threshold,
        sequences=len(logits),
        held_out=HeldOut(
            probabilities[enzymes].astype(np.float16),
            targets[enzymes].astype(np.uint8),
            similarity[enzymes].astype(np.float32),
        ),
    )


def _probabilities(
    logits: NDArray[np.float64],
    slopes: NDArray[np.float64],
    offsets: NDArray[np.float64],
    similarity: ArrayLike,
) -> NDArray[np.float64]:
    """Return the probabilities of logits; :class:`Calibration` has the shapes."""
    alike = np.asarray(similarity, np.float64)[..., None]
    slope = slopes[:, 0] + slopes[:, 1] * alike
    offset = offsets[:, 0] + offsets[:, 1] * alike
    return sigmoid(slope * logits + offset)


def _fit_lines(
    logits: NDArray[np.float64],
    targets: NDArray[np.floating],
    known: NDArray[np.bool_],
    groups: NDArray[np.str_],
    similarity: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit the slopes and offsets of all labels.

    Args:
        logits: (n, labels).
        targets: (n, labels) 0/1.
        known: (n, labels) whether the target is known.
        groups: (labels,) group of each label.
        similarity: (n,) similarity to the nearest enzyme outside the left-out fold.

    Returns:
        ((labels, 2) slopes, (labels, 2) offsets), as in :class:`Calibration`.
    """
    # What the labels of a group have in common: (labels, 4) weights of these inputs.
    alike = np.broadcast_to(similarity[:, None], logits.shape)
    inputs = _line_inputs(logits, alike)  # (n, labels, 4)
    lines = np.zeros((len(groups), 4))
    for group in np.unique(groups):
        asked = known & (groups == group)
        change = NO_CHANGE if group == IS_TPS.group else CHANGE_PRIOR
        lines[groups == group] = _fit_logistic(inputs[asked], targets[asked], *_line_prior(change))
    lines[:, 0] = np.maximum(lines[:, 0], MIN_SLOPE)
    lines[:, 1] = np.maximum(lines[:, 1], MIN_SLOPE - lines[:, 0])
    common = np.einsum("nlk,lk->nl", inputs, lines)  # (n, labels)

    # The slope and offset of each label on these.
    start, prior = np.array([1.0, 0.0]), np.array([SLOPE_PRIOR, OFFSET_PRIOR])
    own = np.tile(start, (len(groups), 1))
    for c in range(len(groups)):
        asked = known[:, c]
        if targets[asked, c].any():
            line = np.stack([common[asked, c], np.ones(asked.sum())], 1)
            own[c] = _fit_logistic(line, targets[asked, c], start, prior)
    slope, offset = np.maximum(own[:, 0], MIN_SLOPE), own[:, 1]
    too_good = groups != IS_TPS.group
    slope = np.where(too_good, OPTIMISM_SLOPE * slope, slope)
    offset = np.where(too_good, OPTIMISM_SLOPE * offset + OPTIMISM_OFFSET, offset)
    slopes, offsets = slope[:, None] * lines[:, :2], slope[:, None] * lines[:, 2:]
    offsets[:, 0] += offset
    return slopes, offsets


def bounded_log_odds(shares: NDArray[np.floating], least: float = MIN_SHARE) -> NDArray[np.float64]:
    """Return the log-odds of shares that are never surer than a least share.

    >>> bounded_log_odds(np.array([-0.1, 0.5])).round(2).tolist()
    [-4.6, 0.0]
    """
    return log_odds(np.clip(shares, least, 1 - least))


def _product_inputs(
    shares: NDArray[np.float64], similarity: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return (…, products, 4) what :attr:`Calibration.product_line` weighs."""
    odds = bounded_log_odds(shares, MIN_PRODUCT_SHARE)
    alike = np.broadcast_to(similarity[..., None], odds.shape)
    return _line_inputs(odds, alike)


def _line_inputs(logits: NDArray[np.float64], alike: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (…, 4) what a slope and an offset that change with the similarity weigh."""
    return np.stack([logits, logits * alike, np.ones_like(logits), alike], -1)


def fit_product_line(
    shares: NDArray[np.float64], products: NDArray[np.floating], similarity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit the slope and the offset of all single products on n held-out proteins.

    Args:
        shares: (n, products) shares of single products among similar enzymes.
        products: (n, products) 0/1. A protein without any is left out, because nobody knows what it
            makes.
        similarity: (n,) similarity to the nearest enzyme outside the left-out fold.

    Returns:
        (4,) weights as in :class:`Calibration`.
    """
    makers = products.any(1)
    inputs = _product_inputs(shares[makers], similarity[makers]).reshape(-1, 4)
    line = _fit_logistic(inputs, products[makers].ravel(), *_line_prior(CHANGE_PRIOR))
    # The last digits of sums over so many cells depend on the number of threads.
    return (OPTIMISM_SLOPE * line + [0, 0, OPTIMISM_OFFSET, 0]).round(6)


def _line_prior(change: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (centre, precision) of the prior of a line whose change has a given precision."""
    return np.array([1.0, 0, 0, 0]), np.array([COMMON_PRIOR, change, COMMON_PRIOR, change])


def _fit_logistic(
    inputs: NDArray[np.float64],
    targets: NDArray[np.floating],
    centre: NDArray[np.float64],
    precision: NDArray[np.float64],
    steps: int = 50,
) -> NDArray[np.float64]:
    """Fit a logistic regression with a Gaussian prior by Newton's method.

    Args:
        inputs: (n, weights).
        targets: (n,) 0/1.
        centre: (weights,) weights that the prior is centred on.
        precision: (weights,) precision of the prior.
        steps: Newton steps at most.

    Returns:
        (weights,).
    """
    fitted = centre.copy()
    for _ in range(steps):
        expected = sigmoid(inputs @ fitted)
        gradient = inputs.T @ (expected - targets) + precision * (fitted - centre)
        curvature = (inputs * (expected * (1 - expected))[:, None]).T @ inputs + np.diag(precision)
        step = np.linalg.solve(curvature, gradient)
        fitted = fitted - step * min(1.0, 2.0 / max(1e-9, np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    return fitted


def _ensemble_thresholds(
    probabilities: NDArray[np.float64], targets: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the probability from which each ensemble is called.

    It is the same for all, but for ensembles whose calls on held-out enzymes were right less often
    than that, or never: these are not called.

    Args:
        probabilities: (enzymes, ensembles).
        targets: (enzymes, ensembles) 0/1.
    """
    called = probabilities >= POSSIBLE
    right = (called & (targets > 0)).sum(0)
    return np.where((right > 0) & (right >= POSSIBLE * called.sum(0)), POSSIBLE, NEVER)


def _label_thresholds(
    probabilities: NDArray[np.float64], targets: NDArray[np.floating], known: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Choose the threshold of the best F1 per label, drawn towards a common one.

    The mean of a label's own threshold and the common one is taken on the logit scale.

    Args:
        probabilities: (enzymes, labels).
        targets: (enzymes, labels) 0/1.
        known: (enzymes, labels) whether the target is known; the others are not called.

    Returns:
        (labels,) probabilities.
    """
    scores = np.where(known, log_odds(probabilities), log_odds(0.0))
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
    scores: NDArray[np.float16], targets: NDArray[np.uint8], coverage: float
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
