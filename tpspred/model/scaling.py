"""Centring and scaling of the network's two inputs."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..encoders.protocol import VectorPart, part_slices

MIN_SPREAD = 1e-6  # an axis with less spread counts as constant


@dataclasses.dataclass(frozen=True)
class Scaling:
    """Means and scales of the training proteins.

    Attributes:
        embedding_mean: (dimension,).
        embedding_scale: (dimension,), or (1,) if all axes have one scale.
        feature_mean: (features,).
        feature_scale: (features,).
    """

    embedding_mean: NDArray[np.float32]
    embedding_scale: NDArray[np.float32]
    feature_mean: NDArray[np.float32]
    feature_scale: NDArray[np.float32]

    def embeddings(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Centre and scale embeddings, (…, dimension)."""
        return (embedding - self.embedding_mean) / self.embedding_scale

    def features(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Centre and scale features, (…, features)."""
        return (features - self.feature_mean) / self.feature_scale


def fit_scaling(
    embedding: NDArray[np.float32], features: NDArray[np.float32], parts: Sequence[VectorPart]
) -> Scaling:
    """Learn means and scales.

    Every feature has its own scale. So does every axis of the embedding, except in parts whose
    axes have a common scale: there the axes keep their variance.

    Args:
        embedding: (n, dimension).
        features: (n, features).
        parts: Parts of the embedding.
    """
    scales = [
        _own_scales(embedding[:, columns])
        if part.standardise
        else _common_scale(embedding[:, columns])
        for part, columns in part_slices(parts)
    ]
    if len(scales) > 1:  # with a single part, one number can stand for all axes
        scales = [np.broadcast_to(scale, part.width) for scale, part in zip(scales, parts)]
    return Scaling(
        embedding_mean=embedding.mean(0),
        embedding_scale=np.concatenate(scales),
        feature_mean=features.mean(0),
        feature_scale=_own_scales(features),
    )


def _common_scale(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one scale for all columns, (1,)."""
    spread = float(np.sqrt(((block - block.mean(0)) ** 2).mean()))
    return np.array([max(MIN_SPREAD, spread)], np.float32)


def _own_scales(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the standard deviation of every column, 1 where it is constant."""
    spread = block.std(0)
    return np.where(spread > MIN_SPREAD, spread, 1)
