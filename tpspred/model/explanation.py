"""Explanations: what each aligned residue and each feature adds to a label of a protein.

The method is occlusion (Zeiler & Fergus 2014, 10.1007/978-3-319-10590-1_53). A residue is made
unknown, or a feature is set to its mean over the training proteins. The effect of the residue or
the feature is the drop of the label's log-odds without it. Nothing is drawn at random.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..encoders.protocol import Encoder
from ..errors import InputError
from ..family.features import feature_vector
from ..family.profiles import UNKNOWN
from ..family.screening import ScreenedProtein, screen
from ..io.fasta import ProteinRecord
from .calibration import log_odds
from .predictor import Predictor


@dataclasses.dataclass(frozen=True)
class Part:
    """What one residue or feature adds to a label.

    Attributes:
        kind: ``residue`` or ``feature``.
        name: One-letter code of the residue, or name of the feature.
        position: Residue number, 1-based; None for a feature.
        column: Match column of the best profile, 1-based; None for a feature.
        motif: Name of the motif that contains the residue, or None.
        value: Value of the feature; None for a residue.
        adds: What it adds to the log-odds (natural logarithm); negative if it speaks against the
            label.
    """

    kind: str
    name: str
    position: int | None
    column: int | None
    motif: str | None
    value: float | None
    adds: float


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What every residue and every feature of a protein adds to the log-odds of a label.

    Attributes:
        label: Label, written ``group:name``.
        probability: Probability of the label, 0–1.
        profile: Name of the best profile.
        parts: Residues, then features, both with the largest effects first.
    """

    label: str
    probability: float
    profile: str
    parts: tuple[Part, ...]


def explain(
    predictor: Predictor, record: ProteinRecord, label: str | None = None, threads: int = 1
) -> Explanation:
    """Explain a label of a protein.

    Args:
        predictor: Model.
        record: Protein.
        label: Label, written ``group:name``; the most likely ensemble by default.
        threads: CPU threads; the explanation does not depend on them.

    Raises:
        InputError: If the protein cannot be scored or matches no profile, or the model has no such
            label.
    """
    (protein,) = screen([record], predictor.encoder.profiles, threads)
    if record.problem or not protein.hits:
        raise InputError.at(
            f"record {record.id}",
            record.problem or "no match to a family profile",
            "a protein of the family",
        )
    features = feature_vector(protein, predictor.feature_names)
    embedding = dict(predictor.encoder.encode([protein], threads))[record.sequence]
    probabilities = predictor.scores(embedding, features).probabilities
    chosen = _chosen_label(predictor, probabilities, label)

    def odds(embedding: NDArray[np.float32], features: NDArray[np.float32]) -> float:
        """Return the log-odds of the label."""
        return float(log_odds(predictor.scores(embedding, features).probabilities[chosen]))

    whole = odds(embedding, features)
    means = predictor.trained.scaling.feature_mean
    residue_parts = [
        dataclasses.replace(part, adds=whole - odds(vector, features))
        for part, vector in _without_residues(predictor.encoder, protein, threads)
    ]
    feature_parts = [
        dataclasses.replace(part, adds=whole - odds(embedding, without))
        for part, without in _without_features(predictor.feature_names, features, means)
    ]
    return Explanation(
        label=predictor.labels[chosen].column,
        probability=float(probabilities[chosen]),
        profile=protein.hits[0].profile.name,
        parts=(*sorted(residue_parts, key=_effect), *sorted(feature_parts, key=_effect)),
    )


def _without_residues(
    encoder: Encoder, protein: ScreenedProtein, threads: int
) -> Iterator[tuple[Part, NDArray[np.float32]]]:
    """Make each aligned residue unknown in turn, and encode the protein again.

    Yields:
        (residue, whose effect is not known yet; (dimension,) vector of the protein without it).
    """
    residues = protein.record.sequence
    column_of = {
        int(position): column
        for column, position in enumerate(protein.hits[0].positions, 1)
        if position
    }
    motif_of = {
        position: hit.motif for hit in protein.motifs for position in range(hit.start, hit.end + 1)
    }
    occluded = {
        position: _occlude(protein, position)
        for position in column_of
        if residues[position - 1] != "X"
    }
    position_of = {other.record.sequence: position for position, other in occluded.items()}
    for sequence, vector in encoder.encode(occluded.values(), threads):
        position = position_of[sequence]
        residue = Part(
            kind="residue",
            name=residues[position - 1],
            position=position,
            column=column_of[position],
            motif=motif_of.get(position),
            value=None,
            adds=np.nan,
        )
        yield residue, vector


def _without_features(
    names: Sequence[str], features: NDArray[np.float32], means: NDArray[np.float32]
) -> Iterator[tuple[Part, NDArray[np.float32]]]:
    """Set each feature to its mean in turn.

    Args:
        names: Names of the features.
        features: (features,) of the protein.
        means: (features,) over the training proteins.

    Yields:
        (feature, whose effect is not known yet; (features,) with the mean in its place).
    """
    for i, name in enumerate(names):
        feature = Part(
            kind="feature",
            name=name,
            position=None,
            column=None,
            motif=None,
            value=float(features[i]),
            adds=np.nan,
        )
        yield feature, np.where(np.arange(len(features)) == i, means, features)


def _effect(part: Part) -> float:
    """Return a sort key that puts the largest effects first."""
    return -abs(part.adds)


def _occlude(protein: ScreenedProtein, position: int) -> ScreenedProtein:
    """Return the protein with one residue made unknown."""
    sequence = protein.record.sequence
    without = sequence[: position - 1] + "X" + sequence[position:]
    hits = []
    for hit in protein.hits:
        residues = np.where(hit.positions == position, UNKNOWN, hit.residues).astype(np.uint8)
        hits.append(dataclasses.replace(hit, residues=residues))
    record = protein.record._replace(sequence=without)
    return ScreenedProtein(record, hits, protein.motifs)


def _chosen_label(
    predictor: Predictor, probabilities: NDArray[np.float64], label: str | None
) -> int:
    """Return the index of the label to explain.

    Args:
        predictor: Model.
        probabilities: (labels,) of the protein.
        label: Label, written ``group:name``, or None for the most likely ensemble.
    """
    if label is None:
        return max(predictor.ensembles, key=lambda i: probabilities[i])
    names = [known.column for known in predictor.labels]
    if label not in names or not predictor.positives[names.index(label)]:
        example = next(name for name, count in zip(names, predictor.positives) if count)
        raise InputError.at("--label", label, f"a label with training data, such as {example}")
    return names.index(label)
