"""Characterised enzymes beside a protein: the nearest ones, and what the similar ones vote for."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from ..encoders.protocol import VectorPart, part_slices
from . import kernel_regression
from .fingerprints import Fingerprints
from .kernel_regression import KernelRegression
from .scaling import Scaling

if TYPE_CHECKING:
    from ..family.alignment import Alignment

# An enzyme that is less similar by 0.033 has e times less weight in the vote about labels, and one
# that is less similar by 0.1 in the vote about products, which have fewer makers.
SHARPNESS, PRODUCT_SHARPNESS = 30.0, 10.0
NO_FOLD = -1  # fold number that no enzyme has
# The typical identity is measured on this many neighbours of each enzyme, in bins of similarity.
PAIRS_PER_ENZYME = 20
BIN_WIDTH = 0.05


class KnownEnzyme(TypedDict):
    """What a model file says about a characterised enzyme.

    Attributes:
        id: MARTS-DB ID.
        accessions: Accessions of its sequence in public databases.
        species: Organisms that it comes from.
        products: Names of its products.
    """

    id: str
    accessions: Sequence[str]
    species: Sequence[str]
    products: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """A characterised enzyme that is similar to a protein.

    Attributes:
        id: MARTS-DB ID.
        accessions: Accessions of its sequence in public databases.
        species: Organisms that it comes from.
        products: Names of its products.
        similarity: Cosine of the two vectors that :func:`comparable` returns, at most 1.
        identity: Median identity of pairs of characterised enzymes that are as similar, 0–1.
        ensembles: Slugs of the ensembles of its products.
        agrees: Whether it has an ensemble that is called for the protein; None if none is called.
        alignment: Alignment of the protein with its sequence; None if the sequence is not known or
            does not align.
    """

    id: str
    accessions: tuple[str, ...]
    species: tuple[str, ...]
    products: tuple[str, ...]
    similarity: float
    identity: float
    ensembles: tuple[str, ...]
    agrees: bool | None
    alignment: Alignment | None = None


def comparable(
    embedding: NDArray[np.float32], parts: Sequence[VectorPart], scaling: Scaling
) -> NDArray[np.floating]:
    """Return vectors whose dot product says how alike two proteins are.

    A part whose axes have a common scale stays as it is. A part whose axes have none is
    standardised and scaled to length 1. The dot products of the parts are added, each with the
    weight of its part.

    Args:
        embedding: (…, dimension).
        parts: Parts of the embedding.
        scaling: Means and scales of the training proteins.

    Returns:
        (…, dimension).
    """
    compared = []
    for part, columns in part_slices(parts):
        values: NDArray[np.floating] = embedding[..., columns]
        if part.standardise:
            values = values - scaling.embedding_mean[columns]
            values = values / scaling.embedding_scale[columns]
            values = values / length(values)[..., None]
        compared.append(values * np.float32(np.sqrt(part.share)))
    return np.concatenate(compared, -1)


def length(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the length of each vector, (…, dimension) → (…), above 0."""
    squares = np.einsum("...i,...i->...", vectors, vectors, dtype=np.float64)
    return np.maximum(np.sqrt(squares), 1e-9)


@dataclasses.dataclass(frozen=True)
class References:
    """The characterised enzymes that a model knows: their vectors, never their sequences.

    Attributes:
        vectors: (enzymes, dimension) comparable vectors of length 1.
        about: Names of each enzyme, its species and its products.
        targets: (enzymes, labels) 0/1.
        known: (enzymes, labels) 1 where the target is known.
        folds: (enzymes,) training fold of each enzyme.
        similarities: (points,) similarities, increasing.
        identities: (points,) identity that is typical of each similarity, 0–1.
        structures: Structures of products as SMILES without stereochemistry.
        makes: (enzymes, products) 1 where the enzyme makes the product.
        regression: Regression of the labels, then the products, on all enzymes.
        fingerprints: Fingerprints of their sequences.
    """

    vectors: NDArray[np.float16]
    about: list[KnownEnzyme]
    targets: NDArray[np.uint8]
    known: NDArray[np.uint8]
    folds: NDArray[np.int8]
    similarities: NDArray[np.float32]
    identities: NDArray[np.float32]
    structures: list[str]
    makes: NDArray[np.uint8]
    regression: KernelRegression
    fingerprints: Fingerprints

    @classmethod
    def from_vectors(
        cls,
        about: list[KnownEnzyme],
        sequences: Sequence[str],
        vectors: NDArray[np.floating],
        features: NDArray[np.float32],
        targets: NDArray[np.float32],
        known: NDArray[np.float32],
        structures: list[str],
        makes: NDArray[np.float32],
        folds: NDArray[np.int64],
        identities: NDArray[np.float32],
    ) -> References:
        """Make references from the vectors and features of training enzymes.

        Args:
            about: Names of each enzyme, its species and its products.
            sequences: Sequence of each enzyme.
            vectors: (enzymes, dimension) comparable vectors.
            features: (enzymes, features) engineered features, scaled.
            targets: (enzymes, labels) 0/1.
            known: (enzymes, labels) 1 where the target is known.
            structures: Structures of products as SMILES without stereochemistry.
            makes: (enzymes, products) 0/1.
            folds: (enzymes,) training fold of each enzyme.
            identities: (enzymes, enzymes) pairwise identity, 0–1.
        """
        directions = vectors / length(vectors)[:, None]
        similarity = np.einsum("ik,jk->ij", directions, directions, dtype=np.float64)
        similarities, typical_identities = typical_identity(similarity, identities)
        references = cls(
            vectors=directions.astype(np.float16),
            about=about,
            targets=targets.astype(np.uint8),
            known=known.astype(np.uint8),
            folds=np.asarray(folds, np.int8),
            similarities=similarities,
            identities=typical_identities,
            structures=structures,
            makes=makes.astype(np.uint8),
            regression=kernel_regression.unfitted(features, targets.shape[1] + makes.shape[1]),
            fingerprints=Fingerprints.of(sequences),
        )
        (regression,) = references.regressions([None])
        return dataclasses.replace(references, regression=regression)

    def regressions(self, left_out: Iterable[int | None]) -> Iterator[KernelRegression]:
        """Fit regressions that leave out the enzymes of a fold.

        Args:
            left_out: Training folds; None stands for no fold.

        Yields:
            A regression for each of them.
        """
        features = self.regression.features
        kernels = np.stack(
            [
                kernel_regression.kernel(self.similarity(vector), own, features)
                for vector, own in zip(self.vectors, features)
            ]
        )
        targets = np.concatenate([self.targets, self.makes], 1)
        known = np.concatenate([self.known, np.ones_like(self.makes)], 1)
        for fold in left_out:
            voters = self.outside_fold(fold)
            yield kernel_regression.fit(kernels, features, targets, known, voters)

    def similarity(self, vector: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the dot products of one protein's comparable vector with those of the enzymes.

        The proteins are taken one by one, so that the last digits do not depend on other proteins
        that are computed at the same time.

        Args:
            vector: (dimension,).

        Returns:
            (enzymes,) dot products.
        """
        return np.einsum("ij,j->i", self.vectors, vector, dtype=np.float64)

    def outside_fold(self, fold: int | None = None) -> NDArray[np.bool_]:
        """Return which enzymes are outside a training fold.

        Args:
            fold: Number of the fold; None stands for no fold, and then all enzymes are outside.

        Returns:
            (enzymes,) booleans.
        """
        return self.folds != (NO_FOLD if fold is None else fold)

    def vote(
        self, similarity: NDArray[np.float64], left_out: int | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Let the enzymes vote about the labels and the products of a protein.

        The vote is the share of each label among the enzymes of which it is known, weighted by
        similarity, and that of the makers of each product.

        Args:
            similarity: (enzymes,) similarity to the protein.
            left_out: Training fold whose enzymes have no vote; by default all enzymes vote.

        Returns:
            ((labels,) shares; (products,) shares).
        """
        voters = self.outside_fold(left_out)
        distance = np.where(voters, similarity - similarity[voters].max(), -np.inf)
        weight = np.exp(SHARPNESS * distance)
        in_favour = np.einsum("i,ij->j", weight, self.targets)
        asked = np.einsum("i,ij->j", weight, self.known)
        share = in_favour / np.maximum(asked, np.finfo(float).tiny)
        weight = np.exp(PRODUCT_SHARPNESS * distance)
        return share, np.einsum("i,ij->j", weight / weight.sum(), self.makes)

    def nearest(
        self,
        similarity: NDArray[np.float64],
        count: int,
        ensembles: Mapping[int, str],
        called: Collection[str],
        itself: int | None = None,
    ) -> list[Neighbour]:
        """Return the most similar enzymes, the best first; ties stay in the order of the enzymes.

        Args:
            similarity: (enzymes,) cosines.
            count: Number of enzymes to return.
            ensembles: Column of the targets → slug of the ensemble.
            called: Slugs of the ensembles that are called for the protein.
            itself: Index of the enzyme that the protein is, which comes first; None if it is none.
        """
        order = -similarity
        if itself is not None:
            order[itself] = -np.inf
        best = np.argsort(order, kind="stable")[:count]
        called = set(called)
        return [self._neighbour(i, float(similarity[i]), ensembles, called) for i in best]

    def _neighbour(
        self, i: int, similarity: float, ensembles: Mapping[int, str], called: set[str]
    ) -> Neighbour:
        """Return one enzyme as the neighbour of a protein."""
        about = self.about[i]
        similarity = min(1.0, similarity)  # float16 vectors are not exactly of length 1
        own = tuple(name for column, name in ensembles.items() if self.targets[i, column])
        return Neighbour(
            id=about["id"],
            accessions=tuple(about["accessions"]),
            species=tuple(about["species"]),
            products=tuple(about["products"]),
            similarity=similarity,
            identity=float(np.interp(similarity, self.similarities, self.identities)),
            ensembles=own,
            agrees=not called.isdisjoint(own) if called else None,
        )


def typical_identity(
    similarity: NDArray[np.float64], identities: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the identity that is typical of a similarity of two enzymes.

    It is the median over pairs of neighbouring enzymes whose similarity is in the same bin.

    Args:
        similarity: (enzymes, enzymes) cosines.
        identities: (enzymes, enzymes) pairwise identity, 0–1.

    Returns:
        ((points,) similarities, increasing; (points,) identities, never falling).
    """
    # Pairs of each enzyme with its nearest others, one after another: (pairs,).
    count = len(similarity)
    nearest = min(PAIRS_PER_ENZYME, count - 1)
    without_self = similarity - 2 * np.eye(count)
    others = np.argsort(-without_self, axis=1, kind="stable")[:, :nearest]
    pair_similarity = np.take_along_axis(similarity, others, 1).ravel()
    pair_identity = np.take_along_axis(identities, others, 1).ravel()
    # The median identity of every bin that enough pairs are in.
    centres = np.arange(BIN_WIDTH / 2, 1, BIN_WIDTH)
    bins = np.clip((pair_similarity / BIN_WIDTH).astype(int), 0, len(centres) - 1)
    enough = min(PAIRS_PER_ENZYME, len(bins))
    filled = np.flatnonzero(np.bincount(bins, minlength=len(centres)) >= enough)
    medians = np.maximum.accumulate([np.median(pair_identity[bins == k]) for k in filled])
    return (
        np.append(centres[filled], 1).astype(np.float32),
        np.append(medians, 1).astype(np.float32),
    )


def align_neighbours(
    sequence: str, neighbours: Sequence[Neighbour], sequence_of: Mapping[str, str]
) -> tuple[Neighbour, ...]:
    """Return the neighbours of a protein with the alignments of their sequences.

    Args:
        sequence: Residues of the protein.
        neighbours: Its neighbours.
        sequence_of: ID or accession of a characterised enzyme → its sequence.
    """
    from ..family.alignment import align_pairs

    known = {}  # index of a neighbour → its sequence
    for i, neighbour in enumerate(neighbours):
        names = (neighbour.id, *neighbour.accessions)
        known_name = next((name for name in names if name in sequence_of), None)
        if known_name is not None:
            known[i] = sequence_of[known_name]
    alignments = align_pairs(sequence, list(known.values())) if known else {}
    alignment_of = {i: alignments.get(k) for k, i in enumerate(known)}
    return tuple(
        dataclasses.replace(neighbour, alignment=alignment_of.get(i))
        for i, neighbour in enumerate(neighbours)
    )
