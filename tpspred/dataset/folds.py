"""Identity clusters, and folds of a cross-validation that keep them together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def identity_clusters(
    identities: NDArray[np.float32], lengths: Sequence[int], threshold: float
) -> NDArray[np.int64]:
    """Cluster sequences greedily by identity.

    The longest comes first, and each sequence joins the most similar representative so far.

    Args:
        identities: (n, n) pairwise identity, 0–1.
        lengths: (n,) residues; ties keep the given order.
        threshold: Identity from which a sequence joins, 0–1.

    Returns:
        (n,) index of each sequence's representative.

    >>> identity_clusters(np.array([[1, .9, .1], [.9, 1, .2], [.1, .2, 1]]), [5, 9, 7], 0.5)
    array([1, 1, 2])
    """
    representatives: list[int] = []
    member_of = np.empty(len(lengths), int)
    for i in np.argsort(-np.asarray(lengths), kind="stable"):
        near = identities[i, representatives]
        if len(near) and near.max() >= threshold:
            member_of[i] = representatives[int(near.argmax())]
        else:
            representatives.append(int(i))
            member_of[i] = i
    return member_of


def deal_folds(
    member_of: NDArray[np.int64],
    targets: NDArray[np.floating],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Deal clusters to folds so that every label and the number of sequences spread evenly.

    Clusters with the rarest labels are dealt first, each to the fold that holds least of what the
    cluster brings.

    Args:
        member_of: (n,) cluster of each sequence.
        targets: (n, labels) 0/1.
        count: Number of folds.
        rng: Random generator that decides ties.

    Returns:
        (n,) fold of each sequence, 0 to count - 1.
    """
    names = np.unique(member_of)
    brought = np.stack(
        [np.append(targets[member_of == name].sum(0), (member_of == name).sum()) for name in names]
    )  # (clusters, labels + 1)
    share = brought / np.maximum(1, brought.sum(0))
    order = np.lexsort((rng.random(len(names)), -share.max(1)))
    held = np.zeros((count, share.shape[1]))
    fold_of = {}
    for i in order:
        burden = held @ share[i] + 1e-9 * rng.random(count)
        fold = int(burden.argmin())
        held[fold] += share[i]
        fold_of[names[i]] = fold
    return np.array([fold_of[name] for name in member_of])
