"""Clusters of similar sequences, and folds of a cross-validation that never split a cluster."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def identity_clusters(
    identities: NDArray[np.float32], lengths: Sequence[int], threshold: float
) -> NDArray[np.int64]:
    """Cluster sequences greedily by identity, in the manner of CD-HIT.

    Sequences are visited from the longest to the shortest. Each joins the most similar
    representative so far or, if none is similar enough, becomes a representative itself. CD-HIT:
    Li & Godzik 2006, 10.1093/bioinformatics/btl158.

    Args:
        identities: (n, n) pairwise identity, 0–1.
        lengths: (n,) lengths in residues; ties keep the given order.
        threshold: Least identity at which a sequence joins a cluster, 0–1.

    Returns:
        (n,) for each sequence, the index of its cluster's representative.

    >>> identity_clusters(np.array([[1, .9, .1], [.9, 1, .2], [.1, .2, 1]]), [5, 9, 7], 0.5)
    array([1, 1, 2])
    """
    representatives: list[int] = []
    member_of = np.empty(len(lengths), int)
    for i in np.argsort(-np.asarray(lengths), kind="stable"):
        similarity = identities[i, representatives]
        if len(similarity) and similarity.max() >= threshold:
            member_of[i] = representatives[int(similarity.argmax())]
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

    Clusters with the largest share of a label are dealt first. Each goes to the fold that has
    least of what the cluster brings.

    Args:
        member_of: (n,) cluster of each sequence.
        targets: (n, labels) array of 0 and 1.
        count: Number of folds.
        rng: Random generator that decides ties.

    Returns:
        (n,) fold of each sequence, 0 to count - 1.
    """
    # What each cluster brings, positives per label and sequences: (clusters, labels + 1).
    clusters = np.unique(member_of)
    rows = []
    for cluster in clusters:
        inside = member_of == cluster
        rows.append(np.append(targets[inside].sum(0), inside.sum()))
    counts = np.array(rows).reshape(len(clusters), targets.shape[1] + 1)
    share = counts / np.maximum(1, counts.sum(0))

    # Deal the clusters; a small random number decides ties between folds.
    order = np.lexsort((rng.random(len(clusters)), -share.max(1)))
    dealt = np.zeros((count, share.shape[1]))  # (folds, labels + 1)
    fold_of = {}
    for i in order:
        overlap = dealt @ share[i] + 1e-9 * rng.random(count)
        fold = int(overlap.argmin())
        dealt[fold] += share[i]
        fold_of[clusters[i]] = fold
    return np.array([fold_of[cluster] for cluster in member_of], int)
