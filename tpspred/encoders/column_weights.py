"""What each match column of a profile says about the products: a weight per column, learned from labelled enzymes.

Two enzymes of a family that share most residues may make different things, because a few residues line the active site.
For each enzyme and its nearest relatives in the family, ridge regression asks at which columns a similar residue goes with
similar products, beyond what similarity over all columns says; a column that tells nothing keeps the weight 1.
"""

import numpy as np

from ..dataset import reactions
from ..device import one_thread

NEAREST = 40  # relatives of each enzyme that are compared
RIDGE = 3.0  # times the mean variance of a column
MIN_MEMBERS = 15  # below these a family keeps its weights at 1


def agreement(enzymes):
    """How alike the labels of enzymes are: cosine over ensembles, types, substrates and products, rare ones weighing more.

    Returns:
        (enzymes, enzymes) float64, 0–1.
    """
    groups = [label for label in reactions.labels(enzymes) if label != reactions.IS_TPS]
    answers = np.concatenate(
        [reactions.targets(enzymes, groups), reactions.product_targets(enzymes, 2)], 1
    ).astype(float)
    answers = answers[:, answers.sum(0) > 1]
    answers = answers * np.sqrt(np.log(len(enzymes) / np.maximum(1, answers.sum(0))))
    answers /= np.maximum(np.linalg.norm(answers, axis=1, keepdims=True), 1e-9)
    return np.einsum("ik,jk->ij", answers, answers)


def weights(codes, members, leading, alike, residues):
    """Weights of every profile's columns.

    Args:
        codes: Per profile (its members, columns) residue codes.
        members: Per profile, indices of the enzymes that match it.
        leading: Per profile, of its members those that match no other profile better, as indices into ``members``.
        alike: (enzymes, enzymes), what ``agreement`` gives.
        residues: (21, dimension) residue vectors.

    Returns:
        List of (columns,) float64, at least 0.
    """
    import torch

    with one_thread():
        residues = torch.as_tensor(residues, dtype=torch.float64)
        codes = [torch.as_tensor(block).long() for block in codes]
        similarity = torch.zeros(alike.shape, dtype=torch.float64)
        for block, rows in zip(codes, members):
            flat = residues[block].flatten(1)
            similarity[np.ix_(rows, rows)] += flat @ flat.T
        length = similarity.diagonal().clamp_min(1e-9).sqrt()
        similarity = similarity / length / length[:, None]
        table = residues @ residues.T
        found = []
        for block, rows, best in zip(codes, members, leading):
            pairs = np.ix_(rows[best], rows[best])
            found.append(
                _family(
                    block[best], similarity[pairs], torch.as_tensor(alike[pairs]), table
                ).numpy()
            )
        return found


def _family(codes, similarity, alike, table):
    """Weights of one profile's columns from pairs of the enzymes that it fits best."""
    import torch

    count, columns = codes.shape
    if count < MIN_MEMBERS:
        return torch.ones(columns, dtype=torch.float64)
    nearest = min(NEAREST, count - 1)
    others = (similarity - 2 * torch.eye(count)).argsort(stable=True, dim=1, descending=True)[
        :, :nearest
    ]
    shared = table[codes[:, None], codes[others]]  # (enzymes, nearest, columns)
    shared = (shared - shared.mean(1, keepdim=True)).flatten(
        0, 1
    )  # what tells one relative from another
    alike = alike.gather(1, others)
    alike = (alike - alike.mean(1, keepdim=True)).flatten()
    together = shared.sum(1)
    slope = (together @ alike / (together @ together).clamp_min(1e-12)).clamp_min(1e-6)
    products = shared.T @ shared
    ridge = RIDGE * products.trace() / columns * torch.eye(columns, dtype=torch.float64)
    beyond = torch.linalg.solve(products + ridge, shared.T @ (alike - slope * together)) / slope
    return (1 + beyond).clamp_min(0)
