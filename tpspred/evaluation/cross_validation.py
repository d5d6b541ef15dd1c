"""Cross-validated evaluation: everything is fitted again without the proteins that are scored.

Enzymes and negatives are dealt to folds. For each fold the whole recipe (profiles, column weights, projection, scaling,
networks, calibration, thresholds) and every baseline learn from the other folds alone, without negatives that are near a
protein of the fold, and score it.
"""

import csv
import dataclasses

import numpy as np

from .. import pipeline
from ..dataset import folds as splits
from ..dataset import reactions
from ..encoders.profile import family_profiles
from ..errors import InputError
from ..family import profiles
from ..io import files
from ..io.fasta import ProteinRecord
from ..model import metrics

ENZYMES = "enzymes"
OURS = "tpspred"
MIN_POSITIVES = 5
BANDS = (0.2, 0.4, 0.6, 0.8)  # identity to the nearest training enzyme
BOOTSTRAP = 200
PRECISION, COVERAGE = "target_precision", "coverage"
PROMISES = (
    (PRECISION, 0.7),
    (PRECISION, 0.8),
    (PRECISION, 0.9),
    (COVERAGE, 0.8),
    (COVERAGE, 0.9),
)  # put to the test


@dataclasses.dataclass(frozen=True)
class Scored:
    """n proteins, each scored by models that have not seen it.

    Attributes:
        ids, sources, statuses: n strings; the source is ``enzymes`` or the name of a set of negatives.
        folds: (n,) int.
        clusters: (n,) int identity cluster, the unit of the bootstrap.
        nearest: (n,) identity to the most similar training enzyme, 0–1.
        labels: List of dataset.Label.
        targets: (n, labels) 0/1; of negatives only is-a-terpene-synthase is known, and it is 0.
        called: (n, labels) bool, probabilities of tpspred at or above its thresholds.
        promised: {one of PROMISES: (n, labels) bool}, ensembles called at this precision, or in sets of this coverage.
        scores: {method: (n, labels)}; tpspred's are probabilities, 0 where no profile matched or the label was unknown.
    """

    ids: list
    sources: np.ndarray
    statuses: list
    folds: np.ndarray
    clusters: np.ndarray
    nearest: np.ndarray
    labels: list
    targets: np.ndarray
    called: np.ndarray
    promised: dict
    scores: dict

    def of(self, *sources):
        """Rows of these sources."""
        return np.flatnonzero(np.isin(self.sources, sources))

    def columns(self, group):
        """Labels of a group with enough positives to be scored."""
        enough = self.targets.sum(0) >= MIN_POSITIVES
        return [i for i, label in enumerate(self.labels) if label.group == group and enough[i]]


def read_folds(source, enzymes):
    """Folds from a table with the columns id and fold.

    Returns:
        (enzymes,) int.

    Raises:
        InputError: If the columns or an enzyme are missing, or there is a single fold.
    """
    with files.open_bytes(source) as stream:
        rows = csv.DictReader(
            (line + "\n" for _, line in files.lines(stream, source)), delimiter="\t"
        )
        if not {"id", "fold"} <= set(rows.fieldnames or ()):
            raise InputError.at(
                f"{source}, line 1",
                "\t".join(rows.fieldnames or ()) or "nothing",
                "columns id and fold",
            )
        fold_of = {row["id"]: row["fold"] for row in rows}
    absent = [enzyme.id for enzyme in enzymes if not fold_of.get(enzyme.id)]
    if absent:
        raise InputError.at(
            source,
            f"no fold for {absent[0]} and {len(absent) - 1} others",
            "a fold for every enzyme",
        )
    names = sorted(set(fold_of[enzyme.id] for enzyme in enzymes))
    if len(names) < 2:
        raise InputError.at(source, "a single fold", "two or more")
    return np.array([names.index(fold_of[enzyme.id]) for enzyme in enzymes])


def refuse_leaks(enzymes, identities, folds, limit):
    """Refuse folds that hold near-identical sequences on both sides.

    Raises:
        InputError: Naming the most similar pair.
    """
    across = np.where(folds[:, None] != folds, identities, 0)
    i, j = np.unravel_index(across.argmax(), across.shape)
    if across[i, j] >= limit:
        raise InputError.at(
            "folds",
            f"{enzymes[i].id} and {enzymes[j].id} in different folds, {across[i, j]:.0%} identical",
            f"less than {limit:.0%} (--max-identity)",
        )


def checked_folds(enzymes, folds, identity, count, limit, seed, threads=1):
    """The given folds, or folds of identity clusters with every label spread evenly, without leaks.

    Returns:
        (enzymes,) int.
    """
    sequences = [enzyme.sequence for enzyme in enzymes]
    identities = splits.identity(sequences, threads)
    if folds is None:
        clusters = splits.clusters(identities, list(map(len, sequences)), identity)
        folds = splits.folds(
            clusters,
            reactions.targets(enzymes, reactions.labels(enzymes)),
            count,
            np.random.default_rng(seed),
        )
    refuse_leaks(enzymes, identities, folds, limit)
    return folds


def negative_folds(enzymes, identities, negatives, identity, count, rng, threads=1):
    """Folds of negatives: similar ones together, as far as they resemble the family at all.

    The profiles that tell which ones do are used for nothing else.

    Args:
        identities: (enzymes, enzymes) pairwise identity.
        negatives: List of records.ProteinRecord.

    Returns:
        (clusters, folds): (negatives,) int each.
    """
    library = family_profiles(enzymes, identities, threads)
    hits = [
        found
        for batch in profiles.batches(negatives)
        for found in profiles.search(library, [record.sequence for record in batch], threads)
    ]
    alike = [i for i, found in enumerate(hits) if found]
    clusters = np.arange(len(negatives))
    if len(alike) > 1:
        near = splits.identity([negatives[i].sequence for i in alike], threads)
        clusters[alike] = np.array(alike)[
            splits.clusters(near, [negatives[i].length_aa for i in alike], identity)
        ]
    return clusters, splits.folds(clusters, np.zeros((len(negatives), 0)), count, rng)


def out_of_fold(
    enzymes,
    negatives,
    folds,
    identity,
    config,
    device,
    methods=None,
    threads=1,
    progress=lambda text: None,
):
    """Score every protein with models that have not seen it.

    Args:
        enzymes: List of dataset.Enzyme.
        negatives: {name of a set: list of records.ProteinRecord}.
        folds: (enzymes,) int.
        identity: Negatives at least this identical to a protein of the fold that is left out do not train, 0–1; also the
            identity of the clusters of the bootstrap.
        methods: {name: function of baselines or alternatives}, what to fit beside the recipe.
        progress: Called with a line of text after every fold.

    Returns:
        Scored.
    """
    methods, rng = methods or {}, np.random.default_rng(config.seed)
    labels = reactions.labels(enzymes)
    sequences = [enzyme.sequence for enzyme in enzymes]
    identities = splits.identity(sequences, threads)
    others = [record for records in negatives.values() for record in records]
    other_clusters, other_folds = negative_folds(
        enzymes, identities, others, identity, folds.max() + 1, rng, threads
    )
    records = [ProteinRecord(enzyme.id, "", enzyme.sequence) for enzyme in enzymes] + others
    fold_of = np.concatenate([folds, other_folds])
    statuses = [""] * len(records)
    nearest, called = np.zeros(len(records)), np.zeros((len(records), len(labels)), bool)
    scores = {method: np.zeros((len(records), len(labels))) for method in (OURS, *methods)}
    promised = {promise: np.zeros_like(called) for promise in PROMISES}
    ensembles = [i for i, label in enumerate(labels) if label.group == "ensemble"]
    for fold in np.unique(folds):
        test = np.flatnonzero(fold_of == fold)
        train = [enzyme for enzyme, own in zip(enzymes, folds) if own != fold]
        predictor, data = pipeline.from_sequences(
            train,
            [record for record, own in zip(others, other_folds) if own != fold],
            config,
            f"fold{fold}",
            device,
            labels,
            threads,
            [records[i].sequence for i in test],
            identity,
        )
        table = pipeline.represent((records[i] for i in test), predictor.encoder, threads)
        vectors = dict(zip(table.sequences, table.embedding))
        found, similarity = np.full((len(test), len(labels)), np.nan), np.zeros(len(test))
        for k, call in enumerate(
            predictor.predict((records[i] for i in test), threads, vectors=vectors)
        ):
            statuses[test[k]] = call.status
            if call.probabilities is not None:
                found[k], similarity[k] = call.probabilities, call.neighbours[0].similarity
        scores[OURS][test], called[test] = (
            np.nan_to_num(found),
            found >= predictor.calibration.thresholds,
        )
        for (kind, share), answers in promised.items():
            promising = predictor.answering(**{kind: share})
            answers[np.ix_(test, ensembles)] = (
                promising.sets.holds(found[:, ensembles], similarity)
                if kind == COVERAGE
                else found[:, ensembles] >= promising.calibration.thresholds[ensembles]
            )
        passed = np.array([i for i, problem in enumerate(table.problems) if not problem], int)
        for method, function in methods.items():
            scores[method][test[passed]] = function(
                predictor, data, table, passed, config.seed, threads
            )
        known = splits.identity(
            [*(enzyme.sequence for enzyme in train), *(table.sequences[i] for i in passed)], threads
        )
        nearest[test[passed]] = known[len(train) :, : len(train)].max(1)
        progress(
            f"fold {fold}: {len(train)} enzymes, {predictor.record['negatives_used']} negatives, "
            f"{len(passed)} of {len(test)} left-out proteins match a profile"
        )
    clusters = splits.clusters(identities, list(map(len, sequences)), identity)
    targets = np.concatenate(
        [reactions.targets(enzymes, labels), np.zeros((len(others), len(labels)))]
    )
    sources = [ENZYMES] * len(enzymes) + [name for name, found in negatives.items() for _ in found]
    return Scored(
        [record.id for record in records],
        np.array(sources),
        statuses,
        fold_of,
        np.concatenate([clusters, len(enzymes) + other_clusters]),
        nearest,
        labels,
        targets,
        called,
        promised,
        scores,
    )


def per_label(scored, method):
    """Scores of every label that has enough positives.

    F1, precision and recall of tpspred are those of its calls; of a baseline, those at the threshold that is best on the
    other folds. AP is the mean over folds that hold a positive, the rest is pooled.

    Yields:
        Dictionary per label.
    """
    rows = scored.of(ENZYMES)
    truth, score, fold = scored.targets[rows], scored.scores[method][rows], scored.folds[rows]
    for group in reactions.GROUPS:
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
    rows = scored.of(ENZYMES)
    for group in reactions.GROUPS:
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
    rows = scored.of(ENZYMES)
    for group in reactions.GROUPS:
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
    for _ in range(BOOTSTRAP):
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
    tps = scored.labels.index(reactions.IS_TPS)
    enzymes = scored.of(ENZYMES)
    positive, related = (enzymes[scored.targets[enzymes, tps] == value] for value in (1, 0))
    statuses = np.array(scored.statuses)
    for name in dict.fromkeys(scored.sources[scored.sources != ENZYMES]):
        for text, negative in (
            (name, scored.of(name)),
            (f"{name}, related", np.concatenate([scored.of(name), related])),
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
    rows, columns = scored.of(ENZYMES), scored.columns("ensemble")
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
        rows = scored.of(ENZYMES)
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


def tables(scored, seed):
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
    for group in reactions.GROUPS:
        rows = np.arange(len(scored.ids)) if group == "is_tps" else scored.of(ENZYMES)
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
    rows, columns = scored.of(ENZYMES), scored.columns("ensemble")
    truth, called = scored.targets[np.ix_(rows, columns)] > 0, scored.called[np.ix_(rows, columns)]
    wrong = called & ~truth
    table = (truth[:, :, None] & wrong[:, None, :]).sum(0) / truth.sum(0)[:, None]
    np.fill_diagonal(table, (truth & called).sum(0) / truth.sum(0))
    return [scored.labels[c].name for c in columns], table
