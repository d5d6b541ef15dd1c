"""Fit the profile encoder: learn column weights and principal axes from labelled enzymes."""

from collections.abc import Sequence

import numpy as np
import torch
from Bio.Align import substitution_matrices
from numpy.typing import NDArray

from ..dataset.enzymes import Enzyme
from ..device import one_thread
from ..family.profiles import Profile, ProfileHit
from ..family.screening import ScreenedProtein
from ..io.fasta import AMINO_ACIDS
from .column_weights import fit_column_weights, label_agreement
from .profile import RESIDUE_DIMENSION, ProfileEncoder, Projections, weighted_residues

DIMENSION = 768  # length of a vector at most
ENERGY = 0.95  # share of the squared length of all training enzymes that the axes of profiles keep


def residue_vectors() -> NDArray[np.float32]:
    """Return a vector for each residue, so that dot products go with BLOSUM62 scores.

    Returns:
        (21, 5) vector of each residue code. The last one, of an unknown residue, is zero.
    """
    matrix = substitution_matrices.load("BLOSUM62")
    scores = np.array([[matrix[a][b] for b in AMINO_ACIDS] for a in AMINO_ACIDS])
    values, axes = np.linalg.eigh(scores)
    leading = np.argsort(-values)[:RESIDUE_DIMENSION]
    vectors = axes[:, leading] * np.sqrt(values[leading])  # (20, 5)
    # An eigenvector has no sign of its own: make its largest component positive.
    vectors *= np.sign(vectors[np.abs(vectors).argmax(0), np.arange(RESIDUE_DIMENSION)])
    vectors /= np.sqrt((vectors**2).sum(1).mean())
    return np.vstack([vectors, np.zeros(RESIDUE_DIMENSION)]).astype(np.float32)


RESIDUES = residue_vectors()


def fit_profile_encoder(
    profiles: Sequence[Profile],
    proteins: Sequence[ScreenedProtein],
    enzymes: Sequence[Enzyme],
) -> ProfileEncoder:
    """Learn the column weights and axes of a profile encoder.

    Args:
        profiles: Family profiles, built from these enzymes.
        proteins: n training enzymes, screened with these profiles.
        enzymes: The same n enzymes with their labels.
    """
    hits_of = [protein.hits for protein in proteins]
    scales = _fit_scales(profiles, hits_of, enzymes)
    axes, mixing = _fit_axes(profiles, hits_of, scales)
    projections = Projections(RESIDUES, scales, axes, mixing)
    return ProfileEncoder(profiles, mixing[0].shape[1], lambda: projections)


def _fit_scales(
    profiles: Sequence[Profile],
    hits_of: Sequence[Sequence[ProfileHit]],
    enzymes: Sequence[Enzyme],
) -> list[NDArray[np.float16]]:
    """Learn the column weights.

    Args:
        profiles: Family profiles.
        hits_of: Hits of each training enzyme, the best one first.
        enzymes: The training enzymes with their labels.

    Returns:
        Per profile (columns,) square roots of the weights.
    """
    # Per profile, the enzymes that match it and their residues at its columns.
    index = {profile.name: k for k, profile in enumerate(profiles)}
    codes: list[list[NDArray[np.uint8]]] = [[] for _ in profiles]
    members: list[list[int]] = [[] for _ in profiles]
    leading: list[list[int]] = [[] for _ in profiles]  # members that match this profile best
    for i, hits in enumerate(hits_of):
        for rank, hit in enumerate(hits):
            k = index[hit.profile.name]
            if rank == 0:
                leading[k].append(len(members[k]))
            members[k].append(i)
            codes[k].append(hit.residues)
    learned = fit_column_weights(
        [np.stack(rows) for rows in codes],
        [np.array(rows) for rows in members],
        leading,
        label_agreement(enzymes),
        RESIDUES,
    )
    return [np.sqrt(weight).astype(np.float16) for weight in learned]


def _fit_axes(
    profiles: Sequence[Profile],
    hits_of: Sequence[Sequence[ProfileHit]],
    scales: Sequence[NDArray[np.float16]],
) -> tuple[list[NDArray[np.float16]], list[NDArray[np.float16]]]:
    """Find the principal axes of the training enzymes, first of each profile, then over all.

    Args:
        profiles: Family profiles.
        hits_of: Hits of each training enzyme.
        scales: Per profile (columns,) square roots of the column weights.

    Returns:
        axes: Per profile (columns × 5, rank).
        mixing: Per profile (rank, dimension).
    """
    # Weighted residues of every enzyme, (columns × 5,) for every profile that it matches.
    index = {profile.name: k for k, profile in enumerate(profiles)}
    rows: list[list[NDArray[np.float32]]] = [[] for _ in profiles]
    members: list[list[int]] = [[] for _ in profiles]
    for i, hits in enumerate(hits_of):
        matched = [index[hit.profile.name] for hit in hits]
        weighted = weighted_residues(hits, [scales[k] for k in matched], RESIDUES)
        for k, residues in zip(matched, weighted):
            rows[k].append(residues)
            members[k].append(i)
    with one_thread():
        # Axes of each profile: (members, columns × 5) → (columns × 5, rank). Of all axes of all
        # profiles, those with the largest singular values are kept.
        blocks = [torch.tensor(np.stack(block), dtype=torch.float64) for block in rows]
        decomposed = [_principal_axes(block) for block in blocks]
        energy = torch.cat([values for _, values in decomposed]).sort(descending=True).values
        enough = int((energy.cumsum(0) < ENERGY * energy.sum()).sum())
        axes = [axis[:, values >= energy[enough]].half() for axis, values in decomposed]
        # Axes over all profiles: (enzymes, sum of ranks) → mixing (sum of ranks, dimension).
        ranks = [axis.shape[1] for axis in axes]
        local = torch.zeros(len(hits_of), sum(ranks), dtype=torch.float64)
        for part, block, rows_of, axis in zip(local.split(ranks, 1), blocks, members, axes):
            part[rows_of] = block @ axis.double()  # a view, so that ``local`` is filled
        mixing = _principal_axes(local)[0][:, :DIMENSION].half()
    return [axis.numpy() for axis in axes], [part.numpy() for part in mixing.split(ranks)]


def _principal_axes(data: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the principal axes of data that are not centred.

    Args:
        data: (rows, columns).

    Returns:
        (columns, rank) axes and (rank,) squared singular values, the largest first.
    """
    _, singular, axes = torch.linalg.svd(data, full_matrices=False)
    kept = singular**2 > 1e-9 * singular[0] ** 2
    axes = axes[kept]
    # An axis has no sign of its own: make its largest component positive.
    signs = axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
    return (axes * signs).T, singular[kept] ** 2
