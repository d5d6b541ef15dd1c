"""Characterised enzymes in the encoder's space: the nearest ones, and what similar ones vote for."""

import dataclasses
import pathlib

import numpy as np

from ..dataset import reactions
from ..encoders import vector_parts
from ..errors import InputError
from ..family import profiles
from ..io import fasta
from .calibration import log_odds

SHARPNESS = 20.0  # of a vote: an enzyme less similar by 0.05 weighs e times less
NO_FOLD = -1
PAIRS, STEP = (
    20,
    0.05,
)  # neighbours of each enzyme, and width of a bin of similarity, that tell the typical identity
LEAST_SHARE = 0.01  # a vote is no surer than this or its complement


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """A characterised enzyme beside a protein.

    Attributes:
        similarity: Cosine of the two vectors that ``comparable`` gives, at most 1.
        identity: Median identity of pairs of characterised enzymes that are as similar, 0–1.
        ensembles: Slugs of what it makes.
        agrees: Whether it has an ensemble that is called for the protein; None if none is called.
        alignment: profiles.Alignment of the protein with its sequence; None without that, or if they do not align.
    """

    id: str
    accessions: tuple
    species: tuple
    products: tuple
    similarity: float
    identity: float
    ensembles: tuple
    agrees: bool | None
    alignment: profiles.Alignment | None = None


def comparable(embedding, encoder, scaling):
    """Embeddings whose dot product says how alike two proteins are: as they are, or standardised and of length one if their
    axes have no scale of their own; several blocks add up.

    Args:
        embedding: (…, dimension).
        scaling: Of training.Fit.
    """
    parts = []
    for block, columns in vector_parts.columns(encoder.blocks):
        part = embedding[..., columns]
        if block.standardise:
            part = (part - scaling["embedding_mean"][columns]) / scaling["embedding_scale"][columns]
            part = part / length(part)[..., None]
        parts.append(part * np.float32(np.sqrt(block.share)))
    return np.concatenate(parts, -1)


def length(vectors):
    """Length of each vector, (…, dimension) → (…), above 0."""
    return np.maximum(
        np.sqrt(np.einsum("...i,...i->...", vectors, vectors, dtype=np.float64)), 1e-9
    )


@dataclasses.dataclass(frozen=True)
class References:
    """The characterised enzymes a model knows: their vectors, never their sequences.

    Attributes:
        vectors: (enzymes, dimension) float16, length 1.
        about: One dictionary per enzyme: id, accessions, species, products.
        targets: (enzymes, labels) uint8 of 0 and 1.
        folds: (enzymes,) int8 fold of the training in which each is.
        similarities, identities: (points,) float32, what identity a similarity typically means.
    """

    vectors: np.ndarray
    about: list
    targets: np.ndarray
    folds: np.ndarray
    similarities: np.ndarray
    identities: np.ndarray

    @classmethod
    def of(cls, about, vectors, targets, folds, identities):
        """References from vectors.

        Args:
            about: List of dictionaries.
            vectors: (enzymes, dimension), comparable.
            targets: (enzymes, labels).
            folds: (enzymes,).
            identities: (enzymes, enzymes) pairwise identity, 0–1.
        """
        vectors = vectors / length(vectors)[:, None]
        return cls(
            vectors.astype(np.float16),
            about,
            targets.astype(np.uint8),
            np.asarray(folds, np.int8),
            *typical_identity(
                np.einsum("ik,jk->ij", vectors, vectors, dtype=np.float64), identities
            ),
        )

    def similarity(self, vector):
        """(enzymes,) float64 dot product with a comparable vector; the same whatever is computed beside it."""
        return np.einsum("ij,j->i", self.vectors, vector, dtype=np.float64)

    def asked(self, left_out=None):
        """(enzymes,) bool, those outside a fold; all if it is None."""
        return self.folds != (NO_FOLD if left_out is None else left_out)

    def vote(self, similarity, left_out=None):
        """Logit of the share of each label among the enzymes, similar ones weighing more.

        Args:
            similarity: (enzymes,).
            left_out: A fold whose enzymes have no vote.

        Returns:
            (labels,) float64.
        """
        asked = self.asked(left_out)
        weight = np.where(asked, np.exp(SHARPNESS * (similarity - similarity[asked].max())), 0)
        return log_odds(
            np.einsum("i,ij->j", weight / weight.sum(), self.targets).clip(
                LEAST_SHARE, 1 - LEAST_SHARE
            )
        )

    def nearest(self, similarity, count, names, called):
        """The most similar enzymes.

        Args:
            similarity: (enzymes,) cosines.
            names: {column of the targets: ensemble}.
            called: Ensembles that are called for the protein.

        Returns:
            List of Neighbour, best first, ties by order.
        """
        best = np.argsort(-similarity, kind="stable")[:count]
        return [self._neighbour(i, min(1.0, float(similarity[i])), names, called) for i in best]

    def _neighbour(self, i, similarity, names, called):
        about = self.about[i]  # float16 vectors are not quite of length 1, hence the minimum
        ensembles = tuple(name for column, name in names.items() if self.targets[i, column])
        return Neighbour(
            about["id"],
            *(tuple(about[key]) for key in ("accessions", "species", "products")),
            similarity,
            float(np.interp(similarity, self.similarities, self.identities)),
            ensembles,
            not called.isdisjoint(ensembles) if called else None,
        )


def typical_identity(similarity, identities):
    """Median identity of neighbouring enzymes by their similarity, never falling.

    Args:
        similarity, identities: (enzymes, enzymes).

    Returns:
        (similarities, identities): (points,) float32, increasing.
    """
    near = min(PAIRS, len(similarity) - 1)
    others = np.argsort(-(similarity - 2 * np.eye(len(similarity))), axis=1, kind="stable")[
        :, :near
    ]
    pairs = [np.take_along_axis(table, others, 1).ravel() for table in (similarity, identities)]
    centres = np.arange(STEP / 2, 1, STEP)
    bins = np.clip((pairs[0] / STEP).astype(int), 0, len(centres) - 1)
    filled = np.flatnonzero(np.bincount(bins, minlength=len(centres)) >= min(PAIRS, len(bins)))
    medians = np.maximum.accumulate([np.median(pairs[1][bins == k]) for k in filled])
    return np.append(centres[filled], 1).astype(np.float32), np.append(medians, 1).astype(
        np.float32
    )


class Sequences:
    """Sequences of characterised enzymes, given by the user, to align neighbours with.

    Args:
        source: MARTS-DB export (CSV), or FASTA with MARTS-DB ids or accessions, plain or gzip.

    Raises:
        InputError: If it is neither.
    """

    def __init__(self, source):
        if ".csv" in pathlib.Path(source).suffixes:
            enzymes = reactions.from_reactions(reactions.read_reactions(source))
            self._of = {
                name: enzyme.sequence
                for enzyme in enzymes
                for name in (*enzyme.accessions, enzyme.id)
            }
        else:
            self._of = {
                record.id: record.sequence
                for record in fasta.read_fasta(source, "keep")
                if not record.problem
            }
        if not self._of:
            raise InputError.at(source, "no sequence", "a MARTS-DB export or FASTA of its enzymes")

    def aligned(self, sequence, near):
        """Neighbours with their alignments.

        Args:
            sequence: Of the protein.
            near: List of Neighbour.

        Returns:
            List of Neighbour.
        """
        known = {
            i: self._of[name]
            for i, neighbour in enumerate(near)  # the id, if it is there, comes last and stays
            for name in (*neighbour.accessions[::-1], neighbour.id)
            if name in self._of
        }
        found = profiles.align_pairs(sequence, list(known.values())) if known else {}
        by_rank = {i: found.get(k) for k, i in enumerate(known)}
        return [
            dataclasses.replace(neighbour, alignment=by_rank.get(i))
            for i, neighbour in enumerate(near)
        ]
