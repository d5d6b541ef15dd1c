"""The predictor: a trained model that scores represented proteins and calls them."""

import copy
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..dataset.labels import IS_TPS, Label
from ..dataset.product_types import RELATED_TYPES
from ..dataset.products import product_of
from ..encoders.protocol import Encoder
from ..encoders.representations import RepresentedProtein, represent_records
from ..errors import ModelError
from ..io.batching import in_threads
from ..io.fasta import ProteinRecord
from . import calibration
from . import decision as decisions
from .calibration import Calibration, LabelSets, bounded_log_odds
from .calls import (
    CHARACTERISED,
    MAX_ENSEMBLES,
    NOT_TPS,
    RELATED,
    TPS,
    UNCERTAIN,
    WEAK_FAMILY_MATCH,
    Call,
    EnsembleCall,
    ProductCall,
    warning_flags,
)
from .decision import Decision
from .inference import Networks
from .neighbours import References, align_neighbours, comparable, length
from .trained import TrainedNetworks, TrainingRecord

# Weights of the networks, the vote of similar enzymes, and the regression on all enzymes.
NETWORK_SHARE, VOTE_SHARE, REGRESSION_SHARE = 0.3, 0.3, 0.4
DECISION_SHARE = 0.5  # of the regression that decides, beside the networks, what is a synthase
PRODUCT_VOTE_SHARE = 0.3  # of the vote about single products, beside the regression
# Probability that a protein makes a product of a characterised enzyme that differs from it by a few
# residues at most: 184 of 208, for 106 enzymes of MARTS-DB beside another one that is as near.
KNOWN = 0.88
MIN_PRODUCT = 0.01  # probability from which a single product is named
NEIGHBOURS = 3  # characterised enzymes to compare a protein with, by default


class Scores(NamedTuple):
    """Scores of one protein.

    Attributes:
        probabilities: (labels,) calibrated probabilities, NaN for labels without training data.
        similarity: (enzymes,) cosines, which say how similar the characterised enzymes are.
        products: (products,) calibrated probabilities of single products.
    """

    probabilities: NDArray[np.float64]
    similarity: NDArray[np.float64]
    products: NDArray[np.float64]


class Predictor:
    """A trained model: encoder, networks, calibration and reference enzymes.

    Networks, enzymes, decision and calibration are read when the first protein is scored.

    Args:
        references: Called once, for :attr:`references`.
        decision: Called once, for :attr:`decision`.
        fitted_calibration: Called once, for :attr:`calibration`; None before calibration.

    Attributes:
        encoder: Encoder, with the profiles that screen the proteins.
        trained: The networks, with their features, scaling and labels.
        training_record: Data, options and versions of the training.
        checksum: SHA-256 of the model file, or ``unsaved``.
        name: Name of the model, a colon, and the first eight digits of its checksum.
        feature_names: Names of the features that the networks take, in order.
        labels: Labels, in the order of all per-label arrays.
        positives: (labels,) number of training positives; a label without any is never called.
        ensembles: Column of the labels → slug, for the ensembles with training data.
        tps_column: Index of the label is-a-terpene-synthase.
        sets: Sets of ensembles with a promised coverage, or None.
    """

    def __init__(
        self,
        encoder: Encoder,
        trained: TrainedNetworks,
        references: Callable[[], References],
        decision: Callable[[], Decision],
        training_record: TrainingRecord,
        fitted_calibration: Callable[[], Calibration] | None = None,
        checksum: str = "unsaved",
    ) -> None:
        self.encoder = encoder
        self.trained = trained
        self.training_record = training_record
        self.checksum = checksum
        self.name = f"{training_record['name']}:{checksum[:8]}"
        self.labels = trained.labels
        self.positives = trained.positives
        self.feature_names = trained.feature_names
        self.sets: LabelSets | None = None
        self.tps_column = self.labels.index(IS_TPS)
        self.ensembles = {i: self.labels[i].name for i in self._supported_columns("ensemble")}
        self._product_types = self._supported_columns("product_type")
        self._is_of_enzymes = np.arange(len(self.labels)) != self.tps_column  # (labels,)
        self._read_references = references
        self._read_decision = decision
        self._read_calibration = fitted_calibration

    @functools.cached_property
    def references(self) -> References:
        """Characterised enzymes that the model knows."""
        return self._read_references()

    @functools.cached_property
    def decision(self) -> Decision:
        """What decides, beside the networks, whether a protein is a terpene synthase."""
        return self._read_decision()

    @functools.cached_property
    def calibration(self) -> Calibration:
        """What turns logits into probabilities and calls."""
        if self._read_calibration is None:
            return calibration.uncalibrated(len(self.labels))
        return self._read_calibration()

    @functools.cached_property
    def _networks(self) -> Networks:
        """The networks, ready to be applied."""
        return Networks(self.trained.weights)

    def _supported_columns(self, group: str) -> list[int]:
        """Return the indices of a group's labels that have training data."""
        return [
            i for i, label in enumerate(self.labels) if label.group == group and self.positives[i]
        ]

    def unsupported(self) -> list[Label]:
        """Return the labels without training data."""
        return [label for label, count in zip(self.labels, self.positives) if not count]

    def predict(
        self,
        records: Iterable[ProteinRecord],
        threads: int = 1,
        progress: Callable[[int], object] = lambda count: None,
        neighbours: int = NEIGHBOURS,
    ) -> Iterator[Call]:
        """Call every record, in order and in constant memory.

        Args:
            records: Proteins.
            threads: CPU threads; the calls do not depend on them.
            progress: Called after every batch with the number of its proteins.
            neighbours: Number of characterised enzymes to compare with.
        """
        batches = represent_records(records, self.encoder, self.feature_names, threads)
        return self.calls(batches, progress, neighbours)

    def calls(
        self,
        batches: Iterable[list[RepresentedProtein]],
        progress: Callable[[int], object] = lambda count: None,
        neighbours: int = NEIGHBOURS,
        sequence_of: Mapping[str, str] | None = None,
    ) -> Iterator[Call]:
        """Call represented proteins, in order.

        Args:
            batches: Batches of proteins, with the vectors of the model's encoder and the features
                that the networks take.
            progress: Called after every batch with the number of its proteins.
            neighbours: Number of characterised enzymes to compare with.
            sequence_of: ID or accession of a characterised enzyme → its sequence. If it is given,
                called proteins are aligned with their neighbours.
        """
        for batch in batches:
            for represented in batch:
                yield self.call(represented, neighbours, sequence_of)
            progress(len(batch))

    def call(
        self,
        represented: RepresentedProtein,
        neighbours: int = NEIGHBOURS,
        sequence_of: Mapping[str, str] | None = None,
    ) -> Call:
        """Call one protein.

        Args:
            represented: Protein, with its embedding and features.
            neighbours: Number of characterised enzymes to compare with.
            sequence_of: ID or accession of a characterised enzyme → its sequence, or None.
        """
        protein = represented.protein
        record = protein.record
        if represented.embedding is None or represented.features is None:
            unscored = Call(record.id, record.length_aa, record.problem or NOT_TPS, self.name)
            if protein.weak is None:
                return unscored
            return unscored._replace(flags=(WEAK_FAMILY_MATCH,), weak_match=protein.weak)

        # The status, the called ensembles and the nearest enzymes.
        probabilities, similarity, products = self.scores(
            represented.embedding, represented.features
        )
        itself = self.references.fingerprints.find(record.sequence)
        if itself is not None:
            probabilities = _at_least(probabilities, self.references.targets[itself])
            products = _at_least(products, self.references.makes[itself])
        best_type = max(self._product_types, key=lambda i: probabilities[i])
        status = self._status(probabilities, best_type)
        likely = sorted(self.ensembles, key=lambda i: -probabilities[i])
        called: list[int] = []
        if status != NOT_TPS:
            thresholds = self.calibration.thresholds
            called = [i for i in likely if probabilities[i] >= thresholds[i]][:MAX_ENSEMBLES]
        called_names = [self.ensembles[i] for i in called]
        nearest = tuple(
            self.references.nearest(similarity, neighbours, self.ensembles, called_names, itself)
        )
        scored = Call(
            id=record.id,
            length_aa=record.length_aa,
            status=status,
            model=self.name,
            tps_probability=float(probabilities[self.tps_column]),
            neighbours=nearest,
            motifs=tuple(protein.motifs),
            domains=tuple(protein.hits[0].domains()),
            probabilities=probabilities,
            features=represented.features,
            flags=() if itself is None else (CHARACTERISED,),
        )
        if status == NOT_TPS:
            return scored

        # What only a called protein has.
        if sequence_of is not None:
            nearest = align_neighbours(record.sequence, nearest, sequence_of)
        product_type = self.labels[best_type].name
        max_similarity = float(similarity.max())
        flags = warning_flags(
            max_similarity, self.calibration.min_similarity, nearest, product_type, protein.motifs
        )
        return scored._replace(
            product_type=product_type,
            product_type_probability=float(probabilities[best_type]),
            ensembles=tuple(
                EnsembleCall(self.ensembles[i], float(probabilities[i])) for i in called
            ),
            ensemble_set=self._ensemble_set(likely, probabilities, max_similarity),
            products=self._ranked(products),
            flags=(*scored.flags, *flags),
            neighbours=nearest,
            sequence=record.sequence,
        )

    def _ranked(self, products: NDArray[np.float64]) -> tuple[ProductCall, ...]:
        """Return the products that are not next to impossible, the likeliest first.

        Args:
            products: (products,) probabilities.
        """
        order = np.argsort(-products, kind="stable")
        structures = self.references.structures
        return tuple(
            ProductCall(structures[i], float(products[i]))
            for i in order
            if products[i] >= MIN_PRODUCT
        )

    def _ensemble_set(
        self, likely: list[int], probabilities: NDArray[np.float64], similarity: float
    ) -> tuple[str, ...] | None:
        """Return the slugs of the set that keeps the promised coverage, or None without a promise.

        Args:
            likely: Columns of the ensembles, the most likely first.
            probabilities: (labels,).
            similarity: Similarity to the nearest characterised enzyme.
        """
        if self.sets is None:
            return None
        inside = self.sets.contains(probabilities, np.asarray(similarity))
        return tuple(self.ensembles[i] for i in likely if inside[i])

    def _status(self, probabilities: NDArray[np.float64], best_type: int) -> str:
        """Choose the status of a protein.

        Args:
            probabilities: (labels,).
            best_type: Column of the most likely product type.
        """
        probability = probabilities[self.tps_column]
        if probability >= self.calibration.tps_threshold:
            return TPS
        if probability >= self.calibration.uncertain_threshold:
            return UNCERTAIN
        is_related = self.labels[best_type].name in RELATED_TYPES
        sure = probabilities[best_type] >= self.calibration.thresholds[best_type]
        return RELATED if is_related and sure else NOT_TPS

    def scores(self, embedding: NDArray[np.float32], features: NDArray[np.float32]) -> Scores:
        """Score one protein.

        Args:
            embedding: (dimension,), not scaled.
            features: (features,), not scaled.
        """
        vector = comparable(embedding, self.encoder.parts, self.trained.scaling)
        similarity = self.references.similarity(vector)
        cosines = similarity / length(vector)
        scaled_features = self.trained.scaling.features(features)
        logits, product_shares = self.blend(
            self.logits(embedding[None], features[None]).mean(0)[0],
            self.references.vote(similarity),
            self.references.regression.shares(cosines, scaled_features),
            self.decision.regression.shares(decisions.SAME, scaled_features),
        )
        probabilities = self.calibration.probabilities(logits, cosines.max())
        probabilities = np.where(self.positives > 0, probabilities, np.nan)
        products = self.calibration.product_probabilities(product_shares, cosines.max())
        return Scores(probabilities, cosines, self._not_above_ensembles(products, probabilities))

    def logits(
        self, embedding: NDArray[np.float32], features: NDArray[np.float32], threads: int = 1
    ) -> NDArray[np.float64]:
        """Compute the logits of every network.

        Args:
            embedding: (n, dimension), not scaled.
            features: (n, features), not scaled.
            threads: CPU threads; the logits do not depend on them.

        Returns:
            (members, n, labels) logits.
        """
        scaling = self.trained.scaling
        inputs = scaling.embeddings(embedding), scaling.features(features)
        parts = zip(*(np.array_split(array, threads) for array in inputs))
        networks = self._networks
        return np.concatenate(
            list(in_threads(lambda part: networks.logits(*part), parts, threads)), 1
        )

    def blend(
        self,
        networks: NDArray[np.float64],
        vote: tuple[NDArray[np.float64], NDArray[np.float64]],
        regression: NDArray[np.float64],
        decision: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Average what the networks, the similar enzymes and the regression say of one protein.

        About the label is-a-terpene-synthase the enzymes say nothing, because all of them belong to
        the family. It is the average of the networks and the decision. Of single products the
        networks know nothing.

        Args:
            networks: (labels,) mean logits of the networks.
            vote: ((labels,) shares, (products,) shares).
            regression: (labels and products,) shares.
            decision: (1,) share of terpene synthases.

        Returns:
            ((labels,) logits; (products,) shares).
        """
        label_count = len(self.labels)
        label_vote, product_vote = vote
        blended = (
            NETWORK_SHARE * networks
            + VOTE_SHARE * bounded_log_odds(label_vote)
            + REGRESSION_SHARE * bounded_log_odds(regression[:label_count])
        )
        decided = (1 - DECISION_SHARE) * networks + DECISION_SHARE * bounded_log_odds(decision)
        products = (
            PRODUCT_VOTE_SHARE * product_vote + (1 - PRODUCT_VOTE_SHARE) * regression[label_count:]
        )
        return np.where(self._is_of_enzymes, blended, decided), products

    def _not_above_ensembles(
        self, products: NDArray[np.float64], probabilities: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return probabilities of products of which none is likelier than an ensemble of it.

        Below the probability from which an ensemble is called, both are left as they are.

        Args:
            products: (products,) probabilities.
            probabilities: (labels,) probabilities, NaN for labels without training data.
        """
        of_ensembles = np.where(self._is_in_ensemble, probabilities, np.nan)  # (products, labels)
        limit = np.fmin.reduce(of_ensembles, 1, initial=1.0)
        return np.minimum(products, np.maximum(limit, calibration.POSSIBLE))

    @functools.cached_property
    def _is_in_ensemble(self) -> NDArray[np.bool_]:
        """(products, labels) whether a product belongs to an ensemble."""
        column_of = {name: column for column, name in self.ensembles.items()}
        belongs = np.zeros((len(self.references.structures), len(self.labels)), bool)
        for i, smiles in enumerate(self.references.structures):
            known = product_of(smiles).ensembles
            belongs[i, [column_of[name] for name in known if name in column_of]] = True
        return belongs

    def with_calibration(self, fitted: Calibration, training_record: TrainingRecord) -> "Predictor":
        """Return the same model with another calibration.

        Args:
            fitted: The calibration.
            training_record: Training record with the scores of the calibration.
        """
        return Predictor(
            self.encoder,
            self.trained,
            self._read_references,
            self._read_decision,
            training_record,
            lambda: fitted,
        )

    def with_promises(
        self, target_precision: float | None = None, coverage: float | None = None
    ) -> "Predictor":
        """Return the same model with a promised precision or coverage of its ensembles.

        Args:
            target_precision: Share of the called ensembles that are to be right, 0–1, or None.
            coverage: Share of a protein's ensembles that its set is to contain, 0–1, or None.

        Raises:
            ModelError: If something is to be promised and the model is not calibrated.
        """
        if target_precision is None and coverage is None:
            return self
        if not self.calibration.sequences:
            raise ModelError.at(
                "model", "no calibration", "a model that went through tpspred calibrate"
            )
        columns = list(self.ensembles)
        other = copy.copy(self)  # shares the networks, and everything that is not calibration
        if target_precision is not None:
            other.calibration = self.calibration.at_precision(target_precision, columns)
        if coverage is not None:
            other.sets = self.calibration.sets(coverage, columns)
        return other

    def callable_ensembles(self) -> list[str]:
        """Return the ensembles that can be called, because their threshold is at most 1."""
        return [name for i, name in self.ensembles.items() if self.calibration.thresholds[i] <= 1]


def _at_least(probabilities: NDArray[np.float64], known: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return probabilities of which none is below that of what is known; NaN stays NaN.

    Args:
        probabilities: (n,).
        known: (n,) 1 where the enzyme that a protein is has a label or makes a product.
    """
    return np.where(known > 0, np.maximum(probabilities, KNOWN), probabilities)
