"""The numbers of an evaluation: scores per label and group, intervals, bands of identity."""

import numpy as np

from ..dataset.labels import GROUPS, IS_TPS
from ..model import metrics
from .cross_validation import COVERAGE, ENZYMES, OURS

BANDS = (0.2, 0.4, 0.6, 0.8)  # identity to the nearest training enzyme
BOOTSTRAP_SAMPLES = 200
Row = dict[str, str | int | float]


def per_label(scored, method):
    """Scores of every label that has enough positives.

    F1, precision and recall of tpspred are those of its calls; of a baseline, those at the threshold that is best on the
    other folds. AP is the mean over folds that hold a positive, the rest is pooled.

    Yields:
        Dictionary per label.
    """
    rows = scored.rows(ENZYMES)
    truth, score, fold = scored.targets[rows], scored.scores[method][rows], scored.folds[rows]
    for group in GROUPS:
        for c in scored.columns(group):
            y, p = truth[:, c], score[:, c]
            held = [
                metrics.average_precision(y[fold == k], p[fold == k])
                for k in np.unique(fold)
                if y[fold == k].any()
            ]
            called = scored.called[rows, c] if method == OURS else _thresholded(y, p, fold)
            precision, recall = metrics.precision_recall(y, called)
            yield {
                "method": method,
                "group": group,
                "label": scored.labels[c].name,
                "positives": int(y.sum()),
                "average_precision": float(np.mean(held)),
                "average_precision_pooled": metrics.average_precision(y, p),
                "roc_auc": metrics.roc_auc(y, p),
                "f1": metrics.f1(y, called),
                "precision": precision,
                "recall": recall,
            }


def _thresholded(truth, score, fold):
    """Calls at the threshold of best F1 on the other folds."""
    called = np.zeros(len(truth), bool)
    for k in np.unique(fold):
        rest = fold != k
        if truth[rest].any():
            called[~rest] = score[~rest] >= metrics.best_f1(truth[rest], score[rest])[1]
    return called


def summary(scored, method, table, rng):
    """Means over the labels of each group, with the interval of the pooled AP; micro AP and calibration over all answers.

    Args:
        table: What ``per_label`` gives of this method.

    Yields:
        Dictionary per group.
    """
    rows = scored.rows(ENZYMES)
    for group in GROUPS:
        columns, own = scored.columns(group), [row for row in table if row["group"] == group]
        if not columns:
            continue
        truth, score = (
            scored.targets[np.ix_(rows, columns)],
            scored.scores[method][np.ix_(rows, columns)],
        )
        means = {
            name: float(np.nanmean([row[name] for row in own]))
            for name in (
                "average_precision",
                "average_precision_pooled",
                "roc_auc",
                "f1",
                "precision",
                "recall",
            )
        }
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


def gaps(scored, method, rng):
    """How much better than tpspred a method is, in macro AP over the pooled folds.

    Yields:
        Dictionary per group of labels.
    """
    rows = scored.rows(ENZYMES)
    for group in GROUPS:
        columns = scored.columns(group)
        if columns:
            truth, score, ours = (
                part[np.ix_(rows, columns)]
                for part in (scored.targets, scored.scores[method], scored.scores[OURS])
            )
            low, high = interval(truth, score, scored.clusters[rows], rng, ours)
            gap = metrics.macro_average_precision(truth, score) - metrics.macro_average_precision(
                truth, ours
            )
            yield {
                "method": method,
                "group": group,
                "labels": len(columns),
                "gap": gap,
                "low": low,
                "high": high,
            }


def interval(truth, score, clusters, rng, other=None):
    """95 % interval of the macro AP, or of how much it is above that of another score, by drawing identity clusters with
    replacement.

    Returns:
        (low, high).
    """
    members = [np.flatnonzero(clusters == name) for name in np.unique(clusters)]
    drawn = []
    for _ in range(BOOTSTRAP_SAMPLES):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        if truth[rows].any():  # of few clusters, those with a positive may all be missed
            drawn.append(
                metrics.macro_average_precision(truth[rows], score[rows])
                - (
                    0
                    if other is None
                    else metrics.macro_average_precision(truth[rows], other[rows])
                )
            )
    return tuple(float(value) for value in np.percentile(drawn or [np.nan], [2.5, 97.5]))


def tps_tests(scored, method, rng):
    """Is-a-terpene-synthase: terpene synthases against each set of negatives, and against the related enzymes too.

    Yields:
        Dictionary per set.
    """
    tps = scored.labels.index(IS_TPS)
    enzymes = scored.rows(ENZYMES)
    positive, related = (enzymes[scored.targets[enzymes, tps] == value] for value in (1, 0))
    statuses = np.array(scored.statuses)
    for name in dict.fromkeys(scored.sources[scored.sources != ENZYMES]):
        for text, negative in (
            (name, scored.rows(name)),
            (f"{name}, related", np.concatenate([scored.rows(name), related])),
        ):
            rows = np.concatenate([positive, negative])
            truth, score = scored.targets[rows, tps], scored.scores[method][rows, tps]
            low, high = interval(truth[:, None], score[:, None], scored.clusters[rows], rng)
            called = statuses[rows] == "tps"
            precision, recall = (
                metrics.precision_recall(truth, called) if method == OURS else (np.nan, np.nan)
            )
            yield {
                "method": method,
                "against": text,
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


def by_identity(scored, method):
    """Ensembles by the identity to the nearest training enzyme, micro-averaged: a band is too small for single labels.

    Yields:
        Dictionary per band.
    """
    rows, columns = scored.rows(ENZYMES), scored.columns("ensemble")
    for low, high, own in _banded(scored, rows):
        truth = scored.targets[np.ix_(own, columns)]
        if truth.any():
            score = scored.scores[method][np.ix_(own, columns)]
            row = {
                "method": method,
                "identity_from": low,
                "identity_to": high,
                "enzymes": len(own),
                "micro_average_precision": metrics.average_precision(truth.ravel(), score.ravel()),
            }
            precision, recall = metrics.precision_recall(truth, scored.called[np.ix_(own, columns)])
            yield row | (
                {"precision": precision, "recall": recall}
                if method == OURS
                else {"precision": np.nan, "recall": np.nan}
            )


def promises(scored):
    """What was promised of the ensembles beside what was seen, over all enzymes and by identity to the nearest training one.

    Yields:
        Dictionary per promise and band: of a precision, the share of all calls that are right; of a coverage, the mean share of an
        enzyme's ensembles that its set holds.
    """
    columns = [i for i, label in enumerate(scored.labels) if label.group == "ensemble"]
    for (kind, share), answers in scored.promised.items():
        rows = scored.rows(ENZYMES)
        if kind == COVERAGE:  # of nothing there is no share
            rows = rows[scored.targets[np.ix_(rows, columns)].any(1)]
        for low, high, own in [(0.0, 1.0, rows), *_banded(scored, rows)]:
            if not len(own):
                continue
            truth, named = scored.targets[np.ix_(own, columns)] > 0, answers[np.ix_(own, columns)]
            right = truth & named
            seen = (
                (right.sum(1) / truth.sum(1)).mean()
                if kind == COVERAGE
                else metrics.precision_recall(truth, named)[0]
            )
            yield {
                "promise": kind,
                "asked": share,
                "identity_from": low,
                "identity_to": high,
                "enzymes": len(own),
                "seen": float(seen),
                "recall": metrics.precision_recall(truth, named)[1],
                "ensembles_per_enzyme": float(named.sum(1).mean()),
            }


def _banded(scored, rows):
    """(from, to, those of the rows that are there) of every band of identity."""
    band = np.searchsorted(BANDS, scored.nearest[rows], "right")
    return [
        (low, high, rows[band == k])
        for k, (low, high) in enumerate(zip((0.0, *BANDS), (*BANDS, 1.0)))
    ]


def tables_of(scored, seed):
    """Everything the report says in numbers.

    Returns:
        {name: list of dictionaries}.
    """
    rng = np.random.default_rng(seed)
    labels = {method: list(per_label(scored, method)) for method in scored.scores}
    return {
        "summary": [
            row for method in scored.scores for row in summary(scored, method, labels[method], rng)
        ],
        "labels": [row for table in labels.values() for row in table],
        "gaps": [
            row for method in scored.scores if method != OURS for row in gaps(scored, method, rng)
        ],
        "terpene_synthases": [
            row for method in scored.scores for row in tps_tests(scored, method, rng)
        ],
        "identity": [row for method in scored.scores for row in by_identity(scored, method)],
        "promises": list(promises(scored)),
        "reliability": list(reliability(scored)),
        "confusion": [
            {"ensemble": name} | dict(zip(names, map(float, shares)))
            for names, matrix in [confusion(scored)]
            for name, shares in zip(names, matrix)
        ],
    }


def reliability(scored):
    """Predicted beside observed, of tpspred, over all labels of each group.

    Yields:
        Dictionary per group and bin that is not empty.
    """
    for group in GROUPS:
        rows = np.arange(len(scored.ids)) if group == "is_tps" else scored.rows(ENZYMES)
        cells = np.ix_(rows, scored.columns(group))
        truth, score = scored.targets[cells].ravel(), scored.scores[OURS][cells].ravel()
        for count, predicted, observed in metrics.reliability(truth, score) if len(truth) else ():
            if count:
                yield {
                    "group": group,
                    "predictions": int(count),
                    "predicted": float(predicted),
                    "observed": float(observed),
                }


def confusion(scored):
    """How often an enzyme of one ensemble is called another that it has not.

    Returns:
        (names, (ensembles, ensembles) share of the row's enzymes, the diagonal being recall).
    """
    rows, columns = scored.rows(ENZYMES), scored.columns("ensemble")
    truth, called = scored.targets[np.ix_(rows, columns)] > 0, scored.called[np.ix_(rows, columns)]
    wrong = called & ~truth
    table = (truth[:, :, None] & wrong[:, None, :]).sum(0) / truth.sum(0)[:, None]
    np.fill_diagonal(table, (truth & called).sum(0) / truth.sum(0))
    return [scored.labels[c].name for c in columns], table
