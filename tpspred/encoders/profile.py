"""The profile encoder, which compares proteins by their residues at profile match columns.

Each residue has a vector. The dot product of two such vectors is close to the BLOSUM62 score of the
residues, up to a common factor (Henikoff & Henikoff 1992, 10.1073/pnas.89.22.10915; the leading
eigenvectors are used). A column without a residue is zero. Each column has a weight, which says how
much its residue has to do with the product (see ``column_weights``). A protein is the concatenation
of its residue vectors over all columns of all profiles that it matches, scaled to length one. The
dot product of two proteins is then a normalised, weighted alignment score. The leading principal
axes of the training enzymes (without centring) reduce the vector to 768 numbers.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..family.profiles import BATCH_RESIDUES, UNKNOWN, Profile, ProfileHit, checksum, to_bytes
from ..family.screening import ScreenedProtein
from ..io.tree import StoredTree, Tree
from .protocol import Encoder, VectorPart, register
from .runtime import Runtime

RESIDUE_DIMENSION = 5  # leading eigenvectors of BLOSUM62 that are kept


@dataclasses.dataclass(frozen=True)
class Projections:
    """The arrays that turn aligned residues into a vector.

    Attributes:
        residues: (21, 5) vector of each residue code. The last one, of an unknown residue, is zero.
        scales: Per profile (columns,) square roots of the column weights.
        axes: Per profile (columns × 5, rank) principal axes of its members.
        mixing: Per profile (rank, dimension) principal axes over all profiles.
    """

    residues: NDArray[np.float32]
    scales: Sequence[NDArray[np.float16]]
    axes: Sequence[NDArray[np.float16]]
    mixing: Sequence[NDArray[np.float16]]


@register("profile")
class ProfileEncoder:
    """Encoder made of family profiles, principal axes of each profile, and axes over all profiles.

    Args:
        profiles: Family profiles, which also screen the proteins.
        dimension: Length of a vector.
        projections: Called once, before the first vector is computed.
    """

    name = "profile"
    pooling = "match columns"
    precision = "float32"
    batch_residues = BATCH_RESIDUES
    needs_profile_match = True
    has_runtime = False

    def __init__(
        self,
        profiles: Sequence[Profile],
        dimension: int,
        projections: Callable[[], Projections],
    ) -> None:
        self.profiles = profiles
        self.dimension = dimension
        self._read_projections = projections
        self._index = {profile.name: k for k, profile in enumerate(profiles)}

    @functools.cached_property
    def projections(self) -> Projections:
        """The arrays that turn aligned residues into a vector."""
        return self._read_projections()

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 of the profiles and of the projections."""
        digest = hashlib.sha256(self.projections.residues.tobytes())
        own = self.projections
        for profile, *arrays in zip(self.profiles, own.scales, own.axes, own.mixing):
            digest.update(profile.name.encode() + to_bytes(profile.hmm))
            digest.update(b"".join(array.tobytes() for array in arrays))
        return digest.hexdigest()

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
        cls, tree: StoredTree, profiles: Sequence[Profile], runtime: Runtime | None = None
    ) -> "ProfileEncoder":
        """Make the encoder from what a model or encoder file contains about it.

        Raises:
            ValueError: If the dimension is no number.
        """
        read = functools.partial(_projections, profiles=profiles)
        return cls(profiles, int(tree["dimension"]), tree.later(read))

    def to_tree(self) -> Tree:
        """Return what a file contains about the encoder, beside its name and profiles."""
        own = self.projections
        return {
            "dimension": self.dimension,
            "ranks": [len(mixing) for mixing in own.mixing],
            "residues": own.residues,
            "scales": np.concatenate(own.scales),
            "axes": np.concatenate([axes.ravel() for axes in own.axes]),
            "mixing": np.concatenate(own.mixing),
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
        own = self.projections
        numbers = [self._index[hit.profile.name] for hit in protein.hits]
        scales = [own.scales[k] for k in numbers]
        weighted = weighted_residues(protein.hits, scales, own.residues)
        for k, residues in zip(numbers, weighted):
            # (columns × 5,) → (rank,) → (dimension,). einsum avoids BLAS, whose sums depend
            # on the number of threads.
            local = np.einsum("i,ij->j", residues, own.axes[k], dtype=np.float64)
            vector += np.einsum("i,ij->j", local, own.mixing[k], dtype=np.float64)
        return vector.astype(np.float32)


def _projections(tree: Tree, profiles: Sequence[Profile]) -> Projections:
    """Read the projections of profiles from what a file contains about them.

    Raises:
        ValueError, LookupError: If the arrays do not fit the profiles.
    """
    ranks = tree["ranks"]
    columns = [profile.columns for profile in profiles]
    sizes = [RESIDUE_DIMENSION * count * rank for count, rank in zip(columns, ranks, strict=True)]
    arrays = residues, scales, axes, mixing = [
        tree[name] for name in ("residues", "scales", "axes", "mixing")
    ]
    shapes = [array.shape for array in arrays]
    are_floats = all(array.dtype.kind == "f" for array in arrays)
    wanted = [
        (UNKNOWN + 1, RESIDUE_DIMENSION),
        (sum(columns),),
        (sum(sizes),),
        (sum(ranks), tree["dimension"]),
    ]
    if shapes != wanted or min(ranks, default=0) < 0 or not are_floats:
        raise ValueError(f"arrays of the encoder: shapes {shapes}")
    return Projections(
        residues,
        np.split(scales, np.cumsum(columns)[:-1]),
        [
            part.reshape(-1, rank)
            for part, rank in zip(np.split(axes, np.cumsum(sizes)[:-1]), ranks)
        ],
        np.split(mixing, np.cumsum(ranks)[:-1]),
    )


def weighted_residues(
    hits: Sequence[ProfileHit],
    scales: Sequence[NDArray[np.float16]],
    residues: NDArray[np.float32],
) -> list[NDArray[np.float32]]:
    """Return the weighted residue vectors of a protein.

    Args:
        hits: Profile hits of the protein.
        scales: (columns,) square roots of the column weights of each profile that is hit.
        residues: (21, 5) vector of each residue code.

    Returns:
        Per hit (columns × 5,); all of them together have length one.
    """
    parts = []
    for hit, scale in zip(hits, scales):
        weighted = residues[hit.residues] * scale[:, None].astype(np.float32)  # (columns, 5)
        parts.append(weighted.ravel())
    length = float(np.sqrt(sum((part**2).sum() for part in parts))) or 1.0
    return [part / length for part in parts]
