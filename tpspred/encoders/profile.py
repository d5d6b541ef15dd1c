"""The profile encoder, which compares proteins by their residues at profile match columns.

Each residue has a vector. The dot product of two such vectors is close to the BLOSUM62 score of the
residues, up to a common factor (Henikoff & Henikoff 1992, 10.1073/pnas.89.22.10915; the leading
eigenvectors are used). A column without a residue is zero. Each column has a weight, which says how
much its residue has to do with the product (see ``column_weights``). A protein is the concatenation
of its residue vectors over all columns of all profiles that it matches, scaled to length one. The
dot product of two proteins is then a normalised, weighted alignment score. The leading principal
axes of the training enzymes (without centring) reduce the vector to 768 numbers.
"""

import functools
import hashlib
from collections.abc import Container, Iterable, Iterator, Sequence

import numpy as np
from Bio.Align import substitution_matrices
from numpy.typing import NDArray

from ..errors import ModelError
from ..family.profiles import Profile, ProfileHit, checksum, to_bytes
from ..family.screening import ScreenedProtein
from ..io.fasta import AMINO_ACIDS
from .protocol import Encoder, Tree, VectorPart, register
from .runtime import Runtime

RESIDUE_DIMENSION = 5  # leading eigenvectors of BLOSUM62 that are kept
ARRAYS = ("scales", "axes", "mixing")  # what a model file contains, one array per profile each


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


@register("profile")
class ProfileEncoder:
    """Encoder made of family profiles, principal axes of each profile, and axes over all profiles.

    Attributes:
        profiles: Family profiles, which also screen the proteins.
        scales: Per profile (columns,) float16, square roots of the column weights.
        axes: Per profile (columns × 5, rank) float16, principal axes of its members.
        mixing: Per profile (rank, dimension) float16, principal axes over all profiles.
        dimension: Length of a vector.
        checksum: SHA-256 of the profiles, scales, axes and mixing.
    """

    name = "profile"
    pooling = "match columns"
    precision = "float32"
    batch_residues = 1_000_000
    needs_profile_match = True
    has_runtime = False

    def __init__(
        self,
        profiles: Sequence[Profile],
        scales: Sequence[NDArray[np.float16]],
        axes: Sequence[NDArray[np.float16]],
        mixing: Sequence[NDArray[np.float16]],
    ) -> None:
        self.profiles = profiles
        self.scales = scales
        self.axes = axes
        self.mixing = mixing
        self.dimension = mixing[0].shape[1]
        self._index = {profile.name: k for k, profile in enumerate(profiles)}
        digest = hashlib.sha256()
        for profile, *arrays in zip(profiles, scales, axes, mixing):
            digest.update(profile.name.encode() + to_bytes(profile.hmm))
            digest.update(b"".join(array.tobytes() for array in arrays))
        self.checksum = digest.hexdigest()

    @classmethod
    def from_name(
        cls,
        name: str,
        base: Encoder,
        runtime: Runtime | None = None,
        checksum: str | None = None,
        dimension: int | None = None,
    ) -> Encoder:
        """Return the encoder of a file, because a name alone does not contain profiles.

        Args:
            name: Without effect.
            base: Profile encoder of a file.
            runtime: Without effect.
            checksum: Without effect.
            dimension: Without effect.

        Raises:
            ModelError: If the encoder of the file is another one.
        """
        if not isinstance(base, cls):
            raise ModelError.at(
                name, f"an encoder named {base.name}", f"a file with the {cls.name} encoder"
            )
        return base

    @classmethod
    def from_tree(
        cls, tree: Tree, profiles: Sequence[Profile], runtime: Runtime | None = None
    ) -> "ProfileEncoder":
        """Make the encoder from what a model or encoder file contains about it.

        Raises:
            ValueError, LookupError: If the arrays do not fit the profiles.
        """
        scales, axes, mixing = (
            [tree[name][str(k)] for k in range(len(profiles))] for name in ARRAYS
        )
        dimension = mixing[0].shape[1]
        for profile, *arrays in zip(profiles, scales, axes, mixing):
            rank = arrays[1].shape[-1]
            shapes = [
                (profile.columns,),
                (RESIDUE_DIMENSION * profile.columns, rank),
                (rank, dimension),
            ]
            are_floats = all(array.dtype.kind == "f" for array in arrays)
            if [array.shape for array in arrays] != shapes or not are_floats:
                raise ValueError(f"arrays of profile {profile.name}")
            if not np.isfinite(arrays[0]).all():
                raise ValueError(f"scales of profile {profile.name}")
        return cls(profiles, scales, axes, mixing)

    def to_tree(self) -> Tree:
        """Return what a file contains about the encoder, beside its name and profiles."""
        return {
            name: {str(k): array for k, array in enumerate(arrays)}
            for name, arrays in zip(ARRAYS, (self.scales, self.axes, self.mixing))
        }

    @functools.cached_property
    def screen(self) -> str:
        """SHA-256 of the profiles."""
        return checksum(self.profiles)

    @property
    def parts(self) -> list[VectorPart]:
        """The whole vector as one part, whose axes keep their variance."""
        return [VectorPart(self.dimension, standardise=False)]

    def ready(self) -> None:
        """Do nothing: there is nothing to load."""

    def window_count(self, length_aa: int) -> int:
        """Return 1, because a protein is never divided into windows."""
        return 1

    def encode(
        self,
        proteins: Iterable[ScreenedProtein],
        threads: int = 1,
        finished: Container[str] = (),
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Compute the vectors of proteins, in the given order.

        Args:
            proteins: Screened proteins with at least one hit each.
            threads: Without effect.
            finished: Sequences to leave out.

        Yields:
            (sequence, (dimension,) vector).
        """
        for protein in proteins:
            if protein.record.sequence not in finished:
                yield protein.record.sequence, self.vector(protein)

    def vector(self, protein: ScreenedProtein) -> NDArray[np.float32]:
        """Compute the vector of one protein.

        Args:
            protein: Screened protein with at least one hit.

        Returns:
            (dimension,) vector, at most 1 long, which does not depend on other proteins.
        """
        vector = np.zeros(self.dimension)
        numbers = [self._index[hit.profile.name] for hit in protein.hits]
        weighted = weighted_residues(protein.hits, [self.scales[k] for k in numbers])
        for k, residues in zip(numbers, weighted):
            # (columns × 5,) → (rank,) → (dimension,). einsum avoids BLAS, whose sums depend
            # on the number of threads.
            local = np.einsum("i,ij->j", residues, self.axes[k], dtype=np.float64)
            vector += np.einsum("i,ij->j", local, self.mixing[k], dtype=np.float64)
        return vector.astype(np.float32)


def weighted_residues(
    hits: Sequence[ProfileHit], scales: Sequence[NDArray[np.float16]]
) -> list[NDArray[np.float32]]:
    """Return the weighted residue vectors of a protein.

    Args:
        hits: Profile hits of the protein.
        scales: (columns,) square roots of the column weights of each profile that is hit.

    Returns:
        Per hit (columns × 5,); all of them together have length one.
    """
    parts = []
    for hit, scale in zip(hits, scales):
        weighted = RESIDUES[hit.residues] * scale[:, None].astype(np.float32)  # (columns, 5)
        parts.append(weighted.ravel())
    length = float(np.sqrt(sum((part**2).sum() for part in parts))) or 1.0
    return [part / length for part in parts]
