"""Records (or a store) and a model → one Call per record, in order."""

import copy
import dataclasses

import numpy as np
import torch

from .. import encoders
from ..dataset.reactions import EITHER_CLASS, IS_TPS, RELATED_TYPES, Label
from ..device import one_thread
from ..errors import ModelError
from ..family import features, motifs, profiles
from . import calibration, metrics, training
from .neighbours import References, comparable, length
from .network import FusedNetwork

TPS, RELATED, UNCERTAIN, NOT_TPS = "tps", "related", "uncertain", "not_tps"
NETWORK_SHARE = 0.6  # of the networks in the blend with the vote
UNLIKE_ANY, UNSUPPORTED, CONFLICT, INACTIVE = (
    "no_similar_enzyme",
    "no_neighbour_agrees",
    "motif_conflict",
    "no_intact_active_site",
)
NEIGHBOURS = 3


@dataclasses.dataclass(frozen=True)
class EnsembleCall:
    """An ensemble at or above its threshold.

    Attributes:
        name: Slug of the ensemble.
        probability: 0–1.
        precision: Share of the calls of this ensemble on held-out enzymes that were right, 0–1; NaN if there were none.
    """

    name: str
    probability: float
    precision: float


@dataclasses.dataclass(frozen=True)
class Call:
    """What the model says of a protein.

    Attributes:
        status: ``tps``, ``related`` (a prenyl diphosphate, squalene or phytoene synthase), ``uncertain``, ``not_tps``,
            or why the protein could not be scored.
        tps_probability: Probability of being a terpene synthase; None if no profile matched.
        product_type, product_type_probability: The most likely type; None unless tps, related or uncertain.
        ensembles: EnsembleCall at or above their thresholds, most likely first.
        ensemble_set: Slugs that hold the asked share of a protein's ensembles, most likely first; None unless asked for and
            tps, related or uncertain.
        flags: What to beware of: ``no_similar_enzyme``, less similar to any characterised enzyme than 99 % of these are to
            another; ``no_neighbour_agrees``, none of the neighbours has a called ensemble; ``motif_conflict``, the active site
            that is intact is not of the class that makes such a type; ``no_intact_active_site``.
        neighbours: The nearest characterised enzymes, neighbours.Neighbour, best first.
        motifs: List of motifs.MotifHit.
        domains: List of profiles.DomainHit of the best profile.
        probabilities: (labels,) of all labels, NaN for unsupported ones; None if no profile matched.
        features: (64,) engineered features; None if no profile matched.
    """

    id: str
    length_aa: int
    status: str
    model: str
    tps_probability: float | None = None
    product_type: str | None = None
    product_type_probability: float | None = None
    ensembles: tuple = ()
    ensemble_set: tuple | None = None
    flags: tuple = ()
    neighbours: tuple = ()
    motifs: tuple = ()
    domains: tuple = ()
    probabilities: np.ndarray | None = None
    features: np.ndarray | None = None

    @property
    def nearest(self):
        """The first of the neighbours, or None."""
        return self.neighbours[0] if self.neighbours else None


class Predictor:
    """A trained model: encoder, networks, calibration, references.

    Attributes:
        labels: List of dataset.Label, in the order of all per-label arrays.
        positives: (labels,) training positives; a label with none is unsupported and never called.
        record: Dictionary about the training (data, seed, options, versions).
        sets: calibration.LabelSets of ensembles, or None.
    """

    def __init__(self, encoder, fitted, references, record, lines=None, checksum="unsaved"):
        self.encoder, self.references, self.record, self.checksum, self.sets = (
            encoder,
            references,
            record,
            checksum,
            None,
        )
        self.fitted = fitted
        self.labels, self.positives = fitted.labels, fitted.positives
        self.calibration = lines or calibration.none(len(self.labels))
        self._tps = self.labels.index(IS_TPS)
        self._voted = np.arange(len(self.labels)) != self._tps
        self._groups = {
            group: [
                i
                for i, label in enumerate(self.labels)
                if label.group == group and self.positives[i]
            ]
            for group in ("ensemble", "product_type")
        }
        self._networks = [self._network(state) for state in fitted.members]

    @property
    def name(self):
        """Name and the first eight digits of the checksum."""
        return f"{self.record['name']}:{self.checksum[:8]}"

    def unsupported(self):
        """Labels without a training positive."""
        return [label for label, count in zip(self.labels, self.positives) if not count]

    def predict(
        self,
        records,
        threads=1,
        progress=lambda count: None,
        vectors=None,
        neighbours=NEIGHBOURS,
        sequences=None,
    ):
        """Call every record, in order, in constant memory; the same for any number of threads.

        Args:
            records: Iterable of records.ProteinRecord.
            threads: CPU threads for the profile search and the encoder.
            vectors: {sequence: (dimension,) embedding} from a store; the encoder is then not asked.
            neighbours: How many enzymes to name.
            sequences: neighbours.Sequences to align them with, or None.

        Yields:
            Call per record.
        """
        for batch in profiles.batches(records, self.encoder.unit_residues):
            views = encoders.views(batch, self.encoder.profiles, threads)
            known = vectors
            if known is None:
                known = dict(self.encoder.encode((view for view in views if view.hits), threads))
            for view in views:
                if view.record.problem:
                    yield self._bare(view, view.record.problem)
                elif not view.hits:
                    yield self._bare(view, NOT_TPS)
                else:
                    call = self.call(
                        view, known[view.record.sequence], features.vector(view), neighbours
                    )
                    yield (
                        call
                        if sequences is None or call.product_type is None
                        else dataclasses.replace(
                            call,
                            neighbours=tuple(
                                sequences.aligned(view.record.sequence, call.neighbours)
                            ),
                        )
                    )
            progress(len(batch))

    def call(self, view, embedding, feature_vector, neighbours=NEIGHBOURS):
        """Decide about one protein that passed the screen.

        Args:
            view: features.View.
            embedding: (dimension,) and feature_vector: (64,), not scaled.
        """
        probabilities, similarity = self.scores(embedding, feature_vector)
        probability = float(probabilities[self._tps])
        best_type = max(self._groups["product_type"], key=lambda i: probabilities[i])
        status = self._status(probability, best_type, probabilities)
        likely = sorted(self._groups["ensemble"], key=lambda i: -probabilities[i])
        called = (
            []
            if status == NOT_TPS
            else [i for i in likely if probabilities[i] >= self.calibration.thresholds[i]]
        )
        near = self.references.nearest(
            similarity,
            neighbours,
            {i: self.labels[i].name for i in self._groups["ensemble"]},
            {self.labels[i].name for i in called},
        )
        answers = (
            {}
            if status == NOT_TPS
            else {
                "product_type": self.labels[best_type].name,
                "product_type_probability": float(probabilities[best_type]),
                "ensembles": tuple(
                    EnsembleCall(
                        self.labels[i].name,
                        float(probabilities[i]),
                        float(self.calibration.precision[i]),
                    )
                    for i in called
                ),
                "ensemble_set": self.sets
                and tuple(
                    self.labels[i].name
                    for i in likely
                    if self.sets.holds(probabilities[i], similarity.max())
                ),
                "flags": tuple(
                    self._flags(similarity.max(), near, self.labels[best_type].name, view.motifs)
                ),
            }
        )
        return Call(
            view.record.id,
            view.record.length_aa,
            status,
            self.name,
            probability,
            neighbours=tuple(near),
            motifs=tuple(view.motifs),
            domains=tuple(view.hits[0].domains()),
            probabilities=probabilities,
            features=feature_vector,
            **answers,
        )

    def scores(self, embedding, feature_vector):
        """Calibrated probabilities and similarities of one protein.

        Args:
            embedding: (dimension,) and feature_vector: (64,), not scaled.

        Returns:
            ((labels,) probabilities, NaN for unsupported labels; (enzymes,) cosines).
        """
        vector = comparable(embedding, self.encoder, self.fitted.scaling)
        similarity = self.references.similarity(vector)
        logits = self._blended(
            self.logits(embedding[None], feature_vector[None]).mean(0)[0], similarity
        )
        return np.where(
            self.positives > 0, self.calibration.probabilities(logits), np.nan
        ), similarity / length(vector)

    def _flags(self, similarity, near, product_type, found):
        """What to beware of."""
        if similarity < self.calibration.least_similarity:
            yield UNLIKE_ANY
        if near and not any(neighbour.agrees in (True, None) for neighbour in near):
            yield UNSUPPORTED
        intact = motifs.classes(found)
        if not intact:
            yield INACTIVE
        elif product_type not in EITHER_CLASS and "1" not in intact:
            yield CONFLICT

    def logits(self, embedding, feature_rows):
        """Logits of every member.

        Args:
            embedding: (n, dimension) and feature_rows: (n, 64), not scaled.

        Returns:
            (members, n, labels) float64.
        """
        inputs = training.scale(embedding, feature_rows, self.fitted.scaling)
        with one_thread(), torch.no_grad():
            return np.stack([network(*inputs).numpy() for network in self._networks]).astype(
                np.float64
            )

    def _blended(self, logits, similarity, left_out=None):
        """Weighted mean of the networks' logits and the vote of similar enzymes, which knows nothing of what is no enzyme."""
        vote = self.references.vote(similarity, left_out)
        return np.where(self._voted, NETWORK_SHARE * logits + (1 - NETWORK_SHARE) * vote, logits)

    def held_out(self, data):
        """Logits by networks and enzymes that have not seen the proteins, and how similar the nearest such enzyme is.

        Args:
            data: training.Examples; new sequences are scored by all members and enzymes, known ones by the member that left
                their fold out and the enzymes of other folds.

        Returns:
            ((n, labels) logits, (n,) similarity).

        Raises:
            ModelError: If every member was trained on a sequence.
        """
        folds = [
            self.fitted.fold_of.get(training.sequence_hash(sequence)) for sequence in data.sequences
        ]
        left_out = {None, *self.fitted.member_folds}
        seen = [name for name, fold in zip(data.ids, folds) if fold not in left_out]
        if seen:
            raise ModelError.at(
                "calibration data",
                f"{len(seen)} sequences that the model was trained on, first {seen[0]}",
                "held-out sequences",
            )
        logits = self.logits(data.embedding, data.features)
        vectors = comparable(data.embedding, self.encoder, self.fitted.scaling)
        chosen, nearest = [], []
        for i, fold in enumerate(folds):
            similarity = self.references.similarity(vectors[i])
            own = (
                logits[:, i].mean(0)
                if fold is None
                else logits[self.fitted.member_folds.index(fold), i]
            )
            chosen.append(self._blended(own, similarity, fold))
            nearest.append(similarity[self.references.asked(fold)].max() / length(vectors[i]))
        return np.array(chosen).reshape(len(data), len(self.labels)), np.array(nearest)

    def calibrated(self, data):
        """The same model with probabilities and thresholds fitted on held-out data."""
        logits, similarity = self.held_out(data)
        lines = calibration.fit(logits, data.targets, data.mask, self._tps, similarity)
        ensembles = self._groups["ensemble"]
        labelled = data.mask.all(1)
        scores = metrics.macro(
            data.targets[labelled][:, ensembles],
            lines.probabilities(logits)[labelled][:, ensembles],
            lines.thresholds[ensembles],
        )
        return Predictor(
            self.encoder,
            self.fitted,
            self.references,
            self.record | {"held_out_ensembles": scores},
            lines,
        )

    def answering(self, target_precision=None, coverage=None):
        """The same model, calling ensembles with this precision and giving sets of them with this coverage (0–1, or None).

        Raises:
            ModelError: If the model is not calibrated.
        """
        if target_precision is None and coverage is None:
            return self
        if not self.calibration.sequences:
            raise ModelError.at(
                "model", "no calibration", "a model that went through tpspred calibrate"
            )
        ensembles = self._groups["ensemble"]
        other = copy.copy(self)  # the networks are the same
        if target_precision is not None:
            other.calibration = self.calibration.at_precision(target_precision, ensembles)
        if coverage is not None:
            other.sets = self.calibration.sets(coverage, ensembles)
        return other

    def about(self):
        """What the model is, as dictionaries and lists of texts and numbers; None for a number that is not known."""
        lines, record = self.calibration, dict(self.record)
        scores = record.pop("held_out_ensembles", {})
        numbers = zip(self.labels, self.positives, lines.thresholds, lines.precision)
        return {
            "model": {"name": self.record["name"], "sha256": self.checksum},
            "encoder": {
                "name": self.encoder.name,
                "sha256": self.encoder.checksum,
                "dimension": self.encoder.dimension,
                "profiles": len(self.encoder.profiles),
                "columns": sum(profile.columns for profile in self.encoder.profiles),
            },
            "training": record
            | {"networks": len(self.fitted.members), "references": len(self.references.about)},
            "calibration": {
                "proteins": lines.sequences,
                "tps_from": lines.tps_threshold,
                "uncertain_from": lines.uncertain_threshold,
                "least_similarity": lines.least_similarity,
            },
            "held_out_ensembles": scores,
            "labels": [
                {
                    "label": label.column,
                    "positives": int(count),
                    "threshold": float(threshold) if count else None,
                    "precision": None if np.isnan(precision) else float(precision),
                }
                for label, count, threshold, precision in numbers
            ],
        }

    def callable_ensembles(self):
        """Ensembles that have a threshold."""
        return [
            self.labels[i].name
            for i in self._groups["ensemble"]
            if self.calibration.thresholds[i] <= 1
        ]

    def _status(self, probability, best_type, probabilities):
        if probability >= self.calibration.tps_threshold:
            return TPS
        if probability >= self.calibration.uncertain_threshold:
            return UNCERTAIN
        related = self.labels[best_type].name in RELATED_TYPES
        return (
            RELATED
            if related and probabilities[best_type] >= self.calibration.thresholds[best_type]
            else NOT_TPS
        )

    def _bare(self, view, status):
        return Call(view.record.id, view.record.length_aa, status, self.name)

    def _network(self, state):
        network = FusedNetwork(
            len(self.fitted.scaling["embedding_mean"]),
            len(self.fitted.scaling["feature_mean"]),
            training.group_sizes(self.labels),
            0.0,
        )
        network.load_state_dict(
            {name: torch.tensor(array.astype(np.float32)) for name, array in state.items()}
        )
        return network.eval()

    def to_tree(self):
        """Arrays and texts for checkpoint.write_tree, without the encoder."""
        fitted = self.fitted
        lines = self.calibration
        return {
            "labels": {
                "names": np.array([label.column.encode() for label in self.labels]),
                "positives": self.positives,
            },
            "features": list(features.NAMES),
            "scaling": fitted.scaling,
            "members": {str(k): state for k, state in enumerate(fitted.members)},
            "calibration": {
                name: np.asarray(getattr(lines, name), np.float64) for name in calibration.NUMBERS
            }
            | {"held_out": vars(lines.held_out)},
            "references": vars(self.references),
            "training": {
                "record": self.record,
                "history": fitted.history,
                "member_folds": fitted.member_folds,
                "sequence_hashes": fitted.sequence_hashes,
                "sequence_folds": fitted.sequence_folds,
            },
        }

    @classmethod
    def from_tree(cls, tree, encoder, checksum):
        """Build a predictor from what checkpoint.read_tree gives.

        Raises:
            ModelError: If the model was made with other features.
        """
        if tuple(tree["features"]) != features.NAMES:
            raise ModelError.at(
                "model", "other features than this version computes", "a model of this version"
            )
        labels = [Label(*name.decode().split(":", 1)) for name in tree["labels"]["names"]]
        trained, lines = tree["training"], tree["calibration"]
        numbers = {name: lines[name][()] for name in calibration.NUMBERS}
        fitted = training.Fit(
            labels,
            tree["labels"]["positives"],
            tree["scaling"],
            [tree["members"][str(k)] for k in range(len(tree["members"]))],
            trained["member_folds"],
            trained["sequence_hashes"],
            trained["sequence_folds"],
            trained["history"],
        )
        return cls(
            encoder,
            fitted,
            References(**tree["references"]),
            trained["record"],
            calibration.Calibration(
                **numbers | {"sequences": int(numbers["sequences"])},
                held_out=calibration.HeldOut(**lines["held_out"]),
            ),
            checksum,
        )
