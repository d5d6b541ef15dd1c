"""The bundled encoder: residues at the match columns of the family profiles.

Each residue is a vector whose dot products are BLOSUM62 scores (Henikoff & Henikoff 1992, 10.1073/pnas.89.22.10915;
its leading eigenvectors), a column without a residue is zero, each column has a weight that says how much it has to do
with the product (columns.py), and a protein is the concatenation over all columns of all profiles that it matches, scaled
to length one. Two proteins' dot product is then a normalised, weighted alignment score, and the leading principal axes of
the training enzymes (without centring) keep it in 768 numbers.
"""

import functools
import hashlib

import numpy as np
from Bio.Align import substitution_matrices

from ..dataset import folds
from ..device import one_thread
from ..family import profiles
from ..io.fasta import AMINO_ACIDS
from . import column_weights
from .vector_parts import Block

DIMENSION = 768
RESIDUE_DIMENSION = 5
ARRAYS = ("scales", "axes", "mixing")
ENERGY = 0.95  # share of each training set's squared length that the axes within families keep


def residue_vectors():
    """(21, 5) float32: residue codes → vectors with BLOSUM62 dot products; the last, unknown, is zero."""
    matrix = substitution_matrices.load("BLOSUM62")
    scores = np.array([[matrix[a][b] for b in AMINO_ACIDS] for a in AMINO_ACIDS])
    values, axes = np.linalg.eigh(scores)
    leading = np.argsort(-values)[:RESIDUE_DIMENSION]
    vectors = axes[:, leading] * np.sqrt(values[leading])
    vectors *= np.sign(vectors[np.abs(vectors).argmax(0), np.arange(RESIDUE_DIMENSION)])
    vectors /= np.sqrt((vectors**2).sum(1).mean())
    return np.vstack([vectors, np.zeros(RESIDUE_DIMENSION)]).astype(np.float32)


RESIDUES = residue_vectors()


class ProfileEncoder:
    """Family profiles, the axes within each family, and the 768 axes over all.

    Attributes:
        profiles: List of profiles.Profile; also the screen.
        scales: Per profile (columns,) float16, square roots of the columns' weights.
        axes: Per profile (columns × 5, rank) float16.
        mixing: Per profile (rank, dimension) float16.
        checksum: SHA-256 of all of these.
    """

    name = "profile"
    pooling = "match columns"
    precision = "float32"
    unit_residues = 1_000_000

    def __init__(self, library, scales, axes, mixing):
        self.profiles = library
        self.scales, self.axes, self.mixing = scales, axes, mixing
        self.dimension = mixing[0].shape[1]
        self._index = {profile.name: k for k, profile in enumerate(library)}
        digest = hashlib.sha256()
        for profile, *arrays in zip(library, scales, axes, mixing):
            digest.update(
                profile.name.encode()
                + profiles.to_bytes(profile.hmm)
                + b"".join(a.tobytes() for a in arrays)
            )
        self.checksum = digest.hexdigest()

    @classmethod
    def fit(cls, enzymes, threads=1):
        """Learn profiles, column weights and axes from labelled training enzymes.

        Args:
            enzymes: List of dataset.Enzyme.
        """
        library = family_profiles(
            enzymes, folds.identity([enzyme.sequence for enzyme in enzymes], threads), threads
        )
        hits = profiles.search(library, [enzyme.sequence for enzyme in enzymes], threads)
        scales = _scales(library, hits, enzymes)
        return cls(library, scales, *_axes(library, hits, scales))

    @classmethod
    def from_tree(cls, tree, library, runtime=None):
        """From what an encoder or model file keeps of it; there is nothing to choose at run time."""
        return cls(library, *([tree[part][str(k)] for k in range(len(library))] for part in ARRAYS))

    def to_tree(self):
        """What an encoder or model file keeps of it, beside its name and profiles."""
        return {
            name: {str(k): array for k, array in enumerate(arrays)}
            for name, arrays in zip(ARRAYS, (self.scales, self.axes, self.mixing))
        }

    @functools.cached_property
    def screen(self):
        """SHA-256 of the profiles."""
        return profiles.checksum(self.profiles)

    @property
    def blocks(self):
        """One; a principal axis weighs as much as it varies."""
        return [Block(self.dimension, False)]

    def ready(self):
        """Nothing has to be loaded."""

    def window_count(self, length_aa):
        """Number of passes that a protein takes."""
        return 1

    def encode(self, views, threads=1, finished=()):
        """Vectors of proteins as they come.

        Args:
            views: Iterable of features.View with at least one hit each.
            finished: Sequences to leave out.

        Yields:
            (sequence, (dimension,) float32).
        """
        for view in views:
            if view.record.sequence not in finished:
                yield view.record.sequence, self.vector(view)

    def vector(self, view):
        """Vector of one protein.

        Args:
            view: features.View with at least one hit.

        Returns:
            (dimension,) float32, length at most 1; the same whatever is computed beside it.
        """
        vector = np.zeros(self.dimension)
        ranks = [self._index[hit.profile.name] for hit in view.hits]
        for k, residues in zip(ranks, _residues(view.hits, [self.scales[k] for k in ranks])):
            # Row by row and not by BLAS, whose sums depend on the number of threads.
            local = np.einsum("i,ij->j", residues, self.axes[k], dtype=np.float64)
            vector += np.einsum("i,ij->j", local, self.mixing[k], dtype=np.float64)
        return vector.astype(np.float32)


def family_profiles(enzymes, identities, threads=1):
    """Profiles of the families among enzymes: groups at 40 % identity, joined where their profiles recognise each other.

    Args:
        identities: (enzymes, enzymes) pairwise identity.

    Returns:
        List of profiles.Profile.
    """
    member_of = folds.clusters(
        identities, [len(enzyme.sequence) for enzyme in enzymes], profiles.GROUP_IDENTITY
    )
    return profiles.build(enzymes, identities, member_of, threads)


def _residues(hits, scales):
    """A protein's weighted residue vectors, one array (columns × 5,) per hit; of length one over all of them."""
    parts = [
        (RESIDUES[hit.residues] * scale[:, None].astype(np.float32)).ravel()
        for hit, scale in zip(hits, scales)
    ]
    length = float(np.sqrt(sum((part**2).sum() for part in parts))) or 1.0
    return [part / length for part in parts]


def _scales(library, found, enzymes):
    """Square roots of the column weights, a (columns,) float16 array per profile."""
    index = {profile.name: k for k, profile in enumerate(library)}
    codes, members, leading = ([[] for _ in library] for _ in range(3))
    for i, hits in enumerate(found):
        for order, hit in enumerate(hits):
            k = index[hit.profile.name]
            if not order:
                leading[k].append(len(members[k]))
            members[k].append(i)
            codes[k].append(hit.residues)
    learned = column_weights.weights(
        [np.stack(block) for block in codes],
        [np.array(rows) for rows in members],
        leading,
        column_weights.agreement(enzymes),
        RESIDUES,
    )
    return [np.sqrt(weight).astype(np.float16) for weight in learned]


def _axes(library, found, scales):
    """Principal axes of the training enzymes, first within each profile's columns, then over all.

    Returns:
        (axes, mixing): lists of float16 arrays, one per profile.
    """
    import torch

    index = {profile.name: k for k, profile in enumerate(library)}
    rows, members = [[] for _ in library], [[] for _ in library]
    for i, hits in enumerate(found):
        ranks = [index[hit.profile.name] for hit in hits]
        for k, residues in zip(ranks, _residues(hits, [scales[k] for k in ranks])):
            rows[k].append(residues)
            members[k].append(i)
    with one_thread():
        blocks = [torch.tensor(np.stack(block), dtype=torch.float64) for block in rows]
        decomposed = [_principal(block) for block in blocks]
        energy = torch.cat([values for _, values in decomposed]).sort(descending=True).values
        enough = int((energy.cumsum(0) < ENERGY * energy.sum()).sum())
        axes = [axis[:, values >= energy[enough]].half() for axis, values in decomposed]
        local = torch.zeros(
            len(found), sum(axis.shape[1] for axis in axes), dtype=torch.float64
        )  # (proteins, ranks)
        ranks = [axis.shape[1] for axis in axes]
        for part, block, member, axis in zip(local.split(ranks, 1), blocks, members, axes):
            part[member] = block @ axis.double()
        mixing = _principal(local)[0][:, :DIMENSION].half()
    return [axis.numpy() for axis in axes], [part.numpy() for part in mixing.split(ranks)]


def _principal(data):
    """Principal axes without centring, (columns, rank), and their squared singular values, largest first."""
    import torch

    _, singular, axes = torch.linalg.svd(data, full_matrices=False)
    kept = singular**2 > 1e-9 * singular[0] ** 2
    axes = axes[kept]
    signs = axes.gather(
        1, axes.abs().argmax(1, keepdim=True)
    ).sign()  # the largest component is positive
    return (axes * signs).T, singular[kept] ** 2
