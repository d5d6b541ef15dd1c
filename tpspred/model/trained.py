"""What a training leaves: networks, what is needed to apply them, and a record of how it was done.

Nothing here needs torch, so that a model can be applied without it.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from ..dataset.labels import GROUPS, Label
from ..io.fasta import sequence_digest
from .scaling import Scaling

WIDTH = 256  # units of each hidden layer
State = dict[str, NDArray[np.float16]]  # weights of a network, in the precision of a model file
Weights = Mapping[str, NDArray[np.float16]]  # those of all networks, each (networks, …)


class TrainingRecord(TypedDict, total=False):
    """What a model remembers about its training, beside the networks.

    Attributes:
        name: Name of the model.
        options: Hyperparameters.
        enzymes: Number of labelled enzymes.
        enzymes_used: Number of the enzymes that passed the screen and are in the training data.
        negatives_used: Number of negatives in the training data.
        sequences_sha256: SHA-256 of the sequences of the enzymes.
        versions: Program or library → version.
        held_out_ensembles: Metric → mean over ensembles on the calibration data; absent before
            calibration.
    """

    name: str
    options: dict[str, object]
    enzymes: int
    enzymes_used: int
    negatives_used: int
    sequences_sha256: str
    versions: dict[str, str]
    held_out_ensembles: dict[str, float]


@dataclasses.dataclass(frozen=True)
class TrainedNetworks:
    """The networks of a model, with what is needed to apply and to calibrate them.

    Attributes:
        labels: Labels in the order of the logits.
        positives: (labels,) number of training positives.
        feature_names: Names of the features that the networks take, in order.
        scaling: Means and scales of the inputs.
        weights: Weights of all networks, those of one name stacked.
        member_folds: Fold that each network left out.
        sequence_hashes: (n,) hashes of the training sequences, those of the enzymes first.
        sequence_folds: (n,) folds of the training sequences.
        history: Loss and scores of each epoch of each network.
    """

    labels: list[Label]
    positives: NDArray[np.int64]
    feature_names: tuple[str, ...]
    scaling: Scaling
    weights: Weights
    member_folds: list[int]
    sequence_hashes: NDArray[np.uint64]
    sequence_folds: NDArray[np.int64]
    history: list[dict[str, float]]

    @functools.cached_property
    def fold_of(self) -> dict[int, int]:
        """Hash of each training sequence → its fold."""
        return dict(zip(self.sequence_hashes.tolist(), self.sequence_folds.tolist()))


def weight_shapes(
    embedding_dimension: int, feature_count: int, sizes: Mapping[str, int]
) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every weight of a network.

    Args:
        embedding_dimension: Length of the encoder's vector.
        feature_count: Number of engineered features.
        sizes: Group → number of its labels.

    >>> weight_shapes(768, 64, {"is_tps": 1})["heads.is_tps.weight"]
    (1, 256)
    """
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = {"embedding": embedding_dimension, "features": feature_count, "fusion": 2 * WIDTH}
    for block, count in inputs.items():
        shapes[f"{block}.0.weight"] = (WIDTH, count)
        shapes |= dict.fromkeys((f"{block}.0.bias", f"{block}.1.weight"), (WIDTH,))
        shapes[f"{block}.1.bias"] = (WIDTH,)
    for group, size in sizes.items():
        shapes[f"heads.{group}.weight"] = (size, WIDTH)
        shapes[f"heads.{group}.bias"] = (size,)
    return shapes


def sequence_hash(sequence: str) -> int:
    """Return 64 bits by which a model remembers that it was trained on a sequence."""
    return int.from_bytes(sequence_digest(sequence)[:8], "little")


def group_sizes(labels: Sequence[Label]) -> dict[str, int]:
    """Return the number of labels in each group."""
    return {group: sum(label.group == group for label in labels) for group in GROUPS}
