"""Cross-validation: everything is fitted again without the proteins that are scored.

Enzymes and negatives are dealt to folds. For each fold the whole pipeline (profiles, column
weights, projection, scaling, networks, calibration, thresholds) and every baseline learn from the
other folds alone, without negatives that are similar to a protein of the fold, and score the fold.
"""

import csv
import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .. import building
from ..console import warn
from ..dataset.enzymes import Enzyme
from ..dataset.folds import deal_folds, identity_clusters
from ..dataset.labels import Label, label_targets, labels_of
from ..encoders.protocol import Encoder
from ..encoders.representations import RepresentedProtein, represent_screened, tabulate
from ..errors import InputError
from ..family.alignment import identity_matrix
from ..family.profile_building import build_profiles
from ..family.screening import ScreenedProtein, screen
from ..io import files
from ..io.fasta import ProteinRecord
from ..io.paths import Path
from ..io.store import Representations
from ..model.calibration import LabelSets
from ..model.calls import Call
from ..model.hyperparameters import Config
from ..model.predictor import Predictor
from . import ENZYMES
from .fold import Fold, Method

OURS = "tpspred"
MIN_POSITIVES = 5  # enzymes that a label needs to be scored
ALWAYS_TRAINS = -1  # fold of an enzyme that is never left out
NEAR_HELD_OUT = "near_held_out"  # problem of a negative that is similar to a left-out protein
TARGET_PRECISION = "target_precision"
COVERAGE = "coverage"
Promise = tuple[str, float]  # what is promised, and the promised share, 0–1
PROMISES: tuple[Promise, ...] = (  # those that an evaluation tests
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
        ids: n ids.
        sources: (n,) ``enzymes`` or the name of a set of negatives.
        statuses: n statuses, such as ``tps``.
        folds: (n,) fold of each protein.
        clusters: (n,) identity cluster, which is the unit of the bootstrap.
        nearest: (n,) identity to the most similar training enzyme, 0–1.
        labels: Labels, in the order of the columns.
        targets: (n, labels) 0/1; for negatives only is-a-terpene-synthase is known, and it is 0.
        called: (n, labels) whether an ensemble is called, or the probability of another label
            reaches its threshold.
        promised: Promise → (n, labels) whether an ensemble is called at this precision, or is in
            a set of this coverage.
        scores: Method → (n, labels) scores, 0–1. Those of tpspred are probabilities, 0 where no
            profile matched or the label had no training data.
        calls: What the model says about each protein.
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
    calls: list[Call]

    def rows(self, *sources: str) -> NDArray[np.int64]:
        """Return the indices of the proteins from these sources."""
        return np.flatnonzero(np.isin(self.sources, sources))

    def columns(self, group: str) -> NDArray[np.int64]:
        """Return the columns of a group's labels that have enough positives to be scored."""
        in_group = np.array([label.group == group for label in self.labels])
        return np.flatnonzero(in_group & (self.targets.sum(0) >= MIN_POSITIVES))


def read_folds(source: Path, enzymes: Sequence[Enzyme]) -> NDArray[np.int64]:
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
        limit: Identity above which two sequences must share a fold, 0–1.

    Raises:
        InputError: Naming the most similar pair.
    """
    across = _across_folds(identities, folds)
    i, j = divmod(int(across.argmax()), len(enzymes))
    highest = across[i, j]
    if highest > limit:
        raise InputError.at(
            "folds",
            f"{enzymes[i].id} and {enzymes[j].id}, of identity {highest:.2f}, in different folds",
            f"an identity of at most {limit:g} (--max-identity)",
        )


def _across_folds(identities: NDArray[np.float32], folds: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return (n, n) pairwise identities with 0 for pairs that share a fold."""
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
        (n,) fold of each enzyme. There are fewer folds if there are fewer clusters.

    Raises:
        InputError: If there are fewer than two clusters.
    """
    lengths = [len(enzyme.sequence) for enzyme in enzymes]
    clusters = identity_clusters(identities, lengths, identity)
    cluster_count = len(np.unique(clusters))
    if cluster_count < 2:
        raise InputError.at(
            "folds",
            "all enzymes in one identity cluster" if len(enzymes) else "no enzyme",
            f"two clusters or more, so that one can be left out; --identity is {identity:g}",
        )
    if cluster_count < count:
        warn("%d folds instead of %d: there are no more identity clusters", cluster_count, count)
        count = cluster_count
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
    """Deal negatives to folds; similar ones share a fold if they match a family profile.

    Negatives that match no profile are dealt one by one. The profiles are built from all enzymes
    and used for nothing else.

    Args:
        enzymes: n enzymes.
        identities: (n, n) pairwise identity of the enzymes, 0–1.
        negatives: Proteins that are no terpene synthases.
        identity: Identity from which two negatives share a fold, 0–1.
        count: Number of folds.
        rng: Random generator.
        threads: CPU threads.

    Returns:
        (negatives,) identity clusters and (negatives,) folds.
    """
    if not negatives:
        return np.zeros(0, int), np.zeros(0, int)
    profiles = build_profiles(enzymes, identities, threads)
    proteins = screen(negatives, profiles, threads)
    passed = [i for i, protein in enumerate(proteins) if protein.hits]
    clusters = np.arange(len(negatives))
    if len(passed) > 1:
        between = identity_matrix([negatives[i].sequence for i in passed], threads)
        lengths = [negatives[i].length_aa for i in passed]
        clusters[passed] = np.array(passed)[identity_clusters(between, lengths, identity)]
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
        negatives: Name of a set → its proteins, which are no terpene synthases.
        folds: (n,) fold of each enzyme. An enzyme of the fold −1 is never left out and not
            scored; it trains wherever it is not too similar to an enzyme of the left-out fold.
        identity: Negatives and enzymes of the fold −1 do not train if they are at least this
            identical to a protein of the left-out fold, 0–1. The clusters of the bootstrap have
            the same identity.
        config: Hyperparameters.
        device: Device that trains the networks.
        methods: Name → method to compare with on the same folds.
        threads: CPU threads; the scores do not depend on them.
        progress: Called with a line of text after every fold.
    """
    methods = methods or {}
    rng = np.random.default_rng(config.seed)
    labels = labels_of(enzymes)
    # Enzymes that are scored, and those that only train.
    left_out_once = np.flatnonzero(folds != ALWAYS_TRAINS).tolist()
    additional = np.flatnonzero(folds == ALWAYS_TRAINS).tolist()
    to_additional = identities[np.ix_(left_out_once, additional)]  # (enzymes, additional)
    added = [enzymes[i] for i in additional]
    identities = identities[np.ix_(left_out_once, left_out_once)]
    enzymes = [enzymes[i] for i in left_out_once]
    folds = folds[left_out_once]
    others = [record for records in negatives.values() for record in records]
    names = np.unique(folds)
    other_clusters, dealt = negative_folds(
        enzymes, identities, others, identity, len(names), rng, threads
    )
    other_folds = names[dealt]
    lengths = [len(enzyme.sequence) for enzyme in enzymes]
    clusters = identity_clusters(identities, lengths, identity)
    records = [ProteinRecord(enzyme.id, "", enzyme.sequence) for enzyme in enzymes] + others
    scored = _unscored(
        records,
        _sources(enzymes, negatives),
        np.concatenate([folds, other_folds]),
        np.concatenate([clusters, len(enzymes) + other_clusters]),
        enzymes,
        labels,
        [OURS, *methods],
    )
    # An enzyme's identity to the enzymes of other folds is known from the start. That of a negative
    # is computed in the rounds that leave these folds out, because the negative trains there.
    scored.nearest[: len(enzymes)] = _across_folds(identities, folds).max(1)

    for fold in names:
        # Fit everything without the fold.
        test = np.flatnonzero(scored.folds == fold)
        is_far = to_additional[folds == fold].max(0, initial=0) < identity
        train = [enzyme for enzyme, own in zip(enzymes, folds) if own != fold]
        train += [enzyme for enzyme, far in zip(added, is_far) if far]
        training_negatives = np.flatnonzero(other_folds != fold)
        near = NearHeldOut([records[i] for i in test], identity, threads)
        predictor, examples = building.build_model(
            train,
            [others[i] for i in training_negatives],
            config,
            f"fold{fold}",
            device,
            scored.labels,
            threads,
            near.exclude,
        )

        # Keep the highest identity of every training negative that passed the screen, (passed,
        # left-out enzymes that passed) → (passed,).
        left_out_enzymes = test[near.passed_held_out] < len(enzymes)
        to_enzymes = near.identities[:, left_out_enzymes].max(1, initial=0)
        rows = len(enzymes) + training_negatives[near.passed]
        scored.nearest[rows] = np.maximum(scored.nearest[rows], to_enzymes)

        # Score the fold with the model and with every method.
        represented = represent_screened(
            near.proteins, predictor.encoder, predictor.feature_names, threads
        )
        _score_fold(scored, predictor, represented, test)
        table = tabulate(represented, predictor.encoder, predictor.feature_names)
        passed = np.array([i for i, problem in enumerate(table.problems) if not problem], int)
        left_out = Fold(predictor, examples, table, passed, config.seed, threads)
        for name, method in methods.items():
            if len(passed):
                scored.scores[name][test[passed]] = method(left_out)
        progress(
            f"fold {fold}: {len(train)} enzymes, "
            f"{predictor.training_record['negatives_used']} negatives, "
            f"{len(passed)} of {len(test)} left-out proteins match a profile"
        )
    return scored


def _sources(
    enzymes: Sequence[Enzyme], negatives: Mapping[str, Sequence[ProteinRecord]]
) -> NDArray[np.str_]:
    """Return the source of every protein: enzymes first, then the sets of negatives."""
    names = [ENZYMES] * len(enzymes)
    for name, records in negatives.items():
        names += [name] * len(records)
    return np.array(names)


def _unscored(
    records: Sequence[ProteinRecord],
    sources: NDArray[np.str_],
    folds: NDArray[np.int64],
    clusters: NDArray[np.int64],
    enzymes: Sequence[Enzyme],
    labels: list[Label],
    methods: Sequence[str],
) -> Scored:
    """Return proteins with their targets, whose scores are still 0.

    Args:
        records: n proteins: the enzymes, then the negatives.
        sources: (n,) where each protein comes from.
        folds: (n,) fold of each protein.
        clusters: (n,) identity cluster of each protein.
        enzymes: The enzymes.
        labels: Labels, one for each column of the targets.
        methods: Names of the methods that will score them.
    """
    targets = np.zeros((len(records), len(labels)))
    targets[: len(enzymes)] = label_targets(enzymes, labels)
    return Scored(
        ids=[record.id for record in records],
        sources=sources,
        statuses=[""] * len(records),
        folds=folds,
        clusters=clusters,
        nearest=np.zeros(len(records)),
        labels=labels,
        targets=targets,
        called=np.zeros(targets.shape, bool),
        promised={promise: np.zeros(targets.shape, bool) for promise in PROMISES},
        scores={method: np.zeros(targets.shape) for method in methods},
        calls=[Call(record.id, record.length_aa, "", "") for record in records],
    )


class NearHeldOut:
    """Negatives that are similar to the proteins of a left-out fold, and so must not train.

    Left-out proteins that match no profile have no part in this, because no network scores them.

    Args:
        held_out: Proteins of the left-out fold.
        limit: Identity from which a negative is too similar, 0–1.
        threads: CPU threads.

    Attributes:
        proteins: The proteins of the fold, screened, after :meth:`exclude`.
        passed_held_out: Indices of those that passed the screen, after :meth:`exclude`.
        passed: Rows of the negatives that passed the screen, after :meth:`exclude`.
        identities: (passed, passed held out) pairwise identity, after :meth:`exclude`.
    """

    def __init__(self, held_out: Sequence[ProteinRecord], limit: float, threads: int = 1) -> None:
        self.held_out = held_out
        self.limit = limit
        self.threads = threads
        self.proteins: list[ScreenedProtein] = []
        self.passed_held_out: list[int] = []
        self.passed: list[int] = []
        self.identities = np.zeros((0, 0), np.float32)

    def exclude(self, table: Representations, encoder: Encoder) -> Representations:
        """Mark the negatives that are too similar to a left-out protein.

        Args:
            table: Representations of the negatives.
            encoder: Encoder of the model, whose profiles screen the left-out proteins.

        Returns:
            The same table with the problem ``near_held_out`` in these rows.
        """
        self.proteins = building.screen_all(self.held_out, encoder, self.threads)
        self.passed_held_out = [i for i, protein in enumerate(self.proteins) if protein.hits]
        self.passed = [i for i, problem in enumerate(table.problems) if not problem]
        sequences = [self.held_out[i].sequence for i in self.passed_held_out]
        count = len(sequences)
        sequences += [table.sequences[i] for i in self.passed]
        self.identities = np.zeros((len(self.passed), count), np.float32)
        if self.identities.size:
            self.identities = identity_matrix(sequences, self.threads)[count:, :count]
        problems = list(table.problems)
        for i, highest in zip(self.passed, self.identities.max(1, initial=0)):
            if highest >= self.limit:
                problems[i] = NEAR_HELD_OUT
        return dataclasses.replace(table, problems=problems)


def _score_fold(
    scored: Scored,
    predictor: Predictor,
    proteins: Sequence[RepresentedProtein],
    test: NDArray[np.int64],
) -> None:
    """Score the proteins of a left-out fold with the model that has not seen them.

    Args:
        scored: Where statuses, scores, calls and promises are written.
        predictor: Model that has not seen the fold.
        proteins: m proteins of the fold, represented by the model's encoder.
        test: (m,) their rows in ``scored``.
    """
    probabilities = np.full((len(test), len(scored.labels)), np.nan)  # NaN: not scored
    called = np.zeros(probabilities.shape, bool)
    similarity = np.zeros(len(test))
    for k, protein in enumerate(proteins):
        call = predictor.call(protein)
        scored.statuses[test[k]] = call.status
        scored.calls[test[k]] = call
        names = {ensemble.name for ensemble in call.ensembles}
        called[k] = [label.group == "ensemble" and label.name in names for label in scored.labels]
        if call.probabilities is not None and call.nearest is not None:
            probabilities[k] = call.probabilities
            similarity[k] = call.nearest.similarity
    scored.scores[OURS][test] = np.nan_to_num(probabilities)
    in_group = np.array([label.group == "ensemble" for label in scored.labels])
    ensembles = np.flatnonzero(in_group)
    reached = probabilities >= predictor.calibration.thresholds
    scored.called[test] = np.where(in_group, called, reached)
    own = probabilities[:, ensembles]  # (m, ensembles)
    for (kind, share), named in scored.promised.items():
        if kind == COVERAGE:
            sets = predictor.with_promises(coverage=share).sets
            assert isinstance(sets, LabelSets)
            inside = sets.contains(own, similarity)
        else:
            promising = predictor.with_promises(target_precision=share)
            inside = own >= promising.calibration.thresholds[ensembles]
        named[np.ix_(test, ensembles)] = inside
