"""Weights of profile columns, which say how much a column has to do with the product.

Two enzymes of a family may share most residues and still make different products, because only a
few residues line the active site. The weights are learned from labelled enzymes. Each enzyme is
compared with its nearest relatives in the family. Ridge regression then finds the columns where
similar residues go with similar products, beyond what the similarity over all columns predicts. A
column that adds nothing keeps the weight 1.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..dataset.enzymes import Enzyme
from ..dataset.labels import IS_TPS, label_targets, labels_of, product_targets
from ..device import one_thread

NEAREST = 40  # relatives that each enzyme is compared with
RIDGE = 3.0  # strength of the penalty, in units of the mean sum of squares of a column
MIN_MEMBERS = 15  # enzymes of the smallest family that learns; smaller ones keep the weight 1


def label_agreement(enzymes: Sequence[Enzyme]) -> NDArray[np.float64]:
    """Return how similar the labels of any two enzymes are.

    The agreement is the cosine over ensembles, product types, substrates and products. Rare ones
    count more.

    Returns:
        (enzymes, enzymes) agreement, 0–1.
    """
    labels = [label for label in labels_of(enzymes) if label != IS_TPS]
    all_targets = [label_targets(enzymes, labels), product_targets(enzymes, 2)]
    targets = np.concatenate(all_targets, 1).astype(float)  # (enzymes, labels and products) 0/1
    # Drop labels of a single enzyme, and weight the others by log(enzymes / positives).
    targets = targets[:, targets.sum(0) > 1]
    targets = targets * np.sqrt(np.log(len(enzymes) / np.maximum(1, targets.sum(0))))
    targets /= np.maximum(np.linalg.norm(targets, axis=1, keepdims=True), 1e-9)
    return np.einsum("ik,jk->ij", targets, targets)


def fit_column_weights(
    codes: Sequence[NDArray[np.uint8]],
    members: Sequence[NDArray[np.int64]],
    leading: Sequence[Sequence[int]],
    agreement: NDArray[np.float64],
    residue_vectors: NDArray[np.float32],
) -> list[NDArray[np.float64]]:
    """Learn the weights of every profile's columns.

    Args:
        codes: Per profile (members, columns) residue codes.
        members: Per profile, indices of the enzymes that match it.
        leading: Per profile, positions in ``members`` of the enzymes whose best profile this is.
        agreement: (enzymes, enzymes) agreement of the labels, 0–1.
        residue_vectors: (21, dimension) vector of each residue code.

    Returns:
        Per profile (columns,) weights, at least 0.
    """
    with one_thread():
        vectors = torch.as_tensor(residue_vectors, dtype=torch.float64)
        blocks = [torch.as_tensor(block).long() for block in codes]
        # Similarity of all enzymes over all columns, as a cosine: (enzymes, enzymes).
        similarity = torch.zeros(agreement.shape, dtype=torch.float64)
        for block, rows in zip(blocks, members):
            flat = vectors[block].flatten(1)  # (members, columns × dimension)
            similarity[np.ix_(rows, rows)] += flat @ flat.T
        length = similarity.diagonal().clamp_min(1e-9).sqrt()
        similarity = similarity / length / length[:, None]
        # Weights of each profile, from pairs of the enzymes that match it best.
        substitutions = vectors @ vectors.T  # (21, 21)
        weights = []
        for block, rows, best in zip(blocks, members, leading):
            pairs = np.ix_(rows[best], rows[best])
            family_agreement = torch.as_tensor(agreement[pairs])
            weights.append(
                _fit_family(block[best], similarity[pairs], family_agreement, substitutions)
            )
        return [weight.numpy() for weight in weights]


def _fit_family(
    codes: torch.Tensor,
    similarity: torch.Tensor,
    agreement: torch.Tensor,
    substitutions: torch.Tensor,
) -> torch.Tensor:
    """Learn the weights of one profile's columns.

    Args:
        codes: (enzymes, columns) residue codes.
        similarity: (enzymes, enzymes) cosine over all columns of all profiles.
        agreement: (enzymes, enzymes) agreement of the labels, 0–1.
        substitutions: (21, 21) similarity of two residues.

    Returns:
        (columns,) weights.
    """
    count, columns = codes.shape
    if count < MIN_MEMBERS:
        return torch.ones(columns, dtype=torch.float64)
    # Nearest relatives of each enzyme: (enzymes, nearest).
    nearest = min(NEAREST, count - 1)
    without_self = similarity - 2 * torch.eye(count)
    others = without_self.argsort(stable=True, dim=1, descending=True)[:, :nearest]
    # Inputs and target of the regression. Each is centred over the relatives of one enzyme, so
    # that only the differences between relatives remain.
    shared = substitutions[codes[:, None], codes[others]]  # (enzymes, nearest, columns)
    shared = (shared - shared.mean(1, keepdim=True)).flatten(0, 1)  # (pairs, columns)
    target = agreement.gather(1, others)
    target = (target - target.mean(1, keepdim=True)).flatten()  # (pairs,)
    # First fit what the similarity over all columns predicts, then what single columns add to it.
    overall = shared.sum(1)
    slope = (overall @ target / (overall @ overall).clamp_min(1e-12)).clamp_min(1e-6)
    products = shared.T @ shared  # (columns, columns)
    ridge = RIDGE * products.trace() / columns * torch.eye(columns, dtype=torch.float64)
    beyond = torch.linalg.solve(products + ridge, shared.T @ (target - slope * overall)) / slope
    return (1 + beyond).clamp_min(0)
