"""Identity clusters and folds made of them."""

import numpy as np

from ..family import profiles
from ..io.fasta import AMINO_ACIDS

COVERAGE = 0.5


def identity(sequences, threads=1):
    """Pairwise identity in one alignment of all sequences.

    Args:
        sequences: n proteins.

    Returns:
        (n, n) float32: identical residues over columns where both have one, 0 where these columns cover less than
        half of the shorter sequence.
    """
    columns = profiles.align(sequences, threads)
    same = np.zeros((len(columns), len(columns)), np.float32)
    for residue in AMINO_ACIDS:
        has = (columns == ord(residue)).astype(np.float32)
        same += has @ has.T
    present = (columns != ord("-")).astype(np.float32)
    both = present @ present.T
    lengths = present.sum(1)
    covered = both >= COVERAGE * np.minimum(lengths[:, None], lengths[None])
    return np.where(covered, same / np.maximum(both, 1), 0).astype(np.float32)


def clusters(identities, lengths, threshold):
    """Greedy clusters: longest first, each sequence joins the most similar representative so far.

    Args:
        identities: (n, n) pairwise identity, 0–1.
        lengths: (n,) residues; ties keep the given order.
        threshold: Identity at which a sequence joins.

    Returns:
        (n,) int: index of each sequence's representative.

    >>> clusters(np.array([[1, .9, .1], [.9, 1, .2], [.1, .2, 1]]), [5, 9, 7], 0.5)
    array([1, 1, 2])
    """
    representatives = []
    member_of = np.empty(len(lengths), int)
    for i in np.argsort(-np.asarray(lengths), kind="stable"):
        near = identities[i, representatives]
        if len(near) and near.max() >= threshold:
            member_of[i] = representatives[int(near.argmax())]
        else:
            representatives.append(int(i))
            member_of[i] = i
    return member_of


def folds(member_of, targets, count, rng):
    """Deal clusters to folds so that every label and the number of sequences spread evenly.

    Clusters with the rarest labels are dealt first, each to the fold that holds least of what it brings.

    Args:
        member_of: (n,) cluster of each sequence.
        targets: (n, labels) 0/1.
        count: Number of folds.
        rng: numpy Generator; decides ties.

    Returns:
        (n,) int fold of each sequence, 0 to count - 1.
    """
    names = np.unique(member_of)
    brought = np.stack(
        [np.append(targets[member_of == name].sum(0), (member_of == name).sum()) for name in names]
    )
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
