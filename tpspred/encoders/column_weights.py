"""What each match column of a profile says about the products, learned from labelled enzymes.

Two enzymes of a family that share most residues may make different things, because a few residues
line the active site. For each enzyme and its nearest relatives in the family, ridge regression
asks at which columns a similar residue goes with similar products, beyond what the similarity over
all columns predicts. A column that adds nothing keeps the weight 1.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..dataset.enzymes import Enzyme
from ..dataset.labels import IS_TPS, label_targets, labels_of, product_targets
from ..device import one_thread

NEAREST = 40  # relatives that each enzyme is compared with
RIDGE = 3.0  # times the mean variance of a column
MIN_MEMBERS = 15  # a smaller family keeps its weights at 1


def label_agreement(enzymes: Sequence[Enzyme]) -> NDArray[np.float64]:
    """Return how alike the labels of enzymes are.

    It is the cosine over ensembles, types, substrates and products; rare ones count more.

    Returns:
        (enzymes, enzymes) agreement, 0–1.
    """
    labels = [label for label in labels_of(enzymes) if label != IS_TPS]
    made = [label_targets(enzymes, labels), product_targets(enzymes, 2)]
    targets = np.concatenate(made, 1).astype(float)
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
        leading: Per profile, those members that match no other profile better, as indices into
            ``members``.
        agreement: (enzymes, enzymes) agreement of labels.
        residue_vectors: (21, dimension) vector of each residue code.

    Returns:
        Per profile (columns,) weights, at least 0.
    """
    with one_thread():
        vectors = torch.as_tensor(residue_vectors, dtype=torch.float64)
        blocks = [torch.as_tensor(block).long() for block in codes]
        # Similarity of all enzymes over all columns: (enzymes, enzymes), cosine.
        similarity = torch.zeros(agreement.shape, dtype=torch.float64)
        for block, rows in zip(blocks, members):
            flat = vectors[block].flatten(1)  # (members, columns × dimension)
            similarity[np.ix_(rows, rows)] += flat @ flat.T
        length = similarity.diagonal().clamp_min(1e-9).sqrt()
        similarity = similarity / length / length[:, None]
        # The columns of each profile, from pairs of the enzymes that it fits best.
        substitutions = vectors @ vectors.T  # (21, 21)
        weights = []
        for block, rows, best in zip(blocks, members, leading):
            pairs = np.ix_(rows[best], rows[best])
            own = torch.as_tensor(agreement[pairs])
            weights.append(_fit_family(block[best], similarity[pairs], own, substitutions))
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
        similarity, agreement: (enzymes, enzymes).
        substitutions: (21, 21) similarity of residues.

    Returns:
        (columns,) weights.
    """
    count, columns = codes.shape
    if count < MIN_MEMBERS:
        return torch.ones(columns, dtype=torch.float64)
    # Each enzyme beside its nearest relatives: (enzymes, nearest).
    nearest = min(NEAREST, count - 1)
    without_self = similarity - 2 * torch.eye(count)
    others = without_self.argsort(stable=True, dim=1, descending=True)[:, :nearest]
    # Inputs and target of the regression, each centred over the relatives of one enzyme: what
    # distinguishes one relative from another.
    shared = substitutions[codes[:, None], codes[others]]  # (enzymes, nearest, columns)
    shared = (shared - shared.mean(1, keepdim=True)).flatten(0, 1)  # (pairs, columns)
    target = agreement.gather(1, others)
    target = (target - target.mean(1, keepdim=True)).flatten()  # (pairs,)
    # What similarity over all columns predicts, then what single columns add to it.
    overall = shared.sum(1)
    slope = (overall @ target / (overall @ overall).clamp_min(1e-12)).clamp_min(1e-6)
    products = shared.T @ shared  # (columns, columns)
    ridge = RIDGE * products.trace() / columns * torch.eye(columns, dtype=torch.float64)
    beyond = torch.linalg.solve(products + ridge, shared.T @ (target - slope * overall)) / slope
    return (1 + beyond).clamp_min(0)
