"""Why a protein gets its call: what each aligned residue and each feature adds to it.

By occlusion (Zeiler & Fergus 2014, 10.1007/978-3-319-10590-1_53): a residue is made unknown, or a feature is set to its mean over
the training proteins, and what the label's log-odds lose is what it had added. Nothing is drawn at random.
"""

import dataclasses

import numpy as np

from .. import encoders
from ..errors import InputError
from ..family import features
from ..family.profiles import UNKNOWN
from .calibration import log_odds


@dataclasses.dataclass(frozen=True)
class Part:
    """What one residue or feature adds to a label.

    Attributes:
        kind: ``residue`` or ``feature``.
        name: The residue's letter, or the feature's name.
        position: Residue number, 1-based; None of a feature.
        column: Match column of the best profile, 1-based; None of a feature.
        motif: Name of the motif that the residue lies in, or None.
        value: The feature's value; None of a residue.
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
    """Parts of a label's log-odds, those that add or take most first; residues, then features."""

    label: str
    probability: float
    profile: str
    parts: tuple


def explain(predictor, record, label=None, threads=1):
    """Explain a label of a protein.

    Args:
        predictor: prediction.Predictor.
        record: records.ProteinRecord.
        label: ``group:name``; by default the most likely ensemble.

    Returns:
        Explanation.

    Raises:
        InputError: If the protein cannot be scored or matches no profile, or the model has no such label.
    """
    (view,) = encoders.views([record], predictor.encoder.profiles, threads)
    if record.problem or not view.hits:
        raise InputError.at(
            f"record {record.id}",
            record.problem or "no match to a family profile",
            "a protein of the family",
        )
    vector, embedding = (
        features.vector(view),
        dict(predictor.encoder.encode([view], threads))[record.sequence],
    )
    probabilities, _ = predictor.scores(embedding, vector)
    chosen = _chosen(predictor, probabilities, label)

    def odds(embedding, vector):
        return float(log_odds(predictor.scores(embedding, vector)[0][chosen]))

    whole = odds(embedding, vector)
    best = view.hits[0]
    column_of = {
        int(position): column for column, position in enumerate(best.positions, 1) if position
    }
    motif_of = {
        position: hit.motif for hit in view.motifs for position in range(hit.start, hit.end + 1)
    }
    without = {
        position: _occluded(view, position)
        for position in column_of
        if record.sequence[position - 1] != "X"
    }
    position_of = {other.record.sequence: position for position, other in without.items()}
    residues = [
        Part(
            "residue",
            record.sequence[position - 1],
            position,
            column_of[position],
            motif_of.get(position),
            None,
            whole - odds(other, vector),
        )
        for sequence, other in predictor.encoder.encode(without.values(), threads)
        for position in [position_of[sequence]]
    ]
    mean = predictor.fitted.scaling["feature_mean"]
    told = [
        Part(
            "feature",
            name,
            None,
            None,
            None,
            float(vector[i]),
            whole - odds(embedding, np.where(np.arange(len(vector)) == i, mean, vector)),
        )
        for i, name in enumerate(features.NAMES)
    ]
    return Explanation(
        predictor.labels[chosen].column,
        float(probabilities[chosen]),
        best.profile.name,
        tuple(
            part
            for parts in (residues, told)
            for part in sorted(parts, key=lambda part: -abs(part.adds))
        ),
    )


def _occluded(view, position):
    """The view with one residue made unknown."""
    sequence = view.record.sequence[: position - 1] + "X" + view.record.sequence[position:]
    hits = [
        dataclasses.replace(
            hit,
            residues=np.where(hit.positions == position, UNKNOWN, hit.residues).astype(np.uint8),
        )
        for hit in view.hits
    ]
    return features.View(dataclasses.replace(view.record, sequence=sequence), hits, view.motifs)


def _chosen(predictor, probabilities, label):
    """Index of the label to explain."""
    names = [known.column for known in predictor.labels]
    if label is None:
        return max(
            (
                i
                for i, known in enumerate(predictor.labels)
                if known.group == "ensemble" and predictor.positives[i]
            ),
            key=lambda i: probabilities[i],
        )
    if label not in names or not predictor.positives[names.index(label)]:
        raise InputError.at(
            "--label",
            label,
            "a label with training data, such as "
            + next(name for name, count in zip(names, predictor.positives) if count),
        )
    return names.index(label)
