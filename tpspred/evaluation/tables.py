"""The numbers of an evaluation: scores per label and group, intervals, bands of identity."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..dataset.labels import GROUPS, IS_TPS
from ..model import metrics
from ..model.calls import TPS
from . import ENZYMES
from .cross_validation import COVERAGE, OURS, Scored

BANDS = (0.2, 0.4, 0.6, 0.8)  # bounds of the bands of identity to the nearest training enzyme
BOOTSTRAP_SAMPLES = 200
RELATED = ", related"  # behind a set of negatives: the related enzymes are negatives, too
MEANS = (  # columns of the table of labels that the summary averages
    "average_precision",
    "average_precision_pooled",
    "roc_auc",
    "f1",
    "precision",
    "recall",
)
Row = dict[str, str | int | float]  # column → value
Band = tuple[float, float, NDArray[np.int64]]  # identity from, identity to, rows of the proteins


def tables_of(scored: Scored, seed: int) -> dict[str, list[Row]]:
    """Return all tables of a report by name.

    Args:
        scored: Proteins, scored by models that have not seen them.
        seed: Seed of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    methods = list(scored.scores)
    labels = {method: list(per_label(scored, method)) for method in methods}
    return {
        "summary": [
            row for method in methods for row in summary(scored, method, labels[method], rng)
        ],
        "labels": [row for method in methods for row in labels[method]],
        "gaps": [row for method in methods if method != OURS for row in gaps(scored, method, rng)],
        "terpene_synthases": [row for method in methods for row in tps_tests(scored, method, rng)],
        "identity": [row for method in methods for row in by_identity(scored, method)],
        "options": list(options(scored)),
        "reliability": list(reliability(scored)),
        "confusion": list(_confusion_rows(scored)),
    }


def numbers(table: Sequence[Row], column: str) -> NDArray[np.float64]:
    """Return a column of a table as numbers.

    >>> numbers([{"label": "mono", "f1": 0.5}, {"label": "sesq", "f1": 1}], "f1")
    array([0.5, 1. ])
    """
    return np.array([row[column] for row in table], np.float64)


def per_label(scored: Scored, method: str) -> Iterator[Row]:
    """Yield one row for every label that has enough positives.

    The F1, precision and recall of tpspred are those of its calls. A baseline makes no calls, so
    its scores are thresholded where the F1 on the other folds is best. The average precision (AP)
    is the mean over the folds that contain a positive; the other numbers pool the folds.
    """
    rows = scored.rows(ENZYMES)
    folds = scored.folds[rows]
    for group in GROUPS:
        for c in scored.columns(group):
            truth = scored.targets[rows, c]
            score = scored.scores[method][rows, c]
            fold_precisions = []
            for fold in np.unique(folds):
                inside = folds == fold
                if truth[inside].any():
                    precision_in_fold = metrics.average_precision(truth[inside], score[inside])
                    fold_precisions.append(precision_in_fold)
            if method == OURS:
                called = scored.called[rows, c]
            else:
                called = _calls_of_best_f1(truth, score, folds)
            precision, recall = metrics.precision_recall(truth, called)
            yield {
                "method": method,
                "group": group,
                "label": scored.labels[c].name,
                "positives": int(truth.sum()),
                "average_precision": float(np.mean(fold_precisions)),
                "average_precision_pooled": metrics.average_precision(truth, score),
                "roc_auc": metrics.roc_auc(truth, score),
                "f1": metrics.f1(truth, called),
                "precision": precision,
                "recall": recall,
            }


def _calls_of_best_f1(
    truth: NDArray[np.float64], score: NDArray[np.float64], folds: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Call each fold at the threshold that gives the best F1 on the other folds.

    Args:
        truth: (n,) 0/1.
        score: (n,) higher is more likely.
        folds: (n,) fold of each protein.

    Returns:
        (n,) whether a protein is called; none is where the other folds have no positive.
    """
    called = np.zeros(len(truth), bool)
    for fold in np.unique(folds):
        rest = folds != fold
        if truth[rest].any():
            _, threshold = metrics.best_f1(truth[rest], score[rest])
            called[~rest] = score[~rest] >= threshold
    return called


def summary(
    scored: Scored, method: str, table: Sequence[Row], rng: np.random.Generator
) -> Iterator[Row]:
    """Yield one row per group of labels: means over its labels, and what is pooled over them.

    The interval is that of the macro AP over the pooled folds. The micro AP, the Brier score and
    the calibration error take every label of every enzyme as one answer.

    Args:
        scored: Proteins, scored by models that have not seen them.
        method: Name of the method.
        table: Rows of :func:`per_label` for this method.
        rng: Random generator of the bootstrap.
    """
    rows = scored.rows(ENZYMES)
    for group in GROUPS:
        columns = scored.columns(group)
        if not len(columns):
            continue
        group_rows = [row for row in table if row["group"] == group]
        cells = np.ix_(rows, columns)
        truth = scored.targets[cells]
        score = scored.scores[method][cells]
        means = {name: _mean(numbers(group_rows, name)) for name in MEANS}
        low, high = interval(truth, score, scored.clusters[rows], rng)
        yield {
            "method": method,
            "group": group,
            "labels": len(columns),
            **means,
            "pooled_low": low,
            "pooled_high": high,
            "micro_average_precision": metrics.average_precision(truth.ravel(), score.ravel()),
            "brier": float(((score - truth) ** 2).mean()),
            "calibration_error": metrics.calibration_error(truth.ravel(), score.ravel()),
        }


def _mean(values: NDArray[np.float64]) -> float:
    """Return the mean of the values that are numbers; NaN if none is.

    >>> _mean(np.array([1.0, np.nan, 2.0])), _mean(np.array([np.nan]))
    (1.5, nan)
    """
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def gaps(scored: Scored, method: str, rng: np.random.Generator) -> Iterator[Row]:
    """Yield per group of labels how much better than tpspred a method is.

    The gap is a difference of macro APs over the pooled folds; it is negative where tpspred is
    better.
    """
    rows = scored.rows(ENZYMES)
    for group in GROUPS:
        columns = scored.columns(group)
        if not len(columns):
            continue
        cells = np.ix_(rows, columns)
        truth = scored.targets[cells]
        score = scored.scores[method][cells]
        ours = scored.scores[OURS][cells]
        low, high = interval(truth, score, scored.clusters[rows], rng, ours)
        theirs_macro = metrics.macro_average_precision(truth, score)
        ours_macro = metrics.macro_average_precision(truth, ours)
        yield {
            "method": method,
            "group": group,
            "labels": len(columns),
            "gap": theirs_macro - ours_macro,
            "low": low,
            "high": high,
        }


def interval(
    truth: NDArray[np.float64],
    score: NDArray[np.float64],
    clusters: NDArray[np.int64],
    rng: np.random.Generator,
    other: NDArray[np.float64] | None = None,
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a macro AP, drawing whole identity clusters.

    Args:
        truth: (n, labels) 0/1.
        score: (n, labels) higher is more likely.
        clusters: (n,) identity cluster of each protein.
        rng: Random generator.
        other: (n, labels) scores of another method; the interval is then that of the difference
            between the macro AP of ``score`` and that of ``other``.

    Returns:
        Lower and upper bound; NaN if no sample contains a positive.
    """
    members = [np.flatnonzero(clusters == name) for name in np.unique(clusters)]
    sampled = []
    for _ in range(BOOTSTRAP_SAMPLES):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        if not truth[rows].any():  # of few clusters, those with a positive may all be missed
            continue
        value = metrics.macro_average_precision(truth[rows], score[rows])
        if other is not None:
            value -= metrics.macro_average_precision(truth[rows], other[rows])
        sampled.append(value)
    low, high = np.percentile(sampled or [np.nan], [2.5, 97.5])
    return float(low), float(high)


def tps_tests(scored: Scored, method: str, rng: np.random.Generator) -> Iterator[Row]:
    """Yield how well terpene synthases are told from each set of negatives.

    Each set gets two rows. In the second, the related enzymes (prenyl diphosphate, squalene and
    phytoene synthases) are negatives too.
    """
    tps = scored.labels.index(IS_TPS)
    enzymes = scored.rows(ENZYMES)
    is_tps = scored.targets[enzymes, tps] == 1
    positive = enzymes[is_tps]
    related = enzymes[~is_tps]
    if not len(positive):
        return
    statuses = np.array(scored.statuses)
    for name in dict.fromkeys(scored.sources[scored.sources != ENZYMES].tolist()):
        negatives = scored.rows(name)
        for title, negative in (
            (name, negatives),
            (name + RELATED, np.concatenate([negatives, related])),
        ):
            rows = np.concatenate([positive, negative])
            truth = scored.targets[rows, tps]
            score = scored.scores[method][rows, tps]
            low, high = interval(truth[:, None], score[:, None], scored.clusters[rows], rng)
            precision, recall = np.nan, np.nan  # a baseline gives no status
            if method == OURS:
                precision, recall = metrics.precision_recall(truth, statuses[rows] == TPS)
            yield {
                "method": method,
                "against": title,
                "positives": len(positive),
                "negatives": len(negative),
                "average_precision": metrics.average_precision(truth, score),
                "low": low,
                "high": high,
                "roc_auc": metrics.roc_auc(truth, score),
                "precision_of_tps": precision,
                "recall_of_tps": recall,
                "calibration_error": metrics.calibration_error(truth, score),
            }


def by_identity(scored: Scored, method: str) -> Iterator[Row]:
    """Yield the scores of the ensembles per band of identity to the nearest training enzyme.

    All ensembles of a band are averaged together, because it has too few positives of each. The
    calibration error takes every ensemble of every enzyme as one answer; that of calls, those
    alone that are called.
    """
    columns = scored.columns("ensemble")
    for low, high, rows in _bands(scored, scored.rows(ENZYMES)):
        cells = np.ix_(rows, columns)
        truth = scored.targets[cells]
        if not truth.any():
            continue
        score = scored.scores[method][cells]
        precision, recall, error_of_calls = np.nan, np.nan, np.nan  # a baseline makes no calls
        called = scored.called[cells]
        if method == OURS:
            precision, recall = metrics.precision_recall(truth, called)
            if called.any():
                error_of_calls = metrics.calibration_error(truth[called], score[called])
        yield {
            "method": method,
            "identity_from": low,
            "identity_to": high,
            "enzymes": len(rows),
            "micro_average_precision": metrics.average_precision(truth.ravel(), score.ravel()),
            "precision": precision,
            "recall": recall,
            "calibration_error": metrics.calibration_error(truth.ravel(), score.ravel()),
            "calibration_error_of_calls": error_of_calls,
        }


def options(scored: Scored) -> Iterator[Row]:
    """Yield the promised and the measured precision or coverage of the ensembles.

    Every promise gets a row over all enzymes and one per band of identity to the nearest training
    enzyme. For a promised precision, ``measured`` is the share of right calls; for a promised
    coverage, it is the mean share of an enzyme's ensembles that are in its set.
    """
    columns = np.array([i for i, label in enumerate(scored.labels) if label.group == "ensemble"])
    for (kind, share), named in scored.promised.items():
        rows = scored.rows(ENZYMES)
        if kind == COVERAGE:  # an enzyme without ensembles has no share of them
            rows = rows[scored.targets[np.ix_(rows, columns)].any(1)]
        everything: Band = (0.0, 1.0, rows)
        for low, high, band_rows in [everything, *_bands(scored, rows)]:
            if not len(band_rows):
                continue
            cells = np.ix_(band_rows, columns)
            truth = scored.targets[cells] > 0
            precision, recall = metrics.precision_recall(truth, named[cells])
            measured = precision
            if kind == COVERAGE:
                right = truth & named[cells]
                measured = (right.sum(1) / truth.sum(1)).mean()
            yield {
                "option": kind,
                "set_to": share,
                "identity_from": low,
                "identity_to": high,
                "enzymes": len(band_rows),
                "measured": float(measured),
                "recall": recall,
                "ensembles_per_enzyme": float(named[cells].sum(1).mean()),
            }


def _bands(scored: Scored, rows: NDArray[np.int64]) -> list[Band]:
    """Split rows into the bands of identity to the nearest training enzyme."""
    bounds = (0.0, *BANDS, 1.0)
    band_of = np.searchsorted(BANDS, scored.nearest[rows], "right")
    return [
        (low, high, rows[band_of == k]) for k, (low, high) in enumerate(zip(bounds, bounds[1:]))
    ]


def reliability(scored: Scored) -> Iterator[Row]:
    """Yield the probabilities of tpspred beside the share that is true.

    There is one row per group of labels and bin of probability, unless the bin is empty.
    """
    for group in GROUPS:
        everything = np.arange(len(scored.ids))
        rows = everything if group == IS_TPS.group else scored.rows(ENZYMES)
        cells = np.ix_(rows, scored.columns(group))
        truth = scored.targets[cells].ravel()
        score = scored.scores[OURS][cells].ravel()
        if not len(truth):
            continue
        for count, predicted, observed in metrics.reliability(truth, score):
            if count:
                yield {
                    "group": group,
                    "predictions": int(count),
                    "predicted": float(predicted),
                    "observed": float(observed),
                }


def confusion(scored: Scored) -> tuple[list[str], NDArray[np.float64]]:
    """Count how often an enzyme of one ensemble is called another that it does not have.

    Returns:
        Names of the ensembles, and (ensembles, ensembles) shares of the enzymes of the row's
        ensemble, 0–1. The diagonal is the recall.
    """
    columns = scored.columns("ensemble")
    cells = np.ix_(scored.rows(ENZYMES), columns)
    truth = scored.targets[cells] > 0
    called = scored.called[cells]
    wrong = called & ~truth
    positives = truth.sum(0)
    # (enzymes, own ensemble, wrong ensemble) → (own ensemble, wrong ensemble)
    shares = (truth[:, :, None] & wrong[:, None, :]).sum(0) / positives[:, None]
    np.fill_diagonal(shares, (truth & called).sum(0) / positives)
    return [scored.labels[c].name for c in columns], shares


def _confusion_rows(scored: Scored) -> Iterator[Row]:
    """Yield the rows of the confusion matrix: an ensemble, and a share per ensemble."""
    names, shares = confusion(scored)
    for name, row_shares in zip(names, shares.tolist()):
        yield {"ensemble": name} | dict(zip(names, row_shares))
