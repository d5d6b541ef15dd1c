"""Why a protein gets its call: what each aligned residue and each feature adds to it.

The method is occlusion (Zeiler & Fergus 2014, 10.1007/978-3-319-10590-1_53). A residue is made
unknown, or a feature is set to its mean over the training proteins; what the log-odds of the label
lose is what the residue or feature had added. Nothing is drawn at random.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

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
        name: Letter of the residue, or name of the feature.
        position: Residue number, 1-based; None for a feature.
        column: Match column of the best profile, 1-based; None for a feature.
        motif: Name of the motif that contains the residue, or None.
        value: Value of the feature; None for a residue.
        adds: Log-odds (natural logarithm); negative for what speaks against the label.
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
    """What adds to the log-odds of a label.

    Attributes:
        label: ``group:name``.
        probability: Probability of the label, 0–1.
        profile: Name of the best profile.
        parts: Residues, then features, each with the largest effects first.
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
        label: ``group:name``; the most likely ensemble by default.
        threads: CPU threads.

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
    probabilities, _ = predictor.scores(embedding, features)
    chosen = _chosen_label(predictor, probabilities, label)

    def odds(embedding: NDArray[np.float32], features: NDArray[np.float32]) -> float:
        return float(log_odds(predictor.scores(embedding, features)[0][chosen]))

    # Residues: encode the protein once for each, without it.
    whole = odds(embedding, features)
    best = protein.hits[0]
    column_of = {
        int(position): column for column, position in enumerate(best.positions, 1) if position
    }
    motif_of = {
        position: hit.motif for hit in protein.motifs for position in range(hit.start, hit.end + 1)
    }
    occluded = {
        position: _occlude(protein, position)
        for position in column_of
        if record.sequence[position - 1] != "X"
    }
    position_of = {other.record.sequence: position for position, other in occluded.items()}
    residues = []
    for sequence, vector in predictor.encoder.encode(occluded.values(), threads):
        position = position_of[sequence]
        residues.append(
            Part(
                kind="residue",
                name=record.sequence[position - 1],
                position=position,
                column=column_of[position],
                motif=motif_of.get(position),
                value=None,
                adds=whole - odds(vector, features),
            )
        )

    # Features: score the protein once for each, with the mean in its place.
    means = predictor.trained.scaling.feature_mean
    values = []
    for i, name in enumerate(predictor.feature_names):
        without = np.where(np.arange(len(features)) == i, means, features)
        adds = whole - odds(embedding, without)
        values.append(Part("feature", name, None, None, None, float(features[i]), adds))

    return Explanation(
        label=predictor.labels[chosen].column,
        probability=float(probabilities[chosen]),
        profile=best.profile.name,
        parts=(*sorted(residues, key=_effect), *sorted(values, key=_effect)),
    )


def _effect(part: Part) -> float:
    """Sort key that puts the largest effects first."""
    return -abs(part.adds)


def _occlude(protein: ScreenedProtein, position: int) -> ScreenedProtein:
    """Return the protein with one residue made unknown."""
    sequence = protein.record.sequence
    without = sequence[: position - 1] + "X" + sequence[position:]
    hits = []
    for hit in protein.hits:
        residues = np.where(hit.positions == position, UNKNOWN, hit.residues).astype(np.uint8)
        hits.append(dataclasses.replace(hit, residues=residues))
    record = dataclasses.replace(protein.record, sequence=without)
    return ScreenedProtein(record, hits, protein.motifs)


def _chosen_label(
    predictor: Predictor, probabilities: NDArray[np.float64], label: str | None
) -> int:
    """Return the column of the label to explain."""
    if label is None:
        return max(predictor.ensembles, key=lambda i: probabilities[i])
    names = [known.column for known in predictor.labels]
    if label not in names or not predictor.positives[names.index(label)]:
        example = next(name for name, count in zip(names, predictor.positives) if count)
        raise InputError.at("--label", label, f"a label with training data, such as {example}")
    return names.index(label)
