"""Fitting the profile encoder: column weights and principal axes of labelled training enzymes."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..dataset.enzymes import Enzyme
from ..device import one_thread
from ..family.profiles import Profile, ProfileHit
from ..family.screening import ScreenedProtein
from .column_weights import fit_column_weights, label_agreement
from .profile import RESIDUES, ProfileEncoder, weighted_residues

DIMENSION = 768
ENERGY = 0.95  # share of each training set's squared length that the axes within families keep


def fit_profile_encoder(
    profiles: Sequence[Profile],
    proteins: Sequence[ScreenedProtein],
    enzymes: Sequence[Enzyme],
) -> ProfileEncoder:
    """Learn column weights and axes from labelled training enzymes.

    Args:
        profiles: Family profiles, built from these enzymes.
        proteins: n training enzymes, screened with these profiles.
        enzymes: The same n enzymes with what is known about them.
    """
    hits_of = [protein.hits for protein in proteins]
    scales = _fit_scales(profiles, hits_of, enzymes)
    return ProfileEncoder(profiles, scales, *_fit_axes(profiles, hits_of, scales))


def _fit_scales(
    profiles: Sequence[Profile],
    hits_of: Sequence[Sequence[ProfileHit]],
    enzymes: Sequence[Enzyme],
) -> list[NDArray[np.float16]]:
    """Learn the column weights and return their square roots, (columns,) per profile."""
    index = {profile.name: k for k, profile in enumerate(profiles)}
    codes: list[list[NDArray[np.uint8]]] = [[] for _ in profiles]
    members: list[list[int]] = [[] for _ in profiles]
    leading: list[list[int]] = [[] for _ in profiles]  # members whose best hit is this profile
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
    """Find principal axes of the training enzymes, first within each profile, then over all.

    Returns:
        (axes, mixing), one array per profile each.
    """
    # Weighted residues of every enzyme at the columns of every profile that it matches.
    index = {profile.name: k for k, profile in enumerate(profiles)}
    rows: list[list[NDArray[np.float32]]] = [[] for _ in profiles]
    members: list[list[int]] = [[] for _ in profiles]
    for i, hits in enumerate(hits_of):
        ranks = [index[hit.profile.name] for hit in hits]
        for k, residues in zip(ranks, weighted_residues(hits, [scales[k] for k in ranks])):
            rows[k].append(residues)
            members[k].append(i)
    with one_thread():
        # Within each profile: (members, columns × 5) → axes (columns × 5, rank). All profiles
        # together keep the axes with the largest singular values.
        blocks = [torch.tensor(np.stack(block), dtype=torch.float64) for block in rows]
        decomposed = [_principal_axes(block) for block in blocks]
        energy = torch.cat([values for _, values in decomposed]).sort(descending=True).values
        enough = int((energy.cumsum(0) < ENERGY * energy.sum()).sum())
        axes = [axis[:, values >= energy[enough]].half() for axis, values in decomposed]
        # Over all profiles: (enzymes, ranks) → mixing (ranks, dimension).
        ranks = [axis.shape[1] for axis in axes]
        local = torch.zeros(len(hits_of), sum(ranks), dtype=torch.float64)
        for part, block, member, axis in zip(local.split(ranks, 1), blocks, members, axes):
            part[member] = block @ axis.double()
        mixing = _principal_axes(local)[0][:, :DIMENSION].half()
    return [axis.numpy() for axis in axes], [part.numpy() for part in mixing.split(ranks)]


def _principal_axes(data: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Find principal axes without centring.

    Args:
        data: (rows, columns).

    Returns:
        ((columns, rank) axes, (rank,) squared singular values), largest first.
    """
    _, singular, axes = torch.linalg.svd(data, full_matrices=False)
    kept = singular**2 > 1e-9 * singular[0] ** 2
    axes = axes[kept]
    signs = axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()  # largest component positive
    return (axes * signs).T, singular[kept] ** 2
