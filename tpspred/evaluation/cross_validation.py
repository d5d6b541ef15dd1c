"""Cross-validation: everything is fitted again without the proteins that are scored.

Enzymes and negatives are dealt to folds. For each fold the whole pipeline (profiles, column
weights, projection, scaling, networks, calibration, thresholds) and every baseline learn from the
other folds alone, without negatives that are similar to a protein of the fold, and score the fold.
"""

import csv
import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .. import pipeline
from ..dataset.enzymes import Enzyme
from ..dataset.folds import deal_folds, identity_clusters
from ..dataset.labels import Label, label_targets, labels_of
from ..encoders.representations import RepresentedProtein, represent
from ..errors import InputError
from ..family.alignment import identity_matrix
from ..family.profile_building import build_profiles
from ..family.screening import ScreenedProtein
from ..io import files
from ..io.fasta import ProteinRecord
from ..io.store import Representations
from ..model.calibration import LabelSets
from ..model.hyperparameters import Config
from ..model.predictor import Predictor
from .fold import Fold, Method

ENZYMES = "enzymes"
OURS = "tpspred"
MIN_POSITIVES = 5  # of a label, for it to be scored
NEAR_HELD_OUT = "near_held_out"  # problem of a negative that is similar to a left-out protein
TARGET_PRECISION, COVERAGE = "target_precision", "coverage"
Promise = tuple[str, float]
PROMISES: tuple[Promise, ...] = (  # which the evaluation tests
    (TARGET_PRECISION, 0.7),
    (TARGET_PRECISION, 0.8),
    (TARGET_PRECISION, 0.9),
    (COVERAGE, 0.8),
    (COVERAGE, 0.9),
)


@dataclasses.dataclass(frozen=True)
class Scored:
    """n proteins, each scored by models that have not seen it.

    Attributes:
        ids, statuses: n strings.
        sources: (n,) ``enzymes`` or the name of a set of negatives.
        folds: (n,) fold of each protein.
        clusters: (n,) identity cluster, which is the unit of the bootstrap.
        nearest: (n,) identity to the most similar training enzyme, 0–1.
        labels: Labels, in the order of the columns.
        targets: (n, labels) 0/1; for negatives only is-a-terpene-synthase is known, and it is 0.
        called: (n, labels) whether the probability of tpspred reaches its threshold.
        promised: Per promise (n, labels) whether an ensemble is called at this precision, or is in
            a set of this coverage.
        scores: Per method (n, labels). Those of tpspred are probabilities, 0 where no profile
            matched or the label had no training data.
    """

    ids: list[str]
    sources: NDArray[np.str_]
    statuses: list[str]
    folds: NDArray[np.int64]
    clusters: NDArray[np.int64]
    nearest: NDArray[np.float64]
    labels: list[Label]
    targets: NDArray[np.float64]
    called: NDArray[np.bool_]
    promised: dict[Promise, NDArray[np.bool_]]
    scores: dict[str, NDArray[np.float64]]

    def rows(self, *sources: str) -> NDArray[np.int64]:
        """Return the indices of the proteins from these sources."""
        return np.flatnonzero(np.isin(self.sources, sources))

    def columns(self, group: str) -> list[int]:
        """Return the labels of a group that have enough positives to be scored."""
        enough = self.targets.sum(0) >= MIN_POSITIVES
        return [i for i, label in enumerate(self.labels) if label.group == group and enough[i]]


def read_folds(source: str | os.PathLike[str], enzymes: Sequence[Enzyme]) -> NDArray[np.int64]:
    """Read folds from a table with the columns id and fold.

    Returns:
        (enzymes,) fold of each enzyme.

    Raises:
        InputError: If a column or an enzyme is missing, or there is a single fold.
    """
    with files.open_bytes(source) as stream:
        lines = (line + "\n" for _, line in files.lines(stream, source))
        rows = csv.DictReader(lines, delimiter="\t")
        header = rows.fieldnames or ()
        if not {"id", "fold"} <= set(header):
            raise InputError.at(
                f"{source}, line 1", "\t".join(header) or "nothing", "columns id and fold"
            )
        fold_of = {row["id"]: row["fold"] for row in rows}
    absent = [enzyme.id for enzyme in enzymes if not fold_of.get(enzyme.id)]
    if absent:
        raise InputError.at(
            source,
            f"no fold for {absent[0]} and {len(absent) - 1} others",
            "a fold for every enzyme",
        )
    names = sorted({fold_of[enzyme.id] for enzyme in enzymes})
    if len(names) < 2:
        raise InputError.at(source, "a single fold", "two or more")
    return np.array([names.index(fold_of[enzyme.id]) for enzyme in enzymes])


def refuse_leaks(
    enzymes: Sequence[Enzyme],
    identities: NDArray[np.float32],
    folds: NDArray[np.int64],
    limit: float,
) -> None:
    """Reject folds that have near-identical sequences on both sides.

    Args:
        enzymes: n enzymes.
        identities: (n, n) pairwise identity, 0–1.
        folds: (n,) fold of each enzyme.
        limit: Identity from which two sequences must share a fold, 0–1.

    Raises:
        InputError: Naming the most similar pair.
    """
    across = _across_folds(identities, folds)
    i, j = np.unravel_index(across.argmax(), across.shape)
    if across[i, j] >= limit:
        raise InputError.at(
            "folds",
            f"{enzymes[i].id} and {enzymes[j].id} in different folds, {across[i, j]:.0%} identical",
            f"less than {limit:.0%} (--max-identity)",
        )


def _across_folds(identities: NDArray[np.float32], folds: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return pairwise identities with 0 for pairs that share a fold."""
    return np.where(folds[:, None] != folds, identities, 0)


def make_folds(
    enzymes: Sequence[Enzyme],
    identities: NDArray[np.float32],
    identity: float,
    count: int,
    seed: int,
) -> NDArray[np.int64]:
    """Deal identity clusters to folds so that every label spreads evenly.

    Args:
        enzymes: n enzymes.
        identities: (n, n) pairwise identity, 0–1.
        identity: Identity from which two sequences share a fold, 0–1.
        count: Number of folds.
        seed: Seed that decides ties.

    Returns:
        (n,) fold of each enzyme.
    """
    lengths = [len(enzyme.sequence) for enzyme in enzymes]
    clusters = identity_clusters(identities, lengths, identity)
    targets = label_targets(enzymes, labels_of(enzymes))
    return deal_folds(clusters, targets, count, np.random.default_rng(seed))


def negative_folds(
    enzymes: Sequence[Enzyme],
    identities: NDArray[np.float32],
    negatives: Sequence[ProteinRecord],
    identity: float,
    count: int,
    rng: np.random.Generator,
    threads: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Deal negatives to folds; similar ones stay together, as far as they resemble the family.

    The profiles that tell which ones do are used for nothing else.

    Args:
        enzymes: n enzymes.
        identities: (n, n) pairwise identity, 0–1.
        negatives: Proteins that are no terpene synthases.
        identity: Identity from which two of them share a fold, 0–1.
        count: Number of folds.
        rng: Random generator.
        threads: CPU threads.

    Returns:
        (negatives,) identity clusters and (negatives,) folds.
    """
    profiles = build_profiles(enzymes, identities, threads)
    batches = pipeline.screened_batches(negatives, profiles, threads)
    proteins = [protein for batch in batches for protein in batch]
    alike = [i for i, protein in enumerate(proteins) if protein.hits]
    clusters = np.arange(len(negatives))
    if len(alike) > 1:
        near = identity_matrix([negatives[i].sequence for i in alike], threads)
        lengths = [negatives[i].length_aa for i in alike]
        clusters[alike] = np.array(alike)[identity_clusters(near, lengths, identity)]
    return clusters, deal_folds(clusters, np.zeros((len(negatives), 0)), count, rng)


def cross_validate(
    enzymes: Sequence[Enzyme],
    identities: NDArray[np.float32],
    negatives: Mapping[str, Sequence[ProteinRecord]],
    folds: NDArray[np.int64],
    identity: float,
    config: Config,
    device: torch.device,
    methods: Mapping[str, Method] | None = None,
    threads: int = 1,
    progress: Callable[[str], object] = lambda text: None,
) -> Scored:
    """Score every protein with models that have not seen it.

    Args:
        enzymes: n enzymes.
        identities: (n, n) pairwise identity, 0–1.
        negatives: Per set, proteins that are no terpene synthases.
        folds: (n,) fold of each enzyme.
        identity: Negatives at least this identical to a protein of the left-out fold do not train,
            0–1. It is also the identity of the clusters of the bootstrap.
        config: Hyperparameters.
        device: Where the networks are trained.
        methods: Methods to compare with, by name.
        threads: CPU threads; the scores do not depend on them.
        progress: Called with a line of text after every fold.
    """
    methods = methods or {}
    rng = np.random.default_rng(config.seed)
    labels = labels_of(enzymes)
    lengths = [len(enzyme.sequence) for enzyme in enzymes]
    clusters = identity_clusters(identities, lengths, identity)
    others = [record for records in negatives.values() for record in records]
    other_clusters, other_folds = negative_folds(
        enzymes, identities, others, identity, int(folds.max()) + 1, rng, threads
    )
    sources = [ENZYMES] * len(enzymes)
    for name, records in negatives.items():
        sources += [name] * len(records)
    records = [ProteinRecord(enzyme.id, "", enzyme.sequence) for enzyme in enzymes] + others
    fold_of = np.concatenate([folds, other_folds])

    # An enzyme's identity to the training enzymes is known from the start; a negative's is seen
    # where the folds of the enzymes are left out and the negative may train.
    nearest = np.zeros(len(records))
    nearest[: len(enzymes)] = _across_folds(identities, folds).max(1)
    targets = np.zeros((len(records), len(labels)))
    targets[: len(enzymes)] = label_targets(enzymes, labels)
    scored = Scored(
        ids=[record.id for record in records],
        sources=np.array(sources),
        statuses=[""] * len(records),
        folds=fold_of,
        clusters=np.concatenate([clusters, len(enzymes) + other_clusters]),
        nearest=nearest,
        labels=labels,
        targets=targets,
        called=np.zeros(targets.shape, bool),
        promised={promise: np.zeros(targets.shape, bool) for promise in PROMISES},
        scores={method: np.zeros(targets.shape) for method in (OURS, *methods)},
    )
    for fold in np.unique(folds):
        # Fit everything without the fold.
        test = np.flatnonzero(fold_of == fold)
        train = [enzyme for enzyme, own in zip(enzymes, folds) if own != fold]
        other_rows = np.flatnonzero(other_folds != fold)
        near = NearHeldOut([records[i].sequence for i in test], identity, threads)
        predictor, examples = pipeline.build_model(
            train,
            [others[i] for i in other_rows],
            config,
            f"fold{fold}",
            device,
            labels,
            threads,
            near.exclude,
        )
        left_out_enzymes = np.flatnonzero(test < len(enzymes))
        to_enzymes = near.identities[:, left_out_enzymes].max(1, initial=0)
        own = len(enzymes) + other_rows
        nearest[own] = np.maximum(nearest[own], to_enzymes)

        # Score it.
        proteins = pipeline.screen_all((records[i] for i in test), predictor.encoder, threads)
        table = represent(proteins, predictor.encoder, threads)
        _score_fold(scored, predictor, proteins, table, test)
        passed = np.array([i for i, problem in enumerate(table.problems) if not problem], int)
        left_out = Fold(predictor, examples, table, passed, config.seed, threads)
        for name, method in methods.items():
            scored.scores[name][test[passed]] = method(left_out)
        progress(
            f"fold {fold}: {len(train)} enzymes, "
            f"{predictor.training_record['negatives_used']} negatives, "
            f"{len(passed)} of {len(test)} left-out proteins match a profile"
        )
    return scored


class NearHeldOut:
    """Negatives that are similar to the proteins of a left-out fold, and so must not train.

    Args:
        held_out: Sequences of the left-out fold.
        limit: Identity from which a negative is too similar, 0–1.
        threads: CPU threads.

    Attributes:
        identities: (negatives, held out) pairwise identity after :meth:`exclude`; 0 for negatives
            that did not pass the screen.
    """

    def __init__(self, held_out: Sequence[str], limit: float, threads: int = 1) -> None:
        self.held_out = held_out
        self.limit = limit
        self.threads = threads
        self.identities = np.zeros((0, len(held_out)), np.float32)

    def exclude(self, table: Representations) -> Representations:
        """Return the negatives with a problem in the rows that are too similar."""
        count = len(self.held_out)
        self.identities = np.zeros((len(table), count), np.float32)
        passed = [i for i, problem in enumerate(table.problems) if not problem]
        if not count or not passed:
            return table
        sequences = [*self.held_out, *(table.sequences[i] for i in passed)]
        self.identities[passed] = identity_matrix(sequences, self.threads)[count:, :count]
        too_near = self.identities.max(1) >= self.limit
        problems = [
            NEAR_HELD_OUT if near and not problem else problem
            for near, problem in zip(too_near, table.problems)
        ]
        return dataclasses.replace(table, problems=problems)


def _score_fold(
    scored: Scored,
    predictor: Predictor,
    proteins: Sequence[ScreenedProtein],
    table: Representations,
    test: NDArray[np.int64],
) -> None:
    """Fill in what the model says about the proteins of its left-out fold.

    Args:
        scored: Where the scores go.
        predictor: Model that has not seen the fold.
        proteins: The proteins, screened with the model's profiles.
        table: Their representations.
        test: Their rows in ``scored``.
    """
    assert table.features is not None
    probabilities = np.full((len(test), len(scored.labels)), np.nan)
    similarity = np.zeros(len(test))
    for k, protein in enumerate(proteins):
        represented = RepresentedProtein(protein)
        if not table.problems[k]:
            represented = RepresentedProtein(protein, table.embedding[k], table.features[k])
        call = predictor.call(represented)
        scored.statuses[test[k]] = call.status
        if call.probabilities is not None and call.nearest is not None:
            probabilities[k] = call.probabilities
            similarity[k] = call.nearest.similarity
    scored.scores[OURS][test] = np.nan_to_num(probabilities)
    scored.called[test] = probabilities >= predictor.calibration.thresholds
    ensembles = [i for i, label in enumerate(scored.labels) if label.group == "ensemble"]
    own = probabilities[:, ensembles]
    for (kind, share), named in scored.promised.items():
        if kind == COVERAGE:
            sets = predictor.with_targets(coverage=share).sets
            assert isinstance(sets, LabelSets)
            inside = sets.contains(own, similarity)
        else:
            promising = predictor.with_targets(target_precision=share)
            inside = own >= promising.calibration.thresholds[ensembles]
        named[np.ix_(test, ensembles)] = inside
